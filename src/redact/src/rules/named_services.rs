//! Services whose keys have no prefix, known by the name beside them.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "browserstack-access-key",
        description: "BrowserStack, Sauce Labs or LambdaTest access key: runs tests",
        keywords: &["browserstack", "saucelabs", "sauce_access", "lambdatest", "lt_access"],
        pattern: concat!(
            near!(
                r"(?:browserstack|saucelabs|sauce_access|lambdatest|lt_access)[\w .-]{0,16}(?:key|token|secret)"
            ),
            r"([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}|[A-Za-z0-9]{50}|[A-Za-z0-9]{20})\b"
        ),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "BROWSERSTACK_ACCESS_KEY=«ThrqVDQJSM5dI46Te17s»",
            r#"sauce_access_key: "«f97dae41-b5f8-43fd-aea0-3f14169c3eb5»""#,
            "BROWSERSTACK_ACCESS_KEY = «6NhbFd0bTQctKAZDU96ADQod6bQkzHc8hPBwXRXus25fYWSK2V»\n",
        ],
        negatives: &["BROWSERSTACK_ACCESS_KEY=<key>", r#"browserstack_build = "nightly""#],
    },
    Rule {
        id: "civo-api-key",
        description: "Civo API key: controls the account",
        keywords: &["civo"],
        pattern: concat!(near!("civo"), r"([A-Za-z0-9]{50})\b"),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "CIVO_TOKEN=«3MH8QuEkUkFnemXgqV5GjNSdYbncJQfdYBfgmotIdaqdA8x7Gj»",
            r#"civo_api_key: "«fNdR8uDrTvFr0L9uvnC2puX43VhSza2XaZaWnx631JE1hWaAiI»""#,
        ],
        negatives: &["CIVO_TOKEN=<key>", r#"civo_region = "LON1""#],
    },
    Rule {
        id: "exoscale-api-secret",
        description: "Exoscale API secret: controls the account",
        keywords: &["exoscale"],
        pattern: concat!(near!(r"exoscale[\w .-]{0,16}secret"), "([A-Za-z0-9_-]{43})"),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "EXOSCALE_API_SECRET=«KCEtDT5P7AkvDZSU2LggdHROqbw0rWJAAVxsBy9Xe21»",
            r#"exoscale_secret_key: "«Zn5b5gS-7PmJVm5yq_3tEjW0Vb2TW-2wkjlbMV5U61o»""#,
        ],
        negatives: &["EXOSCALE_API_SECRET=<key>", r#"exoscale_zone = "ch-gva-2""#],
    },
    Rule {
        id: "infomaniak-token",
        description: "Infomaniak API token: controls the account",
        keywords: &["infomaniak"],
        pattern: concat!(near!("infomaniak"), "([A-Za-z0-9_-]{60,100})"),
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "INFOMANIAK_TOKEN=«KgCYvinJKuptGzAciULqZ-6EwkFopgboXABCY7b8v5aZi37TVipCo62ovmaQgxxg7krEi1o8RjiMK9nIZZY0_b»",
            r#"infomaniak_api_key: "«WuqfPnR3u5wx1aMY14F342-P2UDQtC-1u-9DUD7NRNDcbotVJLTTegoeTS1N8mLburgIhMRYzDwBfYXSbP6aZ1»""#,
        ],
        negatives: &["INFOMANIAK_TOKEN=<key>", r#"infomaniak_zone = "ch""#],
    },
    Rule {
        id: "fal-api-key",
        description: "fal.ai API key: runs models on the account",
        keywords: &["fal"],
        pattern: concat!(
            near!(r"\bfal[ _.-]?(?:ai|api|key)"),
            r"([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}:[0-9A-Fa-f]{32})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "FAL_KEY=«19a1d979-1014-443e-a2c1-10f6824d23cb:c22c075550e4c3544570a417280182a2»",
            r#"fal_api_key: "«71e8639c-c676-481c-a4fe-6356f30e1eea:223adb3df00a2682e9fdaea6a9931c51»""#,
        ],
        negatives: &["FAL_KEY=<key>", r#"default_fal_key = "f7994d8c""#],
    },
    Rule {
        id: "lark-app-secret",
        description: "Lark or Feishu application secret: acts as the application",
        keywords: &["lark", "feishu"],
        pattern: concat!(near!("(?:lark|feishu)"), r"([A-Za-z0-9]{32})\b"),
        min_entropy: 3.4,
        check: Check::Nothing,
        positives: &[
            "LARK_APP_SECRET=«UZpdiu6rMjuHc2cgCCt9oX8loYytju1O»",
            r#"feishu_app_secret: "«xwF29x3eT9E5tGiWzookQollqmuM1yMz»""#,
        ],
        negatives: &["LARK_APP_SECRET=<key>", r#"lark_app_id = "cli_5dc3319b6652a1f2""#],
    },
    Rule {
        id: "gumroad-miro-token",
        description: "Gumroad or Miro token: reads and changes the account",
        keywords: &["gumroad", "miro"],
        pattern: concat!(
            near!(r"\b(?:gumroad|miro)"),
            r"(eyJtaXJv[A-Za-z0-9_-]{20,120}|[0-9A-Fa-f]{64}\b|[A-Za-z0-9_-]{43}|[A-Za-z0-9]{27,32}\b)"
        ),
        min_entropy: 3.6,
        check: Check::Nothing,
        positives: &[
            "GUMROAD_ACCESS_TOKEN=«12u8XMkjlnvxpjyXo1lbs7o_d0UGCSJIsp_dXpoHFBc»",
            r#"miro_client_secret: "«rnwNReTHKbCrPlsxnPNq7ftG2oAV6me1»""#,
            "GUMROAD_ACCESS_TOKEN = «OIMRXmv5OggZW6iMrZx8EgycpPP»\n",
        ],
        negatives: &["GUMROAD_ACCESS_TOKEN=<key>", r#"mirror_key = "origin""#],
    },
    Rule {
        id: "mux-token-secret",
        description: "Mux token secret: reads and changes videos",
        keywords: &["mux"],
        pattern: concat!(
            near!(r"\bmux[\w .-]{0,16}(?:secret|token)"),
            r"([A-Za-z0-9+/]{75}|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}\b)"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "MUX_TOKEN_SECRET=«J8BS4cu5WRd6UpqckUX8V6yaWPBzZi9GFT6SvCJLJH3uBgn3RUsO6oM7dBVzHXkKlEVnRTluhKZ»",
            r#"mux_token_id: "«097b1ba1-1ced-44c1-a5f9-d0ffb98418fb»""#,
        ],
        negatives: &["MUX_TOKEN_SECRET=<key>", r#"demux_token = "pN8EB6lP""#],
    },
    Rule {
        id: "ollama-api-key",
        description: "Ollama API key: calls models on the account",
        keywords: &["ollama"],
        pattern: concat!(near!("ollama"), r"([0-9A-Fa-f]{32}\.[A-Za-z0-9_-]{20,40})"),
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "OLLAMA_API_KEY=«e436cca21626f2316029e0a13b11cc0f.HPQTQNIPmS4pxErpnzxIgf39»",
            r#"ollama_key: "«aa249c46a963f2e4e1621db1dbf1ee0d.tKmSeCOJE7tb1kJ_jaVmNfoh»""#,
        ],
        negatives: &["OLLAMA_API_KEY=<key>", r#"ollama_model = "llama3""#],
    },
    Rule {
        id: "polymarket-key",
        description: "Polymarket API secret, passphrase or key: trades",
        keywords: &["poly", "clob_"],
        pattern: r#"(?i:polymarket|\bpoly|\bclob_)[\w\s"'=:.-]{0,40}(?i:key|secret|passphrase)[\w\s"'`\\=:,>(|?.-]{1,32}?([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}|[A-Za-z0-9_-]{43}=|0x[0-9A-Fa-f]{64}|[0-9A-Fa-f]{64})"#,
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "POLYMARKET_API_KEY=«23fe8e7f-27fb-4892-a4e9-c190b5ca6c0c»",
            r#"poly_secret: "«0xb2f1775e8e6fecb609c674c857e04284cdc1c9810d585fca767081410aba32af»""#,
            "POLYMARKET_API_KEY = «WXoqBHDI9GKOekCdPDKnVlkHhvhVNHcXQZjivwkPCV4=»\n",
        ],
        negatives: &["POLYMARKET_API_KEY=<key>", "poly_key_points = 12"],
    },
    Rule {
        id: "wiz-client-secret",
        description: "Wiz client secret: reads findings",
        keywords: &["wiz"],
        pattern: concat!(near!(r"(?:\b|_)wiz"), r"([A-Za-z0-9]{64}|[A-Za-z0-9]{52,56})\b"),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "WIZ_CLIENT_SECRET=«psuXVPVec0iOAo5OCL2daz1t70jZtZu8BrFv09DayoanACz9VyuxnZk8erHUJnuD»",
            r#"wiz_client_id: "«mwscuhabpqz2yeq0x7icgfnq6ftzsyu7fy9jruvd7bklxmphvqj3r»""#,
        ],
        negatives: &["WIZ_CLIENT_SECRET=<key>", r#"wizard_id = "g1z10HVi""#],
    },
    Rule {
        id: "zoho-client-secret",
        description: "Zoho client secret: acts as the application",
        keywords: &["zoho"],
        pattern: concat!(
            near!("zoho"),
            r"(100[0-9]\.[0-9A-Fa-f]{32,64}(?:\.[0-9A-Fa-f]{32})?(?:-d)?|[0-9A-Fa-f]{42}\b|[A-Za-z0-9._-]{40,150})"
        ),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "ZOHO_CLIENT_SECRET=«26a839ad5c9bbba666c42d5413cff5036b45be1b28»",
            r#"zoho_zapi_key: "«K1ggCoihtth42gD5XCvegwpQUgvjKzXR79pIUU9dGBne8gMv2mtx7uqsDxdb»""#,
        ],
        negatives: &["ZOHO_CLIENT_SECRET=<key>", r#"zoho_region = "eu""#],
    },
    Rule {
        id: "weatherstack-key",
        description: "Weather or currency key of the apilayer family",
        keywords: &[
            "weatherstack",
            "aviationstack",
            "currencylayer",
            "fixerio",
            "fixer_io",
            "mediastack",
            "marketstack",
            "apilayer",
        ],
        pattern: concat!(
            near!(
                "(?:weatherstack|aviationstack|currencylayer|fixer_?io|mediastack|marketstack|apilayer)"
            ),
            r"([A-Za-z0-9]{32})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "WEATHERSTACK_ACCESS_KEY=«c0ffb6eeac52d7c012fe4bd81b67f921»",
            r#"apilayer_key: "«MJjmk0xWQ4lfRcU16hWlL60R3DApXbzM»""#,
        ],
        negatives: &["WEATHERSTACK_ACCESS_KEY=<key>", r#"weatherstack_units = "m""#],
    },
    Rule {
        id: "web-service-key",
        description: "Disqus, FullStory or data.gov key beside its name",
        keywords: &[
            "disqus",
            "fullstory",
            "fs_api",
            "datagov",
            "data.gov",
            "data_gov",
            "sslmate",
            "greptile",
            "instantly",
            "lighton",
            "paradigm",
        ],
        pattern: concat!(
            near!(
                r"(?:disqus|fullstory|\bfs_api|data[_.]?gov|sslmate|greptile|instantly|lighton|paradigm)"
            ),
            r"((?:na1|eu1)\.[A-Za-z0-9+/=]{20,120}|[A-Za-z0-9+/]{66}==|[A-Za-z0-9+/]{48}\b|[A-Za-z0-9_-]{36,80})"
        ),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "DISQUS_API_SECRET=«iKJkNVK3Ip0olZxMHSg7vv0nAtSP2Y8AZ3Ph4UcECnUm5MRkCTNKRQrhdMuulhx1»",
            r#"greptile_api_key: "«OCMqtfZPksYvLKNaG7zDlKiakU53wZly6e5nqhOtNeEZ»""#,
            "DISQUS_API_SECRET = «na1.guxvmlqwLiZXHgrc/Zu5tGy1kc/x3nVyegq4yNbLwqyXGpVsgcsOEU9zv53d»\n",
        ],
        negatives: &["DISQUS_API_SECRET=<key>", r#"disqus_shortname = "acme""#],
    },
    Rule {
        id: "hcp-client-secret",
        description: "HashiCorp Cloud Platform client secret: controls the organization",
        keywords: &["hcp"],
        pattern: concat!(
            near!("hcp_client_(?:secret|id)"),
            r"([A-Za-z0-9._~-]{64}|[A-Za-z0-9]{32}\b)"
        ),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "HCP_CLIENT_SECRET=«oJ6UTI9-mjBKWPNS7iaPuPrVFGGXdumC2wnsO6y2aa1ROBCFTTniwxivoYNUhdcO»",
            r#"hcp_client_id: "«Li20yONcdWLNOhhhPbEmNPxxLW9yldU8»""#,
        ],
        negatives: &["HCP_CLIENT_SECRET=<key>", r#"dhcp_id = "125b9da1""#],
    },
    Rule {
        id: "bitbucket-data-center-token",
        description: "Bitbucket Data Center HTTP access token: acts for a user",
        keywords: &["bitbucket"],
        pattern: concat!(
            near!(r"bitbucket[\w .-]{0,20}(?:token|bearer|password)"),
            "([MNO][A-Za-z0-9+/]{43})"
        ),
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "BITBUCKET_TOKEN=«M5x19wR75tRB3eQlTHMgvBy6154bXSxbyoRuHSuli1OQ»",
            r#"bitbucket_http_token: "«OQvnD3oJfH1xJorArdEv0kUyB1lweNcAyItaVHgJtzO7»""#,
        ],
        negatives: &["BITBUCKET_TOKEN=<key>", r#"bitbucket_token = "MREhknpJE8VDNDUVQaBb""#],
    },
    Rule {
        id: "temporal-snowflake-token",
        description: "Temporal Cloud or Snowflake token in JWT form",
        keywords: &["temporal", "snowflake", "sftoken", "sf_token", "sf-token", "sf token"],
        pattern: concat!(
            near!(
                r"(?:temporal[\w .-]{0,16}(?:key|token)|snowflake[\w .-]{0,16}(?:key|token|pat)|\bsf[ _-]?token)"
            ),
            r"(eyJ[A-Za-z0-9_-]{20,200}\.eyJ[A-Za-z0-9_-]{20,1200}\.[A-Za-z0-9_-]{40,700}|[A-Za-z0-9_-]{100,500})"
        ),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "TEMPORAL_API_KEY=«eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1c2VyLTMwMTQxMiIsImlhdCI6MTc2NzA0OTE1OH0.L0OnxPET7rFCwvJLyNONFgPYyyuH6upiN7dncI0F0Bj»",
            r#"snowflake_pat: "«eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1c2VyLTE4ODM5NyIsImlhdCI6MTc2NzEzOTU0NH0.3t6UKG8Bvbq8Ez2px9Snk3KvnGUat-zyql05tZjXbQs»""#,
        ],
        negatives: &["TEMPORAL_API_KEY=<key>", r#"temporal_namespace = "acme""#],
    },
    Rule {
        id: "jumpcloud-api-key",
        description: "JumpCloud API key: manages users and devices",
        keywords: &["jumpcloud"],
        pattern: concat!(near!("jumpcloud"), r"((?:jca_)?[A-Za-z0-9]{36,40})\b"),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "JUMPCLOUD_API_KEY=«3d0b71757edeedbb154d71643ae071479dbfb3ca»",
            r#"jumpcloud_key: "«jca_jRHkZ00HLVUsF9YrXEbJACKyIgc71PhyJi10»""#,
        ],
        negatives: &["JUMPCLOUD_API_KEY=<key>", r#"jumpcloud_org = "b82487b14d012ab972623e3a""#],
    },
    Rule {
        id: "couchbase-capella-key",
        description: "Couchbase Capella API key: controls clusters",
        keywords: &["capella", "couchbase"],
        pattern: r#"(?i:capella|couchbase)[\w\s"'=:.-]{0,48}["'\s=:>]([A-Za-z0-9+/]{40,120}={0,2}|[A-Za-z0-9]{32}\b)"#,
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "CAPELLA_API_KEY=«rB0HZGfy6kcQoQt6ZDlpEcx+YlHTotBmOjF4Z8lB1zNLXDvi4fJVZHro7KPv2NuTpaUGiDYbKisidiKPTh2SXz==»",
            r#"couchbase_secret: "«EH6MHDXE6aLvYH6xEYhgIBwghxHf0YxW»""#,
        ],
        negatives: &["CAPELLA_API_KEY=<key>", r#"couchbase_bucket = "orders""#],
    },
    Rule {
        id: "uuid-service-key",
        description: "Pinecone or WakaTime key in UUID form",
        keywords: &["pinecone", "wakatime", "waka_time", "waka-time"],
        pattern: concat!(
            near!(r"(?:pinecone|waka[_-]?time)[\w .-]{0,16}(?:key|token|secret)"),
            r"([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "PINECONE_API_KEY=«3c294c1f-f300-4fbb-aa7d-ed916be26e13»",
            r#"wakatime_api_key: "«3f634323-09b0-43ec-a117-25fdc81e6565»""#,
        ],
        negatives: &["PINECONE_API_KEY=<key>", r#"pinecone_index = "products""#],
    },
    Rule {
        id: "telnyx-upstage-key",
        description: "Telnyx or Upstage key beside its name",
        keywords: &["telnyx", "upstage"],
        pattern: concat!(
            near!("(?:telnyx|upstage)"),
            r"(KEY[A-Za-z0-9_-]{40,70}|[A-Za-z0-9]{40,64}\b)"
        ),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "TELNYX_API_KEY=«KEYNBay9yckKGtjUVn8tLACOBxu8P4wt3pA4uMIucx1mJVtMBG4elDj376»",
            r#"upstage_api_key: "«zGUoiorT2DvVEEL4aVrkPXe7urFz4R3V0rxIVIuX»""#,
        ],
        negatives: &["TELNYX_API_KEY=<key>", r#"telnyx_profile = "voice""#],
    },
    Rule {
        id: "figma-named-token",
        description: "Figma token in the older format, beside its name",
        keywords: &["figma"],
        pattern: concat!(
            near!("figma"),
            r"([0-9]{4,6}-[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}|[0-9A-F]{4}-[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "FIGMA_TOKEN=«961189-bbdb33f3-ed60-4b0e-a8bc-880725bc965a»",
            r#"figma_token: "«63875-53a982b2-fd8c-4c40-ae7d-d24f6324f25e»""#,
        ],
        negatives: &["FIGMA_TOKEN=<key>", r#"figma_file = "nf3MhrdqHU9QoSC9eYcmis""#],
    },
    Rule {
        id: "cloudinary-api-secret",
        description: "Cloudinary API secret beside its name: manages media",
        keywords: &["cloudinary"],
        pattern: r#"(?i:cloudinary)[\w\s"'=:.-]{0,40}(?i:secret|private)["'\s=:>\w.-]{1,24}?([A-Za-z0-9]{32}|[A-Za-z0-9_-]{27})(?:["'`\s;,\\]|$)"#,
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "CLOUDINARY_API_SECRET=«VlYjSnaWZfezCGGeM7S-DHhD3Jj»",
            r#"cloudinary.config. api_secret: "«Fv3ALf_IWkvJOKSoeqDaatBg6aH»""#,
        ],
        negatives: &["CLOUDINARY_API_SECRET=<secret>", r#"cloudinary_secret = load("cloudinary")"#],
    },
];

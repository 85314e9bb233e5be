//! Services whose keys have no prefix, known by the name beside them.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "browserstack-access-key",
        description: "BrowserStack, Sauce Labs or LambdaTest access key: runs tests",
        keywords: &["browserstack", "saucelabs", "sauce_access", "lambdatest", "lt_access"],
        pattern: concat!(
            near!(r"(?:browserstack|saucelabs|sauce_access|lambdatest|lt_access)[\w .-]{0,16}key"),
            r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[A-Za-z0-9]{50}|[A-Za-z0-9]{20})\b"
        ),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "BROWSERSTACK_ACCESS_KEY=«OqJeTksnRZ53kHOkRsKy»",
            r#"sauce_access_key: "«4c7e438d-d448-4890-a725-1ec702d78118»""#,
            "BROWSERSTACK_ACCESS_KEY = «mks7Bd533NCHrWPyFWIupFpw0dFCfrAPr7p0c3GrYnUaCTOhkC»\n",
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
            "CIVO_TOKEN=«7VQJjcsTq0L1hKiyTreciGlVy06Xv6JcDsmAFiISKcCzo8KDhk»",
            r#"civo_api_key: "«9aqre5cfE45GZJyuwVHgWylD84YNjEkjVEcH3uyLSTYGjf1T88»""#,
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
            "EXOSCALE_API_SECRET=«UQMPkzBqlEPN0NC9REo9A6EGmhKXTIb_SPPUA8bem9y»",
            r#"exoscale_secret_key: "«NxMEttjU9AW9whYp2DW5YqRXEGEnQrhuNaz8bsj6pFT»""#,
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
            "INFOMANIAK_TOKEN=«7_Ay5KgWmiRr0XnCoHkFYLq7VTw5Lpz0CuVEp65DzUE0k5bSKGoHobtZOAq90hPtCUWVUpbgJm74TkfMKSoTQc»",
            r#"infomaniak_api_key: "«0p3oF3fZvAE7bjRWUuILyPPIT9-QsXaTSW2uyC33bLDEye17Rgsnz_yqPMt9UHvrCRBYvG50MR0nvMTxo3MchN»""#,
        ],
        negatives: &["INFOMANIAK_TOKEN=<key>", r#"infomaniak_zone = "ch""#],
    },
    Rule {
        id: "fal-api-key",
        description: "fal.ai API key: runs models on the account",
        keywords: &["fal"],
        pattern: concat!(
            near!(r"\bfal[_-]?(?:ai)?[\w .-]{0,8}key"),
            r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}:[0-9a-f]{32})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "FAL_KEY=«c5af58e3-a4c9-4d80-a33d-264b6126cf59:78d4aad45486143c5882cd839df83ad2»",
            r#"fal_api_key: "«ad5299da-5772-4e97-a8df-6e229e9c3637:ef7c11963ade558230a316a6a5d3b63b»""#,
        ],
        negatives: &["FAL_KEY=<key>", r#"default_fal_key = "d0c81fa8""#],
    },
    Rule {
        id: "lark-app-secret",
        description: "Lark or Feishu application secret: acts as the application",
        keywords: &["lark", "feishu"],
        pattern: concat!(near!("(?:lark|feishu)"), r"([A-Za-z0-9]{32})\b"),
        min_entropy: 3.4,
        check: Check::Nothing,
        positives: &[
            "LARK_APP_SECRET=«M7QpqwvmpbGSMlHYUIvSxGA0AqWmufxu»",
            r#"feishu_app_secret: "«gqXJQnHHaar0CyijNJSQYOr9kWlE9uyB»""#,
        ],
        negatives: &["LARK_APP_SECRET=<key>", r#"lark_app_id = "cli_a226922aad63dc8b""#],
    },
    Rule {
        id: "gumroad-miro-token",
        description: "Gumroad or Miro token: reads and changes the account",
        keywords: &["gumroad", "miro"],
        pattern: concat!(
            near!(r"(?:gumroad|miro)[\w .-]{0,16}(?:token|secret|key)"),
            "(eyJ[A-Za-z0-9_-]{20,120}|[A-Za-z0-9_-]{27,64})"
        ),
        min_entropy: 3.6,
        check: Check::Nothing,
        positives: &[
            "GUMROAD_ACCESS_TOKEN=«noM_0uAO5f-LXE9dk7yJLNtU18aHFL9yY3cD5DWtgnW»",
            r#"miro_client_secret: "«XHbcICsNcHrdF9p1mVbrxDesgtf0dyYR»""#,
            "GUMROAD_ACCESS_TOKEN = «7lcm28qOeu7VDS1Wr7Mn3fF73FV»\n",
        ],
        negatives: &["GUMROAD_ACCESS_TOKEN=<key>", r#"mirror_key = "origin""#],
    },
    Rule {
        id: "mux-token-secret",
        description: "Mux token secret: reads and changes videos",
        keywords: &["mux"],
        pattern: concat!(
            near!(r"\bmux[\w .-]{0,16}(?:secret|token)"),
            r"([A-Za-z0-9+/]{75}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b)"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "MUX_TOKEN_SECRET=«p6dCEeZnMjEVGwQQTd/1y3zcHWS9cu3wYT38hHWz9WHCL24B363rgwD8oG/z8BbVL6ysTSQLHfw»",
            r#"mux_token_id: "«8af2b40d-1626-4dde-a09c-c4e62ffdd38a»""#,
        ],
        negatives: &["MUX_TOKEN_SECRET=<key>", r#"demux_token = "zOHHENU7""#],
    },
    Rule {
        id: "ollama-api-key",
        description: "Ollama API key: calls models on the account",
        keywords: &["ollama"],
        pattern: concat!(near!(r"ollama[\w .-]{0,8}key"), r"([0-9a-f]{32}\.[A-Za-z0-9_-]{20,40})"),
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "OLLAMA_API_KEY=«079b7f05a293ee388e129f97dae41b5f.gceM1616DhcuYep2SOKlP9uu»",
            r#"ollama_key: "«f626384106121d236791081db421ae8a.DT5P7AkvDZSU2LggdHROqbw0»""#,
        ],
        negatives: &["OLLAMA_API_KEY=<key>", r#"ollama_model = "llama3""#],
    },
    Rule {
        id: "polymarket-key",
        description: "Polymarket API secret, passphrase or key: trades",
        keywords: &["polymarket", "poly_", "clob_"],
        pattern: concat!(
            near!(r"(?:polymarket|\bpoly_|\bclob_)[\w .-]{0,16}(?:key|secret|passphrase)"),
            "([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[A-Za-z0-9_-]{43}=|(?:0x)?[0-9a-f]{64})"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "POLYMARKET_API_KEY=«4c866b54-66fc-4ddc-ae0e-1bfea38b3e64»",
            r#"poly_secret: "«0xfd472cdb0dbcfd522209bebed3917c5238953486602b94cfe752733103c667ce»""#,
            "POLYMARKET_API_KEY = «b8v5aZi37TVipCo62ovmaQgxxg7krEi1o8RjiMK9nIZ=»\n",
        ],
        negatives: &["POLYMARKET_API_KEY=<key>", "poly_key_points = 12"],
    },
    Rule {
        id: "wiz-client-secret",
        description: "Wiz client secret: reads findings",
        keywords: &["wiz"],
        pattern: concat!(
            near!(r"\bwiz[\w .-]{0,16}(?:secret|id)"),
            r"([A-Za-z0-9]{64}|[a-z0-9]{52,53})\b"
        ),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "WIZ_CLIENT_SECRET=«MXzz4VAFaykHHicJu46QGgvBkWOCllAat0zOYSAC0pBCBIFu1B14MxovjoFU0AkF»",
            r#"wiz_client_id: "«4ox6o3tvtob8ahjx7rs87wwcd77hcww0t4gsakidrdtv9z7molncz»""#,
        ],
        negatives: &["WIZ_CLIENT_SECRET=<key>", r#"wizard_id = "ywUauDI9""#],
    },
    Rule {
        id: "zoho-client-secret",
        description: "Zoho client secret: acts as the application",
        keywords: &["zoho"],
        pattern: concat!(
            near!(r"zoho[\w .-]{0,16}(?:secret|key)"),
            r"([0-9a-f]{42}|[A-Za-z0-9._-]{40,150})\b"
        ),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "ZOHO_CLIENT_SECRET=«0cd19a1d9791014443e32c110f6824d23cbc22c075»",
            r#"zoho_zapi_key: "«66l4JkTNR9bCVjMOyhliiYkKoYauSKULG0id1ofqbdr9fueoJdDrngtyzmoO»""#,
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
            "WEATHERSTACK_ACCESS_KEY=«6f81c34fe6356f30e1eea223adb3df00»",
            r#"apilayer_key: "«uen8qfCtIESSK2A1vCPTvHm5HXITut6Q»""#,
        ],
        negatives: &["WEATHERSTACK_ACCESS_KEY=<key>", r#"weatherstack_units = "m""#],
    },
    Rule {
        id: "web-service-key",
        description: "Disqus, FullStory or data.gov key beside its name",
        keywords: &[
            "disqus",
            "fullstory",
            "datagov",
            "data_gov",
            "sslmate",
            "greptile",
            "instantly",
            "lighton",
            "paradigm_api",
        ],
        pattern: concat!(
            near!(
                r"(?:disqus|fullstory|data_?gov|sslmate|greptile|instantly|lighton|paradigm_api)[\w .-]{0,16}(?:key|secret|token)"
            ),
            r"((?:na1|eu1)\.[A-Za-z0-9+/=]{40,120}|[A-Za-z0-9]{64}|[A-Za-z0-9+/=_.-]{30,120})"
        ),
        min_entropy: 3.6,
        check: Check::Nothing,
        positives: &[
            "DISQUS_API_SECRET=«s5hcykcEoH6stGiA1JryUZpdiu6rMjuHc2cgCCt9oX8loYytju1OxwF29x3eT9E5»",
            r#"greptile_api_key: "«tGiWzookQollqmuM1yMz9X41TQ32lBX2zh6Thdt728YQ»""#,
            "DISQUS_API_SECRET = «na1.VyzuiPh/i12u8XMkjlnvxpjyXo1lbs7o+d0UGCSJIsp+dXpoHFBcJBSic5Ix»\n",
        ],
        negatives: &["DISQUS_API_SECRET=<key>", r#"disqus_shortname = "acme""#],
    },
    Rule {
        id: "hcp-client-secret",
        description: "HashiCorp Cloud Platform client secret: controls the organization",
        keywords: &["hcp"],
        pattern: concat!(
            near!(r"hcp[\w .-]{0,8}(?:secret|id)"),
            r"([A-Za-z0-9_-]{64}|[A-Za-z0-9]{32})\b"
        ),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "HCP_CLIENT_SECRET=«KUBGkMC0zjOIMRXmv5OggZW6iMrZx8EgycpPPJ8BS4cu5WRd6UpqckUX8V6yaWPB»",
            r#"hcp_client_id: "«2mzeERTG7qS5pwDLwkHWT7orsrQqBknd»""#,
        ],
        negatives: &["HCP_CLIENT_SECRET=<key>", r#"dhcp_id = "3dab4ae3""#],
    },
    Rule {
        id: "bitbucket-data-center-token",
        description: "Bitbucket Data Center HTTP access token: acts for a user",
        keywords: &["bitbucket"],
        pattern: concat!(
            near!(r"bitbucket[\w .-]{0,20}(?:token|bearer|password)"),
            r"([MNO][A-Za-z0-9+/]{43})(?:\b|=)?"
        ),
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "BITBUCKET_TOKEN=«MtJD4R5LY8ObnJxm3q5yLfs4f3pZxg5vwf1kdsMza8sV»",
            r#"bitbucket_http_token: "«Oo90x3cwWT5v5cNcGZyUCH2BFiY7QRzdmlEtUAbXEE2w»""#,
        ],
        negatives: &["BITBUCKET_TOKEN=<key>", r#"bitbucket_token = "tZriRXdrF1wpN8EB6lPU""#],
    },
    Rule {
        id: "temporal-snowflake-token",
        description: "Temporal Cloud or Snowflake token in JWT form",
        keywords: &["temporal", "snowflake"],
        pattern: concat!(
            near!(r"(?:temporal|snowflake)[\w .-]{0,16}(?:key|token|pat)"),
            r"(eyJ[A-Za-z0-9_-]{20,200}\.eyJ[A-Za-z0-9_-]{20,1200}\.[A-Za-z0-9_-]{40,700})"
        ),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "TEMPORAL_API_KEY=«eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1c2VyLTcyODE4MyIsImlhdCI6MTc2NzQxNjgyMX0.ZOjezjz9jphBblM5bQhnUghYWb_HPQTQNIPmS4pxErp»",
            r#"snowflake_pat: "«eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1c2VyLTEzMjQwMCIsImlhdCI6MTc2NzQ1NzY5M30.9RQktLZqzPMBm9j4r6hAlg3Se3S9g56c1tKmSeCOJE7»""#,
        ],
        negatives: &["TEMPORAL_API_KEY=<key>", r#"temporal_namespace = "acme""#],
    },
    Rule {
        id: "rainforest-proof-key",
        description: "Rainforest or Proof API key: charges or signs",
        keywords: &["rainforest", "proof", "notarize"],
        pattern: concat!(
            near!(r"(?:rainforest|proof|notarize)[\w .-]{0,16}key"),
            r"((?:apikey_)?[0-9a-f]{40,100}|[A-Za-z0-9]{24,40})\b"
        ),
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "RAINFOREST_API_KEY=«apikey_40d28f20b3913123fe8e7f27fbe89204e9c190b5ca6c0cb2f1775e8e6fecb609»",
            r#"proof_api_key: "«UzP5mpjTzrSkOpCaWHjSfqjz»""#,
        ],
        negatives: &["RAINFOREST_API_KEY=<key>", r#"proof_key = "short""#],
    },
    Rule {
        id: "couchbase-capella-key",
        description: "Couchbase Capella API key: controls clusters",
        keywords: &["capella", "couchbase"],
        pattern: concat!(
            near!(r"(?:capella|couchbase)[\w .-]{0,16}(?:key|secret|token)"),
            "([A-Za-z0-9+/]{40,120}={0,2}|[A-Za-z0-9]{32})"
        ),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "CAPELLA_API_KEY=«2WhZLIfd2vGv/XQCBFbJhtfcQTRojP9WXoqBHDI9GKOekCdPDKnVlkHhvhVNHcXQZjivwkPCV4FKPjer1C5gaZ==»",
            r#"couchbase_secret: "«1t70jZtZu8BrFv09DayoanACz9VyuxnZ»""#,
        ],
        negatives: &["CAPELLA_API_KEY=<key>", r#"couchbase_bucket = "orders""#],
    },
];

//! Forms, content, design and documentation.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "typeform-token",
        description: "Typeform token: reads answers",
        keywords: &["tfp_"],
        pattern: r"\btfp_[A-Za-z0-9_=.-]{44,70}",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "TYPEFORM_TOKEN=«tfp_VxDA2gqmEvCj3gv_lbKIAOt7jeXkPqNjcU_o_LFV3TvefYNbGoOp5XGbPBc»",
            "Bearer «tfp_vRTefOKmMdNqO3E68lZRj27kvByL2Do6BhXaWtd8saUg_cOiM1i2EIa3Rvv»",
        ],
        negatives: &["TYPEFORM_TOKEN=tfp_xxx", "tfp_NdkrLXoNk6"],
    },
    Rule {
        id: "contentful-token",
        description: "Contentful management token",
        keywords: &["cfpat-"],
        pattern: r"\bCFPAT-[A-Za-z0-9_-]{43}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "CONTENTFUL_MANAGEMENT_TOKEN=«CFPAT-mBVarrKgA8T7Mmz8L4Ey7ywJehjQhkRxtyGRfMp77cn»",
            "Bearer «CFPAT-HTB1JGjFOr8Qv0FLvohaYq69aOHvpJcRyqVX7jTUdkJ»",
        ],
        negatives: &["CONTENTFUL_MANAGEMENT_TOKEN=CFPAT-xxx", "CFPAT-x1Jk8AU1NA"],
    },
    Rule {
        id: "contentful-delivery-token",
        description: "Contentful delivery or preview token beside its name",
        keywords: &["contentful"],
        pattern: concat!(near!("contentful"), "([A-Za-z0-9_-]{43})"),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "CONTENTFUL_ACCESS_TOKEN=«uQzH2lv2Aiv2uyA-I3i7tkcvaV2mvRuMfGb4hhqjrvg»",
            r#"contentful_preview: "«y3om3OhciSi0AdOR5eLVPDaVIqLNBNoKV1NcIQaogTF»""#,
        ],
        negatives: &["CONTENTFUL_ACCESS_TOKEN=<token>", r#"contentful_space = "d4qjt0bu6lin""#],
    },
    Rule {
        id: "content-service-token",
        description: "Token of a content service beside its name",
        keywords: &["storyblok", "datocms", "prismic", "sanity", "strapi", "ghost_", "hygraph"],
        pattern: concat!(
            near!(
                r"(?:storyblok|datocms|prismic|sanity|strapi|\bghost_(?:admin|api|content)|hygraph)[\w .-]{0,20}(?:key|token|secret)"
            ),
            r"([0-9a-f]{24}:[0-9a-f]{64}|(?:sk)?[A-Za-z0-9_-]{22,256})(?:\b|=)?"
        ),
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "SANITY_API_TOKEN=«skDSWpEQ0vcUmiboFEIomD0Iq4RHPvLhkNtrfVui5ubOp6ZfNrwbv1Ho1cbs8diaY9fDr0w5K1TUjxZc0eKybHu6HWJvaLBBg1EDAmt1N1YYg4fBsQf7dcWxQpC1RqNiIgXAIcdC6TDUNnLRuUcAe01nkYwMK5en3WD1uOaj0dtsdCa3NfLk»",
            "GHOST_ADMIN_API_KEY=«c78772fd81e4666c0e59bfcf:39414d6921664617b8736e8135c8e0d97b9807a907570d20e34f86d9a3dcb5fc»",
            r#"storyblok_token: "«XMtrGqLEFI5xVGCN5goOeutt»""#,
        ],
        negatives: &["SANITY_API_TOKEN=<token>", "sanity_token = process.env.SANITY_TOKEN"],
    },
    Rule {
        id: "readme-api-key",
        description: "ReadMe API key: changes documentation",
        keywords: &["rdme_"],
        pattern: r"\brdme_[a-z0-9]{70}\b",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "README_API_KEY=«rdme_12aq8eb5tzvljveu8zrv07y4wfnzbroyrbubwdl8jxc0iuwiof7opvvqckcjk9b98xh2qk»",
            "rdme login --key «rdme_xl4qxaly5iqfc8iukadezz3j0atrk51xnv6fl0nb7c1o1wpq3hmw2qmk0qimjvaipr30rf»",
        ],
        negatives: &["README_API_KEY=rdme_xxx", "rdme_td92co4087"],
    },
    Rule {
        id: "postman-api-key",
        description: "Postman API key: reads collections and environments",
        keywords: &["pmak-"],
        pattern: r"\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "POSTMAN_API_KEY=«PMAK-2ebfff59faa68fac99d606d3-981efbf9fca1307d6dd535acf027cb8cbb»",
            "X-Api-Key: «PMAK-788c8f1474bff9b8914c539d-97b1a78ebc4b09e6d7c4a47f50588a8abd»",
        ],
        negatives: &["POSTMAN_API_KEY=PMAK-xxx", "PMAK-6d3f7def35d10b43cff4aa7d"],
    },
    Rule {
        id: "postman-collection-token",
        description: "Postman collection access token",
        keywords: &["pmat-"],
        pattern: r"\bPMAT-[A-Z0-9]{26}\b",
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "?access_key=«PMAT-W667PCACT2NLMAGXNMG0SHK4XC»",
            r#"key: "«PMAT-P0L8ZXGHQEZUFG7EKNXSB5WCRV»""#,
        ],
        negatives: &["?access_key=PMAT-XXX", "PMAT-LPM0H7Y3WN"],
    },
    Rule {
        id: "translation-service-token",
        description: "Token of a translation service beside its name",
        keywords: &["lokalise", "crowdin", "transifex", "phrase_", "poeditor", "tx_token"],
        pattern: concat!(
            near!(
                r"(?:lokalise|crowdin|transifex|\bphrase_|poeditor|\btx_token)[\w .-]{0,16}(?:key|token)?"
            ),
            r"([0-9a-f]{80}|[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32}|1/[0-9a-f]{40})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "CROWDIN_PERSONAL_TOKEN=«235b726b786f83193c19427b33ac975a69aae0f42a83a701f9021e5e3ffdc886ae797c218a974b05»",
            "TX_TOKEN=«1/f066009e197321e926ca1f95b5ae21f2e791cb2a»",
            r#"lokalise_api_token: "«c0fb4c22af46fa0b2952b43f1647148063508698»""#,
        ],
        negatives: &["CROWDIN_PERSONAL_TOKEN=<token>", r#"crowdin_project = "shop""#],
    },
    Rule {
        id: "calendly-token",
        description: "Calendly token beside its name",
        keywords: &["calendly"],
        pattern: concat!(
            near!("calendly"),
            r"(eyJ[A-Za-z0-9_-]{10,200}\.eyJ[A-Za-z0-9_-]{20,800}\.[A-Za-z0-9_-]{20,100}|[A-Za-z0-9_-]{43})"
        ),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "CALENDLY_TOKEN=«eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1c2VyLTY3NDk0NiIsImlhdCI6MTc2NzQwMzEyNn0.Qc42WGPZm4L6ZTuAegKi-EtofwX0q8TQeWJnEkCXi5w»",
            r#"calendly_client_secret: "«JIkwr94yoV1oq_TIoP9DxmV_lebZUdjDc5n1qfvz4RN»""#,
        ],
        negatives: &["CALENDLY_TOKEN=<token>", r#"calendly_url = "https://calendly.com/acme""#],
    },
    Rule {
        id: "frameio-token",
        description: "Frame.io token: reads and writes media",
        keywords: &["fio-u-"],
        pattern: r"\bfio-u-[A-Za-z0-9_=-]{64}",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "FRAMEIO_TOKEN=«fio-u-cWSGcUOp4SCBQiytcLyT-qUxiLLE4vHO2OXSi7smSbetvU47NvFucQ4Ch9_A14LS»",
            "Bearer «fio-u-6ItCZAb6qrH8lrrKe448Xzvz6nkVtXwoAd2lWNpOXJA9MUmyRPmjyafn3at-SUXr»",
        ],
        negatives: &["FRAMEIO_TOKEN=fio-u-xxx", "fio-u-UjH9rOVy4Ic2fYWowG4o"],
    },
    Rule {
        id: "adobe-client-secret",
        description: "Adobe client secret",
        keywords: &["p8e-", "p8-"],
        pattern: r"\bp8e?-[A-Za-z0-9_-]{32}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "ADOBE_CLIENT_SECRET=«p8e-Sv8UwwVP3lg_vEY5J72Nbw-_G1purxLl»",
            r#"client_secret: "«p8-FODnf7cnLYxIIiKEemLSrvUhz91ziw-e»""#,
        ],
        negatives: &["ADOBE_CLIENT_SECRET=p8e-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "p8-9LVmbGWf8T"],
    },
    Rule {
        id: "adobe-client-id",
        description: "Adobe client id or key beside its name",
        keywords: &["adobe"],
        pattern: concat!(near!("adobe"), r"([0-9a-f]{32})\b"),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "ADOBE_CLIENT_ID=«6aff17772b9260ef3d461e1ea4ef76c6»",
            r#"adobe_api_key: "«a43e9663e3112be36906f034120a5e71»""#,
        ],
        negatives: &["ADOBE_CLIENT_ID=<id>", r#"adobe_region = "eu""#],
    },
    Rule {
        id: "beamer-token",
        description: "Beamer API token: posts announcements",
        keywords: &["beamer"],
        pattern: concat!(near!("beamer"), "(b_[A-Za-z0-9=_-]{44})"),
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "BEAMER_API_KEY=«b_WFHChCznlivPN7Cok5naEMnh2_NkIvovlrpcp8rccKng»",
            r#"beamer_token: "«b_RbNmyNsO_agEPMkpaTVodDi0rmduqqWRspxP2ocWg4jD»""#,
        ],
        negatives: &["BEAMER_API_KEY=b_xxx", r#"beamer_id = "PhFC32Ag""#],
    },
];

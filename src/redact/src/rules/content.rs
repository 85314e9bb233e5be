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
            "TYPEFORM_TOKEN=«tfp_jeXkPqNjcU_o_LFV3TvefYNbGoOp5XGbPBcQjkyhH8wsvQ2W7C2oaMgLame»",
            "Bearer «tfp_OiM1i2EIa3RvvNdkrLXoNk6gUPHROnxaiVWisXdnLE6N_vOcH3tMh8DDTb1»",
        ],
        negatives: &["TYPEFORM_TOKEN=tfp_xxx", "tfp_FfAUzfwSg9"],
    },
    Rule {
        id: "contentful-token",
        description: "Contentful management token",
        keywords: &["cfpat-"],
        pattern: r"\bCFPAT-[A-Za-z0-9_-]{43}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "CONTENTFUL_MANAGEMENT_TOKEN=«CFPAT-pdQaXu0EmwjiCDx2XYLN4iQaL_HTB1JGjFOr8Qv0FLv»",
            "Bearer «CFPAT-ohaYq69aOHvpJcRyqVX7jTUdkJx1Jk8AU1NAuQzH2lv»",
        ],
        negatives: &["CONTENTFUL_MANAGEMENT_TOKEN=CFPAT-xxx", "CFPAT-2Aiv2uyA-I"],
    },
    Rule {
        id: "contentful-delivery-token",
        description: "Contentful delivery or preview token beside its name",
        keywords: &["contentful"],
        pattern: concat!(near!("contentful"), "([A-Za-z0-9_-]{43})"),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "CONTENTFUL_ACCESS_TOKEN=«3i7tkcvaV2mvRuMfGb4hhqjrvgy3om3OhciSi0AdOR5»",
            r#"contentful_preview: "«eLVPDaVIqLNBNoKV1NcIQaogTFh8GsN0dPxrA7F9Rfz»""#,
        ],
        negatives: &["CONTENTFUL_ACCESS_TOKEN=<token>", r#"contentful_space = "ibo548om38q7""#],
    },
    Rule {
        id: "content-service-token",
        description: "Token of a content service beside its name",
        keywords: &["storyblok", "datocms", "prismic", "sanity", "strapi", "ghost_", "hygraph"],
        pattern: concat!(
            near!(
                r"(?:storyblok|datocms|prismic|sanity|strapi|\bghost_(?:admin|api|content)|hygraph)[\w .-]{0,20}(?:key|token|secret)"
            ),
            r"([0-9A-Fa-f]{24}:[0-9A-Fa-f]{64}|(?:sk)?[A-Za-z0-9_-]{22,256})(?:\b|=)?"
        ),
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "SANITY_API_TOKEN=«skPvLhkNtrfVui5ubOp6ZfNrwbv1Ho1cbs8diaY9fDr0w5K1TUjxZc0eKybHu6HWJvaLBBg1EDAmt1N1YYg4fBsQf7dcWxQpC1RqNiIgXAIcdC6TDUNnLRuUcAe01nkYwMK5en3WD1uOaj0dtsdCa3NfLkUzN8LpRrpHpUeEBrdI4DSjn2Qm»",
            "GHOST_ADMIN_API_KEY=«6c0e59bfcf39414d69216646:17b8736e8135c8e0d97b9807a907570d20e34f86d9a3dcb5fc988ffbe372ade0»",
            r#"storyblok_token: "«VPSqLNIOebFNtzvl249jvett»""#,
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
            "README_API_KEY=«rdme_u8zrv07y4wfnzbroyrbubwdl8jxc0iuwiof7opvvqckcjk9b98xh2qkxl4qxaly5iqfc8i»",
            "rdme login --key «rdme_ukadezz3j0atrk51xnv6fl0nb7c1o1wpq3hmw2qmk0qimjvaipr30rftd92co4087e3w55»",
        ],
        negatives: &["README_API_KEY=rdme_xxx", "rdme_59ks85vum9"],
    },
    Rule {
        id: "postman-api-key",
        description: "Postman API key: reads collections and environments",
        keywords: &["pmak-"],
        pattern: r"\bPMAK-[0-9A-Fa-f]{24}-[0-9A-Fa-f]{34}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "POSTMAN_API_KEY=«PMAK-8fac99d606d3981efbf9fca1-307d6dd535acf027cb8cbb788c8f1474bf»",
            "X-Api-Key: «PMAK-f9b8914c539d97b1a78ebc4b-09e6d7c4a47f50588a8abd6d3f7def35d1»",
        ],
        negatives: &["POSTMAN_API_KEY=PMAK-xxx", "PMAK-0b43cff4aa7db71019e65603"],
    },
    Rule {
        id: "postman-collection-token",
        description: "Postman collection access token",
        keywords: &["pmat-"],
        pattern: r"\bPMAT-[A-Za-z0-9]{26}\b",
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "?access_key=«PMAT-XNMG0SHK4XCP0L8ZXGHQEZUFG7»",
            r#"key: "«PMAT-EKNXSB5WCRVLPM0H7Y3WNEGKXP»""#,
        ],
        negatives: &["?access_key=PMAT-XXX", "PMAT-FMXPQN4QGC"],
    },
    Rule {
        id: "translation-service-token",
        description: "Token of a translation service beside its name",
        keywords: &["lokalise", "crowdin", "transifex", "phrase_", "poeditor", "tx_token"],
        pattern: concat!(
            near!(r"(?:lokalise|crowdin|transifex|\bphrase_|poeditor|\btx_token)"),
            r"([0-9A-Fa-f]{80}|[0-9A-Fa-f]{64}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{32}|1/[0-9A-Fa-f]{40})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "CROWDIN_PERSONAL_TOKEN=«93c19427b33ac975a69aae0f42a83a701f9021e5e3ffdc886ae797c218a974b05f066009e197321e»",
            "TX_TOKEN=«1/926ca1f95b5ae21f2e791cb2ac0fb4c22af46fa0»",
            r#"lokalise_api_token: "«b2952b43f1647148063508698de98cca0edc8ac3»""#,
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
            "CALENDLY_TOKEN=«eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1c2VyLTc0NzY1MiIsImlhdCI6MTc2NzU3Nzc4OH0.AegKi-EtofwX0q8TQeWJnEkCXi5wJIkwr94yoV1oq_T»",
            r#"calendly_client_secret: "«IoP9DxmV_lebZUdjDc5n1qfvz4RNcWSGcUOp4SCBQiy»""#,
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
            "FRAMEIO_TOKEN=«fio-u-tcLyT-qUxiLLE4vHO2OXSi7smSbetvU47NvFucQ4Ch9_A14LS6ItCZAb6qrH8lrr»",
            "Bearer «fio-u-Ke448Xzvz6nkVtXwoAd2lWNpOXJA9MUmyRPmjyafn3at-SUXrUjH9rOVy4Ic2fYW»",
        ],
        negatives: &["FRAMEIO_TOKEN=fio-u-xxx", "fio-u-owG4oSv8UwwVP3lg_vEY"],
    },
    Rule {
        id: "adobe-client-secret",
        description: "Adobe client secret",
        keywords: &["p8e-", "p8-"],
        pattern: r"\bp8e?-[A-Za-z0-9_-]{32}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "ADOBE_CLIENT_SECRET=«p8e-5J72Nbw-_G1purxLlFODnf7cnLYxIIiK»",
            r#"client_secret: "«p8-EemLSrvUhz91ziw-e9LVmbGWf8TAP-_f»""#,
        ],
        negatives: &["ADOBE_CLIENT_SECRET=p8e-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "p8-EEDkSKlBc5"],
    },
    Rule {
        id: "adobe-client-id",
        description: "Adobe client id or key beside its name",
        keywords: &["adobe"],
        pattern: concat!(near!("adobe"), r"([0-9A-Fa-f]{32})\b"),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "ADOBE_CLIENT_ID=«f3d461e1ea4ef76c6a43e9663e3112be»",
            r#"adobe_api_key: "«36906f034120a5e71c7871763225a9e7»""#,
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
            "BEAMER_API_KEY=«b_ok5naEMnh2_NkIvovlrpcp8rccKngRbNmyNsO_agEPMk»",
            r#"beamer_token: "«b_paTVodDi0rmduqqWRspxP2ocWg4jDp-41meY4B-K8rsP»""#,
        ],
        negatives: &["BEAMER_API_KEY=b_xxx", r#"beamer_id = "DRa5ChDd""#],
    },
];

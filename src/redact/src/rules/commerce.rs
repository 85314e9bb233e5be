//! Shops, customer relations, accounting and marketing.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "shopify-access-token",
        description: "Shopify access token: reads and changes a shop",
        keywords: &["shpat_", "shpca_", "shppa_", "shpua_", "shptka_"],
        pattern: r"\bshp(?:at|ca|pa|ua|tka)_[0-9a-fA-F]{32}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "SHOPIFY_ACCESS_TOKEN=«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»",
            "X-Shopify-Access-Token: «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»",
        ],
        negatives: &[
            "SHOPIFY_ACCESS_TOKEN=shpat_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "shpat_9ee4dfdc582897ee86f0",
        ],
    },
    Rule {
        id: "shopify-shared-secret",
        description: "Shopify shared secret: forges webhooks and sessions",
        keywords: &["shpss_"],
        pattern: r"\bshpss_[0-9a-fA-F]{32}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "SHOPIFY_API_SECRET=«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»",
            r#"api_secret: "«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»""#,
        ],
        negatives: &["SHOPIFY_API_SECRET=shpss_xxx", "shpss_587c16480c"],
    },
    Rule {
        id: "woocommerce-key",
        description: "WooCommerce consumer key or secret",
        keywords: &["ck_", "cs_"],
        pattern: r"\bc[ks]_[0-9A-Fa-f]{40}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "WC_CONSUMER_SECRET=«cs_3c9d44fd5bf704121ae46ebc6085325e993c58fe»",
            "curl https://shop.example.org/wp-json/wc/v3/orders -u «ck_85be24cfe0e27a729af53f21f7b08cbe0f2f70f1»:x",
        ],
        negatives: &[
            "WC_CONSUMER_SECRET=cs_xxx",
            "tcs_94ab60be897e6a85ede36a0ed453afc5d7c8915b",
            "ck_562d4efbd499392eba4b",
        ],
    },
    Rule {
        id: "bigcommerce-token",
        description: "BigCommerce or Magento access token beside its name",
        keywords: &["bigcommerce", "magento"],
        pattern: concat!(
            near!(r"(?:bigcommerce|magento)[\w .-]{0,20}(?:token|secret|key)"),
            r"([A-Za-z0-9]{31,32}|[0-9A-Fa-f]{64})\b"
        ),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "BIGCOMMERCE_ACCESS_TOKEN=«rxfg5j435gdupcmof46r9pjy9dc1ts3»",
            r#"magento_access_token: "«rv6ktu93ckl2bu8t3y43kdb22cqcrvzf»""#,
        ],
        negatives: &["BIGCOMMERCE_ACCESS_TOKEN=<token>", r#"magento_key = "short""#],
    },
    Rule {
        id: "salesforce-access-token",
        description: "Salesforce session or access token: acts for a user",
        keywords: &["00d"],
        pattern: r"\b00D[A-Za-z0-9]{12,15}![A-Za-z0-9._-]{80,260}",
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "SF_ACCESS_TOKEN=«00D9gMEgdO42mBm!O4nZ54zWnelsyi4QXT6VuvcJwBcZJrFEcI7pgdoWoDoIyivjhhaZWzdu143iBNHaFHPm6DqzcJkbN1DHwkcs5nhLfeFAORTq»",
            "Cookie: sid=«00DAuK5sVEdSJSsaVQ!ARZMioTNgAyekr2DP6Y7iJnOQkxK06NDxEqHS3wcBN1IEidTqnE3zQBISSCJ3fzcz6dGd2hctuzODI04lXingtRpSHLS.KY6cgv8Z»",
        ],
        negatives: &["SF_ACCESS_TOKEN=00Dxxx!yyy", r#"orgId = "00D9g1R4qvlNSnH""#],
    },
    Rule {
        id: "salesforce-refresh-token",
        description: "Salesforce refresh token: makes new access tokens",
        keywords: &["5aep861"],
        pattern: r"\b5Aep861[A-Za-z0-9._]{60,110}",
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            r#""refresh_token":"«5Aep861uptJrmLwWvdZ2szVYFDPVjhIAshuLj6l8c2ikpHoWxy1SycyGRMCyVjxKy9jCoqNNvMENUfP7wTgMg»""#,
            "force://PlatformCLI::«5Aep861Da3GJxUgD7b8HJujWLAPVqyPCMKjIGo0e2YhuOBQFaYQ2IVyHhjnx9YaOlEGmhiRHoAOen»@acme.my.salesforce.com",
        ],
        negatives: &[r#""refresh_token":"5Aep861...""#, "5Aep861eej7Vpog79"],
    },
    Rule {
        id: "salesforce-consumer-key",
        description: "Salesforce consumer key",
        keywords: &["3mvg"],
        pattern: r"\b3MVG[A-Za-z0-9._]{60,110}",
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "SF_CONSUMER_KEY=«3MVG9C9gFzKhbEaroa33LRxCwxcXLru8qro95Aryc8dqKT1hUavh9cvAI7XMK60WtAHiOS4L9kDITGmSreJz»",
            "client_id=«3MVG9cwLeknZ74NfksuvF84iLiMJ3Gt0AAu4bR6VFQouL.Xabn4isFwT41f10z5Phcl19cycmDp4mGJaBUwed»",
        ],
        negatives: &["SF_CONSUMER_KEY=3MVG...", "3MVGHpa3LYb3Ia"],
    },
    Rule {
        id: "salesforce-security-token",
        description: "Salesforce consumer secret or security token beside its name",
        keywords: &["salesforce", "sfdc"],
        pattern: concat!(
            near!(r"(?:salesforce|sfdc)[\w .-]{0,20}(?:secret|token)"),
            r"([0-9A-F]{64}|[0-9]{19}|[A-Za-z0-9]{24,25})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "SALESFORCE_CONSUMER_SECRET=«9D9A1B347F363F549594A84AE113F3B7A8443DBE977F4EBB17E5AC0F66A3035E»",
            r#"sfdc_security_token: "«RW8R4M6VaSAQOmVsWIqDKZrz»""#,
        ],
        negatives: &["SALESFORCE_CONSUMER_SECRET=<secret>", "sfdc_token = get_salesforce()"],
    },
    Rule {
        id: "hubspot-token",
        description: "HubSpot private app token: reads and writes contacts",
        keywords: &["pat-na", "pat-eu", "pat-ap"],
        pattern: r"\bpat-(?:na|eu|ap)[0-9]-[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "HUBSPOT_TOKEN=«pat-na1-9ff9c8ce-dfdd-4f37-a296-0d193a0831cf»",
            "Bearer «pat-eu1-79f5542b-8bf3-4077-ab92-d1c51bad6c16»",
        ],
        negatives: &["HUBSPOT_TOKEN=pat-na1-xxx", "spat-na1-12f2b070-0e97-49c2-a3ae-ac025ca30b8e"],
    },
    Rule {
        id: "hubspot-api-key",
        description: "HubSpot API key or secret beside its name",
        keywords: &["hubspot", "hapikey"],
        pattern: concat!(
            near!("(?:hubspot|hapikey)"),
            r"([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "HUBSPOT_API_KEY=«4b043ec1-d222-47b1-a7ef-52d8a50b81a7»",
            "https://api.hubapi.com/x?hapikey=«d98449bf-82c7-40e1-aeb8-8c89a8880286»",
        ],
        negatives: &["hapikey=demo", "HUBSPOT_API_KEY=<uuid>"],
    },
    Rule {
        id: "zoho-token",
        description: "Zoho access or refresh token",
        keywords: &["1000.", "1001.", "1002.", "1003.", "1004.", "1005."],
        pattern: r"\b100[0-5]\.[0-9A-Fa-f]{32}\.[0-9A-Fa-f]{32}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "ZOHO_REFRESH_TOKEN=«1000.21ab4b5bb137b0b159d9b79f67b04c4a.7f1be2cc086b208f4b5f804dd6f720ff»",
            "Authorization: Zoho-oauthtoken «1000.02c328384c614fc84ff7ca67dfd3f072.6a1d34f649a0638dfe494176ddad872c»",
        ],
        negatives: &["ZOHO_REFRESH_TOKEN=1000.xxx.yyy", "1000.5ad6359627"],
    },
    Rule {
        id: "pipedrive-token",
        description: "Pipedrive API token beside its name",
        keywords: &["pipedrive"],
        pattern: concat!(near!("pipedrive"), r"([0-9A-Fa-f]{40})\b"),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "PIPEDRIVE_API_TOKEN=«ad2e6ed0022d4e3115ed4a262fdf42629278bc87»",
            r#"pipedrive_token: "«798cc5c3bffda516e3eaf070dea044711582431a»""#,
        ],
        negatives: &["PIPEDRIVE_API_TOKEN=<token>", "pipedrive_stage = 3"],
    },
    Rule {
        id: "etsy-token",
        description: "Etsy key beside its name",
        keywords: &["etsy"],
        pattern: concat!(near!(r"(?:\b|_)etsy"), r"([A-Za-z0-9]{24}(?::[A-Za-z0-9]{10,64})?)\b"),
        min_entropy: 3.3,
        check: Check::Nothing,
        positives: &[
            "ETSY_ACCESS_TOKEN=«dy0b3kijky26aeqt237gnbu3»",
            r#"etsy_keystring: "«60vw0017toz0fn1bn9w210l1»""#,
        ],
        negatives: &["ETSY_ACCESS_TOKEN=<token>", r#"etsy_shop = "acme""#],
    },
    Rule {
        id: "ebay-credential",
        description: "eBay certificate id, which pairs with an application id",
        keywords: &["prd-", "sbx-"],
        pattern: r"\b(?:PRD|SBX)-(?:[0-9A-Fa-f]{12}|[0-9A-Fa-f]{8})-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4,12}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "EBAY_CERT_ID=«PRD-5c17fcc5d5cf-e303-1001-490f-d75e»",
            r#"certId: "«SBX-a7648ef32bdb-1062-f4db-44a2-f756»""#,
        ],
        negatives: &["EBAY_CERT_ID=PRD-xxx", "PRD-c166ca4b1600"],
    },
    Rule {
        id: "ebay-user-token",
        description: "eBay user token: acts for a seller",
        keywords: &["v^1.1#"],
        pattern: r"v\^1\.1#i\^1#[A-Za-z0-9^#+/=]{40,3000}",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            r#"EBAY_TOKEN="«v^1.1#i^1#f^0#r^1#p^3#I^3#t^6J/ZKAmeNx7iLC9QV4XvSjI6sFbckHRJZCiwPRh6j8E5R2zpG93Ec1vCauW3FFJX7lwsJpD3/pkRKWJdMOZPh9LTx7gFNyagfEv/JddnQOk0lXt7z5bWjumjONXkHqrYW4XXCHQ6QjkViSUgwQwpdZTjKbkELf+yGpSJF1Hg0q4WnTTix2B0==»""#,
            r#""access_token": "«v^1.1#i^1#p^3#r^0#I^3#f^0#t^023o8WWwq8MGB1WhWKN1bC6sW0madGbnaILavgOV4ZFnGz/o1MZonYXSv0u7dw5mUrQSjosHVgQ87No+2pPn0hWx7iLzm0LvvxPTrHObQ+iSaEfahSQSWPuAapwgFoJDe8QmXcaTjgRMpKkpIACxeNf+cOuJxAvK»""#,
        ],
        negatives: &["EBAY_TOKEN=v^1.1#...", "v^1.1#i^1#x"],
    },
    Rule {
        id: "accounting-client-secret",
        description: "Client secret of an accounting service beside its name",
        keywords: &["xero", "quickbooks", "intuit", "freshbooks", "avalara", "taxjar", "gusto"],
        pattern: concat!(
            near!("(?:xero|quickbooks|intuit|freshbooks|avalara|taxjar|gusto)"),
            r"([A-Za-z0-9]{64}|[A-Za-z0-9]{40}|[A-Za-z0-9_-]{48})\b"
        ),
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "QUICKBOOKS_CLIENT_SECRET=«H29nI6i5uJyFvrqA0Hv5W4eTCZ2SR56zIWfM7nBJ»",
            r#"xero_client_secret: "«xWshAfGkJ5rtezzSA-4-F97uo1wsXg3xXf5lhbA5MI9dH-bP»""#,
            "FRESHBOOKS_TOKEN=«db8cd666f62f044bf615efc7bd940e12c2d0601263cfb627f40b7ece686ec35a»",
        ],
        negatives: &["QUICKBOOKS_CLIENT_SECRET=<secret>", "xero_token = load_xero_token()"],
    },
    Rule {
        id: "squarespace-token",
        description: "Squarespace, Webflow or Wix token beside its name",
        keywords: &["squarespace", "webflow", "wix_"],
        pattern: concat!(
            near!(r"(?:squarespace|webflow|\bwix_)"),
            r"([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}|ws-[0-9A-Fa-f]{64}|[0-9A-Fa-f]{64})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "SQUARESPACE_API_KEY=«5f8193d6-e217-48ad-a5b3-4f3c1067021e»",
            r#"webflow_token: "«73f349dc9054eb0c25d0b54eaad2fd8f350eb71352e9f61d3c5205eb5e955c5f»""#,
        ],
        negatives: &["SQUARESPACE_API_KEY=<uuid>", r#"webflow_site = "7126830cbd46f7efdbf69a71""#],
    },
    Rule {
        id: "wix-api-key",
        description: "Wix API key: changes sites",
        keywords: &["ist.eyj"],
        pattern: r"\bIST\.eyJ[A-Za-z0-9_-]{20,400}\.eyJ[A-Za-z0-9_-]{20,1200}\.[A-Za-z0-9_-]{60,800}",
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "WIX_API_KEY=«IST.eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1c2VyLTY5MDE1NCIsImlhdCI6MTc2NzM4NzY3NH0.YqKkFObgnubXBHltxjV2MIHEbVWj64vP1W4absKJisxsQbWSDErnCYIThGyE8p6vo13rwYq0X9aZmBjPolmPS_KwevhGUzRLrEwXpglNLe3foc4oFBJI7S2FWX1»",
            "Authorization: «IST.eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1c2VyLTQyODI1NCIsImlhdCI6MTc2NzIzMzgwOX0.k8eXTLsi561UP0DvjdvhLDCuxN6UToQFHcIVdS1rv0xmksgv5C6uxyCYpF1TmSNtzxeUEULxFo67KhTcAyKed1dkMKDxDbPNIGAzY5u4ZPvbYWIe0xswY4nzsev»",
        ],
        negatives: &["WIX_API_KEY=IST.eyJ...", "IST.eyJu1YvtvNPOKeilywCwkx8"],
    },
    Rule {
        id: "sales-service-key",
        description: "Token of a sales service beside its name",
        keywords: &[
            "attio",
            "apollo_",
            "close_api",
            "activecampaign",
            "braze",
            "iterable",
            "convertkit",
            "getresponse",
            "hootsuite",
        ],
        pattern: concat!(
            near!(
                r"(?:attio|\bapollo_|\bclose_api|activecampaign|braze|iterable|convertkit|getresponse|hootsuite)[\w .-]{0,20}(?:key|token|secret)"
            ),
            r"(api_[A-Za-z0-9]{22}\.[A-Za-z0-9]{22}|[0-9A-Fa-f]{72}|[0-9A-Fa-f]{64}|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}|[A-Za-z0-9_-]{22,44})(?:\b|=)?"
        ),
        min_entropy: 3.3,
        check: Check::Nothing,
        positives: &[
            "BRAZE_API_KEY=«57d45a1b-03e0-47e9-a564-88e93ae9a562»",
            r#"close_api_key: "«api_1nM4wnYxDUH9BRCkpbKoMi.hqea83yaDwcvlIZKxNuqCG»""#,
            "ITERABLE_API_KEY=«301f43c49446efee0784bdc559bc17d4»",
        ],
        negatives: &["BRAZE_API_KEY=<uuid>", "iterable_key = next_iterable_key()"],
    },
    Rule {
        id: "adafruit-io-key",
        description: "Adafruit IO key: reads and writes feeds",
        keywords: &["aio_"],
        pattern: r"\baio_[A-Za-z0-9]{28}\b",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "ADAFRUIT_IO_KEY=«aio_UGE9iWc7F3eH59D2n7vtXieres9k»",
            r#"aio = Client("me", "«aio_XMzq9FmGOCjW8gnZA4VFi35KF1c4»")"#,
        ],
        negatives: &[
            "ADAFRUIT_IO_KEY=aio_xxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "aio_pika_connection_pool_size = 3",
            "taio_mhPsa1rIhq4mWVQK07vvFdDLfIHl",
        ],
    },
    Rule {
        id: "adafruit-io-key-named",
        description: "Adafruit key in the older format, beside its name",
        keywords: &["adafruit"],
        pattern: concat!(near!("adafruit"), r"([A-Za-z0-9_-]{32})\b"),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "ADAFRUIT_IO_KEY=«540eb54ea1ffea0f3b208ac1d26324e9»",
            r#"adafruit_key: "«aCIz8zTRK4MGrNJUou98hYXzDXiYtaa8»""#,
        ],
        negatives: &["ADAFRUIT_IO_KEY=<key>", r#"adafruit_feed = "temperature""#],
    },
    Rule {
        id: "freemius-secret-key",
        description: "Freemius secret key in a plugin",
        keywords: &["secret_key"],
        pattern: r#"["']secret_key["']\s{0,4}=>\s{0,4}["'](sk_[!-&(-~]{29})["']"#,
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "'secret_key' => '«sk_DgRar6ERWyUshcArgA1tJceUnyLzR»',",
            r#""secret_key" => "«sk_UnRj80D%*cuoCOzo592_yaNhu9WCi»""#,
        ],
        negatives: &[
            "'secret_key' => 'sk_...',",
            "'public_key' => 'pk_99aqoiXHzzusb6lnj6RiAhZdRRP8t',",
        ],
    },
    Rule {
        id: "home-automation-token",
        description: "Philips Hue, SmartThings or other home token beside its name",
        keywords: &["smartthings", "hue_", "tuya", "wyze"],
        pattern: concat!(
            near!(r"(?:smartthings|\bhue_|tuya|wyze)[\w .-]{0,16}(?:token|key|secret|username)"),
            r"([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}|[A-Za-z0-9-]{40}|[0-9A-Fa-f]{32})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "SMARTTHINGS_TOKEN=«261c97fa-97bd-4e53-a8d6-6c3cadbf6fbe»",
            r#"hue_username: "«FPvpRn4pcshwtzVF7dBKoPQLZ0Q0YR4tLr4TLB2W»""#,
        ],
        negatives: &["SMARTTHINGS_TOKEN=<uuid>", "hue_token = 3"],
    },
    Rule {
        id: "etsy-open-api-key",
        description: "Etsy key and shared secret in one header",
        keywords: &["x-api-key", "x_api_key", "xapikey"],
        pattern: concat!(near!("x[-_]?api[-_]?key"), r"([A-Za-z0-9]{24}:[A-Za-z0-9]{10,64})\b"),
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "x-api-key: «3vliinv3vz21f17a5ic8m89f:0r5h41uzgr»",
            r#"headers["X-API-Key"] = "«sqlvq6knwn97nysb2j2w191r:gazc7uizj2of»""#,
        ],
        negatives: &["x-api-key: <keystring>:<secret>", "x-api-key: abc:def"],
    },
    Rule {
        id: "apollo-api-key",
        description: "Apollo.io API key beside its name",
        keywords: &["apollo"],
        pattern: concat!(near!("apollo"), r#"([A-Za-z0-9_-]{22})(?:["'`\s;,\\]|$)"#),
        min_entropy: 3.9,
        check: Check::Nothing,
        positives: &[
            "APOLLO_API_KEY=«nrIehe6bhqHxzui-4HOIhd»",
            r#"apollo_token: "«TNc4SKjGmTY8unPk9ybaMd»""#,
        ],
        negatives: &["APOLLO_API_KEY=<key>", r#""@apollo/client": "graphql-mobile-client22""#],
    },
];

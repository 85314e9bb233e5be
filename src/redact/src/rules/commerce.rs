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
            "shpat_b4a097908c6ef2c29ee4",
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
        negatives: &["SHOPIFY_API_SECRET=shpss_xxx", "shpss_35df3d5d1e"],
    },
    Rule {
        id: "woocommerce-key",
        description: "WooCommerce consumer key or secret",
        keywords: &["ck_", "cs_"],
        pattern: r"\bc[ks]_[0-9a-f]{40}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "WC_CONSUMER_SECRET=«cs_6c8ece587c16480c3c9d44fd5bf704121ae46ebc»",
            "curl https://shop.example.org/wp-json/wc/v3/orders -u «ck_6085325e993c58fe85be24cfe0e27a729af53f21»:x",
        ],
        negatives: &[
            "WC_CONSUMER_SECRET=cs_xxx",
            "tcs_f7b08cbe0f2f70f194ab60be897e6a85ede36a0e",
            "ck_d453afc5d7c8915b562d",
        ],
    },
    Rule {
        id: "bigcommerce-token",
        description: "BigCommerce or Magento access token beside its name",
        keywords: &["bigcommerce", "magento"],
        pattern: concat!(
            near!(r"(?:bigcommerce|magento)[\w .-]{0,20}(?:token|secret|key)"),
            r"([a-z0-9]{31,32}|[0-9a-f]{64})\b"
        ),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "BIGCOMMERCE_ACCESS_TOKEN=«j935w1istgtf3xui9wrxfg5j435gdup»",
            r#"magento_access_token: "«cmof46r9pjy9dc1ts3rv6ktu93ckl2bu»""#,
        ],
        negatives: &["BIGCOMMERCE_ACCESS_TOKEN=<token>", r#"magento_key = "short""#],
    },
    Rule {
        id: "salesforce-access-token",
        description: "Salesforce session or access token: acts for a user",
        keywords: &["00d"],
        pattern: r"\b00D[A-Za-z0-9]{12,15}![A-Za-z0-9._]{80,120}",
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "SF_ACCESS_TOKEN=«00D392WbCC1cK9T!YPqcr4WYMVvzP1f9gMEgdO42mBmO4nZ54zWnelsyi4QXT6VuvcJwBcZJrFEcI7pgdoWoDoIyivjhhaZWzdu143iBNHaFHPm6»",
            "Cookie: sid=«00DDqzcJkbN1DHwkcs!AR5nhLfeFAORTqdxSFOXfuhlYvtmhAuK5sVEdSJSsaVQZMioTNgAyekr2DP6Y7iJnOQkxK06NDxEqHS3wcBN1IEidTqn.E3zQBISS»",
        ],
        negatives: &["SF_ACCESS_TOKEN=00Dxxx!yyy", r#"orgId = "00DCJ3fzcz6dGd2""#],
    },
    Rule {
        id: "salesforce-refresh-token",
        description: "Salesforce refresh token: makes new access tokens",
        keywords: &["5aep861"],
        pattern: r"\b5Aep861[A-Za-z0-9._]{60,110}",
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            r#""refresh_token":"«5Aep861hctuzODI04lXingtRpSHLSKY6cgv8Z9g1R4qvlNSnHuptJrmLwWvdZ2szVYFDPVjhIAshuLj6l8c2i»""#,
            "force://PlatformCLI::«5Aep861kpHoWxy1SycyGRMCyVjxKy9jCoqNNvMENUfP7wTgMgDa3GJxUgD7b8HJujWLAPVqyPCMKj»@acme.my.salesforce.com",
        ],
        negatives: &[r#""refresh_token":"5Aep861...""#, "5Aep861IGo0e2YhuO"],
    },
    Rule {
        id: "salesforce-consumer-key",
        description: "Salesforce consumer key",
        keywords: &["3mvg"],
        pattern: r"\b3MVG[A-Za-z0-9._]{60,110}",
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "SF_CONSUMER_KEY=«3MVG9BQFaYQ2IVyHhjnx9YaOlEGmhiRHoAOeneej7Vpog79C9gFzKhbEaroa33LRxCwxcXLru8qro95Aryc8»",
            "client_id=«3MVG9dqKT1hUavh9cvAI7XMK60WtAHiOS4L9kDITGmSre.JzcwLeknZ74NfksuvF84iLiMJ3Gt0AAu4bR6VFQ»",
        ],
        negatives: &["SF_CONSUMER_KEY=3MVG...", "3MVGouLXabn4is"],
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
            "SALESFORCE_CONSUMER_SECRET=«FB2C3151C16E760DB2170009D9A1B347F363F549594A84AE113F3B7A8443DBE9»",
            r#"sfdc_security_token: "«oo1GF0i01CLS6RLwOTXwc03p»""#,
        ],
        negatives: &["SALESFORCE_CONSUMER_SECRET=<secret>", "sfdc_token = get_salesforce()"],
    },
    Rule {
        id: "hubspot-token",
        description: "HubSpot private app token: reads and writes contacts",
        keywords: &["pat-na", "pat-eu", "pat-ap"],
        pattern: r"\bpat-(?:na|eu|ap)[0-9]-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "HUBSPOT_TOKEN=«pat-na1-e5ac0f66-a303-4e0d-a98e-8c9ff9c8cedf»",
            "Bearer «pat-eu1-dddf3792-960d-493a-a831-cf79f5542b8b»",
        ],
        negatives: &["HUBSPOT_TOKEN=pat-na1-xxx", "spat-na1-f360774b-92d1-451b-ad6c-1612f2b0700e"],
    },
    Rule {
        id: "hubspot-api-key",
        description: "HubSpot API key or secret beside its name",
        keywords: &["hubspot", "hapikey"],
        pattern: concat!(
            near!("(?:hubspot|hapikey)"),
            r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "HUBSPOT_API_KEY=«97d9c283-aeac-425c-a30b-8e4b043ec1d2»",
            "https://api.hubapi.com/x?hapikey=«2217b1e7-ef52-48a5-ab81-a7d98449bf82»",
        ],
        negatives: &["hapikey=demo", "HUBSPOT_API_KEY=<uuid>"],
    },
    Rule {
        id: "zoho-token",
        description: "Zoho access or refresh token",
        keywords: &["1000."],
        pattern: r"\b1000\.[0-9a-f]{32}\.[0-9a-f]{32}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "ZOHO_REFRESH_TOKEN=«1000.c790e14eb88c89a888028621ab4b5bb1.37b0b159d9b79f67b04c4a7f1be2cc08»",
            "Authorization: Zoho-oauthtoken «1000.6b208f4b5f804dd6f720ff02c328384c.614fc84ff7ca67dfd3f0726a1d34f649»",
        ],
        negatives: &["ZOHO_REFRESH_TOKEN=1000.xxx.yyy", "1000.a0638dfe49"],
    },
    Rule {
        id: "pipedrive-token",
        description: "Pipedrive API token beside its name",
        keywords: &["pipedrive"],
        pattern: concat!(near!("pipedrive"), r"([0-9a-f]{40})\b"),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "PIPEDRIVE_API_TOKEN=«4176ddad872c5ad6359627ad2e6ed0022d4e3115»",
            r#"pipedrive_token: "«ed4a262fdf42629278bc87798cc5c3bffda516e3»""#,
        ],
        negatives: &["PIPEDRIVE_API_TOKEN=<token>", "pipedrive_stage = 3"],
    },
    Rule {
        id: "etsy-token",
        description: "Etsy key beside its name",
        keywords: &["etsy"],
        pattern: concat!(near!(r"\betsy"), r"([a-z0-9]{24})\b"),
        min_entropy: 3.3,
        check: Check::Nothing,
        positives: &[
            "ETSY_ACCESS_TOKEN=«926u64aoa12vbjjo7cckqeig»",
            r#"etsy_keystring: "«cvdy0b3kijky26aeqt237gnb»""#,
        ],
        negatives: &["ETSY_ACCESS_TOKEN=<token>", r#"etsy_shop = "acme""#],
    },
    Rule {
        id: "ebay-credential",
        description: "eBay certificate id, which pairs with an application id",
        keywords: &["prd-", "sbx-"],
        pattern: r"\b(?:PRD|SBX)-[0-9a-f]{12}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "EBAY_CERT_ID=«PRD-aedabddd97cd-26d0-6bed-d5d5-c17f»",
            r#"certId: "«SBX-cc5d5cfe3031-0014-90fd-75ea-7648»""#,
        ],
        negatives: &["EBAY_CERT_ID=PRD-xxx", "PRD-ef32bdb1062f"],
    },
    Rule {
        id: "ebay-user-token",
        description: "eBay user token: acts for a seller",
        keywords: &["v^1.1#"],
        pattern: r"v\^1\.1#i\^1#[A-Za-z0-9^#+/=]{40,3000}",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            r#"EBAY_TOKEN="«v^1.1#i^1#f^0#r^1#p^3#I^3#t^q1VrsOj8DxAZhByXRtVhycb6J/ZKAmeNx7iLC9QV4XvSjI6sFbckHRJZCiwPRh6j8E5R2zpG93Ec1vCauW3FFJX7lwsJpD3/pkRKWJdMOZPh9LTx7gFNyagfEv/JddnQOk0lXt7z5bWjumjONXkHqrYW4XXCHQ6QjkViSUgwQwpdZTjKbkEL==»""#,
            r#""access_token": "«v^1.1#i^1#p^3#r^0#I^3#f^0#t^f+yGpSJF1Hg0q4WnTTix2B0023o8WWwq8MGB1WhWKN1bC6sW0madGbnaILavgOV4ZFnGz/o1MZonYXSv0u7dw5mUrQSjosHVgQ87No+2pPn0hWx7iLzm0LvvxPTrHObQ+iSaEfahSQSWPuAapwgFoJDe8QmXcaTj»""#,
        ],
        negatives: &["EBAY_TOKEN=v^1.1#...", "v^1.1#i^1#x"],
    },
    Rule {
        id: "accounting-client-secret",
        description: "Client secret of an accounting service beside its name",
        keywords: &["xero", "quickbooks", "intuit", "freshbooks", "avalara", "taxjar", "gusto"],
        pattern: concat!(
            near!(
                r"(?:xero|quickbooks|intuit|freshbooks|avalara|taxjar|gusto)[\w .-]{0,20}(?:secret|token|key)"
            ),
            r"([A-Za-z0-9_-]{32,64}|[0-9a-f]{64})(?:\b|=)?"
        ),
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "QUICKBOOKS_CLIENT_SECRET=«dvtPh5sfNhrMnoJlcHtcTFJbVMKuKk0rlnNksH29»",
            r#"xero_client_secret: "«AqPW_QJH1Ri4ZlB3xWshAfGkJ5rtezzSA-4-F97uo1wsXg3x»""#,
            "FRESHBOOKS_TOKEN=«c1e2106e98f08f0adb8cd666f62f044bf615efc7bd940e12c2d0601263cfb627»",
        ],
        negatives: &["QUICKBOOKS_CLIENT_SECRET=<secret>", "xero_token = load_xero_token()"],
    },
    Rule {
        id: "squarespace-token",
        description: "Squarespace, Webflow or Wix token beside its name",
        keywords: &["squarespace", "webflow", "wix_"],
        pattern: concat!(
            near!(r"(?:squarespace|webflow|\bwix_)[\w .-]{0,16}(?:token|key|secret)?"),
            r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|ws-[0-9a-f]{64}|[0-9a-f]{64})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "SQUARESPACE_API_KEY=«f40b7ece-686e-435a-af81-93d6e21778ad»",
            r#"webflow_token: "«35b34f3c1067021e73f349dc9054eb0c25d0b54eaad2fd8f350eb71352e9f61d»""#,
        ],
        negatives: &["SQUARESPACE_API_KEY=<uuid>", r#"webflow_site = "3c5205eb5e955c5f7126830c""#],
    },
    Rule {
        id: "wix-api-key",
        description: "Wix API key: changes sites",
        keywords: &["ist.eyj"],
        pattern: r"\bIST\.eyJ[A-Za-z0-9_-]{20,400}\.eyJ[A-Za-z0-9_-]{20,1200}\.[A-Za-z0-9_-]{60,800}",
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "WIX_API_KEY=«IST.eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1c2VyLTU4ODY5MiIsImlhdCI6MTc2NzY2MDY1Mn0.B_D5-1V_zMODeXdjRJVYqKkFObgnubXBHltxjV2MIHEbVWj64vP1W4absKJisxsQbWSDErnCYIThGyE8p6vo13rwYq0X9aZmBjPolmPS_KwevhGUzRLrEwXpglN»",
            "Authorization: «IST.eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1c2VyLTQwNjAxMCIsImlhdCI6MTc2NzkxNjQ3OH0.4oFBJI7S2FWX1IvtQNCk8eXTLsi561UP0DvjdvhLDCuxN6UToQFHcIVdS1rv0xmksgv5C6uxyCYpF1TmSNtzxeUEULxFo67KhTcAyKed1dkMKDxDbPNIGAzY5u4»",
        ],
        negatives: &["WIX_API_KEY=IST.eyJ...", "IST.eyJZPvbYWIe0xswY4nzsevu"],
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
            r"(api_[A-Za-z0-9]{22}\.[A-Za-z0-9]{22}|[0-9a-f]{72}|[0-9a-f]{64}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[A-Za-z0-9_-]{22,44})(?:\b|=)?"
        ),
        min_entropy: 3.3,
        check: Check::Nothing,
        positives: &[
            "BRAZE_API_KEY=«dc5459aa-9122-4575-a5f5-7d45a1b03e07»",
            r#"close_api_key: "«api_oDsbknjq6q6D7shvDtvW5H.ln3e1nM4wnYxDUH9BRCkpb»""#,
            "ITERABLE_API_KEY=«743820c0eb1a5ba8e301f43c49446efe»",
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
            "ADAFRUIT_IO_KEY=«aio_D0borIQixUZAyM64llswzdJIo5Ai»",
            r#"aio = Client("me", "«aio_UGE9iWc7F3eH59D2n7vtXieres9k»")"#,
        ],
        negatives: &[
            "ADAFRUIT_IO_KEY=aio_xxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "aio_pika_connection_pool_size = 3",
            "taio_XMzq9FmGOCjW8gnZA4VFi35KF1c4",
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
            "ADAFRUIT_IO_KEY=«63908386aaf1e25540eb54ea1ffea0f3»",
            r#"adafruit_key: "«YxearuzcBemgeXiCsaCIz8zTRK4MGrNJ»""#,
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
            "'secret_key' => '«sk_Uou98hYXzDXiYtaa8DgRar6ERWyUs»',",
            r#""secret_key" => "«sk_pe0Jn0NfjBWZUnRj80D%*cuoCOzo5»""#,
        ],
        negatives: &[
            "'secret_key' => 'sk_...',",
            "'public_key' => 'pk_2EBIO7Jmat0d8kENyoPe99aqoiXHz',",
        ],
    },
    Rule {
        id: "home-automation-token",
        description: "Philips Hue, SmartThings or other home token beside its name",
        keywords: &["smartthings", "hue_", "tuya", "wyze"],
        pattern: concat!(
            near!(r"(?:smartthings|\bhue_|tuya|wyze)[\w .-]{0,16}(?:token|key|secret|username)"),
            r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[A-Za-z0-9-]{40}|[0-9a-f]{32})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "SMARTTHINGS_TOKEN=«ca905644-d319-461c-a7fa-97bd7e53e8d6»",
            r#"hue_username: "«Q3Omz60gUyWv05A0U8wFIHYJNmNSLExZDFPvpRn4»""#,
        ],
        negatives: &["SMARTTHINGS_TOKEN=<uuid>", "hue_token = 3"],
    },
];

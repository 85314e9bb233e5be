//! Other clouds, content networks and registrars.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "alibaba-access-key-id",
        description: "Alibaba Cloud access key id, which pairs with a secret",
        keywords: &["ltai"],
        pattern: r"\bLTAI[A-Za-z0-9]{12,26}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "ALIBABA_CLOUD_ACCESS_KEY_ID=«LTAI5tFlVVTCldzkSe2QS0hB»",
            r#""accessKeyId": "«LTAIg4ategzpYYYj»""#,
        ],
        negatives: &["ALIBABA_CLOUD_ACCESS_KEY_ID=LTAIxxxxxxxxxxxxxxxx", "LTAI4ao9wC"],
    },
    Rule {
        id: "alibaba-access-key-secret",
        description: "Alibaba Cloud access key secret: signs requests as its owner",
        keywords: &["alibaba", "aliyun", "alicloud", "accesskeysecret", "access_key_secret"],
        pattern: concat!(
            near!("(?:alibaba|aliyun|alicloud|access_?key_?secret)"),
            r"(CAIS[A-Za-z0-9+/_=-]{20,1000}|[A-Za-z0-9]{30,64}\b)"
        ),
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET=«NmujUqNvt00apvcuSHKXurWa84pJ3y»",
            r#""accessKeySecret": "«iREnZbbTj11MAo2RBI9YOopOBQgXli»""#,
        ],
        negatives: &[
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET=<your-secret>",
            r#"aliyun_region = "cn-hangzhou""#,
            "accessKeySecret: zY6mm00oEJG6aLkJG4ZW",
        ],
    },
    Rule {
        id: "tencent-secret-id",
        description: "Tencent Cloud secret id, which pairs with a secret key",
        keywords: &["akid"],
        pattern: r"\bAKID[A-Za-z0-9]{32}\b",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "TENCENTCLOUD_SECRET_ID=«AKIDNqPSB3LC8I0QlV0QuHEKi2kYEei7wKQ4»",
            r#"secretId: "«AKIDNumEa5LhhxUPSFO4vz29HytdnY9yCgH5»","#,
        ],
        negatives: &[r#"secretId: "AKIDxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx""#, "AKIDEFmW1dPbkboQ2cJg"],
    },
    Rule {
        id: "tencent-secret-key",
        description: "Tencent Cloud secret key: signs requests as its owner",
        keywords: &["tencent", "qcloud"],
        pattern: concat!(
            near!(r"(?:tencent|qcloud)[\w .-]{0,16}(?:secret|key)"),
            r"([A-Za-z0-9]{32})\b"
        ),
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "TENCENTCLOUD_SECRET_KEY=«rY5X0hDX826xEpi0A7vtcB4fA4hB41HW»",
            r#"qcloud_secret_key: "«nCK17Pk9uuleszUyEAdCBURWlxwHMqwg»""#,
        ],
        negatives: &["TENCENTCLOUD_SECRET_KEY=$SECRET", r#"tencent_region = "ap-guangzhou""#],
    },
    Rule {
        id: "yandex-cloud-api-key",
        description: "Yandex Cloud API key: calls services as a service account",
        keywords: &["aqvn"],
        pattern: r"\bAQVN[A-Za-z0-9_-]{35,38}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "Authorization: Api-Key «AQVNFhnR9wzzPgaFhXumM1xgOZk_gSd-nZz1OmtM»",
            "YC_API_KEY=«AQVNAeWtVYfPQpTN5rgJOELl3dtfw_EqLYdpkNWO»",
        ],
        negatives: &["YC_API_KEY=AQVNxxxx", "AQVNTHKOXDriE0QgvVUWVbqh"],
    },
    Rule {
        id: "yandex-cloud-iam-token",
        description: "Yandex Cloud IAM token: acts for an account for hours",
        keywords: &["t1."],
        pattern: r"\bt1\.[A-Za-z0-9_-]{1,300}={0,2}\.[A-Za-z0-9_-]{86}={0,2}",
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "YC_TOKEN=«t1.9euelZTiIh8i531js61yaKiBMfYkDVl6_vVrZ7KSCw1yan1T0duUFltp30lUawVGfgDkak5cW1n4piTwiqi4QU6ViWFwzhrPFjrIIHcE43w5cUp06_Z173v2X0FFkKbCbKDhy3fVcRen1mJms3.AYqpBxNIxJ8Xewa2yBOD60V4T3SIt0e6RObV4xQApT3Zdo5-Qs_d8g_gBBRWiGViwI7PNcoYzfD7CKbNHJq2p0»",
            r#"{"iamToken":"«t1.9euelZOrExOEMt93ulLVaTkT8nz1oKcu5VOjjIbm4D6fj3xaCuGx_eTw5Pll1Lx6kjUNbm1F8xGOqJuveQTEUxDNa2ZLM37w.L5zEqf-xABWzkoGcOjGm0TpT_EuWY1sQ8xN6h7I1AP83hv9E7p2m2jT-WGHVv9WFocpYzO4ozte-5cnj_QYqOZ==»"}"#,
        ],
        negatives: &["YC_TOKEN=t1.xxx.yyy", "t1.column_name.CXMdKm8CUQ-afJEou2uC"],
    },
    Rule {
        id: "yandex-cloud-static-secret",
        description: "Yandex Cloud static secret key: signs object storage requests",
        keywords: &["yandex", "yc_"],
        pattern: concat!(near!("(?:yandex|yc_)"), "(YC[A-Za-z0-9_-]{38})"),
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "YANDEX_SECRET_ACCESS_KEY=«YCuHTez8KLRNG3Hw05kZ6jWCfX7bG_p0QW9mAf9h»",
            r#"yc_storage_secret: "«YCHmZdTp4WIvcYnS0M_oRz5CmvZYZkxs6GcMDwsk»""#,
        ],
        negatives: &[
            "YANDEX_SECRET_ACCESS_KEY=YC",
            r#"yc_storage_secret: "EyQ2zI0TNtq7hNB6Dgwi5wmF4tkvvFXPoTkhvCPI""#,
        ],
    },
    Rule {
        id: "yandex-oauth-token",
        description: "Yandex OAuth token: acts for a Yandex account",
        keywords: &["y0_"],
        pattern: r"\by[0-3]_[A-Za-z0-9_-]{54,160}",
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "Authorization: OAuth «y0_AgAAAACwVPGk19iXuyTwKaeKMn05fnxSiM4blgCfmT-78oHLKauOSsdQsX»",
            "YANDEX_TOKEN=«y0_AgAAAAyAFqkfDx9iGfb8kV_14BmECiT3Byaq1UiRzc8Z0nBT1GEcVcHuD5GRt57Hcv»",
        ],
        negatives: &["YANDEX_TOKEN=y0_xxx", "y0_velocity_of_the_particle_at_the_beginning"],
    },
    Rule {
        id: "digitalocean-access-token",
        description: "DigitalOcean personal or OAuth access token: controls the account",
        keywords: &["dop_v1_", "doo_v1_"],
        pattern: "do[op]_v1_[0-9A-Fa-f]{64}",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "DIGITALOCEAN_TOKEN=«dop_v1_faadb9aad4cc9a1c3115def995c1891b10695d877566d88a8ace85caafcb27ad»",
            r#"do_token = "«doo_v1_eb7d823f07168f0f60d576ea47c45ddf602ea6d23fc5bf0ccb8c7537ed19e3d3»""#,
        ],
        negatives: &[
            "DIGITALOCEAN_TOKEN=dop_v1_your_token",
            "dop_v1_28e52891015cccf5697f07cb6421ff7fc088b76d",
        ],
    },
    Rule {
        id: "digitalocean-refresh-token",
        description: "DigitalOcean OAuth refresh token: makes new access tokens",
        keywords: &["dor_v1_"],
        pattern: "dor_v1_[0-9A-Fa-f]{64}",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            r#""refresh_token":"«dor_v1_cb68b8a2306319975ca9986d5695ca997a045bbe7582aed1d46cffae650eb532»""#,
            "DO_REFRESH=«dor_v1_35760350ebb1f6444fa9066b9a92689975cf3d8e2e533a3456cd5c051c200a7f»",
        ],
        negatives: &[
            "refresh_token: dor_v1_xxxxxxxx",
            "dor_v1_a535d6904c50975f47abe52139ab0bfd18a00d55c6b2f3741ac2519acac4bfe",
        ],
    },
    Rule {
        id: "digitalocean-spaces-key",
        description: "DigitalOcean Spaces access key id, which pairs with a secret",
        keywords: &["do00"],
        pattern: r"\bDO00[A-Z0-9]{16}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "SPACES_KEY=«DO00MV83GMWJ18V9LM16»",
            "aws_access_key_id='«DO0009B08NOY69UR9R9G»'",
        ],
        negatives: &["SPACES_KEY=DO00XXXXXXXXXXXXXXXX", "DO00KA5WDYZH"],
    },
    Rule {
        id: "linode-token",
        description: "Linode (Akamai) personal access token: controls the account",
        keywords: &["linode"],
        pattern: concat!(near!("linode"), r"([0-9A-Fa-f]{64})\b"),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "LINODE_TOKEN=«1601b7c98f0fd4a969fefbf269d7bc6016561929eeb6e74baf27b24583b39265»",
            "linode_api_token = \"«6972d32f349c579a8f166c4d2342fddf3928890f58c6018cf678826927fa10bd»\"\n}",
        ],
        negatives: &[
            "LINODE_TOKEN=<token>",
            "linode_image_checksum: 393bc80adabff46d1362627ae4cc821bb9f62ba4",
        ],
    },
    Rule {
        id: "hetzner-token",
        description: "Hetzner Cloud token: controls the project",
        keywords: &["hetzner", "hcloud"],
        pattern: concat!(near!("(?:hetzner|hcloud)"), r"([A-Za-z0-9]{64})\b"),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "HCLOUD_TOKEN=«csAyUEoaZOdjxa5NJQobD2rgKyqCUSRayfKnzUicmSwJFjrruKzie7bUoohzGxo2»",
            r#"hetzner_token: "«xi8smtlcy8PKhTHzqfN2D5WLPan2EBGDBKBEoEsC23PErcP4HaeG23N6XQ9Lnh4y»""#,
        ],
        negatives: &[
            "HCLOUD_TOKEN=your-api-token",
            r#"hcloud_token = "AzMMoDvc6IK0WWUEiGkcLQLaVM20u61D""#,
        ],
    },
    Rule {
        id: "scaleway-access-key",
        description: "Scaleway access key, which pairs with a secret key",
        keywords: &["scw"],
        pattern: r"\bSCW[A-Z0-9]{17}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &["SCW_ACCESS_KEY=«SCWJ74BO9Y5L00NIUHSN»", "access_key: «SCWEBY23YLG17NXCJLKJ»"],
        negatives: &["SCW_ACCESS_KEY=SCWXXXXXXXXXXXXXXXXX", "SCWCXS6NUGU1"],
    },
    Rule {
        id: "scaleway-secret-key",
        description: "Scaleway secret key: controls the project",
        keywords: &["scw", "scaleway"],
        pattern: r#"(?i:scw|scaleway)[\w\s"'=:.-]{0,24}(?i:secret|token)[\w\s"'`\\=:,>(|?.-]{1,32}?([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})\b"#,
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "SCW_SECRET_KEY=«424ae3e5-703a-4cfc-ac7b-f07f8ca78c9b»",
            r#"scaleway_token: "«f7924da6-6f0e-4495-a14e-12cc5e2a5521»""#,
        ],
        negatives: &[
            "SCW_SECRET_KEY=11111111-1111-1111-1111-111111111111",
            "SCW_DEFAULT_PROJECT_ID=3a914550-22ea-4202-a09e-67e3dd5c1186",
        ],
    },
    Rule {
        id: "vultr-api-key",
        description: "Vultr API key: controls the account",
        keywords: &["vultr"],
        pattern: concat!(near!("vultr"), r"([A-Za-z0-9]{36})\b"),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "VULTR_API_KEY=«JY0PQ2HI0HZGH7Y5PM4CQRYYNB7XH88F1378»",
            r#"vultr_key: "«W2Q5FNPJ3FFZAEPA5V1GD4YNTT7YE3LM8VQ9»""#,
        ],
        negatives: &[
            "VULTR_API_KEY=YOUR_VULTR_API_KEY_HERE_PLEASE_THANKS",
            "VULTR_API_KEY=8459JUSUG6MZT3ANHTL6",
        ],
    },
    Rule {
        id: "ovh-application-secret",
        description: "OVHcloud application secret or consumer key: controls the account",
        keywords: &[
            "ovh",
            "app_secret",
            "application_secret",
            "app.secret",
            "application.secret",
            "app-secret",
            "application-secret",
            "appsecret",
            "applicationsecret",
            "consumer_key",
            "consumer-key",
            "consumer.key",
            "consumerkey",
        ],
        pattern: concat!(
            near!("(?:ovh|app(?:lication)?[_.-]?secret|consumer[_.-]?key)"),
            r#"([A-Za-z0-9-]{32})(?:\b|[\s"';,\\]|$)"#
        ),
        min_entropy: 3.3,
        check: Check::Nothing,
        positives: &[
            "OVH_APPLICATION_SECRET=«EdEDSCsdvKrLCWyg6XhwK5ukj0RqOwui»",
            "[ovh-eu]\napplication_secret=«aa09da54f3be113bf14e9373088e2116»\n",
            r#"consumer_key = "«5YEsXAp0NdEUt596qPPUHhNBHXW4FBCy»""#,
        ],
        negatives: &[
            "OVH_CONSUMER_KEY=my_consumer_key",
            "application_secret=my_application_secret",
            "OVH_APPLICATION_KEY=h5yQcq9un5qFU7HJ",
        ],
    },
    Rule {
        id: "ibm-cloud-api-key",
        description: "IBM Cloud API key: controls the account",
        keywords: &["ibm", "bluemix", "bx"],
        pattern: concat!(
            near!(r"(?:ibm|bluemix|\bbx[ _.-]?(?:api|key|token|access|secret|cred))"),
            r#"([A-Za-z0-9_-]{42,44})(?:\b|[\s"';,\\]|$)"#
        ),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "IBMCLOUD_API_KEY=«mjcHg_J5ZDoQOkpOfI_fFK57VIFzitfj4iID47D59JqF»",
            r#"ibm_cloud_api_key: "«STflkYW7nQyy1VZGYZDyFH2lBvsMP-osRjnHaedvoU16»""#,
        ],
        negatives: &[
            "IBMCLOUD_API_KEY=<your-api-key>",
            r#"ibm_key = "IliadKM4QUxZQSMWWeqptTX0ZVIcu8""#,
        ],
    },
];

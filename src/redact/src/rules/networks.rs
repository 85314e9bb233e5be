//! Content networks, object stores, media and domain names.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "cloudflare-token",
        description: "Cloudflare API token or key in the format with a checksum",
        keywords: &["cfk_", "cfut_", "cfat_"],
        pattern: r"\bcf(?:k|ut|at)_[A-Za-z0-9_-]{40,56}",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "CLOUDFLARE_API_TOKEN=«cfut_GnuDobkmp8aQnwCzJo3wvbnEDMGH7gTwKmJY8jDQ42fd7e27»",
            r#"{"token": "«cfat_J2vQKHOJUWIjA80DzTCuhkKxDmWXzcowZCKoIGqad669c120»"}"#,
            "X-Auth-Key: «cfk_7EQArPrgxjf1j5CAthqDMPx845xeY1wuY8pDakDK03c71057»",
        ],
        negatives: &["CLOUDFLARE_API_TOKEN=cfut_xxxxxxxx", "cfk_BR5jvQmWoC8V7MxPC2ii"],
    },
    Rule {
        id: "cloudflare-api-token",
        description: "Cloudflare API token or Global API Key beside its name",
        keywords: &["cloudflare", "cf_api_", "cf_token", "x-auth-key"],
        pattern: concat!(
            near!("(?:cloudflare|cf_api_(?:token|key)|cf_token|x-auth-key)"),
            r"([A-Za-z0-9_-]{40}|[0-9A-Fa-f]{37})\b"
        ),
        min_entropy: 3.3,
        check: Check::Nothing,
        positives: &[
            "CLOUDFLARE_API_TOKEN=«tAahdXDKeD7FSSU5eKV-QqH3Qsd1622y2ahgg8y9»",
            "X-Auth-Key: «048bf75adce0a12c525c22a1bbee2c6a79da5»",
            "cloudflare:\n  api_token: \"«fsrHvGuypkqXXvlqPT0vaHzVus7uoX79VwWuc191»\"\n",
        ],
        negatives: &[
            "CLOUDFLARE_API_TOKEN=<token>",
            "CF_API_KEY=$CF_API_KEY",
            "CLOUDFLARE_ZONE_ID=5f65f5e841acc9d32e9c766496b3851b",
        ],
    },
    Rule {
        id: "cloudflare-origin-ca-key",
        description: "Cloudflare Origin CA key: issues certificates for the account",
        keywords: &["v1.0-"],
        pattern: r"\bv1\.0-[0-9A-Fa-f]{24}-[0-9A-Fa-f]{146}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "CLOUDFLARE_API_USER_SERVICE_KEY=«v1.0-f54810cda6648c3ff57bf9d8-e02a125f903b63c9caf09f5340f2258a68cc9b4edd959aa4f05db580cbdb56cbb0d83259a2f6cfdb561b1354d847ecd4977c220dd091961bfa51fe7532e5fee05683c1ff4bac005db8»",
            "X-Auth-User-Service-Key: «v1.0-f458c4d576d1c50f730c6766-e30f7be613979891c765bcec1af70f815a4f0a7cab46a4bd3359d89913f9fda819d446cad3fa9352f288f9d7fe974ac0001434bb324da187c45197e22f1ddea539fcb03ca455f795d0»",
        ],
        negatives: &[
            "version v1.0-alpha",
            "v1.0-b47c646203d262432cbf68aa-7639757cf2a878b037a41e7ff28100ab06c56ec2",
        ],
    },
    Rule {
        id: "fastly-api-token",
        description: "Fastly API token: changes and purges services",
        keywords: &["fastly"],
        pattern: concat!(near!("fastly"), r"([A-Za-z0-9_-]{32})\b"),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "FASTLY_API_TOKEN=«fXvXT9DuQdqdtPQjBWDRYl2dJmuzC_1a»",
            "Fastly-Key: «ki48R62Dk1OeWLB3MgvClJ0ejWnJMo8z»",
        ],
        negatives: &[
            "FASTLY_API_TOKEN=your-fastly-api-token",
            r#"fastly_service_id = "mU9GtVWU1P20AqOOL0qVOa""#,
        ],
    },
    Rule {
        id: "akamai-edgegrid-token",
        description: "Akamai EdgeGrid client or access token",
        keywords: &["akab-"],
        pattern: r"\bakab-[a-z0-9]{16}-[a-z0-9]{16}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "client_token = «akab-wdmnbz58lq508zxg-sd94svhvsgqry45f»",
            r#""access_token": "«akab-at98u7gmuh4x6lhk-0oc4cgz7rlhr8xpw»""#,
        ],
        negatives: &[
            "host = akab-rh8iq01soiny58bd.luna.akamaiapis.net",
            "client_token = akab-xxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx",
        ],
    },
    Rule {
        id: "akamai-client-secret",
        description: "Akamai EdgeGrid client secret: signs requests",
        keywords: &["akamai", "edgegrid"],
        pattern: concat!(near!(r"(?:akamai|edgegrid)[\w .-]{0,16}secret"), "([A-Za-z0-9+/]{43}=)"),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "AKAMAI_CLIENT_SECRET=«jMDz9u+Pq5gt8fAE0XcqHPJ0BW0eY6KxSoP8Ssumpm3=»",
            r#"edgegrid_client_secret: "«zkMUHwFqnyRbECPBy+lYQcgUPyPQ16m0yNAEpC0I7Yb=»""#,
        ],
        negatives: &[
            "AKAMAI_CLIENT_SECRET=<client secret>",
            r#"akamai_secret = "yMFdfdW9GsqpUAEbnkFp=""#,
        ],
    },
    Rule {
        id: "backblaze-application-key",
        description: "Backblaze B2 application key: reads and writes buckets",
        keywords: &["b2_", "backblaze"],
        pattern: concat!(near!(r"(?:\bb2_|backblaze)"), "(K00[0-9][A-Za-z0-9/+]{27})"),
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "B2_APPLICATION_KEY=«K001NWqnHwgg6Oli3Rk1M8g5yln+IGk»",
            r#"backblaze_key: "«K005Xo3pQ0TPZxtDLeGfPyW/AYLzOwX»""#,
        ],
        negatives: &[
            "B2_APPLICATION_KEY=K001xxxx",
            "B2_APPLICATION_KEY_ID=001d482617293ce79ad4e94c",
        ],
    },
    Rule {
        id: "cloudinary-url",
        description: "Cloudinary URL with its API secret: reads and changes media",
        keywords: &["cloudinary://"],
        pattern: "cloudinary://[0-9]{10,20}:([A-Za-z0-9_-]{20,40})@",
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "CLOUDINARY_URL=cloudinary://430550175762473:«zEWeFC2xzAMDnyhMmyoNHt6S3ys»@shop",
            r#"cloudinary.config("cloudinary://656615309238828:«wmc1pZjdYpgI-A6LBOt0t24tnIc»@my-cloud")"#,
        ],
        negatives: &[
            "CLOUDINARY_URL=cloudinary://<key>:<secret>@<cloud>",
            "cloudinary://654489890828070:secret@shop",
        ],
    },
    Rule {
        id: "imagekit-private-key",
        description: "ImageKit private key: reads and changes media",
        keywords: &["private_"],
        pattern: r"\bprivate_[A-Za-z0-9+/]{27}=",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "IMAGEKIT_PRIVATE_KEY=«private_AbF4J6yABM861rOJeoo2XkBE1TL=»",
            r#"privateKey : "«private_6Zn7pxpqVCkkD9aUHizIotm8X5c=»","#,
        ],
        negatives: &["IMAGEKIT_PRIVATE_KEY=private_xxx", "private_key_file_path_in_the_image="],
    },
    Rule {
        id: "gandi-token",
        description: "Gandi API key or token: changes domains",
        keywords: &["gandi"],
        pattern: concat!(near!("gandi"), r"([A-Za-z0-9]{24}|[0-9A-Fa-f]{40})\b"),
        min_entropy: 3.4,
        check: Check::Nothing,
        positives: &[
            "GANDI_API_KEY=«A7UBdSfDCNanZs9lOUN6d1dO»",
            "gandi_pat: «5f0f4bca4db6a4df24691077acbcf1843694d8d6»",
        ],
        negatives: &["GANDI_API_KEY=your-key", r#"gandi_domain = "example.org""#],
    },
    Rule {
        id: "godaddy-api-key",
        description: "GoDaddy API key: changes domains",
        keywords: &["godaddy", "sso-key"],
        pattern: r#"(?i:godaddy[\w .-]{0,16}(?:key|secret)[\s"\x27=:]{1,5}|sso-key )([A-Za-z0-9]{8,14}_[A-Za-z0-9]{20,24}(?::[A-Za-z0-9]{20,24})?)\b"#,
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "GODADDY_API_KEY=«Plq84VtNO7j3_u2a2lSlD1jgOrqXPGQidsg»",
            "Authorization: sso-key «4qGflcNNPgBJ_mlE7z1KyF2SAtqcEtkPclv:Dr4JlEd0aAwHvAnHS0AfFd»",
        ],
        negatives: &["GODADDY_API_KEY=<key>", "Authorization: sso-key {KEY}:{SECRET}"],
    },
    Rule {
        id: "namecheap-api-key",
        description: "Namecheap API key: changes domains",
        keywords: &["namecheap"],
        pattern: concat!(near!("namecheap"), r"([0-9A-Fa-f]{32})\b"),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "NAMECHEAP_API_KEY=«6b90693714f93b1a25fb8886e31e7e5d»",
            r#"namecheap_api_key: "«ef6b2fda259ca807c511564d1281b6b9»""#,
        ],
        negatives: &["NAMECHEAP_API_KEY=...", r#"namecheap_user = "ops""#],
    },
];

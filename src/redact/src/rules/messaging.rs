//! Messaging, voice and webhooks.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "telegram-bot-token",
        description: "Telegram bot token: acts as the bot",
        keywords: &["0:aa", "1:aa", "2:aa", "3:aa", "4:aa", "5:aa", "6:aa", "7:aa", "8:aa", "9:aa"],
        pattern: r"[0-9]:(AA[A-Za-z0-9_-]{32,33})\b",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "TELEGRAM_BOT_TOKEN=6977294117:«AAsM6_te09dBeiQNglYLJ9ZDkWIDcW18l0m»",
            "https://api.telegram.org/bot741649803:«AAKWdog4AUy3XZUC9Ru2hgR6b-px87hdRd5»/getMe",
        ],
        negatives: &[
            "TELEGRAM_BOT_TOKEN=123456:AAxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "10:AA:bb:cc",
            "1:AAvnL8P9tk9wVwpqW89dQL_MjyePUTRoUIpNW81A2r40WRI7E09U47sD-HTx53",
        ],
    },
    Rule {
        id: "teams-webhook",
        description: "Microsoft Teams incoming webhook: posts to a channel",
        keywords: &["webhook.office.com/webhookb2/", "outlook.office.com/webhook/"],
        pattern: r"(?:webhook\.office\.com/webhookb2/|outlook\.office\.com/webhook/)([0-9a-f-]{36}@[0-9a-f-]{36}/IncomingWebhook/[0-9A-Fa-f]{32}/[0-9a-f-]{36}(?:/[A-Za-z0-9_-]{20,80})?)",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "https://acme.webhook.office.com/webhookb2/«7f9e8c9c-9444-4772-ae75-18aae95242e0@dbe13706-acb7-4678-a50a-77662cf05bc8/IncomingWebhook/a67684dfacb23ed95e44b24f6925d3c9/bdcdc379-a8e5-4587-a8f2-6c44db7ec32d»",
            "hook: https://outlook.office.com/webhook/«73594e78-23fc-4cbb-affc-79f1da4af307@f825f675-7b23-48d5-a803-abc993d661e2/IncomingWebhook/a5b0629561a5fbac83daaeb9161d31cb/2ce7c052-fff5-47f4-addd-fe87cac342f6»",
        ],
        negatives: &[
            "https://acme.webhook.office.com/webhookb2/<id>",
            "https://outlook.office.com/webhook/78177e24-5d17-4077-ac0c-409f2cd99eb1",
        ],
    },
    Rule {
        id: "google-chat-webhook",
        description: "Google Chat webhook: posts to a space",
        keywords: &["chat.googleapis.com/v1/spaces/"],
        pattern: r"chat\.googleapis\.com/v1/spaces/[A-Za-z0-9_-]{6,20}/messages\?key=([A-Za-z0-9_-]{30,45}(?:&|\\u0026)token=[A-Za-z0-9_%-]{30,60})",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "https://chat.googleapis.com/v1/spaces/AAAAJqBKF-7/messages?key=«AIzalokHpdd7PF2khisTHJbjJeriKa6H3dD342C&token=bEJ31Wzqz56GzCtPpSeaAlJxaG4C8tNdu3LcX2cHD0L»",
            r#"url: "https://chat.googleapis.com/v1/spaces/ZgYvsTgFs6T/messages?key=«AIzacknH44U1NLwLG5oJJJsp8lu7ZklP4QYR8vo&token=VP7k7lRE6Y6qO2MwPuvapC9lpLf6U19ABH7lm2eUQS3%3D»""#,
        ],
        negatives: &[
            "https://chat.googleapis.com/v1/spaces/SPACE/messages?key=KEY&token=TOKEN",
            "https://chat.googleapis.com/v1/spaces/sri40OWMStP/messages",
        ],
    },
    Rule {
        id: "twilio-api-key",
        description: "Twilio API key, which pairs with a secret",
        keywords: &[
            "sk0", "sk1", "sk2", "sk3", "sk4", "sk5", "sk6", "sk7", "sk8", "sk9", "ska", "skb",
            "skc", "skd", "ske", "skf",
        ],
        pattern: r"\bSK[0-9A-Fa-f]{32}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "TWILIO_API_KEY=«SK080e0cb37b894ca6d075cede50fcbc77»",
            r#"twilio_key_sid: "«SKeabae29f14c74cd498f1e22dede658ae»""#,
        ],
        negatives: &[
            "TWILIO_API_KEY=SKxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "TWILIO_ACCOUNT_SID=AC9a4c46b7bb16187ae60e24d5f4b58fc5",
            "TASKd9f1b2d7b5bc39cd9aa2ca82b336edfa",
        ],
    },
    Rule {
        id: "twilio-auth-token",
        description: "Twilio auth token or API secret: calls and messages",
        keywords: &["twilio"],
        pattern: concat!(
            near!(r"twilio[\w .-]{0,16}(?:token|secret|auth|password)"),
            r"([0-9A-Fa-f]{32}|[A-Za-z0-9]{32})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "TWILIO_AUTH_TOKEN=«d54d15bdb9fae9d030844e66ba4431ea»",
            r#"twilio_api_secret: "«WlJcGS5KmJMRpBF7IKaS2hOCr07jJArX»""#,
        ],
        negatives: &["TWILIO_AUTH_TOKEN=your_auth_token", "TWILIO_AUTH_TOKEN=7134de0b7d046caa3c89"],
    },
    Rule {
        id: "vonage-secret",
        description: "Vonage or Nexmo API secret: calls and messages",
        keywords: &["vonage", "nexmo"],
        pattern: concat!(
            near!(r"(?:vonage|nexmo)[\w .-]{0,16}(?:secret|signature)"),
            r"([A-Za-z0-9]{16,32})\b"
        ),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "VONAGE_API_SECRET=«zahC2hRwAU2Ag1Tl»",
            r#"nexmo_signature_secret: "«mwS9oL9ubjV1drplg7H7iAPW3pmzndYl»""#,
        ],
        negatives: &["VONAGE_API_SECRET=<secret>", "VONAGE_API_SECRET=xxxxxxxxxxxxxxxx"],
    },
    Rule {
        id: "messagebird-token",
        description: "MessageBird access key: messages",
        keywords: &["messagebird", "message_bird", "message-bird"],
        pattern: concat!(
            near!("message[_-]?bird"),
            r"([A-Za-z0-9]{25}|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "MESSAGEBIRD_ACCESS_KEY=«yOCVUrwM7eMucamq4XDehMBSb»",
            r#"message-bird-client: "«1e3abf67-39c5-44f8-ac39-46fa6a244516»""#,
        ],
        negatives: &["MESSAGEBIRD_ACCESS_KEY=<key>", r#"messagebird_originator = "Acme""#],
    },
    Rule {
        id: "plivo-auth-token",
        description: "Plivo auth token: calls and messages",
        keywords: &["plivo"],
        pattern: concat!(near!("plivo"), r#"([A-Za-z0-9_-]{40})(?:\b|[\s"';,\\]|$)"#),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "PLIVO_AUTH_TOKEN=«VgpWC73Sb07KtBhTjylSWbfvGG3gsGcf5pg2vKQJ»",
            r#"plivo_token: "«beflZ1QDR2k1TQOyeFMWn3eN2TaDDw2GCXnTGYHW»""#,
        ],
        negatives: &["PLIVO_AUTH_TOKEN=<token>", "PLIVO_AUTH_ID=MAJCXV05PKKZ7WPZ9PD1"],
    },
    Rule {
        id: "sendbird-token",
        description: "Sendbird access token or application id",
        keywords: &["sendbird"],
        pattern: concat!(
            near!("sendbird"),
            r"([0-9A-Fa-f]{40}|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "SENDBIRD_API_TOKEN=«1bf663060170a9460556b924b3d3df4cdff46eda»",
            r#"sendbird_access_id: "«8bcb224b-410f-4bff-a35a-7255b76a47a6»""#,
        ],
        negatives: &["SENDBIRD_API_TOKEN=<token>", r#"sendbird_region = "eu-1""#],
    },
    Rule {
        id: "mattermost-access-token",
        description: "Mattermost access token: acts for a user",
        keywords: &["mattermost"],
        pattern: concat!(near!("mattermost"), r"([A-Za-z0-9]{26})\b"),
        min_entropy: 3.3,
        check: Check::Nothing,
        positives: &[
            "MATTERMOST_TOKEN=«f14sbzob7gw89pxiuogrnm3c6i»",
            r#"mattermost_access_token: "«n0ibp9bxdtgmu1vlxlt1j7zb89»""#,
        ],
        negatives: &["MATTERMOST_TOKEN=<token>", r#"mattermost_channel = "town-square""#],
    },
    Rule {
        id: "matrix-access-token",
        description: "Matrix (Synapse, MAS) access token: acts for a user",
        keywords: &["syt_", "mat_", "mct_"],
        pattern: r"\b(?:syt_[A-Za-z0-9+/=]{2,120}_[A-Za-z]{20}_[A-Za-z0-9]{6}|m[ac]t_[A-Za-z0-9]{24,40}_[A-Za-z0-9]{6})\b",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "MATRIX_TOKEN=«syt_QPnB9nwRQivv_cLpnPlEthExxcLYlTUfg_lLbf4h»",
            r#""access_token": "«mat_yLjqJuZloZPFQOTBzPVMgJgONF7LXk_Tj2Ogw»""#,
        ],
        negatives: &["MATRIX_TOKEN=syt_xxx", "mat_vec_product_of_rows_and_columns"],
    },
    Rule {
        id: "zulip-api-key",
        description: "Zulip API key: acts for a user or bot",
        keywords: &["zulip"],
        pattern: concat!(near!(r"zulip[\w .-]{0,16}key"), r"([A-Za-z0-9]{32})\b"),
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "ZULIP_API_KEY=«jzYBROLZVc7NiiyuktqTzpOxphyZNqod»",
            r#"zulip_bot_key: "«bt7g5eEQZ5I28T1vxFevsdaj5jy8MUfX»""#,
        ],
        negatives: &["ZULIP_API_KEY=<key>", r#"zulip_site = "https://chat.example.org""#],
    },
    Rule {
        id: "gitter-access-token",
        description: "Gitter access token",
        keywords: &["gitter"],
        pattern: concat!(near!("gitter"), r"([A-Za-z0-9_-]{40})\b"),
        min_entropy: 3.6,
        check: Check::Nothing,
        positives: &[
            "GITTER_TOKEN=«sWKzEGMqlUCRCYBlSOUj3-d9mT5hFK5x3gCAYNMT»",
            r#"gitter_access_token: "«8CRfguw5fqPpu7kxHbdvXncGbmDdCICyKQqhFJzD»""#,
        ],
        negatives: &["GITTER_TOKEN=<token>", r#"gitter_room = "acme/shop""#],
    },
    Rule {
        id: "line-channel-token",
        description: "LINE channel access token or secret: acts as the channel",
        keywords: &["line_channel", "line_access", "line_messaging", "linechannel"],
        pattern: concat!(
            near!(r"line[_-]?(?:channel|access|messaging)[\w .-]{0,16}"),
            r"([A-Za-z0-9+/]{140,200}={0,2}|[0-9A-Fa-f]{32}\b)"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "LINE_CHANNEL_ACCESS_TOKEN=«ImXpLjUlE19mvCxZDrhpu+EXOc/P2DFs9nk/TsNQIMJvNmt5uAsLQBrdPHxjeoE8yndJAGladTxRiH++iHkLEJgM5yhWTcvRio7Q4B0EpM/E6qRwLkR60dpAmqiV2C6O3CY9f02fp71rb8YirCyjWQ8idvI7wrLAUbsx+fBX=»",
            "LINE_CHANNEL_SECRET=«54f5ad5700ed0ce13edf392978f6ff8d»",
        ],
        negatives: &["LINE_CHANNEL_SECRET=<secret>", "line_channel_width = 3"],
    },
    Rule {
        id: "pusher-secret",
        description: "Pusher Channels secret: publishes events",
        keywords: &["pusher"],
        pattern: concat!(near!(r"pusher[\w .-]{0,16}secret"), r"([0-9A-Fa-f]{20})\b"),
        min_entropy: 2.8,
        check: Check::Nothing,
        positives: &[
            "PUSHER_APP_SECRET=«6e725d60292af9e3f8c4»",
            r#"pusher_secret: "«9a4f9f4139abb2ccf2a5»""#,
        ],
        negatives: &["PUSHER_APP_SECRET=<secret>", "PUSHER_APP_KEY=171ca1476caa1abb313e"],
    },
    Rule {
        id: "ably-api-key",
        description: "Ably API key: publishes and subscribes",
        keywords: &["ably"],
        pattern: concat!(
            near!(r"\bably"),
            r"([A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{6}:[A-Za-z0-9_-]{43})"
        ),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "ABLY_API_KEY=«Qh55Tw.s841k5:Z6xEtx7bxFy5rP3BT9A2v1dACwSvW8LafaZ2Wc7Bf0W»",
            "new Ably.Realtime('«zzuR0s.AGcR3a:z2siE2EeHWseaRFoyIzYUdrUZdLSMGAG28nH9ScOBgx»')",
        ],
        negatives: &["ABLY_API_KEY=xxx.yyy:zzz", "probably.Cl4naR.RZ9fiR:9Sg-ZMzeUj"],
    },
    Rule {
        id: "zoom-secret",
        description: "Zoom client secret or webhook token beside its name",
        keywords: &["zoom"],
        pattern: concat!(near!(r"zoom[\w .-]{0,16}(?:secret|token)"), r"([A-Za-z0-9_-]{22,32})\b"),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "ZOOM_CLIENT_SECRET=«d2D9BF4nUNGnVp3XN6lWV18nFK7w6vHc»",
            r#"zoom_webhook_secret_token: "«Aqk1BIgZundOFDXc8vyFn5»""#,
        ],
        negatives: &["ZOOM_CLIENT_SECRET=<secret>", "zoom_token = get_zoom_token()"],
    },
    Rule {
        id: "webex-token",
        description: "Webex bot or integration token",
        keywords: &["webex"],
        pattern: concat!(
            near!(r"webex[\w .-]{0,16}(?:token|secret)"),
            r"([A-Za-z0-9]{64}_[A-Z0-9]{4}_[0-9a-f-]{36}|[0-9A-Fa-f]{64})\b"
        ),
        min_entropy: 3.3,
        check: Check::Nothing,
        positives: &[
            "WEBEX_ACCESS_TOKEN=«ozt3M0UQVHnNqelaPLfRzFPnawWvNNZg51UpR3aOGerlaBqTMoeGc481N8uMktGo_PF84_e59410b9-5151-4a8b-aff6-812ed76a2b92»",
            r#"webex_client_secret: "«7d4a49799665489430dc51e91d369f6720dad4b04420ea838129e8c93baeb696»""#,
        ],
        negatives: &["WEBEX_ACCESS_TOKEN=<token>", r#"webex_room_id = "Y2lzY29z""#],
    },
    Rule {
        id: "telegram-bot-token-named",
        description: "Telegram bot token beside its name: speaks as the bot",
        keywords: &["telegr"],
        pattern: concat!(
            near!("telegr(?:am)?"),
            r#"([0-9]{5,16}:A[A-Za-z0-9_-]{34})(?:\b|[\s"';,\\]|$)"#
        ),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "TELEGRAM_BOT_TOKEN=«9829945606:AAf-crVQ3S8UH5Nmkn_SOFFfI-D_-3l6Bad»",
            r#"telegram: {"token": "«399079226:AA7lMTi7yrNz63Rb_RI5mtYKsb6vs8fKBq2»"}"#,
        ],
        negatives: &["TELEGRAM_BOT_TOKEN=<token>", r#"telegram_chat = "123456:ABC""#],
    },
];

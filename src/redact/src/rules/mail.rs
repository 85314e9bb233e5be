//! Mail and notification delivery.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "sendgrid-api-key",
        description: "SendGrid API key: sends mail as the domain",
        keywords: &["sg."],
        pattern: r"\bSG\.[A-Za-z0-9_=.-]{60,70}",
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "SENDGRID_API_KEY=«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»",
            "sgMail.setApiKey('«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»')",
        ],
        negatives: &[
            "SENDGRID_API_KEY=SG.xxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "SG.NLOTcg2z6J.x",
            "msg.nOIMuMttt95zS4W1gPgyZH.KtrT3KyhTq",
        ],
    },
    Rule {
        id: "mailgun-api-key",
        description: "Mailgun private API key: sends mail as the domain",
        keywords: &["key-"],
        pattern: r"\bkey-[0-9A-Fa-f]{32}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "MAILGUN_API_KEY=«key-3ed13eb3bf4571af2261e984520608b4»",
            "auth=('api', '«key-036b98349b34c1891cc612ff9e6d7b45»')",
        ],
        negatives: &[
            "MAILGUN_API_KEY=key-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "key-cdb9fcca59902573cc44",
            "monkey-c924239977d16e4aea1cc8e313896bba",
        ],
    },
    Rule {
        id: "mailgun-key-named",
        description: "Mailgun API or signing key beside its name",
        keywords: &["mailgun"],
        pattern: concat!(
            near!("mailgun"),
            r"((?:pubkey-)?[0-9A-Za-z]{32}(?:-[0-9A-Za-z]{8}-[0-9A-Za-z]{8})?)\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "MAILGUN_KEY=«145f21c858ccde4a7e303637cea2b385-f68bf941-3b1a5a3a»",
            r#"mailgun_signing_key: "«394645aeed466f5297e942e7583afef5»""#,
        ],
        negatives: &["MAILGUN_KEY=<key>", r#"mailgun_domain = "mg.example.org""#],
    },
    Rule {
        id: "mailchimp-api-key",
        description: "Mailchimp API key: reads and mails an audience",
        keywords: &["mailchimp", "mc_api"],
        pattern: concat!(
            near!(r"(?:mailchimp(?:sdk\.initialize)?|mc_api)"),
            r"([0-9A-Fa-f]{32}-us[0-9]{1,2})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "MAILCHIMP_API_KEY=«090a0ae215557f78a53a0357d1340b4f-us14»",
            r#"mailchimp.key: "«72f2cdd158499e53ab4c8a64a2c50bd1-us6»""#,
        ],
        negatives: &["MAILCHIMP_API_KEY=<key>-us1", r#"mailchimp_list = "d9996c6e06""#],
    },
    Rule {
        id: "mandrill-api-key",
        description: "Mandrill API key: sends mail as the domain",
        keywords: &["md-"],
        pattern: r"\bmd-[A-Za-z0-9_-]{22}\b",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "MANDRILL_API_KEY=«md-bdvS99DfszspRF2YB5kyyc»",
            r#""key": "«md-weYObr59RVZyfCJ6F4TfBJ»""#,
        ],
        negatives: &["MANDRILL_API_KEY=md-xxxxxxxxxxxxxxxxxxxxxx", "cmd-d0p1XcTgacFeeqp2g6Hpdc"],
    },
    Rule {
        id: "postmark-server-token",
        description: "Postmark server or account token: sends mail",
        keywords: &["postmark"],
        pattern: concat!(
            near!("postmark"),
            r"([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "POSTMARK_SERVER_TOKEN=«f42b9602-2215-4aef-a4f9-3ffe87e8cc98»",
            "X-Postmark-Server-Token: «f894ebc3-ceff-43ae-aa16-f66c338655ca»",
        ],
        negatives: &["POSTMARK_SERVER_TOKEN=POSTMARK_API_TEST", r#"postmark_stream = "outbound""#],
    },
    Rule {
        id: "brevo-api-key",
        description: "Brevo (Sendinblue) API or SMTP key: sends mail",
        keywords: &["xkeysib-", "xsmtpsib-"],
        pattern: r"\bx(?:key|smtp)sib-[0-9A-Fa-f]{64}-[A-Za-z0-9]{16}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "BREVO_API_KEY=«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»",
            "SMTP_PASSWORD=«xsmtpsib-65098072f33573793fbaada74767384791540d32d4cd514a340581f85bfe0dd1-v5PJRQYI2PDffmwx»",
        ],
        negatives: &["BREVO_API_KEY=xkeysib-xxx", "xkeysib-32dfbef74921a401df751e9e269565"],
    },
    Rule {
        id: "resend-api-key",
        description: "Resend API key: sends mail",
        keywords: &["re_"],
        pattern: r"\bre_[A-Za-z0-9]{8}_[A-Za-z0-9]{24}\b",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "RESEND_API_KEY=«re_n3P3J5Je_EdLXOLR4H0JJDxBWCATG1lou»",
            "new Resend('«re_OJ6tDKhq_ujxzysDxO0A3ZsFOhHXR8cFc»')",
        ],
        negatives: &[
            "RESEND_API_KEY=re_xxxxxxxx_xxxxxxxxxxxxxxxxxxxxxxxx",
            "re_compiled_pattern",
            "core_gTgt9k71_ZLjMP8WhJODC9fayI6yp8QKE",
        ],
    },
    Rule {
        id: "mailersend-token",
        description: "MailerSend API token: sends mail",
        keywords: &["mlsn."],
        pattern: r"\bmlsn\.[A-Za-z0-9]{30,70}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "MAILERSEND_API_KEY=«mlsn.b961cde0341b6e4f7f3b1d9edf7fe82916bb20b5f7dd140f1f042e820dbb2df7»",
            "Bearer «mlsn.fc61dd5838fed8a208431017691f00ed24ebe4f8eb0a064e6d5f05e61353c95c»",
        ],
        negatives: &["MAILERSEND_API_KEY=mlsn.xxx", "mlsn.4dd576a9ff36f9145b1d"],
    },
    Rule {
        id: "sparkpost-api-key",
        description: "SparkPost API key: sends mail",
        keywords: &["sparkpost"],
        pattern: concat!(near!("sparkpost"), r"([0-9A-Fa-f]{40})\b"),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "SPARKPOST_API_KEY=«c9c0a6fdcd087a163cd458cbd0b3dc996d4c60db»",
            r#"sparkpost.key = "«952b762dbdb5376da9826faf9f9a2d188f2c0743»""#,
        ],
        negatives: &["SPARKPOST_API_KEY=<key>", "sparkpost_sandbox = true"],
    },
    Rule {
        id: "mailjet-secret",
        description: "Mailjet API key or secret: sends mail",
        keywords: &["mailjet", "mj_apikey"],
        pattern: concat!(near!("(?:mailjet|mj_apikey)"), r"([0-9A-Fa-f]{32})\b"),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "MJ_APIKEY_PRIVATE=«6e3aef2dfd5a4952c20d0562a6456d9e»",
            r#"mailjet_secret: "«d4737b39808da23822a0dc19416b1883»""#,
        ],
        negatives: &["MJ_APIKEY_PRIVATE=<key>", "mailjet_template = 1234"],
    },
    Rule {
        id: "klaviyo-private-key",
        description: "Klaviyo private key: reads and mails an audience",
        keywords: &["pk_"],
        pattern: r"\bpk_[0-9A-Za-z]{34}\b|\bpk_[A-Za-z0-9]{6}_[0-9A-Fa-f]{34}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "KLAVIYO_PRIVATE_KEY=«pk_18ccc84d6dcd86d0a3d19a33ca0041e2f5»",
            "Authorization: Klaviyo-API-Key «pk_z237rN_cc70af4ba9c9d4aaaf24fcf7807829a49d»",
        ],
        negatives: &["KLAVIYO_PRIVATE_KEY=pk_xxx", "pk_live_GNAsAlg05K5vARhiVUdca5RT"],
    },
    Rule {
        id: "onesignal-api-key",
        description: "OneSignal API key: sends push messages",
        keywords: &["os_v2_"],
        pattern: r"\bos_v2_(?:app|org)_[a-z2-7]{90,120}\b",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "ONESIGNAL_API_KEY=«os_v2_app_737unnjfbvfzkujbomtixjfden53w6awauoxs6mgf66x6cztfscrqzyrwxdkkquppvqs7ny5c2xsezcbwrsmswnowwagdhe724xwvmv»",
            "Authorization: Key «os_v2_org_cyslva2sinhpfthot6724vw6yved2idikrhq2toa6yjcnlj4ca4myv2m3ag4ju4pongeoacd2a3yanlzgg7w5pc7jvxqwwzx3fp3w4c»",
        ],
        negatives: &["ONESIGNAL_API_KEY=os_v2_app_xxx", "os_v2_app_4jkko63pa6dxcrrq3j66"],
    },
    Rule {
        id: "customerio-key",
        description: "Customer.io API key: reads and messages people",
        keywords: &["customerio", "customer_io", "customer.io"],
        pattern: concat!(near!("customer[_.]?io"), r"([0-9A-Fa-f]{20}|[0-9A-Fa-f]{32})\b"),
        min_entropy: 2.8,
        check: Check::Nothing,
        positives: &[
            "CUSTOMERIO_API_KEY=«a8b827904584c5491b2a»",
            r#"customer_io_app_key: "«df483a09b9f7e82050fcaf3a94e769aa»""#,
        ],
        negatives: &["CUSTOMERIO_API_KEY=<key>", r#"customerio_region = "eu""#],
    },
    Rule {
        id: "courier-auth-token",
        description: "Courier authentication token: sends notifications",
        keywords: &["pk_prod_", "pk_test_"],
        pattern: r"\bpk_(?:prod|test)_[A-Z0-9]{28}\b",
        min_entropy: 3.3,
        check: Check::Nothing,
        positives: &[
            "COURIER_AUTH_TOKEN=«pk_prod_HDWIJFGZZRVB5U15EBJKZSPRA1GX»",
            r#"authorizationToken: "«pk_test_YMXFUZ3M6UKHQ40NHKSH3VLV4FLE»""#,
        ],
        negatives: &["COURIER_AUTH_TOKEN=pk_prod_XXX", "pk_test_CfkON4G4GcYLdJv9OiqYXfSg"],
    },
    Rule {
        id: "intercom-access-token",
        description: "Intercom access token: reads and writes conversations",
        keywords: &["intercom"],
        pattern: concat!(near!("intercom"), "(dG9r[A-Za-z0-9+/]{50,90}={0,2}|[A-Za-z0-9=_-]{60})"),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "INTERCOM_ACCESS_TOKEN=«dG9rO4wING8fPtsIWpZXI1kwxClWZ3JqF50K+CJIda27lu45hKoawsQiHYgkfE4P6+w/uNfckylvOwTs=»",
            r#"intercom_token: "«xhq-qNU6QAbH6XbA_P-B277leZ0qlNR4gRaUennki1dQ4IoiH6ggll5oYvTy»""#,
        ],
        negatives: &["INTERCOM_ACCESS_TOKEN=<token>", r#"intercom_app_id = "a1b2c3""#],
    },
    Rule {
        id: "zendesk-token",
        description: "Zendesk API token or secret: reads and writes tickets",
        keywords: &["zendesk"],
        pattern: concat!(near!("zendesk"), r"([A-Za-z0-9]{40}|[0-9A-Fa-f]{64})\b"),
        min_entropy: 3.3,
        check: Check::Nothing,
        positives: &[
            "ZENDESK_API_TOKEN=«tYtHEzw3yUGxd4ISEU2poD9jBaWtAXd1s3QDdsDV»",
            r#"zendesk_secret_key: "«9KmzwRxRtPykCDNKkY1B5uCpn9c45VK9acSjC1CH»""#,
        ],
        negatives: &["ZENDESK_API_TOKEN=<token>", r#"zendesk_subdomain = "acme""#],
    },
    Rule {
        id: "freshdesk-api-key",
        description: "Freshdesk API key: reads and writes tickets",
        keywords: &["freshdesk", "freshservice"],
        pattern: concat!(
            near!(r"fresh(?:desk|service)[\w .-]{0,20}(?:key|token|secret)"),
            r"([A-Za-z0-9]{18,22})\b"
        ),
        min_entropy: 3.4,
        check: Check::Nothing,
        positives: &[
            "FRESHDESK_API_KEY=«2s8z5UjEKhvkuB4i4cQF»",
            r#"freshservice_key: "«DoLEA8zZ3dz3iGk6TJDq»""#,
        ],
        negatives: &["FRESHDESK_API_KEY=<key>", r#"freshdesk_domain = "acme""#],
    },
    Rule {
        id: "pushover-key",
        description: "Pushover token or user key: sends push messages",
        keywords: &["pushover"],
        pattern: concat!(near!("pushover"), r"([au][A-Za-z0-9]{29})\b"),
        min_entropy: 3.4,
        check: Check::Nothing,
        positives: &[
            "PUSHOVER_TOKEN=«aq7og78vcjmxtb4519ggtk88t5x4bd»",
            r#"pushover_user: "«uthuhiov9fst66x9xbctxf6gn10k38»""#,
        ],
        negatives: &["PUSHOVER_TOKEN=<token>", "pushover_priority = 1"],
    },
];

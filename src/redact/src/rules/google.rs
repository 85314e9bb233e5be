//! Google Cloud, Firebase and reCAPTCHA.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "google-api-key",
        description: "Google API key: bills the project for Maps, Gemini and other services",
        keywords: &["aiza"],
        pattern: "AIza[A-Za-z0-9_-]{35}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "GEMINI_API_KEY=«AIzaSyTTacyxuN7hbeHfuuI9EoGa7TVziH9yFqz»",
            r#""apiKey": "«AIzaSyMJV5iwiF3N2MACddVJ_dvRNA3Zwx8r6IO»","#,
            "https://maps.googleapis.com/maps/api/js?key=«AIzaSyJ3wRlEI4BfgN-o8xRNkPAAiyV1CozOO0v»&callback=init",
        ],
        negatives: &[
            r#"apiKey: "AIzaSyXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX""#,
            "key=AIza61kXZ45B7fmW_3mar3oZ",
        ],
    },
    Rule {
        id: "google-oauth-client-secret",
        description: "Google OAuth client secret: acts as the application",
        keywords: &["gocspx-"],
        pattern: "GOCSPX-[A-Za-z0-9_-]{28}",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            r#""client_secret":"«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»""#,
            "GOOGLE_CLIENT_SECRET=«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»",
        ],
        negatives: &[
            "GOOGLE_CLIENT_SECRET=GOCSPX-your-secret",
            "client_secret: GOCSPX-xxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        ],
    },
    Rule {
        id: "google-oauth-access-token",
        description: "Google OAuth access token: acts for a user or service account for an hour",
        keywords: &["ya29."],
        pattern: r"ya29\.[A-Za-z0-9_-][A-Za-z0-9._-]{38,1000}",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "Authorization: Bearer «ya29.a0AbcwTw4TI8YK35dzUV_3zOdUYOV8AhFP4XobWt2gQE6RLSV6VTqXZLG5U4EAebr3dB-NESthvB6oUuT3Uzwmvb1BfsfhSUg_krNct2hPEI_TkFfZ0QeshteUoQG-eA2NCBr_aXPH-SSHiUwO5q3hfE0L20ZBJNz-S»",
            r#"{"access_token": "«ya29.c.c0ASRK0GgPNDvCUvM-Uk6YGzKtHZiIf7k1IhfECVXt-j7knxAbqk571G2i0nv9hD5SJiqvMmM9lht8XzJaGMDGRbsWWE7kRCGl-S7hMPqLnXs_OzTitP3JqZ73SdarSa»", "token_type": "Bearer"}"#,
        ],
        negatives: &[r#""access_token": "ya29....""#, r#"token = "ya29.kzM6miquZtEk""#],
    },
    Rule {
        id: "google-oauth-refresh-token",
        description: "Google OAuth refresh token: makes new access tokens until revoked",
        keywords: &["1//0"],
        pattern: r"\b1//0[A-Za-z0-9_-]{40,150}",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            r#""refresh_token": "«1//0gIoh586RRqHvV13oAf9eScMaE7tBEjTVndgk3wtzNa8SyOqDhX2ixMKqDt5Rk»""#,
            "GDRIVE_REFRESH_TOKEN=«1//04gocmfk5oEFp0P6BzrCUiRDz04_eDONfFc6ANBjx2SEaww0tSvUXafqaET0DOdgAJZdA-gLmKr92RfOEeh38Fi3sOQJBHpo7IWW»",
        ],
        negatives: &[r#"refresh_token = "1//0xxx""#, "let half = 1//0;", "path: a1//0ZNJCGKK0Ad"],
    },
    Rule {
        id: "google-hmac-key-id",
        description: "Google Cloud Storage HMAC access id, which pairs with a secret",
        keywords: &["goog1e"],
        pattern: r"GOOG1E[A-Z0-9]{55}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "gs_access_key_id = «GOOG1EVBGLSRW4Q30LY40DI9MVLRX7ZYDGKSG3UC1BDSJCRKMB3QUTJGXRWFH»",
            r#""accessId": "«GOOG1EIF6O92DKC6PNVRJG0P4S8IGWLGVM7KNYFUN6306C7FXZZMKBYAHZGP2»""#,
        ],
        negatives: &["accessId: GOOG1EXAMPLE", "GOOG1EE9YEGM3J0HBGGCOOHZNDOHCH26S7IU"],
    },
    Rule {
        id: "google-hmac-secret",
        description: "Google Cloud Storage HMAC secret: signs storage requests",
        keywords: &["gs_secret_access_key", "gcs_secret", "gcs_hmac_secret", "hmac_secret"],
        pattern: concat!(near!("(?:gs|gcs|hmac)_(?:hmac_)?secret"), "([A-Za-z0-9/+]{40})"),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "gs_secret_access_key = «bJwmGXKichvxox7jwoyarmznfSgFx7176vcdnI7G»\n",
            r#"GCS_HMAC_SECRET="«Qx7Q5kRCDibyP/W8JH93rBYh7zRvFziZrWSZnBfS»""#,
        ],
        negatives: &[
            "gs_secret_access_key = <secret>",
            r#"hmac_secret = "ArhgsxtC/visx7pJVvOM7X8Q""#,
        ],
    },
    Rule {
        id: "google-recaptcha-secret",
        description: "reCAPTCHA secret key: verifies challenges as the site",
        keywords: &["recaptcha"],
        pattern: concat!(
            near!(r#"recaptcha[\w\s.:"'-]{0,24}(?:secret|private)"#),
            r"(6L[A-Za-z0-9_-]{38})\b"
        ),
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "RECAPTCHA_SECRET_KEY=«6LcwrxIgV4iZO5XHgtso7G6N1mwfoA7r3EoYDa6a»",
            "recaptcha:\n  private_key: \"«6LeH9ZDcYDLcxsn7SqZY4qTNxoyqFKh_EbeBrx3V»\"\n",
        ],
        negatives: &[
            "RECAPTCHA_SITE_KEY=6LcnBDw7zKWrQtWlaLkzCttsbxUvN-4IMY0HGupI",
            "RECAPTCHA_SECRET_KEY=6Lxxxx",
        ],
    },
    Rule {
        id: "firebase-messaging-server-key",
        description: "Firebase Cloud Messaging server key: sends push messages to every device",
        keywords: &[":apa91b"],
        pattern: ":(APA91b[A-Za-z0-9_-]{130,140})",
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "Authorization: key=AAAAGUYq8MC:«APA91b735dpO_ep4vbJzq6mG0K9fCIZDP8ZNYbMNCxOd342lrRPFoVEHeoYjmOvXRV3l1zN9dzyered8C80E9HA5FPWwChimdXeCAUrC3LQ-dmqAC8weVyr9CeSFhSPRaMZhFgOSCI1B»",
            r#"FCM_SERVER_KEY="AAAAmK1q63z:«APA91bSmBx-zh6v7g9ZCy6MmFRfupUzTx1fYjaB-pmnr_NrtzJ2LRQh4TI0vtIdf5WrNkU6jhJwhuvBxeEfoQphYRyRIkcRX21nyiX-aHnMazmw-WLxN59CdZXYPrmg5983Hw9xJ2Fdm»""#,
        ],
        negatives: &[
            "FCM_SERVER_KEY=AAAAxxxxxxx:APA91b...",
            "server_key: APA91bBY-ROCsAz4lTyPPuvvVJ",
        ],
    },
];

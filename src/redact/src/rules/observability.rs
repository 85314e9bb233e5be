//! Metrics, logs, traces, errors, alerts and product analytics.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "datadog-api-key",
        description: "Datadog API key: sends data to the account",
        keywords: &["datadog", "dd_api", "dd-api"],
        pattern: concat!(near!(r"(?:datadog|\bdd[_-]api[_-]key)"), r"([A-Za-z0-9]{32})\b"),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "DD_API_KEY=«ab117e63f6cc0b14d6a6782f323c121e»",
            "datadogApiKey: «d4dc981d00f7b780717ce60f8b978117»\n",
            "DD-API-KEY: «dd859a6704466a58b251bc8e44c36572»",
        ],
        negatives: &[
            "DD_API_KEY=<api key>",
            r#"datadog_agent_version = "7.50.1""#,
            r#"datadog_key = "f3d6d6ae1568b2bba73e""#,
        ],
    },
    Rule {
        id: "datadog-application-key",
        description: "Datadog application key: reads and changes the account",
        keywords: &["datadog", "dd_app", "dd-app"],
        pattern: concat!(
            near!(r"(?:datadog|\bdd[_-]app(?:lication)?[_-]key)"),
            r#"([A-Za-z0-9-]{40}|ddapp_[A-Za-z0-9]{34})(?:\b|[\s"';,\\]|$)"#
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "DD_APP_KEY=«1e413776a66e26e9031aa3920f477c28ef387756»",
            r#"datadog_app_key: "«23b9661c0bbb1524a2b74a97f541cde2a807fff6»""#,
            "DD-APPLICATION-KEY: «ddapp_PL0TfFwBiZfBwJ3dIQ1r5lI6XHYMavKHdu»",
        ],
        negatives: &["DD_APP_KEY=<app key>", "datadog_app_key = var.app_key"],
    },
    Rule {
        id: "new-relic-user-key",
        description: "New Relic user, admin or browser key",
        keywords: &["nrak-", "nraa-", "nrjs-", "nrra-", "nrbr-"],
        pattern: r"\bNR(?:AK|AA|RA|BR)-[A-Za-z0-9-]{27,42}\b|\bNRJS-[0-9A-Fa-f]{19}\b",
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "NEW_RELIC_API_KEY=«NRAK-BDY6TBASS6TZW4AJYZ31AGXXTT3»",
            "Api-Key: «NRAA-1dade2f76bbe77a67e7a6a95c8e»",
            r#"licenseKey: "«NRJS-2c774e0fa266e6ecf82»""#,
        ],
        negatives: &["NEW_RELIC_API_KEY=NRAK-XXXXXXXXXXXXXXXXXXXXXXXXXXX", "NRAK-WR2LB7KRZ5"],
    },
    Rule {
        id: "new-relic-insert-key",
        description: "New Relic insert or query key",
        keywords: &["nrii-", "nriq-"],
        pattern: r"\bNRI[IQ]-[A-Za-z0-9_-]{28,40}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "NEW_RELIC_INSERT_KEY=«NRII-P104qmytXq4BW1y5eW6p1eZ8Kxvm6ob1»",
            "X-Insert-Key: «NRII-bTF31asTe50binPW0TbSMqGaysTrhYfz»",
        ],
        negatives: &["X-Insert-Key: NRII-xxx", "NRII-U2Vo6Jsjyp"],
    },
    Rule {
        id: "new-relic-license-key",
        description: "New Relic license or id beside its name",
        keywords: &["newrelic", "new_relic", "new-relic", "new", "relic"],
        pattern: concat!(
            near!("new[ _-]?relic"),
            r"((?:eu01xx)?[0-9A-Fa-f]{28,36}(?:NRAL|FFFFNRAL)|[0-9A-Fa-f]{40}|[A-Za-z0-9]{64})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "NEW_RELIC_LICENSE_KEY=«599f78bf1a6f88862ada5988363686bc4939NRAL»",
            "newrelic.license_key = «bcc388d71d231bfc855cb5e38250734db69a6fe7»",
            r#"new-relic-user-api-id: "«M6OFEZKYKAMM5SLTGSYCFYIPAHW3KXTSPQB33D7SZ7M1BL33ZCRYOAUFL79XYUQM»""#,
        ],
        negatives: &["NEW_RELIC_LICENSE_KEY=<key>", r#"new_relic_app_name = "shop""#],
    },
    Rule {
        id: "grafana-service-account-token",
        description: "Grafana service account token",
        keywords: &["glsa_"],
        pattern: r"\bglsa_[A-Za-z0-9]{32}_[0-9A-Fa-f]{8}\b",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "GRAFANA_TOKEN=«glsa_2yg5FmMVjCoAPH4yBjnzxyb954yVr7yG_2b21b761»",
            "Authorization: Bearer «glsa_LL826Fhi9KaEnIJdLGB1oGl7aj9gVprB_15a60453»",
        ],
        negatives: &["GRAFANA_TOKEN=glsa_xxx", "glsa_9Q8YPoy7SG6prPC2TvMI"],
    },
    Rule {
        id: "grafana-cloud-token",
        description: "Grafana Cloud access policy token",
        keywords: &["glc_"],
        pattern: r"\bglc_[A-Za-z0-9+/]{32,400}={0,3}",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "GRAFANA_CLOUD_TOKEN=«glc_eyJvIjoizkAMHzv01x0T7I8ayrwtDj8hlSVMot+konsl1uuh64IGEcORtDk1JEQd1aMoZfucXnCOII57WEqLfX76=»",
            "password: «glc_kDllaoaVmea0ocE78oeg127LFyqoYpYUm/r0C76f+tftWEsWSHnXbKaeYrkWFiMQGeHDlRQYiSfg1JwIN3ob6vKlSISZ92afb9L8fKzDCzIPWNtGwHTE/qAr»",
        ],
        negatives: &["GRAFANA_CLOUD_TOKEN=glc_xxx", "glc_DOp91QH38a"],
    },
    Rule {
        id: "grafana-api-key",
        description: "Grafana API key in the older format",
        keywords: &["eyjrijoi"],
        pattern: r"\beyJrIjoi[A-Za-z0-9+/]{40,400}={0,3}",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "GRAFANA_API_KEY=«eyJrIjoidXvyZ/eTH5ujegfiBBB6eA3Y9QVLssheYwcFfLjI1a7DKHLZnawmpLWZNl9GJAmTgYgXYElDXE68V4GUDHJ1VcsvYcQu==»",
            "Bearer «eyJrIjoil91PXWkFtAjd0m/0BDpwrcg+V33mJArkz24zIB1cLYMJbZ4jKdwGTMSygdoqI8FBV53Z2LqBmTSyf3Hb5jrvciTDcLeLUmLd50kE»",
        ],
        negatives: &["GRAFANA_API_KEY=eyJrIjoi...", "eyJrIjoiMMo2yyJTe4n5kVw9GzBK"],
    },
    Rule {
        id: "sentry-org-token",
        description: "Sentry organization token",
        keywords: &["sntrys_"],
        pattern: r"\bsntrys_eyJ[A-Za-z0-9+/=_-]{60,500}",
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "SENTRY_AUTH_TOKEN=«sntrys_eyJpYXQiOjE3AZrGORAf99FnBQsO0h5JizwPU1VSL5cedizuvIuLEHYaL4f6JT59vUATsFcRVQ2sai38ObtxBoDMaZSBovdI4Scb0cV8JLcwV+8Opi1laLgPLvSZBz9TiB5D==_8aF5/lSzKtY6H4woHsrOjE27w1xNgzM0MlCWlyd90Xr»",
            "auth.token=«sntrys_eyJpYXQiDzeEyvVFtA+Fn+QMDOa8Wt4eay5kidcbgA662l5FJM+sfpSKM3YZEbSiNkar59dB7La2R+TuhwMZspXJqf2d/3XMMtoW3ElEPOe9JDZsp15PpwBAm68/wXYMkCjYiMNxYEh2LnP3Z8BM+W6KLJgx/2=_tG7BCxqFlWZBsxanRhLB3XtWa2Cw6Qdo14mBbezoUsx»",
        ],
        negatives: &["SENTRY_AUTH_TOKEN=sntrys_xxx", "sntrys_eyJgFT/Ler/SJ2wTJu71ImQ"],
    },
    Rule {
        id: "sentry-user-token",
        description: "Sentry user or application token",
        keywords: &["sntryu_", "sntrya_", "sntryr_", "sntryi_"],
        pattern: r"\bsntry[uair]_[0-9A-Fa-f]{64}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "SENTRY_AUTH_TOKEN=«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»",
            "token=«sntrya_a029d37e3a3fb25dd16511efd24ae2e0b71750e09d36e6e51e488e1b42beb5ad»",
        ],
        negatives: &["SENTRY_AUTH_TOKEN=sntryu_xxx", "sntryu_d94fab48c639e7bf651180c6d99c8fa9"],
    },
    Rule {
        id: "sentry-token-named",
        description: "Sentry token in the older format, beside its name",
        keywords: &["sentry"],
        pattern: concat!(near!("sentry"), r"([0-9A-Fa-f]{64})\b"),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "SENTRY_AUTH_TOKEN=«cba6f16c50ec900a40c74607880c3113c35732ea974471e0912310f9bf1ce9d1»",
            "[auth]\nsentry_token=«c6c7caf7954f48a8c3ee31229b6deb1980bd42a75d308ced7abab6c874205c21»\n",
        ],
        negatives: &[
            "SENTRY_AUTH_TOKEN=<token>",
            "SENTRY_RELEASE=d56dee0fc94e79db156c8ec34f15ee3ba1f235d9",
        ],
    },
    Rule {
        id: "sentry-dsn-secret",
        description: "Sentry address with its secret key",
        keywords: &["https://"],
        pattern: r"https://[0-9A-Fa-f]{32}:([0-9A-Fa-f]{32})@[\w.-]{0,80}sentry",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "SENTRY_DSN=https://792461c5121766fbae5da2dc2423c5e8:«f206d434de3d78539fad5342035f6925»@sentry.io/123",
            r#"dsn: "https://447242f0d55d4c12b56e66bbcbf8e09d:«8c586561fa1fda6f31519db566a95345»@o1.ingest.sentry.io/4""#,
        ],
        negatives: &[
            "SENTRY_DSN=https://95ce765306fef7d41ac53e43912b2c10@o1.ingest.sentry.io/1",
            "SENTRY_DSN=https://key:secret@sentry.io/1",
        ],
    },
    Rule {
        id: "honeycomb-key",
        description: "Honeycomb ingest, configuration or management key",
        keywords: &["hcaik_", "hcbik_", "hcxik_", "hcamk_", "hcalk_", "hcxlk_"],
        pattern: r"\bhc[abx][iml]k_[A-Za-z0-9]{26,80}\b",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "HONEYCOMB_API_KEY=«hcaik_y95c7q8m5m0qrtqo8xfylux6p3rdcv2w4znklu74v51t2lflgnbgwy23a1»",
            "X-Honeycomb-Team: «hcbik_km95gufgsvw8n7xtpbgrfsruicl6jb09ax17sle2kk7ywgx6qx7tordket»",
        ],
        negatives: &[
            "HONEYCOMB_API_KEY=hcaik_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "hcaik_FMuX8wN7iK",
        ],
    },
    Rule {
        id: "honeycomb-key-named",
        description: "Honeycomb key in the older format, beside its name",
        keywords: &["honeycomb"],
        pattern: concat!(near!("honeycomb"), r"([0-9A-Fa-f]{32}|[A-Za-z0-9]{22})\b"),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "HONEYCOMB_API_KEY=«NEKa1xKIsy71Jwrb0cD1pZ»",
            "X-Honeycomb-Team: «262ed1b50e9df3075bd1e106aac1d0e1»",
        ],
        negatives: &["HONEYCOMB_API_KEY=<key>", r#"honeycomb_dataset = "prod""#],
    },
    Rule {
        id: "dynatrace-token",
        description: "Dynatrace API, OAuth or platform token",
        keywords: &["dt0"],
        pattern: r"\bdt0[a-z]{1,2}[0-9]{2}\.[A-Za-z0-9]{8,24}\.[A-Za-z0-9]{64}\b",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "DT_API_TOKEN=«dt0c01.D2VCRZ4B2Q3HYBA5IVPID372.LAAEHDXC6VMRCADLJ672Q25H7JYNCSUWBXWAFVOTZXNUMWXPZD3P4LSXOUVMZBDC»",
            "Authorization: Api-Token «dt0s16.XJ6UORWS.YJCH5REFZPEPGI5O25MUUHLQSZ5YVJ6GL5MSM5O3SOAZGGH3QTPIMBCCD32DQMIQ»",
        ],
        negatives: &["DT_API_TOKEN=dt0c01.XXX.YYY", "dt0c01.WYM2XH5QB33R43Q53HYBM4Q5.WAELF5YDKZ"],
    },
];

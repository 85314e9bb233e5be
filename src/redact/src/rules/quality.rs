//! Code quality, delivery and feature flags.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "snyk-token",
        description: "Snyk API token: reads projects and their findings",
        keywords: &["snyk"],
        pattern: concat!(
            near!(r"snyk[\w .-]{0,24}"),
            r"([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "SNYK_TOKEN=«fd03d85e-2635-4af8-aa6d-3c3e675c4ba7»",
            "snyk config set api=«f23ceacb-0bd2-441c-a097-c93cb7c86c8d»",
        ],
        negatives: &["SNYK_TOKEN=${{ secrets.SNYK_TOKEN }}", "snyk-api-key: <uuid>"],
    },
    Rule {
        id: "snyk-personal-access-token",
        description: "Snyk personal access token",
        keywords: &["snyk_uat.", "snyk_sat."],
        pattern: r"\bsnyk_[us]at\.[0-9A-Fa-f]{8}\.[A-Za-z0-9_-]{20,1200}(?:\.[A-Za-z0-9_-]{20,600}){0,2}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "SNYK_TOKEN=«snyk_uat.b2021687.UHtFGiG5hZpXcMEjSYDUUcypVQPJwlqfQyduej7aTQhcVlQrJNEnLfHg6S2GKf87zo24D-5-xw-z9GliKWEJUkA9mFzHuNNuUkNgKrgqIJEEb6smr3KdGxnUSDBkL9ex-__IJ51KcB9crOJJ3ZUbfoWfAM7RoN3j7k2Dprm-7E7s9dP5X9sVig6zXL4vo3vMHUjxAACp.P6Ix2nGjPN6_fnEcw7A5ZRPr8z40SLuzixIfUDhSNvaxylN_XnKZGI6CsLsCwmmW»",
            r#""token": "«snyk_sat.b8085754.Smt7qIYyfXN2MYNOYUF-6z6d1048dJelm3S8asXFIC-1OafR2GwB1N7cuafr»""#,
        ],
        negatives: &["SNYK_TOKEN=snyk_uat.xxx", "snyk_uat.8a954a8a.short"],
    },
    Rule {
        id: "octopus-deploy-api-key",
        description: "Octopus Deploy API key: deploys",
        keywords: &["api-"],
        pattern: r"\bAPI-[A-Z0-9]{25,32}\b",
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "OCTOPUS_API_KEY=«API-PDYHZX7ZPOJQ7A2RRO294YKTLH»",
            "octo push --apiKey «API-IYYFKKGKDLC0MP5ZZS6XTYH5WT5G0EQM»",
        ],
        negatives: &[
            "OCTOPUS_API_KEY=API-XXXXXXXXXXXXXXXXXXXXXXXXXX",
            "the API-DOCUMENTATION page",
        ],
    },
    Rule {
        id: "harness-token",
        description: "Harness personal or service account token",
        keywords: &["pat.", "sat."],
        pattern: r"\b(?:pat|sat)\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{20}\b",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "HARNESS_API_KEY=«pat.9LdGQJfaAm_yEsyHA55HYN.cc2dff7536904fab028b0f88.Car5fNpHlmdGzq4kvCvG»",
            "x-api-key: «sat.FvOVA2n6Dim10Npkjkea0j.da1670874be31f762fea75ee.Ni6Tlf8RpNrtsvqoGqJp»",
        ],
        negatives: &["HARNESS_API_KEY=pat.ACCOUNT.ID.SECRET", "format.oyJb55fGbMY5974sxkMPOt.x"],
    },
    Rule {
        id: "teamcity-token",
        description: "TeamCity access token",
        keywords: &["eyj0exaioiaivenwmij9."],
        pattern: r"eyJ0eXAiOiAiVENWMiJ9\.[A-Za-z0-9_-]{36}\.[A-Za-z0-9_-]{48}",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "TEAMCITY_TOKEN=«eyJ0eXAiOiAiVENWMiJ9.opvF_ZLZdX5IiKPFyEuhndLFw03sQHEXe--m.kRMWRbI1Bzjqw3UwmwfzoaXyKjbwSwEFQVQqsaxVS3rjmZCa»",
            "Authorization: Bearer «eyJ0eXAiOiAiVENWMiJ9.iF9Hy2p_cervdTelboNb0vJZrU0sUXvar8dJ.sjzLIlmOx9bqG87UwA4iPJbI7N6v0b4xAcTqflrj3fw9ssbH»",
        ],
        negatives: &[
            "TEAMCITY_TOKEN=eyJ0eXAiOiAiVENWMiJ9.xxx.yyy",
            "eyJ0eXAiOiAiVENWMiJ9.jC1VceR3t7",
        ],
    },
    Rule {
        id: "appveyor-token",
        description: "AppVeyor API token",
        keywords: &["appveyor"],
        pattern: concat!(
            near!(r"appveyor[\w .-]{0,16}(?:token|key)"),
            r"((?:v2\.)?[A-Za-z0-9]{20})\b"
        ),
        min_entropy: 3.3,
        check: Check::Nothing,
        positives: &[
            "APPVEYOR_TOKEN=«v2.1zs3w5t80ti3h1yeloi8»",
            "appveyor_api_key: «btj249x8cok1pawvqpvk»",
        ],
        negatives: &["APPVEYOR_TOKEN=<token>", "appveyor_build_version=1.0.2"],
    },
    Rule {
        id: "bitrise-token",
        description: "Bitrise personal access token",
        keywords: &["bitrise"],
        pattern: concat!(near!("bitrise"), "([A-Za-z0-9_-]{60,120})"),
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "BITRISE_TOKEN=«R74O2wg28NJZxfbhteeC-3gMAf6nby29eKzPk9JFjaLcDIeDFgtYcLtmwJF9XMk0r0G0ZXqxHdxwEXj3yiFnQR»",
            r#"bitrise_api_key: "«hR-KhfI45khaxB_FhMl7NotUsxUBKUnxxb2_I-KgtaGkLb7SvS1QrJwhMnuwKk6g4ZV72Zv38W1PT5x4uuTd17»""#,
        ],
        negatives: &[
            "BITRISE_TOKEN=$BITRISE_TOKEN",
            "bitrise_token: ajUtGisXH1Y5qdMNT_uNVy-0VKod0LUwHhUTuo2Z",
        ],
    },
    Rule {
        id: "expo-access-token",
        description: "Expo access token: builds and submits applications",
        keywords: &["expo"],
        pattern: concat!(near!(r"expo[\w .-]{0,16}token"), r"([A-Za-z0-9_-]{40})\b"),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "EXPO_TOKEN=«CceyqkkLk4FP1jlwNpn5EguQUU87kGp39Vont32x»",
            r#"expo_access_token: "«Mf3QnWvErxTZYJM0fAak8_flIOc4bRvoH5Km2a9I»""#,
        ],
        negatives: &[
            "EXPO_TOKEN=${{ secrets.EXPO_TOKEN }}",
            "ExponentPushToken[BjcTILW14JlXfMqEpzhfkU]",
        ],
    },
    Rule {
        id: "launchdarkly-token",
        description: "LaunchDarkly access token or SDK key",
        keywords: &["launchdarkly", "launch_darkly", "ld_"],
        pattern: concat!(
            near!(r"(?:launch_?darkly|\bld_)"),
            r"((?:api-|sdk-|mob-)?[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}|[A-Za-z0-9=_-]{40})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "LAUNCHDARKLY_SDK_KEY=«sdk-cbd902d8-1fc8-41a5-a69d-6d512e6d50cd»",
            r#"launchdarkly_access_token = "«api-325d2edd-1ac0-4f97-ab15-92a2b898dd72»""#,
            "LD_API_KEY=«hMY_urxVRCEDGYPlQuRkSrpCIcm4mP9SfRz__nRD»",
        ],
        negatives: &["LAUNCHDARKLY_SDK_KEY=sdk-xxx", r#"launchdarkly_environment = "production""#],
    },
    Rule {
        id: "flagsmith-server-key",
        description: "Flagsmith server-side environment key",
        keywords: &["ser."],
        pattern: r"\bser\.[A-Za-z0-9]{22}\b",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "FLAGSMITH_KEY=«ser.lAMohKVK8HcYfcGmPdmd94»",
            r#"environment_key="«ser.BM61z11OnRKPvvqr8K1ITz»""#,
        ],
        negatives: &[
            "FLAGSMITH_KEY=ser.xxxxxxxxxxxxxxxxxxxxxx",
            "user.oge11b56Q0CBeczYml3TQO",
            "ser.serialize",
        ],
    },
    Rule {
        id: "configcat-sdk-key",
        description: "ConfigCat SDK key",
        keywords: &["configcat"],
        pattern: concat!(
            r"\bconfigcat-sdk-1/[A-Za-z0-9_-]{22}/[A-Za-z0-9_-]{22}|",
            near!("configcat"),
            "((?:configcat-sdk-1/)?[A-Za-z0-9_-]{22}/[A-Za-z0-9_-]{22})"
        ),
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "CONFIGCAT_SDK_KEY=«configcat-sdk-1/NWn3tgG9fClVYeb5BV93zn/4oxPKJtxyHsocbIyc8K03r»",
            r#"getClient("«configcat-sdk-1/tx1IRY7okJP1gJfSoEKU0E/xoNpOudEi9pT4L4wf2XoAR»")"#,
        ],
        negatives: &[
            "configcat-sdk-1/XXXXXXXXXXXXXXXXXXXXXX/XXXXXXXXXXXXXXXXXXXXXX",
            "configcat-sdk-1/<key>",
        ],
    },
    Rule {
        id: "statsig-secret-key",
        description: "Statsig server secret or console key",
        keywords: &["secret-", "console-"],
        pattern: r"\b(?:secret|console)-[A-Za-z0-9]{43,45}\b",
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "STATSIG_SECRET=«secret-0DwM60ZqOU9XLcV4qWhoU5KOllDkbpJa3L7H6qOjjlW»",
            "STATSIG-API-KEY: «console-9s082Oa9e4sLfAEydtmYS8QwO8ajbEqGOxwlImI0FgY»",
        ],
        negatives: &["STATSIG_SECRET=secret-key", "name: secret-E2ppgw2evkzwapuNKCbV"],
    },
    Rule {
        id: "endor-labs-token",
        description: "Endor Labs API key",
        keywords: &["endr+"],
        pattern: r"\bendr\+[A-Za-z0-9-]{16}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "ENDOR_API_CREDENTIALS_KEY=«endr+e50rtY02TKy43YSx»",
            "key: «endr+SngMs5o8oRuqNsMR»",
        ],
        negatives: &["ENDOR_API_CREDENTIALS_KEY=endr+<key>", "endr+UMhT9de7"],
    },
    Rule {
        id: "semaphore-token",
        description: "Semaphore CI API token",
        keywords: &["semaphore"],
        pattern: concat!(
            near!(r"semaphore[\w .-]{0,16}(?:token|key)"),
            r"([A-Za-z0-9_-]{20,44})\b"
        ),
        min_entropy: 3.6,
        check: Check::Nothing,
        positives: &[
            "SEMAPHORE_API_TOKEN=«0cCm8Gp0j3KR5kc4Qn0yhSML7h2EY7sYBk1NoFxU»",
            r#"semaphore_token: "«vFPm7vnwLAATrEyzT0oK»""#,
        ],
        negatives: &["SEMAPHORE_API_TOKEN=$TOKEN", "semaphore_key = get_semaphore_key()"],
    },
    Rule {
        id: "scalr-token",
        description: "Scalr API token",
        keywords: &["scalr"],
        pattern: concat!(
            near!("scalr"),
            r"(at-[a-z0-9]{10,24}\.[A-Za-z0-9_-]{30,100}|eyJ[A-Za-z0-9_-]{20,200}\.[A-Za-z0-9_-]{20,600}\.[A-Za-z0-9_-]{20,200})"
        ),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "SCALR_TOKEN=«eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1c2VyLTM0ODY0NSIsImlhdCI6MTc2NzE3MzIyMn0.kUL0Zh8yYqWjt1XkaeqyM4LuFHJmXDJhf0jurOvZg22»",
            r#"scalr_token = "«at-2lgb3slfhmmknveb.79NyYQgHpCRlavw67yHh1-5K_cmQpTEu-2eyjRcKiHfp-OzkuSgeIePWXdmK»""#,
        ],
        negatives: &["SCALR_TOKEN=<token>", "scalr_token = var.scalr_token"],
    },
];

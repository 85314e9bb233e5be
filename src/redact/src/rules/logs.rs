//! Logs, alerts and product analytics.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "splunk-hec-token",
        description: "Splunk HTTP event collector or session token",
        keywords: &["splunk", "hec_token"],
        pattern: concat!(
            near!("(?:splunk|hec_token)"),
            r"([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "SPLUNK_HEC_TOKEN=«ea8a3e77-0535-41e2-afc8-dfcb2126b6bf»",
            "Authorization: Splunk «08e292de-b054-422f-a8f1-24bebfbe0fec»",
        ],
        negatives: &[
            "SPLUNK_HEC_TOKEN=<token>",
            "SPLUNK_HEC_TOKEN=00000000-0000-0000-0000-000000000000",
        ],
    },
    Rule {
        id: "sumo-logic-access-id",
        description: "Sumo Logic access id, which pairs with a key",
        keywords: &["sumo"],
        pattern: concat!(near!("sumo"), r"(su[A-Za-z0-9]{12})\b"),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "SUMO_ACCESS_ID=«suVMl8JWbKDmD9»",
            r#"sumologic_access_id: "«suzAD5qDKAEdgI»""#,
        ],
        negatives: &["SUMO_ACCESS_ID=<id>", r#"sumo_logic_endpoint = "x""#],
    },
    Rule {
        id: "sumo-logic-access-key",
        description: "Sumo Logic access key: reads logs",
        keywords: &["sumo"],
        pattern: concat!(near!("sumo"), r"([A-Za-z0-9]{64})\b"),
        min_entropy: 3.6,
        check: Check::Nothing,
        positives: &[
            "SUMO_ACCESS_KEY=«KWdTzZG9Lw67w1mMkPWqmxKNwwztyO62e8SWuNOqvLp3dgxFwncamiEn1rCuKMB1»",
            r#"sumologic_access_key: "«oaFk9i4044uzDlwyYUUmpLvQ5QmQcrx9wmAO2VyvU4vdEp5jncZsFtQBbJeo6dx2»""#,
        ],
        negatives: &["SUMO_ACCESS_KEY=<key>", r#"sumo_category = "prod/web""#],
    },
    Rule {
        id: "log-service-token",
        description: "Token of a log or error service beside its name",
        keywords: &[
            "loggly",
            "logzio",
            "logz_io",
            "logdna",
            "mezmo",
            "papertrail",
            "logentries",
            "logtail",
            "betterstack",
            "better_stack",
            "rollbar",
            "bugsnag",
            "airbrake",
            "raygun",
            "honeybadger",
            "appsignal",
            "coralogix",
            "lightstep",
            "instana",
            "sematext",
            "scalyr",
        ],
        pattern: concat!(
            near!(
                r"(?:loggly|logz_?io|logdna|mezmo|papertrail|logentries|logtail|better_?stack|rollbar|bugsnag|airbrake|raygun|honeybadger|appsignal|coralogix|lightstep|instana|sematext|scalyr)[\w .-]{0,20}(?:key|token|secret)"
            ),
            "([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}|[A-Za-z0-9+/_-]{20,120}={0,2})"
        ),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "LOGGLY_TOKEN=«e34f8c93-0e9b-4480-a033-4649b18f0876»",
            r#"rollbar_access_token: "«6d223f90692cebe94f60d70c9397ef73»""#,
            "LOGTAIL_SOURCE_TOKEN=«mF6ClDKZST8ZMykr184wuXZs»",
        ],
        negatives: &[
            "ROLLBAR_ACCESS_TOKEN=$TOKEN",
            "rollbar_token = get_rollbar_token()",
            "LOGGLY_TOKEN=<token>",
        ],
    },
    Rule {
        id: "pagerduty-key",
        description: "PagerDuty API key or routing key: pages people",
        keywords: &["pagerduty", "pager_duty", "pd_api", "pager-duty"],
        pattern: concat!(
            near!(r"(?:pager[_-]?duty|\bpd_api)"),
            r"([0-9A-Fa-f]{32}\b|(?:pdus|u)\+[A-Za-z0-9_+-]{18,40}|[A-Za-z_+-]{0,12}[0-9][A-Za-z0-9_+-]{8,19})"
        ),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "PAGERDUTY_API_KEY=«u+RuWtbDJc_qKoCkx2NK»",
            r#"pagerduty_integration_key: "«1f659c23ee8700454f42b1f2763bce38»""#,
            "PAGERDUTY_TOKEN=«leBrFMsBQxm3UKSSfUUk»",
        ],
        negatives: &["PAGERDUTY_API_KEY=<key>", "pagerduty_key = get()"],
    },
    Rule {
        id: "opsgenie-key",
        description: "Opsgenie API key: pages people",
        keywords: &["opsgenie", "ops_genie", "geniekey", "genie_key", "genie-key"],
        pattern: concat!(
            near!("(?:ops_?genie|genie[_-]?key)"),
            r"([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "OPSGENIE_API_KEY=«2603fab3-ea1e-40d1-ab3d-8e4545448c82»",
            "Authorization: GenieKey «ca00f00d-1382-4758-af17-fbe66d931fc7»",
        ],
        negatives: &["OPSGENIE_API_KEY=<uuid>", r#"opsgenie_team = "ops""#],
    },
    Rule {
        id: "elastic-api-key",
        description: "Elasticsearch API key beside its name",
        keywords: &["elastic"],
        pattern: concat!(
            near!(r"elastic[\w .-]{0,16}(?:key|token)"),
            "([A-Za-z0-9_-]{20}:[A-Za-z0-9_-]{22}|[A-Za-z0-9+/]{54,70}={0,2})"
        ),
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "ELASTIC_API_KEY=«SSEq9G0HABq1FoPt6RdATBhJ9S+eLfwd6cglNsRPrZWmiDDECLkiT0bCr0==»",
            r#"elasticsearch_api_key: "«4-VkTigr30-O2nZrknnt:qo7oIhSFSpy04K-fW31YuC»""#,
        ],
        negatives: &["ELASTIC_API_KEY=<key>", "elastic_key = config.elastic_key"],
    },
    Rule {
        id: "elastic-cloud-key",
        description: "Elastic Cloud or service token",
        keywords: &["essu_", "essp_", "aaeaaw"],
        pattern: r"\bess[up]_[A-Za-z0-9+/=_-]{40,160}|\bAAEAAW[A-Za-z0-9+/_-]{40,120}={0,2}",
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "EC_API_KEY=«essu_YipY1kZyt1mjchg9m6uXi7bNVQ0YXK/oJ74uoPEoZazVQOWEV9GkJ/9W1OqJ0zeoZCjZ+dRnxH56jtmFkTTaJBq+ooTG==»",
            "service_token: «AAEAAWVsYXN0aWMDa6/M2VKIQcC/NybCwhgbPoc4VW6RHKcrr0cKF4m1e7qZ9DgWZQdidChALAu»",
        ],
        negatives: &["EC_API_KEY=essu_xxx", "AAEAAWBENqwFv4X8"],
    },
    Rule {
        id: "axiom-token",
        description: "Axiom API or personal token",
        keywords: &["xaat-", "xapt-"],
        pattern: r"\bxa(?:at|pt)-[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "AXIOM_TOKEN=«xaat-fefcf9e9-eff6-4211-a073-31459ab7d584»",
            "Bearer «xapt-4bfdd729-6889-4894-acde-63fc7256052f»",
        ],
        negatives: &["AXIOM_TOKEN=xaat-...", "xaat-727ffca1"],
    },
    Rule {
        id: "posthog-personal-key",
        description: "PostHog personal or feature flag key",
        keywords: &["phx_", "phs_"],
        pattern: r"\bph[xs]_[A-Za-z0-9_-]{40,60}",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "POSTHOG_PERSONAL_API_KEY=«phx_Hss5GYTG2lMPxzEb5FklrSEnOWO5h7LDlAJBPQsIqsu»",
            r#"personalApiKey: "«phs_w5izfN3c6YD9BVX9U1421RCJEa7EhfF3MfrGJjMfq9pRsiC»""#,
        ],
        negatives: &[
            "POSTHOG_PERSONAL_API_KEY=phx_xxx",
            "POSTHOG_KEY=phc_u4twGil3tKBsoTuSoGzgDFGEiivrytO330Og5J858ZY",
        ],
    },
    Rule {
        id: "uptimerobot-key",
        description: "UptimeRobot API key",
        keywords: &["uptimerobot", "uptime_robot"],
        pattern: concat!(near!("uptime_?robot"), r"([um]r?[0-9]{6,10}-[0-9A-Fa-f]{20,32})\b"),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "UPTIMEROBOT_API_KEY=«u0889862-1a673142ad327d27b2b3e056»",
            r#"uptimerobot_key: "«m819572158-7c1ca2d02a6b239e3aab8cd3»""#,
        ],
        negatives: &["UPTIMEROBOT_API_KEY=<key>", "uptimerobot_interval = 300"],
    },
    Rule {
        id: "checkly-key",
        description: "Checkly API key",
        keywords: &["cu_"],
        pattern: r"\bcu_[0-9A-Fa-f]{32}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "CHECKLY_API_KEY=«cu_0e01b7c743cb53b0303d86aa4bd092fd»",
            r#"apiKey: "«cu_28ea2bfbbf7a16f53872e78815b567d7»""#,
        ],
        negatives: &[
            "CHECKLY_API_KEY=cu_xxx",
            "ncu_b77a08efde38b2d0aee793b7afdd5f9d",
            "cu_824a1be5c1",
        ],
    },
    Rule {
        id: "analytics-key",
        description: "Product analytics secret beside its name",
        keywords: &["mixpanel", "amplitude", "segment", "heap_", "rudderstack"],
        pattern: concat!(
            near!(
                r"(?:(?:mixpanel|amplitude|segment|\bheap_|rudderstack)[\w .-]{0,16}(?:key|secret|token)|amplitude)"
            ),
            r"(sgp_[A-Za-z0-9]{64}|[0-9A-Fa-f]{32}|[A-Za-z0-9]{32}|[A-Za-z0-9_-]{43}\.[A-Za-z0-9_-]{43})\b"
        ),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "MIXPANEL_API_SECRET=«d6e9bb42384e0c243aa4ed0f5b2be171»",
            "SEGMENT_WRITE_KEY=«iNLzGpHSp03FWsyacPD1I3dami8dzx25»",
            r#"segment_api_token: "«y8Me0k8cSypETLKdC0tBVjEJb6ud0I76gxiZ017JcJe.ODmI-WXEZ929ee0mAOZxg4032jqtoYngCKzOOnwf5yE»""#,
        ],
        negatives: &["MIXPANEL_API_SECRET=<secret>", "segment_key_value = parse(x)"],
    },
    Rule {
        id: "segment-public-api-token",
        description: "Segment public API token: changes sources and destinations",
        keywords: &["sgp_"],
        pattern: r"\bsgp_[A-Za-z0-9]{64}\b",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "SEGMENT_TOKEN=«sgp_6OtfIXsQfPtqbeaepLiaDrtNQYNPiOCP7WPyEbLsTpos0pJlEu9I7JOnwjyi4o9O»",
            "Bearer «sgp_MlV7gIRD7wwoab7JVLVwGbF4p4udOqsbe20o8wnKxjiLZwBlN5Dl6hL4tjKHpQjC»",
        ],
        negatives: &["SEGMENT_TOKEN=sgp_xxx", "sgp_35n9pMlKKTKP5eGcZ03h4cBHo8fPzl"],
    },
];

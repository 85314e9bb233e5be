//! Documents, tasks, files, design and forms.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "notion-token",
        description: "Notion integration token: reads and writes pages",
        keywords: &["ntn_", "secret_"],
        pattern: r"\bntn_[A-Za-z0-9]{40,50}\b|\bsecret_[A-Za-z0-9]{43}\b",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "NOTION_TOKEN=«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»",
            r#"notion = Client(auth="«secret_nPnbjIpgxqjZrCu8BSConiVLeMgCjfn6vROp3WvjV8O»")"#,
        ],
        negatives: &[
            "NOTION_TOKEN=ntn_xxx",
            "secret_key_of_the_application_that_we_use_here_x",
            "ntn_rn6I4EYhy2",
        ],
    },
    Rule {
        id: "airtable-personal-token",
        description: "Airtable personal access token",
        keywords: &["pat"],
        pattern: r"\bpat[A-Za-z0-9]{14}\.[0-9A-Fa-f]{64}\b",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "AIRTABLE_TOKEN=«patbnBzvFLmK9m2HW.15364c226641d1e32189ec1c2b69cb330c5d987e603b91cca854a6e78ccbddee»",
            r#"Airtable({apiKey: "«patIp3uTS3fNkqKqD.1c37e974de13ae953fe34c71a33195695140a6538f15c858b694f331b6e2e28a»"})"#,
        ],
        negatives: &[
            "AIRTABLE_TOKEN=patXXXXXXXXXXXXXX.xxx",
            "path.9c99bf0e0bad36320345131d108f252403248739b7b127c4f026171628a946f9",
            "pat72QtErpwhocDiI.d5786c67cf356e8da782",
        ],
    },
    Rule {
        id: "airtable-api-key",
        description: "Airtable API key or OAuth token beside its name",
        keywords: &["airtable"],
        pattern: concat!(
            near!("airtable"),
            r"(key[A-Za-z0-9]{14}\b|[A-Za-z0-9]{1,32}\.v1\.[A-Za-z0-9_-]{1,400}\.[0-9A-Fa-f]{1,128}|[A-Za-z0-9]{17}\b)"
        ),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "AIRTABLE_API_KEY=«keyZea4Th3TFkhKZd»",
            r#"airtable_key: "«RigiiM8ZS9vLT9Raw»""#,
        ],
        negatives: &["AIRTABLE_API_KEY=<key>", r#"airtable_base = "Projects""#],
    },
    Rule {
        id: "asana-token",
        description: "Asana personal access token or client secret",
        keywords: &["asana"],
        pattern: concat!(
            near!("asana"),
            r"([0-2]/[0-9]{12,20}(?:/[0-9]{12,20})?:[0-9A-Fa-f]{32}|[A-Za-z0-9]{32})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "ASANA_TOKEN=«1/4579638090595852:48d00d40501509e7890532698c3b3607»",
            r#"asana_client_secret: "«5862e6a323e06eeb022226c94c3c360e»""#,
            "ASANA_PAT=«2/2226971407647925/5101956510147387:3f2a697acb06b4f95d2a2bbd81b36ff0»",
        ],
        negatives: &["ASANA_TOKEN=<token>", r#"asana_project = "4253692691668071""#],
    },
    Rule {
        id: "clickup-token",
        description: "ClickUp personal token",
        keywords: &["pk_"],
        pattern: r"\bpk_[0-9]{6,10}_[A-Za-z0-9]{32}\b",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "CLICKUP_TOKEN=«pk_74507600_D5Q5VJUYFIP8WG122ARABBG0XDFBC9B2»",
            "Authorization: «pk_33472448_ASIQHF3OD2QJSVB6CUJQ8PBLEUUHVBID»",
        ],
        negatives: &["CLICKUP_TOKEN=pk_1234_xxx", "pk_87888241_RNBX2W4E1Z"],
    },
    Rule {
        id: "linear-api-key",
        description: "Linear API key: reads and writes issues",
        keywords: &["lin_api_", "lin_wh_"],
        pattern: r"\blin_(?:api|wh)_[A-Za-z0-9]{32,48}\b",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "LINEAR_API_KEY=«lin_api_9wwoYeVRZzBDO8NU0UghSJyZS8YvOf75UsSNZUAJ»",
            "Authorization: «lin_api_vkEVgLC1t7o1GfbpJJ4tcieOYYLNfrGGFaD0NCko»",
        ],
        negatives: &["LINEAR_API_KEY=lin_api_xxx", "lin_api_fpnFUdu9mJ"],
    },
    Rule {
        id: "linear-oauth-token",
        description: "Linear OAuth token: reads and writes issues",
        keywords: &["lin_oauth_"],
        pattern: r"\blin_oauth_[0-9A-Fa-f]{64}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "LINEAR_TOKEN=«lin_oauth_e9dddd6ee9dfcc021cb5aa22714975add63695a71898d2e09730d0cf6c0da69b»",
            "Bearer «lin_oauth_2495d9830a37653a480885b25bd2c1185b8281ef8499e65a8cf41a3db9c52478»",
        ],
        negatives: &["LINEAR_TOKEN=lin_oauth_xxx", "linear_client = Linear()"],
    },
    Rule {
        id: "linear-client-secret",
        description: "Linear client secret beside its name",
        keywords: &["linear"],
        pattern: concat!(near!(r"(?:\b|_)linear"), r"([0-9A-Fa-f]{32})\b"),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "LINEAR_CLIENT_SECRET=«0d8613e12d97a6358b6af7e4f33f6bb3»",
            r#"linear_webhook_secret: "«ff3d69c82cc43e117527224ba513100c»""#,
        ],
        negatives: &["LINEAR_CLIENT_SECRET=<secret>", r#"linear_md5 = "db63b4060b731b2bb05a""#],
    },
    Rule {
        id: "trello-token",
        description: "Trello token or key: reads and writes boards",
        keywords: &["atta"],
        pattern: r"\bATTA[0-9A-Fa-f]{64}[A-Z0-9]{8}\b",
        min_entropy: 3.3,
        check: Check::Nothing,
        positives: &[
            "TRELLO_TOKEN=«ATTA8583d2957bcbd2b2b6b9b32566967e4fe22efbb129d261a7fa331e6c77223eb90A6EE4FD»",
            "&token=«ATTA39fa5cd8db85009d34bc0649bb0ce858c4394c95beae6703a1ae297d47f85229AB64E28D»",
        ],
        negatives: &["TRELLO_TOKEN=ATTAxxx", "ATTAcbb1168f073e0fdbef9f"],
    },
    Rule {
        id: "trello-token-named",
        description: "Trello token or key beside its name",
        keywords: &["trello"],
        pattern: concat!(near!("trello"), r"([0-9A-Fa-f]{64}|[0-9A-Fa-f]{32}|[A-Za-z-0-9]{32})\b"),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "TRELLO_API_KEY=«582e030377b87c2b72f62a505085ce56»",
            r#"trello_token: "«0bd7b67385bfeae624c8d6a57edbdcbafe26e7ee35ee0fcd596eb6c63b7a40ce»""#,
        ],
        negatives: &["TRELLO_API_KEY=<key>", r#"trello_board = "ca0oxIzR""#],
    },
    Rule {
        id: "monday-token",
        description: "monday.com API token beside its name",
        keywords: &["monday"],
        pattern: concat!(
            near!("monday"),
            r"(eyJ[A-Za-z0-9_-]{10,200}\.eyJ[A-Za-z0-9_-]{20,800}\.[A-Za-z0-9_-]{20,100})"
        ),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "MONDAY_API_TOKEN=«eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1c2VyLTE2MjEyOSIsImlhdCI6MTc2NzU4NzU4Mn0.HbVifCiEzfHFWSaXhPYXAcZlwI5PwfwMyX7FYpJKPPQ»",
            r#"monday_token: "«eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1c2VyLTE5NjE3OCIsImlhdCI6MTc2Nzk2OTY5Mn0.W3VonmQZBsRAGb6uRlVQVTU5cmX_RRNHos8hIkNN9Om»""#,
        ],
        negatives: &["MONDAY_API_TOKEN=<token>", r#"monday_key = "eyJ...""#],
    },
    Rule {
        id: "figma-token",
        description: "Figma personal or OAuth token: reads files",
        keywords: &["figd_", "figo_", "figu_", "figdr_", "figuh_", "figur_", "figoh_", "figor_"],
        pattern: r"\bfig(?:d|o|u|dr|uh|ur|oh|or)_[A-Za-z0-9_-]{38,60}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "FIGMA_TOKEN=«figd_rDxhUlyteYIIfDTyGwiUAQ73XivrP5m2J_1fPSvc»",
            "X-Figma-Token: «figd_L7LCJSz3h2OVpAOTGKZ51_CbRkQ55_A_EkGAH9PscNH»",
        ],
        negatives: &["FIGMA_TOKEN=figd_xxx", "figd_GKS0Y62wUl"],
    },
    Rule {
        id: "dropbox-short-lived-token",
        description: "Dropbox short-lived access token",
        keywords: &["sl."],
        pattern: r"\bsl\.(?:u\.)?[A-Za-z0-9_-]{130,1400}",
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "DROPBOX_TOKEN=«sl.u.juG-zV5Bab17Aw8LQB1eFd1zMlZHqsH-bJP11G7SqW7N-O4WaJr2fewE9PM4UP49Vv3FLLI7hNRVv5J6hpOCHLHuNiAW9dCvrtrke7-hMCDMbz9GszL3f04nQsNMhqg4dSjedhEu4ccPx6N0Pxki0etbdLuVepuymGUCUNPvE2rNA8eB5vZsC23q8rENMhCXZIESS9GSqu4SSAVo5fqpla6VhYdle-FrLJK8DCvmDN9HgHTMo4Ym4MyS4kZQ3ZfQ9Yh0KminKz81cmKI50f78cOPbo2BaaFckABLTtkOwcfd»",
            "Bearer «sl.Bq3pxqv1W5nCffsCxBXVS2mxGP71yW9WFfbpmD_ATF2nX-J9sUybMGKNzKnkPuUm-hjn76zIAvFmZ_Ra9q7-LAl0Bw--EixV1kfm91j91jozlBJucc5LMooTYxYzebVvhkwTl-Ge3u0jC»",
        ],
        negatives: &[
            "DROPBOX_TOKEN=sl.xxx",
            "ssl.nYmgUVEtnhkTjrJ5wL--RGgXf9TufzolV7B7nbxw",
            "sl.Ay0sybeFyuGFEcyishVi",
        ],
    },
    Rule {
        id: "dropbox-secret",
        description: "Dropbox token, key or secret beside its name",
        keywords: &["dropbox"],
        pattern: concat!(
            near!("dropbox"),
            r"([A-Za-z0-9]{11}AAAAAAAAAA[A-Za-z0-9_-]{43}|[A-Za-z0-9]{15}\b)"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "DROPBOX_APP_SECRET=«jj2vpl6mdf7yba3»",
            r#"dropbox_token: "«3peoqol1nn1AAAAAAAAAAzII6ve7tuke3UUTGjkBrn8gXY6ghWP715dt9VLF3mWP»""#,
        ],
        negatives: &["DROPBOX_APP_SECRET=<secret>", r#"dropbox_folder = "/Apps/shop""#],
    },
    Rule {
        id: "box-secret",
        description: "Box client secret or developer token beside its name",
        keywords: &["box"],
        pattern: concat!(near!(r"\bbox"), r"([A-Za-z0-9]{32})\b"),
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "BOX_CLIENT_SECRET=«MjAboGncErIkJ9zwvkVUTxloXXn8HBdi»",
            r#"box_developer_token: "«OgpkoeBY1VdZkFfasrnu36ZOGj17D2V8»""#,
        ],
        negatives: &["BOX_CLIENT_SECRET=<secret>", "box_client_width = 40"],
    },
];

//! Source hosting besides GitHub and GitLab, and the trackers beside it.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "bitbucket-app-password",
        description: "Bitbucket app password: acts for a user",
        keywords: &["atbb"],
        pattern: r"\bATBB[A-Za-z0-9_=.-]{32}",
        min_entropy: 3.3,
        check: Check::Nothing,
        positives: &[
            "BITBUCKET_APP_PASSWORD=«ATBBBCcqVyY5rX93o2Ha3nvGM9UM205BEBEB»",
            "https://ops:«ATBBUMQM9sXMMSe0jPVQAxwaZD8e228D792A»@bitbucket.org/acme/shop.git",
        ],
        negatives: &[
            "BITBUCKET_APP_PASSWORD=ATBBxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "ATBBYMCfcW1Bt4",
        ],
    },
    Rule {
        id: "bitbucket-access-token",
        description: "Bitbucket repository, project or workspace access token",
        keywords: &["atctt3xff"],
        pattern: "ATCTT3xFf[A-Za-z0-9_=.-]{60,300}",
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "BITBUCKET_TOKEN=«ATCTT3xFfGN0GdTj6ulv0V-q8tU0BBSCZM8UeSNqMuLbcnrzwSadtKrdyAbgEGftYCvb0Tk737ZZlDSeIqlrydTXeO56atmCoRvit56ihlWjgryCHXI-hrCSW-CYdX1-b-Wiq486glQFBNWdZQ0jz9CxN8Vj_FzaL2te9VQp4SKe=A54B9B8A»",
            "x-token-auth:«ATCTT3xFfGN0RBenkFFXrps9FsN1VotHwksEInzkiTD4A7T8IeK9fy8mVM80lR_DVPwCyT-xipsNBsHQebdxZBbHdzvxkdEyN5P6hpEleDakLrXyY7QK_zmjzdU9MdUofURDsE0g6m5_cv6CLWYjDeuZ65CwT-mRaV6zDXGUNf1A=7AB38E5D»@bitbucket.org",
        ],
        negatives: &["BITBUCKET_TOKEN=ATCTT3xFfGN0...", "ATCTT3xFfZbKi2yymt0oF2lPGJ-uT"],
    },
    Rule {
        id: "bitbucket-client-secret",
        description: "Bitbucket OAuth key or secret beside its name",
        keywords: &["bitbucket"],
        pattern: concat!(near!("bitbucket"), r"([A-Za-z0-9_=-]{64}|[A-Za-z0-9]{32})\b"),
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "BITBUCKET_CLIENT_SECRET=«VtJ7iYSfw4SrT3cMLQbkdn4QbeuaHout»",
            r#"bitbucket_token: "«rE4xGqh9XTTQWNzCctS53M2gCW5c1zk3VDYQcdTBM0yWlZez91UmcTOIowAAyBGj»""#,
        ],
        negatives: &[
            "BITBUCKET_CLIENT_SECRET=<secret>",
            "BITBUCKET_COMMIT=425b9487a3f1e3dddec5b384f6777eb48ad91109",
        ],
    },
    Rule {
        id: "atlassian-api-token",
        description: "Atlassian API token: Jira and Confluence as a user",
        keywords: &["atat"],
        pattern: r"\bATAT[A-Za-z0-9_-]{60,300}(?:=[0-9A-F]{8}|={1,2})?",
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "JIRA_API_TOKEN=«ATATT3xFfGF07HJcf4rh5IVD7lsZKEs41-N8imfcq3MMr5gA1KZG38kdPkfm1RJJkBDEhGYx_S8ehL9SgAVBePVbv0stD29Om47BPX75khiTBBphtw4qll3_sPtLVg-qd-0Kt-f728dbCcVqUSYUMKsuAhsDk0Q2-CIx7Pn7Hl5F7hYAiJmnqq=1D982DBA»",
            "curl -u ops@example.org:«ATATT3xFfGF0tixoQyVWT-MwRnjmdx4Wn5Xqk3xkk11tyWxZyNNxwUUd3NTiASdBZt2JxkHyvGOcveBL1xQpdv2fHDyo1EICK0ncrBRZRkG2oZt0X44crwqCUlYEnJj0pv0YHyk0c9YJWT4Z-IYPvi3-kMSjh6KaSMfexjMneEV6OMAogbWAS4=5A9FA9CF»",
        ],
        negatives: &["JIRA_API_TOKEN=ATATT3xFfGF0...", "ATATT3xFfMalG0VN_XbNnXOySoRaA5pRcNuMP4y"],
    },
    Rule {
        id: "atlassian-api-token-named",
        description: "Atlassian API token in the older format, beside its name",
        keywords: &["atlassian", "jira", "confluence"],
        pattern: concat!(
            near!(r"(?:atlassian|jira|confluence)[\w .-]{0,20}(?:token|key|password|secret)"),
            r"([A-Za-z0-9]{24})\b"
        ),
        min_entropy: 3.6,
        check: Check::Nothing,
        positives: &[
            "JIRA_API_TOKEN=«paOXnO972sXOr2dGbQKU8nBk»",
            r#"confluence_token: "«Uv1Y3BuUprYTvkUblsMmX3q5»""#,
        ],
        negatives: &["JIRA_API_TOKEN=$JIRA_TOKEN", r#"jira_project_key = "SHOP""#],
    },
    Rule {
        id: "gitea-access-token",
        description: "Gitea, Forgejo or Gogs access token: acts for a user",
        keywords: &["gitea", "forgejo", "gogs", "codeberg"],
        pattern: concat!(
            near!(r"(?:gitea|forgejo|gogs|codeberg)[\w .-]{0,20}(?:token|key|secret|pat)"),
            r"([0-9A-Fa-f]{40})\b"
        ),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "GITEA_TOKEN=«faf74605a2f2b72499061b383510319fdd8e058e»",
            r#"forgejo_access_token: "«bc050ee15e9b1a827136b5b102808706eb90e2fb»""#,
        ],
        negatives: &[
            "GITEA_TOKEN=<token>",
            r#"gitea_commit = "3cce81df63c8c2f7ad817a23680a083d8f5e35a9""#,
        ],
    },
    Rule {
        id: "sourcegraph-access-token",
        description: "Sourcegraph access token: searches private code",
        keywords: &["sgp_", "slk_", "sgd_"],
        pattern: r"\b(?:sgp_(?:(?:local|[0-9A-Fa-f]{16})_)?|slk_|sgd_)[0-9A-Fa-f]{40,64}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "SRC_ACCESS_TOKEN=«sgp_34c2bc1a70c2a5a4_dc98b31fef63744badcb5251840a831ffac88984»",
            "token: «sgp_78fb13a54c1139c1d534e7e906b84e06360abf63»",
            r#""license": "«slk_5fd927ec3862113efe44e295d17bfbc19928248543d6a12e24a00b7112390c26»""#,
        ],
        negatives: &["SRC_ACCESS_TOKEN=sgp_xxx", "sgp_2d59beacf50d02166ed9"],
    },
    Rule {
        id: "phabricator-api-token",
        description: "Phabricator Conduit API token: acts for a user",
        keywords: &["phabricator", "conduit"],
        pattern: concat!(near!("(?:phabricator|conduit)"), r"((?:api|cli)-[A-Za-z0-9]{28})\b"),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "PHABRICATOR_TOKEN=«api-91ww96j9wzz7vmfv4zznhyuewnfw»",
            r#"{"conduit.token": "«cli-dfofp95gkewrad88od5xwnzzvsux»"}"#,
        ],
        negatives: &["PHABRICATOR_TOKEN=api-token", r#"conduit_method = "api-w57s2f7o10""#],
    },
];

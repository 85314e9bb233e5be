//! Source hosting: GitHub, GitLab, Bitbucket, Gitea, Sourcegraph. GitHub's tokens prove themselves
//! by a checksum.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "github-personal-access-token",
        description: "GitHub classic personal access token: acts for a user",
        keywords: &["ghp_"],
        pattern: "ghp_[A-Za-z0-9]{36}",
        min_entropy: 0.0,
        check: Check::GithubCrc32,
        positives: &[
            "GITHUB_TOKEN=«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»",
            "git clone https://ops:«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»@github.com/acme/shop.git",
            r#"{"oauth_token":"«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»"}"#,
        ],
        negatives: &[
            "GITHUB_TOKEN=ghp_iI4bY6abINpV44y6VMy0K7WGRx7WvN4Pp1J2",
            "GITHUB_TOKEN=ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "ghp_Qu2wbKP9U5C1cdpxTdKp",
        ],
    },
    Rule {
        id: "github-oauth-token",
        description: "GitHub OAuth access token: acts for a user of an application",
        keywords: &["gho_"],
        pattern: "gho_[A-Za-z0-9]{36}",
        min_entropy: 0.0,
        check: Check::GithubCrc32,
        positives: &[
            "github.com:\n    oauth_token: «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»\n",
            "Authorization: token «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»",
        ],
        negatives: &[
            "oauth_token: gho_4PgaK0cUdkKrs79bQXReJ81s23jpCZ2eD9zY",
            "gho_000000000000000000000000000000000000",
        ],
    },
    Rule {
        id: "github-app-user-token",
        description: "GitHub App token that acts for a user",
        keywords: &["ghu_"],
        pattern: "ghu_[A-Za-z0-9]{36}",
        min_entropy: 0.0,
        check: Check::GithubCrc32,
        positives: &[
            r#""access_token": "«ghu_KqigSS0ivGNP6GQDLNnJbL5SW2WsvT2WEgLh»""#,
            "COPILOT_TOKEN=«ghu_T0xlwbjpDoopCS6Ta373V7iLaI6Tcq3Px1SO»",
        ],
        negatives: &[
            r#""access_token": "ghu_4X2g39TM5gSl26U0nSniqgFnWUnI0c2MY6sY""#,
            "ghu_<token>",
        ],
    },
    Rule {
        id: "github-app-installation-token",
        description: "GitHub App installation or Actions token: acts on repositories",
        keywords: &["ghs_"],
        pattern: "ghs_[A-Za-z0-9]{36}",
        min_entropy: 0.0,
        check: Check::GithubCrc32,
        positives: &[
            "GITHUB_TOKEN: «ghs_borabCqCQ44FfFyiNNbUXxCDgf4K1T1yubhW»",
            "https://x-access-token:«ghs_NDy8LcIR2QTYu3rfqq50CT43NrOCBV2TeGzq»@github.com/acme/shop",
        ],
        negatives: &[
            "GITHUB_TOKEN: ghs_CXwDGTefvRlZoOPckl4FSYsMeybYMg1xLpZi",
            "GITHUB_TOKEN: ghs_***",
        ],
    },
    Rule {
        id: "github-refresh-token",
        description: "GitHub App refresh token: makes new user tokens for months",
        keywords: &["ghr_"],
        pattern: "ghr_[A-Za-z0-9]{36}(?:[A-Za-z0-9]{40})?",
        min_entropy: 0.0,
        check: Check::GithubCrc32,
        positives: &[
            r#""refresh_token": "«ghr_XSCaQ6jMe4cr2NB7D2KLX0Y2tj0lw5u07oyos29mdXf1jGweXFa3yHia2SvLfSbVKayRKu0kUrpW»""#,
            "refresh=«ghr_fCujcF0pi1eTiMZ0LLqLdzhrKBQ1YNfHlhUupSGD0kKuRq1oE5mHGgC9WF9BMhTwQwRlH400g89R»&expires=1",
        ],
        negatives: &[
            r#""refresh_token": "ghr_gq4Za7AggevF1pOWDYH0Uk7dMuIsXI6u1Y3NbgZXajzYdXikNTClZqv6UCgeamqXkwrCUC3VxV2A""#,
            "ghr_vnra8n9ngr563F6SwQzOsHUIJJgIrfYnVrhW",
        ],
    },
    Rule {
        id: "github-installation-token-stateless",
        description: "GitHub App installation token in the stateless format",
        keywords: &["ghs_"],
        pattern: r"ghs_[0-9]{1,16}_eyJ[A-Za-z0-9_-]{10,400}\.[A-Za-z0-9_-]{20,1600}\.[A-Za-z0-9_-]{20,800}",
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "GITHUB_TOKEN: «ghs_1234567_eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1c2VyLTc4NDM5OSIsImlhdCI6MTc2NzAwNDE0MX0.OErMgzDgPDKqq0Y1UHnl4bWFvYXwKD4Euzk5sFPeXuI»",
            r#""token": "«ghs_98765_eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1c2VyLTIwNDkxNCIsImlhdCI6MTc2NzQxNTQzOX0.DE3L-8DMK5m3C0YdJfgcoSj_iaCmLuYtPHsdvTPHUaI»","#,
        ],
        negatives: &[
            "GITHUB_TOKEN: ghs_1234567_eyJ...",
            "ghs_APPID_JWT",
            "ghs_12_eyJQLMJGUhgQS7xg_aTmEZVYiS9f1a5Pe",
        ],
    },
    Rule {
        id: "github-fine-grained-token",
        description: "GitHub fine-grained personal access token: acts for a user",
        keywords: &["github_pat_"],
        pattern: "github_pat_[A-Za-z0-9_]{78,90}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "GH_TOKEN=«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»",
            "headers = {'Authorization': 'Bearer «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»'}",
        ],
        negatives: &[
            "GH_TOKEN=github_pat_xxx",
            "github_pat_ch736RJ8UP44NrYP0mKkMR_LstwVrrD2pq1k9g62jDMfux0pbzpCV",
        ],
    },
    Rule {
        id: "github-legacy-token",
        description: "GitHub token or application secret in the older format, beside its name",
        keywords: &["github", "gh_token", "gh_pat"],
        pattern: concat!(
            near!(r"(?:github[\w .-]{0,20}(?:token|secret|key|pat|password)|gh_(?:token|pat))"),
            r"([0-9A-Fa-f]{40})\b"
        ),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "GITHUB_TOKEN=«3bdf0e7edc89973ae8ad4f45a972e699aacf71ad»",
            r#"github_client_secret: "«c024fdf8bce8146e6749743929e685d923794326»""#,
        ],
        negatives: &[
            r#"github_sha = "3497d9eade643c2ab9583aadff19633ef7ced010""#,
            "uses: actions/checkout@81bc09b0d4ad5f2727142ab040ec183f8844690d",
            "GITHUB_TOKEN=${{ secrets.GITHUB_TOKEN }}",
        ],
    },
];

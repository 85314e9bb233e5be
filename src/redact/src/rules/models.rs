//! Model providers and the services around them.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "anthropic-api-key",
        description: "Anthropic API key: calls Claude on the account",
        keywords: &["sk-ant-api"],
        pattern: "sk-ant-api[0-9]{2}-[A-Za-z0-9_-]{80,120}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "ANTHROPIC_API_KEY=«sk-ant-api03-m04A_CYxKnlOxI4AZBkCyhyANZ2hSd7RVMLHYynBR28CIPDFUxa1LC6Rjotz1YmednE1-BuNBSmampU4r0x86hIWhZ0eSAA»",
            r#"client = Anthropic(api_key="«sk-ant-api03-kNLLw4nqF9e9gxTy8HnwrOw3mdN5FeJ_SEqcHEkQx72W57SRcec_OtBNP02xqPBDHuWokUP-yChGNS4M5f9MDF-WIHChqAA»")"#,
            r#"{"env": {"ANTHROPIC_API_KEY": "«sk-ant-api03-BmRGXlpeTPtzUzBN1UAc_qLibGW2xhUCYZorFCLIZcn70_Rf4BXeCZh6R7wbxZ4moPNVYTHrDpnEMaWia_Ra3gHJMLrlwAA»"}}"#,
        ],
        negatives: &[
            "ANTHROPIC_API_KEY=sk-ant-api03-...",
            "ANTHROPIC_API_KEY=sk-ant-api03-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "sk-ant-api03-O3OQGKgtqg3ep68dM0N81To2MgdJh7",
        ],
    },
    Rule {
        id: "anthropic-admin-key",
        description: "Anthropic admin key: manages the organization",
        keywords: &["sk-ant-admin"],
        pattern: "sk-ant-admin[0-9]{2}-[A-Za-z0-9_-]{80,120}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "ANTHROPIC_ADMIN_KEY=«sk-ant-admin01-gStPpT38tWw1kFq9ydBiiCAXLExAM3BFdQdgQJiS30PYqfmxBaDbKaQI8VjGD8I2Ibmo-js8rnFtW7mo6aXj5RLfPDWudAA»",
            "x-api-key: «sk-ant-admin01-1Xu-Yn5tanEuuqyLqiwLOGME4k2BacHNAvVEJoOSd9kon4BZKWFpDpbAHyWqMXUOoaJPxHpJ4tB4CSR9gtxOa6j8lvbZ3AA»",
        ],
        negatives: &[
            "ANTHROPIC_ADMIN_KEY=sk-ant-admin01-<key>",
            "sk-ant-admin01-4a5ZRvgHt4wWTWCytHG0",
        ],
    },
    Rule {
        id: "anthropic-oauth-access-token",
        description: "Claude OAuth access token: acts for a subscriber",
        keywords: &["sk-ant-oat"],
        pattern: "sk-ant-oat[0-9]{2}-[A-Za-z0-9_-]{60,140}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "CLAUDE_CODE_OAUTH_TOKEN=«sk-ant-oat01-F6CptXvXafxIp_ZXOTLdK3j_DBrg_HRvFi_xKNegx0-VE4Uqg4xn0gHRydWBjoe6LrkAMtAHHSh-lsf8CW0cNkUjGjqSCAA»",
            r#"{"claudeAiOauth":{"accessToken":"«sk-ant-oat01-LPPnKJFGjbMIJjfN1NuOSCerHmTG3W6DnwatvUmqGGVl-5ZgbTT5V9R8qy9gJO2Pzb36Vcp7zL_A-wGXdZGOsMh28HhFrGW»"}}"#,
        ],
        negatives: &[
            "CLAUDE_CODE_OAUTH_TOKEN=sk-ant-oat01-...",
            "sk-ant-oat01-TjuLYvvFf39C7taXdkSR",
        ],
    },
    Rule {
        id: "anthropic-oauth-refresh-token",
        description: "Claude OAuth refresh token: makes new access tokens",
        keywords: &["sk-ant-ort"],
        pattern: "sk-ant-ort[0-9]{2}-[A-Za-z0-9_-]{60,140}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            r#""refreshToken":"«sk-ant-ort01-xztR0MmUKnXCvK5On_b63X-p-sx28tms9e3Ju7yANEOTIoB8FrQQhkfHXstiduWnlPnHEJTbQ1r5kR26Im-fIz2LVxRD2AA»""#,
            "refresh_token=«sk-ant-ort01-THsfFY30NKpkCvOpgg_L0zm3fBziIqZcFW4izJRCdwJdVvOEJGBsKVE2SijG1W2yP4Ccb234Fj4f6_8mLR7QVQFSzM2PXIg»&grant_type=refresh_token",
        ],
        negatives: &[r#""refreshToken":"sk-ant-ort01-<token>""#, "sk-ant-ort01-Xin9NLtvNC9n"],
    },
    Rule {
        id: "anthropic-session-key",
        description: "Claude browser session key: acts for a signed-in user",
        keywords: &["sk-ant-sid"],
        pattern: "sk-ant-sid[0-9]{2}-[A-Za-z0-9_-]{60,160}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "Cookie: sessionKey=«sk-ant-sid01-5D_Q9JaJd1qS40g0jIXqBUVhybVErmAqLWOmImRoPk34-bblHoMkmvgatA75D6MJkQ3KKy8CkiTI6yqCl-adAZ-7FXE8zqx»; a=b",
            r#"sessionKey: "«sk-ant-sid02-ac36SZwZ94CcQ4-lSnOnP-P5bnN0sXzsVNUtzbipCkz-wqEFTioYDMAW3_8v2QvdZAvHOnz3IZNUl5OETJB7dfuh3MGVA_nb2-LzBcvXUvSr0r»""#,
        ],
        negatives: &[
            "Cookie: sessionKey=sk-ant-sid01-...",
            "sk-ant-sid01-RW76s5Ljk7p7eJJwvvQFnyOiMR9ib1",
        ],
    },
    Rule {
        id: "openai-project-key",
        description: "OpenAI project key: calls models on the account",
        keywords: &["sk-proj-"],
        pattern: r"\bsk-proj-[A-Za-z0-9_-]{40,200}",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "OPENAI_API_KEY=«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»",
            r#"openai.api_key = "«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»""#,
        ],
        negatives: &[
            "OPENAI_API_KEY=sk-proj-...",
            "sk-proj-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "risk-proj-NSbWbDMlDGhVmos1DjG6empsyeyX42TT1mvXMVYWN39ZRAGW",
        ],
    },
    Rule {
        id: "openai-service-account-key",
        description: "OpenAI service account key: calls models on the account",
        keywords: &["sk-svcacct-"],
        pattern: r"\bsk-svcacct-[A-Za-z0-9_-]{40,200}",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "OPENAI_API_KEY=«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»",
            "Authorization: Bearer «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»",
        ],
        negatives: &["OPENAI_API_KEY=sk-svcacct-xxx", "sk-svcacct-GNEWyIa20WPa"],
    },
    Rule {
        id: "openai-admin-key",
        description: "OpenAI admin key: manages the organization",
        keywords: &["sk-admin-"],
        pattern: r"\bsk-admin-[A-Za-z0-9_-]{40,200}",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "OPENAI_ADMIN_KEY=«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»",
            r#"{"key":"«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»"}"#,
        ],
        negatives: &[
            "OPENAI_ADMIN_KEY=sk-admin-...",
            "task-admin-3ap3o8NglnhjfclWp8iw4WSAaGrrRo4ayMmPHr3NIdRuBBpC",
        ],
    },
    Rule {
        id: "openai-api-key",
        description: "OpenAI API key in the older format: calls models on the account",
        keywords: &["sk-"],
        pattern: r"\bsk-(?:None-)?[A-Za-z0-9_-]{20,40}T3BlbkFJ[A-Za-z0-9_-]{20,40}",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "OPENAI_API_KEY=«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»",
            r#""api_key": "«sk-None-rnKgHA3QHCdpXwtqbXMfT3BlbkFJkDXO3Ngzr2Zof6Ubi4dj»""#,
        ],
        negatives: &["OPENAI_API_KEY=sk-...", "sk-CULNlqH2YyT3BlbkFJKGy5po0ZEg"],
    },
    Rule {
        id: "sk-model-key",
        description: "Key that begins with `sk-`: DeepSeek, Moonshot, Stability, Qwen",
        keywords: &["sk-"],
        pattern: r"\bsk-(?:[0-9A-Fa-f]{32}|[A-Za-z0-9]{48,51}|[0-9A-Fa-f]{64})\b",
        min_entropy: 3.3,
        check: Check::Nothing,
        positives: &[
            "DEEPSEEK_API_KEY=«sk-86e9231af6a6b6795e639708997be6b9»",
            "MOONSHOT_API_KEY=«sk-d5z925LYb1S0gj8L49xSpDK6o8BOqyXZrq1Z9NnRZAnLQPG8»",
            r#"dashscope.api_key = "«sk-7b58429ac881d3ad7fe5e3c9bd21c470»""#,
        ],
        negatives: &[
            "DEEPSEEK_API_KEY=sk-your-key",
            "disk-5f3b9d36a2b4fe40d615842b18bc2e59",
            "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "sk-8628d95b0f500e241b2a",
        ],
    },
    Rule {
        id: "openrouter-api-key",
        description: "OpenRouter API key: calls models on the account",
        keywords: &["sk-or-v"],
        pattern: r"\bsk-or-v[0-9]{1,48}-[A-Za-z0-9_-]{20,80}",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "OPENROUTER_API_KEY=«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»",
            r#"apiKey: "«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»""#,
        ],
        negatives: &["OPENROUTER_API_KEY=sk-or-v1-...", "sk-or-v1-28f85241a25e"],
    },
];

//! Platforms that run applications, databases as a service and networks.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "heroku-api-key",
        description: "Heroku API key or OAuth token: controls the account",
        keywords: &["hrku-"],
        pattern: "HRKU-[A-Za-z0-9_-]{36,80}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "HEROKU_API_KEY=«HRKU-AA5QOpYyvVfQ8q3XPAqOL-iwdKZKr6lm01-Nd2nwJvwHb2ndlD7dV6C55spj»",
            "machine api.heroku.com\n  password «HRKU-c53bf55e-c152-4e0a-a47f-c0b7366118c7»\n",
        ],
        negatives: &["HEROKU_API_KEY=HRKU-xxxx", "HRKU-f2bmjZ1rTjIwGsUu-OD6"],
    },
    Rule {
        id: "heroku-api-key-uuid",
        description: "Heroku API key in the older format, beside its name",
        keywords: &["heroku"],
        pattern: concat!(
            near!("heroku"),
            r"([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "HEROKU_API_KEY=«38d6ba71-b6c1-493d-a782-2ebb6e97828a»",
            "heroku:\n  api_key: \"«0b9d2f62-7bdd-44e7-a79b-f4d18bce17df»\"\n",
        ],
        negatives: &[
            "HEROKU_API_KEY=<uuid>",
            "HEROKU_API_KEY=00000000-0000-0000-0000-000000000000",
        ],
    },
    Rule {
        id: "fly-access-token",
        description: "Fly.io access token: controls applications",
        keywords: &["fm1r_", "fm1a_", "fm2_", "fo1_", "flyv1"],
        pattern: r"(?:\b(?:fm1[ar]_|fm2_)|FlyV1 )[A-Za-z0-9+/,=_-]{90,2000}|\bfo1_[A-Za-z0-9_-]{43}",
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            r#"FLY_API_TOKEN="«FlyV1 fm2_mbkXevQMN24aXGxTD5bwFwgx+YI7k+m96rFmkUDaUD+8godJIVh5TtdfielECRBgOvOxF1M8ftQaRjT99OS+pBRc7uF/eQ6tbqNAT0XY5PZuamnBw6A0daNg8H3GU3MK4l+wtu++wiQalUUByveB0Mupk+elphzuWFoGD9QidsQhXQ6vycUPCcFMImX6F24Oab6I5bNUAKcDzzM4mTLcrJAAjQtbXEUGM28kSvhrCtJ1zE+s0TlnhDe9XA3JFnOaHFT4Okn+uQ/A/DhXvKZDvoURM0kcD0527EpQu5kT8+RK»""#,
            "FLY_ACCESS_TOKEN=«fo1_Uwc7WKWqp3zZ-iBOGj3d274JWuuHADnNcHMjkaIDk3u»",
            "fly auth: «fm1r_c8qyV/irH6Cd3aFL4194Ov/thS4oVo6YmyrpEkOLW34j925AIvEq4LI0VXjebIzr+xa0hYBvAR1Bk4QvxEEhL6U4mpgPbCzayLmZrTthjZWctm14+zhPalRnvtUfRn26O1ai7AhVr6P0fZ7XwrLaVtrUBI+7YRWrzJ4XpeQeg8DQPTPke1eSGM609l84n4PQc7Mka1OR=»",
        ],
        negatives: &["FLY_API_TOKEN=FlyV1 fm2_xxx", "fo1_5ztdlqVLvm", "let fm2_gain = 3;"],
    },
    Rule {
        id: "render-api-key",
        description: "Render API key: controls services",
        keywords: &["rnd_"],
        pattern: r"\brnd_[A-Za-z0-9]{28,40}\b",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "RENDER_API_KEY=«rnd_x5kBJ3mUJ2rDVmLPC5kfoKviMli6»",
            "Authorization: Bearer «rnd_e2GJtorNx9RqDmUIyWWNjgJyGwWAq1lV»",
        ],
        negatives: &[
            "RENDER_API_KEY=rnd_xxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "rnd_generator_state_of_module = 3",
        ],
    },
    Rule {
        id: "railway-token",
        description: "Railway token: controls projects",
        keywords: &["railway"],
        pattern: concat!(
            near!(r"railway[\w .-]{0,16}token"),
            r"([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "RAILWAY_TOKEN=«78ed0218-b6f3-4400-a7f9-7f7a3b01b595»",
            r#"railway_api_token: "«82ae050e-d43c-4bec-a8c8-dea011b272af»""#,
        ],
        negatives: &[
            "RAILWAY_TOKEN=$RAILWAY_TOKEN",
            "RAILWAY_PROJECT_ID=74ce8511-9fc6-4ead-a819-3f1daf516074",
        ],
    },
    Rule {
        id: "vercel-token",
        description: "Vercel token: controls projects and their settings",
        keywords: &["vcp_", "vci_", "vca_", "vcr_", "vck_"],
        pattern: r"\bvc[picark]_[A-Za-z0-9_-]{24,80}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "VERCEL_TOKEN=«vcp_RexolOpg8ieFIU3SKkixG65oa5qTB461WLwWR8RAuySTbCZwGAyQxOQX»",
            r#"AI_GATEWAY_API_KEY="«vck_R8kvElRfICPBg8FBRpqIGGk0zV0veIHex9a2cn7MmFysnrivCRWQw5Dd»""#,
            r#"{"token":"«vca_fpSGvfeHq5HJeY1nkJJWSCYBQKRnVxrMURZqgazKg4Bt2hdvhYX9QeEo»"}"#,
        ],
        negatives: &["VERCEL_TOKEN=vcp_xxxxxxxxxxxxxxxxxxxxxxxxxxxx", "vcp_PudNn4yWew"],
    },
    Rule {
        id: "vercel-token-named",
        description: "Vercel token in the older format, beside its name",
        keywords: &["vercel"],
        pattern: concat!(near!("vercel"), r"([A-Za-z0-9]{24})\b"),
        min_entropy: 3.6,
        check: Check::Nothing,
        positives: &[
            "VERCEL_TOKEN=«U0wJtB2sJ7aDB3ARXI66kJxP»",
            r#"vercel_api_token: "«J1MijIkHySHSISjuiQe9gnI2»""#,
        ],
        negatives: &[
            "VERCEL_TOKEN=<your-vercel-token>",
            "VERCEL_ORG_ID=team_Rtxg5bU5kau3fPlANRUDU3Om",
        ],
    },
    Rule {
        id: "netlify-token",
        description: "Netlify token: controls sites",
        keywords: &["nfp_", "nfo_", "nfc_", "nfb_", "nfu_"],
        pattern: r"\bnf[pocub]_[A-Za-z0-9_]{36}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "NETLIFY_AUTH_TOKEN=«nfp_cuvEjtTudrDST5F5AbabLBt7fyO11WDp0jMj»",
            "--auth «nfp_XPvVJq7TB3Z7x51nlD6NrBNir8opOA3uWNX9» --prod",
        ],
        negatives: &["NETLIFY_AUTH_TOKEN=nfp_xxx", "nfp_wHGPdAvueqipY3fG2BfT"],
    },
    Rule {
        id: "netlify-token-named",
        description: "Netlify token in the older format, beside its name",
        keywords: &["netlify"],
        pattern: concat!(near!("netlify"), r"([A-Za-z0-9_-]{40,46})\b"),
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "NETLIFY_AUTH_TOKEN=«Z9OsDx_8TCnl4PD_Ungh-yNDzUtvUdJnoOcNsF6LpAU»",
            r#"netlify_token: "«O81qxHdjG0g1DKMnXLYOYPwivR8nsSmWvjOCxfuW41aTnD»""#,
        ],
        negatives: &[
            "NETLIFY_AUTH_TOKEN=<token>",
            r#"netlify_site_id = "0009c71c-2c60-4cb3-ab33-c3e963350e3e""#,
        ],
    },
    Rule {
        id: "supabase-access-token",
        description: "Supabase personal access token: controls projects",
        keywords: &["sbp_"],
        pattern: r"\bsbp_(?:v0_|oauth_)?[0-9A-Za-z_-]{40}",
        min_entropy: 3.3,
        check: Check::Nothing,
        positives: &[
            "SUPABASE_ACCESS_TOKEN=«sbp_7aa465079510567d30cd69cb98d6eddf7387e88c»",
            r#""SUPABASE_ACCESS_TOKEN": "«sbp_v0_fc19305ea73bc2c475ecb04b264f7235e5257793»""#,
        ],
        negatives: &["SUPABASE_ACCESS_TOKEN=sbp_your_token", "sbp_c90c6b73c8ab0ba4c317"],
    },
    Rule {
        id: "supabase-secret-key",
        description: "Supabase secret key: bypasses row level security",
        keywords: &["sb_secret_"],
        pattern: r"\bsb_secret_[A-Za-z0-9_-]{20,50}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "SUPABASE_SECRET_KEY=«sb_secret_Sf3-Bp_f_ymXX5PZ42WDX4_FNS6sI6t»",
            "createClient(url, '«sb_secret_8PtDzmlOTPt7C9Op0QJEM8dsP81n5Nn»')",
        ],
        negatives: &[
            "SUPABASE_SECRET_KEY=sb_secret_...",
            "SUPABASE_KEY=sb_publishable_1g669TMxhUU3Z8Nvz0pJ9lzNuzFYpar",
        ],
    },
    Rule {
        id: "neon-api-key",
        description: "Neon API key: controls databases",
        keywords: &["napi_"],
        pattern: r"\bnapi_[A-Za-z0-9]{50,72}\b",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "NEON_API_KEY=«napi_gg7y9vwdnbb30ive5zhejm8rtzhk7m831os8nlbg4mty13cqix34z60xjbtf0c3h»",
            r#"{"key":"«napi_pknplo4ffkhoqmothuewxhlk2lngc60y0nhsh7s1300bl2wuzx3ywuu814qhm1z1»"}"#,
        ],
        negatives: &["NEON_API_KEY=napi_xxx", "napi_status_code = 3;"],
    },
    Rule {
        id: "planetscale-token",
        description: "PlanetScale service or OAuth token: controls databases",
        keywords: &["pscale_tkn_", "pscale_oauth_"],
        pattern: r"\bpscale_(?:tkn|oauth)_[A-Za-z0-9=._-]{32,64}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "PLANETSCALE_SERVICE_TOKEN=«pscale_tkn_wnf0prq0WUw79bwsfRmTQ8HH6XmGFSM0i5BgiXpqbF9»",
            r#""token": "«pscale_oauth_2OzSm5Fdj9WlhieY4NlVeGgUBEswYTGVsLfd2-_uIje»""#,
        ],
        negatives: &["PLANETSCALE_SERVICE_TOKEN=pscale_tkn_xxx", "pscale_tkn_Vo4nfw58QY_J"],
    },
    Rule {
        id: "planetscale-password",
        description: "PlanetScale database password",
        keywords: &["pscale_pw_"],
        pattern: r"\bpscale_pw_[A-Za-z0-9=._-]{32,64}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "DATABASE_PASSWORD=«pscale_pw_P7zvJRnFeBhEr3oHZM_1khRkrBUAonjO6cOWcOw5wKm»",
            "password: '«pscale_pw_1Ib-nUnif56o2K9GDBewGy3EFSDWI9XI_4YL3wP6tpJ»'",
        ],
        negatives: &["password: pscale_pw_<password>", "pscale_pw_T05edZx1"],
    },
];

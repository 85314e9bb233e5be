//! Clusters, sign-in and security services.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "openshift-token",
        description: "OpenShift OAuth token: acts for a user of the cluster",
        keywords: &["sha256~"],
        pattern: r"\bsha256~[A-Za-z0-9_-]{43}",
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "oc login --token=«sha256~d0j7NwNEo86Xy51oghuNXaVk0WmtRvBRQhN2DpM_TDv» --server=https://api.c:6443",
            "token: «sha256~hm4GLJnYqv5TZWEfMKn0JElW1An0-gVwbWBaXeu1wqH»",
        ],
        negatives: &["oc login --token=sha256~xxx", "sha256~ZW0th-NqQj"],
    },
    Rule {
        id: "kubernetes-bootstrap-token",
        description: "Kubernetes bootstrap token: joins nodes",
        keywords: &["--token", "token:"],
        pattern: r#"(?:--token[ =]|\btoken: ?["\']?)([a-z0-9]{6}\.[a-z0-9]{16})\b"#,
        min_entropy: 3.4,
        check: Check::Nothing,
        positives: &[
            "kubeadm join 10.0.0.1:6443 --token «7gdfmy.1zl0udk5lbxeyyzw» --discovery-token-ca-cert-hash sha256:x",
            "bootstrapTokens:\n- token: «95co4b.jksywiiw86c25h29»\n",
        ],
        negatives: &[
            "kubeadm join --token <token>",
            "token: abc.def",
            "--token config.bootstraptoken",
        ],
    },
    Rule {
        id: "rancher-token",
        description: "Rancher API token: controls clusters",
        keywords: &["token-", "kubeconfig-"],
        pattern: r"\b(?:token|kubeconfig-(?:user|u))-[a-z0-9]{5,20}(?:\.[a-z0-9-]{1,16})?:[a-z0-9]{54}\b",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "RANCHER_TOKEN=«token-lwsnu:1rvabargt9mc4xxckqezwslqb02zby9ec1wy5osa5gsax9i7ssi7zy»",
            "token: «kubeconfig-user-1l2nrr1jzt:o8mnggdyygoaoph9lhm4xrgrciy7hhoq778biv4p9aq0drg3hats21»",
        ],
        negatives: &["RANCHER_TOKEN=token-xxxxx:xxx", "token-3m7wk:i95fam1411"],
    },
    Rule {
        id: "okta-token",
        description: "Okta API token: manages users",
        keywords: &["okta", "ssws"],
        pattern: r#"(?i:okta[\w\s.-]{0,24}[\s"\x27`\\=:,>(|?]{1,16}|\bSSWS )(?:SSWS )?(00[A-Za-z0-9_-]{40})"#,
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "OKTA_API_TOKEN=«00mcTyB7hldGJu9VL7knYi_Uv4wYP8Yr7dDJAMhNFo»",
            "Authorization: SSWS «00CcTlvE6d8C75jdBD7qgM69toRTa1tZI_JumLRV4h»",
        ],
        negatives: &["OKTA_API_TOKEN=<token>", r#"okta_domain = "acme.okta.com""#],
    },
    Rule {
        id: "okta-client-secret",
        description: "Okta client secret beside its name",
        keywords: &["okta"],
        pattern: concat!(near!(r"okta[\w .-]{0,16}secret"), "([A-Za-z0-9_-]{40,64})"),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "OKTA_CLIENT_SECRET=«GvXlBMiEgLALt89Bpq2y-rg7YwIO1aRBu5xyLCVwHKKiBLIVbs44PjyBiWVXRF8l»",
            r#"okta_oauth2_client_secret: "«ukf1cJJpDFyrlqeXailYae7uXgnGeDhnJyp6f4Ds»""#,
        ],
        negatives: &["OKTA_CLIENT_SECRET=<secret>", r#"okta_secret_name = "short""#],
    },
    Rule {
        id: "auth0-secret",
        description: "Auth0 client secret beside its name",
        keywords: &["auth0"],
        pattern: concat!(near!("auth0"), "([A-Za-z0-9_-]{64,128})"),
        min_entropy: 4.2,
        check: Check::Nothing,
        positives: &[
            "AUTH0_CLIENT_SECRET=«nOUPVm-r2IVGBnQzvDnlkOq0WkB2LEfiLBAIhm1055IOLlAI1cRY0RyKtJ1Cfp6M»",
            r#"auth0_client_secret: "«wC2q-nqmQpf38R61XxN6Rv4dhLmX0iIh2MorI3Qw53IdI7QYyJ9-pLhIsPigCQL4»""#,
        ],
        negatives: &["AUTH0_CLIENT_SECRET=<secret>", "AUTH0_SECRET=short"],
    },
    Rule {
        id: "identity-service-secret",
        description: "Secret of an identity service beside its name",
        keywords: &[
            "onelogin",
            "jumpcloud",
            "duo_",
            "workos",
            "stytch",
            "frontegg",
            "descope",
            "keycloak",
            "clerk",
            "fusionauth",
        ],
        pattern: concat!(
            near!(
                r"(?:onelogin|\bjumpcloud|\bduo_|workos|stytch|frontegg|descope|keycloak|clerk|fusionauth)[\w .-]{0,20}(?:key|secret|skey|token|password)"
            ),
            "((?:sk_(?:live|test)_|secret-(?:live|test)-|jca_)?[A-Za-z0-9_-]{32,120}={0,2})"
        ),
        min_entropy: 3.4,
        check: Check::Nothing,
        positives: &[
            "DUO_SECRET_KEY=«kZXGOEwqdCt0Ev2fG6Kvpmanrs5kEB82U2EF4Rn9»",
            "JUMPCLOUD_API_KEY=«5bf69c7229c3e66fae643ea9b75da0576889d124»",
            r#"keycloak_client_secret: "«hVoa1BUIlk5kJ1Gz0D3z4PPHw6J2xYSQ»""#,
            "STYTCH_SECRET=«secret-live-vvMqDmPk4M3EUod7k2i4zAYTdEeC9hdfpSE=»",
        ],
        negatives: &["KEYCLOAK_CLIENT_SECRET=<secret>", "workos_api_key = load_workos_api_key()"],
    },
    Rule {
        id: "stytch-secret",
        description: "Stytch secret: manages sessions",
        keywords: &["secret-live-", "secret-test-"],
        pattern: r"\bsecret-(?:live|test)-[A-Za-z0-9_-]{35}=",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "STYTCH=«secret-test-ep1qUK5OKFgWQzvvEB_VlOxOopvISPBem0c=»",
            r#"secret: "«secret-live-2gQztm7D1vShyCpQcVsh1KXtUsX7k5m886Q=»""#,
        ],
        negatives: &["STYTCH=secret-test-...", "secret-live-89ml6BQh6X="],
    },
    Rule {
        id: "security-service-key",
        description: "Key of a security service beside its name",
        keywords: &[
            "virustotal",
            "vt_api",
            "shodan",
            "censys",
            "securitytrails",
            "urlscan",
            "hunter",
            "abuseipdb",
            "greynoise",
            "crowdstrike",
        ],
        pattern: concat!(
            near!(
                r"(?:virustotal|\bvt_api|shodan|censys|securitytrails|urlscan|\bhunter|abuseipdb|greynoise|crowdstrike)"
            ),
            r"([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}|[0-9A-Fa-f]{80}|[0-9A-Fa-f]{64}|[0-9A-Fa-f]{40}|[A-Za-z0-9]{32})\b"
        ),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "VIRUSTOTAL_API_KEY=«06c10b7743756c7faf9c55a4f14ccaec611e0f464a513be10e04febf7110ab84»",
            r#"shodan_api_key: "«haFWm38LrjW43dYNcP1f73OGccsAqbdg»""#,
            "URLSCAN_API_KEY=«b2fcae4d-a59a-43be-aaa7-401a2e32b8d2»",
        ],
        negatives: &["VIRUSTOTAL_API_KEY=<key>", r#"shodan_key = os.environ["SHODAN"]"#],
    },
    Rule {
        id: "authress-access-key",
        description: "Authress service client key: signs in as the service",
        keywords: &["authress_", "scauth_", "ext_", "sc_"],
        pattern: r"\b(?:sc|ext|scauth|authress)_[A-Za-z0-9]{5,30}\.[A-Za-z0-9]{4,6}\.acc[_-][A-Za-z0-9-]{10,32}\.[A-Za-z0-9+/_=-]{30,120}",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "AUTHRESS_KEY=«sc_qaoum20s6o3o.jbj1.acc-yefp1fireq6h.j+vvHf+PWEx7v2yPjobbvrKGA1IGfamJ7J93mqqvzxYTVXIgeesatogEytDV=»",
            r#""accessKey": "«authress_1z7duv2ysafxzd834wdn.h33n.acc_i4ndl8qydw5s0j93.FLx4F2u0ZQ0fYdXLRSczqK3N0_PHi_tkSLhhpvgvhk4oIFjP_bCnrm4Cwt4HQXY7»""#,
        ],
        negatives: &[
            "AUTHRESS_KEY=sc_xxx.yyy.acc-zzz.key",
            "sc_gpgh5hpubi3w.twy1.other-j8j0mdutb24a",
        ],
    },
    Rule {
        id: "meraki-api-key",
        description: "Cisco Meraki API key: changes networks",
        keywords: &["meraki"],
        pattern: concat!(near!("meraki"), r"([0-9A-Fa-f]{40})\b"),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "MERAKI_DASHBOARD_API_KEY=«2fbc9811ed5690bcc6931d9b8c7623e25ed11106»",
            "X-Cisco-Meraki-API-Key: «448301ceb64fd025f2315fdad87568ea228fe7e9»",
        ],
        negatives: &["MERAKI_DASHBOARD_API_KEY=<key>", r#"meraki_org = "771389""#],
    },
    Rule {
        id: "infracost-api-key",
        description: "Infracost API key",
        keywords: &["ico-"],
        pattern: r"\bico-[A-Za-z0-9]{32}\b",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "INFRACOST_API_KEY=«ico-ouiWS95SipdByuJ1CiVWgXv8FwqPf8d2»",
            "api_key: «ico-WnmV9zboYAeHjS85QyBW4K2eiByWlEZg»",
        ],
        negatives: &[
            "INFRACOST_API_KEY=ico-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "pico-g6PICjb8Jm8GVErMYvpN4dMGLjjaHdV5",
        ],
    },
    Rule {
        id: "intra42-client-secret",
        description: "42 school intranet client secret",
        keywords: &["s-s4t2ud-", "s-s4t2af-"],
        pattern: r"\bs-s4t2(?:ud|af)-[0-9A-Fa-f]{64}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "FT_SECRET=«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»",
            r#"client_secret: "«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»""#,
        ],
        negatives: &[
            "FT_SECRET=s-s4t2ud-xxx",
            "FT_UID=u-s4t2ud-ab7131114ea4054d3f3255fed78d198430228a2a1384d0e7ad959a2e9edb9e03",
        ],
    },
    Rule {
        id: "settlemint-token",
        description: "SettleMint application, personal or service token",
        keywords: &["sm_aat_", "sm_pat_", "sm_sat_"],
        pattern: r"\bsm_[aps]at_[A-Za-z0-9]{16}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "SETTLEMINT_ACCESS_TOKEN=«sm_aat_zbeA2fJm9YbdiEwk»",
            r#"token: "«sm_pat_Y0e6z4vHt2cs9FiI»""#,
        ],
        negatives: &["SETTLEMINT_ACCESS_TOKEN=sm_aat_xxxxxxxxxxxxxxxx", "sm_pat_bSpKGl3P"],
    },
    Rule {
        id: "game-service-key",
        description: "Expo, Unity or game service secret beside its name",
        keywords: &["playfab", "steam_", "unity_", "epic_client"],
        pattern: concat!(
            near!(
                r"(?:playfab|\bsteam_(?:web_)?api|\bunity_(?:service|cloud)|epic_client)[\w .-]{0,20}(?:key|token|secret)"
            ),
            "([A-Za-z0-9]{32,52}|[0-9A-Fa-f]{32}|[A-Za-z0-9+/_-]{32,64})"
        ),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "PLAYFAB_SECRET_KEY=«HCE99GI2KM92P109ECO7A5ZAL3H4VMYPBSULV4JGL8XP3OJWO0»",
            "STEAM_WEB_API_KEY=«A7E4EB232EE5F573B494A712766DBA4A»",
        ],
        negatives: &["PLAYFAB_SECRET_KEY=<key>", "steam_api_key = get_steam_api_key_from_env()"],
    },
    Rule {
        id: "business-intelligence-secret",
        description: "Looker, Tableau or Power BI secret beside its name",
        keywords: &["looker", "tableau"],
        pattern: concat!(
            near!("(?:looker|tableau)"),
            r"([A-Za-z0-9+/]{22}==:[A-Za-z0-9+/]{32,40}|[A-Za-z0-9]{24}\b|[A-Za-z0-9]{20}\b)"
        ),
        min_entropy: 3.4,
        check: Check::Nothing,
        positives: &[
            "LOOKERSDK_CLIENT_SECRET=«mXGSNwAVdDE1BYFg1Qe9vfu2»",
            r#"looker_client_id: "«jlKP2apS5VjyG2pTNffz»""#,
            "TABLEAU_TOKEN=«goERaBsun1ernLjusqEETQ==:lyr4Hgxpz6t7bo7Zn037NDg6oJPwJW8T»",
        ],
        negatives: &["LOOKERSDK_CLIENT_SECRET=<secret>", "tableau_id = workbook_identifier"],
    },
    Rule {
        id: "workos-secret-key",
        description: "WorkOS or Highnote secret key: acts as the application",
        keywords: &["_a2v5xz"],
        pattern: r"\bsk_(?:live|test)_a2V5Xz[A-Za-z0-9+/]{30,90}={0,2}",
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "WORKOS_API_KEY=«sk_test_a2V5Xz6u1jF8x6MFqMX7JySvFMKuBK42tOE0FCfRQ7QvYugk3fa9vo6iM713uwplt6yb/jT+uY70»",
            r#"highnote.key: "«sk_live_a2V5Xz4T9foyyM5jmqeLb7PwBH2N1zLePZlSfnK+9UpXdxgAyJ9ujjnk8hUJQQ+u/R3r4dv1==»""#,
        ],
        negatives: &["WORKOS_API_KEY=sk_test_a2V5Xz...", "sk_live_a2V5Xzshort"],
    },
];

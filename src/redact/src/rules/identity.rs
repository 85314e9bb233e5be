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
            "oc login --token=«sha256~qTJW7an_dOYmONXIqI23_unVnic-YklhRI3_eMoJ2Ot» --server=https://api.c:6443",
            "token: «sha256~a7ZzUVVVtL0r0BSL0Nrq8P_lkCMprC-02N2FBCMfYVY»",
        ],
        negatives: &["oc login --token=sha256~xxx", "sha256~6TbxMwWv0A"],
    },
    Rule {
        id: "kubernetes-bootstrap-token",
        description: "Kubernetes bootstrap token: joins nodes",
        keywords: &["--token", "token:"],
        pattern: r#"(?:--token[ =]|\btoken: ?["\']?)([a-z0-9]{6}\.[a-z0-9]{16})\b"#,
        min_entropy: 3.4,
        check: Check::Nothing,
        positives: &[
            "kubeadm join 10.0.0.1:6443 --token «jvd79c.w6o6e60ez8gs4ogv» --discovery-token-ca-cert-hash sha256:x",
            "bootstrapTokens:\n- token: «f3vcih.9zwnc5a3xkmtqwl2»\n",
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
            "RANCHER_TOKEN=«token-w5ybr:bllx9clb0d8lkldzgb0e3tltph43y6m260hdd6kty67axf0y8gjvkn»",
            "token: «kubeconfig-user-v7vd79t61o:ht5wokdg2qsrgzi8k2wzy6pctsg0rpfy0ng05d9xlaynayck09liqz»",
        ],
        negatives: &["RANCHER_TOKEN=token-xxxxx:xxx", "token-y0jd5:ti9ve7gdfm"],
    },
    Rule {
        id: "okta-token",
        description: "Okta API token: manages users",
        keywords: &["okta", "ssws"],
        pattern: r#"(?i:okta[\w .-]{0,24}["\x27`\s=:,(]{1,8}|\bSSWS )(?:SSWS )?(00[A-Za-z0-9_-]{40})"#,
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "OKTA_API_TOKEN=«00W3Zw1Phu-wcUiWXZS-fD9csvKXSrrSf5_o4xTKBO»",
            "Authorization: SSWS «003JQbcaJmNzf8UVevGjYTLxHd05YdXie2SW-DKb_m»",
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
            "OKTA_CLIENT_SECRET=«LbUrLLrYX3w4AJI3sZNDyBmmgWXmDbDFoxpy8UInIerXooDHdqR8FbH0hJm6pbML»",
            r#"okta_oauth2_client_secret: "«426zSuq-kby3832BB-GWQf1WoAiDQyKU4iHv4kUC»""#,
        ],
        negatives: &["OKTA_CLIENT_SECRET=<secret>", r#"okta_secret_name = "short""#],
    },
    Rule {
        id: "auth0-secret",
        description: "Auth0 client secret beside its name",
        keywords: &["auth0"],
        pattern: concat!(near!(r"auth0[\w .-]{0,16}secret"), "([A-Za-z0-9_-]{64})"),
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "AUTH0_CLIENT_SECRET=«BT-3zrOTPWmHl1-mcTyB7hldGJu9VL7knYi_Uv4wYP8Yr7dDJAMhNFoNEqeTBC2S»",
            r#"auth0_client_secret: "«D4K6oHLrK5EFqAfQs90HFK98S9JP8M_CcTlvE6d8C75jdBD7qgM69toRTa1tZI_J»""#,
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
                r"(?:onelogin|jumpcloud|\bduo_|workos|stytch|frontegg|descope|keycloak|clerk|fusionauth)[\w .-]{0,20}(?:key|secret|skey|token|password)"
            ),
            "((?:sk_(?:live|test)_|secret-(?:live|test)-|jca_)?[A-Za-z0-9_-]{32,120}={0,2})"
        ),
        min_entropy: 3.4,
        check: Check::Nothing,
        positives: &[
            "DUO_SECRET_KEY=«LRkg2Is4Iv3xC9dIT8qk6yfQ52PHnteZpdsnsGj2»",
            "JUMPCLOUD_API_KEY=«ff634d6f41ec58ad0a65e5697b58992698b04eea»",
            r#"keycloak_client_secret: "«em61neIyx7Jy7vMHTpKEWfPkMHHfcAKV»""#,
            "STYTCH_SECRET=«secret-live-cJJpDFyrlqeXailYae7uXgnGeDhnJyp6f4D=»",
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
            "STYTCH=«secret-test-snOUPVm-r2IVGBnQzvDnlkOq0WkB2LEfiLB=»",
            r#"secret: "«secret-live-nqmQpf38R61XxN6Rv4dhLmX0iIh2MorI3Qw=»""#,
        ],
        negatives: &["STYTCH=secret-test-...", "secret-live-53IdI7QYyJ="],
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
            "hunter_",
            "abuseipdb",
            "greynoise",
            "crowdstrike",
        ],
        pattern: concat!(
            near!(
                r"(?:virustotal|\bvt_api|shodan|censys|securitytrails|urlscan|\bhunter_|abuseipdb|greynoise|crowdstrike)[\w .-]{0,16}(?:key|secret|token)"
            ),
            r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{64,80}|[A-Za-z0-9]{32,80})\b"
        ),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "VIRUSTOTAL_API_KEY=«ff39184a217a9e5fb81e9fa2a7606895fdff65bf69c7229c3e66fae643ea9b75»",
            r#"shodan_api_key: "«0AvakpJmrGGqXSs8Ac5e0jhVoa1BUIlk»""#,
            "URLSCAN_API_KEY=«5cecbb55-9473-42e9-a7b3-0e2d2e66cb07»",
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
            "AUTHRESS_KEY=«sc_co4dbchwpch0.ixs2.acc-uspdyvm88kk7.EB+VlOxOopvISPBem0c2gQztm7D1vShyCpQcVsh1KXtUsX7k5m886Q89ml6B=»",
            r#""accessKey": "«authress_vd3yamzdax7opigol7my.o46v.acc_4t7y78klvj56djyz.P7YBfg6b8tBqRugmU5gb4br97S8EhedRUHqpa-zJsgekefK0GdhnVl-YP7s3QuNP»""#,
        ],
        negatives: &[
            "AUTHRESS_KEY=sc_xxx.yyy.acc-zzz.key",
            "sc_igx73vvvojbc.uf2h.other-exq0fqaoum20",
        ],
    },
    Rule {
        id: "meraki-api-key",
        description: "Cisco Meraki API key: changes networks",
        keywords: &["meraki"],
        pattern: concat!(near!("meraki"), r"([0-9a-f]{40})\b"),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "MERAKI_DASHBOARD_API_KEY=«97e7404dc227d2482832f5581fac75e5d6a23005»",
            "X-Cisco-Meraki-API-Key: «4986d881038e8fd344565cbbc8111404317647bd»",
        ],
        negatives: &["MERAKI_DASHBOARD_API_KEY=<key>", r#"meraki_org = "680955""#],
    },
    Rule {
        id: "infracost-api-key",
        description: "Infracost API key",
        keywords: &["ico-"],
        pattern: r"\bico-[A-Za-z0-9]{32}\b",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "INFRACOST_API_KEY=«ico-MNC2y6Xs6afRxzdLT0W5IDUE652wT2dn»",
            "api_key: «ico-hD9DNn7Si7En1dTlI7Kqy5dw2ZFs5ALj»",
        ],
        negatives: &[
            "INFRACOST_API_KEY=ico-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "pico-JODpsTl7C8pUJPT9TPL7B4YkAXzvAczb",
        ],
    },
    Rule {
        id: "intra42-client-secret",
        description: "42 school intranet client secret",
        keywords: &["s-s4t2ud-", "s-s4t2af-"],
        pattern: r"\bs-s4t2(?:ud|af)-[0-9a-f]{64}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "FT_SECRET=«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»",
            r#"client_secret: "«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»""#,
        ],
        negatives: &[
            "FT_SECRET=s-s4t2ud-xxx",
            "FT_UID=u-s4t2ud-fd025f2315fdad87568ea228fe7e9fe277a4471dcae43afb82166c07d24cd24d",
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
            "SETTLEMINT_ACCESS_TOKEN=«sm_aat_yWlEZgg6PICjb8Jm»",
            r#"token: "«sm_pat_8GVErMYvpN4dMGLj»""#,
        ],
        negatives: &["SETTLEMINT_ACCESS_TOKEN=sm_aat_xxxxxxxxxxxxxxxx", "sm_pat_jaHdV5IT"],
    },
    Rule {
        id: "game-service-key",
        description: "Expo, Unity or game service secret beside its name",
        keywords: &["playfab", "steam_", "unity_", "epic_client"],
        pattern: concat!(
            near!(
                r"(?:playfab|\bsteam_(?:web_)?api|\bunity_(?:service|cloud)|epic_client)[\w .-]{0,16}(?:key|secret|token)"
            ),
            "([A-Z0-9]{32,52}|[0-9A-Fa-f]{32}|[A-Za-z0-9+/_-]{32,64})"
        ),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "PLAYFAB_SECRET_KEY=«7Y7UX3RUN6L1UG9PWA9701B0JY5X811J63UBHI0TNNA02VRFHQ»",
            "STEAM_WEB_API_KEY=«F32A754D08623C53B9187E4A1301125A»",
        ],
        negatives: &["PLAYFAB_SECRET_KEY=<key>", "steam_api_key = get_steam_api_key_from_env()"],
    },
    Rule {
        id: "business-intelligence-secret",
        description: "Looker, Tableau or Power BI secret beside its name",
        keywords: &["looker", "tableau"],
        pattern: concat!(
            near!(r"(?:looker|tableau)[\w .-]{0,16}(?:key|secret|token|id|pat)"),
            r"([A-Za-z0-9+/]{22}==:[A-Za-z0-9+/]{32,40}|[A-Za-z0-9]{24}\b|[A-Za-z0-9]{20}\b)"
        ),
        min_entropy: 3.4,
        check: Check::Nothing,
        positives: &[
            "LOOKERSDK_CLIENT_SECRET=«RNeTJSRqlVuvV5YGehqttvry»",
            r#"looker_client_id: "«HZcr3KYSFv6bBYEuIKz9»""#,
            "TABLEAU_TOKEN=«qeq2cHkzcY/7u+COilzNLO==:hp2IgmQoDcF88oOSPgU8vMSY6KxpdhId»",
        ],
        negatives: &["LOOKERSDK_CLIENT_SECRET=<secret>", "tableau_id = workbook_identifier"],
    },
];

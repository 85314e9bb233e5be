//! Stores of secrets, infrastructure as code, and security services.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "vault-service-token",
        description: "HashiCorp Vault service token: reads secrets",
        keywords: &["hvs."],
        pattern: r"\bhvs\.[A-Za-z0-9_-]{24,300}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "VAULT_TOKEN=«hvs.CAESI0ZjMUwiLlIMb95TqjS0c5lIBjz-FUbnITvsPI2TR8-YHTa6votJ158tRisb9RG5TqUuAs7ywzmuCenMIuIg1kM8xad»",
            "X-Vault-Token: «hvs.zKeyT3Tc7hvJrGKV61oKvsHv»",
        ],
        negatives: &["VAULT_TOKEN=hvs.xxxxxxxxxxxxxxxxxxxxxxxx", "hvs.Wub05ShoPn"],
    },
    Rule {
        id: "vault-batch-token",
        description: "HashiCorp Vault batch or recovery token",
        keywords: &["hvb.", "hvr."],
        pattern: r"\bhv[br]\.[A-Za-z0-9_-]{24,400}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "VAULT_TOKEN=«hvb.AAAAAQRXDpFfhIH-51iFfuWnFe58Yn_w_d_RRxXEyt5BIhH6hfwEXKNHYtCRFeuqY7C2CQ8dN45wyde1G3s0ow52Nf8wRSXvE_qxwugyuKQnDhKu4VTCsfaJzJafRTfGBxMxNtRdgfFZBBYWi0»",
            r#"token: "«hvr.kagBh9JeDFIgiELbX8kcOwyO»""#,
        ],
        negatives: &["VAULT_TOKEN=hvb.xxx", "hvb.H7IlSKhtVh"],
    },
    Rule {
        id: "vault-token-named",
        description: "HashiCorp Vault token in the older format, beside its name",
        keywords: &["vault"],
        pattern: concat!(
            near!(r"vault[\w .-]{0,16}token"),
            r"([sbr]\.[A-Za-z0-9]{24}(?:\.[A-Za-z0-9]{5})?)\b"
        ),
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "VAULT_TOKEN=«s.I3GTawYuqelTUkiRQcbpI7Y3»",
            "X-Vault-Token: «s.VwbDnUowLxA5UuTaBcYrJncw.qEJ6J»",
        ],
        negatives: &["VAULT_TOKEN=$VAULT_TOKEN", "vault_token = s.lookup_vault_token_from_file()"],
    },
    Rule {
        id: "vault-unseal-key",
        description: "HashiCorp Vault unseal key: opens the store",
        keywords: &["unseal key", "unseal_key", "unseal-key"],
        pattern: r#"(?i:unseal[ _-]key)[ _0-9A-Za-z]{0,8}["\'\s:=]{1,6}([A-Za-z0-9+/]{43,44}=?|[0-9A-Fa-f]{64,66})"#,
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "Unseal Key 1: «oXbjMy9sU8CiUhmozmY4ls09xBtYXIqIvdQk1pManOx=»\n",
            r#"VAULT_UNSEAL_KEY="«NDhw0HBMeDAADkjKoePDKOJWJLnKcoH3Og5ooJquXN1G»""#,
        ],
        negatives: &["Unseal Key 1: <key>", "unseal_key_shares = 5"],
    },
    Rule {
        id: "vault-approle-secret-id",
        description: "HashiCorp Vault AppRole secret id",
        keywords: &["secret_id", "secretid", "secret-id"],
        pattern: r#"(?i:secret[_-]?id)["'\s:=]{1,6}([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})\b"#,
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "VAULT_SECRET_ID=«cefa89d4-5a43-44e8-a29b-949ceb5e5ee7»",
            "vault write auth/approle/login role_id=x secret_id=«ad248a82-fce5-4aa7-aa9c-ad44c52f01d5»",
        ],
        negatives: &["secret_id=<uuid>", "role_id=8f85222a-f3ed-4712-ab1f-fc223600b62a"],
    },
    Rule {
        id: "consul-nomad-token",
        description: "Consul or Nomad ACL token",
        keywords: &["consul", "nomad"],
        pattern: concat!(
            near!(r"(?:consul|nomad)[\w .-]{0,16}token"),
            r"([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "CONSUL_HTTP_TOKEN=«c1ee0c3d-0147-4331-aef3-8e188d9ac48d»",
            "X-Nomad-Token: «53452c6a-ce8a-4f77-ac43-741322069f1d»",
        ],
        negatives: &[
            "CONSUL_HTTP_TOKEN=<token>",
            "NOMAD_TOKEN=00000000-0000-0000-0000-000000000000",
        ],
    },
    Rule {
        id: "terraform-cloud-token",
        description: "HCP Terraform token: runs and reads state",
        keywords: &[".atlasv1."],
        pattern: r"\.atlasv1\.([A-Za-z0-9_=-]{60,72})",
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "credentials \"app.terraform.io\" {\n  token = \"7qLUBDBJ5a2hcY.atlasv1.«JrL6ulhIAqm-6i7WIBsB73MGkKMY0zrpI26yebgIu0_6G3woPKN3cORo-WyrIchPQDP»\"\n}",
            "TF_TOKEN_app_terraform_io=AxN7hLLUgVAOez.atlasv1.«phc2Q66kSswVnW5YA7TWwrElJVfUXTexDcYB_kHRM9fBtjXeddxOgpkcDpYbyNKw_07»",
        ],
        negatives: &[r#"token = "xxxxxx.atlasv1.zzzzzzzzzzzzz""#, ".atlasv1.MPEXfHz6UMjiK0q7DINY"],
    },
    Rule {
        id: "pulumi-access-token",
        description: "Pulumi access token: reads state and secrets",
        keywords: &["pul-"],
        pattern: r"\bpul-[0-9A-Fa-f]{40}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "PULUMI_ACCESS_TOKEN=«pul-4619051d527974b1d2448ac94b93669109e64177»",
            r#""accessTokens": {"https://api.pulumi.com": "«pul-0c7d8de6bb5dc2a3dc55d7077526a8ec8d2dff41»"}"#,
        ],
        negatives: &["PULUMI_ACCESS_TOKEN=pul-xxx", "pul-e4e8920ab8"],
    },
    Rule {
        id: "doppler-token",
        description: "Doppler token: reads secrets",
        keywords: &["dp."],
        pattern: r"\bdp\.(?:pt|st|ct|sa|said|scim|audit|kms|os)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}\b",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "DOPPLER_TOKEN=«dp.st.prd.sQeXf4gz4qc6Q7LVCk7bYykDmb7M4aMonQklEHBlNj6»",
            "doppler configure set token «dp.pt.EyHYRBiB2QWB8TKtheHW4kN0cNmlmWbCv4hVRfwH1JA»",
        ],
        negatives: &[
            "DOPPLER_TOKEN=dp.st.xxx",
            "dp.pt.5M8mimltw4",
            "udp.st.NUhjpfnhFqKkMVOoFcItSbVxQuekZH1KnLGsoeTcfP3",
        ],
    },
    Rule {
        id: "infisical-token",
        description: "Infisical service token: reads secrets",
        keywords: &["st."],
        pattern: r"\bst\.[0-9A-Fa-f]{24}\.[0-9A-Fa-f]{32}\.[0-9A-Fa-f]{32}\b|\bst\.[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}\.[0-9A-Fa-f]{32}\.[0-9A-Fa-f]{32}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "INFISICAL_TOKEN=«st.7c5dd8f802ae4f5a16d839ae.9ca1a638e34c3227824fbadf5cc2bd8a.0c37825c9e6b050bde9f0432d2c00e7f»",
            r#"token: "«st.84bf9604-5259-4424-a096-d1fa6d1f7944.8dbb240135bc833616644571f5bff9cb.13a7c1d54eb10af61d399910727444e6»""#,
        ],
        negatives: &[
            "INFISICAL_TOKEN=st.xxx",
            "test.18c5de5e9763595632630600.a76e393c4362998de5b000ba3f87ba02.a18c50cdfa03cf7b6cc2712fd9819aaa",
        ],
    },
    Rule {
        id: "onepassword-service-token",
        description: "1Password service account token: reads vaults",
        keywords: &["ops_eyj"],
        pattern: r"\bops_eyJ[A-Za-z0-9+/_-]{200,1200}={0,3}",
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "OP_SERVICE_ACCOUNT_TOKEN=«ops_eyJzaWduSW5BZGRyZXNzIjoi0OMSpjMMIo7RmcNb13Op7HggCbDdY30n4qOFObvOTnhgzNdMBnG6seJx+JRvxK4Su+SaZ8tA6Y/8nABz4kqvyNyiJhOacXzoY+DndODjQDLensmNTfvoUIbbv1e/o3GiPmtYn6YaP04ScKgJH82ZgtJv+QherH7cFhW1K0khxZVUAa3awm63z+TrzaxZJsO56bRgmrPUK931HmGT3BnfrMLJzoQxsFi2eLlu9tRTA8HuB9Qv9nU+mni6cQrjniNwjOe0sQ2Asb68YSvhrPMU2ji5QcrUJA/bk2oYd3Ov9nKoOpFkigFBmPT+CORywULfsBnCraPeYYXa/eR7ytImyMx7nTwt96MDA/6kt2ld8V8nkPD/ULveyl4FwTQnv1HI3JiGuCvIpvzqdzNK»",
            r#""token": "«ops_eyJC/UMScObGZoK+e5h4tMFOvskA2imjMjtxsmAm2211o0hex4oZnid38zu3JKhcJ63Nnq4O1YprupgCmZCY1bpFY80gugMRLLcQ2UkjlOstbatSWHhYawkXDtEgxvA/wL6hTbfQZBnwH8WaNTcbLSFhwZ9KhljV0PXmD3tPDXqZRy6ySEonA/I+c3iYbA0TTf/G1bH9kK2djvaiXv3CzVXOaCbbCtH749qJNIcYuRVIEiIXpJDP0QD6YNd5RKfJTEXdKjLLv22CWFg4SpctSAytV/JM+ObaQkuWFexeLMwU6bT=»""#,
        ],
        negatives: &[
            "OP_SERVICE_ACCOUNT_TOKEN=ops_eyJ...",
            "ops_eyJfgvFQn2BMUyx70tLI1GdN9pXbuNOBGzLuG7uLnQW",
        ],
    },
    Rule {
        id: "onepassword-secret-key",
        description: "1Password secret key: unlocks an account with its password",
        keywords: &["a3-"],
        pattern: r"\bA3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}\b",
        min_entropy: 3.3,
        check: Check::Nothing,
        positives: &[
            "secret key: «A3-6218K7-2IJ3YO-TQI4P-3GTNM-4YIDX-76EKS»",
            "OP_SECRET_KEY=«A3-JS0ZBC-7OGTIFUV6L8-OV583-1RRVX-XR5ZI»",
        ],
        negatives: &["A3-XXXXXX-XXXXXX-XXXXX-XXXXX-XXXXX-XXXXX", "A3-K5VVQO-T6J099"],
    },
    Rule {
        id: "bitwarden-access-token",
        description: "Bitwarden Secrets Manager access token: reads secrets",
        keywords: &["0."],
        pattern: r"\b0\.[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}\.[A-Za-z0-9]{30}:[A-Za-z0-9+/]{22}==",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "BWS_ACCESS_TOKEN=«0.100daecf-9a5e-4e4f-a6bf-0640a761a781.AhDXQW2DCthE8yXqKjVVoC8mHn14m9:PQSRhOS/sHP5k1AI30ov9C==»",
            "bws run -t «0.5d310752-5d83-4302-a3f4-dd5f3beff9ad.sr8eMQud897Yj5KPIAyUjmjq32dOML:i2NQAWvhdRWJKW4gunRQcH==»",
        ],
        negatives: &["BWS_ACCESS_TOKEN=0.xxx", "0.c02e962f-bee3-4591-a181-e4dc0f6d7575"],
    },
    Rule {
        id: "bitwarden-client-secret",
        description: "Bitwarden session or API secret beside its name",
        keywords: &["bw_", "bitwarden"],
        pattern: concat!(
            near!(r"(?:\bbw_(?:session|clientsecret)|bitwarden[\w .-]{0,16}(?:secret|session))"),
            "([A-Za-z0-9+/]{86}==|[A-Za-z0-9]{30})"
        ),
        min_entropy: 3.6,
        check: Check::Nothing,
        positives: &[
            r#"BW_SESSION="«WfKHsgGiQonaJSeE/365LaRyY/agTQSWCn2dSVYiSe2KCNBfjnbxlfQfLkOurVE6x3st/5RmMl3s2kyfrMwnRj==»""#,
            "BW_CLIENTSECRET=«Kqbv0kWY1Q5wZ2doowYpis4T9zyYnh»",
        ],
        negatives: &["BW_SESSION=$(bw unlock --raw)", "BW_CLIENTSECRET=<secret>"],
    },
    Rule {
        id: "secret-store-key",
        description: "Access key of a secret store beside its name",
        keywords: &["akeyless", "ksm_", "conjur", "cyberark"],
        pattern: concat!(
            near!(r"(?:akeyless|\bksm_|conjur|cyberark)[\w .-]{0,20}(?:key|token|config)"),
            "((?:US|EU|AU|GOV|JP|CA):[A-Za-z0-9_-]{43}|[A-Za-z0-9+/]{43}=|[A-Za-z0-9]{40,60}|ey[A-Za-z0-9+/]{80,1200}={0,2})"
        ),
        min_entropy: 3.6,
        check: Check::Nothing,
        positives: &[
            "AKEYLESS_ACCESS_KEY=«4njExVj1WE4q/+FEtRlQXEs+3s53AusgQpM5j0xMgDr=»",
            "KSM_CONFIG=«eyyAjthdYC2gqYfQ6vliibfJim3FfT+OeVjzfMnBHdeGpb1IIlAQd6wiGsS3MmjqEqiSwSm1Q2oZozcj7Un/Z2W2H8pGpy68VyFDE0OJ5N+fEgyKwd+Q3f4f6zFoeFpwAOwjd06E0q1agUlX2wcjC75UqmGnIJnleuEmWpM1YZUs2UDiH3BGqhT+61X2IyA0xuqTJW7an+dOYmONXIqI23+unVnic/YklhRI3+eMoJ2OtBZGa9zNYLgy3t8TFw1KhBlLDngM6G/XBLKaKP7vdTI+a7ZzUVVVtL0r0BSL0Nrq8P»",
            "CONJUR_AUTHN_API_KEY=«56ffothio501t1pnotczxz3waltlyk0njvd79cw6o6e60ez8gs4o»",
            "KSM_TOKEN=«US:mRk7QerpYTBf_b7VuzMHTx5S-XdIdwwUfxc0gwuwhZm»",
        ],
        negatives: &["AKEYLESS_ACCESS_KEY=<key>", r#"conjur_account = "acme""#],
    },
    Rule {
        id: "kubernetes-secret-data",
        description: "Values of a Kubernetes Secret",
        keywords: &["kind:"],
        pattern: r#"\bkind: ?["']?Secret\b["']?[\w\s"'/:.,-]{0,400}?\n(?:data|stringData):\n((?:\s{0,8}[\w.-]{1,64}: ?["']?[A-Za-z0-9+/]{10,800}={0,2}["']?\n?){1,5})"#,
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: shop\ndata:\n«  password: WagdBcnBlqybmm+GpBzIwu1F+0UFtiiuw9oQL3rZlyQE\n  token: IaLARIW7vUs9w410Vn5hjzO/3kAgcCapvyr4B0fimTBMis/OSVIExPynwXll7973==\n»",
            "kind: Secret\ntype: Opaque\ndata:\n«  key: kF7TwGT5/R7MuQpFK89DMcUA9zFBEkhn6cJ7Qdoo»",
        ],
        negatives: &[
            "kind: Secret\nmetadata:\n  name: shop\n",
            "kind: ConfigMap\ndata:\n  key: d2VsY29tZSB0byB0aGUgc2hvcA==\n",
        ],
    },
];

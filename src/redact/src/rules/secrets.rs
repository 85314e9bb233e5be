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
            "VAULT_TOKEN=«hvs.CAESIpLDHEk5nmnUG0FYNMVnawgPcJoKIcIM6Z2aYOXqosvLrY0RvlDdYg9MPVE3e-ssx5Bi9Iu8U_hkjjnfLetYE9LoBsp»",
            "X-Vault-Token: «hvs.2wQdf4kIpWTEWaetJIua3FaJ»",
        ],
        negatives: &["VAULT_TOKEN=hvs.xxxxxxxxxxxxxxxxxxxxxxxx", "hvs.zRudOMc7eY"],
    },
    Rule {
        id: "vault-batch-token",
        description: "HashiCorp Vault batch or recovery token",
        keywords: &["hvb.", "hvr."],
        pattern: r"\bhv[br]\.[A-Za-z0-9_-]{24,400}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "VAULT_TOKEN=«hvb.AAAAAQkjI8qGOMHsvnaPRWbqwV_2yM2ohxAOuCrr1dVw8vvDBnlB5RAvK_GjnX4IEB9Hl48j-rQpe5W0ZjMUwiLlIMb95TqjS0c5lIBjz-FUbnITvsPI2TR8-YHTa6votJ158tRisb9RG5TqUu»",
            r#"token: "«hvr.n7JH1jDmlmgkoQcTgtrIkUrd»""#,
        ],
        negatives: &["VAULT_TOKEN=hvb.xxx", "hvb.XAfZtWEl27"],
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
            "VAULT_TOKEN=«s.a2bzKeyT3Tc7hvJrGKV61oKv»",
            "X-Vault-Token: «s.sHvWub05ShoPnvyo5hp1cd7U.rqF0C»",
        ],
        negatives: &["VAULT_TOKEN=$VAULT_TOKEN", "vault_token = s.lookup_vault_token_from_file()"],
    },
    Rule {
        id: "vault-unseal-key",
        description: "HashiCorp Vault unseal key: opens the store",
        keywords: &["unseal key", "unseal_key", "unseal-key"],
        pattern: r#"(?i:unseal[ _-]key)[ _0-9A-Za-z]{0,8}["\'\s:=]{1,6}([A-Za-z0-9+/]{43,44}=?|[0-9a-f]{64,66})"#,
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "Unseal Key 1: «1iFfuWnFe58Yn+w+d+RRxXEyt5BIhH6hfwEXKNHYtCR=»\n",
            r#"VAULT_UNSEAL_KEY="«FeuqY7C2CQ8dN45wyde1G3s0ow52Nf8wRSXvE+qxwugy»""#,
        ],
        negatives: &["Unseal Key 1: <key>", "unseal_key_shares = 5"],
    },
    Rule {
        id: "vault-approle-secret-id",
        description: "HashiCorp Vault AppRole secret id",
        keywords: &["secret_id", "secretid", "secret-id"],
        pattern: r#"(?i:secret[_-]?id)["'\s:=]{1,6}([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\b"#,
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "VAULT_SECRET_ID=«59a37195-ebb7-4108-a801-ab18659594a0»",
            "vault write auth/approle/login role_id=x secret_id=«117c66cc-2d50-4d32-af34-f051bc690ef5»",
        ],
        negatives: &["secret_id=<uuid>", "role_id=3930ba82-5541-47b0-a67b-bda0d1861b8f"],
    },
    Rule {
        id: "consul-nomad-token",
        description: "Consul or Nomad ACL token",
        keywords: &["consul", "nomad"],
        pattern: concat!(
            near!(r"(?:consul|nomad)[\w .-]{0,16}token"),
            r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "CONSUL_HTTP_TOKEN=«3c0296f4-bf72-4133-a3ce-24df564cc848»",
            "X-Nomad-Token: «50a2d390-3a59-415d-a691-766722931a79»",
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
            "credentials \"app.terraform.io\" {\n  token = \"uryr1RTJs2gSGs.atlasv1.«coH3Og5ooJquXN1GZ4_RHL1qvPqoLq7GflMSLtNX4Ux7x66DO0kqJRGl-Z4wkQREGPM»\"\n}",
            "TF_TOKEN_app_terraform_io=zM4vAXSX6JPKM4.atlasv1.«qsZuk_cf3wJ8IvjijQ-p72WDfiJTg8_WiknBbbUyjPZe64dZo3afqCxpne969mJ5eHI»",
        ],
        negatives: &[r#"token = "xxxxxx.atlasv1.zzzzzzzzzzzzz""#, ".atlasv1.3NRXtJ1xnrulYyRZ6HR0"],
    },
    Rule {
        id: "pulumi-access-token",
        description: "Pulumi access token: reads state and secrets",
        keywords: &["pul-"],
        pattern: r"\bpul-[0-9a-f]{40}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "PULUMI_ACCESS_TOKEN=«pul-f77cc43741322069f1d8ded031849e5218643fe2»",
            r#""accessTokens": {"https://api.pulumi.com": "«pul-ec8646ed98299cd6438de610185dfe8d53a99d0a»"}"#,
        ],
        negatives: &["PULUMI_ACCESS_TOKEN=pul-xxx", "pul-a3fc64801a"],
    },
    Rule {
        id: "doppler-token",
        description: "Doppler token: reads secrets",
        keywords: &["dp."],
        pattern: r"\bdp\.(?:pt|st|ct|sa|said|scim|audit|kms|os)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}\b",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "DOPPLER_TOKEN=«dp.st.prd.voMuAxN7hLLUgVAOezhdbXO8BvGO2DQUWRKDLfwUR8j»",
            "doppler configure set token «dp.pt.U3XHlQ0xg0yCRzLJ2HYNnDwy5Wl2HRiM8H2LJpfrxGc»",
        ],
        negatives: &[
            "DOPPLER_TOKEN=dp.st.xxx",
            "dp.pt.xGRy7T4w8c",
            "udp.st.YloU28bIMH8ZJznFQ3fqKvtK2M7ELcnNjey7Gc2Y5Gb",
        ],
    },
    Rule {
        id: "infisical-token",
        description: "Infisical service token: reads secrets",
        keywords: &["st."],
        pattern: r"\bst\.[0-9a-f]{24}\.[0-9a-f]{32}\.[0-9a-f]{32}\b|\bst\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.[0-9a-f]{32}\.[0-9a-f]{32}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "INFISICAL_TOKEN=«st.05a132073c06995fde9a7c18.6eb9229d4e789c4619051d527974b1d2.448ac94b93669109e641770c7d8de6bb»",
            r#"token: "«st.5dc2a3dc-55d7-4775-a6a8-ec8d2dff41e4.e8920ab89223c81e50c5e6007655fd54.fcd4dd932516560ea32bd64659b34726»""#,
        ],
        negatives: &[
            "INFISICAL_TOKEN=st.xxx",
            "test.3f857f190ba256972127c5dd.8f802ae4f5a16d839ae9ca1a638e34c3.227824fbadf5cc2bd8a0c37825c9e6b0",
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
            "OP_SERVICE_ACCOUNT_TOKEN=«ops_eyJzaWduSW5BZGRyZXNzIjoixaS05K8dtmk0iXbd4D8JtV/KBaruixNQrksgcLy1g/Pz1e8FNrsI1TUjqbhpvVZJopAhBzstuCg/uU/9NWVepRCZf0xs4ThbP9yh3nNLMhaCkCqqr7AgHYw15x7NCznvMuzpkAobydaODA7mLmXqmzlLNI06wSdddSOp8HDSQbjReHXxaW1+QdpW+FSBWWiEfj90LIfNQRR0OMSpjMMIo7RmcNb13Op7HggCbDdY30n4qOFObvOTnhgzNdMBnG6seJx+JRvxK4Su+SaZ8tA6Y/8nABz4kqvyNyiJhOacXzoY+DndODjQDLensmNTfvoUIbbv1e/o3GiPmtYn6YaP04ScKgJH82ZgtJv+QherH7cFhW1K0khxZVUAa3awm63z+TrzaxZJsO56bRgm»",
            r#""token": "«ops_eyJrPUK931HmGT3BnfrMLJzoQxsFi2eLlu9tRTA8HuB9Qv9nU+mni6cQrjniNwjOe0sQ2Asb68YSvhrPMU2ji5QcrUJA/bk2oYd3Ov9nKoOpFkigFBmPT+CORywULfsBnCraPeYYXa/eR7ytImyMx7nTwt96MDA/6kt2ld8V8nkPD/ULveyl4FwTQnv1HI3JiGuCvIpvzqdzNKC/UMScObGZoK+e5h4tMFOvskA2imjMjtxsmAm2211o0hex4oZnid38zu3JKhcJ63Nnq4O1YprupgCmZCY1bpFY80gugMRLLcQ=»""#,
        ],
        negatives: &[
            "OP_SERVICE_ACCOUNT_TOKEN=ops_eyJ...",
            "ops_eyJ2UkjlOstbatSWHhYawkXDtEgxvA/wL6hTbfQZBnw",
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
            "secret key: «A3-6Q4YAT-DLZ4SD-6FE7X-0UYGO-1JUOY-I9ZVM»",
            "OP_SECRET_KEY=«A3-3MWPHG-N5R5B1EZAN0-7WWC5-Q60AQ-4F9S1»",
        ],
        negatives: &["A3-XXXXXX-XXXXXX-XXXXX-XXXXX-XXXXX-XXXXX", "A3-K1OMX7-97YUAO"],
    },
    Rule {
        id: "bitwarden-access-token",
        description: "Bitwarden Secrets Manager access token: reads secrets",
        keywords: &["0."],
        pattern: r"\b0\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.[A-Za-z0-9]{30}:[A-Za-z0-9+/]{22}==",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "BWS_ACCESS_TOKEN=«0.00748eef-4898-4c5a-a872-8c387ada7ec9.bCGKS1vscr1w5pyWbIsXess9P9WkGB:2CWFg4SpctSAytV/JM+Oba==»",
            "bws run -t «0.a25c7151-995b-40b1-a57a-3d69b65ed498.APLVIqbtEHMh6VLya3ktuKnqYGG8mY:LuG7uLnQW42v5qt7WCNHr8==»",
        ],
        negatives: &["BWS_ACCESS_TOKEN=0.xxx", "0.7e3966fc-41b2-49c3-a4bb-49dc0173942a"],
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
            r#"BW_SESSION="«RxDR+62JIQUUJ/YqbNiETBv/RQGCMs1edc2R4Y8MPv764q8QAT8dysdRDBeRCIe0p674Np9XHtD5yBzPQSRhOS==»""#,
            "BW_CLIENTSECRET=«FjIquCfAInrB80AhkEoTk1AhPcMapl»",
        ],
        negatives: &["BW_SESSION=$(bw unlock --raw)", "BW_CLIENTSECRET=<secret>"],
    },
    Rule {
        id: "secret-store-key",
        description: "Access key of a secret store beside its name",
        keywords: &["akeyless", "ksm_", "conjur", "cyberark"],
        pattern: concat!(
            near!(r"(?:akeyless|\bksm_|conjur|cyberark)[\w .-]{0,20}(?:key|token|config)"),
            "((?:US|EU|AU|GOV|JP|CA):[A-Za-z0-9_-]{43}|[A-Za-z0-9+/]{43}=|[a-z0-9]{40,60}|ey[A-Za-z0-9+/]{80,1200}={0,2})"
        ),
        min_entropy: 3.6,
        check: Check::Nothing,
        positives: &[
            "AKEYLESS_ACCESS_KEY=«jx1In5ociAo/r11w8oS589KP0KIjOgt1WtztHhi2NQA=»",
            "KSM_CONFIG=«eyWvhdRWJKW4gunRQcHWbk7LBj+T57oUuMhNhHf6q1Yc9B0DwFxWfKHsgGiQonaJSeE/365LaRyY/agTQSWCn2dSVYiSe2KCNBfjnbxlfQfLkOurVE6x3st/5RmMl3s2kyfrMwnRjGcQvShCCSFrKYWAo4njExVj1WE4q/+FEtRlQXEs+3s53AusgQpM5j0xMgDryAjthdYC2gqYfQ6vliibfJim3FfT+OeVjzfMnBHdeGpb1IIlAQd6wiGsS3MmjqEqiSwSm1Q2oZozcj7Un/Z2W2H8pGpy68VyFDE0OJ5N+f»",
            "CONJUR_AUTHN_API_KEY=«pdmslb56v1c772c3mp6hcp8hlnuleb03p90i70a7d9xfy1lbeo32»",
            "KSM_TOKEN=«US:UqmGnIJnleuEmWpM1YZUs2UDiH3BGqhT_61X2IyA0xu»",
        ],
        negatives: &["AKEYLESS_ACCESS_KEY=<key>", r#"conjur_account = "acme""#],
    },
];

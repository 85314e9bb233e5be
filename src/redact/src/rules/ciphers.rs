//! Keys without PEM armour: age, WireGuard, NATS, wallets, JSON Web Keys.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "age-secret-key",
        description: "age secret key: decrypts files",
        keywords: &["age-secret-key-1", "age-secret-key-pq-1"],
        pattern: "AGE-SECRET-KEY-(?:1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}|PQ-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58,120})",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "# public key: age1...\n«AGE-SECRET-KEY-1YA636FP6NQS6L8DTLA3R5S3JPUZ2FDE0TPJGNU60VQ840V2GPPFG5XYKAM»\n",
            "SOPS_AGE_KEY=«AGE-SECRET-KEY-1UQFPDWL2ATSRSUTPJQCK3PY8Y5W45HA8AH6T0YKV5J748GS4EEXREKZP36»",
        ],
        negatives: &[
            "AGE-SECRET-KEY-1...",
            "AGE-SECRET-KEY-19WU8HP5U9CMKZHEEPA57",
            "age14harymsevrs829uz2pu7srd7zt2vlxwwrfrx05j3lhwq5pkl92e4jql90d",
        ],
    },
    Rule {
        id: "age-plugin-identity",
        description: "age plugin identity: unlocks a hardware or plugin key",
        keywords: &["age-plugin-"],
        pattern: r"\bAGE-PLUGIN-[A-Z0-9]{2,24}-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{20,200}",
        min_entropy: 3.3,
        check: Check::Nothing,
        positives: &[
            "«AGE-PLUGIN-YUBIKEY-152YAR9J2CUG4FU0QCJLU826TNTAKREKA2W8HHP8U»",
            "identity: «AGE-PLUGIN-TPM-1E4QPZDSTP9XMECDJCPX0G89MTE79URJ6AFZASDLZARLC4S5JGPMKATGDJ0HCTP7KLT2M7L7EEWZGA6CPRCGH38E0R63V86ZYTDZYUH7KPGS25D828CVL6HS0»",
        ],
        negatives: &["AGE-PLUGIN-YUBIKEY-1...", "age-plugin-yubikey --list"],
    },
    Rule {
        id: "wireguard-private-key",
        description: "WireGuard private or preshared key: joins the network",
        keywords: &["privatekey", "presharedkey", "wg_private", "wireguard"],
        pattern: r#"(?i:PrivateKey|PresharedKey|wg_private_key|wireguard[\w.-]{0,16}key)["']?[ ]{0,4}[=:][ ]{0,4}["']?([A-Za-z0-9+/]{43}=)"#,
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "[Interface]\nPrivateKey = «DaZM9YQGNn20AtEODtUVVEjBAc3Kf+Kbp+UZ3FYuun6=»\nAddress = 10.0.0.2/32\n",
            "PresharedKey=«vfjD7wPWEWTyxhMhItX2/Yh9qy/hI+ZhTHwnsl7OD9I=»",
            r#"WG_PRIVATE_KEY="«xt/euKsePy1n4A5Tiweeip9WesGoGGljb8onxcGJUZ9=»""#,
        ],
        negatives: &[
            "PrivateKey = <private key>",
            "PublicKey = 4HwcSv8NH7E/99cWlDvsCWc5uMiULqqGl3lPTSU0L/V=",
            "PrivateKey = B9fHH3Dg7twBSxmrDZWT=",
        ],
    },
    Rule {
        id: "nats-seed",
        description: "NATS nkey seed: signs in as a user, account or operator",
        keywords: &["nkey", "nats", "seed"],
        pattern: r#"(?i:nkey|nats|seed)[\w .-]{0,16}["'\s:=-]{1,20}(S[UANOCX][A-Z2-7]{56})\b"#,
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "-----BEGIN USER NKEY SEED-----\n«SU37NKDWXVLPPEPZ2N7ELC4VBGGBPSDA5EKXXSDWA665T267STU7RAHH6K»\n------END USER NKEY SEED------",
            "NATS_SEED=«SA6RGEKTELQ7BI5G6YGEC42FTJFPCMYOM23UQRXF3C3DTPCYBND6Q2Y56R»",
            "nkey: «SOZBS67IOFDUAX2KVB4PDO37VNDZTRUPK3BJ4DMXB4MNN6324JHB656JCS»",
        ],
        negatives: &[
            "nkey: U77EBZ4O2UWGXR6QPYMGETV26IBL3FBRPQSP6OPYAF32MCOOZIUCMLEU",
            "NATS_SEED=<seed>",
            "seed = 42",
        ],
    },
    Rule {
        id: "nostr-secret-key",
        description: "Nostr secret key: acts as the identity",
        keywords: &["nsec1"],
        pattern: r"\bnsec1[qpzry9x8gf2tvdw0s3jn54khce6mua7l]{58}\b",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "NOSTR_KEY=«nsec1hpzdtv6kr207gyca98rts2v8hjgrj4wqrzdkczytfdgm64zhh34gkatv8r»",
            r#""sk": "«nsec1vs62akz8nmc9g7e59fhdflzxr2p0w95ct5eat2pkqrr76ygvfqft9j4nxx»""#,
        ],
        negatives: &[
            "NOSTR_KEY=nsec1...",
            "nsec1hmdtv06cdut97cdrn226",
            "npub1gus98ae8c5dvfy2xhu0atv9cuxh8857uuhq46q9ajxt000hajx5hq9zzlx",
        ],
    },
    Rule {
        id: "bip32-extended-private-key",
        description: "Extended private key of a wallet: spends every account",
        keywords: &["xprv", "tprv", "yprv", "zprv"],
        pattern: r"\b[xtyz]prv[1-9A-HJ-NP-Za-km-z]{107,108}\b",
        min_entropy: 4.2,
        check: Check::Nothing,
        positives: &[
            "master: «xprv9hcvfxQuBwXGpCSWuKJLYs3tY8JBgkmQrFKtPfsNrN9fzEAxV8tNkogYycbYKN2ZQ39Qb6VeEjbVt1RxygASvFisz9vytXCqxvPKsWRnvLW»",
            r#"descriptor = "wpkh(«tprv85pScprgbvTPLwh8ZK4f6XTcDchie5C4qHhyft9SFWDkZBRQab9TXVrFSUxqb5TuPLV8kKKPfaCfvyp6BYTK11CwKgBG63MHLbdH4DTW9Lq»/84h/1h/0h)""#,
        ],
        negatives: &[
            "xprv9...",
            "xprvj97VB7n2jcXRyERqjQ3y9ki7MugfqbKiJBGjDCZH",
            "xpubsW6BKhQS32TeFFbxsc4zhho7MhJtiqMj5d5h5PBwRSVwH4mf9arR1VXi64vxEyGNQHKTGSQ4SFmx2J1HE7RTecP2ZV1zC4CivnETjRFdrYk",
        ],
    },
    Rule {
        id: "bitcoin-private-key",
        description: "Bitcoin private key in wallet import format, beside its name",
        keywords: &["bitcoin", "btc", "wif"],
        pattern: concat!(
            near!(r"(?:bitcoin|\bbtc|\bwif)[\w .-]{0,12}"),
            r"([5KLc9][1-9A-HJ-NP-Za-km-z]{50,51})\b"
        ),
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "BTC_PRIVATE_KEY=«KQFj53xUtLRhfAvaeCFjpXBrEemiMbQWTfLbaTnksRNgFNi31xXm»",
            r#"wif: "«51Sc7W8SjQJ5qnxbqn6H8JZmHtd6fWYKjeCkYLZ5Bak5u1QR3y5»""#,
        ],
        negatives: &[
            "BTC_PRIVATE_KEY=<key>",
            r#"bitcoin_address = "1iVHa3cawbCVpMnMH4rduQDzyRvW3j2Hti""#,
        ],
    },
    Rule {
        id: "ethereum-private-key",
        description: "Ethereum or other chain private key beside its name: spends the account",
        keywords: &["private", "deployer", "wallet", "eth", "signer"],
        pattern: r#"(?i:(?:private|deployer|wallet|eth|signer)[_-]?(?:private[_-]?)?key)[\w.-]{0,16}["'\s]{0,3}[:=(,]{1,2}["'\s]{0,3}((?:0x)?[0-9A-Fa-f]{64})\b"#,
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "PRIVATE_KEY=«0xa235f6326a943b077168f5803e03b9fa4ef44ad4422873efe407628a119ce219»",
            r#"deployer_key: "«beb200c7023ab247fbda082cedb4d46dbb4b9ed6180c3d2f88893065c4d6ba15»""#,
            r#"const wallet = new Wallet({ privateKey: "«0xe123687bf885a0a2a1d361d35a803d8d2cfbdc37381447a56e592ad497a7dd80»" })"#,
        ],
        negatives: &[
            "PRIVATE_KEY=0x...",
            "PRIVATE_KEY=0000000000000000000000000000000000000000000000000000000000000000",
            r#"privateKeyPath = "/etc/key.pem""#,
            r#""publicKey": "0x895dc29f8cec1b2c8cdaa0e0219ddbf0045e43d8b2c5c14eb6f25e3d03ea84fc""#,
        ],
    },
    Rule {
        id: "stellar-secret-seed",
        description: "Stellar secret seed beside its name: spends the account",
        keywords: &["stellar", "secret", "seed"],
        pattern: r#"(?i:stellar|secret|seed)[\w .-]{0,16}["'\s:=(]{1,6}(S[A-D][A-Z2-7]{54})\b"#,
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "STELLAR_SECRET_KEY=«SBZWR4V56XD3Q3NQNYW2JT7W6CSR5LFMSZNSMK3IZ7Q34ZUWJD7LR2WA»",
            r#"Keypair.fromSecret("«SAO7FRAAGTC2AT7V52KTXUHXPGW5XOWBLRIAAAG6A44LZKWOZZEURCI7»")"#,
        ],
        negatives: &[
            "STELLAR_SECRET_KEY=S...",
            r#"stellar_account = "G5XZNNULXBF6Q4UZY677OVAVJ5GQ7ZKG2NPINLUYXXBDIHILJJBUBIQB""#,
        ],
    },
    Rule {
        id: "json-web-key-private",
        description: "Private part of a JSON Web Key",
        keywords: &[r#""d":"#, r#""d" :"#],
        pattern: r#""d" ?:\s?"([A-Za-z0-9_-]{42,700})""#,
        min_entropy: 4.2,
        check: Check::Nothing,
        positives: &[
            r#"{"kty":"EC","crv":"P-256","x":"3B8qFn9tP7SnCxm880XLTRYb5W15AXw_sGU_Xy7sZQe","y":"3ejh1AzkD4WZFokSvKRy9mYjcsfhePn761LMMHfYoiU","d":"«uGO4ClzXScGSdIgtDk40HWScH85gWNhvPZ_T2gew9d7»"}"#,
            r#"{"kty": "RSA", "e": "AQAB", "d": "«jFpU9rBwzQYCbBgKoUpKp5HE-nKKX3yzWk8gOLqD84BeThamEtRnXM3DQrR_8Vebqiw3-IP8K5-Wdg1DunzDbiw8lFzuNsNx918kDk8eclGpwSKNOwuyyEHDaRPLHBKEOY5uPc7jmldqf2C4QRKm-7RsoRT9Xehl3LZzmdegzqP9oKgrHlWF-3e6SFLqASe8QR8NDOj5BXUbK2GA9DFaUlAWw4nj_bB_s2ZT8zfVFzeHvB2bHObuFn01dHKbtoyy5aRhiBu4ls-pE6AB5pNVb2y8Dn2q8d_ihfGLy3qj0SwtWt_tGuo9T8horJVD-BFKrDTfTUPncpOB3vQ05QdMeo»", "n": "x"}"#,
        ],
        negatives: &[
            r#"{"d":"2026-01-01"}"#,
            r#"{"kty":"EC","d":"<private>"}"#,
            r#"{"d": "FmwxZxYKeSeh8MaIqbRf"}"#,
        ],
    },
    Rule {
        id: "json-web-key-symmetric",
        description: "Symmetric JSON Web Key",
        keywords: &[r#""k":"#, r#""k" :"#],
        pattern: r#""k" ?:\s?"([A-Za-z0-9_-]{43,172})""#,
        min_entropy: 4.2,
        check: Check::Nothing,
        positives: &[
            r#"{"kty":"oct","alg":"HS256","k":"«vRAYYZWzC3MmR3S-eZzEcU9u062k0v51Ojwe0hzXi7m»"}"#,
            r#"{"kty": "oct", "k": "«FFOKNkN2S0GUwHB_0BnE76PAjSX9HdLvVGS2zcp7SLe90TLiMzTSS_Usj1jg644446GybkWwfdxatnJyNW6sAh»"}"#,
        ],
        negatives: &[r#"{"k":"v"}"#, r#"{"kty":"oct","k":"<key>"}"#],
    },
    Rule {
        id: "kubernetes-client-key",
        description: "Kubernetes client key in a kubeconfig: signs in to the cluster",
        keywords: &["client-key-data"],
        pattern: r#"client-key-data["']?: ?["']?(LS0tLS1CRUdJTi[A-Za-z0-9+/=]{60,9000})"#,
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "users:\n- name: a\n  user:\n    client-key-data: «LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQoc579/4LrmDAIdeWCxyc/1auL7yvUEdF79e6NcJadaVpfwJaCMt1/t5qdIaIAEo/eu/8ccfz9Vzy1ZYYENKPjiGpaTqXAF7vz4u6Pel1obq0CFHcuDGWeKHPqNiXByhOWBXVvnDhIMjcSf/lxchogYg8heqj0QtW1wFgwODfWcHqhrzaVUvRhic6hy0QL5AU5QCOdtz2txTAvYMtCJi4vAlG0pWJP843RNWywF5PUb03azrUuIjKJ3DOzQWKMfqbi36r+K81ME1pcwfplzNveNYJyaXxsiNbLWRU6Yyxh8AdueJ3C9ZWfbhZecFYDQhPShaGpjOnUCHK974YUXhxd6bnEgM50NpqmhN3JmV4IXpNZssLuHNlmZiH8zFR/FQ5wqT8Zaw21Lugcbpyh=»\n",
            r#"{"client-key-data":"«LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFWS0tLS0tCgHlQ9UK+9ouwOEsVxp5/KHOlx9Xnnftjls1BlH/86b7NEViED8NHglUSHmwcHx9eyN8TWKAm/Z8oL3EJO7L9zHZoUhKdek+yzq/n+7zloW7AaUQnvURuroUNWLwQ9oFYUhyN0rKEYXe6FZZvrB5k/wVCYvgaf6ICbaI/bYWt2BFcLmbI0y/2HSrPCUiMGQe5AVSa7WAm5»"}"#,
        ],
        negatives: &[
            "client-key-data: REDACTED",
            "client-certificate-data: LS0tLS1CRUdJTi6b2JSl7ctF/faDDmyN9/J/Jro4equRCgY9iHOU9M6twC7AF1OdyM/SG2ytBny/9sJnjj4g/wi3TBETrFTQl8YwAKqbcA58YVb+qiDXIaXTBoVaw3h/vqNTpqJRe406xUEkXopBYzfI7Cfvp2u5ePqyeG2nMVQmSlblvCtHO8AH+3zxrUhAT87PjnL+tsC4kbwtBK7w6P",
        ],
    },
    Rule {
        id: "minisign-secret-key",
        description: "minisign or signify secret key: signs releases",
        keywords: &["untrusted comment: "],
        pattern: r"untrusted comment: [ -~]{0,60}secret key[ -~]{0,20}\s{1,2}(RW[A-Za-z0-9+/]{90,250}={0,2})",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "untrusted comment: minisign encrypted secret key\n«RWRTY0IyUpQjo9N96v0v/UM/+HlAE8dM6bKOnv1X9nzN7jEVt/uYOCQxH5PCdqBwN7tufAarcCljAtZK+r2wG4cDdQmTC+yNzUA57xe+jUDgDm7eP79HU6d5LKMpzZ9sn+USub3bFQiJKZfP8p+mf+bLmANiAYHCZEfzmjCNk2sFZ0k9AoMvczu6k+Jcsonp58Tqhk4Q4PSxPxEHrGPg»",
            "untrusted comment: signify secret key\n«RWRCSwAAXOwvWXAlkCE1u+O4rAEqIrX+b6QOrm9o/pC/EBQv2fux3evGDXgjxAyPiBpP97C0KvWwESyZ21PXihu/A/iiZO1Ibe3OsvKsILK7wO9bg++uhBFvDRILsMmk2eRWnO5XRH==»\n",
        ],
        negatives: &[
            "untrusted comment: minisign public key\nRWumG3zbMBzTr5iVO+p7Mr9/uuwZKt/z800gaekT49smzT1ZMb+EWRcc",
            "untrusted comment: minisign secret key\n<key>",
        ],
    },
    Rule {
        id: "dnssec-tsig-key",
        description: "DNS update key: changes a zone",
        keywords: &["algorithm"],
        pattern: r#"(?i:algorithm)\s{1,4}"?hmac-[a-z0-9-]{3,12}"?;\s{0,16}secret\s{1,4}"([A-Za-z0-9+/]{20,90}={0,2})""#,
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "key \"ddns\" {\n  algorithm hmac-sha256;\n  secret \"«FGSth0OBVMA0haRC6sqDbUikkeQYzaTech6xsSx2HvU=»\";\n};",
            r#"algorithm hmac-md5; secret "«wo1xszDXNfbf2+ufMhfgnf==»";"#,
        ],
        negatives: &[r#"algorithm hmac-sha256; secret "<key>";"#, r#"algorithm "hmac"; key "x""#],
    },
];

//! Banks, market data and exchanges.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "finicity-token",
        description: "Finicity client secret or token: reads bank accounts",
        keywords: &["finicity"],
        pattern: concat!(near!("finicity"), r"([0-9A-Fa-f]{32}|[A-Za-z0-9]{20})\b"),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "FINICITY_APP_KEY=«0c68f1adee29a45c93e660d1e12c7fe8»",
            r#"finicity_client_secret: "«RImqDPZVscoPN0dpiOOX»""#,
        ],
        negatives: &["FINICITY_APP_KEY=<key>", r#"finicity_partner_id = "9634877144750""#],
    },
    Rule {
        id: "finnhub-token",
        description: "Finnhub token: reads market data",
        keywords: &["finnhub"],
        pattern: concat!(near!("finnhub"), r"([A-Za-z0-9]{20}|[A-Za-z0-9]{40})\b"),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "FINNHUB_API_KEY=«cgu6u6n8yo73vmu7e6f5»",
            r#"finnhub_token: "«g9qa6erstltfdrbm1w89rlfm450l479j0ukcf358»""#,
        ],
        negatives: &["FINNHUB_API_KEY=<key>", r#"finnhub_symbol = "AAPL""#],
    },
    Rule {
        id: "coinbase-token",
        description: "Coinbase access token or API secret",
        keywords: &["coinbase"],
        pattern: concat!(
            near!("coinbase"),
            r"([A-Za-z0-9+/]{86}==|[A-Za-z0-9_-]{64}|[A-Za-z0-9]{32}\b)"
        ),
        min_entropy: 3.6,
        check: Check::Nothing,
        positives: &[
            "COINBASE_API_SECRET=«Xeq68oshqgN8QkjnfWU4mTaGTIr93AsR»",
            r#"coinbase_access_token: "«n6GdTJE--xrxXXe5P0olg2yeHiesXFKCB7pvUri0phAd6b6x0dpjzlTDeVkToWxO»""#,
            "COINBASE_SECRET=«ye0ejicFFrcMxQtjar0NiaZ4MLXtj/Jme8wwrfQXsaueDi5tATm7Q2UrdtuyiNiyENPnL5QT/xq4coJJ//skAF==»",
        ],
        negatives: &["COINBASE_API_SECRET=<secret>", r#"coinbase_product = "BTC-USD""#],
    },
    Rule {
        id: "binance-secret",
        description: "Binance API key or secret: trades",
        keywords: &["binance"],
        pattern: concat!(near!("binance"), r"([A-Za-z0-9]{64})\b"),
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "BINANCE_API_SECRET=«8sVj3ZpoGlCHfjfXR78lw9CvLi7PJBPTlb00NimaJA9GgQC8XXw9ZwVhUHTZmZQI»",
            r#"binance_secret_key = ("«xLEvxfLENOvBMmZCbqESau8btnvsYMJzezDmywWeoFU0LMsadSnAayx8yvbmnPvy»")"#,
        ],
        negatives: &["BINANCE_API_SECRET=$SECRET", r#"binance_symbol = "BTCUSDT""#],
    },
    Rule {
        id: "kraken-secret",
        description: "Kraken API key or private key: trades",
        keywords: &["kraken"],
        pattern: concat!(
            near!("kraken"),
            r"([A-Za-z0-9+/]{86}==|[A-Za-z0-9+/_=-]{80,90}|[A-Za-z0-9+/]{56})(?:\b|=)?"
        ),
        min_entropy: 4.2,
        check: Check::Nothing,
        positives: &[
            "KRAKEN_PRIVATE_KEY=«qihY+bJ+i/JC/j+EGnwWWsHc4725sKNlbrzRja1700i1jjQ0VLgUZBkeXWQWLGncB6IbM9UOa6NgB9FISHkyyC==»",
            r#"kraken_api_key: "«BcGS568vSV2m3r6JCvCz1Wgr4Kr77+UwD1m8DGoadxOEOqWbrERzdNL4»""#,
        ],
        negatives: &["KRAKEN_PRIVATE_KEY=<key>", r#"kraken_pair = "XBTUSD""#],
    },
    Rule {
        id: "kucoin-secret",
        description: "KuCoin API key or secret: trades",
        keywords: &["kucoin"],
        pattern: concat!(
            near!("kucoin"),
            r"([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}|[0-9A-Fa-f]{24})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "KUCOIN_API_SECRET=«dac29d6e-8b52-42d2-aab7-3b1f1e315c93»",
            r#"kucoin_api_key: "«5b53bc30112c8d450f10dfa7»""#,
        ],
        negatives: &["KUCOIN_API_SECRET=<uuid>", r#"kucoin_symbol = "BTC-USDT""#],
    },
    Rule {
        id: "bittrex-secret",
        description: "Bittrex API key or secret: trades",
        keywords: &["bittrex"],
        pattern: concat!(near!("bittrex"), r"([A-Za-z0-9]{32})\b"),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "BITTREX_SECRET=«be6e5b835fcb8de019c20595ba51d6cd»",
            r#"bittrex_api_key: "«d3fcf9593e0f5a559af1f1b123254cc7»""#,
        ],
        negatives: &["BITTREX_SECRET=<secret>", r#"bittrex_market = "BTC-LTC""#],
    },
    Rule {
        id: "exchange-api-secret",
        description: "Secret of another exchange beside its name: trades",
        keywords: &[
            "bybit", "bitfinex", "bitmex", "bitstamp", "gateio", "okx_", "huobi", "mexc",
            "deribit", "bitget",
        ],
        pattern: concat!(
            near!(
                r"(?:bybit|bitfinex|bitmex|bitstamp|gateio|\bokx_|huobi|mexc|deribit|bitget)[\w .-]{0,16}(?:key|secret|token|passphrase)"
            ),
            r"([A-Za-z0-9_-]{18,64})\b"
        ),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "BYBIT_API_SECRET=«33osowhNvwmu11ht1H9AIlDiY0mg0sN8pYSl»",
            r#"bitmex_secret: "«em23bR7oQz9KOLiCUpbnAMPFrG1GS-emvfcXlmJo8fVNffVM»""#,
            "OKX_SECRET_KEY=«AC48F4569B42AE030190C4C4A9C17678»",
        ],
        negatives: &[
            "BYBIT_API_SECRET=$BYBIT_SECRET",
            r#"bitmex_symbol = "XBTUSD""#,
            "OKX_SECRET_KEY=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        ],
    },
    Rule {
        id: "mercury-token",
        description: "Mercury banking API token",
        keywords: &["secret-token:mercury_", "mercury_production_", "mercury_sandbox_"],
        pattern: "(?:secret-token:)?mercury_(?:production|sandbox)_[A-Za-z0-9_.-]{20,100}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "MERCURY_TOKEN=«secret-token:mercury_production_wma_vf4VNPYxQrZyvvqNZ9LShydRoKj9YKmrVq0bcPAr_yrucrem»",
            "Bearer «secret-token:mercury_sandbox_wma_Hh33PLzfoleOtrfMYp6ForLDuVNlrAMbCGuPctPb»",
        ],
        negatives: &[
            "MERCURY_TOKEN=secret-token:mercury_xxx",
            "secret-token:mercury_production_<id>",
        ],
    },
    Rule {
        id: "chargebee-api-key",
        description: "Chargebee API key: reads and changes billing",
        keywords: &["chargebee"],
        pattern: concat!(near!("chargebee"), r"((?:live|test)_[A-Za-z0-9]{30,50})\b"),
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "CHARGEBEE_API_KEY=«live_M3rzxhcGCbdq5QG7KUTHT6th3b18Zh3P1Rd»",
            r#"chargebee_key = ("«test_ORDLPGtprx4YSjfMxDKolF1KBS77EoSb»")"#,
        ],
        negatives: &["CHARGEBEE_API_KEY=test_xxx", r#"chargebee_site = "acme-test""#],
    },
];

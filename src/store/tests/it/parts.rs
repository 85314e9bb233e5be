//! Parts as a filter writes them, small.

use hansard_record::ExchangeId;
use hansard_store::{Incoming, Source};
use serde_json::{Value, json, value::RawValue};

/// Has what a parsed and rewritten body would lose: order, spacing, a number beyond 64 bits.
pub(crate) const BODY: &str = r#"{"model": "claude-b", "a": 123456789012345678901234567890}"#;

pub(crate) fn exchange_id(n: u8) -> ExchangeId {
    ExchangeId::new(1_000, [n; 10])
}

pub(crate) fn incoming(json: &[u8]) -> Incoming {
    let item = Incoming::part(json.to_vec(), Source::Acknowledged, 5_000, "hansard");
    assert_eq!(item.defect(), None);
    item
}

pub(crate) fn opened(n: u8, subject: &str, hint: Option<&str>) -> Vec<u8> {
    let body = RawValue::from_string(BODY.to_owned()).unwrap();
    let body = serde_json::to_string(&body).unwrap();
    let content = json!({"opened": {
        "who": who(subject),
        "from": {"address": "10.0.0.1:5000"},
        "session": hint.map_or(json!({}), |id| json!({"id": id})),
        "decision": {"rule": "developers", "effect": "allow"},
        "request": {"method": "POST", "path": "/v1/messages", "headers": [], "model": "claude-b",
                    "bytes": 58, "body": "BODY"},
    }});
    let part = part(exchange_id(n), u64::from(n), 1_000 + u64::from(n), content);
    String::from_utf8(part).unwrap().replace("\"BODY\"", &body).into_bytes()
}

pub(crate) fn progress(n: u8, seq: u64) -> Vec<u8> {
    let content = json!({"progress": {"index": 0, "block": {"type": "tool_use", "name": "Bash"}}});
    part(exchange_id(n), seq, 2_000 + seq, content)
}

pub(crate) fn closed(n: u8, seq: u64, why: &str) -> Vec<u8> {
    let content = json!({"closed": {
        "response": {"status": 200, "at": 1_500, "headers": [], "bytes": 10,
                     "usage": {"input_tokens": 1, "cache_read_input_tokens": 20,
                               "cache_creation_input_tokens": 300, "output_tokens": 7}},
        "end": {"why": why},
    }});
    part(exchange_id(n), seq, 3_000 + seq, content)
}

pub(crate) fn refused(n: u8, seq: u64, subject: Option<&str>) -> Vec<u8> {
    let mut content = json!({
        "from": {"address": "10.0.0.1:5000"},
        "session": {},
        "decision": {"effect": "refuse", "not_applied": [{"rule": "developers", "because": "groups"}]},
        "request": {"method": "POST", "path": "/v1/messages", "headers": [], "bytes": 0},
        "refusal": {"status": 400, "kind": "policy_blocked", "message": "no rule admits you"},
    });
    if let Some(subject) = subject {
        content["who"] = who(subject);
    }
    part(exchange_id(n), seq, 1_000 + seq, json!({ "refused": content }))
}

pub(crate) fn part(exchange: ExchangeId, seq: u64, at: u64, content: Value) -> Vec<u8> {
    json!({"hansard.v1": {
        "exchange": exchange,
        "boot": "01890000-0000-7000-8000-000000000001",
        "seq": seq,
        "at": at,
        "gateway": {"node": "n", "filter": "0.1.0", "policy": "00"},
        "part": content,
    }})
    .to_string()
    .into_bytes()
}

pub(crate) fn who(subject: &str) -> Value {
    json!({"issuer": "https://issuer", "subject": subject, "groups": ["developers", subject],
           "expires_at": 9_999, "token": "0123456789abcdef"})
}

//! A small ledger for the tests of the reading commands: what a gateway would have sent.

use hansard_record::ExchangeId;
use hansard_store::{Incoming, Source, Writer};
use serde_json::{Value, json};
use std::ops::Range;
use std::sync::mpsc;
use tempfile::TempDir;

/// Noon of a leap day.
pub(crate) const START: u64 = 1_709_208_000_000;
/// Order, spacing and a number that a parsed and rewritten body would lose.
pub(crate) const BODY: &str = r#"{"model": "claude-x", "big": 123456789012345678901234567890, "messages": [{"role": "user", "content": "list \u001b[31mfiles"}]}"#;

/// One exchange streamed with a tool call, one whole, one refused, one that was never closed, and one
/// whose gateway was killed while it streamed.
pub(crate) fn ledger() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let writer = Writer::start(folder.path()).unwrap();
    let (done, stored) = mpsc::channel();
    let parts = [
        opened(1, 1, BODY),
        progress(1, 2),
        streamed(1, 3),
        opened(
            2,
            4,
            r#"{"messages":[{"role":"user","content":[{"type":"text","text":"again"}]}]}"#,
        ),
        whole(2, 5),
        refused(3, 6),
        opened(4, 7, "{}"),
        progress(4, 8),
        opened(5, 9, "{}"),
        passed(5, 10, 0..5),
        passed(5, 11, 5..8),
        progress(5, 12),
    ];
    let batch =
        parts.map(|part| Incoming::part(part.into_bytes(), Source::Acknowledged, START + 9, ""));
    assert!(batch.iter().all(|item| item.defect().is_none()));
    writer.handle().append(batch.into(), move |result| done.send(result).unwrap()).unwrap();
    assert_eq!(stored.recv().unwrap().unwrap().parts, 12);
    folder
}

pub(crate) fn exchange(n: u8) -> String {
    ExchangeId::new(START, [n; 10]).to_string()
}

fn part(n: u8, seq: u64, at: u64, content: Value) -> String {
    json!({"hansard.v2": {
        "exchange": exchange(n), "boot": "01890000-0000-7000-8000-000000000001", "seq": seq,
        "at": START + at, "gateway": {"node": "", "filter": "0.1.0", "policy": "00"},
        "part": content,
    }})
    .to_string()
}

fn finding(rule: &str, at: &str, count: u64, fingerprint: &str) -> Value {
    json!({"rule": rule, "at": at, "count": count, "fingerprint": fingerprint, "action": "mask"})
}

fn who() -> Value {
    json!({"issuer": "https://issuer", "subject": "alice", "email": "a@example.com",
           "groups": ["developers"], "expires_at": 1_709_210_000, "token": "0123456789abcdef"})
}

fn opened(n: u8, seq: u64, body: &str) -> String {
    let found = finding("aws-access-key-id", "/messages/0/content", 2, "0123456789abcdef");
    let findings = if n == 1 { vec![found] } else { Vec::new() };
    let content = json!({"opened": {
        "who": who(),
        "from": {"address": "10.0.0.1:5000"},
        "session": {"id": "the client's own"},
        "decision": {"rule": "developers", "effect": "allow"},
        "request": {"method": "POST", "path": "/v1/messages?beta=true", "model": "claude-x",
                    "headers": [["accept", "a"], ["x-b", "1"], ["Accept", "b"]],
                    "bytes": body.len(), "body": "BODY"},
        "findings": findings,
    }});
    part(n, seq, u64::from(n) * 10_000, content).replace("\"BODY\"", body)
}

fn progress(n: u8, seq: u64) -> String {
    let block =
        json!({"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "ls -la"}});
    part(n, seq, u64::from(n) * 10_000 + 300, json!({"progress": {"index": 1, "block": block}}))
}

/// Some of the stream's events, on record while it ran.
fn passed(n: u8, seq: u64, some: Range<usize>) -> String {
    let events = &events()[some];
    part(n, seq, u64::from(n) * 10_000 + 300, json!({"progress": {"events": events}}))
}

fn events() -> Vec<Value> {
    let event = |at: u64, name: &str, data: Value| json!({"at": at, "event": name, "data": data});
    let delta = |index: u64, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let start = |index: u64, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let tool = json!({"type": "tool_use", "id": "t", "name": "Bash", "input": {}});
    vec![
        event(0, "message_start", json!({"type": "message_start", "message": {}})),
        event(10, "content_block_start", start(0, json!({"type": "text", "text": ""}))),
        event(20, "content_block_delta", delta(0, json!({"type": "text_delta", "text": "I'll "}))),
        event(20, "ping", json!({"type": "ping"})),
        event(
            120,
            "content_block_delta",
            delta(0, json!({"type": "text_delta", "text": "look\u{9b}2J.\nNow."})),
        ),
        event(130, "content_block_stop", json!({"type": "content_block_stop", "index": 0})),
        event(140, "content_block_start", start(1, tool)),
        event(
            150,
            "content_block_delta",
            delta(1, json!({"type": "input_json_delta", "partial_json": "{\"command\":"})),
        ),
        event(
            160,
            "content_block_delta",
            delta(1, json!({"type": "input_json_delta", "partial_json": "\"ls -la\"}"})),
        ),
        event(170, "content_block_stop", json!({"type": "content_block_stop", "index": 1})),
        event(175, "unheard_of", json!("no \u{1b}JSON")),
        event(
            180,
            "message_delta",
            json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}}),
        ),
        event(190, "message_stop", json!({"type": "message_stop"})),
    ]
}

fn streamed(n: u8, seq: u64) -> String {
    let tool =
        json!({"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "ls -la"}});
    let text = json!({"type": "text", "text": "I'll look\u{9b}2J.\nNow."});
    let content = json!({"closed": {
        "response": {"status": 200, "at": START + 10_100, "headers": [["content-type", "text/event-stream"]],
                     "request_id": "req_1", "bytes": 999, "message": {"content": [text, tool]},
                     "events": events(), "usage": {"input_tokens": 1, "cache_read_input_tokens": 41, "output_tokens": 7},
                     "stop_reason": "tool_use"},
        "end": {"why": "complete"},
        "findings": [finding("email", "event 2 /delta/text", 1, "fedcba9876543210"), finding("iban", "", 7, "")],
    }});
    part(n, seq, u64::from(n) * 10_000 + 400, content)
}

fn whole(n: u8, seq: u64) -> String {
    let content = json!({"closed": {
        "response": {"status": 529, "at": START + 20_200, "headers": [], "bytes": 99,
                     "message": {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}},
        "end": {"why": "client_gone", "detail": "downstream_remote_disconnect", "flags": 4},
        "unacknowledged": [3],
    }});
    part(n, seq, u64::from(n) * 10_000 + 2_300, content)
}

fn refused(n: u8, seq: u64) -> String {
    let content = json!({"refused": {
        "who": who(),
        "from": {"address": "10.0.0.1:5000"},
        "session": {"id": "the client's own"},
        "decision": {"effect": "refuse", "not_applied": [{"rule": "developers", "because": "model"}]},
        "request": {"method": "POST", "path": "/v1/messages", "headers": [], "model": "claude-y", "bytes": 0},
        "findings": [finding("card", "/\u{202e}x", 1, "00112233aabbccdd")],
        "refusal": {"status": 400, "kind": "policy_blocked", "message": "no rule admits \u{202e}you"},
    }});
    part(n, seq, u64::from(n) * 10_000, content)
}

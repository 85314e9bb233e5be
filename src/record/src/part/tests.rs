//! Schema versions are released and frozen: what their parts look like as JSON never changes.
//!
//! `v1.golden.json` and `v2.golden.json` hold each kind of part twice, with every optional field set
//! and with none. They are themselves held by hashes. Where a test here fails, records that are
//! already written would be read wrongly: leave the released versions as they are and make a new one.

use super::*;
use crate::Record;
use serde_json::{Value, json};

/// The released versions: their golden files, and FNV-1a of each file's JSON, white space aside.
const RELEASED: [(&str, u64); 2] = [
    (include_str!("v1.golden.json"), 0xafe0_294b_678b_c564),
    (include_str!("v2.golden.json"), 0x943e_83a5_cfb1_ab2f),
];
const FROZEN: &str = "a released schema is frozen; make a new version";

// === one of each, with everything and with nothing more than it needs ===
// Every struct is written out in full: a new field does not compile here.

fn records() -> Vec<(&'static str, Record<'static>)> {
    vec![
        ("opened", record(opened(true))),
        ("opened, bare", record(opened(false))),
        ("progress", record(progress(true))),
        ("progress, bare", record(progress(false))),
        ("closed", record(closed(true))),
        ("closed, bare", record(closed(false))),
        ("closed, no response", record(closed_without_response())),
        ("refused", record(refused(true))),
        ("refused, bare", record(refused(false))),
    ]
}

fn record(part: Content<'static>) -> Record<'static> {
    Record::V2(Part {
        exchange: ExchangeId::new(1_800_000_000_123, [0xab; 10]),
        boot: BootId::new(1_799_999_999_000, [0xcd; 10]),
        seq: 42,
        at: 1_800_000_000_456,
        gateway: Gateway {
            node: "gateway-1".into(),
            filter: "0.1.0".into(),
            policy: "5e1f".into(),
        },
        part,
    })
}

fn opened(full: bool) -> Content<'static> {
    Content::Opened(Opened {
        who: who(full),
        from: peer(full),
        session: session(full),
        decision: decision(full),
        request: request(full),
        findings: findings(full),
    })
}

fn findings(full: bool) -> Vec<Finding<'static>> {
    let finding = |fingerprint: &'static str| Finding {
        rule: "aws-access-key-id".into(),
        at: "/messages/0/content".into(),
        count: 2,
        fingerprint: fingerprint.into(),
        action: "mask".into(),
    };
    if full { vec![finding("0123456789abcdef"), finding("")] } else { Vec::new() }
}

fn progress(full: bool) -> Content<'static> {
    let block = r#"{"type":"tool_use","id":"toolu_1","name":"Bash","input":{"command":"ls"}}"#;
    Content::Progress(Progress {
        index: full.then_some(1),
        block: full.then(|| RawJson::parsed(block)),
        events: full.then(|| RawJson::parsed(r#"[{"at":3,"event":"ping","data":{}}]"#)),
        findings: findings(full),
    })
}

fn closed(full: bool) -> Content<'static> {
    let some = |list: Vec<u64>| if full { list } else { Vec::new() };
    Content::Closed(Closed {
        response: Some(response(full)),
        end: end(full),
        abandoned: some(vec![40]),
        unacknowledged: some(vec![39, 41]),
        findings: findings(full),
    })
}

fn closed_without_response() -> Content<'static> {
    Content::Closed(Closed {
        response: None,
        end: end(false),
        abandoned: Vec::new(),
        unacknowledged: Vec::new(),
        findings: Vec::new(),
    })
}

fn refused(full: bool) -> Content<'static> {
    Content::Refused(Refused {
        who: full.then(|| who(true)),
        from: peer(full),
        session: session(full),
        decision: Decision { effect: "refuse".into(), ..decision(full) },
        request: request(full),
        refusal: Refusal {
            status: 400,
            kind: "policy_blocked".into(),
            message: "Not for you.".into(),
        },
        abandoned: if full { vec![41] } else { Vec::new() },
        findings: findings(full),
    })
}

fn who(full: bool) -> Who<'static> {
    Who {
        issuer: "https://issuer.example".into(),
        subject: "ada".into(),
        email: full.then(|| "ada@example.com".into()),
        groups: if full { vec!["engineers".into(), "staff".into()] } else { Vec::new() },
        expires_at: 1_800_000_600,
        token: "0123456789abcdef".into(),
    }
}

fn peer(full: bool) -> Peer<'static> {
    Peer {
        address: "10.0.0.7:51000".into(),
        certificate: full.then(|| "CN=ada".into()),
        user_agent: full.then(|| "claude-cli/2.1".into()),
    }
}

fn session(full: bool) -> SessionHint<'static> {
    SessionHint { id: full.then(|| "s-1".into()), agent: full.then(|| "a-1".into()) }
}

fn decision(full: bool) -> Decision<'static> {
    let not_applied = || NotApplied { rule: "no-opus".into(), because: "model".into() };
    Decision {
        rule: full.then(|| "team".into()),
        effect: "allow".into(),
        not_applied: if full { vec![not_applied()] } else { Vec::new() },
    }
}

fn request(full: bool) -> Request<'static> {
    Request {
        method: "POST".into(),
        path: "/v1/messages?beta=true".into(),
        headers: if full { vec![("x-app".into(), "cli".into())] } else { Vec::new() },
        model: full.then(|| "claude-haiku-4-5".into()),
        bytes: 28,
        body: full.then(|| RawJson::parsed(r#"{"model":"claude-haiku-4-5"}"#)),
        body_base64: full.then(|| "H4s=".into()),
    }
}

fn response(full: bool) -> Response<'static> {
    Response {
        status: 200,
        at: 1_800_000_000_300,
        headers: if full { vec![("retry-after".into(), "1".into())] } else { Vec::new() },
        request_id: full.then(|| "req_1".into()),
        bytes: 512,
        message: full.then(|| RawJson::parsed(r#"{"content":[{"type":"text","text":"Hi"}]}"#)),
        events: full.then(|| RawJson::parsed(r#"[{"at":3,"event":"ping","data":{}}]"#)),
        usage: full.then(|| RawJson::parsed(r#"{"input_tokens":1,"output_tokens":2}"#)),
        stop_reason: full.then(|| "end_turn".into()),
        body_base64: full.then(|| "H4s=".into()),
    }
}

fn end(full: bool) -> End<'static> {
    End {
        why: EndWhy::UpstreamFailed,
        detail: full.then(|| "upstream_reset_after_response_started{remote_reset}".into()),
        flags: full.then_some(16),
    }
}

/// Every reason; a new one does not compile here.
fn every_why() -> Vec<EndWhy> {
    let mut all = vec![EndWhy::Complete];
    while let Some(next) = all.last().and_then(|why| match why {
        EndWhy::Complete => Some(EndWhy::Truncated),
        EndWhy::Truncated => Some(EndWhy::ClientGone),
        EndWhy::ClientGone => Some(EndWhy::UpstreamFailed),
        EndWhy::UpstreamFailed => Some(EndWhy::TimedOut),
        EndWhy::TimedOut => Some(EndWhy::RecordFailed),
        EndWhy::RecordFailed => Some(EndWhy::EncodedResponse),
        EndWhy::EncodedResponse => Some(EndWhy::ResponseTooLarge),
        EndWhy::ResponseTooLarge => Some(EndWhy::GatewayFailed),
        EndWhy::GatewayFailed => Some(EndWhy::Blocked),
        EndWhy::Blocked => None,
    }) {
        all.push(next);
    }
    all
}

// === the tests ===

/// What is written today, in the form of the golden file.
fn written() -> Value {
    let mut parts = json!({});
    for (name, record) in records() {
        parts[name] = serde_json::to_value(&record).unwrap();
    }
    json!({"parts": parts, "end.why": every_why()})
}

fn golden(version: usize) -> Value {
    serde_json::from_str(RELEASED[version - 1].0).unwrap()
}

/// A sorted, line-by-line text of what is written: what a new golden file holds.
fn lines(written: &Value) -> String {
    let parts = written["parts"].as_object().unwrap();
    let parts: Vec<_> =
        parts.iter().map(|(name, part)| format!("{}: {part}", json!(name))).collect();
    format!(
        "{{\n\"end.why\": {},\n\"parts\": {{\n{}\n}}\n}}\n",
        written["end.why"],
        parts.join(",\n")
    )
}

#[test]
fn parts_are_written_as_they_were_released() {
    let written = written();
    assert!(written == golden(2), "{FROZEN}. What is written now:\n{}", lines(&written));
}

#[test]
fn the_golden_files_are_the_released_ones() {
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    for (version, (_, held)) in (1..).zip(RELEASED) {
        let hash = golden(version).to_string().bytes().fold(0xcbf2_9ce4_8422_2325, fnv);
        assert_eq!(hash, held, "{FROZEN}; `v{version}.golden.json` stays as it is ({hash:#018x})");
    }
}

#[test]
fn released_parts_are_read_with_nothing_lost() {
    for version in 1..=RELEASED.len() {
        let golden = golden(version);
        for (name, part) in golden["parts"].as_object().unwrap() {
            let text = part.to_string();
            let record = Record::parse(text.as_bytes()).unwrap();
            assert_eq!(serde_json::to_value(&record).unwrap(), *part, "{name}");
            let kind = record.into_part().part.kind();
            assert!(name.starts_with(kind), "{name} was read as {kind}");
        }
    }
}

#[test]
fn every_field_of_the_bare_parts_is_needed() {
    for (name, record) in records().into_iter().filter(|(name, _)| name.contains("bare")) {
        let whole = serde_json::to_value(&record).unwrap();
        let kind = name.split(',').next().unwrap();
        for path in ["/hansard.v2".to_owned(), format!("/hansard.v2/part/{kind}")] {
            let members: Vec<String> =
                whole.pointer(&path).unwrap().as_object().unwrap().keys().cloned().collect();
            for member in members.iter().filter(|member| *member != "response") {
                let mut without = whole.clone();
                without.pointer_mut(&path).unwrap().as_object_mut().unwrap().remove(member);
                let text = without.to_string();
                assert!(Record::parse(text.as_bytes()).is_err(), "{name}: read without {member}");
            }
        }
    }
}

#[test]
fn reasons_are_named_as_they_are_written() {
    for why in every_why() {
        assert_eq!(json!(why), why.name());
    }
}

#[test]
fn another_version_is_not_read_as_this_one() {
    for text in [
        "{}",
        r#"{"hansard.v3":{}}"#,
        r#"{"hansard.v2":{}}"#,
        r#"{"hansard.v1":{}}"#,
        "",
        "[]",
        "null",
    ] {
        assert!(Record::parse(text.as_bytes()).is_err(), "{text}");
    }
}

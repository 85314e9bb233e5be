//! Parts as the filter writes them, through the real store.

use super::*;
use crate::model::{Block, NoticeKind, TurnKind};
use crate::rebuild;
use hansard_store::{Custodian, Incoming, Order, Source, Writer};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::mpsc;

fn part(exchange: u8, seq: u64, at: u64, content: &Value) -> String {
    json!({"hansard.v2": {
        "exchange": format!("01890000-0000-7000-8000-0000000000{exchange:02x}"),
        "boot": "01890000-0000-7000-8000-000000000001",
        "seq": seq, "at": at,
        "gateway": {"node": "n", "filter": "0.1.0", "policy": "00"},
        "part": content,
    }})
    .to_string()
}

fn request(body: &str) -> Value {
    json!({"method": "POST", "path": "/v1/messages", "bytes": 1, "model": "claude",
           "headers": [["x-claude-code-request-class", "main"]], "body": body})
}

/// `body` stands in the part as it is.
fn opened(exchange: u8, seq: u64, subject: &str, hint: Option<&str>, body: &str) -> String {
    let finding = json!({"rule": "aws", "at": "/messages/0", "count": 1, "action": "mask"});
    let content = json!({"opened": {
        "who": {"issuer": "i", "subject": subject, "email": "ada@example.com", "groups": ["dev"],
                "expires_at": 9, "token": "0"},
        "from": {"address": "10.0.0.1:5000", "user_agent": "claude-cli/2.1"},
        "session": hint.map_or(json!({}), |id| json!({"id": id})),
        "decision": {"rule": "developers", "effect": "allow"},
        "request": request("BODY"),
        "findings": [finding],
    }});
    part(exchange, seq, 1_000 * seq, &content).replace("\"BODY\"", body)
}

fn closed(exchange: u8, seq: u64, text: &str) -> String {
    let content = json!({"closed": {
        "response": {"status": 200, "at": 1_000 * seq - 200, "headers": [], "bytes": 10, "request_id": "req",
                     "message": {"content": [{"type": "text", "text": text}]},
                     "usage": {"input_tokens": 5, "output_tokens": 7}, "stop_reason": "end_turn"},
        "end": {"why": "complete"},
    }});
    part(exchange, seq, 1_000 * seq, &content)
}

fn store(folder: &Path, parts: Vec<String>) {
    let writer = Writer::start(folder).unwrap();
    let parts = parts.into_iter().map(|part| {
        let part = Incoming::part(part.into_bytes(), Source::Acknowledged, 5_000, "hansard");
        assert_eq!(part.defect(), None);
        part
    });
    let (done, receipt) = mpsc::channel();
    writer.handle().append(parts.collect(), move |result| done.send(result).unwrap()).unwrap();
    receipt.recv().unwrap().unwrap();
    writer.close();
}

const SYSTEM: &str = r#"[{"type":"text","text":"Be brief."}]"#;

/// A body of messages, with a system prompt and tools that are long enough to be shared.
fn body(messages: &str) -> String {
    let system = SYSTEM.replace("brief", &"very ".repeat(80));
    let tools = format!(r#"[{{"name":"Bash","description":"{}"}}]"#, "x".repeat(300));
    format!(r#"{{"messages":[{messages}],"system":{system},"tools":{tools},"stream":true}}"#)
}

const ONE: &str = r#"{"role":"user","content":[{"type":"text","text":"one","cache_control":{"type":"ephemeral"}}]}"#;
const THREE: &str = r#"{"role":"user","content":[{"type":"text","text":"one"}]}, {"role":"assistant","content":[{"type":"text","text":"two"}]},{"role":"user","content":"three"}"#;

#[test]
fn a_session_is_read_with_each_text_once() {
    let folder = tempfile::tempdir().unwrap();
    store(
        folder.path(),
        vec![
            opened(1, 1, "ada", Some("hint"), &body(ONE)),
            closed(1, 2, "two"),
            opened(2, 3, "ada", Some("hint"), &body(THREE)),
            closed(2, 4, "four"),
            opened(3, 6, "bob", Some("hint"), &body(ONE)),
        ],
    );
    let reader = Reader::open(folder.path()).unwrap();
    let id = reader
        .exchanges(&reader.session("01890000-0000-7000-8000-000000000001").unwrap().id)
        .unwrap()[0]
        .session
        .clone();
    let input = load(&reader, &id).unwrap();
    assert_eq!(input.history.nodes.len(), 3, "the first message is shared");
    let [first, second] = &input.exchanges[..] else { panic!("{:?}", input.exchanges) };
    let (Content::Known(first), Content::Known(second)) = (&first.content, &second.content) else {
        panic!("{first:?}")
    };
    assert!(Arc::ptr_eq(first.tools.as_ref().unwrap(), second.tools.as_ref().unwrap()));
    assert_eq!(
        (first.class.as_deref(), first.user_agent.as_deref()),
        (Some("main"), Some("claude-cli/2.1"))
    );
    assert_eq!(first.rest, [("stream".to_owned(), "true".to_owned())]);
    assert_ne!(first.marks, second.marks);

    let replay = rebuild(&input);
    let [first, second] = &replay.turns[..] else { panic!("{:?}", replay.turns) };
    assert_eq!((second.kind, second.continues, second.carried), (TurnKind::Prompt, Some(0), 2));
    assert_eq!(second.said[0].blocks, [Block::Text { text: "three".into() }]);
    assert_eq!(first.answer, [Block::Text { text: "two".into() }]);
    assert!(first.system.as_ref().unwrap().starts_with("Be very very"));
    assert_eq!((first.answered_at, first.request_id.as_deref()), (Some(1_800), Some("req")));
    assert_eq!((first.findings[0].rule.as_str(), first.findings[0].in_response), ("aws", false));
    assert_eq!((replay.session.usage.input, replay.session.usage.output), (10, 14));
    assert_eq!(replay.session.email.as_deref(), Some("ada@example.com"));
    assert_eq!(replay.session.title.as_deref(), Some("one"));
    let notices: Vec<_> = replay.notices.iter().map(|notice| (notice.kind, notice.turn)).collect();
    assert_eq!(notices, [(NoticeKind::SharedId, None), (NoticeKind::Gap, Some(1))]);
    assert!(replay.notices[0].text.contains("bob of i"), "{}", replay.notices[0].text);
}

#[test]
fn sessions_without_an_id_are_joined_by_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    store(
        folder.path(),
        vec![
            opened(1, 1, "ada", None, &body(ONE)),
            closed(1, 2, "two"),
            opened(2, 3, "ada", None, &body(THREE)),
            closed(2, 4, "four"),
        ],
    );
    let reader = Reader::open(folder.path()).unwrap();
    let names = [1, 2].map(|n| format!("01890000-0000-7000-8000-0000000000{n:02x}"));
    let ids = names.map(|name| reader.session(&name).unwrap().id);
    let read = |id: &str| {
        let mut input = load(&reader, id).unwrap();
        let Content::Known(spoken) = std::mem::take(&mut input.exchanges[0].content) else {
            panic!("{id}")
        };
        (input, spoken)
    };
    let ((first, asked), (second, then)) = (read(&ids[0]), read(&ids[1]));
    let tail = crate::tail_digest(&first.history, asked.messages, &asked.answer.blocks).unwrap();
    assert!(crate::prefix_digests(&second.history, then.messages).contains(&tail));
    let replay = rebuild(&load_joined(&reader, &ids[0], &ids[1..]).unwrap());
    assert_eq!(replay.session.joined, ids[1..]);
    assert_eq!(replay.turns[1].continues, Some(0));
    assert_eq!(replay.turns[1].said.len(), 1);
}

#[test]
fn of_an_erased_session_who_and_when_is_left() {
    let folder = tempfile::tempdir().unwrap();
    store(folder.path(), vec![opened(1, 1, "ada", Some("hint"), &body(ONE)), closed(1, 2, "two")]);
    let reader = Reader::open(folder.path()).unwrap();
    let session = reader.session("hint").unwrap().id;
    let mut custodian = Custodian::open(folder.path(), None).unwrap();
    custodian.erase(&session, Order { reason: "asked", by: "dpo", at: 9 }).unwrap();
    let replay = rebuild(&load(&reader, "hint").unwrap());
    assert_eq!((replay.session.subject.as_str(), replay.turns.len()), ("ada", 1));
    let turn = &replay.turns[0];
    assert_eq!((turn.endpoint.as_str(), turn.http_status), ("POST /v1/messages", Some(200)));
    assert!(turn.said.is_empty() && turn.answer.is_empty());
    assert_eq!(replay.notices[0].kind, NoticeKind::Erased);
    assert!(!serde_json::to_string(&replay).unwrap().contains("one"));
}

#[test]
fn a_refusal_and_an_open_exchange_are_told_as_far_as_they_came() {
    let folder = tempfile::tempdir().unwrap();
    let refused = json!({"refused": {
        "from": {"address": "10.0.0.1:5000"}, "session": {"id": "hint"},
        "who": {"issuer": "i", "subject": "ada", "groups": [], "expires_at": 9, "token": "0"},
        "decision": {"effect": "refuse"}, "request": request("BODY"),
        "refusal": {"status": 400, "kind": "policy_blocked", "message": "Not for you."},
    }});
    let block = json!({"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "ls"}});
    store(
        folder.path(),
        vec![
            part(1, 1, 1_000, &refused).replace("\"BODY\"", &body(ONE)),
            opened(2, 2, "ada", Some("hint"), &body(ONE)),
            part(2, 3, 2_500, &json!({"progress": {"index": 0, "block": block}})),
        ],
    );
    let reader = Reader::open(folder.path()).unwrap();
    let mut input = load(&reader, "hint").unwrap();
    let replay = rebuild(&input);
    assert_eq!(replay.turns[0].refusal.as_ref().unwrap().message, "Not for you.");
    assert_eq!(replay.turns[0].status, Status::Refused);
    assert_eq!(replay.turns[1].answer, [Block::ToolUse { call: 0 }]);
    assert_eq!((replay.session.status, replay.session.ended_at), (Status::Open, None));
    input.exchanges[1].status = Status::Interrupted;
    let replay = rebuild(&input);
    assert_eq!(replay.session.status, Status::Interrupted);
    assert_eq!(replay.notices.last().unwrap().kind, NoticeKind::Interrupted);
}

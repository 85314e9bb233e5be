use super::*;
use hansard_record::Record;
use serde_json::{Value, json};

fn parts(contents: &[(u64, Value)]) -> Vec<String> {
    let part = |(at, content): &(u64, Value)| {
        json!({"hansard.v2": {
            "exchange": "01890000-0000-7000-8000-0000000000e1",
            "boot": "01890000-0000-7000-8000-000000000001",
            "seq": 1, "at": at, "gateway": {"node": "", "filter": "", "policy": ""},
            "part": content,
        }})
        .to_string()
    };
    contents.iter().map(part).collect()
}

fn read(contents: &[(u64, Value)]) -> Answer {
    let parts = parts(contents);
    let parts: Vec<_> =
        parts.iter().map(|json| Record::parse(json.as_bytes()).unwrap().into_part()).collect();
    Answer::read(&parts, 1_000)
}

fn event(at: u64, name: &str, mut data: Value) -> Value {
    data["type"] = json!(name);
    json!({"at": at, "event": name, "data": data})
}

fn events() -> Vec<Value> {
    vec![
        event(
            0,
            "message_start",
            json!({"message": {"usage": {"input_tokens": 9, "output_tokens": 1}}}),
        ),
        event(
            5,
            "content_block_start",
            json!({"index": 0, "content_block": {"type": "text", "text": ""}}),
        ),
        event(
            10,
            "content_block_delta",
            json!({"index": 0, "delta": {"type": "text_delta", "text": "né"}}),
        ),
        event(20, "content_block_stop", json!({"index": 0})),
        event(
            30,
            "content_block_start",
            json!({"index": 1, "content_block": {"type": "tool_use", "id": "t", "name": "Bash", "input": {}}}),
        ),
        event(
            40,
            "content_block_delta",
            json!({"index": 1, "delta": {"type": "input_json_delta", "partial_json": "{\"command\":"}}),
        ),
        event(
            50,
            "content_block_delta",
            json!({"index": 1, "delta": {"type": "input_json_delta", "partial_json": "\"ls\"}"}}),
        ),
    ]
}

fn tool(input: &str) -> Piece {
    Piece::ToolUse { id: "t".into(), name: "Bash".into(), input: input.into() }
}

#[test]
fn a_closed_answer_is_its_message_and_grew_as_its_events_say() {
    let mut all = events();
    all.push(event(
        60,
        "message_delta",
        json!({"delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 7}}),
    ));
    let message = json!({"type": "message", "content": [{"type": "text", "text": "né"},
        {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "ls"}}]});
    let answer = read(&[(
        1_500,
        json!({"closed": {"end": {"why": "complete"}, "response": {
            "status": 200, "at": 1_200, "headers": [], "bytes": 1, "request_id": "req_1",
            "message": message, "events": all, "usage": {"input_tokens": 9, "cache_read_input_tokens": 4, "output_tokens": 7},
        }}}),
    )]);
    assert_eq!(answer.blocks, [Piece::Text("né".into()), tool(r#"{"command":"ls"}"#)]);
    assert_eq!((answer.at, answer.request_id.as_deref()), (Some(1_200), Some("req_1")));
    assert_eq!(answer.stop_reason.as_deref(), Some("tool_use"));
    assert_eq!(answer.usage, Usage { input: 9, cache_read: 4, cache_write: 0, output: 7 });
    let beats: Vec<_> = answer.beats.iter().map(|beat| (beat.at, beat.block, beat.chars)).collect();
    assert_eq!(beats, [(205, 0, 0), (210, 0, 2), (230, 1, 0), (240, 1, 11), (250, 1, 16)]);
}

#[test]
fn an_answer_without_an_end_is_what_was_on_record() {
    let mut some = events();
    some.truncate(6);
    let answer = read(&[(1_300, json!({"progress": {"events": some}}))]);
    assert_eq!(answer.blocks, [Piece::Text("né".into()), tool("{\"command\":")]);
    assert_eq!(answer.at, Some(1_260), "the part was made with its last event");
    assert_eq!(answer.beats.last().map(|beat| beat.at), Some(300));
    let block = json!({"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "ls"}});
    let answer = read(&[
        (1_300, json!({"progress": {"events": some}})),
        (1_310, json!({"progress": {"index": 1, "block": block}})),
    ]);
    assert_eq!(answer.blocks.last(), Some(&tool(r#"{"command":"ls"}"#)));
}

#[test]
fn errors_are_part_of_an_answer() {
    let body = json!({"type": "error", "error": {"type": "overloaded_error", "message": "m"}});
    let response = json!({"status": 529, "at": 1_200, "headers": [], "bytes": 1, "message": body});
    let answer =
        read(&[(1_500, json!({"closed": {"end": {"why": "complete"}, "response": response}}))]);
    assert!(matches!(&answer.blocks[..], [Piece::Other { kind, .. }] if kind == "error"));
    let mut some = events();
    some.push(event(70, "error", body["error"].clone()));
    let message = json!({"content": [{"type": "text", "text": "né"}]});
    let response = json!({"status": 200, "at": 1_200, "headers": [], "bytes": 1, "message": message, "events": some});
    let answer =
        read(&[(1_500, json!({"closed": {"end": {"why": "truncated"}, "response": response}}))]);
    assert!(
        matches!(&answer.blocks[..], [Piece::Text(_), Piece::Other { kind, .. }] if kind == "error")
    );
    assert_eq!(read(&[]), Answer::default());
}

//! Promise 3, where it meets real clients: what is redacted, what comes back, what is counted.

use crate::{Bench, ask, envoys};
use bytes::Bytes;
use hansard_tests::outside::{node, python, run, script};
use hansard_tests::scripted::Raw;
use serde_json::{Value, json};
use std::time::Duration;

/// Random characters in the form of an access key; never valid.
const SECRET: &str = "AKIAQ7RT2XKWM5ZB4NHD";

fn policy(action: &str) -> String {
    let usual = hansard_tests::gateway::POLICY;
    format!("{usual}redact:\n  secrets: {action}\n")
}

/// A stream of events, one write each, whose blocks are text, thinking and a tool's input, cut into
/// pieces of a few characters.
fn stream(blocks: &[(&str, &str)]) -> Raw {
    let mut events = vec![event(
        "message_start",
        &json!({"message": {"id": "msg_1", "type": "message", "role": "assistant", "content": [],
            "model": "claude-sonnet-4-5", "stop_reason": null, "stop_sequence": null,
            "usage": {"input_tokens": 9, "output_tokens": 1}}}),
    )];
    for (index, (kind, text)) in blocks.iter().enumerate() {
        let (start, delta, member) = match *kind {
            "thinking" => (
                json!({"type": "thinking", "thinking": "", "signature": ""}),
                "thinking_delta",
                "thinking",
            ),
            "tool_use" => (
                json!({"type": "tool_use", "id": "toolu_1", "name": "Write", "input": {}}),
                "input_json_delta",
                "partial_json",
            ),
            _ => (json!({"type": "text", "text": ""}), "text_delta", "text"),
        };
        let about = |more: Value| {
            let mut all = json!({"index": index});
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            all
        };
        events.push(event("content_block_start", &about(json!({"content_block": start}))));
        for piece in text.as_bytes().chunks(5) {
            let piece = std::str::from_utf8(piece).unwrap();
            let delta = json!({"delta": {"type": delta, member: piece}});
            events.push(event("content_block_delta", &about(delta)));
        }
        if *kind == "thinking" {
            let delta = json!({"delta": {"type": "signature_delta", "signature": "c2lnbmVk"}});
            events.push(event("content_block_delta", &about(delta)));
        }
        events.push(event("content_block_stop", &about(json!({}))));
    }
    let delta = json!({"delta": {"stop_reason": "tool_use", "stop_sequence": null},
                       "usage": {"output_tokens": 33}});
    events.push(event("message_delta", &delta));
    events.push(event("message_stop", &json!({})));
    Raw {
        status: 200,
        content_type: "text/event-stream".into(),
        pieces: events,
        gap: Duration::ZERO,
    }
}

fn event(name: &str, data: &Value) -> Bytes {
    let mut data = data.clone();
    data["type"] = name.into();
    format!("event: {name}\ndata: {data}\n\n").into()
}

/// What a client makes of a stream: each block's text or input.
fn read(body: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    for data in body.lines().filter_map(|line| line.strip_prefix("data: ")) {
        let data: Value = serde_json::from_str(data).unwrap();
        match data["type"].as_str().unwrap() {
            "content_block_start" => blocks.push(String::new()),
            "content_block_delta" => {
                for member in ["text", "partial_json", "thinking"] {
                    let piece = data["delta"][member].as_str().unwrap_or_default();
                    blocks.last_mut().unwrap().push_str(piece);
                }
            }
            _ => {}
        }
    }
    blocks
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pseudonymised_value_comes_back_and_the_upstream_never_sees_it() {
    for envoy in envoys() {
        let bench = Bench::new(&envoy, Some(&policy("pseudonymize"))).await;
        let client = bench.gateway.client();
        let question = json!({"role": "user", "content": format!("Write {SECRET} into .env")});
        let body = |messages: Value| json!({"messages": messages, "model": "claude-sonnet-4-5", "max_tokens": 99, "stream": true});

        // A first look, to learn what the upstream sees in the value's place.
        client.message(&body(json!([question]))).await.unwrap();
        let sent = String::from_utf8(bench.claude.received()[0].body.clone()).unwrap();
        let placeholder = sent
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .find(|word| word.starts_with("HANSARD-"))
            .unwrap()
            .to_owned();

        // Claude thinks of it, names it, and writes it: in pieces of five characters.
        bench.claude.reset();
        let input = format!(r#"{{"file_path": "/w/.env", "content": "KEY=\"{placeholder}\"\n"}}"#);
        let thought = format!("They want {placeholder} in a file.");
        let said = format!("I write {placeholder} now.");
        let blocks = [("thinking", &*thought), ("text", &*said), ("tool_use", &*input)];
        bench.claude.answer_with(Some(stream(&blocks)));
        let answer = client.message(&body(json!([question]))).await.unwrap();
        assert!(answer.clean, "{}", answer.text());
        let seen = read(&answer.text());
        assert_eq!(seen[0], thought, "thinking is signed and stays as it is");
        assert_eq!(seen[1], format!("I write {SECRET} now."));

        // The client runs the tool: the file holds the value.
        let written: Value = serde_json::from_str(&seen[2]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".env");
        std::fs::write(&file, written["content"].as_str().unwrap()).unwrap();
        let held = std::fs::read_to_string(&file).unwrap();
        assert_eq!(held, format!("KEY=\"{SECRET}\"\n"));

        // It echoes all of it with the next turn: the upstream sees what it saw and said before.
        let echo = |value: &str| {
            let input = input.replace(&placeholder, value);
            let input: Value = serde_json::from_str(&input).unwrap();
            json!({"role": "assistant", "content": [
                {"type": "thinking", "thinking": thought, "signature": "c2lnbmVk"},
                {"type": "text", "text": said.replace(&placeholder, value)},
                {"type": "tool_use", "id": "toolu_1", "name": "Write", "input": input},
            ]})
        };
        let result = json!({"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "toolu_1", "content": "File created"}]});
        bench.claude.answer_with(None);
        client.message(&body(json!([question, echo(SECRET), result]))).await.unwrap();
        let received = bench.claude.received();
        let text = |i: usize| String::from_utf8(received[i].body.clone()).unwrap();
        let (first, second) = (text(0), text(1));
        let begin = first.split_once("]").unwrap().0;
        assert!(second.starts_with(begin), "{second}\n  does not go on from\n{first}");
        let masked = json!({"role": "user", "content": format!("Write {placeholder} into .env")});
        let expected = body(json!([masked, echo(&placeholder), result])).to_string();
        assert_eq!(second, expected);

        for received in &received {
            let all = format!("{:?} {}", received.headers, String::from_utf8_lossy(&received.body));
            assert!(!all.contains(SECRET), "{all}");
        }
        let parts = Value::from(bench.sink.parts()).to_string();
        assert!(!parts.contains(SECRET) && parts.contains(&placeholder));
        assert!(!bench.gateway.envoy_log().contains(SECRET));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sdks_read_every_redacted_stream() {
    let input = format!(r#"{{"content": "a \"{SECRET}\" \u00e9", "n": 1e5}}"#);
    let said = format!("The key é is {SECRET}, as you see.");
    let blocks = [("text", &*said), ("tool_use", &*input), ("text", "Nothing here.")];
    for envoy in envoys() {
        let bench = Bench::new(&envoy, Some(&policy("mask"))).await;
        for mut command in [
            {
                let mut c = python();
                c.arg(script("redacted.py"));
                c
            },
            {
                let mut c = node();
                c.arg(script("redacted.mjs"));
                c
            },
        ] {
            bench.claude.answer_with(Some(stream_of_chars(&blocks)));
            let result = run(command
                .env("GATEWAY_URL", bench.gateway.url())
                .env("TOKEN", bench.gateway.token())
                .env("MODEL", "claude-sonnet-4-5"));
            let content = &result["message"]["content"];
            let placeholder = content[0]["text"]
                .as_str()
                .unwrap()
                .split([' ', ','])
                .find(|word| word.starts_with("HANSARD-aws"))
                .unwrap()
                .to_owned();
            let text = content.to_string();
            assert!(!text.contains(SECRET) && !text.contains("RT2XKW"), "{text}");
            assert_eq!(content[0]["text"], said.replace(SECRET, &placeholder));
            let input: Value = serde_json::from_str(&input).unwrap();
            let expected = input["content"].as_str().unwrap().replace(SECRET, &placeholder);
            assert_eq!(content[1]["input"]["content"], expected);
            assert_eq!(content[1]["input"]["n"], 1e5);
            assert_eq!(content[2]["text"], "Nothing here.");
            assert_eq!(result["message"]["stop_reason"], "tool_use");
        }
        bench.claude.answer_with(None);
    }
}

/// The same with a delta for each character.
fn stream_of_chars(blocks: &[(&str, &str)]) -> Raw {
    let mut raw = stream(&[]);
    let tail = raw.pieces.split_off(1);
    for (index, (kind, text)) in blocks.iter().enumerate() {
        let (start, delta, member) = match *kind {
            "tool_use" => (
                json!({"type": "tool_use", "id": "toolu_1", "name": "Write", "input": {}}),
                "input_json_delta",
                "partial_json",
            ),
            _ => (json!({"type": "text", "text": ""}), "text_delta", "text"),
        };
        let start = json!({"index": index, "content_block": start});
        raw.pieces.push(event("content_block_start", &start));
        for character in text.chars() {
            let delta = json!({"index": index,
                               "delta": {"type": delta, member: character.to_string()}});
            raw.pieces.push(event("content_block_delta", &delta));
        }
        raw.pieces.push(event("content_block_stop", &json!({"index": index})));
    }
    raw.pieces.extend(tail);
    raw
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_stand_in_the_record_and_are_counted_by_rule_and_action() {
    for envoy in envoys() {
        let bench = Bench::new(&envoy, Some(&policy("mask"))).await;
        let mut body = ask(true);
        body["messages"][0]["content"] = format!("{SECRET} and {SECRET}").into();
        let client = bench.gateway.client().with("x-note", &format!("see {SECRET}"));
        client.message(&body).await.unwrap();
        let parts = bench.sink.parts();
        let findings = &parts[0]["part"]["opened"]["findings"];
        let at: Vec<_> = findings.as_array().unwrap().iter().map(|one| &one["at"]).collect();
        assert_eq!(at, ["header x-note", "/messages/0/content"], "{findings}");
        assert_eq!(findings[1]["rule"], "aws-access-key-id");
        assert_eq!(findings[1]["count"], 2);
        assert_eq!(findings[1]["action"], "mask");
        assert_eq!(findings[0]["fingerprint"], findings[1]["fingerprint"], "the same value");
        let note = bench.claude.received()[0].header("x-note").unwrap().to_owned();
        assert!(note.starts_with("see HANSARD-aws-access-key-id-"), "{note}");
        let metrics = bench.gateway.metrics();
        let counted = metrics
            .lines()
            .find(|line| line.starts_with("hansard_findings_total{"))
            .unwrap_or_default();
        assert!(
            counted.contains("rule=\"aws-access-key-id\"")
                && counted.contains("action=\"mask\"")
                && counted.ends_with(" 3"),
            "{counted}"
        );
        assert!(!metrics.contains(SECRET));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_value_is_refused_in_the_shape_that_clients_show() {
    for envoy in envoys() {
        let bench = Bench::new(&envoy, Some(&policy("block"))).await;
        let mut body = ask(true);
        body["system"] = format!("Use {SECRET}.").into();
        let answer = bench.gateway.client().message(&body).await.unwrap();
        assert_eq!(answer.status, 400);
        assert_eq!(answer.header("x-should-retry"), Some("false"));
        let told: Value = serde_json::from_str(&answer.text()).unwrap();
        assert_eq!(told["error"]["type"], "policy_blocked");
        let message = told["error"]["message"].as_str().unwrap();
        assert!(message.contains("at /system") && message.contains("(rule aws-access-key-id)"));
        assert!(!answer.text().contains(SECRET) && bench.claude.received().is_empty());
        let refused = &bench.sink.parts()[0]["part"]["refused"];
        assert_eq!(refused["decision"]["rule"], "redact/aws-access-key-id");

        // In a response: an error event in a stream, an answer in place of a whole one.
        let said = format!("It is {SECRET}.");
        bench.claude.answer_with(Some(stream(&[("text", &said)])));
        let answer = bench.gateway.client().message(&ask(true)).await.unwrap();
        assert!(answer.text().contains("policy_blocked"), "{}", answer.text());
        assert!(!read_lenient(&answer.text()).contains("AKIAQ"), "{}", answer.text());
        bench.claude.answer_with(Some(Raw {
            status: 200,
            content_type: "application/json".into(),
            pieces: vec![json!({"type": "message", "content": said}).to_string().into()],
            gap: Duration::ZERO,
        }));
        let answer = bench.gateway.client().message(&ask(false)).await.unwrap();
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(!answer.text().contains(SECRET));
        bench.claude.answer_with(None);
        let parts = Value::from(bench.sink.parts()).to_string();
        assert!(parts.contains(r#""why":"blocked""#) && !parts.contains(SECRET), "{parts}");
    }
}

/// The text deltas of a stream that may break off.
fn read_lenient(body: &str) -> String {
    body.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok())
        .filter_map(|data| data["delta"]["text"].as_str().map(str::to_owned))
        .collect()
}

//! Every fixture at every chunking, in every framing, with acknowledgements in every order:
//! `record(chunks) == record(whole)`, and nothing passes early or late.

use super::outline::{Outline, Waits};
use super::watched::{Acks, Outcome, watch};
use super::*;
use std::path::Path;

pub(super) struct Fixture {
    pub(super) name: String,
    pub(super) text: String,
}

impl Fixture {
    /// A line of the file's own description.
    fn says(&self, what: &str) -> &str {
        let prefix = format!(": {what}: ");
        self.text.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap()
    }
}

/// The scripted Claude's streams. Their descriptions and stage directions are legal comments.
pub(super) fn fixtures() -> Vec<Fixture> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/claude");
    let mut fixtures: Vec<Fixture> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sse"))
        .map(|path| Fixture {
            name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            text: std::fs::read_to_string(&path).unwrap(),
        })
        .collect();
    fixtures.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(fixtures.len() >= 16, "the fixtures are not where they were");
    fixtures
}

fn at_every_chunking(line_end: &str, acks: &Acks) {
    for Fixture { name, text } in fixtures() {
        let outline = Outline::of(text.replace('\n', line_end).as_bytes());
        let len = outline.text.len();
        if outline.progress_parts() == 0 && !matches!(acks, Acks::AtOnce) {
            // Its one part comes after its end: there is one way to acknowledge it.
            continue;
        }
        let mut gateway = Gateway::new();
        let whole = watch(&mut gateway, &outline, [], &Acks::AtOnce);
        let mut check = |cuts: &mut dyn Iterator<Item = usize>, how: &str| {
            let outcome = watch(&mut gateway, &outline, cuts, acks);
            assert!(outcome == whole, "{name}, {line_end:?}, {acks:?}, {how}: another record");
        };
        check(&mut std::iter::empty(), "whole");
        for size in [1, 2, 3, 7, 64, 1000] {
            check(&mut (size..len).step_by(size), &format!("in chunks of {size}"));
        }
        for cut in 0..=len {
            check(&mut std::iter::once(cut), &format!("cut at {cut}"));
        }
    }
}

macro_rules! at_every_chunking {
    ($($name:ident: $line_end:literal, $acks:ident;)*) => {
        $(#[test]
        fn $name() {
            at_every_chunking($line_end, &Acks::$acks);
        })*
    };
}

at_every_chunking! {
    lf_acknowledged_at_once: "\n", AtOnce;
    lf_acknowledged_at_the_end: "\n", AtTheEnd;
    lf_acknowledged_backwards: "\n", Backwards;
    crlf_acknowledged_at_once: "\r\n", AtOnce;
    crlf_acknowledged_at_the_end: "\r\n", AtTheEnd;
    crlf_acknowledged_backwards: "\r\n", Backwards;
    cr_acknowledged_at_once: "\r", AtOnce;
    cr_acknowledged_at_the_end: "\r", AtTheEnd;
    cr_acknowledged_backwards: "\r", Backwards;
}

/// A whole message's record, read back.
fn record(message: &[u8]) -> Value {
    let start = message.windows(12).position(|bytes| bytes == br#"{"hansard.v2"#).unwrap();
    Record::parse(&message[start..]).unwrap();
    let mut record: Value = serde_json::from_slice(&message[start..]).unwrap();
    record["hansard.v2"]["part"].take()
}

#[test]
fn each_record_is_what_its_fixture_says() {
    for fixture in fixtures() {
        let Fixture { name, text } = &fixture;
        let outline = Outline::of(text.as_bytes());
        let Outcome { progress, closed } = watch(&mut Gateway::new(), &outline, [], &Acks::AtOnce);
        let closed = &record(&closed)["closed"];
        let response = &closed["response"];
        let blocks = response["message"]["content"].as_array().unwrap();
        let types: Vec<_> = blocks.iter().map(|block| block["type"].as_str().unwrap()).collect();
        assert_eq!(types.join(" "), fixture.says("blocks"), "{name}");
        assert_eq!(
            response["stop_reason"].as_str().unwrap_or("none"),
            fixture.says("stop"),
            "{name}"
        );
        let why = if fixture.says("ends") == "whole" { "complete" } else { "truncated" };
        assert_eq!(closed["end"], json!({"why": why}), "{name}");
        assert_eq!(response["bytes"], text.len(), "{name}");
        assert_eq!(response["usage"]["input_tokens"], 412, "{name}");

        // What a client acts on stands in its progress part just as in the message.
        let acted_on: Vec<Value> = (0..)
            .zip(blocks)
            .filter(|(_, block)| ["tool_use", "hologram"].iter().any(|kind| block["type"] == *kind))
            .map(|(index, block): (u64, _)| json!({"index": index, "block": block}))
            .collect();
        let progress: Vec<Value> =
            progress.iter().map(|part| record(part)["progress"].take()).collect();
        assert_eq!(progress, acted_on, "{name}");

        // Every event is there, in its order.
        let events = response["events"].as_array().unwrap();
        let names: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
        let sent: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("event:"))
            .map(|name| name.trim_start())
            .collect();
        assert_eq!(names.iter().filter(|name| !name.is_empty()).count(), sent.len(), "{name}");
        assert_eq!(names[..sent.len()], sent, "{name}");
    }
}

#[test]
fn the_fixtures_hold_what_the_promises_are_about() {
    let count = |waits_for| {
        fixtures()
            .iter()
            .flat_map(|fixture| Outline::of(fixture.text.as_bytes()).gates)
            .filter(|gate| gate.waits_for == waits_for)
            .count()
    };
    assert!(count(Waits::Progress) >= 5, "blocks that clients act on");
    assert!(count(Waits::Closed) >= 12, "last events");
}

#[test]
fn each_event_carries_the_time_at_which_its_end_came() {
    let mut gateway = Gateway::new();
    let mut stream = gateway.stream();
    let chunks: [(&[u8], u64); 4] = [
        (b"event: ping\ndata: {}\n\nevent: pi", 10),
        (b"ng\ndata: {}\n", 20),
        (b"\nevent: ping\ndata: {}\n\nevent: message_stop\n", 30),
        (b"data: {}", 40),
    ];
    for (chunk, after) in chunks {
        stream.feed(chunk, false, &mut gateway.redactor, &mut gateway.scribe, NOW + after);
    }
    let closed = content(
        &stream
            .finish(&mut gateway.redactor, &mut gateway.scribe, NOW + 50)
            .unwrap()
            .pop()
            .unwrap(),
        "closed",
    );
    let events = closed["response"]["events"].as_array().unwrap();
    let times: Vec<_> = events.iter().map(|event| event["at"].as_u64().unwrap()).collect();
    assert_eq!(times, [10, 30, 30, 50], "the last one never ended");
    assert_eq!(events[3]["data"], "event: message_stop\ndata: {}");
    assert_eq!(closed["response"]["at"], NOW);
}

#[test]
fn a_chunk_that_waits_for_nothing_passes_unchanged() {
    let mut gateway = Gateway::new();
    let mut stream = gateway.stream();
    let delta = b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\
        \"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\n";
    let fed = stream.feed(delta, false, &mut gateway.redactor, &mut gateway.scribe, NOW);
    assert_eq!(fed.pass, Pass::Unchanged);
    assert!(!fed.waiting && fed.parcels.is_empty());
}

#[test]
fn under_access_log_delivery_nothing_waits_and_the_record_is_the_same() {
    for Fixture { name, text } in fixtures() {
        let outline = Outline::of(text.as_bytes());
        let waited = watch(&mut Gateway::new(), &outline, [], &Acks::AtOnce);
        let mut gateway = Gateway::under(json!({"record": {"delivery": "access_log"}}));
        let mut stream = gateway.stream();
        let mut passed = Vec::new();
        let mut chunks = text.as_bytes().chunks(100).peekable();
        while let Some(chunk) = chunks.next() {
            let Gateway { redactor, scribe, .. } = &mut gateway;
            let fed = stream.feed(chunk, chunks.peek().is_none(), redactor, scribe, NOW);
            match fed.pass {
                Pass::Unchanged => passed.extend_from_slice(chunk),
                Pass::Bytes(bytes) => passed.extend(bytes),
            }
            assert!(!fed.waiting && fed.parcels.is_empty(), "{name}");
        }
        assert!(passed == text.as_bytes() && !stream.has_rest(), "{name}");
        let closed = content(&stream.closed(&mut gateway.scribe, NOW).unwrap(), "closed");
        assert_eq!(closed, record(&waited.closed)["closed"], "{name}");
    }
}

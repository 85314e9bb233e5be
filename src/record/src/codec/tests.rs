//! A message read back with a protobuf reader of a few lines: every field where Envoy's own
//! definitions have it, every length right.

use super::*;
use crate::part::{Content, Gateway, Part, Progress};
use crate::{BootId, ExchangeId, RawJson};

// === a reader ===

#[derive(Debug, PartialEq, Eq)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message in their order. Panics on anything that is not whole.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Value<'_>)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let value = match tag & 7 {
            0 => Value::Number(varint(&mut bytes)),
            2 => {
                let len = varint(&mut bytes) as usize;
                let (value, rest) = bytes.split_at(len);
                bytes = rest;
                Value::Bytes(value)
            }
            other => panic!("wire type {other}"),
        };
        fields.push((tag >> 3, value));
    }
    fields
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (first, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            break;
        }
    }
    value
}

/// The bytes of every field at a path.
fn all<'a>(bytes: &'a [u8], path: &[u64]) -> Vec<&'a [u8]> {
    let Some((first, rest)) = path.split_first() else { return vec![bytes] };
    fields(bytes)
        .into_iter()
        .filter(|(number, _)| number == first)
        .flat_map(|(_, value)| match value {
            Value::Bytes(bytes) => all(bytes, rest),
            Value::Number(number) => panic!("{path:?} is the number {number}"),
        })
        .collect()
}

/// The one field at a path.
fn one<'a>(bytes: &'a [u8], path: &[u64]) -> &'a [u8] {
    let all = all(bytes, path);
    assert_eq!(all.len(), 1, "at {path:?}");
    all[0]
}

/// `StreamAccessLogsMessage.http_logs.log_entry`.
const LOG_ENTRY: [u64; 2] = [2, 1];
/// Within a log entry: the record, down to `BytesValue.value`.
const RECORD: [u64; 5] = [1, 21, 2, 2, 1];

// === what is written ===

const ENTRY: Entry<'_> = Entry {
    started_at: 1_800_000_000_123,
    address: "2001:db8::7",
    port: 51_000,
    method: "POST",
    authority: "claude.internal",
    path: "/v1/messages?beta=true",
    user_agent: "claude-cli/2.1",
    request_id: "0199-exchange",
    status: 429,
};

fn record(block: &str) -> Record<'_> {
    Record::V2(Part {
        exchange: ExchangeId::new(1_800_000_000_123, [1; 10]),
        boot: BootId::new(1_800_000_000_000, [2; 10]),
        seq: 7,
        at: 1_800_000_000_200,
        gateway: Gateway { node: "n".into(), filter: "0".into(), policy: "p".into() },
        part: Content::Progress(Progress {
            index: Some(1),
            block: Some(RawJson::parsed(block)),
            events: None,
            findings: Vec::new(),
        }),
    })
}

/// A JSON string of so many bytes.
fn block(len: usize) -> String {
    format!("\"{}\"", "x".repeat(len - 2))
}

fn json(record: &Record<'_>) -> String {
    serde_json::to_string(record).unwrap()
}

// === tests ===

#[test]
fn every_field_stands_where_envoy_has_it() {
    let record = record("{\"type\": \"tool_use\"}");
    let message = encode(&ENTRY, &record, 0).unwrap();

    let numbers: Vec<u64> = fields(&message).iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [1, 2], "identifier, http_logs");
    assert_eq!(one(&message, &[1, 2]), b"hansard", "identifier.log_name");

    let entry = one(&message, &LOG_ENTRY);
    let request = fields(one(entry, &[3]));
    let text = |text: &'static str| Value::Bytes(text.as_bytes());
    let expected = [
        (1, Value::Number(3)),
        (3, text("claude.internal")),
        (5, text("/v1/messages?beta=true")),
        (6, text("claude-cli/2.1")),
        (9, text("0199-exchange")),
    ];
    assert_eq!(request, expected);
    assert_eq!(fields(one(entry, &[4, 1])), [(1, Value::Number(429))], "response_code");

    let socket = fields(one(entry, &[1, 2, 1]));
    assert_eq!(socket, [(2, text("2001:db8::7")), (3, Value::Number(51_000))]);
    let time = fields(one(entry, &[1, 5]));
    assert_eq!(time, [(1, Value::Number(1_800_000_000)), (2, Value::Number(123_000_000))]);

    assert_eq!(one(entry, &[1, 21, 1]), RECORD_KEY.as_bytes());
    assert_eq!(one(entry, &[1, 21, 2, 1]), TYPE_URL.as_bytes());
    assert_eq!(one(entry, &RECORD), json(&record).as_bytes());
    assert_eq!(message.record(), json(&record).as_bytes());
}

#[test]
fn what_is_not_known_is_absent() {
    let nothing = encode(&Entry::default(), &record("1"), 0).unwrap();
    let entry = one(&nothing, &LOG_ENTRY);
    assert_eq!(fields(one(entry, &[3])), [], "request");
    assert!(all(entry, &[4]).is_empty(), "no response while there is no status");
    assert_eq!(fields(one(entry, &[1, 2, 1])), [], "address");
    assert_eq!(fields(one(entry, &[1, 5])), [], "the epoch");
    for status in [0, 100, 200, 599, u16::MAX] {
        let message = encode(&Entry { status, ..ENTRY }, &record("1"), 0).unwrap();
        let codes = all(one(&message, &LOG_ENTRY), &[4, 1]);
        assert_eq!(codes.len(), usize::from(status != 0), "{status}");
        for code in codes {
            assert_eq!(fields(code), [(1, Value::Number(status.into()))]);
        }
    }
}

#[test]
fn methods() {
    // envoy.config.core.v3.RequestMethod; 0 is unspecified, and absent on the wire.
    let methods =
        ["", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    for (number, method) in (0..).zip(methods) {
        let message = encode(&Entry { method, ..Entry::default() }, &record("1"), 0).unwrap();
        let request = fields(one(one(&message, &LOG_ENTRY), &[3]));
        let expected = (number > 0).then_some((1, Value::Number(number)));
        assert_eq!(request.into_iter().next(), expected, "{method}");
    }
    let message = encode(&Entry { method: "get", ..Entry::default() }, &record("1"), 0).unwrap();
    assert_eq!(fields(one(one(&message, &LOG_ENTRY), &[3])), [], "methods are case-sensitive");
}

#[test]
fn every_length_is_right_around_each_step_of_a_varint() {
    let overhead = json(&record("1")).len() - 1;
    // The enclosing fields pass each step (128, 16384, 2 MiB) one after the other.
    let around = [(overhead + 2, 420), (16_384 - 420, 440), ((2 << 20) - 420, 440)];
    for len in around.into_iter().flat_map(|(from, count)| from..from + count).step_by(3) {
        let block = block(len - overhead);
        let record = record(&block);
        let message = encode(&ENTRY, &record, len).unwrap();
        let found = one(one(&message, &LOG_ENTRY), &RECORD);
        assert_eq!(found.len(), len);
        assert!(found == json(&record).as_bytes() && found == message.record(), "{len}");
    }
}

#[test]
fn long_header_fields_fit() {
    for len in [0, 100, 127, 128, 4000, 16_383, 16_384, 60_000] {
        let path = "/".repeat(len);
        let entry = Entry { path: &path, authority: &path, user_agent: &path, ..ENTRY };
        let message = encode(&entry, &record("1"), 0).unwrap();
        for field in [3, 5, 6] {
            let found = all(one(&message, &LOG_ENTRY), &[3, field]);
            assert_eq!(found.len(), usize::from(len > 0));
            assert!(found.iter().all(|text| *text == path.as_bytes()), "{len}");
        }
        assert_eq!(one(one(&message, &LOG_ENTRY), &RECORD), message.record());
    }
}

#[test]
fn messages_one_after_the_other_are_one_message_with_every_entry() {
    let blocks = [block(10), block(200), block(20_000)];
    let records = blocks.each_ref().map(|block| record(block));
    let messages = records.each_ref().map(|record| encode(&ENTRY, record, 0).unwrap());
    let batch = messages.each_ref().map(|message| &**message).concat();
    // Equal identifiers merge into themselves; repeated entries append.
    assert_eq!(all(&batch, &[1, 2]), [b"hansard"; 3]);
    let entries = all(&batch, &LOG_ENTRY);
    assert_eq!(entries.len(), 3);
    for (entry, record) in entries.into_iter().zip(&records) {
        assert_eq!(one(entry, &RECORD), json(record).as_bytes());
        assert_eq!(one(entry, &[3, 9]), b"0199-exchange");
    }
}

#[test]
fn with_a_good_hint_the_buffer_is_allocated_once_and_holds_little_more() {
    for len in [1000, 100_000, 5_000_000] {
        let block = block(len);
        let record = record(&block);
        let exact = json(&record).len();
        let message = encode(&ENTRY, &record, exact).unwrap();
        assert!(message.capacity() <= message.len() + 128, "{len}: {}", message.capacity());
        // A hint that is off costs memory, never content.
        for hint in [0, exact / 2, exact * 2] {
            let other = encode(&ENTRY, &record, hint).unwrap();
            assert!(*other == *message, "{len}, hint {hint}");
            assert!(other.capacity() <= 2 * message.capacity(), "{len}, hint {hint}");
        }
    }
}

#[test]
fn no_memory_is_an_error_and_no_abort() {
    assert!(matches!(encode(&ENTRY, &record("1"), usize::MAX / 4), Err(OutOfMemory)));
}

#[test]
fn debug_shows_no_conversation() {
    let message = encode(&ENTRY, &record("\"hidden\""), 0).unwrap();
    assert_eq!(format!("{message:?}"), format!("Message({} bytes)", message.len()));
}

#[test]
fn another_record_stands_in_the_same_entry() {
    let message = encode(&ENTRY, &record("1"), 0).unwrap();
    let again = message.with(RECORD_KEY, message.record()).unwrap();
    assert_eq!(again, *message);
    for len in [0, 127, 128, 20_000] {
        let other = vec![b'x'; len];
        let folded = message.with("other", &other).unwrap();
        let (here, there) = (one(&message, &LOG_ENTRY), one(&folded, &LOG_ENTRY));
        assert_eq!(one(there, &RECORD), other);
        assert_eq!(one(there, &[1, 21, 1]), b"other");
        for path in [&[3][..], &[4], &[1, 2], &[1, 5]] {
            assert_eq!(one(here, path), one(there, path), "{path:?}");
        }
    }
}

//! Streams that no fixture has: generated events in any order and form, in any framing, at any
//! chunking, acknowledged in any order.

use super::outline::Outline;
use super::watched::{Acks, watch};
use super::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

// === what is generated ===

/// A stream's text, where its chunks end, and which parts are acknowledged after each.
#[derive(Clone)]
struct Played {
    text: Vec<u8>,
    cuts: Vec<usize>,
    acks: Acks,
}

impl std::fmt::Debug for Played {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { text, cuts, acks } = self;
        write!(f, "{}, cut at {cuts:?}, acknowledged {acks:?}", text.escape_ascii())
    }
}

fn played(text: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Played> {
    text.prop_flat_map(|text| {
        let cuts = vec(0..=text.len(), 0..12);
        let acks = vec(vec(0_usize..8, 0..4), 0..16).prop_map(Acks::Random);
        let acks =
            prop_oneof![Just(Acks::AtOnce), Just(Acks::AtTheEnd), Just(Acks::Backwards), acks];
        (Just(text), cuts, acks)
    })
    .prop_map(|(text, mut cuts, acks)| {
        cuts.sort_unstable();
        Played { text, cuts, acks }
    })
}

/// Whole streams: events with their lines ended in any way, perhaps cut off.
pub(super) fn streams() -> impl Strategy<Value = Vec<u8>> {
    let ends = select(vec!["\n", "\r\n", "\r"]);
    let lines = vec((frames(), ends), 0..24);
    (lines, option::weighted(0.2, 0_usize..200)).prop_map(|(frames, cut)| {
        let mut text = Vec::new();
        for (lines, end) in frames {
            for line in lines.iter().map(String::as_str).chain([""]) {
                text.extend_from_slice(line.as_bytes());
                text.extend_from_slice(end.as_bytes());
            }
        }
        text.truncate(text.len() - cut.unwrap_or(0).min(text.len()));
        text
    })
}

/// One event's lines.
fn frames() -> impl Strategy<Value = Vec<String>> {
    let event = (events(), 0_u8..10).prop_map(|((name, data), form)| form_of(name, &data, form));
    let beside = select(vec![": a comment", "", "id: 7", "retry: 10", "colourless", "event"]);
    prop_oneof![
        12 => event,
        1 => beside.prop_map(|line| vec![line.to_owned()]),
    ]
}

/// An event in one of the forms that a client may take.
fn form_of(name: &str, data: &str, form: u8) -> Vec<String> {
    let name_line = format!("event: {name}");
    let data_line = format!("data: {data}");
    match form {
        0 => vec![data_line],
        1 => vec![data_line, name_line],
        2 => vec![format!("event:{name}"), format!("data:{data}")],
        3 => vec![": before".into(), name_line, "id: 1".into(), data_line, "odd".into()],
        4 => vec!["event: ping".into(), data_line],
        5 => vec!["event: ping".into(), name_line, data_line],
        6 => {
            // Over several lines, where JSON allows white space.
            let pretty = serde_json::from_str::<Value>(data)
                .and_then(|json| serde_json::to_string_pretty(&json));
            let lines = pretty.unwrap_or_else(|_| data.to_owned());
            let data = lines.lines().map(|line| format!("data: {line}"));
            [name_line].into_iter().chain(data).collect()
        }
        _ => vec![name_line, data_line],
    }
}

/// An event's name and its data.
fn events() -> impl Strategy<Value = (&'static str, String)> {
    let named = |name: &'static str| move |data: String| (name, data);
    let any_name = select(vec![
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "ping",
        "error",
        "weather_report",
    ]);
    prop_oneof![
        1 => texts().prop_map(|text| format!(
            r#"{{"message":{{"id":{text},"content":[],"usage":{{"input_tokens":3}}}},"type":"message_start"}}"#
        )).prop_map(named("message_start")),
        6 => starts().prop_map(named("content_block_start")),
        8 => deltas().prop_map(named("content_block_delta")),
        6 => stops().prop_map(named("content_block_stop")),
        1 => Just(("message_delta", r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}"#.into())),
        1 => Just(("message_stop", r#"{"type":"message_stop"}"#.into())),
        1 => Just(("error", r#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#.into())),
        1 => Just(("ping", r#"{"type": "ping"}"#.into())),
        1 => Just(("weather_report", r#"{"type":"weather_report","index":0,"sky":{"a":[1e5]}}"#.into())),
        2 => (any_name, garbage()),
    ]
}

fn texts() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..8)
        .prop_map(|chars| serde_json::to_string(&chars.iter().collect::<String>()).unwrap())
}

fn starts() -> impl Strategy<Value = String> {
    let types = select(vec![
        "text",
        "thinking",
        "redacted_thinking",
        "tool_use",
        "server_tool_use",
        "mcp_tool_use",
        "hologram",
    ]);
    (types, 0..4, 0..3).prop_map(|(kind, index, order)| match order {
        0 => format!(r#"{{"type":"content_block_start","index":{index},"content_block":{{"type":"{kind}","text":""}}}}"#),
        1 => format!(r#"{{"content_block":{{"input":{{}},"type":"{kind}"}},"more":[{{}}],"index":{index},"type":"content_block_start"}}"#),
        _ => format!(r#"{{ "index" : {index}, "type":"content_block_start", "content_block":{{"name":"n","type":"{kind}"}} }}"#),
    })
}

fn deltas() -> impl Strategy<Value = String> {
    let kinds = select(vec![
        ("text_delta", "text"),
        ("input_json_delta", "partial_json"),
        ("thinking_delta", "thinking"),
        ("signature_delta", "signature"),
        ("citations_delta", "citation"),
        ("sparkle_delta", "sparkle"),
    ]);
    (kinds, 0..4, texts()).prop_map(|((kind, member), index, text)| {
        format!(r#"{{"delta":{{"{member}":{text},"type":"{kind}"}},"index":{index},"type":"content_block_delta"}}"#)
    })
}

fn stops() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => (0..5).prop_map(|index| format!(r#"{{"type":"content_block_stop","index":{index}}}"#)),
        1 => (0..5).prop_map(|index| format!(r#"{{"index":{index},"x":null,"type":"content_block_stop"}}"#)),
        1 => Just(r#"{"type":"content_block_stop"}"#.into()),
        1 => Just(r#"{"type":"ping","index":1}"#.into()),
    ]
}

/// Data that says nothing.
fn garbage() -> impl Strategy<Value = String> {
    select(vec![
        "",
        "{",
        "null",
        "7",
        "\"text\"",
        "[DONE]",
        "{\"type\":",
        "{}",
        "{\"a\":\"\u{fffd}",
    ])
    .prop_map(str::to_owned)
}

/// Pieces of the grammar in no order, and bytes that are no text at all.
fn soups() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&[u8]> = vec![
        b"event: ",
        b"event:content_block_stop",
        b"event: message_stop",
        b"data: ",
        b"data:",
        b"{\"type\":\"content_block_stop\",\"index\":0}",
        b"{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\"}}",
        b"{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"\\ud83d\"}}",
        b"[\"content_block_stop\",0]",
        b"{\"type\":\"ping\",\"type\":\"error\"}",
        b"\n",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"\xef\xbb\xbf",
        b"\xff\xc3",
        b"\0",
        b":",
        b" ",
    ];
    let piece = prop_oneof![
        9 => select(pieces).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..6),
    ];
    vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

// === what is asserted ===

/// Feeds any bytes and acknowledges all at once. The record, and the most memory that was held.
fn recorded(chunks: &[&[u8]]) -> (Vec<Vec<u8>>, usize) {
    let mut gateway = Gateway::new();
    let mut stream = gateway.stream();
    let mut passed = Vec::new();
    let mut parts = Vec::new();
    let mut most = 0;
    for chunk in chunks {
        let fed = stream.feed(chunk, false, &mut gateway.redactor, &mut gateway.scribe, NOW);
        match fed.pass {
            Pass::Unchanged => passed.extend_from_slice(chunk),
            Pass::Bytes(bytes) => passed.extend(bytes),
        }
        most = most.max(stream.bytes());
        for parcel in fed.parcels {
            passed.extend(stream.settle(parcel.seq, true, NOW));
            parts.push(parcel.message.to_vec());
        }
    }
    let closed =
        stream.finish(&mut gateway.redactor, &mut gateway.scribe, NOW).unwrap().pop().unwrap();
    Record::parse(closed.message.record()).unwrap();
    passed.extend(stream.settle(closed.seq, true, NOW));
    parts.push(closed.message.to_vec());
    assert_eq!(passed, chunks.concat());
    (parts, most)
}

/// What passes of any bytes, and the record, with every secret redacted.
fn redacted(gateway: &mut Gateway, chunks: &[&[u8]]) -> (Vec<u8>, Vec<Vec<u8>>) {
    gateway.scribe = scribe();
    let mut stream = gateway.stream();
    let (mut passed, mut parts) = (Vec::new(), Vec::new());
    for (i, chunk) in chunks.iter().enumerate() {
        let Gateway { redactor, scribe, .. } = &mut *gateway;
        let fed = stream.feed(chunk, i + 1 == chunks.len(), redactor, scribe, NOW);
        match fed.pass {
            Pass::Unchanged => passed.extend_from_slice(chunk),
            Pass::Bytes(bytes) => passed.extend(bytes),
        }
        for parcel in fed.parcels {
            passed.extend(stream.settle(parcel.seq, true, NOW));
            parts.push(parcel.message.to_vec());
        }
    }
    (passed, parts)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_are_redacted_the_same_at_every_chunking(played in played(soups())) {
        let Played { mut text, cuts, .. } = played;
        text.extend_from_slice(SECRET_EVENTS);
        let mut gateway = Gateway::under(json!({"redact": {}}));
        let whole = redacted(&mut gateway, &[&text]);
        let ends = cuts.iter().copied().chain([text.len()]);
        let starts = [0].into_iter().chain(cuts.iter().copied());
        let chunks: Vec<&[u8]> = starts.zip(ends).map(|(start, end)| &text[start..end]).collect();
        prop_assert!(redacted(&mut gateway, &chunks) == whole, "something else passed");
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        prop_assert!(redacted(&mut gateway, &bytes) == whole, "something else passed");
        let shown = String::from_utf8_lossy(&whole.0);
        prop_assert!(!shown.contains("AKIAQ7RT2") && !shown.contains("XKWM5ZB4NHD"), "{shown}");
    }
}

/// Two deltas that hold one access key between them.
const SECRET_EVENTS: &[u8] = b"\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\
    \"index\":7,\"delta\":{\"type\":\"text_delta\",\"text\":\"AKIAQ7RT2\"}}\n\nevent: content_block_delta\n\
    data: {\"type\":\"content_block_delta\",\"index\":7,\"delta\":{\"type\":\"text_delta\",\
    \"text\":\"XKWM5ZB4NHD.\"}}\n\n";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_events_pass_as_they_may_and_leave_the_same_record(played in played(streams())) {
        let outline = Outline::of(&played.text);
        let mut gateway = Gateway::new();
        let whole = watch(&mut gateway, &outline, [], &Acks::AtOnce);
        let outcome = watch(&mut gateway, &outline, played.cuts, &played.acks);
        prop_assert!(outcome == whole, "another record");
    }

    #[test]
    fn any_bytes_pass_in_their_order_and_leave_the_same_record(played in played(soups())) {
        let Played { text, cuts, .. } = played;
        let ends = cuts.iter().copied().chain([text.len()]);
        let starts = [0].into_iter().chain(cuts.iter().copied());
        let chunks: Vec<&[u8]> = starts.zip(ends).map(|(start, end)| &text[start..end]).collect();
        prop_assert!(recorded(&chunks).0 == recorded(&[&text]).0, "another record");
    }

    #[test]
    fn memory_stays_in_proportion_to_the_input(text in streams()) {
        // At worst every byte is an escape of six in the log, whose buffer doubles and is counted
        // twice; an event's frame in the log is below 100 bytes, and an event is at least six long.
        let (_, most) = recorded(&text.chunks(16).collect::<Vec<_>>());
        prop_assert!(most <= 4 * (6 + 100 / 6) * text.len() + 1024, "{most} for {}", text.len());
    }
}

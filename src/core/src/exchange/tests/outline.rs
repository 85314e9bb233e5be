//! A second reading of a stream, of the whole text at once and by other means than the gateway's:
//! where its events end, and which of them must wait for a part.

use serde_json::Value;

/// Block types that the generator and the fixtures use and that no client acts on.
const INERT: [&str; 6] = [
    "text",
    "thinking",
    "redacted_thinking",
    "server_tool_use",
    "web_search_tool_result",
    "mcp_tool_use",
];

/// A stream's text and what must be true of its passage.
pub(super) struct Outline {
    pub(super) text: Vec<u8>,
    pub(super) events: Vec<Span>,
    pub(super) gates: Vec<Gate>,
}

/// One event's bytes, with the blank line that ends it.
pub(super) struct Span {
    pub(super) end: usize,
    /// Where it is known to be whole: before the LF of a closing CRLF.
    pub(super) whole_at: usize,
}

/// A point that nothing passes before its part is settled.
pub(super) struct Gate {
    /// Where the event that waits begins, and where it is known to be whole.
    pub(super) start: usize,
    pub(super) whole_at: usize,
    pub(super) waits_for: Waits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    /// A block's progress part.
    Progress,
    /// The closing part.
    Closed,
}

impl Outline {
    pub(super) fn of(text: &[u8]) -> Self {
        let mut outline = Self { text: text.to_vec(), events: Vec::new(), gates: Vec::new() };
        let mut blocks = Vec::new();
        let mut lines: Vec<&[u8]> = Vec::new();
        let (mut at, mut start) = (0, 0);
        while let Some(len) = text[at..].iter().position(|byte| b"\r\n".contains(byte)) {
            let line = &text[at..at + len];
            let crlf = text[at + len..].starts_with(b"\r\n");
            at += len + 1 + usize::from(crlf);
            if !line.is_empty() {
                lines.push(line);
                continue;
            }
            let whole_at = at - usize::from(crlf);
            outline.events.push(Span { end: at, whole_at });
            if let Some(waits_for) = waits(&mut blocks, &std::mem::take(&mut lines)) {
                outline.gates.push(Gate { start, whole_at, waits_for });
            }
            start = at;
        }
        outline
    }

    /// How many progress parts the stream leads to.
    pub(super) fn progress_parts(&self) -> usize {
        self.gates.iter().filter(|gate| gate.waits_for == Waits::Progress).count()
    }
}

/// Reads an event's lines; `blocks` are those begun so far, and whether a client acts on them.
fn waits(blocks: &mut Vec<(u64, bool)>, lines: &[&[u8]]) -> Option<Waits> {
    let mut name = String::new();
    let mut data: Vec<String> = Vec::new();
    for line in lines {
        let line = String::from_utf8_lossy(line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut name),
            "data" => data.push(value.to_owned()),
            _ => {}
        }
    }
    let data = data.join("\n");
    let readable = |json: &Value| {
        let is_type = json["type"].is_string() || json.get("type").is_none();
        let is_index = json["index"].is_number() || json["index"].is_null();
        json.is_object() && is_type && is_index
    };
    let json: Option<Value> = serde_json::from_str(&data).ok().filter(readable);
    let mentioned = ["message_stop", "error", "content_block_stop"]
        .into_iter()
        .find(|kind| json.is_none() && data.contains(&format!("\"{kind}\"")));
    let by_type = json.as_ref().and_then(|json| json["type"].as_str()).or(mentioned);
    let by_type = by_type.unwrap_or_default();
    let index = json.as_ref().and_then(|json| json["index"].as_f64()).map(|n| n as u64);
    let says = |kind| name == kind || by_type == kind;
    // Of two readings the one that holds more back.
    if says("message_stop") || says("error") {
        return Some(Waits::Closed);
    }
    if says("content_block_stop") {
        let mut ended = blocks.iter().filter(|(at, _)| Some(*at) == index).peekable();
        let held = ended.peek().is_none() || ended.any(|(_, acts)| *acts);
        return held.then_some(Waits::Progress);
    }
    let light =
        ["message_start", "message_delta", "ping", "content_block_start", "content_block_delta"];
    let is = |kind| by_type == kind || (name == kind && !light.contains(&by_type));
    if is("content_block_start") {
        let json = json.unwrap_or_default();
        let block_type = json["content_block"]["type"].as_str().unwrap_or_default();
        blocks.push((index.unwrap_or(blocks.len() as u64), !INERT.contains(&block_type)));
    } else if is("content_block_delta") && json.is_some() {
        let index = index.unwrap_or(0);
        if !blocks.iter().any(|(at, _)| *at == index) {
            blocks.push((index, true));
        }
    }
    None
}

#[test]
fn a_tool_call_by_hand() {
    let text = b"event: content_block_start\ndata: {\"index\":2,\"content_block\":{\"type\":\"tool_use\"}}\r\n\r\n\
        event: content_block_stop\ndata: {\"index\":2}\n\nevent: error\n\n: x\n";
    let outline = Outline::of(text);
    let ends: Vec<_> = outline.events.iter().map(|event| (event.end, event.whole_at)).collect();
    assert_eq!(ends, [(84, 83), (129, 129), (143, 143)]);
    let gates: Vec<_> =
        outline.gates.iter().map(|gate| (gate.start, gate.whole_at, gate.waits_for)).collect();
    assert_eq!(gates, [(84, 129, Waits::Progress), (129, 143, Waits::Closed)]);
}

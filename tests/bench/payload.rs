//! The canned requests and answers: the same bytes in every run.
//!
//! Texts have what real ones have and scanners stumble over: line ends, quotes, tabs and letters
//! beyond ASCII, all escaped as JSON wants.

use crate::cell::Case;
use bytes::Bytes;
use serde_json::{Value, json};

const SMALL: usize = 2 << 10;
const LARGE: usize = 200 << 10;
/// Events of the large answer: six of them frame the text.
const DELTAS: usize = 294;
/// What one turn of the large conversation adds, about.
const TURN: usize = 4 << 10;

const PROSE: &str = "The parser keeps its position between calls, so a chunk may end anywhere.\n\
    Then `read_line()` returns \"incomplete\", and the caller feeds the rest: naïve, but it holds.\n\
    \tlet rest = match input.split_once('\\n') { Some((line, rest)) => rest, None => input };\n";

/// A request, and what comes back for it.
pub(crate) struct Exchange {
    pub(crate) request: Bytes,
    pub(crate) answer: Answer,
}

/// A response body.
#[derive(Clone)]
pub(crate) enum Answer {
    /// With its length announced.
    Json(Bytes),
    /// Server-sent events, each a chunk.
    Events(Vec<Bytes>),
}

impl Answer {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Json(body) => body.len(),
            Self::Events(events) => events.iter().map(Bytes::len).sum(),
        }
    }
}

impl Exchange {
    pub(crate) fn of(case: Case) -> Self {
        match case {
            Case::Small => Self { request: small_request(), answer: small_answer() },
            Case::Large => Self { request: large_request(), answer: large_answer() },
        }
    }
}

/// So many bytes of text, cut at a letter.
fn prose(len: usize) -> String {
    let mut text = String::with_capacity(len + PROSE.len());
    while text.len() < len {
        text.push_str(PROSE);
    }
    while text.len() > len {
        text.pop();
    }
    text
}

/// A value as JSON whose `text` is as long as makes it `size` bytes, or a few less.
fn filled(size: usize, make: impl Fn(&str) -> Value) -> Bytes {
    let empty = make("").to_string().len();
    let mut text = prose(size.saturating_sub(empty));
    loop {
        let json = make(&text).to_string();
        if json.len() <= size || text.is_empty() {
            return Bytes::from(json);
        }
        // What the escapes added.
        for _ in 0..(json.len() - size).div_ceil(2) {
            text.pop();
        }
    }
}

fn metadata() -> Value {
    json!({"user_id": "{\"device_id\":\"bench\",\"account_uuid\":\"\",\"session_id\":\"bench\"}"})
}

fn small_request() -> Bytes {
    filled(SMALL, |text| {
        json!({
            "model": "claude-sonnet-5-5",
            "max_tokens": 1024,
            "metadata": metadata(),
            "messages": [{"role": "user", "content": text}],
        })
    })
}

fn small_answer() -> Answer {
    Answer::Json(filled(SMALL, |text| {
        json!({
            "id": "msg_01BenchSmall",
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-5-5",
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "stop_sequence": null,
            "usage": {"input_tokens": 412, "output_tokens": 398},
        })
    }))
}

/// A coding session in mid-course: a system prompt, tools, and turns of tool calls and results.
fn large_request() -> Bytes {
    let tools: Vec<Value> = ["Bash", "Read", "Write", "Edit", "Grep", "Glob"]
        .iter()
        .map(|name| {
            json!({
                "name": name,
                "description": prose(1500),
                "input_schema": {
                    "type": "object",
                    "properties": {"path": {"type": "string"}, "text": {"type": "string"}},
                    "required": ["path"],
                },
            })
        })
        .collect();
    let mut messages = vec![json!({"role": "user", "content": prose(400)})];
    let mut size = 0;
    for turn in 0.. {
        if size + 2 * TURN > LARGE - tools.len() * 2000 {
            break;
        }
        let id = format!("toolu_{turn:04}");
        let call = json!({"role": "assistant", "content": [
            {"type": "text", "text": prose(300)},
            {"type": "tool_use", "id": id, "name": "Read", "input": {"path": format!("src/{turn}.rs")}},
        ]});
        let result = json!({"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": id, "content": prose(TURN - 600)},
        ]});
        size += call.to_string().len() + result.to_string().len();
        messages.extend([call, result]);
    }
    filled(LARGE, |text| {
        json!({
            "model": "claude-opus-5-5",
            "max_tokens": 32000,
            "stream": true,
            "metadata": metadata(),
            "system": [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}],
            "tools": tools,
            "messages": messages,
        })
    })
}

fn large_answer() -> Answer {
    let mut events = vec![
        event(
            "message_start",
            &json!({"type": "message_start", "message": {
                "id": "msg_01BenchLarge", "type": "message", "role": "assistant",
                "model": "claude-opus-5-5", "content": [], "stop_reason": null,
                "stop_sequence": null,
                "usage": {"input_tokens": 61022, "cache_read_input_tokens": 58113, "output_tokens": 1},
            }}),
        ),
        event(
            "content_block_start",
            &json!({"type": "content_block_start", "index": 0,
                "content_block": {"type": "text", "text": ""}}),
        ),
        event("ping", &json!({"type": "ping"})),
    ];
    let text: Vec<char> = prose(DELTAS * 18).chars().collect();
    let pieces = text.chunks(text.len().div_ceil(DELTAS).max(1)).map(String::from_iter);
    events.extend(pieces.chain(std::iter::repeat(" …".to_owned())).take(DELTAS).map(
        |piece: String| {
            event(
                "content_block_delta",
                &json!({"type": "content_block_delta", "index": 0,
                    "delta": {"type": "text_delta", "text": piece}}),
            )
        },
    ));
    events.extend([
        event("content_block_stop", &json!({"type": "content_block_stop", "index": 0})),
        event(
            "message_delta",
            &json!({"type": "message_delta",
                "delta": {"stop_reason": "end_turn", "stop_sequence": null},
                "usage": {"output_tokens": 1470}}),
        ),
        event("message_stop", &json!({"type": "message_stop"})),
    ]);
    Answer::Events(events)
}

fn event(name: &str, data: &Value) -> Bytes {
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let small = Exchange::of(Case::Small);
        let large = Exchange::of(Case::Large);
        for (len, size) in [
            (small.request.len(), SMALL),
            (small.answer.len(), SMALL),
            (large.request.len(), LARGE),
        ] {
            assert!(len <= size && len + 16 > size, "{len} of {size}");
        }
        let Answer::Events(events) = &large.answer else { panic!("no events") };
        assert_eq!(events.len(), 300);
        assert!((30_000..50_000).contains(&large.answer.len()), "{}", large.answer.len());
    }
}

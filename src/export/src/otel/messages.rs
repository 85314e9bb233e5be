//! Messages as the GenAI conventions lay them out (`gen-ai-input-messages.json`,
//! `gen-ai-output-messages.json`), as a JSON text.

use hansard_replay::Replay;
use hansard_replay::model::{Block, Message, Turn};
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Serialize)]
struct Said<'a> {
    role: &'a str,
    parts: Vec<Part<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finish_reason: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part<'a> {
    Text {
        content: &'a str,
    },
    Reasoning {
        content: &'a str,
    },
    ToolCall {
        id: &'a str,
        name: &'a str,
        arguments: Json<'a>,
    },
    ToolCallResponse {
        id: &'a str,
        response: &'a str,
    },
    /// Bytes are not on record, only their kind and number.
    Media {
        mime_type: &'a str,
        bytes: usize,
    },
    Other {
        kind: &'a str,
        json: &'a str,
    },
}

/// JSON as it stands; what is none, as a text.
#[derive(Serialize)]
#[serde(untagged)]
enum Json<'a> {
    Raw(&'a RawValue),
    Text(&'a str),
}

/// `gen_ai.input.messages`: what is new in a request. Tools speak for themselves.
pub(super) fn input(replay: &Replay, said: &[Message]) -> String {
    let mut messages: Vec<Said<'_>> = Vec::new();
    for Message { role, blocks } in said {
        let mut own: Option<Said<'_>> = None;
        for block in blocks {
            let part = part(replay, block);
            let role = if matches!(block, Block::ToolResult { .. }) { "tool" } else { role };
            match &mut own {
                Some(own) if own.role == role => own.parts.push(part),
                _ => {
                    let next = Said { role, parts: vec![part], finish_reason: None };
                    messages.extend(own.replace(next));
                }
            }
        }
        messages.extend(own);
    }
    text(&messages)
}

/// `gen_ai.output.messages`: the answer, as one message.
pub(super) fn output(replay: &Replay, turn: &Turn) -> String {
    let parts = turn.answer.iter().map(|block| part(replay, block)).collect();
    text(&[Said { role: "assistant", parts, finish_reason: Some(finish_reason(turn)) }])
}

/// `gen_ai.system_instructions`.
pub(super) fn system(content: &str) -> String {
    text(&[Part::Text { content }])
}

/// Why the model stopped, in the conventions' words where they have one.
pub(super) fn finish_reason(turn: &Turn) -> &str {
    match turn.stop_reason.as_deref() {
        Some("end_turn" | "stop_sequence") => "stop",
        Some("max_tokens" | "model_context_window_exceeded") => "length",
        Some("tool_use") => "tool_call",
        Some("refusal") => "content_filter",
        Some(other) => other,
        None => "error",
    }
}

fn part<'a>(replay: &'a Replay, block: &'a Block) -> Part<'a> {
    match block {
        Block::Text { text } => Part::Text { content: text },
        Block::Thinking { text } => Part::Reasoning { content: text },
        Block::ToolUse { call } => {
            let call = replay.calls.get(*call);
            let input = call.map_or("null", |call| &call.input);
            Part::ToolCall {
                id: call.map_or("", |call| &call.id),
                name: call.map_or("", |call| &call.name),
                arguments: serde_json::from_str(input).map_or(Json::Text(input), Json::Raw),
            }
        }
        Block::ToolResult { call: _, id, is_error: _, text } => {
            Part::ToolCallResponse { id, response: text }
        }
        Block::Media { media_type, bytes } => Part::Media { mime_type: media_type, bytes: *bytes },
        Block::Other { kind, json } => Part::Other { kind, json },
    }
}

fn text(value: &(impl Serialize + ?Sized)) -> String {
    // Texts, lists and numbers: nothing in it can fail.
    serde_json::to_string(value).unwrap_or_default()
}

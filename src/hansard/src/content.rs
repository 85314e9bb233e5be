//! Message content for people: what the messages API calls blocks, as text.
//!
//! Enters: recorded JSON of a body, a message or a block. Leaves: blocks to print. A block of an
//! unknown kind, or one that cannot be read, is shown as its JSON: nothing is left out.

use hansard_record::Members;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt::Write;

/// A content block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Block {
    Text(String),
    Thinking(String),
    /// A call that the model suggests, with its input as `name: value` lines.
    Tool {
        name: String,
        input: String,
    },
    /// What a tool gave back, by the client's word or the server's.
    Result {
        failed: bool,
        text: String,
    },
    Other {
        kind: String,
        json: String,
    },
}

/// The last message of a request that the user's side wrote.
pub(crate) fn last_user_message(body: &str) -> Vec<Block> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        messages: Vec<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow)]
        role: Cow<'a, str>,
        #[serde(borrow)]
        content: &'a RawValue,
    }
    let Ok(Body { messages }) = serde_json::from_str(body) else {
        return Vec::new();
    };
    let mut messages = messages.into_iter().rev();
    messages
        .find_map(|raw| {
            serde_json::from_str(raw.get()).ok().filter(|m: &Message<'_>| m.role == "user")
        })
        .map(|message| blocks(message.content.get()))
        .unwrap_or_default()
}

/// The blocks of an answer; `None` when the JSON is no message.
pub(crate) fn message_blocks(message: &str) -> Option<Vec<Block>> {
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow)]
        content: &'a RawValue,
    }
    let message: Message<'_> = serde_json::from_str(message).ok()?;
    Some(blocks(message.content.get()))
}

/// Type and message of an error body of the API.
pub(crate) fn error(body: &str) -> Option<(String, String)> {
    #[derive(Deserialize)]
    struct Body {
        error: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {
        #[serde(rename = "type")]
        kind: String,
        message: String,
    }
    let Body { error: Inner { kind, message } } = serde_json::from_str(body).ok()?;
    Some((kind, message))
}

/// Content is a string, or an array of blocks.
pub(crate) fn blocks(content: &str) -> Vec<Block> {
    if let Ok(text) = serde_json::from_str::<String>(content) {
        return vec![Block::Text(text)];
    }
    match serde_json::from_str::<Vec<&RawValue>>(content) {
        Ok(blocks) => blocks.into_iter().map(|raw| block(raw.get())).collect(),
        Err(_) => vec![Block::Other { kind: "unknown content".into(), json: content.to_owned() }],
    }
}

/// One block.
pub(crate) fn block(json: &str) -> Block {
    #[derive(Deserialize)]
    struct Raw<'a> {
        #[serde(borrow, rename = "type")]
        kind: Cow<'a, str>,
        text: Option<String>,
        thinking: Option<String>,
        name: Option<String>,
        #[serde(borrow)]
        input: Option<&'a RawValue>,
        #[serde(borrow)]
        content: Option<&'a RawValue>,
        is_error: Option<bool>,
    }
    let other = |kind: &str| Block::Other { kind: kind.to_owned(), json: json.to_owned() };
    let Ok(raw) = serde_json::from_str::<Raw<'_>>(json) else {
        return other("unreadable block");
    };
    let kind = raw.kind.as_ref();
    match kind {
        "text" => raw.text.map_or_else(|| other(kind), Block::Text),
        "thinking" => raw.thinking.map_or_else(|| other(kind), Block::Thinking),
        "tool_use" | "server_tool_use" | "mcp_tool_use" => match (raw.name, raw.input) {
            (Some(name), Some(input)) => Block::Tool { name, input: lines_of(input.get()) },
            _ => other(kind),
        },
        _ if kind.ends_with("tool_result") => Block::Result {
            failed: raw.is_error.unwrap_or(false),
            text: raw.content.map(|content| result_text(content.get())).unwrap_or_default(),
        },
        _ => other(kind),
    }
}

/// The texts of a result's content; JSON for what is no text.
fn result_text(content: &str) -> String {
    if !content.starts_with(['"', '[']) {
        return content.to_owned();
    }
    let texts = blocks(content).into_iter().map(|block| match block {
        Block::Text(text) | Block::Thinking(text) | Block::Result { text, .. } => text,
        Block::Tool { name, input } => format!("{name} {input}"),
        Block::Other { kind, json } => format!("[{kind}] {}", start_of(&json, 400)),
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// A tool's input, one member a line, strings without their quotes and escapes.
pub(crate) fn lines_of(input: &str) -> String {
    let Ok(Members(members)) = serde_json::from_str(input) else {
        return input.to_owned();
    };
    let mut out = String::new();
    for (name, value) in members {
        let text: Cow<'_, str> = match serde_json::from_str::<String>(value.get()) {
            Ok(text) => text.into(),
            Err(_) => value.get().into(),
        };
        let separator = if out.is_empty() { "" } else { "\n" };
        let lead = if text.contains('\n') { "\n" } else { " " };
        let _infallible = write!(out, "{separator}{name}:{lead}{text}");
    }
    out
}

/// At most so many bytes, cut between characters, with the size of the rest.
pub(crate) fn start_of(text: &str, bytes: usize) -> Cow<'_, str> {
    if text.len() <= bytes {
        return text.into();
    }
    let cut = (0..=bytes).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let start = text.get(..cut).unwrap_or_default();
    format!("{start} … {} more bytes", text.len() - cut).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_block_is_shown_and_an_unknown_one_whole() {
        let text = |text: &str| Block::Text(text.into());
        let other = |kind: &str, json: &str| Block::Other { kind: kind.into(), json: json.into() };
        for (json, block) in [
            (r#"{"type":"text","text":"hi\n"}"#, text("hi\n")),
            (
                r#"{"type":"thinking","thinking":"hm","signature":"x"}"#,
                Block::Thinking("hm".into()),
            ),
            (
                r#"{"type":"tool_use","id":"t","name":"Bash","input":{"z":1e5,"command":"ls -la"}}"#,
                Block::Tool { name: "Bash".into(), input: "z: 1e5\ncommand: ls -la".into() },
            ),
            (
                r#"{"type":"server_tool_use","name":"Write","input":{"text":"a\nb"}}"#,
                Block::Tool { name: "Write".into(), input: "text:\na\nb".into() },
            ),
            (
                r#"{"type":"tool_result","tool_use_id":"t","is_error":true,"content":"Exit code 3"}"#,
                Block::Result { failed: true, text: "Exit code 3".into() },
            ),
            (
                r#"{"type":"tool_result","content":[{"type":"text","text":"a"},{"type":"image"}]}"#,
                Block::Result { failed: false, text: "a\n[image] {\"type\":\"image\"}".into() },
            ),
            (
                r#"{"type":"web_search_tool_result","content":{"error_code":"x"}}"#,
                Block::Result { failed: false, text: r#"{"error_code":"x"}"#.into() },
            ),
            (r#"{"type":"new"}"#, other("new", r#"{"type":"new"}"#)),
            (
                r#"{"type":"text","text":7}"#,
                other("unreadable block", r#"{"type":"text","text":7}"#),
            ),
            (
                r#"{"type":"text","text":"\ud83d"}"#,
                other("unreadable block", r#"{"type":"text","text":"\ud83d"}"#),
            ),
            (r#"{"type":"tool_use"}"#, other("tool_use", r#"{"type":"tool_use"}"#)),
            ("7", other("unreadable block", "7")),
        ] {
            assert_eq!(super::block(json), block, "{json}");
        }
    }

    #[test]
    fn the_last_message_of_the_user_is_found_in_both_forms() {
        let body = r#"{"messages":[{"role":"user","content":"one"},{"role":"assistant","content":"x"},
            {"role":"user","content":[{"type":"text","text":"two"}]},{"role":"system","content":"y"}]}"#;
        assert_eq!(last_user_message(body), [Block::Text("two".into())]);
        let body = r#"{"messages":[{"role":"user","content":"one"}]}"#;
        assert_eq!(last_user_message(body), [Block::Text("one".into())]);
        for body in [
            "",
            "[]",
            "{}",
            r#"{"messages":7}"#,
            r#"{"messages":[{"role":"assistant","content":""}]}"#,
        ] {
            assert_eq!(last_user_message(body), [], "{body}");
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(start_of("üü", 4), "üü");
        assert_eq!(start_of("üüü", 3), "ü … 4 more bytes");
    }
}

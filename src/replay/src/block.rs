//! Content of the messages API, read: one block of a message or an answer at a time.
//!
//! Enters: JSON. Leaves: a [`Piece`] for each block. Content may be a string or a list. A block of
//! another type, or one that cannot be read, is kept as its JSON: nothing is left out.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A block of content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text.
    Text(String),
    /// The model's thinking, encrypted or not.
    Thinking(String),
    /// A tool call, the client's or the server's.
    ToolUse {
        /// Its id.
        id: String,
        /// The tool.
        name: String,
        /// The input's JSON; a beginning of it when the answer broke off.
        input: String,
    },
    /// What a tool call gave.
    ToolResult {
        /// The call's id.
        id: String,
        /// Whether it failed.
        is_error: bool,
        /// The texts, one below the other.
        text: String,
        /// The type, when it is a server tool's.
        server: Option<String>,
    },
    /// A picture or document.
    Media {
        /// As `image/png`.
        media_type: String,
        /// Bytes, decoded.
        bytes: usize,
    },
    /// Anything else.
    Other {
        /// Its type.
        kind: String,
        /// The block.
        json: String,
    },
}

/// A message: who speaks, and the JSON of the content.
#[derive(Deserialize)]
pub(crate) struct RawMessage<'a> {
    #[serde(borrow)]
    pub(crate) role: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) content: &'a RawValue,
}

#[derive(Deserialize)]
struct RawBlock<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    text: Option<String>,
    thinking: Option<String>,
    id: Option<String>,
    tool_use_id: Option<String>,
    name: Option<String>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    is_error: Option<bool>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Source<'a> {
    media_type: Option<String>,
    #[serde(borrow)]
    data: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
}

/// The JSON of each block of a content; a string is given as one.
pub(crate) fn split(content: &str) -> Option<Vec<&str>> {
    if content.starts_with('"') {
        return Some(vec![content]);
    }
    let blocks: Vec<&RawValue> = serde_json::from_str(content).ok()?;
    Some(blocks.into_iter().map(RawValue::get).collect())
}

/// One block, or a content that is a string.
pub(crate) fn piece(json: &str) -> Piece {
    let other = |kind: &str| Piece::Other { kind: kind.to_owned(), json: json.to_owned() };
    if json.starts_with('"') {
        return serde_json::from_str(json).map_or_else(|_| other("unreadable"), Piece::Text);
    }
    let Ok(raw) = serde_json::from_str::<RawBlock<'_>>(json) else { return other("unreadable") };
    let kind = raw.kind.as_ref();
    match kind {
        "text" => raw.text.map_or_else(|| other(kind), Piece::Text),
        "thinking" => Piece::Thinking(raw.thinking.unwrap_or_default()),
        "redacted_thinking" => Piece::Thinking(String::new()),
        "tool_use" | "server_tool_use" | "mcp_tool_use" => match (raw.id, raw.name, raw.input) {
            (Some(id), Some(name), Some(input)) => {
                Piece::ToolUse { id, name, input: input.get().to_owned() }
            }
            _ => other(kind),
        },
        _ if kind.ends_with("tool_result") => match raw.tool_use_id {
            Some(id) => Piece::ToolResult {
                id,
                is_error: raw.is_error.unwrap_or(false),
                text: raw.content.map(|content| result_text(content.get())).unwrap_or_default(),
                server: (kind != "tool_result").then(|| kind.to_owned()),
            },
            None => other(kind),
        },
        "image" | "document" => raw.source.and_then(media).unwrap_or_else(|| other(kind)),
        _ => other(kind),
    }
}

fn media(source: &RawValue) -> Option<Piece> {
    let source: Source<'_> = serde_json::from_str(source.get()).ok()?;
    let data = source.data?;
    let bytes = match source.kind.as_ref() {
        "base64" => {
            data.trim_end_matches('=').len() / 4 * 3 + data.trim_end_matches('=').len() % 4 * 3 / 4
        }
        "text" => data.len(),
        _ => return None,
    };
    Some(Piece::Media { media_type: source.media_type?, bytes })
}

/// The texts of a result's content; what is no text is named.
fn result_text(content: &str) -> String {
    let Some(blocks) = split(content) else { return content.to_owned() };
    let texts = blocks.into_iter().map(|json| match piece(json) {
        Piece::Text(text) | Piece::Thinking(text) => text,
        Piece::Media { media_type, bytes } => format!("[{media_type}, {bytes} bytes]"),
        Piece::ToolUse { .. } | Piece::ToolResult { .. } | Piece::Other { .. } => json.to_owned(),
    });
    texts.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_is_something() {
        for (json, expected) in [
            (r#""a\nb""#, Piece::Text("a\nb".into())),
            (r#"{"type":"text","text":"a"}"#, Piece::Text("a".into())),
            (r#"{"type":"thinking","thinking":"t","signature":"s"}"#, Piece::Thinking("t".into())),
            (r#"{"type":"redacted_thinking","data":"x"}"#, Piece::Thinking(String::new())),
            (
                r#"{"type":"tool_use","id":"1","name":"Bash","input":{"b":1,"a":2}}"#,
                Piece::ToolUse {
                    id: "1".into(),
                    name: "Bash".into(),
                    input: r#"{"b":1,"a":2}"#.into(),
                },
            ),
            (
                r#"{"type":"tool_result","tool_use_id":"1","content":[{"type":"text","text":"x"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]}"#,
                Piece::ToolResult {
                    id: "1".into(),
                    is_error: false,
                    text: "x\n[image/png, 3 bytes]".into(),
                    server: None,
                },
            ),
            (
                r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAAAA=="}}"#,
                Piece::Media { media_type: "image/png".into(), bytes: 4 },
            ),
        ] {
            assert_eq!(piece(json), expected, "{json}");
        }
        for json in [
            r#"{"type":"new_thing","x":1}"#,
            r#"{"type":"text"}"#,
            r#"{"type":"image","source":{"type":"url","url":"u"}}"#,
            r#"{"type":"text","text":"a","text":"b"}"#,
            "7",
            "null",
        ] {
            assert!(
                matches!(piece(json), Piece::Other { json: kept, .. } if kept == json),
                "{json}"
            );
        }
    }
}

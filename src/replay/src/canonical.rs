//! What counts as the same when a client tells its history again.
//!
//! A client does not send back the bytes that it was sent (observed: Claude Code 2.1): keys of tool
//! inputs are reordered, defaults are filled in, white space at line ends is cut, text moves before
//! tool calls, a text is a string or a list of one block, `cache_control` moves from message to
//! message, thinking is left out. Items are compared here so that none of this is a difference:
//!
//! ```text
//! message ─▶ items: one for each block that counts, tool calls behind the rest of an answer
//! item    ─▶ digest: strict, for looking up      same(): lenient, when the digests differ
//! ```

use crate::block::{Piece, RawMessage, piece, split};
use crate::digest::Digest;
use serde_json::Value;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    User,
    Assistant,
    System,
}

/// One block of a message, and what it is compared by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) role: Role,
    pub(crate) piece: Piece,
    pub(crate) digest: Digest,
}

/// A message, read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Utterance {
    pub(crate) role: Role,
    /// Every block, in its order.
    pub(crate) pieces: Vec<Piece>,
    /// What counts, in the order in which it is compared.
    pub(crate) items: Vec<Item>,
    /// For each item, the index of its piece.
    pub(crate) places: Vec<usize>,
}

impl Role {
    fn of(name: &str) -> Self {
        match name {
            "assistant" => Self::Assistant,
            "system" => Self::System,
            _ => Self::User,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::System => "system",
        }
    }
}

// === impl Utterance ===

impl Utterance {
    /// Reads a message of a request.
    pub(crate) fn read(json: &str) -> Self {
        let unreadable = || (Role::User, vec![json]);
        let (role, blocks) = match serde_json::from_str::<RawMessage<'_>>(json) {
            Ok(message) => match split(message.content.get()) {
                Some(blocks) => (Role::of(&message.role), blocks),
                None => unreadable(),
            },
            Err(_) => unreadable(),
        };
        let read = blocks.iter().map(|block| (piece(block), *block));
        Self::of(role, read)
    }

    /// An answer.
    pub(crate) fn answered(pieces: &[Piece]) -> Self {
        let json = |piece: &Piece| match piece {
            Piece::Other { json, .. } => json.clone(),
            _ => String::new(),
        };
        let blocks: Vec<_> = pieces.iter().map(json).collect();
        Self::of(Role::Assistant, pieces.iter().cloned().zip(blocks.iter().map(String::as_str)))
    }

    fn of<'a>(role: Role, blocks: impl Iterator<Item = (Piece, &'a str)>) -> Self {
        let (mut pieces, mut counted) = (Vec::new(), Vec::new());
        for (place, (piece, json)) in blocks.enumerate() {
            if let Some(digest) = digest(role, &piece, json) {
                counted.push((place, Item { role, piece: piece.clone(), digest }));
            }
            pieces.push(piece);
        }
        // Results come first in what a user says, calls last in what a model says.
        counted.sort_by_key(|(place, item)| match &item.piece {
            Piece::ToolResult { id, .. } if role == Role::User => (0, id.clone(), *place),
            Piece::ToolUse { .. } => (2, String::new(), *place),
            _ => (1, String::new(), *place),
        });
        let (places, items) = counted.into_iter().unzip();
        Self { role, pieces, items, places }
    }
}

/// `None`: it does not count.
fn digest(role: Role, piece: &Piece, json: &str) -> Option<Digest> {
    let fields = |kind: &str, fields: &[&str]| {
        let head = [role.name().as_bytes(), kind.as_bytes()];
        Some(Digest::of(head.into_iter().chain(fields.iter().map(|field| field.as_bytes()))))
    };
    match piece {
        Piece::Text(text) if text.trim().is_empty() => None,
        Piece::Text(text) => fields("text", &[text.trim()]),
        Piece::Thinking(_) => None,
        Piece::ToolUse { id, name, input } => fields("call", &[id, name, &plain(input)]),
        Piece::ToolResult { id, is_error, text, server: _ } => {
            fields("result", &[id, if *is_error { "error" } else { "" }, text.trim_end()])
        }
        Piece::Media { .. } | Piece::Other { .. } => fields("other", &[&plain(json)]),
    }
}

impl Item {
    /// Whether a client that tells `told` in place of this says the same.
    ///
    /// `cut`: whether this comes from an answer that may have broken off before or behind the point
    /// at which the client got it.
    pub(crate) fn same(&self, told: &Self, cut: bool) -> bool {
        if self.role != told.role {
            return false;
        }
        match (&self.piece, &told.piece) {
            (Piece::Text(recorded), Piece::Text(told)) => {
                let (recorded, told) = (recorded.trim(), told.trim());
                cut && (recorded.starts_with(told) || told.starts_with(recorded))
            }
            (
                Piece::ToolUse { id, name, input },
                Piece::ToolUse { id: told_id, name: told_name, input: told },
            ) => id == told_id && name == told_name && (same_input(input, told) || cut),
            _ => self.digest == told.digest,
        }
    }

    /// What names it, whatever it says.
    pub(crate) fn key(&self) -> Option<(bool, &str)> {
        match &self.piece {
            Piece::ToolUse { id, .. } => Some((false, id)),
            Piece::ToolResult { id, .. } => Some((true, id)),
            _ => None,
        }
    }

    /// In words, for a difference that is shown.
    pub(crate) fn words(&self) -> String {
        let who = self.role.name();
        match &self.piece {
            Piece::Text(text) => format!("{who}: {text}"),
            Piece::Thinking(text) => format!("{who} thinks: {text}"),
            Piece::ToolUse { id, name, input } => {
                format!("{who} calls {name} ({id}): {}", pretty(input))
            }
            Piece::ToolResult { id, is_error, text, .. } => {
                format!("{} of {id}: {text}", if *is_error { "error" } else { "result" })
            }
            Piece::Media { media_type, bytes } => format!("{who}: [{media_type}, {bytes} bytes]"),
            Piece::Other { kind, json } => format!("{who}: [{kind}] {json}"),
        }
    }
}

/// Whether a tool's input that a client tells is the one that was suggested: the order of keys,
/// defaults and white space at line ends aside, and a change to the directory that it is in already.
pub(crate) fn same_input(suggested: &str, told: &str) -> bool {
    if plain(suggested) == plain(told) {
        return true;
    }
    let (Ok(Value::Object(mut suggested)), Ok(Value::Object(mut told))) =
        (serde_json::from_str(suggested), serde_json::from_str(told))
    else {
        return false;
    };
    let command = |members: &mut serde_json::Map<String, Value>| members.remove("command");
    let commands = (command(&mut suggested), command(&mut told));
    let (Some(Value::String(suggested_command)), Some(Value::String(told_command))) = commands
    else {
        return false;
    };
    let left_out = suggested_command.strip_suffix(told_command.as_str()).is_some_and(|start| {
        start.starts_with("cd ")
            && start.ends_with("&& ")
            && start.lines().count() == 1
            && start.matches("&&").count() == 1
    });
    left_out && tidy(Value::Object(suggested), true) == tidy(Value::Object(told), true)
}

/// JSON in the form in which it is compared; a text that is none stays as it is.
fn plain(json: &str) -> String {
    match serde_json::from_str::<Value>(json) {
        Ok(value) => tidy(value, true).to_string(),
        Err(_) => json.to_owned(),
    }
}

/// Keys sorted (a map of `serde_json` is), `cache_control`, white space at line ends, and at the top
/// what says nothing left out.
fn tidy(value: Value, top: bool) -> Value {
    match value {
        Value::String(text) => {
            let lines: Vec<_> = text.split('\n').map(str::trim_end).collect();
            Value::String(lines.join("\n").trim_end().to_owned())
        }
        Value::Array(items) => items.into_iter().map(|item| tidy(item, false)).collect(),
        Value::Object(members) => {
            let says_nothing = |value: &Value| matches!(value, Value::Null | Value::Bool(false));
            let kept = members
                .into_iter()
                .filter(|(name, value)| name != "cache_control" && !(top && says_nothing(value)));
            kept.map(|(name, value)| (name, tidy(value, false)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        }
        other => other,
    }
}

/// JSON over several lines, strings of one member each; a text that is none stays as it is.
pub(crate) fn pretty(json: &str) -> String {
    serde_json::from_str::<Value>(json)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_else(|_| json.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digests(message: &str) -> Vec<Digest> {
        Utterance::read(message).items.iter().map(|item| item.digest).collect()
    }

    #[test]
    fn an_echo_is_the_same() {
        for (sent, echoed) in [
            // A string, or a list of one block; white space around it.
            (
                r#"{"role":"user","content":"a"}"#,
                r#"{"content":[{"type":"text","text":"a\n"}],"role":"user"}"#,
            ),
            // Markers.
            (
                r#"{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]}"#,
                r#"{"role":"user","content":[{"type":"text","text":"a"}]}"#,
            ),
            // Text moves before calls, keys are sorted, defaults are added, line ends are cut.
            (
                r#"{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"tool_use","id":"1","name":"Edit","input":{"new_string":"b  \nc","file_path":"p"}},{"type":"text","text":"x"}]}"#,
                r#"{"role":"assistant","content":[{"type":"text","text":"x"},{"type":"tool_use","id":"1","name":"Edit","input":{"replace_all":false,"file_path":"p","new_string":"b\nc"}}]}"#,
            ),
            // Results in another order, with the default told.
            (
                r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"2","content":"y"},{"type":"tool_result","tool_use_id":"1","content":"x","is_error":false}]}"#,
                r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":[{"type":"text","text":"x"}]},{"type":"tool_result","tool_use_id":"2","content":"y\n"}]}"#,
            ),
            // A picture with a marker.
            (
                r#"{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"},"cache_control":{"type":"ephemeral"}}]}"#,
                r#"{"role":"user","content":[{"source":{"data":"AAAA","media_type":"image/png","type":"base64"},"type":"image"}]}"#,
            ),
        ] {
            assert_eq!(digests(sent), digests(echoed), "{sent}");
            assert!(!digests(sent).is_empty());
        }
    }

    #[test]
    fn another_word_is_another_item() {
        for (sent, told) in [
            (r#"{"role":"user","content":"a"}"#, r#"{"role":"user","content":"b"}"#),
            (r#"{"role":"user","content":"a"}"#, r#"{"role":"assistant","content":"a"}"#),
            (
                r#"{"role":"assistant","content":[{"type":"tool_use","id":"1","name":"Bash","input":{"command":"ls"}}]}"#,
                r#"{"role":"assistant","content":[{"type":"tool_use","id":"1","name":"Bash","input":{"command":"rm"}}]}"#,
            ),
            (
                r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":"x"}]}"#,
                r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":"x","is_error":true}]}"#,
            ),
            (
                r#"{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]}"#,
                r#"{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAB"}}]}"#,
            ),
        ] {
            assert_ne!(digests(sent), digests(told), "{told}");
        }
    }

    #[test]
    fn inputs_are_the_same_but_for_what_clients_do_to_them() {
        for (suggested, told, same) in [
            (r#"{"a":1,"b":null}"#, r#"{"a":1,"c":false}"#, true),
            (r#"{"a":1.0}"#, r#"{"a":1}"#, false),
            (r#"{"command":"cd /w && ls"}"#, r#"{"command":"ls"}"#, true),
            (r#"{"command":"cd /w && x && ls"}"#, r#"{"command":"ls"}"#, false),
            (r#"{"command":"rm -rf / && ls"}"#, r#"{"command":"ls"}"#, false),
            (r#"{"command":"ls"}"#, r#"{"command":"cd /w && ls"}"#, false),
            (r#"{"a":{"b":false}}"#, r#"{"a":{}}"#, false),
            ("{\"comm", "{\"comm", true),
        ] {
            assert_eq!(same_input(suggested, told), same, "{suggested} {told}");
        }
    }

    #[test]
    fn of_an_answer_that_broke_off_a_part_is_the_same() {
        let item = |text: &str| Utterance::answered(&[Piece::Text(text.into())]).items.remove(0);
        assert!(item("one two").same(&item("one"), true));
        assert!(item("one").same(&item("one two"), true));
        assert!(!item("one two").same(&item("one"), false));
        assert!(!item("one two").same(&item("two"), true));
    }
}

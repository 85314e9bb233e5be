//! Lines that a tool call suggests to write, and how they are compared.
//!
//! A line is compared without its white space: code that was indented anew is still who wrote it. A
//! line without a letter or digit (`}`) says nothing of where it comes from and is not kept.

use crate::model::ToolCall;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Members of tools' inputs that hold text for a file.
const MEMBERS: [&str; 5] = ["content", "new_string", "new_source", "new_str", "file_text"];

/// The digests of a call's lines.
pub(super) fn digests(call: &ToolCall) -> BTreeSet<i64> {
    texts(call).iter().flat_map(|text| text.lines()).filter_map(digest).collect()
}

/// The texts that a call suggests to write.
pub(super) fn texts(call: &ToolCall) -> Vec<String> {
    let Ok(input) = serde_json::from_str::<serde_json::Value>(&call.input) else {
        return Vec::new();
    };
    let edits = input.get("edits").and_then(serde_json::Value::as_array);
    let objects = edits.into_iter().flatten().chain([&input]);
    let texts = objects.flat_map(|object| MEMBERS.iter().filter_map(|name| object.get(*name)));
    texts.filter_map(serde_json::Value::as_str).map(str::to_owned).collect()
}

/// 64 bits of SHA-256 of a line without its white space; none of a line that says nothing.
pub(super) fn digest(line: &str) -> Option<i64> {
    if !line.chars().any(char::is_alphanumeric) {
        return None;
    }
    let mut hash = Sha256::new();
    for word in line.split_whitespace() {
        hash.update(word.as_bytes());
    }
    let bytes: [u8; 32] = hash.finalize().into();
    bytes.first_chunk().map(|bytes| i64::from_be_bytes(*bytes))
}

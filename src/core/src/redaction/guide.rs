//! Which members of the Messages API must not be altered.
//!
//! Thinking is signed over its text and over all that stands before it; ids and encrypted content
//! are matched by whoever issued them (observed; the API answers 400 to a changed one). These pass
//! as they are, or the exchange does not. The exemption holds where the API itself puts such
//! members, in the blocks of a conversation, and nowhere else: a tool's input that calls itself
//! `thinking` is data.

use hansard_redact::{Guide, Path, Step, Treat};

/// The guide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Messages;

impl Guide for Messages {
    fn treat(&self, path: &Path<'_>, kind: Option<&[u8]>) -> Treat {
        let mut is_conversation = true;
        let mut is_cache_control = false;
        let mut last: &[u8] = b"";
        let mut first = None;
        for step in path.steps() {
            let Step::Name(name) = step else { continue };
            first.get_or_insert(name);
            last = name;
            is_cache_control |= name == b"cache_control";
            is_conversation &= matches!(
                name,
                b"messages"
                    | b"content"
                    | b"system"
                    | b"message"
                    | b"content_block"
                    | b"delta"
                    | b"citations"
                    | b"citation"
                    | b"source"
                    | b"caller"
                    | b"cache_control"
            );
        }
        if !is_conversation {
            return Treat::Alter;
        }
        let is_root = first.is_none();
        match (kind, path.name()) {
            _ if is_cache_control => Treat::Signed,
            (Some(b"thinking"), b"thinking" | b"signature")
            | (Some(b"redacted_thinking"), b"data")
            | (Some(b"compaction"), b"content")
            | (Some(b"thinking_delta"), b"thinking")
            | (Some(b"signature_delta"), b"signature")
            | (Some(b"compaction_delta"), b"content") => Treat::Signed,
            (Some(b"base64"), b"data") if last == b"source" => Treat::Media,
            // The client's own word for itself, which the API reads.
            (_, b"text") if first == Some(b"system") && is_billing(path.value()) => Treat::Signed,
            (Some(_), name) if is_id(name) && (!is_root || name == b"id") => Treat::Signed,
            _ => Treat::Alter,
        }
    }
}

fn is_billing(value: &[u8]) -> bool {
    value.starts_with(b"x-anthropic-billing-header")
}

fn is_id(name: &[u8]) -> bool {
    name == b"id"
        || name == b"signature"
        || name.ends_with(b"_id")
        || name.starts_with(b"encrypted_")
}

//! What policy and record read of a request body.
//!
//! One pass: the whole text is checked to be JSON while the few members are read. A member that
//! stands twice, text that is not UTF-8: an error, because the upstream might read another of the
//! two, and the record must show what was asked. Nesting costs no stack, however deep.

use serde::Deserialize;
use std::borrow::Cow;

/// The members of a Messages or count_tokens request that decide something here.
#[derive(Debug, Deserialize)]
pub struct RequestBody<'a> {
    /// The model asked for.
    #[serde(borrow)]
    pub model: Cow<'a, str>,
    #[serde(borrow, default)]
    metadata: Option<Metadata<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata<'a> {
    #[serde(borrow)]
    user_id: Option<Cow<'a, str>>,
}

/// Claude Code's `metadata.user_id` is a JSON object in a string.
#[derive(Deserialize)]
struct UserId {
    session_id: String,
}

/// Why a body cannot be admitted: one sentence for the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBody {
    /// Not UTF-8.
    #[error("The request body is not UTF-8.")]
    NotUtf8,
    /// Not a request: the place and what was expected there, nothing of the text.
    #[error(
        "The request body is not a JSON object with one `model` (line {line}, column {column})."
    )]
    NotARequest {
        /// 1-based.
        line: usize,
        /// 1-based.
        column: usize,
    },
}

impl<'a> RequestBody<'a> {
    /// Reads a body. The text is returned beside it: it is JSON.
    ///
    /// # Errors
    /// [`InvalidBody`], also for duplicate members among those that are read.
    pub fn parse(bytes: &'a [u8]) -> Result<(&'a str, Self), InvalidBody> {
        let text = std::str::from_utf8(bytes).map_err(|_| InvalidBody::NotUtf8)?;
        let body = serde_json::from_str(text)
            .map_err(|e| InvalidBody::NotARequest { line: e.line(), column: e.column() })?;
        // serde also takes a list for a struct, member by member.
        if !text.trim_ascii_start().starts_with('{') {
            return Err(InvalidBody::NotARequest { line: 1, column: 1 });
        }
        Ok((text.trim_ascii(), body))
    }

    /// The session id within `metadata.user_id`, when it has Claude Code's form.
    #[must_use]
    pub fn session_id(&self) -> Option<String> {
        let user_id = self.metadata.as_ref()?.user_id.as_ref()?;
        serde_json::from_str::<UserId>(user_id).ok().map(|user| user.session_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies() {
        let ok = |bytes: &[u8]| RequestBody::parse(bytes).map(|(_, b)| b.model.into_owned());
        let deep = |n: usize| {
            format!("{{\"model\":\"m\",\"x\":{}1{}}}", "[".repeat(n), "]".repeat(n)).into_bytes()
        };
        assert_eq!(ok(br#" {"messages":[],"model":"m","stream":true} "#).unwrap(), "m");
        assert_eq!(ok(br#"{"model":"caf\u00e9"}"#).unwrap(), "café");
        assert_eq!(ok(br#"{"\u006dodel":"m"}"#).unwrap(), "m");
        assert_eq!(ok(&deep(100_000)).unwrap(), "m");
        let wrong: &[&[u8]] = &[
            b"",
            b"[]",
            b"{}",
            br#"{"model":7}"#,
            br#"{"model":"a","model":"b"}"#,
            br#"{"model":"a","\u006dodel":"b"}"#,
            br#"{"model":"a"} x"#,
            br#"{"model":"a","x":01}"#,
            br#"{"model":"a","metadata":{"user_id":"x","user_id":"y"}}"#,
            b"{\"model\":\"\xff\"}",
            b"{\"model\":\"m\",\"x\":\"\xff\"}",
        ];
        for bytes in wrong {
            assert!(ok(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn the_session_id_of_claude_code() {
        let body = br#"{"model":"m","metadata":{"user_id":"{\"device_id\":\"d\",\"account_uuid\":\"\",\"session_id\":\"s-1\"}"}}"#;
        assert_eq!(RequestBody::parse(body).unwrap().1.session_id().as_deref(), Some("s-1"));
        for other in [
            &br#"{"model":"m","metadata":{"user_id":"bob"}}"#[..],
            br#"{"model":"m","metadata":null}"#,
        ] {
            assert_eq!(RequestBody::parse(other).unwrap().1.session_id(), None);
        }
    }
}

//! What the record reads of a whole (non-streaming) response.

use hansard_record::RawJson;
use serde::Deserialize;
use std::borrow::Cow;

/// The members of a message that stand in the record by name.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ResponseBody<'a> {
    /// As the upstream counted.
    #[serde(borrow)]
    pub usage: Option<RawJson<'a>>,
    /// Why the model stopped.
    #[serde(borrow)]
    pub stop_reason: Option<Cow<'a, str>>,
}

impl<'a> ResponseBody<'a> {
    /// Reads a body in one pass; `None` when it is no JSON. The text is returned beside it.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<(RawJson<'a>, Self)> {
        let text = std::str::from_utf8(bytes).ok()?.trim_ascii();
        let body = match serde_json::from_str(text) {
            Ok(body) if text.starts_with('{') => body,
            // serde also takes a list for a struct, member by member.
            Ok(_) => Self::default(),
            // JSON, but not a message (an array, a member of another type): recorded all the same.
            Err(e) if e.is_data() => {
                serde_json::from_str::<RawJson<'a>>(text).ok()?;
                Self::default()
            }
            Err(_) => return None,
        };
        Some((RawJson::parsed(text), body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies() {
        let (raw, body) = ResponseBody::parse(
            b" {\"usage\":{\"input_tokens\":1e2},\"stop_reason\":\"end_turn\",\"x\":[1]}\n",
        )
        .unwrap();
        assert!(raw.get().starts_with('{') && raw.get().ends_with('}'));
        assert_eq!(body.usage.unwrap().get(), r#"{"input_tokens":1e2}"#);
        assert_eq!(body.stop_reason.unwrap(), "end_turn");
        assert!(ResponseBody::parse(b"[1,2]").is_some());
        assert!(ResponseBody::parse(b"{\"stop_reason\":7}").unwrap().1.stop_reason.is_none());
        assert!(ResponseBody::parse(b"<html>").is_none());
        assert!(ResponseBody::parse(b"{\"a\":\"\xff\"}").is_none());
        assert!(ResponseBody::parse(b"").is_none());
    }
}

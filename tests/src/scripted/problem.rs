//! Errors in the API's shape: `{"type":"error","error":{"type":…,"message":…},"request_id":…}`,
//! and which error type belongs to which status.

use serde_json::Value;

use super::ids::Ids;
use super::message::quote;

#[derive(Debug)]
pub(super) struct Problem {
    pub(super) status: u16,
    pub(super) kind: String,
    pub(super) message: String,
}

/// Statuses and the `error.type` the API documents for each.
const KINDS: &[(u16, &str)] = &[
    (400, "invalid_request_error"),
    (401, "authentication_error"),
    (402, "billing_error"),
    (403, "permission_error"),
    (404, "not_found_error"),
    (413, "request_too_large"),
    (429, "rate_limit_error"),
    (500, "api_error"),
    (504, "timeout_error"),
    (529, "overloaded_error"),
];

impl Problem {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        let kind = KINDS.iter().find(|(code, _)| *code == status).map_or("api_error", |k| k.1);
        Self { status, kind: kind.to_owned(), message: message.into() }
    }

    /// From the data of an `error` event, for a caller that did not ask for a stream.
    pub(super) fn from_event(data: &Value) -> Self {
        let text = |pointer: &str| data.pointer(pointer).and_then(Value::as_str);
        let kind = text("/error/type").unwrap_or("api_error");
        let status = KINDS.iter().find(|(_, known)| *known == kind).map_or(500, |k| k.0);
        let message = text("/error/message").unwrap_or("Internal server error").to_owned();
        Self { status, kind: kind.to_owned(), message }
    }

    pub(super) fn body(&self, ids: Ids) -> String {
        // Written as text to keep the API's key order.
        let (kind, message, id) = (quote(&self.kind), quote(&self.message), ids.request());
        let error = format!(r#"{{"type":{kind},"message":{message}}}"#);
        format!(r#"{{"type":"error","error":{error},"request_id":"{id}"}}"#)
    }
}

//! Answers in the shape of the API's errors: what clients show, and when they try again.
//!
//! Observed: Claude Code and both SDKs show the message of a 400 `policy_blocked` with
//! `x-should-retry: false` after one request; other types with 400 make Claude Code send six. A
//! plain 401 makes its `apiKeyHelper` run again, `x-should-retry: false` stops it at once.

use crate::http::Answer;
use hansard_record::ExchangeId;
use serde::Serialize;

/// The error object of the API.
#[derive(Serialize)]
struct Body {
    #[serde(rename = "type")]
    kind: &'static str,
    request_id: ExchangeId,
    error: Detail,
}

#[derive(Serialize)]
struct Detail {
    #[serde(rename = "type")]
    kind: &'static str,
    message: String,
}

/// An error that the gateway answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// `error.type`.
    pub kind: &'static str,
    /// `error.message`: one or two sentences for the person at the client.
    pub message: String,
    /// Whether trying again can help.
    pub retry: bool,
}

impl ApiError {
    /// The policy says no.
    #[must_use]
    pub fn blocked(message: impl Into<String>) -> Self {
        Self { status: 400, kind: "policy_blocked", message: message.into(), retry: false }
    }

    /// The token does not do. `retry`: a new token of the same issuer would.
    #[must_use]
    pub fn unauthenticated(message: impl Into<String>, retry: bool) -> Self {
        Self { status: 401, kind: "authentication_error", message: message.into(), retry }
    }

    /// The body is over the limit.
    #[must_use]
    pub fn too_large(limit: usize) -> Self {
        Self {
            status: 413,
            kind: "request_too_large",
            message: format!("The request is larger than this gateway's limit of {limit} bytes."),
            retry: false,
        }
    }

    /// The body comes in a content encoding.
    #[must_use]
    pub fn encoded() -> Self {
        Self {
            status: 415,
            kind: "invalid_request_error",
            message: "This gateway takes request bodies without a Content-Encoding only.".into(),
            retry: false,
        }
    }

    /// The gateway cannot do its work at present.
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { status: 503, kind: "api_error", message: message.into(), retry: true }
    }

    /// The upstream's answer cannot be let through.
    #[must_use]
    pub fn bad_upstream(message: impl Into<String>) -> Self {
        Self { status: 502, kind: "api_error", message: message.into(), retry: false }
    }

    /// The answer, naming the exchange so that the person can point an auditor to it.
    #[must_use]
    pub fn answer(&self, exchange: ExchangeId) -> Answer {
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("request-id", exchange.to_string()),
        ];
        if !self.retry {
            headers.push(("x-should-retry", "false".to_owned()));
        }
        if self.status == 401 {
            headers.push(("www-authenticate", "Bearer error=\"invalid_token\"".to_owned()));
        }
        Answer { status: self.status, headers, body: self.body(exchange) }
    }

    /// The error as the last event of a stream that has begun.
    #[must_use]
    pub fn event(&self, exchange: ExchangeId) -> Vec<u8> {
        format!("event: error\ndata: {}\n\n", self.body(exchange)).into_bytes()
    }

    fn body(&self, exchange: ExchangeId) -> String {
        let body = Body {
            kind: "error",
            request_id: exchange,
            error: Detail { kind: self.kind, message: self.told(exchange) },
        };
        serde_json::to_string(&body).unwrap_or_default()
    }

    /// The message with the exchange's id.
    #[must_use]
    pub fn told(&self, exchange: ExchangeId) -> String {
        format!("{} (Hansard exchange {exchange})", self.message)
    }
}

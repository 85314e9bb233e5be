//! A part, in schema versions 1 and 2: the newest has every field, the first no findings.
//!
//! Texts and raw JSON are borrowed: the filter writes a 32 MB body into a part without a copy of
//! its own, the sink reads it without one. Names follow the OpenTelemetry GenAI conventions where
//! one exists (`model`, `usage`, `stop_reason`); times are Unix milliseconds unless named otherwise.

use crate::id::{BootId, ExchangeId};
use crate::raw::RawJson;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The most a reader can rely on in every part, and its content.
#[derive(Debug, Serialize, Deserialize)]
pub struct Part<'a> {
    /// The exchange that this part belongs to.
    pub exchange: ExchangeId,
    /// The VM that wrote the part.
    pub boot: BootId,
    /// The part's number within its boot, from 1, without a gap.
    pub seq: u64,
    /// When the part was made.
    pub at: u64,
    /// Which gateway made it, under which policy.
    #[serde(borrow)]
    pub gateway: Gateway<'a>,
    /// What happened.
    #[serde(borrow)]
    pub part: Content<'a>,
}

/// The gateway's own identity.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Gateway<'a> {
    /// Envoy's node id, empty when it has none.
    #[serde(borrow)]
    pub node: Cow<'a, str>,
    /// The filter's version.
    #[serde(borrow)]
    pub filter: Cow<'a, str>,
    /// SHA-256 of the rendered policy, in hex.
    #[serde(borrow)]
    pub policy: Cow<'a, str>,
}

/// `opened` → `progress`* → `closed`, or `refused` alone.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content<'a> {
    /// The request was admitted; it goes upstream once this part is acknowledged.
    #[serde(borrow)]
    Opened(Opened<'a>),
    /// What the client gets of a stream before its end: a block that it may act on, or the events of
    /// the last moment.
    #[serde(borrow)]
    Progress(Progress<'a>),
    /// The response, whole or as far as it was seen, and why it ended.
    #[serde(borrow)]
    Closed(Closed<'a>),
    /// The request was not admitted: nothing of it went upstream.
    #[serde(borrow)]
    Refused(Refused<'a>),
}

impl Content<'_> {
    /// The name of the kind, as it stands in the JSON.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Opened(_) => "opened",
            Self::Progress(_) => "progress",
            Self::Closed(_) => "closed",
            Self::Refused(_) => "refused",
        }
    }
}

/// An admitted request.
#[derive(Debug, Serialize, Deserialize)]
pub struct Opened<'a> {
    /// The verified caller.
    #[serde(borrow)]
    pub who: Who<'a>,
    /// Where the request came from.
    #[serde(borrow)]
    pub from: Peer<'a>,
    /// What the client says of its session; not authenticated.
    #[serde(borrow)]
    pub session: SessionHint<'a>,
    /// The rule that admitted it.
    #[serde(borrow)]
    pub decision: Decision<'a>,
    /// The request itself.
    #[serde(borrow)]
    pub request: Request<'a>,
    /// What was redacted in what this part holds (since version 2).
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding<'a>>,
}

/// A streaming response, as far as it has come. One of two kinds: a completed block (`index` and
/// `block`), on record before the client can act on it; or `events`, sent while they pass, so that a
/// gateway that is killed leaves all but the last moment of what the client saw. The `closed` part
/// holds everything once more.
#[derive(Debug, Serialize, Deserialize)]
pub struct Progress<'a> {
    /// The block's index in the response's content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// The assembled block, as JSON.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub block: Option<RawJson<'a>>,
    /// The events that have passed since the last part of this kind, as in [`Response::events`]
    /// (since version 2). Read in the order of the parts' numbers, they are the stream's without a
    /// gap, up to the last of them.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub events: Option<RawJson<'a>>,
    /// What was redacted in a block (since version 2). What was redacted in a stream's events stands
    /// in its `closed` part, and as placeholders in the events.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding<'a>>,
}

/// The end of an exchange.
#[derive(Debug, Serialize, Deserialize)]
pub struct Closed<'a> {
    /// Absent when the upstream answered nothing.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Response<'a>>,
    /// Why it ended.
    #[serde(borrow)]
    pub end: End<'a>,
    /// Numbers of parts whose content the gateway gave up because nothing of it was forwarded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub abandoned: Vec<u64>,
    /// Numbers of parts that were not acknowledged when their data passed (`on_failure: continue`),
    /// as far as that was known when this part was written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unacknowledged: Vec<u64>,
    /// What was redacted in what this part holds (since version 2).
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding<'a>>,
}

/// A request that was turned away.
#[derive(Debug, Serialize, Deserialize)]
pub struct Refused<'a> {
    /// The caller, when the token could be verified.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub who: Option<Who<'a>>,
    /// Where the request came from.
    #[serde(borrow)]
    pub from: Peer<'a>,
    /// What the client says of its session; not authenticated.
    #[serde(borrow)]
    pub session: SessionHint<'a>,
    /// The rule that refused, or the rules that did not apply.
    #[serde(borrow)]
    pub decision: Decision<'a>,
    /// The request, as far as it was read.
    #[serde(borrow)]
    pub request: Request<'a>,
    /// What the client was told.
    #[serde(borrow)]
    pub refusal: Refusal<'a>,
    /// Numbers of parts whose content the gateway gave up because nothing of it was forwarded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub abandoned: Vec<u64>,
    /// What was redacted in what this part holds (since version 2).
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding<'a>>,
}

/// Values that one rule found in one place: everything but the values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding<'a> {
    /// The rule's name.
    #[serde(borrow)]
    pub rule: Cow<'a, str>,
    /// Where: a JSON pointer into the body (RFC 6901), `header NAME`, `path`, or `event` and the
    /// event's index with a JSON pointer into its data; empty when there were too many to name each.
    #[serde(borrow)]
    pub at: Cow<'a, str>,
    /// How often.
    pub count: u64,
    /// The same for the same value under one key; empty when several values are counted.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub fingerprint: Cow<'a, str>,
    /// `observe`, `pseudonymize`, `mask` or `block`.
    #[serde(borrow)]
    pub action: Cow<'a, str>,
}

/// A verified identity. The token itself is never here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who<'a> {
    /// `iss`.
    #[serde(borrow)]
    pub issuer: Cow<'a, str>,
    /// `sub`.
    #[serde(borrow)]
    pub subject: Cow<'a, str>,
    /// `email`, when the issuer gives one.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Cow<'a, str>>,
    /// The group claims.
    #[serde(borrow)]
    pub groups: Vec<Cow<'a, str>>,
    /// `exp`, in Unix seconds.
    pub expires_at: u64,
    /// The first 16 hex digits of the token's SHA-256: tells tokens apart, reveals none.
    #[serde(borrow)]
    pub token: Cow<'a, str>,
}

/// The client's end of the connection.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Peer<'a> {
    /// `ip:port`.
    #[serde(borrow)]
    pub address: Cow<'a, str>,
    /// The subject of the client's certificate, under mutual TLS.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Cow<'a, str>>,
    /// The `user-agent` header.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<Cow<'a, str>>,
}

/// What groups exchanges of one conversation, by the client's word alone.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SessionHint<'a> {
    /// `x-claude-code-session-id`, else `session_id` within `metadata.user_id`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Cow<'a, str>>,
    /// `x-claude-code-agent-id`, set by subagents.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Cow<'a, str>>,
}

/// What the policy said.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Decision<'a> {
    /// The rule that decided; absent when none applied, or before rules were asked.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Cow<'a, str>>,
    /// `allow` or `refuse`.
    #[serde(borrow)]
    pub effect: Cow<'a, str>,
    /// The rules that were asked and did not apply, each with the part that did not match.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub not_applied: Vec<NotApplied<'a>>,
}

/// A rule that did not apply.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NotApplied<'a> {
    /// The rule's name.
    #[serde(borrow)]
    pub rule: Cow<'a, str>,
    /// `groups`, `endpoint` or `model`.
    #[serde(borrow)]
    pub because: Cow<'a, str>,
}

/// A request as it was received, less its credentials and with placeholders where values were
/// redacted.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request<'a> {
    /// The HTTP method.
    #[serde(borrow)]
    pub method: Cow<'a, str>,
    /// Path and query.
    #[serde(borrow)]
    pub path: Cow<'a, str>,
    /// Headers that the policy lists, as pairs in their order.
    #[serde(borrow)]
    pub headers: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The model asked for.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Cow<'a, str>>,
    /// Bytes of the body.
    pub bytes: u64,
    /// The body, byte for byte less the white space around it, when it is JSON.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub body: Option<RawJson<'a>>,
    /// The body in base64, when it is not JSON.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub body_base64: Option<Cow<'a, str>>,
}

/// A response as it was received, with placeholders where values were redacted.
#[derive(Debug, Serialize, Deserialize)]
pub struct Response<'a> {
    /// The HTTP status.
    pub status: u16,
    /// When its headers came.
    pub at: u64,
    /// Headers that the policy lists, as pairs in their order.
    #[serde(borrow)]
    pub headers: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The upstream's `request-id`: joins with client telemetry.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Cow<'a, str>>,
    /// Bytes of the body.
    pub bytes: u64,
    /// The body when it is JSON; the message assembled from the events when it is a stream.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub message: Option<RawJson<'a>>,
    /// The stream's events: an array of `{"at": ms since the headers, "event", "data"}`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub events: Option<RawJson<'a>>,
    /// Usage as the upstream counted it, `message_delta` over `message_start`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<RawJson<'a>>,
    /// Why the model stopped.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<Cow<'a, str>>,
    /// The body in base64, when it is neither JSON nor a stream of events.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub body_base64: Option<Cow<'a, str>>,
}

/// Why an exchange ended.
#[derive(Debug, Serialize, Deserialize)]
pub struct End<'a> {
    /// The reason.
    pub why: EndWhy,
    /// Envoy's `response.code_details`, when the end came from below.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Cow<'a, str>>,
    /// Envoy's `response.flags`, when the end came from below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flags: Option<u64>,
}

/// Every way in which an admitted exchange can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndWhy {
    /// The response is whole.
    Complete,
    /// The stream ended without its `message_stop`.
    Truncated,
    /// The client went away.
    ClientGone,
    /// The upstream broke off or could not be reached.
    UpstreamFailed,
    /// A time-out of Envoy's struck.
    TimedOut,
    /// The sink did not acknowledge a part in time.
    RecordFailed,
    /// The response came in a content encoding although none was asked for.
    EncodedResponse,
    /// The response is over the policy's limit.
    ResponseTooLarge,
    /// A host call failed; the gateway could not go on.
    GatewayFailed,
    /// The response holds a value that a rule blocks (since version 2).
    Blocked,
}

impl EndWhy {
    /// The name in the JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Truncated => "truncated",
            Self::ClientGone => "client_gone",
            Self::UpstreamFailed => "upstream_failed",
            Self::TimedOut => "timed_out",
            Self::RecordFailed => "record_failed",
            Self::EncodedResponse => "encoded_response",
            Self::ResponseTooLarge => "response_too_large",
            Self::GatewayFailed => "gateway_failed",
            Self::Blocked => "blocked",
        }
    }
}

/// What a refused client was told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Refusal<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The error type in the body, as `policy_blocked`.
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    /// The message in the body.
    #[serde(borrow)]
    pub message: Cow<'a, str>,
}

#[cfg(test)]
mod tests;

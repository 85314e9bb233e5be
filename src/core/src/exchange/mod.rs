//! The life of one exchange, as states that are consumed step by step.
//!
//! ```text
//! Arrival ──admit──▶ Opened ──(acknowledged)──▶ Forwarded ──▶ Whole ──────▶ closed part
//!    │                  │                           └───────▶ Stream ─────▶ closed part
//!    └──▶ Refused       └──(not acknowledged)──▶ Refused
//! ```
//!
//! No state knows the host. Each takes the time and a [`Scribe`], which numbers and encodes parts.

mod arrival;
mod forwarded;
mod gate;
mod pace;
mod scribe;
mod stream;

pub use arrival::{Arrival, Opened, Opening, Refused};
pub use forwarded::{Completed, Forwarded, Responding, Whole};
pub use scribe::{History, Parcel, Scribe};
pub use stream::{Fed, Pass, Stream};

use crate::http::Headers;
use hansard_record::part::{EndWhy, Peer};
use hansard_record::{Entry, ExchangeId};

/// Header fields that can carry a credential.
const CREDENTIALS: [&str; 4] = ["authorization", "x-api-key", "proxy-authorization", "cookie"];

/// Envoy's `response.code_details` of what the upstream itself answered.
const VIA_UPSTREAM: &str = "via_upstream";

/// A request's head, less its credentials.
#[derive(Debug)]
pub struct Head {
    /// `:method`.
    pub method: String,
    /// `:path`, with its query.
    pub path: String,
    /// `:authority`.
    pub authority: String,
    /// Every other header field that is not a credential.
    pub headers: Headers,
    /// Where it came from.
    pub peer: Peer<'static>,
}

impl Head {
    /// Reads Envoy's header map; credentials are left out.
    #[must_use]
    pub fn new(headers: &Headers, address: String, certificate: Option<String>) -> Self {
        let pseudo = |name: &str| headers.first(name).unwrap_or_default().to_owned();
        let rest = headers
            .0
            .iter()
            .filter(|(name, _)| !name.starts_with(':') && !CREDENTIALS.contains(&name.as_str()));
        Self {
            method: pseudo(":method"),
            path: pseudo(":path"),
            authority: pseudo(":authority"),
            peer: Peer {
                address: address.into(),
                certificate: certificate.map(Into::into),
                user_agent: headers.first("user-agent").map(|agent| agent.to_owned().into()),
            },
            headers: Headers(rest.cloned().collect()),
        }
    }
}

/// What stays the same over an exchange's parts.
#[derive(Debug)]
pub struct Subject {
    /// The exchange.
    pub id: ExchangeId,
    /// The policy's digest: streams that run keep theirs over a reload.
    policy: String,
    started_at: u64,
    head: Head,
}

impl Subject {
    fn entry<'a>(&'a self, id: &'a str, status: u16) -> Entry<'a> {
        let (address, port) = self.head.peer.address.rsplit_once(':').unwrap_or_default();
        Entry {
            started_at: self.started_at,
            address: address.trim_matches(['[', ']']),
            port: port.parse().unwrap_or(0),
            method: &self.head.method,
            authority: &self.head.authority,
            path: &self.head.path,
            user_agent: self.head.peer.user_agent.as_deref().unwrap_or_default(),
            request_id: id,
            status,
        }
    }
}

/// How an exchange that did not end by itself was ended.
#[derive(Clone, Debug)]
pub struct Ending {
    /// The reason.
    pub why: EndWhy,
    /// Envoy's `response.code_details`.
    pub detail: Option<String>,
    /// Envoy's `response.flags`.
    pub flags: Option<u64>,
}

impl Ending {
    /// An end that the gateway itself decided on.
    #[must_use]
    pub fn own(why: EndWhy) -> Self {
        Self { why, detail: None, flags: None }
    }

    /// Whether the host answered in the upstream's place, which it could not reach or which broke off
    /// before its own answer began.
    #[must_use]
    pub fn is_substitute(&self) -> bool {
        self.detail.as_deref().is_some_and(|detail| detail != VIA_UPSTREAM)
    }

    /// Whether the host saw the upstream's response to its end (delivery `access_log`, where
    /// nothing of ours waits for it).
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.flags.unwrap_or(0) == 0 && self.detail.as_deref() == Some(VIA_UPSTREAM)
    }

    /// An end that the host reports, told by its response flags (envoy/stream_info,
    /// `CoreResponseFlag`, as bits).
    #[must_use]
    pub fn reported(detail: Option<String>, flags: Option<u64>) -> Self {
        const DOWNSTREAM_GONE: u64 = 1 << 14 | 1 << 18 | 1 << 28;
        const TIMED_OUT: u64 = 1 << 2 | 1 << 16 | 1 << 19 | 1 << 22;
        let bits = flags.unwrap_or(0);
        let details = detail.as_deref().unwrap_or_default();
        let why = if bits & TIMED_OUT != 0 || details.contains("timeout") {
            EndWhy::TimedOut
        } else if bits & DOWNSTREAM_GONE != 0
            || ["downstream", "http1.", "http2.", "http3."]
                .iter()
                .any(|own| details.starts_with(own))
        {
            EndWhy::ClientGone
        } else {
            EndWhy::UpstreamFailed
        };
        Self { why, detail, flags }
    }
}

#[cfg(test)]
mod tests;

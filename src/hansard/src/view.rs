//! Sessions and exchanges as JSON: the names that other programs rely on.
//!
//! Enters: rows of the ledger and the account of one exchange. Leaves: values that serialise with
//! stable names; times are RFC 3339 in UTC, bodies are the recorded JSON text, digit for digit.

use hansard_record::RawJson;
use hansard_record::part::{Closed, Content, Finding, NotApplied, Refusal, Request, Response, Who};
use hansard_shown::rfc3339;
use hansard_store::{Account, Exchange, Session, StoredPart};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use std::borrow::Cow;

#[derive(Serialize)]
pub(crate) struct SessionView<'a> {
    id: &'a str,
    subject: &'a str,
    groups: &'a [String],
    started_at: String,
    ended_at: Option<String>,
    exchanges: i64,
    models: &'a [String],
    status: &'static str,
}

#[derive(Serialize)]
pub(crate) struct ExchangeView<'a> {
    id: &'a str,
    status: &'static str,
    who: Option<WhoView<'a>>,
    decision: Option<DecisionView<'a>>,
    request: Option<RequestView<'a>>,
    response: Option<ResponseView<'a>>,
    /// What a refused client was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a Refusal<'a>>,
    /// Blocks on record before the end; the message holds them when there is one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    progress: Vec<ProgressView<'a>>,
    findings: Vec<FindingView<'a>>,
    end: Option<EndView<'a>>,
    parts: Vec<PartView<'a>>,
}

#[derive(Serialize)]
struct WhoView<'a> {
    issuer: &'a str,
    subject: &'a str,
    email: Option<&'a str>,
    groups: &'a [Cow<'a, str>],
    expires_at: String,
    token: &'a str,
}

#[derive(Serialize)]
struct DecisionView<'a> {
    rule: Option<&'a str>,
    effect: &'a str,
    not_applied: &'a [NotApplied<'a>],
}

#[derive(Serialize)]
struct RequestView<'a> {
    method: &'a str,
    path: &'a str,
    headers: Headers<'a>,
    model: Option<&'a str>,
    bytes: u64,
    body: Option<RawJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<&'a str>,
}

#[derive(Serialize)]
struct ResponseView<'a> {
    status: u16,
    at: String,
    headers: Headers<'a>,
    request_id: Option<&'a str>,
    bytes: u64,
    message: Option<RawJson<'a>>,
    events: Option<RawJson<'a>>,
    usage: Option<RawJson<'a>>,
    stop_reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<&'a str>,
}

/// A block, or the events of a moment.
#[derive(Serialize)]
struct ProgressView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    block: Option<RawJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<RawJson<'a>>,
}

#[derive(Serialize)]
struct FindingView<'a> {
    /// The kind of part that holds it: `at` is a place in what that part holds.
    part: &'static str,
    rule: &'a str,
    at: &'a str,
    count: u64,
    /// Empty when several values are counted.
    fingerprint: &'a str,
    action: &'a str,
}

/// Where something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FoundIn {
    Opened,
    Progress,
    Closed,
    Refused,
}

impl FoundIn {
    /// In what the client sent, and not in what it got.
    pub(crate) fn is_request(self) -> bool {
        matches!(self, Self::Opened | Self::Refused)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Progress => "progress",
            Self::Closed => "closed",
            Self::Refused => "refused",
        }
    }
}

/// What was redacted in an exchange, in the order of its parts.
pub(crate) fn findings<'a>(
    account: &'a Account<'_>,
) -> impl Iterator<Item = (FoundIn, &'a Finding<'a>)> {
    account.parts.iter().flat_map(|part| {
        let (place, findings) = match &part.part {
            Content::Opened(opened) => (FoundIn::Opened, &opened.findings),
            Content::Progress(progress) => (FoundIn::Progress, &progress.findings),
            Content::Closed(closed) => (FoundIn::Closed, &closed.findings),
            Content::Refused(refused) => (FoundIn::Refused, &refused.findings),
        };
        findings.iter().map(move |finding| (place, finding))
    })
}

#[derive(Serialize)]
struct EndView<'a> {
    why: &'a str,
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flags: Option<u64>,
    #[serde(skip_serializing_if = "<[u64]>::is_empty")]
    abandoned: &'a [u64],
    #[serde(skip_serializing_if = "<[u64]>::is_empty")]
    unacknowledged: &'a [u64],
}

#[derive(Serialize)]
struct PartView<'a> {
    part: &'a str,
    boot: &'a str,
    seq: i64,
    at: String,
    received_at: String,
    source: &'a str,
}

/// Headers as an object, in their order; repeated names are joined with a comma (RFC 9110, 5.3).
struct Headers<'a>(&'a [(Cow<'a, str>, Cow<'a, str>)]);

impl<'a> SessionView<'a> {
    pub(crate) fn new(session: &'a Session) -> Self {
        Self {
            id: &session.id,
            subject: &session.subject,
            groups: &session.groups,
            started_at: rfc3339(session.started_at),
            ended_at: session.ended_at().map(rfc3339),
            exchanges: session.exchanges,
            models: &session.models,
            status: session.status().name(),
        }
    }
}

impl<'a> ExchangeView<'a> {
    pub(crate) fn new(
        exchange: &'a Exchange,
        account: &'a Account<'a>,
        stored: &'a [StoredPart],
    ) -> Self {
        let closed = account.closed();
        let refused = account.refused();
        let response = account.response();
        let has_message = response.is_some_and(|response| response.message.is_some());
        Self {
            id: &exchange.id,
            status: exchange.status.name(),
            who: account.who().map(WhoView::new),
            decision: account.decision().map(|decision| DecisionView {
                rule: decision.rule.as_deref(),
                effect: &decision.effect,
                not_applied: &decision.not_applied,
            }),
            request: account.request().map(RequestView::new),
            response: response.map(ResponseView::new),
            refusal: refused.map(|(_, refused)| &refused.refusal),
            progress: match has_message {
                true => Vec::new(),
                false => account
                    .progress()
                    .map(|progress| ProgressView {
                        index: progress.index,
                        block: progress.block,
                        events: progress.events,
                    })
                    .collect(),
            },
            findings: findings(account).map(FindingView::new).collect(),
            end: match (closed, refused) {
                (Some((at, closed)), _) => Some(EndView::new(at, closed)),
                (None, Some((at, refused))) => Some(EndView {
                    why: &refused.refusal.kind,
                    at: moment(at),
                    detail: None,
                    flags: None,
                    abandoned: &refused.abandoned,
                    unacknowledged: &[],
                }),
                (None, None) => None,
            },
            parts: stored.iter().map(PartView::new).collect(),
        }
    }
}

impl<'a> WhoView<'a> {
    fn new(who: &'a Who<'a>) -> Self {
        Self {
            issuer: &who.issuer,
            subject: &who.subject,
            email: who.email.as_deref(),
            groups: &who.groups,
            expires_at: moment(who.expires_at.saturating_mul(1000)),
            token: &who.token,
        }
    }
}

impl<'a> RequestView<'a> {
    fn new(request: &'a Request<'a>) -> Self {
        Self {
            method: &request.method,
            path: &request.path,
            headers: Headers(&request.headers),
            model: request.model.as_deref(),
            bytes: request.bytes,
            body: request.body,
            body_base64: request.body_base64.as_deref(),
        }
    }
}

impl<'a> ResponseView<'a> {
    fn new(response: &'a Response<'a>) -> Self {
        Self {
            status: response.status,
            at: moment(response.at),
            headers: Headers(&response.headers),
            request_id: response.request_id.as_deref(),
            bytes: response.bytes,
            message: response.message,
            events: response.events,
            usage: response.usage,
            stop_reason: response.stop_reason.as_deref(),
            body_base64: response.body_base64.as_deref(),
        }
    }
}

impl<'a> FindingView<'a> {
    fn new((place, finding): (FoundIn, &'a Finding<'a>)) -> Self {
        let Finding { rule, at, count, fingerprint, action } = finding;
        Self { part: place.name(), rule, at, count: *count, fingerprint, action }
    }
}

impl<'a> EndView<'a> {
    fn new(at: u64, closed: &'a Closed<'a>) -> Self {
        Self {
            why: closed.end.why.name(),
            at: moment(at),
            detail: closed.end.detail.as_deref(),
            flags: closed.end.flags,
            abandoned: &closed.abandoned,
            unacknowledged: &closed.unacknowledged,
        }
    }
}

impl<'a> PartView<'a> {
    fn new(stored: &'a StoredPart) -> Self {
        Self {
            part: &stored.kind,
            boot: &stored.boot,
            seq: stored.seq,
            at: rfc3339(stored.at),
            received_at: rfc3339(stored.received_at),
            source: &stored.source,
        }
    }
}

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut joined: Vec<(&str, Cow<'_, str>)> = Vec::with_capacity(self.0.len());
        for (name, value) in self.0 {
            match joined.iter_mut().find(|(seen, _)| seen.eq_ignore_ascii_case(name)) {
                Some((_, values)) => *values = format!("{values}, {value}").into(),
                None => joined.push((name, Cow::Borrowed(value))),
            }
        }
        let mut map = serializer.serialize_map(Some(joined.len()))?;
        for (name, values) in joined {
            map.serialize_entry(name, &values)?;
        }
        map.end()
    }
}

/// Claims and clocks may be wild; the year 9999 is far enough.
fn moment(ms: u64) -> String {
    rfc3339(i64::try_from(ms).unwrap_or(i64::MAX).min(253_402_300_799_999))
}

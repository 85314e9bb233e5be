//! From a forwarded request to its whole response, or to the begin of a stream.

use super::{Ending, Parcel, Scribe, Stream, Subject};
use crate::claude::error::ApiError;
use crate::claude::response::ResponseBody;
use crate::config::Policy;
use crate::http::{Answer, Headers};
use crate::redaction::{self, Redactor, findings};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hansard_record::part::{Closed, Content, End, EndWhy, Finding, Response};
use hansard_record::{ExchangeId, OutOfMemory, RawJson};
use hansard_redact::Restores;
use std::borrow::Cow;

/// A request that has gone upstream.
#[derive(Debug)]
pub struct Forwarded {
    pub(super) subject: Subject,
    /// Parts whose data passed without an acknowledgement.
    pub(super) unacknowledged: Vec<u64>,
    /// What goes back to the client in place of its placeholder.
    pub(super) restores: Restores,
}

/// What the response's headers promise.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "moved once; large on 64-bit hosts alone")]
pub enum Responding {
    /// A stream of events: passes as it comes, up to what must be on record first.
    Stream(Stream),
    /// Anything else: withheld until it is whole and on record.
    Whole(Whole),
}

/// A response that is withheld until it is whole.
#[derive(Debug)]
pub struct Whole {
    pub(super) forwarded: Forwarded,
    pub(super) head: ResponseHead,
}

/// A whole response that went through the redactor.
#[derive(Debug)]
pub struct Completed {
    /// Its closing part.
    pub parcel: Parcel,
    /// What passes in its place; `None`: the response as it is.
    pub wire: Option<Vec<u8>>,
    /// What the client is told instead: it holds a value that must not pass.
    pub answer: Option<Answer>,
}

/// A response's head, as the record shows it.
#[derive(Debug)]
pub(super) struct ResponseHead {
    pub(super) status: u16,
    pub(super) at: u64,
    headers: Vec<(String, String)>,
    request_id: Option<String>,
    is_encoded: bool,
}

impl Forwarded {
    pub(super) fn new(subject: Subject, unacknowledged: Vec<u64>, restores: Restores) -> Self {
        Self { subject, unacknowledged, restores }
    }

    /// Bytes of memory held for the response.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.restores.bytes()
    }

    /// The exchange's id.
    #[must_use]
    pub fn id(&self) -> ExchangeId {
        self.subject.id
    }

    /// Takes in the response's headers.
    #[must_use]
    pub fn answered(self, policy: &Policy, headers: &Headers, now: u64) -> Responding {
        let text = |name: &str| headers.first(name).unwrap_or_default().trim();
        let is_stream = text("content-type")
            .split(';')
            .next()
            .is_some_and(|media| media.trim().eq_ignore_ascii_case("text/event-stream"));
        let is_encoded = headers
            .all("content-encoding")
            .any(|c| !c.trim().is_empty() && !c.trim().eq_ignore_ascii_case("identity"));
        let head = ResponseHead {
            status: text(":status").parse().unwrap_or(0),
            at: now,
            headers: headers.listed(&policy.record.response_headers),
            request_id: headers.first("request-id").map(str::to_owned),
            is_encoded,
        };
        let whole = Whole { forwarded: self, head };
        if is_stream && !is_encoded {
            Responding::Stream(Stream::new(whole, policy))
        } else {
            Responding::Whole(whole)
        }
    }

    /// The exchange ended without a response.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn ended(
        &self,
        ending: Ending,
        scribe: &mut Scribe,
        now: u64,
    ) -> Result<Parcel, OutOfMemory> {
        let closed = self.closed(None, ending, Vec::new());
        scribe.write(&self.subject, 0, now, closed, 0)
    }

    pub(super) fn closed<'a>(
        &self,
        response: Option<Response<'a>>,
        ending: Ending,
        findings: Vec<Finding<'a>>,
    ) -> Content<'a> {
        Content::Closed(Closed {
            response,
            end: End {
                why: ending.why,
                detail: ending.detail.map(Cow::Owned),
                flags: ending.flags,
            },
            abandoned: Vec::new(),
            unacknowledged: self.unacknowledged.clone(),
            findings,
        })
    }
}

impl Whole {
    /// The exchange's id.
    #[must_use]
    pub fn id(&self) -> ExchangeId {
        self.forwarded.subject.id
    }

    /// What the client is told at once instead: for a response in a content encoding, which this
    /// gateway did not ask for and cannot read.
    #[must_use]
    pub fn unreadable(&self) -> Option<(Answer, Ending)> {
        self.head.is_encoded.then(|| {
            let error = ApiError::bad_upstream(
                "The upstream answered in a content encoding that was not asked for; the answer \
                 cannot be put on record and is withheld.",
            );
            (error.answer(self.id()), Ending::own(EndWhy::EncodedResponse))
        })
    }

    /// What the client is told when the response is over the policy's limit.
    #[must_use]
    pub fn too_large(&self, limit: usize) -> (Answer, Ending) {
        let error = ApiError::bad_upstream(format!(
            "The answer is larger than this gateway's limit of {limit} bytes."
        ));
        (error.answer(self.id()), Ending::own(EndWhy::ResponseTooLarge))
    }

    /// What the client is told when the closing part was not acknowledged.
    #[must_use]
    pub fn unrecorded(&self) -> Answer {
        ApiError::unavailable(
            "The answer could not be put on record, so it is withheld; try again in a moment.",
        )
        .answer(self.id())
    }

    /// The response is whole.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn complete(
        &self,
        redactor: &mut Redactor,
        scribe: &mut Scribe,
        body: &[u8],
        now: u64,
    ) -> Result<Completed, OutOfMemory> {
        let redacted = redactor.response(body, &self.forwarded.restores);
        let blocked = redacted.blocked.as_ref();
        let why = if blocked.is_some() { EndWhy::Blocked } else { EndWhy::Complete };
        let parcel = self.write(Ending::own(why), scribe, &redacted, body.len(), now)?;
        let answer =
            blocked.map(|blocked| ApiError::blocked(blocked.message.as_str()).answer(self.id()));
        Ok(Completed { parcel, wire: redacted.wire, answer })
    }

    /// The response is on record (or on its way there), and the client did not get it.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn withheld(
        &self,
        ending: Ending,
        scribe: &mut Scribe,
        now: u64,
    ) -> Result<Parcel, OutOfMemory> {
        self.forwarded.ended(ending, scribe, now)
    }

    /// The exchange ended before the client had the response; `body` is what was seen of it.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn close(
        &self,
        ending: Ending,
        redactor: &mut Redactor,
        scribe: &mut Scribe,
        body: &[u8],
        now: u64,
    ) -> Result<Parcel, OutOfMemory> {
        let redacted = redactor.response(body, &self.forwarded.restores);
        self.write(ending, scribe, &redacted, body.len(), now)
    }

    fn write(
        &self,
        ending: Ending,
        scribe: &mut Scribe,
        redacted: &redaction::Body<'_>,
        bytes: usize,
        now: u64,
    ) -> Result<Parcel, OutOfMemory> {
        let body: &[u8] = redacted.record.as_ref().into_inner();
        let parsed = ResponseBody::parse(body);
        let encoded = (parsed.is_none() && !body.is_empty())
            .then(|| Cow::<str>::Owned(STANDARD.encode(body)));
        let hint = encoded.as_ref().map_or(body.len(), |text| text.len());
        let (message, read) = parsed.map_or((None, None), |(raw, read)| (Some(raw), Some(read)));
        let read = read.unwrap_or_default();
        let mut response = self.head.response(bytes as u64);
        response.message = message;
        response.usage = read.usage;
        response.stop_reason = read.stop_reason;
        response.body_base64 = encoded;
        let closed = self.forwarded.closed(Some(response), ending, findings(&redacted.tallies));
        scribe.write(&self.forwarded.subject, self.head.status, now, closed, hint)
    }
}

impl ResponseHead {
    pub(super) fn response(&self, bytes: u64) -> Response<'_> {
        Response {
            status: self.status,
            at: self.at,
            headers: self
                .headers
                .iter()
                .map(|(name, value)| (name.as_str().into(), value.as_str().into()))
                .collect(),
            request_id: self.request_id.as_deref().map(Into::into),
            bytes,
            message: None::<RawJson<'_>>,
            events: None,
            usage: None,
            stop_reason: None,
            body_base64: None,
        }
    }
}

//! From a request's head to its admission or refusal.

use super::{CREDENTIALS, Ending, Forwarded, Head, Parcel, Scribe, Subject};
use crate::access::{Admitted, Ask, Verdict, decide};
use crate::budget::Budget;
use crate::claude::error::ApiError;
use crate::claude::request::RequestBody;
use crate::config::Policy;
use crate::http::{Answer, Endpoint, Headers, Target};
use crate::identity::{Credential, Identity, Verification, Verifier, credential};
use crate::redaction::{Blocked, Body, HeadRedaction, Redactor, findings};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hansard_record::part::{
    Content, Decision, EndWhy, Finding, Opened as OpenedPart, Refusal, Refused as RefusedPart,
    Request, SessionHint, Who,
};
use hansard_record::{ExchangeId, OutOfMemory, RawJson};
use hansard_redact::Restores;
use hansard_redact::json::InvalidJson;
use std::borrow::Cow;
use std::rc::Rc;

/// A request whose head is here.
#[derive(Debug)]
pub struct Arrival {
    subject: Subject,
    target: Target,
    caller: Caller,
    /// Decided before the body: too large, no memory, a content encoding.
    early: Option<ApiError>,
    session: SessionHint<'static>,
    redaction: HeadRedaction,
}

enum Caller {
    /// A token that was not looked at, or whose keys have not come.
    Presented(String),
    Verified(Rc<Identity>),
    Refused(ApiError),
}

impl std::fmt::Debug for Caller {
    /// Never prints a token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Presented(_) => f.write_str("Presented"),
            Self::Verified(identity) => write!(f, "Verified({})", identity.who.subject),
            Self::Refused(error) => write!(f, "Refused({})", error.kind),
        }
    }
}

/// What became of an arrival.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "moved once, into the state of its stream")]
pub enum Opening {
    /// Admitted: its part is to be acknowledged before it goes on.
    Opened(Opened, Parcel),
    /// Turned away: its part is to be acknowledged before the answer goes out.
    Refused(Refused),
}

/// An admitted request whose part is on its way.
#[derive(Debug)]
pub struct Opened {
    subject: Subject,
    who: Who<'static>,
    admitted: Admitted,
    session: SessionHint<'static>,
    bytes: u64,
    model: Option<String>,
    part: u64,
    wire: Option<Vec<u8>>,
    restores: Restores,
}

/// A request that is turned away.
#[derive(Debug)]
pub struct Refused {
    /// What the client is told once the part is acknowledged.
    pub answer: Answer,
    /// What the client is told when it is not.
    pub unrecorded: Answer,
    /// The part; `None` when there was no memory to write it.
    pub parcel: Option<Parcel>,
}

impl Arrival {
    /// Takes in a head.
    #[must_use]
    pub fn new(
        id: ExchangeId,
        now: u64,
        policy: &Policy,
        redactor: &mut Redactor,
        headers: &Headers,
        mut head: Head,
    ) -> Self {
        let target = Target::of(&head.method, &head.path);
        let redaction = redactor.head(&mut head);
        let caller = match credential(headers) {
            Credential::Bearer(token) => Caller::Presented(token.to_owned()),
            Credential::Missing => Caller::Refused(ApiError::unauthenticated(
                "This gateway needs a token: send `Authorization: Bearer <JWT>` (in Claude Code, \
                 set ANTHROPIC_AUTH_TOKEN).",
                false,
            )),
            Credential::AnthropicKey => Caller::Refused(ApiError::unauthenticated(
                "This gateway does not take Anthropic API keys or tokens. Send your own identity \
                 token as `Authorization: Bearer <JWT>`, and consider the key that was sent here \
                 for rotation.",
                false,
            )),
            Credential::Malformed => Caller::Refused(ApiError::unauthenticated(
                "The Authorization header must be one `Bearer <JWT>`.",
                false,
            )),
        };
        let encoded = headers.all("content-encoding").any(|coding| {
            !coding.trim().is_empty() && !coding.trim().eq_ignore_ascii_case("identity")
        });
        let hint = |name: &str| head.headers.first(name).map(|value| Cow::Owned(value.to_owned()));
        Self {
            target,
            session: SessionHint {
                id: hint("x-claude-code-session-id"),
                agent: hint("x-claude-code-agent-id"),
            },
            subject: Subject { id, policy: policy.digest.clone(), started_at: now, head },
            caller,
            early: encoded.then(ApiError::encoded),
            redaction,
        }
    }

    /// What of the head changes on the wire: fields to set (`:path` among them), fields to remove.
    #[must_use]
    pub fn head_changes(&self) -> (&[(String, String)], &[String]) {
        (&self.redaction.set, &self.redaction.remove)
    }

    /// The header fields that must not go upstream: credentials, and the client's directions to
    /// Envoy itself (`x-envoy-retry-on` would make it send a request several times).
    pub fn headers_to_remove(headers: &Headers) -> impl Iterator<Item = &str> {
        headers
            .0
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| CREDENTIALS.contains(name) || name.starts_with("x-envoy-"))
    }

    /// Whether this is a client's unauthenticated look, which gets a plain answer and no record.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.target == Target::Probe
    }

    /// Verifies the caller. False while the issuer's keys have not come.
    pub fn identify(&mut self, policy: &Policy, verifier: &mut Verifier, now: u64) -> bool {
        let Caller::Presented(token) = &self.caller else { return true };
        self.caller = match verifier.verify(policy, token, now) {
            Verification::KeysPending => return false,
            Verification::Verified(identity) => Caller::Verified(identity),
            Verification::Refused(error) => {
                Caller::Refused(ApiError::unauthenticated(error.to_string(), error.heals()))
            }
            Verification::Busy => Caller::Refused(ApiError::unavailable(
                "This gateway is verifying too many new tokens; try again in a moment.",
            )),
        };
        true
    }

    /// Gives up waiting for keys.
    pub fn no_keys(&mut self) {
        if matches!(self.caller, Caller::Presented(_)) {
            self.caller = Caller::Refused(ApiError::unavailable(
                "The keys of the token's issuer could not be fetched; try again later.",
            ));
        }
    }

    /// Decides early, before the body is here.
    fn refuse(&mut self, error: ApiError) {
        self.early.get_or_insert(error);
    }

    /// Whether the body matters: not for a caller who was not verified, nor when decided early.
    #[must_use]
    pub fn wants_body(&self) -> bool {
        self.early.is_none() && !matches!(self.caller, Caller::Refused(_))
    }

    /// Turns the request away when its body is over the policy's limit, or when the VM's memory
    /// would be: reading a body takes its size up to four times, as itself, with placeholders for
    /// the wire and for the record, and within its part.
    pub fn measure(&mut self, policy: &Policy, budget: &Budget, body_bytes: usize) {
        if body_bytes > policy.limits.request_bytes {
            self.refuse(ApiError::too_large(policy.limits.request_bytes));
        } else if !budget.has_room(body_bytes.saturating_mul(4), policy.limits.memory_bytes) {
            self.refuse(out_of_memory());
        }
    }

    /// The host gave the request up (a time-out, a reset, an answer of its own) before it was
    /// whole.
    pub fn broken_off(&mut self, status: u16) {
        self.no_keys();
        self.refuse(ApiError {
            status,
            kind: "api_error",
            message: "The request ended before it was whole.".into(),
            retry: true,
        });
    }

    /// Whether the caller is verified or refused.
    #[must_use]
    pub fn is_identified(&self) -> bool {
        !matches!(self.caller, Caller::Presented(_))
    }

    /// Decides, with the whole body at hand (empty when it was not wanted).
    pub fn conclude(
        mut self,
        policy: &Policy,
        redactor: &mut Redactor,
        scribe: &mut Scribe,
        body: &[u8],
        now: u64,
    ) -> Opening {
        let seen = body.get(..body.len().min(policy.limits.request_bytes)).unwrap_or_default();
        let mut redacted = redactor.request(seen);
        let mut tallies = std::mem::take(&mut self.redaction.tallies);
        tallies.extend(std::mem::take(&mut redacted.tallies));
        redacted.tallies = tallies;
        let identity = match &self.caller {
            Caller::Verified(identity) => Rc::clone(identity),
            Caller::Refused(error) => {
                let error = error.clone();
                return self.refused(policy, scribe, None, None, &error, &redacted, now);
            }
            Caller::Presented(_) => {
                let error = ApiError::unavailable("The token could not be verified in time.");
                return self.refused(policy, scribe, None, None, &error, &redacted, now);
            }
        };
        let who = &identity.who;
        if let Some(error) = self.early.take() {
            return self.refused(policy, scribe, Some(who), None, &error, &redacted, now);
        }
        let endpoint = match self.target {
            Target::Api(endpoint) => Some(endpoint),
            Target::Probe | Target::Unknown => None,
        };
        let model = match read_body(endpoint, body, redacted.fault) {
            Ok(Some(request)) => Some(request.model.into_owned()),
            Ok(None) => None,
            Err(error) => {
                return self.refused(policy, scribe, Some(who), None, &error, &redacted, now);
            }
        };
        match decide(policy, &who.groups, Ask { endpoint, model: model.as_deref() }) {
            Verdict::Admitted(admitted) => {
                let blocked = self.redaction.blocked.take().or_else(|| redacted.blocked.take());
                if let Some(Blocked { rule, message }) = blocked {
                    let decision = Decision {
                        rule: Some(format!("redact/{rule}").into()),
                        effect: "refuse".into(),
                        not_applied: Vec::new(),
                    };
                    let error = ApiError::blocked(message);
                    let decision = Some(decision);
                    return self.refused(
                        policy,
                        scribe,
                        Some(who),
                        decision,
                        &error,
                        &redacted,
                        now,
                    );
                }
                self.open(policy, scribe, who, admitted, redacted, body.len(), now)
            }
            Verdict::Refused { decision, message } => {
                let error = ApiError::blocked(message);
                self.refused(policy, scribe, Some(who), Some(decision), &error, &redacted, now)
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "each is one column of the part")]
    fn open(
        mut self,
        policy: &Policy,
        scribe: &mut Scribe,
        who: &Who<'static>,
        admitted: Admitted,
        redacted: Body<'_>,
        bytes: usize,
        now: u64,
    ) -> Opening {
        self.know_session(&redacted);
        let request = request(&self.subject.head, policy, &redacted, bytes);
        let model = request.model.as_ref().map(|model| model.clone().into_owned());
        let part = Content::Opened(OpenedPart {
            who: who.clone(),
            from: self.subject.head.peer.clone(),
            session: self.session.clone(),
            decision: admitted.decision().clone(),
            request,
            findings: findings(&redacted.tallies),
        });
        match scribe.write(&self.subject, 0, now, part, bytes) {
            Ok(parcel) => {
                let mut restores = std::mem::take(&mut self.redaction.restores);
                restores.extend(redacted.restores);
                let opened = Opened {
                    who: who.clone(),
                    admitted,
                    session: self.session,
                    bytes: bytes as u64,
                    model,
                    part: parcel.seq,
                    wire: redacted.wire,
                    restores,
                    subject: self.subject,
                };
                Opening::Opened(opened, parcel)
            }
            Err(OutOfMemory) => {
                let error = out_of_memory();
                let nothing = Body::nothing();
                self.refused(policy, scribe, Some(who), None, &error, &nothing, now)
            }
        }
    }

    /// The session that the body names, where no header does.
    fn know_session(&mut self, redacted: &Body<'_>) {
        if self.session.id.is_none()
            && let Ok((_, body)) = RequestBody::parse(redacted.record.as_ref().into_inner())
        {
            self.session.id = body.session_id().map(Cow::Owned);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "each is one column of the part")]
    fn refused(
        self,
        policy: &Policy,
        scribe: &mut Scribe,
        who: Option<&Who<'static>>,
        decision: Option<Decision<'static>>,
        error: &ApiError,
        redacted: &Body<'_>,
        now: u64,
    ) -> Opening {
        let bytes = redacted.bytes;
        let request = request(&self.subject.head, policy, redacted, bytes);
        let decision = decision.unwrap_or(Decision {
            rule: None,
            effect: "refuse".into(),
            not_applied: Vec::new(),
        });
        Opening::Refused(write_refusal(
            scribe,
            &self.subject,
            who,
            &self.session,
            decision,
            request,
            findings(&redacted.tallies),
            error,
            Vec::new(),
            now,
        ))
    }
}

impl Opened {
    /// The number of the part that is on its way.
    #[must_use]
    pub fn part(&self) -> u64 {
        self.part
    }

    /// The exchange's id.
    #[must_use]
    pub fn id(&self) -> ExchangeId {
        self.subject.id
    }

    /// The part is durable (or, under `on_failure: continue`, is not: then it is named in the
    /// closing part): the request goes on.
    #[must_use]
    pub fn forward(self, acknowledged: bool) -> Forwarded {
        let unacknowledged = if acknowledged { Vec::new() } else { vec![self.part] };
        Forwarded::new(self.subject, unacknowledged, self.restores)
    }

    /// The body that goes upstream in the place of the client's; `None`: the client's as it is.
    pub fn take_wire(&mut self) -> Option<Vec<u8>> {
        self.wire.take()
    }

    /// The part was not acknowledged: nothing of the request went on, and its content is given up.
    pub fn record_failed(self, policy: &Policy, scribe: &mut Scribe, now: u64) -> Refused {
        let error = unrecorded();
        let nothing = Body::nothing();
        let mut request = request(&self.subject.head, policy, &nothing, 0);
        request.bytes = self.bytes;
        request.model = self.model.as_deref().map(Into::into);
        write_refusal(
            scribe,
            &self.subject,
            Some(&self.who),
            &self.session,
            self.admitted.decision().clone(),
            request,
            Vec::new(),
            &error,
            vec![self.part],
            now,
        )
    }

    /// The client went before the part was acknowledged; nothing of the request went on.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn ended(
        self,
        ending: Ending,
        scribe: &mut Scribe,
        now: u64,
    ) -> Result<Parcel, OutOfMemory> {
        let ending = Ending { why: EndWhy::ClientGone, ..ending };
        Forwarded::new(self.subject, Vec::new(), self.restores).ended(ending, scribe, now)
    }
}

/// What of the body decides; an endpoint without a body has nothing.
fn read_body(
    endpoint: Option<Endpoint>,
    body: &[u8],
    fault: Option<InvalidJson>,
) -> Result<Option<RequestBody<'_>>, ApiError> {
    let wants_model = endpoint.is_some_and(Endpoint::has_model);
    match (RequestBody::parse(body), fault) {
        // JSON that the redactor did not read does not go on: what it holds was not looked for.
        (Ok(_), Some(fault)) => Err(ApiError::blocked(format!("The request body is {fault}."))),
        (Ok((_, request)), None) => Ok(Some(request)),
        (Err(error), _) if wants_model => Err(ApiError::blocked(error.to_string())),
        (Err(_), _) if body.is_empty() || endpoint.is_none() => Ok(None),
        (Err(_), _) => Err(ApiError::blocked("This endpoint takes no request body.")),
    }
}

fn request<'a>(
    head: &'a Head,
    policy: &Policy,
    redacted: &'a Body<'_>,
    bytes: usize,
) -> Request<'a> {
    let listed = |(name, _): &&(String, String)| policy.record.request_headers.contains(name);
    let body: &[u8] = redacted.record.as_ref().into_inner();
    let parsed = RequestBody::parse(body).ok().filter(|_| redacted.fault.is_none());
    let (raw, model) = match parsed {
        Some((text, request)) => (Some(RawJson::parsed(text)), Some(request.model)),
        None => (None, None),
    };
    Request {
        method: head.method.as_str().into(),
        path: head.path.as_str().into(),
        headers: head
            .headers
            .0
            .iter()
            .filter(listed)
            .map(|(name, value)| (name.as_str().into(), value.as_str().into()))
            .collect(),
        model,
        bytes: bytes as u64,
        body: raw,
        body_base64: (raw.is_none() && !body.is_empty()).then(|| STANDARD.encode(body).into()),
    }
}

#[expect(clippy::too_many_arguments, reason = "each is one column of the part")]
fn write_refusal(
    scribe: &mut Scribe,
    subject: &Subject,
    who: Option<&Who<'static>>,
    session: &SessionHint<'static>,
    decision: Decision<'static>,
    request: Request<'_>,
    findings: Vec<Finding<'_>>,
    error: &ApiError,
    abandoned: Vec<u64>,
    now: u64,
) -> Refused {
    let body = request.body.map_or(0, |body| body.get().len());
    let hint = body + request.body_base64.as_ref().map_or(0, |text| text.len());
    let part = Content::Refused(RefusedPart {
        who: who.cloned(),
        from: subject.head.peer.clone(),
        session: session.clone(),
        decision,
        request,
        refusal: Refusal {
            status: error.status,
            kind: error.kind.into(),
            message: error.told(subject.id).into(),
        },
        abandoned,
        findings,
    });
    let parcel = scribe.write(subject, error.status, now, part, hint).ok();
    Refused {
        answer: error.answer(subject.id),
        unrecorded: unrecorded().answer(subject.id),
        parcel,
    }
}

/// What a client is told when a part was not acknowledged.
pub(super) fn unrecorded() -> ApiError {
    ApiError::unavailable(
        "This request could not be put on record, so it was not sent to Claude; try again in a \
         moment.",
    )
}

/// What a client is told when the VM's memory is spent.
pub(super) fn out_of_memory() -> ApiError {
    ApiError::unavailable("This gateway is out of memory for new requests; try again in a moment.")
}

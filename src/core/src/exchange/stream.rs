//! A streaming response: passes as it comes, up to what must be on record first.
//!
//! ```text
//! chunk ─▶ whole events ─▶ redaction ─▶ assembly (record) and gate (wire) ─▶ client
//! ```
//!
//! A block that a client acts on is a `progress` part, acknowledged before its
//! `content_block_stop` passes; the whole is the `closed` part, acknowledged before the last event
//! (or, without one, the end of the stream) passes. Text waits for the redactor alone, an event or
//! two at most; a tool's input waits until it is whole. What has passed goes on record while it does,
//! a `progress` part each second or 64 KB (policy), which nothing waits for.

use super::gate::{Gate, Pass as GatePass};
use super::pace::Pace;
use super::{Ending, Parcel, Scribe, Whole};
use crate::claude::assemble::{Assembly, Mark};
use crate::claude::error::ApiError;
use crate::claude::sse::{Event, Splitter};
use crate::config::{Delivery, Limits, Policy};
use crate::redaction::{Queue, Redactor, findings};
use hansard_record::part::{Content, EndWhy, Progress};
use hansard_record::{ExchangeId, OutOfMemory, RawJson};
use serde::de::IgnoredAny;

/// A client that hears nothing for minutes gives up; one that hears a ping does not (observed).
const PING_AFTER_MS: u64 = 15_000;
const PING: &[u8] = b"event: ping\ndata: {\"type\": \"ping\"}\n\n";

/// What may go on to the client.
pub type Pass = GatePass;

/// A stream that runs.
#[derive(Debug)]
pub struct Stream {
    whole: Whole,
    splitter: Splitter,
    queue: Queue,
    assembly: Assembly,
    gate: Gate,
    pace: Pace,
    /// Bytes that have come.
    seen: u64,
    /// When something last passed, or would have.
    passed_at: u64,
    /// Under delivery `access_log` nothing waits.
    waits: bool,
    limits: Limits,
    last_seen: bool,
    /// Nothing more will come.
    ended: bool,
    /// What stood behind the last whole event, where nothing is looked for.
    rest: Vec<u8>,
}

/// What a chunk led to.
#[derive(Debug)]
pub struct Fed {
    /// What may pass now.
    pub pass: Pass,
    /// Parts to send.
    pub parcels: Vec<Parcel>,
    /// Something waits for an acknowledgement.
    pub waiting: bool,
    /// The stream cannot go on, and why.
    pub failed: Option<EndWhy>,
}

impl Stream {
    pub(super) fn new(whole: Whole, policy: &Policy) -> Self {
        Self {
            whole,
            splitter: Splitter::default(),
            queue: Queue::default(),
            assembly: Assembly::default(),
            gate: Gate::default(),
            pace: Pace::new(policy.record.progress),
            seen: 0,
            passed_at: 0,
            waits: policy.record.delivery == Delivery::Acknowledged,
            limits: policy.limits,
            last_seen: false,
            ended: false,
            rest: Vec::new(),
        }
    }

    /// The exchange's id.
    #[must_use]
    pub fn id(&self) -> ExchangeId {
        self.whole.id()
    }

    /// Bytes that have come and wait: for an acknowledgement, the redactor, or an event's end.
    fn held(&self) -> usize {
        let unfinished = self.splitter.unfinished().len();
        self.gate.held().saturating_add(self.queue.held()).saturating_add(unfinished)
    }

    /// Bytes of memory held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.assembly.bytes().saturating_add(self.queue.bytes()).saturating_add(self.held())
    }

    /// Whether something waits for an acknowledgement.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.gate.is_waiting()
    }

    /// Takes in a chunk; `ended`: it is the last.
    pub fn feed(
        &mut self,
        chunk: &[u8],
        ended: bool,
        redactor: &mut Redactor,
        scribe: &mut Scribe,
        now: u64,
    ) -> Fed {
        self.seen = self.seen.saturating_add(chunk.len() as u64);
        let is_clear =
            self.gate.held() == 0 && self.queue.is_empty() && self.splitter.unfinished().is_empty();
        let at = now.saturating_sub(self.whole.head.at);
        let (queue, restores) = (&mut self.queue, &self.whole.forwarded.restores);
        self.splitter.feed(chunk, |raw, _| queue.push(redactor, restores, raw, at));
        let mut parcels = Vec::new();
        let mut failed = self.pass_on(scribe, now, &mut parcels);
        if ended {
            let closing = self.finish(redactor, scribe, now);
            match closing {
                Ok(more) => parcels.extend(more),
                Err(OutOfMemory) => failed = Some(EndWhy::GatewayFailed),
            }
        }
        let pass = self.gate.release();
        if failed.is_none() {
            match self.tick(scribe, now) {
                Ok(more) => parcels.extend(more),
                Err(OutOfMemory) => failed = Some(EndWhy::GatewayFailed),
            }
        }
        let failed = failed.or(if self.queue.blocked.is_some() {
            Some(EndWhy::Blocked)
        } else if self.held() > self.limits.hold_bytes {
            Some(EndWhy::RecordFailed)
        } else if self.seen > self.limits.response_bytes as u64 {
            Some(EndWhy::ResponseTooLarge)
        } else {
            None
        });
        if !pass.is_empty() || self.passed_at == 0 {
            self.passed_at = now;
        }
        let pass = if is_clear && pass == chunk { Pass::Unchanged } else { Pass::Bytes(pass) };
        Fed { pass, parcels, waiting: self.gate.is_waiting(), failed }
    }

    /// Events that the redactor has decided go to the record and towards the client.
    fn pass_on(
        &mut self,
        scribe: &mut Scribe,
        now: u64,
        parcels: &mut Vec<Parcel>,
    ) -> Option<EndWhy> {
        let mut failed = None;
        // Nothing of an answer that holds a blocked value passes any more.
        while self.queue.blocked.is_none()
            && let Some((event, at)) = self.queue.pop()
        {
            let starts_at = self.gate.fed();
            self.gate.push(&event.wire);
            let Some(read) = Event::parse(event.record().into_inner()) else { continue };
            let logged = self.assembly.logged();
            match self.assembly.observe(&read, at) {
                Some(_) if !self.waits => {}
                Some(Mark::Last) if !self.last_seen => {
                    self.last_seen = true;
                    self.gate.wait(starts_at, logged, None);
                }
                Some(Mark::Block { index, block }) => {
                    let part = Content::Progress(Progress {
                        index: Some(index),
                        block: Some(RawJson::parsed(&block)),
                        events: None,
                        findings: Vec::new(),
                    });
                    let subject = &self.whole.forwarded.subject;
                    match scribe.write(subject, 0, now, part, block.len()) {
                        Ok(parcel) => {
                            self.gate.wait(starts_at, logged, Some(parcel.seq));
                            parcels.push(parcel);
                        }
                        Err(OutOfMemory) => failed = Some(EndWhy::GatewayFailed),
                    }
                }
                Some(Mark::Last) | None => {}
            }
        }
        let is_silent = now.saturating_sub(self.passed_at) > PING_AFTER_MS && self.passed_at > 0;
        if is_silent && !self.queue.is_empty() && !self.gate.is_waiting() {
            self.gate.push(PING);
        }
        failed
    }

    /// Time has passed, or data has: a part with the events that have passed and are on record nowhere
    /// yet, when it is time for one. Nothing waits for it. After the stream's end there is none: the
    /// closing part holds them all.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn tick(&mut self, scribe: &mut Scribe, now: u64) -> Result<Option<Parcel>, OutOfMemory> {
        let to = self.passed();
        self.pace.passed(to, now);
        if !self.is_due(now) {
            return Ok(None);
        }
        let events = self.assembly.events(self.pace.untold(to));
        let part = Content::Progress(Progress {
            index: None,
            block: None,
            events: Some(RawJson::parsed(&events)),
            findings: Vec::new(),
        });
        let parcel = scribe.write(&self.whole.forwarded.subject, 0, now, part, events.len())?;
        self.pace.told(to);
        Ok(Some(parcel))
    }

    /// Whether [`Stream::tick`] has a part to write.
    #[must_use]
    pub fn is_due(&self, now: u64) -> bool {
        self.waits && !self.ended && self.pace.is_due(self.passed(), now)
    }

    /// How much of the log of events has passed.
    pub(super) fn passed(&self) -> usize {
        self.gate.logged().unwrap_or_else(|| self.assembly.logged())
    }

    /// The upstream has ended the stream: the closing part is written, and nothing more passes
    /// before everything is acknowledged. Under delivery `access_log` there is no part yet.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn finish(
        &mut self,
        redactor: &mut Redactor,
        scribe: &mut Scribe,
        now: u64,
    ) -> Result<Vec<Parcel>, OutOfMemory> {
        let mut parcels = Vec::new();
        self.end(redactor, now);
        if self.pass_on(scribe, now, &mut parcels).is_some() {
            return Err(OutOfMemory);
        }
        self.gate.push(&std::mem::take(&mut self.rest));
        if self.waits {
            let parcel = self.write_closed(None, scribe, now)?;
            self.gate.end(parcel.seq);
            parcels.push(parcel);
        }
        Ok(parcels)
    }

    /// Under delivery `access_log`, where nothing waits: the closing part of a stream that ended by
    /// itself.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn closed(&mut self, scribe: &mut Scribe, now: u64) -> Result<Parcel, OutOfMemory> {
        self.write_closed(None, scribe, now)
    }

    /// Bytes that could not pass before the stream ended, under delivery `access_log`.
    #[must_use]
    pub fn has_rest(&self) -> bool {
        self.gate.held() > 0
    }

    /// Whether data waits for a part.
    #[must_use]
    pub fn waits_for(&self, part: u64) -> bool {
        self.gate.waits_for(part)
    }

    /// A part is durable (or, under `on_failure: continue`, is not): what may pass now.
    pub fn settle(&mut self, part: u64, acknowledged: bool, now: u64) -> Vec<u8> {
        if !acknowledged {
            self.whole.forwarded.unacknowledged.push(part);
        }
        let pass = self.gate.acknowledged(part);
        self.pace.passed(self.passed(), now);
        pass
    }

    /// The stream is broken off by the gateway: the event that tells the client, in place of what
    /// is withheld.
    #[must_use]
    pub fn error_event(&self, why: EndWhy) -> Vec<u8> {
        let message = match why {
            EndWhy::ResponseTooLarge => "The answer is larger than this gateway's limit.",
            EndWhy::GatewayFailed => "This gateway could not go on with the answer.",
            EndWhy::Blocked => {
                let told = self.queue.blocked.as_ref().map(|blocked| blocked.message.as_str());
                return ApiError::blocked(told.unwrap_or_default()).event(self.id());
            }
            _ => "The answer could not be put on record, so the rest of it is withheld.",
        };
        ApiError::unavailable(message).event(self.id())
    }

    /// The closing part of a stream that did not end by itself, with what was seen of it.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn close(
        mut self,
        ending: Ending,
        redactor: &mut Redactor,
        scribe: &mut Scribe,
        now: u64,
    ) -> Result<Parcel, OutOfMemory> {
        self.end(redactor, now);
        // What waited for the redactor goes on record; what was blocked too, as its placeholder.
        while let Some((event, at)) = self.queue.pop() {
            if let Some(event) = Event::parse(event.record().into_inner()) {
                let _nothing_waits = self.assembly.observe(&event, at);
            }
        }
        self.write_closed(Some(ending), scribe, now)
    }

    /// Nothing more comes. Bytes behind the last whole event are an event to some clients, when
    /// they are one but for the blank line; anything else is neither passed on nor recorded, since
    /// a value could go on in it that began in the events before.
    fn end(&mut self, redactor: &mut Redactor, now: u64) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let at = now.saturating_sub(self.whole.head.at);
        let restores = &self.whole.forwarded.restores;
        let rest = self.splitter.unfinished();
        let is_event = Event::parse(rest)
            .is_none_or(|event| serde_json::from_str::<IgnoredAny>(&event.data).is_ok());
        if redactor.is_off() {
            self.rest = rest.to_owned();
            self.assembly.unfinished(&String::from_utf8_lossy(rest), at);
        } else if !is_event {
            let note = format!("(an event that never ended: {} bytes)", rest.len());
            self.assembly.unfinished(&note, at);
        } else if !rest.is_empty() {
            self.queue.push(redactor, restores, rest, at);
        }
        self.queue.end(redactor, restores);
    }

    fn write_closed(
        &self,
        ending: Option<Ending>,
        scribe: &mut Scribe,
        now: u64,
    ) -> Result<Parcel, OutOfMemory> {
        let assembled = self.assembly.assembled();
        let own = if assembled.complete { EndWhy::Complete } else { EndWhy::Truncated };
        let mut response = self.whole.head.response(self.seen);
        response.message = assembled.message.as_deref().map(RawJson::parsed);
        response.events = Some(RawJson::parsed(&assembled.events));
        response.usage = assembled.usage.as_deref().map(RawJson::parsed);
        response.stop_reason = assembled.stop_reason.as_deref().map(Into::into);
        let hint = assembled.events.len() + assembled.message.as_ref().map_or(0, String::len);
        let ending = ending.unwrap_or_else(|| Ending::own(own));
        let findings = findings(&self.queue.tallies);
        let closed = self.whole.forwarded.closed(Some(response), ending, findings);
        scribe.write(&self.whole.forwarded.subject, self.whole.head.status, now, closed, hint)
    }
}

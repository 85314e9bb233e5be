//! A streaming response: passes as it comes, up to what must be on record first.
//!
//! A block that a client acts on is a `progress` part, acknowledged before its
//! `content_block_stop` passes; the whole is the `closed` part, acknowledged before the last event
//! (or, without one, the end of the stream) passes. Text deltas never wait.

use super::gate::{Gate, Pass as GatePass};
use super::{Ending, Parcel, Scribe, Whole};
use crate::claude::assemble::{Assembly, Mark};
use crate::claude::error::ApiError;
use crate::claude::sse::{Event, Splitter};
use crate::config::{Delivery, Limits, Policy};
use hansard_record::part::{Content, EndWhy, Progress};
use hansard_record::{ExchangeId, OutOfMemory, RawJson};

/// What may go on to the client.
pub type Pass = GatePass;

/// A stream that runs.
#[derive(Debug)]
pub struct Stream {
    whole: Whole,
    splitter: Splitter,
    assembly: Assembly,
    gate: Gate,
    /// Under delivery `access_log` nothing waits.
    waits: bool,
    limits: Limits,
    last_seen: bool,
    /// Nothing more will come.
    ended: bool,
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
            assembly: Assembly::default(),
            gate: Gate::default(),
            waits: policy.record.delivery == Delivery::Acknowledged,
            limits: policy.limits,
            last_seen: false,
            ended: false,
        }
    }

    /// The exchange's id.
    #[must_use]
    pub fn id(&self) -> ExchangeId {
        self.whole.id()
    }

    /// Bytes of memory held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let unfinished = self.splitter.unfinished().len();
        self.assembly.bytes().saturating_add(self.gate.held()).saturating_add(unfinished)
    }

    /// Whether something waits for an acknowledgement.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.gate.is_waiting()
    }

    /// Takes in a chunk.
    pub fn feed(&mut self, chunk: &[u8], scribe: &mut Scribe, now: u64) -> Fed {
        let Self { whole, splitter, assembly, gate, waits, last_seen, .. } = self;
        let at = now.saturating_sub(whole.head.at);
        let base = gate.fed();
        let mut parcels = Vec::new();
        let mut out_of_memory = false;
        splitter.feed(chunk, |raw, end| {
            let starts_at = gate.certain();
            gate.event_ends(base + end as u64);
            let Some(event) = Event::parse(raw) else { return };
            match assembly.observe(&event, at) {
                Some(_) if !*waits => {}
                Some(Mark::Last) if !*last_seen => {
                    *last_seen = true;
                    gate.wait(starts_at, None);
                }
                Some(Mark::Block { index, block }) => {
                    let part =
                        Content::Progress(Progress { index, block: RawJson::parsed(&block) });
                    match scribe.write(&whole.forwarded.subject, 0, now, part, block.len()) {
                        Ok(parcel) => {
                            gate.wait(starts_at, Some(parcel.seq));
                            parcels.push(parcel);
                        }
                        Err(OutOfMemory) => out_of_memory = true,
                    }
                }
                Some(Mark::Last) | None => {}
            }
        });
        let pass = if *waits {
            gate.push(chunk)
        } else {
            gate.event_ends(base + chunk.len() as u64);
            gate.push(chunk)
        };
        let failed = if out_of_memory {
            Some(EndWhy::GatewayFailed)
        } else if gate.held() > self.limits.hold_bytes {
            Some(EndWhy::RecordFailed)
        } else if gate.fed() > self.limits.response_bytes as u64 {
            Some(EndWhy::ResponseTooLarge)
        } else {
            None
        };
        Fed { pass, parcels, waiting: gate.is_waiting(), failed }
    }

    /// The upstream has ended the stream: the closing part is written, and nothing more passes
    /// before everything is acknowledged.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn finish(&mut self, scribe: &mut Scribe, now: u64) -> Result<Parcel, OutOfMemory> {
        self.log_unfinished(now);
        let parcel = self.write_closed(None, scribe, now)?;
        self.gate.end(parcel.seq);
        Ok(parcel)
    }

    /// A part is durable (or, under `on_failure: continue`, is not): what may pass now.
    pub fn settle(&mut self, part: u64, acknowledged: bool) -> Vec<u8> {
        if !acknowledged {
            self.whole.forwarded.unacknowledged.push(part);
        }
        self.gate.acknowledged(part)
    }

    /// The stream is broken off by the gateway: the event that tells the client, in place of what
    /// is withheld.
    #[must_use]
    pub fn error_event(&self, why: EndWhy) -> Vec<u8> {
        let message = match why {
            EndWhy::ResponseTooLarge => "The answer is larger than this gateway's limit.",
            EndWhy::GatewayFailed => "This gateway could not go on with the answer.",
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
        scribe: &mut Scribe,
        now: u64,
    ) -> Result<Parcel, OutOfMemory> {
        self.log_unfinished(now);
        self.write_closed(Some(ending), scribe, now)
    }

    /// What came of an event whose end did not.
    fn log_unfinished(&mut self, now: u64) {
        let at = now.saturating_sub(self.whole.head.at);
        if !std::mem::replace(&mut self.ended, true) {
            self.assembly.unfinished(self.splitter.unfinished(), at);
        }
    }

    fn write_closed(
        &self,
        ending: Option<Ending>,
        scribe: &mut Scribe,
        now: u64,
    ) -> Result<Parcel, OutOfMemory> {
        let assembled = self.assembly.assembled();
        let own = if assembled.complete { EndWhy::Complete } else { EndWhy::Truncated };
        let mut response = self.whole.head.response(self.gate.fed());
        response.message = assembled.message.as_deref().map(RawJson::parsed);
        response.events = Some(RawJson::parsed(&assembled.events));
        response.usage = assembled.usage.as_deref().map(RawJson::parsed);
        response.stop_reason = assembled.stop_reason.as_deref().map(Into::into);
        let hint = assembled.events.len() + assembled.message.as_ref().map_or(0, String::len);
        let ending = ending.unwrap_or_else(|| Ending::own(own));
        let closed = self.whole.forwarded.closed(Some(response), ending);
        scribe.write(&self.whole.forwarded.subject, self.whole.head.status, now, closed, hint)
    }
}

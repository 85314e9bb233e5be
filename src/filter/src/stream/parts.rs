//! A stream's parts: on their way, durable, or not in time.

use super::{Flow, Phase};
use crate::host::{self, Side};
use hansard_core::config::OnFailure;
use hansard_core::exchange::{Ending, Parcel};
use hansard_record::OutOfMemory;
use hansard_record::part::EndWhy;

/// How long a stream that cannot go on is given to bring more data, with which its client is told.
/// Nothing passes meanwhile; then it is cut.
const SILENCE_MS: u64 = 5_000;

impl Flow {
    /// The root was woken for this stream.
    pub(crate) fn woken(&mut self) {
        if let Some(why) = self.breaking {
            return self.broken(why);
        }
        let waiting = matches!(&self.phase, Phase::Streaming(stream) if stream.is_waiting());
        if self.hold.woken(waiting, self.vm.turn()) && host::resume(Side::Response).is_err() {
            self.broken(EndWhy::GatewayFailed);
        }
    }

    /// A part of this stream is durable, or is not and will not be in time.
    pub(crate) fn settled(&mut self, parcel: Parcel, acknowledged: bool) {
        let part = parcel.seq;
        let passes = acknowledged || self.rules.policy.record.on_failure == OnFailure::Continue;
        let now = self.now();
        match std::mem::replace(&mut self.phase, Phase::Answered) {
            Phase::Opening { opened } if opened.part() == part && passes => {
                if !acknowledged {
                    self.vm.adopt(parcel);
                }
                self.charge.set(0);
                self.phase = Phase::Forwarded(opened.forward(acknowledged));
                if host::resume(Side::Request).is_err() {
                    self.fail();
                }
            }
            Phase::Opening { opened } if opened.part() == part => {
                let policy = &self.rules.policy;
                let written = self.vm.write(|scribe| opened.record_failed(policy, scribe, now));
                let Some(refused) = written else { return self.fail() };
                self.keep(refused.parcel);
                self.answer(&refused.answer);
            }
            Phase::Refusing { answer, unrecorded } => {
                if !acknowledged {
                    self.vm.adopt(parcel);
                }
                self.answer(if passes { &answer } else { &unrecorded });
            }
            Phase::Whole { whole, .. } if passes => {
                if !acknowledged {
                    self.vm.adopt(parcel);
                }
                drop(whole);
                self.phase = Phase::Closed;
                self.charge.set(0);
                if host::resume(Side::Response).is_err() {
                    let _stays_closed = host::close(Side::Response);
                }
            }
            Phase::Whole { whole, .. } => {
                self.vm.adopt(parcel);
                let ending = Ending::own(EndWhy::RecordFailed);
                let end = self.vm.write(|scribe| whole.withheld(ending, scribe, now).ok());
                self.keep(end.flatten());
                self.answer(&whole.unrecorded());
            }
            Phase::Streaming(stream) => {
                self.phase = Phase::Streaming(stream);
                if !acknowledged {
                    self.vm.adopt(parcel);
                }
                match self.breaking {
                    // What Envoy holds is not what was to pass: nothing more of it does.
                    Some(why) => self.broken(why),
                    None if passes => self.release(part, acknowledged, now),
                    None => self.interrupt(EndWhy::RecordFailed, now),
                }
            }
            other => {
                self.phase = other;
                if !acknowledged {
                    self.vm.adopt(parcel);
                }
            }
        }
    }

    /// Whether time has brought something to do.
    pub(crate) fn is_due(&self, now: u64) -> bool {
        let Phase::Streaming(stream) = &self.phase else { return false };
        match self.failing {
            Some((_, at)) => at <= now,
            None => self.breaking.is_none() && stream.is_due(now),
        }
    }

    /// Time has passed: events that have go on record, and a stream that is silent is cut.
    pub(crate) fn tick(&mut self, now: u64) {
        if !self.is_due(now) {
            return;
        }
        if let Some((why, _)) = self.failing {
            return self.broken(why);
        }
        let Phase::Streaming(stream) = &mut self.phase else { return };
        match self.vm.write(|scribe| stream.tick(scribe, now)) {
            Some(Ok(Some(parcel))) => self.send(parcel, now),
            Some(Ok(None)) | None => {}
            Some(Err(OutOfMemory)) => self.interrupt(EndWhy::GatewayFailed, now),
        }
    }

    /// A running stream cannot go on. Envoy takes the event that says so only while it holds the
    /// response; a stream that flows is held with its next data, and none of that passes.
    fn interrupt(&mut self, why: EndWhy, now: u64) {
        if self.hold.is_paused() || self.hold.ended {
            return self.broken(why);
        }
        self.failing.get_or_insert((why, now.saturating_add(SILENCE_MS)));
    }

    /// Lets go what waited for a part.
    fn release(&mut self, part: u64, acknowledged: bool, now: u64) {
        let Phase::Streaming(stream) = &mut self.phase else { return };
        // The parts of what has passed are waited for by nobody.
        let waited = stream.waits_for(part);
        let pass = stream.settle(part, acknowledged, now);
        let waiting = stream.is_waiting();
        self.charge.set(stream.bytes());
        if !waited || waiting && pass.is_empty() {
            return;
        }
        let turn = self.vm.turn();
        let at = self.hold.at(turn);
        if !pass.is_empty() && host::write(Side::Response, at, &pass).is_err() {
            return self.broken(EndWhy::GatewayFailed);
        }
        let over = self.hold.ended && !waiting;
        if self.hold.acknowledged(pass.len(), waiting, turn)
            && host::resume(Side::Response).is_err()
        {
            return self.broken(EndWhy::GatewayFailed);
        }
        if over {
            self.phase = Phase::Closed;
            self.charge.set(0);
        }
    }

    pub(super) fn send(&mut self, parcel: Parcel, now: u64) {
        let timeout_ms = self.rules.policy.record.timeout_ms;
        let call = self.vm.send(self.id, &self.rules.sinks, timeout_ms, parcel, now);
        self.calls.extend(call);
    }

    /// Gives a part that nobody waits for to the VM.
    pub(super) fn keep(&mut self, parcel: Option<Parcel>) {
        let Some(parcel) = parcel else { return };
        if self.is_logged() {
            let _lossy = host::set_filter_state("hansard.closed", parcel.message.record());
        } else {
            self.vm.adopt(parcel);
        }
    }
}

//! The response's callbacks: what is whole waits for its part, a stream flows up to what must be on
//! record first.

use super::{Flow, Phase, reported};
use crate::hold::Step;
use crate::host::{self, Buffer, Map, Side};
use hansard_core::exchange::{Completed, Ending, Pass, Responding, Whole};
use hansard_core::http::Answer;
use hansard_record::part::EndWhy;
use proxy_wasm::types::Action;
use std::rc::Rc;

impl Flow {
    pub(super) fn response_headers(&mut self, end: bool) -> Action {
        match &self.phase {
            Phase::Forwarded(_) => {}
            Phase::Withheld => return Action::Pause,
            _ => return Action::Continue,
        }
        let Ok(headers) = host::headers(Map::Headers(Side::Response)) else {
            self.fail();
            return Action::Pause;
        };
        let Phase::Forwarded(forwarded) = std::mem::replace(&mut self.phase, Phase::Answered)
        else {
            return Action::Continue;
        };
        let now = self.now();
        let has_length = headers.first("content-length").is_some();
        self.has_length = has_length;
        match forwarded.answered(&self.rules.policy, &headers, now) {
            Responding::Stream(stream) => {
                self.phase = Phase::Streaming(stream);
                // The body may change (an error event), so its length must not be promised.
                if has_length && host::remove_header(Side::Response, "content-length").is_err() {
                    self.fail();
                    return Action::Pause;
                }
                if end {
                    return self.stream_ended();
                }
                Action::Continue
            }
            Responding::Whole(whole) => {
                if let Some((answer, ending)) = whole.unreadable() {
                    self.turn_away(&whole, &answer, ending, now);
                    return Action::Pause;
                }
                self.phase = Phase::Whole { whole, closing: false, passed: Vec::new() };
                if self.passes_at_once() {
                    return Action::Continue;
                }
                if end { self.whole_ended(now) } else { Action::Pause }
            }
        }
    }

    pub(super) fn response_body(&mut self, size: usize, end: bool) -> Action {
        match &self.phase {
            Phase::Streaming(_) => self.stream_body(size, end),
            Phase::Whole { .. } if self.passes_at_once() => self.passing_body(size),
            Phase::Whole { .. } => self.whole_body(size, end),
            Phase::Answered if self.breaking.is_some() => {
                // The reset is under way; what still comes from the upstream goes nowhere.
                match host::write(Side::Response, 0, &[]) {
                    Ok(()) => Action::Continue,
                    Err(_) => Action::Pause,
                }
            }
            Phase::Withheld => Action::Pause,
            Phase::Fresh
            | Phase::Arriving { .. }
            | Phase::Opening { .. }
            | Phase::Refusing { .. }
            | Phase::Forwarded(_)
            | Phase::Answered
            | Phase::Closed => Action::Continue,
        }
    }

    /// A chunk of a whole response that nothing waits for: copied on its way.
    fn passing_body(&mut self, size: usize) -> Action {
        let chunk = match host::read(Buffer::Body(Side::Response), 0, size) {
            Ok(chunk) if chunk.len() == size => chunk,
            Ok(_) | Err(_) => {
                self.fail();
                return Action::Pause;
            }
        };
        let Phase::Whole { whole, passed, .. } = &mut self.phase else { return Action::Continue };
        passed.extend_from_slice(&chunk);
        self.charge.set(passed.capacity());
        let limit = self.rules.policy.limits.response_bytes;
        if passed.len() <= limit {
            return Action::Continue;
        }
        let (_, ending) = whole.too_large(limit);
        let now = self.now();
        if let Phase::Whole { whole, passed, .. } =
            std::mem::replace(&mut self.phase, Phase::Answered)
        {
            let parcel = self
                .write(|redactor, scribe| whole.close(ending, redactor, scribe, &passed, now).ok());
            self.keep(parcel.flatten());
        }
        let _stays_closed = host::close(Side::Response);
        Action::Pause
    }

    /// More of a whole response, which Envoy holds.
    fn whole_body(&mut self, size: usize, end: bool) -> Action {
        let Phase::Whole { whole, closing: false, .. } = &self.phase else { return Action::Pause };
        self.buffered = size;
        let limit = self.rules.policy.limits.response_bytes;
        let now = self.now();
        if size > limit {
            let (answer, ending) = whole.too_large(limit);
            if let Phase::Whole { whole, .. } = std::mem::replace(&mut self.phase, Phase::Answered)
            {
                self.turn_away(&whole, &answer, ending, now);
            }
        } else if end {
            return self.whole_ended(now);
        }
        Action::Pause
    }

    /// Whether whole responses pass as they come: nothing waits for them, and nothing is looked for.
    fn passes_at_once(&self) -> bool {
        self.is_logged() && self.rules.redact(&self.vm, |redactor| redactor.is_off()) == Some(true)
    }

    pub(super) fn response_trailers(&mut self) -> Action {
        match &self.phase {
            Phase::Streaming(_) => self.stream_ended(),
            Phase::Whole { closing: false, .. } if !self.passes_at_once() => {
                let now = self.now();
                self.whole_ended(now)
            }
            Phase::Whole { closing: true, .. } | Phase::Withheld => Action::Pause,
            _ => Action::Continue,
        }
    }

    /// A whole response is here: its part goes out, and it waits.
    fn whole_ended(&mut self, now: u64) -> Action {
        let Phase::Whole { whole, closing, .. } = &mut self.phase else { return Action::Pause };
        *closing = true;
        self.charge.set(self.buffered.saturating_mul(4));
        let rules = Rc::clone(&self.rules);
        let ending = reported();
        let written = match host::read(Buffer::Body(Side::Response), 0, self.buffered) {
            Ok(body) if body.len() == self.buffered => rules.redact(&self.vm, |redactor| {
                self.vm.write(|scribe| {
                    if !ending.is_substitute() {
                        return whole.complete(redactor, scribe, &body, now);
                    }
                    // Envoy's own answer passes as it is, and is no end of the upstream's.
                    let parcel = whole.close(ending, redactor, scribe, &body, now)?;
                    Ok(Completed { parcel, wire: None, answer: None })
                })
            }),
            _ => None,
        };
        let Some(Ok(Completed { parcel, wire, answer })) = written.flatten() else {
            self.fail();
            return Action::Pause;
        };
        if let Some(answer) = answer {
            // It holds a value that must not pass: the client is told so, once that is on record.
            let unrecorded = whole.unrecorded();
            if self.is_logged() {
                self.keep(Some(parcel));
                self.answer(&answer);
            } else {
                self.phase = Phase::Refusing { answer, unrecorded };
                self.send(parcel, now);
            }
            return Action::Pause;
        }
        if let Some(wire) = wire
            && self.replace(Side::Response, &wire).is_err()
        {
            self.keep(Some(parcel));
            self.fail();
            return Action::Pause;
        }
        if self.is_logged() {
            self.keep(Some(parcel));
            self.phase = Phase::Closed;
            return Action::Continue;
        }
        self.send(parcel, now);
        Action::Pause
    }

    /// Withholds a response for good and tells the client why.
    pub(super) fn turn_away(&mut self, whole: &Whole, answer: &Answer, ending: Ending, now: u64) {
        let parcel =
            self.write(|redactor, scribe| whole.close(ending, redactor, scribe, &[], now).ok());
        self.keep(parcel.flatten());
        self.answer(answer);
    }

    fn stream_body(&mut self, size: usize, end: bool) -> Action {
        let at = self.hold.at(self.vm.turn());
        self.hold.ended |= end;
        if self.breaking.is_some() {
            let _dropped = host::write(Side::Response, at, &[]);
            return Action::Pause;
        }
        if let Some((why, _)) = self.failing {
            return self.break_off(why);
        }
        let fresh = size.saturating_sub(at);
        let chunk = match host::read(Buffer::Body(Side::Response), at, fresh) {
            Ok(chunk) if chunk.len() == fresh => chunk,
            // What was not seen must not pass.
            Ok(_) | Err(_) => return self.break_off(EndWhy::GatewayFailed),
        };
        let now = self.now();
        let waits = !self.is_logged();
        let Phase::Streaming(stream) = &mut self.phase else { return Action::Continue };
        let waited = stream.is_waiting();
        let rules = Rc::clone(&self.rules);
        let fed = rules.redact(&self.vm, |redactor| {
            self.vm.write(|scribe| stream.feed(&chunk, end, redactor, scribe, now))
        });
        let Some(fed) = fed.flatten() else { return self.break_off(EndWhy::GatewayFailed) };
        let waiting = stream.is_waiting();
        self.charge.set(stream.bytes());
        for parcel in fed.parcels {
            self.send(parcel, now);
        }
        if let Some(why) = fed.failed {
            return self.break_off(why);
        }
        let (pass, changed) = match &fed.pass {
            Pass::Unchanged => (chunk.as_slice(), false),
            Pass::Bytes(bytes) => (bytes.as_slice(), true),
        };
        // Written before the hold moves on: a write that fails leaves both as they were.
        if changed && host::write(Side::Response, at, pass).is_err() {
            return self.break_off(EndWhy::GatewayFailed);
        }
        if !waits {
            return Action::Continue;
        }
        let step =
            if waiting { self.hold.wait(pass.len(), waited) } else { self.hold.flow(pass.len()) };
        let (action, wake) = match step {
            Step::Continue => (Action::Continue, false),
            Step::Pause { wake } => (Action::Pause, wake),
        };
        if wake {
            self.vm.ring(self.id);
        }
        action
    }

    /// The stream's end came without a body callback: with its headers, or as trailers.
    fn stream_ended(&mut self) -> Action {
        let now = self.now();
        let is_logged = self.is_logged();
        if let Some((why, _)) = self.failing {
            self.hold.trailers();
            return self.break_off(why);
        }
        let Phase::Streaming(stream) = &mut self.phase else { return Action::Continue };
        let rules = Rc::clone(&self.rules);
        let finished = rules.redact(&self.vm, |redactor| {
            self.vm.write(|scribe| stream.finish(redactor, scribe, now))
        });
        let has_rest = stream.has_rest();
        if is_logged {
            // Envoy takes no more of the body by now: what could not pass before is cut off.
            return if has_rest { self.break_off(EndWhy::GatewayFailed) } else { Action::Continue };
        }
        self.hold.trailers();
        match finished.flatten() {
            Some(Ok(parcels)) => {
                for parcel in parcels {
                    self.send(parcel, now);
                }
                Action::Pause
            }
            Some(Err(_)) | None => self.break_off(EndWhy::GatewayFailed),
        }
    }

    /// The stream cannot go on. What is withheld stays so; the client is told as soon as Envoy
    /// takes a write, which is after this callback has paused.
    fn break_off(&mut self, why: EndWhy) -> Action {
        self.breaking = Some(why);
        self.failing = None;
        self.hold.wait(0, true);
        self.vm.ring(self.id);
        Action::Pause
    }

    pub(super) fn broken(&mut self, why: EndWhy) {
        self.breaking = Some(why);
        self.failing = None;
        if !matches!(self.phase, Phase::Streaming(_)) {
            return;
        }
        let Phase::Streaming(stream) = std::mem::replace(&mut self.phase, Phase::Answered) else {
            return;
        };
        let now = self.now();
        let event = stream.error_event(why);
        let parcel = self
            .write(|redactor, scribe| stream.close(Ending::own(why), redactor, scribe, now).ok());
        self.keep(parcel.flatten());
        let turn = self.vm.turn();
        let at = self.hold.at(turn);
        let told = self.hold.is_paused()
            && host::write(Side::Response, at, &event).is_ok()
            && host::resume(Side::Response).is_ok();
        self.hold.resumed(turn);
        // The event is the client's end. An upstream that still runs is cut at once: no more
        // tokens are spent. After its end there is nothing to cut, and a reset would overtake the
        // event on its way to the client.
        if !(told && self.hold.ended) {
            let cut = host::close(Side::Response).is_ok();
            if !told && !cut {
                self.phase = Phase::Withheld;
            }
        }
    }
}

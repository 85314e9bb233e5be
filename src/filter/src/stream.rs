//! One HTTP stream: Envoy's callbacks as the steps of one exchange.
//!
//! ```text
//! request   headers ─ body… ─▶ Arriving ─▶ Opening | Refusing ──acknowledged──▶ resume | answer
//! response  headers ─ body… ─▶ Whole | Streaming ──acknowledged──▶ resume
//! log       whatever is not closed is closed, and its part adopted by the VM
//! ```
//!
//! Every host call that fails ends the exchange closed: an answer of ours while the client has
//! none, an error event and a reset afterwards.

use crate::hold::{Hold, Step};
use crate::host::{self, Buffer, Map, Side};
use crate::root::Rules;
use crate::vm::{Count, Vm, new_exchange_id};
use hansard_core::budget::Charge;
use hansard_core::config::{Delivery, OnFailure};
use hansard_core::delivery::StreamId;
use hansard_core::exchange::{
    Arrival, Ending, Forwarded, Head, Opened, Opening, Parcel, Pass, Refused, Responding, Stream,
    Whole,
};
use hansard_core::http::Answer;
use hansard_record::v1::EndWhy;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;
use std::cell::RefCell;
use std::rc::Rc;

/// The SDK's side of a stream: hands every callback to the flow.
pub(crate) struct HttpStream {
    id: StreamId,
    vm: Rc<Vm>,
    flow: Rc<RefCell<Flow>>,
}

/// The exchange and where it stands.
pub(crate) struct Flow {
    id: StreamId,
    vm: Rc<Vm>,
    rules: Rc<Rules>,
    phase: Phase,
    hold: Hold,
    /// Body bytes in Envoy's buffer, on the side that is being read.
    buffered: usize,
    /// Calls that this stream made itself.
    calls: Vec<u32>,
    charge: Charge,
    /// Under delivery `access_log`: the opened part, kept for Envoy's own logger.
    opened: Option<Parcel>,
    /// The response breaks off for this reason as soon as Envoy allows it.
    breaking: Option<EndWhy>,
}

enum Phase {
    /// No request yet.
    Fresh,
    Arriving {
        arrival: Arrival,
        ended: bool,
        keys_by: u64,
    },
    Opening {
        opened: Opened,
    },
    Refusing {
        answer: Answer,
        unrecorded: Answer,
    },
    Forwarded(Forwarded),
    Whole {
        whole: Whole,
        closing: bool,
        passed: Vec<u8>,
    },
    Streaming(Stream),
    /// Answered by us, or broken off: the client's side needs nothing more of us.
    Answered,
    /// On record to the end: the rest passes.
    Closed,
}

impl HttpStream {
    pub(crate) fn new(id: StreamId, vm: Rc<Vm>, rules: Rc<Rules>) -> Self {
        let flow = Flow {
            id,
            charge: vm.budget.charge(),
            vm: Rc::clone(&vm),
            rules,
            phase: Phase::Fresh,
            hold: Hold::default(),
            buffered: 0,
            calls: Vec::new(),
            opened: None,
            breaking: None,
        };
        let flow = Rc::new(RefCell::new(flow));
        vm.enter(id, &flow);
        Self { id, vm, flow }
    }

    fn step(&self, step: impl FnOnce(&mut Flow) -> Action) -> Action {
        match self.flow.try_borrow_mut() {
            Ok(mut flow) => step(&mut flow),
            // Envoy entered this stream from within itself: hold, and let its own error stand.
            Err(_) => Action::Pause,
        }
    }
}

impl Context for HttpStream {
    fn on_grpc_call_response(&mut self, call: u32, status: u32, _: usize) {
        if let Ok(mut flow) = self.flow.try_borrow_mut() {
            flow.calls.retain(|own| *own != call);
        }
        self.vm.answered(call, status == 0);
    }
}

impl HttpContext for HttpStream {
    fn on_http_request_headers(&mut self, _: usize, end: bool) -> Action {
        self.step(|flow| flow.request_headers(end))
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        self.step(|flow| flow.request_body(size, end))
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        self.step(Flow::request_trailers)
    }

    fn on_http_response_headers(&mut self, _: usize, end: bool) -> Action {
        self.step(|flow| flow.response_headers(end))
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        self.step(|flow| flow.response_body(size, end))
    }

    fn on_http_response_trailers(&mut self, _: usize) -> Action {
        self.step(Flow::response_trailers)
    }

    fn on_log(&mut self) {
        let calls = match self.flow.try_borrow_mut() {
            Ok(mut flow) => {
                flow.log();
                std::mem::take(&mut flow.calls)
            }
            Err(_) => Vec::new(),
        };
        self.vm.leave(self.id, &calls);
    }
}

// === the request ===

impl Flow {
    fn request_headers(&mut self, end: bool) -> Action {
        match self.arrive() {
            Some(arrival) if arrival.is_probe() => self.answer(&Answer::probe()),
            Some(arrival) => {
                let keys_by = self.now().saturating_add(self.rules.policy.limits.key_wait_ms);
                if !arrival.is_identified() {
                    self.vm.wait_for_keys(self.id);
                }
                self.phase = Phase::Arriving { arrival, ended: end, keys_by };
                self.conclude();
            }
            None => self.fail(),
        }
        self.held()
    }

    /// Reads the head, takes the credentials off the request, and verifies the caller.
    fn arrive(&mut self) -> Option<Arrival> {
        let now = host::now().ok()?;
        let headers = host::headers(Map::Headers(Side::Request)).ok()?;
        let address = host::text_property(&["source", "address"]).unwrap_or_default();
        let certificate = host::text_property(&["connection", "subject_peer_certificate"]);
        let head = Head::new(&headers, address, certificate);
        let id = new_exchange_id()?;
        let mut arrival = Arrival::new(id, now, &self.rules.policy, &headers, head);
        if arrival.is_probe() {
            return Some(arrival);
        }
        for name in Arrival::headers_to_remove(&headers) {
            host::remove_header(Side::Request, name).ok()?;
        }
        host::set_header(Side::Request, "accept-encoding", "identity").ok()?;
        // The second witness joins on it; without it the record still stands.
        let _unwitnessed = host::set_filter_state("hansard.exchange", id.to_string().as_bytes());
        let announced = headers.first("content-length").and_then(|text| text.parse().ok());
        arrival.measure(&self.rules.policy, &self.vm.budget, announced.unwrap_or(0));
        self.rules.identify(&mut arrival, now);
        Some(arrival)
    }

    fn request_body(&mut self, size: usize, end: bool) -> Action {
        if let Phase::Arriving { arrival, ended, .. } = &mut self.phase {
            self.buffered = size;
            *ended |= end;
            arrival.measure(&self.rules.policy, &self.vm.budget, size);
            if !arrival.wants_body() && arrival.is_identified() {
                // What nobody will read is let go as it comes.
                if size > 0 && host::write(Side::Request, 0, &[]).is_err() {
                    self.fail();
                    return self.held();
                }
                self.buffered = 0;
            }
            self.conclude();
        }
        self.held()
    }

    fn request_trailers(&mut self) -> Action {
        if let Phase::Arriving { ended, .. } = &mut self.phase {
            *ended = true;
            self.conclude();
        }
        self.held()
    }

    /// Decides, once the caller is known and the body is here (or too large to wait for).
    fn conclude(&mut self) {
        let Phase::Arriving { arrival, ended, .. } = &self.phase else { return };
        if !arrival.is_identified() || !(*ended || arrival.is_too_large()) {
            return;
        }
        let wanted = if arrival.wants_body() { self.buffered } else { 0 };
        self.charge.set(wanted.saturating_mul(2));
        let body = match host::read(Buffer::Body(Side::Request), 0, wanted) {
            Ok(body) if body.len() == wanted => body,
            _ => return self.fail(),
        };
        let Phase::Arriving { arrival, .. } = std::mem::replace(&mut self.phase, Phase::Answered)
        else {
            return;
        };
        let now = self.now();
        let rules = Rc::clone(&self.rules);
        let opening = self.vm.write(|scribe| arrival.conclude(&rules.policy, scribe, &body, now));
        let Some(opening) = opening else { return self.fail() };
        drop(body);
        self.buffered = 0;
        match opening {
            Opening::Opened(opened, parcel) => {
                self.vm.count(Count::Admitted);
                self.charge.set(parcel.message.capacity());
                if rules.policy.record.delivery == Delivery::AccessLog {
                    self.opened = Some(parcel);
                    self.phase = Phase::Forwarded(opened.forward(true));
                } else {
                    self.phase = Phase::Opening { opened };
                    self.send(parcel, now);
                }
            }
            Opening::Refused(refused) => self.refuse(refused, now),
        }
    }

    fn refuse(&mut self, refused: Refused, now: u64) {
        let Refused { answer, unrecorded, parcel } = refused;
        self.vm.count(Count::Refused);
        match parcel {
            Some(parcel) if self.rules.policy.record.delivery == Delivery::AccessLog => {
                self.opened = Some(parcel);
                self.answer(&answer);
            }
            Some(parcel) => {
                self.phase = Phase::Refusing { answer, unrecorded };
                self.send(parcel, now);
            }
            None => self.answer(&unrecorded),
        }
    }

    /// Keys have come, or time has passed.
    pub(crate) fn look_for_keys(&mut self, now: u64) {
        if let Phase::Arriving { arrival, keys_by, .. } = &mut self.phase {
            self.rules.identify(arrival, now);
            if !arrival.is_identified() && *keys_by <= now {
                arrival.no_keys();
            }
            if !arrival.is_identified() {
                return self.vm.wait_for_keys(self.id);
            }
            self.conclude();
            if matches!(self.phase, Phase::Forwarded(_)) && host::resume(Side::Request).is_err() {
                self.fail();
            }
        }
    }

    /// What a request callback returns: on, once the request may go on.
    fn held(&self) -> Action {
        match self.phase {
            Phase::Forwarded(_) | Phase::Whole { .. } | Phase::Streaming(_) | Phase::Closed => {
                Action::Continue
            }
            Phase::Fresh
            | Phase::Arriving { .. }
            | Phase::Opening { .. }
            | Phase::Refusing { .. }
            | Phase::Answered => Action::Pause,
        }
    }
}

// === the response ===

impl Flow {
    fn response_headers(&mut self, end: bool) -> Action {
        let Phase::Forwarded(_) = &self.phase else { return Action::Continue };
        let Ok(headers) = host::headers(Map::Headers(Side::Response)) else {
            self.fail();
            return Action::Pause;
        };
        let Phase::Forwarded(forwarded) = std::mem::replace(&mut self.phase, Phase::Answered)
        else {
            return Action::Continue;
        };
        let now = self.now();
        let logged = self.rules.policy.record.delivery == Delivery::AccessLog;
        let has_length = headers.first("content-length").is_some();
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
                if logged {
                    return Action::Continue;
                }
                if end {
                    self.whole_ended(now);
                }
                Action::Pause
            }
        }
    }

    fn response_body(&mut self, size: usize, end: bool) -> Action {
        match &mut self.phase {
            Phase::Streaming(_) => self.stream_body(size, end),
            Phase::Whole { closing: true, .. } => Action::Pause,
            Phase::Whole { passed, .. }
                if self.rules.policy.record.delivery == Delivery::AccessLog =>
            {
                match host::read(Buffer::Body(Side::Response), 0, size) {
                    Ok(chunk) => {
                        let limit = self.rules.policy.limits.response_bytes;
                        if passed.len() + chunk.len() <= limit {
                            passed.extend_from_slice(&chunk);
                            self.charge.set(passed.capacity());
                        }
                        Action::Continue
                    }
                    Err(_) => {
                        self.fail();
                        Action::Pause
                    }
                }
            }
            Phase::Whole { whole, .. } => {
                self.buffered = size;
                let limit = self.rules.policy.limits.response_bytes;
                let now = host::now().unwrap_or(0);
                if size > limit {
                    let (answer, ending) = whole.too_large(limit);
                    if let Phase::Whole { whole, .. } =
                        std::mem::replace(&mut self.phase, Phase::Answered)
                    {
                        self.turn_away(&whole, &answer, ending, now);
                    }
                } else if end {
                    self.whole_ended(now);
                }
                Action::Pause
            }
            Phase::Answered if self.breaking.is_some() => {
                let _dropped = host::write(Side::Response, 0, &[]);
                Action::Continue
            }
            Phase::Fresh
            | Phase::Arriving { .. }
            | Phase::Opening { .. }
            | Phase::Refusing { .. }
            | Phase::Forwarded(_)
            | Phase::Answered
            | Phase::Closed => Action::Continue,
        }
    }

    fn response_trailers(&mut self) -> Action {
        match &self.phase {
            Phase::Streaming(_) => self.stream_ended(),
            Phase::Whole { closing: false, .. }
                if self.rules.policy.record.delivery == Delivery::Acknowledged =>
            {
                let now = self.now();
                self.whole_ended(now);
                Action::Pause
            }
            Phase::Whole { closing: true, .. } => Action::Pause,
            _ => Action::Continue,
        }
    }

    /// A whole response is here: its part goes out, and it waits.
    fn whole_ended(&mut self, now: u64) {
        let Phase::Whole { whole, closing, .. } = &mut self.phase else { return };
        *closing = true;
        self.charge.set(self.buffered.saturating_mul(2));
        let written = match host::read(Buffer::Body(Side::Response), 0, self.buffered) {
            Ok(body) if body.len() == self.buffered => {
                self.vm.write(|scribe| whole.complete(scribe, &body, now))
            }
            _ => None,
        };
        match written {
            Some(Ok(parcel)) => self.send(parcel, now),
            Some(Err(_)) | None => self.fail(),
        }
    }

    /// Withholds a response for good and tells the client why.
    fn turn_away(&mut self, whole: &Whole, answer: &Answer, ending: Ending, now: u64) {
        let parcel = self.vm.write(|scribe| whole.close(ending, scribe, &[], now).ok());
        self.keep(parcel.flatten());
        self.answer(answer);
    }

    fn stream_body(&mut self, size: usize, end: bool) -> Action {
        let at = self.hold.unreleased;
        self.hold.ended |= end;
        let Ok(chunk) = host::read(Buffer::Body(Side::Response), at, size.saturating_sub(at))
        else {
            return self.break_off(EndWhy::GatewayFailed);
        };
        let now = self.now();
        let Phase::Streaming(stream) = &mut self.phase else { return Action::Continue };
        let waited = stream.is_waiting();
        let waits = self.rules.policy.record.delivery == Delivery::Acknowledged;
        let fed = self.vm.write(|scribe| {
            let mut fed = stream.feed(&chunk, scribe, now);
            if end && waits {
                match stream.finish(scribe, now) {
                    Ok(parcel) => fed.parcels.push(parcel),
                    Err(_) => fed.failed = Some(EndWhy::GatewayFailed),
                }
            }
            fed
        });
        let Some(fed) = fed else { return self.break_off(EndWhy::GatewayFailed) };
        if !waits {
            self.charge.set(stream.bytes());
            return Action::Continue;
        }
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
        let step =
            if waiting { self.hold.wait(pass.len(), waited) } else { self.hold.flow(pass.len()) };
        let (offset, action, wake) = match step {
            Step::Continue { at } => (at, Action::Continue, false),
            Step::Pause { at, wake } => (at, Action::Pause, wake),
        };
        if changed && host::write(Side::Response, offset, pass).is_err() {
            return self.break_off(EndWhy::GatewayFailed);
        }
        if wake {
            self.vm.ring(self.id);
        }
        action
    }

    /// The stream's end came without a body callback: with its headers, or as trailers.
    fn stream_ended(&mut self) -> Action {
        let now = self.now();
        let Phase::Streaming(stream) = &mut self.phase else { return Action::Continue };
        if self.rules.policy.record.delivery == Delivery::AccessLog {
            return Action::Continue;
        }
        self.hold.trailers();
        match self.vm.write(|scribe| stream.finish(scribe, now)) {
            Some(Ok(parcel)) => {
                self.send(parcel, now);
                Action::Pause
            }
            Some(Err(_)) | None => self.break_off(EndWhy::GatewayFailed),
        }
    }

    /// The stream cannot go on. What is withheld stays so; the client is told as soon as Envoy
    /// takes a write, which is after this callback has paused.
    fn break_off(&mut self, why: EndWhy) -> Action {
        self.breaking = Some(why);
        self.hold.wait(0, true);
        self.vm.ring(self.id);
        Action::Pause
    }

    fn broken(&mut self, why: EndWhy) {
        self.breaking = Some(why);
        let Phase::Streaming(stream) = std::mem::replace(&mut self.phase, Phase::Answered) else {
            return;
        };
        let now = self.now();
        let parcel = self.vm.write(|scribe| stream.close(Ending::own(why), scribe, now).ok());
        self.keep(parcel.flatten());
        // The event reaches the client, the reset cuts the upstream at once.
        let told = self.hold.is_paused()
            && host::write(Side::Response, self.hold.unreleased, &stream.error_event(why)).is_ok();
        if told {
            self.hold.resumed();
            let _stays_closed = host::resume(Side::Response);
        }
        let _stays_closed = host::close(Side::Response);
    }
}

// === parts ===

impl Flow {
    /// The root was woken for this stream.
    pub(crate) fn woken(&mut self) {
        if let Some(why) = self.breaking {
            return self.broken(why);
        }
        let waiting = matches!(&self.phase, Phase::Streaming(stream) if stream.is_waiting());
        if self.hold.woken(waiting) && host::resume(Side::Response).is_err() {
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
                let answer = whole.unrecorded();
                self.turn_away(&whole, &answer, Ending::own(EndWhy::RecordFailed), now);
            }
            Phase::Streaming(stream) => {
                self.phase = Phase::Streaming(stream);
                if !acknowledged {
                    self.vm.adopt(parcel);
                }
                if passes {
                    self.release(part, acknowledged)
                } else {
                    self.broken(EndWhy::RecordFailed)
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

    /// Lets go what waited for a part.
    fn release(&mut self, part: u64, acknowledged: bool) {
        let Phase::Streaming(stream) = &mut self.phase else { return };
        let pass = stream.settle(part, acknowledged);
        let waiting = stream.is_waiting();
        self.charge.set(stream.bytes());
        if waiting && pass.is_empty() {
            return;
        }
        let at = self.hold.unreleased;
        if !pass.is_empty() && host::write(Side::Response, at, &pass).is_err() {
            return self.broken(EndWhy::GatewayFailed);
        }
        let over = self.hold.ended && !waiting;
        if self.hold.acknowledged(pass.len(), waiting) {
            if host::resume(Side::Response).is_err() {
                return self.broken(EndWhy::GatewayFailed);
            }
        }
        if over {
            self.phase = Phase::Closed;
            self.charge.set(0);
        }
    }

    fn send(&mut self, parcel: Parcel, now: u64) {
        let record = &self.rules.policy.record;
        let call = self.vm.send(self.id, &record.cluster, record.timeout_ms, parcel, now);
        self.calls.extend(call);
    }

    /// Gives a part that nobody waits for to the VM.
    fn keep(&mut self, parcel: Option<Parcel>) {
        let Some(parcel) = parcel else { return };
        if self.rules.policy.record.delivery == Delivery::AccessLog {
            let _lossy = host::set_filter_state("hansard.closed", parcel.message.record());
        } else {
            self.vm.adopt(parcel);
        }
    }

    fn answer(&mut self, answer: &Answer) {
        self.phase = Phase::Answered;
        self.charge.set(0);
        let headers: Vec<_> =
            answer.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        if host::answer(answer.status, &headers, answer.body.as_bytes()).is_err() {
            let _stays_closed = host::close(Side::Request);
        }
    }

    /// A host call failed: nothing more passes.
    fn fail(&mut self) {
        let now = self.now();
        let phase = std::mem::replace(&mut self.phase, Phase::Answered);
        let ending = Ending::own(EndWhy::GatewayFailed);
        let parcel = self.vm.write(|scribe| match &phase {
            Phase::Forwarded(forwarded) => forwarded.ended(ending, scribe, now).ok(),
            Phase::Whole { whole, .. } => whole.close(ending, scribe, &[], now).ok(),
            Phase::Streaming(stream) => stream.close(ending, scribe, now).ok(),
            Phase::Fresh
            | Phase::Arriving { .. }
            | Phase::Opening { .. }
            | Phase::Refusing { .. }
            | Phase::Answered
            | Phase::Closed => None,
        });
        self.keep(parcel.flatten());
        self.answer(&Answer::gateway_failed());
    }

    /// The stream is over, one way or another. Whatever is not closed is closed here.
    fn log(&mut self) {
        let now = self.now();
        let phase = std::mem::replace(&mut self.phase, Phase::Closed);
        if matches!(phase, Phase::Fresh) {
            return;
        }
        let ending = Ending::reported(
            host::text_property(&["response", "code_details"]),
            host::number_property(&["response", "flags"]),
        );
        let logged = self.rules.policy.record.delivery == Delivery::AccessLog;
        let rules = Rc::clone(&self.rules);
        let parcel = self.vm.write(|scribe| match phase {
            Phase::Arriving { mut arrival, .. } => {
                let status = host::number_property(&["response", "code"]).unwrap_or(0);
                arrival.broken_off(u16::try_from(status).unwrap_or(0));
                match arrival.conclude(&rules.policy, scribe, &[], now) {
                    Opening::Refused(refused) => refused.parcel,
                    Opening::Opened(_, parcel) => Some(parcel),
                }
            }
            Phase::Opening { opened } => opened.ended(ending, scribe, now).ok(),
            Phase::Forwarded(forwarded) => forwarded.ended(ending, scribe, now).ok(),
            Phase::Whole { whole, passed, .. } if logged => {
                let complete = !passed.is_empty() && Ending::is_clean(&ending);
                let ending = if complete { Ending::own(EndWhy::Complete) } else { ending };
                whole.close(ending, scribe, &passed, now).ok()
            }
            Phase::Whole { whole, .. } => whole.close(ending, scribe, &[], now).ok(),
            Phase::Streaming(mut stream) if logged && Ending::is_clean(&ending) => {
                stream.finish(scribe, now).ok()
            }
            Phase::Streaming(stream) => stream.close(ending, scribe, now).ok(),
            Phase::Fresh | Phase::Refusing { .. } | Phase::Answered | Phase::Closed => None,
        });
        let parcel = parcel.flatten();
        if logged {
            if let Some(opened) = self.opened.take() {
                let _lossy = host::set_filter_state("hansard.opened", opened.message.record());
            }
        } else if let Some(parcel) = &parcel {
            let record = &self.rules.policy.record;
            Vm::last_word(&record.cluster, record.timeout_ms, parcel);
        }
        self.keep(parcel);
    }

    /// The time; without one, the records of this VM cannot be dated, and the epoch says so.
    fn now(&self) -> u64 {
        host::now().unwrap_or(0)
    }
}

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

mod parts;
mod request;
mod response;

use crate::hold::Hold;
use crate::host::{self, Side};
use crate::root::Rules;
use crate::vm::Vm;
use hansard_core::budget::Charge;
use hansard_core::config::Delivery;
use hansard_core::delivery::StreamId;
use hansard_core::exchange::{
    Arrival, Ending, Forwarded, Opened, Opening, Parcel, Scribe, Stream, Whole,
};
use hansard_core::http::Answer;
use hansard_core::redaction::Redactor;
use hansard_record::part::EndWhy;
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
    /// Body bytes of a refused request that were let go unread.
    drained: usize,
    /// The message on the side that is being read announces its length.
    has_length: bool,
    /// Calls that this stream made itself.
    calls: Vec<u32>,
    charge: Charge,
    /// Under delivery `access_log`: the opened part, kept for Envoy's own logger.
    opened: Option<Parcel>,
    /// The response breaks off for this reason as soon as Envoy allows it.
    breaking: Option<EndWhy>,
    /// A running response is to break off with its next data, or else at this time.
    failing: Option<(EndWhy, u64)>,
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
    /// To be answered, and the host took neither the answer nor a reset: nothing passes any more.
    Withheld,
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
            drained: 0,
            has_length: false,
            calls: Vec::new(),
            opened: None,
            breaking: None,
            failing: None,
        };
        let flow = Rc::new(RefCell::new(flow));
        vm.enter(id, &flow);
        Self { id, vm, flow }
    }

    fn step(&self, step: impl FnOnce(&mut Flow) -> Action) -> Action {
        self.vm.next_turn(self.id);
        match self.flow.try_borrow_mut() {
            Ok(mut flow) => step(&mut flow),
            // Envoy entered this stream from within itself: hold, and let its own error stand.
            Err(_) => Action::Pause,
        }
    }
}

impl Context for HttpStream {
    fn on_grpc_call_response(&mut self, call: u32, status: u32, size: usize) {
        let again = self.vm.answered(self.id, call, status, size);
        if let Ok(mut flow) = self.flow.try_borrow_mut() {
            flow.calls.retain(|own| *own != call);
            flow.calls.extend(again);
        }
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
        self.vm.next_turn(self.id);
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

impl Flow {
    fn answer(&mut self, answer: &Answer) {
        self.phase = Phase::Answered;
        self.charge.set(0);
        let headers: Vec<_> =
            answer.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        if host::answer(answer.status, &headers, answer.body.as_bytes()).is_err()
            && host::close(Side::Request).is_err()
        {
            self.phase = Phase::Withheld;
        }
    }

    /// A host call failed: nothing more passes.
    fn fail(&mut self) {
        let now = self.now();
        let phase = std::mem::replace(&mut self.phase, Phase::Answered);
        let ending = Ending::own(EndWhy::GatewayFailed);
        let parcel = self.write(|redactor, scribe| match phase {
            Phase::Forwarded(forwarded) => forwarded.ended(ending, scribe, now).ok(),
            Phase::Whole { whole, .. } => whole.close(ending, redactor, scribe, &[], now).ok(),
            Phase::Streaming(stream) => stream.close(ending, redactor, scribe, now).ok(),
            Phase::Fresh
            | Phase::Arriving { .. }
            | Phase::Opening { .. }
            | Phase::Refusing { .. }
            | Phase::Answered
            | Phase::Withheld
            | Phase::Closed => None,
        });
        self.keep(parcel.flatten());
        self.answer(&Answer::gateway_failed());
    }

    /// The stream is over, one way or another. Whatever is not closed is closed here.
    fn log(&mut self) {
        let phase = std::mem::replace(&mut self.phase, Phase::Closed);
        let is_done = matches!(
            phase,
            Phase::Fresh | Phase::Refusing { .. } | Phase::Answered | Phase::Closed
        );
        if is_done && self.opened.is_none() {
            return;
        }
        let now = self.now();
        let ending = reported();
        let logged = self.is_logged();
        let rules = Rc::clone(&self.rules);
        let parcel = self.write(|redactor, scribe| match phase {
            Phase::Arriving { mut arrival, .. } => {
                let status = host::number_property(&["response", "code"]).unwrap_or(0);
                arrival.broken_off(u16::try_from(status).unwrap_or(0));
                match arrival.conclude(&rules.policy, redactor, scribe, &[], now) {
                    Opening::Refused(refused) => refused.parcel,
                    Opening::Opened(_, parcel) => Some(parcel),
                }
            }
            Phase::Opening { opened } => opened.ended(ending, scribe, now).ok(),
            Phase::Forwarded(forwarded) => forwarded.ended(ending, scribe, now).ok(),
            Phase::Whole { whole, passed, .. } if logged => {
                let complete = ending.is_clean();
                let ending = if complete { Ending::own(EndWhy::Complete) } else { ending };
                whole.close(ending, redactor, scribe, &passed, now).ok()
            }
            Phase::Whole { whole, closing: true, .. } => whole.withheld(ending, scribe, now).ok(),
            Phase::Whole { whole, .. } => whole.close(ending, redactor, scribe, &[], now).ok(),
            Phase::Streaming(mut stream) if logged && Ending::is_clean(&ending) => {
                let ended = stream.finish(redactor, scribe, now);
                ended.and_then(|_| stream.closed(scribe, now)).ok()
            }
            Phase::Streaming(stream) => stream.close(ending, redactor, scribe, now).ok(),
            Phase::Fresh
            | Phase::Refusing { .. }
            | Phase::Answered
            | Phase::Withheld
            | Phase::Closed => None,
        });
        let parcel = parcel.flatten();
        if logged {
            if let Some(opened) = self.opened.take() {
                let _lossy = host::set_filter_state("hansard.opened", opened.message.record());
            }
        } else if let Some(parcel) = &parcel {
            Vm::last_word(&self.rules.sinks, self.rules.policy.record.timeout_ms, parcel);
        }
        self.keep(parcel);
    }

    /// Writes a part, with the redactor at hand; `None` while either is at work.
    fn write<T>(&self, write: impl FnOnce(&mut Redactor, &mut Scribe) -> T) -> Option<T> {
        let rules = Rc::clone(&self.rules);
        rules.redact(&self.vm, |redactor| self.vm.write(|scribe| write(redactor, scribe))).flatten()
    }

    /// Puts other bytes in the place of a whole body that Envoy holds, headers and all.
    fn replace(&self, side: Side, body: &[u8]) -> Result<(), host::Status> {
        host::write(side, 0, body)?;
        if self.has_length {
            host::set_header(side, "content-length", &body.len().to_string())?;
        }
        Ok(())
    }

    /// Whether the record rides on Envoy's own logger, and nothing waits for it.
    fn is_logged(&self) -> bool {
        self.rules.policy.record.delivery == Delivery::AccessLog
    }

    /// The time; without one, the records of this VM cannot be dated, and the epoch says so.
    fn now(&self) -> u64 {
        host::now().unwrap_or(0)
    }
}

/// How the host says that the stream ends.
fn reported() -> Ending {
    Ending::reported(
        host::text_property(&["response", "code_details"]),
        host::number_property(&["response", "flags"]),
    )
}

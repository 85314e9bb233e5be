//! What the streams of one worker share: the parts on their way, and the streams that wait.
//!
//! One VM serves one worker, single-threaded. It outlives its root contexts: a policy that is
//! reloaded brings a new root into the same VM, and streams that run keep their own policy.

use crate::host::{self, Buffer, Level};
use crate::stream::Flow;
use hansard_core::budget::Budget;
use hansard_core::delivery::{
    Answer, Memory, Offer, Outbox, Reply, Resend, Route, Settled, Sinks, StreamId,
};
use hansard_core::exchange::{Parcel, Scribe};
use hansard_core::redaction::{Action, Found};
use hansard_record::{BootId, ExchangeId};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// Memory for parts that are resent until they are acknowledged: at least one of the largest.
const ORPHAN_BYTES: usize = 128 << 20;

thread_local! {
    static VM: OnceCell<Rc<Vm>> = const { OnceCell::new() };
}

/// The worker's shared state.
pub(crate) struct Vm {
    scribe: RefCell<Scribe>,
    pub(crate) budget: Budget,
    outbox: RefCell<Outbox>,
    flows: RefCell<HashMap<StreamId, Rc<RefCell<Flow>>>>,
    /// Streams that wait for keys.
    waiting: RefCell<Vec<StreamId>>,
    /// Parts whose call could not be made, or whose stream the host did not let us act for: settled
    /// in a later root callback.
    failed: RefCell<Vec<Settled>>,
    /// Streams that were to be woken and could not be: tried again with the tick.
    asleep: RefCell<Vec<StreamId>>,
    /// Counts the callbacks of the host: what one of them resumes, Envoy carries out after it.
    turn: Cell<u64>,
    queue: Cell<Option<u32>>,
    /// The root is on its way to look for work.
    rung: Cell<bool>,
    root: Cell<u32>,
    /// The context that host calls are about at present.
    acting: Cell<u32>,
    sinks: RefCell<Option<Rc<Sinks>>>,
    timeout_ms: Cell<u64>,
    dropped_counted: Cell<u64>,
    counters: Counters,
}

/// Envoy counters, of all VMs together.
struct Counters {
    admitted: Option<u32>,
    refused: Option<u32>,
    acknowledged: Option<u32>,
    unacknowledged: Option<u32>,
    dropped: Option<u32>,
    /// Parts with a stream's block or events, sent while it ran.
    progress: Option<u32>,
    /// Calls that went on to another sink.
    failovers: Option<u32>,
    /// Calls whose sink did not have what they left out.
    unknown: Option<u32>,
    /// By rule and action, as they come up.
    findings: RefCell<HashMap<(String, Action), Option<u32>>>,
}

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Count {
    Admitted,
    Refused,
    Progress,
    Failover,
    Unknown,
}

/// Why there is no call.
#[derive(Debug)]
enum Uncalled {
    NoMemory,
    Host(host::Status),
}

impl Vm {
    /// The VM, made on first use; `None` while the host gives no time or no random bytes.
    pub(crate) fn get() -> Option<Rc<Self>> {
        VM.with(|cell| {
            if cell.get().is_none() {
                let vm = Self::new()?;
                let _set_above = cell.set(Rc::new(vm));
            }
            cell.get().cloned()
        })
    }

    fn new() -> Option<Self> {
        let boot = BootId::new(host::now().ok()?, random()?);
        let node = host::text_property(&["node", "id"]).unwrap_or_default();
        let budget = Budget::default();
        let memory = Memory::new(random()?, budget.charge());
        Some(Self {
            scribe: RefCell::new(Scribe::new(boot, node, env!("CARGO_PKG_VERSION"))),
            budget,
            outbox: RefCell::new(Outbox::new(ORPHAN_BYTES).remembering(memory)),
            flows: RefCell::default(),
            waiting: RefCell::default(),
            failed: RefCell::default(),
            asleep: RefCell::default(),
            turn: Cell::new(0),
            queue: Cell::new(None),
            rung: Cell::new(false),
            root: Cell::new(0),
            acting: Cell::new(0),
            sinks: RefCell::default(),
            timeout_ms: Cell::new(0),
            dropped_counted: Cell::new(0),
            counters: Counters {
                admitted: host::counter("hansard.exchanges.admitted"),
                refused: host::counter("hansard.exchanges.refused"),
                acknowledged: host::counter("hansard.parts.acknowledged"),
                unacknowledged: host::counter("hansard.parts.unacknowledged"),
                dropped: host::counter("hansard.parts.dropped"),
                progress: host::counter("hansard.parts.progress"),
                failovers: host::counter("hansard.sinks.failovers"),
                unknown: host::counter("hansard.sinks.unknown"),
                findings: RefCell::default(),
            },
        })
    }

    /// A root takes over: the queue wakes it, and its sinks get what belongs to no stream.
    pub(crate) fn serve(&self, root: u32, sinks: &Rc<Sinks>, timeout_ms: u64) -> bool {
        // A name of its own: items of a shared name reach the last VM that registered it.
        let Some(id) = host::now().ok().and_then(new_exchange_id) else { return false };
        let Ok(queue) = host::open_queue(&format!("hansard.wake.{id}")) else { return false };
        self.queue.set(Some(queue));
        self.root.set(root);
        self.sinks.replace(Some(Rc::clone(sinks)));
        self.timeout_ms.set(timeout_ms);
        true
    }

    /// Writes a part; `None` while another is being written.
    pub(crate) fn write<T>(&self, write: impl FnOnce(&mut Scribe) -> T) -> Option<T> {
        self.scribe.try_borrow_mut().ok().map(|mut scribe| write(&mut scribe))
    }

    /// A stream begins.
    pub(crate) fn enter(&self, stream: StreamId, flow: &Rc<RefCell<Flow>>) {
        if let Ok(mut flows) = self.flows.try_borrow_mut() {
            flows.insert(stream, Rc::clone(flow));
        }
    }

    /// A stream is over.
    pub(crate) fn leave(&self, stream: StreamId, own_calls: &[u32]) {
        if let Ok(mut flows) = self.flows.try_borrow_mut() {
            flows.remove(&stream);
        }
        let now = host::now().unwrap_or(0);
        if let Ok(mut outbox) = self.outbox.try_borrow_mut() {
            outbox.stream_died(stream, own_calls);
            if !outbox.has_work(now) {
                return;
            }
        }
        self.ring(0);
    }

    /// Sends a part of a stream that waits for it. The number of the stream's own call, if one was
    /// made; a call that cannot be made settles the part as not acknowledged, soon.
    pub(crate) fn send(
        &self,
        stream: StreamId,
        sinks: &Rc<Sinks>,
        timeout_ms: u64,
        parcel: Parcel,
        now: u64,
    ) -> Option<u32> {
        let Ok(mut outbox) = self.outbox.try_borrow_mut() else { return None };
        if parcel.is_progress {
            self.count(Count::Progress);
        }
        let deadline = now + timeout_ms;
        match outbox.offer(stream, parcel, deadline) {
            Offer::Queued => {
                drop(outbox);
                self.ring(0);
                None
            }
            Offer::Direct(parcel) => {
                let route = sinks.route(timeout_ms, now);
                match self.call(&mut outbox, || [&parcel].into_iter(), route, now) {
                    Ok((call, route)) => {
                        outbox.sent(call, stream, parcel, deadline, route);
                        Some(call)
                    }
                    Err(uncalled) => {
                        drop(outbox);
                        let why = match uncalled {
                            Uncalled::NoMemory => "no memory for a call".to_owned(),
                            Uncalled::Host(status) => format!("{status:?}"),
                        };
                        host::log(Level::Error, &format!("hansard: sink cluster: {why}"));
                        if let Ok(mut failed) = self.failed.try_borrow_mut() {
                            failed.push(Settled { stream, parcel, acknowledged: false });
                        }
                        self.ring(0);
                        None
                    }
                }
            }
        }
    }

    /// Takes a part that no stream waits for; it is resent until it is acknowledged.
    pub(crate) fn adopt(&self, parcel: Parcel) {
        if let Ok(mut outbox) = self.outbox.try_borrow_mut() {
            outbox.adopt(parcel);
        }
        self.ring(0);
    }

    /// Sends a dying stream's last part in a call whose answer nobody will hear: when the whole
    /// process is going down, this call still gets out, and the adopted copy does not.
    pub(crate) fn last_word(sinks: &Sinks, timeout_ms: u64, parcel: &Parcel) {
        let _unheard = host::grpc_call(sinks.preferred(), &parcel.message, timeout_ms);
    }

    /// Wakes the root: to send what waits (0), or to let a stream go on (its id).
    pub(crate) fn ring(&self, stream: StreamId) {
        if stream == 0 && self.rung.get() {
            return;
        }
        if let Some(queue) = self.queue.get() {
            // An item that is lost is made up for by the tick.
            let is_on_its_way = host::enqueue(queue, stream).is_ok();
            self.rung.set(stream == 0 && is_on_its_way || self.rung.get());
        }
    }

    /// The number of the host's present callback.
    pub(crate) fn turn(&self) -> u64 {
        self.turn.get()
    }

    /// The host calls.
    pub(crate) fn next_turn(&self, context: u32) {
        self.turn.set(self.turn.get() + 1);
        self.acting.set(context);
    }

    /// The root was woken.
    pub(crate) fn woken(&self, root: u32, queue: u32) {
        self.next_turn(root);
        self.rung.set(false);
        while let Some(stream) = host::dequeue(queue) {
            if stream == 0 {
                continue;
            }
            self.wake(stream);
        }
        self.work();
    }

    fn wake(&self, stream: StreamId) {
        if let Some(flow) = self.flow(stream)
            && !self.with(stream, &flow, Flow::woken)
            && let Ok(mut asleep) = self.asleep.try_borrow_mut()
        {
            asleep.push(stream);
        }
    }

    /// Time has passed.
    pub(crate) fn tick(&self, root: u32, now: u64) {
        self.next_turn(root);
        self.rung.set(false);
        let expired = match self.outbox.try_borrow_mut() {
            Ok(mut outbox) => outbox.expired(now),
            Err(_) => Vec::new(),
        };
        self.settle(expired);
        let asleep = self.asleep.try_borrow_mut().map(|mut list| std::mem::take(&mut *list));
        for stream in asleep.unwrap_or_default() {
            self.wake(stream);
        }
        self.remind(now);
        self.work();
    }

    /// Tells the streams that have something to do by now.
    fn remind(&self, now: u64) {
        let Ok(flows) = self.flows.try_borrow() else { return };
        let is_due = |flow: &RefCell<Flow>| flow.try_borrow().is_ok_and(|flow| flow.is_due(now));
        let due = flows.iter().filter(|(_, flow)| is_due(flow));
        let due: Vec<_> = due.map(|(stream, flow)| (*stream, Rc::clone(flow))).collect();
        drop(flows);
        for (stream, flow) in due {
            // A stream that the host does not let us act for is due at the next tick as well.
            self.with(stream, &flow, |flow| flow.tick(now));
        }
    }

    /// A call to a sink was answered, to the context that made it, with a status and a message of so
    /// many bytes. The number of the context's next call, when the parts are sent again.
    pub(crate) fn answered(
        &self,
        context: u32,
        call: u32,
        status: u32,
        size: usize,
    ) -> Option<u32> {
        self.next_turn(context);
        let now = host::now().unwrap_or(0);
        // An answer that cannot be read says nothing, and one that was given with a status has none.
        let message =
            if status == 0 { host::read(Buffer::GrpcMessage, 0, size).ok() } else { None };
        let answer = Answer::of(status, &message.unwrap_or_default());
        let settled = match self.outbox.try_borrow_mut() {
            Ok(mut outbox) => match outbox.reply(call, answer, now) {
                Reply::Settled(settled) => settled,
                Reply::Resend(resend) => match self.send_again(&mut outbox, resend, now) {
                    Ok(again) => return Some(again),
                    Err(settled) => settled,
                },
            },
            Err(_) => return None,
        };
        self.settle(settled);
        if self.outbox.try_borrow().is_ok_and(|outbox| outbox.has_work(now)) {
            self.ring(0);
        }
        None
    }

    /// A stream waits for its issuer's keys.
    pub(crate) fn wait_for_keys(&self, stream: StreamId) {
        if let Ok(mut waiting) = self.waiting.try_borrow_mut() {
            waiting.push(stream);
        }
    }

    /// Keys have come, or time has passed: the streams that wait look again.
    pub(crate) fn look_for_keys(&self, now: u64) {
        let waiting = self.waiting.try_borrow_mut().map(|mut list| std::mem::take(&mut *list));
        for stream in waiting.unwrap_or_default() {
            if let Some(flow) = self.flow(stream)
                && !self.with(stream, &flow, |flow| flow.look_for_keys(now))
            {
                self.wait_for_keys(stream);
            }
        }
    }

    pub(crate) fn count(&self, what: Count) {
        let metric = match what {
            Count::Admitted => self.counters.admitted,
            Count::Refused => self.counters.refused,
            Count::Progress => self.counters.progress,
            Count::Failover => self.counters.failovers,
            Count::Unknown => self.counters.unknown,
        };
        host::count(metric, 1);
    }

    /// Values that were found: Envoy's tags (`stats_config`) make labels of rule and action.
    pub(crate) fn count_found(&self, found: Vec<Found>) {
        for Found { rule, action, count } in found {
            let Ok(mut findings) = self.counters.findings.try_borrow_mut() else { return };
            let name = format!("hansard.findings.total.rule.{rule}.action.{}", action.name());
            let metric = *findings.entry((rule, action)).or_insert_with(|| host::counter(&name));
            host::count(metric, count);
        }
    }

    /// Settles what failed, then sends batches until nothing waits. In root callbacks only: the
    /// answers must come to a context that outlives the streams.
    fn work(&self) {
        let failed = self.failed.try_borrow_mut().map(|mut f| std::mem::take(&mut *f));
        self.settle(failed.unwrap_or_default());
        let now = host::now().unwrap_or(0);
        let timeout_ms = self.timeout_ms.get();
        loop {
            let Ok(mut outbox) = self.outbox.try_borrow_mut() else { return };
            let Some(batch) = outbox.batch(now) else { break };
            let sinks = self.sinks.try_borrow().ok().and_then(|sinks| sinks.clone());
            let route = sinks.map(|sinks| sinks.route(timeout_ms, now));
            match route.map(|route| self.call(&mut outbox, || batch.parcels(), route, now)) {
                Some(Ok((call, route))) => outbox.batch_sent(call, batch, route),
                Some(Err(Uncalled::NoMemory)) => {
                    outbox.put_back(batch);
                    break;
                }
                Some(Err(Uncalled::Host(_))) | None => {
                    let settled = outbox.batch_failed(batch, now);
                    drop(outbox);
                    self.settle(settled);
                    break;
                }
            }
        }
        if let Ok(outbox) = self.outbox.try_borrow() {
            let new = outbox.dropped().saturating_sub(self.dropped_counted.get());
            if new > 0 {
                self.dropped_counted.set(outbox.dropped());
                host::count(self.counters.dropped, new);
                host::log(Level::Error, "hansard: parts were dropped: the sink has been away");
            }
        }
    }

    fn settle(&self, settled: Vec<Settled>) {
        let good = settled.iter().filter(|part| part.acknowledged).count() as u64;
        let bad = settled.len() as u64 - good;
        if good > 0 {
            host::count(self.counters.acknowledged, good);
        }
        if bad > 0 {
            host::count(self.counters.unacknowledged, bad);
        }
        for part in settled {
            let stream = part.stream;
            let Some(flow) = self.flow(stream) else {
                if !part.acknowledged {
                    self.adopt(part.parcel);
                }
                continue;
            };
            let mut part = Some(part);
            self.with(stream, &flow, |flow| {
                if let Some(Settled { parcel, acknowledged, .. }) = part.take() {
                    flow.settled(parcel, acknowledged);
                }
            });
            if let (Some(part), Ok(mut failed)) = (part, self.failed.try_borrow_mut()) {
                failed.push(part);
            }
        }
    }

    /// Calls the sink that is next on a route, or the one after it when the host makes no call to it.
    fn call<'p, P: Iterator<Item = &'p Parcel>>(
        &self,
        outbox: &mut Outbox,
        parcels: impl Fn() -> P,
        mut route: Route,
        now: u64,
    ) -> Result<(u32, Route), Uncalled> {
        loop {
            let bytes = outbox.load(parcels(), &mut route).ok_or(Uncalled::NoMemory)?;
            let failed = match host::grpc_call(route.cluster(), &bytes, route.timeout_ms(now)) {
                Ok(call) => return Ok((call, route)),
                Err(status) => status,
            };
            route = route.next(now).ok_or(Uncalled::Host(failed))?;
            self.count(Count::Failover);
        }
    }

    /// A call has failed: its parts are sent once more. The new call, or what is settled when there
    /// is none.
    fn send_again(
        &self,
        outbox: &mut Outbox,
        resend: Resend,
        now: u64,
    ) -> Result<u32, Vec<Settled>> {
        self.count(if resend.is_whole() { Count::Unknown } else { Count::Failover });
        match self.call(outbox, || resend.parcels(), resend.route(), now) {
            Ok((call, route)) => {
                outbox.resent(call, resend, route);
                Ok(call)
            }
            Err(_) => Err(outbox.not_resent(resend, now)),
        }
    }

    fn flow(&self, stream: StreamId) -> Option<Rc<RefCell<Flow>>> {
        self.flows.try_borrow().ok()?.get(&stream).cloned()
    }

    /// Runs a step of a stream as if in one of its own callbacks; false when the host does not let
    /// us, and nothing was done.
    fn with(
        &self,
        stream: StreamId,
        flow: &Rc<RefCell<Flow>>,
        step: impl FnOnce(&mut Flow),
    ) -> bool {
        let Ok(mut flow) = flow.try_borrow_mut() else { return false };
        let before = self.acting.get();
        if before != stream && host::act_for(stream).is_err() {
            return false;
        }
        self.acting.set(stream);
        step(&mut flow);
        drop(flow);
        if before != stream {
            let _it_is_there = host::act_for(before);
            self.acting.set(before);
        }
        true
    }
}

/// An id for a new exchange.
pub(crate) fn new_exchange_id(now: u64) -> Option<ExchangeId> {
    Some(ExchangeId::new(now, random()?))
}

fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes)
}

//! Parts on their way to the sink: which call carries which, and what becomes of it.
//!
//! A part that is alone travels at once in a call of its own stream. While a call is in flight,
//! further small parts queue and share the next one (group commit on the wire), which the VM's
//! root sends. A part whose stream has died has nobody to wait for it: it is resent until it is
//! acknowledged, in bounded memory. A call that fails goes on to the next sink while its hold lasts
//! ([`Sinks`]), with what still waits for it. What a sink has of a session's history is not sent to
//! it again ([`Memory`]); where it turns out not to have it, the call is made once more with all of it.
//!
//! ```text
//! offer ─┬─ nothing in flight, or large ─▶ Direct call of its stream ─┐
//!        └─ else ─▶ queue ─▶ batch, a call of the root ───────────────┼─▶ settled
//! adopt ───────────▶ orphans ─▶ batch ─▶ not acknowledged ─▶ orphans ◀┘
//! ```

mod memory;
mod route;

use crate::exchange::Parcel;
use hansard_record::fold::{TAKES_FOLDED, UNKNOWN_STATUS};
pub use memory::Memory;
use route::Form;
pub use route::{Route, Sinks};
use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

/// A stream of this VM, by the host's context id.
pub type StreamId = u32;

/// A part at least this large never waits for others, nor makes them wait.
const LARGE: usize = 256 << 10;
/// Most bytes of one batch, unless a single part is larger.
const BATCH: usize = 1 << 20;
/// Orphans are resent after this time, doubled up to the other.
const RETRY_MS: u64 = 500;
const RETRY_AT_MOST_MS: u64 = 10_000;
/// A call that nobody answered in this time was lost with the context that made it.
const CALL_LOST_MS: u64 = 70_000;

/// How a part travels.
#[derive(Debug)]
pub enum Offer {
    /// Call the sink with it now, and report the call with [`Outbox::sent`].
    Direct(Parcel),
    /// It is queued; the root is to send a batch soon.
    Queued,
}

/// A part's fate.
#[derive(Debug)]
pub struct Settled {
    /// The stream that waits for it.
    pub stream: StreamId,
    /// The part, to be given up or adopted when it was not acknowledged.
    pub parcel: Parcel,
    /// Whether it is durable.
    pub acknowledged: bool,
}

/// What a sink said to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// All of it is durable.
    Acknowledged {
        /// The next parts may leave out what it has.
        folding: bool,
    },
    /// It does not have what was left out; nothing is durable.
    Unknown,
    /// None came, or it was of another kind.
    Failed,
}

impl Answer {
    /// By the call's gRPC status, and the message that came with it.
    #[must_use]
    pub fn of(status: u32, message: &[u8]) -> Self {
        match status {
            0 => Self::Acknowledged { folding: message == TAKES_FOLDED },
            UNKNOWN_STATUS => Self::Unknown,
            _ => Self::Failed,
        }
    }
}

/// What follows from an answer.
#[derive(Debug)]
pub enum Reply {
    /// The call's parts have their fate.
    Settled(Vec<Settled>),
    /// They are to be sent again: to another sink, or whole.
    Resend(Resend),
}

/// Parts on their way, of one VM.
#[derive(Debug)]
pub struct Outbox {
    memory: Option<Memory>,
    queue: VecDeque<Item>,
    calls: HashMap<u32, Flight>,
    /// The root's call, one at a time: what comes meanwhile shares the next.
    batch_call: Option<u32>,
    orphans: VecDeque<Parcel>,
    orphan_bytes: usize,
    orphan_limit: usize,
    retry_at: u64,
    retry_ms: u64,
    dropped: u64,
}

/// A call and what it carries.
#[derive(Debug)]
struct Flight {
    items: Vec<Item>,
    route: Route,
}

#[derive(Debug)]
struct Item {
    /// `None`: an orphan.
    stream: Option<StreamId>,
    deadline: u64,
    parcel: Parcel,
}

impl Outbox {
    /// An empty box that keeps at most so many bytes of orphans.
    #[must_use]
    pub fn new(orphan_limit: usize) -> Self {
        Self {
            memory: None,
            queue: VecDeque::new(),
            calls: HashMap::new(),
            batch_call: None,
            orphans: VecDeque::new(),
            orphan_bytes: 0,
            orphan_limit,
            retry_at: 0,
            retry_ms: RETRY_MS,
            dropped: 0,
        }
    }

    /// The same box, which leaves out what sinks have.
    #[must_use]
    pub fn remembering(self, memory: Memory) -> Self {
        Self { memory: Some(memory), ..self }
    }

    /// The bytes that go to a route's sink: messages one after the other, which are one message (see
    /// `hansard_record`'s codec). The route notes what was left out. `None` when memory is short.
    pub fn load<'p>(
        &mut self,
        parcels: impl Iterator<Item = &'p Parcel>,
        route: &mut Route,
    ) -> Option<Cow<'p, [u8]>> {
        let mut messages = Vec::new();
        for parcel in parcels {
            let memory = self.memory.as_mut().filter(|_| route.form != Form::Whole);
            messages.push(match memory.and_then(|memory| memory.fold(route.cluster(), parcel)) {
                Some(folded) => {
                    route.form = Form::Folded;
                    Cow::Owned(folded)
                }
                None => Cow::Borrowed(&*parcel.message),
            });
        }
        match messages.len() {
            0 | 1 => messages.pop(),
            _ => {
                let mut bytes = Vec::new();
                let size = messages.iter().map(|message| message.len()).sum();
                bytes.try_reserve_exact(size).ok()?;
                messages.iter().for_each(|message| bytes.extend_from_slice(message));
                Some(Cow::Owned(bytes))
            }
        }
    }

    /// A sink has answered a call: what becomes of its parts.
    pub fn reply(&mut self, call: u32, answer: Answer, now: u64) -> Reply {
        let Some(flight) = self.calls.get(&call) else { return Reply::Settled(Vec::new()) };
        let (cluster, is_folded) = (flight.route.cluster(), flight.route.form == Form::Folded);
        let parcels = flight.items.iter().map(|item| &item.parcel);
        let again = match (answer, self.memory.as_mut()) {
            (Answer::Acknowledged { folding: true }, Some(memory)) => {
                parcels.for_each(|parcel| memory.learn(cluster, parcel));
                return Reply::Settled(self.answered(call, true, now));
            }
            // Another sink is there now, and took for the whole what was not.
            (Answer::Acknowledged { .. } | Answer::Unknown, Some(memory)) if is_folded => {
                if answer != Answer::Unknown {
                    memory.no_longer_folding(cluster);
                }
                parcels.for_each(|parcel| memory.forget(cluster, parcel));
                self.whole(call, now)
            }
            (Answer::Acknowledged { .. }, _) => {
                return Reply::Settled(self.answered(call, true, now));
            }
            (Answer::Unknown | Answer::Failed, _) => None,
        };
        match again.or_else(|| self.failed(call, now)) {
            Some(resend) => Reply::Resend(resend),
            None => Reply::Settled(self.answered(call, false, now)),
        }
    }

    /// Takes a part of a stream that waits for it until a deadline.
    pub fn offer(&mut self, stream: StreamId, parcel: Parcel, deadline: u64) -> Offer {
        if self.calls.is_empty() && self.queue.is_empty() || parcel.message.len() >= LARGE {
            return Offer::Direct(parcel);
        }
        self.queue.push_back(Item { stream: Some(stream), deadline, parcel });
        Offer::Queued
    }

    /// A stream's own call is in flight with a part.
    pub fn sent(
        &mut self,
        call: u32,
        stream: StreamId,
        parcel: Parcel,
        deadline: u64,
        route: Route,
    ) {
        let items = vec![Item { stream: Some(stream), deadline, parcel }];
        self.calls.insert(call, Flight { items, route });
    }

    /// The next batch for the root to send, to be handed back to [`Outbox::batch_sent`],
    /// [`Outbox::batch_failed`] or [`Outbox::put_back`]. `None` when nothing waits, or a batch is in
    /// flight.
    pub fn batch(&mut self, now: u64) -> Option<Batch> {
        if self.batch_call.is_some() {
            return None;
        }
        let mut items = Vec::new();
        let mut size = 0;
        let fits = |size: usize, next: usize| size == 0 || size + next <= BATCH;
        while let Some(item) = self.queue.pop_front_if(|i| fits(size, i.parcel.message.len())) {
            size += item.parcel.message.len();
            items.push(item);
        }
        if self.retry_at <= now {
            while let Some(parcel) = self.orphans.pop_front_if(|p| fits(size, p.message.len())) {
                size += parcel.message.len();
                self.orphan_bytes = self.orphan_bytes.saturating_sub(parcel.message.len());
                items.push(Item { stream: None, deadline: now + CALL_LOST_MS, parcel });
            }
        }
        (!items.is_empty()).then_some(Batch(items))
    }

    /// A batch is in flight.
    pub fn batch_sent(&mut self, call: u32, batch: Batch, route: Route) {
        self.batch_call = Some(call);
        self.calls.insert(call, Flight { items: batch.0, route });
    }

    /// A batch could not be sent: its parts are settled as not acknowledged.
    pub fn batch_failed(&mut self, batch: Batch, now: u64) -> Vec<Settled> {
        self.settle(batch.0, false, now)
    }

    /// A call is over. Orphans that were not acknowledged stay.
    fn answered(&mut self, call: u32, acknowledged: bool, now: u64) -> Vec<Settled> {
        let Some(flight) = self.calls.remove(&call) else { return Vec::new() };
        if self.batch_call == Some(call) {
            self.batch_call = None;
        }
        if acknowledged {
            flight.route.answered(now);
        }
        self.settle(flight.items, acknowledged, now)
    }

    /// A call has failed, and there is time to ask another sink: what is to be sent there, and handed
    /// back to [`Outbox::resent`] or [`Outbox::not_resent`]. `None`: the failure stands, and is for
    /// [`Outbox::answered`] to settle.
    fn failed(&mut self, call: u32, now: u64) -> Option<Resend> {
        let route = self.calls.get(&call)?.route.clone().next(now)?;
        self.resend(call, route)
    }

    /// A call has failed for what it left out, and there is time to send everything.
    fn whole(&mut self, call: u32, now: u64) -> Option<Resend> {
        let flight = self.calls.get(&call)?;
        let route = flight.route.clone().whole(now)?;
        self.resend(call, route)
    }

    fn resend(&mut self, call: u32, route: Route) -> Option<Resend> {
        let Flight { items, .. } = self.calls.remove(&call)?;
        let is_batch = self.batch_call == Some(call);
        if is_batch {
            self.batch_call = None;
        }
        Some(Resend { items, route, is_batch })
    }

    /// A call to another sink is in flight.
    pub fn resent(&mut self, call: u32, resend: Resend, route: Route) {
        if resend.is_batch {
            self.batch_call = Some(call);
        }
        self.calls.insert(call, Flight { items: resend.items, route });
    }

    /// None could be made: its parts are settled as not acknowledged.
    pub fn not_resent(&mut self, resend: Resend, now: u64) -> Vec<Settled> {
        self.settle(resend.items, false, now)
    }

    /// Parts whose streams have waited past the deadline: settled as not acknowledged. Orphans of
    /// lost calls are taken back.
    pub fn expired(&mut self, now: u64) -> Vec<Settled> {
        let late = |item: &mut Item| item.deadline <= now;
        let mut items: Vec<Item> = Vec::new();
        for call in self.calls.values_mut() {
            items.extend(call.items.extract_if(.., late));
        }
        self.calls.retain(|_, call| !call.items.is_empty());
        if self.batch_call.is_some_and(|call| !self.calls.contains_key(&call)) {
            self.batch_call = None;
        }
        let (expired, waiting): (Vec<_>, Vec<_>) =
            self.queue.drain(..).partition(|item| item.deadline <= now);
        self.queue = waiting.into();
        items.extend(expired);
        self.settle(items, false, now)
    }

    /// A stream has died: nobody waits for its parts any more. Those of its own calls are sent
    /// again, because the host reports the answer to nobody; the sink stores a repeated part once.
    pub fn stream_died(&mut self, stream: StreamId, own_calls: &[u32]) {
        for item in
            self.queue.iter_mut().chain(self.calls.values_mut().flat_map(|call| &mut call.items))
        {
            if item.stream == Some(stream) {
                item.stream = None;
                item.deadline = item.deadline.saturating_add(CALL_LOST_MS);
            }
        }
        for call in own_calls {
            for item in self.calls.remove(call).into_iter().flat_map(|call| call.items) {
                self.adopt(item.parcel);
            }
        }
    }

    /// Takes a part that nobody waits for; it is resent until it is acknowledged. Over the limit
    /// the oldest are dropped, and one that is over it by itself: the sink sees their numbers
    /// missing.
    pub fn adopt(&mut self, parcel: Parcel) {
        if parcel.message.len() > self.orphan_limit {
            self.dropped += 1;
            return;
        }
        self.insert_orphan(parcel);
        while self.orphan_bytes > self.orphan_limit {
            let Some(oldest) = self.orphans.pop_front() else { break };
            self.orphan_bytes = self.orphan_bytes.saturating_sub(oldest.message.len());
            self.dropped += 1;
        }
    }

    /// Parts dropped so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Whether the root has something to send at this time.
    #[must_use]
    pub fn has_work(&self, now: u64) -> bool {
        self.batch_call.is_none()
            && (!self.queue.is_empty() || (!self.orphans.is_empty() && self.retry_at <= now))
    }

    fn settle(&mut self, items: Vec<Item>, acknowledged: bool, now: u64) -> Vec<Settled> {
        let mut settled = Vec::with_capacity(items.len());
        let mut orphan_failed = false;
        for Item { stream, parcel, .. } in items {
            match stream {
                Some(stream) => settled.push(Settled { stream, parcel, acknowledged }),
                None if acknowledged => {}
                None => {
                    orphan_failed = true;
                    self.adopt(parcel);
                }
            }
        }
        if acknowledged {
            self.retry_ms = RETRY_MS;
            self.retry_at = 0;
        } else if orphan_failed {
            self.retry_at = now + self.retry_ms;
            self.retry_ms = (self.retry_ms * 2).min(RETRY_AT_MOST_MS);
        }
        settled
    }

    /// A batch is not sent for now: memory is short.
    pub fn put_back(&mut self, batch: Batch) {
        for item in batch.0.into_iter().rev() {
            match item.stream {
                Some(_) => self.queue.push_front(item),
                // They were within the limit a moment ago.
                None => self.insert_orphan(item.parcel),
            }
        }
    }

    fn insert_orphan(&mut self, parcel: Parcel) {
        self.orphan_bytes += parcel.message.len();
        let at = self.orphans.partition_point(|older| older.seq < parcel.seq);
        self.orphans.insert(at, parcel);
    }
}

/// Parts that travel together.
#[derive(Debug)]
pub struct Batch(Vec<Item>);

impl Batch {
    /// In the order in which they travel.
    pub fn parcels(&self) -> impl Iterator<Item = &Parcel> {
        self.0.iter().map(|item| &item.parcel)
    }
}

/// Parts whose call has failed, on their way once more.
#[derive(Debug)]
pub struct Resend {
    items: Vec<Item>,
    route: Route,
    is_batch: bool,
}

impl Resend {
    /// Which sink is next.
    #[must_use]
    pub fn route(&self) -> Route {
        self.route.clone()
    }

    /// Whether it goes to the same sink, with what was left out.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.route.form == Form::Whole
    }

    /// In the order in which they travel.
    pub fn parcels(&self) -> impl Iterator<Item = &Parcel> {
        self.items.iter().map(|item| &item.parcel)
    }
}

#[cfg(test)]
mod tests;

//! Any interleaving of offers, answers, deaths and time: no part leaves the box but acknowledged,
//! handed back, or counted as dropped.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
enum Step {
    /// A stream (one of the living) offers a part; whether its call could be made.
    Offer { stream: usize, len: usize, patience: u64, callable: bool },
    /// A call in flight (one of them) is answered.
    Answer { call: usize, acknowledged: bool },
    /// A call that nobody made is answered.
    Stray { acknowledged: bool },
    /// A stream (one of the living) dies.
    Die { stream: usize },
    /// Time passes, and the root sends what it can; whether its call could be made.
    Tick { ms: u64, callable: bool },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let len = prop_oneof![4 => 500..3000_usize, 1 => LARGE - 10..LARGE + 10];
    let ms = prop_oneof![4 => 0..2000_u64, 1 => 0..100_000_u64];
    let step = prop_oneof![
        5 => (any::<usize>(), len, 0..8000_u64, any::<bool>()).prop_map(
            |(stream, len, patience, callable)| Step::Offer { stream, len, patience, callable }
        ),
        4 => (any::<usize>(), any::<bool>())
            .prop_map(|(call, acknowledged)| Step::Answer { call, acknowledged }),
        1 => any::<bool>().prop_map(|acknowledged| Step::Stray { acknowledged }),
        1 => any::<usize>().prop_map(|stream| Step::Die { stream }),
        3 => (ms, any::<bool>()).prop_map(|(ms, callable)| Step::Tick { ms, callable }),
    ];
    vec(step, 0..80)
}

/// What became of a part for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Acknowledged,
    /// Handed back to its stream, which gave it up.
    HandedBack,
    Dropped,
}

/// The filter around a box, and what it knows of each part.
struct World {
    outbox: Outbox,
    sinks: Rc<Sinks>,
    now: u64,
    streams: Vec<StreamId>,
    next: u32,
    /// Calls in flight, with the parts that went out with each, and the stream that made it.
    calls: BTreeMap<u32, (Vec<u64>, Option<StreamId>)>,
    written: u64,
    fates: BTreeMap<u64, Fate>,
}

impl World {
    fn new(limit: usize) -> Self {
        Self {
            outbox: Outbox::new(limit),
            sinks: Rc::new(Sinks::new(vec!["a".into(), "b".into(), "c".into()])),
            now: NOW,
            streams: vec![1, 2, 3],
            next: 4,
            calls: BTreeMap::new(),
            written: 0,
            fates: BTreeMap::new(),
        }
    }

    /// The parts that are in the box.
    fn held(&self) -> BTreeSet<u64> {
        let Outbox { queue, calls, orphans, orphan_bytes, orphan_limit, .. } = &self.outbox;
        let of_orphans: usize = orphans.iter().map(|parcel| parcel.message.len()).sum();
        assert_eq!(*orphan_bytes, of_orphans);
        assert!(of_orphans <= *orphan_limit, "bounded memory");
        let items = queue.iter().chain(calls.values().flat_map(|call| &call.items));
        let seqs: Vec<u64> =
            items.map(|item| item.parcel.seq).chain(orphans.iter().map(|p| p.seq)).collect();
        let set: BTreeSet<u64> = seqs.iter().copied().collect();
        assert_eq!(set.len(), seqs.len(), "a part is in one place");
        set
    }

    fn settled(&mut self, part: u64, fate: Fate) {
        let before = self.fates.insert(part, fate);
        assert_eq!(before, None, "part {part} was settled twice");
    }

    /// Does something to the box. `acked` are the parts that an acknowledgement is about.
    fn act(&mut self, acked: &[u64], act: impl FnOnce(&mut Outbox) -> Vec<Settled>) {
        let before = self.held();
        let settled = act(&mut self.outbox);
        self.account(before, acked, settled);
    }

    /// Finds the fate of every part that was in the box and is not any more.
    fn account(&mut self, before: BTreeSet<u64>, acked: &[u64], settled: Vec<Settled>) {
        let mut gone = &before - &self.held();
        for part in &settled {
            let seq = part.parcel.seq;
            assert!(self.streams.contains(&part.stream), "a dead stream is told of part {seq}");
            assert!(gone.remove(&seq), "part {seq} is handed back and kept");
            assert_eq!(part.acknowledged, acked.contains(&seq), "part {seq}");
        }
        for part in gone {
            // Nobody was told: an orphan, acknowledged or dropped.
            let fate = if acked.contains(&part) { Fate::Acknowledged } else { Fate::Dropped };
            self.settled(part, fate);
        }
        let dropped = self.fates.values().filter(|fate| **fate == Fate::Dropped).count();
        assert_eq!(dropped as u64, self.outbox.dropped(), "each drop is counted, and nothing else");
        for Settled { parcel, acknowledged, .. } in settled {
            let seq = parcel.seq;
            if acknowledged {
                self.settled(seq, Fate::Acknowledged);
            } else if seq.is_multiple_of(2) {
                self.settled(seq, Fate::HandedBack);
            } else {
                let mut before = self.held();
                before.insert(seq);
                self.outbox.adopt(parcel);
                self.account(before, &[], Vec::new());
            }
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Offer { stream, len, patience, callable } => {
                let stream = self.streams[stream % self.streams.len()];
                self.written += 1;
                let part = self.written;
                let deadline = self.now + patience;
                match self.outbox.offer(stream, parcel(part, len), deadline) {
                    Offer::Queued => {}
                    Offer::Direct(_) if !callable => self.settled(part, Fate::HandedBack),
                    Offer::Direct(parcel) => {
                        let call = self.call(vec![part], Some(stream));
                        let route = self.sinks.route(patience, self.now);
                        self.outbox.sent(call, stream, parcel, deadline, route);
                    }
                }
            }
            Step::Answer { call, acknowledged } => {
                let Some(&call) = self.calls.keys().nth(call % self.calls.len().max(1)) else {
                    return;
                };
                self.answer(call, acknowledged);
            }
            Step::Stray { acknowledged } => {
                let now = self.now;
                self.act(&[], |outbox| outbox.answered(u32::MAX, acknowledged, now));
            }
            Step::Die { stream } => {
                let stream = self.streams.swap_remove(stream % self.streams.len());
                self.streams.push(self.next);
                self.next += 1;
                let own: Vec<u32> = self
                    .calls
                    .iter()
                    .filter(|(_, (_, maker))| *maker == Some(stream))
                    .map(|(call, _)| *call)
                    .collect();
                // The host does not report these any more.
                own.iter().for_each(|call| drop(self.calls.remove(call)));
                self.act(&[], |outbox| {
                    outbox.stream_died(stream, &own);
                    Vec::new()
                });
            }
            Step::Tick { ms, callable } => {
                self.now += ms;
                let now = self.now;
                self.act(&[], |outbox| outbox.expired(now));
                while let Some((parts, batch)) = batched(&mut self.outbox, now) {
                    if callable {
                        let call = self.call(parts, None);
                        let route = self.sinks.route(PATIENCE, now);
                        self.outbox.batch_sent(call, batch, route);
                    } else {
                        let before = self.held().into_iter().chain(parts).collect();
                        let settled = self.outbox.batch_failed(batch, now);
                        self.account(before, &[], settled);
                        break;
                    }
                }
            }
        }
        self.held();
    }

    fn call(&mut self, parts: Vec<u64>, maker: Option<StreamId>) -> u32 {
        self.next += 1;
        self.calls.insert(self.next, (parts, maker));
        self.next
    }

    fn answer(&mut self, call: u32, acknowledged: bool) {
        let (parts, maker) = self.calls.remove(&call).unwrap();
        let now = self.now;
        // Another sink may be asked, in a call of the same maker; or the host makes none.
        if !acknowledged && let Some(resend) = self.outbox.failed(call, now) {
            let parts: Vec<u64> = resend.items.iter().map(|item| item.parcel.seq).collect();
            if call.is_multiple_of(3) {
                let before = self.held().into_iter().chain(parts).collect();
                let settled = self.outbox.not_resent(resend, now);
                return self.account(before, &[], settled);
            }
            let again = self.call(parts, maker);
            let route = resend.route();
            return self.outbox.resent(again, resend, route);
        }
        let acked = if acknowledged { parts } else { Vec::new() };
        self.act(&acked, |outbox| outbox.answered(call, acknowledged, now));
    }

    /// The sink answers everything from now on: the box must empty.
    fn drain(&mut self) {
        for _ in 0..200 {
            self.step(&Step::Tick { ms: 10_000, callable: true });
            while let Some((&call, _)) = self.calls.first_key_value() {
                self.answer(call, true);
            }
        }
        assert!(self.held().is_empty() && !self.outbox.has_work(u64::MAX));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_part_is_lost_in_silence(steps in steps(), limit in prop_oneof![Just(64 * MIB), 0..8000_usize]) {
        let mut world = World::new(limit);
        for step in &steps {
            world.step(step);
            let known = world.held().len() + world.fates.len();
            prop_assert_eq!(known as u64, world.written, "every part is held or has its fate");
        }
        world.drain();
        prop_assert_eq!(world.fates.len() as u64, world.written);
    }
}

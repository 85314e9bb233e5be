//! A stream that is fed step by step and watched: after every step, what has passed is exactly
//! what may have passed.

use super::outline::{Outline, Waits};
use super::*;
use std::collections::HashSet;

/// When parts are acknowledged.
#[derive(Clone, Debug)]
pub(super) enum Acks {
    /// As soon as they are written.
    AtOnce,
    /// After the stream's end, in their order.
    AtTheEnd,
    /// After the stream's end, the last part first.
    Backwards,
    /// After each step so many of those that wait, and which: an index each.
    Random(Vec<Vec<usize>>),
}

/// What a stream led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) progress: Vec<Vec<u8>>,
    pub(super) closed: Vec<u8>,
}

struct Watched<'a> {
    outline: &'a Outline,
    stream: Stream,
    redactor: &'a mut Redactor,
    scribe: &'a mut Scribe,
    fed: usize,
    passed: usize,
    /// Parts that nobody has settled yet.
    unsettled: Vec<u64>,
    progress: Vec<Parcel>,
    closed: Option<Parcel>,
}

/// Feeds a stream in chunks that end at `cuts`, acknowledges its parts, and asserts every promise
/// on the way.
pub(super) fn watch(
    gateway: &mut Gateway,
    outline: &Outline,
    cuts: impl IntoIterator<Item = usize>,
    acks: &Acks,
) -> Outcome {
    gateway.scribe = scribe();
    let stream = gateway.stream();
    let Gateway { redactor, scribe, .. } = gateway;
    let mut watched = Watched {
        outline,
        stream,
        redactor,
        scribe,
        fed: 0,
        passed: 0,
        unsettled: Vec::new(),
        progress: Vec::new(),
        closed: None,
    };
    let mut steps = match acks {
        Acks::Random(steps) => steps.iter(),
        _ => [].iter(),
    };
    for cut in cuts.into_iter().chain([outline.text.len()]) {
        watched.feed(cut);
        match acks {
            Acks::AtOnce => watched.settle_all(false),
            Acks::Random(_) => watched.settle_some(steps.next().map_or(&[], Vec::as_slice)),
            Acks::AtTheEnd | Acks::Backwards => {}
        }
    }
    watched.finish();
    if let Acks::Random(_) = acks {
        watched.settle_some(steps.next().map_or(&[], Vec::as_slice));
    }
    watched.settle_all(matches!(acks, Acks::Backwards));
    watched.outcome()
}

impl Watched<'_> {
    fn feed(&mut self, cut: usize) {
        let chunk = &self.outline.text[self.fed..cut];
        let fed = self.stream.feed(chunk, false, self.redactor, self.scribe, NOW);
        assert_eq!(fed.failed, None);
        assert_eq!(fed.waiting, self.stream.is_waiting());
        match fed.pass {
            Pass::Unchanged => {
                assert_eq!(self.passed, self.fed, "bytes are held: the chunk cannot pass alone");
                self.passed = cut;
            }
            Pass::Bytes(bytes) => self.pass(&bytes),
        }
        self.fed = cut;
        self.unsettled.extend(fed.parcels.iter().map(|parcel| parcel.seq));
        self.progress.extend(fed.parcels);
        self.check();
    }

    fn finish(&mut self) {
        let mut parcels = self.stream.finish(self.redactor, self.scribe, NOW).unwrap();
        self.unsettled.extend(parcels.iter().map(|parcel| parcel.seq));
        self.closed = parcels.pop();
        self.progress.extend(parcels);
        self.check();
    }

    fn settle_all(&mut self, backwards: bool) {
        while !self.unsettled.is_empty() {
            let at = if backwards { self.unsettled.len() - 1 } else { 0 };
            self.settle(at);
        }
    }

    fn settle_some(&mut self, choices: &[usize]) {
        for choice in choices {
            if !self.unsettled.is_empty() {
                self.settle(choice % self.unsettled.len());
            }
        }
    }

    fn settle(&mut self, at: usize) {
        let part = self.unsettled.remove(at);
        let bytes = self.stream.settle(part, true, NOW);
        if self.closed.is_some() && !self.unsettled.is_empty() {
            assert!(bytes.is_empty(), "after the end everything goes together");
        }
        self.pass(&bytes);
        self.check();
    }

    /// Exactly, and in order.
    fn pass(&mut self, bytes: &[u8]) {
        let end = self.passed + bytes.len();
        assert_eq!(self.outline.text.get(self.passed..end), Some(bytes), "at {}", self.passed);
        self.passed = end;
    }

    fn check(&self) {
        let Outline { text, events, gates } = self.outline;
        if self.closed.is_some() && self.unsettled.is_empty() {
            assert_eq!(self.passed, text.len(), "all is on record, and something is still held");
            assert!(!self.stream.is_waiting());
            return;
        }
        let unsettled: HashSet<u64> = self.unsettled.iter().copied().collect();
        let mut progress = self.progress.iter();
        let shut = gates.iter().find(|gate| match gate.waits_for {
            Waits::Progress => progress.next().is_none_or(|part| unsettled.contains(&part.seq)),
            Waits::Closed => true,
        });
        let most = shut.map_or(text.len(), |gate| gate.start);
        assert!(self.passed <= most, "{} bytes passed, {most} may", self.passed);
        let whole = |at: fn(&outline::Span) -> usize| {
            events.iter().rev().find(|event| at(event) <= self.fed).map_or(0, |event| event.end)
        };
        let most = whole(|event| event.whole_at).min(self.fed);
        assert!(self.passed <= most, "{} bytes passed, {most} are whole events", self.passed);
        let waits = shut.is_some_and(|gate| gate.whole_at <= self.fed) || self.closed.is_some();
        assert_eq!(self.stream.is_waiting(), waits);
        if self.closed.is_none() {
            let least = whole(|event| event.end).min(shut.map_or(usize::MAX, |gate| gate.start));
            assert!(self.passed >= least, "{} bytes passed, {least} need not wait", self.passed);
        }
    }

    fn outcome(self) -> Outcome {
        assert_eq!(self.progress.len(), self.outline.progress_parts(), "one part a gate");
        Outcome {
            progress: self.progress.iter().map(|parcel| parcel.message.to_vec()).collect(),
            closed: self.closed.unwrap().message.to_vec(),
        }
    }
}

//! How far the ledger is behind what was acknowledged, and how fast it stores.

use crate::error::AppendError;
use crate::intake::{Position, lock};
use crate::queue::Job;
use crate::writer::{Receipt, Stats};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How far the ledger is behind at most, in milliseconds: what is acknowledged is under a signed checkpoint
/// within a second.
const FAR: f64 = 400.0;
/// How long it takes for what is taken at a time at most, in milliseconds.
const GROUP: f64 = 250.0;
/// Items that it stores in a millisecond: at least, and as long as it is not known.
const LEAST: f64 = 0.4;
const FIRST: f64 = 2.0;
/// A transaction of fewer that was not slow says what came, not all that it can.
const TELLING: u64 = 64;
const SLOW: Duration = Duration::from_millis(150);

/// What both threads, and who asks, know of it.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    stats: Mutex<Stats>,
    reached: Mutex<Position>,
    trouble: Mutex<Option<AppendError>>,
    /// Items that are to be stored, and of these those that it has come to.
    passed: AtomicU64,
    done: AtomicU64,
    /// How many it stores in a millisecond, by the last transactions: the bits of a number, 0 while it is
    /// not known.
    pace: AtomicU64,
}

impl Progress {
    pub(crate) fn stats(&self) -> Stats {
        *lock(&self.stats)
    }

    /// The place in the intake up to which the ledger has all.
    pub(crate) fn reached(&self) -> Position {
        *lock(&self.reached)
    }

    /// Why what was acknowledged cannot be stored, while it cannot.
    pub(crate) fn trouble(&self) -> Option<AppendError> {
        lock(&self.trouble).clone()
    }

    /// Whether so much waits for it that it would be too far behind.
    pub(crate) fn is_behind(&self) -> bool {
        self.waiting() as f64 > self.pace() * FAR && self.trouble().is_none()
    }

    /// Says that these are to be stored.
    pub(crate) fn passed(&self, group: &[Job]) {
        self.passed.fetch_add(items(group), Ordering::Relaxed);
    }

    /// How many items the ledger stores in a millisecond.
    pub(crate) fn pace(&self) -> f64 {
        match f64::from_bits(self.pace.load(Ordering::Relaxed)) {
            0.0 => FIRST,
            pace => pace.max(LEAST),
        }
    }

    /// How many items are to be taken at a time, so that none waits long for the others.
    pub(crate) fn at_a_time(&self) -> usize {
        (self.pace() * GROUP) as usize
    }

    /// Items that are to be stored, and that the ledger has not come to.
    pub(crate) fn waiting(&self) -> u64 {
        self.passed.load(Ordering::Relaxed).saturating_sub(self.done())
    }

    pub(crate) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    pub(crate) fn set_done(&self, items: u64) {
        self.done.store(items, Ordering::Relaxed);
    }

    pub(crate) fn add_done(&self, items: u64) {
        self.done.fetch_add(items, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self) {
        lock(&self.stats).failures += 1;
    }

    pub(crate) fn set_trouble(&self, cause: AppendError) {
        *lock(&self.trouble) = Some(cause);
    }

    /// A transaction of so many items took so long.
    pub(crate) fn paced(&self, items: u64, took: Duration) {
        let now = items as f64 / (took.as_secs_f64() * 1000.0).max(1e-3);
        if items < TELLING && took < SLOW && now <= self.pace() {
            return;
        }
        let pace = match self.pace.load(Ordering::Relaxed) {
            0 => now,
            _ => self.pace() * 0.75 + now * 0.25,
        };
        self.pace.store(pace.to_bits(), Ordering::Relaxed);
    }

    pub(crate) fn committed(&self, total: Receipt, reached: Option<Position>) {
        let mut stats = lock(&self.stats);
        stats.commits += 1;
        stats.stored.add(total);
        drop(stats);
        if let Some(reached) = reached {
            *lock(&self.reached) = reached;
        }
        *lock(&self.trouble) = None;
    }
}

/// Items of these batches.
pub(crate) fn items(group: &[Job]) -> u64 {
    group.iter().map(|job| job.items.len() as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incoming::Incoming;
    use crate::malformed::Defect;
    use crate::queue::Done;

    fn group(items: usize) -> Vec<Job> {
        let item = || Incoming::malformed(Defect::NoRecord, b"", 0, "");
        vec![Job::new((0..items).map(|_| item()).collect(), Done::Told)]
    }

    #[test]
    fn it_is_behind_when_more_waits_than_it_stores_in_its_time() {
        let progress = Progress::default();
        for _ in 0..30 {
            progress.paced(200, Duration::from_millis(100));
        }
        assert!((1.99..2.01).contains(&progress.pace()));
        assert_eq!(progress.at_a_time(), 500);
        progress.passed(&group(799));
        assert!(!progress.is_behind());
        progress.passed(&group(2));
        assert!(progress.is_behind());
        progress.set_trouble(AppendError::Closed);
        assert!(!progress.is_behind(), "who waits is told so instead");
        progress.add_done(750);
        assert_eq!(progress.waiting(), 51);
    }

    #[test]
    fn small_transactions_say_nothing_of_the_pace() {
        let progress = Progress::default();
        progress.paced(1, Duration::from_millis(5));
        assert_eq!(progress.pace(), FIRST);
        progress.paced(1, Duration::from_secs(1));
        assert!(progress.pace() < FIRST, "a slow one does");
        for _ in 0..30 {
            progress.paced(1, Duration::from_secs(9));
        }
        assert_eq!(progress.pace(), LEAST);
        for _ in 0..30 {
            progress.paced(1, Duration::from_micros(200));
        }
        assert!(progress.pace() > 4.0, "a fast one says that it can do as much");
    }
}

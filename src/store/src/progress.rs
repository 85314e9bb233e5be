//! How far the ledger is behind what was acknowledged, and how fast more may come.
//!
//! What comes faster than it is stored is slowed down before it is acknowledged, evenly, so that the
//! ledger is never far behind.

use crate::error::AppendError;
use crate::intake::{Position, lock};
use crate::queue::Job;
use crate::writer::{Receipt, Stats};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How far the ledger is behind where more comes than it can store, and how far at most, in milliseconds: what
/// is acknowledged is under a signed checkpoint within a second.
const USUAL: u64 = 150;
const FAR: u64 = 450;
/// Items that may wait whatever its pace is, and its pace until it is known.
const LEAST: u64 = 64;
const FIRST: u64 = 300;

/// What both threads, and who asks, know of it.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    stats: Mutex<Stats>,
    reached: Mutex<Position>,
    trouble: Mutex<Option<AppendError>>,
    /// Items that are to be stored, and of these those that it has come to.
    passed: AtomicU64,
    done: AtomicU64,
    /// How many it stores in [`USUAL`], by the last transactions; 0: not known yet.
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
        let most = self.pace().saturating_mul(FAR / USUAL);
        self.waiting() > most && self.trouble().is_none()
    }

    /// Says that these are to be stored. How long whoever brings them should take for it, so that no
    /// more comes in than is stored: longer, the further it is behind.
    pub(crate) fn passed(&self, group: &[Job]) -> Duration {
        self.passed.fetch_add(items(group), Ordering::Relaxed);
        let (waiting, pace) = (self.waiting(), self.pace());
        if waiting <= LEAST {
            return Duration::ZERO;
        }
        let behind = waiting as f64 / pace as f64;
        let kept =
            group.iter().filter(|job| job.is_kept()).map(|job| job.items.len()).sum::<usize>();
        let share = kept as f64 / pace as f64 * behind;
        Duration::from_millis(USUAL).mul_f64(share.min(1.0))
    }

    /// How many items the ledger stores in [`USUAL`].
    fn pace(&self) -> u64 {
        match self.pace.load(Ordering::Relaxed) {
            0 => FIRST,
            pace => pace.max(LEAST),
        }
    }

    fn waiting(&self) -> u64 {
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

    /// A transaction of so many items took so long. A small one says what came, not what it can.
    pub(crate) fn paced(&self, items: u64, took: Duration) {
        if items < LEAST && took < Duration::from_millis(USUAL) {
            return;
        }
        let now = items as f64 * USUAL as f64 / 1000.0 / took.as_secs_f64().max(1e-6);
        let pace = self.pace() as f64 * 0.75 + now * 0.25;
        self.pace.store(pace as u64, Ordering::Relaxed);
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
    fn more_comes_as_fast_as_it_is_stored_and_no_faster() {
        let progress = Progress::default();
        for _ in 0..20 {
            // 2000 a second.
            progress.paced(200, Duration::from_millis(100));
        }
        assert_eq!(progress.passed(&group(20)), Duration::ZERO, "nothing waits");
        let mut slowed = Duration::ZERO;
        for _ in 0..28 {
            slowed = progress.passed(&group(10));
        }
        // 300 wait, as many as it stores in 150 ms: ten more take the time in which ten are stored.
        assert_eq!(slowed.as_millis(), 5);
        progress.add_done(250);
        assert_eq!(progress.passed(&group(10)), Duration::ZERO);
        assert!(!progress.is_behind());
        progress.passed(&group(1000));
        assert!(progress.is_behind());
        progress.set_trouble(AppendError::Closed);
        assert!(!progress.is_behind(), "who waits is told so instead");
    }

    #[test]
    fn small_transactions_say_nothing_of_the_pace() {
        let progress = Progress::default();
        progress.paced(1, Duration::from_millis(5));
        assert_eq!(progress.pace(), FIRST);
        progress.paced(1, Duration::from_secs(1));
        assert!(progress.pace() < FIRST, "a slow one does");
    }
}

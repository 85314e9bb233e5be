//! What waits for the writer: batches in their order, bounded in bytes.
//!
//! Bytes count until their batch is answered, so the bound holds for everything that is not on
//! disk. A batch larger than the bound is taken when nothing else waits: it must be possible.

use crate::error::AppendError;
use crate::incoming::Incoming;
use crate::intake::{Position, lock};
use crate::writer::{Accepted, Receipt};
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Whom to tell what became of a batch, and when.
pub(crate) enum Done {
    /// When it is in the ledger.
    Stored(Box<dyn FnOnce(Result<Receipt, AppendError>) + Send>),
    /// As soon as it is on disk.
    Kept(Box<dyn FnOnce(Result<Accepted, AppendError>) + Send>),
    /// Nobody: who asked has been told that it is on disk.
    Told,
}

/// A batch that was not taken, and why.
#[derive(Debug)]
pub struct Rejected {
    /// The batch, untouched.
    pub batch: Vec<Incoming>,
    /// `Busy` or `Closed`.
    pub error: AppendError,
}

/// One batch, and whom to tell.
pub(crate) struct Job {
    pub(crate) items: Vec<Incoming>,
    /// Of the last batch of a frame of the intake, the place behind it.
    pub(crate) at: Option<Position>,
    size: usize,
    since: Instant,
    done: Done,
}

impl Job {
    pub(crate) fn new(items: Vec<Incoming>, done: Done) -> Self {
        let size = items.iter().map(Incoming::size).sum();
        Self { items, at: None, size, since: Instant::now(), done }
    }

    /// Whether its sender asks for no more than that it is on disk.
    pub(crate) fn may_be_kept(&self) -> bool {
        matches!(self.done, Done::Kept(_))
    }

    /// Whether its sender was told that it is on disk: it cannot be refused any more.
    pub(crate) fn is_kept(&self) -> bool {
        matches!(self.done, Done::Told)
    }

    pub(crate) fn answer(self, result: Result<Receipt, AppendError>) {
        match self.done {
            Done::Stored(done) => done(result),
            Done::Kept(done) => done(result.map(Accepted::Stored)),
            Done::Told => {}
        }
    }

    /// Tells its sender that it is on disk.
    pub(crate) fn tell(&mut self) {
        match std::mem::replace(&mut self.done, Done::Told) {
            Done::Kept(done) => done(Ok(Accepted::Kept)),
            other => self.done = other,
        }
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Job({} items, {} bytes)", self.items.len(), self.size)
    }
}

#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    limit: usize,
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Of every batch that is not released, also of those that were taken.
    bytes: usize,
    closed: bool,
    /// The bytes, or the items, from which on whoever takes is to be woken; none while he is awake: a
    /// call of the system for each batch would be for nothing.
    asleep_until: Option<(usize, usize)>,
}

impl State {
    /// Whether whoever takes is to be woken, which is asked once.
    fn wakes(&mut self) -> bool {
        let wakes = self
            .asleep_until
            .is_some_and(|(bytes, items)| self.bytes >= bytes || !self.is_short(items));
        if wakes {
            self.asleep_until = None;
        }
        wakes
    }

    /// Whether fewer items than that wait, and nobody for an answer.
    fn is_short(&self, most: usize) -> bool {
        let items = || self.jobs.iter().map(|job| job.items.len()).sum::<usize>();
        self.jobs.iter().all(Job::is_kept) && items() < most
    }
}

impl Queue {
    pub(crate) fn new(limit: usize) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), limit }
    }

    pub(crate) fn push(&self, job: Job) -> Result<(), Rejected> {
        let mut state = self.state();
        if state.closed {
            return Err(Rejected { batch: job.items, error: AppendError::Closed });
        }
        if state.bytes > 0 && state.bytes.saturating_add(job.size) > self.limit {
            let error = AppendError::Busy { waiting: state.bytes, limit: self.limit };
            return Err(Rejected { batch: job.items, error });
        }
        state.bytes += job.size;
        state.jobs.push_back(job);
        self.wake(state);
        Ok(())
    }

    /// Batches that go on to the next queue, in their order; `closed` or not, they are taken.
    pub(crate) fn pass(&self, group: Vec<Job>) {
        let mut state = self.state();
        for job in group {
            state.bytes += job.size;
            state.jobs.push_back(Job { since: Instant::now(), ..job });
        }
        self.wake(state);
    }

    fn wake(&self, mut state: MutexGuard<'_, State>) {
        let wakes = state.wakes();
        drop(state);
        if wakes {
            self.changed.notify_all();
        }
    }

    /// Everything that waits, within the bounds of one transaction; at least one batch. While nobody
    /// waits for an answer, more is waited for, up to `rest` from the first.
    ///
    /// `None` when the queue is closed and empty.
    pub(crate) fn take(
        &self,
        max_bytes: usize,
        max_items: usize,
        rest: Duration,
    ) -> Option<Vec<Job>> {
        let mut state = self.state();
        loop {
            let Some(since) = state.jobs.front().map(|first| first.since) else {
                if state.closed {
                    return None;
                }
                state.asleep_until = Some((0, 0));
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.asleep_until = None;
                continue;
            };
            let waited = since.elapsed();
            let may_rest = waited < rest && !state.closed && state.bytes < max_bytes;
            if may_rest && state.is_short(max_items) {
                state.asleep_until = Some((max_bytes, max_items));
                let (again, _) = self
                    .changed
                    .wait_timeout(state, rest.saturating_sub(waited))
                    .unwrap_or_else(PoisonError::into_inner);
                state = again;
                state.asleep_until = None;
                continue;
            }
            let (mut bytes, mut items) = (0_usize, 0_usize);
            let mut group = Vec::new();
            while let Some(next) = state.jobs.front() {
                bytes = bytes.saturating_add(next.size);
                items = items.saturating_add(next.items.len());
                if !group.is_empty() && (bytes > max_bytes || items > max_items) {
                    break;
                }
                group.extend(state.jobs.pop_front());
            }
            return Some(group);
        }
    }

    /// Says that these batches no longer wait. Comes before they are answered.
    pub(crate) fn release(&self, group: &[Job]) {
        let bytes: usize = group.iter().map(|job| job.size).sum();
        let mut state = self.state();
        state.bytes = state.bytes.saturating_sub(bytes);
    }

    /// Takes out whoever waits for an answer.
    pub(crate) fn take_asked(&self) -> Vec<Job> {
        let mut state = self.state();
        let (kept, asked) = std::mem::take(&mut state.jobs).into_iter().partition(Job::is_kept);
        state.jobs = kept;
        asked.into()
    }

    /// Takes no more; what waits is still written.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Takes no more, and answers what waits: nobody will write it.
    pub(crate) fn abandon(&self) {
        let jobs = {
            let mut state = self.state();
            state.closed = true;
            state.bytes = 0;
            std::mem::take(&mut state.jobs)
        };
        self.changed.notify_all();
        for job in jobs {
            job.answer(Err(AppendError::Closed));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::malformed::Defect;

    fn job(size: usize) -> Job {
        let item = Incoming::malformed(Defect::NoRecord, &vec![0; size], 0, "");
        Job::new(vec![item], Done::Stored(Box::new(|_| {})))
    }

    #[test]
    fn bytes_are_bounded_until_the_answer_but_one_large_batch_is_always_taken() {
        let queue = Queue::new(2_000);
        queue.push(job(10_000)).unwrap();
        let rejected = queue.push(job(1)).unwrap_err();
        assert!(matches!(rejected.error, AppendError::Busy { limit: 2_000, .. }));
        assert_eq!(rejected.batch.len(), 1);

        let group = queue.take(1, 1, Duration::ZERO).unwrap();
        assert!(queue.push(job(1)).is_err(), "taken, but not answered");
        queue.release(&group);
        queue.push(job(1)).unwrap();
    }

    #[test]
    fn a_group_stays_within_its_bounds_and_keeps_the_order() {
        let queue = Queue::new(usize::MAX);
        for size in [1, 2, 3, 4] {
            queue.push(job(size)).unwrap();
        }
        assert_eq!(queue.take(usize::MAX, 3, Duration::ZERO).unwrap().len(), 3);
        assert_eq!(queue.take(usize::MAX, 3, Duration::ZERO).unwrap().len(), 1);
    }

    #[test]
    fn more_is_waited_for_while_few_wait_and_nobody_for_an_answer() {
        let (start, long) = (Instant::now(), Duration::from_secs(10));
        let kept = || vec![Job { done: Done::Told, ..job(1) }];
        let queue = Queue::new(usize::MAX);
        queue.pass(kept());
        queue.pass(kept());
        assert_eq!(
            queue.take(usize::MAX, 2, long).unwrap().len(),
            2,
            "as many as are taken at once"
        );
        queue.pass(kept());
        queue.push(job(1)).unwrap();
        assert_eq!(queue.take(usize::MAX, 9, long).unwrap().len(), 2, "somebody waits");
        assert!(start.elapsed() < long, "neither waited for more");
        queue.pass(kept());
        let rest = Duration::from_millis(20);
        assert_eq!(queue.take(usize::MAX, 9, rest).unwrap().len(), 1, "nobody came");
    }

    #[test]
    fn who_sleeps_is_woken_by_what_he_waits_for() {
        let queue = Queue::new(usize::MAX);
        let kept = || vec![Job { done: Done::Told, ..job(1) }];
        let taken = |rest| {
            std::thread::scope(|scope| {
                let taker = scope.spawn(|| queue.take(usize::MAX, 3, rest).unwrap().len());
                while queue.state().asleep_until.is_none() {
                    std::thread::yield_now();
                }
                queue.pass(kept());
                if !rest.is_zero() {
                    // From now on he waits for more of them.
                    while queue.state().asleep_until != Some((usize::MAX, 3)) {
                        std::thread::yield_now();
                    }
                    queue.pass(kept());
                    assert!(queue.state().asleep_until.is_some(), "two are not enough");
                    queue.pass(kept());
                }
                taker.join().unwrap()
            })
        };
        let start = Instant::now();
        assert_eq!(taken(Duration::ZERO), 1);
        assert_eq!(taken(Duration::from_secs(60)), 3);
        assert!(start.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn what_waits_is_still_taken_after_close() {
        let queue = Queue::new(usize::MAX);
        queue.push(job(1)).unwrap();
        queue.close();
        assert!(matches!(queue.push(job(1)).unwrap_err().error, AppendError::Closed));
        assert_eq!(queue.take(usize::MAX, 9, Duration::ZERO).unwrap().len(), 1);
        assert!(queue.take(usize::MAX, 9, Duration::ZERO).is_none());
    }
}

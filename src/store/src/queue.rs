//! What waits for the writer: batches in their order, bounded in bytes.
//!
//! Bytes count until their batch is answered, so the bound holds for everything that is not on
//! disk. A batch larger than the bound is taken when nothing else waits: it must be possible.

use crate::error::AppendError;
use crate::incoming::Incoming;
use crate::writer::Receipt;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

type Done = Box<dyn FnOnce(Result<Receipt, AppendError>) + Send>;

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
    size: usize,
    done: Done,
}

impl Job {
    pub(crate) fn new(items: Vec<Incoming>, done: Done) -> Self {
        let size = items.iter().map(Incoming::size).sum();
        Self { items, size, done }
    }

    pub(crate) fn answer(self, result: Result<Receipt, AppendError>) {
        (self.done)(result);
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
    arrival: Condvar,
    limit: usize,
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Of every batch that is not answered, also of those that were taken.
    bytes: usize,
    closed: bool,
}

impl Queue {
    pub(crate) fn new(limit: usize) -> Self {
        Self { state: Mutex::default(), arrival: Condvar::new(), limit }
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
        drop(state);
        self.arrival.notify_one();
        Ok(())
    }

    /// Everything that waits, within the bounds of one transaction; at least one batch.
    ///
    /// `None` when the queue is closed and empty.
    pub(crate) fn take(&self, max_bytes: usize, max_items: usize) -> Option<Vec<Job>> {
        let mut state = self.state();
        loop {
            if let Some(first) = state.jobs.pop_front() {
                let (mut bytes, mut items) = (first.size, first.items.len());
                let mut group = vec![first];
                while let Some(next) = state.jobs.front() {
                    bytes = bytes.saturating_add(next.size);
                    items = items.saturating_add(next.items.len());
                    if bytes > max_bytes || items > max_items {
                        break;
                    }
                    group.extend(state.jobs.pop_front());
                }
                return Some(group);
            }
            if state.closed {
                return None;
            }
            state = self.arrival.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Says that these batches no longer wait. Comes before they are answered.
    pub(crate) fn release(&self, group: &[Job]) {
        let bytes: usize = group.iter().map(|job| job.size).sum();
        let mut state = self.state();
        state.bytes = state.bytes.saturating_sub(bytes);
    }

    /// Takes no more; what waits is still written.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.arrival.notify_all();
    }

    /// Takes no more, and answers what waits: nobody will write it.
    pub(crate) fn abandon(&self) {
        let jobs = {
            let mut state = self.state();
            state.closed = true;
            state.bytes = 0;
            std::mem::take(&mut state.jobs)
        };
        for job in jobs {
            job.answer(Err(AppendError::Closed));
        }
    }

    /// A poisoned lock holds a queue that is whole: no method leaves it half changed.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::malformed::Defect;

    fn job(size: usize) -> Job {
        let item = Incoming::malformed(Defect::NoRecord, &vec![0; size], 0, "");
        Job::new(vec![item], Box::new(|_| {}))
    }

    #[test]
    fn bytes_are_bounded_until_the_answer_but_one_large_batch_is_always_taken() {
        let queue = Queue::new(2_000);
        queue.push(job(10_000)).unwrap();
        let rejected = queue.push(job(1)).unwrap_err();
        assert!(matches!(rejected.error, AppendError::Busy { limit: 2_000, .. }));
        assert_eq!(rejected.batch.len(), 1);

        let group = queue.take(1, 1).unwrap();
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
        assert_eq!(queue.take(usize::MAX, 3).unwrap().len(), 3);
        assert_eq!(queue.take(usize::MAX, 3).unwrap().len(), 1);
    }

    #[test]
    fn what_waits_is_still_taken_after_close() {
        let queue = Queue::new(usize::MAX);
        queue.push(job(1)).unwrap();
        queue.close();
        assert!(matches!(queue.push(job(1)).unwrap_err().error, AppendError::Closed));
        assert_eq!(queue.take(usize::MAX, 9).unwrap().len(), 1);
        assert!(queue.take(usize::MAX, 9).is_none());
    }
}

//! The first of the writer's two threads: everything that waits goes onto the disk with one sync, and
//! its senders are told; then it goes on to the ledger.
//!
//! What cannot be decided without the ledger goes on unanswered.

use crate::brake::Brake;
use crate::error::{AppendError, StoreError};
use crate::incoming::Incoming;
use crate::intake::Intake;
use crate::progress::Progress;
use crate::queue::{Job, Queue};
use crate::writer::Options;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How long a wait for the ledger is before it is looked at again.
const AGAIN: Duration = Duration::from_millis(1);

/// The thread's own.
pub(crate) struct Receiver {
    pub(crate) folder: PathBuf,
    pub(crate) options: Options,
    /// What comes in.
    pub(crate) queue: Arc<Queue>,
    /// What goes on to the ledger.
    pub(crate) rest: Arc<Queue>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) intake: Intake,
}

/// However the thread ends, nobody waits for it.
struct Ends {
    queue: Arc<Queue>,
    rest: Arc<Queue>,
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.queue.abandon();
        self.rest.close();
    }
}

impl Receiver {
    pub(crate) fn run(mut self) {
        let _ends = Ends { queue: Arc::clone(&self.queue), rest: Arc::clone(&self.rest) };
        let Options { commit_bytes, commit_items, .. } = self.options;
        let mut brake = Brake::new(Instant::now());
        loop {
            let most = commit_items.min(self.progress.at_a_time());
            let Some(group) = self.queue.take(commit_bytes, most, Duration::ZERO) else { return };
            // Who waits for the ledger itself is slowed down by it alone.
            let waits = group.iter().any(Job::may_be_kept);
            while waits && self.progress.is_behind() && !self.rest.is_closed() {
                thread::sleep(AGAIN);
            }
            let start = Instant::now();
            match self.receive(group) {
                Ok(group) => {
                    let kept = group.iter().filter(|job| job.is_kept());
                    let came = kept.map(|job| job.items.len() as u64).sum();
                    self.progress.passed(&group);
                    self.rest.pass(group);
                    self.intake.grow_ahead();
                    let (waiting, pace) = (self.progress.waiting(), self.progress.pace());
                    let rest = brake.came(came, waiting, pace, Instant::now());
                    thread::sleep(rest.saturating_sub(start.elapsed()));
                }
                Err((group, error)) => {
                    self.queue.release(&group);
                    group.into_iter().for_each(|job| job.answer(Err(error.clone())));
                }
            }
        }
    }

    /// Puts what it can on disk, and tells its senders.
    fn receive(&mut self, mut group: Vec<Job>) -> Result<Vec<Job>, (Vec<Job>, AppendError)> {
        let reached = match self.progress.trouble() {
            // What was acknowledged before comes first.
            Some(error) => return Err((group, error)),
            None => self.progress.reached(),
        };
        let batches = group.iter().map(|job| (job.items.as_slice(), job.may_be_kept()));
        let taken = self.has_room().and_then(|()| self.intake.take(batches, reached));
        let (taken, at) = match taken {
            Ok(taken) => taken,
            Err(error) => return Err((group, Arc::new(error).into())),
        };
        let last = taken.iter().rposition(|is_taken| *is_taken);
        for (place, (job, is_taken)) in group.iter_mut().zip(taken).enumerate() {
            if is_taken {
                job.at = at.filter(|_| Some(place) == last);
                job.tell();
            }
            job.items.iter_mut().for_each(Incoming::drop_raw);
        }
        Ok(group)
    }

    /// Refuses before the disk is full: a ledger that cannot be written is still one that is read.
    fn has_room(&self) -> Result<(), StoreError> {
        if self.options.least_free == 0 {
            return Ok(());
        }
        let free = rustix::fs::statvfs(&self.folder).map_err(|error| StoreError::Folder {
            path: self.folder.clone(),
            source: error.into(),
        })?;
        let free = free.f_bavail.saturating_mul(free.f_frsize);
        if free < self.options.least_free {
            let path = self.folder.clone();
            return Err(StoreError::Full { path, free, least: self.options.least_free });
        }
        Ok(())
    }
}

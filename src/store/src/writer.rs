//! The one writer: what waits is put on disk at once, and into the ledger moments later.
//!
//! ```text
//! accept ─▶ queue ─▶ intake: one write, one sync for all that wait ─▶ answers
//!                      └▶ queue ─▶ BEGIN · every batch · COMMIT (synced)
//! append ─▶ queue ──────▶ queue ─▶ …                                    ─▶ answers with receipts
//! ```
//!
//! Two threads: [`Receiver`] and [`Ledger`], for which a third seals while it writes many parts
//! ([`helper`](crate::helper)). An answer means that what was asked for is on disk, and is in the
//! ledger or will be in any case: when the ledger cannot be written, what was acknowledged is tried
//! again until it can, and nothing more is taken meanwhile.

use crate::error::{AppendError, StoreError};
use crate::incoming::Incoming;
use crate::integrate::Ledger;
use crate::progress::Progress;
use crate::queue::{Done, Job, Queue, Rejected};
use crate::receive::Receiver;
use crate::schema::lock_folder;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Bounds of the writer.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes that may wait for the disk; above it, `append` answers `Busy`.
    pub queue_bytes: usize,
    /// Bytes of one transaction.
    pub commit_bytes: usize,
    /// Parts of one transaction, and of one sync of the intake.
    pub commit_items: usize,
    /// The folder of the ledger's keys; `None`: beside the data.
    pub keys: Option<PathBuf>,
    /// Bytes that must be free on the folder's disk; below it, nothing is stored or acknowledged.
    pub least_free: u64,
    /// How long to wait for another process that locks the database.
    pub busy_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            keys: None,
            least_free: 0,
            queue_bytes: 256 << 20,
            commit_bytes: 64 << 20,
            commit_items: 4096,
            busy_timeout: Duration::from_secs(5),
        }
    }
}

/// What became of a batch that was to be on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is on disk, and will be in the ledger within a second, whatever happens.
    Kept,
    /// It is in the ledger: it had to be asked.
    Stored(Receipt),
}

/// What became of a batch. It is in the ledger, on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Parts stored for the first time.
    pub parts: u64,
    /// Parts that were stored already, byte for byte.
    pub duplicates: u64,
    /// Parts whose boot and number were stored already with other bytes; kept as malformed.
    pub conflicts: u64,
    /// Entries stored as malformed.
    pub malformed: u64,
    /// Entries of Envoy's own log.
    pub witnesses: u64,
    /// Events of clients' telemetry.
    pub telemetry: u64,
}

impl Receipt {
    pub(crate) fn add(&mut self, other: Self) {
        let Self { parts, duplicates, conflicts, malformed, witnesses, telemetry } = other;
        self.parts += parts;
        self.duplicates += duplicates;
        self.conflicts += conflicts;
        self.malformed += malformed;
        self.witnesses += witnesses;
        self.telemetry += telemetry;
    }
}

/// Counted since the writer started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Transactions committed.
    pub commits: u64,
    /// Transactions that failed.
    pub failures: u64,
    /// Everything that was committed.
    pub stored: Receipt,
}

/// Owns the writer's threads. Dropped or closed, it writes what waits and ends.
#[derive(Debug)]
pub struct Writer {
    handle: WriterHandle,
    /// In the order in which they end.
    threads: Vec<JoinHandle<()>>,
    _lock: File,
}

/// Hands batches to the writer's threads, from any thread.
#[derive(Clone, Debug)]
pub struct WriterHandle {
    queue: Arc<Queue>,
    progress: Arc<Progress>,
}

// === impl Writer ===

impl Writer {
    /// Opens the ledger in `folder`, or makes it, and starts the threads.
    ///
    /// # Errors
    /// When the folder cannot be used, another process writes to it, or the ledger in it is newer.
    pub fn start(folder: &Path) -> Result<Self, StoreError> {
        Self::start_with(folder, Options::default())
    }

    /// The same, with other bounds. What was acknowledged before a crash is in the ledger when this
    /// returns.
    ///
    /// # Errors
    /// As [`Writer::start`].
    pub fn start_with(folder: &Path, options: Options) -> Result<Self, StoreError> {
        let lock = lock_folder(folder)?;
        let queue = Arc::new(Queue::new(options.queue_bytes));
        // Bounded by the first: what is in it counts there until the ledger has it.
        let rest = Arc::new(Queue::new(usize::MAX));
        let (ledger, intake) = Ledger::open(folder, options.clone(), [&queue, &rest])?;
        let progress = ledger.progress();
        let receiver = Receiver {
            folder: folder.to_owned(),
            options,
            queue: Arc::clone(&queue),
            rest,
            progress: Arc::clone(&progress),
            intake,
        };
        let handle = WriterHandle { queue, progress };
        let failed = |source| StoreError::Folder { path: folder.to_owned(), source };
        let named = |name: &str| thread::Builder::new().name(name.to_owned());
        let mut writer = Self { handle, threads: Vec::new(), _lock: lock };
        writer.threads.push(named("intake").spawn(move || receiver.run()).map_err(failed)?);
        // Without its thread what waits is abandoned when `ledger` is dropped.
        writer.threads.push(named("ledger").spawn(move || ledger.run()).map_err(failed)?);
        Ok(writer)
    }

    /// A handle for appending.
    #[must_use]
    pub fn handle(&self) -> WriterHandle {
        self.handle.clone()
    }

    /// Writes what waits, answers it, and ends the threads.
    pub fn close(self) {}
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.handle.queue.close();
        for thread in self.threads.drain(..) {
            // A thread that panicked has told its callers (their queues are abandoned when they end).
            let _ = thread.join();
        }
    }
}

// === impl WriterHandle ===

impl WriterHandle {
    /// Takes a batch and returns at once. `done` is called by a writer's thread when the whole batch
    /// is in the ledger, or when it is certain that nothing of it will be: keep it short.
    ///
    /// # Errors
    /// Gives the batch back when too much waits already, or the writer has been closed.
    pub fn append(
        &self,
        batch: Vec<Incoming>,
        done: impl FnOnce(Result<Receipt, AppendError>) + Send + 'static,
    ) -> Result<(), Rejected> {
        self.queue.push(Job::new(batch, Done::Stored(Box::new(done))))
    }

    /// The same, but `done` is called as soon as the batch is on disk and certain to be in the ledger.
    ///
    /// # Errors
    /// As [`WriterHandle::append`].
    pub fn accept(
        &self,
        batch: Vec<Incoming>,
        done: impl FnOnce(Result<Accepted, AppendError>) + Send + 'static,
    ) -> Result<(), Rejected> {
        self.queue.push(Job::new(batch, Done::Kept(Box::new(done))))
    }

    /// What was done since the start.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.progress.stats()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::malformed::Defect;
    use crate::schema::database_path;
    use rusqlite::Connection;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Instant;

    #[test]
    fn nothing_waits_when_all_was_stored_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { busy_timeout: Duration::from_millis(500), ..Options::default() };
        let writer = Writer::start_with(folder.path(), options).unwrap();
        let handle = writer.handle();
        let item = || vec![Incoming::malformed(Defect::NoRecord, b"", 0, "")];
        let block = Connection::open(database_path(folder.path())).unwrap();
        block.execute_batch("BEGIN IMMEDIATE").unwrap();
        let first = r#"{"hansard.v2":{"exchange":"0199c4a2-5000-7000-8000-000000000001","boot":"0199c4a2-5000-7000-8000-000000000000","seq":1,"at":1,"gateway":{"node":"n","filter":"0","policy":"0"},"part":{"opened":{"who":{"issuer":"https://issuer.example","subject":"alice","groups":[],"expires_at":2,"token":"0123456789abcdef"},"from":{"address":""},"session":{},"decision":{"rule":"all","effect":"allow"},"request":{"method":"POST","path":"/v1/messages","headers":[],"bytes":0}}}}}"#;
        let first = Incoming::part(first.into(), crate::incoming::Source::Acknowledged, 1, "");
        assert_eq!(first.defect(), None);
        let (done, kept) = mpsc::channel();
        handle.accept(vec![first], move |result| done.send(result).unwrap()).unwrap();
        assert_eq!(kept.recv().unwrap().unwrap(), Accepted::Kept);
        // They come while the ledger waits for the database, some before and some behind its group.
        let asked: Vec<_> = (0..12)
            .map(|_| {
                thread::sleep(Duration::from_millis(10));
                let (done, asked) = mpsc::channel();
                handle.append(item(), move |result| done.send(result).unwrap()).unwrap();
                asked
            })
            .collect();
        for asked in asked {
            assert!(matches!(asked.recv().unwrap(), Err(AppendError::Failed(_))));
        }
        block.execute_batch("ROLLBACK").unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while handle.stats().commits == 0 && Instant::now() < deadline {
            thread::yield_now();
        }
        assert_eq!(handle.stats().stored.parts, 1);
        assert_eq!(handle.progress.waiting(), 0);
    }
}

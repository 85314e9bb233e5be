//! The one writer: a thread that takes everything that waits, commits it once, then answers all.
//!
//! ```text
//! append ─▶ queue (bounded bytes) ─▶ BEGIN · every waiting batch · COMMIT (synced) ─▶ answers
//! ```
//!
//! A receipt means that the commit returned. When a commit fails, every batch of it is answered
//! with the error and none of it is stored; the database is opened anew for the next one.

use crate::content::Shelf;
use crate::error::{AppendError, StoreError};
use crate::incoming::Incoming;
use crate::journal::Journal;
use crate::ledger::{Keys, Log, Signer, beside};
use crate::projections::Projections;
use crate::queue::{Job, Queue, Rejected};
use crate::rows::Rows;
use crate::schema::{lock_folder, open_for_writing};
use rusqlite::{Connection, TransactionBehavior};
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Bounds of the writer.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes that may wait for the disk; above it, `append` answers `Busy`.
    pub queue_bytes: usize,
    /// Bytes of one transaction.
    pub commit_bytes: usize,
    /// Parts of one transaction.
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

/// What became of a batch. It is on disk.
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
    fn add(&mut self, other: Self) {
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

#[derive(Debug, Default)]
struct Counters {
    commits: AtomicU64,
    failures: AtomicU64,
    parts: AtomicU64,
    duplicates: AtomicU64,
    conflicts: AtomicU64,
    malformed: AtomicU64,
    witnesses: AtomicU64,
    telemetry: AtomicU64,
}

/// Owns the writer thread. Dropped or closed, it writes what waits and ends.
#[derive(Debug)]
pub struct Writer {
    handle: WriterHandle,
    thread: Option<JoinHandle<()>>,
}

/// Hands batches to the writer thread, from any thread.
#[derive(Clone, Debug)]
pub struct WriterHandle {
    queue: Arc<Queue>,
    counters: Arc<Counters>,
}

// === impl Writer ===

impl Writer {
    /// Opens the ledger in `folder`, or makes it, and starts the thread.
    ///
    /// # Errors
    /// When the folder cannot be used, another process writes to it, or the ledger in it is newer.
    pub fn start(folder: &Path) -> Result<Self, StoreError> {
        Self::start_with(folder, Options::default())
    }

    /// The same, with other bounds.
    ///
    /// # Errors
    /// As [`Writer::start`].
    pub fn start_with(folder: &Path, options: Options) -> Result<Self, StoreError> {
        let lock = lock_folder(folder)?;
        let connection = open_for_writing(folder, options.busy_timeout)?;
        let keys = Keys::at(&options.keys.clone().unwrap_or_else(|| beside(folder)));
        let journal = Journal::start(folder)?;
        let open = Open::new(connection, &journal)?;
        keys.prepare(open.log.size() == 0)?;
        let (shelf, signer) = (Shelf::new(keys.master()?), keys.signer()?);
        let queue = Arc::new(Queue::new(options.queue_bytes));
        let counters = Arc::new(Counters::default());
        let work = Work {
            folder: folder.to_owned(),
            options,
            queue: Arc::clone(&queue),
            counters: Arc::clone(&counters),
            open: Some(open),
            shelf,
            projections: Projections::default(),
            journal,
            signer,
            _lock: lock,
        };
        let thread = thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || work.run())
            .map_err(|source| StoreError::Folder { path: folder.to_owned(), source })?;
        Ok(Self { handle: WriterHandle { queue, counters }, thread: Some(thread) })
    }

    /// A handle for appending.
    #[must_use]
    pub fn handle(&self) -> WriterHandle {
        self.handle.clone()
    }

    /// Writes what waits, answers it, and ends the thread.
    pub fn close(self) {}
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.handle.queue.close();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has told its callers (see `Abandon`).
            let _ = thread.join();
        }
    }
}

// === impl WriterHandle ===

impl WriterHandle {
    /// Takes a batch and returns at once. `done` is called by the writer thread when the whole
    /// batch is on disk, or when it is certain that nothing of it is: keep it short.
    ///
    /// # Errors
    /// Gives the batch back when too much waits already, or the writer has been closed.
    pub fn append(
        &self,
        batch: Vec<Incoming>,
        done: impl FnOnce(Result<Receipt, AppendError>) + Send + 'static,
    ) -> Result<(), Rejected> {
        self.queue.push(Job::new(batch, Box::new(done)))
    }

    /// What was done since the start.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let counters = &self.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            commits: read(&counters.commits),
            failures: read(&counters.failures),
            stored: Receipt {
                parts: read(&counters.parts),
                duplicates: read(&counters.duplicates),
                conflicts: read(&counters.conflicts),
                malformed: read(&counters.malformed),
                witnesses: read(&counters.witnesses),
                telemetry: read(&counters.telemetry),
            },
        }
    }
}

/// The thread's own.
struct Work {
    folder: PathBuf,
    options: Options,
    queue: Arc<Queue>,
    counters: Arc<Counters>,
    /// Absent after a failure, until the next group.
    open: Option<Open>,
    shelf: Shelf,
    projections: Projections,
    journal: Journal,
    signer: Signer,
    _lock: File,
}

/// What became of one batch.
type Outcome = Result<Receipt, Arc<StoreError>>;

/// Why a transaction was not committed, and at which batch; `None`: it is no fault of one batch.
struct Stopped {
    at: Option<usize>,
    cause: StoreError,
}

impl<E: Into<StoreError>> From<E> for Stopped {
    fn from(cause: E) -> Self {
        Self { at: None, cause: cause.into() }
    }
}

#[derive(Debug)]
struct Open {
    connection: Connection,
    log: Log,
    /// Changes when another connection has written.
    version: i64,
}

impl Open {
    fn new(mut connection: Connection, journal: &Journal) -> Result<Self, StoreError> {
        journal.watch(&mut connection)?;
        // The version first: what is written in between is then looked at again.
        let version = data_version(&connection)?;
        let log = Log::load(&connection)?;
        Ok(Self { connection, log, version })
    }
}

fn data_version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
}

/// Answers whatever waits if the thread ends before its queue is closed.
struct Abandon(Arc<Queue>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl Work {
    fn run(mut self) {
        let _abandon = Abandon(Arc::clone(&self.queue));
        while let Some(group) =
            self.queue.take(self.options.commit_bytes, self.options.commit_items)
        {
            let outcome = self.commit(&group);
            self.queue.release(&group);
            match outcome {
                Ok(receipts) => {
                    for (job, receipt) in group.into_iter().zip(receipts) {
                        job.answer(receipt.map_err(AppendError::from));
                    }
                }
                Err(error) => {
                    self.forget();
                    self.counters.failures.fetch_add(1, Ordering::Relaxed);
                    let error = Arc::new(error);
                    for job in group {
                        job.answer(Err(AppendError::from(Arc::clone(&error))));
                    }
                }
            }
        }
    }

    /// One transaction. A batch that fails by itself fails alone: it must not stop the others,
    /// now and each time that it is sent again.
    fn commit(&mut self, group: &[Job]) -> Result<Vec<Outcome>, StoreError> {
        self.has_room()?;
        let mut failed = HashMap::new();
        loop {
            match self.attempt(group, &failed) {
                Ok(outcomes) => return Ok(outcomes),
                Err(Stopped { at: Some(place), cause }) => {
                    // Without that batch again, from what the database has.
                    self.forget();
                    failed.insert(place, Arc::new(cause));
                }
                Err(Stopped { at: None, cause }) => return Err(cause),
            }
        }
    }

    /// Stores and commits every batch but those that failed before.
    fn attempt(
        &mut self,
        group: &[Job],
        failed: &HashMap<usize, Arc<StoreError>>,
    ) -> Result<Vec<Outcome>, Stopped> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => {
                let connection = open_for_writing(&self.folder, self.options.busy_timeout)?;
                Open::new(connection, &self.journal)?
            }
        };
        let Open { connection, log, version } = &mut open;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // An erasure is written by another process.
        let seen = data_version(&transaction)?;
        if seen != *version {
            *log = Log::load(&transaction)?;
            *version = seen;
            self.shelf.forget();
            self.projections.forget();
        }
        let mut outcomes = Vec::with_capacity(group.len());
        let mut total = Receipt::default();
        let mut latest = 0;
        let before = log.size();
        let mut rows = Rows {
            connection: &transaction,
            shelf: &mut self.shelf,
            log,
            projections: &mut self.projections,
        };
        for (place, job) in group.iter().enumerate() {
            if let Some(cause) = failed.get(&place) {
                outcomes.push(Err(Arc::clone(cause)));
                continue;
            }
            let mut receipt = Receipt::default();
            match job.items.iter().try_for_each(|item| rows.store(item, &mut receipt)) {
                Ok(()) => outcomes.push(Ok(receipt)),
                // Nothing of that part was written; what the batch held before it may stay.
                Err(StoreError::Unknown) => outcomes.push(Err(Arc::new(StoreError::Unknown))),
                // A full disk or a broken one has ended the transaction itself.
                Err(cause) => {
                    let at = (!transaction.is_autocommit()).then_some(place);
                    return Err(Stopped { at, cause });
                }
            }
            total.add(receipt);
            latest = job.items.iter().map(Incoming::received_at).fold(latest, i64::max);
        }
        self.projections.save(&transaction)?;
        if log.size() > before {
            log.sign(&transaction, &self.signer, latest)?;
        }
        transaction.commit().map_err(StoreError::from)?;
        self.journal.committed(connection);
        self.open = Some(open);
        self.count(total);
        Ok(outcomes)
    }

    /// Nothing in memory is taken for true any more.
    fn forget(&mut self) {
        self.open = None;
        self.shelf.forget();
        self.projections.forget();
    }

    /// Refuses before the disk is full: a database that cannot write is still one that reads.
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

    fn count(&self, total: Receipt) {
        let Receipt { parts, duplicates, conflicts, malformed, witnesses, telemetry } = total;
        let counters = &self.counters;
        for (counter, by) in [
            (&counters.commits, 1),
            (&counters.parts, parts),
            (&counters.duplicates, duplicates),
            (&counters.conflicts, conflicts),
            (&counters.malformed, malformed),
            (&counters.witnesses, witnesses),
            (&counters.telemetry, telemetry),
        ] {
            counter.fetch_add(by, Ordering::Relaxed);
        }
    }
}

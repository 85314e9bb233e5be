//! The second of the writer's two threads: everything that waits goes into the ledger in one
//! transaction.
//!
//! When a transaction fails, those who wait for it are told, and none of it is stored; the database
//! is opened anew for the next one. What was acknowledged before is on disk and is tried again.

use crate::clear::Introductions;
use crate::content::{Effort, Shelf};
use crate::error::{AppendError, StoreError};
use crate::helper;
use crate::incoming::Incoming;
use crate::intake::{Intake, Known, lock};
use crate::journal::Journal;
use crate::ledger::{Keys, Log, Signer, beside};
use crate::paced;
use crate::progress::{Progress, items};
use crate::projections::Projections;
use crate::queue::{Done, Job, Queue};
use crate::rows::Rows;
use crate::schema::open_for_writing;
use crate::writer::{Options, Receipt};
use crate::yields;
use rusqlite::{Connection, TransactionBehavior};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long parts gather that are acknowledged, and how long where many come: a transaction of many writes each
/// page that they share once. Who reads waits for it.
const GATHER: Duration = Duration::from_millis(20);
const GATHER_MANY: Duration = Duration::from_millis(40);
/// Items of a transaction that are many.
const MANY: u64 = 128;
/// How long it rests behind each slice that it writes: the disk is faster.
const REST: Duration = Duration::from_micros(100);
/// How long it rests before it tries again what failed.
const AGAIN: Duration = Duration::from_millis(100);
/// How often it tries before it ends without.
const LAST_TRIES: u32 = 10;

/// The thread's own.
pub(crate) struct Ledger {
    folder: PathBuf,
    options: Options,
    /// What comes in, in which everything counts until it is in the ledger.
    queue: Arc<Queue>,
    /// What is to be stored.
    rest: Arc<Queue>,
    progress: Arc<Progress>,
    known: Arc<Mutex<Known>>,
    /// Absent after a failure, until the next group.
    open: Option<Open>,
    shelf: Shelf,
    introductions: Introductions,
    projections: Projections,
    journal: Journal,
    signer: Signer,
    /// When the last transaction began: it had the database then.
    began: Instant,
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

impl Drop for Ledger {
    /// However the thread ends, nobody waits for it.
    fn drop(&mut self) {
        self.queue.abandon();
        self.rest.abandon();
    }
}

impl Ledger {
    /// Opens the ledger, or makes it, and stores what a crash left in its intake.
    pub(crate) fn open(
        folder: &Path,
        options: Options,
        [queue, rest]: [&Arc<Queue>; 2],
    ) -> Result<(Self, Intake), StoreError> {
        let connection = open_for_writing(folder, options.busy_timeout)?;
        let keys = Keys::at(&options.keys.clone().unwrap_or_else(|| beside(folder)));
        let journal = Journal::start(folder)?;
        let open = Open::new(connection, &journal)?;
        keys.prepare(open.log.size() == 0)?;
        let (intake, left) = Intake::open(folder, keys.master()?, &open.connection)?;
        let mut ledger = Self {
            folder: folder.to_owned(),
            options,
            queue: Arc::clone(queue),
            rest: Arc::clone(rest),
            progress: Arc::default(),
            known: intake.known(),
            open: Some(open),
            shelf: Shelf::new(keys.master()?),
            introductions: Introductions::default(),
            projections: Projections::default(),
            journal,
            signer: keys.signer()?,
            began: Instant::now(),
        };
        for left in left {
            let mut job = Job::new(left.items, Done::Told);
            job.at = Some(left.at);
            ledger.commit(&[job])?;
        }
        if let Some(open) = &ledger.open {
            lock(&ledger.known).load(&open.connection)?;
        }
        Ok((ledger, intake))
    }

    pub(crate) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    pub(crate) fn run(mut self) {
        let Options { commit_bytes, commit_items, .. } = self.options;
        let mut rest = GATHER;
        paced::pace(REST);
        loop {
            let most = commit_items.min(self.progress.at_a_time());
            let Some(group) = self.rest.take(commit_bytes, most, rest) else { return };
            rest = if items(&group) < MANY { GATHER } else { GATHER_MANY };
            self.store(group);
        }
    }

    /// Stores a group, however long it takes, but for those who can be told that it cannot be.
    fn store(&mut self, mut group: Vec<Job>) {
        let mut tries = 0;
        let count = items(&group);
        let mut done = self.progress.done().saturating_add(count);
        loop {
            let stored = self.commit(&group);
            // Counted one by one as they are stored, and again where that was in vain.
            self.progress.set_done(done);
            let cause = match stored {
                Ok(outcomes) => {
                    self.progress.paced(count, self.began.elapsed());
                    self.release(&group);
                    for (job, outcome) in group.into_iter().zip(outcomes) {
                        yields::to_others();
                        job.answer(outcome.map_err(AppendError::from));
                    }
                    return;
                }
                Err(cause) => AppendError::from(Arc::new(cause)),
            };
            self.forget();
            self.progress.failed();
            let (kept, asked) = group.into_iter().partition(Job::is_kept);
            self.refuse(asked, &cause);
            group = kept;
            if group.is_empty() {
                return;
            }
            self.progress.set_trouble(cause.clone());
            let asked = self.rest.take_asked();
            done = done.saturating_add(items(&asked));
            self.progress.set_done(done);
            self.refuse(asked, &cause);
            if self.rest.is_closed() {
                tries += 1;
                if tries > LAST_TRIES {
                    // It is on disk, and stored when the next writer starts.
                    self.release(&group);
                    return;
                }
            }
            thread::sleep(AGAIN);
        }
    }

    fn refuse(&self, asked: Vec<Job>, cause: &AppendError) {
        self.release(&asked);
        asked.into_iter().for_each(|job| job.answer(Err(cause.clone())));
    }

    fn release(&self, group: &[Job]) {
        self.rest.release(group);
        self.queue.release(group);
    }

    /// One transaction. A batch that fails by itself fails alone: it must not stop the others,
    /// now and each time that it is sent again.
    fn commit(&mut self, group: &[Job]) -> Result<Vec<Outcome>, StoreError> {
        let mut failed = HashMap::new();
        loop {
            match self.attempt(group, &failed) {
                Ok(outcomes) => return Ok(outcomes),
                Err(Stopped { at: Some(place), cause })
                    if group.get(place).is_some_and(|job| !job.is_kept()) =>
                {
                    // Without that batch again, from what the database has.
                    self.forget();
                    failed.insert(place, Arc::new(cause));
                }
                Err(Stopped { cause, .. }) => return Err(cause),
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
        self.began = Instant::now();
        // An erasure is written by another process.
        let seen = data_version(&transaction)?;
        if seen != *version {
            *log = Log::load(&transaction)?;
            *version = seen;
            self.shelf.forget();
            self.introductions.forget();
            self.projections.forget();
        }
        let before = log.size();
        let rows = Rows {
            connection: &transaction,
            shelf: &mut self.shelf,
            log,
            introductions: &mut self.introductions,
            projections: &mut self.projections,
            // Where many come, their time is worth more than a few bytes.
            effort: if items(group) < MANY { Effort::Usual } else { Effort::Little },
        };
        let (outcomes, total) = store_all(rows, group, failed, &self.progress)?;
        let stored = group.iter().enumerate().filter(|(place, _)| !failed.contains_key(place));
        let latest = stored.flat_map(|(_, job)| &job.items).map(Incoming::received_at).max();
        self.projections.save(&transaction)?;
        self.shelf.save(&transaction)?;
        if log.size() > before {
            log.sign(&transaction, &self.signer, latest.unwrap_or(0))?;
        }
        let reached = group.iter().rev().find_map(|job| job.at);
        if let Some(reached) = reached {
            reached.save(&transaction)?;
        }
        self.learn(group, &outcomes);
        if let Err(error) = transaction.commit() {
            lock(&self.known).forget();
            return Err(StoreError::from(error).into());
        }
        self.journal.committed(connection);
        self.open = Some(open);
        self.progress.committed(total, reached);
        Ok(outcomes)
    }

    /// What the next parts of a session may build on. Before the commit: an erasure that comes after
    /// it has the intake forget it again.
    fn learn(&self, group: &[Job], outcomes: &[Outcome]) {
        let mut known = lock(&self.known);
        for (job, outcome) in group.iter().zip(outcomes) {
            if let (false, Ok(receipt)) = (job.is_kept(), outcome)
                && receipt.parts == job.items.len() as u64
            {
                known.learn(&job.items);
            }
        }
    }

    /// Nothing in memory is taken for true any more.
    fn forget(&mut self) {
        self.open = None;
        self.shelf.forget();
        self.introductions.forget();
        self.projections.forget();
    }
}

/// Stores every batch but those that failed before: what became of each, and of all.
fn store_all(
    mut rows: Rows<'_>,
    group: &[Job],
    failed: &HashMap<usize, Arc<StoreError>>,
    progress: &Progress,
) -> Result<(Vec<Outcome>, Receipt), Stopped> {
    let ahead = rows.likely(group.iter().flat_map(|job| &job.items));
    helper::with(&ahead, rows.effort, |reached| {
        let mut outcomes = Vec::with_capacity(group.len());
        let (mut total, mut begun) = (Receipt::default(), 0);
        for (place, job) in group.iter().enumerate() {
            let first = begun;
            begun += job.items.len();
            if let Some(cause) = failed.get(&place) {
                outcomes.push(Err(Arc::clone(cause)));
                continue;
            }
            let mut receipt = Receipt::default();
            let stored = job.items.iter().zip(first..).try_for_each(|(item, at)| {
                yields::to_others();
                reached.part(at);
                match rows.store(item, &mut receipt) {
                    // It was acknowledged, and must not vanish: what came of it is kept for what
                    // it is.
                    Err(StoreError::Unknown) if job.is_kept() => rows.unfounded(item, &mut receipt),
                    other => other,
                }
            });
            match stored {
                Ok(()) => outcomes.push(Ok(receipt)),
                // Nothing of that part was written; what the batch held before it may stay.
                Err(StoreError::Unknown) => outcomes.push(Err(Arc::new(StoreError::Unknown))),
                // A full disk or a broken one has ended the transaction itself.
                Err(cause) => {
                    let at = (!rows.connection.is_autocommit()).then_some(place);
                    return Err(Stopped { at, cause });
                }
            }
            progress.add_done(job.items.len() as u64);
            total.add(receipt);
        }
        Ok((outcomes, total))
    })
}

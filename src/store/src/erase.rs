//! What may be taken back: a session's keys, and with them all that it said.
//!
//! The log keeps every entry and every digest, and says who erased what, when and why. A session
//! under legal hold is not erased.

use crate::error::StoreError;
use crate::intake;
use crate::ledger::entry::Entry;
use crate::ledger::{Keys, Log, beside};
use crate::schema::open_for_writing;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Changes what may be changed, beside a sink that runs or without one.
#[derive(Debug)]
pub struct Custodian {
    folder: PathBuf,
    connection: Connection,
    keys: Keys,
}

/// On whose word something is done.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// Why, for the log.
    pub reason: &'a str,
    /// Who, for the log.
    pub by: &'a str,
    /// When, in Unix milliseconds.
    pub at: i64,
}

impl Custodian {
    /// Opens the ledger in a folder. `keys`: their folder, if it is not beside the data.
    ///
    /// # Errors
    /// When there is none, or its keys are not there.
    pub fn open(folder: &Path, keys: Option<PathBuf>) -> Result<Self, StoreError> {
        if !crate::schema::database_path(folder).is_file() {
            return Err(StoreError::Absent { path: folder.to_owned() });
        }
        let connection = open_for_writing(folder, Duration::from_secs(10))?;
        let keys = Keys::at(&keys.unwrap_or_else(|| beside(folder)));
        Ok(Self { folder: folder.to_owned(), connection, keys })
    }

    /// Destroys a session's keys. How many were: 0 when it was erased before.
    ///
    /// # Errors
    /// [`StoreError::Held`]; and when the ledger cannot be written.
    pub fn erase(&mut self, session: &str, order: Order<'_>) -> Result<usize, StoreError> {
        if let Some(reason) = held(&self.connection, session)? {
            return Err(StoreError::Held { session: session.to_owned(), reason });
        }
        // Nothing of it is on the way, nothing follows, and nothing of it stays where it came in.
        let _closed = intake::close(&self.folder, &self.connection)?;
        let erased = self.write(order.at, |connection, log| {
            // A part that came before its exchange's session was known has a key of its own.
            let mut statement = connection.prepare(
                "SELECT id FROM keys WHERE wrapped IS NOT NULL AND (session = ?1 OR id IN
                 (SELECT DISTINCT key FROM parts WHERE exchange IN
                 (SELECT id FROM exchanges WHERE session = ?1))) ORDER BY id",
            )?;
            let keys: Vec<i64> =
                statement.query_map([session], |row| row.get(0))?.collect::<Result<_, _>>()?;
            if keys.is_empty() {
                return Ok(0);
            }
            for key in &keys {
                connection.execute("UPDATE keys SET wrapped = NULL WHERE id = ?1", [key])?;
            }
            let erased = keys.len();
            let reason = order.reason.to_owned();
            let (session, by) = (session.to_owned(), order.by.to_owned());
            log.append(connection, &Entry::Erasure { at: order.at, session, reason, by, keys })?;
            Ok(erased)
        })?;
        // The journal may still hold the pages in which the keys stood.
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(erased)
    }

    /// Keeps a session from erasure, or no longer.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub fn hold(&mut self, session: &str, held: bool, order: Order<'_>) -> Result<(), StoreError> {
        self.write(order.at, |connection, log| {
            if held {
                connection.execute(
                    "INSERT OR REPLACE INTO holds (session, reason) VALUES (?1, ?2)",
                    params![session, order.reason],
                )?;
            } else {
                connection.execute("DELETE FROM holds WHERE session = ?1", [session])?;
            }
            let reason = order.reason.to_owned();
            let (session, by) = (session.to_owned(), order.by.to_owned());
            log.append(connection, &Entry::Hold { at: order.at, session, reason, by, held })?;
            Ok(())
        })
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) fn write<T>(
        &mut self,
        at: i64,
        change: impl FnOnce(&Connection, &mut Log) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let signer = self.keys.signer()?;
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut log = Log::load(&transaction)?;
        let before = log.size();
        let done = change(&transaction, &mut log)?;
        if log.size() > before {
            log.sign(&transaction, &signer, at)?;
        }
        transaction.commit()?;
        Ok(done)
    }
}

fn held(connection: &Connection, session: &str) -> Result<Option<String>, StoreError> {
    Ok(connection
        .query_row("SELECT reason FROM holds WHERE session = ?1", [session], |row| row.get(0))
        .optional()?)
}

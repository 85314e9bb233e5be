//! The archive: an index over rebuilt sessions, for lists, search, the player and blame.
//!
//! Enters: a ledger, as its reader gives it. Leaves: a SQLite database in a folder of its own, and what
//! a [`View`] reads of it. The ledger is the truth: the index can be dropped and made anew from it, with
//! the same content, whatever the steps in which it was made.
//!
//! **It holds plain text.** What sessions said, redacted as it was recorded, stands unsealed in this
//! database and its journal: protect its folder (0700, files 0600) as the keys of the ledger, and leave
//! it out of backups. When a session's keys are destroyed, the next [`Archive::catch_up`] takes its
//! texts, words and digests out, writes the file anew and empties the journal.

mod error;
mod facts;
mod filter;
mod follow;
mod head;
mod join;
mod lines;
mod put;
mod query;
mod schema;
mod search;
mod snippet;
mod source;
#[cfg(test)]
mod specimen;
mod suggested;
#[cfg(test)]
mod tests;
mod texts;
mod view;

pub use error::ArchiveError;
pub use follow::{CaughtUp, Progress};
pub use head::{ChangeHead, CommandHead, FileHead, Head, Stop, Window};
pub use lines::Attribution;
pub use view::{Located, View};

use crate::Replay;
use follow::Pace;
use rusqlite::{Connection, TransactionBehavior, params};
use schema::{lock_folder, open_for_writing, remove};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Brings the index up to date; one process at a time.
#[derive(Debug)]
pub struct Archive {
    connection: Connection,
    folder: PathBuf,
    pace: Pace,
    /// Held until the archive is dropped.
    _lock: File,
}

impl Archive {
    /// Opens the index in `folder`, or makes an empty one; an index of another version is emptied.
    ///
    /// # Errors
    /// When the folder cannot be used, or another process has opened it so.
    pub fn open(folder: &Path) -> Result<Self, ArchiveError> {
        let lock = lock_folder(folder)?;
        let connection = open_for_writing(folder)?;
        Ok(Self { connection, folder: folder.to_owned(), pace: Pace::default(), _lock: lock })
    }

    /// Drops everything: the next [`Archive::catch_up`] makes the index anew. Views that are open go on
    /// with what they see; they are opened again to see the new one.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn clear(&mut self) -> Result<(), ArchiveError> {
        // The file may not be removed under a connection that would write its journal back.
        self.connection = Connection::open_in_memory()?;
        remove(&self.folder)?;
        self.connection = open_for_writing(&self.folder)?;
        self.pace = Pace::default();
        Ok(())
    }

    /// Puts sessions in without a ledger, each under its number, in one transaction: for whoever makes
    /// replays in another way, as a benchmark does.
    ///
    /// # Errors
    /// When the database fails.
    pub fn put<'r>(
        &mut self,
        sessions: impl IntoIterator<Item = (i64, &'r Replay)>,
    ) -> Result<(), ArchiveError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (number, replay) in sessions {
            put::put(&transaction, number, Some(replay))?;
            touch(&transaction, &replay.session.id)?;
        }
        Ok(transaction.commit()?)
    }
}

/// Notes that what the index holds of a session has changed.
fn touch(connection: &Connection, session: &str) -> Result<(), ArchiveError> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO touched (session, tick)
             VALUES (?1, (SELECT COALESCE(MAX(tick), 0) + 1 FROM touched))",
        )?
        .execute(params![session])?;
    Ok(())
}

//! What an auditor reads. There is no method that writes, and the connection refuses to.
//!
//! A listing is one query; of a session, the rows of its exchanges come at once and the parts one
//! exchange at a time: a long session is never in memory as a whole.

use crate::content::{Master, read_part};
use crate::error::StoreError;
use crate::exchange::Exchange;
use crate::intake;
use crate::interrupted;
use crate::ledger::{Keys, beside};
use crate::projections::Row as _;
use crate::schema::open_for_reading;
use crate::session::Session;
use rusqlite::{Connection, ToSql, params};
use std::cell::OnceCell;
use std::path::Path;
use std::time::Duration;

/// A read-only view of a ledger, beside its writer.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    keys: Keys,
    /// Whether something was acknowledged that was not stored when it was opened.
    is_behind: bool,
    /// Read with the first content.
    master: OnceCell<Master>,
    /// The time by which an exchange has been silent for too long.
    now: Option<i64>,
}

/// A part as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPart {
    /// `opened`, `progress`, `closed` or `refused`.
    pub kind: String,
    /// The VM that wrote it.
    pub boot: String,
    /// Its number within the boot.
    pub seq: i64,
    /// When it was made, in Unix milliseconds.
    pub at: i64,
    /// When the sink received it, in Unix milliseconds.
    pub received_at: i64,
    /// `acknowledged` or `access_log`.
    pub source: String,
    /// The record, byte for byte.
    pub json: Vec<u8>,
}

/// How long a reader waits for what was acknowledged before it was opened.
const PATIENCE: Duration = Duration::from_secs(2);
/// Candidates that an ambiguous name lists.
const CANDIDATES: usize = 5;

impl Reader {
    /// Opens the ledger in `folder`.
    ///
    /// # Errors
    /// When there is none, or it is newer than this program.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        Self::open_with(folder, &beside(folder))
    }

    /// The same, with the keys in another folder. Without keys everything but content can be read.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn open_with(folder: &Path, keys: &Path) -> Result<Self, StoreError> {
        let connection = open_for_reading(folder)?;
        // Where nobody writes, it stays behind: its status says so.
        let is_behind = !intake::caught_up(folder, &connection, PATIENCE)?;
        let (keys, master) = (Keys::at(keys), OnceCell::new());
        Ok(Self { connection, keys, is_behind, master, now: None })
    }

    /// The same, at a time in Unix milliseconds: an open exchange of which nothing was heard for
    /// [`SILENCE`](crate::SILENCE) is then [`Interrupted`](crate::Status::Interrupted).
    #[must_use]
    pub fn at(self, now: i64) -> Self {
        Self { now: Some(now), ..self }
    }

    /// The latest `limit` sessions, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sessions(&self, limit: usize) -> Result<Vec<Session>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut statement = self
            .connection
            .prepare_cached("SELECT * FROM sessions ORDER BY started_at DESC, id DESC LIMIT ?1")?;
        let rows = statement.query_map([limit], Session::from_row)?;
        let mut sessions = rows.collect::<Result<Vec<_>, _>>()?;
        for session in &mut sessions {
            interrupted::count(&self.connection, session, self.now)?;
        }
        Ok(sessions)
    }

    /// The session that `name` means: a session id, an exchange id, a client's own session id, or
    /// the beginning of the first two.
    ///
    /// # Errors
    /// When none or several answer to the name.
    pub fn session(&self, name: &str) -> Result<Session, StoreError> {
        // The exact meanings first: a full id is never ambiguous.
        let meanings: [(&str, &dyn ToSql); 4] = [
            ("SELECT id FROM sessions WHERE id = ?1 LIMIT ?2", &name),
            ("SELECT session FROM exchanges WHERE id = ?1 LIMIT ?2", &name),
            ("SELECT id FROM sessions WHERE hint = ?1 ORDER BY id LIMIT ?2", &name),
            (
                "SELECT id FROM sessions WHERE id >= ?1 AND id < ?1 || 'z' UNION
                 SELECT session FROM exchanges WHERE id >= ?1 AND id < ?1 || 'z' LIMIT ?2",
                &name,
            ),
        ];
        let not_found = || StoreError::NotFound { name: name.to_owned() };
        if name.is_empty() {
            return Err(not_found());
        }
        for (query, argument) in meanings {
            let mut candidates = self.ids(query, argument)?;
            match (candidates.pop(), candidates.is_empty()) {
                (None, _) => {}
                (Some(id), true) => {
                    let session = Session::load(&self.connection, &id)?;
                    let mut session = session.ok_or_else(not_found)?;
                    interrupted::count(&self.connection, &mut session, self.now)?;
                    return Ok(session);
                }
                (Some(id), false) => {
                    candidates.push(id);
                    return Err(StoreError::Ambiguous { name: name.to_owned(), candidates });
                }
            }
        }
        Err(not_found())
    }

    /// The exchanges of a session, in the order of their start.
    ///
    /// # Errors
    /// When the database fails.
    pub fn exchanges(&self, session: &str) -> Result<Vec<Exchange>, StoreError> {
        let mut exchanges = Exchange::of_session(&self.connection, session)?;
        for exchange in &mut exchanges {
            interrupted::mark(&self.connection, exchange, self.now)?;
        }
        Ok(exchanges)
    }

    /// The parts of an exchange, in the order of their numbers.
    ///
    /// # Errors
    /// When the database fails.
    pub fn parts(&self, exchange: &str) -> Result<Vec<StoredPart>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT kind, boot, seq, at, received_at, source, key, frame, streams FROM parts
             WHERE exchange = ?1 ORDER BY boot, seq",
        )?;
        let rows = statement.query_map([exchange], |row| {
            let part = StoredPart {
                kind: row.get(0)?,
                boot: row.get(1)?,
                seq: row.get(2)?,
                at: row.get(3)?,
                received_at: row.get(4)?,
                source: row.get(5)?,
                json: Vec::new(),
            };
            Ok((part, row.get(6)?, row.get::<_, Vec<u8>>(7)?, row.get::<_, String>(8)?))
        })?;
        let mut parts = Vec::new();
        for row in rows {
            let (part, key, frame, streams) = row?;
            let damaged = || StoreError::Damaged { boot: part.boot.clone(), seq: part.seq };
            let streams: Vec<i64> = serde_json::from_str(&streams).map_err(|_| damaged())?;
            let json = read_part(&self.connection, self.master()?, key, &frame, &streams);
            let json = match json {
                Err(StoreError::Unreadable) => return Err(damaged()),
                other => other?.ok_or_else(|| StoreError::Erased { name: exchange.to_owned() })?,
            };
            parts.push(StoredPart { json, ..part });
        }
        Ok(parts)
    }

    pub(crate) fn is_behind(&self) -> bool {
        self.is_behind
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// A session's own key.
    pub(crate) fn session_key(&self, id: i64, session: &str) -> Result<Vec<u8>, StoreError> {
        let (of, wrapped): (String, Option<Vec<u8>>) = self.connection.query_row(
            "SELECT session, wrapped FROM keys WHERE id = ?1",
            [id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let wrapped = wrapped.ok_or_else(|| StoreError::Erased { name: session.to_owned() })?;
        self.master()?.raw(&of, &wrapped).ok_or(StoreError::WrongKey)
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) fn master(&self) -> Result<&Master, StoreError> {
        if let Some(master) = self.master.get() {
            return Ok(master);
        }
        let master = self.keys.master()?;
        Ok(self.master.get_or_init(|| master))
    }

    fn ids(&self, query: &str, argument: &dyn ToSql) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare_cached(query)?;
        let rows = statement.query_map(params![argument, CANDIDATES as i64], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Writer;

    #[test]
    fn the_connection_refuses_to_write() {
        let folder = tempfile::tempdir().unwrap();
        let _writer = Writer::start(folder.path()).unwrap();
        let reader = Reader::open(folder.path()).unwrap();
        for statement in [
            "DELETE FROM parts",
            "UPDATE sessions SET subject = 'mallory'",
            "INSERT INTO malformed VALUES (1, 1, '', '', 0, x'')",
            "DROP TABLE parts",
            "PRAGMA user_version = 9",
        ] {
            assert!(reader.connection.execute_batch(statement).is_err(), "{statement}");
        }
        // Not even after the guard is lifted: the file itself is open for reading only.
        reader.connection.execute_batch("PRAGMA query_only = 0").unwrap();
        assert!(reader.connection.execute_batch("DELETE FROM parts").is_err());
    }
}

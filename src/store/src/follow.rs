//! Following the ledger: what came since an entry, for whoever derives something from it.
//!
//! Enters: the index of the first entry that was not seen. Leaves: the sessions that the entries from
//! there on speak of, in their order. An exchange may change its session when its introduction comes
//! late: what is named is the session that it belongs to now.

use crate::error::StoreError;
use crate::reader::Reader;
use crate::status::Gap;
use rusqlite::{OptionalExtension, params};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// What a stretch of the log changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The first entry that is not among them: where to go on.
    pub next: i64,
    /// What changed, in the order of the entries. Entries that change no session are left out.
    pub changes: Vec<Change>,
}

/// What one entry changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The entry's index.
    pub entry: i64,
    /// The session; of a part, the one that its exchange belongs to now.
    pub session: String,
    /// The exchange, of a part.
    pub exchange: Option<String>,
    /// Whether the session's keys were destroyed.
    pub erased: bool,
}

/// Of an entry that speaks of no part.
#[derive(Deserialize)]
struct Other {
    entry: String,
    session: Option<String>,
}

impl Reader {
    /// What the entries from `from` on changed, at most `limit` entries of them.
    ///
    /// # Errors
    /// When the database fails.
    pub fn changes(&self, from: i64, limit: usize) -> Result<Changes, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT entries.id, parts.exchange, exchanges.session,
                 CASE WHEN parts.id IS NULL THEN unpacked(entries.bytes) END
             FROM entries LEFT JOIN parts ON parts.id = entries.id
             LEFT JOIN exchanges ON exchanges.id = parts.exchange
             WHERE entries.id >= ?1 ORDER BY entries.id LIMIT ?2",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![from, limit])?;
        let mut changes = Changes { next: from, changes: Vec::new() };
        while let Some(row) = rows.next()? {
            let entry: i64 = row.get(0)?;
            changes.next = entry.saturating_add(1);
            if let Some(session) = row.get::<_, Option<String>>(2)? {
                let exchange = row.get(1)?;
                changes.changes.push(Change { entry, session, exchange, erased: false });
            } else if let Some(bytes) = row.get_ref(3)?.as_blob_or_null().unwrap_or(None)
                && let Ok(other) = serde_json::from_slice::<Other>(bytes)
                && let Some(session) = other.session
            {
                let erased = other.entry == "erasure";
                changes.changes.push(Change { entry, session, exchange: None, erased });
            }
        }
        Ok(changes)
    }

    /// SHA-256 of an entry: whether a ledger is the one that was followed before.
    ///
    /// # Errors
    /// When the database fails.
    pub fn entry_digest(&self, entry: i64) -> Result<Option<[u8; 32]>, StoreError> {
        let bytes: Option<Vec<u8>> = self
            .connection()
            .prepare_cached("SELECT unpacked(bytes) FROM entries WHERE id = ?1")?
            .query_row([entry], |row| row.get(0))
            .optional()?;
        Ok(bytes.map(|bytes| Sha256::digest(bytes).into()))
    }

    /// The first and the last entry of the parts of a session; none when no exchange belongs to it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn span(&self, session: &str) -> Result<Option<(i64, i64)>, StoreError> {
        let (first, last): (Option<i64>, Option<i64>) = self
            .connection()
            .prepare_cached(
                "SELECT MIN(parts.id), MAX(parts.id) FROM exchanges
                 JOIN parts ON parts.exchange = exchanges.id WHERE exchanges.session = ?1",
            )?
            .query_row([session], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(first.zip(last))
    }

    /// Everything that is missing, by VM and number.
    ///
    /// # Errors
    /// When the database fails.
    pub fn all_gaps(&self) -> Result<Vec<Gap>, StoreError> {
        let mut statement = self
            .connection()
            .prepare_cached(&format!("{} ORDER BY gaps.boot, first", Gap::SELECT))?;
        let rows = statement.query_map([], Gap::from_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The sessions of which a VM recorded something up to `before_at` and something from `after_at`
    /// on: a gap between these two times may hold parts of them.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sessions_around(
        &self,
        boot: &str,
        after_at: i64,
        before_at: i64,
    ) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT sessions.id FROM sessions CROSS JOIN exchanges ON exchanges.session = sessions.id
             CROSS JOIN parts ON parts.exchange = exchanges.id
             WHERE sessions.started_at <= ?3 AND (open > 0 OR last_end >= ?2) AND parts.boot = ?1
             GROUP BY sessions.id HAVING MIN(parts.at) <= ?3 AND MAX(parts.at) >= ?2",
        )?;
        let rows = statement.query_map(params![boot, after_at, before_at], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many entries the ledger has.
    ///
    /// # Errors
    /// When the database fails.
    pub fn size(&self) -> Result<i64, StoreError> {
        Ok(self
            .connection()
            .prepare_cached("SELECT COALESCE(MAX(id) + 1, 0) FROM entries")?
            .query_row([], |row| row.get(0))?)
    }
}

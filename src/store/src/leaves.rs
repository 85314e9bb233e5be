//! Entries of the log as they stand, with their leaf hashes: for who follows the log, and for who
//! says where a record is.

use crate::error::StoreError;
use crate::exchange::Exchange;
use crate::ledger::entry::hex;
use crate::projections::Row as _;
use crate::reader::Reader;
use rusqlite::{OptionalExtension, Row, params};
use tlog_tiles::record_hash;

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Its index.
    pub entry: i64,
    /// Its leaf hash (RFC 6962), in hex.
    pub hash: String,
    /// Its canonical bytes: JSON.
    pub bytes: Vec<u8>,
    /// The exchange, of a part.
    pub exchange: Option<String>,
    /// Of a part: `opened`, `progress`, `closed` or `refused`.
    pub kind: Option<String>,
}

/// What the last checkpoint says; its signature is not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    /// The log's name.
    pub origin: String,
    /// How many entries it has.
    pub size: i64,
    /// The root, in hex.
    pub root: String,
}

impl Reader {
    /// The entries from one on, at most `limit` of them, in their order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn leaves(&self, from: i64, limit: usize) -> Result<Vec<Leaf>, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT entries.id, unpacked(bytes), parts.exchange, kind FROM entries
             LEFT JOIN parts ON parts.id = entries.id
             WHERE entries.id >= ?1 ORDER BY entries.id LIMIT ?2",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![from, limit], Leaf::from_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The entries of an exchange's parts.
    ///
    /// # Errors
    /// When the database fails.
    pub fn leaves_of(&self, exchange: &str) -> Result<Vec<Leaf>, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT entries.id, unpacked(bytes), parts.exchange, kind FROM parts
             JOIN entries ON entries.id = parts.id WHERE exchange = ?1 ORDER BY entries.id",
        )?;
        let rows = statement.query_map([exchange], Leaf::from_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The last checkpoint; none when nothing was stored yet.
    ///
    /// # Errors
    /// When the database fails.
    pub fn tip(&self) -> Result<Option<Tip>, StoreError> {
        let last: Option<(i64, Vec<u8>, Vec<u8>)> = self
            .connection()
            .prepare_cached("SELECT size, root, note FROM checkpoints ORDER BY size DESC LIMIT 1")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        Ok(last.map(|(size, root, note)| {
            let note = String::from_utf8_lossy(&note);
            let origin = note.lines().next().unwrap_or_default().to_owned();
            Tip { origin, size, root: hex(&root) }
        }))
    }

    /// An exchange's row, as far as it is known now.
    ///
    /// # Errors
    /// When the database fails.
    pub fn exchange(&self, id: &str) -> Result<Option<Exchange>, StoreError> {
        Exchange::load(self.connection(), id)
    }
}

impl Leaf {
    /// Whether it is of a part that ends its exchange.
    #[must_use]
    pub fn ends(&self) -> bool {
        matches!(self.kind.as_deref(), Some("closed" | "refused"))
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let bytes: Vec<u8> = row.get(1)?;
        let hash = hex(&record_hash(&bytes).0);
        Ok(Self { entry: row.get(0)?, hash, bytes, exchange: row.get(2)?, kind: row.get(3)? })
    }
}

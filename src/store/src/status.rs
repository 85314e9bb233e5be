//! Whether the record is complete: what is here, what is missing, and what only one side saw.

use crate::error::StoreError;
use crate::interrupted;
use crate::reader::Reader;
use rusqlite::{Connection, OptionalExtension};

/// Numbers that did not come, and the time in which they were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Envoy's node id, empty when it has none.
    pub node: String,
    /// The VM.
    pub boot: String,
    /// The first number that is missing.
    pub first: i64,
    /// The last.
    pub last: i64,
    /// The time of the part before, in Unix milliseconds.
    pub after_at: i64,
    /// The time of the part behind.
    pub before_at: i64,
}

impl Gap {
    /// Of all gaps: what [`Gap::from_row`] reads.
    pub(crate) const SELECT: &str = "SELECT node, gaps.boot, first, last, after_at, before_at
        FROM gaps JOIN boots ON boots.boot = gaps.boot";

    pub(crate) fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            node: row.get(0)?,
            boot: row.get(1)?,
            first: row.get(2)?,
            last: row.get(3)?,
            after_at: row.get(4)?,
            before_at: row.get(5)?,
        })
    }
}

/// The ledger in figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Exchanges.
    pub exchanges: i64,
    /// Of them, those whose end is not on record.
    pub open: i64,
    /// Of these, those whose end will not come.
    pub interrupted: i64,
    /// Parts.
    pub parts: i64,
    /// Entries that the sink could not read.
    pub malformed: i64,
    /// Entries of Envoy's own access log.
    pub witnesses: i64,
    /// What is missing, the latest first; at most 100.
    pub gaps: Vec<Gap>,
    /// How many numbers are missing.
    pub missing: i64,
    /// Streams that Envoy saw, and no record speaks of.
    pub unrecorded: i64,
    /// Exchanges on record that Envoy's log does not name, though it names others.
    pub unwitnessed: i64,
    /// Whether parts were acknowledged that are not in the ledger: a sink takes them in when it starts.
    pub is_behind: bool,
    /// Sessions that were erased.
    pub erased: i64,
    /// Sessions under legal hold.
    pub held: i64,
    /// Entries of the log.
    pub entries: i64,
    /// The last checkpoint's time, in Unix milliseconds.
    pub checkpoint_at: Option<i64>,
    /// And its signed text.
    pub checkpoint: Option<String>,
    /// When the last part was received.
    pub received_at: Option<i64>,
    /// Bytes of the database, with its journal's not yet counted in.
    pub bytes: i64,
}

impl Status {
    /// Whether nothing is known to be missing.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing == 0 && self.unrecorded == 0 && self.unwitnessed == 0 && !self.is_behind
    }
}

/// Gaps that are named one by one.
const NAMED: i64 = 100;

impl Reader {
    /// The ledger in figures, at a time (Unix milliseconds). What came in the last `grace`
    /// milliseconds may still find its counterpart and is not counted as missing.
    ///
    /// # Errors
    /// When the database fails.
    pub fn status(&self, now: i64, grace: i64) -> Result<Status, StoreError> {
        let connection = self.connection();
        let until = now.saturating_sub(grace);
        let one = |query: &str| number(connection, query, []);
        let witnesses = one("SELECT COUNT(*) FROM witness")?;
        let checkpoint: Option<(i64, Vec<u8>)> = connection
            .query_row("SELECT at, note FROM checkpoints ORDER BY size DESC LIMIT 1", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        Ok(Status {
            exchanges: one("SELECT COALESCE(SUM(exchanges), 0) FROM sessions")?,
            open: one("SELECT COALESCE(SUM(open), 0) FROM sessions")?,
            interrupted: interrupted::all(connection, now)?,
            parts: one("SELECT COUNT(*) FROM parts")?,
            malformed: one("SELECT COUNT(*) FROM malformed")?,
            witnesses,
            gaps: self.gaps(until)?,
            missing: number(
                connection,
                "SELECT COALESCE(SUM(last - first + 1), 0) FROM gaps WHERE noticed_at <= ?1",
                [until],
            )?,
            unrecorded: number(
                connection,
                "SELECT COUNT(*) FROM unmatched WHERE at <= ?1",
                [until],
            )?,
            // A ledger without a second witness has nobody to contradict it.
            unwitnessed: if witnesses == 0 {
                0
            } else {
                number(
                    connection,
                    "SELECT COUNT(*) FROM unwitnessed JOIN exchanges ON exchanges.id = exchange
                     WHERE at <= ?1 AND exchanges.status <> 'open'",
                    [until],
                )?
            },
            is_behind: self.is_behind(),
            erased: one("SELECT COUNT(DISTINCT session) FROM keys WHERE wrapped IS NULL")?,
            held: one("SELECT COUNT(*) FROM holds")?,
            entries: one("SELECT COALESCE(MAX(id) + 1, 0) FROM entries")?,
            checkpoint_at: checkpoint.as_ref().map(|(at, _)| *at),
            checkpoint: checkpoint.map(|(_, note)| String::from_utf8_lossy(&note).into_owned()),
            received_at: connection
                .query_row("SELECT received_at FROM parts ORDER BY id DESC LIMIT 1", [], |row| {
                    row.get(0)
                })
                .optional()?,
            bytes: one("PRAGMA page_count")?.saturating_mul(one("PRAGMA page_size")?),
        })
    }

    fn gaps(&self, until: i64) -> Result<Vec<Gap>, StoreError> {
        let mut statement = self.connection().prepare_cached(&format!(
            "{} WHERE noticed_at <= ?1 ORDER BY before_at DESC LIMIT ?2",
            Gap::SELECT
        ))?;
        let rows = statement.query_map([until, NAMED], Gap::from_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn number(
    connection: &Connection,
    query: &str,
    arguments: impl rusqlite::Params,
) -> Result<i64, StoreError> {
    Ok(connection.prepare_cached(query)?.query_row(arguments, |row| row.get(0))?)
}

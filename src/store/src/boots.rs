//! Each VM's account: which of its numbers are here, and which are missing.
//!
//! A VM numbers its parts from 1 without a gap. A number above the highest that came opens a gap for
//! all between; a part that comes late, or that the gateway gave up before anything of it was
//! forwarded, closes it again. So the account also says whether a number has come: up to the highest
//! all have that neither are missing nor were given up.

use crate::error::StoreError;
use crate::incoming::NewPart;
use crate::projections::{Projections, Row};
use rusqlite::{Connection, OptionalExtension, params};

/// A VM's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Boot {
    id: String,
    pub(crate) node: String,
    first_at: i64,
    last_at: i64,
    pub(crate) highest: i64,
}

impl Row for Boot {
    fn load(connection: &Connection, id: &str) -> Result<Option<Self>, StoreError> {
        Ok(connection
            .prepare_cached("SELECT node, first_at, last_at, highest FROM boots WHERE boot = ?1")?
            .query_row([id], |row| {
                Ok(Self {
                    id: id.to_owned(),
                    node: row.get(0)?,
                    first_at: row.get(1)?,
                    last_at: row.get(2)?,
                    highest: row.get(3)?,
                })
            })
            .optional()?)
    }

    fn save(&self, connection: &Connection, _: Option<&Self>) -> Result<(), StoreError> {
        let Self { id, node, first_at, last_at, highest } = self;
        connection
            .prepare_cached(
                "INSERT INTO boots (boot, node, first_at, last_at, highest)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (boot) DO UPDATE SET last_at = ?4, highest = ?5",
            )?
            .execute(params![id, node, first_at, last_at, highest])?;
        Ok(())
    }
}

/// Enters a part into its VM's account.
pub(crate) fn account(
    connection: &Connection,
    projections: &mut Projections,
    id: &str,
    part: &NewPart,
) -> Result<(), StoreError> {
    let known = projections.boot(connection, id)?.cloned();
    let mut boot = known.unwrap_or_else(|| Boot {
        id: id.to_owned(),
        node: part.node.clone(),
        first_at: part.at,
        last_at: part.at,
        highest: 0,
    });
    if part.seq > boot.highest {
        let first = boot.highest.saturating_add(1);
        if part.seq > first {
            let gap = Gap {
                first,
                last: part.seq - 1,
                noticed_at: part.received_at,
                after_at: boot.last_at,
                before_at: part.at,
            };
            gap.insert(connection, id)?;
        }
        (boot.highest, boot.last_at) = (part.seq, part.at);
    } else if !close(connection, id, part.seq)? {
        connection
            .prepare_cached("DELETE FROM given_up WHERE boot = ?1 AND seq = ?2")?
            .execute(params![id, part.seq])?;
    }
    projections.put_boot(id, boot);
    // A gateway gives up what it numbered before.
    for given_up in part.abandoned.iter().filter(|number| **number < part.seq) {
        if close(connection, id, *given_up)? {
            connection
                .prepare_cached("INSERT OR IGNORE INTO given_up (boot, seq) VALUES (?1, ?2)")?
                .execute(params![id, given_up])?;
        }
    }
    Ok(())
}

/// Whether a number up to the highest has come.
pub(crate) fn has_come(connection: &Connection, boot: &str, seq: i64) -> Result<bool, StoreError> {
    if gap_of(connection, boot, seq)?.is_some() {
        return Ok(false);
    }
    let was_given_up = connection
        .prepare_cached("SELECT 1 FROM given_up WHERE boot = ?1 AND seq = ?2")?
        .exists(params![boot, seq])?;
    Ok(!was_given_up)
}

/// Numbers that are missing, from the first to the last.
#[derive(Clone, Copy)]
struct Gap {
    first: i64,
    last: i64,
    noticed_at: i64,
    after_at: i64,
    before_at: i64,
}

/// The gap in which a number is.
fn gap_of(connection: &Connection, boot: &str, seq: i64) -> Result<Option<Gap>, StoreError> {
    let before = connection
        .prepare_cached(
            "SELECT first, last, noticed_at, after_at, before_at FROM gaps
             WHERE boot = ?1 AND first <= ?2 ORDER BY first DESC LIMIT 1",
        )?
        .query_row(params![boot, seq], |row| {
            Ok(Gap {
                first: row.get(0)?,
                last: row.get(1)?,
                noticed_at: row.get(2)?,
                after_at: row.get(3)?,
                before_at: row.get(4)?,
            })
        })
        .optional()?;
    Ok(before.filter(|gap| seq <= gap.last))
}

/// A number is no longer missing; false when it was not.
fn close(connection: &Connection, boot: &str, seq: i64) -> Result<bool, StoreError> {
    let Some(gap) = gap_of(connection, boot, seq)? else { return Ok(false) };
    connection
        .prepare_cached("DELETE FROM gaps WHERE boot = ?1 AND first = ?2")?
        .execute(params![boot, gap.first])?;
    if gap.first < seq {
        Gap { last: seq - 1, ..gap }.insert(connection, boot)?;
    }
    if seq < gap.last {
        Gap { first: seq + 1, ..gap }.insert(connection, boot)?;
    }
    Ok(true)
}

impl Gap {
    fn insert(self, connection: &Connection, boot: &str) -> Result<(), StoreError> {
        let Self { first, last, noticed_at, after_at, before_at } = self;
        connection
            .prepare_cached(
                "INSERT INTO gaps (boot, first, last, noticed_at, after_at, before_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![boot, first, last, noticed_at, after_at, before_at])?;
        Ok(())
    }
}

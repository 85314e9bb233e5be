//! Each VM's account: which of its numbers are here, and which are missing.
//!
//! A VM numbers its parts from 1 without a gap. A number above the highest that came opens a gap for
//! all between; a part that comes late, or that the gateway gave up before anything of it was
//! forwarded, closes it again.

use crate::error::StoreError;
use crate::incoming::NewPart;
use rusqlite::{Connection, OptionalExtension, params};

/// Enters a part into its VM's account.
pub(crate) fn account(connection: &Connection, part: &NewPart) -> Result<(), StoreError> {
    let boot = part.boot.to_string();
    let known: Option<(i64, i64)> = connection
        .prepare_cached("SELECT highest, last_at FROM boots WHERE boot = ?1")?
        .query_row([&boot], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (highest, last_at) = known.unwrap_or((0, part.at));
    if known.is_none() {
        connection
            .prepare_cached(
                "INSERT INTO boots (boot, node, first_at, last_at, highest)
                 VALUES (?1, ?2, ?3, ?3, 0)",
            )?
            .execute(params![boot, part.node, part.at])?;
    }
    if part.seq > highest {
        if part.seq > highest.saturating_add(1) {
            insert(
                connection,
                &boot,
                highest.saturating_add(1),
                part.seq - 1,
                part.received_at,
                last_at,
                part.at,
            )?;
        }
        connection
            .prepare_cached("UPDATE boots SET highest = ?2, last_at = ?3 WHERE boot = ?1")?
            .execute(params![boot, part.seq, part.at])?;
    } else {
        close(connection, &boot, part.seq)?;
    }
    for given_up in &part.abandoned {
        close(connection, &boot, *given_up)?;
    }
    Ok(())
}

/// A number is no longer missing.
fn close(connection: &Connection, boot: &str, seq: i64) -> Result<(), StoreError> {
    let gap: Option<[i64; 5]> = connection
        .prepare_cached(
            "SELECT first, last, noticed_at, after_at, before_at FROM gaps
             WHERE boot = ?1 AND first <= ?2 ORDER BY first DESC LIMIT 1",
        )?
        .query_row(params![boot, seq], |row| {
            Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?])
        })
        .optional()?;
    let Some([first, last, noticed_at, after_at, before_at]) = gap.filter(|gap| seq <= gap[1])
    else {
        return Ok(());
    };
    connection
        .prepare_cached("DELETE FROM gaps WHERE boot = ?1 AND first = ?2")?
        .execute(params![boot, first])?;
    if first < seq {
        insert(connection, boot, first, seq - 1, noticed_at, after_at, before_at)?;
    }
    if seq < last {
        insert(connection, boot, seq + 1, last, noticed_at, after_at, before_at)?;
    }
    Ok(())
}

fn insert(
    connection: &Connection,
    boot: &str,
    first: i64,
    last: i64,
    noticed_at: i64,
    after_at: i64,
    before_at: i64,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO gaps (boot, first, last, noticed_at, after_at, before_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![boot, first, last, noticed_at, after_at, before_at])?;
    Ok(())
}

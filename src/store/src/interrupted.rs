//! Exchanges whose end will not come: the gateway that ran them is gone, or could not speak any more.
//!
//! The record cannot say so, as nobody is left to write it; time does. It is decided when somebody
//! reads, and a part that comes late after all undoes it.

use crate::error::StoreError;
use crate::exchange::{Exchange, Status};
use crate::session::Session;
use rusqlite::{Connection, named_params};

/// After this long without a part an open exchange has been interrupted, in milliseconds: longer than
/// any time-out of a gateway or a client leaves a stream without a byte.
pub const SILENCE: i64 = 15 * 60 * 1000;

/// Whether nothing was heard of an open exchange for that long.
const IS_SILENT: &str = "status = 'open' AND started_at <= :before AND NOT EXISTS
    (SELECT 1 FROM parts WHERE parts.exchange = exchanges.id AND received_at > :before)";

/// Sets the status of an exchange, if it is open.
pub(crate) fn mark(
    connection: &Connection,
    exchange: &mut Exchange,
    now: Option<i64>,
) -> Result<(), StoreError> {
    let Some(now) = now.filter(|_| exchange.status == Status::Open) else { return Ok(()) };
    if silent(connection, "id = :of", Some(&exchange.id), now)? > 0 {
        exchange.status = Status::Interrupted;
    }
    Ok(())
}

/// Counts those of a session, if any of its exchanges is open.
pub(crate) fn count(
    connection: &Connection,
    session: &mut Session,
    now: Option<i64>,
) -> Result<(), StoreError> {
    let Some(now) = now.filter(|_| session.open > 0) else { return Ok(()) };
    session.interrupted = silent(connection, "session = :of", Some(&session.id), now)?;
    Ok(())
}

/// How many there are.
pub(crate) fn all(connection: &Connection, now: i64) -> Result<i64, StoreError> {
    silent(connection, ":of IS NULL", None, now)
}

fn silent(
    connection: &Connection,
    which: &str,
    of: Option<&str>,
    now: i64,
) -> Result<i64, StoreError> {
    let query = format!("SELECT COUNT(*) FROM exchanges WHERE {which} AND {IS_SILENT}");
    let arguments = named_params! {":of": of, ":before": now.saturating_sub(SILENCE)};
    Ok(connection.prepare_cached(&query)?.query_row(arguments, |row| row.get(0))?)
}

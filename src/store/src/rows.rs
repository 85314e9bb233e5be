//! What the writer does with one entry, inside its transaction.
//!
//! A part is stored once: the same bytes again are a duplicate, other bytes under the same boot and
//! number are a conflict, in which the first word stands. Only a part that is new is projected.

use crate::error::StoreError;
use crate::exchange::Exchange;
use crate::incoming::{Incoming, Kind, Malformed, NewPart, Received};
use crate::malformed::Defect;
use crate::session::Session;
use crate::writer::Receipt;
use rusqlite::{Connection, params};

/// Stores one entry and counts it in the receipt of its batch.
pub(crate) fn store(
    connection: &Connection,
    item: &Incoming,
    receipt: &mut Receipt,
) -> Result<(), StoreError> {
    match &item.0 {
        Kind::Part(part) => store_part(connection, part, receipt),
        Kind::Malformed(malformed) => {
            receipt.malformed += 1;
            store_malformed(connection, malformed)
        }
        Kind::Witness(received) => {
            receipt.witnesses += 1;
            store_witness(connection, received)
        }
    }
}

fn store_part(
    connection: &Connection,
    part: &NewPart,
    receipt: &mut Receipt,
) -> Result<(), StoreError> {
    let boot = part.boot.to_string();
    let added = connection
        .prepare_cached(
            "INSERT INTO parts (boot, seq, exchange, kind, source, at, received_at, json)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (boot, seq) DO NOTHING",
        )?
        .execute(params![
            boot,
            part.seq,
            part.exchange.to_string(),
            part.kind,
            part.source.name(),
            part.at,
            part.received_at,
            part.json,
        ])?;
    if added == 1 {
        receipt.parts += 1;
        let (before, after) = Exchange::project(connection, part)?;
        return Session::project(connection, before.as_ref(), &after);
    }
    let same: bool = connection
        .prepare_cached("SELECT json = ?3 FROM parts WHERE boot = ?1 AND seq = ?2")?
        .query_row(params![boot, part.seq, part.json], |row| row.get(0))?;
    if same {
        receipt.duplicates += 1;
        return Ok(());
    }
    // The first word stands; that there was a second is on record too.
    receipt.conflicts += 1;
    let second = Malformed::new(Defect::Conflict, &part.json, part.received_at, "");
    store_malformed(connection, &second)
}

fn store_malformed(connection: &Connection, malformed: &Malformed) -> Result<(), StoreError> {
    let Malformed { received_at, log_name, defect, size, bytes } = malformed;
    connection
        .prepare_cached(
            "INSERT INTO malformed (received_at, log_name, reason, size, bytes)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![received_at, log_name, defect.to_string(), *size as i64, bytes])?;
    Ok(())
}

fn store_witness(connection: &Connection, received: &Received) -> Result<(), StoreError> {
    let Received { received_at, witness } = received;
    connection
        .prepare_cached(
            "INSERT INTO witness (received_at, exchange, method, path, status, details)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            received_at,
            witness.exchange.map(|id| id.to_string()),
            witness.method,
            witness.path,
            witness.status,
            witness.details,
        ])?;
    Ok(())
}

//! What the writer does with one entry, inside its transaction.
//!
//! A part is stored once: the same bytes again are a duplicate, other bytes under the same boot and
//! number are a conflict, in which the first word stands. Only a part that is new is projected.

use crate::boots;
use crate::clear::Introductions;
use crate::content::{Effort, Shelf};
use crate::error::StoreError;
use crate::exchange::{Exchange, Status};
use crate::helper::Likely;
use crate::incoming::{Incoming, Kind, Malformed, NewPart, Received};
use crate::ledger::Log;
use crate::ledger::entry::{Entry, hex};
use crate::malformed::Defect;
use crate::projections::Projections;
use crate::telemetry;
use crate::writer::Receipt;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

/// What the writer stores with.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) shelf: &'a mut Shelf,
    pub(crate) log: &'a mut Log,
    pub(crate) introductions: &'a mut Introductions,
    pub(crate) projections: &'a mut Projections,
    pub(crate) effort: Effort,
}

impl Rows<'_> {
    /// Stores one entry and counts it in the receipt of its batch.
    pub(crate) fn store(
        &mut self,
        item: &Incoming,
        receipt: &mut Receipt,
    ) -> Result<(), StoreError> {
        match &item.0 {
            Kind::Part(part) => self.part(part, receipt),
            Kind::Malformed(malformed) => {
                receipt.malformed += 1;
                self.malformed(malformed)
            }
            Kind::Witness(received) => {
                receipt.witnesses += 1;
                self.witness(received)
            }
            Kind::Telemetry(said) => {
                receipt.telemetry += 1;
                telemetry::store(self, said)
            }
        }
    }

    /// Those of these that seem new and whose keys are at hand, to be sealed before they are stored.
    pub(crate) fn likely<'g>(&self, items: impl Iterator<Item = &'g Incoming>) -> Vec<Likely<'g>> {
        let likely = items.enumerate().filter_map(|(place, item)| {
            let Kind::Part(part) = &item.0 else { return None };
            if part.seq <= self.projections.highest_of(&part.boot.to_string()) {
                return None;
            }
            let session = match &part.introduction {
                Some(introduction) => &introduction.session,
                None => self.projections.session_of(&part.exchange.to_string())?,
            };
            let given = self.shelf.at_hand(session)?.clone();
            Some(Likely { place, content: &part.content, given })
        });
        likely.collect()
    }

    fn part(&mut self, part: &NewPart, receipt: &mut Receipt) -> Result<(), StoreError> {
        let connection = self.connection;
        let boot = part.boot.to_string();
        // A number above all that came has not come.
        let known = self.projections.boot(connection, &boot)?;
        let highest = known.map_or(0, |known| known.highest);
        let node = known.map_or(&part.node, |known| &known.node).clone();
        if part.seq <= highest && boots::has_come(connection, &boot, part.seq)? {
            // Under another exchange it is another part.
            let exchange = part.exchange.to_string();
            if let Some((key, mac)) = stored(connection, &exchange, &boot, part.seq)?
                && self.shelf.is_same(connection, key, &mac, &part.content)?
            {
                receipt.duplicates += 1;
                return Ok(());
            }
            // The first word stands; that there was a second is on record too.
            receipt.conflicts += 1;
            let second = part.content.evidence();
            let second = Malformed::new(Defect::Conflict, &second, part.received_at, "");
            return self.malformed(&second);
        }
        let exchange = part.exchange.to_string();
        let before = self.projections.exchange(connection, &exchange)?.cloned();
        let after = Exchange::with(before.as_ref(), part, self.log.size() as i64);
        // The one thing that can be wrong with a part alone; until here nothing was changed.
        let clear = part.clear.digest(&node);
        let content = &part.content;
        let stored = self.shelf.store(connection, &after.session, content, &clear, self.effort)?;
        receipt.parts += 1;
        let index = self.log.append(
            connection,
            &Entry::Part {
                exchange: exchange.clone(),
                boot: boot.clone(),
                seq: part.seq,
                kind: part.kind.to_owned(),
                source: part.source.name().to_owned(),
                at: part.at,
                received_at: part.received_at,
                session: after.session.clone(),
                content: hex(&stored.content),
                key: stored.made.map(|sum| hex(&sum)),
                dictionary: stored.dictionary.map(|sum| hex(&sum)),
                bytes: stored.bytes,
                abandoned: part.abandoned.clone(),
            },
        )?;
        connection
            .prepare_cached(
                "INSERT INTO parts (id, boot, seq, exchange, kind, source, at, received_at,
                 introduction, ending, key, frame, streams, mac)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            )?
            .execute(params![
                index,
                boot,
                part.seq,
                exchange,
                part.kind,
                part.source.name(),
                part.at,
                part.received_at,
                self.introductions.row(connection, part)?,
                part.clear.ending,
                stored.key,
                stored.frame,
                serde_json::Value::from(stored.chains).to_string(),
                stored.mac,
            ])?;
        boots::account(connection, self.projections, &boot, part)?;
        if before.is_none() {
            self.introduced(&after.id, part.received_at)?;
        }
        if before.as_ref() != Some(&after) {
            self.projections.put_exchange(after.clone());
        }
        self.projections.change_session(connection, before.as_ref(), &after)?;
        if after.status != Status::Open && after.introduction.hint.is_none() {
            // No other exchange is of its session.
            self.shelf.over(&after.session);
        }
        Ok(())
    }

    /// A part that builds on what is not there, and was acknowledged.
    pub(crate) fn unfounded(
        &mut self,
        item: &Incoming,
        receipt: &mut Receipt,
    ) -> Result<(), StoreError> {
        let Kind::Part(part) = &item.0 else { return Ok(()) };
        receipt.malformed += 1;
        let came = part.content.evidence();
        self.malformed(&Malformed::new(Defect::Unfounded, &came, part.received_at, ""))
    }

    fn malformed(&mut self, malformed: &Malformed) -> Result<(), StoreError> {
        let Malformed { received_at, log_name, defect, size, bytes } = malformed;
        let reason = defect.to_string();
        let index = self.log.append(
            self.connection,
            &Entry::Malformed {
                received_at: *received_at,
                log: log_name.clone(),
                reason: reason.clone(),
                size: *size as i64,
                sum: hex(&Sha256::digest(bytes)),
            },
        )?;
        self.connection
            .prepare_cached(
                "INSERT INTO malformed (id, received_at, log_name, reason, size, bytes)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![index, received_at, log_name, reason, *size as i64, bytes])?;
        Ok(())
    }

    fn witness(&mut self, received: &Received) -> Result<(), StoreError> {
        let Received { received_at, witness } = received;
        let exchange = witness.exchange.map(|id| id.to_string());
        let mut sum = Sha256::new();
        for field in [&witness.method, &witness.path, &witness.details] {
            sum.update((field.len() as u64).to_be_bytes());
            sum.update(field);
        }
        let index = self.log.append(
            self.connection,
            &Entry::Witness {
                received_at: *received_at,
                exchange: exchange.clone(),
                status: witness.status,
                sum: hex(&sum.finalize()),
            },
        )?;
        self.connection
            .prepare_cached(
                "INSERT INTO witness (id, received_at, exchange, method, path, status, details)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                index,
                received_at,
                exchange,
                witness.method,
                witness.path,
                witness.status,
                witness.details,
            ])?;
        let known = self
            .connection
            .prepare_cached("DELETE FROM unwitnessed WHERE exchange = ?1")?
            .execute([&exchange])?
            > 0
            || match &exchange {
                Some(id) => self.projections.exchange(self.connection, id)?.is_some(),
                None => false,
            };
        if !known {
            if exchange.is_some() {
                self.projections.put_unmatched();
            }
            self.connection
                .prepare_cached(
                    "INSERT INTO unmatched (witness, exchange, at) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![index, exchange, received_at])?;
        }
        Ok(())
    }

    /// An exchange's first part is here: Envoy's own log has spoken of it, or is to.
    fn introduced(&mut self, exchange: &str, at: i64) -> Result<(), StoreError> {
        let matched = if self.projections.may_be_unmatched(self.connection)? {
            self.connection
                .prepare_cached("DELETE FROM unmatched WHERE exchange = ?1")?
                .execute([exchange])?
        } else {
            0
        };
        if matched == 0 {
            self.connection
                .prepare_cached("INSERT INTO unwitnessed (exchange, at) VALUES (?1, ?2)")?
                .execute(params![exchange, at])?;
        }
        Ok(())
    }
}

/// The key and the digest of a part that is stored already.
fn stored(
    connection: &Connection,
    exchange: &str,
    boot: &str,
    seq: i64,
) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT key, mac FROM parts WHERE exchange = ?1 AND boot = ?2 AND seq = ?3",
        )?
        .query_row(params![exchange, boot, seq], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?)
}

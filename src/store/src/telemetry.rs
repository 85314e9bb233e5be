//! What clients' own telemetry says of a session: who let a tool run, and what really ran.
//!
//! It is the client's word, under the verified identity of whoever sent it: it is bound to the
//! session that this identity has under the client's session id, and sealed under that session's
//! key. An erasure takes it along.

use crate::content::read_text;
use crate::error::StoreError;
use crate::ledger::entry::{Entry, hex};
use crate::reader::Reader;
use crate::rows::Rows;
use crate::session::SessionId;
use rusqlite::params;
use sha2::{Digest, Sha256};

/// One event, as it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telemetry {
    /// The session that it speaks of: of the verified sender, under the client's session id.
    pub session: SessionId,
    /// When it happened, by the client's clock, in Unix milliseconds.
    pub at: i64,
    /// When the sink received it.
    pub received_at: i64,
    /// The event's name, as `tool_result`.
    pub name: String,
    /// Its attributes, as a JSON object.
    pub attributes: String,
}

/// One event, as it is on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The index of its entry.
    pub entry: i64,
    /// When it happened, by the client's clock, in Unix milliseconds.
    pub at: i64,
    /// When the sink received it.
    pub received_at: i64,
    /// The event's name.
    pub name: String,
    /// Its attributes, as a JSON object.
    pub attributes: Vec<u8>,
}

/// Stores an event, inside the writer's transaction.
pub(crate) fn store(rows: &mut Rows<'_>, said: &Telemetry) -> Result<(), StoreError> {
    let Telemetry { session, at, received_at, name, attributes } = said;
    let session = session.to_string();
    let connection = rows.connection;
    let (key, sealed, made) = rows.shelf.seal_text(connection, &session, attributes.as_bytes())?;
    let entry = Entry::Telemetry {
        at: *at,
        received_at: *received_at,
        session: session.clone(),
        name: name.clone(),
        sum: hex(&Sha256::new_with_prefix(key.to_be_bytes()).chain_update(&sealed).finalize()),
        key: made.map(|sum| hex(&sum)),
    };
    let index = rows.log.append(connection, &entry)?;
    connection
        .prepare_cached(
            "INSERT INTO telemetry (id, at, received_at, session, name, key, sealed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![index, at, received_at, session, name, key, sealed])?;
    Ok(())
}

impl Reader {
    /// What telemetry says of a session, in the order in which it came; nothing of an erased one.
    ///
    /// # Errors
    /// When the database fails, or what it holds cannot be read.
    pub fn telemetry(&self, session: &str) -> Result<Vec<Said>, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT id, at, received_at, name, key, sealed FROM telemetry WHERE session = ?1
             ORDER BY id",
        )?;
        let mut rows = statement.query([session])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            let (key, sealed) = (row.get(4)?, row.get_ref(5)?.as_blob().unwrap_or_default());
            let Some(attributes) = read_text(self.connection(), self.master()?, key, sealed)?
            else {
                continue;
            };
            all.push(Said {
                entry: row.get(0)?,
                at: row.get(1)?,
                received_at: row.get(2)?,
                name: row.get(3)?,
                attributes,
            });
        }
        Ok(all)
    }
}

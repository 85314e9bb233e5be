//! What a part says in the clear: who asked what by which rule, how it ended, and whose VM said so.
//! Lists and searches read it, an erasure leaves it, and the log proves it.
//!
//! ```text
//! clear          SHA-256( introduction (32; zeros: none) ‖ bytes of the ending (8) ‖ ending ‖ node )
//!                (all ones: no ending)
//! introduction   SHA-256 of its columns in their order, each behind its length (8 bytes, the highest
//!                first; all ones: NULL)
//! ending         [status, at, HTTP status, why, input tokens, output tokens]   JSON
//! ```
//!
//! An introduction stands in the ledger once, however many exchanges begin with it.

use crate::error::StoreError;
use crate::exchange::{Ending, Introduction, list_to_json};
use crate::incoming::NewPart;
use rusqlite::{Connection, OptionalExtension, ToSql};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

type Sum = [u8; 32];

/// Introductions whose rows are kept in mind.
const KEPT: usize = 4096;

/// What a part says in the clear, as the ledger has it, but for the node of its VM.
#[derive(Debug)]
pub(crate) struct Clear {
    /// Its groups in JSON, and its digest.
    introduction: Option<(String, Sum)>,
    /// How it ended, in JSON.
    pub(crate) ending: Option<String>,
}

/// The rows of introductions, by their digests.
#[derive(Debug, Default)]
pub(crate) struct Introductions(HashMap<Sum, i64>);

impl Clear {
    pub(crate) fn of(introduction: Option<&Introduction>, ending: Option<&Ending>) -> Self {
        let introduction = introduction.map(|introduction| {
            let groups = list_to_json(&introduction.groups);
            let mut sum = Sha256::new();
            for column in columns(introduction, &groups) {
                let length = column.map_or(u64::MAX, |text| text.len() as u64);
                sum.update(length.to_be_bytes());
                sum.update(column.unwrap_or_default());
            }
            (groups, sum.finalize().into())
        });
        Self { introduction, ending: ending.map(json) }
    }

    /// What the log says of it. `node`: as the VM's first part had it.
    pub(crate) fn digest(&self, node: &str) -> Sum {
        let introduction = self.introduction.as_ref().map_or([0; 32], |(_, sum)| *sum);
        let length = self.ending.as_ref().map_or(u64::MAX, |ending| ending.len() as u64);
        Sha256::new()
            .chain_update(introduction)
            .chain_update(length.to_be_bytes())
            .chain_update(self.ending.as_deref().unwrap_or_default())
            .chain_update(node)
            .finalize()
            .into()
    }
}

impl Introductions {
    /// Forgets what may not be there any more.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }

    /// The row of what a part says of who asked, made if there is none.
    pub(crate) fn row(
        &mut self,
        connection: &Connection,
        part: &NewPart,
    ) -> Result<Option<i64>, StoreError> {
        let said = part.introduction.as_deref().zip(part.clear.introduction.as_ref());
        let Some((introduction, (groups, sum))) = said else { return Ok(None) };
        if let Some(id) = self.0.get(sum) {
            return Ok(Some(*id));
        }
        let there = connection
            .prepare_cached("SELECT id FROM introductions WHERE digest = ?1")?
            .query_row([sum], |row| row.get(0))
            .optional()?;
        let id = match there {
            Some(id) => id,
            None => insert(connection, sum, columns(introduction, groups))?,
        };
        if self.0.len() >= KEPT {
            self.0.clear();
        }
        self.0.insert(*sum, id);
        Ok(Some(id))
    }
}

fn insert(
    connection: &Connection,
    sum: &Sum,
    columns: [Option<&str>; 11],
) -> Result<i64, StoreError> {
    let values: Vec<&dyn ToSql> = std::iter::once(sum as &dyn ToSql)
        .chain(columns.iter().map(|column| column as &dyn ToSql))
        .collect();
    connection
        .prepare_cached(
            "INSERT INTO introductions (digest, hint, agent, issuer, subject, groups, email, method,
             path, model, rule, effect) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(values.as_slice())?;
    Ok(connection.last_insert_rowid())
}

/// An introduction in the columns of its row. Its session follows from them and the exchange.
fn columns<'a>(introduction: &'a Introduction, groups: &'a str) -> [Option<&'a str>; 11] {
    let Introduction {
        session: _,
        hint,
        agent,
        issuer,
        subject,
        groups: _,
        email,
        method,
        path,
        model,
        rule,
        effect,
    } = introduction;
    [
        hint.as_deref(),
        agent.as_deref(),
        Some(issuer),
        Some(subject),
        Some(groups),
        email.as_deref(),
        method.as_deref(),
        path.as_deref(),
        model.as_deref(),
        rule.as_deref(),
        effect.as_deref(),
    ]
}

fn json(ending: &Ending) -> String {
    let Ending { status, at, http_status, why, input_tokens, output_tokens } = ending;
    serde_json::json!([status.name(), at, http_status, why, input_tokens, output_tokens])
        .to_string()
}

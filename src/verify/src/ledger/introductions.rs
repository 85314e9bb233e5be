//! What parts say in the clear of who asked what, by which rule: each once, whoever says it.

use super::{Fallible, Sum};
use crate::Report;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// The columns that the digest is of.
const COLUMNS: usize = 11;

pub(super) struct Introductions(HashMap<i64, Introduction>);

pub(super) struct Introduction {
    digest: Sum,
    pub(super) hint: Option<String>,
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) groups: Vec<String>,
    pub(super) model: Option<String>,
    /// The session of every exchange that begins so; absent: each is one of its own.
    pub(super) session: Option<String>,
}

impl Introductions {
    pub(super) fn read(connection: &Connection, report: &mut Report) -> Fallible<Self> {
        let mut statement = connection.prepare(
            "SELECT hint, agent, issuer, subject, groups, email, method, path, model, rule, effect,
             id, digest FROM introductions",
        )?;
        let mut rows = statement.query([])?;
        let mut all = HashMap::new();
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(COLUMNS)?;
            let (digest, introduction) = Introduction::read(row)?;
            if digest != introduction.digest {
                report.problem(format!("introduction {id} was changed"));
            }
            all.insert(id, introduction);
        }
        Ok(Self(all))
    }

    /// The digest of a part's, zeros where it has none; `None` where it is not there.
    pub(super) fn digest(&self, id: Option<i64>) -> Option<Sum> {
        id.map_or(Some([0; 32]), |id| Some(self.0.get(&id)?.digest))
    }

    pub(super) fn get(&self, id: i64) -> Option<&Introduction> {
        self.0.get(&id)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = i64> {
        self.0.keys().copied()
    }
}

impl Introduction {
    /// With its digest, computed; it keeps the one that stands beside it, so that a change is named once
    /// and not for each part that says so.
    fn read(row: &Row<'_>) -> Fallible<(Sum, Self)> {
        let mut digest = Sha256::new();
        for column in 0..COLUMNS {
            match row.get_ref(column)? {
                ValueRef::Null => digest.update(u64::MAX.to_be_bytes()),
                value => {
                    let text = value.as_bytes().unwrap_or_default();
                    digest.update((text.len() as u64).to_be_bytes());
                    digest.update(text);
                }
            }
        }
        let hint: Option<String> = row.get(0)?;
        let (issuer, subject): (String, String) = (row.get(2)?, row.get(3)?);
        let session = hint.as_ref().map(|hint| session(&[&issuer, &subject, hint]));
        let stored = row.get_ref(COLUMNS.saturating_add(1))?.as_blob().unwrap_or_default();
        let introduction = Self {
            digest: stored.try_into().unwrap_or_default(),
            groups: serde_json::from_str(&row.get::<_, String>(4)?).unwrap_or_default(),
            model: row.get(8)?,
            hint,
            issuer,
            subject,
            session,
        };
        Ok((digest.finalize().into(), introduction))
    }
}

/// A session's id: `s-` and ten bytes of SHA-256 over issuer, subject and the client's own id, or over
/// the exchange alone, each behind its length.
pub(super) fn session(fields: &[&str]) -> String {
    let mut sum = Sha256::new();
    for field in fields {
        sum.update((field.len() as u64).to_be_bytes());
        sum.update(field);
    }
    let sum = crate::entry::hex(&sum.finalize());
    format!("s-{}", sum.get(..20).unwrap_or_default())
}

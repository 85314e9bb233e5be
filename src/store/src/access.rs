//! Who looked into the ledger: each view, search and export is an entry of its own.
//!
//! A look is on record before it is answered, as an exchange is before it is forwarded: whoever
//! shows what the ledger holds calls [`Custodian::looked`] first, and shows nothing when that fails.

use crate::erase::Custodian;
use crate::error::StoreError;
use crate::ledger::entry::Entry;
use crate::reader::Reader;
use rusqlite::params;

/// The longest text of one field, in bytes; what is longer is cut.
const LONGEST: usize = 1024;

/// One look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// When, in Unix milliseconds.
    pub at: i64,
    /// Who: issuer and subject as they were verified, or the system's user.
    pub by: String,
    /// In which role: `auditor`, `lead`, `admin`, `own`, `operator`.
    pub role: String,
    /// What was done: `list`, `search`, `view`, `raw`, `export`, `blame`.
    pub action: String,
    /// What was looked at: a session's or an exchange's id, or what was searched for.
    pub target: String,
}

/// A look, as it is on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accessed {
    /// The index of its entry.
    pub entry: i64,
    /// What it says.
    pub access: Access,
}

impl Custodian {
    /// Puts looks on record, all of them or none; when this returns they are on disk.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub fn looked(&mut self, all: &[Access]) -> Result<(), StoreError> {
        let Some(last) = all.last() else { return Ok(()) };
        self.write(last.at, |connection, log| {
            for access in all {
                let Access { at, by, role, action, target } = access;
                let [by, role, action, target] = [by, role, action, target].map(|text| cut(text));
                let entry = Entry::Access {
                    at: *at,
                    by: by.to_owned(),
                    role: role.to_owned(),
                    action: action.to_owned(),
                    target: target.to_owned(),
                };
                let index = log.append(connection, &entry)?;
                connection
                    .prepare_cached(
                        "INSERT INTO accesses (id, at, by, role, action, target)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    )?
                    .execute(params![index, at, by, role, action, target])?;
            }
            Ok(())
        })
    }
}

impl Reader {
    /// The latest `limit` looks before an entry (`i64::MAX` for the last), the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn accesses(&self, before: i64, limit: usize) -> Result<Vec<Accessed>, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT id, at, by, role, action, target FROM accesses WHERE id < ?1
             ORDER BY id DESC LIMIT ?2",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map([before, limit], |row| {
            let access = Access {
                at: row.get(1)?,
                by: row.get(2)?,
                role: row.get(3)?,
                action: row.get(4)?,
                target: row.get(5)?,
            };
            Ok(Accessed { entry: row.get(0)?, access })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// The beginning of a text, cut between characters.
fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LONGEST)).unwrap_or(text)
}

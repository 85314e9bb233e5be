//! The file as SQLite sees it: pages, cells, indexes against their tables; and what its tables, its
//! view and its computed columns are.

use super::Fallible;
use crate::Report;
use crate::entry::hex;
use rusqlite::Connection;
use sha2::{Digest, Sha256};
use std::sync::{Mutex, PoisonError};

/// The tables, the schema's own among them, those that take longest last.
pub(super) fn tables(connection: Option<&Connection>) -> Fallible<Vec<String>> {
    let Some(connection) = connection else { return Ok(Vec::new()) };
    let mut tables = connection.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table'
         ORDER BY name IN ('parts', 'exchanges', 'entries', 'blocks', 'chains'), name = 'parts'",
    )?;
    let names = tables.query_map([], |row| row.get(0))?;
    let mut all: Vec<String> = names.collect::<Result<_, _>>()?;
    all.insert(0, "sqlite_schema".to_owned());
    Ok(all)
}

/// SHA-256 of how a ledger's tables, indexes and view are made, as its version has them: another view
/// would show other things of the same rows.
const SCHEMA: &str = "9ea830668f907b2102d18493ee83c2f1aa05d658a9ec57aa72e5dbccceccb355";

/// Whether the file's schema is a ledger's.
pub(super) fn schema(connection: &Connection, report: &mut Report) -> Fallible<()> {
    let mut statement = connection
        .prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name")?;
    let mut rows = statement.query([])?;
    let mut digest = Sha256::new();
    while let Some(row) = rows.next()? {
        for column in 0..4 {
            let text = row.get_ref(column)?.as_bytes_or_null().unwrap_or_default();
            digest.update((text.unwrap_or_default().len() as u64).to_be_bytes());
            digest.update(text.unwrap_or_default());
        }
    }
    let digest = hex(&digest.finalize());
    if digest != SCHEMA {
        report.problem("the tables, or the view of them, are not made as a ledger's".to_owned());
    }
    Ok(())
}

/// Checks one table after the other, from the last, beside others that do; what is wrong with them.
pub(super) fn check(connection: &Connection, tables: &Mutex<Vec<String>>) -> Fallible<Vec<String>> {
    let next = || tables.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let mut wrong = Vec::new();
    while let Some(table) = next() {
        let quoted = table.replace('\'', "''");
        let mut check = connection.prepare(&format!("PRAGMA integrity_check('{quoted}')"))?;
        let lines = check.query_map([], |row| row.get::<_, String>(0))?;
        for line in lines {
            wrong.extend(Some(line?).filter(|line| line != "ok"));
        }
    }
    Ok(wrong)
}

impl Report {
    pub(super) fn pages(&mut self, said: Fallible<Vec<String>>) {
        match said {
            Ok(lines) => {
                lines
                    .into_iter()
                    .for_each(|line| self.problem(format!("the database file: {line}")));
            }
            Err(error) => self.problem(format!("the database file cannot be read: {error}")),
        }
    }
}

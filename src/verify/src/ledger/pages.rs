//! The file as SQLite sees it: pages, cells, indexes against their tables.

use super::Fallible;
use crate::Report;
use rusqlite::Connection;
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

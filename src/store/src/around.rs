//! What an auditor should know of a session that is not in it: who else uses its id, and what is
//! missing around it.

use crate::error::StoreError;
use crate::reader::Reader;
use crate::session::Session;
use crate::status::Gap;
use rusqlite::params;

impl Reader {
    /// Other identities whose client uses the same session id, as `SUBJECT of ISSUER`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn same_hint(&self, session: &Session) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT issuer, subject FROM sessions WHERE hint = ?1 AND id <> ?2
             AND (issuer <> '' OR subject <> '') ORDER BY subject, issuer LIMIT 100",
        )?;
        let rows = statement.query_map(params![session.hint, session.id], |row| {
            Ok(format!("{} of {}", row.get::<_, String>(1)?, row.get::<_, String>(0)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What is missing of a VM's numbers, of those that were made between two times.
    ///
    /// # Errors
    /// When the database fails.
    pub fn gaps_around(&self, boot: &str, from: i64, to: i64) -> Result<Vec<Gap>, StoreError> {
        let within = "gaps.boot = ?1 AND before_at >= ?2 AND after_at <= ?3";
        let query = format!("{} WHERE {within} ORDER BY first LIMIT 100", Gap::SELECT);
        let mut statement = self.connection().prepare_cached(&query)?;
        let rows = statement.query_map(params![boot, from, to], Gap::from_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

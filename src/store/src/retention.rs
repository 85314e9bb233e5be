//! How long sessions are kept: which of them are due to be erased.
//!
//! A session is kept for the longest of the times that the rules ask which admitted its exchanges. A
//! rule of which nothing is said keeps its sessions for good, and so does a legal hold.

use crate::erase::Custodian;
use crate::error::StoreError;
use rusqlite::params;

const DAY: i64 = 86_400_000;

/// For how long, by rules of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Names of rules; none is every rule that no other entry names.
    pub rules: Vec<String>,
    /// Days after a session's last end.
    pub days: u32,
}

impl Custodian {
    /// Sessions whose time is over at `now` (Unix milliseconds), which are not held and can still be
    /// read; the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn due(&self, keep: &[Keep], now: i64) -> Result<Vec<String>, StoreError> {
        let Some(shortest) = keep.iter().map(|entry| entry.days).min() else {
            return Ok(Vec::new());
        };
        let mut statement = self.connection().prepare(
            "SELECT id, COALESCE(last_end, started_at) AS latest, (SELECT json_group_array(DISTINCT
                 COALESCE(rule, '')) FROM told WHERE told.session = sessions.id)
             FROM sessions WHERE latest <= ?1
             AND id NOT IN (SELECT session FROM holds)
             AND EXISTS (SELECT 1 FROM keys WHERE keys.session = sessions.id AND wrapped IS NOT NULL)
             ORDER BY started_at, id",
        )?;
        let mut rows = statement.query(params![before(now, shortest)])?;
        let mut due = Vec::new();
        while let Some(row) = rows.next()? {
            let (ended, rules): (i64, String) = (row.get(1)?, row.get(2)?);
            let rules: Vec<String> = serde_json::from_str(&rules).unwrap_or_default();
            let over =
                |rule: &String| days(keep, rule).is_some_and(|days| ended <= before(now, days));
            if rules.iter().all(over) {
                due.push(row.get(0)?);
            }
        }
        Ok(due)
    }
}

fn before(now: i64, days: u32) -> i64 {
    now.saturating_sub(i64::from(days).saturating_mul(DAY))
}

/// The longest that is asked for a rule; `None`: for good.
fn days(keep: &[Keep], rule: &str) -> Option<u32> {
    let named = keep.iter().filter(|entry| entry.rules.iter().any(|name| name == rule));
    let rest = keep.iter().filter(|entry| entry.rules.is_empty());
    named.map(|entry| entry.days).max().or_else(|| rest.map(|entry| entry.days).max())
}

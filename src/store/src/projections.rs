//! Rows that one part after another changes: read once, changed in memory, written once, before the
//! transaction commits.
//!
//! ```text
//! part ─▶ exchange ─▶ session        rows in memory        save ─▶ INSERT or UPDATE, each row once
//!      ─▶ boot
//! ```
//!
//! What is here and what is in the database are one: a transaction that is rolled back, or a change
//! by another process, makes the writer forget all of it.

use crate::boots::Boot;
use crate::error::StoreError;
use crate::exchange::Exchange;
use crate::session::Session;
use crate::yields;
use rusqlite::Connection;
use std::collections::HashMap;

/// Rows of one kind that are kept between transactions.
const KEPT: usize = 4096;

/// The rows in memory.
#[derive(Debug, Default)]
pub(crate) struct Projections {
    exchanges: Rows<Exchange>,
    sessions: Rows<Session>,
    boots: Rows<Boot>,
    /// Whether Envoy's log has spoken of an exchange before its first part, as it seldom does.
    is_unmatched: Option<bool>,
}

/// Rows of one table, by their primary key.
#[derive(Debug)]
struct Rows<T> {
    kept: HashMap<String, Kept<T>>,
    /// Keys of the rows that are not written.
    changed: Vec<String>,
}

#[derive(Debug)]
struct Kept<T> {
    /// As it is now.
    now: T,
    /// As the database has it, if it has.
    stored: Option<T>,
    is_changed: bool,
}

/// A row that is read, and written as a change of what was read.
pub(crate) trait Row: Clone + Sized {
    fn load(connection: &Connection, key: &str) -> Result<Option<Self>, StoreError>;
    fn save(&self, connection: &Connection, stored: Option<&Self>) -> Result<(), StoreError>;
    /// Whether nothing more is expected to change it.
    fn is_over(&self) -> bool {
        false
    }
}

impl Projections {
    /// Forgets what may not be true any more.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn exchange(
        &mut self,
        connection: &Connection,
        id: &str,
    ) -> Result<Option<&Exchange>, StoreError> {
        self.exchanges.get(connection, id)
    }

    /// The highest number that came of a VM whose row is in memory.
    pub(crate) fn highest_of(&self, boot: &str) -> i64 {
        self.boots.kept.get(boot).map_or(0, |kept| kept.now.highest)
    }

    /// The session of an exchange whose row is in memory.
    pub(crate) fn session_of(&self, exchange: &str) -> Option<&str> {
        self.exchanges.kept.get(exchange).map(|kept| kept.now.session.as_str())
    }

    pub(crate) fn put_exchange(&mut self, exchange: Exchange) {
        let id = exchange.id.clone();
        self.exchanges.put(&id, exchange);
    }

    pub(crate) fn boot(
        &mut self,
        connection: &Connection,
        boot: &str,
    ) -> Result<Option<&Boot>, StoreError> {
        self.boots.get(connection, boot)
    }

    pub(crate) fn put_boot(&mut self, id: &str, boot: Boot) {
        self.boots.put(id, boot);
    }

    /// Whether `unmatched` may hold an exchange.
    pub(crate) fn may_be_unmatched(&mut self, connection: &Connection) -> Result<bool, StoreError> {
        if let Some(is_unmatched) = self.is_unmatched {
            return Ok(is_unmatched);
        }
        let any = "SELECT EXISTS (SELECT 1 FROM unmatched WHERE exchange IS NOT NULL)";
        let found = connection.query_row(any, [], |row| row.get(0))?;
        self.is_unmatched = Some(found);
        Ok(found)
    }

    /// `unmatched` holds one now.
    pub(crate) fn put_unmatched(&mut self) {
        self.is_unmatched = Some(true);
    }

    /// Brings the sessions' rows up to date with a change of one exchange, which is here already.
    pub(crate) fn change_session(
        &mut self,
        connection: &Connection,
        before: Option<&Exchange>,
        after: &Exchange,
    ) -> Result<(), StoreError> {
        match before {
            Some(before) if before == after => Ok(()),
            Some(before) if !after.only_grows_from(before) => {
                if before.session != after.session {
                    self.rebuild_session(connection, &before.session)?;
                }
                self.rebuild_session(connection, &after.session)
            }
            _ => {
                // The usual way: a session of n exchanges is not read again for each of them.
                let session = self.sessions.change(connection, &after.session)?;
                session.change(before, after);
                Ok(())
            }
        }
    }

    fn rebuild_session(&mut self, connection: &Connection, id: &str) -> Result<(), StoreError> {
        self.exchanges.save(connection)?;
        self.sessions.drop(id);
        match Session::of(Exchange::of_session(connection, id)?) {
            Some(session) => session.replace(connection),
            None => {
                connection.prepare_cached("DELETE FROM sessions WHERE id = ?1")?.execute([id])?;
                Ok(())
            }
        }
    }

    /// Writes every row that was changed.
    pub(crate) fn save(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.exchanges.save(connection)?;
        self.sessions.save(connection)?;
        self.boots.save(connection)
    }
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self { kept: HashMap::new(), changed: Vec::new() }
    }
}

impl<T: Row> Rows<T> {
    fn get(&mut self, connection: &Connection, key: &str) -> Result<Option<&T>, StoreError> {
        if !self.kept.contains_key(key)
            && let Some(row) = T::load(connection, key)?
        {
            let kept = Kept { stored: Some(row.clone()), now: row, is_changed: false };
            self.kept.insert(key.to_owned(), kept);
        }
        Ok(self.kept.get(key).map(|kept| &kept.now))
    }

    /// The row, to be changed; an empty one where there is none.
    fn change(&mut self, connection: &Connection, key: &str) -> Result<&mut T, StoreError>
    where
        T: Default,
    {
        self.get(connection, key)?;
        let kept = self.kept.entry(key.to_owned()).or_insert_with(|| Kept {
            now: T::default(),
            stored: None,
            is_changed: false,
        });
        if !kept.is_changed {
            kept.is_changed = true;
            self.changed.push(key.to_owned());
        }
        Ok(&mut kept.now)
    }

    fn put(&mut self, key: &str, row: T) {
        match self.kept.get_mut(key) {
            Some(kept) => {
                kept.now = row;
                if kept.is_changed {
                    return;
                }
                kept.is_changed = true;
            }
            None => {
                let kept = Kept { now: row, stored: None, is_changed: true };
                self.kept.insert(key.to_owned(), kept);
            }
        }
        self.changed.push(key.to_owned());
    }

    /// The database is to be asked again.
    fn drop(&mut self, key: &str) {
        self.kept.remove(key);
    }

    fn save(&mut self, connection: &Connection) -> Result<(), StoreError> {
        for key in self.changed.drain(..) {
            // Dropped, or written already.
            let Some(kept) = self.kept.get_mut(&key).filter(|kept| kept.is_changed) else {
                continue;
            };
            yields::to_others();
            kept.now.save(connection, kept.stored.as_ref())?;
            if kept.now.is_over() {
                self.kept.remove(&key);
            } else {
                kept.stored = Some(kept.now.clone());
                kept.is_changed = false;
            }
        }
        if self.kept.len() > KEPT {
            self.kept.clear();
        }
        Ok(())
    }
}

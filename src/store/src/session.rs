//! Sessions: which exchanges belong together, and what is known of them as a whole.
//!
//! A client's session id is its own word, so it is bound to the verified identity: the same id
//! under another subject is another session, and nobody can write into a session of someone else.
//!
//! Status of a session: `open` while any of its exchanges is; else `refused` when all of them were
//! refused; else `ended` when any ended for another reason than a whole response; else `complete`.
//! `ended_at` is the last end, and absent while the session is open.

use crate::error::StoreError;
use crate::exchange::{Exchange, Status, list_from_json, list_to_json};
use crate::ledger::entry::hex;
use crate::projections::Row;
use hansard_record::ExchangeId;
use rusqlite::{Connection, OptionalExtension, named_params, params};
use sha2::{Digest, Sha256};
use std::fmt;

/// `s-` and 20 hex digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionId(String);

impl SessionId {
    /// The session that a client names by `hint`, under a verified identity.
    #[must_use]
    pub fn hinted(issuer: &str, subject: &str, hint: &str) -> Self {
        Self::digest(&[issuer, subject, hint])
    }

    /// The session of an exchange whose client names none.
    #[must_use]
    pub fn alone(exchange: ExchangeId) -> Self {
        Self::digest(&[&exchange.to_string()])
    }

    /// Each field stands behind its length: no two lists of fields give the same bytes.
    fn digest(fields: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for field in fields {
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field.as_bytes());
        }
        let hex = hex(hash.finalize().get(..10).unwrap_or_default());
        Self(["s-", &hex].concat())
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One session, in the columns of its row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// The session id.
    pub id: String,
    /// The client's own session id.
    pub hint: Option<String>,
    /// `iss`, empty without an identity.
    pub issuer: String,
    /// `sub`, empty without an identity.
    pub subject: String,
    /// Every group that the subject had in any of the exchanges, sorted.
    pub groups: Vec<String>,
    /// Every model asked for, sorted.
    pub models: Vec<String>,
    /// The first start, in Unix milliseconds.
    pub started_at: i64,
    /// The last end so far, in Unix milliseconds.
    pub last_end: Option<i64>,
    /// Exchanges, of any status.
    pub exchanges: i64,
    /// Of them, those whose end is not on record.
    pub open: i64,
    /// Of them, those with a whole response.
    pub complete: i64,
    /// Of them, those that ended otherwise.
    pub ended: i64,
    /// Of them, those turned away.
    pub refused: i64,
    /// Of the open ones, those whose end will not come; 0 when the reader knows no time.
    pub interrupted: i64,
}

impl Session {
    /// The status of the whole.
    #[must_use]
    pub fn status(&self) -> Status {
        if self.open > self.interrupted {
            Status::Open
        } else if self.open > 0 {
            Status::Interrupted
        } else if self.refused == self.exchanges {
            Status::Refused
        } else if self.ended > 0 {
            Status::Ended
        } else {
            Status::Complete
        }
    }

    /// The last end, once nothing is open.
    #[must_use]
    pub fn ended_at(&self) -> Option<i64> {
        if self.open > 0 { None } else { self.last_end }
    }

    /// A session of these exchanges; `None` without any.
    pub(crate) fn of(exchanges: Vec<Exchange>) -> Option<Self> {
        let mut session = Self::default();
        for exchange in &exchanges {
            session.add(exchange);
        }
        (session.exchanges > 0).then_some(session)
    }

    /// Adds an exchange, or what is new of it.
    pub(crate) fn change(&mut self, before: Option<&Exchange>, after: &Exchange) {
        if let Some(before) = before {
            self.exchanges -= 1;
            *self.counter(before.status) -= 1;
        }
        self.add(after);
    }

    fn add(&mut self, exchange: &Exchange) {
        if self.id.is_empty() {
            self.id.clone_from(&exchange.session);
            self.hint.clone_from(&exchange.introduction.hint);
            self.issuer.clone_from(&exchange.introduction.issuer);
            self.subject.clone_from(&exchange.introduction.subject);
            self.started_at = exchange.started_at;
        }
        for group in &exchange.introduction.groups {
            insert_sorted(&mut self.groups, group);
        }
        if let Some(model) = &exchange.introduction.model {
            insert_sorted(&mut self.models, model);
        }
        self.started_at = self.started_at.min(exchange.started_at);
        self.last_end = self.last_end.max(exchange.ending.as_ref().map(|ending| ending.at));
        self.exchanges += 1;
        *self.counter(exchange.status) += 1;
    }

    fn counter(&mut self, status: Status) -> &mut i64 {
        match status {
            // Only a reader says that one was interrupted.
            Status::Open | Status::Interrupted => &mut self.open,
            Status::Complete => &mut self.complete,
            Status::Ended => &mut self.ended,
            Status::Refused => &mut self.refused,
        }
    }

    pub(crate) fn replace(&self, connection: &Connection) -> Result<(), StoreError> {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO sessions (id, hint, issuer, subject, groups, models,
                 started_at, last_end, exchanges, open, complete, ended, refused) VALUES (:id,
                 :hint, :issuer, :subject, :groups, :models, :started_at, :last_end, :exchanges,
                 :open, :complete, :ended, :refused)",
            )?
            .execute(named_params! {
                ":id": self.id,
                ":hint": self.hint,
                ":issuer": self.issuer,
                ":subject": self.subject,
                ":groups": list_to_json(&self.groups),
                ":models": list_to_json(&self.models),
                ":started_at": self.started_at,
                ":last_end": self.last_end,
                ":exchanges": self.exchanges,
                ":open": self.open,
                ":complete": self.complete,
                ":ended": self.ended,
                ":refused": self.refused,
            })?;
        Ok(())
    }

    pub(crate) fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            hint: row.get("hint")?,
            issuer: row.get("issuer")?,
            subject: row.get("subject")?,
            groups: list_from_json(&row.get::<_, String>("groups")?),
            models: list_from_json(&row.get::<_, String>("models")?),
            started_at: row.get("started_at")?,
            last_end: row.get("last_end")?,
            exchanges: row.get("exchanges")?,
            open: row.get("open")?,
            complete: row.get("complete")?,
            ended: row.get("ended")?,
            refused: row.get("refused")?,
            interrupted: 0,
        })
    }
}

impl Row for Session {
    fn load(connection: &Connection, id: &str) -> Result<Option<Self>, StoreError> {
        let mut statement = connection.prepare_cached("SELECT * FROM sessions WHERE id = ?1")?;
        Ok(statement.query_row([id], Self::from_row).optional()?)
    }

    fn save(&self, connection: &Connection, stored: Option<&Self>) -> Result<(), StoreError> {
        match stored {
            Some(stored) if stored == self => Ok(()),
            // A row that is here keeps its place, and what a change does not touch.
            Some(stored)
                if (&stored.groups, &stored.models, stored.started_at)
                    == (&self.groups, &self.models, self.started_at) =>
            {
                connection
                    .prepare_cached(
                        "UPDATE sessions SET last_end = ?2, exchanges = ?3, open = ?4,
                         complete = ?5, ended = ?6, refused = ?7 WHERE id = ?1",
                    )?
                    .execute(params![
                        self.id,
                        self.last_end,
                        self.exchanges,
                        self.open,
                        self.complete,
                        self.ended,
                        self.refused,
                    ])?;
                Ok(())
            }
            _ => self.replace(connection),
        }
    }

    /// One that no client names has one exchange.
    fn is_over(&self) -> bool {
        self.hint.is_none() && self.open == 0
    }
}

fn insert_sorted(list: &mut Vec<String>, item: &str) {
    if let Err(place) = list.binary_search_by(|have| have.as_str().cmp(item)) {
        list.insert(place, item.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_bound_to_the_identity() {
        let id = SessionId::hinted("https://issuer", "alice", "one");
        assert_eq!(id, SessionId::hinted("https://issuer", "alice", "one"));
        assert_ne!(id, SessionId::hinted("https://issuer", "bob", "one"));
        assert_ne!(id, SessionId::hinted("https://other", "alice", "one"));
        assert_ne!(id, SessionId::hinted("https://issuer", "alice", "two"));
    }

    #[test]
    fn moving_a_character_between_fields_gives_another_session() {
        assert_ne!(SessionId::hinted("ab", "c", "d"), SessionId::hinted("a", "bc", "d"));
        assert_ne!(SessionId::hinted("", "ab", "c"), SessionId::hinted("", "a", "bc"));
    }

    #[test]
    fn ids_are_short_and_speakable() {
        let id = SessionId::alone(ExchangeId::new(1, [7; 10])).to_string();
        assert_eq!(id.len(), 22);
        assert!(id.starts_with("s-") && id.chars().skip(2).all(|c| c.is_ascii_hexdigit()));
    }
}

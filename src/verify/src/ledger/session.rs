//! Sessions, as their exchanges have them.

use super::Fallible;
use super::exchange::Exchange;
use super::introductions::Introduction;
use rusqlite::{Connection, Row};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

#[derive(Default)]
pub(super) struct Sessions<'a>(HashMap<Cow<'a, str>, Session<'a>>);

#[derive(Default)]
struct Session<'a> {
    /// All of its exchanges have the same in what is asked of it here, or it is of one exchange.
    introduction: Option<&'a Introduction>,
    groups: BTreeSet<&'a str>,
    models: BTreeSet<&'a str>,
    started_at: Option<i64>,
    last_end: Option<i64>,
    /// Exchanges: open, complete, ended, refused, and of a status that is none of these.
    counts: [i64; 5],
}

impl<'a> Sessions<'a> {
    pub(super) fn add(&mut self, id: Cow<'a, str>, exchange: &Exchange<'a>) {
        self.0.entry(id).or_default().add(exchange);
    }

    pub(super) fn merge(&mut self, others: Self) {
        for (id, session) in others.0 {
            self.0.entry(id).or_default().merge(session);
        }
    }

    /// Against the rows.
    pub(super) fn check(
        mut self,
        connection: &Connection,
        problems: &mut Vec<String>,
    ) -> Fallible<()> {
        let mut statement = connection.prepare(
            "SELECT id, hint, issuer, subject, groups, models, started_at, last_end, exchanges, open,
             complete, ended, refused FROM sessions",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id = row.get_ref(0)?.as_str().unwrap_or_default();
            let is_right = match self.0.remove(id) {
                Some(session) => session.is_row(row)?,
                None => false,
            };
            if !is_right {
                problems.push(format!("session {id} is listed as what its parts do not say"));
            }
        }
        problems.extend(self.0.keys().map(|id| format!("session {id} is not listed")));
        Ok(())
    }
}

impl<'a> Session<'a> {
    fn add(&mut self, exchange: &Exchange<'a>) {
        if let Some(introduction) = exchange.introduction() {
            self.introduction = Some(introduction);
            self.groups.extend(introduction.groups.iter().map(String::as_str));
            self.models.extend(introduction.model.as_deref());
        }
        self.started(Some(exchange.started_at));
        self.last_end = self.last_end.max(exchange.ended_at());
        let [open, complete, ended, refused, other] = &mut self.counts;
        let count = match exchange.status() {
            "open" => open,
            "complete" => complete,
            "ended" => ended,
            "refused" => refused,
            _ => other,
        };
        *count = count.saturating_add(1);
    }

    fn merge(&mut self, other: Self) {
        self.introduction = self.introduction.or(other.introduction);
        self.groups.extend(other.groups);
        self.models.extend(other.models);
        self.started(other.started_at);
        self.last_end = self.last_end.max(other.last_end);
        let counts = self.counts.iter_mut().zip(other.counts);
        counts.for_each(|(count, more)| *count = count.saturating_add(more));
    }

    fn started(&mut self, at: Option<i64>) {
        self.started_at = self.started_at.into_iter().chain(at).min();
    }

    /// Whether a row says so, in the order of the query.
    fn is_row(&self, row: &Row<'_>) -> Fallible<bool> {
        let hint = self.introduction.and_then(|introduction| introduction.hint.as_deref());
        let issuer = self.introduction.map_or("", |introduction| &introduction.issuer);
        let subject = self.introduction.map_or("", |introduction| &introduction.subject);
        let list = |set: &BTreeSet<&str>| serde_json::to_string(set).unwrap_or_default();
        let [open, complete, ended, refused, _] = self.counts;
        let all = self.counts.iter().sum::<i64>();
        let counts = [all, open, complete, ended, refused];
        let has_counts = (8..).zip(counts).all(|(column, count)| row.get(column) == Ok(count));
        Ok(has_counts
            && row.get_ref(1)?.as_str_or_null() == Ok(hint)
            && row.get_ref(2)?.as_str() == Ok(issuer)
            && row.get_ref(3)?.as_str() == Ok(subject)
            && row.get_ref(4)?.as_str() == Ok(&list(&self.groups))
            && row.get_ref(5)?.as_str() == Ok(&list(&self.models))
            && row.get::<_, Option<i64>>(6)? == self.started_at
            && row.get::<_, Option<i64>>(7)? == self.last_end)
    }
}

//! A [`Filter`] as conditions on the index's tables.
//!
//! Every value goes in as an argument of the statement, never into its text.

use super::error::ArchiveError;
use super::facts::{Tag, value};
use super::put::status;
use super::query;
use crate::listing::Filter;
use crate::model::Status;
use hansard_store::SILENCE;
use rusqlite::types::Value;

/// Conditions on `sessions`, and their arguments in order.
#[derive(Debug, Default)]
pub(super) struct Where {
    conditions: Vec<String>,
    pub(super) values: Vec<Value>,
}

impl Where {
    /// `now`: the time by which an open session has been silent for too long, if it matters.
    pub(super) fn of(filter: &Filter, now: Option<i64>) -> Result<Self, ArchiveError> {
        let Filter {
            only,
            only_groups,
            person,
            group,
            model,
            tool,
            path,
            command,
            status: state,
            refused,
            finding,
            gaps,
            since,
            until,
        } = filter;
        let mut all = Self::default();
        all.reach(only.as_ref(), only_groups.as_deref());
        // A field of a form that is left empty asks for nothing.
        let given = |field: &'_ Option<String>| field.clone().filter(|text| !text.is_empty());
        if let Some(person) = given(person) {
            all.beginning(Tag::Person, &value(Tag::Person, &person));
        }
        for (tag, field) in [(Tag::Group, group), (Tag::Model, model), (Tag::Tool, tool)] {
            if let Some(text) = given(field) {
                all.tagged(tag, &text);
            }
        }
        if let Some(path) = given(path) {
            let reversed = value(Tag::Path, &path);
            let (from, to) = range(&format!("{reversed}/"));
            all.and(
                "number IN (SELECT number FROM tags WHERE kind = ? AND value = ? UNION
                 SELECT number FROM tags WHERE kind = ? AND value >= ? AND value < ?)",
                [
                    Value::from(Tag::Path as i64),
                    reversed.into(),
                    Value::from(Tag::Path as i64),
                    from.into(),
                    to.into(),
                ],
            );
        }
        if let Some(words) = given(command) {
            all.and(
                "number IN (SELECT rowid >> 24 FROM command_words WHERE command_words MATCH ?)",
                [query::words(&words)?],
            );
        }
        match (state, now.map(|now| now.saturating_sub(SILENCE))) {
            (None, _) => {}
            (Some(Status::Open), Some(before)) => {
                all.and("status = ?", [status(Status::Open).to_owned()]);
                all.and("active_at > ?", [before]);
            }
            (Some(Status::Interrupted), Some(before)) => {
                all.and("status = ?", [status(Status::Open).to_owned()]);
                all.and("active_at <= ?", [before]);
            }
            (Some(state), _) => all.and("status = ?", [status(*state).to_owned()]),
        }
        match given(finding).as_deref() {
            None => {}
            Some("*") => all.and("findings > 0", [] as [Value; 0]),
            Some(rule) => all.tagged(Tag::Finding, rule),
        }
        for (asked, condition) in [(refused, "refused > 0"), (gaps, "gaps > 0")] {
            if *asked {
                all.and(condition, [] as [Value; 0]);
            }
        }
        if let Some(since) = since {
            all.and("active_at >= ?", [*since]);
        }
        if let Some(until) = until {
            all.and("started_at < ?", [*until]);
        }
        Ok(all)
    }

    /// Whether everything is asked for.
    pub(super) fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// Whose sessions: one person's, those of people in some groups, or either when both are given.
    fn reach(&mut self, only: Option<&(String, String)>, groups: Option<&[String]>) {
        let mut either = Vec::new();
        if let Some((issuer, subject)) = only {
            either.push("(issuer = ? AND subject = ?)");
            self.values.extend([issuer, subject].map(|text| Value::from(text.clone())));
        }
        if let Some(groups) = groups {
            either.push(
                "number IN (SELECT number FROM tags WHERE kind = ?
                 AND value IN (SELECT value FROM json_each(?)))",
            );
            let groups: Vec<_> = groups.iter().map(|group| value(Tag::Group, group)).collect();
            self.values.push(Value::from(Tag::Group as i64));
            self.values.push(serde_json::Value::from(groups).to_string().into());
        }
        if !either.is_empty() {
            self.conditions.push(format!("({})", either.join(" OR ")));
        }
    }

    pub(super) fn and<V: Into<Value>, const N: usize>(&mut self, condition: &str, values: [V; N]) {
        self.conditions.push(condition.to_owned());
        self.values.extend(values.into_iter().map(Into::into));
    }

    /// The conditions, for behind `WHERE`.
    pub(super) fn sql(&self) -> String {
        if self.conditions.is_empty() { "TRUE".to_owned() } else { self.conditions.join(" AND ") }
    }

    fn tagged(&mut self, tag: Tag, text: &str) {
        self.and(
            "number IN (SELECT number FROM tags WHERE kind = ? AND value = ?)",
            [Value::from(tag as i64), value(tag, text).into()],
        );
    }

    fn beginning(&mut self, tag: Tag, text: &str) {
        let (from, to) = range(text);
        self.and(
            "number IN (SELECT number FROM tags WHERE kind = ? AND value >= ? AND value < ?)",
            [Value::from(tag as i64), from.into(), to.into()],
        );
    }
}

/// All texts that begin with `text`: from one, up to another. UTF-8 sorts as its characters do.
pub(super) fn range(text: &str) -> (String, String) {
    (text.to_owned(), format!("{text}\u{10ffff}"))
}

//! One exchange, as its parts have it.

use super::Fallible;
use super::introductions::{Introduction, Introductions, session};
use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator;
use rusqlite::{Row, Rows};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::collections::HashSet;

pub(super) struct Exchange<'a> {
    pub(super) id: String,
    /// The earliest time of its parts.
    pub(super) started_at: i64,
    /// The entry of the part that came first, and when it came.
    came: (i64, i64),
    first: Option<Teller<&'a Introduction>>,
    last: Option<Teller<Ended>>,
}

/// A part that says something of its exchange.
struct Teller<T> {
    /// Its VM and number, by which the first and the last of several are known.
    number: (String, i64),
    part: i64,
    says: T,
}

struct Ended {
    status: String,
    at: i64,
}

/// Status and time of an ending; HTTP status, why and tokens are shown as they stand.
#[derive(Deserialize)]
struct Ending<'a>(
    #[serde(borrow)] Cow<'a, str>,
    i64,
    IgnoredAny,
    IgnoredAny,
    IgnoredAny,
    IgnoredAny,
);

impl<'a> Exchange<'a> {
    /// The next one, of rows in the order of their exchange: exchange, id, boot, seq, at,
    /// introduction, ending, received_at. Introductions that it has are marked as used.
    pub(super) fn read(
        rows: &mut Rows<'_>,
        introductions: &'a Introductions,
        used: &mut HashSet<i64>,
    ) -> Fallible<Option<Self>> {
        let Some(row) = rows.get() else { return Ok(None) };
        let mut exchange = Self {
            id: row.get(0)?,
            started_at: i64::MAX,
            came: (i64::MAX, 0),
            first: None,
            last: None,
        };
        while let Some(row) = rows.get()
            && row.get_ref(0)?.as_str() == Ok(&exchange.id)
        {
            if let Some(id) = row.get(5)? {
                used.insert(id);
                exchange.introduced(row, introductions.get(id))?;
            }
            exchange.ended(row)?;
            exchange.started_at = exchange.started_at.min(row.get(4)?);
            exchange.came = exchange.came.min((row.get(1)?, row.get(7)?));
            rows.advance()?;
        }
        Ok(Some(exchange))
    }

    /// One that is not there is named where its part is looked at.
    fn introduced(&mut self, row: &Row<'_>, says: Option<&'a Introduction>) -> Fallible<()> {
        let number = (row.get(2)?, row.get(3)?);
        if let Some(says) = says
            && self.first.as_ref().is_none_or(|first| number < first.number)
        {
            self.first = Some(Teller { number, part: row.get(1)?, says });
        }
        Ok(())
    }

    fn ended(&mut self, row: &Row<'_>) -> Fallible<()> {
        let Some(ending) = row.get_ref(6)?.as_str_or_null().unwrap_or_default() else {
            return Ok(());
        };
        let number = (row.get(2)?, row.get(3)?);
        if self.last.as_ref().is_some_and(|last| number < last.number) {
            return Ok(());
        }
        // What cannot be read was changed, and is named where its part is looked at.
        if let Ok(Ending(status, at, ..)) = serde_json::from_str(ending) {
            let says = Ended { status: status.into_owned(), at };
            self.last = Some(Teller { number, part: row.get(1)?, says });
        }
        Ok(())
    }

    pub(super) fn introduction(&self) -> Option<&'a Introduction> {
        self.first.as_ref().map(|first| first.says)
    }

    /// When the first of its parts came.
    pub(super) fn received_at(&self) -> i64 {
        self.came.1
    }

    pub(super) fn status(&self) -> &str {
        self.last.as_ref().map_or("open", |last| &last.says.status)
    }

    pub(super) fn ended_at(&self) -> Option<i64> {
        self.last.as_ref().map(|last| last.says.at)
    }

    /// The session that it belongs to.
    pub(super) fn session(&self) -> Cow<'a, str> {
        let named = self.introduction().and_then(|introduction| introduction.session.as_deref());
        named.map_or_else(|| Cow::Owned(session(&[&self.id])), Cow::Borrowed)
    }

    /// Whether a row says so: id, session, status, started_at, introduced_by, ended_by.
    pub(super) fn is_row(&self, row: &Row<'_>, session: &str) -> Fallible<bool> {
        Ok(row.get_ref(1)?.as_str() == Ok(session)
            && row.get_ref(2)?.as_str() == Ok(self.status())
            && row.get::<_, i64>(3)? == self.started_at
            && row.get::<_, Option<i64>>(4)? == self.first.as_ref().map(|first| first.part)
            && row.get::<_, Option<i64>>(5)? == self.last.as_ref().map(|last| last.part))
    }
}

//! What is read of the index: lists, sessions, windows. A connection that refuses to write.
//!
//! A view is cheap to open (under a millisecond): one a request is fine, and it never sees an index
//! that was made anew half way. It may be moved between threads, not shared.

use super::error::ArchiveError;
use super::filter::{Where, range};
use super::head::{Head, Window};
use super::put::Stored;
use super::schema::{PLACES, key, open_for_reading};
use super::snippet::Snippets;
use crate::Replay;
use crate::listing::{Filter, Page, Row};
use crate::model::{Block, Command, File, Status, ToolCall, Turn};
use hansard_store::SILENCE;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::OnceCell;
use std::path::Path;

/// Items of a page, at most.
const PAGE: usize = 1000;
/// Turns of a window, at most.
const WINDOW: usize = 1000;
/// Sessions that one name may mean, at most.
const CANDIDATES: usize = 5;

/// A read-only view of the index, beside the one who brings it up to date.
#[derive(Debug)]
pub struct View {
    pub(super) connection: Connection,
    /// Made with the first search.
    pub(super) snippets: OnceCell<Snippets>,
    /// The time by which an exchange has been silent for too long.
    pub(super) now: Option<i64>,
}

/// What a name means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Located {
    /// The session's id.
    pub session: String,
    /// Index of the turn, of a name that means one.
    pub turn: Option<usize>,
}

impl View {
    /// Opens the index in `folder`.
    ///
    /// # Errors
    /// When there is none, or another version made it.
    pub fn open(folder: &Path) -> Result<Self, ArchiveError> {
        Ok(Self { connection: open_for_reading(folder)?, snippets: OnceCell::new(), now: None })
    }

    /// The same, at a time in Unix milliseconds: an open session of which nothing was heard for
    /// [`hansard_store::SILENCE`] is then interrupted. The index itself knows no time.
    #[must_use]
    pub fn at(self, now: i64) -> Self {
        Self { now: Some(now), ..self }
    }

    fn settle(&self, row: &mut Row) {
        let silent = |now: i64| row.active_at <= now.saturating_sub(SILENCE);
        if row.status == Status::Open && self.now.is_some_and(silent) {
            row.status = Status::Interrupted;
        }
    }

    /// Sessions, by their start, the newest first. `after` is the `next` of the page before.
    ///
    /// By start rather than by activity: it does not change while pages are turned, so no session is
    /// skipped. At most 1000 a page.
    ///
    /// # Errors
    /// When `after` is no cursor, `filter.command` holds no word, or the database fails.
    pub fn sessions(
        &self,
        filter: &Filter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Row>, ArchiveError> {
        let limit = limit.clamp(1, PAGE);
        let mut wanted = Where::of(filter, self.now)?;
        if let Some(after) = after {
            let (started_at, number) = cursor(after)?;
            wanted.and("(started_at, number) < (?, ?)", [started_at, number]);
        }
        // Places first: only rows of the page are read.
        let query = format!(
            "SELECT place.started_at, place.number, rows.json FROM
             (SELECT started_at, number FROM sessions WHERE {} ORDER BY started_at DESC, number DESC
              LIMIT ?) AS place
             JOIN rows ON rows.number = place.number ORDER BY 1 DESC, 2 DESC",
            wanted.sql()
        );
        let mut values = wanted.values;
        values.push(Value::from(limit as i64 + 1));
        let mut statement = self.connection.prepare_cached(&query)?;
        let mut rows = statement.query(params_from_iter(values))?;
        let (mut items, mut last, mut next) = (Vec::new(), None, None);
        while let Some(row) = rows.next()? {
            if items.len() == limit {
                next = last;
                break;
            }
            let (started_at, number): (i64, i64) = (row.get(0)?, row.get(1)?);
            let mut item = parsed(row.get_ref(2)?.as_str().unwrap_or_default(), number)?;
            self.settle(&mut item);
            items.push(item);
            last = Some(format!("{started_at}_{number}"));
        }
        Ok(Page { items, next })
    }

    /// How many sessions there are of a kind; counting stops at `most`.
    ///
    /// # Errors
    /// As [`View::sessions`].
    pub fn count(&self, filter: &Filter, most: usize) -> Result<usize, ArchiveError> {
        let wanted = Where::of(filter, self.now)?;
        let query =
            format!("SELECT COUNT(*) FROM (SELECT 1 FROM sessions WHERE {} LIMIT ?)", wanted.sql());
        let mut values = wanted.values;
        values.push(Value::from(i64::try_from(most).unwrap_or(i64::MAX)));
        let count: i64 = self
            .connection
            .prepare_cached(&query)?
            .query_row(params_from_iter(values), |row| row.get(0))?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    /// A session's row.
    ///
    /// # Errors
    /// When the database fails.
    pub fn row(&self, session: &str) -> Result<Option<Row>, ArchiveError> {
        let _moment = self.connection.unchecked_transaction()?;
        let Some(number) = self.number(session)? else { return Ok(None) };
        let mut row = self.one("SELECT json FROM rows WHERE number = ?1", number, number)?;
        if let Some(row) = &mut row {
            self.settle(row);
        }
        Ok(row)
    }

    /// A session without its turns and calls.
    ///
    /// # Errors
    /// When the database fails.
    pub fn head(&self, session: &str) -> Result<Option<Head>, ArchiveError> {
        let _moment = self.connection.unchecked_transaction()?;
        let Some(number) = self.number(session)? else { return Ok(None) };
        self.one("SELECT json FROM heads WHERE number = ?1", number, number)
    }

    /// Turns of a session from an index on, at most 1000, with the calls that they show. Behind the
    /// last turn, and without such a session, none.
    ///
    /// # Errors
    /// When the database fails.
    pub fn turns(&self, session: &str, from: usize, count: usize) -> Result<Window, ArchiveError> {
        let mut window = Window { from, ..Window::default() };
        let _moment = self.connection.unchecked_transaction()?;
        let Some(number) = self.number(session)? else { return Ok(window) };
        let end = key(number + 1, 0);
        let begin = key(number, from.min(PLACES));
        let mut statement = self.connection.prepare_cached(
            "SELECT json FROM turns WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3",
        )?;
        let mut rows = statement.query(params![begin, end, count.min(WINDOW) as i64])?;
        while let Some(row) = rows.next()? {
            let turn: Turn = parsed(row.get_ref(0)?.as_str().unwrap_or_default(), number)?;
            window.turns.push(turn);
        }
        for call in window.turns.iter().flat_map(shown) {
            if !window.calls.contains_key(&call)
                && let Some(found) = self.call_of(number, call)?
            {
                window.calls.insert(call, found);
            }
        }
        Ok(window)
    }

    /// One tool call of a session, by its index.
    ///
    /// # Errors
    /// When the database fails.
    pub fn call(&self, session: &str, call: usize) -> Result<Option<ToolCall>, ArchiveError> {
        self.item(session, "SELECT json FROM calls WHERE id = ?1", call)
    }

    /// One file of a session, by its index, with all its changes.
    ///
    /// # Errors
    /// When the database fails.
    pub fn file(&self, session: &str, file: usize) -> Result<Option<File>, ArchiveError> {
        self.item(session, "SELECT json FROM files WHERE id = ?1", file)
    }

    /// One command of a session, by its index, with its output.
    ///
    /// # Errors
    /// When the database fails.
    pub fn command(&self, session: &str, command: usize) -> Result<Option<Command>, ArchiveError> {
        self.item(session, "SELECT json FROM commands WHERE id = ?1", command)
    }

    /// A session, whole.
    ///
    /// # Errors
    /// When the database fails.
    pub fn replay(&self, session: &str) -> Result<Option<Replay>, ArchiveError> {
        let _moment = self.connection.unchecked_transaction()?;
        let Some(number) = self.number(session)? else { return Ok(None) };
        Ok(Some(Stored::load(&self.connection, number)?.into_replay()))
    }

    /// What a name means: the id of a session, an exchange or a tool call, a client's own session id,
    /// an upstream's request id, or else the beginning of one. At most five, the newest last.
    ///
    /// # Errors
    /// When the database fails.
    pub fn locate(&self, name: &str) -> Result<Vec<Located>, ArchiveError> {
        if name.is_empty() {
            return Ok(Vec::new());
        }
        let exact = self.located(name, &format!("{name}\0"))?;
        if !exact.is_empty() {
            return Ok(exact);
        }
        let (from, to) = range(name);
        self.located(&from, &to)
    }

    fn located(&self, from: &str, to: &str) -> Result<Vec<Located>, ArchiveError> {
        // Many names of one session are one meaning: its first turn of them.
        let mut statement = self.connection.prepare_cached(
            "SELECT sessions.id, MIN(turn) FROM
             (SELECT number, turn FROM names WHERE name >= ?1 AND name < ?2 LIMIT 1000) AS found
             JOIN sessions ON sessions.number = found.number
             GROUP BY found.number ORDER BY found.number LIMIT ?3",
        )?;
        let rows = statement.query_map(params![from, to, CANDIDATES as i64], |row| {
            let turn: Option<i64> = row.get(1)?;
            Ok(Located { session: row.get(0)?, turn: turn.and_then(|turn| turn.try_into().ok()) })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Sessions that changed in the index since it was at `tick`, and where it is now: for lists that
    /// follow. Begin with [`View::tick`]. A session that is no longer there is among them.
    ///
    /// # Errors
    /// When the database fails.
    pub fn changed_since(&self, tick: i64) -> Result<(i64, Vec<String>), ArchiveError> {
        let _moment = self.connection.unchecked_transaction()?;
        let now = self.tick()?;
        let mut statement = self
            .connection
            .prepare_cached("SELECT session FROM touched WHERE tick > ?1 ORDER BY tick, session")?;
        let rows = statement.query_map([tick], |row| row.get(0))?;
        Ok((now, rows.collect::<Result<_, _>>()?))
    }

    /// How often the index has changed.
    ///
    /// # Errors
    /// When the database fails.
    pub fn tick(&self) -> Result<i64, ArchiveError> {
        Ok(self
            .connection
            .prepare_cached("SELECT COALESCE(MAX(tick), 0) FROM touched")?
            .query_row([], |row| row.get(0))?)
    }

    pub(super) fn number(&self, session: &str) -> Result<Option<i64>, ArchiveError> {
        Ok(self
            .connection
            .prepare_cached("SELECT number FROM sessions WHERE id = ?1")?
            .query_row([session], |row| row.get(0))
            .optional()?)
    }

    pub(super) fn call_of(
        &self,
        number: i64,
        call: usize,
    ) -> Result<Option<ToolCall>, ArchiveError> {
        self.one("SELECT json FROM calls WHERE id = ?1", key(number, call), number)
    }

    fn item<T: DeserializeOwned>(
        &self,
        session: &str,
        query: &str,
        place: usize,
    ) -> Result<Option<T>, ArchiveError> {
        let _moment = self.connection.unchecked_transaction()?;
        let Some(number) = self.number(session)? else { return Ok(None) };
        self.one(query, key(number, place), number)
    }

    pub(super) fn one<T: DeserializeOwned>(
        &self,
        query: &str,
        id: i64,
        number: i64,
    ) -> Result<Option<T>, ArchiveError> {
        let json: Option<String> =
            self.connection.prepare_cached(query)?.query_row([id], |row| row.get(0)).optional()?;
        json.map(|json| parsed(&json, number)).transpose()
    }
}

/// Indexes of the calls that a turn shows.
fn shown(turn: &Turn) -> Vec<usize> {
    let said = turn.said.iter().flat_map(|message| &message.blocks);
    let calls = said.chain(&turn.answer).filter_map(|block| match block {
        Block::ToolUse { call } => Some(*call),
        Block::ToolResult { call, .. } => *call,
        _ => None,
    });
    calls.collect()
}

pub(super) fn parsed<T: DeserializeOwned>(json: &str, number: i64) -> Result<T, ArchiveError> {
    serde_json::from_str(json).map_err(|_| ArchiveError::Damaged { number })
}

fn cursor(text: &str) -> Result<(i64, i64), ArchiveError> {
    let (started_at, number) = text.split_once('_').ok_or(ArchiveError::Cursor)?;
    let number = number.parse().map_err(|_| ArchiveError::Cursor)?;
    Ok((started_at.parse().map_err(|_| ArchiveError::Cursor)?, number))
}

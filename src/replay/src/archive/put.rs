//! Replacing what the index holds of a session.
//!
//! What is written is a function of the replay; what was written before is read back, and only the
//! difference touches the database. A session that goes on costs what is new in it, and a text that
//! is no longer there is taken out word by word.

use super::error::ArchiveError;
use super::facts::Facts;
use super::head::Head;
use super::schema::{PLACES, key};
use super::suggested;
use super::texts::{self, STRIDE};
use crate::Replay;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Replaces everything about the session with this number; `None` takes it out.
pub(super) fn put(
    connection: &Connection,
    number: i64,
    replay: Option<&Replay>,
) -> Result<(), ArchiveError> {
    let old = Stored::load(connection, number)?;
    let new = replay.map_or_else(Stored::default, Stored::of);
    rows(connection, "turns", number, &old.turns, &new.turns)?;
    rows(connection, "calls", number, &old.calls, &new.calls)?;
    rows(connection, "files", number, &old.files, &new.files)?;
    rows(connection, "commands", number, &old.commands, &new.commands)?;
    search(connection, number, &old, &new)?;
    command_words(connection, number, &old, &new)?;
    lines(connection, number, &old, &new)?;
    let (before, after) = (old.facts(), new.facts());
    tags(connection, number, &before, &after)?;
    names(connection, number, &before, &after)?;
    match replay {
        Some(_) => session(connection, number, &after),
        None => {
            for table in ["sessions", "rows", "heads"] {
                let delete = format!("DELETE FROM {table} WHERE number = ?1");
                connection.prepare_cached(&delete)?.execute([number])?;
            }
            Ok(())
        }
    }
}

/// A session as the index holds it: the replay, and the text of each item of its lists.
#[derive(Debug, Default)]
pub(super) struct Stored<'r> {
    replay: Cow<'r, Replay>,
    turns: Vec<String>,
    calls: Vec<String>,
    files: Vec<String>,
    commands: Vec<String>,
}

impl<'r> Stored<'r> {
    fn of(replay: &'r Replay) -> Self {
        Self {
            replay: Cow::Borrowed(replay),
            turns: written(&replay.turns),
            calls: written(&replay.calls),
            files: written(&replay.files),
            commands: written(&replay.commands),
        }
    }

    /// Nothing, when there is no such session.
    pub(super) fn load(connection: &Connection, number: i64) -> Result<Self, ArchiveError> {
        let head: Option<String> = connection
            .prepare_cached("SELECT json FROM heads WHERE number = ?1")?
            .query_row([number], |row| row.get(0))
            .optional()?;
        let Some(head) = head else { return Ok(Self::default()) };
        let head: Head =
            serde_json::from_str(&head).map_err(|_| ArchiveError::Damaged { number })?;
        let list = |table| items(connection, table, number);
        let (turns, calls, files, commands) =
            (list("turns")?, list("calls")?, list("files")?, list("commands")?);
        let replay = Replay {
            session: head.session,
            lanes: head.lanes,
            turns: parsed(&turns, number)?,
            calls: parsed(&calls, number)?,
            files: parsed(&files, number)?,
            commands: parsed(&commands, number)?,
            commits: head.commits,
            notices: head.notices,
        };
        Ok(Self { replay: Cow::Owned(replay), turns, calls, files, commands })
    }

    pub(super) fn into_replay(self) -> Replay {
        self.replay.into_owned()
    }

    fn facts(&self) -> Facts {
        match self.replay.session.id.as_str() {
            "" => Facts::default(),
            _ => Facts::of(&self.replay),
        }
    }

    fn texts(&self, turn: usize) -> [String; texts::PLACES.len()] {
        let call = |index: usize| self.replay.calls.get(index);
        self.replay.turns.get(turn).map(|turn| texts::of_turn(turn, call)).unwrap_or_default()
    }
}

fn written<T: Serialize>(items: &[T]) -> Vec<String> {
    // Plain values with names for members: none of them can fail to be written.
    let json = items.iter().map(|item| serde_json::to_string(item).unwrap_or_default());
    json.take(PLACES / STRIDE).collect()
}

fn items(connection: &Connection, table: &str, number: i64) -> Result<Vec<String>, ArchiveError> {
    let query = format!("SELECT json FROM {table} WHERE id >= ?1 AND id < ?2 ORDER BY id");
    let mut statement = connection.prepare_cached(&query)?;
    let rows = statement.query_map([key(number, 0), key(number + 1, 0)], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn parsed<T: DeserializeOwned>(json: &[String], number: i64) -> Result<Vec<T>, ArchiveError> {
    let items = json.iter().map(|json| serde_json::from_str(json));
    items.collect::<Result<_, _>>().map_err(|_| ArchiveError::Damaged { number })
}

fn rows(
    connection: &Connection,
    table: &str,
    number: i64,
    old: &[String],
    new: &[String],
) -> Result<(), ArchiveError> {
    let write = format!("INSERT OR REPLACE INTO {table} (id, json) VALUES (?1, ?2)");
    let delete = format!("DELETE FROM {table} WHERE id = ?1");
    for place in changed(old, new) {
        let id = key(number, place);
        match new.get(place) {
            Some(json) => connection.prepare_cached(&write)?.execute(params![id, json])?,
            None => connection.prepare_cached(&delete)?.execute([id])?,
        };
    }
    Ok(())
}

fn search(
    connection: &Connection,
    number: i64,
    old: &Stored<'_>,
    new: &Stored<'_>,
) -> Result<(), ArchiveError> {
    // A turn's texts come from its own row and from the calls that it suggests.
    let of_calls: BTreeSet<usize> = changed(&old.calls, &new.calls)
        .flat_map(|call| [old.replay.calls.get(call), new.replay.calls.get(call)])
        .flatten()
        .map(|call| call.turn)
        .collect();
    let turns: BTreeSet<usize> = changed(&old.turns, &new.turns).chain(of_calls).collect();
    for turn in turns {
        let (before, after) = (old.texts(turn), new.texts(turn));
        for (place, (before, after)) in before.iter().zip(&after).enumerate() {
            let id = key(number, turn * STRIDE + place);
            replace_words(connection, "search", id, before, after)?;
        }
    }
    Ok(())
}

/// The places at which two lists differ.
fn changed<'l>(old: &'l [String], new: &'l [String]) -> impl Iterator<Item = usize> + use<'l> {
    (0..old.len().max(new.len())).filter(|place| old.get(*place) != new.get(*place))
}

fn command_words(
    connection: &Connection,
    number: i64,
    old: &Stored<'_>,
    new: &Stored<'_>,
) -> Result<(), ArchiveError> {
    for place in changed(&old.commands, &new.commands) {
        let text = |stored: &Stored<'_>| {
            let command = stored.replay.commands.get(place);
            command.map(|command| command.command.clone()).unwrap_or_default()
        };
        replace_words(connection, "command_words", key(number, place), &text(old), &text(new))?;
    }
    Ok(())
}

/// Takes a text's words out of a search table, and puts another's in.
fn replace_words(
    connection: &Connection,
    table: &str,
    id: i64,
    before: &str,
    after: &str,
) -> Result<(), ArchiveError> {
    if before == after {
        return Ok(());
    }
    if !before.is_empty() {
        let delete =
            format!("INSERT INTO {table} ({table}, rowid, text) VALUES ('delete', ?1, ?2)");
        connection.prepare_cached(&delete)?.execute(params![id, before])?;
    }
    if !after.is_empty() {
        let insert = format!("INSERT INTO {table} (rowid, text) VALUES (?1, ?2)");
        connection.prepare_cached(&insert)?.execute(params![id, after])?;
    }
    Ok(())
}

fn lines(
    connection: &Connection,
    number: i64,
    old: &Stored<'_>,
    new: &Stored<'_>,
) -> Result<(), ArchiveError> {
    for place in changed(&old.calls, &new.calls) {
        let digests = |stored: &Stored<'_>| -> BTreeSet<i64> {
            stored.replay.calls.get(place).map(suggested::digests).unwrap_or_default()
        };
        let (before, after) = (digests(old), digests(new));
        let call = key(number, place);
        for digest in before.difference(&after) {
            connection
                .prepare_cached("DELETE FROM lines WHERE digest = ?1 AND call = ?2")?
                .execute([*digest, call])?;
        }
        for digest in after.difference(&before) {
            connection
                .prepare_cached("INSERT INTO lines (digest, call) VALUES (?1, ?2)")?
                .execute([*digest, call])?;
        }
    }
    Ok(())
}

fn tags(
    connection: &Connection,
    number: i64,
    before: &Facts,
    after: &Facts,
) -> Result<(), ArchiveError> {
    for (tag, value) in before.tags.difference(&after.tags) {
        connection
            .prepare_cached("DELETE FROM tags WHERE kind = ?1 AND value = ?2 AND number = ?3")?
            .execute(params![*tag as i64, value, number])?;
    }
    for (tag, value) in after.tags.difference(&before.tags) {
        connection
            .prepare_cached("INSERT INTO tags (kind, value, number) VALUES (?1, ?2, ?3)")?
            .execute(params![*tag as i64, value, number])?;
    }
    Ok(())
}

fn names(
    connection: &Connection,
    number: i64,
    before: &Facts,
    after: &Facts,
) -> Result<(), ArchiveError> {
    for (name, _) in before.names.difference(&after.names) {
        connection
            .prepare_cached("DELETE FROM names WHERE name = ?1 AND number = ?2")?
            .execute(params![name, number])?;
    }
    for (name, turn) in after.names.difference(&before.names) {
        connection
            .prepare_cached("INSERT INTO names (name, number, turn) VALUES (?1, ?2, ?3)")?
            .execute(params![name, number, turn.map(|turn| turn as i64)])?;
    }
    Ok(())
}

fn session(connection: &Connection, number: i64, facts: &Facts) -> Result<(), ArchiveError> {
    let (row, session) = (&facts.row, &facts.head.session);
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO sessions (number, id, issuer, subject, status, started_at,
             active_at, refused, findings, gaps) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            number,
            row.id,
            session.issuer,
            session.subject,
            status(row.status),
            row.started_at,
            row.active_at,
            count(row.refused),
            count(row.findings),
            count(row.gaps),
        ])?;
    for (table, json) in
        [("rows", serde_json::to_string(row)), ("heads", serde_json::to_string(&facts.head))]
    {
        // As above: they can be written.
        let write = format!("INSERT OR REPLACE INTO {table} (number, json) VALUES (?1, ?2)");
        connection.prepare_cached(&write)?.execute(params![number, json.unwrap_or_default()])?;
    }
    Ok(())
}

/// The name of a status, as in JSON.
pub(super) fn status(status: crate::model::Status) -> &'static str {
    use crate::model::Status::{Complete, Ended, Interrupted, Open, Refused};
    match status {
        Open => "open",
        Complete => "complete",
        Ended => "ended",
        Refused => "refused",
        Interrupted => "interrupted",
    }
}

//! Conversations of clients that name no session: which exchange goes on from which.
//!
//! The store makes each such exchange a session of its own. An exchange goes on from another of the same
//! identity when its history begins with everything that was said there; of several, from the one with the
//! longest history, and of these from the latest before it. This depends on what is on record alone, not on
//! the order in which it was read: what comes late is compared with those who waited for it.

use super::error::ArchiveError;
use super::source::{self, Ends};
use hansard_store::Reader;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeSet;

/// Steps back from an exchange to the first of its conversation, at most.
const LONGEST: usize = 100_000;

/// A session's place in its conversation.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    /// Whether it goes on from another, and is shown there.
    pub(super) is_continuation: bool,
    /// Those that go on from it, and from those, in the order in which they began.
    pub(super) members: Vec<String>,
    /// Sessions whose conversation is now another; the first of its own, if it is a continuation.
    pub(super) changed: BTreeSet<String>,
}

/// Enters a session as the ledger has it now; `number` is none when it is no longer there.
pub(super) fn enter(
    connection: &Connection,
    reader: &Reader,
    session: &str,
    number: Option<i64>,
) -> Result<Conversation, ArchiveError> {
    let before = Alone::load(connection, session)?;
    let ends = match number {
        Some(_) => source::ends(reader, session)?,
        None => None,
    };
    let mut conversation = Conversation::default();
    let (Some(number), Some(ends)) = (number, ends) else {
        if let Some(before) = before {
            leave(connection, session, &before, &mut conversation)?;
        }
        return Ok(conversation);
    };
    let tail = ends.tail.map(|tail| tail.to_vec());
    let is_same = before.as_ref().is_some_and(|before| {
        before.number == number && before.tail == tail && before.wants == ends.wants
    });
    if !is_same {
        if let Some(before) = before {
            leave(connection, session, &before, &mut conversation)?;
        }
        arrive(connection, session, number, &ends, &mut conversation)?;
    }
    let root = root(connection, session)?;
    if root == session {
        conversation.members = members(connection, session)?;
    } else {
        conversation.is_continuation = true;
        conversation.changed.insert(root);
    }
    conversation.changed.remove(session);
    Ok(conversation)
}

/// What the index holds of one of them.
#[derive(Debug)]
struct Alone {
    number: i64,
    tail: Option<Vec<u8>>,
    wants: Vec<[u8; 16]>,
}

impl Alone {
    fn load(connection: &Connection, session: &str) -> Result<Option<Self>, ArchiveError> {
        let found: Option<(i64, Option<Vec<u8>>)> = connection
            .prepare_cached("SELECT number, tail FROM alone WHERE session = ?1")?
            .query_row([session], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((number, tail)) = found else { return Ok(None) };
        let mut statement = connection
            .prepare_cached("SELECT digest FROM wants WHERE session = ?1 ORDER BY rank")?;
        let rows = statement.query_map([session], |row| row.get(0))?;
        Ok(Some(Self { number, tail, wants: rows.collect::<Result<_, _>>()? }))
    }
}

fn arrive(
    connection: &Connection,
    session: &str,
    number: i64,
    ends: &Ends,
    conversation: &mut Conversation,
) -> Result<(), ArchiveError> {
    connection
        .prepare_cached("INSERT INTO alone (session, number, tail) VALUES (?1, ?2, ?3)")?
        .execute(params![session, number, ends.tail])?;
    for (rank, digest) in ends.wants.iter().enumerate() {
        connection
            .prepare_cached(
                "INSERT OR IGNORE INTO wants (digest, session, rank) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![digest, session, rank as i64])?;
    }
    settle(connection, session, conversation)?;
    if let Some(tail) = &ends.tail {
        for waiting in waiting(connection, tail, number)? {
            settle(connection, &waiting, conversation)?;
        }
    }
    Ok(())
}

fn leave(
    connection: &Connection,
    session: &str,
    before: &Alone,
    conversation: &mut Conversation,
) -> Result<(), ArchiveError> {
    conversation.changed.insert(root(connection, session)?);
    connection.prepare_cached("DELETE FROM alone WHERE session = ?1")?.execute([session])?;
    connection.prepare_cached("DELETE FROM wants WHERE session = ?1")?.execute([session])?;
    if let Some(tail) = &before.tail {
        for waiting in waiting(connection, tail, before.number)? {
            settle(connection, &waiting, conversation)?;
        }
    }
    Ok(())
}

/// Those later than a number that wait for what ends so.
fn waiting(connection: &Connection, tail: &[u8], number: i64) -> Result<Vec<String>, ArchiveError> {
    let mut statement = connection.prepare_cached(
        "SELECT wants.session FROM wants JOIN alone ON alone.session = wants.session
         WHERE wants.digest = ?1 AND alone.number > ?2 ORDER BY alone.number",
    )?;
    let rows = statement.query_map(params![tail, number], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Finds from which one a session goes on.
fn settle(
    connection: &Connection,
    session: &str,
    conversation: &mut Conversation,
) -> Result<(), ArchiveError> {
    let before: Option<String> = connection
        .prepare_cached("SELECT parent FROM alone WHERE session = ?1")?
        .query_row([session], |row| row.get(0))?;
    let after: Option<String> = connection
        .prepare_cached(
            "SELECT earlier.session FROM wants
             JOIN alone AS own ON own.session = wants.session
             JOIN alone AS earlier ON earlier.tail = wants.digest AND earlier.number < own.number
             WHERE wants.session = ?1 ORDER BY wants.rank, earlier.number DESC LIMIT 1",
        )?
        .query_row([session], |row| row.get(0))
        .optional()?;
    if before != after {
        let old = root(connection, session)?;
        connection
            .prepare_cached("UPDATE alone SET parent = ?2 WHERE session = ?1")?
            .execute(params![session, after])?;
        conversation.changed.extend([session.to_owned(), old, root(connection, session)?]);
    }
    Ok(())
}

/// The first of a session's conversation. A parent is always earlier: the way ends.
fn root(connection: &Connection, session: &str) -> Result<String, ArchiveError> {
    let mut at = session.to_owned();
    for _ in 0..LONGEST {
        let parent: Option<Option<String>> = connection
            .prepare_cached("SELECT parent FROM alone WHERE session = ?1")?
            .query_row([&at], |row| row.get(0))
            .optional()?;
        match parent.flatten() {
            Some(parent) => at = parent,
            None => break,
        }
    }
    Ok(at)
}

/// All that go on from a session, and from those.
fn members(connection: &Connection, root: &str) -> Result<Vec<String>, ArchiveError> {
    let mut statement = connection.prepare_cached(
        "WITH RECURSIVE member (session, number) AS
             (SELECT session, number FROM alone WHERE parent = ?1 UNION
              SELECT alone.session, alone.number FROM alone JOIN member ON alone.parent = member.session)
         SELECT session FROM member ORDER BY number",
    )?;
    let rows = statement.query_map([root], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

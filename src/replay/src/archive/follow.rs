//! Bringing the index up to date with the ledger.
//!
//! ```text
//! entries since the last ─▶ pending sessions ─▶ each rebuilt once ─▶ its rows replaced, one transaction
//! ```
//!
//! Where it is, and what is pending, stands in the index itself: after a crash it goes on. A session that
//! goes on for long is not rebuilt for each of its turns: after a rebuild it waits ten times as long as
//! that took, so following costs a tenth of the time at most, however long the session is.

use super::error::ArchiveError;
use super::put::put;
use super::{Archive, join, source, touch};
use hansard_store::Reader;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Entries that are looked at in one transaction.
const ENTRIES: usize = 10_000;
/// How long a transaction of rebuilds may last: a crash costs no more.
const TRANSACTION: Duration = Duration::from_millis(500);
/// A session waits so many times what its last rebuild took.
const REST: u32 = 10;
/// But no longer than this.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// Why the files are to be scrubbed, and how far that is.
const ERASED: &[u8] = b"erased";
const WRITTEN_ANEW: &[u8] = b"written anew";

/// What a catch-up did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaughtUp {
    /// Entries of the ledger that were looked at.
    pub entries: u64,
    /// Sessions that were rebuilt.
    pub rebuilt: u64,
    /// Sessions that changed and wait for their turn.
    pub pending: u64,
    /// Whether the ledger was another than the index was made of, and it was made anew.
    pub anew: bool,
}

/// How far a catch-up has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Entries of the ledger that were looked at, from its beginning.
    pub entries: i64,
    /// Entries that the ledger has.
    pub of: i64,
    /// Sessions that were rebuilt since the catch-up began.
    pub rebuilt: u64,
    /// Sessions that still wait.
    pub pending: u64,
}

/// When each session may be rebuilt again; only of those that rest.
#[derive(Debug, Default)]
pub(super) struct Pace(HashMap<String, Instant>);

impl Pace {
    fn rests(&self, session: &str, now: Instant) -> bool {
        self.0.get(session).is_some_and(|until| *until > now)
    }

    fn rest(&mut self, session: String, now: Instant, cost: Duration) {
        self.0.retain(|_, until| *until > now);
        self.0.insert(session, now + cost.saturating_mul(REST).min(LONGEST_REST));
    }
}

impl Archive {
    /// Takes what is new in the ledger into the index.
    ///
    /// `within`: stop after about so long, and let sessions rest that were rebuilt just now: for a
    /// process that follows a ledger and calls again. `None`: go on until nothing is left. `progress`
    /// is called after each transaction.
    ///
    /// A session that cannot be rebuilt because the ledger is damaged is in the index with a notice.
    ///
    /// # Errors
    /// When the ledger or the index fails. What was done is kept, and the next call goes on from there.
    pub fn catch_up(
        &mut self,
        reader: &Reader,
        within: Option<Duration>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<CaughtUp, ArchiveError> {
        let end = within.map(|within| Instant::now() + within);
        let mut done = CaughtUp::default();
        if !self.is_of(reader)? {
            self.clear()?;
            done.anew = true;
        }
        loop {
            let looked = self.look(reader)?;
            done.entries += looked;
            let rebuilt = self.rebuild_some(reader, within.is_some())?;
            done.rebuilt += rebuilt;
            done.pending = count(&self.connection)?;
            progress(Progress {
                entries: next(&self.connection)?,
                of: reader.size()?,
                rebuilt: done.rebuilt,
                pending: done.pending,
            });
            let idle = looked == 0 && rebuilt == 0;
            if idle || end.is_some_and(|end| Instant::now() >= end) {
                break;
            }
        }
        self.scrub()?;
        Ok(done)
    }

    /// Whether the index was made of this ledger, or of nothing yet.
    fn is_of(&self, reader: &Reader) -> Result<bool, ArchiveError> {
        let next = next(&self.connection)?;
        let last: Option<Vec<u8>> = meta(&self.connection, "last")?;
        Ok(match last {
            Some(last) => reader.entry_digest(next - 1)?.is_some_and(|digest| digest == *last),
            None => next == 0,
        })
    }

    /// Notes which sessions new entries speak of. How many entries there were.
    fn look(&mut self, reader: &Reader) -> Result<u64, ArchiveError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let from = next(&transaction)?;
        let changes = reader.changes(from, ENTRIES)?;
        if changes.next == from {
            return Ok(0);
        }
        for change in &changes.changes {
            pend(&transaction, &change.session)?;
            // Until now it may have been in another: a part came before its exchange was known.
            if let Some(exchange) = &change.exchange {
                for before in homes(&transaction, exchange)? {
                    pend(&transaction, &before)?;
                }
            }
            if change.erased {
                set_meta(&transaction, "scrub", ERASED)?;
            }
        }
        gaps(&transaction, reader)?;
        let last = reader.entry_digest(changes.next - 1)?.unwrap_or_default();
        set_meta(&transaction, "next", &changes.next.to_be_bytes())?;
        set_meta(&transaction, "last", &last)?;
        transaction.commit()?;
        Ok(u64::try_from(changes.next - from).unwrap_or(0))
    }

    /// Rebuilds pending sessions, as many as one transaction takes. How many there were.
    fn rebuild_some(&mut self, reader: &Reader, may_rest: bool) -> Result<u64, ArchiveError> {
        let Self { connection, pace, .. } = self;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let start = Instant::now();
        let mut rebuilt = 0;
        for session in pending(&transaction)? {
            let begin = Instant::now();
            if may_rest && pace.rests(&session, begin) {
                continue;
            }
            rebuild(&transaction, reader, &session)?;
            rebuilt += 1;
            let now = Instant::now();
            pace.rest(session, now, now - begin);
            if now - start > TRANSACTION {
                break;
            }
        }
        transaction.commit()?;
        Ok(rebuilt)
    }

    /// After an erasure: nothing of what was erased stays in the files.
    ///
    /// SQLite overwrites what it deletes, but not the copies that it left on a page when it moved rows to
    /// another: only a file that is written anew has none. That takes minutes for an index of gigabytes,
    /// once for all erasures of a catch-up.
    fn scrub(&self) -> Result<(), ArchiveError> {
        let connection = &self.connection;
        let Some(step) = meta(connection, "scrub")? else { return Ok(()) };
        if count(connection)? > 0 {
            return Ok(());
        }
        if step != WRITTEN_ANEW {
            connection.execute_batch("VACUUM")?;
            set_meta(connection, "scrub", WRITTEN_ANEW)?;
        }
        let truncate = "PRAGMA wal_checkpoint(TRUNCATE)";
        let busy: i64 = connection.query_row(truncate, [], |row| row.get(0))?;
        // A reader that still looks at an older page keeps the journal: the next catch-up tries again.
        if busy == 0 {
            connection.execute("DELETE FROM meta WHERE name = 'scrub'", [])?;
        }
        Ok(())
    }
}

/// Replaces what the index holds of one session of the ledger.
fn rebuild(connection: &Connection, reader: &Reader, session: &str) -> Result<(), ArchiveError> {
    connection.prepare_cached("DELETE FROM pending WHERE session = ?1")?.execute([session])?;
    let known: Option<i64> = connection
        .prepare_cached("SELECT number FROM sessions WHERE id = ?1")?
        .query_row([session], |row| row.get(0))
        .optional()?;
    let span = reader.span(session)?;
    let conversation = join::enter(connection, reader, session, span.map(|span| span.0))?;
    for changed in &conversation.changed {
        pend(connection, changed)?;
    }
    let number = span.map(|(first, _)| first).filter(|_| !conversation.is_continuation);
    if let Some(known) = known.filter(|known| Some(*known) != number) {
        put(connection, known, None)?;
        touch(connection, session)?;
    }
    let Some(number) = number else { return Ok(()) };
    // The entry was another session's until its exchange was known: that one is pending too.
    let tenant: Option<String> = connection
        .prepare_cached("SELECT id FROM sessions WHERE number = ?1 AND id <> ?2")?
        .query_row(params![number, session], |row| row.get(0))
        .optional()?;
    if let Some(tenant) = tenant {
        put(connection, number, None)?;
        touch(connection, &tenant)?;
    }
    let Some(replay) = source::replay(reader, session, &conversation.members)? else {
        // The ledger went on meanwhile: an entry behind those that were looked at moved its exchange.
        return pend(connection, session);
    };
    put(connection, number, Some(&replay))?;
    touch(connection, session)?;
    if known.is_none()
        && let Some(hint) = &replay.session.hint
    {
        // Each of them tells of the others.
        for other in homes(connection, hint)?.iter().filter(|other| *other != session) {
            pend(connection, other)?;
        }
    }
    Ok(())
}

/// Marks the sessions around what went missing, or is no longer missing.
fn gaps(connection: &Connection, reader: &Reader) -> Result<(), ArchiveError> {
    type Hole = (String, i64, i64, i64, i64);
    let gaps = reader.all_gaps()?;
    let now =
        gaps.into_iter().map(|gap| (gap.boot, gap.first, gap.last, gap.after_at, gap.before_at));
    let now: std::collections::BTreeSet<Hole> = now.collect();
    let mut statement =
        connection.prepare_cached("SELECT boot, first, last, after_at, before_at FROM gaps")?;
    let rows = statement.query_map([], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
    })?;
    let before = rows.collect::<Result<std::collections::BTreeSet<Hole>, _>>()?;
    for (boot, _, _, after_at, before_at) in now.symmetric_difference(&before) {
        for session in reader.sessions_around(boot, *after_at, *before_at)? {
            pend(connection, &session)?;
        }
    }
    for (boot, first, ..) in before.difference(&now) {
        connection
            .prepare_cached("DELETE FROM gaps WHERE boot = ?1 AND first = ?2")?
            .execute(params![boot, first])?;
    }
    for (boot, first, last, after_at, before_at) in now.difference(&before) {
        connection
            .prepare_cached("INSERT INTO gaps VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![boot, first, last, after_at, before_at])?;
    }
    Ok(())
}

fn pend(connection: &Connection, session: &str) -> Result<(), ArchiveError> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO pending (session) VALUES (?1)")?
        .execute([session])?;
    Ok(())
}

fn pending(connection: &Connection) -> Result<Vec<String>, ArchiveError> {
    let mut statement = connection.prepare_cached("SELECT session FROM pending")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn count(connection: &Connection) -> Result<u64, ArchiveError> {
    let count: i64 = connection
        .prepare_cached("SELECT COUNT(*) FROM pending")?
        .query_row([], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// The ids of the sessions in the index that answer to a name.
fn homes(connection: &Connection, name: &str) -> Result<Vec<String>, ArchiveError> {
    let mut statement = connection.prepare_cached(
        "SELECT sessions.id FROM names JOIN sessions ON sessions.number = names.number
         WHERE name = ?1",
    )?;
    let rows = statement.query_map([name], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The first entry that was not looked at.
fn next(connection: &Connection) -> Result<i64, ArchiveError> {
    let bytes = meta(connection, "next")?.and_then(|bytes| bytes.try_into().ok());
    Ok(bytes.map_or(0, i64::from_be_bytes))
}

fn meta(connection: &Connection, name: &str) -> Result<Option<Vec<u8>>, ArchiveError> {
    Ok(connection
        .prepare_cached("SELECT value FROM meta WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?)
}

fn set_meta(connection: &Connection, name: &str, value: &[u8]) -> Result<(), ArchiveError> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)")?
        .execute(params![name, value])?;
    Ok(())
}

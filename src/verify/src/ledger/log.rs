//! Entries, each against what it speaks of.

use super::boots::{Boots, Heard};
use super::introductions::Introductions;
use super::texts::Texts;
use super::{Fallible, side_by_side, stretches};
use crate::Report;
use crate::content::clear_sum;
use crate::entry::{Entry, Part, hex, is_hex, unpacked};
use crate::numbers::{Gap, Numbers};
use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator;
use rusqlite::{Connection, OptionalExtension, Row, Rows};
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use tlog_tiles::{Hash, record_hash};

/// Entries after which the progress is told.
const STEP: u64 = 4096;

/// What a stretch of entries says, or all of them.
#[derive(Default)]
pub(super) struct Found {
    pub(super) leaves: Vec<Hash>,
    numbers: Numbers,
    /// VMs' numbers that the gateway gave up; it does not know whether their parts came.
    given_up: Vec<(String, u64)>,
    pub(super) heard: Heard,
    pub(super) counts: Counts,
    pub(super) said: Said,
    pub(super) bytes: u64,
    pub(super) problems: Vec<String>,
}

/// What entries say of keys and sessions.
#[derive(Default)]
pub(super) struct Said {
    /// Which session each key is of.
    pub(super) keys: HashMap<i64, String>,
    /// The digest of each key, wrapped, and of each key's dictionary.
    pub(super) wrapped: HashMap<i64, String>,
    pub(super) dictionaries: HashMap<i64, String>,
    /// Sessions that were erased with their keys, and that are held or no longer, in their order.
    pub(super) orders: Vec<Order>,
}

pub(super) enum Order {
    Erased { session: String, keys: Vec<i64> },
    Held { session: String, reason: Option<String> },
}

/// Entries that each have a row.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) parts: i64,
    malformed: i64,
    witnesses: i64,
    accesses: i64,
    telemetry: i64,
}

impl Counts {
    /// Rows that no entry asks for.
    pub(super) fn check(&self, connection: &Connection, report: &mut Report) -> Fallible<()> {
        let Self { parts, malformed, witnesses, accesses, telemetry } = *self;
        for (table, count) in [
            ("parts", parts),
            ("malformed", malformed),
            ("witness", witnesses),
            ("accesses", accesses),
            ("telemetry", telemetry),
        ] {
            let query = format!("SELECT COUNT(*) FROM {table}");
            let there: i64 = connection.query_row(&query, [], |row| row.get(0))?;
            if there != count {
                report
                    .problem(format!("{table} has {there} rows, the log has {count} such entries"));
            }
        }
        Ok(())
    }

    fn add(&mut self, other: &Self) {
        let Self { parts, malformed, witnesses, accesses, telemetry } = other;
        for (mine, more) in [
            (&mut self.parts, parts),
            (&mut self.malformed, malformed),
            (&mut self.witnesses, witnesses),
            (&mut self.accesses, accesses),
            (&mut self.telemetry, telemetry),
        ] {
            *mine = mine.saturating_add(*more);
        }
    }
}

impl Found {
    pub(super) fn read(
        readers: &mut [Connection],
        (texts, introductions, boots): (&Texts, &Introductions, &Boots),
        progress: impl FnMut(u64, u64) + Send,
    ) -> Fallible<Self> {
        let Some(connection) = readers.first() else { return Ok(Self::default()) };
        let by_id = stretches(connection, "entries", readers.len())?;
        let all = by_id.last().map_or(0, |(_, last)| last.saturating_add(1)).unsigned_abs();
        let done = Mutex::new((0_u64, progress));
        let step = |entries: u64| {
            let (sum, progress) = &mut *done.lock().unwrap_or_else(PoisonError::into_inner);
            *sum = sum.saturating_add(entries);
            progress(*sum, all);
        };
        let found = side_by_side(readers, &by_id, |connection, &(from, to)| {
            // The first entry is 0, whatever stands there.
            let from =
                if by_id.first().is_some_and(|first| first.0 == from) { from.min(0) } else { from };
            let mut stretch =
                Stretch { connection, texts, introductions, boots, found: Self::default() };
            stretch.entries(from, to, &step)?;
            Ok(stretch.found)
        })?;
        let mut whole = Self::default();
        found.into_iter().for_each(|stretch| whole.add(stretch));
        Ok(whole)
    }

    /// Numbers that neither came nor were given up, and those that were given up.
    pub(super) fn gaps(&mut self) -> (Vec<Gap>, BTreeSet<(String, u64)>) {
        let mut given_up = BTreeSet::new();
        for (boot, number) in std::mem::take(&mut self.given_up) {
            // One that came after all was not.
            if self.numbers.add(&boot, number) {
                given_up.insert((boot, number));
            }
        }
        (self.numbers.gaps(), given_up)
    }

    fn add(&mut self, mut next: Self) {
        self.leaves.append(&mut next.leaves);
        self.counts.add(&next.counts);
        self.bytes = self.bytes.saturating_add(next.bytes);
        self.problems.append(&mut next.problems);
        self.said.orders.append(&mut next.said.orders);
        self.heard.merge(next.heard);
        self.given_up.append(&mut next.given_up);
        for (boot, [first, last]) in self.numbers.merge(next.numbers) {
            self.problems.push(format!("parts {first} to {last} of {boot} are there twice"));
        }
        for (key, session) in next.said.keys {
            let before = self.said.keys.entry(key).or_insert_with(|| session.clone());
            if *before != session {
                self.problems.push(format!("key {key} is of two sessions"));
            }
        }
        for (key, digest) in next.said.dictionaries {
            if self.said.dictionaries.insert(key, digest).is_some() {
                self.problems.push(format!("key {key} has two dictionaries"));
            }
        }
        for (key, digest) in next.said.wrapped {
            if self.said.wrapped.insert(key, digest).is_some() {
                self.problems.push(format!("key {key} was made twice"));
            }
        }
    }
}

struct Stretch<'a> {
    connection: &'a Connection,
    texts: &'a Texts,
    introductions: &'a Introductions,
    boots: &'a Boots,
    found: Found,
}

impl Stretch<'_> {
    fn entries(&mut self, from: i64, to: i64, step: &dyn Fn(u64)) -> Fallible<()> {
        let mut statement = self
            .connection
            .prepare("SELECT id, bytes FROM entries WHERE id BETWEEN ?1 AND ?2 ORDER BY id")?;
        let mut rows = statement.query([from, to])?;
        let mut parts = self.connection.prepare(
            "SELECT id, boot, seq, exchange, kind, source, at, received_at, key, frame, streams,
             introduction, ending, mac FROM parts WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
        )?;
        let mut parts = parts.query([from, to])?;
        let mut expected = from.max(0);
        let mut since = 0;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            self.missing(expected, id.saturating_sub(1));
            expected = id.saturating_add(1).max(0);
            let bytes = unpacked(row.get_ref(1)?.as_blob().unwrap_or_default());
            self.found.bytes = self.found.bytes.saturating_add(bytes.len() as u64);
            self.found.leaves.push(record_hash(&bytes));
            if id < 0 {
                self.problem(format!("entry {id} is none"));
            }
            if !self.entry(id, &bytes, &mut parts)? {
                self.problem(format!("what entry {id} speaks of was changed, or is gone"));
            }
            since += 1;
            if since == STEP {
                step(since);
                since = 0;
            }
        }
        self.missing(expected, to);
        step(since);
        Ok(())
    }

    fn missing(&mut self, first: i64, last: i64) {
        if first <= last {
            self.problem(format!("entries {first} to {last} are missing"));
        }
    }

    fn problem(&mut self, what: String) {
        self.found.problems.push(what);
    }

    fn entry(&mut self, id: i64, bytes: &[u8], parts: &mut Rows<'_>) -> Fallible<bool> {
        let counts = &mut self.found.counts;
        Ok(match Entry::read(bytes) {
            Err(_) => {
                self.problem(format!("entry {id} says nothing that is known"));
                true
            }
            Ok(Entry::Part(part)) => {
                counts.parts = counts.parts.saturating_add(1);
                self.found.heard.add(&part);
                if !self.found.numbers.add(&part.boot, part.seq) {
                    let Part { boot, seq, .. } = &*part;
                    self.problem(format!("entry {id}: part {seq} of {boot} is there twice"));
                }
                // A gateway gives up what it numbered before.
                for number in part.abandoned.iter().filter(|number| (1..part.seq).contains(*number))
                {
                    self.found.given_up.push((part.boot.clone().into_owned(), *number));
                }
                self.part(id, &part, parts)?
            }
            Ok(Entry::Malformed { received_at, log, reason, size, sum }) => {
                counts.malformed = counts.malformed.saturating_add(1);
                let query = "SELECT received_at, log_name, reason, size, bytes FROM malformed WHERE id = ?1";
                self.row(query, id, |row| {
                    Ok(row.get::<_, i64>(0)? == received_at
                        && row.get_ref(1)?.as_str() == Ok(&log)
                        && row.get_ref(2)?.as_str() == Ok(&reason)
                        && row.get::<_, i64>(3)? == size
                        && row.get_ref(4)?.as_blob().is_ok_and(|b| hex(&Sha256::digest(b)) == sum))
                })?
            }
            Ok(Entry::Witness { received_at, exchange, status, sum }) => {
                counts.witnesses = counts.witnesses.saturating_add(1);
                let query = "SELECT received_at, exchange, status, method, path, details
                             FROM witness WHERE id = ?1";
                self.row(query, id, |row| {
                    let mut digest = Sha256::new();
                    for column in 3..6 {
                        let text = row.get_ref(column)?.as_bytes().unwrap_or_default();
                        digest.update((text.len() as u64).to_be_bytes());
                        digest.update(text);
                    }
                    Ok(row.get::<_, i64>(0)? == received_at
                        && row.get::<_, Option<String>>(1)? == exchange
                        && row.get::<_, Option<u16>>(2)? == status
                        && hex(&digest.finalize()) == sum)
                })?
            }
            Ok(Entry::Erasure { session, keys, .. }) => {
                self.found.said.orders.push(Order::Erased { session, keys });
                true
            }
            Ok(Entry::Hold { session, reason, held, .. }) => {
                let reason = held.then_some(reason);
                self.found.said.orders.push(Order::Held { session, reason });
                true
            }
            Ok(Entry::Access { at, by, role, action, target }) => {
                counts.accesses = counts.accesses.saturating_add(1);
                let query = "SELECT at, by, role, action, target FROM accesses WHERE id = ?1";
                self.row(query, id, |row| {
                    let texts = [&by, &role, &action, &target];
                    let has_texts = (1..).zip(texts).all(|(column, text)| {
                        row.get_ref(column).is_ok_and(|value| value.as_str() == Ok(text))
                    });
                    Ok(has_texts && row.get::<_, i64>(0)? == at)
                })?
            }
            Ok(Entry::Telemetry { at, received_at, session, name, sum, key }) => {
                counts.telemetry = counts.telemetry.saturating_add(1);
                let made = key.as_deref();
                self.telemetry(id, [at, received_at], (&session, made), &name, &sum)?
            }
        })
    }

    /// The row of a part, against its entry. Rows and entries go along side by side.
    fn part(&mut self, id: i64, part: &Part<'_>, rows: &mut Rows<'_>) -> Fallible<bool> {
        loop {
            let is_before = match rows.get() {
                Some(row) => row.get::<_, i64>(0)? < id,
                None => true,
            };
            // A row that no entry asks for shows in the count.
            if !is_before {
                break;
            }
            if rows.next()?.is_none() {
                return Ok(false);
            }
        }
        let Some(row) = rows.get() else { return Ok(false) };
        if row.get::<_, i64>(0)? != id {
            return Ok(false);
        }
        let key: i64 = row.get(8)?;
        let frame = row.get_ref(9)?.as_blob().unwrap_or_default();
        self.found.bytes = self.found.bytes.saturating_add(frame.len() as u64);
        let streams = serde_json::from_str(row.get_ref(10)?.as_str().unwrap_or_default());
        let mut content = Sha256::new().chain_update(Sha256::digest(frame));
        let mut has_chains = streams.is_ok();
        let streams: Vec<i64> = streams.unwrap_or_default();
        for chain in streams {
            match self.texts.chain(chain).filter(|chain| chain.key == key) {
                Some(chain) => content.update(chain.sum),
                // A stream without a text.
                None if chain == 0 => content.update([0; 32]),
                None => has_chains = false,
            }
        }
        let ending = row.get_ref(12)?.as_str_or_null().unwrap_or_default();
        let introduction = self.introductions.digest(row.get(11)?);
        // Of its length alone: else a chain's digest could be passed off as a part of it.
        let name: Option<[u8; 16]> =
            row.get_ref(13)?.as_blob().ok().and_then(|b| b.try_into().ok());
        content.update(name.unwrap_or_default());
        content.update(key.to_be_bytes());
        let node = self.boots.node(&part.boot);
        let has_clear = introduction.is_some() && node.is_some();
        content.update(clear_sum(
            &introduction.unwrap_or_default(),
            ending,
            node.unwrap_or_default(),
        ));
        let texts = [&part.boot, &part.exchange, &part.kind, &part.source];
        let has_texts = [1, 3, 4, 5].into_iter().zip(texts).all(|(column, text)| {
            row.get_ref(column).is_ok_and(|value| value.as_str() == Ok(text))
        });
        let is_right = has_texts
            && has_chains
            && has_clear
            && name.is_some()
            && u64::try_from(row.get::<_, i64>(2)?) == Ok(part.seq)
            && row.get::<_, i64>(6)? == part.at
            && row.get::<_, i64>(7)? == part.received_at
            && is_hex(&content.finalize(), &part.content);
        let said = &mut self.found.said;
        let is_first = part.dictionary.as_ref().is_none_or(|digest| {
            said.dictionaries.insert(key, digest.clone().into_owned()).is_none()
        });
        // Also of a part that was changed: its key was not.
        let is_made = self.is_made(key, part.key.as_deref());
        Ok(is_right && is_first && is_made && self.is_of(key, &part.session))
    }

    fn telemetry(
        &mut self,
        id: i64,
        times: [i64; 2],
        (session, made): (&str, Option<&str>),
        name: &str,
        sum: &str,
    ) -> Fallible<bool> {
        let mut key: Option<i64> = None;
        let query = "SELECT at, received_at, name, key, sealed, session
                     FROM telemetry WHERE id = ?1";
        let is_right = self.row(query, id, |row| {
            let of: i64 = row.get(3)?;
            key = Some(of);
            let sealed = row.get_ref(4)?.as_blob().unwrap_or_default();
            Ok([row.get::<_, i64>(0)?, row.get(1)?] == times
                && row.get_ref(2)?.as_str() == Ok(name)
                && row.get_ref(5)?.as_str() == Ok(session)
                && is_hex(
                    &Sha256::new_with_prefix(of.to_be_bytes()).chain_update(sealed).finalize(),
                    sum,
                ))
        })?;
        let is_made = key.is_none_or(|key| self.is_made(key, made));
        Ok(is_right && is_made && key.is_some_and(|key| self.is_of(key, session)))
    }

    /// Whether a key that is said to be made here was made nowhere else.
    fn is_made(&mut self, key: i64, digest: Option<&str>) -> bool {
        let wrapped = &mut self.found.said.wrapped;
        digest.is_none_or(|digest| wrapped.insert(key, digest.to_owned()).is_none())
    }

    /// Whether a key is no other session's.
    fn is_of(&mut self, key: i64, session: &str) -> bool {
        match self.found.said.keys.get(&key) {
            Some(of) => of == session,
            None => self.found.said.keys.insert(key, session.to_owned()).is_none(),
        }
    }

    /// One row by its entry's index; false when it is not there or not right.
    fn row(
        &self,
        query: &str,
        id: i64,
        is_right: impl FnOnce(&Row<'_>) -> Fallible<bool>,
    ) -> Fallible<bool> {
        let mut statement = self.connection.prepare_cached(query)?;
        Ok(statement.query_row([id], is_right).optional()?.unwrap_or(false))
    }
}

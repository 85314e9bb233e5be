//! A whole ledger, from its first entry to its last.

use crate::checkpoint::{Kept, PublicKey, Said};
use crate::content::chain_sum;
use crate::entry::{Entry, Part, hex, is_hex};
use crate::merkle::{Merkle, WIDTH, tiles};
use crate::numbers::Numbers;
use crate::{Report, VerifyError};
use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, Rows};
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::thread;
use tlog_tiles::{Hash, record_hash};

type Sum = [u8; 32];

/// Looks at every byte of a ledger. `key`: the public key, from `checkpoint.pub` or, better, from
/// where the auditor keeps it. `progress` is told how many entries were read, of how many.
///
/// # Errors
/// When nothing can be said. What was changed is in the report.
pub fn verify(
    folder: &Path,
    key: &str,
    kept: Option<&Kept>,
    mut progress: impl FnMut(u64, u64),
) -> Result<Report, VerifyError> {
    let key = PublicKey::new(key)?;
    let kept =
        kept.map(|kept| key.read(&kept.0).map_err(|why| VerifyError::Kept { why })).transpose()?;
    let path = folder.join("hansard.db");
    if !path.is_file() {
        return Err(VerifyError::Absent { path: folder.to_owned() });
    }
    let failed = |source| VerifyError::Database { path: path.clone(), source };
    let connection = moment(&path).map_err(failed)?;
    let mut look = Look { connection: &connection, report: Report::default() };
    // The file's own order takes as long as everything that stands in it: side by side.
    thread::scope(|scope| {
        let pages = scope.spawn(|| moment(&path).and_then(|connection| pages(&connection)));
        look.entries(&key, kept.as_ref(), &mut progress);
        look.report.pages(pages.join().unwrap_or(Err(rusqlite::Error::UnwindingPanic)));
    });
    Ok(look.report)
}

/// One moment of the ledger, while the sink goes on.
fn moment(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    // In KiB: each page is read once.
    connection.pragma_update(None, "cache_size", -65_536)?;
    connection.execute_batch("BEGIN")?;
    Ok(connection)
}

/// The file as SQLite sees it: pages, cells, indexes against their tables. What is wrong with it.
fn pages(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut check = connection.prepare("PRAGMA integrity_check(20)")?;
    let lines = check.query_map([], |row| row.get(0))?;
    Ok(lines.collect::<Result<Vec<String>, _>>()?.into_iter().filter(|line| line != "ok").collect())
}

impl Report {
    fn pages(&mut self, said: rusqlite::Result<Vec<String>>) {
        match said {
            Ok(lines) => {
                lines
                    .into_iter()
                    .for_each(|line| self.problem(format!("the database file: {line}")));
            }
            Err(error) => self.problem(format!("the database file cannot be read: {error}")),
        }
    }
}

impl Look<'_> {
    fn entries(
        &mut self,
        key: &PublicKey,
        kept: Option<&Said>,
        progress: &mut impl FnMut(u64, u64),
    ) {
        let steps: [(&str, Step<'_>); 3] = [
            ("blocks and chains", Box::new(|look| look.content())),
            ("the log", Box::new(|look| look.log(key, kept, progress))),
            ("keys and holds", Box::new(|look| look.keys())),
        ];
        let mut shared = Shared::default();
        for (what, mut step) in steps {
            self.with(&mut shared, what, &mut step);
        }
    }
}

type Step<'a> = Box<dyn FnMut(&mut Stage<'_, '_>) -> rusqlite::Result<()> + 'a>;

struct Look<'c> {
    connection: &'c Connection,
    report: Report,
}

/// What one step learns and the next needs.
#[derive(Default)]
struct Shared {
    blocks: HashMap<i64, (i64, Sum)>,
    chains: HashMap<i64, (i64, i64, Sum)>,
    /// Sessions that an entry says were erased, and those under hold with the reason.
    erased: BTreeSet<String>,
    destroyed: BTreeSet<i64>,
    held: HashMap<String, String>,
    used_keys: HashMap<i64, String>,
}

/// Entries that each have a row.
#[derive(Default)]
struct Counts {
    parts: i64,
    malformed: i64,
    witnesses: i64,
    accesses: i64,
    telemetry: i64,
}

impl Counts {
    fn by_table(&self) -> [(&'static str, i64); 5] {
        let Self { parts, malformed, witnesses, accesses, telemetry } = *self;
        [
            ("parts", parts),
            ("malformed", malformed),
            ("witness", witnesses),
            ("accesses", accesses),
            ("telemetry", telemetry),
        ]
    }
}

struct Stage<'s, 'c> {
    connection: &'c Connection,
    report: &'s mut Report,
    shared: &'s mut Shared,
}

impl Look<'_> {
    fn with(&mut self, shared: &mut Shared, what: &str, step: &mut Step<'_>) {
        let mut stage = Stage { connection: self.connection, report: &mut self.report, shared };
        if let Err(error) = step(&mut stage) {
            self.report.problem(format!("{what} cannot be read: {error}"));
        }
    }
}

impl Stage<'_, '_> {
    /// Every sealed block, and the chains over them.
    fn content(&mut self) -> rusqlite::Result<()> {
        let mut statement =
            self.connection.prepare("SELECT id, key, sum, sealed FROM blocks ORDER BY id")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (id, key): (i64, i64) = (row.get(0)?, row.get(1)?);
            let sealed = row.get_ref(3)?.as_blob().unwrap_or_default();
            let sum: Sum = Sha256::digest(sealed).into();
            self.report.bytes = self.report.bytes.saturating_add(sealed.len() as u64);
            if row.get_ref(2)?.as_blob() != Ok(&sum) {
                self.report.problem(format!("block {id} was changed"));
            }
            self.shared.blocks.insert(id, (key, sum));
        }
        let mut statement = self.connection.prepare(
            "SELECT chains.id, parent, block, chains.sum, chains.name, blocks.name, bytes
             FROM chains LEFT JOIN blocks ON blocks.id = block ORDER BY chains.id",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (id, parent, block): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            // A chain is made after its parent: ids only grow.
            let before = if parent == 0 {
                Some(([0; 32], None))
            } else {
                self.shared.chains.get(&parent).map(|(key, _, sum)| (*sum, Some(*key)))
            };
            let (Some((before, chain_key)), Some((key, block_sum))) =
                (before, self.shared.blocks.get(&block))
            else {
                self.report.problem(format!("chain {id} goes on from what is not there"));
                continue;
            };
            let mut names = row.get_ref(4)?.as_blob().unwrap_or_default().to_vec();
            names.extend_from_slice(row.get_ref(5)?.as_blob().unwrap_or_default());
            let bytes = u64::try_from(row.get::<_, i64>(6)?).unwrap_or_default();
            let sum = chain_sum(&before, block_sum, &names, bytes);
            let is_one_key = chain_key.is_none_or(|chain_key| chain_key == *key);
            let is_named = row.get_ref(4)?.as_blob().is_ok_and(|name| name.len() == 16);
            if row.get_ref(3)?.as_blob() != Ok(&sum) || !is_one_key || !is_named {
                self.report.problem(format!("chain {id} was changed"));
            }
            self.shared.chains.insert(id, (*key, parent, sum));
        }
        Ok(())
    }

    /// Every entry, against what it speaks of; the tree over them, against what was signed.
    fn log(
        &mut self,
        key: &PublicKey,
        kept: Option<&Said>,
        progress: &mut impl FnMut(u64, u64),
    ) -> rusqlite::Result<()> {
        let all: i64 =
            self.connection.query_row("SELECT COUNT(*) FROM entries", [], |row| row.get(0))?;
        let mut checkpoints = self.checkpoints(key)?;
        checkpoints.reverse();
        let mut tree = Merkle::default();
        let mut leaves = Vec::new();
        let mut numbers = Numbers::default();
        let mut counts = Counts::default();
        let mut statement = self.connection.prepare("SELECT id, bytes FROM entries ORDER BY id")?;
        let mut rows = statement.query([])?;
        let mut parts = self.connection.prepare(
            "SELECT id, boot, seq, exchange, kind, source, at, received_at, key, frame, streams
             FROM parts ORDER BY id",
        )?;
        let mut parts = parts.query([])?;
        let mut expected: i64 = 0;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            if id != expected {
                let last = id.saturating_sub(1);
                self.report.problem(format!("entries {expected} to {last} are missing"));
            }
            expected = id.saturating_add(1);
            let bytes = row.get_ref(1)?.as_blob().unwrap_or_default();
            self.report.bytes = self.report.bytes.saturating_add(bytes.len() as u64);
            let leaf = record_hash(bytes);
            tree.push(leaf);
            leaves.push(leaf);
            self.entry(id, bytes, &mut numbers, &mut counts, &mut parts)?;
            while let Some((said, at)) = checkpoints.pop_if(|(said, _)| said.size <= tree.size()) {
                self.signed(&tree, &said, &format!("the checkpoint of entry {at}"));
            }
            if let Some(said) = kept.filter(|said| said.size == tree.size()) {
                self.kept(&tree, said);
            }
            if tree.size() % 4096 == 0 {
                progress(tree.size(), all as u64);
            }
        }
        for (said, _) in checkpoints {
            let (signed, there) = (said.size, tree.size());
            self.report
                .problem(format!("a checkpoint speaks of {signed} entries, {there} are here"));
        }
        if let Some(said) = kept.filter(|said| said.size > tree.size()) {
            let (signed, there) = (said.size, tree.size());
            self.report.problem(format!(
                "the checkpoint that was kept speaks of {signed} entries, {there} are here: the log \
                 was cut"
            ));
        }
        self.tiles(&leaves)?;
        for (table, count) in counts.by_table() {
            let query = format!("SELECT COUNT(*) FROM {table}");
            let there: i64 = self.connection.query_row(&query, [], |row| row.get(0))?;
            if there != count {
                self.report
                    .problem(format!("{table} has {there} rows, the log has {count} such entries"));
            }
        }
        self.report.entries = tree.size();
        self.report.root = tree.root().to_string();
        self.report.gaps = numbers.gaps();
        Ok(())
    }

    /// The signed checkpoints, each with the entry that it ends with, the smallest first.
    fn checkpoints(&mut self, key: &PublicKey) -> rusqlite::Result<Vec<(Said, i64)>> {
        let mut statement =
            self.connection.prepare("SELECT size, root, note FROM checkpoints ORDER BY size")?;
        let mut rows = statement.query([])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            let size: i64 = row.get(0)?;
            match key.read(row.get_ref(2)?.as_blob().unwrap_or_default()) {
                Ok(said) => {
                    let is_same = u64::try_from(size) == Ok(said.size)
                        && row.get_ref(1)?.as_blob() == Ok(said.root.0.as_slice());
                    if !is_same {
                        self.report.problem(format!("the checkpoint of size {size} was changed"));
                    }
                    all.push((said, size.saturating_sub(1)));
                }
                Err(why) => {
                    self.report.problem(format!("the checkpoint of size {size}: {why}"));
                }
            }
        }
        let entries: i64 =
            self.connection.query_row("SELECT COUNT(*) FROM entries", [], |row| row.get(0))?;
        if entries > 0 && all.last().is_none_or(|(_, last)| last.saturating_add(1) < entries) {
            self.report.problem("no checkpoint covers the last entries".to_owned());
        }
        Ok(all)
    }

    fn signed(&mut self, tree: &Merkle, said: &Said, name: &str) {
        if said.size == tree.size() && said.root == tree.root() {
            self.report.checkpoints = self.report.checkpoints.saturating_add(1);
        } else {
            self.report.problem(format!("{name} is of other entries: the log was changed"));
        }
    }

    fn kept(&mut self, tree: &Merkle, said: &Said) {
        if said.root != tree.root() {
            self.report.problem(format!(
                "the checkpoint that was kept, of {} entries, is of another log: this one was forked \
                 or rewritten",
                said.size
            ));
        }
    }

    fn entry(
        &mut self,
        id: i64,
        bytes: &[u8],
        numbers: &mut Numbers,
        counts: &mut Counts,
        parts: &mut Rows<'_>,
    ) -> rusqlite::Result<()> {
        let is_right = match Entry::read(bytes) {
            Err(_) => {
                self.report.problem(format!("entry {id} says nothing that is known"));
                return Ok(());
            }
            Ok(Entry::Part(part)) => {
                counts.parts = counts.parts.saturating_add(1);
                self.report.parts = self.report.parts.saturating_add(1);
                if !numbers.add(&part.boot, part.seq) {
                    let Part { boot, seq, .. } = &*part;
                    self.report.problem(format!("entry {id}: part {seq} of {boot} is there twice"));
                }
                for number in &part.abandoned {
                    numbers.add(&part.boot, *number);
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
                self.shared.erased.insert(session);
                self.shared.destroyed.extend(keys);
                true
            }
            Ok(Entry::Hold { session, reason, held, .. }) => {
                if held {
                    self.shared.held.insert(session, reason);
                } else {
                    self.shared.held.remove(&session);
                }
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
            Ok(Entry::Telemetry { at, received_at, session, name, sum }) => {
                counts.telemetry = counts.telemetry.saturating_add(1);
                self.telemetry(id, [at, received_at], &session, &name, &sum)?
            }
        };
        if !is_right {
            self.report.problem(format!("what entry {id} speaks of was changed, or is gone"));
        }
        Ok(())
    }

    /// The row of a part, against its entry. Rows and entries go along side by side.
    fn part(&mut self, id: i64, part: &Part<'_>, rows: &mut Rows<'_>) -> rusqlite::Result<bool> {
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
        let shared = &*self.shared;
        let key = row.get(8)?;
        let streams: Vec<i64> =
            serde_json::from_str(row.get_ref(10)?.as_str().unwrap_or_default()).unwrap_or_default();
        let frame = shared.blocks.get(&row.get(9)?);
        let chains = streams.iter().map(|chain| shared.chains.get(chain));
        let texts = [&part.boot, &part.exchange, &part.kind, &part.source];
        let has_texts = [1, 3, 4, 5].into_iter().zip(texts).all(|(column, text)| {
            row.get_ref(column).is_ok_and(|value| value.as_str() == Ok(text))
        });
        let is_right = has_texts
            && u64::try_from(row.get::<_, i64>(2)?) == Ok(part.seq)
            && row.get::<_, i64>(6)? == part.at
            && row.get::<_, i64>(7)? == part.received_at
            && frame.is_some_and(|(of, sum)| *of == key && is_hex(sum, &part.frame))
            && streams.len() == part.streams.len()
            && chains.zip(&part.streams).all(|(chain, sum)| {
                chain.is_some_and(|(of, _, found)| *of == key && is_hex(found, sum))
            });
        let used = self.shared.used_keys.entry(key);
        let session = used.or_insert_with(|| part.session.clone().into_owned());
        Ok(is_right && *session == part.session)
    }

    fn telemetry(
        &mut self,
        id: i64,
        times: [i64; 2],
        session: &str,
        name: &str,
        sum: &str,
    ) -> rusqlite::Result<bool> {
        let mut key = 0;
        let blocks = &self.shared.blocks;
        let query = "SELECT at, received_at, name, key, block FROM telemetry WHERE id = ?1";
        let is_right = self.row(query, id, |row| {
            key = row.get(3)?;
            let block = blocks.get(&row.get(4)?);
            Ok([row.get::<_, i64>(0)?, row.get(1)?] == times
                && row.get_ref(2)?.as_str() == Ok(name)
                && block.is_some_and(|(of, found)| *of == key && hex(found) == sum))
        })?;
        let used = self.shared.used_keys.entry(key).or_insert_with(|| session.to_owned());
        Ok(is_right && used == session)
    }

    /// One row by its entry's index; false when it is not there or not right.
    fn row(
        &self,
        query: &str,
        id: i64,
        is_right: impl FnOnce(&Row<'_>) -> rusqlite::Result<bool>,
    ) -> rusqlite::Result<bool> {
        let mut statement = self.connection.prepare_cached(query)?;
        Ok(statement.query_row([id], is_right).optional()?.unwrap_or(false))
    }

    fn tiles(&mut self, leaves: &[Hash]) -> rusqlite::Result<()> {
        let mut expected = 0_i64;
        let mut wrong = Vec::new();
        let mut statement =
            self.connection.prepare("SELECT hashes FROM tiles WHERE level = ?1 AND number = ?2")?;
        let mut failed = None;
        tiles(0, leaves, &mut |level, number, hashes| {
            // What is not full is not stored: it follows from the entries.
            if hashes.len() < WIDTH {
                return;
            }
            expected = expected.saturating_add(1);
            let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
            let stored = statement
                .query_row([i64::from(level), number as i64], |row| row.get::<_, Vec<u8>>(0))
                .optional();
            match stored {
                Ok(stored) if stored.as_deref() == Some(&bytes) => {}
                Ok(_) => wrong.push((level, number)),
                Err(error) => failed = Some(error),
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        for (level, number) in wrong {
            self.report.problem(format!("tile {number} of level {level} was changed, or is gone"));
        }
        let there: i64 =
            self.connection.query_row("SELECT COUNT(*) FROM tiles", [], |row| row.get(0))?;
        if there > expected {
            let more = there.saturating_sub(expected);
            self.report.problem(format!("{more} tiles are there that no entry asks for"));
        }
        Ok(())
    }

    /// Keys that are gone, and sessions that are held: each with an entry that says so.
    fn keys(&mut self) -> rusqlite::Result<()> {
        let mut statement =
            self.connection.prepare("SELECT id, session, wrapped IS NULL FROM keys")?;
        let mut rows = statement.query([])?;
        let mut gone = BTreeSet::new();
        while let Some(row) = rows.next()? {
            let (id, session, is_gone): (i64, String, bool) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            if self.shared.used_keys.remove(&id).is_some_and(|used| used != session) {
                self.report.problem(format!("key {id} is of another session than its parts"));
            }
            if is_gone {
                gone.insert(id);
            }
        }
        for id in self.shared.used_keys.keys() {
            self.report.problem(format!("key {id} is not there: what it sealed cannot be read"));
        }
        for id in gone.difference(&self.shared.destroyed) {
            self.report.problem(format!("key {id} was destroyed, and no entry says so"));
        }
        for id in self.shared.destroyed.difference(&gone) {
            self.report.problem(format!("key {id} is there, which an entry says was destroyed"));
        }
        self.report.erased = self.shared.erased.len() as u64;
        let mut statement = self.connection.prepare("SELECT session, reason FROM holds")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let held: HashMap<String, String> = rows.collect::<Result<_, _>>()?;
        if held != self.shared.held {
            self.report.problem("the sessions on hold are not those of the log".to_owned());
        }
        Ok(())
    }
}

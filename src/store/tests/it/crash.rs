//! A crash of the ledger itself at any moment: what has a receipt is there, and the log verifies. What
//! the intake holds beside it is tried in `intake.rs`.
//!
//! SQLite in WAL mode writes commits behind each other into the journal and syncs it before a commit
//! returns; later it copies pages from the journal into the database, in any order. So the states
//! that a crash can leave are: the journal cut anywhere behind what was synced, with anything in
//! place of what was not; and, while pages are copied, any mix of old and new pages under a whole
//! journal.

use crate::parts::{incoming, opened};
use hansard_store::{Reader, Writer, beside};
use rusqlite::Connection;
use std::fs;
use std::path::Path;
use std::sync::mpsc;

const PAGE: usize = 4096;

/// What was on disk when the n-th part was acknowledged.
struct Trace {
    folder: tempfile::TempDir,
    before: Vec<u8>,
    journal: Vec<u8>,
    acknowledged: Vec<usize>,
}

fn trace(parts: u8) -> Trace {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    // The tables are in the database itself before the trace begins.
    Writer::start(&data).unwrap().close();
    let writer = Writer::start(&data).unwrap();
    let journal = data.join("hansard.db-wal");
    let mut acknowledged = Vec::new();
    let before = fs::read(data.join("hansard.db")).unwrap();
    for n in 1..=parts {
        let (done, answer) = mpsc::channel();
        let part = vec![incoming(&opened(n, "alice", Some("one")))];
        writer.handle().append(part, move |result| done.send(result).unwrap()).unwrap();
        answer.recv().unwrap().unwrap();
        acknowledged.push(fs::metadata(&journal).unwrap().len() as usize);
    }
    let journal = fs::read(&journal).unwrap();
    assert_eq!(fs::read(data.join("hansard.db")).unwrap(), before, "nothing was copied meanwhile");
    Trace { folder, before, journal, acknowledged }
}

impl Trace {
    /// Opens what a crash left: so many parts are there, and everything verifies.
    fn parts_after(&self, database: &[u8], journal: &[u8]) -> usize {
        let crashed = tempfile::tempdir().unwrap();
        fs::write(crashed.path().join("hansard.db"), database).unwrap();
        fs::write(crashed.path().join("hansard.db-wal"), journal).unwrap();
        let keys = beside(&self.folder.path().join("data"));
        let reader = Reader::open_with(crashed.path(), &keys).unwrap();
        let there = reader.status(i64::MAX / 2, 0).unwrap();
        assert_eq!(there.missing, 0, "they were acknowledged one after the other");
        for session in reader.sessions(9).unwrap() {
            for exchange in reader.exchanges(&session.id).unwrap() {
                reader.parts(&exchange.id).unwrap();
            }
        }
        drop(reader);
        let key = fs::read_to_string(keys.join("checkpoint.pub")).unwrap();
        let report = hansard_verify::verify(crashed.path(), &key, None, |_, _| {}).unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
        assert_eq!(report.parts, there.parts as u64);
        there.parts as usize
    }

    fn acknowledged_at(&self, length: usize) -> usize {
        self.acknowledged.iter().filter(|synced| **synced <= length).count()
    }
}

#[test]
fn a_journal_that_is_cut_anywhere_holds_all_that_was_acknowledged() {
    let trace = trace(12);
    let mut cuts: Vec<usize> = (0..trace.journal.len()).step_by(1531).collect();
    cuts.extend(&trace.acknowledged);
    for cut in cuts {
        let least = trace.acknowledged_at(cut);
        let there = trace.parts_after(&trace.before, &trace.journal[..cut]);
        assert!(there >= least, "cut at {cut}: {there} of {least}");
    }
}

#[test]
fn anything_in_place_of_what_was_not_synced_changes_nothing_that_was() {
    let trace = trace(8);
    for (at, synced) in trace.acknowledged.iter().enumerate() {
        for filler in [0_u8, 0xff, 0x5a] {
            let mut journal = trace.journal.clone();
            journal[*synced..].fill(filler);
            assert_eq!(trace.parts_after(&trace.before, &journal), at + 1);
            // Written in another order: what comes last is there, what comes before is not.
            let mut journal = trace.journal.clone();
            let end = journal.len();
            journal[*synced..(*synced + PAGE).min(end)].fill(filler);
            assert!(trace.parts_after(&trace.before, &journal) > at);
        }
    }
}

#[test]
fn pages_that_were_copied_in_any_order_are_made_whole_by_the_journal() {
    let trace = trace(20);
    let after = copied(&trace);
    for mix in 0..40_usize {
        let mut database = after.clone();
        for (number, page) in database.chunks_mut(PAGE).enumerate() {
            let old = trace.before.get(number * PAGE..(number + 1) * PAGE);
            // A page that was never written before is a hole; a torn one is half of each.
            match (number * 7 + mix * 13) % 4 {
                0 => page.copy_from_slice(old.unwrap_or(&[0; PAGE])),
                1 => page[..PAGE / 2].copy_from_slice(&old.unwrap_or(&[0; PAGE])[..PAGE / 2]),
                _ => {}
            }
        }
        // The first page says what the file is; SQLite reads it before the journal.
        database[..PAGE].copy_from_slice(&trace.before[..PAGE]);
        assert_eq!(trace.parts_after(&database, &trace.journal), 20, "mix {mix}");
    }
}

/// The database once all pages were copied.
fn copied(trace: &Trace) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hansard.db");
    fs::write(&path, &trace.before).unwrap();
    fs::write(folder.path().join("hansard.db-wal"), &trace.journal).unwrap();
    checkpoint(&path);
    fs::read(path).unwrap()
}

fn checkpoint(path: &Path) {
    let connection = Connection::open(path).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
}

//! Parts that are acknowledged before the ledger has them: nothing of them is ever lost, and nothing
//! is stored twice.

use crate::folded::{arrived, folded, turn};
use crate::parts::{closed, exchange_id, incoming, opened, progress};
use hansard_store::{
    Accepted, AppendError, Custodian, Incoming, Order, Reader, Receipt, StoreError, Writer,
    WriterHandle, beside,
};
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

fn accept(writer: &WriterHandle, batch: Vec<Incoming>) -> Result<Accepted, AppendError> {
    let (done, answer) = mpsc::channel();
    writer.accept(batch, move |result| done.send(result).unwrap()).unwrap();
    answer.recv().unwrap()
}

const DUPLICATE: Receipt =
    Receipt { parts: 0, duplicates: 1, conflicts: 0, malformed: 0, witnesses: 0, telemetry: 0 };

/// A ledger that cannot be written until it is released: what is accepted stays in the intake.
struct Held {
    folder: tempfile::TempDir,
    writer: Writer,
    lock: Connection,
}

impl Held {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let writer = Writer::start(&data).unwrap();
        let lock = Connection::open(data.join("hansard.db")).unwrap();
        lock.execute_batch("BEGIN IMMEDIATE").unwrap();
        Self { folder, writer, lock }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The data as a crash leaves it, beside its keys.
    fn crashed(&self) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        copy_files(&self.data(), &data);
        fs::create_dir(beside(&data)).unwrap();
        copy_files(&beside(&self.data()), &beside(&data));
        (folder, data)
    }

    fn release(self) -> (tempfile::TempDir, PathBuf) {
        self.lock.execute_batch("COMMIT").unwrap();
        self.writer.close();
        let data = self.folder.path().join("data");
        (self.folder, data)
    }
}

fn copy_files(from: &Path, to: &Path) {
    for file in fs::read_dir(from).unwrap().flatten() {
        // Shared memory is made anew by who opens the database.
        if !file.file_name().to_string_lossy().ends_with("-shm") {
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
}

/// Parts in the ledger, which verifies.
fn parts(data: &Path) -> i64 {
    let status = Reader::open(data).unwrap().status(i64::MAX / 2, 0).unwrap();
    let key = fs::read_to_string(beside(data).join("checkpoint.pub")).unwrap();
    let report = hansard_verify::verify(data, &key, None, |_, _| {}).unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!(report.parts, status.parts as u64);
    status.parts
}

#[test]
fn what_was_acknowledged_and_not_stored_is_stored_at_the_next_start() {
    let held = Held::new();
    for n in 1..=5 {
        let part = incoming(&opened(n, "alice", Some("one")));
        assert_eq!(accept(&held.writer.handle(), vec![part]).unwrap(), Accepted::Kept);
    }
    let (_folder, data) = held.crashed();
    assert_eq!(parts(&data), 0, "the ledger itself was held");
    let status = Reader::open(&data).unwrap().status(i64::MAX / 2, 0).unwrap();
    assert!(status.is_behind && !status.is_complete());
    let key = fs::read_to_string(beside(&data).join("checkpoint.pub")).unwrap();
    let report = hansard_verify::verify(&data, &key, None, |_, _| {}).unwrap();
    assert!(report.is_intact() && !report.is_complete());
    assert_eq!(report.waiting, 5);
    Writer::start(&data).unwrap().close();
    assert_eq!(parts(&data), 5);
    let json = Reader::open(&data).unwrap().parts(&exchange_id(3).to_string()).unwrap();
    assert_eq!(json[0].json, opened(3, "alice", Some("one")));
    // The writer that lived stores each once as well, and so does a start after it.
    let (_folder, data) = held.release();
    assert_eq!(parts(&data), 5);
    Writer::start(&data).unwrap().close();
    assert_eq!(parts(&data), 5);
}

#[test]
fn an_intake_that_is_cut_or_torn_anywhere_holds_all_that_was_acknowledged_before() {
    let held = Held::new();
    let intake = held.data().join("intake.0");
    let mut ends = Vec::new();
    for n in 1..=4 {
        let part = incoming(&opened(n, "alice", Some("one")));
        accept(&held.writer.handle(), vec![part]).unwrap();
        // A frame fills whole pages; the file is longer than what is in it.
        ends.push(4096 * (1 + usize::from(n)));
    }
    let whole = fs::read(intake).unwrap();
    assert!(whole[ends[3]..].iter().all(|byte| *byte == 0), "nothing behind the last");
    for (n, end) in ends.iter().enumerate() {
        for (mix, (from, filler)) in
            [(*end, 0), (*end, 0xff), (*end + 100, 0), (*end - 4000, 0x5a)].into_iter().enumerate()
        {
            let (_folder, data) = held.crashed();
            let mut torn = whole.clone();
            torn[from..].fill(filler);
            fs::write(data.join("intake.0"), torn).unwrap();
            Writer::start(&data).unwrap().close();
            // The last mix tears a frame that was acknowledged: a disk that lies.
            let least = if from < *end { n } else { n + 1 };
            assert_eq!(parts(&data), least as i64, "{n}, mix {mix}");
        }
    }
}

#[test]
fn what_the_ledger_has_already_is_not_stored_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let writer = Writer::start(&data).unwrap();
    for n in 1..=3 {
        let part = incoming(&opened(n, "alice", None));
        assert_eq!(accept(&writer.handle(), vec![part]).unwrap(), Accepted::Kept);
    }
    // A number that came before needs the ledger's own answer.
    let again = accept(&writer.handle(), vec![incoming(&opened(2, "alice", None))]).unwrap();
    assert_eq!(again, Accepted::Stored(DUPLICATE));
    let other = accept(&writer.handle(), vec![incoming(&opened(2, "mallory", None))]).unwrap();
    assert!(matches!(other, Accepted::Stored(Receipt { conflicts: 1, .. })));
    writer.close();
    // As if the ledger had not said how far it came.
    let database = Connection::open(data.join("hansard.db")).unwrap();
    database.execute_batch("UPDATE intake SET offset = 0").unwrap();
    drop(database);
    let writer = Writer::start(&data).unwrap();
    assert_eq!(writer.handle().stats().stored.duplicates, 3);
    let again = accept(&writer.handle(), vec![incoming(&opened(3, "alice", None))]).unwrap();
    assert_eq!(again, Accepted::Stored(DUPLICATE), "it knows the numbers of the run before");
    writer.close();
    assert_eq!(parts(&data), 3);
}

#[test]
fn whoever_reads_sees_all_that_was_acknowledged_before() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let writer = Writer::start(&data).unwrap();
    for n in 1..=30 {
        let batch = vec![incoming(&opened(n, "alice", Some("one")))];
        assert_eq!(accept(&writer.handle(), batch).unwrap(), Accepted::Kept);
        let reader = Reader::open(&data).unwrap();
        assert_eq!(reader.status(i64::MAX / 2, 0).unwrap().parts, i64::from(n));
    }
}

#[test]
fn a_part_that_leaves_something_out_is_acknowledged_at_once_only_when_it_is_certainly_there() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let writer = Writer::start(&data).unwrap();
    let send = |writer: &Writer, item| accept(&writer.handle(), vec![item]);
    assert_eq!(send(&writer, incoming(&turn(1, "s", 2))).unwrap(), Accepted::Kept);
    let second = turn(2, "s", 4);
    assert_eq!(send(&writer, arrived(&folded(&second, 1))).unwrap(), Accepted::Kept);
    // Of another session nothing is known, and nothing is there.
    let unknown = send(&writer, arrived(&folded(&turn(3, "other", 4), 1)));
    assert!(is_unknown(&unknown), "{unknown:?}");
    writer.close();
    // The next run has to ask the ledger once.
    let writer = Writer::start(&data).unwrap();
    let third = send(&writer, arrived(&folded(&turn(4, "s", 6), 1))).unwrap();
    assert!(matches!(third, Accepted::Stored(Receipt { parts: 1, .. })), "{third:?}");
    assert_eq!(send(&writer, arrived(&folded(&turn(5, "s", 8), 5))).unwrap(), Accepted::Kept);
    writer.close();
    assert_eq!(parts(&data), 4);
    let reader = Reader::open(&data).unwrap();
    assert_eq!(reader.parts(&exchange_id(2).to_string()).unwrap()[0].json, second);
}

#[test]
fn an_erasure_finds_everything_stored_and_leaves_nothing_readable_in_the_intake() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let writer = Writer::start(&data).unwrap();
    accept(&writer.handle(), vec![incoming(&turn(1, "s", 2))]).unwrap();
    let session = Reader::open(&data).unwrap().sessions(1).unwrap()[0].id.clone();
    assert_eq!(accept(&writer.handle(), vec![incoming(&turn(2, "s", 3))]).unwrap(), Accepted::Kept);
    let order = Order { reason: "asked for", by: "alice", at: 9_000 };
    assert_eq!(Custodian::open(&data, None).unwrap().erase(&session, order).unwrap(), 1);
    for file in ["intake.0", "intake.1"] {
        let header = fs::read(data.join(file)).unwrap();
        assert!(header.iter().take(4096).all(|byte| *byte == 0), "{file} has a key");
    }
    // What built on it is refused before it is acknowledged; what stands alone is taken.
    let unknown = accept(&writer.handle(), vec![arrived(&folded(&turn(3, "s", 4), 1))]);
    assert!(is_unknown(&unknown), "{unknown:?}");
    let whole = vec![incoming(&turn(4, "s", 4))];
    assert_eq!(accept(&writer.handle(), whole).unwrap(), Accepted::Kept);
    writer.close();
    let reader = Reader::open(&data).unwrap();
    assert!(matches!(reader.parts(&exchange_id(2).to_string()), Err(StoreError::Erased { .. })));
    assert_eq!(reader.parts(&exchange_id(4).to_string()).unwrap().len(), 1);
    assert_eq!(parts(&data), 3);
}

/// Nothing that runs leads there; a hand from outside does.
#[test]
fn an_acknowledged_part_whose_beginning_is_gone_is_kept_for_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let writer = Writer::start(&data).unwrap();
    accept(&writer.handle(), vec![incoming(&turn(1, "s", 2))]).unwrap();
    assert_eq!(Reader::open(&data).unwrap().status(i64::MAX / 2, 0).unwrap().parts, 1);
    let database = Connection::open(data.join("hansard.db")).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    let second = vec![arrived(&folded(&turn(2, "s", 4), 1))];
    assert_eq!(accept(&writer.handle(), second).unwrap(), Accepted::Kept);
    database.execute_batch("DELETE FROM chains; COMMIT").unwrap();
    writer.close();
    let (reason, size): (String, i64) = database
        .query_row("SELECT reason, size FROM malformed", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert_eq!(reason, "what the part builds on is not in its session");
    assert!(size > 300, "with what came of it");
    assert_eq!(Reader::open(&data).unwrap().status(i64::MAX / 2, 0).unwrap().parts, 1);
}

#[test]
fn batches_with_anything_but_parts_wait_for_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let writer = Writer::start(&data).unwrap();
    let defect = Incoming::malformed(hansard_store::Defect::NoRecord, b"x", 5_000, "hansard");
    let mixed = vec![incoming(&opened(1, "alice", None)), defect];
    let stored = accept(&writer.handle(), mixed).unwrap();
    assert!(matches!(stored, Accepted::Stored(Receipt { parts: 1, malformed: 1, .. })));
    let several = vec![incoming(&progress(1, 2)), incoming(&closed(1, 3, "complete"))];
    assert_eq!(accept(&writer.handle(), several).unwrap(), Accepted::Kept);
    writer.close();
    assert_eq!(parts(&data), 3);
}

#[test]
fn files_take_turns_and_nothing_is_lost_between_them() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let writer = Writer::start(&data).unwrap();
    // More than three generations of 8 MB.
    let text = "x".repeat(1_700_000);
    for n in 1..=17_u8 {
        let part = String::from_utf8(opened(n, "alice", None)).unwrap().replace("claude-b", &text);
        assert_eq!(
            accept(&writer.handle(), vec![incoming(part.as_bytes())]).unwrap(),
            Accepted::Kept
        );
    }
    let sizes = ["intake.0", "intake.1"].map(|file| fs::metadata(data.join(file)).unwrap().len());
    writer.close();
    assert_eq!(parts(&data), 17);
    assert!(sizes.iter().all(|size| (1 << 20..64 << 20).contains(size)), "{sizes:?}");
}

fn is_unknown(result: &Result<Accepted, AppendError>) -> bool {
    matches!(result, Err(AppendError::Failed(cause)) if matches!(**cause, StoreError::Unknown))
}

//! The ledger from outside: what is acknowledged, what is stored, what is read back.

use crate::parts::{closed, exchange_id, incoming, opened, part, progress, refused};
use hansard_store::{
    Account, AppendError, Defect, Incoming, Options, Reader, Receipt, Source, StoreError, Witness,
    Writer, WriterHandle, beside,
};
use rusqlite::Connection;
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

type Answer = mpsc::Receiver<Result<Receipt, AppendError>>;

fn send(writer: &WriterHandle, batch: Vec<Incoming>) -> Answer {
    let (done, answer) = mpsc::channel();
    writer.append(batch, move |result| done.send(result).unwrap()).unwrap();
    answer
}

fn append(writer: &WriterHandle, batch: Vec<Incoming>) -> Receipt {
    send(writer, batch).recv().unwrap().unwrap()
}

fn database(folder: &Path) -> Connection {
    Connection::open(folder.join("hansard.db")).unwrap()
}

#[test]
fn a_part_is_stored_once_byte_for_byte_and_acknowledged_again() {
    let folder = tempfile::tempdir().unwrap();
    let writer = Writer::start(folder.path()).unwrap();
    let part = opened(1, "alice", Some("hint"));
    let stored = Receipt { parts: 1, ..Receipt::default() };
    let again = Receipt { duplicates: 1, ..Receipt::default() };
    assert_eq!(append(&writer.handle(), vec![incoming(&part)]), stored);
    assert_eq!(append(&writer.handle(), vec![incoming(&part)]), again);

    let parts = Reader::open(folder.path()).unwrap().parts(&exchange_id(1).to_string()).unwrap();
    assert_eq!(parts.len(), 1);
    assert_eq!(parts[0].json, part);
    assert_eq!((parts[0].kind.as_str(), parts[0].source.as_str()), ("opened", "acknowledged"));
}

#[test]
fn other_bytes_under_the_same_number_leave_the_first_and_are_kept_as_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let writer = Writer::start(folder.path()).unwrap();
    let (first, second) = (opened(1, "alice", None), opened(1, "mallory", None));
    append(&writer.handle(), vec![incoming(&first)]);
    let receipt = append(&writer.handle(), vec![incoming(&second)]);
    assert_eq!(receipt, Receipt { conflicts: 1, ..Receipt::default() });
    assert_eq!(writer.handle().stats().stored.conflicts, 1);

    let reader = Reader::open(folder.path()).unwrap();
    assert_eq!(reader.parts(&exchange_id(1).to_string()).unwrap()[0].json, first);
    assert_eq!(reader.sessions(9).unwrap()[0].subject, "alice");
    let kept: Vec<u8> = database(folder.path())
        .query_row("SELECT bytes FROM malformed", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, second);
}

#[test]
fn a_number_is_of_one_part_alone_however_late_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let writer = Writer::start(&data).unwrap();
    let append = |part: &[u8]| append(&writer.handle(), vec![incoming(part)]);
    let stored = Receipt { parts: 1, ..Receipt::default() };
    let again = Receipt { duplicates: 1, ..Receipt::default() };
    let conflict = Receipt { conflicts: 1, ..Receipt::default() };
    assert_eq!(append(&opened(1, "alice", None)), stored);
    // 2 and 3 are missing, and 3 is given up.
    let giving_up = String::from_utf8(refused(4, 4, None)).unwrap();
    let giving_up = giving_up.replace(r#""refusal":"#, r#""abandoned":[1,3],"refusal":"#);
    assert_eq!(append(giving_up.as_bytes()), stored);
    for number in [2, 3] {
        assert_eq!(append(&progress(1, number)), stored, "{number}");
        assert_eq!(append(&progress(1, number)), again, "{number}");
        assert_eq!(append(&progress(9, number)), conflict, "{number}");
    }
    assert_eq!(append(&opened(1, "alice", None)), again);
    assert_eq!(append(&progress(9, 1)), conflict);
    let none = Incoming::part(progress(1, 0), Source::Acknowledged, 5_000, "hansard");
    assert_eq!(none.defect(), Some(&Defect::Range));
    writer.close();
    let key = fs::read_to_string(beside(&data).join("checkpoint.pub")).unwrap();
    let report = hansard_verify::verify(&data, &key, None, |_, _| {}).unwrap();
    assert_eq!((report.problems, report.gaps), (Vec::new(), Vec::new()));
}

/// Beyond all measure, by a gateway that is none: what is taken of it holds, and the rest is missed.
#[test]
fn a_list_or_a_name_without_end_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let writer = Writer::start(&data).unwrap();
    let all: Vec<_> = (2..3000).map(|number| number.to_string()).collect();
    let part = String::from_utf8(refused(9, 3000, None)).unwrap();
    let with = format!(r#""abandoned":[{}],"refusal":"#, all.join(","));
    let part = part.replace(r#""refusal":"#, &with);
    append(&writer.handle(), vec![incoming(&opened(1, "alice", None)), incoming(part.as_bytes())]);
    let name = "é".repeat(10 << 20);
    let unreadable = Incoming::part(b"x".to_vec(), Source::AccessLog, 5_000, &name);
    assert_eq!(append(&writer.handle(), vec![unreadable]).malformed, 1);
    writer.close();
    let key = fs::read_to_string(beside(&data).join("checkpoint.pub")).unwrap();
    let report = hansard_verify::verify(&data, &key, None, |_, _| {}).unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    let gaps: Vec<_> = report.gaps.iter().map(|gap| (gap.first, gap.last)).collect();
    assert_eq!(gaps, [(2 + 1024, 2999)]);
    let kept: String =
        database(&data).query_row("SELECT log_name FROM malformed", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, "é".repeat(512));
}

#[test]
fn batches_that_wait_together_share_one_commit() {
    let folder = tempfile::tempdir().unwrap();
    let writer = Writer::start(folder.path()).unwrap();
    let block = database(folder.path());
    block.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut answers = vec![send(&writer.handle(), vec![incoming(&opened(1, "alice", None))])];
    // The writer waits for the lock with some of them, as many as it finds; with the rest afterwards.
    for n in 2..=201 {
        answers.push(send(&writer.handle(), vec![incoming(&opened(n, "alice", None))]));
    }
    assert!(answers.iter().all(|answer| answer.try_recv().is_err()), "nothing is on disk yet");
    block.execute_batch("ROLLBACK").unwrap();
    for answer in answers {
        answer.recv().unwrap().unwrap();
    }
    let stats = writer.handle().stats();
    assert_eq!(stats.stored.parts, 201);
    assert!(stats.commits <= 2, "{stats:?}");
}

#[test]
fn a_failed_commit_answers_every_batch_stores_none_and_the_writer_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { busy_timeout: Duration::from_millis(100), ..Options::default() };
    let writer = Writer::start_with(folder.path(), options).unwrap();
    let block = database(folder.path());
    block.execute_batch("BEGIN IMMEDIATE").unwrap();
    let answers: Vec<_> = (1..=3)
        .map(|n| send(&writer.handle(), vec![incoming(&opened(n, "alice", None))]))
        .collect();
    for answer in answers {
        let error = answer.recv().unwrap().unwrap_err();
        assert!(matches!(error, AppendError::Failed(_)), "{error}");
    }
    block.execute_batch("ROLLBACK").unwrap();
    assert!(Reader::open(folder.path()).unwrap().sessions(9).unwrap().is_empty());
    append(&writer.handle(), vec![incoming(&opened(1, "alice", None))]);
    assert_eq!(writer.handle().stats().stored.parts, 1);
}

#[test]
fn a_batch_that_cannot_be_stored_fails_alone() {
    let folder = tempfile::tempdir().unwrap();
    let writer = Writer::start(folder.path()).unwrap();
    let block = database(folder.path());
    block.execute_batch("DROP TABLE witness; BEGIN IMMEDIATE").unwrap();
    let bad = vec![incoming(&opened(1, "alice", None)), Incoming::witness(Witness::default(), 1)];
    let good = vec![incoming(&opened(2, "alice", None))];
    let (bad, good) = (send(&writer.handle(), bad), send(&writer.handle(), good));
    block.execute_batch("ROLLBACK").unwrap();
    assert!(matches!(bad.recv().unwrap(), Err(AppendError::Failed(_))));
    good.recv().unwrap().unwrap();
    let reader = Reader::open(folder.path()).unwrap();
    assert!(reader.parts(&exchange_id(1).to_string()).unwrap().is_empty(), "all or nothing");
    assert_eq!(reader.parts(&exchange_id(2).to_string()).unwrap().len(), 1);
}

#[test]
fn what_is_acknowledged_survives_a_crash_at_that_moment() {
    let folder = tempfile::tempdir().unwrap();
    let writer = Writer::start(folder.path()).unwrap();
    for n in 1..=20 {
        append(&writer.handle(), vec![incoming(&opened(n, "alice", None))]);
    }
    // The files as a crash would leave them: nothing closed, the shared memory gone.
    let crashed = tempfile::tempdir().unwrap();
    for file in ["hansard.db", "hansard.db-wal"] {
        fs::copy(folder.path().join(file), crashed.path().join(file)).unwrap();
    }
    assert_eq!(Reader::open(crashed.path()).unwrap().sessions(99).unwrap().len(), 20);
    let options = Options { keys: Some(beside(folder.path())), ..Options::default() };
    let next = Writer::start_with(crashed.path(), options).unwrap();
    let receipt = append(&next.handle(), vec![incoming(&opened(20, "alice", None))]);
    assert_eq!(receipt.duplicates, 1);
}

#[test]
fn closing_writes_what_waits_and_refuses_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let writer = Writer::start(folder.path()).unwrap();
    let handle = writer.handle();
    let answers: Vec<_> =
        (1..=50).map(|n| send(&handle, vec![incoming(&opened(n, "alice", None))])).collect();
    writer.close();
    assert!(answers.into_iter().all(|answer| answer.recv().unwrap().is_ok()));
    let rejected = handle.append(Vec::new(), |_| {}).unwrap_err();
    assert!(matches!(rejected.error, AppendError::Closed));
}

#[test]
fn what_cannot_be_read_is_stored_as_malformed_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let writer = Writer::start(folder.path()).unwrap();
    let far_number =
        part(exchange_id(1), u64::MAX, 1, json!({"progress": {"index": 0, "block": 0}}));
    let far_future =
        part(exchange_id(1), 1, u64::MAX, json!({"progress": {"index": 0, "block": 0}}));
    let batch = [
        (vec![b'x'; 100_000], Defect::Json { line: 1, column: 1 }),
        (b"{\"hansard.v9\":{}}".to_vec(), Defect::Version),
        (far_number, Defect::Range),
        (far_future, Defect::Range),
    ];
    let batch = batch.map(|(bytes, defect)| {
        let item = Incoming::part(bytes, Source::Acknowledged, 7, "hansard");
        assert_eq!(item.defect(), Some(&defect));
        item
    });
    assert_eq!(append(&writer.handle(), batch.into()).malformed, 4);
    let kept: Vec<(String, i64, i64)> = database(folder.path())
        .prepare("SELECT reason, size, length(bytes) FROM malformed ORDER BY id")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(kept[0], ("the record is not JSON (line 1, column 1)".to_owned(), 100_000, 65_536));
    assert_eq!(kept.len(), 4);
}

#[test]
fn a_folder_has_one_writer_and_belongs_to_its_owner() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("new/data");
    let writer = Writer::start(&folder).unwrap();
    append(&writer.handle(), vec![incoming(&opened(1, "alice", None))]);
    assert!(matches!(Writer::start(&folder), Err(StoreError::Locked { .. })));
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    for file in ["hansard.db", "hansard.db-wal", "hansard.db-shm", "hansard.lock"] {
        let mode = fs::metadata(folder.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    writer.close();
    Writer::start(&folder).unwrap();
    assert_eq!(Reader::open(&folder).unwrap().sessions(9).unwrap().len(), 1);
}

#[test]
fn a_database_of_a_newer_or_another_program_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Reader::open(folder.path()), Err(StoreError::Absent { .. })));
    Writer::start(folder.path()).unwrap().close();
    database(folder.path()).execute_batch("PRAGMA user_version = 1").unwrap();
    assert!(matches!(Writer::start(folder.path()), Err(StoreError::Older { .. })));
    database(folder.path()).execute_batch("PRAGMA user_version = 99").unwrap();
    let newer = StoreError::Newer { found: 99, known: 8 }.to_string();
    assert_eq!(Writer::start(folder.path()).unwrap_err().to_string(), newer);
    assert_eq!(Reader::open(folder.path()).unwrap_err().to_string(), newer);

    for content in ["CREATE TABLE notes (text)", "PRAGMA application_id = 1; CREATE TABLE t (x)"] {
        let folder = tempfile::tempdir().unwrap();
        database(folder.path()).execute_batch(content).unwrap();
        assert!(matches!(Writer::start(folder.path()), Err(StoreError::Foreign { .. })));
        assert!(matches!(Reader::open(folder.path()), Err(StoreError::Foreign { .. })));
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("hansard.db"), [b'x'; 4096]).unwrap();
    assert!(matches!(Writer::start(folder.path()), Err(StoreError::Foreign { .. })));
}

#[test]
fn a_session_is_found_by_id_hint_exchange_or_the_beginning_of_one() {
    let folder = tempfile::tempdir().unwrap();
    let writer = Writer::start(folder.path()).unwrap();
    append(
        &writer.handle(),
        vec![
            incoming(&opened(1, "alice", Some("shared"))),
            incoming(&opened(2, "bob", Some("shared"))),
            incoming(&opened(3, "bob", Some("own"))),
        ],
    );
    let reader = Reader::open(folder.path()).unwrap();
    let own = reader.session("own").unwrap();
    assert_eq!((own.subject.as_str(), own.exchanges), ("bob", 1));
    assert_eq!(reader.session(&own.id).unwrap(), own);
    assert_eq!(reader.session(&own.id[..8]).unwrap(), own);
    assert_eq!(reader.session(&exchange_id(3).to_string()).unwrap(), own);
    match reader.session("shared").unwrap_err() {
        StoreError::Ambiguous { candidates, .. } => assert_eq!(candidates.len(), 2),
        other => panic!("{other}"),
    }
    assert!(matches!(reader.session("s-"), Err(StoreError::Ambiguous { .. })));
    for name in ["", "s-zz", "nobody", "%", "'"] {
        assert!(matches!(reader.session(name), Err(StoreError::NotFound { .. })), "{name:?}");
    }
}

#[test]
fn an_exchange_reads_back_as_one_account() {
    let folder = tempfile::tempdir().unwrap();
    let writer = Writer::start(folder.path()).unwrap();
    let parts = [closed(1, 3, "complete"), opened(1, "alice", None), progress(1, 2)];
    append(&writer.handle(), parts.iter().map(|part| incoming(part)).collect());
    append(&writer.handle(), vec![incoming(&refused(2, 9, Some("bob")))]);
    let reader = Reader::open(folder.path()).unwrap();

    let stored = reader.parts(&exchange_id(1).to_string()).unwrap();
    let account = Account::read(&stored).unwrap();
    assert_eq!(account.parts.iter().map(|part| part.seq).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(account.who().unwrap().subject, "alice");
    assert_eq!(account.request().unwrap().body.unwrap().get(), crate::parts::BODY);
    assert_eq!(account.progress().count(), 1);
    assert_eq!(account.closed().unwrap().1.end.why.name(), "complete");
    assert!(account.refused().is_none());

    let stored = reader.parts(&exchange_id(2).to_string()).unwrap();
    let account = Account::read(&stored).unwrap();
    assert_eq!(account.decision().unwrap().effect, "refuse");
    assert_eq!(account.refused().unwrap().1.refusal.kind, "policy_blocked");
}

#[test]
fn a_disk_without_room_is_refused_before_it_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let options = Options { least_free: u64::MAX, ..Options::default() };
    let writer = Writer::start_with(&data, options).unwrap();
    let answer = send(&writer.handle(), vec![incoming(&opened(1, "alice", None))]);
    let refused = answer.recv().unwrap().unwrap_err().to_string();
    assert!(refused.contains("bytes are free") && refused.contains("--least-free"), "{refused}");
    writer.close();
    assert!(Reader::open(&data).unwrap().sessions(9).unwrap().is_empty());
    let writer = Writer::start(&data).unwrap();
    assert_eq!(append(&writer.handle(), vec![incoming(&opened(1, "alice", None))]).parts, 1);
}

#[test]
fn what_the_signing_command_does_not_sign_is_not_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    Writer::start(&data).unwrap().close();
    let command = beside(&data).join("checkpoint.cmd");
    fs::write(&command, "/bin/cat\n").unwrap();
    let writer = Writer::start(&data).unwrap();
    let answer = send(&writer.handle(), vec![incoming(&opened(1, "alice", None))]);
    let refused = answer.recv().unwrap().unwrap_err().to_string();
    assert!(refused.contains("/bin/cat did not sign a checkpoint"), "{refused}");
    writer.close();
    fs::remove_file(command).unwrap();
    let writer = Writer::start(&data).unwrap();
    assert_eq!(append(&writer.handle(), vec![incoming(&opened(1, "alice", None))]).parts, 1);
}

//! Who looked, and what clients' telemetry says: each an entry of the log, held to it by the verifier.

use crate::parts::{incoming, opened};
use hansard_store::{
    Access, Accessed, Custodian, Incoming, Order, Reader, SessionId, Telemetry, Writer, beside,
};
use rusqlite::Connection;
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::mpsc;

fn append(data: &Path, batch: Vec<Incoming>) {
    let writer = Writer::start(data).unwrap();
    let (done, answer) = mpsc::channel();
    writer.handle().append(batch, move |result| done.send(result).unwrap()).unwrap();
    answer.recv().unwrap().unwrap();
    writer.close();
}

fn session() -> SessionId {
    SessionId::hinted("https://issuer", "alice", "one")
}

fn telemetry(name: &str, attributes: &str) -> Incoming {
    Incoming::telemetry(Telemetry {
        session: session(),
        at: 1_000,
        received_at: 2_000,
        name: name.to_owned(),
        attributes: attributes.to_owned(),
    })
}

fn access(action: &str, target: &str) -> Access {
    let text = str::to_owned;
    let (by, role) = (text("https://issuer|bob"), text("auditor"));
    Access { at: 3_000, by, role, action: text(action), target: text(target) }
}

fn problems(data: &Path) -> Vec<String> {
    let key = std::fs::read_to_string(beside(data).join("checkpoint.pub")).unwrap();
    hansard_verify::verify(data, &key, None, |_, _| {}).unwrap().problems
}

#[test]
fn looks_are_entries_of_the_log_and_come_back_newest_first() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    append(&data, vec![incoming(&opened(1, "alice", Some("one")))]);
    let mut custodian = Custodian::open(&data, None).unwrap();
    custodian.looked(&[access("search", "password"), access("view", "s-1")]).unwrap();
    custodian.looked(&[]).unwrap();
    custodian.looked(&[access("view", &"ü".repeat(900))]).unwrap();
    let reader = Reader::open(&data).unwrap();
    let all = reader.accesses(i64::MAX, 10).unwrap();
    let entries: Vec<_> = all.iter().map(|one| one.entry).collect();
    assert_eq!(entries, [3, 2, 1]);
    assert_eq!(all[2], Accessed { entry: 1, access: access("search", "password") });
    // What is too long is cut, between characters.
    assert_eq!(all[0].access.target, "ü".repeat(512));
    assert_eq!(reader.accesses(3, 1).unwrap(), [all[1].clone()]);
    assert_eq!(problems(&data), [""; 0]);
}

#[test]
fn looks_stand_beside_a_writer_that_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let writer = Writer::start(&data).unwrap();
    let mut custodian = Custodian::open(&data, None).unwrap();
    for n in 1..=20 {
        let (done, answer) = mpsc::channel();
        let batch = vec![incoming(&opened(n, "alice", Some("one")))];
        writer.handle().append(batch, move |result| done.send(result).unwrap()).unwrap();
        custodian.looked(&[access("view", "s-1")]).unwrap();
        answer.recv().unwrap().unwrap();
    }
    writer.close();
    assert_eq!(Reader::open(&data).unwrap().accesses(i64::MAX, 99).unwrap().len(), 20);
    assert_eq!(problems(&data), [""; 0]);
}

#[test]
fn telemetry_is_sealed_under_its_sessions_key_and_goes_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let said = r#"{"tool_use_id":"toolu_1","decision":"canary-reject"}"#;
    append(
        &data,
        vec![incoming(&opened(1, "alice", Some("one"))), telemetry("tool_decision", said)],
    );
    let reader = Reader::open(&data).unwrap();
    let id = session().to_string();
    assert_eq!(reader.sessions(9).unwrap()[0].id, id, "it is the session of the exchange");
    let found = reader.telemetry(&id).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].at, found[0].received_at, &*found[0].name),
        (1_000, 2_000, "tool_decision")
    );
    assert_eq!(found[0].attributes, said.as_bytes());
    assert_eq!(reader.telemetry("s-other").unwrap(), []);
    drop(reader);
    for file in ["hansard.db", "hansard.db-wal"] {
        let bytes = std::fs::read(data.join(file)).unwrap_or_default();
        assert!(!bytes.windows(6).any(|window| window == b"canary"), "{file}");
    }
    let order = Order { reason: "asked for", by: "dpo", at: 9_000 };
    assert_eq!(Custodian::open(&data, None).unwrap().erase(&id, order).unwrap(), 1);
    assert_eq!(Reader::open(&data).unwrap().telemetry(&id).unwrap(), []);
    assert_eq!(problems(&data), [""; 0]);
}

#[test]
fn what_is_changed_in_them_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    append(&data, vec![telemetry("tool_decision", "{}"), telemetry("tool_result", "{\"a\":1}")]);
    Custodian::open(&data, None).unwrap().looked(&[access("view", "s-1")]).unwrap();
    for (change, undo, named) in [
        (
            "UPDATE accesses SET by = 'nobody'",
            "UPDATE accesses SET by = 'https://issuer|bob'",
            "entry 2 speaks of was changed",
        ),
        (
            "UPDATE telemetry SET at = 999 WHERE id = 0",
            "UPDATE telemetry SET at = 1000 WHERE id = 0",
            "entry 0 speaks of was changed",
        ),
        (
            "UPDATE telemetry SET sealed = zeroblob(40)",
            "UPDATE telemetry SET sealed = zeroblob(40)",
            "entry 0 speaks of was changed",
        ),
        (
            "INSERT INTO accesses VALUES (77, 1, 'x', 'x', 'x', 'x')",
            "DELETE FROM accesses WHERE id = 77",
            "accesses has 2 rows, the log has 1",
        ),
        ("DELETE FROM telemetry WHERE id = 1", "", "entry 1 speaks of was changed"),
    ] {
        let database = Connection::open(data.join("hansard.db")).unwrap();
        database.execute_batch(change).unwrap();
        let found = problems(&data);
        assert!(found.iter().any(|one| one.contains(named)), "{change}: {found:?}");
        database.execute_batch(undo).unwrap();
    }
}

#[test]
fn entries_come_back_as_they_stand_under_the_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    append(&data, vec![incoming(&opened(1, "alice", Some("one")))]);
    Custodian::open(&data, None).unwrap().looked(&[access("view", "s-1")]).unwrap();
    let reader = Reader::open(&data).unwrap();
    let leaves = reader.leaves(0, 10).unwrap();
    assert_eq!(leaves.iter().map(|leaf| leaf.entry).collect::<Vec<_>>(), [0, 1]);
    for leaf in &leaves {
        let hash = Sha256::new().chain_update([0]).chain_update(&leaf.bytes).finalize();
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(leaf.hash, hash);
        assert!(!leaf.ends());
    }
    let exchange = leaves[0].exchange.as_deref().unwrap();
    assert_eq!(reader.leaves_of(exchange).unwrap(), leaves[..1]);
    assert_eq!(reader.leaves(1, 10).unwrap(), leaves[1..]);
    assert_eq!(reader.leaves(0, 1).unwrap(), leaves[..1]);
    assert_eq!(reader.exchange(exchange).unwrap().unwrap().introduction.subject, "alice");
    // A part stands behind the first entry, and none behind the look.
    assert_eq!(reader.outline_at(0).unwrap().unwrap().kind, "opened");
    assert!(reader.outline_at(1).unwrap().is_none());
    let tip = reader.tip().unwrap().unwrap();
    assert_eq!((tip.size, tip.root.len()), (2, 64));
    assert!(!tip.origin.is_empty());
}

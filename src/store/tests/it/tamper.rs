//! Whatever is changed in a ledger, a verifier that shares no code with it names it.

use crate::parts::{closed, exchange_id, incoming, opened, part, refused};
use hansard_store::{
    Custodian, Defect, Exchange, Incoming, Order, Reader, Session, StoreError, Witness, Writer,
    beside,
};
use hansard_verify::{Kept, Report, verify_bundle};
use rusqlite::Connection;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

pub(crate) struct Ledger {
    _folder: tempfile::TempDir,
    pub(crate) data: PathBuf,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        Self { _folder: folder, data }
    }

    /// Of more than one tile, with every kind of entry.
    pub(crate) fn filled() -> Self {
        let ledger = Self::new();
        let mut all = Vec::new();
        for n in 1..=100 {
            all.push(incoming(&opened(n, "alice", Some(if n % 2 == 0 { "one" } else { "two" }))));
        }
        for n in 1..=100_u8 {
            all.push(incoming(&closed(n, 100 + u64::from(n), "complete")));
            let witness = Witness { exchange: Some(exchange_id(n)), ..Witness::default() };
            all.push(Incoming::witness(witness, 6_000));
        }
        all.push(Incoming::malformed(Defect::NoRecord, b"no record", 7_000, "hansard"));
        all.push(incoming(&refused(101, 201, Some("bob"))));
        ledger.append(all);
        ledger
    }

    pub(crate) fn append(&self, all: Vec<Incoming>) {
        let writer = Writer::start(&self.data).unwrap();
        // Several commits, so that there are several checkpoints.
        let mut all = all.into_iter().peekable();
        let mut at = 1_000_000;
        while all.peek().is_some() {
            let mut batch: Vec<_> = all.by_ref().take(60).collect();
            at += 1_000;
            batch.push(Incoming::malformed(Defect::NoRecord, b"", at, "a second later"));
            let (done, answer) = mpsc::channel();
            writer.handle().append(batch, move |result| done.send(result).unwrap()).unwrap();
            answer.recv().unwrap().unwrap();
        }
        writer.close();
    }

    pub(crate) fn copy(&self) -> Self {
        let copy = Self::new();
        fs::create_dir(&copy.data).unwrap();
        fs::copy(self.data.join("hansard.db"), copy.data.join("hansard.db")).unwrap();
        let keys = beside(&copy.data);
        fs::create_dir(&keys).unwrap();
        for file in fs::read_dir(beside(&self.data)).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), keys.join(file.file_name())).unwrap();
        }
        copy
    }

    pub(crate) fn database(&self) -> Connection {
        Connection::open(self.data.join("hansard.db")).unwrap()
    }

    fn key(&self) -> String {
        fs::read_to_string(beside(&self.data).join("checkpoint.pub")).unwrap()
    }

    pub(crate) fn verify(&self, kept: Option<&Kept>) -> Report {
        hansard_verify::verify(&self.data, &self.key(), kept, |_, _| {}).unwrap()
    }

    fn checkpoint(&self) -> Kept {
        let reader = Reader::open(&self.data).unwrap();
        Kept(reader.checkpoint_since(0).unwrap().unwrap().0.into_bytes())
    }
}

#[test]
fn an_untouched_ledger_is_intact_and_complete() {
    let ledger = Ledger::filled();
    let report = ledger.verify(None);
    assert_eq!((report.problems, report.gaps), (vec![], vec![]));
    assert_eq!((report.parts, report.entries), (201, 308));
    assert!(report.checkpoints >= 5, "{}", report.checkpoints);
}

#[test]
fn what_sql_can_change_is_named() {
    let ledger = Ledger::filled();
    ledger.append(vec![turn(230, r#"{"a":1}"#)]);
    for (change, named) in [
        (
            "UPDATE entries SET bytes = (SELECT bytes FROM entries WHERE id = 4) WHERE id = 3",
            "checkpoint",
        ),
        ("DELETE FROM entries WHERE id = 100", "entries 100 to 100 are missing"),
        ("DELETE FROM entries WHERE id >= 300", "checkpoint speaks of"),
        (
            "UPDATE entries SET id = -1 WHERE id = 5; UPDATE entries SET id = 5 WHERE id = 6; UPDATE entries SET id = 6 WHERE id = -1",
            "log was changed",
        ),
        ("DELETE FROM parts WHERE id = 20", "entry 20 speaks of was changed"),
        ("UPDATE parts SET received_at = received_at + 1 WHERE id = 20", "entry 20 speaks of"),
        (
            "UPDATE parts SET exchange = (SELECT exchange FROM parts WHERE id = 22) WHERE id = 20",
            "entry 20 speaks of",
        ),
        (
            "UPDATE parts SET frame = (SELECT frame FROM parts WHERE id = 22) WHERE id = 20",
            "entry 20 speaks of",
        ),
        ("UPDATE parts SET frame = zeroblob(40) WHERE id = 20", "entry 20 speaks of"),
        ("UPDATE blocks SET sealed = zeroblob(40) WHERE id = 1", "speaks of was changed"),
        ("DELETE FROM blocks WHERE id = 1", "goes on from what is not there"),
        ("DELETE FROM chains WHERE id = 1", "block 1 is in no chain"),
        ("UPDATE chains SET before = 9 WHERE id = 1", "does not lead to the one before it"),
        ("UPDATE latest SET chain = chain - 1", "the last chain of key"),
        ("DELETE FROM latest", "it is not said which chain"),
        ("UPDATE keys SET dictionary = zeroblob(40) WHERE id = 1", "the dictionary of key 1"),
        ("UPDATE keys SET dictionary = NULL WHERE id = 1", "the dictionary of key 1"),
        (
            "UPDATE tiles SET hashes = zeroblob(length(hashes)) WHERE level = 0 AND number = 0",
            "tile 0 of level 0",
        ),
        ("INSERT INTO tiles VALUES (3, 9, x'00')", "no entry asks for"),
        ("UPDATE checkpoints SET root = zeroblob(32)", "was changed"),
        (
            "DELETE FROM checkpoints WHERE size = (SELECT MAX(size) FROM checkpoints)",
            "no checkpoint covers",
        ),
        (
            "UPDATE checkpoints SET note = CAST(replace(CAST(note AS TEXT), '3', '4') AS BLOB)",
            "the checkpoint of size",
        ),
        ("UPDATE keys SET wrapped = NULL WHERE id = 1", "no entry says so"),
        ("DELETE FROM keys WHERE id = 1", "key 1 is not there"),
        (
            "UPDATE witness SET path = '/other' WHERE id = (SELECT MIN(id) FROM witness)",
            "speaks of was changed",
        ),
        ("DELETE FROM malformed WHERE log_name = 'hansard'", "speaks of was changed"),
        ("INSERT INTO malformed VALUES (9999, 1, 'x', 'x', 0, x'')", "malformed has"),
        ("INSERT INTO holds VALUES ('s-1', 'x')", "on hold are not those"),
        ("CREATE TABLE more (x)", "not made as a ledger's"),
        (
            "CREATE TRIGGER more AFTER INSERT ON parts BEGIN DELETE FROM parts; END",
            "not made as a ledger's",
        ),
        (
            "DROP VIEW told; CREATE VIEW told AS SELECT *, 'mallory' AS subject FROM exchanges",
            "not made as a ledger's",
        ),
    ] {
        let copy = ledger.copy();
        copy.database().execute_batch(change).unwrap();
        let report = copy.verify(None);
        assert!(report.problems.iter().any(|p| p.contains(named)), "{change}: {report:?}");
    }
}

/// Two chains whose names are swapped would give a later part another beginning.
#[test]
fn names_that_find_texts_again_are_bound_to_them() {
    let ledger = Ledger::new();
    ledger.append(vec![turn(1, r#"{"a":1}"#), turn(2, r#"{"a":1},{"b":2}"#)]);
    assert!(ledger.verify(None).is_intact());
    for change in [
        "CREATE TEMP TABLE names AS SELECT id, name FROM chains;
         UPDATE chains SET name = CAST(id AS BLOB);
         UPDATE chains SET name = (SELECT name FROM names WHERE names.id = 3 - chains.id)",
        "UPDATE chains SET bytes = bytes + 1 WHERE id = 1",
        "UPDATE blocks SET name = zeroblob(16) WHERE id = (SELECT block FROM chains WHERE id = 1)",
    ] {
        let copy = ledger.copy();
        copy.database().execute_batch(change).unwrap();
        let report = copy.verify(None);
        let named = |problem: &String| problem.contains("speaks of was changed");
        assert!(report.problems.iter().any(named), "{change}: {report:?}");
    }
}

/// A part whose request has these messages.
pub(crate) fn turn(n: u8, messages: &str) -> Incoming {
    let part = String::from_utf8(opened(n, "alice", Some("one"))).unwrap();
    let body = format!(r#"{{"messages":[{messages}]}}"#);
    incoming(part.replace(crate::parts::BODY, &body).as_bytes())
}

/// A thousand places of the file, spread evenly: what the verifier reads it reads right, or says so.
#[test]
fn a_flipped_bit_anywhere_is_named_or_changes_nothing() {
    let ledger = Ledger::filled();
    let whole = ledger.verify(None);
    let listed = listed(&ledger.data);
    let clean = fs::read(ledger.data.join("hansard.db")).unwrap();
    let copy = ledger.copy();
    let mut named = 0;
    for place in 0..600 {
        let bit = place * (clean.len() * 8) / 600 + place % 8;
        let mut bytes = clean.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(copy.data.join("hansard.db"), &bytes).unwrap();
        match hansard_verify::verify(&copy.data, &copy.key(), None, |_, _| {}) {
            Err(_) => named += 1,
            Ok(report) if !report.is_intact() => named += 1,
            // A free byte of a page.
            Ok(report) => {
                assert_eq!(
                    (report.root, report.parts, report.checkpoints, report.bytes),
                    (whole.root.clone(), whole.parts, whole.checkpoints, whole.bytes),
                    "bit {bit}"
                );
                assert_eq!(self::listed(&copy.data), listed, "bit {bit}");
            }
        }
    }
    assert!(named > 250, "{named} of 600");
}

/// What an auditor sees in listings.
fn listed(data: &Path) -> Vec<(Session, Vec<Exchange>)> {
    let reader = Reader::open(data).unwrap();
    let sessions = reader.sessions(usize::MAX).unwrap().into_iter();
    sessions
        .map(|session| {
            let exchanges = reader.exchanges(&session.id).unwrap();
            (session, exchanges)
        })
        .collect()
}

#[test]
fn a_log_that_was_cut_or_forked_contradicts_a_checkpoint_that_was_kept() {
    let ledger = Ledger::filled();
    let before = ledger.copy();
    ledger.append(vec![incoming(&opened(210, "carol", None))]);
    let kept = ledger.checkpoint();
    assert!(ledger.verify(Some(&kept)).is_intact());
    let cut = before.verify(Some(&kept));
    assert!(cut.problems.iter().any(|p| p.contains("was cut")), "{cut:?}");
    before.append(vec![incoming(&opened(211, "mallory", None))]);
    let forked = before.verify(Some(&kept));
    assert!(forked.problems.iter().any(|p| p.contains("forked")), "{forked:?}");
    // What came later goes on from what was kept.
    ledger.append(vec![incoming(&opened(212, "dave", None))]);
    assert!(ledger.verify(Some(&kept)).is_intact());
}

#[test]
fn numbers_that_are_missing_are_gaps_until_they_come() {
    let ledger = Ledger::new();
    let progress = |seq| {
        incoming(&part(exchange_id(1), seq, seq, json!({"progress": {"index": 0, "block": {}}})))
    };
    ledger.append(vec![progress(1), progress(2), progress(7), progress(9)]);
    let status = || Reader::open(&ledger.data).unwrap().status(i64::MAX / 2, 0).unwrap();
    let gaps = |status: &hansard_store::LedgerStatus| {
        status
            .gaps
            .iter()
            .map(|gap| (gap.first, gap.last, gap.after_at, gap.before_at))
            .collect::<Vec<_>>()
    };
    assert_eq!(gaps(&status()), [(8, 8, 7, 9), (3, 6, 2, 7)]);
    assert_eq!((status().missing, ledger.verify(None).missing()), (5, 5));
    ledger.append(vec![progress(4)]);
    assert_eq!(gaps(&status()), [(8, 8, 7, 9), (3, 3, 2, 7), (5, 6, 2, 7)]);
    ledger.append(vec![progress(3), progress(5), progress(6), progress(8)]);
    assert!(status().is_complete() && ledger.verify(None).is_complete());
    // Not yet counted: it may still come.
    ledger.append(vec![progress(99)]);
    assert!(Reader::open(&ledger.data).unwrap().status(10_000, 5_000).unwrap().missing > 0);
    assert_eq!(Reader::open(&ledger.data).unwrap().status(9_999, 5_000).unwrap().missing, 0);
}

#[test]
fn a_stream_without_a_record_and_a_record_without_a_stream_are_seen() {
    let ledger = Ledger::new();
    let saw = |n: u8| {
        Incoming::witness(Witness { exchange: Some(exchange_id(n)), ..Witness::default() }, 6_000)
    };
    ledger.append(vec![
        incoming(&opened(1, "alice", None)),
        incoming(&refused(2, 2, None)),
        saw(2),
        saw(3),
        Incoming::witness(Witness::default(), 6_000),
    ]);
    let status = || Reader::open(&ledger.data).unwrap().status(i64::MAX / 2, 0).unwrap();
    // An exchange that is open has a stream that is not over.
    assert_eq!((status().unrecorded, status().unwitnessed), (2, 0));
    ledger.append(vec![incoming(&closed(1, 3, "complete"))]);
    assert_eq!((status().unrecorded, status().unwitnessed), (2, 1));
    ledger.append(vec![saw(1), incoming(&refused(3, 4, None))]);
    assert_eq!((status().unrecorded, status().unwitnessed), (1, 0));
}

fn order(reason: &str) -> Order<'_> {
    Order { reason, by: "tester", at: 9_000_000 }
}

#[test]
fn an_erased_session_cannot_be_read_and_everything_is_still_proven() {
    let ledger = Ledger::filled();
    let session = Reader::open(&ledger.data).unwrap().session("one").unwrap().id;
    // Beside a sink that runs.
    let writer = Writer::start(&ledger.data).unwrap();
    let mut custodian = Custodian::open(&ledger.data, None).unwrap();
    custodian.hold(&session, true, order("a case")).unwrap();
    assert!(matches!(custodian.erase(&session, order("x")), Err(StoreError::Held { .. })));
    custodian.hold(&session, false, order("closed")).unwrap();
    assert_eq!(custodian.erase(&session, order("asked for")).unwrap(), 1);
    assert_eq!(custodian.erase(&session, order("again")).unwrap(), 0);
    let reader = Reader::open(&ledger.data).unwrap();
    let erased = reader.parts(&exchange_id(2).to_string()).unwrap_err();
    assert!(matches!(erased, StoreError::Erased { .. }), "{erased}");
    assert_eq!(reader.parts(&exchange_id(1).to_string()).unwrap().len(), 2);
    assert!(matches!(reader.evidence(&session), Err(StoreError::Erased { .. })));
    // The writer goes on behind what another process wrote, under a new key.
    let (done, answer) = mpsc::channel();
    let next = vec![incoming(&opened(220, "alice", Some("one")))];
    writer.handle().append(next, move |result| done.send(result).unwrap()).unwrap();
    answer.recv().unwrap().unwrap();
    assert_eq!(reader.parts(&exchange_id(220).to_string()).unwrap().len(), 1);
    let report = ledger.verify(None);
    assert_eq!((report.problems, report.erased), (vec![], 1));
}

#[test]
fn a_bundle_proves_a_session_with_nothing_else() {
    let ledger = Ledger::filled();
    // Two turns, of which the second has the first one's message again.
    for (n, messages) in [(230, r#"{"a":1}"#), (231, r#"{"a":1},{"b":2}"#)] {
        ledger.append(vec![turn(n, messages)]);
    }
    let reader = Reader::open(&ledger.data).unwrap();
    let session = reader.session("one").unwrap().id;
    let bundle = bundle(&reader, &session);
    let (report, parts) = verify_bundle(bundle.as_bytes(), Some(&ledger.key())).unwrap();
    assert_eq!((report.problems, report.parts), (vec![], 102));
    assert_eq!(reader.evidence(&session).unwrap().chains.len(), 2, "what turns share, once");
    let stored = reader.parts(&exchange_id(2).to_string()).unwrap();
    assert!(parts.contains(&stored[0].json), "the parts come back byte for byte");
    let stored = reader.parts(&exchange_id(231).to_string()).unwrap();
    assert!(parts.contains(&stored[0].json), "and so do those of several pieces");
    for (what, with) in [
        ("\\\"seq\\\":2,", "\\\"seq\\\":3,"),
        ("\"index\": 1,", "\"index\": 2,"),
        ("\"introduction\": \"", "\"introduction\": \"A"),
        ("\"ending\": \"[", "\"ending\": \"[ "),
        ("\"node\": \"n\"", "\"node\": \"m\""),
        ("\"name\": \"", "\"name\": \"AAAA"),
        ("hansard/", "hansord/"),
    ] {
        assert!(bundle.contains(what), "{what}");
        match verify_bundle(bundle.replacen(what, with, 1).as_bytes(), None) {
            Ok((report, _)) => assert!(!report.is_intact(), "{what}"),
            Err(error) => assert!(what == "hansard/", "{what}: {error}"),
        }
    }
    // A character of every sealed block and proof.
    let places: Vec<usize> = bundle.match_indices("==\"").map(|(at, _)| at - 9).collect();
    assert!(places.len() > 20);
    for at in places.into_iter().take(40) {
        let mut changed = bundle.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let intact = verify_bundle(&changed, None).is_ok_and(|(report, _)| report.is_intact());
        assert!(!intact, "{}", &bundle[at - 40..at + 9]);
    }
    // A chain that goes on from itself is no way round.
    let looped = bundle.replacen(
        "\"chains\": {",
        "\"chains\": {\"0\": {\"parent\":0,\"block\":1,\"names\":\"\",\"bytes\":0},",
        1,
    );
    assert_ne!(looped, bundle);
    assert!(verify_bundle(looped.as_bytes(), None).unwrap().0.is_intact());
    let other = Ledger::filled();
    let (report, _) = verify_bundle(bundle.as_bytes(), Some(&other.key())).unwrap();
    assert!(!report.is_intact(), "another ledger's key");
}

fn bundle(reader: &Reader, session: &str) -> String {
    use base64::Engine;
    let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let evidence = reader.evidence(session).unwrap();
    let entries: Vec<_> = evidence.entries.iter().map(|entry| json!({
        "index": entry.index, "entry": String::from_utf8(entry.bytes.clone()).unwrap(),
        "proof": entry.proof, "key": entry.key, "frame": encode(&entry.frame), "streams": entry.streams, "name": encode(&entry.mac),
        "introduction": entry.introduction.as_deref().map(encode), "ending": entry.ending,
        "node": entry.node,
    })).collect();
    let chains: serde_json::Map<_, _> = evidence.chains.iter().map(|(id, link)| (id.to_string(), json!({
        "parent": link.parent, "block": link.block, "names": encode(&link.names), "bytes": link.bytes,
    }))).collect();
    let encoded = |map: &std::collections::BTreeMap<i64, Vec<u8>>| {
        map.iter()
            .map(|(id, bytes)| (id.to_string(), json!(encode(bytes))))
            .collect::<serde_json::Map<_, _>>()
    };
    serde_json::to_string_pretty(&json!({
        "format": hansard_verify::FORMAT, "index": [], "session": session,
        "public_key": evidence.public_key, "checkpoint": evidence.checkpoint,
        "keys": encoded(&evidence.keys), "dictionaries": encoded(&evidence.dictionaries), "blocks": encoded(&evidence.blocks), "chains": chains, "entries": entries,
    }))
    .unwrap()
}

#[test]
fn a_conversation_is_stored_once() {
    let ledger = Ledger::new();
    let message = |n: usize| format!(r#"{{"role":"user","content":"{}"}}"#, text(n));
    let mut sizes = Vec::new();
    for turn in 1..=40_usize {
        let messages: Vec<String> = (0..turn).map(message).collect();
        let body = format!(r#"{{"model":"m","messages":[{}]}}"#, messages.join(","));
        let part = String::from_utf8(opened(turn as u8, "alice", Some("long"))).unwrap();
        let part = part.replace(crate::parts::BODY, &body);
        ledger.append(vec![incoming(part.as_bytes())]);
        let stored: i64 = ledger
            .database()
            .query_row("SELECT SUM(length(sealed)) FROM blocks", [], |row| row.get(0))
            .unwrap();
        sizes.push(stored);
    }
    let turn = |n: usize| sizes[n] - sizes[n - 1];
    assert!(turn(39) < turn(5) * 11 / 10, "a late turn is no larger than an early one: {sizes:?}");
    let reader = Reader::open(&ledger.data).unwrap();
    assert!(reader.parts(&exchange_id(40).to_string()).unwrap()[0].json.len() > 40 * 600);
}

/// Does not compress: what is stored is what is new.
fn text(n: usize) -> String {
    let mut state = n as u64 + 1;
    (0..600)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            char::from(b'a' + (state >> 59) as u8 % 26)
        })
        .collect()
}

#[test]
fn keys_that_others_can_read_are_refused_and_a_ledger_without_its_keys_is_not_written() {
    use std::os::unix::fs::PermissionsExt;
    let ledger = Ledger::filled();
    let keys = beside(&ledger.data);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&keys), mode(&keys.join("checkpoint.key"))), (0o700, 0o600));
    fs::set_permissions(keys.join("master.key"), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(Writer::start(&ledger.data), Err(StoreError::OpenKey { .. })));
    fs::remove_dir_all(&keys).unwrap();
    assert!(matches!(Writer::start(&ledger.data), Err(StoreError::NoKeys { .. })));
    let reader = Reader::open(&ledger.data).unwrap();
    assert_eq!(reader.sessions(9).unwrap().len(), 3);
    assert!(matches!(reader.parts(&exchange_id(1).to_string()), Err(StoreError::NoKeys { .. })));
}

#[test]
fn a_log_that_was_changed_is_not_gone_on_with() {
    let ledger = Ledger::filled();
    ledger.database().execute_batch("DELETE FROM entries WHERE id > 300").unwrap();
    assert!(matches!(Writer::start(&ledger.data), Err(StoreError::Torn)));
}

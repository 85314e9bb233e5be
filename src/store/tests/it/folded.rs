//! Parts that leave out what the ledger has: stored as if they had come whole, or not at all.

use crate::parts::{closed, exchange_id, incoming, opened, part, progress, who};
use hansard_record::Record;
use hansard_record::fold::{Chain, Cut, Folded, Known, Pieces};
use hansard_record::part::Content;
use hansard_store::{
    AppendError, Custodian, Incoming, Order, Reader, Receipt, Source, StoreError, Writer,
    WriterHandle, beside,
};
use serde_json::json;
use std::path::Path;
use std::sync::mpsc;

fn append(writer: &WriterHandle, item: Incoming) -> Result<Receipt, AppendError> {
    append_all(writer, vec![item])
}

fn append_all(writer: &WriterHandle, items: Vec<Incoming>) -> Result<Receipt, AppendError> {
    let (done, answer) = mpsc::channel();
    writer.append(items, move |result| done.send(result).unwrap()).unwrap();
    answer.recv().unwrap()
}

/// A turn: its part whole, with so many messages, the last one marked.
pub(crate) fn turn(n: u8, session: &str, messages: u64) -> Vec<u8> {
    let marker = json!({"type": "ephemeral"});
    let mut list: Vec<_> = (1..=messages)
        .map(|m| json!({"content": [{"text": format!("message {m} {}", "y".repeat(300))}]}))
        .collect();
    list.last_mut().unwrap()["content"][0]["z"] = json!(1);
    list.last_mut().unwrap()["content"][0]["cache_control"] = marker;
    let tools = json!([{"name": "t".repeat(300)}]);
    let content = json!({"opened": {
        "who": who("alice"),
        "from": {"address": "10.0.0.1:5000"},
        "session": {"id": session},
        "decision": {"rule": "developers", "effect": "allow"},
        "request": {"method": "POST", "path": "/v1/messages", "headers": [], "bytes": 1,
                    "body": {"model": "m", "tools": tools, "messages": list}},
    }});
    part(exchange_id(n), u64::from(n), 1_000, content)
}

/// The same on the wire, with the first pieces of each stream left out.
pub(crate) fn folded(part: &[u8], known: usize) -> Vec<u8> {
    let record = Record::parse(part).unwrap().into_part();
    let Content::Opened(opened) = record.part else { panic!("another part") };
    let cut = Cut::of(part, opened.request.body.map(|body| body.get()));
    let mut folded = Folded::from(Pieces::at(part, &cut));
    assert_eq!(folded.streams.len(), 2);
    for stream in &mut folded.streams {
        let rest = stream.pieces.split_off(known.min(stream.pieces.len()));
        let gone = std::mem::replace(&mut stream.pieces, rest);
        let digest =
            gone.iter().fold(Chain::default(), |chain, piece| chain.then(&Chain::sum(piece)));
        let bytes = gone.iter().map(|piece| piece.len()).sum();
        stream.known = (known > 0).then_some(Known { digest, bytes });
    }
    folded.encode().unwrap()
}

pub(crate) fn arrived(wire: &[u8]) -> Incoming {
    let item = Incoming::folded(wire.to_vec(), Source::Acknowledged, 5_000, "hansard");
    assert_eq!(item.defect(), None);
    item
}

fn is_unknown(result: &Result<Receipt, AppendError>) -> bool {
    matches!(result, Err(AppendError::Failed(cause)) if matches!(**cause, StoreError::Unknown))
}

fn stored(folder: &Path, n: u8) -> Result<Vec<u8>, StoreError> {
    let parts = Reader::open(folder).unwrap().parts(&exchange_id(n).to_string())?;
    assert_eq!(parts.len(), 1);
    Ok(parts[0].json.clone())
}

const NEW: Receipt =
    Receipt { parts: 1, duplicates: 0, conflicts: 0, malformed: 0, witnesses: 0, telemetry: 0 };

#[test]
fn a_folded_part_reads_back_whole_and_is_proven_like_any_other() {
    let ways = [(false, 1), (true, 1), (false, 19), (true, 19)];
    let counts = ways.map(|(is_folded, together)| {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let writer = Writer::start(&data).unwrap();
        let item = |n: u8| {
            let whole = turn(n, "s", u64::from(n) * 2);
            // A piece that carried the marker before comes back without it, and with another member.
            let known = usize::from(n - 1) * 2;
            match is_folded && n > 1 {
                true => arrived(&folded(&whole, known.saturating_sub(1))),
                false => incoming(&whole),
            }
        };
        assert_eq!(append(&writer.handle(), item(1)).unwrap(), NEW);
        // Of many in one transaction those ahead are sealed by another thread.
        let rest: Vec<u8> = (2..=20).collect();
        for batch in rest.chunks(together) {
            let items = batch.iter().map(|n| item(*n)).collect();
            let receipt = append_all(&writer.handle(), items).unwrap();
            assert_eq!(receipt, Receipt { parts: batch.len() as u64, ..NEW }, "{batch:?}");
        }
        for n in 1..=20 {
            assert_eq!(stored(&data, n).unwrap(), turn(n, "s", u64::from(n) * 2));
        }
        writer.close();
        let key = std::fs::read_to_string(beside(&data).join("checkpoint.pub")).unwrap();
        let report = hansard_verify::verify(&data, &key, None, |_, _| {}).unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
        let database = rusqlite::Connection::open(data.join("hansard.db")).unwrap();
        let count =
            |query: &str| -> i64 { database.query_row(query, [], |row| row.get(0)).unwrap() };
        (
            count("SELECT COUNT(*) FROM blocks"),
            count("SELECT COUNT(*) FROM chains"),
            count("SELECT COUNT(*) FROM parts"),
        )
    });
    assert!(counts.iter().all(|count| *count == counts[0]), "the same in any way: {counts:?}");
}

/// Names are in memory: who starts anew reads them back, and stores nothing twice.
#[test]
fn a_writer_that_starts_anew_knows_what_a_session_has() {
    let counts = [1, 3, 20].map(|starts| {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let turns: Vec<u8> = (1..=20).collect();
        for some in turns.chunks(turns.len().div_ceil(starts)) {
            let writer = Writer::start(&data).unwrap();
            for n in some {
                for (number, session) in [(2 * n - 1, "s"), (2 * n, "t")] {
                    let whole = turn(number, session, u64::from(*n) * 2);
                    let item = match n % 2 {
                        0 => arrived(&folded(&whole, usize::from(n - 1))),
                        _ => incoming(&whole),
                    };
                    assert_eq!(append(&writer.handle(), item).unwrap(), NEW, "{n} of {session}");
                }
            }
            writer.close();
        }
        let key = std::fs::read_to_string(beside(&data).join("checkpoint.pub")).unwrap();
        let report = hansard_verify::verify(&data, &key, None, |_, _| {}).unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
        let database = rusqlite::Connection::open(data.join("hansard.db")).unwrap();
        ["blocks", "chains", "latest"].map(|table| {
            let count = format!("SELECT COUNT(*) FROM {table}");
            database.query_row(&count, [], |row| row.get::<_, i64>(0)).unwrap()
        })
    });
    assert!(counts.iter().all(|count| *count == counts[0]), "however often: {counts:?}");
}

#[test]
fn a_part_that_is_refused_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let writer = Writer::start(folder.path()).unwrap();
    let result = append(&writer.handle(), arrived(&folded(&turn(1, "new", 3), 2)));
    assert!(is_unknown(&result), "{result:?}");
    writer.close();
    let database = rusqlite::Connection::open(folder.path().join("hansard.db")).unwrap();
    for table in ["keys", "blocks", "chains", "parts", "entries", "exchanges", "boots"] {
        let count = format!("SELECT COUNT(*) FROM {table}");
        let rows: i64 = database.query_row(&count, [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 0, "{table}");
    }
}

#[test]
fn what_a_part_builds_on_must_be_of_its_own_session() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let writer = Writer::start(&data).unwrap();
    let handle = writer.handle();
    append(&handle, incoming(&turn(1, "s", 4))).unwrap();
    let other = turn(2, "t", 5);
    assert!(is_unknown(&append(&handle, arrived(&folded(&other, 3)))));
    assert!(Reader::open(&data).unwrap().parts(&exchange_id(2).to_string()).unwrap().is_empty());
    assert_eq!(writer.handle().stats().stored.parts, 1);
    // The same, whole; from then on it is known.
    assert_eq!(append(&handle, incoming(&other)).unwrap(), NEW);
    assert_eq!(append(&handle, arrived(&folded(&turn(3, "t", 6), 4))).unwrap(), NEW);
    // A length that does not belong to the digest.
    let wire = folded(&turn(4, "t", 8), 4);
    let wrong = String::from_utf8(wire).unwrap().replacen("\"bytes\":1", "\"bytes\":2", 1);
    assert!(is_unknown(&append(&handle, arrived(wrong.as_bytes()))));
    assert_eq!(stored(&data, 3).unwrap(), turn(3, "t", 6));
}

#[test]
fn a_part_is_the_same_folded_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let writer = Writer::start(folder.path()).unwrap();
    let handle = writer.handle();
    append(&handle, incoming(&turn(1, "s", 4))).unwrap();
    let (second, other) = (turn(2, "s", 6), turn(2, "s", 7));
    append(&handle, arrived(&folded(&second, 3))).unwrap();
    let again = Receipt { duplicates: 1, ..Receipt::default() };
    for known in 0..=6 {
        assert_eq!(append(&handle, arrived(&folded(&second, known))).unwrap(), again, "{known}");
    }
    assert_eq!(append(&handle, incoming(&second)).unwrap(), again);
    let conflict = Receipt { conflicts: 1, ..Receipt::default() };
    assert_eq!(append(&handle, arrived(&folded(&other, 3))).unwrap(), conflict);
    assert_eq!(append(&handle, incoming(&other)).unwrap(), conflict);
    assert_eq!(stored(folder.path(), 2).unwrap(), second);
}

#[test]
fn an_erased_sessions_digests_are_known_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let writer = Writer::start(&data).unwrap();
    let handle = writer.handle();
    append(&handle, incoming(&turn(1, "s", 4))).unwrap();
    let session = Reader::open(&data).unwrap().sessions(9).unwrap()[0].id.clone();
    let order = Order { reason: "asked for", by: "me", at: 9_000 };
    assert_eq!(Custodian::open(&data, None).unwrap().erase(&session, order).unwrap(), 1);
    let next = turn(2, "s", 6);
    assert!(is_unknown(&append(&handle, arrived(&folded(&next, 3)))));
    assert_eq!(append(&handle, incoming(&next)).unwrap(), NEW);
    assert_eq!(stored(&data, 2).unwrap(), next);
    assert!(matches!(stored(&data, 1), Err(StoreError::Erased { .. })));
    assert_eq!(append(&handle, arrived(&folded(&turn(3, "s", 7), 5))).unwrap(), NEW);
}

/// One that no client names is over with its exchange; what comes behind its end finds its key again.
#[test]
fn a_session_that_is_over_takes_one_more_part() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let writer = Writer::start(&data).unwrap();
    let first = vec![
        incoming(&opened(1, "alice", None)),
        incoming(&closed(1, 2, "complete")),
        incoming(&progress(1, 3)),
        incoming(&closed(1, 4, "complete")),
    ];
    assert_eq!(append_all(&writer.handle(), first).unwrap(), Receipt { parts: 4, ..NEW });
    assert_eq!(append(&writer.handle(), incoming(&progress(1, 5))).unwrap(), NEW);
    writer.close();
    let key = std::fs::read_to_string(beside(&data).join("checkpoint.pub")).unwrap();
    let report = hansard_verify::verify(&data, &key, None, |_, _| {}).unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    let database = rusqlite::Connection::open(data.join("hansard.db")).unwrap();
    let keys = "SELECT COUNT(*) FROM keys";
    assert_eq!(database.query_row(keys, [], |row| row.get::<_, i64>(0)).unwrap(), 1);
    assert_eq!(Reader::open(&data).unwrap().parts(&exchange_id(1).to_string()).unwrap().len(), 5);
}

#[test]
fn what_does_not_add_up_is_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let writer = Writer::start(folder.path()).unwrap();
    let wire = folded(&turn(1, "s", 4), 2);
    for bytes in [&wire[..wire.len() - 1], b"", b"{}\n", &turn(1, "s", 4)] {
        let item = Incoming::folded(bytes.to_vec(), Source::Acknowledged, 5_000, "hansard");
        assert!(item.defect().is_some());
        let receipt = append(&writer.handle(), item).unwrap();
        assert_eq!(receipt, Receipt { malformed: 1, ..Receipt::default() });
    }
}

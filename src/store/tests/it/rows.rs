//! What listings show follows from the parts: the verifier computes it anew, and names what does not.

use crate::parts::{closed, exchange_id, incoming, opened, part, progress, refused};
use crate::tamper::{Ledger, turn};
use hansard_store::{
    Access, Custodian, Defect, Incoming, Order, Reader, SessionId, Telemetry, Witness, beside,
};
use serde_json::json;
use sha2::{Digest, Sha256};

fn witness(n: Option<u8>) -> Incoming {
    Incoming::witness(Witness { exchange: n.map(exchange_id), ..Witness::default() }, 6_000)
}

/// Of every order and shape in which parts come.
fn shuffled() -> Ledger {
    let ledger = Ledger::new();
    let abandoned = |n: u8, seq: u64, given_up: u64| {
        let text = String::from_utf8(refused(n, seq, Some("bob"))).unwrap();
        let with = format!(r#""abandoned":[{given_up}],"refusal":"#);
        incoming(text.replace(r#""refusal":"#, &with).as_bytes())
    };
    ledger.append(vec![
        // The end comes before the beginning, and what came before both alone.
        incoming(&closed(1, 3, "complete")),
        incoming(&progress(1, 2)),
        witness(Some(1)),
        incoming(&opened(1, "alice", Some("one"))),
        // Two that say who asked, and two that say how it ended: the first and the last of them count.
        incoming(&refused(4, 6, Some("mallory"))),
        incoming(&closed(4, 5, "client_gone")),
        incoming(&opened(4, "alice", Some("one"))),
        // Nobody says who asked, or how it ended.
        incoming(&progress(7, 7)),
        incoming(&opened(8, "alice", None)),
        // A number that is given up is not missing; one that was not given yet cannot be given up.
        abandoned(11, 11, 10),
        abandoned(12, 12, 99),
        abandoned(25, 25, 0),
        abandoned(26, 26, i64::MAX as u64),
        abandoned(27, 27, 21),
        incoming(&progress(15, 15)),
        // Two beside each other were given up, of which one comes after all.
        abandoned(23, 23, 22),
        abandoned(24, 24, 21),
        incoming(&progress(22, 22)),
        // It was given up, and comes after all.
        incoming(&progress(10, 10)),
        // Envoy's log before the part, without one, and of no exchange.
        witness(Some(20)),
        incoming(&refused(20, 20, None)),
        witness(Some(21)),
        witness(Some(22)),
        witness(Some(22)),
        witness(None),
    ]);
    ledger
}

#[test]
fn whatever_order_parts_come_in_the_rows_are_as_the_verifier_computes_them() {
    let ledger = shuffled();
    let report = ledger.verify(None);
    assert_eq!(report.problems, Vec::<String>::new());
    let gaps: Vec<_> = report.gaps.iter().map(|gap| (gap.first, gap.last)).collect();
    assert_eq!(gaps, [(9, 9), (13, 14), (16, 19)]);
    let reader = Reader::open(&ledger.data).unwrap();
    let fourth = reader.exchanges(&reader.session("one").unwrap().id).unwrap().pop().unwrap();
    assert_eq!((fourth.status.name(), fourth.introduction.subject.as_str()), ("refused", "alice"));
}

#[test]
fn a_row_that_was_changed_is_named() {
    let ledger = shuffled();
    let columns = ["hint", "agent", "email", "method", "path", "model", "rule", "effect"];
    let said = columns.into_iter().chain(["issuer", "subject", "groups"]).map(|column| {
        let query = format!("UPDATE introductions SET {column} = '[\"x\"]' WHERE id = 1");
        (query, "introduction 1 was changed")
    });
    let of_exchange = |set: &str| {
        let query = format!(
            "UPDATE exchanges SET {set} WHERE session IN (SELECT id FROM sessions WHERE hint = 'one')"
        );
        (query, "is listed as what its parts do not say")
    };
    let of_session =
        |set: &str| (format!("UPDATE sessions SET {set} WHERE hint = 'one'"), "session s-");
    let named = |query: &str, named| (query.to_owned(), named);
    let changes = said.chain([
        named("DELETE FROM introductions WHERE id = 1", "speaks of was changed"),
        named(
            "INSERT INTO introductions (digest, issuer, subject, groups) VALUES (x'00', '', '', '[]')",
            "is of no part",
        ),
        named(
            "UPDATE parts SET introduction = 1 WHERE kind = 'refused'",
            "speaks of was changed",
        ),
        named("UPDATE parts SET introduction = NULL WHERE introduction = 1", "speaks of was changed"),
        named(
            "UPDATE parts SET ending = replace(ending, ',7]', ',8]')",
            "speaks of was changed",
        ),
        named("UPDATE parts SET ending = NULL WHERE kind = 'closed'", "speaks of was changed"),
        named("UPDATE parts SET ending = '' WHERE ending IS NULL", "speaks of was changed"),
        named("UPDATE parts SET streams = 'x' WHERE streams = '[]'", "speaks of was changed"),
        named("DELETE FROM given_up", "that were given up are not as noted"),
        named("INSERT INTO given_up SELECT boot, 1 FROM boots", "that were given up are not as noted"),
        of_exchange("session = 's-00000000000000000000'"),
        of_exchange("status = 'open'"),
        of_exchange("started_at = started_at - 1"),
        of_exchange("introduced_by = 1"),
        of_exchange("introduced_by = NULL"),
        of_exchange("ended_by = 3"),
        of_exchange("ended_by = NULL"),
        named("DELETE FROM exchanges WHERE status = 'complete'", "is listed as what its parts"),
        named("INSERT INTO exchanges VALUES ('x', 'x', 'open', 0, NULL, NULL)", "x has no part"),
        named("INSERT INTO exchanges VALUES ('', 'x', 'open', 0, NULL, NULL)", " has no part"),
        of_session("hint = 'two'"),
        of_session("issuer = 'x'"),
        of_session("subject = 'mallory'"),
        of_session("groups = '[]'"),
        of_session("models = '[]'"),
        of_session("started_at = 0"),
        of_session("last_end = NULL"),
        of_session("exchanges = exchanges + 1"),
        of_session("open = open + 1"),
        of_session("complete = complete - 1"),
        of_session("ended = ended + 1"),
        of_session("refused = refused + 1"),
        named("DELETE FROM sessions WHERE hint = 'one'", "is not listed"),
        named(
            "INSERT INTO sessions (id, issuer, subject, groups, models, started_at, exchanges, open,
             complete, ended, refused) VALUES ('s-x', '', '', '[]', '[]', 0, 1, 1, 0, 0, 0)",
            "session s-x is listed",
        ),
        named("DELETE FROM unmatched WHERE exchange IS NULL", "streams without a record"),
        named("DELETE FROM unmatched WHERE witness = (SELECT MAX(witness) FROM unmatched)", "streams without"),
        named("INSERT INTO unmatched VALUES (1, NULL, 0)", "streams without a record"),
        named("DELETE FROM unwitnessed", "what waits for Envoy's log"),
        named(
            "INSERT INTO unwitnessed SELECT exchange, 0 FROM parts WHERE kind = 'closed' LIMIT 1",
            "what waits for Envoy's log",
        ),
        named("INSERT INTO unwitnessed VALUES ('x', 0)", "x waits and has no part"),
        named("DELETE FROM gaps WHERE first = 13", "that 13 to 14 of"),
        named("UPDATE gaps SET last = 18 WHERE first = 16", "that 16 to 18 of"),
        named("UPDATE gaps SET noticed_at = 1 WHERE first = 13", "when 13 to 14 of"),
        named("UPDATE gaps SET after_at = after_at - 1 WHERE first = 16", "when 16 to 19 of"),
        named("UPDATE gaps SET before_at = before_at + 1 WHERE first = 9", "when 9 to 9 of"),
        named("UPDATE boots SET highest = 25", "is not what its parts say"),
        named("UPDATE boots SET first_at = 0", "is not what its parts say"),
        named("UPDATE boots SET last_at = 0", "is not what its parts say"),
        named("UPDATE boots SET node = 'm'", "speaks of was changed"),
        named("DELETE FROM boots", "is not noted"),
        named(
            "INSERT INTO boots SELECT 'x', node, first_at, last_at, highest FROM boots",
            "VM x is not what its parts say",
        ),
        named("UPDATE unwitnessed SET at = at + 1", "what waits for Envoy's log"),
        named("UPDATE unmatched SET at = at + 1", "streams without a record"),
        named("UPDATE unmatched SET exchange = NULL", "streams without a record"),
        named("UPDATE keys SET wrapped = zeroblob(72) WHERE id = 1", "key 1 is not the one"),
        named(
            "UPDATE keys SET wrapped = (SELECT wrapped FROM keys WHERE id = 1) WHERE id = 2",
            "key 2 is not the one",
        ),
    ]);
    for (change, named) in changes {
        let copy = ledger.copy();
        let changed = copy.database().execute_batch(&change);
        changed.unwrap_or_else(|error| panic!("{change}: {error}"));
        let report = copy.verify(None);
        assert!(report.problems.iter().any(|p| p.contains(named)), "{change}: {report:?}");
    }
}

#[test]
fn the_rows_of_an_erased_session_are_still_proven() {
    let ledger = shuffled();
    let session = Reader::open(&ledger.data).unwrap().session("one").unwrap().id;
    let mut custodian = Custodian::open(&ledger.data, None).unwrap();
    let order = Order { reason: "asked", by: "dpo", at: 9_000 };
    assert!(custodian.erase(&session, order).unwrap() > 0);
    assert_eq!(ledger.verify(None).problems, Vec::<String>::new());
    let change = "UPDATE introductions SET subject = 'mallory' WHERE subject = 'alice'";
    ledger.database().execute_batch(change).unwrap();
    assert!(!ledger.verify(None).is_intact());
}

#[test]
fn who_asked_stands_in_the_ledger_once_and_is_gone_on_with_by_the_next_writer() {
    let ledger = Ledger::new();
    for n in 1..=20 {
        ledger.append(vec![incoming(&opened(n, "alice", Some("one")))]);
    }
    let other = part(exchange_id(30), 21, 9, json!({"progress": {"index": 0, "block": {}}}));
    ledger.append(vec![incoming(&opened(21, "alice", Some("two"))), incoming(&other)]);
    let count = "SELECT COUNT(*) FROM introductions";
    let rows: i64 = ledger.database().query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!((rows, ledger.verify(None).problems), (2, vec![]));
}

/// Gaps open and close in any order of what comes; what is noted of each is computed anew.
#[test]
fn the_times_beside_a_gap_are_those_of_the_parts_that_opened_it() {
    for seqs in [
        &[5][..],
        &[1, 9, 5],
        &[9, 2, 5, 12],
        &[3, 20, 10, 4, 15, 30, 25, 8],
        &[7, 6, 5, 20, 19, 1],
        &[40, 2, 39, 3, 38, 4, 60, 50],
    ] {
        let ledger = Ledger::new();
        for (n, seq) in seqs.iter().enumerate() {
            // Times that say in which order they came, and not which number they have.
            let content = json!({"progress": {"index": 0, "block": {}}});
            let at = 1_000 + 7 * n as u64;
            ledger.append(vec![incoming(&part(exchange_id(1), *seq, at, content))]);
        }
        let report = ledger.verify(None);
        assert_eq!(report.problems, Vec::<String>::new(), "{seqs:?}");
        for column in ["noticed_at", "after_at", "before_at"] {
            let copy = ledger.copy();
            let change = format!("UPDATE gaps SET {column} = {column} + 1");
            copy.database().execute_batch(&change).unwrap();
            let wrong = copy.verify(None).problems.len();
            assert_eq!(wrong, report.gaps.len(), "{seqs:?}: {column}");
        }
    }
}

/// Of each table, each column: what any row of it says is proven, or stands here.
#[test]
fn every_column_of_every_table_is_proven_but_for_four() {
    // How far the intake was taken in is a note for the next start; a checkpoint's time is not under its
    // signature.
    let unproven = ["intake.one", "intake.generation", "intake.offset", "checkpoints.at"];
    let ledger = shuffled();
    let full = (1..=300_u64).map(|n| Incoming::malformed(Defect::NoRecord, b"x", n, "hansard"));
    ledger.append(full.collect());
    ledger.append(vec![turn(230, r#"{"a":1}"#)]);
    let session = Reader::open(&ledger.data).unwrap().session("one").unwrap().id;
    let said = SessionId::hinted("https://issuer", "alice", "one");
    ledger.append(vec![Incoming::telemetry(Telemetry {
        session: said,
        at: 1,
        received_at: 2,
        name: "tool".to_owned(),
        attributes: "{}".to_owned(),
    })]);
    let mut custodian = Custodian::open(&ledger.data, None).unwrap();
    let text = str::to_owned;
    let (by, role, action) = (text("bob"), text("auditor"), text("view"));
    custodian.looked(&[Access { at: 3, by, role, action, target: session.clone() }]).unwrap();
    custodian.hold(&session, true, Order { reason: "suit", by: "dpo", at: 4 }).unwrap();
    // Whoever closes it last leaves one file.
    drop(custodian);
    assert_eq!(ledger.verify(None).problems, Vec::<String>::new());
    let tables = "SELECT m.name, c.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS c
                  WHERE m.type = 'table'";
    let columns: Vec<(String, String)> = ledger
        .database()
        .prepare(tables)
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(columns.len() > 90, "{}", columns.len());
    for (table, column) in columns {
        let copy = ledger.copy();
        let database = copy.database();
        database.pragma_update(None, "ignore_check_constraints", true).unwrap();
        let rows: i64 = database
            .query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| row.get(0))
            .unwrap();
        assert!(rows > 0 || table == "intake", "{table} has no row to change");
        let change = format!(
            "UPDATE {table} SET {column} = CASE typeof({column}) WHEN 'integer' THEN {column} + 1000
             WHEN 'blob' THEN CAST({column} || x'00' AS BLOB) WHEN 'text' THEN {column} || 'x'
             ELSE (SELECT CASE type WHEN 'INTEGER' THEN 1 WHEN 'TEXT' THEN 'x' ELSE x'00' END
                   FROM pragma_table_info('{table}') WHERE name = '{column}') END"
        );
        database.execute_batch(&change).unwrap_or_else(|error| panic!("{change}: {error}"));
        drop(database);
        let is_proven = !copy.verify(None).is_intact();
        let name = format!("{table}.{column}");
        assert_eq!(is_proven, !unproven.contains(&name.as_str()), "{name}");
    }
}

/// Whoever took rows out is named by the verifier; what is left is still read and gone on with.
#[test]
fn what_was_taken_out_leaves_the_rest_to_be_read_and_written() {
    for taken in [
        "DELETE FROM introductions",
        "DELETE FROM parts WHERE kind = 'closed'",
        "UPDATE exchanges SET introduced_by = 99, ended_by = 99",
        "UPDATE parts SET ending = NULL, introduction = NULL",
    ] {
        let ledger = shuffled();
        ledger.database().execute_batch(taken).unwrap();
        let reader = Reader::open(&ledger.data).unwrap();
        let session = reader.session("one").unwrap();
        assert_eq!(reader.exchanges(&session.id).unwrap().len(), 2, "{taken}");
        ledger.append(vec![incoming(&closed(1, 40, "complete"))]);
        assert_eq!(reader.exchanges(&session.id).unwrap().len(), 2, "{taken}");
        assert!(!ledger.verify(None).is_intact(), "{taken}");
    }
}

/// A part that is said to be under a key that was destroyed would not be read, and not be missed.
#[test]
fn what_was_said_after_an_erasure_cannot_be_passed_off_as_erased() {
    let ledger = shuffled();
    let session = Reader::open(&ledger.data).unwrap().session("one").unwrap().id;
    let mut custodian = Custodian::open(&ledger.data, None).unwrap();
    custodian.erase(&session, Order { reason: "asked", by: "dpo", at: 9_000 }).unwrap();
    drop(custodian);
    let said = |name: &str| {
        let session = SessionId::hinted("https://issuer", "alice", "one");
        let (name, attributes) = (name.to_owned(), "{}".to_owned());
        Incoming::telemetry(Telemetry { session, at: 1, received_at: 2, name, attributes })
    };
    let next = incoming(&opened(40, "alice", Some("one")));
    ledger.append(vec![next, incoming(&closed(40, 41, "complete")), said("first"), said("second")]);
    assert_eq!(ledger.verify(None).problems, Vec::<String>::new());
    let old = "(SELECT MIN(id) FROM keys WHERE wrapped IS NULL)";
    for change in [
        format!("UPDATE parts SET key = {old} WHERE seq = 41"),
        format!("UPDATE telemetry SET key = {old} WHERE name = 'second'"),
    ] {
        let copy = ledger.copy();
        copy.database().execute_batch(&change).unwrap();
        assert!(!copy.verify(None).is_intact(), "{change}");
    }
}

#[test]
fn a_ledger_of_another_version_is_no_changed_one() {
    let ledger = shuffled();
    ledger.database().pragma_update(None, "user_version", 5).unwrap();
    let key = std::fs::read_to_string(beside(&ledger.data).join("checkpoint.pub")).unwrap();
    let refused = hansard_verify::verify(&ledger.data, &key, None, |_, _| {}).unwrap_err();
    assert!(refused.to_string().contains("is a ledger of version 5"), "{refused}");
}

/// A chain's digest stands before the part's name in what is hashed: the one is not taken for the other.
#[test]
fn a_stream_cannot_be_hidden_in_what_stands_beside_it() {
    let ledger = Ledger::new();
    ledger.append(vec![turn(1, r#"{"a":1}"#)]);
    let database = ledger.database();
    let query = "SELECT sealed, chains.name || blocks.name, bytes FROM chains
                 JOIN blocks ON blocks.id = block";
    let chain = database.query_row(query, [], |row| {
        let block = Sha256::digest(row.get_ref(0)?.as_blob()?);
        let names = row.get_ref(1)?.as_bytes()?.to_vec();
        let bytes = row.get::<_, i64>(2)?.to_be_bytes();
        Ok(Sha256::digest([&[0; 32][..], &block, &names, &bytes].concat()).to_vec())
    });
    let change =
        "UPDATE parts SET streams = '[]', mac = CAST(?1 || mac AS BLOB) WHERE streams = '[1]'";
    assert_eq!(database.execute(change, [chain.unwrap()]).unwrap(), 1);
    drop(database);
    let report = ledger.verify(None);
    assert!(report.problems.iter().any(|p| p.contains("speaks of was changed")), "{report:?}");
}

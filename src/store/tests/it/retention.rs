//! Which sessions are due, by what the rules ask that admitted them.

use crate::parts::{exchange_id, incoming, part, who};
use hansard_store::{Custodian, Incoming, Keep, Order, Reader, Writer};
use serde_json::json;
use std::path::Path;
use std::sync::mpsc;

const DAY: i64 = 86_400_000;

fn append(data: &Path, batch: Vec<Incoming>) {
    let writer = Writer::start(data).unwrap();
    let (done, answer) = mpsc::channel();
    writer.handle().append(batch, move |result| done.send(result).unwrap()).unwrap();
    answer.recv().unwrap().unwrap();
    writer.close();
}

/// An exchange that a rule admitted, begun and ended on a day.
fn exchange(n: u8, session: &str, rule: &str, day: u64) -> [Incoming; 2] {
    let (id, at) = (exchange_id(n), day * DAY as u64);
    let opened = json!({"opened": {
        "who": who("alice"), "from": {"address": "10.0.0.1:5000"}, "session": {"id": session},
        "decision": {"rule": rule, "effect": "allow"},
        "request": {"method": "POST", "path": "/v1/messages", "headers": [], "bytes": 0},
    }});
    let closed = json!({"closed": {"end": {"why": "complete"}}});
    let seq = u64::from(n) * 2;
    [incoming(&part(id, seq, at, opened)), incoming(&part(id, seq + 1, at, closed))]
}

#[test]
fn a_session_is_kept_for_the_longest_that_its_rules_ask() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let all = [
        exchange(1, "interns", "interns", 10),
        exchange(2, "staff", "staff", 10),
        exchange(3, "both", "interns", 10),
        exchange(4, "both", "staff", 10),
        exchange(5, "late", "interns", 10),
        exchange(6, "late", "interns", 15),
    ];
    append(&data, all.into_iter().flatten().collect());
    let mut custodian = Custodian::open(&data, None).unwrap();
    let reader = Reader::open(&data).unwrap();
    let keep = |entries: &[(&[&str], u32)]| -> Vec<Keep> {
        let entry = |(rules, days): &(&[&str], u32)| Keep {
            rules: rules.iter().map(ToString::to_string).collect(),
            days: *days,
        };
        entries.iter().map(entry).collect()
    };
    let due = |custodian: &Custodian, entries: &[(&[&str], u32)], day: i64| -> Vec<String> {
        let due = custodian.due(&keep(entries), day * DAY).unwrap();
        let mut due: Vec<_> =
            due.iter().map(|id| reader.session(id).unwrap().hint.unwrap()).collect();
        due.sort();
        due
    };
    let none: [&str; 0] = [];
    let by_rule: &[(&[&str], u32)] = &[(&["interns"], 7), (&["staff"], 30)];
    assert_eq!(due(&custodian, &[], 999), none, "nothing is said: everything is kept");
    assert_eq!(due(&custodian, by_rule, 16), none);
    assert_eq!(due(&custodian, by_rule, 17), ["interns"]);
    assert_eq!(due(&custodian, by_rule, 22), ["interns", "late"]);
    assert_eq!(due(&custodian, by_rule, 40), ["both", "interns", "late", "staff"]);
    assert_eq!(due(&custodian, &[(&["interns"], 7)], 999), ["interns", "late"], "staff: for good");
    assert_eq!(due(&custodian, &[(&[], 20), (&["staff"], 1)], 11), ["staff"]);
    assert_eq!(due(&custodian, &[(&[], 3)], 13), ["both", "interns", "staff"]);
    // Held and erased ones are not due.
    let order = Order { reason: "a case", by: "tester", at: 99 * DAY };
    custodian.hold(&reader.session("both").unwrap().id, true, order).unwrap();
    custodian.erase(&reader.session("staff").unwrap().id, order).unwrap();
    assert_eq!(due(&custodian, &[(&[], 3)], 13), ["interns"]);
}

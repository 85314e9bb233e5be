//! Exports of a ledger, and following one.

use super::*;
use crate::fixture::ledger;
use hansard_store::{Custodian, Order, Writer};
use serde_json::Value;
use std::fs;

fn args(data: &Path, id: &str, format: Format, output: &Path) -> Args {
    Args {
        id: Some(id.to_owned()),
        format,
        output: Some(output.to_owned()),
        content: false,
        follow: false,
        since: None,
        data: Data { data: data.to_owned(), keys: None },
    }
}

fn lines(text: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_format_is_written_and_each_export_is_on_record() {
    let folder = ledger();
    let out = tempfile::tempdir().unwrap();
    for format in Format::value_variants() {
        let path = out.path().join(format!("{format:?}"));
        run(&args(folder.path(), "the client's own", *format, &path)).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.len() > 500, "{format:?}: {text}");
        // What is there is not written over, and not on record as exported.
        assert!(run(&args(folder.path(), "the client's own", *format, &path)).is_err());
    }
    let looks = Reader::open(folder.path()).unwrap().accesses(i64::MAX, 99).unwrap();
    assert_eq!(looks.len(), 6);
    for look in looks {
        assert_eq!(
            (look.access.action.as_str(), look.access.role.as_str()),
            ("export", "operator")
        );
        assert!(look.access.target.starts_with("s-"));
    }
}

#[test]
fn events_say_where_they_stand_in_the_log() {
    let folder = ledger();
    let out = folder.path().join("events");
    run(&args(folder.path(), "the client's own", Format::Ocsf, &out)).unwrap();
    let events = lines(&fs::read(&out).unwrap());
    assert_eq!(events.len(), 5);
    let log = &events[0]["unmapped"]["hansard"]["log"];
    assert_eq!(log["entries"].as_array().unwrap().len(), 3);
    assert_eq!(log["entries"][2]["entry"], 2);
    assert_eq!(log["entries"][2]["leaf_hash"].as_str().unwrap().len(), 64);
    // Twelve parts, and this export.
    assert_eq!(log["checkpoint"]["size"], 13);
    assert_eq!(events[0]["src_endpoint"]["ip"], "10.0.0.1");
}

#[test]
fn a_follower_that_starts_again_misses_nothing_and_has_nothing_twice() {
    let folder = ledger();
    let all = {
        let reader = Reader::open(folder.path()).unwrap();
        let mut out = Vec::new();
        assert_eq!(follow::catch_up(&reader, 0, &mut out).unwrap(), 12);
        assert_eq!(follow::catch_up(&reader, 12, &mut out).unwrap(), 12);
        lines(&out)
    };
    let entries: Vec<_> = all.iter().map(|line| line["entry"].as_i64().unwrap()).collect();
    assert_eq!(entries, (0..12).collect::<Vec<_>>());
    // It is stopped after each line in turn, and goes on with that line's cursor.
    for kept in &all {
        let reader = Reader::open(folder.path()).unwrap();
        let mut out = Vec::new();
        let from = kept["cursor"].as_i64().unwrap();
        follow::catch_up(&reader, from, &mut out).unwrap();
        assert_eq!(lines(&out), all[usize::try_from(from).unwrap()..]);
    }
    // The ledger goes on, also with what is no part.
    let mut custodian = Custodian::open(folder.path(), None).unwrap();
    let reader = Reader::open(folder.path()).unwrap();
    let session = reader.session("the client's own").unwrap().id;
    let order = Order { reason: "a request", by: "root", at: 1 };
    custodian.erase(&session, order).unwrap();
    drop(Writer::start(folder.path()).unwrap());
    let mut out = Vec::new();
    assert_eq!(follow::catch_up(&reader, 12, &mut out).unwrap(), 13);
    assert_eq!(lines(&out)[0]["event"], "erasure");
    // What was erased still says who and when, and no more.
    let mut out = Vec::new();
    follow::catch_up(&reader, 0, &mut out).unwrap();
    let erased = lines(&out);
    assert_eq!(erased.len(), 13);
    assert_eq!(erased[0]["who"]["subject"], "alice");
    assert!(erased.iter().all(|line| line.get("findings").is_none()));
}

#[test]
fn a_line_says_who_what_and_how_it_ended() {
    let folder = ledger();
    let mut out = Vec::new();
    follow::catch_up(&Reader::open(folder.path()).unwrap(), 0, &mut out).unwrap();
    let all = lines(&out);
    let kinds: Vec<_> = all.iter().map(|line| line["part"].as_str().unwrap()).collect();
    assert_eq!(kinds[..6], ["opened", "progress", "closed", "opened", "closed", "refused"]);
    assert_eq!(all[0]["decision"]["rule"], "developers");
    assert_eq!(all[0]["findings"][0]["rule"], "aws-access-key-id");
    assert!(all[0].get("end").is_none());
    assert_eq!(all[2]["end"]["status"], "complete");
    assert_eq!(all[2]["end"]["output_tokens"], 7);
    assert_eq!(all[5]["end"]["why"], "policy_blocked");
    let text = String::from_utf8(out).unwrap();
    assert!(!text.contains("list "), "something that was said stands in it");
}

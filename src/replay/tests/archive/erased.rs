//! Erasure: what a session said is no longer in the index's files.

use crate::world::{Vm, World, answered, caught_up, dump, said};
use hansard_replay::archive::{Archive, View};
use hansard_replay::listing::Filter;
use hansard_store::{Custodian, Order};
use serde_json::{Value, json};
use std::path::Path;

/// A word that stands nowhere else.
const CANARY: &str = "qzxvwkjhqzx";

/// Where the bytes of the index's files hold the canary, and what stands around it. Words of the search
/// share their beginnings on a page, so its end is looked for.
fn holds(folder: &Path) -> Vec<String> {
    let needle = &CANARY.as_bytes()[3..];
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap().to_ascii_lowercase();
        let places = bytes.windows(needle.len()).enumerate().filter(|(_, some)| *some == needle);
        found.extend(places.map(|(at, _)| {
            let around = &bytes[at.saturating_sub(60)..bytes.len().min(at + 40)];
            format!("{at}: {}", String::from_utf8_lossy(around))
        }));
    }
    found
}

#[test]
fn nothing_of_an_erased_session_stays_in_the_files() {
    let world = World::new();
    let folder = world.path("index");
    let mut archive = Archive::open(&folder).unwrap();
    let mut vm = Vm { boot: 1, seq: 0 };
    let mut history = Vec::new();
    // The session is rebuilt over and over, as when it was followed live, beside others.
    for turn in 0..12 {
        history.push(said(&format!("the word is {CANARY} in turn {turn}")));
        world.send(&[
            vm.opened(turn, "alice", Some("a"), &Value::from(history.clone())),
            vm.opened(100 + turn, "bob", Some("b"), &json!([said(&format!("other words {turn}"))])),
        ]);
        caught_up(&mut archive, &world.reader());
        let answer = json!([{"type": "text", "text": format!("{CANARY} it is")},
            {"type": "tool_use", "id": format!("toolu_{turn}"), "name": "Bash",
             "input": {"command": format!("echo {CANARY} > {CANARY}.txt")}},
            {"type": "tool_use", "id": format!("toolu_w{turn}"), "name": "Write",
             "input": {"file_path": format!("/x/{CANARY}.rs"), "content": format!("let {CANARY} = {turn};\n")}}]);
        world.send(&[vm.closed(turn, &answer)]);
        caught_up(&mut archive, &world.reader());
        history.push(json!({"role": "assistant", "content": answer}));
    }
    let view = View::open(&folder).unwrap();
    let everything = Filter::default();
    let hits = view.search(CANARY, &everything, None, 100).unwrap().items;
    assert!(hits.len() >= 12, "{}", hits.len());
    assert!(!holds(&folder).is_empty(), "the test would see it");
    let session = hits[0].session.clone();
    drop(view);

    let mut custodian = Custodian::open(&world.data(), None).unwrap();
    let order = Order { reason: "asked for", by: "privacy", at: 9 };
    assert!(custodian.erase(&session, order).unwrap() > 0);
    caught_up(&mut archive, &world.reader());
    assert_eq!(holds(&folder), Vec::<String>::new());

    let view = View::open(&folder).unwrap();
    assert!(view.search(CANARY, &everything, None, 100).unwrap().items.is_empty());
    assert!(view.search("other words", &everything, None, 100).unwrap().items.len() == 12);
    // That it was there, whose it was and when, stays.
    let row = view.row(&session).unwrap().unwrap();
    assert!(row.erased);
    assert_eq!((row.subject.as_str(), row.turns), ("alice", 12));
    let line = format!("let {CANARY} = 3;");
    assert_eq!(view.blame(&[&line], None, &everything).unwrap(), [None]);
    drop(view);
    assert_eq!(dump(&folder), world.made_at_once("anew"));
}

#[test]
fn a_reader_that_holds_an_old_page_does_not_keep_it_for_long() {
    let world = World::new();
    let folder = world.path("index");
    let mut archive = Archive::open(&folder).unwrap();
    let mut vm = Vm { boot: 1, seq: 0 };
    world.send(&[vm.opened(1, "alice", Some("a"), &json!([said(CANARY)]))]);
    world.send(&[vm.closed(1, &answered("yes"))]);
    caught_up(&mut archive, &world.reader());
    let session = View::open(&folder).unwrap().sessions(&Filter::default(), None, 1).unwrap();
    let session = session.items[0].id.clone();
    let old = rusqlite::Connection::open(folder.join("index.db")).unwrap();
    old.execute_batch("BEGIN").unwrap();
    let count: i64 = old.query_row("SELECT COUNT(*) FROM turns", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 1);
    let mut custodian = Custodian::open(&world.data(), None).unwrap();
    custodian.erase(&session, Order { reason: "asked for", by: "privacy", at: 9 }).unwrap();
    caught_up(&mut archive, &world.reader());
    // The reader still sees the page; the next catch-up after it is gone empties the journal.
    old.execute_batch("COMMIT").unwrap();
    caught_up(&mut archive, &world.reader());
    assert_eq!(holds(&folder), Vec::<String>::new());
}

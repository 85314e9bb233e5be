//! Following a ledger: the index is a function of it, whatever the steps.

use crate::world::{Part, START, Vm, World, answered, caught_up, dump, exchange, said};
use hansard_replay::archive::{Archive, View};
use hansard_replay::listing::Filter;
use hansard_replay::model::Status;
use hansard_store::{Custodian, Order};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What a busy hour brings: sessions side by side, some of them without a client's id, a part that comes
/// before its exchange is known, one id in two hands, and a gap that closes late.
fn hour() -> Vec<Part> {
    let (mut one, mut two) = (Vm { boot: 1, seq: 0 }, Vm { boot: 2, seq: 0 });
    let mut parts = Vec::new();
    let mut history = vec![said("please read the changelog")];
    for turn in 0..5 {
        parts.push(one.opened(turn, "alice", Some("shared"), &Value::from(history.clone())));
        if turn == 1 {
            parts.push(two.opened(100, "bob", Some("shared"), &json!([said("whose id is this")])));
        }
        parts.push(one.closed(turn, &answered(&format!("answer {turn}"))));
        history.push(json!({"role": "assistant", "content": answered(&format!("answer {turn}"))}));
        history.push(said(&format!("and then {turn}")));
    }
    // Known by its call first, by its session afterwards.
    let introduction = one.opened(50, "alice", Some("late"), &json!([said("run ls")]));
    parts.push(one.progress(50));
    parts.push(one.closed(50, &answered("done")));
    parts.push(introduction);
    // A conversation of a client that names none.
    let mut history = vec![said("what is a monad")];
    for turn in 200..203 {
        parts.push(two.opened(turn, "carol", None, &Value::from(history.clone())));
        parts.push(two.closed(turn, &answered(&format!("reply {turn}"))));
        history.push(json!({"role": "assistant", "content": answered(&format!("reply {turn}"))}));
        history.push(said(&format!("go on {turn}")));
    }
    // The second VM's sixth part comes last.
    let late = parts.iter().position(|part| part.boot == 2 && part.seq == 6).unwrap();
    let late = parts.remove(late);
    parts.push(late);
    parts
}

#[test]
fn an_index_does_not_tell_in_which_steps_it_was_made() {
    let parts = hour();
    for step in [1, 2, 3, 7] {
        let world = World::new();
        let folder = world.path("in-steps");
        let mut archive = Archive::open(&folder).unwrap();
        for some in parts.chunks(step) {
            world.send(some);
            caught_up(&mut archive, &world.reader());
            // What is there so far is what a new one would have.
            assert_eq!(dump(&folder), dump_of(&world), "steps of {step}");
        }
        archive.clear().unwrap();
        caught_up(&mut archive, &world.reader());
        assert_eq!(dump(&folder), dump_of(&world), "made anew");
    }
}

fn dump_of(world: &World) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(folder.path()).unwrap();
    caught_up(&mut archive, &world.reader());
    dump(folder.path())
}

#[test]
fn what_is_in_the_ledger_is_found() {
    let world = World::new();
    world.send(&hour());
    let folder = world.path("index");
    let mut archive = Archive::open(&folder).unwrap();
    let done = caught_up(&mut archive, &world.reader());
    assert_eq!(done.entries, hour().len() as u64);
    let view = View::open(&folder).unwrap();
    let alice = Filter { person: Some("alice".to_owned()), ..Filter::default() };
    let page = view.sessions(&alice, None, 10).unwrap();
    assert_eq!(page.items.len(), 2);
    let long = page.items.iter().find(|row| row.turns == 5).unwrap();
    assert_eq!((long.status, long.started_at), (Status::Complete, START as i64 + 100));
    for n in 0..5 {
        let located = view.locate(&exchange(n)).unwrap();
        assert_eq!(
            (located[0].session.as_str(), located[0].turn),
            (long.id.as_str(), Some(n as usize))
        );
    }
    // The client's own id is in two hands, and means both.
    assert_eq!(view.locate("shared").unwrap().len(), 2);
    // Nothing is left of the session that the late introduction took its exchange from.
    assert_eq!(view.locate(&exchange(50)).unwrap().len(), 1);
    let nothing = archive.catch_up(&world.reader(), None, &mut |_| {}).unwrap();
    assert_eq!((nothing.entries, nothing.rebuilt), (0, 0));
}

#[test]
fn exchanges_of_a_client_that_names_no_session_are_one_conversation() {
    let world = World::new();
    let (mut vm, mut parts, mut history) =
        (Vm { boot: 1, seq: 0 }, Vec::new(), vec![said("hello")]);
    for n in 0..4 {
        parts.push(vm.opened(n, "carol", None, &Value::from(history.clone())));
        parts.push(vm.closed(n, &answered(&format!("reply {n}"))));
        // The same words of somebody else's are another conversation.
        parts.push(vm.opened(50 + n, "dave", None, &Value::from(history.clone())));
        history.push(json!({"role": "assistant", "content": answered(&format!("reply {n}"))}));
        history.push(said(&format!("go on {n}")));
    }
    // The second answer comes when its conversation has gone on.
    let late = parts.remove(4);
    parts.push(late);
    let folder = world.path("index");
    let mut archive = Archive::open(&folder).unwrap();
    for some in parts.chunks(1) {
        world.send(some);
        caught_up(&mut archive, &world.reader());
        assert_eq!(dump(&folder), dump_of(&world));
    }
    let view = View::open(&folder).unwrap();
    let of = |person: &str| {
        let filter = Filter { person: Some(person.to_owned()), ..Filter::default() };
        view.sessions(&filter, None, 10).unwrap().items
    };
    let carol = of("carol");
    assert_eq!((carol.len(), carol[0].turns, of("dave").len()), (1, 4, 4));
    let session = view.head(&carol[0].id).unwrap().unwrap().session;
    assert_eq!(session.joined.len(), 3);
    for name in session.joined.iter().cloned().chain((0..4).map(exchange)) {
        assert_eq!(view.locate(&name).unwrap()[0].session, carol[0].id, "{name}");
    }
    // Without the first, the others are still one conversation, from the second on.
    let mut custodian = Custodian::open(&world.data(), None).unwrap();
    custodian.erase(&carol[0].id, Order { reason: "asked for", by: "privacy", at: 9 }).unwrap();
    caught_up(&mut archive, &world.reader());
    assert_eq!(dump(&folder), dump_of(&world));
    let turns: Vec<_> = of("carol").iter().map(|row| row.turns).collect();
    assert_eq!(turns, [3, 1]);
}

#[test]
fn after_a_crash_it_goes_on_from_the_last_transaction() {
    let world = World::new();
    world.send(&hour());
    let expected = world.made_at_once("whole");
    let folder = world.path("index");
    let mut archive = Archive::open(&folder).unwrap();
    let mut images = Vec::new();
    // The files as a crash would leave them behind each transaction, with the rest of the ledger's parts.
    archive
        .catch_up(&world.reader(), None, &mut |_| {
            let image = world.path(&format!("image-{}", images.len()));
            std::fs::create_dir(&image).unwrap();
            for file in ["index.db", "index.db-wal"] {
                std::fs::copy(folder.join(file), image.join(file)).unwrap();
            }
            images.push(image);
        })
        .unwrap();
    assert!(images.len() >= 2);
    for image in images {
        caught_up(&mut Archive::open(&image).unwrap(), &world.reader());
        assert_eq!(dump(&image), expected);
    }
}

#[test]
fn a_view_sees_whole_sessions_while_the_index_grows() {
    let world = World::new();
    let folder = world.path("index");
    let mut archive = Archive::open(&folder).unwrap();
    let parts = hour();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let view = View::open(&folder).unwrap();
            let mut looks = 0;
            while !over.load(Ordering::Relaxed) || looks == 0 {
                for row in view.sessions(&Filter::default(), None, 100).unwrap().items {
                    if let Some(replay) = view.replay(&row.id).unwrap() {
                        assert!(replay.turns.len() >= row.turns, "a session that shrinks");
                        assert!(replay.turns.iter().all(|turn| !turn.exchange.is_empty()));
                    }
                }
                view.search("answer", &Filter::default(), None, 50).unwrap();
                looks += 1;
            }
            looks
        });
        for some in parts.chunks(1) {
            world.send(some);
            caught_up(&mut archive, &world.reader());
        }
        over.store(true, Ordering::Relaxed);
        assert!(reading.join().unwrap() > 0);
    });
}

#[test]
fn lists_that_follow_hear_of_each_change() {
    let world = World::new();
    let folder = world.path("index");
    let mut archive = Archive::open(&folder).unwrap();
    let mut vm = Vm { boot: 1, seq: 0 };
    world.send(&[vm.opened(1, "alice", Some("a"), &json!([said("one")]))]);
    caught_up(&mut archive, &world.reader());
    let view = View::open(&folder).unwrap();
    let (tick, changed) = view.changed_since(0).unwrap();
    assert_eq!(changed.len(), 1);
    assert_eq!(view.changed_since(tick).unwrap(), (tick, Vec::new()));
    world.send(&[vm.opened(2, "bob", Some("b"), &json!([said("two")]))]);
    world.send(&[vm.closed(1, &answered("yes"))]);
    caught_up(&mut archive, &world.reader());
    let (later, changed) = view.changed_since(tick).unwrap();
    assert!(later > tick);
    assert_eq!(changed.len(), 2);
}

#[test]
fn an_index_of_another_ledger_is_made_anew() {
    let (world, other) = (World::new(), World::new());
    world.send(&hour());
    let mut vm = Vm { boot: 9, seq: 0 };
    other.send(&[vm.opened(900, "dave", Some("d"), &json!([said("elsewhere")]))]);
    let folder = world.path("index");
    let mut archive = Archive::open(&folder).unwrap();
    caught_up(&mut archive, &world.reader());
    let done = caught_up(&mut archive, &other.reader());
    assert!(done.anew);
    assert_eq!(dump(&folder), other.made_at_once("at-once"));
}

#[test]
fn a_session_that_goes_on_rests_between_rebuilds() {
    let world = World::new();
    let mut archive = Archive::open(&world.path("index")).unwrap();
    let mut vm = Vm { boot: 1, seq: 0 };
    let (mut history, mut rebuilt) = (Vec::new(), 0);
    for turn in 0..40 {
        history.push(said(&format!("prompt {turn} {}", "word ".repeat(2_000))));
        world.send(&[vm.opened(turn, "alice", Some("a"), &Value::from(history.clone()))]);
        history.push(json!({"role": "assistant", "content": answered("yes")}));
        let within = Some(Duration::ZERO);
        let done = archive.catch_up(&world.reader(), within, &mut |_| {}).unwrap();
        rebuilt += done.rebuilt;
        assert!(done.rebuilt + done.pending >= 1);
    }
    assert!(rebuilt < 40, "{rebuilt} rebuilds");
    // Who asks for everything gets it.
    caught_up(&mut archive, &world.reader());
    assert_eq!(dump(&world.path("index")), dump_of(&world));
}

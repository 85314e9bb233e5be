//! Many streams on one VM: calls that they share, memory that they share.

use crate::fixture::{self, TIMEOUT_MS, events, json_head, message};
use crate::gateway::Gateway;
use crate::journal::Event;
use crate::outcome::{all_leave, expect_error, expect_whole, forwarded, kinds, one_more, received};
use crate::scenario::{plain, streaming};
use crate::stream::Ask;
use crate::traffic::UNAVAILABLE;
use serde_json::json;

const STREAMS: usize = 20;

fn asks() -> Vec<Ask> {
    (0..STREAMS).map(|number| Ask::messages(&format!("s{number}"))).collect()
}

/// The numbers of parts in each message so far.
fn messages(gateway: &Gateway) -> Vec<usize> {
    let sizes = gateway.world_ref().journal.iter().filter_map(|event| match event {
        Event::Sent { parts } => Some(parts.len()),
        _ => None,
    });
    sizes.collect()
}

#[test]
fn parts_share_a_call_while_another_is_in_flight() {
    let mut gateway = Gateway::start(&plain());
    let ids: Vec<u32> = asks().iter().map(|ask| gateway.ask(ask)).collect();
    gateway.wake();
    assert_eq!(messages(&gateway), [1, STREAMS - 1], "one alone, the others together");
    gateway.pump();
    let body = message();
    for id in &ids {
        assert!(gateway.stream(*id).is_forwarded());
        gateway.respond(*id, &json_head(&body), false);
        gateway.response_data(*id, &body, true);
    }
    gateway.pump();
    for id in ids {
        assert_eq!(received(&gateway, id).body, body);
    }
    assert!(messages(&gateway).len() < 2 * STREAMS / 3, "{:?}", messages(&gateway));
    expect_whole(&gateway);
}

#[test]
fn one_answer_settles_every_part_of_its_call_and_no_other() {
    let mut gateway = Gateway::start(&plain());
    let ids: Vec<u32> = asks().iter().map(|ask| gateway.ask(ask)).collect();
    gateway.wake();
    let alone = gateway.oldest_call().unwrap();
    gateway.acknowledge(alone);
    assert!(gateway.stream(ids[0]).is_forwarded());
    assert!(ids[1..].iter().all(|id| forwarded(&gateway, *id).is_none()));
    let together = gateway.oldest_call().unwrap();
    gateway.refuse(together, UNAVAILABLE);
    for id in &ids[1..] {
        expect_error(&gateway, *id, "503", "api_error");
    }
    gateway.client_leaves(ids[0]);
    gateway.settle();
    for number in 1..STREAMS {
        assert_eq!(kinds(&gateway, &format!("s{number}")), ["refused"]);
    }
    expect_whole(&gateway);
}

#[test]
fn streams_with_tool_calls_interleave() {
    let mut gateway = Gateway::start(&plain());
    let ids: Vec<u32> =
        (0..8).map(|number| streaming(&mut gateway, &format!("s{number}"))).collect();
    let events = events(2);
    for (number, event) in events.iter().enumerate() {
        for id in &ids {
            gateway.response_data(*id, event.as_bytes(), false);
        }
        match number % 3 {
            0 => drop(gateway.wake()),
            1 => gateway.pump(),
            _ => {}
        }
        gateway.wake();
    }
    for id in &ids {
        gateway.response_data(*id, b"", true);
    }
    gateway.pump();
    for (number, id) in ids.into_iter().enumerate() {
        let got = received(&gateway, id);
        assert_eq!((got.text(), got.ended), (events.concat().as_str(), true), "{number}");
        let all = ["opened", "progress", "progress", "closed"];
        assert_eq!(kinds(&gateway, &format!("s{number}")), all);
    }
    expect_whole(&gateway);
}

#[test]
fn a_large_part_travels_alone() {
    let mut gateway = Gateway::start(&plain());
    gateway.ask(&Ask::messages("small"));
    gateway.ask(&heavy("large", 300));
    assert_eq!(messages(&gateway), [1, 1], "it waits for no other");
    gateway.pump();
    all_leave(&mut gateway);
    gateway.settle();
    expect_whole(&gateway);
}

/// A request of so many KiB.
fn heavy(session: &str, kib: usize) -> Ask {
    let mut ask = Ask::messages(session);
    let text = String::from_utf8(ask.body).unwrap();
    ask.body = text.replace("the-secret-plan", &"x".repeat(kib << 10)).into_bytes();
    ask.headers.set("content-length", &ask.body.len().to_string());
    ask
}

#[test]
fn over_the_budget_new_exchanges_get_503_and_running_ones_go_on() {
    let mut gateway = Gateway::start(&fixture::with("limits", json!({"memory_bytes": 1 << 20})));
    let asks: Vec<Ask> = (0..12).map(|number| heavy(&format!("s{number}"), 200)).collect();
    let ids: Vec<u32> = asks.iter().map(|ask| gateway.ask(ask)).collect();
    gateway.pump();
    let (running, turned_away): (Vec<u32>, Vec<u32>) =
        ids.into_iter().partition(|id| gateway.stream(*id).is_forwarded());
    assert!((2..6).contains(&running.len()), "{} fit into 1 MiB", running.len());
    for id in turned_away {
        let got = expect_error(&gateway, id, "503", "api_error");
        assert_eq!(got.headers.first("x-should-retry"), None);
        assert_eq!(forwarded(&gateway, id), None);
    }
    let body = message();
    for id in running {
        assert!(gateway.stream(id).is_forwarded(), "what runs goes on");
        gateway.respond(id, &json_head(&body), false);
        gateway.response_data(id, &body, true);
        gateway.pump();
        assert_eq!(received(&gateway, id).body, body);
    }
    let id = gateway.ask(&heavy("later", 200));
    gateway.pump();
    assert!(gateway.stream(id).is_forwarded(), "there is room again");
    gateway.client_leaves(id);
    gateway.settle();
    expect_whole(&gateway);
}

#[test]
fn a_new_policy_rules_new_streams_and_those_that_run_keep_theirs() {
    let mut gateway = Gateway::start(&plain());
    let before = gateway.root;
    let running = streaming(&mut gateway, "running");
    let waiting = gateway.ask(&Ask::messages("waiting"));
    let mut stricter = fixture::policy();
    stricter["access"][1]["groups"] = json!(["admins"]);
    assert!(gateway.configure(&stricter.to_string()));
    let refused = gateway.ask(&Ask::messages("refused"));
    gateway.pump();
    expect_error(&gateway, refused, "400", "policy_blocked");
    assert!(gateway.stream(waiting).is_forwarded());
    let all = events(1);
    gateway.response_data(running, all[..8].concat().as_bytes(), false);
    gateway.pump();
    gateway.response_data(running, all[8..].concat().as_bytes(), true);
    gateway.pump();
    assert_eq!(received(&gateway, running).text(), all.concat());
    gateway.client_leaves(waiting);
    gateway.retire(before);
    gateway.settle();
    expect_whole(&gateway);
}

/// The old root's call is in flight when it goes: its parts are sent again by the new one.
#[test]
fn parts_of_a_root_that_goes_are_sent_again() {
    let mut gateway = Gateway::start(&plain());
    let before = gateway.root;
    let id = streaming(&mut gateway, "s");
    gateway.client_leaves(id);
    gateway.wake();
    assert_eq!(gateway.world().calls.len(), 1);
    assert!(gateway.configure(&plain()));
    gateway.retire(before);
    assert_eq!(gateway.world().calls.len(), 0, "the call went with the root");
    gateway.pass_time(TIMEOUT_MS, true);
    gateway.settle();
    assert_eq!(kinds(&gateway, "s"), ["opened", "closed"]);
    assert_eq!(one_more(&mut gateway), None);
    expect_whole(&gateway);
}

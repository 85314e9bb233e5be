//! Streams that go on record while they run: nothing waits for it, and one whose record fails ends.

use crate::answers::FAILURES;
use crate::fixture::{self, events};
use crate::gateway::Gateway;
use crate::outcome::{
    Received, counted, expect_whole, kinds, one_more, received, recorded, times_sent,
};
use crate::scenario::{plain, streaming};
use crate::traffic::UNAVAILABLE;
use hansard_record::part::EndWhy;
use serde_json::json;

/// The age at which events go on record, by the policies here.
const EVERY_MS: u64 = 1000;
/// How long a stream whose record failed is given to bring more data.
const SILENCE_MS: u64 = 5000;

/// A stream of which so many events have passed, and whose part with them is on its way.
fn told(gateway: &mut Gateway, count: usize) -> (u32, u32) {
    let id = streaming(gateway, "s");
    for event in &events(1)[..count] {
        gateway.response_data(id, event.as_bytes(), false);
    }
    gateway.pass_time(EVERY_MS, true);
    (id, gateway.oldest_call().expect("a part with the events"))
}

/// The error that a client got behind these events.
#[track_caller]
fn error_behind(got: &Received, passed: &[String]) {
    let error = got.text().strip_prefix(&passed.concat()).unwrap();
    assert!(error.starts_with("event: error\ndata: {\"type\":\"error\""), "{error:?}");
    assert!(error.ends_with("}\n\n"), "{error:?}");
}

/// The events of a session's parts, one number a part.
fn counts(gateway: &Gateway) -> Vec<usize> {
    let parts = recorded(gateway, "s");
    let events = parts.iter().map(|part| part.at("/hansard.v2/part/progress/events"));
    events.filter_map(|events| Some(events.as_array()?.len())).collect()
}

#[test]
fn events_go_on_record_each_second_and_the_stream_flows_on() {
    let mut gateway = Gateway::start(&plain());
    let id = streaming(&mut gateway, "s");
    let events = events(0);
    gateway.response_data(id, events[0].as_bytes(), false);
    gateway.pass_time(900, true);
    assert_eq!(gateway.oldest_call(), None);
    gateway.response_data(id, events[1].as_bytes(), false);
    gateway.pass_time(100, true);
    let first =
        gateway.oldest_call().expect("a part: the stream pauses, the root's clock does not");
    // Nobody waits for it.
    gateway.response_data(id, events[2].as_bytes(), false);
    assert_eq!(received(&gateway, id).text(), events[..3].concat());
    gateway.acknowledge(first);
    gateway.wake();
    assert_eq!(received(&gateway, id).text(), events[..3].concat());
    gateway.pass_time(EVERY_MS, true);
    gateway.pump();
    gateway.response_data(id, events[3..].concat().as_bytes(), false);
    gateway.response_data(id, b"", true);
    gateway.pump();
    let got = received(&gateway, id);
    assert_eq!((got.text(), got.ended), (events.concat().as_str(), true));
    assert_eq!(kinds(&gateway, "s"), ["opened", "progress", "progress", "closed"]);
    assert_eq!(counts(&gateway), [2, 1]);
    assert_eq!(counted(&gateway, "hansard.parts.progress"), 2);
    let parts = recorded(&gateway, "s");
    let at = |part: usize, pointer: &str| parts[part].at(&format!("/hansard.v2/part{pointer}"));
    assert_eq!(at(1, "/progress/events/0/event"), "message_start");
    assert_eq!(at(3, "/closed/response/events").as_array().unwrap().len(), events.len());
    assert_eq!(at(3, "/closed/response/events/2"), at(2, "/progress/events/0"));
    expect_whole(&gateway);
}

#[test]
fn many_bytes_go_on_record_without_a_clock() {
    let policy = fixture::with("record", json!({"progress": {"bytes": 300}}));
    let mut gateway = Gateway::start(&policy);
    let id = streaming(&mut gateway, "s");
    let events = events(0);
    for event in &events[..4] {
        gateway.response_data(id, event.as_bytes(), false);
    }
    assert_eq!(received(&gateway, id).text(), events[..4].concat());
    gateway.pump();
    assert!(!counts(&gateway).is_empty());
    gateway.response_data(id, events[4..].concat().as_bytes(), true);
    gateway.pump();
    assert_eq!(received(&gateway, id).text(), events.concat());
    expect_whole(&gateway);
}

#[test]
fn a_stream_that_cannot_be_put_on_record_ends_with_its_next_data() {
    for failure in FAILURES {
        for ends in [false, true] {
            let mut gateway = Gateway::start(&plain());
            let (id, _) = told(&mut gateway, 3);
            let events = events(1);
            failure.strike(&mut gateway);
            assert_eq!(received(&gateway, id).text(), events[..3].concat(), "{failure:?}");
            gateway.response_data(id, events[3].as_bytes(), ends);
            gateway.wake();
            let got = received(&gateway, id);
            error_behind(&got, &events[..3]);
            assert_eq!((got.ended, got.reset), (ends, !ends), "{failure:?}: cut if it still runs");
            gateway.settle();
            assert_eq!(received(&gateway, id).text(), got.text(), "{failure:?}");
            assert_eq!(kinds(&gateway, "s"), ["opened", "progress", "closed"], "{failure:?}");
            assert_eq!(recorded(&gateway, "s")[2].why, Some(EndWhy::RecordFailed), "{failure:?}");
            expect_whole(&gateway);
        }
    }
}

#[test]
fn one_that_stays_silent_is_cut() {
    let mut gateway = Gateway::start(&plain());
    let (id, call) = told(&mut gateway, 3);
    gateway.refuse(call, UNAVAILABLE);
    gateway.pass_time(SILENCE_MS - 100, true);
    let got = received(&gateway, id);
    assert_eq!((got.text(), got.reset), (events(1)[..3].concat().as_str(), false));
    gateway.pass_time(100, true);
    assert!(received(&gateway, id).reset);
    gateway.settle();
    assert_eq!(kinds(&gateway, "s"), ["opened", "progress", "closed"]);
    assert_eq!(recorded(&gateway, "s")[2].why, Some(EndWhy::RecordFailed));
    assert_eq!(one_more(&mut gateway), None);
    expect_whole(&gateway);
}

#[test]
fn one_that_envoy_holds_ends_at_once() {
    // A tool call waits for its part behind the one that fails; or it waited, and data comes again.
    for acknowledged in [false, true] {
        let mut gateway = Gateway::start(&plain());
        let (id, call) = told(&mut gateway, 3);
        let events = events(1);
        gateway.response_data(id, events[3..7].concat().as_bytes(), false);
        gateway.wake();
        let passed = if acknowledged { 7 } else { 6 };
        if acknowledged {
            let block = gateway.world().calls.keys().nth(1).copied().unwrap();
            gateway.acknowledge(block);
        }
        assert_eq!(received(&gateway, id).text(), events[..passed].concat());
        gateway.refuse(call, UNAVAILABLE);
        let got = received(&gateway, id);
        error_behind(&got, &events[..passed]);
        assert!(got.reset);
        gateway.settle();
        assert_eq!(recorded(&gateway, "s").last().unwrap().why, Some(EndWhy::RecordFailed));
        expect_whole(&gateway);
    }
}

#[test]
fn its_answer_lets_nothing_go_that_waits_for_another() {
    let mut gateway = Gateway::start(&plain());
    let (id, call) = told(&mut gateway, 3);
    let events = events(1);
    gateway.response_data(id, events[3..7].concat().as_bytes(), false);
    gateway.wake();
    gateway.acknowledge(call);
    gateway.wake();
    assert_eq!(received(&gateway, id).text(), events[..6].concat());
    // What is withheld is in no such part either, however long it waits.
    let block = gateway.oldest_call().unwrap();
    gateway.pass_time(900, false);
    gateway.acknowledge(block);
    assert_eq!(received(&gateway, id).text(), events[..7].concat());
    gateway.pass_time(EVERY_MS, true);
    gateway.response_data(id, events[7..].concat().as_bytes(), true);
    gateway.pump();
    assert_eq!(received(&gateway, id).text(), events.concat());
    assert_eq!(counts(&gateway).iter().sum::<usize>(), 7);
    expect_whole(&gateway);
}

#[test]
fn on_failure_continue_flows_and_names_it() {
    let mut gateway = Gateway::start(&fixture::with("record", json!({"on_failure": "continue"})));
    let (id, call) = told(&mut gateway, 3);
    let events = events(1);
    gateway.refuse(call, UNAVAILABLE);
    gateway.response_data(id, events[3..].concat().as_bytes(), false);
    gateway.wake();
    assert_eq!(received(&gateway, id).text(), events[..6].concat());
    gateway.pump();
    gateway.response_data(id, b"", true);
    gateway.settle();
    let got = received(&gateway, id);
    assert_eq!((got.text(), got.ended), (events.concat().as_str(), true));
    assert_eq!(recorded(&gateway, "s").last().unwrap().unacknowledged, [2]);
    assert!(times_sent(&gateway, 2) > 1, "it is sent again");
    assert_eq!(kinds(&gateway, "s"), ["opened", "progress", "progress", "closed"]);
    expect_whole(&gateway);
}

#[test]
fn once_all_is_on_record_its_answer_changes_nothing() {
    let mut gateway = Gateway::start(&plain());
    let (id, call) = told(&mut gateway, 3);
    let all = events(0);
    gateway.response_data(id, all[3..].concat().as_bytes(), true);
    gateway.wake();
    let closed = gateway.world().calls.keys().nth(1).copied().unwrap();
    gateway.acknowledge(closed);
    let got = received(&gateway, id);
    assert_eq!((got.text(), got.ended, got.reset), (all.concat().as_str(), true, false));
    gateway.settle();
    assert_eq!(received(&gateway, id).text(), all.concat());
    assert!(!gateway.world().calls.contains_key(&call));
    assert_eq!(kinds(&gateway, "s"), ["opened", "progress", "closed"]);
    expect_whole(&gateway);
}

//! Two sinks: where one fails the other is asked, within the same hold.

use crate::fault::Plan;
use crate::fixture::{TIMEOUT_MS, events, two_sinks};
use crate::gateway::Gateway;
use crate::outcome::{counted, expect_error, expect_whole, forwarded, kinds, one_more, received};
use crate::scenario::streaming;
use crate::stream::Ask;
use crate::traffic::UNAVAILABLE;

/// After so long the first is tried again.
const RETURN_MS: u64 = 30_000;

/// The sink that is asked with the oldest message.
fn asked(gateway: &Gateway) -> &str {
    gateway.cluster_of(gateway.oldest_call().expect("a message to a sink"))
}

fn refuse(gateway: &mut Gateway) {
    let call = gateway.oldest_call().expect("a message to a sink");
    gateway.refuse(call, UNAVAILABLE);
}

#[test]
fn a_part_that_the_first_refuses_goes_to_the_second_and_what_follows_begins_there() {
    let mut gateway = Gateway::start(&two_sinks());
    let id = gateway.ask(&Ask::messages("s"));
    assert_eq!(asked(&gateway), "hansard_sink");
    refuse(&mut gateway);
    assert_eq!(asked(&gateway), "spare_sink");
    assert_eq!(counted(&gateway, "hansard.sinks.failovers"), 1);
    assert_eq!(forwarded(&gateway, id), None);
    gateway.pump();
    assert!(gateway.stream(id).is_forwarded());

    let next = gateway.ask(&Ask::messages("t"));
    assert_eq!(asked(&gateway), "spare_sink", "the one that answered last");
    gateway.pump();
    assert!(gateway.stream(next).is_forwarded());

    gateway.pass_time(RETURN_MS, true);
    for (session, sink) in [("u", "hansard_sink"), ("v", "spare_sink")] {
        let id = gateway.ask(&Ask::messages(session));
        assert_eq!(asked(&gateway), sink, "the first is tried by one call");
        if session == "u" {
            refuse(&mut gateway);
            assert_eq!(asked(&gateway), "spare_sink");
        }
        gateway.pump();
        assert!(gateway.stream(id).is_forwarded());
    }
    gateway.pass_time(RETURN_MS, true);
    for session in ["w", "x"] {
        gateway.ask(&Ask::messages(session));
        assert_eq!(asked(&gateway), "hansard_sink", "it is back");
        gateway.pump();
    }
}

#[test]
fn a_sink_that_says_nothing_has_half_the_hold() {
    let mut gateway = Gateway::start(&two_sinks());
    let id = gateway.ask(&Ask::messages("s"));
    gateway.pass_time(TIMEOUT_MS / 2 - 100, true);
    assert_eq!(asked(&gateway), "hansard_sink");
    gateway.pass_time(100, true);
    assert_eq!(asked(&gateway), "spare_sink");
    // Just in time.
    gateway.pass_time(TIMEOUT_MS / 2 - 100, true);
    gateway.pump();
    assert!(gateway.stream(id).is_forwarded());

    // Both say nothing: no hold is longer for it.
    let id = gateway.ask(&Ask::messages("t"));
    gateway.pass_time(TIMEOUT_MS - 100, true);
    assert_eq!(received(&gateway, id).status, None);
    gateway.pass_time(200, true);
    expect_error(&gateway, id, "503", "api_error");
    assert_eq!(forwarded(&gateway, id), None);
    gateway.settle();
    assert_eq!(kinds(&gateway, "t"), ["refused"]);
}

#[test]
fn when_both_refuse_nothing_passes() {
    let mut gateway = Gateway::start(&two_sinks());
    let id = gateway.ask(&Ask::messages("s"));
    gateway.pump_refusing();
    expect_error(&gateway, id, "503", "api_error");
    assert_eq!(forwarded(&gateway, id), None);
    gateway.settle();
    assert_eq!(kinds(&gateway, "s"), ["refused"]);
    assert_eq!(one_more(&mut gateway), None);
    expect_whole(&gateway);
}

#[test]
fn a_sink_that_envoy_makes_no_call_to_is_passed_over_at_once() {
    let mut clean = Gateway::start(&two_sinks());
    let before = clean.world().faults.made().len();
    clean.ask(&Ask::messages("s"));
    let made = &clean.world().faults.made()[before..];
    let at = before + made.iter().position(|call| *call == "proxy_grpc_call").unwrap();
    let status = crate::fault::statuses("proxy_grpc_call")[0];
    let mut gateway = Gateway::with_fault(&two_sinks(), Some(Plan { at, status, lasts: false }));
    let id = gateway.ask(&Ask::messages("s"));
    assert_eq!(asked(&gateway), "spare_sink");
    gateway.pump();
    assert!(gateway.stream(id).is_forwarded());
}

#[test]
fn parts_that_travel_together_go_on_together() {
    let mut gateway = Gateway::start(&two_sinks());
    let ids: Vec<u32> = (0..5).map(|n| gateway.ask(&Ask::messages(&format!("s{n}")))).collect();
    gateway.wake();
    gateway.pump_but("spare_sink");
    assert!(ids.iter().all(|id| gateway.world_ref().streams[id].is_forwarded()));
    for id in ids {
        gateway.client_leaves(id);
    }
    gateway.settle();
    expect_whole(&gateway);
}

#[test]
fn a_stream_whose_sink_fails_flows_on_by_the_other() {
    let mut gateway = Gateway::start(&two_sinks());
    let id = streaming(&mut gateway, "s");
    let events = events(1);
    gateway.response_data(id, events[..7].concat().as_bytes(), false);
    gateway.wake();
    refuse(&mut gateway);
    assert_eq!(received(&gateway, id).text(), events[..6].concat(), "it is on record nowhere");
    assert_eq!(asked(&gateway), "spare_sink");
    gateway.pump();
    assert_eq!(received(&gateway, id).text(), events[..7].concat());
    gateway.response_data(id, events[7..].concat().as_bytes(), true);
    gateway.pump_but("hansard_sink");
    let got = received(&gateway, id);
    assert_eq!((got.text(), got.ended), (events.concat().as_str(), true));
    assert_eq!(kinds(&gateway, "s"), ["opened", "progress", "closed"]);
    expect_whole(&gateway);
}

#[test]
fn a_stream_that_dies_meanwhile_is_on_record_all_the_same() {
    let mut gateway = Gateway::start(&two_sinks());
    let id = gateway.ask(&Ask::messages("s"));
    refuse(&mut gateway);
    gateway.client_leaves(id);
    assert_eq!(gateway.world().calls.len(), 0, "its calls went with it, to either sink");
    gateway.settle();
    assert_eq!(kinds(&gateway, "s"), ["opened", "closed"]);
    assert_eq!(forwarded(&gateway, id), None);
    expect_whole(&gateway);
}

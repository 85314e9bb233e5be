//! The sink refuses, says nothing, answers late, or comes back.

use crate::fixture::{self, TIMEOUT_MS, events, json_head, message};
use crate::gateway::Gateway;
use crate::journal::Event;
use crate::outcome::{
    expect_error, expect_whole, forwarded, kinds, received, recorded, times_sent,
};
use crate::scenario::{exchange, plain, streaming};
use crate::stream::Ask;
use crate::traffic::UNAVAILABLE;
use hansard_record::part::EndWhy;
use serde_json::json;

/// How the sink fails.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Failure {
    /// The call ends with a status.
    Refuses,
    /// Envoy ends the call at its time-out.
    TimesOut,
    /// The answer is lost: only the filter's own clock helps.
    IsLost,
}

pub(crate) const FAILURES: [Failure; 3] = [Failure::Refuses, Failure::TimesOut, Failure::IsLost];

impl Failure {
    /// The sink fails everything that it has been sent so far.
    pub(crate) fn strike(self, gateway: &mut Gateway) {
        match self {
            Self::Refuses => gateway.pump_refusing(),
            Self::TimesOut => gateway.pass_time(TIMEOUT_MS + 100, true),
            Self::IsLost => gateway.pass_time(TIMEOUT_MS + 100, false),
        }
    }
}

#[test]
fn a_request_that_cannot_be_put_on_record_gets_503_and_goes_nowhere() {
    for failure in FAILURES {
        let mut gateway = Gateway::start(&plain());
        let id = gateway.ask(&Ask::messages("s"));
        gateway.pass_time(TIMEOUT_MS - 200, false);
        assert_eq!(received(&gateway, id).status, None, "{failure:?}: it is not time yet");
        failure.strike(&mut gateway);
        let got = expect_error(&gateway, id, "503", "api_error");
        assert_eq!(got.headers.first("x-should-retry"), None, "{failure:?}: trying again helps");
        assert_eq!(forwarded(&gateway, id), None, "{failure:?}");
        gateway.settle();
        assert_eq!(forwarded(&gateway, id), None, "{failure:?}");
        let parts = recorded(&gateway, "s");
        assert_eq!(kinds(&gateway, "s"), ["refused"], "{failure:?}");
        assert_eq!(parts[0].abandoned, [1], "{failure:?}");
        assert_eq!(parts[0].at("/hansard.v2/part/refused/who/subject"), "alice");
        expect_whole(&gateway);
    }
}

#[test]
fn a_refusal_that_cannot_be_put_on_record_gets_503_and_is_recorded_later() {
    for failure in FAILURES {
        let mut gateway = Gateway::start(&plain());
        let id = gateway.ask(&Ask::messages("s").of_model("claude-secret-1"));
        failure.strike(&mut gateway);
        expect_error(&gateway, id, "503", "api_error");
        gateway.settle();
        assert_eq!(kinds(&gateway, "s"), ["refused"], "{failure:?}");
        expect_whole(&gateway);
    }
}

#[test]
fn a_json_answer_that_cannot_be_put_on_record_is_withheld() {
    for failure in FAILURES {
        let mut gateway = Gateway::start(&plain());
        let id = gateway.ask(&Ask::messages("s"));
        gateway.pump();
        let body = message();
        gateway.respond(id, &json_head(&body), false);
        gateway.response_data(id, &body, true);
        failure.strike(&mut gateway);
        expect_error(&gateway, id, "503", "api_error");
        gateway.settle();
        // Both closing parts are on record: what the upstream said, and that it was withheld.
        let whys: Vec<_> = recorded(&gateway, "s").iter().filter_map(|part| part.why).collect();
        assert_eq!(whys, [EndWhy::Complete, EndWhy::RecordFailed], "{failure:?}");
        expect_whole(&gateway);
    }
}

#[test]
fn a_stream_whose_tool_call_cannot_be_put_on_record_ends_with_an_error() {
    for failure in FAILURES {
        let mut gateway = Gateway::start(&plain());
        let id = streaming(&mut gateway, "s");
        let events = events(1);
        gateway.response_data(id, events[..7].concat().as_bytes(), false);
        gateway.wake();
        failure.strike(&mut gateway);
        let got = received(&gateway, id);
        let error = got.text().strip_prefix(&events[..6].concat()).unwrap();
        assert!(
            error.starts_with("event: error\ndata: {\"type\":\"error\""),
            "{failure:?} {error}"
        );
        assert!(error.ends_with("}\n\n"), "{failure:?}: {error}");
        assert!(got.reset, "{failure:?}: the upstream still runs, and is cut");
        // What comes late passes nowhere.
        gateway.response_data(id, events[7..].concat().as_bytes(), true);
        gateway.settle();
        assert_eq!(received(&gateway, id).text(), got.text(), "{failure:?}");
        assert_eq!(kinds(&gateway, "s"), ["opened", "progress", "closed"], "{failure:?}");
        assert_eq!(recorded(&gateway, "s")[2].why, Some(EndWhy::RecordFailed), "{failure:?}");
        expect_whole(&gateway);
    }
}

#[test]
fn a_stream_whose_end_cannot_be_put_on_record_ends_with_an_error() {
    for failure in FAILURES {
        let mut gateway = Gateway::start(&plain());
        let id = streaming(&mut gateway, "s");
        let events = events(0);
        for event in &events {
            gateway.response_data(id, event.as_bytes(), false);
            gateway.wake();
        }
        gateway.response_data(id, b"", true);
        failure.strike(&mut gateway);
        let got = received(&gateway, id);
        let error = got.text().strip_prefix(&events[..5].concat()).unwrap();
        assert!(
            error.starts_with("event: error\ndata: {\"type\":\"error\""),
            "{failure:?} {error}"
        );
        assert!(got.ended && !got.reset, "{failure:?}: a reset would overtake the event");
        gateway.settle();
        expect_whole(&gateway);
    }
}

/// Limits of a stream: what it breaks, and why it then ends.
#[test]
fn a_stream_over_a_limit_ends_with_an_error() {
    let cases = [
        ("hold_bytes", 1024, EndWhy::RecordFailed),
        ("response_bytes", 2048, EndWhy::ResponseTooLarge),
    ];
    for (limit, bytes, why) in cases {
        let mut gateway = Gateway::start(&fixture::with("limits", json!({limit: bytes})));
        let id = streaming(&mut gateway, "s");
        let events = events(4);
        gateway.response_data(id, events[..7].concat().as_bytes(), false);
        gateway.wake();
        for event in &events[7..] {
            // The sink says nothing: everything is held.
            gateway.response_data(id, event.as_bytes(), false);
            gateway.response_data(id, &[b":", [b'.'; 300].as_slice(), b"\n\n"].concat(), false);
        }
        gateway.wake();
        let got = received(&gateway, id);
        let error = got.text().strip_prefix(&events[..6].concat()).unwrap();
        assert!(error.starts_with("event: error\ndata: {\"type\":\"error\""), "{limit}: {error}");
        assert!(got.reset, "{limit}");
        gateway.settle();
        assert_eq!(recorded(&gateway, "s").last().unwrap().why, Some(why), "{limit}");
        expect_whole(&gateway);
    }
}

#[test]
fn an_answer_after_the_deadline_changes_nothing() {
    let mut gateway = Gateway::start(&plain());
    // The first call is the stream's own, the second the root's, which outlives its stream.
    let first = gateway.ask(&Ask::messages("s1"));
    let second = gateway.ask(&Ask::messages("s2"));
    gateway.wake();
    assert_eq!(gateway.world().calls.len(), 2);
    gateway.pass_time(TIMEOUT_MS + 100, false);
    for id in [first, second] {
        expect_error(&gateway, id, "503", "api_error");
    }
    gateway.pump();
    gateway.settle();
    for id in [first, second] {
        assert_eq!(forwarded(&gateway, id), None);
    }
    expect_whole(&gateway);
}

#[test]
fn a_slow_answer_within_the_time_is_taken() {
    let mut gateway = Gateway::start(&plain());
    let id = gateway.ask(&Ask::messages("s"));
    gateway.pass_time(TIMEOUT_MS - 100, true);
    assert_eq!(forwarded(&gateway, id), None);
    gateway.pump();
    assert!(gateway.stream(id).is_forwarded());
}

#[test]
fn a_part_that_nobody_waits_for_is_sent_again_until_it_is_acknowledged() {
    let mut gateway = Gateway::start(&plain());
    let id = streaming(&mut gateway, "s");
    gateway.response_data(id, events(0)[0].as_bytes(), false);
    gateway.client_leaves(id);
    for _ in 0..20 {
        gateway.pump_refusing();
        gateway.pass_time(1000, true);
    }
    let tries = times_sent(&gateway, 2);
    // 0.5 s, doubled up to 10 s: some tries in 20 s, and no flood.
    assert!((4..12).contains(&tries), "{tries} tries");
    assert_eq!(kinds(&gateway, "s"), ["opened"]);
    gateway.settle();
    assert_eq!(kinds(&gateway, "s"), ["opened", "closed"]);
    let tries = times_sent(&gateway, 2);
    gateway.settle();
    assert_eq!(times_sent(&gateway, 2), tries, "an acknowledged part is not sent again");
    expect_whole(&gateway);
}

#[test]
fn on_failure_continue_passes_and_names_what_was_not_acknowledged() {
    let mut gateway = Gateway::start(&fixture::with("record", json!({"on_failure": "continue"})));
    let ask = Ask::messages("s");
    let id = gateway.ask(&ask);
    gateway.pump_refusing();
    assert_eq!(forwarded(&gateway, id), Some(ask.body));
    let body = message();
    gateway.respond(id, &json_head(&body), false);
    gateway.response_data(id, &body, true);
    gateway.pump_refusing();
    let got = received(&gateway, id);
    assert_eq!((got.status.as_deref(), got.body), (Some("200"), body));
    gateway.settle();
    let parts = recorded(&gateway, "s");
    assert_eq!(kinds(&gateway, "s"), ["opened", "closed"]);
    assert_eq!(parts[1].unacknowledged, [1]);
}

#[test]
fn a_message_that_nobody_sent_is_no_acknowledgement() {
    let mut gateway = Gateway::start(&plain());
    let id = gateway.ask(&Ask::messages("s"));
    gateway.call(id, "proxy_on_grpc_receive", &[id, 4711, 0]);
    gateway.call(id, "proxy_on_grpc_close", &[id, 4712, UNAVAILABLE]);
    gateway.wake();
    assert_eq!(forwarded(&gateway, id), None);
    gateway.pump();
    assert!(gateway.stream(id).is_forwarded());
}

#[test]
fn parts_are_numbered_without_a_gap_over_exchanges_of_every_outcome() {
    let mut gateway = Gateway::start(&plain());
    exchange(&mut gateway, "s1");
    gateway.ask(&Ask::messages("s2"));
    gateway.pump_refusing();
    gateway.ask(&Ask::messages("s3").without_header("authorization"));
    gateway.pump();
    let id = streaming(&mut gateway, "s4");
    gateway.client_leaves(id);
    exchange(&mut gateway, "s5");
    gateway.settle();
    let mut numbers: Vec<u64> = Vec::new();
    for event in &gateway.world().journal {
        if let Event::Acknowledged { parts } = event {
            numbers.extend(parts.iter().map(|part| part.seq));
            numbers.extend(parts.iter().flat_map(|part| &part.abandoned));
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    expect_whole(&gateway);
}

//! Promises 1 and 2, step by step: what each end has got before and after each acknowledgement.

use crate::abi::Headers;
use crate::fixture::{CONTENT, DEVELOPER, events, json_head, message, sse_head};
use crate::gateway::Gateway;
use crate::outcome::{all_leave, expect_whole, forwarded, kinds, received, recorded};
use crate::scenario::{logged, plain, streaming};
use crate::sink::Part;
use crate::stream::Ask;
use hansard_record::part::EndWhy;
use serde_json::json;

/// The sink acknowledges the oldest message, which must be there.
fn acknowledge(gateway: &mut Gateway) {
    let call = gateway.oldest_call().expect("a message to the sink");
    gateway.acknowledge(call);
}

#[test]
fn nothing_of_a_request_passes_before_its_opened_part_is_on_record() {
    let mut gateway = Gateway::start(&plain());
    let ask = Ask::messages("s");
    let id = gateway.open(&ask);
    let (first, rest) = ask.body.split_at(30);
    gateway.request_data(id, first, false);
    assert_eq!(gateway.oldest_call(), None, "the request is not whole");
    gateway.request_data(id, rest, false);
    gateway.request_data(id, b"", true);
    gateway.wake();
    gateway.pass_time(300, true);
    assert_eq!(forwarded(&gateway, id), None);
    acknowledge(&mut gateway);
    assert_eq!(forwarded(&gateway, id), Some(ask.body));
    assert!(gateway.stream(id).is_forwarded());
    expect_whole_after(gateway, "s");
}

/// Ends what runs, and looks at the whole.
fn expect_whole_after(mut gateway: Gateway, session: &str) {
    all_leave(&mut gateway);
    gateway.settle();
    assert_eq!(kinds(&gateway, session).last(), Some(&"closed"));
    expect_whole(&gateway);
}

#[test]
fn a_request_goes_up_without_credentials_and_without_an_encoding_to_choose() {
    let mut gateway = Gateway::start(&plain());
    let ask = Ask::messages("s")
        .with_header("x-envoy-retry-on", "5xx")
        .with_header("anthropic-beta", "tools-2027")
        .with_header("x-unknown", "kept");
    let id = gateway.ask(&ask);
    gateway.pump();
    let headers = &gateway.stream(id).request.headers;
    for gone in ["authorization", "x-api-key", "x-envoy-retry-on"] {
        assert_eq!(headers.first(gone), None, "{gone}");
    }
    assert_eq!(headers.first("accept-encoding"), Some("identity"));
    assert_eq!(headers.first("anthropic-beta"), Some("tools-2027"));
    assert_eq!(headers.first("x-unknown"), Some("kept"));
}

#[test]
fn the_opened_part_says_who_asked_what_and_which_rule_admitted_it() {
    let mut gateway = Gateway::start(&plain());
    gateway.ask(&Ask::messages("s"));
    gateway.pump();
    let opened = &recorded(&gateway, "s")[0];
    let at = |pointer: &str| opened.at(&format!("/hansard.v2{pointer}"));
    assert_eq!(at("/seq"), 1);
    assert_eq!(at("/gateway/node"), "node-1");
    assert_eq!(at("/part/opened/who/subject"), "alice");
    assert_eq!(at("/part/opened/who/groups"), json!(["developers"]));
    assert_eq!(at("/part/opened/from/address"), "10.0.0.7:40002");
    assert_eq!(at("/part/opened/decision/rule"), "developers");
    assert_eq!(at("/part/opened/decision/not_applied/0/rule"), "no-secret-models");
    assert_eq!(at("/part/opened/request/model"), "claude-sonnet-4-5");
    assert!(opened.text.contains(CONTENT));
    assert!(!opened.text.contains(DEVELOPER.as_str()));
}

#[test]
fn a_json_answer_is_withheld_until_its_closed_part_is_on_record() {
    let mut gateway = Gateway::start(&plain());
    let id = gateway.ask(&Ask::messages("s"));
    gateway.pump();
    let body = message();
    let (first, rest) = body.split_at(40);
    gateway.respond(id, &json_head(&body), false);
    gateway.response_data(id, first, false);
    assert_eq!(gateway.oldest_call(), None, "the answer is not whole");
    gateway.response_data(id, rest, true);
    gateway.wake();
    assert_eq!(received(&gateway, id).status, None, "not even the head passes");
    acknowledge(&mut gateway);
    let got = received(&gateway, id);
    assert_eq!((got.status.as_deref(), got.ended), (Some("200"), true));
    assert_eq!(got.body, body);
    let closed = &recorded(&gateway, "s")[1];
    assert_eq!((closed.why, closed.status), (Some(EndWhy::Complete), 200));
    assert_eq!(closed.at("/hansard.v2/part/closed/response/request_id"), "req_1");
    assert_eq!(closed.at("/hansard.v2/part/closed/response/usage/output_tokens"), 5);
    expect_whole(&gateway);
}

#[test]
fn text_flows_at_once_and_the_last_event_waits() {
    let mut gateway = Gateway::start(&plain());
    let id = streaming(&mut gateway, "s");
    let events = events(0);
    let (last, first) = events.split_last().unwrap();
    for event in first {
        gateway.response_data(id, event.as_bytes(), false);
    }
    assert_eq!(received(&gateway, id).text(), first.concat());
    assert_eq!(gateway.oldest_call(), None, "text is no reason to call");
    gateway.response_data(id, last.as_bytes(), false);
    gateway.wake();
    gateway.response_data(id, b"", true);
    gateway.wake();
    assert_eq!(received(&gateway, id).text(), first.concat());
    acknowledge(&mut gateway);
    let got = received(&gateway, id);
    assert_eq!(got.text(), events.concat());
    assert!(got.ended && !got.reset);
    assert_eq!(kinds(&gateway, "s"), ["opened", "closed"]);
    expect_whole(&gateway);
}

#[test]
fn the_stop_of_a_tool_call_waits_and_the_stream_flows_on() {
    let mut gateway = Gateway::start(&plain());
    let id = streaming(&mut gateway, "s");
    let events = events(1);
    // start, text (3), tool start, delta | stop, message_delta | message_stop
    gateway.response_data(id, events[..8].concat().as_bytes(), false);
    gateway.wake();
    assert_eq!(received(&gateway, id).text(), events[..6].concat());
    acknowledge(&mut gateway);
    assert_eq!(received(&gateway, id).text(), events[..8].concat());
    gateway.response_data(id, events[8].as_bytes(), false);
    gateway.wake();
    assert_eq!(received(&gateway, id).text(), events[..8].concat());
    gateway.response_data(id, b"", true);
    gateway.pump();
    assert_eq!(received(&gateway, id).text(), events.concat());
    let parts = recorded(&gateway, "s");
    assert_eq!(kinds(&gateway, "s"), ["opened", "progress", "closed"]);
    assert_eq!(parts[1].index, Some(1));
    assert_eq!(parts[1].at("/hansard.v2/part/progress/block/input/command"), "ls");
    assert_eq!(parts[2].at("/hansard.v2/part/closed/response/stop_reason"), "tool_use");
    expect_whole(&gateway);
}

#[test]
fn once_the_end_has_come_nothing_passes_before_everything_is_on_record() {
    let mut gateway = Gateway::start(&plain());
    let id = streaming(&mut gateway, "s");
    let all = events(2).concat();
    gateway.response_data(id, all.as_bytes(), true);
    loop {
        gateway.wake();
        let Some(call) = gateway.oldest_call() else { break };
        assert_eq!(received(&gateway, id).text(), "");
        gateway.acknowledge(call);
    }
    assert_eq!(received(&gateway, id).text(), all);
    assert_eq!(kinds(&gateway, "s"), ["opened", "progress", "progress", "closed"]);
    expect_whole(&gateway);
}

#[test]
fn trailers_pass_both_ways_after_the_record() {
    let mut gateway = Gateway::start(&plain());
    let ask = Ask::messages("s");
    let id = gateway.open(&ask);
    gateway.request_data(id, &ask.body, false);
    gateway.request_trailers(id);
    assert_eq!(forwarded(&gateway, id), None);
    gateway.pump();
    assert_eq!(forwarded(&gateway, id), Some(ask.body));
    let body = message();
    gateway.respond(id, &json_head(&body), false);
    gateway.response_data(id, &body, false);
    gateway.response_trailers(id);
    assert_eq!(received(&gateway, id).status, None);
    gateway.pump();
    let got = received(&gateway, id);
    assert_eq!(got.body, body);
    assert!(got.ended);
    expect_whole(&gateway);
}

#[test]
fn a_stream_does_not_promise_its_length() {
    let mut gateway = Gateway::start(&plain());
    let id = gateway.ask(&Ask::messages("s"));
    gateway.pump();
    let mut head = sse_head();
    head.set("content-length", "10000");
    gateway.respond(id, &head, false);
    assert_eq!(received(&gateway, id).headers.first("content-length"), None);
}

#[test]
fn answers_without_a_body_wait_as_well() {
    for head in [json_head(b""), sse_head()] {
        let mut gateway = Gateway::start(&plain());
        let id = gateway.ask(&Ask::messages("s"));
        gateway.pump();
        gateway.respond(id, &head, true);
        assert_eq!(received(&gateway, id).status, None, "{head:?}");
        acknowledge(&mut gateway);
        let got = received(&gateway, id);
        assert_eq!((got.status.as_deref(), got.ended), (Some("200"), true), "{head:?}");
        expect_whole(&gateway);
    }
}

#[test]
fn the_list_of_models_and_a_probe() {
    let mut gateway = Gateway::start(&plain());
    let id = gateway.ask(&Ask::models("s"));
    assert!(!gateway.stream(id).is_forwarded());
    gateway.pump();
    assert!(gateway.stream(id).is_forwarded());
    let pairs = [(":method", "HEAD"), (":path", "/api/hello"), (":authority", "api.example")];
    let probe = gateway.ask(&Ask { headers: Headers::new(&pairs), body: Vec::new() });
    let got = received(&gateway, probe);
    assert_eq!((got.status.as_deref(), got.ended), (Some("200"), true));
    assert_eq!(forwarded(&gateway, probe), None);
    expect_whole_after(gateway, "s");
}

#[test]
fn under_access_log_delivery_nothing_waits_and_the_record_is_left_in_filter_state() {
    let mut gateway = Gateway::start(&logged());
    let ask = Ask::messages("s");
    let id = gateway.ask(&ask);
    assert_eq!(forwarded(&gateway, id), Some(ask.body));
    gateway.respond(id, &sse_head(), false);
    let all = events(1);
    for event in &all {
        gateway.response_data(id, event.as_bytes(), false);
    }
    assert_eq!(received(&gateway, id).text(), all.concat());
    gateway.response_data(id, b"", true);
    gateway.settle();
    assert!(received(&gateway, id).ended);
    assert_eq!(gateway.oldest_call(), None);
    let state = &gateway.stream(id).filter_state;
    let opened = Part::of(&state["hansard.opened"], 0).unwrap();
    let closed = Part::of(&state["hansard.closed"], 0).unwrap();
    assert_eq!((opened.kind, opened.seq), ("opened", 1));
    assert_eq!((closed.kind, closed.seq), ("closed", 2));
    assert_eq!(closed.why, Some(EndWhy::Complete));
    assert_eq!(opened.exchange.as_bytes(), state["hansard.exchange"]);
}

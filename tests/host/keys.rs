//! Keys that are fetched over Envoy: streams wait for the first set, within limits.

use crate::fixture::{fetched_keys, jwks};
use crate::gateway::Gateway;
use crate::outcome::{expect_error, expect_whole, forwarded, kinds, one_more, received};
use crate::stream::Ask;

#[test]
fn the_fetch_goes_to_the_issuer() {
    let mut gateway = Gateway::start(&fetched_keys());
    let fetch = gateway.world().fetches.values().next().unwrap();
    assert_eq!(fetch.headers.first(":method"), Some("GET"));
    assert_eq!(fetch.headers.first(":path"), Some("/keys"));
    assert_eq!(fetch.headers.first(":authority"), Some("idp.example"));
}

#[test]
fn streams_wait_for_the_first_keys_and_then_go_on() {
    let mut gateway = Gateway::start(&fetched_keys());
    let whole = gateway.ask(&Ask::messages("whole"));
    let ask = Ask::messages("arriving");
    let arriving = gateway.open(&ask);
    gateway.request_data(arriving, &ask.body[..30], false);
    gateway.pass_time(500, true);
    assert_eq!(gateway.oldest_call(), None, "nothing is said of a caller who is not known");
    gateway.answer_fetches(200, &jwks().to_string());
    gateway.pump();
    assert!(gateway.stream(whole).is_forwarded());
    assert!(!gateway.stream(arriving).is_forwarded());
    gateway.request_data(arriving, &ask.body[30..], true);
    gateway.pump();
    assert!(gateway.stream(arriving).is_forwarded());
    for id in [whole, arriving] {
        gateway.client_leaves(id);
    }
    gateway.settle();
    expect_whole(&gateway);
}

#[test]
fn a_fetch_that_fails_is_tried_again() {
    for (status, body) in [(0, ""), (500, ""), (200, "no keys"), (200, "{\"keys\":[]}")] {
        let mut gateway = Gateway::start(&fetched_keys());
        let id = gateway.ask(&Ask::messages("s"));
        gateway.answer_fetches(status, body);
        assert_eq!(received(&gateway, id).status, None, "it still waits");
        gateway.pass_time(1200, true);
        assert_eq!(gateway.world().fetches.len(), 1, "after {status} {body:?}");
        gateway.answer_fetches(200, &jwks().to_string());
        gateway.pump();
        assert!(gateway.stream(id).is_forwarded());
    }
}

#[test]
fn who_waits_too_long_gets_503_on_record() {
    let mut gateway = Gateway::start(&fetched_keys());
    let id = gateway.ask(&Ask::messages("s"));
    gateway.pass_time(1800, true);
    assert_eq!(received(&gateway, id).status, None);
    gateway.pass_time(400, true);
    gateway.pump();
    expect_error(&gateway, id, "503", "api_error");
    assert_eq!(forwarded(&gateway, id), None);
    assert_eq!(kinds(&gateway, "s"), ["refused"]);
    gateway.answer_fetches(200, &jwks().to_string());
    assert_eq!(one_more(&mut gateway), None);
    expect_whole(&gateway);
}

#[test]
fn who_leaves_while_waiting_is_recorded_as_refused() {
    let mut gateway = Gateway::start(&fetched_keys());
    let id = gateway.ask(&Ask::messages("s"));
    gateway.client_leaves(id);
    gateway.answer_fetches(200, &jwks().to_string());
    gateway.settle();
    assert_eq!(kinds(&gateway, "s"), ["refused"]);
    assert_eq!(one_more(&mut gateway), None);
    expect_whole(&gateway);
}

#[test]
fn an_unanswered_fetch_is_given_up_and_repeated() {
    let mut gateway = Gateway::start(&fetched_keys());
    // The host loses the call without a word.
    gateway.world().fetches.clear();
    gateway.pass_time(10_500, true);
    assert_eq!(gateway.world().fetches.len(), 1);
    gateway.answer_fetches(200, &jwks().to_string());
    assert_eq!(one_more(&mut gateway), None);
    expect_whole(&gateway);
}

#[test]
fn a_cluster_that_is_not_there_yet_is_tried_on_a_later_tick() {
    let unknown = fetched_keys().replace("\"idp\"", "\"not-yet\"");
    let mut gateway = Gateway::start(&unknown);
    let tries = |gateway: &Gateway| {
        let made = gateway.world_ref().faults.made().iter();
        made.filter(|call| **call == "proxy_http_call").count()
    };
    assert_eq!(tries(&gateway), 1);
    gateway.pass_time(2500, true);
    assert_eq!(tries(&gateway), 3, "once a second");
}

#[test]
fn new_keys_put_old_tokens_out_of_force() {
    let mut gateway = Gateway::start(&fetched_keys());
    gateway.answer_fetches(200, &jwks().to_string());
    assert_eq!(one_more(&mut gateway), None);
    // The issuer replaces its key; the token was good and is remembered.
    gateway.pass_time(301_000, true);
    let other = jwks().to_string().replace("k1", "k2");
    gateway.answer_fetches(200, &other);
    let id = gateway.ask(&Ask::messages("old-token"));
    gateway.pump();
    expect_error(&gateway, id, "401", "authentication_error");
}

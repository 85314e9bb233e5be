//! Promise 4: what is turned away is on record before the client is told.

use crate::fixture;
use crate::gateway::Gateway;
use crate::outcome::{expect_error, expect_whole, forwarded, received, recorded};
use crate::scenario::plain;
use crate::stream::Ask;
use hansard_record::part::EndWhy;
use serde_json::{Value, json};

/// A refusal and the part that records it.
struct Refusal {
    name: &'static str,
    ask: fn() -> Ask,
    status: &'static str,
    kind: &'static str,
    retry: Option<&'static str>,
    rule: Value,
}

#[test]
fn a_refusal_is_recorded_before_it_is_told() {
    let refusals = [
        Refusal {
            name: "model",
            ask: || Ask::messages("s").of_model("claude-secret-1"),
            status: "400",
            kind: "policy_blocked",
            retry: Some("false"),
            rule: json!("no-secret-models"),
        },
        Refusal {
            name: "group",
            ask: || {
                let token = format!("Bearer {}", fixture::token(&["sales"]));
                Ask::messages("s").with_header("authorization", &token)
            },
            status: "400",
            kind: "policy_blocked",
            retry: Some("false"),
            rule: Value::Null,
        },
        Refusal {
            name: "endpoint",
            ask: || Ask::messages("s").with_header(":path", "/v1/files"),
            status: "400",
            kind: "policy_blocked",
            retry: Some("false"),
            rule: Value::Null,
        },
        Refusal {
            name: "no token",
            ask: || Ask::messages("s").without_header("authorization"),
            status: "401",
            kind: "authentication_error",
            retry: Some("false"),
            rule: Value::Null,
        },
        Refusal {
            name: "an encoded body",
            ask: || Ask::messages("s").with_header("content-encoding", "gzip"),
            status: "415",
            kind: "invalid_request_error",
            retry: Some("false"),
            rule: Value::Null,
        },
        Refusal {
            name: "a body over the limit",
            ask: || Ask::messages("s").with_header("content-length", "99999999"),
            status: "413",
            kind: "request_too_large",
            retry: Some("false"),
            rule: Value::Null,
        },
    ];
    for refusal in refusals {
        let mut gateway = Gateway::start(&plain());
        let id = gateway.ask(&(refusal.ask)());
        gateway.wake();
        assert_eq!(received(&gateway, id).status, None, "{}", refusal.name);
        gateway.pump();
        let got = expect_error(&gateway, id, refusal.status, refusal.kind);
        assert_eq!(got.headers.first("x-should-retry"), refusal.retry, "{}", refusal.name);
        let parts = recorded(&gateway, "s");
        assert_eq!((parts.len(), parts[0].kind), (1, "refused"), "{}", refusal.name);
        assert_eq!(parts[0].status.to_string(), refusal.status, "{}", refusal.name);
        let rule = parts[0].at("/hansard.v2/part/refused/decision/rule");
        assert_eq!(rule, refusal.rule, "{}", refusal.name);
        assert_eq!(forwarded(&gateway, id), None, "{}", refusal.name);
        expect_whole(&gateway);
    }
}

#[test]
fn an_encoded_answer_is_withheld() {
    let mut gateway = Gateway::start(&plain());
    let id = gateway.ask(&Ask::messages("s"));
    gateway.pump();
    let mut head = fixture::json_head(b"x");
    head.set("content-encoding", "gzip");
    gateway.respond(id, &head, false);
    gateway.settle();
    expect_error(&gateway, id, "502", "api_error");
    assert_eq!(recorded(&gateway, "s")[1].why, Some(EndWhy::EncodedResponse));
    expect_whole(&gateway);
}

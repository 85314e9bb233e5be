//! What is decided before the body is here, and what else stands in the part of an arrival.

use super::admission::{SMALL, answered, who};
use super::*;

#[test]
fn credentials_and_directions_to_envoy_do_not_go_upstream() {
    let request = headers(&[
        (":method", "POST"),
        ("authorization", "Bearer x"),
        ("Authorization-Info", "kept"),
        ("x-api-key", "x"),
        ("cookie", "x"),
        ("proxy-authorization", "x"),
        ("x-envoy-retry-on", "5xx"),
        ("x-envoy-upstream-rq-timeout-ms", "1"),
        ("x-envoyish", "kept"),
        ("anthropic-beta", "kept"),
        ("x-claude-code-session-id", "kept"),
    ]);
    let removed: Vec<_> = Arrival::headers_to_remove(&request).collect();
    let expected = [
        "authorization",
        "x-api-key",
        "cookie",
        "proxy-authorization",
        "x-envoy-retry-on",
        "x-envoy-upstream-rq-timeout-ms",
    ];
    assert_eq!(removed, expected);
}

// === before the body ===

#[test]
fn a_token_waits_for_its_keys_and_is_refused_without_them() {
    let fetched = json!({"identity": {"issuers": [{
        "issuer": "https://issuer.example", "audiences": ["hansard"], "algorithms": ["ES256"],
        "jwks": {"uri": "https://issuer.example/keys", "cluster": "issuer"},
    }]}});
    let mut gateway = Gateway::under(fetched);
    let headers = request("POST", "/v1/messages", &[]);
    let mut arrivals = [(); 3].map(|()| gateway.arrival(&headers));
    assert!(arrivals.iter().all(|arrival| !arrival.is_identified() && arrival.wants_body()));
    let [given_up, out_of_time, patient] = &mut arrivals;
    given_up.no_keys();
    assert!(given_up.is_identified() && !given_up.wants_body());
    assert!(!out_of_time.identify(&gateway.policy, &mut gateway.verifier, NOW));
    let set = json!({"keys": keys()}).to_string();
    gateway.verifier.keys_arrived(0, Some(set.as_bytes()), NOW);
    assert!(patient.identify(&gateway.policy, &mut gateway.verifier, NOW));
    patient.no_keys();

    let outcomes = arrivals.map(|arrival| {
        match arrival.conclude(
            &gateway.policy,
            &mut gateway.redactor,
            &mut gateway.scribe,
            REQUEST.as_bytes(),
            NOW,
        ) {
            Opening::Opened(..) => "opened".to_owned(),
            Opening::Refused(refused) => {
                let part = content(refused.parcel.as_ref().unwrap(), "refused");
                assert_eq!(part["who"], Value::Null);
                answered(&refused.answer, &part)
            }
        }
    });
    assert_eq!(outcomes, ["503 api_error again", "503 api_error again", "opened"]);
}

#[test]
fn a_flood_of_new_tokens_is_told_to_come_again() {
    let mut gateway = Gateway::new();
    let outcomes: Vec<_> = (0..300)
        .map(|number| {
            let bearer = format!("Bearer forged.{number}.token");
            let headers =
                headers(&[(":method", "GET"), (":path", "/v1/models"), ("authorization", &bearer)]);
            match gateway.concluded(&headers, b"") {
                Opening::Opened(..) => panic!("a forged token was admitted"),
                Opening::Refused(refused) => {
                    answered(&refused.answer, &content(&refused.parcel.unwrap(), "refused"))
                }
            }
        })
        .collect();
    assert_eq!(outcomes[0], "401 authentication_error final");
    assert_eq!(outcomes[299], "503 api_error again");
}

#[test]
fn a_body_counts_four_times_against_the_memory() {
    let mut gateway = Gateway::under(json!({"limits": {"memory_bytes": 1 << 20}}));
    let budget = Budget::default();
    let mut charge = budget.charge();
    let headers = request("POST", "/v1/messages", &[]);
    for (used, fits) in [
        (0, true),
        ((1 << 20) - 4 * REQUEST.len(), true),
        ((1 << 20) - 4 * REQUEST.len() + 1, false),
    ] {
        charge.set(used);
        let mut arrival = gateway.arrival(&headers);
        arrival.measure(&gateway.policy, &budget, REQUEST.len());
        assert_eq!(arrival.wants_body(), fits, "{used}");
        let opening = arrival.conclude(
            &gateway.policy,
            &mut gateway.redactor,
            &mut gateway.scribe,
            REQUEST.as_bytes(),
            NOW,
        );
        match opening {
            Opening::Opened(..) => assert!(fits, "{used}"),
            Opening::Refused(refused) => {
                let part = content(&refused.parcel.unwrap(), "refused");
                assert_eq!(answered(&refused.answer, &part), "503 api_error again");
                assert_eq!(part["who"], who());
            }
        }
    }
}

#[test]
fn the_limit_itself_is_not_too_large() {
    let mut gateway = Gateway::under(json!({"limits": {"request_bytes": SMALL}}));
    let headers = request("POST", "/v1/messages", &[]);
    for (bytes, too_large) in [(SMALL, false), (SMALL + 1, true)] {
        let mut arrival = gateway.arrival(&headers);
        arrival.measure(&gateway.policy, &Budget::default(), bytes);
        assert_eq!(arrival.wants_body(), !too_large, "{bytes}");
    }
}

#[test]
fn a_request_that_broke_off_is_on_record() {
    let mut gateway = Gateway::new();
    for (named, status) in [("verified", 408), ("unverified", 408)] {
        let headers = match named {
            "verified" => request("POST", "/v1/messages", &[]),
            _ => headers(&[(":method", "POST"), (":path", "/v1/messages")]),
        };
        let mut arrival = gateway.arrival(&headers);
        arrival.broken_off(status);
        let Opening::Refused(refused) =
            arrival.conclude(&gateway.policy, &mut gateway.redactor, &mut gateway.scribe, b"", NOW)
        else {
            panic!("opened");
        };
        let part = content(&refused.parcel.unwrap(), "refused");
        let expected = if named == "verified" { 408 } else { 401 };
        assert_eq!(part["refusal"]["status"], expected, "{named}");
        assert_eq!(part["who"].is_object(), named == "verified");
    }
}

// === what else stands in a part ===

#[test]
fn the_session_is_what_the_client_says_the_header_before_the_body() {
    let user_id =
        r#"{"model":"claude-haiku-4-5","metadata":{"user_id":"{\"session_id\":\"from-body\"}"}}"#;
    let header = ("x-claude-code-session-id", "from-header");
    let agent = ("x-claude-code-agent-id", "agent-1");
    let cases: &[(&[(&str, &str)], &str, Value)] = &[
        (&[], REQUEST, json!({})),
        (&[], user_id, json!({"id": "from-body"})),
        (&[header], user_id, json!({"id": "from-header"})),
        (&[agent], user_id, json!({"id": "from-body", "agent": "agent-1"})),
        (&[header, agent], REQUEST, json!({"id": "from-header", "agent": "agent-1"})),
    ];
    for (fields, body, session) in cases {
        let mut gateway = Gateway::new();
        let headers = request("POST", "/v1/messages", fields);
        let Opening::Opened(_, parcel) = gateway.concluded(&headers, body.as_bytes()) else {
            panic!("refused");
        };
        assert_eq!(content(&parcel, "opened")["session"], *session, "{fields:?}");
    }
}

#[test]
fn the_peer_is_on_record_with_its_certificate() {
    let mut gateway = Gateway::new();
    let headers = request("POST", "/v1/messages", &[]);
    let head = Head::new(&headers, "[2001:db8::7]:443".into(), Some("CN=ada".into()));
    let mut arrival =
        Arrival::new(id(), NOW, &gateway.policy, &mut gateway.redactor, &headers, head);
    arrival.identify(&gateway.policy, &mut gateway.verifier, NOW);
    let opening = arrival.conclude(
        &gateway.policy,
        &mut gateway.redactor,
        &mut gateway.scribe,
        REQUEST.as_bytes(),
        NOW,
    );
    let Opening::Opened(_, parcel) = opening else { panic!("refused") };
    let from = json!({"address": "[2001:db8::7]:443", "certificate": "CN=ada", "user_agent": "claude-cli/2.1"});
    assert_eq!(content(&parcel, "opened")["from"], from);
}

#[test]
fn a_body_is_recorded_byte_for_byte() {
    let body = r#"{"b":1e5,"a":[123456789012345678901234567890,"\/\ud83d"],"model":"claude-\u0068aiku","a":0}"#;
    let mut gateway = Gateway::new();
    let padded = format!("\n {body}\r\n");
    let headers = request("POST", "/v1/messages", &[]);
    let Opening::Opened(_, parcel) = gateway.concluded(&headers, padded.as_bytes()) else {
        panic!("refused");
    };
    let record = String::from_utf8(parcel.message.record().to_vec()).unwrap();
    assert!(record.contains(&format!("\"body\":{body}}}")), "{record}");
    assert!(record.contains(r#""model":"claude-haiku""#), "{record}");
    assert!(record.contains(&format!("\"bytes\":{}", padded.len())), "{record}");
}

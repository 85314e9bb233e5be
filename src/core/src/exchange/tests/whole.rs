//! Responses that are withheld until they are whole.

use super::*;
use base64::engine::general_purpose::STANDARD;

const JSON: [(&str, &str); 3] =
    [(":status", "200"), ("content-type", "application/json"), ("request-id", "req_7")];

fn closed(response: &[(&str, &str)], body: &[u8]) -> (Value, Vec<u8>) {
    let mut gateway = Gateway::new();
    let whole = gateway.whole(response);
    let parcel =
        whole.complete(&mut gateway.redactor, &mut gateway.scribe, body, NOW + 9).unwrap().parcel;
    (content(&parcel, "closed"), parcel.message.record().to_vec())
}

#[test]
fn bodies() {
    let message = r#"{"usage":{"output_tokens":2,"input_tokens":1e1},"content":[{"text":"caf\u00e9 \/"}],"stop_reason":"end_turn","z":1.0}"#;
    let usage = json!({"output_tokens": 2, "input_tokens": 1e1});
    let end_turn = json!("end_turn");
    let none = Value::Null;
    // The body, what of it stands verbatim as the message, its usage and its stop reason.
    let cases: &[(&str, &[u8], Option<&str>, &Value, &Value)] = &[
        ("a message", message.as_bytes(), Some(message), &usage, &end_turn),
        (
            "white space around it",
            &[b" \n", message.as_bytes(), b"\r\n"].concat(),
            Some(message),
            &usage,
            &end_turn,
        ),
        (
            "an error",
            br#"{"type":"error","error":{"type":"api_error"}}"#,
            Some(r#"{"type":"error","error":{"type":"api_error"}}"#),
            &none,
            &none,
        ),
        ("a count", br#"{"input_tokens": 14}"#, Some(r#"{"input_tokens": 14}"#), &none, &none),
        (
            "nulls",
            br#"{"usage":null,"stop_reason":null}"#,
            Some(r#"{"usage":null,"stop_reason":null}"#),
            &none,
            &none,
        ),
        (
            "usage of another type",
            br#"{"stop_reason":["x"]}"#,
            Some(r#"{"stop_reason":["x"]}"#),
            &none,
            &none,
        ),
        ("an array", br#"[{"usage":1}, 2]"#, Some(r#"[{"usage":1}, 2]"#), &none, &none),
        ("an array of one", b"[7]", Some("[7]"), &none, &none),
        ("an array of texts", br#"["a","b"]"#, Some(r#"["a","b"]"#), &none, &none),
        ("a text", br#""hi""#, Some(r#""hi""#), &none, &none),
        ("a number", b"7", Some("7"), &none, &none),
        ("html", b"<html>", None, &none, &none),
        ("json lines", b"{\"a\":1}\n{\"a\":2}\n", None, &none, &none),
        ("json cut off", br#"{"usage":{"#, None, &none, &none),
        ("not utf-8", b"{\"a\":\"\xff\"}", None, &none, &none),
        ("bytes", &[0, 1, 254, 255], None, &none, &none),
        ("empty", b"", None, &none, &none),
    ];
    for (case, body, verbatim, usage, stop_reason) in cases {
        let (closed, record) = closed(&JSON, body);
        let response = &closed["response"];
        let text = String::from_utf8_lossy(&record);
        match verbatim {
            Some(message) => {
                assert!(text.contains(&format!("\"message\":{message}")), "{case}: {text}");
                assert_eq!(response["body_base64"], none, "{case}");
            }
            None => {
                assert_eq!(response["message"], none, "{case}");
                let expected = (!body.is_empty()).then(|| STANDARD.encode(body));
                assert_eq!(response["body_base64"].as_str(), expected.as_deref(), "{case}");
            }
        }
        assert_eq!(response["bytes"], body.len(), "{case}");
        assert_eq!(&response["usage"], *usage, "{case}");
        assert_eq!(&response["stop_reason"], *stop_reason, "{case}");
        assert_eq!(response["events"], none, "{case}");
        assert_eq!(closed["end"], json!({"why": "complete"}), "{case}");
    }
}

#[test]
fn the_head_of_a_response_is_on_record() {
    let (closed, _) = closed(
        &[
            (":status", "429"),
            ("content-type", "application/json"),
            ("retry-after", "17"),
            ("set-cookie", "session=hidden"),
            ("request-id", "req_7"),
            ("x-internal", "hidden"),
        ],
        b"{}",
    );
    let response = &closed["response"];
    assert_eq!(response["status"], 429);
    assert_eq!(response["at"], NOW);
    assert_eq!(response["request_id"], "req_7");
    let recorded = json!([
        ["content-type", "application/json"],
        ["retry-after", "17"],
        ["request-id", "req_7"]
    ]);
    assert_eq!(response["headers"], recorded);
    assert!(!closed.to_string().contains("hidden"));
}

#[test]
fn only_unencoded_event_streams_flow() {
    let cases: &[(&str, &[(&str, &str)], bool, bool)] = &[
        // Its headers, whether it is a stream, whether it is unreadable.
        ("sse", &[("content-type", "text/event-stream")], true, false),
        (
            "sse with a charset",
            &[("content-type", "Text/Event-Stream ; charset=utf-8")],
            true,
            false,
        ),
        (
            "sse, identity",
            &[("content-type", "text/event-stream"), ("content-encoding", " Identity ")],
            true,
            false,
        ),
        (
            "sse, empty coding",
            &[("content-type", "text/event-stream"), ("content-encoding", "")],
            true,
            false,
        ),
        (
            "sse, gzip",
            &[("content-type", "text/event-stream"), ("content-encoding", "gzip")],
            false,
            true,
        ),
        (
            "sse, second coding",
            &[
                ("content-type", "text/event-stream"),
                ("content-encoding", "identity"),
                ("content-encoding", "br"),
            ],
            false,
            true,
        ),
        (
            "sse, coding list",
            &[("content-type", "text/event-stream"), ("content-encoding", "identity, gzip")],
            false,
            true,
        ),
        ("json", &[("content-type", "application/json")], false, false),
        (
            "json, zstd",
            &[("content-type", "application/json"), ("content-encoding", "zstd")],
            false,
            true,
        ),
        ("lookalike", &[("content-type", "text/event-streams")], false, false),
        ("no type", &[], false, false),
    ];
    for (case, fields, is_stream, is_unreadable) in cases {
        let mut gateway = Gateway::new();
        match gateway.responding(fields) {
            Responding::Stream(stream) => {
                assert!(is_stream, "{case}");
                assert_eq!(stream.id(), id());
            }
            Responding::Whole(whole) => {
                assert!(!is_stream, "{case}");
                assert_eq!(whole.unreadable().is_some(), *is_unreadable, "{case}");
            }
        }
    }
}

#[test]
fn an_unreadable_response_is_withheld_and_recorded_as_it_came() {
    let mut gateway = Gateway::new();
    let whole = gateway.whole(&[(":status", "200"), ("content-encoding", "gzip")]);
    let (answer, ending) = whole.unreadable().unwrap();
    assert_eq!(answer.status, 502);
    assert_eq!(api_error(&answer.body).0, "api_error");
    assert!(answer.headers.contains(&("x-should-retry", "false".into())));
    let parcel =
        whole.close(ending, &mut gateway.redactor, &mut gateway.scribe, b"\x1f\x8b", NOW).unwrap();
    let closed = content(&parcel, "closed");
    assert_eq!(closed["end"], json!({"why": "encoded_response"}));
    assert_eq!(closed["response"]["body_base64"], "H4s=");
}

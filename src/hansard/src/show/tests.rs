//! A recorded session, as people and as programs read it.

use super::*;
use crate::fixture::{BODY, exchange, ledger};
use serde_json::{Value, json};

fn shown(id: &str, as_json: bool, to_person: bool) -> String {
    let folder = ledger();
    let reader = Reader::open(folder.path()).unwrap();
    let session = reader.session(id).unwrap();
    let mut out = Vec::new();
    match as_json {
        true => json(&mut out, &reader, &session, to_person).unwrap(),
        false => transcript(&mut out, Paint::Plain, &reader, &session).unwrap(),
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn a_transcript_tells_the_session_and_no_recorded_escape_survives() {
    let text = shown("the client's own", false, false);
    let (_, text) = text.split_once("  alice  ").unwrap();
    let ids = [1, 2, 3, 4, 5].map(exchange);
    let expected = format!(
        "\
open  5 exchanges

── 1  2024-02-29 12:00:10  POST /v1/messages?beta=true claude-x  complete  {}
   who     alice <a@example.com> (developers)
   rule    developers: allow
   user    list \\u{{1b}}[31mfiles
   found   aws-access-key-id ×2 in /messages/0/content → mask (01234567…)
   claude  I'll look\\u{{9b}}2J.
           Now.
   tool    Bash
           command: ls -la
   found   email ×1 in event 2 /delta/text → mask (fedcba98…)
   found   iban ×7 in many places → mask
   end     complete · tool_use · 42 tokens in, 7 out · 400 ms

── 2  2024-02-29 12:00:20  POST /v1/messages?beta=true claude-x  ended  {}
   who     alice <a@example.com> (developers)
   rule    developers: allow
   user    again
   error   overloaded_error: Overloaded
   end     client_gone · downstream_remote_disconnect · HTTP 529 · 2.3 s
   gap     parts that were not acknowledged passed: [3]

── 3  2024-02-29 12:00:30  POST /v1/messages claude-y  refused  {}
   who     alice <a@example.com> (developers)
   rule    none: refuse · did not apply: developers (model)
   found   card ×1 in /\\u{{202e}}x → mask (00112233…)
   told    400 policy_blocked: no rule admits \\u{{202e}}you

── 4  2024-02-29 12:00:40  POST /v1/messages?beta=true claude-x  open  {}
   who     alice <a@example.com> (developers)
   rule    developers: allow
   tool    Bash
           command: ls -la
   end     not on record (yet)

── 5  2024-02-29 12:00:50  POST /v1/messages?beta=true claude-x  open  {}
   who     alice <a@example.com> (developers)
   rule    developers: allow
   claude  I'll look\\u{{9b}}2J.
           Now.
   tool    Bash
           command: ls -la
   end     not on record (yet)
",
        ids[0], ids[1], ids[2], ids[3], ids[4]
    );
    assert_eq!(text, expected);
}

#[test]
fn json_has_its_stable_names_and_the_body_digit_for_digit() {
    let text = shown(&exchange(2), true, false);
    assert!(text.contains(&format!("\"body\":{BODY}")), "{text}");
    let value: Value = serde_json::from_str(&text).unwrap();
    let session = &value["session"];
    assert_eq!(session["subject"], "alice");
    assert_eq!(session["exchanges"], 5);
    assert_eq!(session["models"], json!(["claude-x", "claude-y"]));
    assert_eq!((&session["status"], &session["ended_at"]), (&json!("open"), &Value::Null));
    assert_eq!(session["started_at"], "2024-02-29T12:00:10.000Z");

    let exchanges = value["exchanges"].as_array().unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let first = &exchanges[0];
    assert_eq!(
        keys(first),
        ["decision", "end", "findings", "id", "parts", "request", "response", "status", "who"]
    );
    assert_eq!(first["request"]["headers"], json!({"accept": "a, b", "x-b": "1"}));
    assert_eq!(first["who"]["expires_at"], "2024-02-29T12:33:20.000Z");
    assert_eq!(first["response"]["stop_reason"], "tool_use");
    assert_eq!(first["response"]["usage"]["output_tokens"], 7);
    assert_eq!(first["response"]["events"].as_array().unwrap().len(), 13);
    assert_eq!(first["end"]["why"], "complete");
    assert_eq!(
        first["findings"],
        json!([
            {"part": "opened", "rule": "aws-access-key-id", "at": "/messages/0/content", "count": 2,
             "fingerprint": "0123456789abcdef", "action": "mask"},
            {"part": "closed", "rule": "email", "at": "event 2 /delta/text", "count": 1,
             "fingerprint": "fedcba9876543210", "action": "mask"},
            {"part": "closed", "rule": "iban", "at": "", "count": 7, "fingerprint": "",
             "action": "mask"},
        ])
    );
    assert_eq!(exchanges[1]["findings"], json!([]));
    assert_eq!(exchanges[2]["findings"][0]["part"], "refused");
    assert_eq!(
        first["parts"][2],
        json!({"part": "closed", "boot": "01890000-0000-7000-8000-000000000001", "seq": 3,
               "at": "2024-02-29T12:00:10.400Z", "received_at": "2024-02-29T12:00:00.009Z",
               "source": "acknowledged"})
    );
    assert_eq!(exchanges[1]["end"]["unacknowledged"], json!([3]));
    assert_eq!(exchanges[2]["response"], Value::Null);
    assert_eq!(exchanges[2]["refusal"]["status"], 400);
    assert_eq!(exchanges[2]["end"]["why"], "policy_blocked");
    assert_eq!(exchanges[3]["end"], Value::Null);
    assert_eq!(exchanges[3]["progress"][0]["block"]["name"], "Bash");
    let killed = exchanges[4]["progress"].as_array().unwrap();
    let events: Vec<_> = killed.iter().filter_map(|part| part["events"].as_array()).collect();
    assert_eq!(events.iter().map(|events| events.len()).collect::<Vec<_>>(), [5, 3]);
    assert_eq!(killed[2], json!({"index": 1, "block": exchanges[3]["progress"][0]["block"]}));
}

#[test]
fn json_on_a_terminal_is_harmless_and_the_same_json() {
    let (plain, shown) = (shown(&exchange(1), true, false), shown(&exchange(1), true, true));
    assert!(plain.contains('\u{9b}') && plain.contains('\u{202e}'));
    assert!(!shown.contains('\u{9b}') && !shown.contains('\u{202e}'));
    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(value(&plain), value(&shown));
}

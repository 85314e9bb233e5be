//! The events. That they hold to the published schema is tested where Python is: `tests/it/ocsf.rs`.

use crate::fixture;
use hansard_export::{Content, Proof};
use serde_json::{Value, json};

fn events(proof: &Proof, content: Content) -> Vec<Value> {
    let mut out = Vec::new();
    hansard_export::ocsf(&fixture::replay(), proof, content, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn an_exchange_is_an_api_activity() {
    let events = events(&fixture::proof(), Content::Without);
    assert_eq!(events.len(), 7);
    let first = &events[0];
    assert_eq!(first["type_uid"], 600_301);
    assert_eq!(first["metadata"]["version"], "1.9.0");
    assert_eq!(first["actor"]["user"]["uid"], "alice");
    assert_eq!(first["actor"]["user"]["groups"][1]["name"], "interns");
    assert_eq!(first["src_endpoint"], json!({ "ip": "10.1.2.3", "port": 50_000 }));
    assert_eq!(events[2]["src_endpoint"]["ip"], "2001:db8::1");
    assert_eq!(first["message_context"]["prompt_tokens"], 2_312);
    assert_eq!(first["message_context"]["total_tokens"], 2_389);
    assert_eq!(first["unmapped"]["hansard"]["tool_calls"][1]["outcome"], "rejected");
    assert_eq!(first["unmapped"]["hansard"]["log"]["checkpoint"]["size"], 40);
    let refused = &events[3];
    assert_eq!((&refused["status_id"], &refused["action_id"]), (&json!(2), &json!(2)));
    assert_eq!(refused["status_detail"], "refused: policy_blocked");
    assert_eq!(refused["policy"]["name"], "no-opus-for-interns");
    assert_eq!(events[2]["ai_agent"]["instance_uid"], "agent-1");
    assert_eq!(events[5]["activity_name"], "Read");
    assert_eq!(events[6]["status_id"], 0);
}

#[test]
fn prompt_and_answer_are_there_when_they_are_asked_for() {
    let with = &events(&fixture::proof(), Content::With)[2]["message_context"];
    assert_eq!(with["prompt_text"], "Search the tree.");
    assert_eq!(with["response_text"], "Nothing is there.");
    let without = &events(&fixture::proof(), Content::Without)[2]["message_context"];
    assert!(without.get("prompt_text").is_none() && without.get("response_text").is_none());
}

#[test]
fn each_event_attests_itself_and_the_one_before() {
    let events = events(&fixture::proof(), Content::Without);
    let attestation = |event: &Value| event["attestation_list"][0].clone();
    assert!(attestation(&events[0]).get("prev_event").is_none());
    for pair in events.windows(2) {
        let (previous, this) = (attestation(&pair[0]), attestation(&pair[1]));
        assert_eq!(this["prev_event"]["fingerprint"], previous["fingerprint"]);
        assert_eq!(this["prev_event"]["uid"], pair[0]["metadata"]["uid"]);
        assert_eq!(this["chain_uid"], "hansard.example/ledger/s-3f2a9c0d1e2b4a5f");
    }
    // Another place in the log is another fingerprint.
    let mut moved = fixture::proof();
    moved.checkpoint.as_mut().unwrap().size += 1;
    let other = self::events(&moved, Content::Without);
    assert_ne!(attestation(&other[0])["fingerprint"], attestation(&events[0])["fingerprint"]);
}

#[test]
fn a_session_without_a_proof_is_exported_too() {
    let events = events(&Proof::default(), Content::Without);
    assert_eq!(events[0]["src_endpoint"]["name"], "unknown");
    assert!(events[0]["unmapped"]["hansard"].get("log").is_none());
    assert_eq!(events[0]["attestation_list"][0]["authority_uid"], "hansard");
}

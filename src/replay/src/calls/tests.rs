use super::*;
use serde_json::json;

const REJECTED: &str =
    "The user doesn't want to proceed with this tool use. The tool use was rejected";

fn heard(result: Option<(bool, &str)>, told: Option<Confirmed>) -> (ToolCall, Vec<Notice>) {
    let mut calls = Calls::default();
    calls.suggested("t", "Bash", r#"{"command":"ls -l","description":"List"}"#, 0, 5);
    if let Some((is_error, text)) = result {
        calls.result(
            "t",
            CallResult { turn: 1, at: 9, is_error, text: text.into() },
            "tool_result",
        );
    }
    let confirmed = told.into_iter().map(|told| ("t".to_owned(), told)).collect();
    let notices = calls.confirm(&confirmed);
    (calls.list.remove(0), notices)
}

fn decision(accepted: bool, by: DecidedBy) -> Option<Decision> {
    Some(Decision { accepted, by, source: Some("config".into()), certainty: Certainty::Confirmed })
}

fn told(decision: Option<Decision>, success: Option<bool>) -> Option<Confirmed> {
    Some(Confirmed { decision, success, ..Confirmed::default() })
}

#[test]
fn telemetry_decides_where_texts_are_ambiguous() {
    let denied = |reason: &str| Outcome::Denied { reason: reason.into() };
    use DecidedBy::{Hook, Person, Rule};
    for (result, told, outcome, evidence) in [
        (None, None, Outcome::Unanswered, 0),
        (Some((false, "out")), None, Outcome::Ran, 1),
        (Some((true, "Exit code 3\n")), None, Outcome::Failed { code: Some(3) }, 1),
        (Some((true, REJECTED)), None, Outcome::Rejected { feedback: None }, 1),
        (Some((true, REJECTED)), told(decision(true, Rule), None), Outcome::Interrupted, 2),
        (
            Some((true, REJECTED)),
            told(decision(false, Person), None),
            Outcome::Rejected { feedback: None },
            2,
        ),
        (None, told(decision(false, Person), None), Outcome::Rejected { feedback: None }, 1),
        (None, told(decision(false, Rule), None), denied("by config"), 1),
        (
            Some((true, "PreToolUse:Bash hook error: x")),
            told(decision(false, Hook), None),
            denied("PreToolUse:Bash hook error: x"),
            2,
        ),
        (None, told(decision(true, Rule), None), Outcome::Unanswered, 1),
        (None, told(decision(true, Rule), Some(true)), Outcome::Ran, 2),
        (
            Some((true, "Exit code 3\n")),
            told(decision(true, Rule), Some(false)),
            Outcome::Failed { code: Some(3) },
            3,
        ),
        // A client that tells the model that a command ran, and telemetry that it failed.
        (Some((false, "all good")), told(None, Some(false)), Outcome::Failed { code: None }, 2),
    ] {
        let (call, _) = heard(result, told.clone());
        assert_eq!(call.outcome, outcome, "{result:?} {told:?}");
        assert_eq!(call.evidence.len(), evidence, "{result:?} {told:?}");
    }
}

#[test]
fn an_input_that_was_changed_is_noticed() {
    let with = |input: &str| {
        Some(Confirmed { input: Some(input.into()), duration_ms: Some(7), ..Confirmed::default() })
    };
    let (call, notices) = heard(None, with(r#"{"command":"ls"}"#));
    assert!(call.ran.unwrap().differs);
    assert_eq!((notices.len(), call.duration_ms), (1, Some(7)));
    let (call, notices) = heard(None, with(r#"{"description":"List","command":"ls -l"}"#));
    assert!(!call.ran.unwrap().differs && notices.is_empty());
}

#[test]
fn a_result_counts_once_and_names_its_turn() {
    let mut calls = Calls::default();
    calls.suggested("t", "Bash", "{}", 0, 5);
    let result = |turn, text: &str| CallResult { turn, at: 9, is_error: false, text: text.into() };
    assert_eq!(calls.result("t", result(1, "a"), "tool_result"), Some(0));
    assert_eq!(calls.result("t", result(2, "b"), "tool_result"), None);
    assert_eq!(calls.result("u", result(2, "b"), "tool_result"), None);
    assert_eq!(calls.list[0].result.as_ref().unwrap().text, "a");
    assert_eq!(calls.list[0].evidence[0].source, "tool_result in turn 2");
}

#[test]
fn an_interruption_is_of_what_was_not_answered() {
    let mut calls = Calls::default();
    for (id, turn) in [("a", 0), ("b", 1), ("c", 1)] {
        calls.suggested(id, "Bash", "{}", turn, 5);
    }
    let result = CallResult { turn: 2, at: 9, is_error: false, text: "x".into() };
    calls.result("b", result, "tool_result");
    calls.interrupted(1, 2);
    let outcomes: Vec<_> = calls.list.iter().map(|call| call.outcome.clone()).collect();
    assert_eq!(outcomes, [Outcome::Unanswered, Outcome::Ran, Outcome::Interrupted]);
}

#[test]
fn a_call_is_about_what_tells_most() {
    for (input, about_it) in [
        (json!({"description": "d", "command": "ls\n-l"}), "ls -l"),
        (json!({"content": "x", "file_path": "/w/a"}), "/w/a"),
        (json!({"n": 1, "other": "o"}), "o"),
        (json!([]), "[]"),
    ] {
        assert_eq!(about(&input.to_string()), about_it);
    }
}

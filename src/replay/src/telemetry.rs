//! What a client's telemetry tells of its tool calls.
//!
//! Claude Code sends log events by OTLP (observed: 2.1.330). `tool_decision` says who let a call
//! run; `tool_result` whether it worked, how long it ran, and with `OTEL_LOG_TOOL_DETAILS=1` on
//! which input. Both name the call, so that they join without guessing.

use crate::canonical::same_input;
use crate::input::Telemetry;
use crate::model::{Certainty, DecidedBy, Decision, Ran};
use serde_json::Value;
use std::collections::HashMap;

/// What is known of one call.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Confirmed {
    pub(crate) decision: Option<Decision>,
    /// Whether it worked.
    pub(crate) success: Option<bool>,
    pub(crate) duration_ms: Option<u64>,
    /// The input, as JSON.
    pub(crate) input: Option<String>,
    /// A commit that the command made.
    pub(crate) commit: Option<String>,
}

/// By the call's id. `session`: the client's session id; what names another is left out.
pub(crate) fn by_call(events: &[Telemetry], session: Option<&str>) -> HashMap<String, Confirmed> {
    let mut calls: HashMap<String, Confirmed> = HashMap::new();
    for event in events {
        let elsewhere = matches!((&event.session, session), (Some(told), Some(is)) if told != is);
        let Some(id) = event.tool_use_id.as_ref().filter(|_| !elsewhere) else { continue };
        let call = calls.entry(id.clone()).or_default();
        match event.name.trim_start_matches("claude_code.") {
            "tool_decision" => call.decision = decision(event).or(call.decision.take()),
            "tool_result" => {
                call.success = flag(event, "success").or(call.success);
                call.duration_ms = number(event, "duration_ms").or(call.duration_ms);
                let input = text(event, "tool_input").filter(|input| input.starts_with('{'));
                call.input = input.or(call.input.take());
                call.commit = commit(event).or(call.commit.take());
            }
            _ => {}
        }
    }
    calls
}

/// The input that ran, beside the one that was suggested. Long values are cut in telemetry: a cut
/// value differs only in what is left of it.
pub(crate) fn ran(suggested: &str, input: &str) -> Ran {
    let differs = !same_input(suggested, input) && !cut_short(suggested, input);
    Ran { input: input.to_owned(), differs }
}

fn cut_short(suggested: &str, input: &str) -> bool {
    let parsed = |json: &str| serde_json::from_str::<Value>(json).ok();
    match (parsed(suggested), parsed(input)) {
        (Some(Value::Object(suggested)), Some(Value::Object(input))) => {
            input.iter().all(|(name, value)| match (suggested.get(name), value) {
                (Some(Value::String(whole)), Value::String(value)) => is_start(whole, value),
                (Some(whole), value) => whole == value || is_mark(value),
                (None, value) => matches!(value, Value::Null | Value::Bool(false)),
            }) && suggested.keys().all(|name| input.contains_key(name))
        }
        // The whole is cut, so that it is no JSON any more.
        (Some(_), None) => MARKS.iter().any(|mark| input.contains(mark)),
        _ => false,
    }
}

/// How a cut value ends.
const MARKS: [&str; 2] = ["…", "not recorded"];

fn is_mark(value: &Value) -> bool {
    value.as_str().is_some_and(|text| MARKS.iter().any(|mark| text.contains(mark)))
}

fn is_start(whole: &str, value: &str) -> bool {
    let tidy = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    let (whole, value) = (tidy(whole), tidy(value));
    let cut = MARKS.iter().filter_map(|mark| value.rfind(mark)).max();
    let start = cut.and_then(|at| value.get(..at)).map(str::trim_end);
    whole.trim_end() == value.trim_end() || start.is_some_and(|start| whole.starts_with(start))
}

fn decision(event: &Telemetry) -> Option<Decision> {
    let source = text(event, "source");
    let accepted = match text(event, "decision")?.as_str() {
        "accept" => true,
        "reject" => false,
        _ => return None,
    };
    let by = match source.as_deref() {
        Some("config") => DecidedBy::Rule,
        Some("hook") => DecidedBy::Hook,
        Some(source) if source.starts_with("user_") => DecidedBy::Person,
        _ => DecidedBy::Unknown,
    };
    Some(Decision { accepted, by, source, certainty: Certainty::Confirmed })
}

fn commit(event: &Telemetry) -> Option<String> {
    let parameters: Value = serde_json::from_str(&text(event, "tool_parameters")?).ok()?;
    Some(parameters.get("git_commit_id")?.as_str()?.to_owned())
}

fn text(event: &Telemetry, name: &str) -> Option<String> {
    match event.attributes.get(name)? {
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn number(event: &Telemetry, name: &str) -> Option<u64> {
    let text = text(event, name)?;
    text.parse().ok().or_else(|| Some(text.parse::<f64>().ok()?.max(0.0) as u64))
}

fn flag(event: &Telemetry, name: &str) -> Option<bool> {
    text(event, name)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(name: &str, attributes: Value) -> Telemetry {
        let Value::Object(attributes) = attributes else { unreachable!() };
        Telemetry {
            session: Some("one".into()),
            tool_use_id: Some("t".into()),
            name: name.into(),
            attributes,
            ..Telemetry::default()
        }
    }

    #[test]
    fn who_decided_is_told_by_its_source() {
        for (source, by) in [
            ("config", DecidedBy::Rule),
            ("hook", DecidedBy::Hook),
            ("user_temporary", DecidedBy::Person),
            ("user_permanent", DecidedBy::Person),
            ("user_reject", DecidedBy::Person),
            ("user_abort", DecidedBy::Person),
            ("something", DecidedBy::Unknown),
        ] {
            let events = [event("tool_decision", json!({"decision": "accept", "source": source}))];
            let calls = by_call(&events, Some("one"));
            let decision = calls["t"].decision.as_ref().unwrap();
            assert_eq!((decision.accepted, decision.by), (true, by), "{source}");
        }
    }

    #[test]
    fn numbers_and_flags_come_as_texts() {
        let attributes = json!({"success": "false", "duration_ms": "207", "tool_input": "{}",
            "tool_parameters": "{\"git_commit_id\":\"bcf85db\"}"});
        let calls = by_call(&[event("claude_code.tool_result", attributes)], Some("one"));
        let call = &calls["t"];
        assert_eq!((call.success, call.duration_ms), (Some(false), Some(207)));
        assert_eq!(call.commit.as_deref(), Some("bcf85db"));
        let other = by_call(&[event("tool_result", json!({}))], Some("another"));
        assert!(other.is_empty(), "it is another session's");
    }

    #[test]
    fn an_input_differs_only_in_what_is_told_of_it() {
        let long = format!("{{\"content\":\"{}\"}}", "x".repeat(600));
        let cut = format!("{{\"content\":\"{}…[truncated]\"}}", "x".repeat(512));
        let other = format!("{{\"content\":\"{}…[truncated]\"}}", "y".repeat(512));
        for (suggested, input, differs) in [
            (
                r#"{"command":"ls","description":"d"}"#,
                r#"{"description":"d","command":"ls"}"#,
                false,
            ),
            (r#"{"command":"ls"}"#, r#"{"command":"ls -l"}"#, true),
            (
                r#"{"file_path":"p","old_string":"a"}"#,
                r#"{"file_path":"p","old_string":"a","replace_all":false}"#,
                false,
            ),
            (r#"{"content":"a  \n"}"#, r#"{"content":"a\n"}"#, false),
            (&long, &cut, false),
            (&long, &other, true),
        ] {
            assert_eq!(ran(suggested, input).differs, differs, "{input}");
        }
    }
}

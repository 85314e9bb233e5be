//! OpenTelemetry logs as Claude Code sends them: OTLP over HTTP, in JSON.
//!
//! Enters: the body of a `POST /v1/logs` (`OTEL_EXPORTER_OTLP_PROTOCOL=http/json`). Leaves: one
//! [`Telemetry`] for each record that names its event. Numbers may come as texts, as OTLP's JSON
//! has 64-bit numbers.

use crate::input::Telemetry;
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Logs {
    #[serde(default)]
    resource_logs: Vec<ResourceLogs>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceLogs {
    #[serde(default)]
    scope_logs: Vec<ScopeLogs>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScopeLogs {
    #[serde(default)]
    log_records: Vec<LogRecord>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogRecord {
    #[serde(default)]
    time_unix_nano: Value,
    #[serde(default)]
    attributes: Vec<Attribute>,
    #[serde(default)]
    event_name: String,
}

#[derive(Deserialize)]
struct Attribute {
    key: String,
    #[serde(default)]
    value: Value,
}

/// Reads a body; `None` when it is none of OTLP's logs.
#[must_use]
pub(crate) fn read_logs(body: &[u8]) -> Option<Vec<Telemetry>> {
    let logs: Logs = serde_json::from_slice(body).ok()?;
    let records = logs.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
    Some(records.flat_map(|scope| scope.log_records).filter_map(event).collect())
}

fn event(record: LogRecord) -> Option<Telemetry> {
    let attributes: Map<String, Value> =
        record.attributes.into_iter().map(|one| (one.key, plain(one.value))).collect();
    let text = |name: &str| attributes.get(name).and_then(Value::as_str).map(str::to_owned);
    let name = text("event.name").or(Some(record.event_name)).filter(|name| !name.is_empty())?;
    let nanos = match &record.time_unix_nano {
        Value::String(digits) => digits.parse::<u64>().ok(),
        other => other.as_u64(),
    };
    Some(Telemetry {
        at: i64::try_from(nanos.unwrap_or_default() / 1_000_000).unwrap_or_default(),
        session: text("session.id"),
        tool_use_id: text("tool_use_id"),
        request_id: text("request_id"),
        name,
        attributes,
    })
}

/// OTLP's `AnyValue` as the value that it stands for.
fn plain(value: Value) -> Value {
    let Value::Object(members) = value else { return value };
    let Some((kind, value)) = members.into_iter().next() else { return Value::Null };
    match (kind.as_str(), value) {
        ("intValue", Value::String(digits)) => {
            digits.parse::<i64>().map_or(Value::String(digits), Value::from)
        }
        ("arrayValue", Value::Object(mut list)) => match list.remove("values") {
            Some(Value::Array(items)) => items.into_iter().map(plain).collect(),
            _ => Value::Array(Vec::new()),
        },
        (_, value) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_claude_code_sent_is_read() {
        let events = read_logs(include_bytes!("../fixtures/claude_code_logs.otlp.json")).unwrap();
        let decisions: Vec<_> = events.iter().filter(|one| one.name == "tool_decision").collect();
        assert_eq!(decisions.len(), 10);
        let first = decisions[0];
        assert_eq!(first.session.as_deref(), Some("one"));
        assert_eq!(first.tool_use_id.as_deref(), Some("toolu_2_1"));
        assert_eq!(first.request_id.as_deref(), Some("req_2"));
        assert_eq!(first.at, 1_795_723_508_071);
        assert_eq!(first.attributes["decision"], "accept");
        assert_eq!(first.attributes["event.sequence"], 10);
    }

    #[test]
    fn numbers_may_be_texts_and_anything_may_be_missing() {
        let body = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[
            {"eventName":"a","timeUnixNano":5000000,"attributes":[
                {"key":"n","value":{"intValue":"7"}},{"key":"l","value":{"arrayValue":{"values":[{"boolValue":true}]}}},{"key":"e"}]},
            {"attributes":[]}]}]},{}]}"#;
        let events = read_logs(body.as_bytes()).unwrap();
        assert_eq!(events.len(), 1, "what names no event is left out");
        assert_eq!((events[0].name.as_str(), events[0].at), ("a", 5));
        assert_eq!(
            serde_json::json!(events[0].attributes).to_string(),
            r#"{"e":null,"l":[true],"n":7}"#
        );
        assert_eq!(read_logs(b"7"), None);
        assert_eq!(read_logs(b"{}"), Some(Vec::new()));
    }
}

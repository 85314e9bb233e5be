//! OpenTelemetry's log records, as OTLP over HTTP carries them, down to what a session needs.
//!
//! Enters: a body in protobuf or JSON. Leaves: one [`Event`] for each record that names a session
//! (`session.id`), with the record's and the resource's attributes as one JSON object. Records that
//! name none are counted, not kept: they belong to nothing that is on record.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message;
use serde_json::{Map, Value};

/// The attribute by which a record names its session.
const SESSION: &str = "session.id";
/// The attribute with an event's name, in records that have no field for it.
const NAME: &str = "event.name";
/// What Claude Code puts before the names of its events.
const PREFIX: &str = "claude_code.";
/// How deep a value may hold others.
const DEPTH: usize = 16;

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Protobuf,
    Json,
}

/// One record.
#[derive(Debug, PartialEq)]
pub(super) struct Event {
    /// The client's id of its session.
    pub(super) session: String,
    /// When it happened, in Unix milliseconds.
    pub(super) at: u64,
    /// As `tool_result`.
    pub(super) name: String,
    pub(super) attributes: Map<String, Value>,
}

/// What a body holds.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Events {
    pub(super) events: Vec<Event>,
    /// Records that name no session.
    pub(super) without: i64,
}

/// Reads a body; `None` when it is not of the format.
pub(super) fn read(body: &[u8], format: Format) -> Option<Events> {
    let request: ExportLogsServiceRequest = match format {
        Format::Protobuf => ExportLogsServiceRequest::decode(body).ok()?,
        Format::Json => serde_json::from_slice(body).ok()?,
    };
    let mut events = Events::default();
    for resource in request.resource_logs {
        let shared = resource.resource.map(|resource| object(resource.attributes));
        let shared = shared.unwrap_or_default();
        for record in resource.scope_logs.into_iter().flat_map(|scope| scope.log_records) {
            match event(record, &shared) {
                Some(event) => events.events.push(event),
                None => events.without = events.without.saturating_add(1),
            }
        }
    }
    Some(events)
}

fn event(record: LogRecord, shared: &Map<String, Value>) -> Option<Event> {
    let LogRecord { time_unix_nano, observed_time_unix_nano, body, attributes, event_name, .. } =
        record;
    let mut all = shared.clone();
    all.append(&mut object(attributes));
    let text = |name: &str| all.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let session = text(SESSION)?.to_owned();
    let body = body.map(|body| value(body, DEPTH)).unwrap_or_default();
    let name = Some(event_name.as_str()).filter(|name| !name.is_empty());
    let name = name.or_else(|| text(NAME)).or(body.as_str()).unwrap_or_default();
    let name = name.strip_prefix(PREFIX).unwrap_or(name).to_owned();
    let nanos = if time_unix_nano == 0 { observed_time_unix_nano } else { time_unix_nano };
    Some(Event { session, at: nanos / 1_000_000, name, attributes: all })
}

fn object(pairs: Vec<KeyValue>) -> Map<String, Value> {
    members(pairs, DEPTH)
}

fn members(pairs: Vec<KeyValue>, depth: usize) -> Map<String, Value> {
    let pairs = pairs.into_iter();
    pairs
        .map(|pair| (pair.key, pair.value.map(|one| value(one, depth)).unwrap_or_default()))
        .collect()
}

/// What is nested too deep is left out.
fn value(any: AnyValue, depth: usize) -> Value {
    let Some(depth) = depth.checked_sub(1) else { return Value::Null };
    match any.value {
        Some(Any::StringValue(text)) => text.into(),
        Some(Any::BoolValue(truth)) => truth.into(),
        Some(Any::IntValue(number)) => number.into(),
        Some(Any::DoubleValue(number)) => number.into(),
        Some(Any::ArrayValue(list)) => {
            list.values.into_iter().map(|one| value(one, depth)).collect()
        }
        Some(Any::KvlistValue(list)) => members(list.values, depth).into(),
        Some(Any::BytesValue(bytes)) => {
            use base64::Engine;
            base64::engine::general_purpose::STANDARD.encode(bytes).into()
        }
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const JSON: &str = r#"{"resourceLogs":[{"resource":{"attributes":[
        {"key":"service.name","value":{"stringValue":"claude-code"}}]},
      "scopeLogs":[{"scope":{"name":"x"},"logRecords":[
        {"timeUnixNano":"1700000000123000000","observedTimeUnixNano":"1",
         "body":{"stringValue":"claude_code.tool_decision"},
         "attributes":[{"key":"session.id","value":{"stringValue":"one"}},
           {"key":"event.name","value":{"stringValue":"tool_decision"}},
           {"key":"decision","value":{"stringValue":"accept"}},
           {"key":"n","value":{"intValue":"7"}},
           {"key":"list","value":{"arrayValue":{"values":[{"boolValue":true}]}}}]},
        {"observedTimeUnixNano":"5000000","body":{"stringValue":"claude_code.user_prompt"},
         "attributes":[{"key":"session.id","value":{"stringValue":"two"}}]},
        {"attributes":[{"key":"session.id","value":{"stringValue":""}}]}]}]}]}"#;

    #[test]
    fn a_record_becomes_an_event_of_the_session_that_it_names() {
        let read = read(JSON.as_bytes(), Format::Json).unwrap();
        assert_eq!(read.without, 1);
        let [first, second] = &read.events[..] else { panic!("{read:?}") };
        assert_eq!(
            (&*first.session, &*first.name, first.at),
            ("one", "tool_decision", 1_700_000_000_123)
        );
        assert_eq!(
            Value::from(first.attributes.clone()),
            json!({"service.name": "claude-code", "session.id": "one", "decision": "accept",
                   "event.name": "tool_decision", "n": 7, "list": [true]})
        );
        assert_eq!((&*second.session, &*second.name, second.at), ("two", "user_prompt", 5));
    }

    #[test]
    fn both_formats_say_the_same() {
        let request: ExportLogsServiceRequest = serde_json::from_str(JSON).unwrap();
        let protobuf = request.encode_to_vec();
        assert_eq!(read(&protobuf, Format::Protobuf), read(JSON.as_bytes(), Format::Json));
    }

    #[test]
    fn what_is_not_of_the_format_is_nothing() {
        for (body, format) in
            [(&b"{"[..], Format::Json), (b"7", Format::Json), (b"\xff\xff\xff", Format::Protobuf)]
        {
            assert_eq!(read(body, format), None, "{body:?}");
        }
        assert_eq!(read(b"{}", Format::Json), Some(Events::default()));
    }

    #[test]
    fn a_value_nested_too_deep_is_left_out() {
        let mut nested = json!({"stringValue": "inner"});
        for _ in 0..20 {
            nested = json!({"arrayValue": {"values": [nested]}});
        }
        let body = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"attributes": [
            {"key": "session.id", "value": {"stringValue": "one"}},
            {"key": "deep", "value": nested}]}]}]}]});
        // The reader of JSON has a limit of its own, further on.
        let read = read(body.to_string().as_bytes(), Format::Json).unwrap();
        let text = Value::from(read.events[0].attributes.clone()).to_string();
        assert!(!text.contains("inner") && text.contains("null"), "{text}");
    }
}

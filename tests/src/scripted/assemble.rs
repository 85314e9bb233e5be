//! A stream's events put together into the one message a caller without `stream` gets.
//!
//! Steps enter, a message (or the error that broke the stream) leaves. Events, deltas and data it
//! does not know are left out, as a client does; blocks it does not know are kept as they started.

use serde_json::{Map, Value, json};

use super::message::quote;
use super::problem::Problem;
use super::step::Step;

#[derive(Default)]
pub(super) struct Assembly {
    message: Map<String, Value>,
    blocks: Vec<Value>,
    /// JSON text of the tool input that is arriving.
    input: String,
    error: Option<Value>,
}

impl Assembly {
    pub(super) fn of(steps: &[Step]) -> Self {
        let mut assembly = Self::default();
        for data in steps.iter().filter_map(Step::data) {
            if let Ok(event) = serde_json::from_str(&data) {
                assembly.take(&event);
            }
        }
        assembly
    }

    pub(super) fn message(&self) -> Value {
        let mut message = self.message.clone();
        message.insert("content".into(), self.blocks.clone().into());
        message.into()
    }

    /// The message as JSON text, what a thing is before what it holds, as the API
    /// writes it.
    pub(super) fn text(&self) -> String {
        ordered(&self.message())
    }

    /// The error event that broke the stream off.
    pub(super) fn error(&self) -> Option<Problem> {
        self.error.as_ref().map(Problem::from_event)
    }

    fn take(&mut self, event: &Value) {
        let empty = Value::Null;
        let part = |key: &str| event.get(key).unwrap_or(&empty);
        match part("type").as_str().unwrap_or_default() {
            "message_start" => self.merge(part("message")),
            "content_block_start" => self.blocks.push(part("content_block").clone()),
            "content_block_delta" => self.delta(part("delta")),
            "content_block_stop" => self.close_input(),
            "message_delta" => {
                self.merge(part("delta"));
                self.usage(part("usage"));
            }
            "error" => self.error = Some(event.clone()),
            _ => {}
        }
    }

    fn merge(&mut self, fields: &Value) {
        for (key, value) in fields.as_object().into_iter().flatten() {
            self.message.insert(key.clone(), value.clone());
        }
    }

    /// The last usage stands: it replaces the fields it has and adds to none.
    fn usage(&mut self, last: &Value) {
        let usage = self.message.entry("usage").or_insert_with(|| json!({}));
        for (key, value) in last.as_object().into_iter().flatten() {
            if let Some(usage) = usage.as_object_mut() {
                usage.insert(key.clone(), value.clone());
            }
        }
    }

    fn delta(&mut self, delta: &Value) {
        let kind = delta.get("type").and_then(Value::as_str).unwrap_or_default();
        let text = |key: &str| delta.get(key).and_then(Value::as_str).unwrap_or_default();
        match kind {
            "text_delta" => self.append("text", text("text")),
            "thinking_delta" => self.append("thinking", text("thinking")),
            "signature_delta" => self.append("signature", text("signature")),
            "compaction_delta" => self.append("content", text("content")),
            "input_json_delta" => self.input.push_str(text("partial_json")),
            "citations_delta" => {
                let citation = delta.get("citation").cloned().unwrap_or_default();
                let citations = self.field("citations");
                match citations.and_then(Value::as_array_mut) {
                    Some(all) => all.push(citation),
                    None => self.set("citations", json!([citation])),
                }
            }
            _ => {}
        }
    }

    fn close_input(&mut self) {
        let input = std::mem::take(&mut self.input);
        if let Ok(input) = serde_json::from_str(&input) {
            self.set("input", input);
        }
    }

    fn append(&mut self, key: &str, text: &str) {
        match self.field(key) {
            Some(Value::String(so_far)) => so_far.push_str(text),
            _ => self.set(key, text.into()),
        }
    }

    fn field(&mut self, key: &str) -> Option<&mut Value> {
        self.blocks.last_mut()?.get_mut(key)
    }

    fn set(&mut self, key: &str, value: Value) {
        if let Some(Value::Object(block)) = self.blocks.last_mut() {
            block.insert(key.to_owned(), value);
        }
    }
}

/// Keys that say what a thing is; a JSON map would put them in the order of the alphabet.
const FIRST: [&str; 6] = ["model", "type", "id", "role", "name", "tool_use_id"];

fn ordered(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let first = FIRST.iter().filter_map(|key| map.get_key_value(*key));
            let rest = map.iter().filter(|(key, _)| !FIRST.contains(&key.as_str()));
            let field =
                |(key, value): (&String, &Value)| format!("{}:{}", quote(key), ordered(value));
            format!("{{{}}}", first.chain(rest).map(field).collect::<Vec<_>>().join(","))
        }
        Value::Array(all) => {
            format!("[{}]", all.iter().map(ordered).collect::<Vec<_>>().join(","))
        }
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deltas_join_and_the_last_usage_stands() {
        let datas = [
            r#"{"type":"message_start","message":{"id":"m","usage":{"input_tokens":5,"output_tokens":1}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","input":{}}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":":1}"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}}"#,
        ];
        let steps: Vec<_> = datas.iter().map(|data| Step::event("", (*data).into())).collect();
        let message = Assembly::of(&steps).message();
        assert_eq!(message["content"][0]["input"], json!({"a": 1}));
        assert_eq!(message["usage"], json!({"input_tokens": 5, "output_tokens": 9}));
        assert_eq!(message["stop_reason"], "tool_use");
        let text = Assembly::of(&steps).text();
        assert!(text.starts_with(r#"{"id":"m","content":[{"type":"tool_use","input":{"a":1}}]"#));
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), message);
    }
}

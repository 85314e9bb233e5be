//! Attributes of a span: what is absent is left out.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};

#[derive(Default)]
pub(super) struct Attributes(Vec<KeyValue>);

impl Attributes {
    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.put(key, Value::StringValue(value.to_owned()));
    }

    pub(super) fn some_text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    pub(super) fn number(&mut self, key: &str, value: u64) {
        self.put(key, Value::IntValue(i64::try_from(value).unwrap_or(i64::MAX)));
    }

    pub(super) fn integer(&mut self, key: &str, value: i64) {
        self.put(key, Value::IntValue(value));
    }

    pub(super) fn some_number(&mut self, key: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.number(key, value);
        }
    }

    pub(super) fn double(&mut self, key: &str, value: f64) {
        self.put(key, Value::DoubleValue(value));
    }

    pub(super) fn truth(&mut self, key: &str) {
        self.put(key, Value::BoolValue(true));
    }

    pub(super) fn texts(&mut self, key: &str, values: impl IntoIterator<Item = String>) {
        let text = |value| AnyValue { value: Some(Value::StringValue(value)) };
        let values: Vec<_> = values.into_iter().map(text).collect();
        if !values.is_empty() {
            self.put(key, Value::ArrayValue(ArrayValue { values }));
        }
    }

    fn put(&mut self, key: &str, value: Value) {
        let value = Some(AnyValue { value: Some(value) });
        self.0.push(KeyValue { key: key.to_owned(), value, ..KeyValue::default() });
    }
}

impl From<Attributes> for Vec<KeyValue> {
    fn from(attributes: Attributes) -> Self {
        attributes.0
    }
}

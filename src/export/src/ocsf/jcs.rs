//! JSON in its canonical form (RFC 8785, JCS), as far as events need it: their numbers are integers
//! within ±(2^53 - 1), which JCS writes as they are.

use serde_json::Value;

/// The largest integer that every reader of JSON has.
pub(super) const MOST: i64 = (1 << 53) - 1;

pub(super) fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Array(values) => {
            out.push('[');
            for (place, value) in values.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write(value, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (place, (name, value)) in members.into_iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                text(name, out);
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
        Value::String(string) => text(string, out),
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
    }
}

/// JCS escapes what JSON must, in the shortest form, with small hex digits: as this library does.
fn text(text: &str, out: &mut String) {
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn members_are_sorted_by_utf_16_and_strings_escaped_as_little_as_may_be() {
        // RFC 8785, section 3.2.3, and the escapes of 3.2.2.2.
        let value = json!({
            "\u{20ac}": "Euro Sign", "\r": "Carriage Return", "\u{fb33}": "Hebrew Letter Dalet",
            "1": [1, -9, null, true], "\u{1f600}": "Emoji", "\u{80}": "Control",
            "\u{f6}": "\u{1}\u{8}\t\n\u{c}\r\"\\/\u{7f}",
        });
        assert_eq!(
            canonical(&value),
            "{\"\\r\":\"Carriage Return\",\"1\":[1,-9,null,true],\"\u{80}\":\"Control\",\
             \"\u{f6}\":\"\\u0001\\b\\t\\n\\f\\r\\\"\\\\/\u{7f}\",\"\u{20ac}\":\"Euro Sign\",\
             \"\u{1f600}\":\"Emoji\",\"\u{fb33}\":\"Hebrew Letter Dalet\"}"
        );
    }
}

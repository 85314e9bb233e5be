//! The walk against serde_json: the same texts are JSON, and the same strings stand in them.

use super::*;
use crate::engine::Map;
use proptest::prelude::*;
use serde_json::Value;
use std::ops::Range;

#[derive(Default)]
struct Strings {
    text: Vec<u8>,
    seen: Vec<String>,
    depth: usize,
}

impl Visitor for Strings {
    fn string(&mut self, place: &Place<'_>, content: Range<usize>, _: bool) {
        let (mut plain, mut map) = (Vec::new(), Map::default());
        unescape(&self.text[content], &mut plain, &mut map);
        let kind = if place.is_name { "name" } else { "value" };
        self.seen.push(format!("{kind} {}", String::from_utf8(plain).unwrap()));
    }

    fn scalar(&mut self, _: &Place<'_>, _: Range<usize>) {}

    fn begin(&mut self, place: &Place<'_>) {
        assert_eq!(place.stack.len(), self.depth);
        self.depth += 1;
    }

    fn end(&mut self, place: &Place<'_>) {
        assert_eq!(place.stack.len(), self.depth);
        self.depth -= 1;
    }
}

fn strings(text: &str) -> Result<Vec<String>, InvalidJson> {
    let mut visitor = Strings { text: text.into(), ..Strings::default() };
    walk(text.as_bytes(), &mut visitor)?;
    assert_eq!(visitor.depth, 0);
    Ok(visitor.seen)
}

fn expected(value: &Value, all: &mut Vec<String>) {
    match value {
        Value::String(text) => all.push(format!("value {text}")),
        Value::Array(list) => list.iter().for_each(|one| expected(one, all)),
        Value::Object(members) => {
            for (name, member) in members {
                all.push(format!("name {name}"));
                expected(member, all);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn what_is_json_and_what_is_not() {
    let good = [
        "{}",
        "[]",
        " [ ] ",
        "0",
        "-0.5e+10",
        "\"a\"",
        "true",
        "{\"a\":[1,{\"b\":\"c\"}],\"a\":null}",
        "[\"\\ud83d\\ude00\\/\\u00e9\\n\"]",
        "1E5",
        "\n{\"x\" : -1.0 , \"y\":[[],{}]}\t",
    ];
    let bad = [
        "",
        " ",
        "{",
        "}",
        "[1,]",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "+1",
        "nul",
        "truex",
        "\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\n\"",
        "[1 2]",
        "[1]]",
        "{}{}",
        "{1:2}",
        "[\"a\" \"b\"]",
        "\u{feff}{}",
        "{\"a\":1 \"b\":2}",
    ];
    for text in good {
        assert!(strings(text).is_ok(), "{text}");
        assert!(serde_json::from_str::<Value>(text).is_ok(), "{text}");
    }
    for text in bad {
        assert!(strings(text).is_err(), "{text}");
        assert!(serde_json::from_str::<Value>(text).is_err(), "{text}");
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(strings(&nested(DEPTH)).is_ok());
    assert_eq!(strings(&nested(DEPTH + 1)).unwrap_err().why, Fault::TooDeep);
}

#[test]
fn a_lone_surrogate_says_the_replacement_character() {
    assert_eq!(strings(r#"["a\ud83db\ude00"]"#).unwrap(), ["value a\u{fffd}b\u{fffd}"]);
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::String),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn the_strings_are_those_that_serde_reads(value in json(), pretty: bool) {
        let text = if pretty {
            serde_json::to_string_pretty(&value).unwrap()
        } else {
            value.to_string()
        };
        let mut all = Vec::new();
        expected(&value, &mut all);
        prop_assert_eq!(strings(&text).unwrap(), all);
    }

    #[test]
    fn damaged_text_is_json_to_both_or_to_none(value in json(), at: prop::sample::Index, byte: u8) {
        let mut text = value.to_string().into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        if let Ok(text) = String::from_utf8(text) {
            let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            prop_assert_eq!(strings(&text).is_ok(), theirs, "{}", text);
        }
    }
}

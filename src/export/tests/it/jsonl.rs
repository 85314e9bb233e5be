//! The lines of `jsonl`.

use crate::fixture;
use serde_json::Value;
use std::collections::BTreeMap;

fn lines() -> Vec<Value> {
    let mut out = Vec::new();
    hansard_export::jsonl(&fixture::replay(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_event_is_a_line_and_lines_are_numbered() {
    let lines = lines();
    let mut counts = BTreeMap::new();
    for (place, line) in lines.iter().enumerate() {
        assert_eq!(line["n"], place + 1);
        assert_eq!(line["session"], "s-3f2a9c0d1e2b4a5f");
        assert!(line["at"].is_string() && line["at_ms"].is_i64());
        *counts.entry(line["event"].as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    let expected = [
        ("answer", 10),
        ("command", 2),
        ("commit", 1),
        ("file_change", 2),
        ("finding", 1),
        ("notice", 2),
        ("rewrite", 1),
        ("said", 7),
        ("session", 1),
        ("tool_call", 5),
        ("turn", 7),
    ];
    assert_eq!(counts, expected.map(|(name, count)| (name.to_owned(), count)).into());
}

#[test]
fn texts_come_back_as_they_were_recorded() {
    let lines = lines();
    let hostile: Vec<_> = lines.iter().filter(|line| line["turn"] == 7).collect();
    let said = hostile.iter().find(|line| line["event"] == "said").unwrap();
    assert_eq!(said["content"]["text"], fixture::HOSTILE);
    assert_eq!(said["role"], fixture::HOSTILE);
    let call = lines.iter().find(|line| line["call"] == "toolu_02").unwrap();
    assert_eq!(call["outcome"], "rejected");
    assert_eq!(call["feedback"], "Not there.");
    // Digit for digit.
    assert!(call["input"].as_str().unwrap().contains("1.50"));
    let text = lines.iter().find(|line| line["event"] == "answer" && line["block"] == 2).unwrap();
    assert_eq!(text["at"], "2026-01-02T03:04:06.500Z");
}

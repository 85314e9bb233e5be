use super::*;
use crate::testkit::Kit;
use serde_json::{Value, json};

const FILE: &str = "fn main() {\n    let answer = forty_two();\n    println!(\"{answer}\");\n}\n";

/// A session that suggests writes (path, content, whether it is rejected), one an exchange.
fn session(id: &str, writes: &[(&str, &str, bool)]) -> Vec<SuggestedLine> {
    let mut kit = Kit::default();
    kit.input.session.id = id.into();
    kit.input.session.subject = "ada".into();
    let mut history: Vec<Value> = vec![json!({"role": "user", "content": "write"})];
    for (number, (path, content, rejected)) in writes.iter().enumerate() {
        let id = format!("t{number}");
        let call = json!([{"type": "tool_use", "id": id, "name": "Write", "input": {"file_path": path, "content": content}}]);
        kit.talk(json!(history), call.clone());
        let text =
            if *rejected { "The user doesn't want to proceed with this tool use." } else { "ok" };
        history.push(json!({"role": "assistant", "content": call}));
        history.push(json!({"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": id, "content": text, "is_error": rejected}]}));
    }
    kit.talk(json!(history), json!([]));
    suggested_lines(&kit.rebuilt())
}

fn attributed(file: &str, path: &str, index: &[SuggestedLine]) -> Vec<Option<Attribution>> {
    let lines: Vec<_> = file.lines().collect();
    attribute(&lines, path, None, |key| {
        index.iter().filter(|one| one.key.loose == key.loose).cloned().collect()
    })
}

fn calls(found: &[Option<Attribution>]) -> Vec<Option<(&str, usize)>> {
    found
        .iter()
        .map(|one| one.as_ref().map(|one| (one.suggested.session.as_str(), one.suggested.call)))
        .collect()
}

#[test]
fn lines_are_those_of_the_call_that_suggested_them() {
    let index = session("s", &[("/w/src/main.rs", FILE, false)]);
    assert_eq!(index.len(), 4);
    assert_eq!((index[0].person.as_str(), index[0].model.as_deref()), ("ada", Some("claude")));
    let found = attributed(FILE, "src/main.rs", &index);
    assert_eq!(calls(&found), [Some(("s", 0)); 4], "the brace is in the run");
    assert!(found.iter().flatten().all(|one| one.exact && one.same_path));
    // White space within a line is another layout of the same.
    let found = attributed(&FILE.replace("    ", "\t"), "src/main.rs", &index);
    assert!(found[1].as_ref().is_some_and(|one| !one.exact));
}

#[test]
fn a_line_that_says_little_is_nobodys_by_itself() {
    let index = session("s", &[("/w/src/main.rs", FILE, false)]);
    let other = "struct Other;\n}\nfn main() {\n";
    assert_eq!(calls(&attributed(other, "src/main.rs", &index))[..2], [None, None]);
    assert_eq!(calls(&attributed(other, "lib.rs", &index)), [None, None, None]);
    assert_eq!(calls(&attributed("a\n\n", "src/main.rs", &[])), [None, None]);
    // A whole that was moved is found in its new place.
    let long = FILE.replace("forty_two", "a_name_that_is_long_enough_to_tell");
    let index = session("s", &[("/w/src/main.rs", &long, false)]);
    assert_eq!(calls(&attributed(&long, "src/moved.rs", &index)), [Some(("s", 0)); 4]);
}

#[test]
fn the_same_path_what_was_applied_and_the_latest_win() {
    let mut index = session("old", &[("/w/src/main.rs", FILE, false)]);
    index
        .extend(session("new", &[("/w/src/main.rs", FILE, false), ("/w/src/main.rs", FILE, true)]));
    index.extend(session("far", &[("/w/src/far.rs", FILE, false)]));
    for line in &mut index {
        line.at += if line.session == "new" { 10 } else { 0 };
    }
    assert_eq!(calls(&attributed(FILE, "/w/src/main.rs", &index)), [Some(("new", 0)); 4]);
    let lines: Vec<_> = FILE.lines().collect();
    let first = index.iter().filter(|one| one.session == "old").map(|one| one.at).max();
    let found = attribute(&lines, "src/main.rs", first, |key| {
        index.iter().filter(|one| one.key.loose == key.loose).cloned().collect()
    });
    assert_eq!(calls(&found), [Some(("old", 0)); 4], "what came later is left out");
    // Only a rejected suggestion holds these lines: that is told with it.
    let index = session("s", &[("/w/src/main.rs", FILE, true)]);
    let found = attributed(FILE, "src/main.rs", &index);
    assert!(
        found.iter().flatten().all(|one| matches!(one.suggested.outcome, Outcome::Rejected { .. }))
    );
    assert_eq!(found.iter().flatten().count(), 4);
}

#[test]
fn paths_are_the_same_when_one_ends_with_the_other() {
    for (path, other, same) in [
        ("src/main.rs", "/w/src/main.rs", true),
        ("/w/src/main.rs", "src/main.rs", true),
        ("./main.rs", "/w/main.rs", true),
        ("main.rs", "/w/domain.rs", false),
        ("", "/w/a", false),
    ] {
        assert_eq!(is_same(path, other), same, "{path} {other}");
    }
}

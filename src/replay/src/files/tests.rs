use super::*;
use crate::model::{CallResult, Ran};
use serde_json::{Value, json};

/// Calls with their results: tool, input, whether it failed, text.
fn calls(list: &[(&str, Value, bool, &str)]) -> Calls {
    let mut calls = Calls::default();
    for (place, (tool, input, is_error, text)) in list.iter().enumerate() {
        let id = format!("t{place}");
        calls.suggested(&id, tool, &input.to_string(), place, 1);
        let result =
            CallResult { turn: place + 1, at: 2, is_error: *is_error, text: (*text).into() };
        calls.result(&id, result, "tool_result");
    }
    calls
}

fn write(content: &str) -> Value {
    json!({"file_path": "/w/a", "content": content})
}

fn edit(old: &str, new: &str) -> Value {
    json!({"file_path": "/w/a", "old_string": old, "new_string": new})
}

const CREATED: &str = "File created successfully at: /w/a";
const UPDATED: &str = "The file /w/a has been updated successfully.";
const REJECTED: &str =
    "The user doesn't want to proceed with this tool use. The tool use was rejected";

fn only(calls: &Calls) -> File {
    let mut files = of(calls);
    assert_eq!(files.len(), 1);
    files.remove(0)
}

#[test]
fn changes_are_replayed_one_after_the_other() {
    let file = only(&calls(&[
        ("Write", write("a\nb\n"), false, CREATED),
        ("Edit", edit("b", "c"), false, UPDATED),
        ("Edit", edit("c", "d"), true, REJECTED),
        (
            "MultiEdit",
            json!({"file_path": "/w/a", "edits": [
            {"old_string": "a", "new_string": "x"}, {"old_string": "x", "new_string": "y"}]}),
            false,
            UPDATED,
        ),
    ]));
    assert_eq!(file.content.as_deref(), Some("y\nc\n"));
    let told: Vec<_> =
        file.changes.iter().map(|one| (one.before, one.applied, one.added, one.removed)).collect();
    assert_eq!(
        told,
        [
            (Before::Absent, true, 2, 0),
            (Before::Known, true, 1, 1),
            (Before::Known, false, 1, 1),
            (Before::Known, true, 1, 1),
        ]
    );
    assert_eq!(file.changes[1].diff, "@@ -1,2 +1,2 @@\n a\n-b\n+c\n");
    assert_eq!(file.changes[2].diff, "@@ -1,2 +1,2 @@\n a\n-c\n+d\n");
}

#[test]
fn what_was_there_is_never_invented() {
    let file = only(&calls(&[("Edit", edit("b", "c"), false, UPDATED)]));
    assert_eq!((file.content, file.changes[0].before), (None, Before::Unknown));
    assert_eq!(
        file.changes[0].diff,
        "@@ -1 +1 @@\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n"
    );
    // An edit that cannot have worked on what we know worked: something else changed the file.
    let file = only(&calls(&[
        ("Write", write("a\n"), false, CREATED),
        ("Edit", edit("zzz", "c"), false, UPDATED),
        ("Edit", edit("a", "b"), false, UPDATED),
    ]));
    assert_eq!(file.content, None);
    assert_eq!(file.changes[1].before, Before::Unknown);
    assert_eq!(file.changes[2].before, Before::Unknown);
}

#[test]
fn a_file_that_was_read_as_a_whole_is_known() {
    let path = json!({"file_path": "/w/a"});
    for (input, text, known) in [
        (path.clone(), "1\ta\n2\tb\n3\t", Some("a\nb\n")),
        (path.clone(), "     1→a\n     2→b", Some("a\nb")),
        (
            path.clone(),
            "     1→a\n     2→b\n\n<system-reminder>\nBe careful.\n</system-reminder>\n",
            Some("a\nb"),
        ),
        (json!({"file_path": "/w/a", "limit": 2}), "1\ta\n2\tb", None),
        (json!({"file_path": "/w/a", "offset": 2}), "2\tb", None),
        (path.clone(), "2\tb", None),
        (path.clone(), "1\ta\nand more", None),
        (path.clone(), "<system-reminder>Warning: the file is empty</system-reminder>", None),
    ] {
        let mut list =
            calls(&[("Read", input, false, text), ("Edit", edit("b", "c"), false, UPDATED)]);
        let file = only(&list);
        let expected = known.map(|known| known.replace('b', "c"));
        assert_eq!(file.content, expected, "{text}");
        list.list[0].outcome = Outcome::Failed { code: None };
        assert_eq!(only(&list).content, None);
    }
}

#[test]
fn an_edit_is_done_as_the_client_does_it() {
    for (content, old, new, all, after) in [
        ("a\nb\nc\n", "b", "", false, Some("a\nc\n")),
        ("a b\n", "b", "", false, Some("a \n")),
        ("x x", "x", "y", false, None),
        ("x x", "x", "y", true, Some("y y")),
        ("", "", "new", false, Some("new")),
        ("x", "", "new", false, None),
        ("x", "y", "z", false, None),
    ] {
        let edit =
            Edit { old_string: Some(old.into()), new_string: Some(new.into()), replace_all: all };
        let after = if content == "a b\n" { Some("a ") } else { after };
        assert_eq!(edit.on(content).as_deref(), after, "{content:?} {old:?}");
    }
}

#[test]
fn what_ran_counts_and_not_what_was_suggested() {
    let mut list = calls(&[("Write", write("a  \n"), false, CREATED)]);
    list.echoed.insert(0, write("a\n").to_string());
    assert_eq!(only(&list).content.as_deref(), Some("a\n"), "as the client tells it again");
    list.list[0].ran = Some(Ran { input: write("b\n").to_string(), differs: true });
    assert_eq!(only(&list).content.as_deref(), Some("b\n"), "as telemetry tells it");
    list.edited.insert(0);
    assert_eq!(only(&list).content, None, "a person changed it");
}

#[test]
fn of_a_notebook_the_cell_is_compared() {
    let notebook = r#"{"cells":[{"id":"a","source":["x\n"]}]}"#;
    let cell = json!({"notebook_path": "/w/a", "cell_id": "a", "new_source": "y\n"});
    let file = only(&calls(&[
        ("Write", write(notebook), false, CREATED),
        ("NotebookEdit", cell, false, "Updated cell a with y"),
    ]));
    assert_eq!(file.changes[1].diff, "@@ -1 +1 @@\n-x\n+y\n");
    assert_eq!((file.changes[1].before, file.content), (Before::Known, None));
}

//! Blame: who suggested a line.

use super::{archive, specimen};
use crate::archive::View;
use crate::archive::specimen::Specimen;
use crate::listing::Filter;

const CODE: &str = "fn main() {\n    let total = sum(&prices);\n\n    println!(\"{total}\");\n}\n";

fn writes(id: &str, path: &str, content: &str) -> Specimen {
    Specimen {
        writes: vec![(path.to_owned(), content.to_owned())],
        models: vec!["claude-x".to_owned()],
        ..specimen(id, &["write it"])
    }
}

fn blame(view: &View, lines: &[&str], path: Option<&str>) -> Vec<Option<(String, bool)>> {
    let blamed = view.blame(lines, path, &Filter::default()).unwrap();
    let of = |line: crate::archive::Attribution| (line.session, line.exact);
    blamed.into_iter().map(|line| line.map(of)).collect()
}

#[test]
fn a_line_is_its_suggesters_also_when_it_was_indented_anew() {
    let (_folder, _archive, view) = archive(&[writes("s-1", "src/main.rs", CODE)]);
    let lines = [
        "fn main() {",
        "\tlet total = sum(&prices);",
        "",
        "    println!(\"{total}\");",
        "}",
        "// a person wrote this",
        "}",
    ];
    let own = |exact| Some(("s-1".to_owned(), exact));
    let expected = [own(true), own(false), own(true), own(true), own(true), None, None];
    assert_eq!(blame(&view, &lines, Some("src/main.rs")), expected);
    let all = view.blame(&lines, None, &Filter::default()).unwrap();
    let first = all[0].as_ref().unwrap();
    assert_eq!((first.turn, first.call, first.tool.as_str()), (1, 0, "Write"));
    assert_eq!((first.model.as_deref(), first.path.as_str()), (Some("claude-x"), "src/main.rs"));
}

#[test]
fn of_several_the_one_of_the_same_path_then_the_latest() {
    let (_folder, _archive, view) = archive(&[
        writes("s-1", "/home/a/src/main.rs", CODE),
        writes("s-2", "src/other.rs", CODE),
        writes("s-3", "lib/other.rs", "    println!(\"{total}\");"),
    ]);
    let first = |path| blame(&view, &["    println!(\"{total}\");"], path).remove(0).unwrap().0;
    assert_eq!(first(Some("src/main.rs")), "s-1");
    assert_eq!(first(Some("./src/other.rs")), "s-2");
    assert_eq!(first(None), "s-3");
    // Whose other lines stand around it counts more than who was last.
    let lines: Vec<_> = CODE.lines().collect();
    assert_eq!(blame(&view, &lines, None)[3].as_ref().unwrap().0, "s-2");
}

#[test]
fn a_line_that_everybody_writes_is_who_wrote_the_rest() {
    let mut sessions = vec![writes("s-own", "a.py", "import os\nvalue = compute(7)\n")];
    sessions.extend((0..300).map(|n| writes(&format!("s-{n}"), &format!("{n}.py"), "import os\n")));
    let (_folder, _archive, view) = archive(&sessions);
    let blamed = blame(&view, &["import os", "value = compute(7)"], Some("a.py"));
    assert!(blamed.iter().flatten().all(|(session, _)| session == "s-own"), "{blamed:?}");
}

#[test]
fn only_sessions_that_may_be_seen_are_told_of() {
    let bob = Specimen { subject: "bob".to_owned(), ..writes("s-2", "a.rs", CODE) };
    let (_folder, _archive, view) = archive(&[writes("s-1", "b.rs", CODE), bob]);
    let only = Some(("https://issuer".to_owned(), "alice".to_owned()));
    let filter = Filter { only, ..Filter::default() };
    let lines: Vec<_> = CODE.lines().collect();
    let blamed = view.blame(&lines, Some("a.rs"), &filter).unwrap();
    assert!(blamed.iter().flatten().all(|line| line.session == "s-1"));
    assert_eq!(blamed.iter().flatten().count(), 5);
}

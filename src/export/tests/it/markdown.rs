//! The document, as a reader of CommonMark and of GitHub's dialect sees it.

use crate::fixture;
use hansard_replay::Replay;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag};

pub(crate) fn document(replay: &Replay) -> String {
    let mut out = Vec::new();
    hansard_export::markdown(replay, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Nothing recorded makes a tag, a link, a picture or a heading.
pub(crate) fn harmless(document: &str) {
    let ours =
        ["<details><summary>", "</summary>", "</details>", "Thinking", "System prompt", "\n"];
    for event in Parser::new_ext(document, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => {
                let rest = ours.iter().fold(html.to_string(), |rest, own| rest.replace(own, ""));
                assert_eq!(rest, "", "a tag that is not ours");
            }
            Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::Strikethrough) => {
                panic!("{event:?}");
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)) => {
                panic!("an indented code block")
            }
            _ => {}
        }
    }
}

#[test]
fn hostile_text_stays_text() {
    let document = document(&fixture::replay());
    harmless(&document);
    for shown in ["⟨U+202E⟩", "⟨U+001B⟩", "⟨U+200B⟩", "⟨U+E0061⟩", "⟨U+0000⟩"] {
        assert!(document.contains(shown), "{shown} is not to be seen");
    }
}

#[test]
fn headings_are_turns_and_calls_and_fences_hold_what_they_quote() {
    let document = document(&fixture::replay());
    let (mut headings, mut codes, mut in_code) = (0, Vec::new(), false);
    for event in Parser::new_ext(&document, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => headings += 1,
            Event::Start(Tag::CodeBlock(_)) => {
                in_code = true;
                codes.push(String::new());
            }
            Event::End(pulldown_cmark::TagEnd::CodeBlock) => in_code = false,
            Event::Text(text) if in_code => codes.last_mut().unwrap().push_str(&text),
            _ => {}
        }
    }
    assert_eq!(headings, 1 + 7 + 5);
    assert!(codes.iter().any(|code| code == "They want `cargo test`.\n```\n"));
    assert!(codes.iter().any(|code| code == "assert_eq!(1 + 1, 2);\n"));
    let hostile = codes.iter().filter(|code| code.contains("````\n# heading\n| a | b |")).count();
    assert!(hostile >= 5, "{hostile} fences hold it");
}

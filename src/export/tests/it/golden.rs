//! What the formats look like is an agreement with whoever reads them: it stands in files.
//! `HANSARD_WRITE=1 cargo test -p hansard-export` writes them anew.

use crate::{exports, fixture};
use std::path::Path;

#[test]
fn every_export_is_as_it_was_agreed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for (name, text) in exports(&fixture::replay(), &fixture::proof()) {
        let path = folder.join(name);
        if std::env::var_os("HANSARD_WRITE").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let agreed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(text == agreed, "{name} is not as in {}", path.display());
    }
}

#[test]
fn the_same_session_gives_the_same_bytes() {
    let once = exports(&fixture::replay(), &fixture::proof());
    assert_eq!(once, exports(&fixture::replay(), &fixture::proof()));
}

/// No export but with content shows what was said; none shows a character that hides.
#[test]
fn nothing_is_hidden_and_nothing_said_unasked() {
    for (name, text) in exports(&fixture::replay(), &fixture::proof()) {
        for c in text.chars() {
            assert!(
                c == '\n'
                    || c == '\t'
                    || !(c.is_control() || "\u{202e}\u{200b}\u{feff}".contains(c)),
                "{name} holds {c:?}"
            );
        }
        if matches!(name, "spans.json" | "events.jsonl") {
            for said in ["Make the tests pass", "Search the tree", "search *the*", "ls -a"] {
                assert!(!text.contains(said), "{name} says {said:?}");
            }
        }
    }
}

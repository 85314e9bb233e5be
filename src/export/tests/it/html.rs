//! The page, as a browser takes it apart.

use crate::fixture;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

fn page() -> String {
    let mut out = Vec::new();
    hansard_export::html(&fixture::replay(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The text between two marks, which stand once.
fn between<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = page.split_once(from).unwrap();
    let (inner, rest) = rest.split_once(to).unwrap();
    assert!(!rest.contains(from), "{from} stands twice");
    inner
}

/// Every tag is one of ours, with attributes of ours.
pub(crate) fn harmless(page: &str) {
    let style = between(page, "<style>", "</style>");
    let script = between(page, "<script>", "</script>");
    let body = page.replace(style, "").replace(script, "");
    let tags = "!DOCTYPE html head meta title style body main h1 h2 h3 dl dt dd p a svg rect article \
                details summary code div span pre br section button label input output select option script";
    let attributes = "lang charset http-equiv content name class id href viewBox preserveAspectRatio role \
                      aria-label data-at data-from data-do x y width height hidden type min value selected html";
    for tag in body.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').unwrap();
        let mut rest = tag.strip_prefix('/').unwrap_or(tag);
        let name = rest.split([' ', '\n']).next().unwrap();
        assert!(tags.split_whitespace().any(|known| known == name), "<{tag}>");
        rest = &rest[name.len()..];
        while let Some(attribute) =
            rest.trim_start().split([' ', '=']).next().filter(|a| !a.is_empty())
        {
            assert!(attributes.split_whitespace().any(|known| known == attribute), "<{tag}>");
            rest = &rest.trim_start()[attribute.len()..];
            if let Some(value) = rest.strip_prefix("=\"") {
                let (value, after) = value.split_once('"').unwrap();
                assert!(attribute != "href" || value.starts_with('#'), "<{tag}>");
                rest = after;
            }
        }
    }
}

#[test]
fn the_policy_names_the_style_and_the_script_that_stand_in_it() {
    let page = page();
    let policy = between(&page, "http-equiv=\"Content-Security-Policy\" content=\"", "\">");
    for (kind, from, to) in
        [("style-src", "<style>", "</style>"), ("script-src", "<script>", "</script>")]
    {
        let hash = STANDARD.encode(Sha256::digest(between(&page, from, to)));
        assert!(policy.contains(&format!("{kind} 'sha256-{hash}'")), "{policy}");
    }
    assert!(policy.starts_with("default-src 'none'; "));
    assert!(!policy.contains("unsafe"));
}

#[test]
fn hostile_text_stays_text_and_is_whole() {
    let page = page();
    harmless(&page);
    for shown in ["⟨U+202E⟩", "⟨U+001B⟩", "&lt;script&gt;alert(1)", "&amp;lt;b&amp;gt;"] {
        assert!(page.contains(shown), "{shown} is not to be seen");
    }
    assert_eq!(page.matches("<article").count(), 7);
}

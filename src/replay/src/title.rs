//! A session's title: what the client had the model call it, else how it began.

use serde_json::Value;

/// Characters of a title.
const LONGEST: usize = 80;

/// The title in an answer to a request for one: JSON with a `title`, or a line of text.
pub(crate) fn answered(text: &str) -> Option<String> {
    let text = text.trim();
    let json = text.trim_start_matches("```json").trim_matches('`').trim();
    if let Ok(Value::Object(members)) = serde_json::from_str::<Value>(json) {
        let title = members.get("title").and_then(Value::as_str).map(str::trim);
        return title.filter(|title| !title.is_empty()).map(|title| beginning(title, LONGEST));
    }
    let line = text.lines().next().unwrap_or_default().trim().trim_matches(['"', '#', '*', ' ']);
    (!line.is_empty() && text.lines().count() == 1).then(|| beginning(line, LONGEST))
}

/// The title of a session that nobody named: how its first prompt begins.
pub(crate) fn prompted(text: &str) -> Option<String> {
    let title = beginning(text, LONGEST);
    (!title.is_empty()).then_some(title)
}

/// A text's beginning in one line, cut at a word.
pub(crate) fn beginning(text: &str, most: usize) -> String {
    let mut out = String::new();
    let mut length = 0_usize;
    for word in text.split_whitespace() {
        let chars = word.chars().count();
        if length.saturating_add(chars) >= most {
            if out.is_empty() {
                out.extend(word.chars().take(most.saturating_sub(1)));
            }
            out.push('…');
            return out;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
        length = length.saturating_add(chars).saturating_add(1);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_json_or_a_line() {
        for (answer, title) in [
            (r#"{"title": "Fix the login"}"#, Some("Fix the login")),
            ("```json\n{\"title\":\"Fix it\"}\n```", Some("Fix it")),
            (r#"{"isNewTopic": false, "title": null}"#, None),
            ("Fix the login\n", Some("Fix the login")),
            ("\"Fix the login\"", Some("Fix the login")),
            ("I cannot do that.\nReally.", None),
            ("", None),
        ] {
            assert_eq!(answered(answer).as_deref(), title, "{answer}");
        }
    }

    #[test]
    fn a_beginning_ends_at_a_word() {
        assert_eq!(beginning("one  two\nthree", 80), "one two three");
        assert_eq!(beginning("one two three", 9), "one two…");
        assert_eq!(beginning(&"x".repeat(100), 10), format!("{}…", "x".repeat(9)));
        assert_eq!(beginning("", 10), "");
        assert_eq!(prompted("  "), None);
    }
}

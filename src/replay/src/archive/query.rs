//! What a person types, as an expression of SQLite's full-text search.
//!
//! ```text
//! push "git commit" src/auth.rs conf*   →   "push" AND "git commit" AND "src/auth.rs" AND "conf"*
//! ```
//!
//! Words must all be there, in any order; a quoted phrase, or a word with punctuation within it, as it
//! stands. Every word is quoted, so nothing that is typed is an operator or a syntax error.

use super::error::ArchiveError;

/// Words and phrases that count; what is behind them is left out.
const MOST: usize = 32;
/// Characters that a beginning of a word must have; a shorter one is a word.
const SHORTEST: usize = 3;

/// What a person searches for.
pub(super) fn phrases(text: &str) -> Result<Vec<String>, ArchiveError> {
    let mut phrases = Vec::new();
    let mut rest = text;
    while let Some(begin) = rest.find(|c: char| !c.is_whitespace()) {
        rest = rest.get(begin..).unwrap_or_default();
        let (phrase, behind) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_at(rest.find([' ', '\t', '\n', '\r', '"']).unwrap_or(rest.len())),
        };
        let (phrase, behind, is_beginning) = match (phrase.strip_suffix('*'), behind) {
            (Some(word), _) => (word, behind, true),
            (None, _) => match behind.strip_prefix('*') {
                Some(behind) => (phrase, behind, true),
                None => (phrase, behind, false),
            },
        };
        // A character of white space that is none of the four above would stand still.
        rest = if behind.len() < rest.len() { behind } else { "" };
        let last = phrase.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        if phrase.chars().any(char::is_alphanumeric) {
            let star = if is_beginning && last.chars().count() >= SHORTEST { "*" } else { "" };
            phrases.push(format!("{}{star}", quoted(phrase)));
        }
    }
    phrases.truncate(MOST);
    if phrases.is_empty() {
        return Err(ArchiveError::NoWords { text: text.chars().take(100).collect() });
    }
    Ok(phrases)
}

/// Words that must all stand in one text, one by one: for a table that keeps no order of words.
pub(super) fn words(text: &str) -> Result<String, ArchiveError> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let words: Vec<String> = words.take(MOST).map(quoted).collect();
    if words.is_empty() {
        return Err(ArchiveError::NoWords { text: text.chars().take(100).collect() });
    }
    Ok(words.join(" AND "))
}

fn quoted(phrase: &str) -> String {
    // The expression is a C string: it ends at a zero byte.
    format!("\"{}\"", phrase.replace(['"', '\0'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_becomes_phrases() {
        for (typed, expected) in [
            ("push", vec!["\"push\""]),
            ("  git\tpush ", vec!["\"git\"", "\"push\""]),
            ("\"git push\" now", vec!["\"git push\"", "\"now\""]),
            ("src/auth.rs", vec!["\"src/auth.rs\""]),
            ("conf* \"git com\"*", vec!["\"conf\"*", "\"git com\"*"]),
            ("co*", vec!["\"co\""]),
            ("\"never closed", vec!["\"never closed\""]),
            ("a OR b", vec!["\"a\"", "\"OR\"", "\"b\""]),
            ("text:x -y (z)", vec!["\"text:x\"", "\"-y\"", "\"(z)\""]),
            ("foo\"bar\"", vec!["\"foo\"", "\"bar\""]),
            ("a\0b", vec!["\"a b\""]),
            ("\u{3000}wide\u{3000}space", vec!["\"wide\u{3000}space\""]),
        ] {
            assert_eq!(phrases(typed).unwrap(), expected, "{typed}");
        }
        assert_eq!(words("git push --force").unwrap(), "\"git\" AND \"push\" AND \"force\"");
        for nothing in ["", "  ", "--", "\"\"", "***", "\"", "}{"] {
            assert!(phrases(nothing).is_err(), "{nothing}");
        }
    }

    #[test]
    fn many_words_are_bounded() {
        assert_eq!(phrases(&"word ".repeat(10_000)).unwrap().len(), MOST);
    }
}

//! Recorded text on a terminal: all of it is hostile.
//!
//! Enters: text that a client, a model or a tool wrote. Leaves: the same text with everything that
//! a terminal acts on, or that hides or reorders what is seen, as visible escapes (`\u{1b}`).
//! It looks at one character at a time, so text that arrives in pieces is as safe as the whole.
//! It does not tell look-alike letters apart.

use hansard_shown::is_hidden;
use std::borrow::Cow;
use std::fmt::Write;

/// Text of several lines: newlines and tabs stay, and `\r\n` is a newline.
pub(crate) fn text(recorded: &str) -> Cow<'_, str> {
    escape(recorded, |c, next| match c {
        '\n' | '\t' => Shown::AsIs,
        '\r' if next == Some('\n') => Shown::Left,
        _ => shown(c),
    })
}

/// Text in one line, as in a table: no newline, no tab.
pub(crate) fn line(recorded: &str) -> Cow<'_, str> {
    escape(recorded, |c, _| shown(c))
}

/// JSON text: stays the same JSON, for what is escaped can only stand within a string.
pub(crate) fn json(recorded: &str) -> Cow<'_, str> {
    escape(recorded, |c, _| match c {
        '\n' | '\t' => Shown::AsIs,
        // Raw, it is white space between two tokens.
        '\r' => Shown::Left,
        _ if is_hidden(c) => Shown::Json,
        _ => Shown::AsIs,
    })
}

enum Shown {
    AsIs,
    Escaped,
    Json,
    Left,
}

fn shown(c: char) -> Shown {
    if is_hidden(c) { Shown::Escaped } else { Shown::AsIs }
}

fn escape(recorded: &str, how: impl Fn(char, Option<char>) -> Shown) -> Cow<'_, str> {
    let mut rest = recorded.chars();
    if !recorded.chars().any(|c| !matches!(how(c, None), Shown::AsIs)) {
        return Cow::Borrowed(recorded);
    }
    let mut out = String::with_capacity(recorded.len() + 16);
    while let Some(c) = rest.next() {
        // Writing to a string cannot fail.
        let _ = match how(c, rest.clone().next()) {
            Shown::AsIs => out.write_char(c),
            Shown::Escaped => write!(out, "\\u{{{:x}}}", u32::from(c)),
            Shown::Json => {
                c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}"))
            }
            Shown::Left => Ok(()),
        };
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_a_terminal_acts_on_is_shown_and_the_rest_stays() {
        for (name, recorded, shown) in [
            ("plain", "grüße, 世界 🙂 a\nb\tc", "grüße, 世界 🙂 a\nb\tc"),
            ("colour", "\u{1b}[31mred", "\\u{1b}[31mred"),
            ("title", "\u{1b}]0;owned\u{7}", "\\u{1b}]0;owned\\u{7}"),
            ("clipboard", "\u{1b}]52;c;cm0gLXJm\u{1b}\\", "\\u{1b}]52;c;cm0gLXJm\\u{1b}\\"),
            ("8-bit csi", "\u{9b}2J", "\\u{9b}2J"),
            ("backspace", "rm -rf /\u{8}\u{8}", "rm -rf /\\u{8}\\u{8}"),
            ("delete, null", "\u{7f}\0", "\\u{7f}\\u{0}"),
            ("overwrite", "rm -rf /\rls", "rm -rf /\\u{d}ls"),
            ("windows", "a\r\nb\r\r\n", "a\nb\\u{d}\n"),
            ("bidi", "a\u{202e}b\u{2066}c\u{200f}", "a\\u{202e}b\\u{2066}c\\u{200f}"),
            (
                "zero width",
                "a\u{200b}\u{200d}\u{feff}\u{ad}",
                "a\\u{200b}\\u{200d}\\u{feff}\\u{ad}",
            ),
            ("separators", "a\u{2028}b\u{85}", "a\\u{2028}b\\u{85}"),
            ("tags", "\u{e0061}", "\\u{e0061}"),
        ] {
            assert_eq!(text(recorded), shown, "{name}");
        }
        assert_eq!(line("a\nb\tc"), "a\\u{a}b\\u{9}c");
    }

    #[test]
    fn text_in_pieces_is_as_safe_as_the_whole() {
        let hostile = "x\u{1b}[2J\u{202e}\u{9b}y\n";
        let pieces: String = hostile.chars().map(|c| text(&c.to_string()).into_owned()).collect();
        assert_eq!(pieces, text(hostile));
    }

    #[test]
    fn json_stays_the_same_json() {
        let recorded = "{\r\n\t\"a\": \"\u{9b}2J\u{202e}\u{e0061}\u{7f} é\\u001b\"}";
        let shown = json(recorded);
        assert_eq!(shown, "{\n\t\"a\": \"\\u009b2J\\u202e\\udb40\\udc61\\u007f é\\u001b\"}");
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&shown), value(recorded));
    }
}

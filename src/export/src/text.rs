//! Recorded text where a person or a terminal reads it: all of it is hostile.
//!
//! Enters: text that a client, a model or a tool wrote. Leaves: the same text in which nothing is
//! hidden: each control, and each character that reorders, hides or has no width, stands as its
//! number (`⟨U+202E⟩`), or in JSON as its escape (`\u202e`), which every parser reads back.
//! It does not tell look-alike letters apart.

use hansard_shown::is_hidden;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use std::fmt::Write as _;
use std::io::{self, Write};

/// Text of several lines: newlines and tabs stay, and `\r\n` is a newline.
pub(crate) fn visible(recorded: &str) -> String {
    let mut out = String::with_capacity(recorded.len());
    let mut rest = recorded.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\n' | '\t' => out.push(c),
            '\r' if rest.peek() == Some(&'\n') => {}
            _ => show(c, &mut out),
        }
    }
    out
}

/// Text in one line, as in a heading or a table.
pub(crate) fn one_line(recorded: &str) -> String {
    let mut out = String::with_capacity(recorded.len());
    recorded.chars().for_each(|c| match c {
        '\n' => out.push('⏎'),
        '\t' => out.push(' '),
        _ => show(c, &mut out),
    });
    out
}

/// The beginning of a text, at most `most` characters, with a mark where it was cut.
pub(crate) fn beginning(text: &str, most: usize) -> String {
    let mut chars = text.chars();
    let mut out: String = chars.by_ref().take(most).collect();
    if chars.next().is_some() {
        out.push('…');
    }
    out
}

fn show(c: char, out: &mut String) {
    if is_hidden(c) {
        // Writing to a string cannot fail.
        let _ = write!(out, "⟨U+{:04X}⟩", u32::from(c));
    } else {
        out.push(c);
    }
}

/// Writes a value as one line of JSON, without the line's end: what is hidden is escaped, so that a
/// terminal shows the line as it is.
pub(crate) fn json_line(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, Plain)).map_err(io::Error::from)
}

struct Plain;

impl Formatter for Plain {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut from = 0;
        for (at, c) in fragment.char_indices().filter(|(_, c)| is_hidden(*c)) {
            out.write_all(fragment.get(from..at).unwrap_or_default().as_bytes())?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            from = at + c.len_utf8();
        }
        out.write_all(fragment.get(from..).unwrap_or_default().as_bytes())
    }

    /// Raw JSON may be laid out over lines; within its strings a line break is an escape already.
    fn write_raw_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let one_line = fragment.replace(['\n', '\r', '\t'], " ");
        self.write_string_fragment(out, &one_line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_stands_as_its_number() {
        for (recorded, shown) in [
            ("grüße, 世界 🙂\n\tb", "grüße, 世界 🙂\n\tb"),
            ("a\r\nb\rc", "a\nb⟨U+000D⟩c"),
            ("\u{1b}[2J\u{202e}x\u{200b}", "⟨U+001B⟩[2J⟨U+202E⟩x⟨U+200B⟩"),
            ("\u{e0061}\0", "⟨U+E0061⟩⟨U+0000⟩"),
        ] {
            assert_eq!(visible(recorded), shown);
        }
        assert_eq!(one_line("a\nb\tc\u{85}"), "a⏎b c⟨U+0085⟩");
        assert_eq!(beginning("äöü", 2), "äö…");
        assert_eq!(beginning("äö", 2), "äö");
    }

    #[test]
    fn json_is_the_same_json_with_nothing_hidden() {
        let text = "a\"\\\n\u{1b}\u{202e}\u{7f}\u{e0061} ü";
        let mut line = Vec::new();
        json_line(&mut line, &text).unwrap();
        let line = String::from_utf8(line).unwrap();
        assert_eq!(line, "\"a\\\"\\\\\\n\\u001b\\u202e\\u007f\\udb40\\udc61 ü\"");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
    }
}

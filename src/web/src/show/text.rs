//! Recorded text on a page: all of it is hostile.
//!
//! Enters: text that a client, a model or a tool wrote. Leaves: escaped markup in which nothing is
//! hidden: invisible and reordering characters and terminal escapes stand as visible marks, and
//! placeholders of the redactor as marks that name their rule. What can be read is unchanged.
//!
//! It does not tell look-alike letters apart.

use hansard_shown::is_hidden;
use maud::{Markup, PreEscaped, Render, html};
use std::fmt::Write;

/// How every placeholder begins.
const PLACEHOLDER: &str = "HANSARD-";
/// Characters of a placeholder's tag; the first twelve depend on the value alone.
const TAG: usize = 16;
const VALUE: usize = 12;
/// The longest name of a rule and its dash, bytes.
const MOST_ID: usize = 81;

/// Recorded text, in markup.
pub(crate) struct Text<'a>(pub(crate) &'a str);

impl Render for Text<'_> {
    fn render_to(&self, out: &mut String) {
        show(self.0, false, out);
    }
}

/// Recorded text in one line, as in a heading: line breaks and tabs are marks as well.
pub(crate) struct Line<'a>(pub(crate) &'a str);

impl Render for Line<'_> {
    fn render_to(&self, out: &mut String) {
        show(self.0, true, out);
    }
}

fn show(text: &str, one_line: bool, out: &mut String) {
    out.reserve(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == 'H'
            && let Some(placeholder) = Placeholder::at(rest)
        {
            placeholder.mark().render_to(out);
            rest = rest.get(placeholder.length..).unwrap_or_default();
            continue;
        }
        if matches!(c, '\u{1b}' | '\u{9b}') {
            let length = escape_sequence(rest);
            let (sequence, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
            mark_sequence(sequence, out);
            rest = after;
            continue;
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        match c {
            '\r' if !one_line && rest.starts_with('\n') => {}
            '\n' | '\t' if !one_line => out.push(c),
            '\n' | '\t' | '\r' if one_line && rest.is_empty() => {}
            _ if is_hidden(c) => mark(c, out),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
}

fn mark(c: char, out: &mut String) {
    let name = match c {
        '\n' => "⏎",
        '\t' => "⇥",
        _ => "",
    };
    let code = u32::from(c);
    // Writing to a string cannot fail.
    let _ = if name.is_empty() {
        write!(out, "<span class=\"inv\" title=\"U+{code:04X}\">⟨U+{code:04X}⟩</span>")
    } else {
        write!(out, "<span class=\"inv\" title=\"U+{code:04X}\">{name}</span>")
    };
}

fn mark_sequence(sequence: &str, out: &mut String) {
    out.push_str("<span class=\"inv\" title=\"terminal escape\">␛");
    let body = sequence.trim_start_matches(['\u{1b}', '\u{9b}']);
    for c in body.chars() {
        if is_hidden(c) {
            let _ = write!(out, "⟨U+{:04X}⟩", u32::from(c));
        } else {
            c.to_string().render_to(out);
        }
    }
    out.push_str("</span>");
}

/// The length of the terminal's escape sequence that a text begins with (ECMA-48), in bytes; at
/// most 64, for a sequence without an end is not one.
fn escape_sequence(text: &str) -> usize {
    let mut chars = text.char_indices();
    let first = chars.next().map_or('\0', |(_, c)| c);
    let csi = first == '\u{9b}';
    let mut osc = false;
    let mut length = first.len_utf8();
    if !csi {
        match chars.next() {
            Some((_, '[')) => length += 1,
            Some((_, ']' | 'P' | '^' | '_')) => {
                length += 1;
                osc = true;
            }
            Some((at, c)) if c.is_ascii_graphic() => return at + c.len_utf8(),
            _ => return length,
        }
    }
    for (at, c) in chars.take(64) {
        if osc {
            match c {
                '\u{7}' => return at + 1,
                '\u{1b}' if text.get(at + 1..).is_some_and(|rest| rest.starts_with('\\')) => {
                    return at + 2;
                }
                '\n' => return length,
                _ => {}
            }
        } else {
            match c {
                '\u{40}'..='\u{7e}' => return at + 1,
                '\u{20}'..='\u{3f}' => {}
                _ => return length,
            }
        }
    }
    length
}

/// A redactor's placeholder at the beginning of a text.
struct Placeholder<'a> {
    rule: &'a str,
    tag: &'a str,
    length: usize,
}

impl<'a> Placeholder<'a> {
    /// Its form alone: whether it is the redactor's own only the redaction key could tell.
    fn at(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix(PLACEHOLDER)?;
        let is_part =
            |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
        let most = rest.bytes().take(MOST_ID + TAG).take_while(is_part).count();
        let name = rest.get(..most)?;
        let (rule, tag) = name.rsplit_once('-')?;
        let tag = tag.get(..TAG)?;
        let is_tag = tag.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'));
        let length = PLACEHOLDER.len() + rule.len() + 1 + TAG;
        (is_tag && !rule.is_empty()).then_some(Self { rule, tag, length })
    }

    fn mark(&self) -> Markup {
        let value = self.tag.get(..VALUE).and_then(hex).unwrap_or_default();
        let title = format!("redacted by {}; the same value has the same mark", self.rule);
        html! {
            span.redacted data-value=(value) title=(title) {
                (self.rule) span.tag { "·" (self.tag.get(..4).unwrap_or_default()) }
            }
        }
    }
}

/// The beginning of the value's fingerprint: 60 bits in base 32 (RFC 4648, lower case) as 15
/// digits of base 16.
fn hex(tag: &str) -> Option<String> {
    let bits = tag.bytes().try_fold(0_u64, |bits, byte| {
        let digit = match byte {
            b'a'..=b'z' => byte - b'a',
            b'2'..=b'7' => byte - b'2' + 26,
            _ => return None,
        };
        Some(bits << 5 | u64::from(digit))
    })?;
    Some(format!("{bits:015x}"))
}

/// Recorded text where no markup can stand, as in a label: what hides is named.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            // Writing to a string cannot fail.
            let _ = write!(out, "⟨U+{:04X}⟩", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// What findings and placeholders of one value have in common; absent in what is no fingerprint.
pub(crate) fn value_of(fingerprint: &str) -> Option<&str> {
    fingerprint.get(..15).filter(|value| value.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Markup that the caller has made from escaped pieces.
pub(crate) fn ready(markup: String) -> Markup {
    PreEscaped(markup)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(recorded: &str) -> String {
        Text(recorded).render().into_string()
    }

    #[test]
    fn nothing_recorded_is_markup() {
        for (recorded, shown) in [
            ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
            ("\" onload='x' &", "&quot; onload=&#39;x&#39; &amp;"),
            ("grüße, 世界 🙂\n\tc", "grüße, 世界 🙂\n\tc"),
            ("a\r\nb", "a\nb"),
        ] {
            assert_eq!(text(recorded), shown);
        }
    }

    #[test]
    fn what_hides_is_seen() {
        for (recorded, code) in [
            ("a\u{202e}b", "U+202E"),
            ("a\u{200b}b", "U+200B"),
            ("a\u{0}b", "U+0000"),
            ("a\u{e0061}b", "U+E0061"),
            ("a\rb", "U+000D"),
            ("a\u{8}b", "U+0008"),
        ] {
            let shown = text(recorded);
            assert!(shown.contains(&format!("⟨{code}⟩")), "{shown}");
            assert!(!shown.chars().any(is_hidden), "{shown}");
        }
        assert_eq!(plain("a\u{202e}b\n"), "a⟨U+202E⟩b⟨U+000A⟩");
        assert_eq!(Line("a\nb\n").render().into_string().matches("⏎").count(), 1);
    }

    #[test]
    fn terminal_escapes_are_marks() {
        for (recorded, shown) in [
            ("\u{1b}[31mred\u{1b}[0m", "␛[31m</span>red<span"),
            ("\u{9b}2Jx", "␛2J</span>x"),
            ("\u{1b}]0;own<b>\u{7}x", "␛]0;own&lt;b&gt;⟨U+0007⟩</span>x"),
            ("\u{1b}]52;c;cm0=\u{1b}\\x", "␛]52;c;cm0=⟨U+001B⟩\\</span>x"),
            ("\u{1b}[<script>", "␛[&lt;s</span>cript&gt;"),
            ("\u{1b}", "␛</span>"),
            ("\u{1b}é", "␛</span>é"),
            ("\u{1b}]never", "␛]</span>never"),
        ] {
            let markup = text(recorded);
            assert!(markup.contains(shown), "{markup}");
            assert!(!markup.chars().any(|c| c == '\u{1b}' || c == '\u{9b}'), "{markup}");
        }
    }

    #[test]
    fn placeholders_name_their_rule_and_share_their_value() {
        let markup = text("key=HANSARD-aws-access-key-id-k3v7q2mxw5b4dztr.");
        assert!(markup.starts_with("key=<span class=\"redacted\" data-value=\""), "{markup}");
        assert!(markup.contains("aws-access-key-id<span class=\"tag\">·k3v7</span></span>."));
        let same = text("HANSARD-other-rule-k3v7q2mxw5b4aaaa");
        let value = |markup: &str| markup.split('"').nth(3).unwrap().to_owned();
        assert_eq!(value(&markup), value(&same));
        assert_eq!(value(&markup).len(), 15);
        for not in ["HANSARD-", "HANSARD-x", "HANSARD-rule-K3V7Q2MXW5B4DZTR", "HANSARD--aaaa"] {
            assert_eq!(text(not), not);
        }
    }
}

//! Recorded text in Markdown: all of it is hostile.
//!
//! Three ways to say a text, none of which it can leave: in one line, with every character escaped
//! that begins something; in a fence that is longer than any run of backticks within; and as prose,
//! quoted line by line, in which only its own fences are fences. No tag, link, picture or heading
//! comes of it in CommonMark or in GitHub's dialect.

use crate::text::{one_line, visible};

/// Text in one line.
pub(super) fn inline(recorded: &str) -> String {
    escaped(&one_line(recorded))
}

/// Text in one line, as code.
pub(super) fn code(recorded: &str) -> String {
    // A bar ends a table's cell even within code.
    let text = one_line(recorded).replace('|', "¦");
    let fence = "`".repeat(longest_run(&text, '`') + 1);
    if text.trim().is_empty() {
        return inline(recorded);
    }
    // One space on each side is taken off again, and a backtick may then begin or end the text.
    format!("{fence} {text} {fence}")
}

/// Text of several lines, character for character. `language`: a word of ours.
pub(super) fn fenced(language: &str, recorded: &str, out: &mut String) {
    let text = visible(recorded);
    let fence = "`".repeat((longest_run(&text, '`') + 1).max(3));
    out.push_str(&format!("{fence}{language}\n{text}"));
    if !text.ends_with('\n') {
        out.push('\n');
    }
    out.push_str(&fence);
    out.push_str("\n\n");
}

/// What somebody said, as a quotation. Its own code stays code.
pub(super) fn prose(recorded: &str, out: &mut String) {
    let text = visible(recorded);
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with("```") {
            let mut code = String::new();
            let end = line.trim_start().bytes().take_while(|byte| *byte == b'`').count();
            for inner in lines.by_ref() {
                let run = inner.trim_start();
                if run.len() >= end && run.trim_end().bytes().all(|byte| byte == b'`') {
                    break;
                }
                code.push_str(inner);
                code.push('\n');
            }
            let mut fence = String::new();
            fenced("", &code, &mut fence);
            out.push_str(">\n");
            fence.trim_end().lines().for_each(|line| out.push_str(&format!("> {line}\n")));
            out.push_str(">\n");
            continue;
        }
        let spaces = line.len() - line.trim_start_matches([' ', '\t']).len();
        let (indent, rest) = line.split_at_checked(spaces).unwrap_or(("", line));
        out.push_str("> ");
        indent.chars().for_each(|c| out.push_str(if c == '\t' { "&emsp;" } else { "&nbsp;" }));
        out.push_str(&escaped(rest));
        // A line of its own, if the paragraph goes on.
        if !rest.is_empty() && lines.peek().is_some_and(|next| goes_on(next)) {
            out.push('\\');
        }
        out.push('\n');
    }
    out.push('\n');
}

fn goes_on(next: &str) -> bool {
    !next.trim().is_empty() && !next.trim_start().starts_with("```")
}

fn longest_run(text: &str, of: char) -> usize {
    let (mut longest, mut run) = (0, 0);
    for c in text.chars() {
        run = if c == of { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut chars = text.char_indices().peekable();
    // Whether only digits stand before, or nothing: there lists, headings and rules begin.
    let mut beginning = true;
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, c)| *c);
        let acts = match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '$' | '@' => true,
            '#' | '-' | '+' | '=' => at == 0,
            ')' => beginning,
            // `1.` is a list, `www.` a link.
            '.' => beginning || ends_with_www(text.get(..at).unwrap_or_default()),
            // `https:` and `mailto:` are links, `12:30` is none.
            ':' => next.is_some_and(|next| !next.is_whitespace() && !next.is_ascii_digit()),
            _ => false,
        };
        if acts {
            out.push('\\');
        }
        out.push(c);
        beginning &= c.is_ascii_digit();
    }
    out
}

fn ends_with_www(before: &str) -> bool {
    before.len() >= 3
        && before.get(before.len() - 3..).is_some_and(|end| end.eq_ignore_ascii_case("www"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_one_line_and_begins_nothing() {
        for (recorded, shown) in [
            ("plain, (really) 12:30!", "plain, (really) 12:30!"),
            ("<img src=x onerror=a>", "\\<img src=x onerror=a\\>"),
            ("![x](http://a)", "!\\[x\\](http\\://a)"),
            ("# a", "\\# a"),
            ("1. a 2. b", "1\\. a 2. b"),
            ("www.evil.example", "www\\.evil.example"),
            ("a\n# b\u{202e}", "a⏎# b⟨U+202E⟩"),
            ("&lt;b&gt; a@b", "\\&lt;b\\&gt; a\\@b"),
        ] {
            assert_eq!(inline(recorded), shown);
        }
        assert_eq!(code("a``b`"), "``` a``b` ```");
        assert_eq!(code("a|b"), "` a¦b `");
        assert_eq!(code(" "), " ");
    }

    #[test]
    fn a_fence_is_longer_than_any_within() {
        let mut out = String::new();
        fenced("diff", "a\n````\n<b>", &mut out);
        assert_eq!(out, "`````diff\na\n````\n<b>\n`````\n\n");
    }

    #[test]
    fn prose_keeps_its_lines_and_its_code() {
        let mut out = String::new();
        prose("# A\n  b\nc\n\n```rust\nlet x = \"<a>\";\n```\nd", &mut out);
        let quoted = "> \\# A\\\n> &nbsp;&nbsp;b\\\n> c\n> \n>\n> ```\n> let x = \"<a>\";\n> ```\n>\n> d\n\n";
        assert_eq!(out, quoted);
    }
}

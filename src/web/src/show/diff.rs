//! A unified diff as a table: line numbers, signs that need no colour, and hostile text escaped.

use super::text::Text;
use maud::{Markup, html};

/// Lines that are shown before the rest is folded.
const SHOWN: usize = 400;

struct Row<'a> {
    kind: &'static str,
    old: Option<usize>,
    new: Option<usize>,
    sign: char,
    text: &'a str,
}

/// Renders a unified diff; at most so many lines are open, the rest is folded.
pub(crate) fn diff(unified: &str) -> Markup {
    let rows = rows(unified);
    let (first, rest) = rows.split_at(rows.len().min(SHOWN));
    html! {
        div.diff.wide tabindex="0" role="group" aria-label="difference" {
            (table(first))
        }
        @if !rest.is_empty() {
            details.more {
                summary { (rest.len()) " more lines" }
                div.diff.wide tabindex="0" role="group" aria-label="rest of the difference" {
                    (table(rest))
                }
            }
        }
    }
}

fn table(rows: &[Row<'_>]) -> Markup {
    html! {
        table {
            tbody {
                @for row in rows {
                    tr class=(row.kind) {
                        td.ln { @if let Some(line) = row.old { (line) } }
                        td.ln { @if let Some(line) = row.new { (line) } }
                        td.sign { (row.sign) }
                        td.line { (Text(row.text)) }
                    }
                }
            }
        }
    }
}

fn rows(unified: &str) -> Vec<Row<'_>> {
    let (mut old, mut new) = (0_usize, 0_usize);
    let mut in_hunk = false;
    let mut rows = Vec::new();
    for line in unified.lines() {
        let text = line.get(1..).unwrap_or_default();
        if let Some((from, to)) = hunk(line) {
            (old, new, in_hunk) = (from, to, true);
            rows.push(Row { kind: "hunk", old: None, new: None, sign: ' ', text: line });
            continue;
        }
        if !in_hunk {
            // The two file names stand above the diff already.
            continue;
        }
        let (kind, sign, has_old, has_new) = match line.bytes().next() {
            Some(b'+') => ("add", '+', false, true),
            Some(b'-') => ("del", '−', true, false),
            Some(b'\\') => ("hunk", ' ', false, false),
            _ => ("same", ' ', true, true),
        };
        rows.push(Row {
            kind,
            old: has_old.then_some(old),
            new: has_new.then_some(new),
            sign,
            text,
        });
        old = old.saturating_add(usize::from(has_old));
        new = new.saturating_add(usize::from(has_new));
    }
    rows
}

/// `@@ -3,7 +3,8 @@`: where both sides begin.
fn hunk(line: &str) -> Option<(usize, usize)> {
    let (ranges, _) = line.strip_prefix("@@ -")?.split_once(" @@")?;
    let (old, new) = ranges.split_once(" +")?;
    let start = |range: &str| range.split(',').next().and_then(|start| start.parse().ok());
    Some((start(old)?, start(new)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_on_their_own_side() {
        let rows = rows("--- a/x\n+++ b/x\n@@ -3,2 +3,3 @@\n same\n-old\n+new\n+<b>\n");
        let numbers: Vec<_> = rows.iter().map(|row| (row.kind, row.old, row.new)).collect();
        assert_eq!(
            numbers,
            [
                ("hunk", None, None),
                ("same", Some(3), Some(3)),
                ("del", Some(4), None),
                ("add", None, Some(4)),
                ("add", None, Some(5)),
            ]
        );
        assert!(diff("@@ -1 +1 @@\n+<b>\n").into_string().contains("&lt;b&gt;"));
    }

    #[test]
    fn a_long_one_is_folded_and_whole() {
        let long = format!("@@ -0,0 +1,2000 @@\n{}", "+x\n".repeat(2000));
        let markup = diff(&long).into_string();
        assert!(markup.contains("1601 more lines"));
        assert_eq!(markup.matches("class=\"add\"").count(), 2000);
    }

    #[test]
    fn what_is_no_diff_does_not_break_it() {
        for text in [
            "",
            "@@ -x +y @@",
            "@@",
            "é",
            "@@ -1 +1 @@\né\n\n+",
            "@@ -99999999999999999999 +1 @@\n+a",
        ] {
            let _ = diff(text);
        }
        let most = format!("@@ -{0} +{0} @@\n a\n a\n", usize::MAX);
        assert!(diff(&most).into_string().contains("a"));
    }
}

//! Differences of two texts, by lines, in the unified form.
//!
//! The cost is bounded whatever the texts are: what is left after equal beginnings and ends is
//! compared line by line only if that is little enough, else it is replaced as a whole.

use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};
use std::fmt::Write;

/// A difference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Diff {
    /// Hunks with three lines around each; empty when the texts are equal.
    pub(crate) text: String,
    pub(crate) added: usize,
    pub(crate) removed: usize,
}

/// Pairs of lines that are compared at most.
const MOST: usize = 4_000_000;
/// Equal lines that are shown around a change.
const AROUND: usize = 3;

pub(crate) fn unified(before: &str, after: &str) -> Diff {
    let (old, new) = (lines(before), lines(after));
    let start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = |all: &[&str]| all.len().saturating_sub(start);
    let ends = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let end = ends.min(rest(&old)).min(rest(&new));
    let (old_middle, new_middle) = (middle(&old, start, end), middle(&new, start, end));
    let mut ops = Vec::new();
    if start > 0 {
        ops.push(DiffOp::Equal { old_index: 0, new_index: 0, len: start });
    }
    match (old_middle.len(), new_middle.len()) {
        (0, 0) => return Diff::default(),
        (old_len, new_len) if old_len.saturating_mul(new_len) > MOST => {
            ops.push(DiffOp::Replace { old_index: start, old_len, new_index: start, new_len });
        }
        _ => {
            let found = capture_diff_slices(Algorithm::Myers, old_middle, new_middle);
            ops.extend(found.into_iter().map(|op| moved(op, start)));
        }
    }
    if end > 0 {
        let (old_index, new_index) = (old.len().saturating_sub(end), new.len().saturating_sub(end));
        ops.push(DiffOp::Equal { old_index, new_index, len: end });
    }
    let mut diff = Diff::default();
    for op in &ops {
        let (old_len, new_len) = (op.old_range().len(), op.new_range().len());
        if !matches!(op, DiffOp::Equal { .. }) {
            diff.removed = diff.removed.saturating_add(old_len);
            diff.added = diff.added.saturating_add(new_len);
        }
    }
    for group in group_diff_ops(ops, AROUND) {
        hunk(&mut diff.text, &group, &old, &new);
    }
    diff
}

fn hunk(out: &mut String, group: &[DiffOp], old: &[&str], new: &[&str]) {
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return };
    let span = |start: usize, end: usize| match end.saturating_sub(start) {
        0 => format!("{start},0"),
        1 => format!("{}", start.saturating_add(1)),
        many => format!("{},{many}", start.saturating_add(1)),
    };
    let removed = span(first.old_range().start, last.old_range().end);
    let added = span(first.new_range().start, last.new_range().end);
    // Writing to a string cannot fail.
    let _ = writeln!(out, "@@ -{removed} +{added} @@");
    for op in group {
        let (before, after) = match op {
            DiffOp::Equal { .. } => (" ", ""),
            DiffOp::Delete { .. } | DiffOp::Insert { .. } | DiffOp::Replace { .. } => ("-", "+"),
        };
        for line in old.get(op.old_range()).unwrap_or_default() {
            push(out, before, line);
        }
        if !after.is_empty() {
            for line in new.get(op.new_range()).unwrap_or_default() {
                push(out, after, line);
            }
        }
    }
}

fn push(out: &mut String, sign: &str, line: &str) {
    out.push_str(sign);
    out.push_str(line);
    if !line.ends_with('\n') {
        out.push_str("\n\\ No newline at end of file\n");
    }
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn middle<'a, 'b>(all: &'a [&'b str], start: usize, end: usize) -> &'a [&'b str] {
    all.get(start..all.len().saturating_sub(end)).unwrap_or_default()
}

fn moved(mut op: DiffOp, by: usize) -> DiffOp {
    match &mut op {
        DiffOp::Equal { old_index, new_index, .. }
        | DiffOp::Delete { old_index, new_index, .. }
        | DiffOp::Insert { old_index, new_index, .. }
        | DiffOp::Replace { old_index, new_index, .. } => {
            *old_index = old_index.saturating_add(by);
            *new_index = new_index.saturating_add(by);
        }
    }
    op
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_those_of_diff() {
        for (before, after, expected) in [
            ("a\n", "a\n", ""),
            ("", "a\nb\n", "@@ -0,0 +1,2 @@\n+a\n+b\n"),
            ("a\nb\n", "", "@@ -1,2 +0,0 @@\n-a\n-b\n"),
            ("a\nb\nc\n", "a\nx\nc\n", "@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n"),
            ("a", "a\n", "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n"),
            (
                "1\n2\n3\n4\n5\n6\n7\n8\n9\n",
                "1\n2\n3\n4\n5x\n6\n7\n8\n9\n",
                "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+5x\n 6\n 7\n 8\n",
            ),
        ] {
            assert_eq!(unified(before, after).text, expected, "{before:?} {after:?}");
        }
        let diff = unified("a\nb\nc\n", "a\nx\ny\nc\n");
        assert_eq!((diff.added, diff.removed), (2, 1));
    }

    #[test]
    fn texts_with_nothing_in_common_cost_no_square() {
        let text = |word: &str| (0..20_000).map(|n| format!("{word}{n}\n")).collect::<String>();
        let diff = unified(&text("a"), &text("b"));
        assert_eq!((diff.added, diff.removed), (20_000, 20_000));
    }
}

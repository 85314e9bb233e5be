//! What a range of commits adds, as git says it.
//!
//! Git runs without external diff programs and text conversions: a repository's configuration starts nothing.

use super::Lines;
use std::io;
use std::process::Command;
use thiserror::Error;

#[derive(Debug, Error)]
pub(crate) enum GitError {
    #[error("cannot run git: {0}; install it, or name a file instead of --diff")]
    Start(io::Error),
    #[error(
        "git does not know {range:?} here: {said}; run it in the repository, with a range that `git diff` takes"
    )]
    Range { range: String, said: String },
}

/// The added lines of each file that is still there.
pub(super) fn added(range: &str) -> Result<Vec<Lines>, GitError> {
    let output = Command::new("git")
        .args([
            "-c",
            "core.quotePath=false",
            "diff",
            "--no-color",
            "--no-ext-diff",
            "--no-textconv",
        ])
        .args([
            "--unified=0",
            "--src-prefix=a/",
            "--dst-prefix=b/",
            "--end-of-options",
            range,
            "--",
        ])
        .output()
        .map_err(GitError::Start)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().next().unwrap_or("it gives no reason").to_owned();
        return Err(GitError::Range { range: range.to_owned(), said });
    }
    Ok(parse(&String::from_utf8_lossy(&output.stdout)))
}

/// Reads a unified diff without context.
fn parse(diff: &str) -> Vec<Lines> {
    let mut files: Vec<Lines> = Vec::new();
    let (mut number, mut old, mut new) = (0_usize, 0_usize, 0_usize);
    for line in diff.split('\n') {
        // Within a hunk every line is content, whatever it looks like.
        if old > 0 && line.starts_with('-') {
            old -= 1;
        } else if new > 0 && line.starts_with('+') {
            if let (Some(file), Some(text)) = (files.last_mut(), line.get(1..)) {
                file.lines.push((number, text.trim_end_matches('\r').to_owned()));
            }
            (number, new) = (number.saturating_add(1), new - 1);
        } else if let Some(name) = line.strip_prefix("+++ ") {
            // Names with control characters are quoted; others may end in a tab.
            let name = name.trim_end_matches('\t').trim_matches('"');
            let path = name.strip_prefix("b/").map(str::to_owned);
            files.push(Lines { path, lines: Vec::new() });
        } else if let Some((before, after)) = line.strip_prefix("@@ -").and_then(hunk) {
            ((_, old), (number, new)) = (before, after);
        }
    }
    files.retain(|file| !file.lines.is_empty());
    files
}

/// `12,3 +14 @@ …`: first line and count, before and after.
fn hunk(header: &str) -> Option<((usize, usize), (usize, usize))> {
    let (before, rest) = header.split_once(" +")?;
    let (after, _) = rest.split_once(" @@")?;
    let range = |text: &str| -> Option<(usize, usize)> {
        let (first, count) = text.split_once(',').unwrap_or((text, "1"));
        Some((first.parse().ok()?, count.parse().ok()?))
    };
    Some((range(before)?, range(after)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_lines_are_read_with_their_numbers_whatever_they_look_like() {
        let diff = "diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@ fn a()\n\
                    -old\n-- removed\n+new\n+++ b/no file\n+@@ -1 +1 @@\n@@ -9,0 +11 @@\n+\tlast\r\n\
                    \\ No newline at end of file\n\
                    diff --git a/gone b/gone\n--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n\
                    diff --git \"a/\\t\" \"b/\\t\"\n--- /dev/null\n+++ \"b/\\t\"\n@@ -0,0 +1 @@\n+only\n";
        let lines = |list: &[(usize, &str)]| {
            list.iter().map(|(number, line)| (*number, line.to_string())).collect()
        };
        let expected = [
            Lines {
                path: Some("x".to_owned()),
                lines: lines(&[
                    (1, "new"),
                    (2, "++ b/no file"),
                    (3, "@@ -1 +1 @@"),
                    (11, "\tlast"),
                ]),
            },
            Lines { path: Some("\\t".to_owned()), lines: lines(&[(1, "only")]) },
        ];
        assert_eq!(parse(diff), expected);
        assert_eq!(parse(""), []);
    }
}

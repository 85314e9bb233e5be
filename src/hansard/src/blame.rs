//! `hansard blame`: which session, turn, model and person suggested the lines of a file or of a diff.
//!
//! Enters: a file, or what git says was added. Leaves: each line with the tool call that suggested it,
//! found by the line's content: the same, or the same but for white space (`~`). That a line was suggested
//! here does not prove that it came from here: somebody may have written the same.

mod diff;

use crate::cli::Data;
use crate::failure::Failure;
use crate::index::Index;
use crate::paint::Paint;
use crate::terminal;
use hansard_replay::archive::Attribution;
use hansard_replay::listing::Filter;
use hansard_replay::model::Outcome;
use hansard_shown::{rfc3339, short};
use serde_json::{Value, json};
use std::fs;
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::PathBuf;

pub(crate) use diff::GitError;

/// Room for a person.
const PERSON: usize = 24;
/// Digits of a session's id that are shown: `hansard show` takes the beginning of one.
const ID: usize = 14;
const NOT_HERE: &str = "not suggested here";

/// Say which session suggested each line of a file, or each line that a diff adds
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansard blame src/main.rs
  hansard blame --diff main..HEAD
  git show HEAD:src/main.rs | hansard blame - --path src/main.rs
  hansard blame --json src/main.rs | jq '.[] | select(.suggested.model)'

A line is found by its content. A ~ stands before the line where its white space differs from what was
suggested. The index is brought up to date first, see `hansard index`.")]
pub(crate) struct Args {
    /// The file, or - for standard input
    #[arg(value_name = "FILE", required_unless_present = "diff")]
    file: Option<PathBuf>,
    /// The lines that `git diff RANGE` adds, in the repository of the current folder
    #[arg(long, value_name = "RANGE", conflicts_with = "file")]
    diff: Option<String>,
    /// The name of the file, where it is not FILE's
    #[arg(long, value_name = "PATH", conflicts_with = "diff")]
    path: Option<String>,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    index: Index,
    #[command(flatten)]
    data: Data,
}

/// Lines of one file.
#[derive(Debug, Default, PartialEq, Eq)]
struct Lines {
    path: Option<String>,
    /// Each with its number, from 1.
    lines: Vec<(usize, String)>,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let files = match &args.diff {
        Some(range) => diff::added(range)?,
        None => vec![read(args)?],
    };
    let view = args.index.view(&args.data)?;
    let mut blamed = Vec::with_capacity(files.len());
    for file in &files {
        let lines: Vec<&str> = file.lines.iter().map(|(_, line)| line.as_str()).collect();
        blamed.push(view.blame(&lines, file.path.as_deref(), &Filter::default())?);
    }
    let mut out = BufWriter::new(io::stdout().lock());
    if args.json {
        let lines = files.iter().zip(&blamed).flat_map(|(file, found)| {
            file.lines.iter().zip(found).map(|(line, found)| json_of(file, line, found.as_ref()))
        });
        let json = serde_json::to_string_pretty(&lines.collect::<Vec<_>>())?;
        match io::stdout().is_terminal() {
            true => writeln!(out, "{}", terminal::json(&json))?,
            false => writeln!(out, "{json}")?,
        }
        return Ok(out.flush()?);
    }
    let paint = Paint::of_stdout();
    for (place, (file, found)) in files.iter().zip(&blamed).enumerate() {
        if args.diff.is_some() {
            let gap = if place == 0 { "" } else { "\n" };
            let path = terminal::line(file.path.as_deref().unwrap_or_default());
            writeln!(out, "{gap}{}", paint.bold(path))?;
        }
        table(&mut out, paint, file, found)?;
    }
    Ok(out.flush()?)
}

fn read(args: &Args) -> Result<Lines, Failure> {
    let file = args.file.clone().unwrap_or_default();
    let is_input = file.as_os_str() == "-";
    let bytes = if is_input {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(&file)
    };
    let bytes = bytes.map_err(|source| Failure::File { path: file.clone(), source })?;
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().enumerate().map(|(place, line)| (place + 1, line.to_owned()));
    let name = Some(file.to_string_lossy().into_owned()).filter(|_| !is_input);
    Ok(Lines { path: args.path.clone().or(name), lines: lines.collect() })
}

fn table(
    out: &mut impl Write,
    paint: Paint,
    file: &Lines,
    found: &[Option<Attribution>],
) -> io::Result<()> {
    let rows: Vec<Option<[String; 5]>> =
        found.iter().map(|line| line.as_ref().map(columns)).collect();
    let width = |column: usize| {
        let cells = rows.iter().flatten().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..5).map(width).collect();
    let all = widths.iter().sum::<usize>() + 2 * 4;
    let all = if widths.iter().all(|width| *width == 0) { 0 } else { all }.max(NOT_HERE.len());
    let digits = file.lines.iter().map(|(number, _)| number.to_string().len()).max().unwrap_or(1);
    for (((number, line), row), found) in file.lines.iter().zip(&rows).zip(found) {
        let who = match row {
            Some(row) => {
                let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
                let cells = cells.collect::<Vec<_>>().join("  ");
                format!("{cells:all$}")
            }
            None => paint.dim(format!("{NOT_HERE:all$}")).to_string(),
        };
        let mark = if found.as_ref().is_some_and(|line| !line.exact) { '~' } else { ' ' };
        let shown = terminal::text(line);
        let shown = format!("{who} {number:>digits$}){mark}{shown}");
        writeln!(out, "{}", shown.trim_end())?;
    }
    Ok(())
}

/// Session and turn, person, model, when, what became of it.
fn columns(line: &Attribution) -> [String; 5] {
    let fitted = |text: &str| terminal::line(text).chars().take(PERSON).collect::<String>();
    let id: String = line.session.chars().take(ID).collect();
    [
        format!("{id} #{}", line.turn),
        fitted(line.email.as_deref().unwrap_or(&line.subject)),
        fitted(line.model.as_deref().unwrap_or("-")),
        short(line.at).chars().take(16).collect(),
        outcome(&line.outcome).to_owned(),
    ]
}

fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Ran => "ran",
        Outcome::Failed { .. } => "failed",
        Outcome::Rejected { .. } => "rejected",
        Outcome::Denied { .. } => "denied",
        Outcome::Interrupted => "interrupted",
        Outcome::Invalid { .. } => "invalid",
        Outcome::Unanswered => "unanswered",
    }
}

fn json_of(file: &Lines, (number, text): &(usize, String), found: Option<&Attribution>) -> Value {
    let suggested = found.map(|line| {
        json!({
            "session": line.session,
            "turn": line.turn,
            "call": line.call,
            "tool": line.tool,
            "path": line.path,
            "issuer": line.issuer,
            "subject": line.subject,
            "email": line.email,
            "model": line.model,
            "at": rfc3339(line.at),
            "outcome": line.outcome,
            "exact": line.exact,
        })
    });
    json!({"path": file.path, "line": number, "text": text, "suggested": suggested})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stand_aligned_beside_who_suggested_them() {
        let found = |turn: usize, model: &str, exact: bool| {
            Some(Attribution {
                session: "s-0123456789abcdef0123".to_owned(),
                issuer: "https://issuer".to_owned(),
                subject: "alice".to_owned(),
                email: None,
                turn,
                model: Some(model.to_owned()),
                at: 1_709_251_199_999,
                call: 0,
                tool: "Write".to_owned(),
                path: "a.rs".to_owned(),
                outcome: Outcome::Ran,
                exact,
            })
        };
        let lines = ["fn main() {", "    go();\u{1b}[2J", "// mine", "}"];
        let lines = lines.iter().enumerate().map(|(place, line)| (place + 9, line.to_string()));
        let file = Lines { path: None, lines: lines.collect() };
        let mut out = Vec::new();
        let blamed = [found(2, "claude-x", true), found(12, "y", false), None, found(2, "y", true)];
        table(&mut out, Paint::Plain, &file, &blamed).unwrap();
        let expected = "\
s-0123456789ab #2   alice  claude-x  2024-02-29 23:59  ran  9) fn main() {
s-0123456789ab #12  alice  y         2024-02-29 23:59  ran 10)~    go();\\u{1b}[2J
not suggested here                                         11) // mine
s-0123456789ab #2   alice  y         2024-02-29 23:59  ran 12) }
";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        let mut out = Vec::new();
        table(&mut out, Paint::Plain, &file, &[None, None, None, None]).unwrap();
        assert!(String::from_utf8(out).unwrap().starts_with("not suggested here  9) fn main"));
    }
}

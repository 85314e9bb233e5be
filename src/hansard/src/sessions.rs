//! `hansard sessions`: what was recorded, the newest first, as a table or as JSON.

use crate::cli::Data;
use crate::failure::Failure;
use crate::paint::Paint;
use crate::terminal;
use crate::view::SessionView;
use hansard_shown::short;
use hansard_store::Session;
use std::io::{self, BufWriter, IsTerminal, Write};

/// Room for a subject; the models take what is left.
const SUBJECT: usize = 20;
const MODELS: usize = 40;

/// List the recorded sessions, the newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansard sessions
  hansard sessions --json --limit 1000 | jq '.[] | select(.status == \"refused\")'")]
pub(crate) struct Args {
    /// Print a JSON array
    #[arg(long)]
    json: bool,
    /// List at most so many
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: usize,
    #[command(flatten)]
    data: Data,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let sessions = args.data.reader()?.sessions(args.limit)?;
    let mut out = BufWriter::new(io::stdout().lock());
    if args.json {
        let views: Vec<_> = sessions.iter().map(SessionView::new).collect();
        let json = serde_json::to_string_pretty(&views)?;
        match io::stdout().is_terminal() {
            true => writeln!(out, "{}", terminal::json(&json))?,
            false => writeln!(out, "{json}")?,
        }
    } else if sessions.is_empty() {
        writeln!(out, "no session is on record in {}", args.data.data.display())?;
    } else {
        table(&mut out, Paint::of_stdout(), &sessions)?;
    }
    Ok(out.flush()?)
}

/// 83 columns wide without the models, at most 125 with them.
fn table(out: &mut impl Write, paint: Paint, sessions: &[Session]) -> io::Result<()> {
    let subjects = sessions.iter().map(|session| terminal::line(&session.subject).chars().count());
    let width = subjects.max().unwrap_or_default().clamp(7, SUBJECT);
    let header = format!(
        "{:22}  {:19}  {:>4}  {:11}  {:width$}  {}",
        "SESSION", "STARTED (UTC)", "EXCH", "STATUS", "SUBJECT", "MODELS"
    );
    writeln!(out, "{}", paint.bold(header))?;
    for session in sessions {
        let subject = if session.subject.is_empty() { "-" } else { &session.subject };
        let row = format!(
            "{:22}  {:19}  {:>4}  {:11}  {:width$}  {}",
            session.id,
            short(session.started_at),
            session.exchanges,
            paint.status(session.status().name()),
            fitted(subject, width),
            fitted(&session.models.join(", "), MODELS),
        );
        writeln!(out, "{}", row.trim_end())?;
    }
    Ok(())
}

/// The text in at most `width` columns of one line.
fn fitted(recorded: &str, width: usize) -> String {
    let shown = terminal::line(recorded);
    if shown.chars().count() <= width {
        return shown.into_owned();
    }
    shown.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_and_shows_hostile_text_as_it_is() {
        let session = |subject: &str, models: &[&str]| Session {
            id: "s-0123456789abcdef0123".to_owned(),
            subject: subject.to_owned(),
            models: models.iter().map(ToString::to_string).collect(),
            started_at: 1_709_251_199_999,
            exchanges: 12,
            complete: 12,
            ..Session::default()
        };
        let mut out = Vec::new();
        let sessions = [
            session("alice", &["claude-a", "claude-b"]),
            session("\u{1b}[2Jmallory who is long", &[]),
            session("", &[&"x".repeat(99)]),
        ];
        table(&mut out, Paint::Plain, &sessions).unwrap();
        let text = String::from_utf8(out).unwrap();
        let expected = "\
SESSION                 STARTED (UTC)        EXCH  STATUS       SUBJECT               MODELS
s-0123456789abcdef0123  2024-02-29 23:59:59    12  complete     alice                 claude-a, claude-b
s-0123456789abcdef0123  2024-02-29 23:59:59    12  complete     \\u{1b}[2Jmallory wh…
s-0123456789abcdef0123  2024-02-29 23:59:59    12  complete     -                     xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
";
        assert_eq!(text, expected);
    }
}

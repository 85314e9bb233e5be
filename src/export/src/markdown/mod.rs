//! `markdown`: a document that a person reads.
//!
//! Enters: a replay. Leaves: CommonMark with tables: who and when, what to know first, and every turn
//! with what was said, answered, suggested, run and changed. What was recorded stands in it as
//! quotations, fences and escaped words (`src/export/src/markdown/write.rs`).

mod turn;
mod write;

use crate::names;
use crate::turns::{Belongings, Turns};
use hansard_replay::Replay;
use hansard_replay::model::{Notice, Session, Usage};
use hansard_shown::{short, span};
use std::io::{self, Write};
use write::{code, inline};

/// Writes a session as a document.
///
/// # Errors
/// When the writer fails.
pub fn write(replay: &Replay, out: &mut dyn Write) -> io::Result<()> {
    let turns = Turns::of(replay);
    let mut head = String::new();
    header(replay, &mut head);
    summary(replay, &mut head);
    loose(replay, &turns.loose, &mut head);
    out.write_all(head.as_bytes())?;
    for (turn, of) in turns.each(replay) {
        let mut text = String::new();
        turn::write(replay, turn, of, &mut text);
        out.write_all(text.as_bytes())?;
    }
    Ok(())
}

fn header(replay: &Replay, out: &mut String) {
    let Session {
        id,
        joined,
        hint,
        issuer,
        subject,
        email,
        groups,
        models,
        title,
        started_at,
        ended_at,
        status,
        usage,
        usage_of: _,
    } = &replay.session;
    let title = title.as_deref().filter(|title| !title.trim().is_empty());
    out.push_str(&format!("# {}\n\n", inline(title.unwrap_or("A session"))));
    out.push_str("|  |  |\n|--|--|\n");
    let mut row = |name: &str, value: String| out.push_str(&format!("| {name} | {value} |\n"));
    let listed = |all: &[String]| all.iter().map(|one| inline(one)).collect::<Vec<_>>().join(", ");
    row("Session", code(id));
    if !joined.is_empty() {
        row("Continued in", joined.iter().map(|id| code(id)).collect::<Vec<_>>().join(", "));
    }
    if let Some(hint) = hint {
        row("Client's session", code(hint));
    }
    if subject.is_empty() {
        row("Who", "nobody who was verified".to_owned());
    } else {
        let email = email.as_deref().map(|email| format!(", {}", inline(email)));
        let email = email.unwrap_or_default();
        row("Who", format!("{}{email}, by {}", inline(subject), inline(issuer)));
    }
    if !groups.is_empty() {
        row("Groups", listed(groups));
    }
    let end = match ended_at {
        Some(end) => {
            let span = span(end.saturating_sub(*started_at));
            format!("{} to {} UTC ({span})", short(*started_at), short(*end))
        }
        None => format!("{} UTC, open", short(*started_at)),
    };
    row("When", end);
    row("Models", listed(models));
    row("Status", names::status(*status).to_owned());
    row("Tokens", tokens(*usage));
    out.push('\n');
}

/// Files, commits and counts at a glance.
fn summary(replay: &Replay, out: &mut String) {
    let count = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    let counts = [
        count(replay.turns.len(), "turn"),
        count(replay.calls.len(), "tool call"),
        count(replay.commands.len(), "command"),
        count(replay.files.len(), "changed file"),
        count(replay.commits.len(), "commit"),
    ];
    out.push_str(&format!("{}.\n\n", counts.join(", ")));
    if !replay.files.is_empty() {
        out.push_str("| File | Changes | Added | Removed |\n|--|--:|--:|--:|\n");
    }
    for file in &replay.files {
        let made = file.changes.iter().filter(|change| change.applied);
        let (changes, added, removed) = made.fold((0, 0, 0), |(n, added, removed), change| {
            (n + 1, change.added.saturating_add(added), change.removed.saturating_add(removed))
        });
        let path = code(&file.path);
        let all = file.changes.len();
        let of = if changes == all { String::new() } else { format!(" of {all}") };
        out.push_str(&format!("| {path} | {changes}{of} | {added} | {removed} |\n"));
    }
    if !replay.files.is_empty() {
        out.push('\n');
    }
}

fn loose(replay: &Replay, of: &Belongings<'_>, out: &mut String) {
    notices(&of.notices, out);
    if !(of.calls.is_empty() && of.changes.is_empty() && of.commits.is_empty()) {
        out.push_str("## Without a turn on record\n\n");
        turn::belongings(replay, of, out);
    }
}

fn notices(notices: &[&Notice], out: &mut String) {
    for notice in notices {
        out.push_str(&format!("> **Note:** {}\n\n", inline(&notice.text)));
    }
}

fn tokens(usage: Usage) -> String {
    let Usage { input, cache_read, cache_write, output } = usage;
    let cached = match (cache_read, cache_write) {
        (0, 0) => String::new(),
        _ => format!(", {cache_read} from the cache, {cache_write} into it"),
    };
    format!("{input} read anew{cached}, {output} written")
}

//! `jsonl`: one line for each event of a session.
//!
//! Enters: a replay. Leaves: JSON objects, one a line. Each has `event` (its kind), `n` (its number,
//! from 1), `session`, `at` (RFC 3339) and `at_ms` (Unix milliseconds); what is about a turn also has
//! `turn` (its number, from 1) and `exchange`. Tool calls are named by
//! their id, turns by their number. What is absent is not on record.
//!
//! | `event` | what it says |
//! |--|--|
//! | `session` | who, when, models, tokens, status; the first line |
//! | `turn` | an exchange: its lane, kind, status, model, rule, refusal, tokens |
//! | `said` | a block of a message that is new in the request |
//! | `answer` | a block of the answer |
//! | `finding` | what was redacted, never the value |
//! | `rewrite` | where the client's history tells otherwise than the record |
//! | `tool_call` | a suggestion: input, outcome, evidence, decision, result |
//! | `file_change` | what a call did to a file, as a unified diff |
//! | `command` | a shell command, its output and exit code |
//! | `commit` | a commit that a command made |
//! | `notice` | what to know before trusting the picture |
//!
//! Lines stand in the order of turns, and within a turn in the order of this table. `input` of a
//! tool call and `json` of a block are JSON as text, digit for digit.

mod body;

use crate::text::json_line;
use crate::turns::{Belongings, Turns, grown};
use body::{Block, Body};
use hansard_replay::Replay;
use hansard_replay::model::Turn;
use hansard_shown::rfc3339;
use serde::Serialize;
use std::io::{self, Write};

/// Writes a session's events.
///
/// # Errors
/// When the writer fails.
pub fn write(replay: &Replay, out: &mut dyn Write) -> io::Result<()> {
    let mut lines = Lines { replay, out, n: 0 };
    let turns = Turns::of(replay);
    lines.line(replay.session.started_at, None, Body::session(replay))?;
    lines.belongings(None, &turns.loose)?;
    for (turn, of) in turns.each(replay) {
        lines.turn(turn)?;
        lines.belongings(Some(turn), of)?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Line<'a> {
    event: &'static str,
    n: u64,
    session: &'a str,
    at: String,
    at_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    turn: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange: Option<&'a str>,
    #[serde(flatten)]
    body: Body<'a>,
}

struct Lines<'a, 'o> {
    replay: &'a Replay,
    out: &'o mut dyn Write,
    n: u64,
}

impl<'a> Lines<'a, '_> {
    fn line(&mut self, at: i64, turn: Option<&Turn>, body: Body<'a>) -> io::Result<()> {
        self.n += 1;
        let line = Line {
            event: body.name(),
            n: self.n,
            session: &self.replay.session.id,
            at: rfc3339(at),
            at_ms: at,
            turn: turn.map(|turn| turn.number),
            exchange: turn.map(|turn| turn.exchange.as_str()),
            body,
        };
        json_line(self.out, &line)?;
        self.out.write_all(b"\n")
    }

    /// The turn itself, and what was said and answered.
    fn turn(&mut self, turn: &'a Turn) -> io::Result<()> {
        let replay = self.replay;
        let start = turn.started_at;
        self.line(start, Some(turn), Body::turn(replay, turn))?;
        for (message, said) in turn.said.iter().enumerate() {
            for (place, block) in said.blocks.iter().enumerate() {
                let content = Block::of(replay, block);
                let body = Body::Said { message, role: &said.role, place, content };
                self.line(start, Some(turn), body)?;
            }
        }
        let end = turn.ended_at.unwrap_or(start);
        for (place, (block, at)) in turn.answer.iter().zip(grown(turn)).enumerate() {
            let content = Block::of(replay, block);
            self.line(at.unwrap_or(end), Some(turn), Body::Answer { place, content })?;
        }
        for finding in &turn.findings {
            let at = if finding.in_response { end } else { start };
            self.line(at, Some(turn), Body::Finding(finding))?;
        }
        for rewrite in &turn.rewrites {
            self.line(start, Some(turn), Body::rewrite(replay, rewrite))?;
        }
        Ok(())
    }

    fn belongings(&mut self, turn: Option<&Turn>, of: &Belongings<'a>) -> io::Result<()> {
        let replay = self.replay;
        let start = turn.map_or(replay.session.started_at, |turn| turn.started_at);
        let at = |call: usize| replay.calls.get(call).map_or(start, |call| call.at);
        for call in &of.calls {
            self.line(call.at, turn, Body::call(replay, call))?;
        }
        for (file, change) in &of.changes {
            self.line(at(change.call), turn, Body::change(replay, file, change))?;
        }
        for command in &of.commands {
            self.line(at(command.call), turn, Body::command(replay, command))?;
        }
        for commit in &of.commits {
            self.line(at(commit.call), turn, Body::commit(replay, commit))?;
        }
        for notice in &of.notices {
            let body = Body::Notice { kind: notice.kind, text: &notice.text };
            self.line(start, turn, body)?;
        }
        Ok(())
    }
}

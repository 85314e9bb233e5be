//! A session without its turns and calls: what stands around a window of them.

use crate::Replay;
use crate::model::{
    Before, Change, Command, Commit, File, Lane, Notice, Session, Status, ToolCall, Turn,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Characters of a command in the head.
const SHOWN: usize = 300;

/// A session without its turns and calls. Its size grows with the number of turns, not with what
/// was said in them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The session as a whole.
    pub session: Session,
    /// Conversations that ran side by side; the first is the main one.
    pub lanes: Vec<Lane>,
    /// How many turns there are.
    pub turns: usize,
    /// How many tool calls there are.
    pub calls: usize,
    /// Each turn in a few numbers, in their order: for a place in time.
    pub stops: Vec<Stop>,
    /// Files that tool calls wrote, in the order of [`Replay::files`].
    pub files: Vec<FileHead>,
    /// Shell commands, in the order of [`Replay::commands`].
    pub commands: Vec<CommandHead>,
    /// Commits that commands made.
    pub commits: Vec<Commit>,
    /// What to know before trusting the picture.
    pub notices: Vec<Notice>,
}

/// A turn on the timeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// Index of its lane.
    pub lane: usize,
    /// When it started, in Unix milliseconds.
    pub from: i64,
    /// When it ended, or was last heard of.
    pub to: i64,
    /// How it ended.
    pub status: Status,
    /// Tool calls that it suggested.
    pub calls: usize,
}

/// A file, without what it holds: see [`super::View::file`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileHead {
    /// As the client names it.
    pub path: String,
    /// In the order in which they were suggested.
    pub changes: Vec<ChangeHead>,
    /// Whether what it holds at the end is known.
    pub known: bool,
}

/// A change of a file, without its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeHead {
    /// Index of the turn.
    pub turn: usize,
    /// Index of the call.
    pub call: usize,
    /// Whether it was made.
    pub applied: bool,
    /// What was there before.
    pub before: Before,
    /// Lines added.
    pub added: usize,
    /// Lines taken away.
    pub removed: usize,
}

/// A command, without its output: see [`super::View::command`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandHead {
    /// Index of the turn.
    pub turn: usize,
    /// Index of the call.
    pub call: usize,
    /// The first 300 characters of the command line.
    pub command: String,
    /// Its exit code, where known.
    pub exit: Option<i32>,
    /// How long it ran, where known.
    pub duration_ms: Option<u64>,
    /// Whether it went on in the background.
    pub background: bool,
}

/// Some turns of a session, and the tool calls that they show.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Index of the first turn.
    pub from: usize,
    /// The turns.
    pub turns: Vec<Turn>,
    /// Calls that these turns suggest or give the result of, by their index.
    pub calls: BTreeMap<usize, ToolCall>,
}

impl Head {
    pub(super) fn of(replay: &Replay) -> Self {
        let Replay { session, lanes, turns, calls, files, commands, commits, notices } = replay;
        Self {
            session: session.clone(),
            lanes: lanes.clone(),
            turns: turns.len(),
            calls: calls.len(),
            stops: stops(turns, calls),
            files: files.iter().map(FileHead::of).collect(),
            commands: commands.iter().map(CommandHead::of).collect(),
            commits: commits.clone(),
            notices: notices.clone(),
        }
    }
}

fn stops(turns: &[Turn], calls: &[ToolCall]) -> Vec<Stop> {
    let stop = |turn: &Turn| Stop {
        lane: turn.lane,
        from: turn.started_at,
        to: turn.ended_at.or(turn.answered_at).unwrap_or(turn.started_at),
        status: turn.status,
        calls: 0,
    };
    let mut stops: Vec<Stop> = turns.iter().map(stop).collect();
    for call in calls {
        if let Some(stop) = stops.get_mut(call.turn) {
            stop.calls += 1;
        }
    }
    stops
}

impl FileHead {
    fn of(file: &File) -> Self {
        let File { path, changes, content } = file;
        let changes = changes.iter().map(ChangeHead::of).collect();
        Self { path: path.clone(), changes, known: content.is_some() }
    }
}

impl ChangeHead {
    fn of(change: &Change) -> Self {
        let &Change { turn, call, applied, before, diff: _, added, removed } = change;
        Self { turn, call, applied, before, added, removed }
    }
}

impl CommandHead {
    fn of(command: &Command) -> Self {
        let Command { turn, call, exit, duration_ms, background, .. } = *command;
        let command = command.command.chars().take(SHOWN).collect();
        Self { turn, call, command, exit, duration_ms, background }
    }
}

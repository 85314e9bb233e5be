//! What belongs to each turn, found in one pass: a session of n turns costs O(n).

use hansard_replay::Replay;
use hansard_replay::model::{Change, Command, Commit, File, Notice, ToolCall, Turn};

/// What stands in the replay's lists about one turn.
#[derive(Clone, Default)]
pub(crate) struct Belongings<'a> {
    pub(crate) calls: Vec<&'a ToolCall>,
    pub(crate) changes: Vec<(&'a File, &'a Change)>,
    pub(crate) commands: Vec<&'a Command>,
    pub(crate) commits: Vec<&'a Commit>,
    pub(crate) notices: Vec<&'a Notice>,
}

/// The belongings of all turns.
pub(crate) struct Turns<'a> {
    of: Vec<Belongings<'a>>,
    /// What is about the session as a whole, or about a turn that is not there: nothing is dropped.
    pub(crate) loose: Belongings<'a>,
}

impl<'a> Turns<'a> {
    pub(crate) fn of(replay: &'a Replay) -> Self {
        let mut turns = Self {
            of: vec![Belongings::default(); replay.turns.len()],
            loose: Belongings::default(),
        };
        for call in &replay.calls {
            turns.at(Some(call.turn)).calls.push(call);
        }
        for file in &replay.files {
            for change in &file.changes {
                turns.at(Some(change.turn)).changes.push((file, change));
            }
        }
        for command in &replay.commands {
            turns.at(Some(command.turn)).commands.push(command);
        }
        for commit in &replay.commits {
            turns.at(Some(commit.turn)).commits.push(commit);
        }
        for notice in &replay.notices {
            turns.at(notice.turn).notices.push(notice);
        }
        turns
    }

    fn at(&mut self, turn: Option<usize>) -> &mut Belongings<'a> {
        match turn.and_then(|turn| self.of.get_mut(turn)) {
            Some(of) => of,
            None => &mut self.loose,
        }
    }

    /// Each turn with what belongs to it.
    pub(crate) fn each(
        &self,
        replay: &'a Replay,
    ) -> impl Iterator<Item = (&'a Turn, &Belongings<'a>)> {
        replay.turns.iter().zip(&self.of)
    }
}

/// When each block of a turn's answer was whole, in Unix milliseconds, as far as it is known.
pub(crate) fn grown(turn: &Turn) -> Vec<Option<i64>> {
    let mut grown = vec![None; turn.answer.len()];
    for beat in &turn.beats {
        if let Some(at) = grown.get_mut(beat.block) {
            *at = (*at).max(Some(turn.started_at.saturating_add_unsigned(beat.at)));
        }
    }
    grown
}

//! What a replay says of its session as a whole: its row in a list, its head, and the values and
//! names by which it is found.

use super::head::Head;
use crate::Replay;
use crate::listing::Row;
use crate::model::{NoticeKind, Outcome, Status};
use std::collections::BTreeSet;

/// Characters of a value that count; nobody filters by more.
const LONGEST: usize = 1000;

/// What a value is. A number stays what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tag {
    /// Subject and email, in lower case.
    Person = 1,
    Group = 2,
    Model = 3,
    Tool = 4,
    /// From its end to its beginning: the end of a path is a prefix.
    Path = 5,
    /// The name of a redaction rule.
    Finding = 6,
}

/// A name, and the index of the turn that it means, if it means one.
pub(super) type Name = (String, Option<usize>);

/// Everything that is written for the session as a whole.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) row: Row,
    pub(super) head: Head,
    pub(super) tags: BTreeSet<(Tag, String)>,
    pub(super) names: BTreeSet<Name>,
}

impl Facts {
    pub(super) fn of(replay: &Replay) -> Self {
        Self { row: row(replay), head: Head::of(replay), tags: tags(replay), names: names(replay) }
    }
}

/// The value as it is kept and asked for.
pub(super) fn value(tag: Tag, text: &str) -> String {
    match tag {
        Tag::Person => text.chars().take(LONGEST).flat_map(char::to_lowercase).collect(),
        Tag::Path => {
            let reversed = text.chars().rev().take(LONGEST);
            reversed.map(|c| if c == '\\' { '/' } else { c }).collect()
        }
        Tag::Group | Tag::Model | Tag::Tool | Tag::Finding => text.chars().take(LONGEST).collect(),
    }
}

fn tags(replay: &Replay) -> BTreeSet<(Tag, String)> {
    let session = &replay.session;
    let persons = [Some(&session.subject), session.email.as_ref()];
    let findings = replay.turns.iter().flat_map(|turn| &turn.findings);
    let all = (persons.into_iter().flatten().map(|person| (Tag::Person, person)))
        .chain(session.groups.iter().map(|group| (Tag::Group, group)))
        .chain(session.models.iter().map(|model| (Tag::Model, model)))
        .chain(replay.calls.iter().map(|call| (Tag::Tool, &call.name)))
        .chain(replay.files.iter().map(|file| (Tag::Path, &file.path)))
        .chain(findings.map(|finding| (Tag::Finding, &finding.rule)));
    all.filter(|(_, text)| !text.is_empty()).map(|(tag, text)| (tag, value(tag, text))).collect()
}

fn names(replay: &Replay) -> BTreeSet<Name> {
    let session = &replay.session;
    let whole = session.joined.iter().chain(&session.hint).chain([&session.id]);
    let turns = replay.turns.iter().enumerate();
    let mut names: BTreeSet<Name> = whole.map(|name| (name.clone(), None)).collect();
    for (index, turn) in turns {
        names.insert((turn.exchange.clone(), Some(index)));
        if let Some(request) = &turn.request_id {
            names.insert((request.clone(), Some(index)));
        }
    }
    for call in &replay.calls {
        names.insert((call.id.clone(), Some(call.turn)));
    }
    names.retain(|(name, _)| !name.is_empty());
    // A name means one place in a session: the first.
    let mut last: Option<String> = None;
    names.retain(|(name, _)| last.replace(name.clone()).as_ref() != Some(name));
    names
}

fn row(replay: &Replay) -> Row {
    let session = &replay.session;
    let turned_down =
        |outcome: &Outcome| matches!(outcome, Outcome::Rejected { .. } | Outcome::Denied { .. });
    let times = replay.turns.iter().flat_map(|turn| {
        // What a stream brought last: it may still run.
        let grown = turn.beats.last().and_then(|beat| i64::try_from(beat.at).ok());
        let grown = grown.map(|after| turn.started_at.saturating_add(after));
        [Some(turn.started_at), turn.answered_at, grown, turn.ended_at].into_iter().flatten()
    });
    let notices =
        |kind: NoticeKind| replay.notices.iter().filter(move |notice| notice.kind == kind);
    let findings = replay.turns.iter().flat_map(|turn| &turn.findings).map(|finding| finding.count);
    Row {
        id: session.id.clone(),
        title: session.title.clone(),
        subject: session.subject.clone(),
        email: session.email.clone(),
        groups: session.groups.clone(),
        models: session.models.clone(),
        status: session.status,
        started_at: session.started_at,
        active_at: times.chain(session.ended_at).fold(session.started_at, i64::max),
        turns: replay.turns.len(),
        calls: replay.calls.len(),
        turned_down: replay.calls.iter().filter(|call| turned_down(&call.outcome)).count(),
        refused: replay.turns.iter().filter(|turn| turn.status == Status::Refused).count(),
        findings: usize::try_from(findings.fold(0, u64::saturating_add)).unwrap_or(usize::MAX),
        gaps: notices(NoticeKind::Gap).count(),
        files: replay.files.len(),
        usage: session.usage,
        erased: notices(NoticeKind::Erased).count() > 0,
    }
}

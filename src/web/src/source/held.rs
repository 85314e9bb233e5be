//! Sessions in memory, for tests: the plainest reading of what [`super::Source`] promises.

use super::{Head, Part, Parts, Proof, Reach, SourceError, Stop, Window};
use hansard_replay::Replay;
use hansard_replay::listing::{Filter, Hit, Page, Row};
use hansard_replay::model::{Block, NoticeKind, Outcome, Status, Turn};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug)]
pub(super) struct Held {
    /// The newest first.
    sessions: Vec<Replay>,
}

impl Held {
    pub(super) fn new(mut sessions: Vec<Replay>) -> Self {
        sessions.sort_by(|a, b| b.session.started_at.cmp(&a.session.started_at));
        Self { sessions }
    }

    pub(super) fn version(&self) -> u64 {
        self.sessions.iter().map(|replay| replay.turns.len() as u64).sum()
    }

    pub(super) fn sessions(
        &self,
        filter: &Filter,
        reach: &Reach,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Row>, SourceError> {
        let rows = self.sessions.iter().filter(|replay| reach.covers_session(&replay.session));
        let rows = rows.filter(|replay| fits(filter, replay)).map(row);
        Ok(page(rows, |row| row.id.clone(), after, limit))
    }

    pub(super) fn search(
        &self,
        text: &str,
        filter: &Filter,
        reach: &Reach,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Hit>, SourceError> {
        let words = text.trim();
        let sessions = self.sessions.iter().filter(|replay| reach.covers_session(&replay.session));
        let hits = sessions
            .filter(|replay| !words.is_empty() && fits(filter, replay))
            .flat_map(|replay| replay.turns.iter().flat_map(move |turn| hits(replay, turn, words)));
        let key = |hit: &Hit| format!("{}.{}.{}", hit.session, hit.turn, hit.place);
        Ok(page(hits, key, after, limit))
    }

    pub(super) fn head(&self, session: &str, reach: &Reach) -> Result<Head, SourceError> {
        let replay = self.replay(session, reach)?;
        let mut outline: Vec<Stop> = replay
            .turns
            .iter()
            .map(|turn| Stop {
                lane: turn.lane,
                from: turn.started_at,
                to: turn.ended_at.or(turn.answered_at).unwrap_or(turn.started_at),
                status: turn.status,
                calls: 0,
            })
            .collect();
        for call in &replay.calls {
            if let Some(stop) = outline.get_mut(call.turn) {
                stop.calls += 1;
            }
        }
        let calls = replay.calls.len();
        let replay = Replay { turns: Vec::new(), calls: Vec::new(), ..replay.clone() };
        Ok(Head { replay, outline, calls })
    }

    pub(super) fn turns(
        &self,
        session: &str,
        reach: &Reach,
        from: usize,
        count: usize,
    ) -> Result<Window, SourceError> {
        let replay = self.replay(session, reach)?;
        let turns: Vec<Turn> = replay.turns.iter().skip(from).take(count).cloned().collect();
        let blocks = turns.iter().flat_map(|turn| {
            turn.said.iter().flat_map(|message| &message.blocks).chain(&turn.answer)
        });
        let named: BTreeSet<usize> = blocks
            .filter_map(|block| match block {
                Block::ToolUse { call } => Some(*call),
                Block::ToolResult { call, .. } => *call,
                _ => None,
            })
            .collect();
        let calls = named
            .iter()
            .filter_map(|index| Some((*index, replay.calls.get(*index)?.clone())))
            .collect();
        let mut changes = BTreeMap::new();
        for file in &replay.files {
            for change in file.changes.iter().filter(|change| named.contains(&change.call)) {
                changes.insert(change.call, (file.path.clone(), change.clone()));
            }
        }
        Ok(Window { session: session.to_owned(), turns, calls, changes })
    }

    pub(super) fn replay(&self, session: &str, reach: &Reach) -> Result<&Replay, SourceError> {
        let found = self.sessions.iter().find(|replay| replay.session.id == session);
        found.filter(|replay| reach.covers_session(&replay.session)).ok_or(SourceError::NotFound)
    }

    pub(super) fn parts(&self, exchange: &str, reach: &Reach) -> Result<Parts, SourceError> {
        let (replay, turn) = self.turn(exchange, reach)?;
        let json = serde_json::to_string(turn)
            .map_err(|error| SourceError::Ledger(error.to_string()))?;
        let kinds: &[&str] =
            if turn.status == Status::Refused { &["refused"] } else { &["opened", "closed"] };
        let part = |(seq, kind): (usize, &&str)| Part {
            kind: (*kind).into(),
            boot: "01997f6e-0000-7000-8000-000000000001".into(),
            seq: (turn.number * 2 + seq) as i64,
            at: turn.started_at,
            received_at: turn.started_at + 2,
            json: json.clone(),
        };
        Ok(Parts {
            session: replay.session.id.clone(),
            turn: turn.number,
            parts: kinds.iter().enumerate().map(part).collect(),
        })
    }

    pub(super) fn proof(&self, exchange: &str, reach: &Reach) -> Result<Proof, SourceError> {
        let (_, turn) = self.turn(exchange, reach)?;
        let first = turn.number as u64 * 2;
        Ok(Proof {
            entries: vec![first, first + 1],
            checkpoint: Some(4_211),
            checked: "Held in memory for a test: nothing was checked.".into(),
        })
    }

    fn turn(&self, exchange: &str, reach: &Reach) -> Result<(&Replay, &Turn), SourceError> {
        let seen = self.sessions.iter().filter(|replay| reach.covers_session(&replay.session));
        seen.flat_map(|replay| replay.turns.iter().map(move |turn| (replay, turn)))
            .find(|(_, turn)| turn.exchange == exchange)
            .ok_or(SourceError::NotFound)
    }
}

/// What follows the item whose key is the cursor.
fn page<T>(
    items: impl Iterator<Item = T>,
    key: impl Fn(&T) -> String,
    after: Option<&str>,
    limit: usize,
) -> Page<T> {
    let mut items = items.skip_while({
        let mut passed = after.is_none();
        let key = &key;
        move |item| {
            let skip = !passed;
            passed |= after == Some(key(item).as_str());
            skip
        }
    });
    let page: Vec<T> = items.by_ref().take(limit).collect();
    let more = items.next().is_some();
    let next = page.last().filter(|_| more).map(key);
    Page { items: page, next }
}

fn fits(filter: &Filter, replay: &Replay) -> bool {
    let Replay { session, .. } = replay;
    let given = |wanted: &Option<String>, holds: &dyn Fn(&str) -> bool| {
        wanted.as_deref().is_none_or(holds)
    };
    given(&filter.person, &|person| {
        session.subject.starts_with(person)
            || session.email.as_deref().is_some_and(|email| email.starts_with(person))
    }) && given(&filter.group, &|group| session.groups.iter().any(|own| own == group))
        && given(&filter.model, &|model| session.models.iter().any(|own| own == model))
        && given(&filter.tool, &|tool| replay.calls.iter().any(|call| call.name == tool))
        && given(&filter.path, &|path| replay.files.iter().any(|file| file.path.ends_with(path)))
        && given(&filter.command, &|words| {
            replay.commands.iter().any(|command| command.command.contains(words))
        })
        && given(&filter.finding, &|rule| {
            let mut findings = replay.turns.iter().flat_map(|turn| &turn.findings);
            findings.any(|finding| rule == "*" || finding.rule == rule)
        })
        && filter.status.is_none_or(|status| status == session.status)
        && (!filter.refused || replay.turns.iter().any(|turn| turn.status == Status::Refused))
        && (!filter.gaps || gaps(replay) > 0)
        && filter.since.is_none_or(|since| active_at(replay) >= since)
        && filter.until.is_none_or(|until| session.started_at < until)
}

fn gaps(replay: &Replay) -> usize {
    replay.notices.iter().filter(|notice| notice.kind == NoticeKind::Gap).count()
}

fn active_at(replay: &Replay) -> i64 {
    replay.session.ended_at.unwrap_or(replay.session.started_at)
}

fn row(replay: &Replay) -> Row {
    let Replay { session, .. } = replay;
    let turned_down = |outcome: &Outcome| {
        matches!(outcome, Outcome::Rejected { .. } | Outcome::Denied { .. })
    };
    Row {
        id: session.id.clone(),
        title: session.title.clone(),
        subject: session.subject.clone(),
        email: session.email.clone(),
        groups: session.groups.clone(),
        models: session.models.clone(),
        status: session.status,
        started_at: session.started_at,
        active_at: active_at(replay),
        turns: replay.turns.len(),
        calls: replay.calls.len(),
        turned_down: replay.calls.iter().filter(|call| turned_down(&call.outcome)).count(),
        refused: replay.turns.iter().filter(|turn| turn.status == Status::Refused).count(),
        findings: replay.turns.iter().map(|turn| turn.findings.len()).sum(),
        gaps: gaps(replay),
        files: replay.files.len(),
        usage: session.usage,
        erased: replay.notices.iter().any(|notice| notice.kind == NoticeKind::Erased),
    }
}

fn hits<'a>(replay: &'a Replay, turn: &'a Turn, words: &'a str) -> impl Iterator<Item = Hit> + 'a {
    let said = turn.said.iter().flat_map(|message| &message.blocks).map(|block| ("prompt", block));
    let answer = turn.answer.iter().map(|block| ("answer", block));
    said.chain(answer).filter_map(move |(place, block)| {
        let (place, text) = match block {
            Block::Text { text } => (place, text),
            Block::Thinking { text } => ("thinking", text),
            Block::ToolResult { text, .. } => ("tool result", text),
            Block::ToolUse { call } => ("tool call", &replay.calls.get(*call)?.input),
            Block::Media { .. } | Block::Other { .. } => return None,
        };
        let at = text.to_lowercase().find(&words.to_lowercase())?;
        let (before, rest) = text.split_at_checked(at)?;
        let (found, after) = rest.split_at_checked(words.len())?;
        let before: String = before.chars().rev().take(60).collect();
        Some(Hit {
            session: replay.session.id.clone(),
            title: replay.session.title.clone(),
            subject: replay.session.subject.clone(),
            turn: turn.number,
            at: turn.started_at,
            place: place.into(),
            snippet: vec![
                (false, before.chars().rev().collect()),
                (true, found.into()),
                (false, after.chars().take(120).collect()),
            ],
        })
    })
}

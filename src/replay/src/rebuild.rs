//! A session rebuilt: exchanges in the order of time become turns, each with what is new in it.
//!
//! ```text
//! exchange ─▶ purpose ─▶ lane ─▶ followed in its conversation ─▶ compared ─▶ turn
//!                                └ answered: behind its request, for turns to come
//! ```
//!
//! What follows from all turns together (what became of calls, files, commands, the title) is put
//! together at the end.

use crate::block::Piece;
use crate::calls::Calls;
use crate::canonical::{Role, Utterance, same_input};
use crate::commands;
use crate::digest::Digest;
use crate::files;
use crate::input::{Content, ExchangeInput, Input, NodeId, Spoken};
use crate::lanes::Lanes;
use crate::model::{
    Block, CallResult, Message, Notice, NoticeKind, Replay, Status, Turn, TurnKind,
};
use crate::purpose::{self, Purpose};
use crate::rewrite::{self, Verdict};
use crate::summary;
use crate::telemetry;
use crate::thread::{Followed, Threads};
use crate::title;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// A pause after which a prompt resumes a conversation, in milliseconds.
const PAUSE: i64 = 30 * 60 * 1_000;
/// Messages behind the last answer that are looked at for what a request is for.
const LOOKED_AT: usize = 8;

/// Rebuilds a session. The same input gives the same replay.
#[must_use]
pub fn rebuild(input: &Input) -> Replay {
    let mut threads = Threads::new(&input.history);
    let root = threads.root();
    let mut builder = Builder {
        threads,
        lanes: Lanes::new(root),
        calls: Calls::default(),
        turns: Vec::with_capacity(input.exchanges.len()),
        notices: summary::notices(input),
        bodies: HashMap::new(),
        continued: HashMap::new(),
        settings: HashMap::new(),
        title: None,
        prompt: None,
    };
    for exchange in &input.exchanges {
        builder.exchange(exchange);
    }
    builder.finish(input)
}

struct Builder<'a> {
    threads: Threads<'a>,
    lanes: Lanes,
    calls: Calls,
    turns: Vec<Turn>,
    notices: Vec<Notice>,
    /// Turns by lane and body, and by lane and body less `stream`; each with that member's value.
    bodies: HashMap<(usize, Digest), (usize, Option<String>)>,
    /// For each turn that others continue, where their requests leave what was known, and end.
    continued: HashMap<usize, Vec<(usize, usize)>>,
    /// For each lane, the system prompt and the tools of its last turn.
    settings: HashMap<usize, (Option<Arc<str>>, Option<Arc<str>>)>,
    title: Option<String>,
    prompt: Option<String>,
}

impl Builder<'_> {
    fn exchange(&mut self, exchange: &ExchangeInput) {
        let index = self.turns.len();
        let mut turn = summary::turn(exchange, index);
        let unreadable = match &exchange.content {
            Content::Known(spoken) => {
                self.spoken(exchange, spoken, &mut turn);
                None
            }
            Content::Erased => None,
            Content::Unreadable(why) => Some(why.as_str()),
            Content::Missing => Some("what was asked is not on record"),
        };
        if let Some(why) = unreadable {
            let text = format!("Exchange {} cannot be read: {why}.", exchange.id);
            self.notices.push(Notice { kind: NoticeKind::Unreadable, turn: Some(index), text });
        }
        if !matches!(exchange.content, Content::Known(_)) {
            turn.kind = TurnKind::Other;
            if let Some(lane) = exchange.agent.as_deref().and_then(|agent| self.lanes.agent(agent))
            {
                turn.lane = lane;
            }
        }
        self.turns.push(turn);
    }

    fn spoken(&mut self, exchange: &ExchangeInput, spoken: &Spoken, turn: &mut Turn) {
        let index = self.turns.len();
        let last = self.last_messages(spoken.messages);
        let last: Vec<&Utterance> = last.iter().map(Rc::as_ref).collect();
        let purpose = purpose::of(exchange, spoken, &last);
        let (lane, root) = self.lane(exchange, spoken, purpose);
        turn.lane = lane;
        let keep = matches!(purpose, Purpose::Talk);
        let followed = self.threads.follow(index, root, spoken.messages, keep);
        // A title or a count of tokens says again what a turn says.
        let new: Vec<&Utterance> = followed.messages.iter().map(Rc::as_ref).collect();
        let compacted =
            keep && !self.threads.is_conversation(followed.known) && purpose::is_compacted(&new);
        let verdict = if keep && !compacted {
            rewrite::compare(&self.threads, &followed)
        } else {
            Verdict::all_said(&followed)
        };
        turn.carried = followed.carried;
        turn.continues = self.threads.owner(verdict.known);
        if turn.continues.is_none() && self.starts_agent(exchange, purpose, &new, lane) {
            let texts: Vec<_> = purpose::texts(&new).collect();
            turn.lane = self.lanes.add_agent(None, &texts, &self.calls.list, root);
        } else if let Some(before) = turn
            .continues
            .and_then(|before| self.turns.get(before))
            .filter(|_| exchange.agent.is_none() && keep)
        {
            turn.lane = before.lane;
        }
        turn.kind =
            self.kind(exchange, spoken, purpose, compacted, &followed, &verdict, turn, &last);
        if turn.kind == TurnKind::Compacted {
            let summary = |turn: &Turn| turn.kind == TurnKind::Compaction && turn.lane == lane;
            turn.continues = self.turns.iter().rposition(summary);
        }
        turn.said = self.said(&followed, &verdict, index, turn.continues);
        turn.rewrites = verdict.rewrites;
        for rewrite in &turn.rewrites {
            let text = format!(
                "The client's history says something else than was recorded, of turn {} in message {}.",
                rewrite.turn.saturating_add(1),
                rewrite.message.saturating_add(1),
            );
            self.notices.push(Notice { kind: NoticeKind::Rewritten, turn: Some(index), text });
        }
        self.echoes(&followed);
        self.settings(spoken, turn);
        self.answered(exchange, spoken, turn);
        if keep {
            let cut = exchange.status != Status::Complete;
            self.threads.answer(index, followed.end, &spoken.answer.blocks, cut);
        }
        if let Some(of) = turn.continues.filter(|_| keep && exchange.status != Status::Refused) {
            self.continued.entry(of).or_default().push((followed.known, followed.end));
        }
        self.named(spoken, purpose, turn, &last);
    }

    /// The messages behind the last answer in a request, in their order.
    fn last_messages(&mut self, tail: Option<NodeId>) -> Vec<Rc<Utterance>> {
        let mut messages = Vec::new();
        let mut at = tail;
        while let Some(node) = at.filter(|_| messages.len() < LOOKED_AT) {
            let message = self.threads.utterance(node);
            if message.role == Role::Assistant {
                break;
            }
            messages.push(message);
            at = self.threads.before(node);
        }
        messages.reverse();
        messages
    }

    /// The lane of a request, and the root of its conversation.
    fn lane(
        &mut self,
        exchange: &ExchangeInput,
        spoken: &Spoken,
        purpose: Purpose,
    ) -> (usize, usize) {
        let main = self.lanes.root(0).unwrap_or_default();
        if let Some(agent) = exchange.agent.as_deref() {
            if let Some(lane) = self.lanes.agent(agent) {
                return (lane, self.lanes.root(lane).unwrap_or(main));
            }
            // An agent may go on from the conversation that started it.
            let shared = self.threads.follow(0, main, spoken.messages, false);
            let forked = self.threads.in_answer(shared.known);
            let root = if forked { main } else { self.threads.root() };
            let new: Vec<&Utterance> = shared.messages.iter().map(Rc::as_ref).collect();
            let texts: Vec<_> = purpose::texts(&new).collect();
            return (self.lanes.add_agent(Some(agent), &texts, &self.calls.list, root), root);
        }
        match purpose {
            Purpose::Talk | Purpose::Compaction => (0, main),
            Purpose::Count => (self.lanes.side(), main),
            Purpose::Title | Purpose::Side | Purpose::Other => {
                let root = self.threads.root();
                (self.lanes.side(), root)
            }
        }
    }

    /// Whether a new conversation is an agent's, of a client that gives its agents no ids.
    fn starts_agent(
        &self,
        exchange: &ExchangeInput,
        purpose: Purpose,
        new: &[&Utterance],
        lane: usize,
    ) -> bool {
        let texts: Vec<_> = purpose::texts(new).collect();
        lane == 0
            && exchange.agent.is_none()
            && purpose == Purpose::Talk
            && self.lanes.starter(&texts, &self.calls.list).is_some()
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "a kind follows from all that is known of a turn"
    )]
    fn kind(
        &mut self,
        exchange: &ExchangeInput,
        spoken: &Spoken,
        purpose: Purpose,
        compacted: bool,
        followed: &Followed,
        verdict: &Verdict,
        turn: &Turn,
        last: &[&Utterance],
    ) -> TurnKind {
        if let Some(kind) = self.retry(exchange, spoken, turn.lane) {
            return kind;
        }
        match purpose {
            Purpose::Compaction => return TurnKind::Compaction,
            Purpose::Title => return TurnKind::Title,
            Purpose::Count => return TurnKind::Count,
            Purpose::Side => return TurnKind::Side,
            Purpose::Other => return TurnKind::Other,
            Purpose::Talk if compacted => return TurnKind::Compacted,
            Purpose::Talk => {}
        }
        if let Some(of) = turn.continues.filter(|_| verdict.rewrites.is_empty())
            && self.is_taken(of, followed)
        {
            return TurnKind::Fork { of };
        }
        let is_talk = |piece: &Piece| match piece {
            Piece::ToolResult { .. } => false,
            Piece::Text(text) => !purpose::is_reminder(text) && !text.trim().is_empty(),
            _ => true,
        };
        let said = last.iter().filter(|message| message.role == Role::User);
        let has_results = last
            .iter()
            .flat_map(|message| &message.pieces)
            .any(|piece| matches!(piece, Piece::ToolResult { .. }));
        if has_results && !said.flat_map(|message| &message.pieces).any(is_talk) {
            return TurnKind::Results;
        }
        let before = turn.continues.and_then(|before| self.turns.get(before));
        let ended = before.map(|before| before.ended_at.unwrap_or(before.started_at));
        match ended {
            Some(ended) if exchange.started_at.saturating_sub(ended) >= PAUSE => TurnKind::Resume,
            _ => TurnKind::Prompt,
        }
    }

    /// Whether these are an earlier turn's bytes, or all but for streaming.
    fn retry(
        &mut self,
        exchange: &ExchangeInput,
        spoken: &Spoken,
        lane: usize,
    ) -> Option<TurnKind> {
        let index = self.turns.len();
        let stream = spoken.rest.iter().find(|(name, _)| name == "stream");
        let stream = stream.map(|(_, value)| value.clone()).filter(|value| value != "false");
        let body = self.threads.body(exchange, spoken);
        let of = match self.bodies.get(&(lane, body)) {
            Some((of, before)) if *before == stream => Some(TurnKind::Retry { of: *of }),
            Some((of, Some(_))) if stream.is_none() => Some(TurnKind::WholeRetry { of: *of }),
            Some(_) => None,
            None => {
                self.bodies.insert((lane, body), (index, stream));
                return None;
            }
        };
        of.filter(|_| spoken.messages.is_some())
    }

    /// Whether another turn goes on from the same point already, with something else.
    fn is_taken(&self, of: usize, followed: &Followed) -> bool {
        let others = self.continued.get(&of).into_iter().flatten();
        others.into_iter().any(|(known, end)| *known == followed.known && *end != followed.end)
    }

    /// What is new in a request, with what its results say of earlier calls.
    fn said(
        &mut self,
        followed: &Followed,
        verdict: &Verdict,
        index: usize,
        continues: Option<usize>,
    ) -> Vec<Message> {
        let mut messages = Vec::new();
        for (place, message) in followed.messages.iter().enumerate() {
            let fresh: Vec<_> = followed
                .fresh
                .iter()
                .enumerate()
                .filter(|(_, fresh)| fresh.message == place)
                .collect();
            let said: Vec<usize> = fresh
                .iter()
                .filter(|(number, _)| verdict.said.contains(number))
                .filter_map(|(_, fresh)| message.places.get(fresh.item).copied())
                .collect();
            let whole = said.len() == message.items.len();
            if said.is_empty()
                && (!whole || place < followed.carried.saturating_sub(followed.first))
            {
                continue;
            }
            let mut blocks = Vec::new();
            for (at, piece) in message.pieces.iter().enumerate() {
                let counts = message.places.contains(&at);
                if said.contains(&at) || whole && !counts {
                    blocks.extend(self.block(piece, message.role, index, continues));
                }
            }
            if !blocks.is_empty() {
                messages.push(Message { role: message.role.name().to_owned(), blocks });
            }
        }
        messages
    }

    /// A block of a request. Results are results of the calls that they name.
    fn block(
        &mut self,
        piece: &Piece,
        role: Role,
        index: usize,
        continues: Option<usize>,
    ) -> Option<Block> {
        Some(match piece {
            Piece::Text(text) if text.is_empty() => return None,
            Piece::Text(text) => {
                let interrupted = continues.filter(|_| purpose::is_interruption(text));
                if let Some(before) = interrupted.filter(|_| role == Role::User) {
                    self.calls.interrupted(before, index);
                }
                Block::Text { text: text.clone() }
            }
            Piece::ToolResult { id, is_error, text, server: _ } => {
                let result =
                    CallResult { turn: index, at: 0, is_error: *is_error, text: text.clone() };
                self.calls.result(id, result, "tool_result");
                let (id, text) = (id.clone(), text.clone());
                Block::ToolResult { call: self.calls.find(&id), id, is_error: *is_error, text }
            }
            // A call that no answer on record holds.
            Piece::ToolUse { id, name, input } => Block::Other {
                kind: "tool_use".to_owned(),
                json: serde_json::json!({"id": id, "name": name, "input": input}).to_string(),
            },
            other => plain_block(other),
        })
    }

    /// Inputs of calls as the client tells them again.
    fn echoes(&mut self, followed: &Followed) {
        let told = followed.messages.iter().filter(|message| message.role == Role::Assistant);
        for piece in told.flat_map(|message| &message.pieces) {
            let Piece::ToolUse { id, input, .. } = piece else { continue };
            let Some(index) = self.calls.find(id) else { continue };
            let suggested = self.calls.list.get(index).map(|call| call.input.as_str());
            if suggested.is_some_and(|suggested| suggested != input && same_input(suggested, input))
            {
                self.calls.echoed.entry(index).or_insert_with(|| input.clone());
            }
        }
    }

    /// System prompt and tools, where they are others than in the lane's turn before.
    fn settings(&mut self, spoken: &Spoken, turn: &mut Turn) {
        if spoken.messages.is_none() {
            return;
        }
        let before = self.settings.insert(turn.lane, (spoken.system.clone(), spoken.tools.clone()));
        let (system_before, tools_before) = before.unwrap_or_default();
        if spoken.system != system_before {
            let text =
                |json: &Option<Arc<str>>| purpose::system_text(json.as_deref().unwrap_or("\"\""));
            let (text, before) = (text(&spoken.system), text(&system_before));
            turn.system = (text != before).then_some(text);
        }
        if spoken.tools != tools_before {
            let names =
                |json: &Option<Arc<str>>| purpose::tool_names(json.as_deref().unwrap_or_default());
            let (names, before) = (names(&spoken.tools), names(&tools_before));
            turn.tools = (names != before).then_some(names);
        }
    }

    /// The answer, with the calls that it suggests.
    fn answered(&mut self, exchange: &ExchangeInput, spoken: &Spoken, turn: &mut Turn) {
        let index = self.turns.len();
        let end = exchange.ended_at.or(spoken.answer.at).unwrap_or(exchange.started_at);
        for (place, piece) in spoken.answer.blocks.iter().enumerate() {
            let block = match piece {
                Piece::ToolUse { id, name, input } => {
                    let beats = spoken.answer.beats.iter().rev();
                    let grown = beats.into_iter().find(|beat| beat.block == place);
                    let at = grown.and_then(|beat| i64::try_from(beat.at).ok());
                    let at = at.map_or(end, |at| exchange.started_at.saturating_add(at));
                    Block::ToolUse { call: self.calls.suggested(id, name, input, index, at) }
                }
                Piece::ToolResult { id, is_error, text, server } => {
                    let result = CallResult {
                        turn: index,
                        at: end,
                        is_error: *is_error,
                        text: text.clone(),
                    };
                    self.calls.result(id, result, server.as_deref().unwrap_or("tool_result"));
                    let (id, text) = (id.clone(), text.clone());
                    Block::ToolResult { call: self.calls.find(&id), id, is_error: *is_error, text }
                }
                other => plain_block(other),
            };
            turn.answer.push(block);
        }
    }

    /// A title that the turn gives, or the words that serve as one.
    fn named(&mut self, spoken: &Spoken, purpose: Purpose, turn: &Turn, last: &[&Utterance]) {
        let answer = || {
            spoken.answer.blocks.iter().find_map(|piece| match piece {
                Piece::Text(text) => Some(text.as_str()),
                _ => None,
            })
        };
        match purpose {
            Purpose::Title => self.title = answer().and_then(title::answered).or(self.title.take()),
            Purpose::Talk if self.prompt.is_none() && turn.lane == 0 => {
                let mut texts = purpose::texts(last).filter(|text| !purpose::is_reminder(text));
                self.prompt = texts.find_map(title::prompted);
            }
            _ => {}
        }
    }

    fn finish(self, input: &Input) -> Replay {
        let Self { mut lanes, mut calls, turns, mut notices, title, prompt, .. } = self;
        for call in &mut calls.list {
            if let Some(result) = &mut call.result
                && result.at == 0
            {
                result.at = turns.get(result.turn).map_or(0, |turn| turn.started_at);
            }
        }
        let confirmed = telemetry::by_call(&input.telemetry, input.session.hint.as_deref());
        notices.extend(calls.confirm(&confirmed));
        lanes.settle(&calls.list);
        notices.sort_by_key(|notice| (notice.turn.is_some(), notice.turn));
        let (commands, commits) = commands::of(&calls.list, &confirmed);
        let files = files::of(&calls);
        let mut session = summary::session(input);
        session.title = title.or(prompt);
        Replay {
            session,
            lanes: lanes.lanes,
            turns,
            calls: calls.list,
            files,
            commands,
            commits,
            notices,
        }
    }
}

/// A block that names no call.
fn plain_block(piece: &Piece) -> Block {
    match piece {
        Piece::Text(text) => Block::Text { text: text.clone() },
        Piece::Thinking(text) => Block::Thinking { text: text.clone() },
        Piece::Media { media_type, bytes } => {
            Block::Media { media_type: media_type.clone(), bytes: *bytes }
        }
        Piece::Other { kind, json } => Block::Other { kind: kind.clone(), json: json.clone() },
        Piece::ToolUse { id, .. } | Piece::ToolResult { id, .. } => {
            Block::Other { kind: "call".to_owned(), json: id.clone() }
        }
    }
}

#[cfg(test)]
mod tests;

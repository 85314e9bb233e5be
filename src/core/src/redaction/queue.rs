//! A stream's events on their way through the redactor.
//!
//! ```text
//! events   ┤text "ab"├┤text "AK"├┤ping├┤text "IA…"├   in, as they come
//!                      └─ its text is not decided: it and all behind it wait
//! out      ┤text "ab"├                                 as they came, but for the values in them
//! ```
//!
//! A block's text comes in pieces, one an event; each block and kind of piece is one text. An event
//! leaves when its piece is decided, whole: what holds no value leaves byte for byte. A value's
//! placeholder stands in the event in which the value begins; the events that it goes on in lose
//! their part of it. A tool's input is JSON, and is looked at when it is whole.

use super::event::Template;
use super::guide::Messages;
use super::{Blocked, Redactor};
use crate::claude::event::{Kind, Said};
use crate::claude::sse;
use hansard_redact::body::{Change, Changed, Everything, Piece, Reading, quoted_content, redact};
use hansard_redact::stream::TextStream;
use hansard_redact::{Action, Hit, Map, Restores, Tallies, Way, body, text};
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;

/// The events that wait.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    events: VecDeque<Event>,
    /// The number of the first event that waits.
    first: u64,
    /// Events that have come, but for blank lines: their numbers name places.
    named: u64,
    channels: Vec<Channel>,
    bytes: usize,
    /// What was found since it was last taken.
    pub(crate) tallies: Tallies,
    /// A value that does not pass.
    pub(crate) blocked: Option<Blocked>,
}

#[derive(Debug, Default)]
struct Event {
    raw: Vec<u8>,
    at: u64,
    template: Template,
    /// To the raw bytes.
    changes: Vec<Change>,
    /// For each piece: up to where its text must be decided, and up to where it is.
    waits: Vec<(usize, Rc<Cell<usize>>)>,
}

/// One text that comes in pieces.
#[derive(Debug)]
struct Channel {
    index: Option<u64>,
    kind: String,
    name: String,
    source: Source,
    /// Its pieces in events that wait.
    pieces: VecDeque<Part>,
    fed: usize,
    decided: Rc<Cell<usize>>,
}

#[derive(Debug)]
enum Source {
    Text(TextStream),
    /// JSON, looked at when it is whole.
    Json(Vec<u8>),
}

/// A piece of a text within an event.
#[derive(Debug)]
struct Part {
    /// In the text.
    at: Range<usize>,
    event: u64,
    /// What the event is called.
    name: u64,
    /// In the event's data, and how its escapes read.
    content: Range<usize>,
    map: Map,
}

impl Queue {
    /// Bytes of events, and of tools' inputs, that wait.
    pub(crate) fn held(&self) -> usize {
        self.bytes
    }

    /// Bytes of memory that comes on top of them.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.saturating_mul(2)
    }

    /// Whether no event waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Takes in an event.
    pub(crate) fn push(
        &mut self,
        redactor: &mut Redactor,
        restores: &Restores,
        raw: &[u8],
        at: u64,
    ) {
        let number = self.first.saturating_add(self.events.len() as u64);
        if redactor.is_off() {
            self.bytes = self.bytes.saturating_add(raw.len());
            return self.events.push_back(Event { raw: raw.to_owned(), at, ..Event::default() });
        }
        let parsed = sse::Event::parse(raw);
        let name = self.named;
        self.named = name.saturating_add(u64::from(parsed.is_some()));
        let said = parsed.as_ref().map(Said::read);
        let kind = said.as_ref().map_or(Kind::Unknown, |said| said.kind);
        let data = said.as_ref().and_then(|said| said.data.as_ref());
        let index = data.and_then(|data| data.index);
        match kind {
            // What comes behind these belongs to no text that came before.
            Kind::ContentBlockStop | Kind::ContentBlockStart => {
                self.finish(redactor, restores, |channel| {
                    index.is_none() || channel.index.is_none() || channel.index == index
                });
            }
            Kind::MessageStart | Kind::MessageDelta | Kind::MessageStop | Kind::Error => {
                self.finish(redactor, restores, |_| true);
            }
            Kind::ContentBlockDelta | Kind::Ping | Kind::Unknown => {}
        }
        let template = Template::of(raw);
        let streamed: Option<&[u8]> = match kind {
            Kind::ContentBlockDelta => Some(b"delta"),
            Kind::ContentBlockStart => Some(b"content_block"),
            _ => None,
        };
        let found = self.look(redactor, restores, &template, streamed, name);
        let piece_kind = data.and_then(|data| match kind {
            Kind::ContentBlockStart => data.content_block,
            _ => data.delta,
        });
        let piece_kind = piece_kind.map(|json| kind_of(json.get())).unwrap_or_default();
        let mut changes: Vec<Change> =
            found.changes.into_iter().map(|change| template.raw(change)).collect();
        self.look_at_lines(redactor, raw, &template, name, &mut changes);
        self.bytes = self.bytes.saturating_add(raw.len());
        self.events.push_back(Event {
            raw: raw.to_owned(),
            at,
            template,
            changes,
            waits: Vec::new(),
        });
        for piece in found.pieces {
            self.feed(redactor, restores, index, &piece_kind, &piece, (number, name));
        }
    }

    /// The values in an event's data, but for the pieces of longer texts.
    fn look(
        &mut self,
        redactor: &mut Redactor,
        restores: &Restores,
        template: &Template,
        streamed: Option<&[u8]>,
        number: u64,
    ) -> body::Body {
        let way = Way::Response(restores);
        let place = format!("event {number}");
        let json = std::str::from_utf8(&template.data).ok();
        let reading = Reading {
            guide: &Messages,
            way,
            blocks_signed: redactor.blocks_signed,
            drops_media: false,
            streamed,
        };
        let found = json
            .and_then(|json| redact(&mut redactor.engine, &mut redactor.seen, json, reading).ok());
        let mut found =
            found.unwrap_or_else(|| text::redact(&mut redactor.engine, &template.data, "", way));
        self.note(redactor, &place, &mut found);
        found
    }

    /// Comments, names and unknown fields are texts like any other.
    fn look_at_lines(
        &mut self,
        redactor: &mut Redactor,
        raw: &[u8],
        template: &Template,
        number: u64,
        changes: &mut Vec<Change>,
    ) {
        let none = Restores::default();
        for line in &template.others {
            let text = raw.get(line.clone()).unwrap_or_default();
            if is_usual(text) {
                continue;
            }
            let mut found = text::redact(&mut redactor.engine, text, "", Way::Response(&none));
            self.note(redactor, &format!("event {number}"), &mut found);
            changes.extend(found.changes.into_iter().map(|change| Change {
                at: change.at.start.saturating_add(line.start)
                    ..change.at.end.saturating_add(line.start),
                ..change
            }));
        }
        changes.sort_by_key(|change| change.at.start);
    }

    fn note(&mut self, redactor: &mut Redactor, place: &str, found: &mut body::Body) {
        redactor.count(&found.tallies);
        self.tallies.extend_under(place, std::mem::take(&mut found.tallies));
        if let Some((detector, pointer)) = found.blocked.take() {
            self.block(redactor, detector, &format!("{place}{pointer}"));
        }
    }

    fn block(&mut self, redactor: &Redactor, detector: usize, place: &str) {
        if self.blocked.is_none() {
            self.blocked = Some(redactor.blocked("Claude's answer", detector, place));
        }
    }

    /// Takes in a piece of a longer text.
    fn feed(
        &mut self,
        redactor: &mut Redactor,
        restores: &Restores,
        index: Option<u64>,
        kind: &str,
        piece: &Piece,
        (event, name_of_event): (u64, u64),
    ) {
        let Some(waiting) = self.events.back_mut() else { return };
        let data = &waiting.template.data;
        let name = String::from_utf8_lossy(data.get(piece.name.clone()).unwrap_or_default());
        let raw = data.get(piece.content.clone()).unwrap_or_default();
        let (mut plain, mut map) = (Vec::new(), Map::default());
        body::read(raw, &mut plain, &mut map);
        let at = self
            .channels
            .iter()
            .position(|one| one.index == index && one.kind == kind && one.name == name);
        let at = at.unwrap_or_else(|| {
            self.channels.push(Channel::new(index, kind, &name));
            self.channels.len().saturating_sub(1)
        });
        let Some(channel) = self.channels.get_mut(at) else { return };
        let end = channel.fed.saturating_add(plain.len());
        waiting.waits.push((end, Rc::clone(&channel.decided)));
        channel.pieces.push_back(Part {
            at: channel.fed..end,
            event,
            name: name_of_event,
            content: piece.content.clone(),
            map,
        });
        channel.fed = end;
        let mut hits = Vec::new();
        match &mut channel.source {
            Source::Text(text) => {
                let decided = text.feed(&mut redactor.engine, &plain, &mut hits);
                channel.decided.set(decided);
            }
            Source::Json(json) => {
                json.extend_from_slice(&plain);
                self.bytes = self.bytes.saturating_add(plain.len());
            }
        }
        self.apply(redactor, restores, at, &hits);
    }

    /// Texts that are whole are decided.
    fn finish(
        &mut self,
        redactor: &mut Redactor,
        restores: &Restores,
        is_whole: impl Fn(&Channel) -> bool,
    ) {
        for at in 0..self.channels.len() {
            let Some(channel) = self.channels.get_mut(at).filter(|channel| is_whole(channel))
            else {
                continue;
            };
            match &mut channel.source {
                Source::Text(text) => {
                    let mut hits = Vec::new();
                    text.finish(&mut redactor.engine, &mut hits);
                    self.apply(redactor, restores, at, &hits);
                }
                Source::Json(json) => {
                    let json = std::mem::take(json);
                    self.bytes = self.bytes.saturating_sub(json.len());
                    self.apply_json(redactor, restores, at, &json);
                }
            }
            if let Some(channel) = self.channels.get(at) {
                channel.decided.set(usize::MAX);
            }
        }
        self.channels.retain(|channel| channel.decided.get() != usize::MAX);
    }

    /// A tool's whole input.
    fn apply_json(&mut self, redactor: &mut Redactor, restores: &Restores, at: usize, json: &[u8]) {
        let way = Way::Response(restores);
        let reading = Reading {
            guide: &Everything,
            way,
            blocks_signed: redactor.blocks_signed,
            drops_media: false,
            streamed: None,
        };
        let found = std::str::from_utf8(json)
            .ok()
            .and_then(|json| redact(&mut redactor.engine, &mut redactor.seen, json, reading).ok());
        let mut found = found.unwrap_or_else(|| text::redact(&mut redactor.engine, json, "", way));
        let Some(channel) = self.channels.get(at) else { return };
        let place = format!("block {} input", channel.index.unwrap_or(0));
        self.note(redactor, &place, &mut found);
        for change in found.changes {
            // JSON within a string of JSON.
            let with: Rc<str> = quoted_content(&change.with).into();
            self.change(at, &Change { with, ..change });
        }
    }

    /// What was found in a text that comes in pieces.
    fn apply(&mut self, redactor: &mut Redactor, restores: &Restores, at: usize, hits: &[Hit]) {
        let Some(channel) = self.channels.get(at).filter(|_| !hits.is_empty()) else { return };
        let is_signed = channel.is_signed();
        let name = channel.name.clone();
        for hit in hits {
            if hit.is_placeholder() {
                if let Some(value) = restores.value(&hit.placeholder).filter(|_| !is_signed) {
                    let with = quoted_content(value).into();
                    let change = Change { at: hit.at.clone(), with, wire: true, record: false };
                    self.change(at, &change);
                }
                continue;
            }
            let action = Way::Response(restores).action(redactor.engine.action(hit.detector));
            let action = match action {
                Action::Block => Action::Block,
                _ if is_signed && redactor.blocks_signed => Action::Block,
                _ if is_signed => Action::Observe,
                action => action,
            };
            let number = self.event_of(at, hit.at.start);
            let place = format!("event {number}/delta/{name}");
            let mut tally = Tallies::default();
            tally.add(redactor.engine.id(hit.detector), &place, &hit.fingerprint, action);
            redactor.count(&tally);
            self.tallies.extend(tally);
            if action == Action::Block {
                self.block(redactor, hit.detector, &place);
            }
            let change = Change {
                at: hit.at.clone(),
                with: Rc::clone(&hit.placeholder),
                wire: action == Action::Mask,
                record: true,
            };
            self.change(at, &change);
        }
    }

    /// The name of the event in which an offset of a text stands.
    fn event_of(&self, channel: usize, offset: usize) -> u64 {
        let Some(channel) = self.channels.get(channel) else { return 0 };
        let at = channel.pieces.partition_point(|piece| piece.at.end <= offset);
        channel.pieces.get(at).map_or(0, |piece| piece.name)
    }

    /// Makes a change to a text in the events that hold it.
    fn change(&mut self, channel: usize, change: &Change) {
        let Some(channel) = self.channels.get(channel) else { return };
        let mut with = Rc::clone(&change.with);
        let begin = channel.pieces.partition_point(|piece| piece.at.end <= change.at.start);
        for piece in channel.pieces.iter().skip(begin) {
            if piece.at.start >= change.at.end {
                break;
            }
            let within = change.at.start.max(piece.at.start).saturating_sub(piece.at.start)
                ..change.at.end.min(piece.at.end).saturating_sub(piece.at.start);
            let content = piece.map.raw(within);
            let data = content.start.saturating_add(piece.content.start)
                ..content.end.saturating_add(piece.content.start);
            let event = usize::try_from(piece.event.saturating_sub(self.first)).ok();
            let Some(event) = event.and_then(|event| self.events.get_mut(event)) else { continue };
            let part =
                Change { at: data, with: std::mem::replace(&mut with, "".into()), ..*change };
            event.changes.push(event.template.raw(part));
        }
    }

    /// Nothing more comes: all that waits is decided.
    pub(crate) fn end(&mut self, redactor: &mut Redactor, restores: &Restores) {
        self.finish(redactor, restores, |_| true);
    }

    /// The next event that is decided, and when it came.
    pub(crate) fn pop(&mut self) -> Option<(Changed, u64)> {
        let is_decided =
            self.events.front()?.waits.iter().all(|(end, decided)| decided.get() >= *end);
        if !is_decided {
            return None;
        }
        let event = self.events.pop_front()?;
        for channel in &mut self.channels {
            while channel.pieces.front().is_some_and(|piece| piece.event <= self.first) {
                channel.pieces.pop_front();
            }
        }
        self.first = self.first.saturating_add(1);
        self.bytes = self.bytes.saturating_sub(event.raw.len());
        Some((Changed::new(event.raw, event.changes), event.at))
    }
}

impl Channel {
    fn new(index: Option<u64>, kind: &str, name: &str) -> Self {
        let is_json = kind == "input_json" && name == "partial_json";
        Self {
            index,
            kind: kind.to_owned(),
            name: name.to_owned(),
            source: if is_json {
                Source::Json(Vec::new())
            } else {
                Source::Text(TextStream::default())
            },
            pieces: VecDeque::new(),
            fed: 0,
            decided: Rc::new(Cell::new(0)),
        }
    }

    /// Whether the text must not be altered (the guide says so of whole blocks).
    fn is_signed(&self) -> bool {
        matches!(
            (self.kind.as_str(), self.name.as_str()),
            ("thinking", "thinking")
                | ("thinking" | "signature", "signature")
                | ("redacted_thinking", "data")
                | ("compaction", "content")
        ) || self.name == "id"
            || self.name.ends_with("_id")
            || self.name.starts_with("encrypted_")
    }
}

/// The `type` of a block or delta, less the delta's ending: a block's own text and its deltas are
/// one text.
fn kind_of(json: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Typed<'a> {
        #[serde(rename = "type", borrow, default)]
        kind: Cow<'a, str>,
    }
    let kind = serde_json::from_str::<Typed<'_>>(json).map(|typed| typed.kind).unwrap_or_default();
    kind.strip_suffix("_delta").unwrap_or(&kind).to_owned()
}

/// `event: ` and a name of the API.
fn is_usual(line: &[u8]) -> bool {
    line.strip_prefix(b"event: ").is_some_and(|name| {
        matches!(
            name,
            b"message_start"
                | b"content_block_start"
                | b"content_block_delta"
                | b"content_block_stop"
                | b"message_delta"
                | b"message_stop"
                | b"ping"
                | b"error"
        )
    })
}

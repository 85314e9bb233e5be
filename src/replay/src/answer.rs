//! An answer put together: its blocks, what the upstream counted, and how it grew.
//!
//! Enters: the parts of an exchange. Leaves: the blocks of the closing part's message; without one,
//! what was on record while the stream ran, up to the last event. Each event that made a block grow
//! is a [`Beat`].

use crate::block::{Piece, piece, split};
use crate::model::{Beat, Usage};
use hansard_record::part::{Content, Part, Response};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// When the response's headers came, in Unix milliseconds.
    pub at: Option<i64>,
    /// The upstream's `request-id`.
    pub request_id: Option<String>,
    /// Its blocks.
    pub blocks: Vec<Piece>,
    /// Milliseconds since the exchange's start, and how far each block was.
    pub beats: Vec<Beat>,
    /// As the upstream counted.
    pub usage: Usage,
    /// Why the model stopped.
    pub stop_reason: Option<String>,
}

/// One event of a recorded stream.
#[derive(Deserialize)]
struct Event<'a> {
    /// Milliseconds since the response's headers.
    at: u64,
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data<'a> {
    index: usize,
    #[serde(borrow)]
    content_block: Option<&'a RawValue>,
    delta: Delta,
    usage: Option<Counts>,
    message: Option<Begun>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Delta {
    text: Option<String>,
    thinking: Option<String>,
    partial_json: Option<String>,
    stop_reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Begun {
    usage: Option<Counts>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Counts {
    input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

/// A block while it comes.
struct Growing {
    start: Piece,
    grown: String,
    chars: usize,
}

/// An answer while its events are read.
#[derive(Default)]
struct Assembly {
    blocks: BTreeMap<usize, Growing>,
    beats: Vec<(u64, usize, usize)>,
    counts: Counts,
    stop_reason: Option<String>,
    error: Option<String>,
}

/// The JSON body of an answer that is no stream, or the message that a stream was.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl Answer {
    /// Reads it from an exchange's parts. `started_at`: the exchange's start.
    #[must_use]
    pub fn read(parts: &[Part<'_>], started_at: i64) -> Self {
        let response = parts.iter().rev().find_map(|part| match &part.part {
            Content::Closed(closed) => closed.response.as_ref(),
            Content::Opened(_) | Content::Progress(_) | Content::Refused(_) => None,
        });
        match response {
            Some(response) => Self::of_response(response, started_at),
            None => Self::of_progress(parts, started_at),
        }
    }

    fn of_response(response: &Response<'_>, started_at: i64) -> Self {
        let mut assembly = Assembly::default();
        if let Some(events) = response.events {
            assembly.events(events.get());
        }
        if let Some(usage) = response.usage {
            assembly.count(serde_json::from_str(usage.get()).unwrap_or_default());
        }
        let at = i64::try_from(response.at).ok();
        let stop_reason = response.stop_reason.as_deref().map(str::to_owned);
        let mut answer = assembly.answer(at, started_at);
        answer.request_id = response.request_id.as_deref().map(str::to_owned);
        answer.stop_reason = stop_reason.or(answer.stop_reason);
        if let Some(message) = response.message {
            let errors = answer.blocks.iter().filter(|block| is_error(block)).cloned();
            let mut blocks = message_blocks(message.get());
            blocks.extend(errors.collect::<Vec<_>>());
            answer.blocks = blocks;
        }
        answer
    }

    /// The headers' time is not on record yet: it follows from the first events' part.
    fn of_progress(parts: &[Part<'_>], started_at: i64) -> Self {
        let mut assembly = Assembly::default();
        let mut whole = BTreeMap::new();
        let mut at: Option<i64> = None;
        for part in parts {
            let Content::Progress(progress) = &part.part else { continue };
            if let Some(events) = progress.events {
                let last = assembly.events(events.get()).unwrap_or_default();
                let headers = i64::try_from(part.at.saturating_sub(last)).unwrap_or_default();
                at = Some(at.map_or(headers, |at| at.min(headers)));
            }
            if let (Some(index), Some(block)) = (progress.index, progress.block) {
                whole.insert(usize::try_from(index).unwrap_or(usize::MAX), piece(block.get()));
            }
        }
        assembly.whole(whole);
        assembly.answer(at, started_at)
    }
}

fn is_error(piece: &Piece) -> bool {
    matches!(piece, Piece::Other { kind, .. } if kind == "error")
}

fn message_blocks(json: &str) -> Vec<Piece> {
    let other = |kind: &str| vec![Piece::Other { kind: kind.to_owned(), json: json.to_owned() }];
    match serde_json::from_str::<Message<'_>>(json) {
        Ok(Message { content: Some(content), .. }) => match split(content.get()) {
            Some(blocks) => blocks.into_iter().map(piece).collect(),
            None => other("unreadable"),
        },
        Ok(Message { kind: Some(kind), .. }) => other(&kind),
        Ok(Message { kind: None, content: None }) | Err(_) => other("response"),
    }
}

// === impl Assembly ===

impl Assembly {
    /// Reads an array of events; the time of the last.
    fn events(&mut self, json: &str) -> Option<u64> {
        let events: Vec<Event<'_>> = serde_json::from_str(json).ok()?;
        for event in &events {
            self.event(event);
        }
        events.last().map(|event| event.at)
    }

    fn event(&mut self, event: &Event<'_>) {
        if event.event == "error" {
            self.error = Some(event.data.get().to_owned());
            return;
        }
        let data: Data<'_> = serde_json::from_str(event.data.get()).unwrap_or_default();
        match event.event.as_ref() {
            "message_start" => {
                self.count(data.message.and_then(|begun| begun.usage).unwrap_or_default())
            }
            "message_delta" => {
                self.count(data.usage.unwrap_or_default());
                self.stop_reason = data.delta.stop_reason.or(self.stop_reason.take());
            }
            "content_block_start" => {
                let start = piece(data.content_block.map_or("null", RawValue::get));
                let grown = match &start {
                    Piece::Text(text) | Piece::Thinking(text) => text.clone(),
                    Piece::ToolUse { .. }
                    | Piece::ToolResult { .. }
                    | Piece::Media { .. }
                    | Piece::Other { .. } => String::new(),
                };
                let chars = grown.chars().count();
                self.beats.push((event.at, data.index, chars));
                self.blocks.insert(data.index, Growing { start, grown, chars });
            }
            "content_block_delta" => {
                let Delta { text, thinking, partial_json, .. } = data.delta;
                let more = text.or(thinking).or(partial_json).unwrap_or_default();
                if let Some(block) = self.blocks.get_mut(&data.index).filter(|_| !more.is_empty()) {
                    block.grown.push_str(&more);
                    block.chars = block.chars.saturating_add(more.chars().count());
                    self.beats.push((event.at, data.index, block.chars));
                }
            }
            _ => {}
        }
    }

    /// What comes later counts: `message_delta` is authoritative.
    fn count(&mut self, counts: Counts) {
        let Counts {
            input_tokens,
            cache_read_input_tokens,
            cache_creation_input_tokens,
            output_tokens,
        } = counts;
        self.counts = Counts {
            input_tokens: input_tokens.or(self.counts.input_tokens),
            cache_read_input_tokens: cache_read_input_tokens
                .or(self.counts.cache_read_input_tokens),
            cache_creation_input_tokens: cache_creation_input_tokens
                .or(self.counts.cache_creation_input_tokens),
            output_tokens: output_tokens.or(self.counts.output_tokens),
        };
    }

    /// Blocks that are on record as a whole.
    fn whole(&mut self, blocks: BTreeMap<usize, Piece>) {
        for (index, start) in blocks {
            self.blocks.insert(index, Growing { start, grown: String::new(), chars: 0 });
        }
    }

    fn answer(self, at: Option<i64>, started_at: i64) -> Answer {
        let headers = at.unwrap_or(started_at).saturating_sub(started_at);
        let place: BTreeMap<usize, usize> =
            self.blocks.keys().enumerate().map(|(place, index)| (*index, place)).collect();
        let beat = |(at, index, chars): (u64, usize, usize)| {
            let at = u64::try_from(headers).unwrap_or_default().saturating_add(at);
            place.get(&index).map(|block| Beat { at, block: *block, chars })
        };
        let beats = self.beats.into_iter().filter_map(beat).collect();
        let mut blocks: Vec<Piece> = self.blocks.into_values().map(Growing::grown).collect();
        if let Some(json) = self.error {
            blocks.push(Piece::Other { kind: "error".to_owned(), json });
        }
        let Counts {
            input_tokens,
            cache_read_input_tokens,
            cache_creation_input_tokens,
            output_tokens,
        } = self.counts;
        Answer {
            at,
            request_id: None,
            blocks,
            beats,
            usage: Usage {
                input: input_tokens.unwrap_or_default(),
                cache_read: cache_read_input_tokens.unwrap_or_default(),
                cache_write: cache_creation_input_tokens.unwrap_or_default(),
                output: output_tokens.unwrap_or_default(),
            },
            stop_reason: self.stop_reason,
        }
    }
}

impl Growing {
    fn grown(self) -> Piece {
        let Self { start, grown, chars: _ } = self;
        match start {
            Piece::Text(text) => Piece::Text(if grown.is_empty() { text } else { grown }),
            Piece::Thinking(text) => Piece::Thinking(if grown.is_empty() { text } else { grown }),
            Piece::ToolUse { id, name, input } => {
                Piece::ToolUse { id, name, input: if grown.is_empty() { input } else { grown } }
            }
            other @ (Piece::ToolResult { .. } | Piece::Media { .. } | Piece::Other { .. }) => other,
        }
    }
}

#[cfg(test)]
mod tests;

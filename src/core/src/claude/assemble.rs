//! A stream's events, added up: the message they make, and the log of the events themselves.
//!
//! Each event goes into the log verbatim with its time; each delta is appended to its block. Every
//! block and delta kind is faced: an unknown one is kept whole under `deltas`, so that nothing the
//! model said is missing from the assembled message.

use super::event::{Data, Delta, Kind, Said};
use super::fields::{Fields, quoted};
use super::sse::Event;
use std::fmt::Write;
use std::ops::Range;

/// A point of the stream before which something must be on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The event ends a block that clients act on.
    Block {
        /// The block's index in the message.
        index: u64,
        /// The block, assembled.
        block: String,
    },
    /// The event is the last that matters to a client.
    Last,
}

/// What a stream adds up to.
#[derive(Debug, Default)]
pub struct Assembly {
    /// `message_start.message`, once it came.
    envelope: String,
    blocks: Vec<Block>,
    /// `message_delta.delta` objects.
    message_deltas: Vec<String>,
    usages: Vec<String>,
    /// `[{"at":…,"event":…,"data":…},…` without the closing bracket.
    log: String,
    stopped: bool,
    errored: bool,
}

#[derive(Debug, Default)]
struct Block {
    index: u64,
    start: String,
    role: Role,
    /// It stood in a part already.
    told: bool,
    text: String,
    thinking: String,
    signature: String,
    input: String,
    citations: Vec<String>,
    /// Deltas of unknown kinds, whole.
    others: Vec<String>,
}

/// What a client does with a block once it is whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Role {
    /// Shows or keeps it; the upstream has run what there was to run.
    Inert,
    /// Runs it; so does perhaps an unknown block, and one whose start never came.
    #[default]
    Acts,
}

impl Role {
    fn of(block_type: &str) -> Self {
        match block_type {
            "text"
            | "thinking"
            | "redacted_thinking"
            | "server_tool_use"
            | "web_search_tool_result"
            | "web_fetch_tool_result"
            | "code_execution_tool_result"
            | "bash_code_execution_tool_result"
            | "text_editor_code_execution_tool_result"
            | "tool_search_tool_result"
            | "container_upload"
            | "advisor_tool_result"
            | "mcp_tool_use"
            | "mcp_tool_result"
            | "mcp_tool_listing"
            | "compaction"
            | "fallback" => Self::Inert,
            // `tool_use`, and whatever this gateway does not know.
            _ => Self::Acts,
        }
    }
}

/// The assembled whole, as JSON texts.
#[derive(Debug, Default)]
pub struct Assembled {
    /// The message; `None` when not even its start came.
    pub message: Option<String>,
    /// The array of events.
    pub events: String,
    /// `message_delta.usage` over `message_start.message.usage`, member by member.
    pub usage: Option<String>,
    /// Why the model stopped.
    pub stop_reason: Option<String>,
    /// `message_stop` came.
    pub complete: bool,
}

impl Assembly {
    /// Takes in an event that came `at` milliseconds after the response's headers.
    pub fn observe(&mut self, event: &Event<'_>, at: u64) -> Option<Mark> {
        let Said { kind, data } = Said::read(event);
        self.log(&event.name, &event.data, data.is_some(), at);
        let data = data.as_ref();
        match kind {
            Kind::MessageStart => {
                if let Some(message) = data.and_then(|d| d.message) {
                    message.get().clone_into(&mut self.envelope);
                }
                None
            }
            Kind::ContentBlockStart => {
                self.start_block(data);
                None
            }
            Kind::ContentBlockDelta => {
                self.extend_block(data, &event.data);
                None
            }
            Kind::ContentBlockStop => self.stop_block(data.and_then(|d| d.index)),
            Kind::MessageDelta => {
                if let Some(delta) = data.and_then(|d| d.delta) {
                    self.message_deltas.push(delta.get().to_owned());
                }
                if let Some(usage) = data.and_then(|d| d.usage) {
                    self.usages.push(usage.get().to_owned());
                }
                None
            }
            Kind::MessageStop => {
                self.stopped = true;
                Some(Mark::Last)
            }
            Kind::Error => {
                self.errored = true;
                Some(Mark::Last)
            }
            Kind::Ping | Kind::Unknown => None,
        }
    }

    /// Logs that an event's end never came.
    pub fn unfinished(&mut self, note: &str, at: u64) {
        if !note.is_empty() {
            self.log("", note, false, at);
        }
    }

    /// How far the log of events reaches; an offset for [`Assembly::events`].
    #[must_use]
    pub fn logged(&self) -> usize {
        self.log.len()
    }

    /// The events between two points of the log, as a JSON array.
    #[must_use]
    pub fn events(&self, between: Range<usize>) -> String {
        let events = self.log.get(between).unwrap_or_default();
        // The first byte opens the array, or parts it from what stands before.
        format!("[{}]", events.get(1..).unwrap_or_default())
    }

    /// Bytes of memory held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        // The log holds every event; the blocks hold the same texts without their frames.
        self.log.capacity().saturating_mul(2)
    }

    /// What it all adds up to.
    #[must_use]
    pub fn assembled(&self) -> Assembled {
        let mut envelope = Fields::of(&self.envelope);
        let mut usage = Fields::of(envelope.get("usage").unwrap_or("{}")).to_json();
        for more in &self.usages {
            let mut merged = Fields::of(&usage);
            merged.merge(Fields::of(more));
            usage = merged.to_json();
        }
        for delta in &self.message_deltas {
            envelope.merge(Fields::of(delta));
        }
        let stop_reason = envelope.string("stop_reason");
        let usage = (usage != "{}").then_some(usage);
        let begun = !self.envelope.is_empty() || !self.blocks.is_empty();
        let message = begun.then(|| {
            let blocks: Vec<String> = self.blocks.iter().map(Block::to_json).collect();
            envelope.set("content", format!("[{}]", blocks.join(",")));
            if let Some(usage) = &usage {
                envelope.set("usage", usage.clone());
            }
            envelope.to_json()
        });
        let events = if self.log.is_empty() { "[]".into() } else { format!("{}]", self.log) };
        Assembled { message, events, usage, stop_reason, complete: self.stopped && !self.errored }
    }

    fn log(&mut self, name: &str, data: &str, is_json: bool, at: u64) {
        let is_json = is_json || serde_json::from_str::<serde::de::IgnoredAny>(data).is_ok();
        self.log.push(if self.log.is_empty() { '[' } else { ',' });
        let _infallible = write!(self.log, "{{\"at\":{at},\"event\":{},\"data\":", quoted(name));
        if is_json {
            self.log.push_str(data);
        } else {
            self.log.push_str(&quoted(data));
        }
        self.log.push('}');
    }

    fn start_block(&mut self, data: Option<&Data<'_>>) {
        let start = data.and_then(|d| d.content_block).map_or("{}", |block| block.get());
        let fields = Fields::of(start);
        let seed = |name: &str| fields.string(name).unwrap_or_default();
        self.blocks.push(Block {
            index: data.and_then(|d| d.index).unwrap_or(self.blocks.len() as u64),
            role: Role::of(&seed("type")),
            text: seed("text"),
            thinking: seed("thinking"),
            signature: seed("signature"),
            start: start.to_owned(),
            ..Block::default()
        });
    }

    /// A stop is marked unless every block that it can end is inert: one without a readable index
    /// can end any, and nothing keeps an upstream from using an index twice.
    fn stop_block(&mut self, index: Option<u64>) -> Option<Mark> {
        let can_end = |block: &&mut Block| index.is_none_or(|i| block.index == i);
        let mut ended: Vec<_> = self.blocks.iter_mut().filter(can_end).collect();
        let inert = index.is_some() && ended.iter().all(|block| block.role == Role::Inert);
        match ended.last_mut() {
            Some(_) if inert => None,
            Some(block) => {
                // A stop that is repeated says nothing new.
                let told = std::mem::replace(&mut block.told, true);
                let json = if told { "{}".into() } else { block.to_json() };
                Some(Mark::Block { index: block.index, block: json })
            }
            None => Some(Mark::Block { index: index.unwrap_or(0), block: "{}".into() }),
        }
    }

    fn extend_block(&mut self, data: Option<&Data<'_>>, text: &str) {
        let Some(data) = data else {
            // Of another shape: kept whole, with the block that it most likely belongs to.
            if let Some(block) = self.blocks.last_mut() {
                block.others.push(quoted(text));
            }
            return;
        };
        let index = data.index.unwrap_or(0);
        if !self.blocks.iter().any(|block| block.index == index) {
            self.blocks.push(Block { index, start: "{}".into(), ..Block::default() });
        }
        let Some(block) = self.blocks.iter_mut().rev().find(|block| block.index == index) else {
            return;
        };
        let raw = data.delta.map_or("null", |delta| delta.get());
        match serde_json::from_str::<Delta<'_>>(raw) {
            Ok(delta) => match &*delta.kind {
                "text_delta" => block.text.push_str(&delta.text),
                "input_json_delta" => block.input.push_str(&delta.partial_json),
                "thinking_delta" => block.thinking.push_str(&delta.thinking),
                "signature_delta" => block.signature.push_str(&delta.signature),
                "citations_delta" => {
                    block.citations.extend(delta.citation.map(|c| c.get().to_owned()));
                }
                _ => block.others.push(raw.to_owned()),
            },
            Err(_) => block.others.push(raw.to_owned()),
        }
    }
}

impl Block {
    /// The block as it would stand in a whole message.
    fn to_json(&self) -> String {
        let mut fields = Fields::of(&self.start);
        let texts =
            [("text", &self.text), ("thinking", &self.thinking), ("signature", &self.signature)];
        for (name, text) in texts {
            if !text.is_empty() {
                fields.set_string(name, text);
            }
        }
        if !self.input.is_empty() {
            // Input that is not JSON is kept as the text it is.
            match serde_json::from_str::<serde::de::IgnoredAny>(&self.input) {
                Ok(_) => fields.set("input", self.input.as_str()),
                Err(_) => fields.set("input_text", quoted(&self.input)),
            }
        }
        if !self.citations.is_empty() {
            fields.set("citations", format!("[{}]", self.citations.join(",")));
        }
        if !self.others.is_empty() {
            fields.set("deltas", format!("[{}]", self.others.join(",")));
        }
        fields.to_json()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assemble(events: &[(&str, &str)]) -> (Assembled, Vec<Option<Mark>>) {
        let mut assembly = Assembly::default();
        let marks = events
            .iter()
            .zip(0..)
            .map(|((name, data), at)| {
                assembly.observe(&Event { name: (*name).into(), data: (*data).into() }, at)
            })
            .collect();
        (assembly.assembled(), marks)
    }

    #[test]
    fn a_message_with_text_and_a_tool() {
        let (whole, marks) = assemble(&[
            (
                "message_start",
                r#"{"type":"message_start","message":{"id":"msg_1","content":[],"stop_reason":null,"usage":{"input_tokens":10,"output_tokens":1}}}"#,
            ),
            (
                "content_block_start",
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            ),
            (
                "content_block_delta",
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a\nb"}}"#,
            ),
            ("content_block_stop", r#"{"type":"content_block_stop","index":0}"#),
            (
                "content_block_start",
                r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"Bash","input":{}}}"#,
            ),
            (
                "content_block_delta",
                r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"n\": 1"}}"#,
            ),
            (
                "content_block_delta",
                r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"e5}"}}"#,
            ),
            ("content_block_stop", r#"{"type":"content_block_stop","index":1}"#),
            (
                "message_delta",
                r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":25}}"#,
            ),
            ("message_stop", r#"{"type":"message_stop"}"#),
        ]);
        let tool = r#"{"type":"tool_use","id":"t","name":"Bash","input":{"n": 1e5}}"#;
        assert_eq!(
            whole.message.unwrap(),
            format!(
                r#"{{"id":"msg_1","content":[{{"type":"text","text":"a\nb"}},{tool}],"stop_reason":"tool_use","usage":{{"input_tokens":10,"output_tokens":25}}}}"#
            )
        );
        assert_eq!(whole.usage.unwrap(), r#"{"input_tokens":10,"output_tokens":25}"#);
        assert_eq!(whole.stop_reason.unwrap(), "tool_use");
        assert!(whole.complete);
        let events: Vec<serde_json::Value> = serde_json::from_str(&whole.events).unwrap();
        assert_eq!(events.len(), 10);
        assert_eq!(events[9]["at"], 9);
        assert_eq!(events[9]["data"]["type"], "message_stop");
        let expected = [(7, Mark::Block { index: 1, block: tool.into() }), (9, Mark::Last)];
        for (i, mark) in marks.into_iter().enumerate() {
            let at = expected.iter().find(|(at, _)| *at == i).map(|(_, mark)| mark.clone());
            assert_eq!(mark, at, "event {i}");
        }
    }

    #[test]
    fn what_clients_may_act_on_is_marked_whatever_its_form() {
        let start = |kind: &str| {
            format!(
                r#"{{"type":"content_block_start","index":3,"content_block":{{"type":"{kind}"}}}}"#
            )
        };
        let held = [
            (start("tool_use"), "content_block_stop", r#"{"type":"content_block_stop","index":3}"#),
            (
                start("brand_new"),
                "content_block_stop",
                r#"{"type":"content_block_stop","index":3}"#,
            ),
            (start("text"), "content_block_stop", r#"{"type":"content_block_stop","index":9}"#),
            (start("text"), "content_block_stop", r#"{"type":"content_block_stop"}"#),
            (start("text"), "content_block_stop", "garbage"),
            (start("tool_use"), "", r#"{"type":"content_block_stop","index":3}"#),
            (start("tool_use"), "ping", r#"{"type":"content_block_stop","index":3}"#),
            (start("tool_use"), "content_block_stop", r#"{"type":"ping","index":3}"#),
            (start("text"), "message_stop", "{}"),
            (start("text"), "ping", r#"{"type":"message_stop"}"#),
            (start("text"), "error", "x"),
            // Data of another shape than the API's.
            (
                start("tool_use"),
                "content_block_delta",
                r#"{"type":"content_block_stop","index":3.0}"#,
            ),
            (start("tool_use"), "", r#"{"type":"content_block_stop","index":"3"}"#),
            (start("text"), "ping", r#"{"type":"ping","type":"message_stop"}"#),
        ];
        for (start, name, data) in &held {
            let (_, marks) = assemble(&[("content_block_start", start), (name, data)]);
            assert!(marks[1].is_some(), "{name} {data}");
        }
        for kind in ["text", "thinking", "redacted_thinking", "server_tool_use", "mcp_tool_use"] {
            let stop = ("content_block_stop", r#"{"type":"content_block_stop","index":3}"#);
            let (_, marks) = assemble(&[("content_block_start", &start(kind)), stop]);
            assert_eq!(marks[1], None, "{kind}");
        }
    }

    #[test]
    fn every_delta_kind_lands_in_its_block() {
        let start = r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#;
        let delta =
            |delta: &str| format!(r#"{{"type":"content_block_delta","index":0,"delta":{delta}}}"#);
        let (whole, _) = assemble(&[
            ("content_block_start", start),
            ("content_block_delta", &delta(r#"{"type":"thinking_delta","thinking":"hm"}"#)),
            ("content_block_delta", &delta(r#"{"type":"signature_delta","signature":"c2ln"}"#)),
            ("content_block_delta", &delta(r#"{"type":"citations_delta","citation":{"n":1.0}}"#)),
            ("content_block_delta", &delta(r#"{"type":"compaction_delta","content":"c"}"#)),
            ("content_block_delta", &delta(r#""odd""#)),
            ("content_block_delta", &delta(r#"{"type":"input_json_delta","partial_json":"{\"a"}"#)),
        ]);
        assert_eq!(
            whole.message.unwrap(),
            r#"{"content":[{"type":"thinking","thinking":"hm","signature":"c2ln","input_text":"{\"a","citations":[{"n":1.0}],"deltas":[{"type":"compaction_delta","content":"c"},"odd"]}]}"#
        );
        assert!(!whole.complete);
    }
}

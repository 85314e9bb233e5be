//! What one event of a stream says.
//!
//! A client goes by the event's name or by the `type` in its data, depending on the client; where
//! the two differ, the reading that holds more back is taken.

use super::sse;
use hansard_record::RawJson;
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;

/// Every event of the Messages API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The envelope of the message.
    MessageStart,
    /// A block begins.
    ContentBlockStart,
    /// A piece of a block.
    ContentBlockDelta,
    /// A block is whole: clients act on it now.
    ContentBlockStop,
    /// Stop reason and usage.
    MessageDelta,
    /// The message is whole.
    MessageStop,
    /// A sign of life.
    Ping,
    /// The upstream gives up.
    Error,
    /// A type that this gateway does not know: recorded and passed.
    Unknown,
}

impl Kind {
    fn named(name: &str) -> Self {
        match name {
            "message_start" => Self::MessageStart,
            "content_block_start" => Self::ContentBlockStart,
            "content_block_delta" => Self::ContentBlockDelta,
            "content_block_stop" => Self::ContentBlockStop,
            "message_delta" => Self::MessageDelta,
            "message_stop" => Self::MessageStop,
            "ping" => Self::Ping,
            "error" => Self::Error,
            _ => Self::Unknown,
        }
    }

    /// The weightiest kind that a text names anywhere.
    fn mentioned(text: &str) -> Self {
        let heavy = ["\"message_stop\"", "\"error\"", "\"content_block_stop\""];
        let named = heavy.iter().find(|name| text.contains(*name));
        named.map_or(Self::Unknown, |name| Self::named(name.trim_matches('"')))
    }

    /// How much a client may do once it has the event.
    fn weight(self) -> u8 {
        match self {
            Self::MessageStop | Self::Error => 2,
            Self::ContentBlockStop => 1,
            Self::MessageStart
            | Self::ContentBlockStart
            | Self::ContentBlockDelta
            | Self::MessageDelta
            | Self::Ping
            | Self::Unknown => 0,
        }
    }
}

/// An event and its data.
#[derive(Debug)]
pub struct Said<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its data, when it is a JSON object of the expected shape.
    pub data: Option<Data<'a>>,
}

/// The members of an event's data that assembling needs; the others stay in the text.
#[derive(Debug, Deserialize)]
pub struct Data<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Cow<'a, str>,
    /// The block's index.
    #[serde(default, deserialize_with = "index")]
    pub index: Option<u64>,
    /// In `message_start`.
    #[serde(borrow)]
    pub message: Option<RawJson<'a>>,
    /// In `content_block_start`.
    #[serde(borrow)]
    pub content_block: Option<RawJson<'a>>,
    /// In `content_block_delta` and `message_delta`.
    #[serde(borrow)]
    pub delta: Option<RawJson<'a>>,
    /// In `message_delta`.
    #[serde(borrow)]
    pub usage: Option<RawJson<'a>>,
}

/// One piece of a block.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Delta<'a> {
    /// `text_delta`, `input_json_delta`, …
    #[serde(rename = "type", borrow)]
    pub kind: Cow<'a, str>,
    /// Of `text_delta`.
    #[serde(borrow)]
    pub text: Cow<'a, str>,
    /// Of `input_json_delta`.
    #[serde(borrow)]
    pub partial_json: Cow<'a, str>,
    /// Of `thinking_delta`.
    #[serde(borrow)]
    pub thinking: Cow<'a, str>,
    /// Of `signature_delta`.
    #[serde(borrow)]
    pub signature: Cow<'a, str>,
    /// Of `citations_delta`.
    #[serde(borrow)]
    pub citation: Option<RawJson<'a>>,
}

/// An index in any of JSON's forms of a whole number, as a client would take it.
fn index<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let number = Option::<f64>::deserialize(deserializer)?;
    Ok(number.filter(|n| n.fract() == 0.0 && (0.0..1e9).contains(n)).map(|n| n as u64))
}

impl<'a> Said<'a> {
    /// Reads an event.
    #[must_use]
    pub fn read(event: &'a sse::Event<'a>) -> Self {
        let by_name = Kind::named(&event.name);
        let data: Option<Data<'a>> = serde_json::from_str(&event.data).ok();
        let by_type = match &data {
            Some(data) => Kind::named(&data.kind),
            // Data of another shape: a client may read what this gateway does not.
            None => Kind::mentioned(&event.data),
        };
        let kind = match (by_name, by_type) {
            (Kind::Unknown, other) | (other, Kind::Unknown) => other,
            (name, kind) if name.weight() > kind.weight() => name,
            (_, kind) => kind,
        };
        Self { kind, data }
    }
}

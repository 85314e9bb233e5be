//! The durable account of one exchange: its schema, its typed ids, and its one-pass encoding.
//!
//! Enters: what `hansard-core` observed of an exchange. Leaves: one
//! `envoy.service.accesslog.v3.StreamAccessLogsMessage` per part, ready for the wire, whose
//! `filter_state_objects["hansard.record"]` carries the part as JSON.
//!
//! This crate depends on nothing of ours and knows no clock, network, thread or random source:
//! time and random bytes come in as arguments.

mod codec;
pub mod fold;
mod id;
mod members;
pub mod part;
mod raw;

pub use codec::{Entry, Message, OutOfMemory, RECORD_KEY, encode};
pub use id::{BootId, ExchangeId};
pub use members::Members;
pub use raw::RawJson;

use serde::{Deserialize, Serialize};

/// One part of a record, in the schema version that wrote it.
///
/// Readers take every version that was ever released; constructors make only the newest.
#[derive(Debug, Serialize, Deserialize)]
pub enum Record<'a> {
    /// Schema version 1: without findings.
    #[serde(borrow, rename = "hansard.v1")]
    V1(part::Part<'a>),
    /// Schema version 2: what was redacted stands in each part as its findings.
    #[serde(borrow, rename = "hansard.v2")]
    V2(part::Part<'a>),
}

impl<'a> Record<'a> {
    /// Reads a part from its JSON text, borrowing from it.
    ///
    /// # Errors
    /// When the text is not JSON, is of an unknown version, or lacks a field of its version.
    pub fn parse(json: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }

    /// The part, whatever version wrote it; what its version does not have is empty.
    #[must_use]
    pub fn into_part(self) -> part::Part<'a> {
        match self {
            Self::V1(part) | Self::V2(part) => part,
        }
    }
}

//! A rebuilt session in the formats of others: lines for collectors, documents for people, spans
//! for tracing, events for a SIEM.
//!
//! Enters: a [`Replay`](hansard_replay::Replay), and what the ledger proves of it ([`Proof`]).
//! Leaves: bytes, in a writer of the caller's.
//!
//! Promises: the same values give the same bytes; no clock, file or network is asked; whatever a
//! client, a model or a tool wrote stays text: it cannot end a fence, open a tag, move a terminal's
//! cursor or hide a character.

pub mod follow;
mod html;

mod jsonl;
mod markdown;
mod names;
mod ocsf;
mod otel;
mod proof;
mod text;
mod turns;

pub use follow::write as follow;
pub use html::write as html;

pub use jsonl::write as jsonl;
pub use markdown::write as markdown;
pub use ocsf::write as ocsf;
pub use otel::write as otel;
pub use proof::{Checkpoint, Leaf, Proof, Recorded};

/// Whether what was said goes along.
///
/// Spans and events travel into systems that many may read; there it is left out unless it is asked
/// for. It is redacted as the record is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// Who, when, what kind and how much.
    #[default]
    Without,
    /// Also prompts, answers, tool inputs and results.
    With,
}

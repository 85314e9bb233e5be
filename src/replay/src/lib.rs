//! Sessions rebuilt from the record: what was suggested, what was accepted, what ran.
//!
//! Enters: exchanges and client telemetry as the ledger's reader gives them. Leaves: a [`Replay`],
//! plain values that the web player, the command line and the exports show.
//!
//! Promises: the same ledger gives the same replay; nothing is invented: what is not on record is
//! marked as unknown, and each outcome of a tool call names its evidence.

pub mod answer;
pub mod archive;
pub mod block;
mod calls;
mod canonical;
mod commands;
mod diff;
mod digest;
mod files;
pub mod input;
mod lanes;
pub mod listing;
mod load;
pub mod model;
mod notebook;
#[cfg(test)]
mod otlp;
mod outcome;
mod purpose;
mod rebuild;
mod rewrite;
mod summary;
mod telemetry;
#[cfg(test)]
mod testkit;
mod thread;
mod title;

pub use digest::Digest;
pub use input::{Content, ExchangeInput, History, Input, NodeId, Spoken, Telemetry};
pub use load::{load, load_joined};
pub use model::Replay;
pub use rebuild::rebuild;
pub use thread::{prefix_digests, tail_digest};

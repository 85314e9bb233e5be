//! Sessions rebuilt from the record: what was suggested, what was accepted, what ran.
//!
//! Enters: exchanges and client telemetry as the ledger's reader gives them. Leaves: a [`Replay`],
//! plain values that the web player, the command line and the exports show.
//!
//! Promises: the same ledger gives the same replay; nothing is invented: what is not on record is
//! marked as unknown, and each outcome of a tool call names its evidence.

pub mod archive;
pub mod listing;
pub mod model;

pub use model::Replay;

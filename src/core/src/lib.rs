//! What happens between the identity that calls Claude and Claude: decided here, without I/O.
//!
//! Enters: headers, body bytes, the time, random bytes, a policy as JSON. Leaves: decisions, bytes
//! to forward, local answers, and the parts of a record. There is no host trait, no clock, no
//! network, no thread and no random source; `hansard-filter` brings the bytes and carries out the
//! decisions, and every branch that deserves a test is here.
//!
//! ```text
//! http::Head ─▶ exchange::Arrival ─▶ identity ─▶ access ─▶ Opened ─▶ Forwarded ─▶ Whole | Stream ─▶ Closed
//!                                                  └────▶ Refused
//! ```

pub mod access;
pub mod budget;
pub mod claude;
pub mod config;
pub mod delivery;
pub mod exchange;
pub mod http;
pub mod identity;
pub mod redaction;

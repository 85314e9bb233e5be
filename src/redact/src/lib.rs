//! Finds secrets and personal data in texts, and puts placeholders in their place.
//!
//! Enters: bytes of a text, whole or as they come; JSON as bytes. Leaves: what was found and where,
//! the same bytes with placeholders spliced in, and nothing that names a value. This crate depends
//! on nothing of ours and knows no clock, network, thread or random source.
//!
//! [`engine`] finds, [`stream`] keeps the undecided end of a text that is still coming,
//! [`json`] takes a body apart into its strings, [`placeholder`] makes what stands in a value's place.

pub mod body;
mod change;
mod check;
pub mod engine;
mod hit;
pub mod json;
pub mod pii;
mod placeholder;
mod redacted;
mod rule;
mod rules;
mod seen;
pub mod stream;
pub mod text;
mod way;

pub use body::{Guide, Path, Step, Treat};
pub use check::entropy;
pub use engine::{Action, Detector, Engine, Finding, InvalidDetector, Look, Map};
pub use hit::{Hit, Tallies, Tally};
pub use placeholder::{Keyring, ShortKey};
pub use redacted::Redacted;
pub use rule::{Check, Rule};
pub use seen::Seen;
pub use way::{Restores, Way};

/// Every rule.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    rules::RULES.iter().copied().flatten()
}

#[cfg(test)]
mod proof;
#[cfg(test)]
mod properties;

//! What secrets look like: the rule table, and the proofs that some formats carry within.
//!
//! Enters: nothing but a text that a rule's pattern matched. Leaves: the rules, and whether a match
//! is what it seems. This crate depends on nothing of ours and does no I/O. The gateway does not
//! consult it yet; a test holds every rule to its own samples.

mod check;
mod rule;
mod rules;

pub use check::entropy;
pub use rule::{Check, Rule};

/// Every rule.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    rules::RULES.iter().copied().flatten()
}

#[cfg(test)]
mod proof;

//! JSON, taken apart into its strings where they stand.
//!
//! Enters: a JSON text. Leaves: each string and member name with its place, in order, and whether
//! the text is JSON at all (RFC 8259, strictly; at most [`DEPTH`] levels). Nothing is parsed into
//! values and nothing is written anew: what is not touched stays byte for byte, `1e5`, `\/`, member
//! order, repeated members and lone surrogates included.

mod string;
mod walk;

pub(crate) use string::unescape;
pub use walk::{Frame, Place, Visitor, walk};

use std::fmt;

/// Levels of nesting that are read.
pub const DEPTH: usize = 128;

/// Why a text is not taken for JSON. Nothing of the text stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidJson {
    /// Offset in bytes.
    pub at: usize,
    /// What is wrong there.
    pub why: Fault,
}

/// What is wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does not follow JSON's grammar.
    Grammar,
    /// It is nested more than [`DEPTH`] levels deep.
    TooDeep,
    /// It ends too early.
    Cut,
}

impl fmt::Display for InvalidJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.why {
            Fault::Grammar => write!(f, "not JSON at byte {}", self.at),
            Fault::TooDeep => write!(f, "nested more than {DEPTH} levels deep at byte {}", self.at),
            Fault::Cut => write!(f, "JSON that ends too early, at byte {}", self.at),
        }
    }
}

impl std::error::Error for InvalidJson {}

#[cfg(test)]
mod tests;

//! Personal data: one pass that stops at `@` and at digits, and asks there what stands around them.
//!
//! Enters: bytes, usually UTF-8, decoded and as they come. Leaves: what was found and where, each
//! with ASCII at both ends. A number counts for what its own format proves (check digits, issuer
//! and country tables); where that proves little, a word before it on the same line has to name it.
//!
//! What is not caught: names and addresses of people, phone numbers in national notation outside
//! North America, local parts and domains beyond ASCII, numbers spelled in words or with two
//! spaces between groups, and a word on another line, in another string, or over 48 bytes off.

mod card;
mod digits;
mod email;
mod formats;
mod iban;
mod kind;
mod letters;
mod national;
mod number;
mod phone;
mod samples;
mod scan;
mod text;
mod words;

pub use kind::{Kinds, Pii};
pub use scan::scan;

/// Where personal data of a kind stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    pub kind: Pii,
    /// Where what proves it begins: the word that names a bare number, else `start`. A scan that
    /// resumes between here and `end` does not find it again.
    pub from: usize,
    pub start: usize,
    pub end: usize,
}

#[cfg(test)]
mod tests;

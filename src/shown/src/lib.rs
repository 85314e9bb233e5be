//! How what is on record is shown, wherever it is: in a terminal, a page, a document or JSON.
//!
//! A moment is Unix milliseconds and is shown in UTC. What somebody recorded is never trusted to be
//! shown as it is: [`is_hidden`] knows what a terminal or a page would act on, or not show.

mod hidden;
mod moment;

pub use hidden::is_hidden;
pub use moment::{parse, rfc3339, short, span};

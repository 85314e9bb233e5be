//! What a part says, apart from the log: stored once for each session, compressed, encrypted.
//!
//! ```text
//! part ─▶ pieces ─▶ frame ─────────────▶ block            new in each part
//!                 ─▶ stream of pieces ─▶ chain of blocks   a turn adds its own, the rest is there
//! ```
//!
//! A log entry commits to the digests of what is stored here: with the session's key destroyed,
//! nothing here can be read any more, and every digest still holds.

mod pieces;
mod seal;
mod shelf;

pub(crate) use pieces::{Pieces, Streams};
pub(crate) use seal::Master;
pub(crate) use shelf::{Shelf, read_part, read_text, unwrapped};

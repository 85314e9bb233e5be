//! Parts as they came, in a frame of the intake.
//!
//! ```text
//! flags (1): 1 folded, 2 from Envoy's log ‖ received at (8) ‖ length (4) ‖ the part's bytes
//! ```

use crate::incoming::{Incoming, Kind, Source};

const FOLDED: u8 = 1;
const ACCESS_LOG: u8 = 2;

/// A part's bytes, until it is on disk.
#[derive(Debug, Default)]
pub(crate) struct Raw {
    pub(crate) bytes: Vec<u8>,
    pub(crate) is_folded: bool,
}

/// Puts a part behind others. Nothing else is taken.
pub(super) fn put(item: &Incoming, text: &mut Vec<u8>) {
    let Kind::Part(part) = &item.0 else { return };
    let Raw { bytes, is_folded } = &part.raw;
    // No message is as long as four bytes can say.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let folded = if *is_folded { FOLDED } else { 0 };
    let source = if part.source == Source::AccessLog { ACCESS_LOG } else { 0 };
    text.push(folded | source);
    text.extend_from_slice(&part.received_at.to_be_bytes());
    text.extend_from_slice(&length.to_be_bytes());
    text.extend_from_slice(bytes);
}

/// The items of a frame.
pub(super) fn all(mut text: &[u8]) -> Vec<Incoming> {
    let mut items = Vec::new();
    while let Some((item, rest)) = first(text) {
        items.push(item);
        text = rest;
    }
    items
}

fn first(text: &[u8]) -> Option<(Incoming, &[u8])> {
    let (flags, rest) = text.split_first()?;
    let (received_at, rest) = rest.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (bytes, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    let (bytes, at) = (bytes.to_vec(), u64::from_be_bytes(*received_at));
    let source = if flags & ACCESS_LOG == 0 { Source::Acknowledged } else { Source::AccessLog };
    let item = if flags & FOLDED == 0 {
        Incoming::part(bytes, source, at, "")
    } else {
        Incoming::folded(bytes, source, at, "")
    };
    Some((item, rest))
}

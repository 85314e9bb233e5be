//! A part on the wire without what its sink has: each text that comes back with every turn begins
//! with a digest in the place of the pieces that the sink acknowledged before.
//!
//! ```text
//! {"frame":812,"streams":[{"known":{"digest":"9f…","bytes":90210},"pieces":[700,3012]}]}
//! frame, as Pieces makes it · the pieces behind what is known, one after the other
//! ```
//!
//! A head in JSON on the first line, then bytes. It is an encoding, not a schema: with the known
//! pieces back in place, [`Pieces::join`] gives the part byte for byte. It travels under
//! [`FOLDED_KEY`], and only to a sink whose answer was [`TAKES_FOLDED`].

mod chain;
mod pieces;

pub use chain::Chain;
pub use pieces::{Cut, Pieces};

use pieces::{Layout, without_markers};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The key of a folded part among an entry's `filter_state_objects`.
pub const FOLDED_KEY: &str = "hansard.folded";

/// The message with which a sink acknowledges parts and says that it takes folded ones: in
/// `StreamAccessLogsResponse`, which has no fields of its own, field 1000 is true.
pub const TAKES_FOLDED: [u8; 3] = [0xc0, 0x3e, 1];

/// The gRPC status of a sink that does not know what a folded part builds on
/// (`FAILED_PRECONDITION`): nothing of the message was stored.
pub const UNKNOWN_STATUS: u32 = 9;

/// What a sink has of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Which pieces.
    pub digest: Chain,
    /// Their bytes.
    pub bytes: usize,
}

/// A text that comes back, folded.
#[derive(Debug, PartialEq, Eq)]
pub struct Stream<'a> {
    /// What it begins with; `None`: with its first piece.
    pub known: Option<Known>,
    /// The pieces behind that.
    pub pieces: Vec<Cow<'a, [u8]>>,
}

/// A part, folded.
#[derive(Debug, PartialEq, Eq)]
pub struct Folded<'a> {
    /// As [`Pieces`] makes it.
    pub frame: Cow<'a, [u8]>,
    /// In the order of the frame.
    pub streams: Vec<Stream<'a>>,
}

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    frame: usize,
    streams: Vec<HeadStream>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadStream {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    known: Option<Known>,
    pieces: Vec<usize>,
}

impl<'a> Folded<'a> {
    /// Reads a folded part; `None` when it is none.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let end = memchr::memchr(b'\n', bytes)?;
        let head: Head = serde_json::from_slice(bytes.get(..end)?).ok()?;
        let mut rest = bytes.get(end.checked_add(1)?..)?;
        let mut take = |len: usize| {
            let (taken, left) = rest.split_at_checked(len)?;
            rest = left;
            Some(Cow::Borrowed(taken))
        };
        let frame = take(head.frame)?;
        let mut streams = Vec::with_capacity(head.streams.len().min(8));
        for HeadStream { known, pieces } in head.streams {
            let pieces = pieces.into_iter().map(&mut take).collect::<Option<_>>()?;
            streams.push(Stream { known, pieces });
        }
        let (layout, _) = Layout::split(&frame)?;
        (rest.is_empty() && layout.streams.len() == streams.len())
            .then_some(Self { frame, streams })
    }

    /// The bytes that travel; `None` when memory is short.
    #[must_use]
    pub fn encode(&self) -> Option<Vec<u8>> {
        let streams = self.streams.iter().map(|stream| HeadStream {
            known: stream.known,
            pieces: stream.pieces.iter().map(|piece| piece.len()).collect(),
        });
        let head = Head { frame: self.frame.len(), streams: streams.collect() };
        let mut bytes = serde_json::to_vec(&head).ok()?;
        bytes.push(b'\n');
        let pieces = || self.streams.iter().flat_map(|stream| &stream.pieces);
        let size =
            pieces().map(|piece| piece.len()).sum::<usize>().checked_add(self.frame.len())?;
        bytes.try_reserve_exact(size).ok()?;
        bytes.extend_from_slice(&self.frame);
        pieces().for_each(|piece| bytes.extend_from_slice(piece));
        Some(bytes)
    }

    /// The part with a `0` in the place of what is known: JSON of the same form if the part is, with
    /// everything that is new in it. `None` when the frame is none.
    #[must_use]
    pub fn sketch(&self) -> Option<Vec<u8>> {
        let (mut layout, rest) = Layout::split(&self.frame)?;
        let mut streams = Vec::with_capacity(self.streams.len());
        for (number, stream) in self.streams.iter().enumerate() {
            let mut text = Vec::new();
            if let Some(known) = stream.known {
                text.push(b'0');
                // A marker stands within a piece, never at its border.
                layout.markers.retain(|(of, at, _)| *of != number || *at > known.bytes);
                let moved = layout.markers.iter_mut().filter(|(of, ..)| *of == number);
                moved.for_each(|(_, at, _)| *at = *at - known.bytes + 1);
            }
            stream.pieces.iter().for_each(|piece| text.extend_from_slice(piece));
            streams.push(text);
        }
        let mut frame = serde_json::to_vec(&layout).ok()?;
        frame.push(b'\n');
        frame.extend_from_slice(rest);
        Pieces::join(&frame, &streams)
    }

    /// Bytes of the part, what is known and what is not.
    #[must_use]
    pub fn part_bytes(&self) -> usize {
        let Some((layout, rest)) = Layout::split(&self.frame) else { return 0 };
        let markers = layout.markers.iter().map(|(_, _, marker)| marker.len());
        let streams = self.streams.iter().map(|stream| {
            let known = stream.known.map_or(0, |known| known.bytes);
            stream.pieces.iter().map(|piece| piece.len()).fold(known, usize::saturating_add)
        });
        markers.chain(streams).fold(rest.len(), usize::saturating_add)
    }
}

impl<'a> From<Pieces<'a>> for Folded<'a> {
    /// With everything in it.
    fn from(pieces: Pieces<'a>) -> Self {
        let streams = pieces.streams.into_iter();
        Self {
            frame: Cow::Owned(pieces.frame),
            streams: streams.map(|pieces| Stream { known: None, pieces }).collect(),
        }
    }
}

/// A piece where it stands in a part, less its markers: as [`Pieces::at`] has it.
#[must_use]
pub fn piece_at(part: &[u8], at: std::ops::Range<usize>) -> Cow<'_, [u8]> {
    without_markers(part.get(at).unwrap_or_default(), |_, _| {})
}

#[cfg(test)]
mod tests;

//! What a part says, apart from the log: stored once for each session, compressed, encrypted.
//!
//! ```text
//! part ─▶ pieces ─▶ frame ─────────────▶ block            new in each part
//!                 ─▶ stream of pieces ─▶ chain of blocks   a turn adds its own, the rest is there
//! ```
//!
//! A log entry commits to the digests of what is stored here: with the session's key destroyed,
//! nothing here can be read any more, and every digest still holds.

mod seal;
mod shelf;

pub(crate) use seal::{IntakeKey, Master};
pub(crate) use shelf::{Shelf, read_part, read_text, unwrapped};

use hansard_record::fold::{Chain, Folded, Known, Pieces};
use seal::Packer;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::cell::RefCell;

/// A part that brings no more than this is compressed by whoever received it, beside the writer; of
/// a larger one most may be there already.
const AHEAD: usize = 64 << 10;

/// A part's content, cut, hashed and compressed: all that can be done without its session's key.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) frame: Vec<u8>,
    packed: Option<Vec<u8>>,
    pub(crate) streams: Vec<Stream>,
    /// Bytes of the part, whatever of it came along.
    pub(crate) bytes: usize,
    /// SHA-256 of the frame's and each stream's digest: the same for one part, folded or not.
    pub(crate) identity: [u8; 32],
}

/// Texts that follow each other, behind those that are there already.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) known: Option<Known>,
    pub(crate) pieces: Vec<Piece>,
}

#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) text: Vec<u8>,
    /// Compressed, if that was worth it before it is known to be new.
    packed: Option<Vec<u8>>,
    pub(crate) sum: [u8; 32],
    /// Of this piece and all before it.
    pub(crate) digest: Chain,
}

impl From<Folded<'_>> for Content {
    fn from(folded: Folded<'_>) -> Self {
        let bytes = folded.part_bytes();
        let pieces = folded.streams.iter().flat_map(|stream| &stream.pieces);
        let is_small = pieces.map(|text| text.len()).sum::<usize>() <= AHEAD;
        let packed = |text: &[u8]| if is_small { packed(text) } else { None };
        let mut identity = Sha256::new().chain_update(Chain::sum(&folded.frame));
        let streams = folded.streams.into_iter().map(|stream| {
            let mut digest = stream.known.map(|known| known.digest).unwrap_or_default();
            let pieces = stream.pieces.into_iter().map(|text| {
                let sum = Chain::sum(&text);
                digest = digest.then(&sum);
                Piece { packed: packed(&text), text: text.into_owned(), sum, digest }
            });
            let pieces = pieces.collect();
            identity.update(digest.0);
            Stream { known: stream.known, pieces }
        });
        let streams = streams.collect();
        let identity = identity.finalize().into();
        let frame = folded.frame.into_owned();
        Self { packed: self::packed(&frame), frame, streams, bytes, identity }
    }
}

thread_local! {
    static PACKER: RefCell<Option<Packer>> = RefCell::new(Packer::new());
}

/// Compresses a text, on whatever thread this is. `None`: whoever needs it tries again.
fn packed(text: &[u8]) -> Option<Vec<u8>> {
    PACKER.with_borrow_mut(|packer| packer.as_mut()?.pack(text))
}

impl Piece {
    /// The text, compressed.
    pub(crate) fn packed(&self) -> Option<Cow<'_, [u8]>> {
        match &self.packed {
            Some(packed) => Some(Cow::Borrowed(packed)),
            None => packed(&self.text).map(Cow::Owned),
        }
    }
}

impl Stream {
    /// Bytes of all its texts, those that are there already too.
    pub(crate) fn bytes(&self) -> usize {
        let known = self.known.map_or(0, |known| known.bytes);
        self.pieces.iter().map(|piece| piece.text.len()).fold(known, usize::saturating_add)
    }
}

impl Content {
    /// The frame, compressed.
    pub(crate) fn packed_frame(&self) -> Option<Cow<'_, [u8]>> {
        match &self.packed {
            Some(packed) => Some(Cow::Borrowed(packed)),
            None => packed(&self.frame).map(Cow::Owned),
        }
    }

    /// Bytes in memory, about.
    pub(crate) fn size(&self) -> usize {
        let bytes = |text: &[u8], packed: &Option<Vec<u8>>| {
            text.len().saturating_add(packed.as_ref().map_or(0, Vec::len))
        };
        let pieces = self.streams.iter().flat_map(|stream| &stream.pieces);
        let pieces = pieces.map(|piece| bytes(&piece.text, &piece.packed).saturating_add(128));
        pieces.fold(bytes(&self.frame, &self.packed), usize::saturating_add)
    }

    /// What came: the part's bytes or, where it was folded, the pieces that it brought.
    pub(crate) fn evidence(&self) -> Vec<u8> {
        let texts = |stream: &Stream| -> Vec<u8> {
            stream.pieces.iter().flat_map(|piece| &piece.text).copied().collect()
        };
        let streams: Vec<Vec<u8>> = self.streams.iter().map(texts).collect();
        let is_whole = self.streams.iter().all(|stream| stream.known.is_none());
        let part = if is_whole { Pieces::join(&self.frame, &streams) } else { None };
        part.unwrap_or_else(|| [self.frame.clone(), streams.concat()].concat())
    }
}

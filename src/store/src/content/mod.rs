//! What a part says, apart from the log: stored once for each session, compressed, encrypted.
//!
//! ```text
//! part ─▶ pieces ─▶ frame ─────────────▶ beside the part   new in each
//!                 ─▶ stream of pieces ─▶ chain of blocks   a turn adds its own, the rest is there
//! ```
//!
//! A log entry commits to the digests of what is stored here: with the session's key destroyed,
//! nothing here can be read any more, and every digest still holds.

mod ahead;
mod keyring;
mod pack;
mod seal;
mod shelf;
mod texts;

pub(crate) use ahead::Given;
pub(crate) use pack::{Dictionary, Effort, pack, unpack};
pub(crate) use seal::{IntakeKey, Master, NONCE};
pub(crate) use shelf::{Shelf, read_part, read_text, unwrapped};

use ahead::Text;
use hansard_record::fold::{Chain, Folded, Known, Pieces};
use sha2::{Digest, Sha256};

/// Bytes of a session's dictionary at most: more of it helps little, and all of it is read for each
/// text.
const DICTIONARY: usize = 4096;

/// A part's content, cut and hashed: all that can be done without its session's key.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) frame: Text,
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
    pub(crate) text: Text,
    pub(crate) sum: [u8; 32],
    /// Of this piece and all before it.
    pub(crate) digest: Chain,
}

impl From<Folded<'_>> for Content {
    fn from(folded: Folded<'_>) -> Self {
        let bytes = folded.part_bytes();
        let mut identity = Sha256::new().chain_update(Chain::sum(&folded.frame));
        let streams = folded.streams.into_iter().map(|stream| {
            let mut digest = stream.known.map(|known| known.digest).unwrap_or_default();
            let pieces = stream.pieces.into_iter().map(|text| {
                let sum = Chain::sum(&text);
                digest = digest.then(&sum);
                Piece { text: text.into_owned().into(), sum, digest }
            });
            let pieces = pieces.collect();
            identity.update(digest.0);
            Stream { known: stream.known, pieces }
        });
        let streams = streams.collect();
        let identity = identity.finalize().into();
        let frame = Text::frame(folded.frame.into_owned());
        Self { frame, streams, bytes, identity }
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
    /// Bytes in memory, about.
    pub(crate) fn size(&self) -> usize {
        let pieces = self.streams.iter().flat_map(|stream| &stream.pieces);
        let pieces = pieces.map(|piece| piece.text.len().saturating_add(128));
        pieces.fold(self.frame.len(), usize::saturating_add)
    }

    /// Seals what the session is likely not to have yet, text by text, as long as whoever stores it has
    /// not come to it.
    pub(crate) fn seal_ahead(&self, given: &Given, effort: Effort, is_ahead: impl Fn() -> bool) {
        let new = self.streams.iter().flat_map(|stream| {
            // A stream that says what it leaves out brings only what is new; of another's texts, which
            // may be a whole history, it is the last one at most.
            let old = match stream.known {
                Some(_) => 0,
                None => stream.pieces.len().saturating_sub(1),
            };
            stream.pieces.iter().skip(old)
        });
        let new = new.filter(|piece| !given.last.contains(&piece.sum)).map(|piece| &piece.text);
        for text in [&self.frame].into_iter().chain(new) {
            if !is_ahead() {
                return;
            }
            text.seal_ahead(&given.key, effort);
        }
    }

    /// SHA-256 of the text that each stream ends with.
    fn last(&self) -> Vec<[u8; 32]> {
        self.streams.iter().filter_map(|stream| Some(stream.pieces.last()?.sum)).collect()
    }

    /// What the session's texts are compressed against, if this is its first part: how such a part
    /// looks, and how its texts begin.
    pub(crate) fn dictionary(&self) -> Vec<u8> {
        let begin = |text: &[u8], most: usize| text.get(..most).unwrap_or(text).to_vec();
        let mut dictionary = begin(&self.frame, DICTIONARY / 2);
        for piece in self.streams.iter().flat_map(|stream| &stream.pieces) {
            let room = DICTIONARY.saturating_sub(dictionary.len());
            dictionary.append(&mut begin(&piece.text, room));
        }
        dictionary
    }

    /// What came: the part's bytes or, where it was folded, the pieces that it brought.
    pub(crate) fn evidence(&self) -> Vec<u8> {
        let texts = |stream: &Stream| -> Vec<u8> {
            stream.pieces.iter().flat_map(|piece| piece.text.iter()).copied().collect()
        };
        let streams: Vec<Vec<u8>> = self.streams.iter().map(texts).collect();
        let is_whole = self.streams.iter().all(|stream| stream.known.is_none());
        let part = if is_whole { Pieces::join(&self.frame, &streams) } else { None };
        part.unwrap_or_else(|| [self.frame.to_vec(), streams.concat()].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;
    use std::sync::Arc;

    fn content(streams: &[(Option<Known>, &[&'static str])]) -> Content {
        let streams = streams.iter().map(|(known, pieces)| {
            let pieces = pieces.iter().map(|text| Cow::Borrowed(text.as_bytes())).collect();
            hansard_record::fold::Stream { known: *known, pieces }
        });
        let frame = Cow::Borrowed(b"frame".as_slice());
        Content::from(Folded { frame, streams: streams.collect() })
    }

    fn sealed(content: &Content) -> Vec<&[u8]> {
        let pieces = content.streams.iter().flat_map(|stream| &stream.pieces);
        let texts = [&content.frame].into_iter().chain(pieces.map(|piece| &piece.text));
        texts.filter(|text| text.is_sealed_ahead()).map(|text| &**text).collect()
    }

    #[test]
    fn only_what_is_likely_new_is_sealed_ahead() {
        let (key, _) = Master::new([7; 32]).make("s").unwrap();
        let first = content(&[(None, &["tools"]), (None, &["one"])]);
        let given = Given { key: Arc::new(key), last: Arc::new(first.last()) };
        // One that leaves nothing out has its whole history with it.
        let whole = content(&[(None, &["tools"]), (None, &["one", "two", "three"])]);
        whole.seal_ahead(&given, Effort::Usual, || true);
        assert_eq!(sealed(&whole), [b"frame".as_slice(), b"three"]);
        let known = Some(Known { digest: Chain([1; 32]), bytes: 3 });
        let folded = content(&[(known, &[]), (known, &["two", "three"])]);
        folded.seal_ahead(&given, Effort::Usual, || true);
        assert_eq!(sealed(&folded), [b"frame".as_slice(), b"two", b"three"]);
    }

    #[test]
    fn nothing_more_is_sealed_ahead_of_who_is_there() {
        let (key, _) = Master::new([7; 32]).make("s").unwrap();
        let given = Given { key: Arc::new(key), last: Arc::default() };
        let texts = content(&[(None, &["one"])]);
        texts.seal_ahead(&given, Effort::Usual, || !texts.frame.is_sealed_ahead());
        assert_eq!(sealed(&texts), [b"frame"]);
    }
}

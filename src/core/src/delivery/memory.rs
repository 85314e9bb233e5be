//! What each sink has of each session's texts, as far as its answers say so.
//!
//! ```text
//! acknowledged by a sink that takes folded parts ─▶ learn: piece by piece, what it has
//! next turn ─▶ fold: one digest for the longest beginning that it has, then what is new
//! it does not know the digest ─▶ forget, and the part goes out whole
//! ```
//!
//! Beginnings are known here by a keyed 128-bit hash (SipHash-1-3, the VM's own random key) over
//! sink, session and pieces; SHA-256 is computed for what is new alone. A body that begins as the
//! last one of its session did is hashed up to there, and read from there on. Bounded: when the
//! younger half is full, the older is forgotten, and what is forgotten travels once more.

use crate::budget::Charge;
use crate::exchange::{History, Parcel};
use hansard_record::fold::{Chain, Cut, FOLDED_KEY, Folded, Known, Pieces, Stream, piece_at};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::collections::{HashMap, HashSet};
use std::hash::Hasher;
use std::ops::Range;
use std::rc::Rc;

/// Beginnings of texts that are remembered.
const CAPACITY: usize = 1 << 16;
/// What one takes, the table's spare room counted.
const ENTRY: usize = 96;
/// Less than this is not worth a digest.
const LEAST: usize = 512;
/// Sessions whose last body is remembered.
const SESSIONS: usize = 1 << 12;

/// What the sinks of one VM have.
#[derive(Debug)]
pub struct Memory {
    hasher: SipHasher13,
    /// Clusters whose sinks take folded parts.
    folding: HashSet<String>,
    young: HashMap<u128, Chain>,
    old: HashMap<u128, Chain>,
    /// By sink and session.
    last: HashMap<u128, Last>,
    pub(super) capacity: usize,
    charge: Charge,
}

/// How a session's last body begins: messages without a marker, up to the first that has one.
#[derive(Clone, Copy, Debug)]
struct Last {
    /// Where the messages stand in the body.
    start: usize,
    end: usize,
    /// Of the body up to that end.
    hash: u128,
    /// Of those messages.
    key: u128,
}

/// A part's texts that come back, hashed.
#[derive(Debug)]
pub(crate) struct Outline {
    /// Of the sink and the session.
    begin: u128,
    frame: Vec<u8>,
    streams: Vec<Vec<Piece>>,
    /// Which of them are the messages.
    messages: Option<usize>,
    /// The state of the hash over the body's beginning that was not read, and where that ends.
    passed: Option<(SipHasher13, usize)>,
}

#[derive(Debug)]
struct Piece {
    at: Range<usize>,
    /// Of this piece and all before it, at one sink.
    key: u128,
    /// Bytes of this piece and all before it.
    bytes: usize,
    /// It holds a marker.
    is_marked: bool,
}

impl Memory {
    /// Remembers nothing yet. The key is random and the VM's own; what is remembered is charged.
    #[must_use]
    pub fn new(key: [u8; 16], charge: Charge) -> Self {
        Self {
            hasher: SipHasher13::new_with_key(&key),
            folding: HashSet::new(),
            young: HashMap::new(),
            old: HashMap::new(),
            last: HashMap::new(),
            capacity: CAPACITY,
            charge,
        }
    }

    /// The message of a part without what the sink has; `None` when it has nothing of it.
    pub(super) fn fold(&mut self, cluster: &str, parcel: &Parcel) -> Option<Vec<u8>> {
        if !self.folding.contains(cluster) {
            return None;
        }
        let record = parcel.message.record();
        let outline = self.outline(cluster, record, parcel.history.as_ref()?)?;
        let mut saved = 0_usize;
        let mut streams = Vec::with_capacity(outline.streams.len());
        for pieces in &outline.streams {
            let (count, digest) = self.longest(pieces);
            let known = count.checked_sub(1).and_then(|last| pieces.get(last));
            let known = known.map(|last| Known { digest, bytes: last.bytes });
            saved = saved.saturating_add(known.map_or(0, |known| known.bytes));
            let new = pieces.iter().skip(count);
            let pieces = new.map(|piece| piece_at(record, piece.at.clone())).collect();
            streams.push(Stream { known, pieces });
        }
        if saved < LEAST {
            return None;
        }
        let folded = Folded { frame: outline.frame.as_slice().into(), streams }.encode()?;
        parcel.message.with(FOLDED_KEY, &folded).ok()
    }

    /// A sink that takes folded parts has acknowledged one: it has all of it.
    pub(super) fn learn(&mut self, cluster: &str, parcel: &Parcel) {
        if !self.folding.contains(cluster) {
            self.folding.insert(cluster.to_owned());
        }
        let record = parcel.message.record();
        let Some(history) = &parcel.history else { return };
        let Some(outline) = self.outline(cluster, record, history) else { return };
        for pieces in &outline.streams {
            let (count, mut digest) = self.longest(pieces);
            for piece in pieces.iter().skip(count) {
                digest = digest.then(&Chain::sum(&piece_at(record, piece.at.clone())));
                self.remember(piece.key, digest);
            }
        }
        self.note(
            &outline,
            record.get(history.body.clone()).unwrap_or_default(),
            history.body.start,
        );
        history.outline.replace(None);
    }

    /// Notes how this body begins, for the next.
    fn note(&mut self, outline: &Outline, body: &[u8], body_at: usize) {
        let messages = outline.messages.and_then(|at| outline.streams.get(at));
        let Some(pieces) = messages else { return };
        let Some(first) = pieces.first() else { return };
        let Some(clean) = pieces.iter().take_while(|piece| !piece.is_marked).last() else { return };
        let within = |at: usize| at.saturating_sub(body_at);
        let (start, end) = (within(first.at.start), within(clean.at.end));
        let (mut hasher, from) = outline.passed.unwrap_or((self.hasher, 0));
        hasher.write(body.get(from..end).unwrap_or_default());
        let hash = hasher.finish128().as_u128();
        if self.last.len() >= SESSIONS {
            self.last.clear();
        }
        self.last.insert(outline.begin, Last { start, end, hash, key: clean.key });
        self.account();
    }

    /// A sink does not have what its answers said.
    pub(super) fn forget(&mut self, cluster: &str, parcel: &Parcel) {
        let record = parcel.message.record();
        let Some(history) = &parcel.history else { return };
        let begin = self.begin(cluster, &history.session);
        self.last.remove(&begin);
        history.outline.replace(None);
        let Some(outline) = self.read(begin, record, history, None) else { return };
        for piece in outline.streams.iter().flatten() {
            self.young.remove(&piece.key);
            self.old.remove(&piece.key);
        }
        self.account();
    }

    /// A sink no longer says that it takes folded parts.
    pub(super) fn no_longer_folding(&mut self, cluster: &str) {
        self.folding.remove(cluster);
    }

    /// What of a part may come back. Kept with the part until it is acknowledged.
    fn outline(&mut self, cluster: &str, record: &[u8], history: &History) -> Option<Rc<Outline>> {
        let begin = self.begin(cluster, &history.session);
        let kept = history.outline.borrow().clone().filter(|kept| kept.begin == begin);
        // The beginning that it passed over may have been forgotten since.
        let is_known = |memory: &mut Self, outline: &Outline| {
            let pieces = outline.messages.and_then(|at| outline.streams.get(at));
            let first = pieces.and_then(|pieces| pieces.first());
            outline.passed.is_none()
                || first.is_some_and(|first| memory.digest(first.key).is_some())
        };
        if let Some(kept) = kept.filter(|kept| is_known(self, kept)) {
            return Some(kept);
        }
        let passed = self.passed(begin, record, history);
        let outline = Rc::new(self.read(begin, record, history, passed)?);
        history.outline.replace(Some(Rc::clone(&outline)));
        Some(outline)
    }

    /// The messages with which the session's last body began, if this one begins with the same bytes
    /// and the sink has them.
    fn passed(
        &mut self,
        begin: u128,
        record: &[u8],
        history: &History,
    ) -> Option<(SipHasher13, Last)> {
        let last = *self.last.get(&begin)?;
        self.digest(last.key)?;
        let mut hasher = self.hasher;
        hasher.write(record.get(history.body.clone())?.get(..last.end)?);
        (hasher.finish128().as_u128() == last.hash).then_some((hasher, last))
    }

    fn begin(&self, cluster: &str, session: &[u8]) -> u128 {
        let mut hasher = self.hasher;
        hasher.write_usize(cluster.len());
        hasher.write(cluster.as_bytes());
        hasher.write(session);
        hasher.finish128().as_u128()
    }

    fn read(
        &self,
        begin: u128,
        record: &[u8],
        history: &History,
        passed: Option<(SipHasher13, Last)>,
    ) -> Option<Outline> {
        let body = &history.body;
        let place = |last: &Last| {
            let within = |at: usize| body.start.checked_add(at);
            Some(within(last.start)?..within(last.end)?)
        };
        let behind = passed.and_then(|(hasher, last)| {
            let (cut, frame) = Cut::behind(record, body, &place(&last)?)?;
            Some((cut, frame, (hasher, last)))
        });
        let (cut, frame, passed) = match behind {
            Some((cut, frame, passed)) => (cut, frame, Some(passed)),
            None => {
                let text = std::str::from_utf8(record.get(body.clone())?).ok()?;
                let cut = Cut::of(record, Some(text));
                let frame = Pieces::at(record, &cut).frame;
                (cut, frame, None)
            }
        };
        let messages = cut.messages();
        let streams = cut.streams().enumerate().map(|(number, places)| {
            let (mut key, mut bytes) = (begin, 0_usize);
            let pieces = places.iter().enumerate().map(|(piece, at)| {
                let known = passed.filter(|_| piece == 0 && messages == Some(number));
                if let Some((_, last)) = known {
                    (key, bytes) = (last.key, at.len());
                    return Piece { at: at.clone(), key, bytes, is_marked: false };
                }
                let text = piece_at(record, at.clone());
                let mut hasher = self.hasher;
                hasher.write_u128(key);
                hasher.write(&text);
                key = hasher.finish128().as_u128();
                bytes = bytes.saturating_add(text.len());
                Piece { at: at.clone(), key, bytes, is_marked: text.len() != at.len() }
            });
            pieces.collect()
        });
        let streams = streams.collect();
        let passed = passed.map(|(hasher, last)| (hasher, last.end));
        Some(Outline { begin, frame, streams, messages, passed })
    }

    /// How many pieces are known together, and their digest.
    fn longest(&mut self, pieces: &[Piece]) -> (usize, Chain) {
        for (last, piece) in pieces.iter().enumerate().rev() {
            if let Some(digest) = self.digest(piece.key) {
                return (last.saturating_add(1), digest);
            }
        }
        (0, Chain::default())
    }

    fn digest(&mut self, key: u128) -> Option<Chain> {
        if let Some(digest) = self.young.get(&key) {
            return Some(*digest);
        }
        let digest = self.old.remove(&key)?;
        self.remember(key, digest);
        Some(digest)
    }

    fn remember(&mut self, key: u128, digest: Chain) {
        if self.young.len() >= self.capacity / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, digest);
        self.account();
    }

    fn account(&mut self) {
        let entries =
            self.young.len().saturating_add(self.old.len()).saturating_add(self.last.len());
        self.charge.set(entries.saturating_mul(ENTRY));
    }
}

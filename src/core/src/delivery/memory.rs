//! What each sink has of each session's texts, as far as its answers say so.
//!
//! ```text
//! acknowledged by a sink that takes folded parts ─▶ learn: piece by piece, what it has
//! next turn ─▶ fold: one digest for the longest beginning that it has, then what is new
//! it does not know the digest ─▶ forget, and the part goes out whole
//! ```
//!
//! Beginnings are known here by a keyed 128-bit hash (SipHash-1-3, the VM's own random key) over
//! sink, session and pieces; SHA-256 is computed for what is new alone. Bounded: when the younger
//! half is full, the older is forgotten, and what is forgotten travels once more.

use crate::budget::Charge;
use crate::exchange::{History, Parcel};
use hansard_record::fold::{Chain, Cut, FOLDED_KEY, Folded, Known, Pieces, Stream, piece_at};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::collections::{HashMap, HashSet};
use std::hash::Hasher;
use std::ops::Range;

/// Beginnings of texts that are remembered.
const CAPACITY: usize = 1 << 16;
/// What one takes, the table's spare room counted.
const ENTRY: usize = 96;
/// Less than this is not worth a digest.
const LEAST: usize = 512;

/// What the sinks of one VM have.
#[derive(Debug)]
pub struct Memory {
    hasher: SipHasher13,
    /// Clusters whose sinks take folded parts.
    folding: HashSet<String>,
    young: HashMap<u128, Chain>,
    old: HashMap<u128, Chain>,
    pub(super) capacity: usize,
    charge: Charge,
}

/// A part's texts that come back, hashed.
struct Outline {
    frame: Vec<u8>,
    streams: Vec<Vec<Piece>>,
}

struct Piece {
    at: Range<usize>,
    /// Of this piece and all before it, at one sink.
    key: u128,
    /// Bytes of this piece and all before it.
    bytes: usize,
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
        let folded = Folded { frame: outline.frame.into(), streams }.encode()?;
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
    }

    /// A sink does not have what its answers said.
    pub(super) fn forget(&mut self, cluster: &str, parcel: &Parcel) {
        let record = parcel.message.record();
        let Some(history) = &parcel.history else { return };
        let Some(outline) = self.outline(cluster, record, history) else { return };
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

    fn outline(&self, cluster: &str, record: &[u8], history: &History) -> Option<Outline> {
        let body = std::str::from_utf8(record.get(history.body.clone())?).ok()?;
        let cut = Cut::of(record, Some(body));
        let pieces = Pieces::at(record, &cut);
        let mut begin = self.hasher;
        begin.write_usize(cluster.len());
        begin.write(cluster.as_bytes());
        begin.write(&history.session);
        let begin = begin.finish128().as_u128();
        let mut streams = Vec::with_capacity(pieces.streams.len());
        for (texts, places) in pieces.streams.iter().zip(cut.streams()) {
            let (mut key, mut bytes) = (begin, 0_usize);
            let pieces = texts.iter().zip(places).map(|(text, at)| {
                let mut hasher = self.hasher;
                hasher.write_u128(key);
                hasher.write(text);
                key = hasher.finish128().as_u128();
                bytes = bytes.saturating_add(text.len());
                Piece { at: at.clone(), key, bytes }
            });
            streams.push(pieces.collect());
        }
        Some(Outline { frame: pieces.frame, streams })
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
        let entries = self.young.len().saturating_add(self.old.len());
        self.charge.set(entries.saturating_mul(ENTRY));
    }
}

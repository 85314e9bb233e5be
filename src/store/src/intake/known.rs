//! What the parts that are on disk have brought: whether one more can be acknowledged before the
//! database has been asked.
//!
//! A part that leaves out what its session has, or whose number came before, may be one that the
//! ledger has to refuse or to set aside. Here stands enough to be certain of nearly all that it will
//! not; of what is left, only the ledger's own answer counts.

use crate::error::StoreError;
use crate::incoming::{Incoming, Kind, NewPart};
use hansard_record::BootId;
use hansard_record::fold::Chain;
use rusqlite::Connection;
use std::collections::HashMap;

/// Texts that are kept in mind, twice over: about 32 MB.
const MOST: usize = 1 << 17;

/// A session's id, and the digest of a text of it.
type Place = (String, Chain);

/// What is known of boots and sessions.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The highest number of each VM.
    highest: HashMap<BootId, i64>,
    /// Bytes of each text; when there are too many, those before the last ones are forgotten.
    texts: HashMap<Place, usize>,
    before: HashMap<Place, usize>,
}

impl Known {
    /// The numbers that the ledger has.
    pub(crate) fn load(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let mut boots = connection.prepare("SELECT boot, highest FROM boots")?;
        let mut rows = boots.query([])?;
        while let Some(row) = rows.next()? {
            if let Some(boot) = row.get_ref(0)?.as_str().ok().and_then(|boot| boot.parse().ok()) {
                self.highest.insert(boot, row.get(1)?);
            }
        }
        Ok(())
    }

    /// Forgets every text: a session was erased.
    pub(crate) fn forget(&mut self) {
        self.texts.clear();
        self.before.clear();
    }

    /// Whether the ledger will take all of these as parts of their own, one after the other. If it
    /// will, they count as taken from here on.
    pub(super) fn admits(&mut self, items: &[Incoming]) -> bool {
        let parts = items.iter().map(|item| match &item.0 {
            Kind::Part(part) => Some(&**part),
            Kind::Malformed(_) | Kind::Witness(_) | Kind::Telemetry(_) => None,
        });
        let Some(parts) = parts.collect::<Option<Vec<_>>>() else { return false };
        let mut highest: HashMap<BootId, i64> = HashMap::new();
        for part in &parts {
            let before = highest.get(&part.boot).or_else(|| self.highest.get(&part.boot));
            if part.seq <= before.copied().unwrap_or(0) || !self.has_all(part) {
                return false;
            }
            highest.insert(part.boot, part.seq);
        }
        for part in parts {
            self.take(part);
        }
        true
    }

    /// Parts that the ledger took as its own, each of them, before they were acknowledged.
    pub(crate) fn learn(&mut self, items: &[Incoming]) {
        for item in items {
            if let Kind::Part(part) = &item.0 {
                self.take(part);
            }
        }
    }

    /// Numbers that go to the ledger another way.
    pub(super) fn saw(&mut self, items: &[Incoming]) {
        for item in items {
            if let Kind::Part(part) = &item.0 {
                self.number(part);
            }
        }
    }

    fn has_all(&self, part: &NewPart) -> bool {
        part.content.streams.iter().filter_map(|stream| stream.known).all(|known| {
            let Some(introduction) = &part.introduction else { return false };
            let place = (introduction.session.clone(), known.digest);
            let bytes = self.texts.get(&place).or_else(|| self.before.get(&place));
            bytes == Some(&known.bytes)
        })
    }

    fn number(&mut self, part: &NewPart) {
        let highest = self.highest.entry(part.boot).or_default();
        *highest = part.seq.max(*highest);
    }

    fn take(&mut self, part: &NewPart) {
        self.number(part);
        let Some(introduction) = &part.introduction else { return };
        for stream in &part.content.streams {
            let known = stream.known.map(|known| (known.digest, known.bytes));
            let mut bytes = known.map_or(0, |(_, bytes)| bytes);
            let pieces = stream.pieces.iter().map(|piece| {
                bytes = bytes.saturating_add(piece.text.len());
                (piece.digest, bytes)
            });
            for (digest, bytes) in known.into_iter().chain(pieces) {
                self.texts.insert((introduction.session.clone(), digest), bytes);
            }
        }
        if self.texts.len() > MOST {
            self.before = std::mem::take(&mut self.texts);
        }
    }
}

//! A text that is still coming.
//!
//! ```text
//! fed        ───────────── decided ── held ──┤ what comes next
//! released    ◀────────────┘         └─ could be the begin of something
//! ```
//!
//! The scan says up to where the text is decided; the rest stays here, and is scanned again with
//! what comes next. What is held is a few bytes, unless something is being found: then at most the
//! longest match (16 KB). When much is held, more must come before it is looked at again, so that a
//! text in small pieces costs a few times what it costs whole, and not its length times.

use crate::engine::{CONTEXT, Engine, Resume};
use crate::hit::Hit;

/// So many undecided bytes are looked at again with whatever comes.
const FEW: usize = 256;
/// More of them wait until they have grown by one part in this many.
const GROWTH: usize = 2;

/// The undecided end of a text, with a little of what stands before it.
#[derive(Debug, Default)]
pub struct TextStream {
    held: Vec<u8>,
    from: Resume,
    /// Undecided bytes that were looked at.
    open: usize,
    /// The offset in the whole text at which `held` begins.
    base: usize,
}

impl TextStream {
    /// Takes in more of the text. Adds what was found, by offsets in the whole text; the offset up
    /// to which it is decided comes back.
    pub fn feed(&mut self, engine: &mut Engine, more: &[u8], hits: &mut Vec<Hit>) -> usize {
        self.held.extend_from_slice(more);
        let undecided = self.held.len().saturating_sub(self.from.at);
        let is_due = self.open <= FEW || undecided.saturating_sub(self.open) >= self.open / GROWTH;
        if is_due { self.scan(engine, false, hits) } else { self.decided() }
    }

    /// The text is at its end: all of it is decided.
    pub fn finish(&mut self, engine: &mut Engine, hits: &mut Vec<Hit>) -> usize {
        self.scan(engine, true, hits)
    }

    /// Bytes of memory held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.held.capacity()
    }

    fn scan(&mut self, engine: &mut Engine, complete: bool, hits: &mut Vec<Hit>) -> usize {
        let mut found = Vec::new();
        self.from = engine.scan(&self.held, self.from, complete, &mut found);
        hits.extend(found.iter().map(|finding| {
            let mut hit = Hit::new(engine, &self.held, finding);
            hit.at.start = hit.at.start.saturating_add(self.base);
            hit.at.end = hit.at.end.saturating_add(self.base);
            hit
        }));
        let decided = self.decided();
        self.open = self.held.len().saturating_sub(self.from.at);
        let past = self.from.at.saturating_sub(CONTEXT);
        self.held.drain(..past.min(self.held.len()));
        self.base = self.base.saturating_add(past);
        self.from.at = self.from.at.saturating_sub(past);
        decided
    }

    fn decided(&self) -> usize {
        self.base.saturating_add(self.from.at)
    }
}

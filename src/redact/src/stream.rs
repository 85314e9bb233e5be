//! A text that is still coming.
//!
//! ```text
//! fed        ───────────── decided ── held ──┤ what comes next
//! released    ◀────────────┘         └─ could be the begin of something
//! ```
//!
//! The scan says up to where the text is decided; the rest stays here, and is scanned again with
//! what comes next. What is held is a few bytes, unless something is being found: then at most the
//! longest match (16 KB).

use crate::engine::{CONTEXT, Engine, Resume};
use crate::hit::Hit;

/// The undecided end of a text, with a little of what stands before it.
#[derive(Debug, Default)]
pub struct TextStream {
    held: Vec<u8>,
    from: Resume,
    /// The offset in the whole text at which `held` begins.
    base: usize,
}

impl TextStream {
    /// Takes in more of the text. Adds what was found, by offsets in the whole text; the offset up
    /// to which it is decided comes back.
    pub fn feed(&mut self, engine: &mut Engine, more: &[u8], hits: &mut Vec<Hit>) -> usize {
        self.held.extend_from_slice(more);
        self.scan(engine, false, hits)
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
        let decided = self.base.saturating_add(self.from.at);
        let past = self.from.at.saturating_sub(CONTEXT);
        self.held.drain(..past.min(self.held.len()));
        self.base = self.base.saturating_add(past);
        self.from.at = self.from.at.saturating_sub(past);
        decided
    }
}

//! When events that have passed go on record before their stream ends.
//!
//! ```text
//! log of events   0 ───── told ───────────── passed ─────── logged
//!                 │ in parts  │ one part, once   │ withheld, in no part
//!                               old or much enough
//! ```
//!
//! Each event goes into one such part, so what they cost grows with the stream and no faster.

use crate::config::Pace as Measure;
use std::ops::Range;

/// How far one stream's events are on record, and since when the others wait to be.
#[derive(Debug)]
pub(super) struct Pace {
    measure: Measure,
    /// Offset in the log.
    told: usize,
    /// When the first event behind it passed; `None` while none has.
    since: Option<u64>,
}

impl Pace {
    pub(super) fn new(measure: Measure) -> Self {
        Self { measure, told: 0, since: None }
    }

    /// The log has passed up to an offset.
    pub(super) fn passed(&mut self, to: usize, now: u64) {
        if self.told < to {
            self.since.get_or_insert(now);
        }
    }

    /// Whether what has passed is to be told now.
    pub(super) fn is_due(&self, to: usize, now: u64) -> bool {
        let is_old = |since| now.saturating_sub(since) >= self.measure.every_ms;
        self.since.is_some_and(is_old) || to.saturating_sub(self.told) >= self.measure.bytes
    }

    /// The piece of the log that is to be told.
    pub(super) fn untold(&self, to: usize) -> Range<usize> {
        self.told..to
    }

    /// It is in a part.
    pub(super) fn told(&mut self, to: usize) {
        self.told = to;
        self.since = None;
    }
}

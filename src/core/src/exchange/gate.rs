//! What of a stream may pass, and what is withheld.
//!
//! ```text
//! offset    0 ───────── released ────── first point ───── fed
//!           │ passed     │ held, free    │ held: waits │
//!                         (goes next)      for a part
//! ```
//!
//! Whole events come in, as they are to pass, and pass in order, up to the first point whose part is
//! not acknowledged.

use std::collections::VecDeque;

/// What may go on to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pass {
    /// The chunk as it came.
    Unchanged,
    /// These bytes in its place.
    Bytes(Vec<u8>),
}

#[derive(Debug, Default)]
pub(super) struct Gate {
    held: Vec<u8>,
    released: u64,
    fed: u64,
    ended: bool,
    points: VecDeque<Point>,
}

#[derive(Debug)]
struct Point {
    at: u64,
    /// How much of the log of events stands before it.
    logged: usize,
    /// The part that it waits for; `None` until that part is written.
    part: Option<u64>,
}

impl Gate {
    /// The offset at which the next event begins.
    pub(super) fn fed(&self) -> u64 {
        self.fed
    }

    /// Nothing from an offset on passes before a part is acknowledged; `logged` is how much of the log
    /// of events stands before it.
    pub(super) fn wait(&mut self, at: u64, logged: usize, part: Option<u64>) {
        self.points.push_back(Point { at, logged, part });
    }

    /// The stream has ended: its last point, or its very end, waits for a part.
    pub(super) fn end(&mut self, part: u64) {
        self.ended = true;
        match self.points.iter_mut().find(|point| point.part.is_none()) {
            Some(point) => point.part = Some(part),
            None => self.wait(self.fed, usize::MAX, Some(part)),
        }
    }

    /// Takes in whole events.
    pub(super) fn push(&mut self, events: &[u8]) {
        self.held.extend_from_slice(events);
        self.fed = self.fed.saturating_add(events.len() as u64);
    }

    /// A part was acknowledged; what may pass now.
    pub(super) fn acknowledged(&mut self, part: u64) -> Vec<u8> {
        self.points.retain(|point| point.part != Some(part));
        self.release()
    }

    /// Whether anything waits for this part.
    pub(super) fn waits_for(&self, part: u64) -> bool {
        self.points.iter().any(|point| point.part == Some(part))
    }

    /// How much of the log stands before the first point that waits; `None` while none does.
    pub(super) fn logged(&self) -> Option<usize> {
        self.points.front().map(|point| point.logged)
    }

    /// Whether a point waits.
    pub(super) fn is_waiting(&self) -> bool {
        !self.points.is_empty()
    }

    /// Bytes withheld.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// The bytes between what was released and what may be.
    fn free(&self) -> usize {
        let frontier = match self.points.front() {
            // After the end everything goes together, or its end would be lost on the way.
            Some(_) if self.ended => self.released,
            Some(point) => point.at,
            None => self.fed,
        };
        usize::try_from(frontier.saturating_sub(self.released)).unwrap_or(usize::MAX)
    }

    /// What may pass now.
    pub(super) fn release(&mut self) -> Vec<u8> {
        let rest = self.held.split_off(self.free().min(self.held.len()));
        let pass = std::mem::replace(&mut self.held, rest);
        self.released += pass.len() as u64;
        pass
    }
}

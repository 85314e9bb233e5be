//! A second pair of hands for the ledger: while it writes one part, those behind it are compressed and
//! sealed by another thread.
//!
//! ```text
//! ledger   part 1 · part 2 · part 3 · part 4 …   whatever is not sealed yet it seals itself
//! helper            part 3 · part 4 · part 5 …   never behind the ledger
//! ```

use crate::content::{Content, Effort, Given};
use crate::yields;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Parts from which on a thread is worth its making.
const WORTH: usize = 8;
/// No part stands there.
const OVER: usize = usize::MAX;

/// A part of a group, and what its session has of those before.
pub(crate) struct Likely<'g> {
    /// Which of the group's parts it is.
    pub(crate) place: usize,
    pub(crate) content: &'g Content,
    pub(crate) given: Given,
}

/// How far the ledger is in its group. Dropped, it is through.
pub(crate) struct Reached<'a>(&'a AtomicUsize);

impl Reached<'_> {
    /// The ledger comes to a part.
    pub(crate) fn part(&self, place: usize) {
        self.0.store(place, Ordering::Relaxed);
    }
}

impl Drop for Reached<'_> {
    fn drop(&mut self) {
        self.part(OVER);
    }
}

/// Does what the ledger does with a group, with help.
pub(crate) fn with<T>(
    ahead: &[Likely<'_>],
    effort: Effort,
    store: impl FnOnce(Reached<'_>) -> T,
) -> T {
    let reached = AtomicUsize::new(0);
    let help = || {
        for Likely { place, content, given } in ahead {
            yields::to_others();
            content.seal_ahead(given, effort, || *place > reached.load(Ordering::Relaxed));
        }
    };
    thread::scope(|scope| {
        if ahead.len() >= WORTH {
            // Where the system gives no thread the ledger does all of it.
            let _ = thread::Builder::new().name("sealing".to_owned()).spawn_scoped(scope, help);
        }
        store(Reached(&reached))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Master;
    use hansard_record::fold::Folded;
    use std::borrow::Cow;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    #[test]
    fn what_lies_ahead_of_the_ledger_is_sealed_while_it_is_at_the_first_part() {
        let key = Arc::new(Master::new([7; 32]).make("s").unwrap().0);
        let given = Given { key, last: Arc::default() };
        let contents: Vec<_> = (0..20_u8)
            .map(|n| {
                let frame = Cow::Owned(vec![n; 100]);
                Content::from(Folded { frame, streams: Vec::new() })
            })
            .collect();
        let ahead = |range: std::ops::Range<usize>| -> Vec<_> {
            let given = &given;
            let parts = contents.iter().enumerate().skip(range.start).take(range.len());
            parts.map(|(place, content)| Likely { place, content, given: given.clone() }).collect()
        };
        // Too few for a thread.
        with(&ahead(0..7), Effort::Usual, |reached| reached.part(0));
        assert!(!contents[1].frame.is_sealed_ahead());
        let deadline = Instant::now() + Duration::from_secs(20);
        let last = with(&ahead(0..20), Effort::Usual, |reached| {
            reached.part(1);
            while !contents[19].frame.is_sealed_ahead() && Instant::now() < deadline {
                thread::yield_now();
            }
            contents[19].frame.is_sealed_ahead()
        });
        assert!(last);
        assert!(!contents[0].frame.is_sealed_ahead(), "the ledger begins with it");
    }
}

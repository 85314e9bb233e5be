//! The pass over a text, and where the next one has to begin.
//!
//! ```text
//! ──┤ found ├───── b s n : _ 1 2 3 ┄┄┄
//!           └ floor  ▲       ▲     └ the end so far
//!                    │       └ undecided: its answer asked for what has not come
//!                    └ resume here: the word names what is undecided
//! ```

use super::text::{Text, is_word, next_lead, word_end};
use super::{Hit, Kinds, Pii, email, number, words};
use std::cell::Cell;

/// What a question about one place knows.
pub(super) struct Scope<'t, 'h> {
    pub(super) text: &'t Text<'t>,
    pub(super) kinds: Kinds,
    /// Where this pass began: what stands before is context, and named its numbers already.
    pub(super) from: usize,
    /// The end of the last thing found: nothing begins before it any more.
    pub(super) floor: usize,
    found: &'h [Hit],
    /// No word before here reaches a number behind it: nobody looks for one twice.
    pub(super) nameless: &'h Cell<usize>,
}

impl Scope<'_, '_> {
    /// Whether an offset lies in something found by this pass.
    pub(super) fn is_found(&self, at: usize) -> bool {
        let mut last = self.found.iter().rev().skip_while(|hit| hit.start > at);
        last.next().is_some_and(|hit| at < hit.end)
    }
}

/// Scans `text[from..]`; of what stands before `from`, eight bytes are context.
///
/// Appends what is found, in order and without overlaps. Returns `safe`, from which a scan of the
/// longer text resumes: everything that begins before it was found, whatever follows; what begins
/// at or behind it was not appended, and comes again. With `complete` the text ends here and `safe`
/// is its end, else at most 400 bytes before. A scan may also resume earlier, at any offset that
/// lies between no hit's `from` and `end`.
pub fn scan(bytes: &[u8], from: usize, complete: bool, kinds: Kinds, hits: &mut Vec<Hit>) -> usize {
    let from = from.min(bytes.len());
    if kinds.is_empty() {
        return bytes.len();
    }
    let text = &Text::new(bytes, complete);
    let first = hits.len();
    let nameless = &Cell::new(from);
    let mut floor = from;
    let mut at = from;
    let mut safe = loop {
        at = next_lead(bytes, at);
        if at == bytes.len() {
            break if complete { at } else { open(text, floor) };
        }
        if is_idle(text, at) {
            at = past(bytes, at);
            continue;
        }
        text.ask();
        let found = hits.get(first..).unwrap_or_default();
        let hit = lead(&Scope { text, kinds, from, floor, found, nameless }, at);
        if text.is_starved() {
            let run = email::run(text, at, floor).unwrap_or(at);
            break run.min(at.saturating_sub(number::LEAD)).max(floor);
        }
        match hit {
            Some(hit) => {
                floor = hit.end;
                at = hit.end;
                hits.push(hit);
            }
            None => at = past(bytes, at),
        }
    };
    if !complete {
        let found = hits.get(first..).unwrap_or_default();
        safe = words::keep(&Scope { text, kinds, from, floor, found, nameless }, safe);
        while hits.len() > first && hits.last().is_some_and(|hit| hit.start >= safe) {
            hits.pop();
        }
    }
    safe
}

/// Whether nothing can stand at a lead, by the byte before it: as at most of those in code, `utf8`
/// and `x_1` and ` @property`.
fn is_idle(text: &Text<'_>, lead: usize) -> bool {
    let before = text.before(lead, 1);
    match text.at(lead) {
        b'@' => !is_word(before),
        _ => matches!(before, b'_' | b'0'..=b'9' | b'a'..=b'z'),
    }
}

/// Past a lead and the rest of its word: nothing begins within one.
fn past(bytes: &[u8], lead: usize) -> usize {
    word_end(bytes, lead).max(lead.saturating_add(1))
}

/// What stands at an `@` or digit. A number within an address is none.
fn lead(scope: &Scope<'_, '_>, at: usize) -> Option<Hit> {
    let Scope { text, kinds, floor, .. } = *scope;
    if text.at(at) == b'@' {
        let (start, end) =
            kinds.contains(Pii::Email).then(|| email::around(text, at, floor)).flatten()?;
        return Some(Hit { kind: Pii::Email, from: start, start, end });
    }
    let hit = number::around(scope, at)?;
    (hit.start >= floor && !email::takes(text, hit.end, floor)).then_some(hit)
}

/// Where something can begin whose lead has not come: a local part, a sign or letters in front of
/// a number.
fn open(text: &Text<'_>, floor: usize) -> usize {
    let end = text.bytes().len();
    let start = match email::run(text, end, floor) {
        Some(run) if run == end => end.saturating_sub(number::open(text, end)),
        Some(run) => run,
        None => end.saturating_sub(number::LEAD),
    };
    start.max(floor)
}

//! A history that says something else than was recorded.
//!
//! ```text
//! recorded    A  a  B  b  C         the branch that the history left
//! told        A  a' B  b  D         a' stands in the place of a; D is new
//! ```
//!
//! A user who goes back and asks something else also leaves a branch: that is a fork. What tells a
//! rewrite is that the history comes back to what was recorded, at something that only the model or
//! a tool can have said, or that it names a recorded call or answers in the model's place.

use crate::canonical::{Item, Role};
use crate::diff::unified;
use crate::model::Rewrite;
use crate::thread::{Followed, Threads};
use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;

/// What a comparison finds.
pub(crate) struct Verdict {
    pub(crate) rewrites: Vec<Rewrite>,
    /// Indices of the new items that are said, and not told in the place of others.
    pub(crate) said: HashSet<usize>,
    /// The last item that is as recorded.
    pub(crate) known: usize,
}

impl Verdict {
    /// Of a request that is not compared.
    pub(crate) fn all_said(followed: &Followed) -> Self {
        let said = (0..followed.fresh.len()).collect();
        Self { rewrites: Vec::new(), said, known: followed.known }
    }
}

/// Where a difference is: of the branch, and of what is told.
struct Change {
    recorded: Range<usize>,
    told: Range<usize>,
}

/// Compares what is new in a request with what was recorded in its place.
pub(crate) fn compare(threads: &Threads<'_>, followed: &Followed) -> Verdict {
    let told: Vec<&Item> = followed
        .fresh
        .iter()
        .filter_map(|fresh| followed.messages.get(fresh.message)?.items.get(fresh.item))
        .collect();
    let recorded: Vec<&Item> =
        followed.branch.iter().filter_map(|knot| threads.item(*knot)).collect();
    let cut = |place: usize| followed.branch.get(place).is_some_and(|knot| threads.cut(*knot));
    // Whether an item of the branch stands behind another of the same answer.
    let inner = |place: usize| {
        let before = place
            .checked_sub(1)
            .map_or(Some(followed.known), |before| followed.branch.get(before).copied());
        let shown = |knot: Option<usize>| knot.and_then(|knot| threads.shown(knot));
        let here = shown(followed.branch.get(place).copied());
        here.is_some_and(|(_, answered)| answered) && here == shown(before)
    };
    let (changes, rest, matched) = align(&recorded, &told, &cut, &inner);
    let known = matched.and_then(|place| followed.branch.get(place)).copied();
    let known = known.unwrap_or(followed.known);
    let mut said: HashSet<usize> = (rest..told.len()).collect();
    let mut rewrites = Vec::new();
    for change in changes {
        let words = |items: &[&Item], range: &Range<usize>| {
            let items = items.get(range.clone()).unwrap_or_default();
            items.iter().map(|item| item.words() + "\n").collect::<String>()
        };
        let place = change.recorded.start.min(followed.branch.len().saturating_sub(1));
        let turn = followed.branch.get(place).and_then(|knot| threads.shown(*knot));
        let message = followed.fresh.get(change.told.start.min(told.len().saturating_sub(1)));
        let diff = unified(&words(&recorded, &change.recorded), &words(&told, &change.told)).text;
        match (turn, message) {
            (Some((turn, _)), Some(fresh)) if !diff.is_empty() => rewrites.push(Rewrite {
                message: followed.first.saturating_add(fresh.message),
                turn,
                diff,
            }),
            _ => said.extend(change.told),
        }
    }
    Verdict { rewrites, said, known }
}

/// The changes, where what is said begins, and the last recorded item that was told as it is.
fn align(
    recorded: &[&Item],
    told: &[&Item],
    cut: &dyn Fn(usize) -> bool,
    inner: &dyn Fn(usize) -> bool,
) -> (Vec<Change>, usize, Option<usize>) {
    let mut by_digest: HashMap<_, VecDeque<usize>> = HashMap::new();
    let mut by_key: HashMap<_, VecDeque<usize>> = HashMap::new();
    for (place, item) in recorded.iter().enumerate() {
        if is_witness(item) {
            by_digest.entry(item.digest).or_default().push_back(place);
        }
        if let Some(key) = item.key() {
            by_key.entry(key).or_default().push_back(place);
        }
    }
    let mut changes = Vec::new();
    // All before is accounted for.
    let (mut at, mut open) = (0, 0);
    let mut matched = None;
    for (index, item) in told.iter().enumerate() {
        let next = recorded.get(at).filter(|_| open == index);
        let same = next.is_some_and(|next| next.digest == item.digest || next.same(item, cut(at)));
        let exact = if same { Some(at) } else { from(&mut by_digest, &item.digest, at) };
        let keyed = item.key().and_then(|key| from(&mut by_key, &key, at));
        let (place, changed) = match (exact, keyed) {
            (Some(place), _) => (place, false),
            (None, Some(place)) => {
                let is_same = recorded.get(place).is_some_and(|there| there.same(item, cut(place)));
                (place, !is_same)
            }
            (None, None) => continue,
        };
        let after = place.saturating_add(1);
        let mut change = Change { recorded: at..place, told: open..index };
        if changed {
            change = Change { recorded: at..after, told: open..index.saturating_add(1) };
        }
        if !(change.recorded.is_empty() && change.told.is_empty()) {
            changes.push(change);
        }
        at = after;
        open = index.saturating_add(1);
        matched = Some(place);
    }
    // The model is made to have said something else, or less, and nothing recorded follows.
    let answers = |items: &[&Item], from: usize| {
        items.iter().skip(from).take_while(|item| item.role == Role::Assistant).count()
    };
    let (recorded_answer, told_answer) = (answers(recorded, at), answers(told, open));
    let changed = told_answer > 0 || inner(at);
    if recorded_answer > 0 && !cut(at) && changed && open < told.len() {
        let end = open.saturating_add(told_answer);
        changes.push(Change { recorded: at..at.saturating_add(recorded_answer), told: open..end });
        open = end;
    }
    (changes, open, matched)
}

/// Only the model or a tool can have said it.
fn is_witness(item: &Item) -> bool {
    item.role == Role::Assistant || item.key().is_some()
}

/// The first place at or behind `at`.
fn from<K: std::hash::Hash + Eq>(
    places: &mut HashMap<K, VecDeque<usize>>,
    key: &K,
    at: usize,
) -> Option<usize> {
    let places = places.get_mut(key)?;
    while places.front().is_some_and(|place| *place < at) {
        places.pop_front();
    }
    places.front().copied()
}

//! Which conversation a request goes on with, and what is new in it.
//!
//! ```text
//! root ─ A ─ a ─ B ─ b          a knot for each item, said or answered, with the turn that showed it
//!          └ B'                 a history that leaves the known ones starts a branch
//! ```
//!
//! A turn is followed from the last message that an earlier turn had, byte for byte; from there its
//! items are compared (see `canonical`). Agents have roots of their own: two of them that are asked
//! the same are still two.

use crate::block::Piece;
use crate::canonical::{Item, Role, Utterance};
use crate::digest::Digest;
use crate::input::{ExchangeInput, History, NodeId, Spoken};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// Every conversation of a session.
pub(crate) struct Threads<'a> {
    history: &'a History,
    /// Messages, by the number of their text.
    read: HashMap<usize, Rc<Utterance>>,
    knots: Vec<Knot>,
    next: HashMap<(usize, Digest), usize>,
    /// Where a message of a root's history is.
    places: HashMap<(usize, NodeId), Place>,
    /// Digests of the messages up to each, as they stand.
    bytes: HashMap<NodeId, Digest>,
}

/// An item of a conversation, behind another.
struct Knot {
    parent: usize,
    /// Absent at a root.
    item: Option<(Rc<Utterance>, usize)>,
    /// The turn that showed it first.
    turn: usize,
    /// Whether that turn's answer holds it.
    answered: bool,
    /// Whether that answer may have broken off.
    cut: bool,
    /// The last turn whose request ends here.
    asked: Option<usize>,
    kids: Vec<usize>,
}

#[derive(Clone, Copy)]
struct Place {
    knot: usize,
    /// Messages up to there.
    messages: usize,
}

/// A request, followed.
pub(crate) struct Followed {
    /// The last item that was there before.
    pub(crate) known: usize,
    /// The request's last item.
    pub(crate) end: usize,
    /// Messages that were there before as a whole.
    pub(crate) carried: usize,
    /// The messages behind those that an earlier turn had byte for byte.
    pub(crate) messages: Vec<Rc<Utterance>>,
    /// The place of the first of these in the request.
    pub(crate) first: usize,
    /// The items among them that are new.
    pub(crate) fresh: Vec<Fresh>,
    /// What was recorded in their place, along the latest branch.
    pub(crate) branch: Vec<usize>,
}

/// An item that is new.
#[derive(Clone, Copy)]
pub(crate) struct Fresh {
    /// Index into the messages.
    pub(crate) message: usize,
    /// Index into the message's items.
    pub(crate) item: usize,
}

/// Branches at one point that a lenient comparison looks at.
const BRANCHES: usize = 8;
/// What of a branch is compared, beyond as much as is new.
const AHEAD: usize = 64;

impl<'a> Threads<'a> {
    pub(crate) fn new(history: &'a History) -> Self {
        Self {
            history,
            read: HashMap::new(),
            knots: Vec::new(),
            next: HashMap::new(),
            places: HashMap::new(),
            bytes: HashMap::new(),
        }
    }

    /// A conversation that knows nothing of the others.
    pub(crate) fn root(&mut self) -> usize {
        let parent = self.knots.len();
        self.knots.push(Knot {
            parent,
            item: None,
            turn: 0,
            answered: false,
            cut: false,
            asked: None,
            kids: Vec::new(),
        });
        parent
    }

    /// Follows a request. `keep`: whether later turns may go on from it.
    pub(crate) fn follow(
        &mut self,
        turn: usize,
        root: usize,
        tail: Option<NodeId>,
        keep: bool,
    ) -> Followed {
        let places = &self.places;
        let (base, way) = self.history.after(tail, |node| places.contains_key(&(root, node)));
        let start = base.and_then(|node| self.places.get(&(root, node)).copied());
        let start = start.unwrap_or(Place { knot: root, messages: 0 });
        let mut followed = Followed {
            known: start.knot,
            end: start.knot,
            carried: start.messages,
            first: start.messages,
            messages: Vec::with_capacity(way.len()),
            fresh: Vec::new(),
            branch: Vec::new(),
        };
        for (place, node) in way.iter().enumerate() {
            let message = self.utterance(*node);
            self.message(turn, &mut followed, place, &message, keep);
            if keep {
                let messages = start.messages.saturating_add(place).saturating_add(1);
                self.places.insert((root, *node), Place { knot: followed.end, messages });
            }
            if followed.fresh.is_empty() {
                followed.carried = followed.carried.saturating_add(1);
            }
            followed.messages.push(message);
        }
        let most = followed.fresh.len().saturating_mul(4).saturating_add(AHEAD);
        while let Some(next) = followed.branch.last().and_then(|last| self.latest(*last)) {
            if followed.branch.len() >= most {
                break;
            }
            followed.branch.push(next);
        }
        if let Some(knot) = self.knots.get_mut(followed.end).filter(|_| keep) {
            knot.asked = Some(turn);
        }
        followed
    }

    fn message(
        &mut self,
        turn: usize,
        followed: &mut Followed,
        place: usize,
        message: &Rc<Utterance>,
        keep: bool,
    ) {
        for (index, item) in message.items.iter().enumerate() {
            if followed.fresh.is_empty() {
                if let Some(kid) = self.kid(followed.end, item) {
                    followed.end = kid;
                    followed.known = kid;
                    continue;
                }
                followed.branch.extend(self.latest(followed.end));
            }
            followed.fresh.push(Fresh { message: place, item: index });
            if keep {
                followed.end =
                    self.push(followed.end, (Rc::clone(message), index), turn, false, false);
            }
        }
    }

    /// Adds a turn's answer behind its request.
    pub(crate) fn answer(&mut self, turn: usize, end: usize, pieces: &[Piece], cut: bool) -> usize {
        let message = Rc::new(Utterance::answered(pieces));
        let mut at = end;
        for index in 0..message.items.len() {
            at = self.push(at, (Rc::clone(&message), index), turn, true, cut);
        }
        at
    }

    /// The turn whose request or answer ends at or before a knot: what is said there extends it.
    pub(crate) fn owner(&self, mut at: usize) -> Option<usize> {
        while let Some(knot) = self.knots.get(at).filter(|knot| knot.item.is_some()) {
            match knot {
                Knot { answered: true, turn, .. } => return Some(*turn),
                Knot { asked: Some(turn), .. } => return Some(*turn),
                Knot { parent, .. } => at = *parent,
            }
        }
        None
    }

    /// Whether a turn showed a knot, in its answer or what was said; and which.
    pub(crate) fn shown(&self, at: usize) -> Option<(usize, bool)> {
        self.knots.get(at).map(|knot| (knot.turn, knot.answered))
    }

    /// Whether the answer that holds a knot may have broken off.
    pub(crate) fn cut(&self, at: usize) -> bool {
        self.knots.get(at).is_some_and(|knot| knot.cut)
    }

    pub(crate) fn item(&self, at: usize) -> Option<&Item> {
        let (message, index) = self.knots.get(at)?.item.as_ref()?;
        message.items.get(*index)
    }

    /// Whether the way from a root to a knot passes the end of a request.
    pub(crate) fn is_conversation(&self, at: usize) -> bool {
        self.owner(at).is_some()
    }

    /// Whether what stands at a knot, or last before it said by a model, was answered on record.
    pub(crate) fn in_answer(&self, mut at: usize) -> bool {
        while let Some(knot) = self.knots.get(at).filter(|knot| knot.item.is_some()) {
            if knot.answered {
                return true;
            }
            at = knot.parent;
        }
        false
    }

    /// The message before another.
    pub(crate) fn before(&self, node: NodeId) -> Option<NodeId> {
        self.history.node(node).and_then(|node| node.parent)
    }

    /// A digest of a request's body, byte for byte but for the member that asks for a stream.
    pub(crate) fn body(&mut self, exchange: &ExchangeInput, spoken: &Spoken) -> Digest {
        let messages = spoken.messages.map(|tail| self.bytes(tail)).unwrap_or_default();
        let text = |json: &Option<Arc<str>>| json.as_deref().unwrap_or_default().to_owned();
        let (system, tools) = (text(&spoken.system), text(&spoken.tools));
        let head = [&exchange.path, &spoken.marks, &system, &tools];
        let rest = spoken.rest.iter().filter(|(name, _)| name != "stream");
        let rest = rest.flat_map(|(name, value)| [name, value]);
        let fields = head.into_iter().chain(rest).map(|field| field.as_bytes());
        Digest::of([messages.0.as_slice()].into_iter().chain(fields))
    }

    /// A digest of the messages up to a node, as they stand.
    fn bytes(&mut self, tail: NodeId) -> Digest {
        let known = &self.bytes;
        let (base, way) = self.history.after(Some(tail), |node| known.contains_key(&node));
        let mut at = base.and_then(|base| self.bytes.get(&base).copied()).unwrap_or_default();
        for node in way {
            at = at.then(Digest::of([self.history.text(node).as_bytes()]));
            self.bytes.insert(node, at);
        }
        at
    }

    pub(crate) fn utterance(&mut self, node: NodeId) -> Rc<Utterance> {
        let Some(text) = self.history.node(node).map(|node| node.text) else {
            return Rc::new(Utterance::read(""));
        };
        let history = self.history;
        let read =
            self.read.entry(text).or_insert_with(|| Rc::new(Utterance::read(history.text(node))));
        Rc::clone(read)
    }

    fn push(
        &mut self,
        parent: usize,
        item: (Rc<Utterance>, usize),
        turn: usize,
        answered: bool,
        cut: bool,
    ) -> usize {
        let digest = item.0.items.get(item.1).map(|item| item.digest).unwrap_or_default();
        if let Some(there) = self.next.get(&(parent, digest)) {
            return *there;
        }
        let at = self.knots.len();
        self.knots.push(Knot {
            parent,
            item: Some(item),
            turn,
            answered,
            cut,
            asked: None,
            kids: Vec::new(),
        });
        self.next.insert((parent, digest), at);
        if let Some(knot) = self.knots.get_mut(parent) {
            knot.kids.push(at);
        }
        at
    }

    /// The knot behind another that says the same as an item.
    fn kid(&mut self, at: usize, item: &Item) -> Option<usize> {
        if let Some(kid) = self.next.get(&(at, item.digest)) {
            return Some(*kid);
        }
        let kids = &self.knots.get(at)?.kids;
        let same =
            |kid: &usize| self.item(*kid).is_some_and(|there| there.same(item, self.cut(*kid)));
        let kid = kids.iter().rev().take(BRANCHES).copied().find(same)?;
        self.next.insert((at, item.digest), kid);
        Some(kid)
    }

    /// What came last behind a knot.
    fn latest(&self, at: usize) -> Option<usize> {
        self.knots.get(at)?.kids.last().copied()
    }
}

/// A digest of the conversation up to the end of each message. A request continues an exchange when
/// the exchange's [`tail_digest`] is among those of the request.
#[must_use]
pub fn prefix_digests(history: &History, messages: Option<NodeId>) -> Vec<Digest> {
    let (_, way) = history.after(messages, |_| false);
    let mut at = Digest::default();
    let digest = |node: NodeId| {
        let message = Utterance::read(history.text(node));
        at = message.items.iter().fold(at, |at, item| at.then(item.digest));
        at
    };
    way.into_iter().map(digest).collect()
}

/// A digest of an exchange's conversation, its answer included; `None` when it was not answered.
#[must_use]
pub fn tail_digest(
    history: &History,
    messages: Option<NodeId>,
    answer: &[Piece],
) -> Option<Digest> {
    let answer = Utterance::answered(answer);
    let said = answer.items.iter().any(|item| item.role == Role::Assistant && !is_error(item));
    let before = prefix_digests(history, messages).last().copied().unwrap_or_default();
    said.then(|| answer.items.iter().fold(before, |at, item| at.then(item.digest)))
}

fn is_error(item: &Item) -> bool {
    matches!(&item.piece, Piece::Other { kind, .. } if kind == "error")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(messages: &[&str]) -> (History, Option<NodeId>) {
        let mut history = History::default();
        let end = messages.iter().fold(None, |parent, text| Some(history.push(parent, text)));
        (history, end)
    }

    const ASKED: &str = r#"{"role":"user","content":"one"}"#;
    const ANSWERED: &str = r#",{"role":"assistant","content":[{"type":"text","text":"two"}]}"#;
    const THEN: &str = r#", {"role":"user","content":"three"}"#;

    #[test]
    fn a_request_continues_the_exchange_whose_tail_it_holds() {
        let (first, end) = history(&[ASKED]);
        let tail =
            tail_digest(&first, end, &[Piece::Thinking("t".into()), Piece::Text("two".into())]);
        let (second, end) = history(&[ASKED, ANSWERED, THEN]);
        let prefixes = prefix_digests(&second, end);
        assert_eq!(prefixes.len(), 3);
        assert_eq!(prefixes.get(1).copied(), tail);
        let (other, end) = history(&[THEN, ANSWERED, ASKED]);
        assert!(!prefix_digests(&other, end).contains(&tail.unwrap()));
        assert_eq!(tail_digest(&first, None, &[]), None);
    }

    #[test]
    fn only_what_is_new_is_followed() {
        let mut all = History::default();
        let first = all.push(None, ASKED);
        let marked = r#"{"role":"user","content":[{"type":"text","text":"one"}]}"#;
        let second = all.push(None, marked);
        let second = all.push(Some(second), ANSWERED);
        let second = all.push(Some(second), THEN);
        let mut threads = Threads::new(&all);
        let root = threads.root();
        let turn = threads.follow(0, root, Some(first), true);
        assert_eq!((turn.carried, turn.fresh.len()), (0, 1));
        threads.answer(0, turn.end, &[Piece::Text("two".into())], false);
        let turn = threads.follow(1, root, Some(second), true);
        assert_eq!((turn.carried, turn.fresh.len(), turn.first), (2, 1, 0));
        assert_eq!(threads.owner(turn.known), Some(0));
        let again = threads.follow(2, root, Some(second), true);
        assert_eq!((again.carried, again.fresh.len(), again.messages.len()), (3, 0, 0));
        let elsewhere = threads.root();
        assert_eq!(threads.follow(3, elsewhere, Some(second), true).carried, 0);
    }
}

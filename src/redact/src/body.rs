//! A JSON text with every value found in it, and the two texts that come of it: what goes over the
//! wire, and what goes on record.
//!
//! Every string is scanned as it reads once its escapes are resolved: names and values, wherever
//! they stand. What is found is put back by its place in the raw text, so nothing else changes.

use crate::change::splice;
pub use crate::change::{Change, Changed, quoted_content};
use crate::engine::{Action, Engine, Map, PLACEHOLDER};
use crate::hit::{Hit, Tallies};
use crate::json::{Frame, InvalidJson, Place, Visitor, unescape, walk};
use crate::redacted::Redacted;
use crate::seen::{self, Seen};
use crate::way::{Restores, Way};
use std::borrow::Cow;
use std::ops::Range;
use std::rc::Rc;

/// Stands for a detector where media are left out of the record.
const MEDIA: usize = usize::MAX - 1;
/// Values that one text may hold.
const MOST_HITS: usize = 50_000;

/// What may be done with a member's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treat {
    /// Whatever the detector's action says.
    Alter,
    /// Signed, or matched by somebody: it passes as it is or not at all.
    Signed,
    /// Bytes in base64, not text.
    Media,
}

/// Tells members apart whose values must not be altered.
pub trait Guide {
    /// What may be done with a member. `kind` is its object's `type`, when it has just one.
    fn treat(&self, path: &Path<'_>, kind: Option<&[u8]>) -> Treat;
}

/// The way to a member, from the text's root; names as they stand in the text.
#[derive(Clone, Copy, Debug)]
pub struct Path<'a> {
    text: &'a [u8],
    stack: &'a [Frame],
    name: &'a [u8],
    value: &'a [u8],
}

/// A step of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Into a member of this name.
    Name(&'a [u8]),
    /// Into a list, at this index.
    Index(usize),
}

impl<'a> Path<'a> {
    /// The steps to the object that the member is of.
    pub fn steps(&self) -> impl Iterator<Item = Step<'a>> + use<'a> {
        let (text, stack) = (self.text, self.stack);
        let outer = stack.len().saturating_sub(1);
        stack.iter().take(outer).map(move |frame| match frame {
            Frame::Object(name) => Step::Name(text.get(name.clone()).unwrap_or_default()),
            Frame::List(index) => Step::Index(*index),
        })
    }

    /// The member's name.
    #[must_use]
    pub fn name(&self) -> &'a [u8] {
        self.name
    }

    /// The value that was looked at: a string's content as it stands.
    #[must_use]
    pub fn value(&self) -> &'a [u8] {
        self.value
    }
}

/// Nothing is exempt.
#[derive(Clone, Copy, Debug)]
pub struct Everything;

impl Guide for Everything {
    fn treat(&self, _: &Path<'_>, _: Option<&[u8]>) -> Treat {
        Treat::Alter
    }
}

/// What came of a text.
#[derive(Debug, Default)]
pub struct Body {
    /// What is to change, in order and apart.
    pub changes: Vec<Change>,
    /// What was found.
    pub tallies: Tallies,
    /// The first value that must not pass: which rule, and where.
    pub blocked: Option<(usize, String)>,
    /// Placeholders that went over the wire, and what they stand for.
    pub restores: Restores,
    /// Strings that are pieces of longer texts, and were not looked at.
    pub pieces: Vec<Piece>,
}

/// A string that is a piece of a longer text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The member's name, as it stands.
    pub name: Range<usize>,
    /// The string's content, as it stands.
    pub content: Range<usize>,
}

impl Body {
    /// What goes over the wire; `None`: the text as it is.
    #[must_use]
    pub fn wire(&self, text: &[u8]) -> Option<Vec<u8>> {
        splice(text, 0..text.len(), self.changes.iter().filter(|change| change.wire))
    }

    /// What goes on record.
    #[must_use]
    pub fn record<'a>(&self, text: &'a [u8]) -> Redacted<Cow<'a, [u8]>> {
        let changed =
            splice(text, 0..text.len(), self.changes.iter().filter(|change| change.record));
        Redacted::new(changed.map_or(Cow::Borrowed(text), Cow::Owned))
    }
}

/// Why a text was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is not JSON that this gateway reads.
    Invalid(InvalidJson),
    /// It holds too many values.
    TooMany,
}

/// How a JSON text is read.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a, G> {
    /// Tells members apart that must not be altered.
    pub guide: &'a G,
    /// Which way the text goes.
    pub way: Way<'a>,
    /// A value in a member that must not be altered does not pass; else it passes, and is redacted
    /// on record.
    pub blocks_signed: bool,
    /// Media are left out of the record.
    pub drops_media: bool,
    /// The outermost object's member whose own string members are pieces of longer texts.
    pub streamed: Option<&'a [u8]>,
}

/// Redacts a JSON text.
///
/// # Errors
/// [`Refusal`].
pub fn redact(
    engine: &mut Engine,
    seen: &mut Seen,
    text: &str,
    reading: Reading<'_, impl Guide>,
) -> Result<Body, Refusal> {
    let Reading { guide, way, blocks_signed, drops_media, streamed } = reading;
    let mut scan = Scan {
        has_keys: engine.has_keys(),
        engine,
        seen,
        guide,
        text: text.as_bytes(),
        way,
        blocks_signed,
        drops_media,
        streamed,
        pieces: Vec::new(),
        objects: Vec::new(),
        pending: Vec::new(),
        spots: Vec::new(),
        plain: Vec::new(),
        map: Map::default(),
    };
    walk(text.as_bytes(), &mut scan).map_err(Refusal::Invalid)?;
    scan.settle_root();
    if scan.spots.len() > MOST_HITS {
        return Err(Refusal::TooMany);
    }
    Ok(scan.finish())
}

struct Scan<'e, G> {
    engine: &'e mut Engine,
    seen: &'e mut Seen,
    guide: &'e G,
    text: &'e [u8],
    way: Way<'e>,
    blocks_signed: bool,
    has_keys: bool,
    drops_media: bool,
    streamed: Option<&'e [u8]>,
    pieces: Vec<Piece>,
    /// For each object and list around the walk's place.
    objects: Vec<Object>,
    /// Values whose treatment waits for their object's end.
    pending: Vec<Spot>,
    spots: Vec<Spot>,
    plain: Vec<u8>,
    map: Map,
}

#[derive(Debug, Default)]
struct Object {
    /// The place of its `type`, and how many it has.
    kind: Range<usize>,
    kinds: usize,
    /// Its present member's name with placeholders, where the name itself holds a value.
    shown: Option<String>,
}

#[derive(Debug)]
struct Spot {
    hit: Hit,
    action: Action,
    pointer: Rc<str>,
    /// The string that it stands in, and the name of the member.
    value: Range<usize>,
    name: Range<usize>,
    /// How many objects and lists were around it, up to the innermost object.
    depth: usize,
    /// The whole string or number is taken by its member's name.
    is_scalar: bool,
}

impl<G: Guide> Scan<'_, G> {
    /// The hits in a string, by their place in the text.
    fn hits(&mut self, content: &Range<usize>, is_escaped: bool) -> Vec<Hit> {
        let raw = self.text.get(content.clone()).unwrap_or_default();
        if raw.len() < 3 {
            return Vec::new();
        }
        let key = (raw.len() >= seen::LEAST).then(|| self.seen.key(raw));
        let hits = match key.and_then(|key| self.seen.hits(key)) {
            Some(hits) => hits,
            None => {
                let hits: Option<Rc<[Hit]>> = if is_escaped {
                    unescape(raw, &mut self.plain, &mut self.map);
                    let mut hits = scan(self.engine, &self.plain);
                    for hit in &mut hits {
                        hit.at = self.map.raw(hit.at.clone());
                    }
                    (!hits.is_empty()).then(|| hits.into())
                } else {
                    let hits = scan(self.engine, raw);
                    (!hits.is_empty()).then(|| hits.into())
                };
                if let Some(key) = key {
                    self.seen.remember(key, hits.clone());
                }
                hits
            }
        };
        let place = |hit: &Hit| {
            let at = hit.at.start.saturating_add(content.start)
                ..hit.at.end.saturating_add(content.start);
            Hit { at, ..hit.clone() }
        };
        hits.map_or_else(Vec::new, |hits| hits.iter().map(place).collect())
    }

    /// Takes a member's whole value, when its name is one that is looked for.
    fn by_name(&mut self, place: &Place<'_>, content: &Range<usize>) -> Option<Hit> {
        if !self.has_keys || content.is_empty() {
            return None;
        }
        let name = place.stack.iter().rev().find_map(|frame| match frame {
            Frame::Object(name) => Some(name.clone()),
            Frame::List(_) => None,
        })?;
        let raw = self.text.get(name)?;
        unescape(raw, &mut self.plain, &mut self.map);
        let detector = self.engine.by_key(&self.plain)?;
        let value = self.text.get(content.clone())?;
        unescape(value, &mut self.plain, &mut self.map);
        let keyring = self.engine.keyring();
        // A placeholder that came back stays what it is.
        if keyring.placeholder_at(&self.plain) == Some(self.plain.len()) {
            return None;
        }
        let (placeholder, fingerprint) = keyring.names(self.engine.id(detector), &self.plain);
        let (at, placeholder, fingerprint) =
            (content.clone(), placeholder.into(), fingerprint.into());
        Some(Hit { at, detector, placeholder, fingerprint })
    }

    fn note(&mut self, place: &Place<'_>, value: &Range<usize>, hits: Vec<Hit>, is_scalar: bool) {
        if hits.is_empty() || self.spots.len() > MOST_HITS {
            return;
        }
        let pointer: Rc<str> = self.pointer(place).into();
        let depth = place
            .stack
            .iter()
            .rposition(|frame| matches!(frame, Frame::Object(_)))
            .map_or(0, |at| at.saturating_add(1));
        let name = match depth.checked_sub(1).and_then(|at| place.stack.get(at)) {
            Some(Frame::Object(name)) => name.clone(),
            _ => 0..0,
        };
        for hit in hits {
            let action = match hit.detector {
                PLACEHOLDER | MEDIA => Action::Observe,
                detector => self.engine.action(detector),
            };
            let spot = Spot {
                action: self.way.action(action),
                pointer: Rc::clone(&pointer),
                value: value.clone(),
                name: name.clone(),
                depth,
                is_scalar,
                hit,
            };
            // A name is nobody's signature; a value may be.
            if place.is_name || depth == 0 {
                self.spots.push(spot)
            } else {
                self.pending.push(spot)
            }
        }
    }

    /// An object ends: its type is known, and with it what may be done with its members.
    fn settle(&mut self, place: &Place<'_>) {
        let depth = place.stack.len();
        if self.pending.last().is_none_or(|spot| spot.depth < depth) {
            return;
        }
        let kind = match self.objects.last() {
            Some(object) if object.kinds == 1 => self.text.get(object.kind.clone()),
            _ => None,
        };
        while let Some(mut spot) = self.pending.pop_if(|spot| spot.depth >= depth) {
            let path = Path {
                text: self.text,
                stack: place.stack,
                name: self.text.get(spot.name.clone()).unwrap_or_default(),
                value: self.text.get(spot.value.clone()).unwrap_or_default(),
            };
            match self.guide.treat(&path, kind) {
                Treat::Alter | Treat::Signed if spot.hit.detector == MEDIA => continue,
                Treat::Alter => {}
                Treat::Signed if self.blocks_signed && !spot.hit.is_placeholder() => {
                    spot.action = Action::Block;
                }
                Treat::Signed if spot.hit.is_placeholder() => continue,
                Treat::Signed => {
                    spot.action =
                        if spot.action == Action::Block { Action::Block } else { Action::Observe };
                }
                Treat::Media if is_binary(path.value) && spot.hit.detector != MEDIA => continue,
                Treat::Media if spot.hit.detector == MEDIA && !is_binary(path.value) => continue,
                Treat::Media => {}
            }
            self.spots.push(spot);
        }
    }

    fn settle_root(&mut self) {
        self.spots.append(&mut self.pending);
    }

    /// Where a string stands (RFC 6901); a name that holds a value is shown with its placeholder.
    fn pointer(&self, place: &Place<'_>) -> String {
        let mut pointer = String::new();
        for (frame, object) in place.stack.iter().zip(&self.objects) {
            pointer.push('/');
            match (frame, &object.shown) {
                (Frame::List(index), _) => pointer.push_str(&index.to_string()),
                (Frame::Object(_), Some(shown)) => pointer.push_str(&escaped(shown)),
                (Frame::Object(name), None) => {
                    let raw = self.text.get(name.clone()).unwrap_or_default();
                    let name = String::from_utf8_lossy(raw);
                    let end = name.char_indices().nth(64).map_or(name.len(), |(at, _)| at);
                    pointer.push_str(&escaped(name.get(..end).unwrap_or_default()));
                }
            }
        }
        pointer
    }

    /// Whether a member's name reads `type`, however it is written.
    fn is_type(&self, name: &Range<usize>) -> bool {
        match self.text.get(name.clone()) {
            Some(b"type") => true,
            Some(raw) if raw.contains(&b'\\') => {
                let (mut plain, mut map) = (Vec::new(), Map::default());
                unescape(raw, &mut plain, &mut map);
                plain == b"type"
            }
            Some(_) | None => false,
        }
    }

    /// The name of the member that a string is, if it is a piece of a longer text.
    fn piece(&self, place: &Place<'_>) -> Option<Range<usize>> {
        match place.stack {
            [Frame::Object(outer), Frame::Object(name)] if !place.is_name => {
                let is_one = self.text.get(outer.clone()) == Some(self.streamed?);
                (is_one && !self.is_type(name)).then(|| name.clone())
            }
            _ => None,
        }
    }

    fn finish(mut self) -> Body {
        self.spots.sort_by_key(|spot| spot.hit.at.start);
        let mut body = Body { pieces: self.pieces, ..Body::default() };
        for spot in self.spots {
            let Spot { hit, action, pointer, is_scalar, .. } = spot;
            if hit.is_placeholder() {
                body.changes.extend(restored(&hit, self.way));
                continue;
            }
            if hit.detector == MEDIA {
                let (at, with) = (hit.at, hit.placeholder);
                body.changes.push(Change { at, with, wire: false, record: true });
                continue;
            }
            body.tallies.add(self.engine.id(hit.detector), &pointer, &hit.fingerprint, action);
            if action == Action::Pseudonymize {
                let raw = self.text.get(hit.at.clone()).unwrap_or_default();
                unescape(raw, &mut self.plain, &mut self.map);
                let value = String::from_utf8_lossy(&self.plain).into_owned();
                body.restores.add(&hit.placeholder, value);
            }
            if action == Action::Block && body.blocked.is_none() {
                body.blocked = Some((hit.detector, pointer.to_string()));
            }
            body.changes.push(Change {
                with: if is_scalar {
                    format!("\"{}\"", hit.placeholder).into()
                } else {
                    hit.placeholder
                },
                at: hit.at,
                wire: matches!(action, Action::Mask | Action::Pseudonymize),
                record: true,
            });
        }
        body
    }
}

/// The change that gives the client back what it sent.
pub(crate) fn restored(hit: &Hit, way: Way<'_>) -> Option<Change> {
    let Way::Response(restores) = way else { return None };
    let value = restores.value(&hit.placeholder)?;
    let with = quoted_content(value).into();
    Some(Change { at: hit.at.clone(), with, wire: true, record: false })
}

impl<G: Guide> Visitor for Scan<'_, G> {
    fn string(&mut self, place: &Place<'_>, content: Range<usize>, is_escaped: bool) {
        if place.is_name {
            let hits = self.hits(&content, is_escaped);
            let shown = (!hits.is_empty()).then(|| {
                let changes: Vec<_> = hits.iter().map(masked).collect();
                let shown = splice(self.text, content.clone(), changes.iter());
                String::from_utf8_lossy(&shown.unwrap_or_default()).into_owned()
            });
            if let Some(object) = self.objects.last_mut() {
                object.shown = shown;
            }
            return self.note(place, &content, hits, false);
        }
        if let Some(name) = self.piece(place) {
            return self.pieces.push(Piece { name, content });
        }
        if let Some(Frame::Object(name)) = place.stack.last()
            && self.is_type(name)
            && let Some(object) = self.objects.last_mut()
        {
            object.kind = content.clone();
            object.kinds = object.kinds.saturating_add(1);
        }
        let mut hits = match self.by_name(place, &content) {
            Some(hit) => vec![hit],
            None => self.hits(&content, is_escaped),
        };
        if self.drops_media
            && let Some(Frame::Object(name)) = place.stack.last()
            && self.text.get(name.clone()) == Some(b"data")
        {
            // In place of whatever was found: it is not text.
            hits.push(Hit {
                at: content.clone(),
                detector: MEDIA,
                placeholder: format!("{} bytes of base64, left out", content.len()).into(),
                fingerprint: "".into(),
            });
        }
        self.note(place, &content, hits, false);
    }

    fn scalar(&mut self, place: &Place<'_>, at: Range<usize>) {
        let is_number =
            self.text.get(at.start).is_some_and(|byte| byte.is_ascii_digit() || *byte == b'-');
        if is_number && let Some(hit) = self.by_name(place, &at) {
            self.note(place, &at, vec![hit], true);
        }
    }

    fn begin(&mut self, _: &Place<'_>) {
        self.objects.push(Object::default());
    }

    fn end(&mut self, place: &Place<'_>) {
        if matches!(place.stack.last(), Some(Frame::Object(_))) {
            self.settle(place);
        }
        self.objects.pop();
    }
}

/// What a string's content reads as, once its escapes are resolved.
pub fn read(raw: &[u8], plain: &mut Vec<u8>, map: &mut Map) {
    unescape(raw, plain, map);
}

/// Nothing at all.
#[must_use]
pub fn nothing<'a>() -> Redacted<Cow<'a, [u8]>> {
    Redacted::new(Cow::Borrowed(&[]))
}

/// What a whole text holds.
pub(crate) fn scan(engine: &mut Engine, text: &[u8]) -> Vec<Hit> {
    let found = engine.scan_whole(text);
    let value = |hit: &Hit| text.get(hit.at.clone());
    let mut hits: Vec<Hit> = Vec::with_capacity(found.len());
    for finding in &found {
        let at = finding.start..finding.end;
        // What repeats mostly repeats soon, and a name costs more than a look.
        let same = hits
            .iter()
            .rev()
            .take(8)
            .find(|hit| hit.detector == finding.detector && value(hit) == text.get(at.clone()));
        hits.push(match same {
            Some(hit) => Hit { at, ..hit.clone() },
            None => Hit::new(engine, text, finding),
        });
    }
    hits
}

fn masked(hit: &Hit) -> Change {
    Change { at: hit.at.clone(), with: Rc::clone(&hit.placeholder), wire: true, record: true }
}

/// `~` and `/` within a step of a JSON pointer.
fn escaped(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}

/// Whether a string is base64 of something else than text.
fn is_binary(value: &[u8]) -> bool {
    let is_base64 =
        value.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='));
    is_base64 && !crate::engine::is_coded_text(value)
}

//! A part in pieces: what comes back with every turn of a conversation, apart from what is new.
//!
//! ```text
//! part    {…"body":{"model":…,"messages":[ m1 , m2 , m3 ],"tools":[ … ],…}…}
//! frame   {…"body":{"model":…,"messages":[],"tools":,…}…}
//! streams                                 m1 | ,m2 | ,m3     [ … ]
//! ```
//!
//! The pieces add up to the part byte for byte, whatever it is: where a cut is made only decides
//! how much of it is stored once. Clients move `cache_control` from message to message; it is kept
//! with the frame, so that the messages stay the same.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::ops::Range;

/// Shorter texts are not worth a piece of their own.
const LEAST: usize = 256;
/// In a list of many elements that are so short on the average, those beside each other go together: what
/// is kept of a piece is never many times as large as the piece.
const MANY: usize = 64;
const SHORT: usize = 32;
/// How a marker begins that moves from message to message; it ends with the next `}`.
const MARKER: &[u8] = b",\"cache_control\":{";

/// A part, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pieces<'a> {
    /// The part without its streams, behind a line that says where they belong.
    pub frame: Vec<u8>,
    /// Texts that come back, each in pieces that follow each other.
    pub streams: Vec<Vec<Cow<'a, [u8]>>>,
}

/// The frame's first line.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Layout {
    /// For each stream, where it belongs in the frame.
    pub(super) streams: Vec<usize>,
    /// What was taken out of the streams: which, where in what is left of it, and the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) markers: Vec<(usize, usize, String)>,
}

/// The members of a request that come back with every turn.
#[derive(Default, Deserialize)]
struct Body<'a, M> {
    messages: Option<M>,
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
    #[serde(borrow)]
    system: Option<&'a RawValue>,
}

/// Where the texts stand in a part that come back, each in pieces that follow each other.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Cut {
    streams: Vec<Vec<Range<usize>>>,
    /// Which of them are the messages.
    messages: Option<usize>,
}

impl Cut {
    /// Looks for them in a part. `body`: the request's body, borrowed from the part's bytes.
    #[must_use]
    pub fn of(part: &[u8], body: Option<&str>) -> Self {
        let mut streams: Vec<Vec<Range<usize>>> = Vec::new();
        if let Some(body) = body {
            let members = serde_json::from_str::<Body<'_, Vec<&RawValue>>>(body);
            // Messages that are no list come back in one piece, if at all: the rest still counts.
            let members = members.or_else(|_| {
                let Body { messages: _, tools, system } =
                    serde_json::from_str::<Body<'_, serde::de::IgnoredAny>>(body)?;
                Ok::<_, serde_json::Error>(Body { messages: None, tools, system })
            });
            let Body { messages, tools, system } = members.unwrap_or_default();
            for whole in [tools, system].into_iter().flatten() {
                let at = place(part, whole.get()).filter(|at| at.len() >= LEAST);
                streams.extend(at.map(|at| vec![at]));
            }
            let list = messages.and_then(|list| pieces_of(part, &list));
            let first = list.as_ref().and_then(|pieces| pieces.first().cloned());
            streams.extend(list);
            streams.sort_by_key(|pieces| pieces.first().map(|piece| piece.start));
            let is_messages = |pieces: &Vec<Range<usize>>| pieces.first() == first.as_ref();
            let messages = first.is_some().then(|| streams.iter().position(is_messages)).flatten();
            return Self { streams, messages };
        }
        Self::default()
    }

    /// The same, and the frame, where the first messages are known to stand in `known` and to hold no
    /// marker: they are one piece, and nobody reads them. `None` when they do not stand there.
    #[must_use]
    pub fn behind(
        part: &[u8],
        body: &Range<usize>,
        known: &Range<usize>,
    ) -> Option<(Self, Vec<u8>)> {
        let by = known.len().checked_sub(1)?;
        let sketch = [part.get(..known.start)?, b"0", part.get(known.end..)?].concat();
        let text = sketch.get(body.start..body.end.checked_sub(by)?)?;
        let mut cut = Self::of(&sketch, Some(std::str::from_utf8(text).ok()?));
        let messages = cut.messages?;
        let place = known.start..known.start.checked_add(1)?;
        if cut.streams.get(messages)?.first() != Some(&place) {
            return None;
        }
        let frame = Pieces::at(&sketch, &cut).frame;
        let (mut layout, rest) = Layout::split(&frame)?;
        let moved = layout.markers.iter_mut().filter(|(stream, ..)| *stream == messages);
        moved.for_each(|(_, at, _)| *at += by);
        let frame = [&serde_json::to_vec(&layout).ok()?, &b"\n"[..], rest].concat();
        for piece in cut.streams.iter_mut().flatten() {
            let moved = |at: usize| if at > known.start { at + by } else { at };
            *piece = moved(piece.start)..moved(piece.end);
        }
        Some((cut, frame))
    }

    /// Which of the streams are the messages.
    #[must_use]
    pub fn messages(&self) -> Option<usize> {
        self.messages
    }

    /// The pieces of each stream, as they stand in the part.
    pub fn streams(&self) -> impl Iterator<Item = &[Range<usize>]> {
        self.streams.iter().map(Vec::as_slice)
    }
}

impl<'a> Pieces<'a> {
    /// Takes a part apart.
    #[must_use]
    pub fn at(part: &'a [u8], cut: &Cut) -> Self {
        let mut layout = Layout::default();
        let mut rest = Vec::with_capacity(part.len().min(4 << 10));
        let mut taken = Vec::with_capacity(cut.streams.len());
        let mut at = 0;
        for (number, pieces) in cut.streams().enumerate() {
            let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else { continue };
            rest.extend_from_slice(part.get(at..first.start).unwrap_or_default());
            layout.streams.push(rest.len());
            at = last.end;
            let mut offset = 0;
            let pieces = pieces.iter().map(|piece| {
                let text = part.get(piece.clone()).unwrap_or_default();
                let text = without_markers(text, |place, marker| {
                    layout.markers.push((number, offset + place, marker));
                });
                offset += text.len();
                text
            });
            taken.push(pieces.collect());
        }
        rest.extend_from_slice(part.get(at..).unwrap_or_default());
        // A layout of numbers and texts is always JSON.
        let mut frame = serde_json::to_vec(&layout).unwrap_or_default();
        frame.push(b'\n');
        frame.append(&mut rest);
        Self { frame, streams: taken }
    }

    /// A part less its streams, and where they belong in it: `null` stands for a stream that is a
    /// value of its own, so that what is left is JSON. With it, what was taken out of the streams.
    #[must_use]
    pub fn outline(frame: &[u8]) -> Option<(Vec<u8>, Vec<usize>, String)> {
        let end = frame.iter().position(|byte| *byte == b'\n')?;
        let (head, rest) = (frame.get(..end)?, frame.get(end.checked_add(1)?..)?);
        let layout: Layout = serde_json::from_slice(head).ok()?;
        let mut json = Vec::with_capacity(rest.len().checked_add(16)?);
        let mut places = Vec::with_capacity(layout.streams.len());
        let mut at = 0;
        for place in layout.streams {
            json.extend_from_slice(rest.get(at..place)?);
            at = place;
            places.push(json.len());
            if json.trim_ascii_end().last() == Some(&b':') {
                json.extend_from_slice(b"null");
            }
        }
        json.extend_from_slice(rest.get(at..)?);
        Some((json, places, serde_json::to_string(&layout.markers).ok()?))
    }

    /// Puts a part together again; `None` when the frame is none.
    #[must_use]
    pub fn join(frame: &[u8], streams: &[Vec<u8>]) -> Option<Vec<u8>> {
        let (layout, rest) = Layout::split(frame)?;
        if layout.streams.len() != streams.len() {
            return None;
        }
        let size = streams.iter().map(Vec::len).sum::<usize>().checked_add(rest.len())?;
        let mut part = Vec::with_capacity(size);
        let mut at = 0;
        for (number, (place, stream)) in layout.streams.iter().zip(streams).enumerate() {
            part.extend_from_slice(rest.get(at..*place)?);
            at = *place;
            let mut from = 0;
            for (_, offset, marker) in layout.markers.iter().filter(|marker| marker.0 == number) {
                part.extend_from_slice(stream.get(from..*offset)?);
                part.extend_from_slice(marker.as_bytes());
                from = *offset;
            }
            part.extend_from_slice(stream.get(from..)?);
        }
        part.extend_from_slice(rest.get(at..)?);
        Some(part)
    }
}

impl Layout {
    /// A frame's first line, and what follows it.
    pub(super) fn split(frame: &[u8]) -> Option<(Self, &[u8])> {
        let end = memchr::memchr(b'\n', frame)?;
        let (head, rest) = (frame.get(..end)?, frame.get(end.checked_add(1)?..)?);
        Some((serde_json::from_slice(head).ok()?, rest))
    }
}

/// Where a text stands that was borrowed from the part.
fn place(part: &[u8], text: &str) -> Option<Range<usize>> {
    let start = (text.as_ptr() as usize).checked_sub(part.as_ptr() as usize)?;
    let end = start.checked_add(text.len())?;
    (part.get(start..end)? == text.as_bytes()).then_some(start..end)
}

/// Each element of a list with what stands before it, from the bracket on.
fn pieces_of(part: &[u8], elements: &[&RawValue]) -> Option<Vec<Range<usize>>> {
    let first = place(part, elements.first()?.get())?.start;
    let last = place(part, elements.last()?.get())?.end;
    let mut from = memchr::memrchr(b'[', part.get(..first)?)?.checked_add(1)?;
    let are_short = elements.len() >= MANY && last.saturating_sub(from) / SHORT < elements.len();
    let least = if are_short { LEAST } else { 0 };
    let mut pieces = Vec::new();
    for element in elements {
        let at = place(part, element.get())?;
        if at.end.saturating_sub(from) >= least || at.end == last {
            pieces.push(from..at.end);
            from = at.end;
        }
    }
    Some(pieces)
}

/// A text less its markers, which are reported by where they stood in what is left.
pub(super) fn without_markers(text: &[u8], mut taken: impl FnMut(usize, String)) -> Cow<'_, [u8]> {
    let mut left = Vec::new();
    let mut rest = text;
    while let Some(start) = memchr::memmem::find(rest, MARKER) {
        let (before, from) = rest.split_at(start);
        let end = memchr::memchr(b'}', from).map_or(from.len(), |end| end + 1);
        let (marker, after) = from.split_at(end);
        let Ok(marker) = std::str::from_utf8(marker) else { break };
        left.extend_from_slice(before);
        taken(left.len(), marker.to_owned());
        rest = after;
    }
    if rest.len() == text.len() {
        return Cow::Borrowed(text);
    }
    left.extend_from_slice(rest);
    Cow::Owned(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(part: &str) -> Pieces<'_> {
        let body = part.find("\"body\":").map(|at| &part[at + 7..part.len() - 1]);
        Pieces::at(part.as_bytes(), &Cut::of(part.as_bytes(), body))
    }

    fn joined(pieces: &Pieces<'_>) -> String {
        let streams: Vec<Vec<u8>> = pieces.streams.iter().map(|one| one.concat()).collect();
        String::from_utf8(Pieces::join(&pieces.frame, &streams).unwrap()).unwrap()
    }

    #[test]
    fn pieces_add_up_to_the_part() {
        let long = format!("[{}1]", "1, ".repeat(200));
        let marker = r#","cache_control":{"type":"ephemeral"}"#;
        for (part, streams) in [
            (r#"{"a":1}"#.to_owned(), vec![]),
            (r#"{"body":{"messages":[]}}"#.to_owned(), vec![]),
            (r#"{"body":{"messages":[ {"a":1} , {"b":2}]}}"#.to_owned(), vec![2]),
            (
                format!(r#"{{"x":0,"body":{{"tools":{long},"messages":[1,2 ],"system":{long}}}}}"#),
                vec![1, 2, 1],
            ),
            (
                format!(r#"{{"body":{{"messages":[{{"t":"x"{marker}}},{{"t":"y"{marker}}}]}}}}"#),
                vec![2],
            ),
            // Not what it seems: still nothing is lost.
            (r#"{"body":{"messages":["a,\"cache_control\":{ b"]}}"#.to_owned(), vec![1]),
            (r#"{"body":{"messages":[1],"messages":[2]}}"#.to_owned(), vec![]),
            (r#"{"body":{"messages":{"no":"list"}}}"#.to_owned(), vec![]),
            (format!(r#"{{"body":{{"messages":{{"no":"list"}},"tools":{long}}}}}"#), vec![1]),
            (r#"{"body":{"messages":["[",["["]]}}"#.to_owned(), vec![2]),
        ] {
            let pieces = pieces(&part);
            assert_eq!(joined(&pieces), part);
            assert_eq!(pieces.streams.iter().map(Vec::len).collect::<Vec<_>>(), streams, "{part}");
        }
    }

    #[test]
    fn many_short_messages_go_together() {
        let list = |count: usize, text: &str| {
            let messages = vec![text; count].join(", ");
            format!(r#"{{"body":{{"messages":[{messages}]}}}}"#)
        };
        let long = format!("\"{}\"", "x".repeat(40));
        for (part, count) in [
            (list(63, "0"), 63),
            (list(64, "0"), 1),
            (list(1000, "0"), 3000 / 256 + 1),
            (list(1000, &long), 1000),
        ] {
            let pieces = pieces(&part);
            assert_eq!(joined(&pieces), part);
            assert_eq!(pieces.streams[0].len(), count, "{}", part.len());
        }
        // What was there before still stands in pieces of its own.
        let (turn, next) = (list(1000, "0"), list(1100, "0"));
        let (turn, next) = (pieces(&turn), pieces(&next));
        assert_eq!(turn.streams[0][..11], next.streams[0][..11]);
    }

    #[test]
    fn a_further_turn_repeats_the_pieces_of_the_one_before() {
        let first = pieces(
            r#"{"id":1,"body":{"messages":[{"a":[{"t":"x","cache_control":{"type":"ephemeral"}}]}]}}"#,
        );
        let second = pieces(
            r#"{"id":2,"body":{"messages":[{"a":[{"t":"x"}]},{"b":2},{"c":[{"t":"z","cache_control":{"type":"ephemeral"}}]}]}}"#,
        );
        assert_eq!(first.streams[0][0], second.streams[0][0]);
        assert_eq!(second.streams[0][2], br#",{"c":[{"t":"z"}]}"#.as_slice());
    }

    #[test]
    fn a_frame_that_is_none_gives_no_part() {
        assert_eq!(Pieces::join(b"", &[]), None);
        assert_eq!(Pieces::join(b"{\"streams\":[9]}\nabc", &[vec![1]]), None);
        assert_eq!(Pieces::join(b"{\"streams\":[]}\nabc", &[vec![1]]), None);
        assert_eq!(Pieces::join(b"{\"streams\":[]}\nabc", &[]), Some(b"abc".to_vec()));
    }
}

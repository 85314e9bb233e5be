//! One JSON string: where it ends, and what it says.

use super::{Fault, InvalidJson};
use crate::engine::{Map, hex};

/// Finds the end of a string whose content begins at an offset: the offset of its closing quote,
/// and whether it holds an escape.
pub(super) fn end(text: &[u8], from: usize) -> Result<(usize, bool), InvalidJson> {
    let mut at = from;
    let mut is_escaped = false;
    loop {
        at = skip_plain(text, at);
        match text.get(at) {
            None => return Err(InvalidJson { at, why: Fault::Cut }),
            Some(b'"') => return Ok((at, is_escaped)),
            Some(b'\\') => {
                is_escaped = true;
                at = at.saturating_add(escape(text, at)?);
            }
            Some(_) => return Err(InvalidJson { at, why: Fault::Grammar }),
        }
    }
}

/// The length of the escape at an offset.
fn escape(text: &[u8], at: usize) -> Result<usize, InvalidJson> {
    let rest = text.get(at.saturating_add(1)..).unwrap_or_default();
    match rest.first() {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(2),
        Some(b'u') if hex(rest.get(1..).unwrap_or_default(), 4).is_some() => Ok(6),
        None => Err(InvalidJson { at, why: Fault::Cut }),
        Some(_) => Err(InvalidJson { at, why: Fault::Grammar }),
    }
}

/// Skips what stands for itself: no quote, no backslash, no control character. Eight bytes a step.
fn skip_plain(text: &[u8], from: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let rest = text.get(from..).unwrap_or_default();
    let (words, _) = rest.as_chunks::<8>();
    let mut at: usize = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let quote = zero(word ^ (ONES * b'"' as u64));
        let backslash = zero(word ^ (ONES * b'\\' as u64));
        // A byte below 0x20 has none of its three highest bits.
        let control = zero(word & (ONES * 0xe0));
        let special = quote | backslash | control;
        if special != 0 {
            return from
                .saturating_add(at)
                .saturating_add((special.trailing_zeros() >> 3) as usize);
        }
        at = at.saturating_add(8);
    }
    let is_plain = |byte: &&u8| **byte >= 0x20 && !matches!(**byte, b'"' | b'\\');
    let tail = rest.get(at..).unwrap_or_default().iter().take_while(is_plain).count();
    from.saturating_add(at).saturating_add(tail)
}

/// What a string's content says, and where each byte of it came from. The content is a valid one;
/// a surrogate without its other half says U+FFFD.
pub(crate) fn unescape(raw: &[u8], plain: &mut Vec<u8>, map: &mut Map) {
    plain.clear();
    plain.reserve(raw.len());
    map.clear();
    let mut rest = raw;
    loop {
        let clear = memchr::memchr(b'\\', rest).unwrap_or(rest.len());
        let (head, tail) = rest.split_at_checked(clear).unwrap_or((rest, &[]));
        plain.extend_from_slice(head);
        map.same(clear);
        let Some(escape) = tail.get(1) else { return };
        let (raw, character) = match escape {
            b'u' => unicode(tail),
            b'b' => (2, '\u{8}'),
            b'f' => (2, '\u{c}'),
            b'n' => (2, '\n'),
            b'r' => (2, '\r'),
            b't' => (2, '\t'),
            other => (2, char::from(*other)),
        };
        let mut bytes = [0; 4];
        let bytes = character.encode_utf8(&mut bytes).as_bytes();
        plain.extend_from_slice(bytes);
        map.unit(raw, bytes.len());
        rest = tail.get(raw..).unwrap_or_default();
    }
}

/// The character of a `\u` escape, with its second half where it has one.
fn unicode(tail: &[u8]) -> (usize, char) {
    let half = |at: usize| {
        let digits = tail.get(at..)?.strip_prefix(b"\\u")?;
        hex(digits, 4)
    };
    let first = half(0).unwrap_or(0xfffd);
    if (0xd800..0xdc00).contains(&first)
        && let Some(second) = half(6).filter(|second| (0xdc00..0xe000).contains(second))
    {
        let code = ((first & 0x3ff) << 10 | (second & 0x3ff)).saturating_add(0x1_0000);
        return (12, char::from_u32(code).unwrap_or('\u{fffd}'));
    }
    (6, char::from_u32(first).unwrap_or('\u{fffd}'))
}

//! Reading through a text's disguises: escapes within it, percent-encoding, invisible characters.
//!
//! A line that holds any of these is decoded into a scratch text, and scanned there; everything
//! else is scanned where it stands. What cannot be decoded stays as it is.

use super::map::Map;

/// Decodes a text behind what `plain` holds already: whether anything in it was decoded, and, if more
/// text may follow, where a sequence begins that the text's end cuts short.
pub(crate) fn decode(
    text: &[u8],
    complete: bool,
    plain: &mut Vec<u8>,
    map: &mut Map,
) -> (bool, Option<usize>) {
    map.clear();
    let mut at = 0;
    let mut changed = false;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let clear = next_lead(rest).unwrap_or(rest.len());
        plain.extend_from_slice(rest.get(..clear).unwrap_or_default());
        map.same(clear);
        at = at.saturating_add(clear);
        let Some(rest) = rest.get(clear..).filter(|rest| !rest.is_empty()) else { break };
        match sequence(rest) {
            Sequence::Bytes(raw, bytes, count) => {
                plain.extend_from_slice(bytes.get(..count).unwrap_or_default());
                map.unit(raw, count);
                at = at.saturating_add(raw);
                changed = true;
            }
            Sequence::Cut if !complete => return (changed, Some(at)),
            Sequence::Cut | Sequence::None => {
                plain.extend(rest.first());
                map.same(1);
                at = at.saturating_add(1);
            }
        }
    }
    (changed, None)
}

/// Where a sequence begins that an offset stands in or right behind: what comes next is behind what
/// it stands for, not behind its last byte.
pub(crate) fn around(text: &[u8], from: usize, at: usize) -> Option<usize> {
    (from.max(at.saturating_sub(LONGEST))..at).find(|start| {
        let rest = text.get(*start..).unwrap_or_default();
        rest.first().is_some_and(|byte| is_lead(*byte))
            && match sequence(rest) {
                Sequence::Bytes(raw, ..) => start.saturating_add(raw) >= at,
                Sequence::Cut => true,
                Sequence::None => false,
            }
    })
}

/// The longest sequence, bytes.
const LONGEST: usize = 36;

/// Where the next byte stands that can begin a sequence. Eight bytes a step.
pub(crate) fn next_lead(text: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let of = |byte: u8| ONES.wrapping_mul(u64::from(byte));
    let (words, _) = text.as_chunks::<8>();
    let mut at: usize = 0;
    for bytes in words {
        let word = u64::from_le_bytes(*bytes);
        // Every byte beyond ASCII is looked at more closely.
        let may_lead =
            (word | zero(word ^ of(b'%')) | zero(word ^ of(b'\\')) | zero(word ^ of(ESCAPE)))
                & HIGHS;
        if may_lead != 0
            && let Some(lead) = bytes.iter().position(|byte| is_lead(*byte))
        {
            return Some(at.saturating_add(lead));
        }
        at = at.saturating_add(8);
    }
    let tail = text.get(at..)?.iter().position(|byte| is_lead(*byte))?;
    Some(at.saturating_add(tail))
}

/// Whether a byte can begin a sequence that is decoded.
pub(crate) fn is_lead(byte: u8) -> bool {
    matches!(byte, b'%' | b'\\' | ESCAPE | 0xc2 | 0xe1 | 0xe2 | 0xef | 0xf3)
}

/// Begins a terminal's control sequence (ECMA-48): colours in a command's output.
pub(crate) const ESCAPE: u8 = 0x1b;

enum Sequence {
    /// So many raw bytes stand for so many of these.
    Bytes(usize, [u8; 4], usize),
    /// The text ends within what could be one.
    Cut,
    None,
}

impl Sequence {
    fn character(raw: usize, character: char) -> Self {
        let mut bytes = [0; 4];
        let count = character.encode_utf8(&mut bytes).len();
        Self::Bytes(raw, bytes, count)
    }
}

fn sequence(rest: &[u8]) -> Sequence {
    match rest {
        [b'%', tail @ ..] => hex(tail, 2).map_or_else(
            || if tail.len() < 2 && all_hex(tail) { Sequence::Cut } else { Sequence::None },
            |value| Sequence::Bytes(3, [u8::try_from(value).unwrap_or(b'?'), 0, 0, 0], 1),
        ),
        [b'\\', tail @ ..] => escape(tail),
        [ESCAPE, tail @ ..] => control(tail),
        [0xc2, tail @ ..] => invisible(tail, 1, |tail| tail == [0xad]),
        [0xe1, tail @ ..] => invisible(tail, 2, |tail| tail == [0xa0, 0x8e]),
        // U+200B-200F, U+202A-202E, U+2060-2064, U+2066-2069
        [0xe2, tail @ ..] => invisible(tail, 2, |tail| {
            matches!(
                tail,
                [0x80, 0x8b..=0x8f | 0xaa..=0xae] | [0x81, 0xa0..=0xa4 | 0xa6..=0xa9]
            )
        }),
        // U+FE00-FE0F, U+FEFF
        [0xef, tail @ ..] => {
            invisible(tail, 2, |tail| matches!(tail, [0xb8, 0x80..=0x8f] | [0xbb, 0xbf]))
        }
        // U+E0000-E007F
        [0xf3, tail @ ..] => {
            invisible(tail, 3, |tail| matches!(tail, [0xa0, 0x80 | 0x81, 0x80..=0xbf]))
        }
        _ => Sequence::None,
    }
}

/// A backslash escape of JSON, or of the languages that write `\x41`.
fn escape(tail: &[u8]) -> Sequence {
    let simple = |byte: u8| Sequence::Bytes(2, [byte, 0, 0, 0], 1);
    match tail {
        [] => Sequence::Cut,
        [byte @ (b'"' | b'\'' | b'\\' | b'/' | b'`'), ..] => simple(*byte),
        [b'n' | b'r', ..] => simple(b'\n'),
        [b't' | b'b' | b'f', ..] => simple(b'\t'),
        [b'x', tail @ ..] => match hex(tail, 2) {
            Some(value) => Sequence::character(4, char::from_u32(value).unwrap_or('?')),
            None if tail.len() < 2 && all_hex(tail) => Sequence::Cut,
            None => Sequence::None,
        },
        [b'u', tail @ ..] => match hex(tail, 4) {
            Some(value) => Sequence::character(6, char::from_u32(value).unwrap_or('?')),
            None if tail.len() < 4 && all_hex(tail) => Sequence::Cut,
            None => Sequence::None,
        },
        _ => Sequence::None,
    }
}

/// `[`, parameters, and the letter that ends them.
fn control(tail: &[u8]) -> Sequence {
    let Some(parameters) = tail.strip_prefix(b"[") else {
        return if tail.is_empty() { Sequence::Cut } else { Sequence::None };
    };
    let length = parameters.iter().take(32).take_while(|byte| matches!(byte, 0x20..=0x3f)).count();
    match parameters.get(length) {
        Some(0x40..=0x7e) => Sequence::Bytes(length.saturating_add(3), [0; 4], 0),
        None if length < 32 => Sequence::Cut,
        Some(_) | None => Sequence::None,
    }
}

fn invisible(tail: &[u8], length: usize, is_one: impl Fn(&[u8]) -> bool) -> Sequence {
    match tail.get(..length) {
        Some(tail) if is_one(tail) => Sequence::Bytes(length.saturating_add(1), [0; 4], 0),
        Some(_) => Sequence::None,
        None => Sequence::Cut,
    }
}

fn all_hex(bytes: &[u8]) -> bool {
    bytes.iter().all(u8::is_ascii_hexdigit)
}

/// The value of so many hex digits at a text's start.
pub(crate) fn hex(bytes: &[u8], digits: usize) -> Option<u32> {
    bytes.get(..digits)?.iter().try_fold(0_u32, |value, byte| {
        Some(value.wrapping_mul(16).wrapping_add(char::from(*byte).to_digit(16)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str, complete: bool) -> (String, bool, Option<usize>) {
        let (mut plain, mut map) = (Vec::new(), Map::default());
        let (changed, cut) = decode(text.as_bytes(), complete, &mut plain, &mut map);
        (String::from_utf8_lossy(&plain).into_owned(), changed, cut)
    }

    #[test]
    fn disguises() {
        let cases = [
            ("plain", "plain", false),
            ("a%41b%4a", "aAbJ", true),
            ("100% sure, 5%x", "100% sure, 5%x", false),
            (r#"\"a\\b\/\n\t\u0041\x42"#, "\"a\\b/\n\tAB", true),
            (r"C:\dir \u12", r"C:\dir \u12", false),
            ("A\u{200b}K\u{ad}I\u{feff}A\u{e0041}\u{180e}\u{2060}\u{fe0f}", "AKIA", true),
            ("\u{1b}[0;31mghp\u{1b}[0m", "ghp", true),
            ("dash \u{2014} é", "dash \u{2014} é", false),
        ];
        for (text, expected, changed) in cases {
            assert_eq!(decoded(text, true), (expected.into(), changed, None), "{text}");
        }
    }

    #[test]
    fn a_sequence_that_the_end_cuts_short_is_named() {
        for (text, at) in [("ab%4", 2), ("ab%", 2), ("a\\", 1), ("a\\u00", 1), ("x\\x4", 1)] {
            assert_eq!(decoded(text, false).2, Some(at), "{text}");
            assert_eq!(decoded(text, true).2, None, "{text}");
        }
        let (mut plain, mut map) = (Vec::new(), Map::default());
        assert_eq!(decode(b"A\xe2\x80", false, &mut plain, &mut map), (false, Some(1)));
    }
}

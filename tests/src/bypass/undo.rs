//! Disguises undone over a whole text, leniently: what is no disguise stays as it is.
//!
//! Enters and leaves: bytes, of any content.

/// `\"`, `\n`, `\u0041` and `\x41` wherever they stand.
pub(super) fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, more @ ..] = rest {
        rest = more;
        if *first != b'\\' {
            out.push(*first);
            continue;
        }
        let [kind, after @ ..] = more else {
            out.push(*first);
            break;
        };
        let plain = match kind {
            b'"' | b'\\' | b'/' => Some(*kind),
            b'n' => Some(b'\n'),
            b'r' => Some(b'\r'),
            b't' => Some(b'\t'),
            _ => None,
        };
        let code = match kind {
            b'u' => code(after, 4),
            b'x' => code(after, 2),
            _ => None,
        };
        if let Some(plain) = plain {
            out.push(plain);
            rest = after;
        } else if let Some((high, after)) = code {
            let (character, after) = joined(high, after);
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            rest = after;
        } else {
            out.push(*first);
        }
    }
    out
}

/// So many hexadecimal digits, and what follows them.
fn code(text: &[u8], digits: usize) -> Option<(u32, &[u8])> {
    let (number, after) = text.split_at_checked(digits)?;
    let number = number.iter().try_fold(0, |n, byte| Some(n << 4 | u32::from(digit(*byte)?)))?;
    Some((number, after))
}

/// The character of a code unit, with the other half of it if one follows.
fn joined(high: u32, after: &[u8]) -> (char, &[u8]) {
    let low = after.strip_prefix(b"\\u").and_then(|low| code(low, 4));
    match low {
        Some((low, rest)) if high >> 10 == 0x36 && low >> 10 == 0x37 => {
            let both = 0x1_0000 + ((high & 0x3ff) << 10) + (low & 0x3ff);
            (char::from_u32(both).unwrap_or(char::REPLACEMENT_CHARACTER), rest)
        }
        _ => (char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), after),
    }
}

/// `%41`.
pub(super) fn unpercented(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, more @ ..] = rest {
        let byte = code(more, 2).filter(|_| *first == b'%');
        let byte = byte.and_then(|(byte, after)| Some((u8::try_from(byte).ok()?, after)));
        let (byte, after) = byte.unwrap_or((*first, more));
        out.push(byte);
        rest = after;
    }
    out
}

/// Shorter runs of letters are words.
const RUN: usize = 12;

/// Runs of base64 or base64url, each from its first letter on; paddings go with them.
pub(super) fn unbased(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, more @ ..] = rest {
        let run = rest.iter().position(|byte| sextet(*byte).is_none()).unwrap_or(rest.len());
        let (run, after) = rest.split_at(run);
        if run.is_empty() {
            out.push(*first);
            rest = more;
        } else if run.len() < RUN {
            out.extend_from_slice(run);
            rest = after;
        } else {
            let (mut bits, mut count) = (0_u32, 0);
            for sextet in run.iter().filter_map(|byte| sextet(*byte)) {
                bits = bits << 6 | sextet;
                count += 6;
                if count >= 8 {
                    count -= 8;
                    out.extend(u8::try_from(bits >> count & 0xff));
                }
            }
            rest = after.strip_prefix(b"==").or(after.strip_prefix(b"=")).unwrap_or(after);
        }
    }
    out
}

fn sextet(byte: u8) -> Option<u32> {
    let of = |from: u8, first: u32| Some(u32::from(byte - from) + first);
    match byte {
        b'A'..=b'Z' => of(b'A', 0),
        b'a'..=b'z' => of(b'a', 26),
        b'0'..=b'9' => of(b'0', 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

/// Without the characters that nobody sees, the bytes that are no character, and what steers a
/// terminal (ECMA-48).
pub(super) fn uncovered(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        let mut visible = String::new();
        visible.extend(chunk.valid().chars().filter(|c| !is_invisible(*c)));
        out.extend_from_slice(visible.as_bytes());
    }
    let mut plain = Vec::with_capacity(out.len());
    let mut rest = out.as_slice();
    while let [first, more @ ..] = rest {
        let after = match (first, more) {
            (0x1b, [b'[', sequence @ ..]) => {
                let last = sequence.iter().position(|byte| (0x40..=0x7e).contains(byte));
                last.and_then(|last| sequence.get(last + 1..))
            }
            (0x1b, [b']', sequence @ ..]) => {
                let last = sequence.iter().position(|byte| matches!(byte, 0x07 | 0x1b));
                let after = last.and_then(|last| sequence.get(last + 1..));
                after.map(|after| after.strip_prefix(b"\\").unwrap_or(after))
            }
            _ => None,
        };
        if after.is_none() {
            plain.push(*first);
        }
        rest = after.unwrap_or(more);
    }
    plain
}

fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// A hexadecimal digit.
pub(super) fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each case: the text, and what is left of it.
    fn check(undo: fn(&[u8]) -> Vec<u8>, cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            let plain = undo(text.as_bytes());
            assert_eq!(String::from_utf8_lossy(&plain), *expected, "{text}");
        }
    }

    #[test]
    fn escapes() {
        check(
            unescaped,
            &[
                (r#"a\"b\\c\/d\ne\tf"#, "a\"b\\c/d\ne\tf"),
                (r"\u0041\x42\u00E9", "ABé"),
                (r"\ud83d\ude00", "😀"),
                (r"\ud83dA\ude00", "\u{fffd}A\u{fffd}"),
                (r"\\u0041", r"\u0041"),
                (r"\u00", r"\u00"),
                (r"\q\", r"\q\"),
            ],
        );
    }

    #[test]
    fn percents() {
        check(unpercented, &[("a%41%c3%A9%4", "aAé%4"), ("%%41%zz", "%A%zz"), ("100 %", "100 %")]);
    }

    #[test]
    fn base64() {
        check(
            unbased,
            &[
                ("aGVsbG8gd29ybGQ=.", "hello world."),
                ("x: aGVsbG8gd29ybGQhIQ== y", "x: hello world!! y"),
                ("aGVsbG8gd29ybGQ", "hello world"),
                ("aGVsbG8gd28", "aGVsbG8gd28"),
                ("-_-_Pz8_Pz8_", "\u{fffd}\u{fffd}\u{fffd}??????"),
            ],
        );
    }

    #[test]
    fn covers() {
        check(
            uncovered,
            &[
                ("a\u{200b}b\u{feff}c\u{ad}d\u{e0041}e\u{fe0f}", "abcde"),
                ("\u{1b}[1;31mred\u{1b}[0m", "red"),
                ("\u{1b}]8;;http://x\u{7}link\u{1b}]8;;\u{1b}\\", "link"),
                ("\u{1b}[", "\u{1b}["),
                ("é 漢", "é 漢"),
            ],
        );
        assert_eq!(uncovered(b"a\xff\xe2\x80\x8bb\xc3"), b"ab");
    }
}

//! Runs of base64 (RFC 4648, both alphabets) that decode to text.
//!
//! A run is a longest stretch of the alphabet's bytes; it is decoded from its own begin, in windows,
//! for as long as it decodes to text. Most runs are words or paths and are given up after eight
//! bytes. What is not caught: base64 whose first character does not begin a run, broken lines.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::ops::Range;

/// A shorter run holds no secret.
pub(crate) const LEAST: usize = 16;
/// Encoded bytes that are decoded at once, and by how much the next window moves on.
pub(crate) const WINDOW: usize = 16 << 10;
pub(crate) const STRIDE: usize = 12 << 10;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// The bytes of both alphabets.
#[allow(clippy::indexing_slicing, reason = "at compile time a panic is a compiler's error")]
static DIGITS: [bool; 256] = {
    let mut digits = [false; 256];
    let mut byte: u8 = 0;
    while byte < 128 {
        digits[byte as usize] =
            byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
        byte += 1;
    }
    digits
};

#[inline(always)]
pub(crate) fn is_digit(byte: u8) -> bool {
    DIGITS.get(usize::from(byte)).copied().unwrap_or(false)
}

/// The next run at or after an offset that is long enough, or that touches the text's end.
pub(crate) fn next_run(text: &[u8], from: usize, complete: bool) -> Option<Range<usize>> {
    let is_digit_at = |at: usize| text.get(at).is_some_and(|byte| is_digit(*byte));
    let mut at = from;
    loop {
        // Every run that is long enough covers one of these probes.
        let probe = at.saturating_add(LEAST).saturating_sub(1);
        if probe >= text.len() {
            let tail = text.get(at..)?.iter().rev().take_while(|byte| is_digit(**byte)).count();
            let start = text.len().saturating_sub(tail);
            return (!complete && tail > 0).then_some(start..text.len());
        }
        if !is_digit_at(probe) {
            at = probe.saturating_add(1);
            continue;
        }
        let before = text.get(at..probe)?.iter().rev().take_while(|byte| is_digit(**byte)).count();
        let start = probe.saturating_sub(before);
        let after = text.get(probe..)?.iter().take_while(|byte| is_digit(**byte)).count();
        let end = probe.saturating_add(after);
        if end.saturating_sub(start) >= LEAST || (!complete && end == text.len()) {
            return Some(start..end);
        }
        at = end;
    }
}

/// Where the run ends that an offset stands in, if it does not begin there.
pub(crate) fn skip_run(text: &[u8], from: usize) -> usize {
    let is_within =
        from.checked_sub(1).and_then(|at| text.get(at)).is_some_and(|byte| is_digit(*byte));
    if !is_within {
        return from;
    }
    let rest = text.get(from..).unwrap_or_default();
    from.saturating_add(rest.iter().take_while(|byte| is_digit(**byte)).count())
}

/// Decodes a window of a run into text. The flag tells whether all of it was text.
pub(crate) fn decode(run: &[u8], text: &mut Vec<u8>) -> bool {
    text.clear();
    // Whole groups of four, and what a last one of two or three says.
    let usable = if run.len() & 3 == 1 { run.len().saturating_sub(1) } else { run.len() };
    let engine =
        if run.iter().any(|byte| matches!(byte, b'-' | b'_')) { URL_SAFE } else { STANDARD };
    let mut decode = |part: Option<&[u8]>| {
        text.clear();
        part.is_some_and(|part| engine.decode_vec(part, text).is_ok()) && as_text(text)
    };
    if usable > 8 && !decode(run.get(..8)) {
        return false;
    }
    decode(run.get(..usable))
}

/// Cuts bytes to the text at their start; whether that was all, but for a character that is cut.
fn as_text(bytes: &mut Vec<u8>) -> bool {
    let (valid, is_cut) = match std::str::from_utf8(bytes) {
        Ok(_) => (bytes.len(), true),
        Err(error) => (error.valid_up_to(), error.error_len().is_none()),
    };
    let is_control =
        |byte: &u8| *byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r') || *byte == 0x7f;
    let control = bytes.iter().take(valid).position(is_control);
    bytes.truncate(control.unwrap_or(valid));
    control.is_none() && is_cut
}

/// The encoded bytes, within a window, that stand for a range of decoded ones.
pub(crate) fn encoded(decoded: Range<usize>, window: usize) -> Range<usize> {
    let start = decoded.start / 3 * 4;
    let end = decoded.end.div_ceil(3).saturating_mul(4);
    start.min(window)..end.min(window)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(text: &str, complete: bool) -> Vec<&str> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(run) = next_run(text.as_bytes(), at, complete) {
            at = run.end;
            found.push(&text[run]);
        }
        found
    }

    #[test]
    fn runs_are_whole_and_long_enough() {
        let long = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo";
        let cases = [
            (format!("a b {long} c"), true, vec![long]),
            (long.to_string(), true, vec![long]),
            (format!("x={long}=="), true, vec![long]),
            (format!("{long} {long}"), true, vec![long, long]),
            ("short words and few".into(), true, vec![]),
            ("short words and few".into(), false, vec!["few"]),
            ("a line that ends here.".into(), false, vec![]),
        ];
        for (text, complete, expected) in cases {
            assert_eq!(runs(&text, complete), expected, "{text}");
        }
    }

    #[test]
    fn text_is_told_from_other_bytes() {
        let mut out = Vec::new();
        assert!(decode(b"aGVsbG8gd29ybGQhIQ", &mut out));
        assert_eq!(out, b"hello world!!");
        assert!(decode("Y2Fmw6ktX19f".as_bytes(), &mut out));
        assert!(!decode(b"aFunctionName_that_is_long", &mut out));
        assert!(!decode(b"aGVsbG8gd29ybGQh/////w", &mut out));
        assert_eq!(out, b"hello world!");
        assert_eq!(encoded(0..1, 16), 0..4);
        assert_eq!(encoded(3..7, 16), 4..12);
    }
}

//! A text whose end may not be the end: whoever reads past it gets no answer, and is told so.
//!
//! An answer that did not look past the end holds whatever follows. That is all that a split-safe
//! scan needs to know.

use std::cell::Cell;

/// A text, and whether someone asked for what has not come.
pub(super) struct Text<'a> {
    bytes: &'a [u8],
    complete: bool,
    starved: Cell<bool>,
}

impl<'a> Text<'a> {
    pub(super) fn new(bytes: &'a [u8], complete: bool) -> Self {
        Self { bytes, complete, starved: Cell::new(false) }
    }

    /// The byte at an offset. Past the end stands NUL, which belongs to nothing.
    pub(super) fn at(&self, at: usize) -> u8 {
        match self.bytes.get(at) {
            Some(byte) => *byte,
            None => {
                self.starved.set(!self.complete);
                0
            }
        }
    }

    /// The byte so many before an offset; before the begin stands NUL.
    pub(super) fn before(&self, at: usize, count: usize) -> u8 {
        at.checked_sub(count).and_then(|at| self.bytes.get(at)).copied().unwrap_or(0)
    }

    /// Bytes that were read already.
    pub(super) fn slice(&self, start: usize, end: usize) -> &'a [u8] {
        self.bytes.get(start..end).unwrap_or_default()
    }

    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether an answer since the last [`Text::ask`] looked at what has not come.
    pub(super) fn is_starved(&self) -> bool {
        self.starved.get()
    }

    /// Begins a new question.
    pub(super) fn ask(&self) {
        self.starved.set(false);
    }

    /// Whether a number or code can begin here: not within a word (`x86`), a fraction (`0.4111`),
    /// or behind a dash, which binds (`2fa1-4155`) or negates. Bytes beyond ASCII are no word:
    /// Chinese and Japanese put nothing between a label and its number.
    pub(super) fn opens(&self, at: usize) -> bool {
        match self.before(at, 1) {
            b'-' => false,
            b'.' => self.before(at, 2).is_ascii_alphabetic(),
            near => !is_word(near),
        }
    }

    /// Whether a number or code can end here.
    pub(super) fn closes(&self, at: usize) -> bool {
        match self.at(at) {
            b'-' => !is_word(self.at(at.saturating_add(1))),
            b'.' => !self.at(at.saturating_add(1)).is_ascii_digit(),
            near => !is_word(near),
        }
    }
}

pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Where the word ends that goes on at an offset.
pub(super) fn word_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at.saturating_add(rest.iter().take_while(|byte| is_word(**byte)).count())
}

const ONES: u64 = u64::from_le_bytes([1; 8]);
const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
const LOW: u64 = u64::from_le_bytes([0x7f; 8]);

/// Where the next `@` or digit stands, or the end: eight bytes a step.
pub(super) fn next_lead(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    let mut rest = bytes.get(from..).unwrap_or_default();
    while let Some((eight, after)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*eight);
        // A byte below 10 stays below 0x80 when 0x76 is added, a zero when 0x7f is; none carries.
        let digit = word ^ ONES.wrapping_mul(b'0' as u64);
        let no_digit = (digit & LOW).wrapping_add(ONES.wrapping_mul(0x76)) | digit;
        let sign = word ^ ONES.wrapping_mul(b'@' as u64);
        let no_sign = (sign & LOW).wrapping_add(LOW) | sign;
        let leads = !(no_digit & no_sign) & HIGH;
        if leads != 0 {
            return at.saturating_add((leads.trailing_zeros() / 8) as usize);
        }
        at = at.saturating_add(8);
        rest = after;
    }
    let lead = rest.iter().position(|byte| byte.is_ascii_digit() || *byte == b'@');
    at.saturating_add(lead.unwrap_or(rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_a_lead_or_not_at_every_place() {
        for byte in 0..=255 {
            let expected = if b"@0123456789".contains(&byte) { 5 } else { 13 };
            for pad in 0..9 {
                let text = [vec![b'x'; pad], vec![b'/'; 5], vec![byte], vec![0xff; 7]].concat();
                assert_eq!(next_lead(&text, 0), pad + expected, "{byte}");
                assert_eq!(next_lead(&text, pad), pad + expected, "{byte}");
            }
        }
        assert_eq!(next_lead(b"", 0), 0);
        assert_eq!(next_lead(b"1", 1), 1);
    }
}

//! Words that name a number whose own form says too little.
//!
//! The nearest word before a number, on its line and within reach, decides what it may be; a word
//! within something found names nothing. So a scan that has to resume needs the nearest word alone:
//! every number behind it is judged by it or by a later one.

use super::Pii;
use super::scan::Scope;
use super::text::Text;

/// How far behind a word's end its number begins at most, bytes.
pub(super) const REACH: usize = 48;
/// The longest word with its separators.
const LONGEST: usize = 24;

/// In lower case; a space stands for a space, dash, point or underscore, or for nothing.
struct Word {
    letters: &'static [u8],
    kind: Pii,
    /// Goes on into a compound, as `steuer` does into *Steueridentifikationsnummer*.
    is_stem: bool,
}

const fn word(letters: &'static str, kind: Pii) -> Word {
    Word { letters: letters.as_bytes(), kind, is_stem: false }
}

const fn stem(letters: &'static str, kind: Pii) -> Word {
    Word { letters: letters.as_bytes(), kind, is_stem: true }
}

/// The words that begin with a letter.
fn words(first: u8) -> &'static [Word] {
    match first.to_ascii_lowercase() {
        b'a' => const { &[stem("aadhaar", Pii::InAadhaar), stem("aadhar", Pii::InAadhaar)] },
        b'b' => const { &[word("bsn", Pii::NlBsn), stem("burgerservicenummer", Pii::NlBsn)] },
        b'c' => const { &[word("cpf", Pii::BrCpf)] },
        b'i' => const { &[word("id nr", Pii::DeTaxId)] },
        b'n' => const { &[word("nhs", Pii::UkNhs)] },
        b'p' => const { &[word("pesel", Pii::PlPesel)] },
        b's' => {
            const {
                &[
                    word("sin", Pii::CaSin),
                    word("social insurance", Pii::CaSin),
                    stem("sofi nummer", Pii::NlBsn),
                    stem("steuer", Pii::DeTaxId),
                ]
            }
        }
        b't' => const { &[word("tin", Pii::DeTaxId), word("tax id", Pii::DeTaxId)] },
        b'u' => const { &[word("uidai", Pii::InAadhaar)] },
        _ => &[],
    }
}

/// The letters that words begin with, `a` in the lowest bit: most bytes are refused by it.
const FIRSTS: u32 = 0b1_1100_1010_0001_0000_0111;

fn is_first(byte: u8) -> bool {
    FIRSTS.unbounded_shr(u32::from(byte | 0x20).wrapping_sub(u32::from(b'a'))) & 1 == 1
}

/// The word that names a number which begins here: where it begins, and for what.
pub(super) fn naming(scope: &Scope<'_, '_>, number: usize) -> Option<(usize, Pii)> {
    let known = scope.nameless.get();
    let Some((at, end, kind)) = nearest(scope, known, number, |_| {}) else {
        scope.nameless.set(number);
        return None;
    };
    (end.saturating_add(REACH) >= number).then_some((at, kind))
}

/// Where a scan has to resume that would resume here, so that no word is lost: at the nearest one
/// that reaches this far, or at what may become one.
pub(super) fn keep(scope: &Scope<'_, '_>, resume: usize) -> usize {
    let mut first = resume;
    let named = nearest(scope, scope.from, resume, |at| first = at);
    match named {
        Some((at, end, _)) if end.saturating_add(REACH) >= resume => first.min(at),
        _ => first,
    }
}

/// The last whole word that begins between two offsets, within reach of the second and on its
/// line; `open` hears of those behind it whose end has not come.
fn nearest(
    scope: &Scope<'_, '_>,
    after: usize,
    before: usize,
    mut open: impl FnMut(usize),
) -> Option<(usize, usize, Pii)> {
    let text = scope.text;
    let lowest = before.saturating_sub(LONGEST.saturating_add(REACH)).max(after);
    let mut window = text.slice(lowest, before);
    while let Some(offset) = window.iter().rposition(|byte| is_first(*byte) || *byte == b'\n') {
        let (rest, stop) = window.split_at_checked(offset)?;
        window = rest;
        let at = lowest.saturating_add(offset);
        let first = *stop.first()?;
        if first == b'\n' {
            return None;
        }
        if !begins(text, at) || scope.is_found(at) {
            continue;
        }
        for word in words(first).iter().filter(|word| scope.kinds.contains(word.kind)) {
            text.ask();
            let end = end(text, at, word);
            if text.is_starved() {
                open(at);
            } else if let Some(end) = end {
                return Some((at, end, word.kind));
            }
        }
    }
    None
}

/// Whether a word can begin here: `userBsn` and `user_bsn` hold one, `absn` does not.
fn begins(text: &Text<'_>, at: usize) -> bool {
    is_seam(text.before(at, 1), text.at(at))
}

fn is_seam(left: u8, right: u8) -> bool {
    !left.is_ascii_alphabetic()
        || !right.is_ascii_alphabetic()
        || (left.is_ascii_lowercase() && right.is_ascii_uppercase())
}

fn end(text: &Text<'_>, start: usize, word: &Word) -> Option<usize> {
    let mut at = start;
    for letter in word.letters {
        let next = text.at(at);
        if *letter == b' ' {
            at = at.saturating_add(usize::from(matches!(next, b' ' | b'-' | b'.' | b'_')));
        } else if next.to_ascii_lowercase() == *letter {
            at = at.saturating_add(1);
        } else {
            return None;
        }
    }
    (word.is_stem || is_seam(text.before(at, 1), text.at(at))).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn firsts_are_the_first_letters_of_words() {
        for byte in 0..=255 {
            let words = words(byte);
            assert_eq!(is_first(byte) && byte.is_ascii_alphabetic(), !words.is_empty(), "{byte}");
            assert!(words.iter().all(|word| word.letters[0] == byte.to_ascii_lowercase()));
            assert!(words.iter().all(|word| word.letters.len() <= LONGEST));
        }
    }
}

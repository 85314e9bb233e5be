//! Numbers and codes around a first digit: what stands before it says which formats are tried.

use super::formats::{self, Format};
use super::scan::Scope;
use super::text::Text;
use super::{Hit, Pii, letters, phone, words};

/// How far before its first digit anything begins: six letters, or `AB` and a space.
pub(super) const LEAD: usize = 7;
/// The longest run of digits that is a number.
const LONGEST: usize = 19;

/// How many bytes at the end of a text could go before a first digit, beyond a run of an address.
pub(super) fn open(text: &Text<'_>, end: usize) -> usize {
    match (text.before(end, 3), text.before(end, 2), text.before(end, 1)) {
        (_, _, b'(' | b'+') => 1,
        (b'A'..=b'Z', b'A'..=b'Z', b' ') => 3,
        _ => 0,
    }
}

/// What a digit is the first of.
pub(super) fn around(scope: &Scope<'_, '_>, digit: usize) -> Option<Hit> {
    let text = scope.text;
    match text.before(digit, 1) {
        b'A'..=b'Z' => letters::around(scope, digit),
        b'+' => {
            let plus = digit.saturating_sub(1);
            let end = scope.kinds.contains(Pii::Phone).then(|| phone::end(text, plus)).flatten()?;
            Some(hit(Pii::Phone, plus, end))
        }
        b'(' => bracketed(scope, digit).or_else(|| plain(scope, digit)),
        b' ' | b'-' if text.before(digit, 2).is_ascii_uppercase() => {
            letters::apart(scope, digit).or_else(|| plain(scope, digit))
        }
        _ => plain(scope, digit),
    }
}

/// `(415) 555-0132`.
fn bracketed(scope: &Scope<'_, '_>, digit: usize) -> Option<Hit> {
    let bracket = digit.saturating_sub(1);
    let is_tried = scope.kinds.contains(Pii::Phone) && scope.text.opens(bracket);
    is_tried.then(|| first_of(scope, bracket, 1, formats::BRACKETED)).flatten()
}

fn plain(scope: &Scope<'_, '_>, digit: usize) -> Option<Hit> {
    let text = scope.text;
    if !text.opens(digit) {
        return None;
    }
    let length =
        (0..=LONGEST).take_while(|n| text.at(digit.saturating_add(*n)).is_ascii_digit()).count();
    first_of(scope, digit, length, formats::like(text, digit, length))
}

/// The first of some formats that holds here. One whose end has not come settles nothing, and
/// neither does any behind it.
pub(super) fn first_of<'f>(
    scope: &Scope<'_, '_>,
    start: usize,
    known: usize,
    formats: impl IntoIterator<Item = &'f Format>,
) -> Option<Hit> {
    let mut name = None;
    for format in formats.into_iter().filter(|format| scope.kinds.contains(format.kind)) {
        let end = format.end(scope.text, start, known);
        if scope.text.is_starved() {
            return None;
        }
        let Some(end) = end else { continue };
        if !format.is_named {
            return Some(hit(format.kind, start, end));
        }
        match name.get_or_insert_with(|| words::naming(scope, start)) {
            Some((word, kind)) if *kind == format.kind => {
                return Some(Hit { kind: *kind, from: *word, start, end });
            }
            _ => {}
        }
    }
    None
}

pub(super) fn hit(kind: Pii, start: usize, end: usize) -> Hit {
    Hit { kind, from: start, start, end }
}

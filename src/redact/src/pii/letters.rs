//! Codes that begin with letters. They too are found from their first digit, looking back.

use super::number::{first_of, hit};
use super::scan::Scope;
use super::text::is_word;
use super::{Hit, Pii, formats, iban};

/// A code whose letters touch its first digit.
pub(super) fn around(scope: &Scope<'_, '_>, digit: usize) -> Option<Hit> {
    let text = scope.text;
    let count = (1..=7).take_while(|n| text.before(digit, *n).is_ascii_alphabetic()).count();
    let start = digit.checked_sub(count)?;
    if !matches!(count, 1 | 2 | 6) || is_word(text.before(start, 1)) {
        return None;
    }
    if count == 2
        && scope.kinds.contains(Pii::Iban)
        && let Some(end) = iban::end(text, start)
    {
        return Some(hit(Pii::Iban, start, end));
    }
    let is_open = text.opens(start);
    is_open.then(|| first_of(scope, start, 0, formats::behind_letters(count))).flatten()
}

/// A code whose letters stand a space or a dash before its first digit: `AB 12`, `X-12`.
pub(super) fn apart(scope: &Scope<'_, '_>, digit: usize) -> Option<Hit> {
    let text = scope.text;
    let count = (2..=4).take_while(|n| text.before(digit, *n).is_ascii_uppercase()).count();
    let start = digit.checked_sub(count)?.checked_sub(1)?;
    let is_open = matches!(count, 1 | 2) && text.opens(start);
    is_open.then(|| first_of(scope, start, 0, formats::apart_from_letters(count))).flatten()
}

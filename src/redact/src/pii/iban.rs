//! International bank account numbers (ISO 13616): country, two check digits, account.

use super::digits::mod_97;
use super::text::Text;

/// Lengths by country, in order. Source: SWIFT IBAN Registry.
#[rustfmt::skip]
const LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24), (b"AE", 23), (b"AL", 28), (b"AT", 20), (b"AZ", 28), (b"BA", 20), (b"BE", 16),
    (b"BG", 22), (b"BH", 22), (b"BI", 27), (b"BR", 29), (b"BY", 28), (b"CH", 21), (b"CR", 22),
    (b"CY", 28), (b"CZ", 24), (b"DE", 22), (b"DJ", 27), (b"DK", 18), (b"DO", 28), (b"EE", 20),
    (b"EG", 29), (b"ES", 24), (b"FI", 18), (b"FK", 18), (b"FO", 18), (b"FR", 27), (b"GB", 22),
    (b"GE", 22), (b"GI", 23), (b"GL", 18), (b"GR", 27), (b"GT", 28), (b"HN", 28), (b"HR", 21),
    (b"HU", 28), (b"IE", 22), (b"IL", 23), (b"IQ", 23), (b"IS", 26), (b"IT", 27), (b"JO", 30),
    (b"KW", 30), (b"KZ", 20), (b"LB", 28), (b"LC", 32), (b"LI", 21), (b"LT", 20), (b"LU", 20),
    (b"LV", 21), (b"LY", 25), (b"MC", 27), (b"MD", 24), (b"ME", 22), (b"MK", 19), (b"MN", 20),
    (b"MR", 27), (b"MT", 31), (b"MU", 30), (b"NI", 28), (b"NL", 18), (b"NO", 15), (b"OM", 23),
    (b"PK", 24), (b"PL", 28), (b"PS", 29), (b"PT", 25), (b"QA", 29), (b"RO", 24), (b"RS", 22),
    (b"RU", 33), (b"SA", 24), (b"SC", 31), (b"SD", 18), (b"SE", 24), (b"SI", 19), (b"SK", 24),
    (b"SM", 27), (b"SO", 23), (b"ST", 25), (b"SV", 28), (b"TL", 23), (b"TN", 24), (b"TR", 26),
    (b"UA", 29), (b"VA", 22), (b"VG", 24), (b"XK", 20), (b"YE", 30),
];

/// Where the IBAN ends that begins here: in one piece, or in groups of four with a space between.
pub(super) fn end(text: &Text<'_>, start: usize) -> Option<usize> {
    if !(2..4).all(|n| text.at(start.saturating_add(n)).is_ascii_digit()) {
        return None;
    }
    let country = text.slice(start, start.saturating_add(2));
    let row = LENGTHS.binary_search_by(|(code, _)| code.as_slice().cmp(country)).ok()?;
    let (_, length) = LENGTHS.get(row)?;
    let mut at = start.saturating_add(4);
    let is_grouped = text.at(at) == b' ';
    let mut rest = 0;
    for index in 4..*length {
        if is_grouped && index % 4 == 0 {
            if text.at(at) != b' ' {
                return None;
            }
            at = at.saturating_add(1);
        }
        rest = mod_97(rest, text.at(at))?;
        at = at.saturating_add(1);
    }
    let head = text.slice(start, start.saturating_add(4));
    let rest = head.iter().try_fold(rest, |rest, character| mod_97(rest, *character))?;
    (rest == 1 && text.closes(at)).then_some(at)
}

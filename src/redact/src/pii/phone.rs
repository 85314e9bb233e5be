//! Phone numbers: ITU-T E.164 behind a `+`, and the notation of the North American Numbering Plan.

use super::text::{Text, is_word};

/// The most digits of a number, and the fewest that are believed.
const MOST: usize = 15;
const FEWEST: usize = 8;
/// A number in groups has few of one digit: its country, an area, a trunk `(0)`.
const MOST_SINGLES: usize = 3;

/// Brackets close behind so many digits at the latest: `+380 (44)`.
const LAST_BRACKET: usize = 6;

const ANY: &[u8] = b"0123456789";
/// Country codes of two digits, and which third digits belong to one of three. Source: ITU-T,
/// List of assigned country codes (Complement to E.164).
#[rustfmt::skip]
const COUNTRIES: &[(&[u8; 2], &[u8])] = &[
    (b"21", b"12368"), (b"22", ANY), (b"23", ANY), (b"24", ANY), (b"25", b"012345678"),
    (b"26", ANY), (b"27", ANY), (b"29", b"01789"), (b"30", ANY), (b"31", ANY), (b"32", ANY),
    (b"33", ANY), (b"34", ANY), (b"35", ANY), (b"36", ANY), (b"37", ANY), (b"38", b"01235679"),
    (b"39", ANY), (b"40", ANY), (b"41", ANY), (b"42", b"013"), (b"43", ANY), (b"44", ANY),
    (b"45", ANY), (b"46", ANY), (b"47", ANY), (b"48", ANY), (b"49", ANY), (b"50", ANY), (b"51", ANY),
    (b"52", ANY), (b"53", ANY), (b"54", ANY), (b"55", ANY), (b"56", ANY), (b"57", ANY), (b"58", ANY),
    (b"59", ANY), (b"60", ANY), (b"61", ANY), (b"62", ANY), (b"63", ANY), (b"64", ANY), (b"65", ANY),
    (b"66", ANY), (b"67", b"023456789"), (b"68", b"012356789"), (b"69", b"012"), (b"80", b"08"),
    (b"81", ANY), (b"82", ANY), (b"84", ANY), (b"85", b"02356"), (b"86", ANY), (b"87", b"08"),
    (b"88", b"012368"), (b"90", ANY), (b"91", ANY), (b"92", ANY), (b"93", ANY), (b"94", ANY),
    (b"95", ANY), (b"96", b"012345678"), (b"97", b"012345679"), (b"98", ANY), (b"99", b"234568"),
];

/// Ten digits, or eleven with the plan's `1`: area and exchange begin with 2 to 9 and are not of
/// the form N11. Source: NANPA, North American Numbering Plan.
pub(super) fn is_north_american(digits: &[u8]) -> bool {
    let digits = match digits {
        [b'1', rest @ ..] if rest.len() == 10 => rest,
        _ => digits,
    };
    let is_code =
        |code: Option<&[u8]>| matches!(code, Some([b'2'..=b'9', rest @ ..]) if rest != b"11");
    digits.len() == 10 && is_code(digits.get(..3)) && is_code(digits.get(3..6))
}

fn is_international(digits: &[u8]) -> bool {
    match digits {
        [b'1', ..] => digits.len() == 11 && is_north_american(digits),
        [b'7', ..] => digits.len() == 11,
        // Egypt; fewer are a date behind a sign.
        [b'2', b'0', ..] => digits.len() >= 10,
        [first, second, third, ..] => {
            let is_country = |code: &[u8; 2]| *code == [*first, *second];
            digits.len() >= FEWEST
                && COUNTRIES.iter().any(|(code, thirds)| is_country(code) && thirds.contains(third))
        }
        _ => false,
    }
}

/// Where the number ends that begins with a `+`.
pub(super) fn end(text: &Text<'_>, plus: usize) -> Option<usize> {
    let before = text.before(plus, 1);
    if is_word(before) || matches!(before, b'+' | b')' | b']') {
        return None;
    }
    let mut digits = [0; MOST];
    let mut count = 0_usize;
    let mut singles = 0_usize;
    let mut at = plus.saturating_add(1);
    // The longest number so far: a group behind a space may turn out not to belong to it.
    let mut end = None;
    loop {
        let group = at;
        while text.at(at).is_ascii_digit() {
            let Some(place) = digits.get_mut(count) else { return end };
            *place = text.at(at);
            count = count.saturating_add(1);
            at = at.saturating_add(1);
        }
        let is_single = at.saturating_sub(group) == 1;
        singles = singles.saturating_add(usize::from(is_single));
        if singles > MOST_SINGLES {
            return end;
        }
        if !is_single && is_international(digits.get(..count)?) && closes(text, at) {
            end = Some(at);
        }
        let Some(next) = next_group(text, at, count) else { return end };
        at = next;
    }
}

/// Whether a number can end here, if only before its extension: `x12`.
fn closes(text: &Text<'_>, at: usize) -> bool {
    text.closes(at) || (text.at(at) == b'x' && text.at(at.saturating_add(1)).is_ascii_digit())
}

/// Where the group behind this one begins: one space, dash or point between the two, and brackets
/// around one of the first.
fn next_group(text: &Text<'_>, end: usize, count: usize) -> Option<usize> {
    let skip = |at: usize, is_bond: bool| if is_bond { at.saturating_add(1) } else { at };
    let mut at = skip(end, count <= LAST_BRACKET && text.at(end) == b')');
    at = skip(at, matches!(text.at(at), b' ' | b'-' | b'.'));
    at = skip(at, count < LAST_BRACKET && text.at(at) == b'(');
    (at > end && text.at(at).is_ascii_digit()).then_some(at)
}

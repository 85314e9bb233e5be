//! Check digits that more than one format uses. Digits come as ASCII.

/// The values of digits.
pub(super) fn values(digits: &[u8]) -> impl DoubleEndedIterator<Item = u32> + Clone {
    digits.iter().map(|digit| u32::from(digit & 15))
}

/// The number that at most 19 digits write.
pub(super) fn number(digits: &[u8]) -> u64 {
    values(digits).fold(0, |all, digit| all.wrapping_mul(10).wrapping_add(u64::from(digit)))
}

/// The digits in their places, weighed and summed.
pub(super) fn weighed(digits: &[u8], weights: &[u32]) -> u32 {
    values(digits).zip(weights).map(|(digit, weight)| digit.wrapping_mul(*weight)).sum()
}

/// Whether a calendar has such a day in some year.
pub(super) fn is_day(month: u64, day: u64) -> bool {
    let last = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=last).contains(&day)
}

/// Whether all digits are one.
pub(super) fn is_one_digit(digits: &[u8]) -> bool {
    digits.iter().all(|digit| Some(digit) == digits.first())
}

/// ISO/IEC 7812-1 annex B: every second digit from the right doubled, its own digits summed.
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = values(digits)
        .rev()
        .zip([false, true].into_iter().cycle())
        .map(|(digit, is_doubled)| match digit.wrapping_mul(2) {
            _ if !is_doubled => digit,
            double if double > 9 => double.wrapping_sub(9),
            double => double,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// ISO/IEC 7064 mod 97-10: what remains with one more digit or upper-case letter (`A` is 10).
pub(super) fn mod_97(rest: u32, character: u8) -> Option<u32> {
    let (shift, value) = match character {
        b'0'..=b'9' => (10, u32::from(character & 15)),
        b'A'..=b'Z' => (100, u32::from(character).wrapping_sub(55)),
        _ => return None,
    };
    Some(rest.wrapping_mul(shift).wrapping_add(value) % 97)
}

/// J. Verhoeff, Error Detecting Decimal Codes (1969): the dihedral group of order 10.
pub(super) fn verhoeff(digits: &[u8]) -> bool {
    const PRODUCT: [&[u8; 10]; 10] = [
        b"0123456789",
        b"1234067895",
        b"2340178956",
        b"3401289567",
        b"4012395678",
        b"5987604321",
        b"6598710432",
        b"7659821043",
        b"8765932104",
        b"9876543210",
    ];
    const PLACE: [&[u8; 10]; 8] = [
        b"0123456789",
        b"1576283094",
        b"5803796142",
        b"8916043527",
        b"9453126870",
        b"4286573901",
        b"2793806415",
        b"7046913258",
    ];
    let value = |table: &[u8; 10], at: usize| usize::from(table.get(at).unwrap_or(&b'0') & 15);
    let rest = digits.iter().rev().zip(PLACE.iter().cycle()).fold(0, |rest, (digit, place)| {
        let placed = value(place, usize::from(digit & 15));
        PRODUCT.get(rest).map_or(0, |row| value(row, placed))
    });
    rest == 0
}

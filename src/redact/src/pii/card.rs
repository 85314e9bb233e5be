//! Payment cards: ISO/IEC 7812 numbers of the issuers whose ranges are public.

use super::digits::{is_one_digit, luhn, number};

/// A number that one of the issuers could have given out, with its check digit.
pub(super) fn is_card(digits: &[u8]) -> bool {
    is_issued(digits) && luhn(digits) && !is_one_digit(digits)
}

/// One of 19 digits in one piece. Visa's are few, and numbers of 64 bits that begin with 4 many.
pub(super) fn is_long_card(digits: &[u8]) -> bool {
    !digits.starts_with(b"4") && is_card(digits)
}

/// Issuer identification ranges, by their first four digits, and lengths. Sources: the BIN ranges
/// that Visa, Mastercard, American Express, Discover (with Diners, JCB and UnionPay in its network)
/// publish for acquirers; Maestro's are those still in use, as its nominal ranges (50, 56 to 69)
/// take in every other 18-digit number.
fn is_issued(digits: &[u8]) -> bool {
    let head = digits.get(..4).map_or(0, number);
    match (head, digits.len()) {
        // Visa.
        (4000..=4999, 13 | 16 | 19) => true,
        // Mastercard.
        (5100..=5599 | 2221..=2720, 16) => true,
        // American Express.
        (3400..=3499 | 3700..=3799, 15) => true,
        // Diners Club.
        (3000..=3059 | 3095 | 3600..=3699 | 3800..=3999, 14) => true,
        // Discover; JCB; UnionPay.
        (6011 | 6440..=6599, 16 | 19) => true,
        (3528..=3589, 16..=19) => true,
        (6200..=6299, 16..=19) => true,
        // Maestro.
        (5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763, 13..=19) => true,
        _ => false,
    }
}

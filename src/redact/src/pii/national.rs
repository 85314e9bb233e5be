//! What the numbers that states give to persons prove of themselves. Each takes the digits and
//! letters alone, in the number that its formats say.

use super::digits::{is_day, is_one_digit, luhn, number, values, verhoeff, weighed};

/// The number that a range of digits writes; 0 where there is none.
fn part(digits: &[u8], start: usize, end: usize) -> u64 {
    digits.get(start..end).map_or(0, number)
}

/// The character of an alphabet that a remainder stands for.
fn is_check(alphabet: &[u8], rest: u64, check: u8) -> bool {
    usize::try_from(rest).is_ok_and(|rest| alphabet.get(rest) == Some(&check))
}

/// Areas, groups and serials that were never given out, and the two numbers that advertisements
/// spent. Source: SSA, POMS RM 10201.035.
pub(super) fn us_ssn(digits: &[u8]) -> bool {
    let (area, group, serial) = (part(digits, 0, 3), part(digits, 3, 5), part(digits, 5, 9));
    !matches!(area, 0 | 666 | 900..)
        && group != 0
        && serial != 0
        && !matches!(digits, b"078051120" | b"219099999")
}

/// The letters of DNI and NIE, by the number modulo 23. Source: Ministerio del Interior, Cálculo
/// del dígito de control del NIF-NIE.
const ES_LETTERS: &[u8] = b"TRWAGMYFPDXBNJZSQVHLCKE";

/// Eight digits and their letter. Round numbers are constants with a suffix: `20000000L`.
pub(super) fn es_dni(characters: &[u8]) -> bool {
    let Some((letter, digits)) = characters.split_last() else { return false };
    !digits.ends_with(b"0000") && is_check(ES_LETTERS, number(digits) % 23, *letter)
}

/// `X`, `Y` or `Z` for a first digit 0, 1 or 2.
pub(super) fn es_nie(characters: &[u8]) -> bool {
    let [first @ (b'X' | b'Y' | b'Z'), digits @ .., letter] = characters else { return false };
    let lead = u64::from(first.wrapping_sub(b'X')).wrapping_mul(10_000_000);
    is_check(ES_LETTERS, lead.wrapping_add(number(digits)) % 23, *letter)
}

/// Three letters of the surname, three of the name, year, month, day (women's plus 40), place,
/// check character; in place of a digit may stand one of `LMNPQRSTUV`. Source: D.M. 23/12/1976.
pub(super) fn it_codice_fiscale(characters: &[u8]) -> bool {
    /// Values at odd places, counted from one, of `0`/`A` to `9`/`J` and on to `Z`.
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let place = |character: u8| match character {
        b'0'..=b'9' => character & 15,
        _ => character.wrapping_sub(b'A'),
    };
    let digit = |at: usize| match characters.get(at) {
        Some(digit @ b'0'..=b'9') => Some(u64::from(digit & 15)),
        Some(letter) => {
            b"LMNPQRSTUV".iter().position(|other| other == letter).map(|digit| digit as u64)
        }
        None => None,
    };
    let two = |at: usize| {
        let units = digit(at.saturating_add(1))?;
        Some(digit(at)?.wrapping_mul(10).wrapping_add(units))
    };
    let month = characters.get(8).and_then(|m| b"ABCDEHLMPRST".iter().position(|x| x == m));
    let is_dated = match (two(6), month, two(9)) {
        (Some(_), Some(month), Some(day)) => is_day(
            (month as u64).saturating_add(1),
            if day > 40 { day.wrapping_sub(40) } else { day },
        ),
        _ => false,
    };
    let Some((check, body)) = characters.split_last() else { return false };
    let sum: u32 = body
        .iter()
        .zip([true, false].into_iter().cycle())
        .map(|(character, is_odd)| {
            let place = place(*character);
            if is_odd { ODD.get(usize::from(place)).copied().unwrap_or(0) } else { place.into() }
        })
        .sum();
    is_dated
        && (12..15).all(|at| digit(at).is_some())
        && u32::from(check.wrapping_sub(b'A')) == sum % 26
}

/// The eleven test: weights 9 to 2, and −1 for the last. Source: Rijksdienst voor
/// Identiteitsgegevens, Logisch Ontwerp BSN.
pub(super) fn nl_bsn(digits: &[u8]) -> bool {
    // −1 and 10 are one modulo 11.
    weighed(digits, &[9, 8, 7, 6, 5, 4, 3, 2, 10]).is_multiple_of(11) && !is_one_digit(digits)
}

/// One digit stands twice or thrice among the first ten, the others once at most; ISO/IEC 7064
/// mod 11,10. Source: BZSt, Steueridentifikationsnummer, Prüfziffernberechnung.
pub(super) fn de_tax_id(digits: &[u8]) -> bool {
    let Some((check, ten)) = digits.split_last() else { return false };
    let product = values(ten).fold(10, |product, digit| {
        let sum = u32::wrapping_add(product, digit) % 10;
        if sum == 0 { 20 % 11 } else { sum.wrapping_mul(2) % 11 }
    });
    let expected = 11_u32.wrapping_sub(product) % 10;
    let mut often = (b'0'..=b'9')
        .map(|digit| ten.iter().filter(|other| **other == digit).count())
        .filter(|count| *count > 1);
    u32::from(check & 15) == expected
        && ten.first() != Some(&b'0')
        && matches!((often.next(), often.next()), (Some(2 | 3), None))
}

/// Sex, year, month, department, commune, order, and 97 minus the rest modulo 97; Corsica's `2A`
/// and `2B` count as 19 and 18. Months past 12 stand for unknown ones. Source: INSEE, Numéro
/// d'inscription au répertoire.
pub(super) fn fr_nir(characters: &[u8]) -> bool {
    let Ok(mut digits) = <[u8; 15]>::try_from(characters) else { return false };
    if let [_, _, _, _, _, tens @ b'2', units @ (b'A' | b'B'), ..] = &mut digits {
        *units = if *units == b'A' { b'9' } else { b'8' };
        *tens = b'1';
    }
    matches!(digits.first(), Some(b'1' | b'2'))
        && digits.iter().all(u8::is_ascii_digit)
        && matches!(part(&digits, 3, 5), 1..=12 | 20..=42 | 50..=99)
        && part(&digits, 0, 13).wrapping_add(part(&digits, 13, 15)).is_multiple_of(97)
}

/// Weights 10 to 2, modulo 11. Source: NHS Data Dictionary, NHS number.
pub(super) fn uk_nhs(digits: &[u8]) -> bool {
    // The check digit makes the sum divisible, with weight 1; a check of 10 is never given out.
    weighed(digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11) && !is_one_digit(digits)
}

/// Prefixes that are given out, and the suffix `A` to `D`. Source: HMRC, NIM39110.
pub(super) fn uk_nino(characters: &[u8]) -> bool {
    let [first, second, .., suffix] = characters else { return false };
    !b"DFIQUV".contains(first)
        && !b"DFIOQUV".contains(second)
        && ![b"BG", b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ"].contains(&&[*first, *second])
        && matches!(suffix, b'A'..=b'D')
}

/// A date of birth, whose month tells the century, and weights 1, 3, 7, 9. Source: Ministerstwo
/// Cyfryzacji, Czym jest numer PESEL.
pub(super) fn pl_pesel(digits: &[u8]) -> bool {
    is_day(part(digits, 2, 4) % 20, part(digits, 4, 6))
        && weighed(digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
}

/// Two check digits modulo 11. Source: Receita Federal, Cadastro de Pessoas Físicas.
pub(super) fn br_cpf(digits: &[u8]) -> bool {
    let holds = |weights: &[u32], at: usize| {
        let rest = weighed(digits, weights).wrapping_mul(10) % 11 % 10;
        u64::from(rest) == part(digits, at, at.saturating_add(1))
    };
    holds(&[10, 9, 8, 7, 6, 5, 4, 3, 2], 9)
        && holds(&[11, 10, 9, 8, 7, 6, 5, 4, 3, 2], 10)
        && !is_one_digit(digits)
}

/// Does not begin with 0 or 1; Verhoeff. Source: UIDAI, A UID Numbering Scheme (2010).
pub(super) fn in_aadhaar(digits: &[u8]) -> bool {
    matches!(digits.first(), Some(b'2'..=b'9')) && verhoeff(digits) && !is_one_digit(digits)
}

/// A date of birth (a co-ordination number's day plus 60), a serial, and Luhn over the ten digits.
/// Source: Skatteverket, SKV 704 and SKV 707.
pub(super) fn se_personnummer(digits: &[u8]) -> bool {
    let (century, ten) = digits.split_at(digits.len().saturating_sub(10));
    let (year, month, day) = (part(ten, 0, 2), part(ten, 2, 4), part(ten, 4, 6));
    let (hour, minute) = (part(ten, 6, 8), part(ten, 8, 10));
    let is_recent = century == b"20" || (century.is_empty() && year < 40);
    // A time of day behind a date of this century is rather that: `20240115-1830`.
    let is_time = is_recent && hour < 24 && minute < 60;
    matches!(century, b"" | b"18" | b"19" | b"20")
        && is_day(month, if day > 60 { day.wrapping_sub(60) } else { day })
        && luhn(ten)
        && !is_time
}

/// A date of birth, a serial, and a check character by the nine digits modulo 31. Source: DVV,
/// Henkilötunnus.
pub(super) fn fi_hetu(characters: &[u8]) -> bool {
    let Some((check, digits)) = characters.split_last() else { return false };
    is_day(part(digits, 2, 4), part(digits, 0, 2))
        && part(digits, 6, 9) >= 2
        && is_check(b"0123456789ABCDEFHJKLMNPRSTUVWXY", number(digits) % 31, *check)
}

/// A date of birth (a bis number's month plus 20 or 40), a serial, and 97 minus the rest modulo
/// 97; a 2 goes in front for who is born in 2000 or later. Source: IBZ, Information au registre
/// national TI 000.
pub(super) fn be_national_number(digits: &[u8]) -> bool {
    let (body, check) = (part(digits, 0, 9), part(digits, 9, 11));
    let is_check = |body: u64| 97_u64.wrapping_sub(body % 97) == check;
    part(digits, 2, 4) % 20 <= 12
        && part(digits, 4, 6) <= 31
        && (is_check(body) || is_check(body.wrapping_add(2_000_000_000)))
}

/// Country 756, and EAN-13. Source: BSV, AHV-Nummer (Wegleitung über Versicherungsausweis und IK).
pub(super) fn ch_ahv(digits: &[u8]) -> bool {
    digits.starts_with(b"756")
        && weighed(digits, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
}

/// A division of GB/T 2260, a date of birth, a serial, and ISO/IEC 7064 mod 11-2. Source: GB 11643.
pub(super) fn cn_resident_id(characters: &[u8]) -> bool {
    let Some((check, digits)) = characters.split_last() else { return false };
    let sum = weighed(digits, &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
    matches!(part(digits, 0, 2), 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83 | 91)
        && matches!(part(digits, 6, 8), 19 | 20)
        && is_day(part(digits, 10, 12), part(digits, 12, 14))
        && is_check(b"10X98765432", u64::from(sum % 11), check.to_ascii_uppercase())
}

/// Luhn, and a first digit that is given out. Source: ESDC, Social Insurance Number.
pub(super) fn ca_sin(digits: &[u8]) -> bool {
    luhn(digits) && !digits.starts_with(b"8") && !is_one_digit(digits)
}

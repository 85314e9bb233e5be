//! How numbers are written: shapes, by the length of their first run of digits.

use super::text::Text;
use super::{Pii, card, national, phone};
use Pii::{BeNationalNumber, BrCpf, CaSin, ChAhv, CnResidentId, DeTaxId, EsDni, FiHetu, FrNir};
use Pii::{InAadhaar, ItCodiceFiscale, NlBsn, PlPesel, SePersonnummer, UkNhs, UkNino, UsSsn};

/// One way to write a number of a kind.
pub(super) struct Format {
    pub(super) kind: Pii,
    /// `0` is a digit, `L` a letter, `X` either, `A` one of Corsica's two, `~` Finland's sign of the
    /// century; every other byte is itself.
    pub(super) shape: &'static [u8],
    /// Whether digits and letters, without what separates them, prove the kind.
    check: fn(&[u8]) -> bool,
    /// Whether a word has to name it too: one check digit lets every tenth number pass.
    pub(super) is_named: bool,
}

const fn telling(kind: Pii, shape: &'static str, check: fn(&[u8]) -> bool) -> Format {
    Format { kind, shape: shape.as_bytes(), check, is_named: false }
}

const fn named(kind: Pii, shape: &'static str, check: fn(&[u8]) -> bool) -> Format {
    Format { kind, shape: shape.as_bytes(), check, is_named: true }
}

const fn phone(shape: &'static str) -> Format {
    telling(Pii::Phone, shape, phone::is_north_american)
}

const fn card(shape: &'static str) -> Format {
    telling(Pii::Card, shape, card::is_card)
}

pub(super) fn fits(shape: u8, byte: u8) -> bool {
    match shape {
        b'0' => byte.is_ascii_digit(),
        b'L' => byte.is_ascii_uppercase(),
        b'X' => byte.is_ascii_digit() || byte.is_ascii_uppercase() || byte == b'x',
        b'A' => matches!(byte, b'A' | b'B'),
        b'~' => matches!(byte, b'+' | b'-' | b'A'..=b'F' | b'U'..=b'Y'),
        _ => shape == byte,
    }
}

impl Format {
    /// Where a number of this format ends that begins here.
    pub(super) fn end(&self, text: &Text<'_>, start: usize) -> Option<usize> {
        let mut characters = [0; 20];
        let mut count = 0_usize;
        let mut at = start;
        for shape in self.shape {
            let byte = text.at(at);
            if !fits(*shape, byte) {
                return None;
            }
            if matches!(shape, b'0' | b'L' | b'X' | b'A') {
                *characters.get_mut(count)? = byte;
                count = count.saturating_add(1);
            }
            at = at.saturating_add(1);
        }
        ((self.check)(characters.get(..count)?) && text.closes(at)).then_some(at)
    }
}

/// The formats whose first run of digits is so long, the longer ones first.
pub(super) fn of(length: usize) -> &'static [Format] {
    match length {
        1 => ONE,
        2 => TWO,
        3 => THREE,
        4 => FOUR,
        6 => SIX,
        8 => EIGHT,
        9 => NINE,
        10 => TEN,
        11 => ELEVEN,
        12 => TWELVE,
        13..=19 => LONG.get(length.saturating_sub(13)).copied().unwrap_or_default(),
        _ => &[],
    }
}

/// The formats that begin with so many letters.
pub(super) fn behind_letters(count: usize) -> &'static [Format] {
    match count {
        1 => const { &[telling(EsDni, "L0000000L", national::es_nie)] },
        2 => const { &[telling(UkNino, "LL000000L", national::uk_nino)] },
        6 => const { &[telling(ItCodiceFiscale, "LLLLLLXXLXXLXXXL", national::it_codice_fiscale)] },
        _ => &[],
    }
}

/// The formats in which so many letters stand apart.
pub(super) fn apart_from_letters(count: usize) -> &'static [Format] {
    match count {
        1 => const { &[telling(EsDni, "L-0000000-L", national::es_nie)] },
        2 => const { &[telling(UkNino, "LL 00 00 00 L", national::uk_nino)] },
        _ => &[],
    }
}

pub(super) const BRACKETED: &[Format] = &[phone("(000) 000-0000"), phone("(000)000-0000")];

const ONE: &[Format] = &[
    telling(FrNir, "0 00 00 00 000 000 00", national::fr_nir),
    telling(FrNir, "0 00 00 0A 000 000 00", national::fr_nir),
    phone("0-000-000-0000"),
    phone("0.000.000.0000"),
    phone("0 000-000-0000"),
    phone("0 (000) 000-0000"),
];

const TWO: &[Format] = &[
    telling(BeNationalNumber, "00.00.00-000.00", national::be_national_number),
    named(DeTaxId, "00 000 000 000", national::de_tax_id),
];

const THREE: &[Format] = &[
    telling(UsSsn, "000-00-0000", national::us_ssn),
    telling(BrCpf, "000.000.000-00", national::br_cpf),
    telling(ChAhv, "000.0000.0000.00", national::ch_ahv),
    named(UkNhs, "000 000 0000", national::uk_nhs),
    named(UkNhs, "000-000-0000", national::uk_nhs),
    named(CaSin, "000 000 000", national::ca_sin),
    named(CaSin, "000-000-000", national::ca_sin),
    phone("000-000-0000"),
    phone("000.000.0000"),
];

const FOUR: &[Format] = &[
    card("0000 0000 0000 0000 000"),
    card("0000-0000-0000-0000-000"),
    card("0000 0000 0000 0000"),
    card("0000-0000-0000-0000"),
    card("0000 000000 00000"),
    card("0000-000000-00000"),
    card("0000 000000 0000"),
    card("0000-000000-0000"),
    named(InAadhaar, "0000 0000 0000", national::in_aadhaar),
    named(InAadhaar, "0000-0000-0000", national::in_aadhaar),
    named(NlBsn, "0000.00.000", national::nl_bsn),
];

const SIX: &[Format] = &[
    telling(SePersonnummer, "000000-0000", national::se_personnummer),
    telling(SePersonnummer, "000000+0000", national::se_personnummer),
    telling(FiHetu, "000000~000X", national::fi_hetu),
    telling(FrNir, "000000A00000000", national::fr_nir),
];

const EIGHT: &[Format] = &[
    telling(SePersonnummer, "00000000-0000", national::se_personnummer),
    telling(EsDni, "00000000L", national::es_dni),
    telling(EsDni, "00000000-L", national::es_dni),
];

const NINE: &[Format] = &[named(NlBsn, "000000000", national::nl_bsn)];

const TEN: &[Format] = &[named(UkNhs, "0000000000", national::uk_nhs)];

const ELEVEN: &[Format] = &[
    named(PlPesel, "00000000000", national::pl_pesel),
    named(DeTaxId, "00000000000", national::de_tax_id),
    named(BrCpf, "00000000000", national::br_cpf),
];

const TWELVE: &[Format] = &[named(InAadhaar, "000000000000", national::in_aadhaar)];

const LONG: [&[Format]; 7] = [
    &[card("0000000000000")],
    &[card("00000000000000")],
    &[telling(FrNir, "000000000000000", national::fr_nir), card("000000000000000")],
    &[card("0000000000000000")],
    &[
        telling(CnResidentId, "00000000000000000X", national::cn_resident_id),
        card("00000000000000000"),
    ],
    &[
        telling(CnResidentId, "000000000000000000", national::cn_resident_id),
        card("000000000000000000"),
    ],
    &[card("0000000000000000000")],
];

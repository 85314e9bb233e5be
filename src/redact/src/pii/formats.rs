//! How numbers are written: shapes, by the length of their first run of digits.

use super::text::{Text, is_word};
use super::{Pii, card, national, phone};
use Pii::{
    BeNationalNumber, BrCpf, CaSin, Card, ChAhv, CnResidentId, DeTaxId, EsDni, FiHetu, FrNir,
};
use Pii::{InAadhaar, ItCodiceFiscale, NlBsn, PlPesel, SePersonnummer, UkNhs, UkNino, UsSsn};

/// One way to write a number of a kind.
pub(super) struct Format {
    pub(super) kind: Pii,
    /// `0` is a digit, `L` a letter, `X` either, `A` one of Corsica's two, `~` Finland's sign of the
    /// century; every other byte is itself.
    shape: &'static [u8],
    /// Whether digits and letters, without what separates them, prove the kind.
    check: fn(&[u8]) -> bool,
    /// How its digits go on behind the first run: what most numbers are refused by.
    turn: Turn,
    /// Whether a word has to name it too: one check digit lets every tenth number pass.
    pub(super) is_named: bool,
    /// Whether it is none beside one more group of four: tables and dumps are full of them.
    is_in_fours: bool,
}

const fn telling(kind: Pii, shape: &'static str, check: fn(&[u8]) -> bool) -> Format {
    let shape = shape.as_bytes();
    Format { kind, shape, check, turn: turn_of(shape), is_named: false, is_in_fours: false }
}

const fn named(kind: Pii, shape: &'static str, check: fn(&[u8]) -> bool) -> Format {
    Format { is_named: true, ..telling(kind, shape, check) }
}

const fn phone(shape: &'static str) -> Format {
    telling(Pii::Phone, shape, phone::is_north_american)
}

const fn card(shape: &'static str) -> Format {
    telling(Card, shape, card::is_card)
}

const fn in_fours(format: Format) -> Format {
    Format { is_in_fours: true, ..format }
}

fn fits(shape: u8, byte: u8) -> bool {
    match shape {
        b'0' => byte.is_ascii_digit(),
        b'L' => byte.is_ascii_uppercase(),
        b'X' => byte.is_ascii_digit() || byte.is_ascii_uppercase() || byte == b'x',
        b'A' => matches!(byte, b'A' | b'B'),
        b'~' => matches!(byte, b'+' | b'-' | b'A'..=b'F' | b'U'..=b'Y'),
        _ => shape == byte,
    }
}

/// The byte behind a first run of digits, and how many digits follow it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Turn(u8, u8);

const fn turn_of(shape: &[u8]) -> Turn {
    let mut rest = shape;
    while let [b'0', more @ ..] = rest {
        rest = more;
    }
    let [joint @ (b' ' | b'-' | b'.' | b'+'), more @ ..] = rest else { return Turn(0, 0) };
    let mut digits = 0_u8;
    rest = more;
    while let [b'0', more @ ..] = rest {
        rest = more;
        digits = digits.saturating_add(1);
    }
    Turn(*joint, digits)
}

/// The formats that the digits from an offset on can have, of which so many are the first run.
pub(super) fn like(
    text: &Text<'_>,
    start: usize,
    length: usize,
) -> impl Iterator<Item = &'static Format> {
    let joint = start.saturating_add(length);
    let next = text.at(joint);
    let digits = match next {
        b' ' | b'-' | b'.' | b'+' => {
            (1..=7).take_while(|n| text.at(joint.saturating_add(*n)).is_ascii_digit()).count()
        }
        _ => 0,
    };
    let turn = Turn(next, u8::try_from(digits).unwrap_or(0));
    let is_possible =
        matches!(next, b' ' | b'-' | b'.' | b'+' | b'A'..=b'Z') || length >= SHORTEST_BARE;
    let formats = if is_possible { of(length) } else { &[] };
    formats.iter().filter(move |format| format.turn == turn || format.turn == Turn(0, 0))
}

/// The fewest digits that are a number by themselves.
const SHORTEST_BARE: usize = 9;

impl Format {
    /// Where a number of this format ends that begins here; so many of its bytes are known to fit.
    pub(super) fn end(&self, text: &Text<'_>, start: usize, known: usize) -> Option<usize> {
        if self.is_in_fours && is_four(|n| text.before(start, n)) {
            return None;
        }
        for (shape, at) in self.shape.iter().zip(start..).skip(known) {
            if !fits(*shape, text.at(at)) {
                return None;
            }
        }
        let end = start.saturating_add(self.shape.len());
        let mut characters = [0; 20];
        let mut places = characters.iter_mut();
        for (shape, byte) in self.shape.iter().zip(text.slice(start, end)) {
            if matches!(shape, b'0' | b'L' | b'X' | b'A') {
                *places.next()? = *byte;
            }
        }
        let free = places.len();
        let (characters, _) = characters.split_at_checked(characters.len().saturating_sub(free))?;
        let holds = (self.check)(characters)
            && text.closes(end)
            && !(self.is_in_fours && is_four(|n| text.at(end.saturating_add(n).saturating_sub(1))));
        holds.then_some(end)
    }
}

/// Whether a space and a group of four hexadecimal digits stand on one side, nearest first.
fn is_four(side: impl Fn(usize) -> u8) -> bool {
    side(1) == b' ' && (2..=5).all(|n| side(n).is_ascii_hexdigit()) && !is_word(side(6))
}

/// The formats whose first run of digits is so long, the longer ones first.
fn of(length: usize) -> &'static [Format] {
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
    in_fours(card("0000 0000 0000 0000 000")),
    card("0000-0000-0000-0000-000"),
    in_fours(card("0000 0000 0000 0000")),
    card("0000-0000-0000-0000"),
    card("0000 000000 00000"),
    card("0000-000000-00000"),
    card("0000 000000 0000"),
    card("0000-000000-0000"),
    in_fours(named(InAadhaar, "0000 0000 0000", national::in_aadhaar)),
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
    &[telling(Card, "0000000000000000000", card::is_long_card)],
];

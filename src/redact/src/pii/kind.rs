//! The kinds of personal data, and sets of them.

use super::samples;

/// A kind of personal data. Its source is named where it is checked: `national`, `card`, `iban`,
/// `phone`, `email`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pii {
    /// RFC 5321, the part of it that people use.
    Email,
    /// ITU-T E.164 with its `+`, or North American notation.
    Phone,
    /// ISO 13616.
    Iban,
    /// ISO/IEC 7812, of the large issuers.
    Card,
    /// `AAA-GG-SSSS` (SSA, POMS RM 10201).
    UsSsn,
    /// DNI `12345678Z` and NIE `X1234567L` (Ministerio del Interior).
    EsDni,
    /// `RSSMRA85T10A562S` (D.M. 23/12/1976).
    ItCodiceFiscale,
    /// Nine digits behind a word (Logisch Ontwerp BSN).
    NlBsn,
    /// Eleven digits behind a word (Abgabenordnung § 139b; BZSt).
    DeTaxId,
    /// Fifteen digits (INSEE).
    FrNir,
    /// Ten digits behind a word (NHS Data Dictionary).
    UkNhs,
    /// `AB123456C` (HMRC, NIM39110).
    UkNino,
    /// Eleven digits behind a word (Ministerstwo Cyfryzacji).
    PlPesel,
    /// `529.982.247-25`, or eleven digits behind a word (Receita Federal).
    BrCpf,
    /// Twelve digits behind a word (UIDAI).
    InAadhaar,
    /// `811218-9876` or `19811218-9876` (Skatteverket, SKV 704).
    SePersonnummer,
    /// `131052-308T` (DVV).
    FiHetu,
    /// `85.07.30-033.28` (arrêté royal du 3 avril 1984).
    BeNationalNumber,
    /// `756.9217.0769.85` (AHVV art. 133).
    ChAhv,
    /// `046-454-286` behind a word (ESDC).
    CaSin,
    /// Eighteen characters (GB 11643).
    CnResidentId,
}

/// What the world is told about a kind.
pub(super) struct About {
    pub(super) id: &'static str,
    pub(super) description: &'static str,
    pub(super) positives: &'static [&'static str],
    pub(super) negatives: &'static [&'static str],
}

impl Pii {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::Email,
        Self::Phone,
        Self::Iban,
        Self::Card,
        Self::UsSsn,
        Self::EsDni,
        Self::ItCodiceFiscale,
        Self::NlBsn,
        Self::DeTaxId,
        Self::FrNir,
        Self::UkNhs,
        Self::UkNino,
        Self::PlPesel,
        Self::BrCpf,
        Self::InAadhaar,
        Self::SePersonnummer,
        Self::FiHetu,
        Self::BeNationalNumber,
        Self::ChAhv,
        Self::CaSin,
        Self::CnResidentId,
    ];

    /// Stable name, as in policies, records and metrics: `de-tax-id`.
    #[must_use]
    pub fn id(self) -> &'static str {
        samples::about(self).id
    }

    /// One line for a person.
    #[must_use]
    pub fn description(self) -> &'static str {
        samples::about(self).description
    }

    /// The kind of a name.
    #[must_use]
    pub fn named(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.id() == id)
    }

    /// Texts that hold one of this kind and nothing else, between `«` and `»`.
    #[must_use]
    pub fn positives(self) -> &'static [&'static str] {
        samples::about(self).positives
    }

    /// Texts that hold nothing of this kind.
    #[must_use]
    pub fn negatives(self) -> &'static [&'static str] {
        samples::about(self).negatives
    }
}

/// A set of kinds; none by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds(u32);

impl Kinds {
    /// Adds a kind.
    pub fn insert(&mut self, kind: Pii) {
        self.0 |= bit(kind);
    }

    /// Whether a kind is in it.
    #[must_use]
    pub fn contains(self, kind: Pii) -> bool {
        self.0 & bit(kind) != 0
    }

    /// Whether nothing is.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Pii> for Kinds {
    fn from_iter<I: IntoIterator<Item = Pii>>(kinds: I) -> Self {
        Self(kinds.into_iter().map(bit).fold(0, |all, bit| all | bit))
    }
}

fn bit(kind: Pii) -> u32 {
    1_u32.wrapping_shl(kind as u32)
}

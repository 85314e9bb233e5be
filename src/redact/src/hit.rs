//! A value that was found, without the value.

use crate::engine::{Action, Engine, Finding, PLACEHOLDER};
use std::ops::Range;
use std::rc::Rc;

/// One value found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Where it stands. In what units is for the holder to say.
    pub at: Range<usize>,
    /// Which detector found it; [`PLACEHOLDER`]: it is a placeholder of ours.
    pub detector: usize,
    /// What stands in its place.
    pub placeholder: Rc<str>,
    /// Tells it apart in records.
    pub fingerprint: Rc<str>,
}

impl Hit {
    /// Describes what a scan of a text found.
    pub(crate) fn new(engine: &Engine, text: &[u8], finding: &Finding) -> Self {
        let at = finding.start..finding.end;
        let value = text.get(at.clone()).unwrap_or_default();
        if finding.detector == PLACEHOLDER {
            let placeholder = String::from_utf8_lossy(value).into();
            return Self { at, detector: PLACEHOLDER, placeholder, fingerprint: "".into() };
        }
        let (placeholder, fingerprint) = engine.keyring().names(engine.id(finding.detector), value);
        let detector = finding.detector;
        Self { at, detector, placeholder: placeholder.into(), fingerprint: fingerprint.into() }
    }

    /// Whether it is a placeholder of ours, and no value.
    #[must_use]
    pub fn is_placeholder(&self) -> bool {
        self.detector == PLACEHOLDER
    }
}

/// What was found in one place, as records and metrics show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The detector's name.
    pub rule: String,
    /// Where: a JSON pointer (RFC 6901), or what the holder calls the place.
    pub place: String,
    /// How often.
    pub count: u64,
    /// Tells the value apart under the gateway's key; empty when several values are counted.
    pub fingerprint: Rc<str>,
    /// What was done.
    pub action: Action,
}

/// Tallies of one text, bounded.
#[derive(Clone, Debug, Default)]
pub struct Tallies {
    all: Vec<Tally>,
}

/// Tallies that name their place; further ones are counted by rule and action alone.
const PLACES: usize = 200;

impl Tallies {
    /// Counts a value.
    pub fn add(&mut self, rule: &str, place: &str, fingerprint: &Rc<str>, action: Action) {
        let same = |one: &&mut Tally| {
            one.rule == rule
                && one.action == action
                && one.fingerprint == *fingerprint
                && one.place == place
        };
        // What repeats mostly repeats at once.
        if let Some(one) = self.all.iter_mut().rev().take(8).find(same) {
            one.count = one.count.saturating_add(1);
            return;
        }
        let (place, fingerprint) =
            if self.all.len() < PLACES { (place, Rc::clone(fingerprint)) } else { ("", "".into()) };
        let same =
            |one: &&mut Tally| one.rule == rule && one.action == action && one.place.is_empty();
        match self.all.iter_mut().skip(PLACES).find(same) {
            Some(one) => one.count = one.count.saturating_add(1),
            None => self.all.push(Tally {
                rule: rule.to_owned(),
                place: place.to_owned(),
                count: 1,
                fingerprint,
                action,
            }),
        }
    }

    /// Takes in those of a text that stands within a place.
    pub fn extend_under(&mut self, place: &str, other: Self) {
        for tally in other.all {
            let place = format!("{place}{}", tally.place);
            self.all.push(Tally { place, ..tally });
        }
    }

    /// Takes in another text's.
    pub fn extend(&mut self, other: Self) {
        self.all.extend(other.all);
    }

    /// The tallies, in the order of their first values.
    #[must_use]
    pub fn all(&self) -> &[Tally] {
        &self.all
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

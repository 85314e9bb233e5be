//! Finds what the detectors look for, in a whole text or in the part of one that has come.
//!
//! ```text
//! text ─▶ literals of all patterns at once ─▶ one pattern's DFA ─▶ checks ─▶ findings
//!      ─▶ personal data, in one pass of its own
//!      ─▶ lines with escapes, runs of base64 ─▶ decoded ─▶ the same again, two deep
//! ```
//!
//! [`Engine::scan`] takes a text whose end may not have come and says up to where it is decided:
//! what follows cannot change what was found before that offset. A stream keeps the rest and asks
//! again with more; a whole text is a stream of one piece. So both find the same.
//!
//! Work is bounded: a candidate looks one window far, and a text that makes its candidates look at
//! more than [`STEPS_A_BYTE`] bytes for each of its own is taken for hostile. From the candidate that
//! spends the last step to the text's end it counts as one finding, `scan-limit`.

mod coded;
mod detector;
mod literals;
mod map;
mod matcher;
mod plain;
mod prefix;
mod scan;

pub use detector::{Action, Detector, InvalidDetector, Look};
pub use map::Map;
#[cfg(test)]
pub(crate) use matcher::{Decided, Matcher};
pub(crate) use plain::hex;

use crate::pii::Kinds;
use crate::placeholder::Keyring;
use detector::Compiled;
use literals::{Gathered, Literals};

/// Whether a string is base64 of text, as far as its first bytes tell.
pub(crate) fn is_coded_text(text: &[u8]) -> bool {
    coded::decode(text.get(..256).unwrap_or(text), &mut Vec::new())
}

/// How many layers of disguise are taken off.
const DEPTH: u8 = 2;
/// Bytes that candidates may look at, for each byte of the text.
const STEPS_A_BYTE: usize = 20;
/// And for the text as such.
const STEPS_A_TEXT: usize = 64 << 10;
/// Memory of all lazy automata above which they are dropped and built anew on use.
const AUTOMATA_BYTES: usize = 48 << 20;
/// Bytes before the offset from which on a text is scanned that must be there, if it has as many.
pub const CONTEXT: usize = 16;

/// Stands for a detector where a placeholder of ours was found.
pub const PLACEHOLDER: usize = usize::MAX;

/// One thing found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where the evidence begins: at or before the value.
    pub(crate) from: usize,
    /// The value's begin.
    pub start: usize,
    /// The value's end.
    pub end: usize,
    /// Which detector, by its place in the engine; [`PLACEHOLDER`] where one of ours stands.
    pub detector: usize,
}

/// From where on a text is still to be scanned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resume {
    /// The offset.
    pub at: usize,
    /// It stands within a run of base64 that is decoded from here.
    pub(crate) in_run: bool,
}

/// All detectors of a policy, ready to scan.
#[derive(Debug)]
pub struct Engine {
    detectors: Vec<Compiled>,
    literals: Literals,
    kinds: Kinds,
    personal: Vec<(crate::pii::Pii, usize)>,
    keyring: Keyring,
    /// How far before its keyword a match of some pattern can begin.
    look_back: usize,
    steps: usize,
    /// For each detector, the end of what it found last, in the scan of that number.
    done: Vec<(u64, usize)>,
    scans: u64,
    spare: Vec<(Vec<u8>, Map)>,
    grown: bool,
}

impl Engine {
    /// Builds an engine. Patterns' own automata are built when a text first asks for them.
    ///
    /// # Errors
    /// The first detector that cannot be used, and why.
    pub fn new(detectors: Vec<Detector>, keyring: Keyring) -> Result<Self, InvalidDetector> {
        let mut compiled = Vec::with_capacity(detectors.len().saturating_add(1));
        let begins = crate::rules::begins();
        let mut literals = Gathered::default();
        let mut kinds = Kinds::default();
        let mut personal = Vec::new();
        let mut look_back = 0;
        for detector in detectors {
            let index = compiled.len();
            if let Look::Personal(kind) = detector.look {
                kinds.insert(kind);
                personal.push((kind, index));
            }
            let one = Compiled::new(detector, index, &begins, &mut literals)?;
            look_back = look_back.max(one.look_back());
            compiled.push(one);
        }
        compiled.push(Compiled::limit());
        let done = vec![(0, 0); compiled.len()];
        Ok(Self {
            detectors: compiled,
            literals: literals.build(),
            kinds,
            personal,
            keyring,
            look_back,
            steps: 0,
            done,
            scans: 0,
            spare: Vec::new(),
            grown: false,
        })
    }

    /// Whether it looks for nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        // What is left is the limit of a scan.
        self.detectors.len() <= 1
    }

    /// The keys of placeholders and fingerprints.
    #[must_use]
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// A detector's name in policies, records and metrics.
    #[must_use]
    pub fn id(&self, detector: usize) -> &str {
        self.detectors.get(detector).map_or("", |one| one.id())
    }

    /// What is done with what a detector finds.
    #[must_use]
    pub fn action(&self, detector: usize) -> Action {
        self.detectors.get(detector).map_or(Action::Mask, |one| one.action())
    }

    /// One line for a person: what leaks when this leaks.
    #[must_use]
    pub fn description(&self, detector: usize) -> &str {
        self.detectors.get(detector).map_or("", |one| one.description())
    }

    /// A detector by its name.
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<usize> {
        self.detectors.iter().position(|one| one.id() == id)
    }

    /// The detector that takes the whole value of a JSON member of this name.
    #[must_use]
    pub fn by_key(&self, key: &[u8]) -> Option<usize> {
        self.detectors.iter().position(|one| one.takes_key(key))
    }

    /// Whether some detector goes by the names of JSON members.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        self.detectors.iter().any(Compiled::has_keys)
    }

    /// Everything in a whole text, in order and apart from each other.
    pub fn scan_whole(&mut self, text: &[u8]) -> Vec<Finding> {
        let mut found = Vec::new();
        self.scan(text, Resume::default(), true, &mut found);
        found
    }

    /// Everything in `text[from..]` that is decided, in order and apart from each other, and up to
    /// where that is. `complete`: nothing follows the text, so all of it is decided.
    ///
    /// What stands before `from` is context: [`CONTEXT`] bytes of it are enough.
    pub fn scan(
        &mut self,
        text: &[u8],
        from: Resume,
        complete: bool,
        found: &mut Vec<Finding>,
    ) -> Resume {
        self.steps = text
            .len()
            .saturating_sub(from.at)
            .saturating_mul(STEPS_A_BYTE)
            .saturating_add(STEPS_A_TEXT);
        let first = found.len();
        let resume = self.scan_layers(text, from, complete, DEPTH, found);
        let resume = scan::settle(found, first, resume, |detector| self.action(detector));
        self.bound_memory();
        resume
    }

    /// Drops all lazy automata when they have grown too large together.
    fn bound_memory(&mut self) {
        if !std::mem::take(&mut self.grown) {
            return;
        }
        let bytes: usize = self.detectors.iter().map(Compiled::bytes).sum();
        if bytes > AUTOMATA_BYTES {
            self.detectors.iter_mut().for_each(Compiled::forget);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;

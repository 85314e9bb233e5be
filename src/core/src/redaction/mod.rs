//! What the gateway redacts, and where: the policy's detectors over a request's head and body, and
//! over a response, whole or as it comes.
//!
//! Enters: texts as they came. Leaves: what goes over the wire, what goes on record, what was found.
//! Nothing here decides who may ask; nothing here keeps state from one exchange to the next but the
//! memory of strings that were scanned.

mod event;
mod guide;
mod head;
mod queue;
mod whole;

pub use head::HeadRedaction;
pub(crate) use queue::Queue;
pub use whole::Body;

use crate::config::{PolicyError, RedactPolicy};
use hansard_record::part::Finding;
pub use hansard_redact::Action;
use hansard_redact::{Engine, Keyring, Seen, Tallies, Tally};

/// Strings that are remembered as scanned, a VM.
const SEEN: usize = 64 << 10;

/// A policy's detectors, ready to work.
#[derive(Debug)]
pub struct Redactor {
    engine: Engine,
    seen: Seen,
    blocks_signed: bool,
    drops_media: bool,
    /// What was found since it was last taken.
    found: Vec<Found>,
}

/// Keys of a redactor.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// Makes placeholders and fingerprints; the same wherever they must be the same.
    pub placeholders: &'a [u8],
    /// Random, and this VM's own.
    pub seen: [u8; 16],
}

impl std::fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

impl Redactor {
    /// Makes a policy's detectors ready.
    ///
    /// # Errors
    /// A detector that cannot be used, with its path in the policy, or a key that is too short.
    pub fn new(policy: &RedactPolicy, keys: Keys<'_>) -> Result<Self, PolicyError> {
        let keyring = Keyring::new(keys.placeholders)
            .map_err(|error| PolicyError::new(format!("redact: {error}")))?;
        let engine = Engine::new(policy.detectors.clone(), keyring)
            .map_err(|error| PolicyError::new(format!("redact: {error}")))?;
        Ok(Self {
            engine,
            seen: Seen::new(keys.seen, SEEN),
            blocks_signed: policy.blocks_signed,
            drops_media: policy.drops_media,
            found: Vec::new(),
        })
    }

    /// Whether nothing is looked for: everything passes as it is.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.engine.is_empty()
    }

    /// What was found since this was last asked, for metrics.
    pub fn take_found(&mut self) -> Vec<Found> {
        std::mem::take(&mut self.found)
    }

    fn count(&mut self, tallies: &Tallies) {
        for tally in tallies.all() {
            let same = |one: &&mut Found| one.rule == tally.rule && one.action == tally.action;
            match self.found.iter_mut().find(same) {
                Some(found) => found.count = found.count.saturating_add(tally.count),
                None => self.found.push(tally.into()),
            }
        }
    }

    /// What a person is told of a value that does not pass: which rule, and where it stands.
    fn blocked(&self, what: &str, detector: usize, place: &str) -> Blocked {
        let rule = self.engine.id(detector).to_owned();
        let description = self.engine.description(detector);
        let message = format!(
            "{what} holds something that this gateway does not let through, at {place}: \
             {description} (rule {rule}). Take it out and try again."
        );
        Blocked { rule, message }
    }
}

/// A value that does not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The rule that found it.
    pub rule: String,
    /// For the person at the client.
    pub message: String,
}

/// Tallies as a part of a record shows them.
pub(crate) fn findings(tallies: &Tallies) -> Vec<Finding<'_>> {
    tallies.all().iter().map(finding).collect()
}

fn finding(tally: &Tally) -> Finding<'_> {
    Finding {
        rule: tally.rule.as_str().into(),
        at: tally.place.as_str().into(),
        count: tally.count,
        fingerprint: (&*tally.fingerprint).into(),
        action: tally.action.name().into(),
    }
}

/// What was found, for metrics: rule, action, how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The rule.
    pub rule: String,
    /// What was done.
    pub action: Action,
    /// How often.
    pub count: u64,
}

impl From<&Tally> for Found {
    fn from(tally: &Tally) -> Self {
        Self { rule: tally.rule.clone(), action: tally.action, count: tally.count }
    }
}

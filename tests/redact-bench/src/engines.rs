//! The engines that are measured: every built-in rule, and every kind of personal data.

use crate::problem::Problem;
use hansard_redact::pii::Pii;
use hansard_redact::{Action, Detector, Engine, Keyring, Look, rules};

const KEY: &[u8] = b"a key for benchmarks alone";
const ACTION: Action = Action::Mask;

/// Looks for secrets alone.
pub(crate) fn secrets() -> Result<Engine, Problem> {
    build(rules().map(secret).collect())
}

/// Looks for secrets and personal data.
pub(crate) fn everything() -> Result<Engine, Problem> {
    let personal = Pii::ALL.iter().map(|kind| Detector {
        id: kind.id().into(),
        action: ACTION,
        look: Look::Personal(*kind),
    });
    build(rules().map(secret).chain(personal).collect())
}

fn secret(rule: &'static hansard_redact::Rule) -> Detector {
    Detector { id: rule.id.into(), action: ACTION, look: Look::Secret(rule) }
}

fn build(detectors: Vec<Detector>) -> Result<Engine, Problem> {
    let keyring = Keyring::new(KEY).map_err(|error| Problem::Engine(error.to_string()))?;
    Engine::new(detectors, keyring).map_err(|error| Problem::Engine(error.to_string()))
}

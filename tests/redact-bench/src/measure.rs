//! One process's measurements.

use crate::figures::Figures;
use crate::problem::{Problem, say};
use crate::texts::Corpus;
use crate::{deltas, engines, hostile, speed};
use std::time::Instant;

/// Rounds that count; one more, before them, warms up.
pub(crate) const ROUNDS: usize = 5;

/// Measures everything.
pub(crate) fn measure(corpus: &Corpus) -> Result<Figures, Problem> {
    say("  bodies and texts");
    let (speed, planted) = speed::measure(corpus)?;
    say("  deltas");
    let deltas = deltas::measure(corpus)?;
    Ok(Figures {
        bodies: corpus.bodies.len(),
        raw: corpus.raw(),
        plain: corpus.plain(),
        speed,
        planted,
        deltas,
        configure_ms: configure()?,
        hostile: hostile::measure()?,
    })
}

/// Milliseconds to make an engine of all detectors.
fn configure() -> Result<Vec<f64>, Problem> {
    engines::everything()?;
    let rounds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        let engine = engines::everything()?;
        let took = start.elapsed();
        drop(engine);
        Ok(took.as_secs_f64() * 1e3)
    });
    rounds.collect()
}

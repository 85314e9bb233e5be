//! One process's measurements, in one round: what runs beside it takes its turn before the next.

use crate::figures::Figures;
use crate::problem::Problem;
use crate::texts::Corpus;
use crate::{deltas, engines, speed};
use std::time::Instant;

/// Measures everything once, each thing after a pass that warms up.
pub(crate) fn measure(corpus: &Corpus) -> Result<Figures, Problem> {
    let (speed, found) = speed::measure(corpus)?;
    Ok(Figures {
        bodies: corpus.bodies.len(),
        raw: corpus.raw(),
        plain: corpus.plain(),
        speed,
        found,
        deltas: deltas::measure(corpus)?,
        configure_ms: vec![configure()?],
    })
}

/// Milliseconds to make an engine of all detectors.
fn configure() -> Result<f64, Problem> {
    engines::everything()?;
    let start = Instant::now();
    let engine = engines::everything()?;
    let took = start.elapsed();
    drop(engine);
    Ok(took.as_secs_f64() * 1e3)
}

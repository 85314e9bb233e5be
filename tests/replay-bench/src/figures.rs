//! Times, and what is said of them.

use std::time::Duration;

/// Times in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    p50: f64,
    p95: f64,
    most: f64,
}

impl Figures {
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |share: usize| {
            let place = times.len().saturating_sub(1) * share / 100;
            times.get(place).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
        };
        Self { p50: at(50), p95: at(95), most: at(100) }
    }

    pub(crate) fn text(self) -> String {
        let Self { p50, p95, most } = self;
        format!("p50 {p50:.1} ms, p95 {p95:.1} ms, most {most:.0} ms")
    }
}

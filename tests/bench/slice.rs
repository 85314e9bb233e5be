//! One slice: one Envoy under one load for a moment, while all others are idle.
//!
//! ```text
//! connect ── warm ──┤ CPU ── measured ── until Envoy and sink are quiet ── CPU ├── disconnect
//! ```
//!
//! What an exchange leaves behind (records on their way, commits) is counted with it, and does not
//! disturb the next slice.

use crate::cell::Cell;
use crate::cpu;
use crate::envoy::Envoy;
use crate::load::{Clients, Traffic};
use crate::problem::Problem;
use crate::stats::percentile;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const LOOK_EVERY: Duration = Duration::from_millis(25);
/// What idle processes spend between two looks, at most.
const QUIET: Duration = Duration::from_millis(2);
const QUIET_WITHIN: Duration = Duration::from_secs(30);

/// What was measured in one slice. Times are in milliseconds, CPU in microseconds per request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) requests: u64,
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// To the first byte of the body, p50.
    pub(crate) first_ms: f64,
    pub(crate) envoy_us: f64,
    pub(crate) sink_us: f64,
}

/// A sample, and how many requests were sent for it, those to warm up included.
pub(crate) struct Measured {
    pub(crate) sample: Sample,
    pub(crate) sent: u64,
}

/// Measures the slice of this number.
pub(crate) async fn measure(
    envoy: &Envoy,
    sink: u32,
    number: u64,
    traffic: &Rc<Traffic>,
    warm: Duration,
    time: Duration,
) -> Result<Measured, Problem> {
    let failed = |why| failed(envoy, traffic.cell, why);
    let mut clients = Clients::connect(envoy.address, traffic, number).await.map_err(failed)?;
    let warmed = clients.run(warm).await.map_err(failed)?.len() as u64;

    let before = (cpu::spent(envoy.pid)?, cpu::spent(sink)?);
    let start = Instant::now();
    let seen = clients.run(time).await.map_err(failed)?;
    let elapsed = start.elapsed();
    let after = quiet(envoy.pid, sink).await?;

    let envoy_spent = after.0.saturating_sub(before.0);
    if envoy_spent.is_zero() {
        return Err(Problem::NotEnvoy { pid: envoy.pid });
    }
    let count = seen.len() as f64;
    let per_request = |spent: Duration| spent.as_secs_f64() * 1e6 / count;
    let sorted = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times
    };
    let wholes = sorted(seen.iter().map(|seen| milliseconds(seen.whole)).collect());
    let firsts = sorted(seen.iter().map(|seen| milliseconds(seen.first)).collect());
    let sample = Sample {
        requests: seen.len() as u64,
        per_second: count / elapsed.as_secs_f64(),
        p50_ms: percentile(&wholes, 50),
        p99_ms: percentile(&wholes, 99),
        first_ms: percentile(&firsts, 50),
        envoy_us: per_request(envoy_spent),
        sink_us: per_request(after.1.saturating_sub(before.1)),
    };
    Ok(Measured { sample, sent: warmed + sample.requests })
}

/// Waits until neither does anything worth counting; what both have spent by then.
async fn quiet(envoy: u32, sink: u32) -> Result<(Duration, Duration), Problem> {
    let deadline = Instant::now() + QUIET_WITHIN;
    let mut last = (cpu::spent(envoy)?, cpu::spent(sink)?);
    loop {
        sleep(LOOK_EVERY).await;
        let now = (cpu::spent(envoy)?, cpu::spent(sink)?);
        let busy = now.0.saturating_sub(last.0) + now.1.saturating_sub(last.1);
        if busy < QUIET {
            return Ok(now);
        }
        if Instant::now() > deadline {
            return Err(Problem::Restless);
        }
        last = now;
    }
}

fn failed(envoy: &Envoy, cell: Cell, why: String) -> Problem {
    Problem::Exchange { variant: envoy.variant.name(), cell: cell.title(), why }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

//! `hansard-bench`: what Hansard costs Envoy.
//!
//! Enters: an Envoy and the built project. Leaves: CPU, latency and throughput of Envoy without a
//! filter, with a filter that does nothing, with Lua, and with Hansard in both deliveries, as a
//! Markdown table or as JSON; exit 1 when it could not be measured, or when the ledger does not
//! hold every exchange that passed. A missed aim is a finding, not a failure: it is in the table.
//!
//! ```text
//! clients (this thread) ─▶ 6 × Envoy (child, one worker) ─▶ upstream (thread, canned answers)
//!                               └─▶ hansard sink (child) ─▶ ledger under target/
//! ```
//!
//! The ratio to read is Envoy's CPU per request against no filter: clients, upstream and sink share
//! the machine's cores, so requests per second say as much about them.

mod bench;
mod cell;
mod config;
mod cores;
mod cpu;
mod envoy;
mod figures;
mod issuer;
mod load;
mod payload;
mod problem;
mod process;
mod report;
mod sink;
mod slice;
mod stats;
mod steps;
mod upstream;
mod variant;

use bench::Outcome;
use cell::Case;
use clap::Parser;
use problem::Problem;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  hansard-bench --envoy /usr/local/bin/envoy
  hansard-bench --quick --case small
  hansard-bench --json > bench.json
  hansard-bench --case large --connections 1 --filter other/hansard_filter.wasm

It takes about 4 minutes, with --quick 50 seconds. Leave the machine alone meanwhile.
Each Envoy's process id is on standard error, for `perf record -g -p`.";

/// Measure what Hansard costs Envoy
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_help = EXAMPLES)]
struct Args {
    /// The Envoy to measure, 1.35 or later
    #[arg(long, env = "ENVOY", default_value = "envoy", value_name = "PATH")]
    envoy: PathBuf,
    /// Fewer and shorter rounds: a look, not a measurement
    #[arg(long)]
    quick: bool,
    /// Print JSON, with the samples of every round
    #[arg(long)]
    json: bool,
    /// Measure one case alone
    #[arg(long, value_enum)]
    case: Option<Case>,
    /// Measure one number of connections alone: 1 or 32
    #[arg(long, value_name = "N", value_parser = connections)]
    connections: Option<usize>,
    /// Rounds [default: 7, with --quick 3]
    #[arg(long, value_name = "N", value_parser = rounds)]
    rounds: Option<usize>,
    /// The native binary [default: hansard beside this program]
    #[arg(long, value_name = "PATH")]
    hansard: Option<PathBuf>,
    /// The filter [default: hansard_filter.wasm where cargo puts it]
    #[arg(long, value_name = "PATH")]
    filter: Option<PathBuf>,
}

fn main() -> ExitCode {
    match measure(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            let _ = writeln!(io::stderr(), "hansard-bench: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn measure(args: &Args) -> Result<(), Problem> {
    // One thread, this one: the clients never compete with each other, and Envoy ends when the
    // thread that started it does.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let here = tokio::task::LocalSet::new();
    let outcome = here.block_on(&runtime, async {
        tokio::select! {
            outcome = bench::run(args) => outcome,
            _ = tokio::signal::ctrl_c() => Err(Problem::Interrupted),
        }
    })?;
    let text = if args.json { report::json(&outcome) } else { report::markdown(&outcome) };
    writeln!(io::stdout(), "{text}")?;
    recorded(&outcome)
}

/// Without every part on record, what was measured is not Hansard. The access log may lose parts
/// by its nature (the table says how many); it must not lose all.
fn recorded(outcome: &Outcome) -> Result<(), Problem> {
    let expected = 2 * outcome.recorded_requests.acknowledged;
    let found = outcome.parts.acknowledged;
    if found != expected {
        return Err(Problem::Unrecorded { found, expected });
    }
    let expected = 2 * outcome.recorded_requests.access_log;
    let found = outcome.parts.access_log;
    if found == 0 || found > expected {
        return Err(Problem::Unrecorded { found, expected });
    }
    Ok(())
}

fn connections(text: &str) -> Result<usize, String> {
    match text {
        "1" => Ok(1),
        "32" => Ok(32),
        _ => Err("give 1 or 32".to_owned()),
    }
}

fn rounds(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=100) => Ok(number),
        _ => Err("give a number from 1 to 100".to_owned()),
    }
}

//! `redact-bench`: what redaction costs, natively and in V8.
//!
//! Enters: source text, of which request bodies of Claude Code's shape are made. Leaves: megabytes
//! a second for scans and for whole requests, microseconds a delta, how much of a stream waits, what
//! hostile texts cost, and the public scanners beside it, as Markdown. A missed goal is a finding,
//! not a failure: it is in the table. Exit 1 when it could not be measured.
//!
//! ```text
//! run: source text ─▶ corpus ─┬▶ this program:    measure ─┐
//!                             ├▶ the same in V8:  measure ─┼▶ table
//!                             └▶ gitleaks, kingfisher ─────┘
//! ```
//!
//! Nothing of it is fixed to a machine: trust the ratios, and compare within one run.

mod base64;
mod corpus;
mod deltas;
mod engines;
mod figures;
mod heap;
mod hostile;
mod inputs;
mod measure;
mod planted;
mod problem;
mod random;
mod report;
mod run;
mod scanners;
mod source;
mod speed;
#[path = "../../bench/stats.rs"]
mod stats;
mod texts;

use problem::Problem;
use std::io::{self, Write};
use std::process::ExitCode;

const USAGE: &str = "\
Usage: redact-bench run PYTHON DIRECTORY...   measure everything, print the table
       redact-bench corpus DIRECTORY...       print request bodies made of source text, one a line
       redact-bench measure < CORPUS          measure here, print JSON
       redact-bench heap < CORPUS             measure memory here, print JSON
       redact-bench hostile                   measure hostile inputs here, print JSON
       redact-bench inputs                    print the ways and names of the hostile inputs
       redact-bench count WAY NAME PASSES     redact an input so many times, print nothing

`make bench-redact` builds and installs what `run` needs. It takes about 2 minutes; leave the
machine alone meanwhile.";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match answer(&args).and_then(|text| Ok(writeln!(io::stdout(), "{text}")?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            let _ = writeln!(io::stderr(), "redact-bench: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn answer(args: &[&str]) -> Result<String, Problem> {
    Ok(match *args {
        ["run", python, ref directories @ ..] => report::markdown(&run::run(python, directories)?),
        ["corpus", ref directories @ ..] => corpus::make(directories)?.join("\n"),
        ["measure"] => serde_json::to_string(&measure::measure(&texts::read()?)?)?,
        ["hostile"] => serde_json::to_string(&hostile::measure()?)?,
        ["heap"] => serde_json::to_string(&heap::measure()?)?,
        ["inputs"] => hostile::ways().join("\n"),
        ["count", way, name, passes] => hostile::repeat(way, name, passes)?,
        _ => return Err(Problem::Usage),
    })
}

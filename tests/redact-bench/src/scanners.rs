//! Public scanners, on the same text in one file.
//!
//! Their time is wall time on one thread, less what they take on an empty file; natively, for they
//! run nowhere else. Neither is allowed the network.

use crate::measure::ROUNDS;
use crate::problem::Problem;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// What a scanner did.
pub(crate) struct Scanner {
    pub(crate) name: &'static str,
    /// Megabytes a second, a figure for each round.
    pub(crate) speed: Vec<f64>,
}

/// How a scanner is called.
struct Call {
    name: &'static str,
    /// Of the class in tests/oracle/scanners.py that knows where it is.
    class: &'static str,
    before: &'static [&'static str],
    after: &'static [&'static str],
    /// What it exits with when it finds something.
    found: i32,
}

const CALLS: [Call; 2] = [
    Call {
        name: "gitleaks",
        class: "Gitleaks",
        before: &["dir"],
        after: &["--no-banner", "--log-level", "error"],
        found: 1,
    },
    Call {
        name: "kingfisher",
        class: "Kingfisher",
        before: &["scan"],
        after: &[
            "--jobs",
            "1",
            "--quiet",
            "--no-validate",
            "--no-update-check",
            "--git-history",
            "none",
            "--format",
            "json",
            "--output",
            "/dev/null",
        ],
        found: 200,
    },
];

/// Runs each on a text, and on none.
pub(crate) fn measure(python: &str, folder: &Path, text: &str) -> Result<Vec<Scanner>, Problem> {
    let (full, empty) = (folder.join("full.txt"), folder.join("empty.txt"));
    std::fs::write(&full, text)?;
    std::fs::write(&empty, "")?;
    let each = CALLS.iter().map(|call| {
        let binary = binary(python, call)?;
        let mut speed = Vec::new();
        for round in 0..=ROUNDS {
            let idle = seconds(call, &binary, &empty)?;
            let busy = seconds(call, &binary, &full)?;
            if round > 0 {
                speed.push(text.len() as f64 / 1e6 / (busy - idle).max(1e-3));
            }
        }
        Ok(Scanner { name: call.name, speed })
    });
    each.collect()
}

/// Where a Python finds the scanner that is installed with it.
fn binary(python: &str, call: &Call) -> Result<String, Problem> {
    let oracle = concat!(env!("CARGO_MANIFEST_DIR"), "/../oracle");
    let class = call.class;
    let script = format!("from scanners import {class}; print({class}().binary)");
    let output = Command::new(python).args(["-c", &script]).env("PYTHONPATH", oracle).output()?;
    if !output.status.success() {
        let why = format!("not installed for {python}; measure by `make bench-redact`");
        return Err(Problem::Program { name: call.name.to_owned(), why });
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn seconds(call: &Call, binary: &str, file: &Path) -> Result<f64, Problem> {
    let mut command = Command::new(binary);
    command.args(call.before).arg(file).args(call.after);
    // Go and Rayon take no more threads than these say.
    command.env("GOMAXPROCS", "1").env("RAYON_NUM_THREADS", "1");
    let start = Instant::now();
    let output = command.stdin(Stdio::null()).output()?;
    let took = start.elapsed().as_secs_f64();
    match output.status.code() {
        Some(0) => Ok(took),
        Some(code) if code == call.found => Ok(took),
        _ => {
            let why = String::from_utf8_lossy(&output.stderr).into_owned();
            Err(Problem::Program { name: call.name.to_owned(), why })
        }
    }
}

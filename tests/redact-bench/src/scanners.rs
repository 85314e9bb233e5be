//! Public scanners, on the same text in one file.
//!
//! Their time is wall time on one thread, less what they take on an empty file; natively, for they
//! run nowhere else. Neither is allowed the network.

use crate::problem::Problem;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// A scanner, and what it did.
pub(crate) struct Scanner {
    call: &'static Call,
    binary: String,
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
    /// Megabytes a second on the machine that the goals were set on.
    then: f64,
}

#[rustfmt::skip]
static CALLS: [Call; 2] = [
    Call {
        name: "gitleaks",
        class: "Gitleaks",
        before: &["dir"],
        after: &["--no-banner", "--log-level", "error"],
        found: 1,
        then: 17.0,
    },
    Call {
        name: "kingfisher",
        class: "Kingfisher",
        before: &["scan"],
        after: &[
            // On one thread, without the network, and with nothing to show.
            "--jobs", "1", "--quiet", "--no-validate", "--no-update-check", "--git-history", "none",
            "--format", "json", "--output", "/dev/null",
        ],
        found: 200,
        then: 45.0,
    },
];

/// A text in a file, and an empty one.
pub(crate) struct Files {
    full: PathBuf,
    empty: PathBuf,
    size: usize,
}

impl Files {
    pub(crate) fn new(folder: &Path, text: &str) -> Result<Self, Problem> {
        let (full, empty) = (folder.join("full.txt"), folder.join("empty.txt"));
        std::fs::write(&full, text)?;
        std::fs::write(&empty, "")?;
        Ok(Self { full, empty, size: text.len() })
    }
}

impl Scanner {
    /// Those that are installed with a Python.
    pub(crate) fn all(python: &str) -> Result<Vec<Self>, Problem> {
        let each = CALLS
            .iter()
            .map(|call| Ok(Self { call, binary: binary(python, call)?, speed: Vec::new() }));
        each.collect()
    }

    pub(crate) fn name(&self) -> &'static str {
        self.call.name
    }

    /// Megabytes a second on the machine that the goals were set on.
    pub(crate) fn then(&self) -> f64 {
        self.call.then
    }

    /// Runs once on the text, and once on none.
    pub(crate) fn round(&mut self, files: &Files) -> Result<(), Problem> {
        let idle = seconds(self.call, &self.binary, &files.empty)?;
        let busy = seconds(self.call, &self.binary, &files.full)?;
        self.speed.push(files.size as f64 / 1e6 / (busy - idle).max(1e-3));
        Ok(())
    }
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

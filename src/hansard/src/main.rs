//! The one native binary: the sink that keeps the record, and the auditor's tools that read it.
//!
//! Enters: a command line. Leaves: 0 when it was done (also when the reader of the output went
//! away), 1 when it could not be, 2 when the command line makes no sense; a command that answers by
//! its exit code says no with 1, and 2 where it has no answer. Every error is one line on standard
//! error that names its cure.

mod blame;
mod cli;
mod content;
mod failure;
#[cfg(test)]
mod fixture;
mod gitleaks;
mod index;
mod ledger;
mod paint;
mod policy;
mod redact;
mod replay;
mod sessions;
mod show;
mod sink;
mod terminal;
mod time;
mod token;
mod transcript;
mod up;
mod view;
mod web;

use clap::Parser;
use mimalloc::MiMalloc;
use std::io::{self, Write};
use std::process::ExitCode;

/// A sink that is busy spends its time in small allocations: about a tenth of it is saved. SQLite and
/// zstd have it too (`override`); under the system's a thread's memory grew and shrank all the time.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Err(failure) if !failure.is_broken_pipe() => {
            // Nothing is left to do when standard error is gone as well.
            let _ = writeln!(io::stderr(), "hansard: {failure}");
            ExitCode::from(failure.exit_code())
        }
        Ok(()) | Err(_) => ExitCode::SUCCESS,
    }
}

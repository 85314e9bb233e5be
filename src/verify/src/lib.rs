//! An auditor's own look at a ledger: everything is computed anew, nothing is believed.
//!
//! ```text
//! entries ─▶ leaves ─▶ root ═ every signed checkpoint, and one that the auditor kept
//! parts, malformed, witness, accesses, telemetry, introductions,
//!     blocks, chains, tiles, keys, holds                         ═ what their entries say
//! exchanges, sessions, VMs, gaps, what waits for its counterpart ═ what follows from the parts
//! what was acknowledged and is not in the log yet
//! ```
//!
//! This crate depends on nothing of ours: it shares no code with the program that writes.

mod bundle;
mod checkpoint;
mod content;
mod entry;
mod intake;
mod ledger;
mod merkle;
mod numbers;
mod witness;

pub use bundle::{Bundle, Chained, FORMAT, Proven, verify as verify_bundle};
pub use checkpoint::Kept;
pub use ledger::verify;
pub use numbers::Gap;
pub use witness::{Refusal, Witness, cosigned};

use std::path::PathBuf;
use thiserror::Error;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Entries of the log.
    pub entries: u64,
    /// Of them, parts of records.
    pub parts: u64,
    /// Signed checkpoints that hold.
    pub checkpoints: u64,
    /// The root over all entries, in base64.
    pub root: String,
    /// Bytes that were read and hashed.
    pub bytes: u64,
    /// Sessions whose keys were destroyed, each with an entry that says so.
    pub erased: u64,
    /// Numbers that are missing.
    pub gaps: Vec<Gap>,
    /// Calls whose parts were acknowledged, and are not in the log yet.
    pub waiting: u64,
    /// What is not as it was written, in words; at most [`NAMED`].
    pub problems: Vec<String>,
    /// How many there are.
    pub found: u64,
}

/// Problems that are named one by one.
pub const NAMED: usize = 100;

impl Report {
    /// Whether nothing was changed.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.found == 0
    }

    /// Whether nothing is missing.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.gaps.is_empty() && self.waiting == 0
    }

    /// Numbers that are missing.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.gaps.iter().map(|gap| gap.last.saturating_sub(gap.first).saturating_add(1)).sum()
    }

    /// Takes over what another look found wrong, and the sessions that it found erased.
    fn add(&mut self, other: Self) {
        self.erased = self.erased.saturating_add(other.erased);
        let unnamed = other.found.saturating_sub(other.problems.len() as u64);
        other.problems.into_iter().for_each(|what| self.problem(what));
        self.found = self.found.saturating_add(unnamed);
    }

    fn problem(&mut self, what: String) {
        self.found = self.found.saturating_add(1);
        if self.problems.len() < NAMED {
            self.problems.push(what);
        }
    }
}

/// Why nothing could be said.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// There is nothing to look at.
    #[error("there is no ledger in {path}: name its folder with --data")]
    Absent {
        /// The folder.
        path: PathBuf,
    },
    /// The database cannot be opened.
    #[error("{path} cannot be read: {source}; restore it from a backup")]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The disk cannot read it.
    #[error("{path} cannot be read: {source}; check the disk, or restore it from a backup")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is of a program that knows more, or less.
    #[error(
        "{path} is a ledger of version {found}, and version {known} is verified here: use the \
         program that wrote it"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The version that is known here.
        known: i64,
    },
    /// The key is none.
    #[error("this is not a key that verifies checkpoints (C2SP signed-note): {key:?}")]
    Key {
        /// The text.
        key: String,
    },
    /// The checkpoint that the auditor kept is none.
    #[error("the checkpoint that was kept is not a signed checkpoint of this ledger's key: {why}")]
    Kept {
        /// What is wrong.
        why: String,
    },
    /// The file is no bundle.
    #[error("this is not an evidence bundle: {why}")]
    Bundle {
        /// What is wrong.
        why: String,
    },
}

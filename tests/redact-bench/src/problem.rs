//! What a person who waits is told: what is being measured, and why something could not be; a
//! sentence each, with its cure.

use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(Debug)]
pub(crate) enum Problem {
    /// The arguments say nothing that is known.
    Usage,
    /// There is not enough source text in these directories.
    Sources(Vec<String>),
    /// Something that a build leaves is not there.
    Missing(PathBuf),
    /// A program did not start, or did not end well.
    Program { name: String, why: String },
    /// What was read is no corpus of this program's.
    Corpus(String),
    /// The built-in detectors do not build.
    Engine(String),
    /// No hostile input is called so.
    Unknown(String),
    /// No file or stream for the benchmark itself.
    System(io::Error),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage => f.write_str(crate::USAGE),
            Self::Sources(directories) => write!(
                f,
                "too few .rs and .md files of the packages in Cargo.lock under {}; name the \
                 directory that cargo unpacks them into, as ~/.cargo/registry/src/index.*",
                directories.join(", "),
            ),
            Self::Missing(path) => {
                write!(f, "{} is missing; measure by `make bench-redact`", path.display())
            }
            Self::Program { name, why } => write!(f, "{name}: {why}"),
            Self::Corpus(why) => {
                write!(f, "not a corpus of this build: {why}; make it anew with `corpus`")
            }
            Self::Engine(why) => write!(f, "the built-in detectors do not build: {why}"),
            Self::Unknown(name) => {
                write!(f, "no hostile input is called {name}; `inputs` prints them")
            }
            Self::System(error) => write!(f, "no file or stream for the benchmark itself: {error}"),
        }
    }
}

impl std::error::Error for Problem {}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl From<serde_json::Error> for Problem {
    fn from(error: serde_json::Error) -> Self {
        Self::Corpus(error.to_string())
    }
}

/// Says how far it is.
pub(crate) fn say(text: &str) {
    // Progress that nobody reads is no reason to stop.
    let _ = writeln!(io::stderr(), "{text}");
}

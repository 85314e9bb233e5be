//! Why the benchmark cannot run, or its figures mean nothing: one line each, with its cure.

use std::io;
use std::path::PathBuf;
use thiserror::Error;

#[derive(Debug, Error)]
pub(crate) enum Problem {
    #[error("{} is missing; build it with `make build`", path.display())]
    Missing { path: PathBuf },
    #[error("cannot write {}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("cannot run {}: {source}; name another with --envoy or --hansard", path.display())]
    Start { path: PathBuf, source: io::Error },
    #[error("the bundled Envoy configuration is not as expected at {place}")]
    Bundled { place: String },
    #[error("the {variant} Envoy was not ready within 30 seconds; the end of its log:\n{tail}")]
    Envoy { variant: &'static str, tail: String },
    #[error("the sink named no address; try `hansard sink` by hand")]
    Sink,
    #[error("cannot make a token: {0}")]
    Token(String),
    #[error("no thread, port or signal for the benchmark itself: {0}")]
    System(#[from] io::Error),
    #[error("an exchange failed ({variant}; {cell}): {why}")]
    Exchange { variant: &'static str, cell: String, why: String },
    #[error(
        "process {pid} used no CPU while Envoy worked: name Envoy itself with --envoy, no script \
         that starts it"
    )]
    NotEnvoy { pid: u32 },
    #[error("Envoy or the sink still works 30 seconds after the load: it cannot keep up")]
    Restless,
    #[error("cannot read {path}: {why}; the benchmark needs Linux")]
    Proc { path: String, why: String },
    #[error("cannot read the ledger: {0}")]
    Ledger(#[from] rusqlite::Error),
    #[error(
        "{found} of {expected} parts are in the ledger: the filter did not record, so its cost \
         means nothing"
    )]
    Unrecorded { found: u64, expected: u64 },
    #[error("interrupted")]
    Interrupted,
}

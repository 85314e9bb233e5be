//! Why a command could not be done: one sentence each, with its cure.

use crate::blame::GitError;
use crate::policy::{Failed, PolicyError};
use crate::redact::RedactError;
use crate::sink::SinkError;
use crate::token::TokenError;
use crate::up::UpError;
use crate::web::WebError;
use hansard_replay::archive::ArchiveError;
use hansard_store::StoreError;
use hansard_verify::VerifyError;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Archive(ArchiveError),
    #[error(transparent)]
    Git(#[from] GitError),
    #[error(transparent)]
    Sink(#[from] SinkError),
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The answer is no.
    #[error(transparent)]
    PolicyTests(#[from] Failed),
    #[error(transparent)]
    Redact(#[from] RedactError),
    /// The answer is no.
    #[error(transparent)]
    No(#[from] No),
    #[error(transparent)]
    Verify(VerifyError),
    #[error("{path}: {source}; name another file", path = path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("a bundle goes into a file of its own; name it with -o FILE")]
    NoOutput,
    /// There is no answer, neither yes nor no.
    #[error(transparent)]
    Unanswered(Box<Failure>),
    #[error(transparent)]
    Up(#[from] UpError),
    #[error(transparent)]
    Web(#[from] WebError),
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Only standard output is written with a bare `?`.
    #[error("cannot write to standard output: {0}; check where it is redirected to")]
    Output(#[from] io::Error),
    #[error("cannot write a record as JSON: {0}; report this with the exchange's id")]
    Json(#[from] serde_json::Error),
}

/// What a ledger is not.
#[derive(Clone, Copy, Debug, Error)]
pub(crate) enum No {
    #[error("the record is incomplete: see above for what is missing")]
    Incomplete,
    #[error("the ledger was changed: see above for what, and restore it from a backup")]
    Changed,
}

impl Failure {
    /// Of a command that answers by its exit code, for everything but its no.
    pub(crate) fn unanswered(self) -> Self {
        match self {
            no @ (Self::PolicyTests(_) | Self::No(_)) => no,
            other => Self::Unanswered(Box::new(other)),
        }
    }

    /// What the process ends with.
    pub(crate) fn exit_code(&self) -> u8 {
        if matches!(self, Self::Unanswered(_)) { 2 } else { 1 }
    }

    /// Whoever read the output has read enough, as `head` does.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        match self {
            Self::Output(error) => error.kind() == io::ErrorKind::BrokenPipe,
            Self::Unanswered(failure) => failure.is_broken_pipe(),
            _ => false,
        }
    }
}

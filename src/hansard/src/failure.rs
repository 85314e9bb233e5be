//! Why a command could not be done: one sentence each, with its cure.

use crate::policy::PolicyError;
use crate::sink::SinkError;
use crate::token::TokenError;
use crate::up::UpError;
use hansard_store::StoreError;
use std::io;
use thiserror::Error;

#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Sink(#[from] SinkError),
    #[error(transparent)]
    Policy(#[from] PolicyError),
    #[error(transparent)]
    Up(#[from] UpError),
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Only standard output is written with a bare `?`.
    #[error("cannot write to standard output: {0}; check where it is redirected to")]
    Output(#[from] io::Error),
    #[error("cannot write a record as JSON: {0}; report this with the exchange's id")]
    Json(#[from] serde_json::Error),
}

impl Failure {
    /// Whoever read the output has read enough, as `head` does.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

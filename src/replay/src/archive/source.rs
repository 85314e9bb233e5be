//! Where the index gets a session from: the ledger, rebuilt.

use super::error::ArchiveError;
use crate::input::Content;
use crate::{Digest, Replay, load, load_joined, prefix_digests, rebuild, tail_digest};
use hansard_store::{Reader, StoreError};

/// Histories of a request that an earlier exchange may have ended with: the longest. A client that goes
/// on adds a message or two; one that rewrites more than this starts anew.
const HISTORIES: usize = 8;

/// How a session of one exchange ends, and what it may go on from: digests of its identity and of what
/// was said.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// Of everything that was said in it; none when it was not answered.
    pub(super) tail: Option<[u8; 16]>,
    /// Of the histories that it repeats, the longest first.
    pub(super) wants: Vec<[u8; 16]>,
}

/// A session and those that go on from it; none when it is no longer there.
pub(super) fn replay(
    reader: &Reader,
    session: &str,
    joined: &[String],
) -> Result<Option<Replay>, ArchiveError> {
    match load_joined(reader, session, joined) {
        Ok(input) => Ok(Some(rebuild(&input))),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// None of a session whose client names one, of one without an identity, and of one that is not there
/// or was erased.
pub(super) fn ends(reader: &Reader, session: &str) -> Result<Option<Ends>, ArchiveError> {
    let row = match reader.session(session) {
        Err(StoreError::NotFound { .. }) => return Ok(None),
        row => row?,
    };
    if row.hint.is_some() || row.subject.is_empty() {
        return Ok(None);
    }
    let input = match load(reader, session) {
        Err(StoreError::NotFound { .. }) => return Ok(None),
        input => input?,
    };
    let Some(Content::Known(spoken)) = input.exchanges.first().map(|exchange| &exchange.content)
    else {
        return Ok(None);
    };
    let of = |digest: Digest| {
        Digest::of([row.issuer.as_bytes(), row.subject.as_bytes(), digest.0.as_slice()]).0
    };
    let tail = tail_digest(&input.history, spoken.messages, &spoken.answer.blocks);
    let wants = prefix_digests(&input.history, spoken.messages);
    Ok(Some(Ends {
        tail: tail.map(of),
        wants: wants.into_iter().rev().take(HISTORIES).map(of).collect(),
    }))
}

//! Where the index gets a session from: the ledger, rebuilt.

use super::error::ArchiveError;
use crate::{Replay, load_joined, rebuild};
use hansard_store::Reader;

/// How a session of one exchange ends, and what it may go on from: digests of its identity and of what
/// was said.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// Of everything that was said in it; none while it is not whole.
    pub(super) tail: Option<[u8; 16]>,
    /// Of the histories that it repeats, the longest first.
    pub(super) wants: Vec<[u8; 16]>,
}

/// A session and those that go on from it.
pub(super) fn replay(
    reader: &Reader,
    session: &str,
    joined: &[String],
) -> Result<Replay, ArchiveError> {
    Ok(rebuild(&load_joined(reader, session, joined)?))
}

/// None of a session whose client names one.
pub(super) fn ends(reader: &Reader, session: &str) -> Result<Option<Ends>, ArchiveError> {
    let row = reader.session(session)?;
    Ok((row.hint.is_none() && !row.subject.is_empty()).then(Ends::default))
}

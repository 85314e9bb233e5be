//! Where the index gets a session from: the ledger, rebuilt.

use super::error::ArchiveError;
use crate::Replay;
use crate::model::{Session, Status, Turn};
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
    let row = reader.session(session)?;
    let status = |status: hansard_store::Status| match status {
        hansard_store::Status::Open => Status::Open,
        hansard_store::Status::Complete => Status::Complete,
        hansard_store::Status::Ended => Status::Ended,
        hansard_store::Status::Refused => Status::Refused,
    };
    let turns = reader.exchanges(session)?.into_iter().enumerate().map(|(index, exchange)| Turn {
        number: index + 1,
        exchange: exchange.id,
        started_at: exchange.started_at,
        status: status(exchange.status),
        model: exchange.introduction.model,
        ..Turn::default()
    });
    Ok(Replay {
        turns: turns.collect(),
        session: Session {
            joined: joined.to_vec(),
            ended_at: row.ended_at(),
            status: status(row.status()),
            id: row.id,
            hint: row.hint,
            issuer: row.issuer,
            subject: row.subject,
            groups: row.groups,
            models: row.models,
            started_at: row.started_at,
            ..Session::default()
        },
        ..Replay::default()
    })
}

/// None of a session whose client names one.
pub(super) fn ends(reader: &Reader, session: &str) -> Result<Option<Ends>, ArchiveError> {
    let row = reader.session(session)?;
    Ok((row.hint.is_none() && !row.subject.is_empty()).then(Ends::default))
}

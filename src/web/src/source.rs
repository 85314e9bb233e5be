//! Where the pages take sessions from: the one place that knows how they are kept.
//!
//! Enters: what a page wants and whose it may be ([`Reach`]). Leaves: values of `hansard_replay`.
//! Every method that names a session looks at the reach first, so no page can forget to.

mod held;

use hansard_replay::Replay;
use hansard_replay::listing::{Filter, Hit, Page, Row};
use hansard_replay::model::{Change, Session, Status, ToolCall, Turn};
use serde::Serialize;
use std::collections::BTreeMap;
use thiserror::Error;

/// Whose sessions somebody may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Everybody's.
    pub everyone: bool,
    /// Those of people with one of these groups.
    pub groups: Vec<String>,
    /// Their own: issuer and subject.
    pub own: (String, String),
}

impl Reach {
    fn covers(&self, issuer: &str, subject: &str, groups: &[String]) -> bool {
        self.everyone
            || (issuer == self.own.0 && subject == self.own.1)
            || groups.iter().any(|group| self.groups.contains(group))
    }

    fn covers_session(&self, session: &Session) -> bool {
        self.covers(&session.issuer, &session.subject, &session.groups)
    }
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum SourceError {
    /// No such session or exchange, or not for these eyes: which of the two is not said.
    #[error("there is no such session or exchange among those that you may see")]
    NotFound,
    /// What is asked for makes no sense.
    #[error("{0}")]
    NotUnderstood(String),
    /// The ledger cannot be read.
    #[error("the ledger cannot be read now: {0}")]
    Ledger(String),
}

/// A session without its turns.
#[derive(Clone, Debug)]
pub struct Head {
    /// Everything but turns and calls, which are empty.
    pub replay: Replay,
    /// Each turn in a few numbers, in their order.
    pub outline: Vec<Stop>,
    /// How many tool calls there are.
    pub calls: usize,
}

/// A turn on the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Stop {
    /// Index of its lane.
    pub lane: usize,
    /// When it began.
    pub from: i64,
    /// When it ended, or was last heard of.
    pub to: i64,
    /// How it ended.
    pub status: Status,
    /// Tool calls that it suggested.
    pub calls: usize,
}

/// Some turns that follow each other, with what they speak of.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// The session's id.
    pub session: String,
    /// In their order.
    pub turns: Vec<Turn>,
    /// The calls that they suggest or bring results of, by index.
    pub calls: BTreeMap<usize, ToolCall>,
    /// What those calls changed: the path and the change, by the call's index.
    pub changes: BTreeMap<usize, (String, Change)>,
}

/// What stands in the ledger of one exchange.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Parts {
    /// Its session.
    pub session: String,
    /// The turn's number there.
    pub turn: usize,
    /// Its parts, in the order of their numbers.
    pub parts: Vec<Part>,
}

/// One part as it was received.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Part {
    /// `opened`, `progress`, `closed` or `refused`.
    pub kind: String,
    /// The gateway's VM that wrote it.
    pub boot: String,
    /// Its number within the boot.
    pub seq: i64,
    /// When it was made.
    pub at: i64,
    /// When it was received.
    pub received_at: i64,
    /// The record, byte for byte; as text, where invalid UTF-8 is replaced.
    pub json: String,
}

/// That the parts of an exchange are entries under a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// The entries' numbers in the log.
    pub entries: Vec<u64>,
    /// The size of the checkpoint that covers them all; absent while none does.
    pub checkpoint: Option<u64>,
    /// What was checked, and by whom: a sentence.
    pub checked: String,
}

/// The sessions of a ledger.
#[derive(Debug)]
pub struct Source {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    #[cfg(any(test, feature = "held"))]
    Held(held::Held),
}

impl Source {
    /// Sessions held in memory.
    #[cfg(any(test, feature = "held"))]
    #[must_use]
    pub fn held(sessions: Vec<Replay>) -> Self {
        Self { kind: Kind::Held(held::Held::new(sessions)) }
    }

    /// The newest sessions first, from a cursor on.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn sessions(
        &self,
        filter: &Filter,
        reach: &Reach,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Row>, SourceError> {
        match &self.kind {
            #[cfg(any(test, feature = "held"))]
            Kind::Held(held) => held.sessions(filter, reach, after, limit),
        }
    }

    /// Places where words stand, the newest first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn search(
        &self,
        text: &str,
        filter: &Filter,
        reach: &Reach,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Hit>, SourceError> {
        match &self.kind {
            #[cfg(any(test, feature = "held"))]
            Kind::Held(held) => held.search(text, filter, reach, after, limit),
        }
    }

    /// A session without its turns.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn head(&self, session: &str, reach: &Reach) -> Result<Head, SourceError> {
        match &self.kind {
            #[cfg(any(test, feature = "held"))]
            Kind::Held(held) => held.head(session, reach),
        }
    }

    /// Turns of a session from an index on.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn turns(
        &self,
        session: &str,
        reach: &Reach,
        from: usize,
        count: usize,
    ) -> Result<Window, SourceError> {
        match &self.kind {
            #[cfg(any(test, feature = "held"))]
            Kind::Held(held) => held.turns(session, reach, from, count),
        }
    }

    /// A session as a whole.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn replay(&self, session: &str, reach: &Reach) -> Result<Replay, SourceError> {
        match &self.kind {
            #[cfg(any(test, feature = "held"))]
            Kind::Held(held) => held.replay(session, reach).cloned(),
        }
    }

    /// What the ledger holds of an exchange.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn parts(&self, exchange: &str, reach: &Reach) -> Result<Parts, SourceError> {
        match &self.kind {
            #[cfg(any(test, feature = "held"))]
            Kind::Held(held) => held.parts(exchange, reach),
        }
    }

    /// That an exchange's parts are in the log.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn proof(&self, exchange: &str, reach: &Reach) -> Result<Proof, SourceError> {
        match &self.kind {
            #[cfg(any(test, feature = "held"))]
            Kind::Held(held) => held.proof(exchange, reach),
        }
    }

    /// A number that grows whenever something changes; it says nothing else.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn version(&self) -> Result<u64, SourceError> {
        match &self.kind {
            #[cfg(any(test, feature = "held"))]
            Kind::Held(held) => Ok(held.version()),
        }
    }
}

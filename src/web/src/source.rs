//! Where the pages take sessions from: the one place that knows how they are kept.
//!
//! Enters: what a page wants and whose it may be ([`Reach`]). Leaves: values of `hansard_replay`.
//! Every method that names a session looks at the reach first, so no page can forget to.

use crate::show::time::now;
use hansard_replay::Replay;
#[cfg(any(test, feature = "made-up"))]
use hansard_replay::archive::Archive;
use hansard_replay::archive::{ArchiveError, Head, View};
use hansard_replay::listing::{Filter, Hit, Page, Row};
use hansard_replay::model::{Change, Command, File, Outcome, Session, ToolCall, Turn};
use hansard_store::{Inclusion, Reader, StoreError, StoredPart};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
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
    fn covers(&self, session: &Session) -> bool {
        self.everyone
            || (session.issuer == self.own.0 && session.subject == self.own.1)
            || session.groups.iter().any(|group| self.groups.contains(group))
    }

    /// The filter, less what is out of reach.
    fn of(&self, filter: &Filter) -> Filter {
        let mut filter = filter.clone();
        (filter.only, filter.only_groups) = (None, None);
        if !self.everyone {
            filter.only = Some(self.own.clone());
            filter.only_groups = (!self.groups.is_empty()).then(|| self.groups.clone());
        }
        filter
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
    /// What proves the record of each turn, in their order.
    pub proofs: Vec<Proven>,
}

/// Whether the parts of an exchange are entries under the last checkpoint, as this server has just
/// computed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proven {
    /// Under the checkpoint of so many entries.
    In(u64),
    /// No checkpoint covers all of them yet.
    NotYet,
    /// An entry is not what the checkpoint signed.
    Broken,
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

/// A file with more changes than this is not read for a window of turns: its page shows them.
const CHANGES: usize = 1_000;
/// What is said before the index is there.
const NONE: &str = "there is no index yet: it is made while the server runs, try again in a moment";

/// The sessions of a ledger, by way of their index.
#[derive(Debug)]
pub struct Source {
    index: PathBuf,
    ledger: Ledger,
}

#[derive(Debug)]
enum Ledger {
    Kept {
        data: PathBuf,
        keys: PathBuf,
    },
    #[cfg(any(test, feature = "made-up"))]
    MadeUp,
}

impl Source {
    /// The ledger in `data` with its keys, and its index in a folder of its own.
    #[must_use]
    pub fn new(index: &Path, data: &Path, keys: &Path) -> Self {
        let ledger = Ledger::Kept { data: data.to_owned(), keys: keys.to_owned() };
        Self { index: index.to_owned(), ledger }
    }

    /// Sessions that are made up, in an index that is made of them; there is no ledger.
    ///
    /// # Errors
    /// When the index cannot be made.
    #[cfg(any(test, feature = "made-up"))]
    pub fn made_up(index: &Path, sessions: &[Replay]) -> Result<Self, ArchiveError> {
        let mut archive = Archive::open(index)?;
        archive.put((1..).zip(sessions))?;
        Ok(Self { index: index.to_owned(), ledger: Ledger::MadeUp })
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
        Ok(self.view()?.sessions(&reach.of(filter), after, limit)?)
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
        Ok(self.view()?.search(text, &reach.of(filter), after, limit)?)
    }

    /// A session without its turns.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn head(&self, session: &str, reach: &Reach) -> Result<Head, SourceError> {
        seen(&self.view()?, session, reach)
    }

    /// Turns of a session from an index on, with the session's head.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn turns(
        &self,
        session: &str,
        reach: &Reach,
        from: usize,
        count: usize,
    ) -> Result<(Head, Window), SourceError> {
        let view = self.view()?;
        let head = seen(&view, session, reach)?;
        let found = view.turns(session, from, count)?;
        let mut changes = BTreeMap::new();
        for (index, file) in head.files.iter().enumerate() {
            let named = file.changes.iter().any(|change| found.calls.contains_key(&change.call));
            if !named || file.changes.len() > CHANGES {
                continue;
            }
            let Some(file) = view.file(session, index)? else { continue };
            for change in file.changes {
                if found.calls.contains_key(&change.call) {
                    changes.insert(change.call, (file.path.clone(), change));
                }
            }
        }
        let (turns, calls) = (found.turns, found.calls);
        let proofs = self.proven(&turns)?;
        Ok((head, Window { session: session.to_owned(), turns, calls, changes, proofs }))
    }

    /// Files of a session, with their changes: one by its index, or the first of them.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn files(
        &self,
        session: &str,
        reach: &Reach,
        only: Option<usize>,
        most: usize,
    ) -> Result<(Head, Vec<(usize, File)>), SourceError> {
        let view = self.view()?;
        let head = seen(&view, session, reach)?;
        let wanted = only.map_or(0..head.files.len().min(most), |index| index..index + 1);
        let mut files = Vec::new();
        for index in wanted {
            files.push((index, view.file(session, index)?.ok_or(SourceError::NotFound)?));
        }
        Ok((head, files))
    }

    /// Commands of a session from an index on, each with what became of it.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn commands(
        &self,
        session: &str,
        reach: &Reach,
        from: usize,
        count: usize,
    ) -> Result<(Head, Vec<(Command, Option<Outcome>)>), SourceError> {
        let view = self.view()?;
        let head = seen(&view, session, reach)?;
        let mut commands = Vec::new();
        for index in (from..head.commands.len()).take(count) {
            let Some(command) = view.command(session, index)? else { break };
            let outcome = view.call(session, command.call)?.map(|call| call.outcome);
            commands.push((command, outcome));
        }
        Ok((head, commands))
    }

    /// A session as a whole.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn replay(&self, session: &str, reach: &Reach) -> Result<Replay, SourceError> {
        let view = self.view()?;
        seen(&view, session, reach)?;
        view.replay(session)?.ok_or(SourceError::NotFound)
    }

    /// What the ledger holds of an exchange.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn parts(&self, exchange: &str, reach: &Reach) -> Result<Parts, SourceError> {
        let view = self.view()?;
        let (session, turn) = located(&view, exchange, reach)?;
        let parts = match &self.ledger {
            Ledger::Kept { data, keys } => {
                let reader = Reader::open_with(data, keys)?;
                reader.parts(exchange)?.into_iter().map(Part::from).collect()
            }
            #[cfg(any(test, feature = "made-up"))]
            Ledger::MadeUp => made_up(&view, &session, turn)?,
        };
        Ok(Parts { session, turn: turn + 1, parts })
    }

    /// Of each turn, whether its exchange's parts are in the log.
    fn proven(&self, turns: &[Turn]) -> Result<Vec<Proven>, SourceError> {
        let exchanges: Vec<&str> = turns.iter().map(|turn| turn.exchange.as_str()).collect();
        match &self.ledger {
            Ledger::Kept { data, keys } => {
                let found = Reader::open_with(data, keys)?.inclusions(&exchanges)?;
                Ok(found.into_iter().map(Proven::of).collect())
            }
            #[cfg(any(test, feature = "made-up"))]
            Ledger::MadeUp => Ok(vec![Proven::In(4_211); exchanges.len()]),
        }
    }

    /// That an exchange's parts are in the log.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn proof(&self, exchange: &str, reach: &Reach) -> Result<Proof, SourceError> {
        located(&self.view()?, exchange, reach)?;
        let found = match &self.ledger {
            Ledger::Kept { data, keys } => Reader::open_with(data, keys)?.inclusion(exchange)?,
            #[cfg(any(test, feature = "made-up"))]
            Ledger::MadeUp => Inclusion { entries: vec![7, 8], checkpoint: Some(4_211) },
        };
        Ok(Proof::of(found))
    }

    /// A number that grows whenever something changes; it says nothing else.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn version(&self) -> Result<i64, SourceError> {
        Ok(self.view()?.tick()?)
    }

    fn view(&self) -> Result<View, SourceError> {
        Ok(View::open(&self.index)?.at(now()))
    }
}

/// A session's head, when it is among those that may be seen.
fn seen(view: &View, session: &str, reach: &Reach) -> Result<Head, SourceError> {
    let head = view.head(session)?.ok_or(SourceError::NotFound)?;
    if reach.covers(&head.session) { Ok(head) } else { Err(SourceError::NotFound) }
}

/// An exchange's session and its turn's index. Only its whole id names it.
fn located(view: &View, exchange: &str, reach: &Reach) -> Result<(String, usize), SourceError> {
    for place in view.locate(exchange)? {
        let Some(turn) = place.turn else { continue };
        let window = view.turns(&place.session, turn, 1)?;
        if window.turns.first().is_some_and(|turn| turn.exchange == exchange) {
            seen(view, &place.session, reach)?;
            return Ok((place.session, turn));
        }
    }
    Err(SourceError::NotFound)
}

#[cfg(any(test, feature = "made-up"))]
fn made_up(view: &View, session: &str, turn: usize) -> Result<Vec<Part>, SourceError> {
    let window = view.turns(session, turn, 1)?;
    let json = serde_json::to_string(&window.turns).unwrap_or_default();
    let part = |(seq, kind): (usize, &str)| Part {
        kind: kind.into(),
        boot: "01997f6e-0000-7000-8000-000000000001".into(),
        seq: (turn * 2 + seq) as i64,
        json: json.clone(),
        ..Part::default()
    };
    Ok(["opened", "closed"].into_iter().enumerate().map(part).collect())
}

// === impl Part, Proof, SourceError ===

impl From<StoredPart> for Part {
    fn from(part: StoredPart) -> Self {
        let StoredPart { kind, boot, seq, at, received_at, source: _, json } = part;
        let json = String::from_utf8_lossy(&json).into_owned();
        Self { kind, boot, seq, at, received_at, json }
    }
}

impl Proven {
    fn of(found: Result<Inclusion, StoreError>) -> Self {
        match found {
            Ok(Inclusion { checkpoint: Some(size), .. }) => Self::In(size),
            Ok(Inclusion { checkpoint: None, .. }) => Self::NotYet,
            Err(_) => Self::Broken,
        }
    }
}

impl Proof {
    fn of(found: Inclusion) -> Self {
        let checked = match found.checkpoint {
            Some(size) => format!(
                "This server has just hashed each entry again, and each is under the root of the \
                 checkpoint of {size} entries."
            ),
            None => {
                "No checkpoint covers all of its entries yet; one is written in seconds.".into()
            }
        };
        Self { entries: found.entries, checkpoint: found.checkpoint, checked }
    }
}

impl From<ArchiveError> for SourceError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Cursor | ArchiveError::NoWords { .. } => {
                Self::NotUnderstood(error.to_string())
            }
            ArchiveError::Absent { .. } => Self::Ledger(NONE.into()),
            other => Self::Ledger(other.to_string()),
        }
    }
}

impl From<StoreError> for SourceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { .. } => Self::NotFound,
            other => Self::Ledger(other.to_string()),
        }
    }
}

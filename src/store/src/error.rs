//! What can go wrong with the ledger, split by what cures it. One sentence a variant.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use thiserror::Error;

/// The ledger cannot be opened, read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The data folder cannot be made or used.
    #[error("cannot use the data folder {path}: {source}; choose a writable one with --data")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process writes to the folder.
    #[error("another hansard writes to {path}: stop it, or choose another data folder with --data")]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// There is nothing to read.
    #[error(
        "there is no ledger in {path}: name the folder that `hansard sink` or `hansard up` writes \
         with --data"
    )]
    Absent {
        /// The folder.
        path: PathBuf,
    },
    /// The file is a database of something else.
    #[error("{path} is not a Hansard ledger: choose another data folder with --data")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer program wrote the file.
    #[error(
        "the ledger has schema version {found}, this program knows up to {known}: use the hansard \
         that wrote it, or a newer one"
    )]
    Newer {
        /// The version in the file.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// Too little space is left.
    #[error(
        "{free} bytes are free for {path}, at least {least} must be: make room, or see --least-free"
    )]
    Full {
        /// The folder.
        path: PathBuf,
        /// Bytes that are free.
        free: u64,
        /// Bytes that must be.
        least: u64,
    },
    /// An older program wrote the file, in a form that was never released.
    #[error(
        "{path} is of an older form: read it with the hansard that wrote it, and choose another data \
         folder with --data"
    )]
    Older {
        /// The file.
        path: PathBuf,
    },
    /// A file in which parts are kept first cannot be read or written.
    #[error("cannot use {path}: {source}; check the disk's space and health")]
    Intake {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Parts that were acknowledged are not in the ledger.
    #[error(
        "parts that were acknowledged are not in the ledger yet: check the disk's space and health; \
         if no sink runs on this folder, start one, it takes them in"
    )]
    Behind,
    /// A file of keys cannot be read or written.
    #[error("cannot use the ledger's keys in {path}: {source}; name their folder with --keys")]
    Keys {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The ledger's keys are not there.
    #[error("the ledger's keys are not in {path}: name their folder with --keys")]
    NoKeys {
        /// The folder.
        path: PathBuf,
    },
    /// A file is not the key that it should be.
    #[error("{path} is not a key of this kind: restore it from a backup")]
    UnusableKey {
        /// The file.
        path: PathBuf,
    },
    /// Others can read a secret key.
    #[error("others can read {path}: `chmod 600` it, and consider the key known")]
    OpenKey {
        /// The file.
        path: PathBuf,
    },
    /// The keys are another ledger's.
    #[error("the keys are not this ledger's: name their folder with --keys")]
    WrongKey,
    /// The command that signs checkpoints did not.
    #[error("{path} did not sign a checkpoint: {why}; see to the command")]
    Signer {
        /// The command.
        path: PathBuf,
        /// What went wrong.
        why: String,
    },
    /// The system gave no random bytes, or a text could not be sealed.
    #[error("a text could not be sealed: the system gives no random bytes, or no memory")]
    Sealing,
    /// A part leaves out what its session should have here.
    #[error("what a part builds on is not in its session: send all of it")]
    Unknown,
    /// Something sealed is not there, or is not what was sealed.
    #[error("content can no longer be read: `hansard verify` names what was changed")]
    Unreadable,
    /// Entries, tiles and the last checkpoint contradict each other.
    #[error(
        "the log was changed outside of this program, nothing is added to it: \
         `hansard verify` names what was changed"
    )]
    Torn,
    /// What is asked for was erased.
    #[error("what {name} said was erased: its entries in the log still prove that it was here")]
    Erased {
        /// A session or exchange.
        name: String,
    },
    /// A session is under legal hold.
    #[error("session {session} is held ({reason}): release it first with `hansard hold --release`")]
    Held {
        /// The session.
        session: String,
        /// Why.
        reason: String,
    },
    /// No session answers to the name.
    #[error("no session or exchange is called {name:?}: `hansard sessions` lists them")]
    NotFound {
        /// What was asked for.
        name: String,
    },
    /// More than one session answers to the name.
    #[error("{name:?} means several sessions, give more of the id: {}", candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// Some of the sessions it may mean.
        candidates: Vec<String>,
    },
    /// A stored part is not what was stored.
    #[error(
        "part {seq} of boot {boot} can no longer be read: restore the ledger from a backup and \
         check the disk"
    )]
    Damaged {
        /// The boot of the part.
        boot: String,
        /// Its number.
        seq: i64,
    },
    /// SQLite reported something else.
    #[error("the ledger's database failed: {0}; check the disk's space and health")]
    Database(#[from] rusqlite::Error),
}

/// A batch is not on disk, and nobody may act as if it were.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum AppendError {
    /// More waits to be written than may wait.
    #[error(
        "{waiting} bytes wait to be written, {limit} may: slow down, or give the sink a faster disk"
    )]
    Busy {
        /// Bytes that wait.
        waiting: usize,
        /// Bytes that may wait.
        limit: usize,
    },
    /// The writer has been closed.
    #[error("the ledger is closed: the sink is stopping, send again to the next one")]
    Closed,
    /// The transaction failed; none of its batches is stored.
    #[error(transparent)]
    Failed(#[from] Arc<StoreError>),
}

//! What can go wrong with the index, by what cures it. One sentence a variant.

use hansard_store::StoreError;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// The index cannot be opened, read or brought up to date.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The folder cannot be made or used.
    #[error("cannot use the index folder {path}: {source}; choose a writable one with --index")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process brings the index up to date.
    #[error("another hansard writes to {path}: it brings the index up to date, or stop it")]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// There is nothing to read.
    #[error("there is no index in {path}: make it with `hansard index`")]
    Absent {
        /// The folder.
        path: PathBuf,
    },
    /// The file is a database of something else.
    #[error("{path} is not an index of Hansard: choose another folder with --index")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Another version of the program made the index.
    #[error("another version of hansard made {path}: make it anew with `hansard index --rebuild`")]
    Version {
        /// The file.
        path: PathBuf,
    },
    /// Something in the index is not what was put there.
    #[error(
        "the index of session {number} cannot be read: make it anew with `hansard index --rebuild`"
    )]
    Damaged {
        /// The session's number in the index.
        number: i64,
    },
    /// A cursor is not one that a page gave.
    #[error("this is not where a page ended: begin again with the first page")]
    Cursor,
    /// Nothing is searched for.
    #[error("there is no word in {text:?}: search for letters or digits")]
    NoWords {
        /// What was asked for.
        text: String,
    },
    /// The ledger cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// SQLite reported something else.
    #[error(
        "the index failed: {0}; check the disk's space and health, then `hansard index --rebuild`"
    )]
    Database(#[from] rusqlite::Error),
}

//! The index's database: how it is opened, and its tables.
//!
//! Every session has a number: the first of its entries in the ledger. The n-th turn, call, file or
//! command of a session has the key `number << 24 | n`: whoever holds a key knows the session, keys of
//! a session are a range, and the newest session is the last. Search texts of a turn have eight keys.
//!
//! All tables but `meta`, `pending` and `touched` are a function of the ledger alone.

use super::error::ArchiveError;
use rusqlite::{Connection, OpenFlags};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The version of tables and of what is derived into them.
const VERSION: i64 = 1;
/// "HANI".
const APPLICATION: i64 = 0x4841_4E49;
/// What a key leaves for a place within its session.
const SHIFT: u32 = 24;
/// Places within a session; what lies beyond is not indexed.
pub(super) const PLACES: usize = 1 << SHIFT;

const TABLES: &str = "
CREATE TABLE meta (
    name        TEXT PRIMARY KEY,
    value       BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE pending (
    session     TEXT PRIMARY KEY            -- changed, and not rebuilt yet
) STRICT, WITHOUT ROWID;

CREATE TABLE touched (
    session     TEXT PRIMARY KEY,
    tick        INTEGER NOT NULL            -- the latest change of the index that concerned it
) STRICT, WITHOUT ROWID;
CREATE INDEX touched_by_tick ON touched (tick);

CREATE TABLE sessions (
    number      INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    issuer      TEXT NOT NULL,
    subject     TEXT NOT NULL,
    status      TEXT NOT NULL,
    started_at  INTEGER NOT NULL,           -- every time is in Unix milliseconds
    active_at   INTEGER NOT NULL,
    refused     INTEGER NOT NULL,
    findings    INTEGER NOT NULL,
    gaps        INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_start ON sessions (started_at, number);
CREATE INDEX sessions_by_subject ON sessions (issuer, subject, started_at, number);

CREATE TABLE rows (number INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
CREATE TABLE heads (number INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
CREATE TABLE turns (id INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
CREATE TABLE calls (id INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
CREATE TABLE files (id INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
CREATE TABLE commands (id INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;

CREATE TABLE tags (
    kind        INTEGER NOT NULL,
    value       TEXT NOT NULL,
    number      INTEGER NOT NULL,
    PRIMARY KEY (kind, value, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE names (
    name        TEXT NOT NULL,
    number      INTEGER NOT NULL,
    turn        INTEGER,                    -- its index, of a name that means one
    PRIMARY KEY (name, number)
) STRICT, WITHOUT ROWID;

-- Sessions of one exchange whose client names none: what each ends with, and what it goes on from.
CREATE TABLE alone (
    session     TEXT PRIMARY KEY,
    number      INTEGER NOT NULL,
    tail        BLOB,                       -- digest of the identity and of all that was said
    parent      TEXT                        -- the session that it goes on from
) STRICT, WITHOUT ROWID;
CREATE INDEX alone_by_tail ON alone (tail, number) WHERE tail IS NOT NULL;
CREATE INDEX alone_by_parent ON alone (parent, number) WHERE parent IS NOT NULL;

CREATE TABLE wants (
    digest      BLOB NOT NULL,              -- of the identity and of a history that the session repeats
    session     TEXT NOT NULL,
    rank        INTEGER NOT NULL,           -- 0: the longest
    PRIMARY KEY (digest, session)
) STRICT, WITHOUT ROWID;
CREATE INDEX wants_of_session ON wants (session, rank);

CREATE TABLE gaps (
    boot        TEXT NOT NULL,
    first       INTEGER NOT NULL,
    last        INTEGER NOT NULL,
    after_at    INTEGER NOT NULL,
    before_at   INTEGER NOT NULL,
    PRIMARY KEY (boot, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE lines (
    digest      INTEGER NOT NULL,           -- of the line, less its white space
    call        INTEGER NOT NULL,           -- the key of the call that suggested it
    PRIMARY KEY (digest, call)
) STRICT, WITHOUT ROWID;

-- Neither keeps its texts: they stand in the tables above. secure-delete takes a deleted text's words
-- out of the index itself, rather than marking them.
CREATE VIRTUAL TABLE search USING fts5 (text, content = '', tokenize = 'unicode61');
INSERT INTO search (search, rank) VALUES ('secure-delete', 1);
CREATE VIRTUAL TABLE command_words USING fts5 (text, content = '', detail = none, tokenize = 'unicode61');
INSERT INTO command_words (command_words, rank) VALUES ('secure-delete', 1);
";

/// The key of a place in a session.
pub(super) fn key(number: i64, place: usize) -> i64 {
    number << SHIFT | place as i64
}

/// The session of a key.
pub(super) fn number_of(key: i64) -> i64 {
    key >> SHIFT
}

/// The place of a key within its session.
pub(super) fn place_of(key: i64) -> usize {
    (key & (PLACES as i64 - 1)) as usize
}

pub(super) fn database_path(folder: &Path) -> PathBuf {
    folder.join("index.db")
}

/// Takes the folder for one writer, for as long as the file lives.
///
/// The index holds plain text: a folder that is made here belongs to its owner alone, and so do the files.
pub(super) fn lock_folder(folder: &Path) -> Result<File, ArchiveError> {
    let unusable = |source| ArchiveError::Folder { path: folder.to_owned(), source };
    if !folder.is_dir() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unusable)?;
    }
    let lock = own_file(&folder.join("index.lock")).map_err(unusable)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => {
            return Err(ArchiveError::Locked { path: folder.to_owned() });
        }
        Err(fs::TryLockError::Error(source)) => return Err(unusable(source)),
    }
    // SQLite gives its journal files the mode of the database.
    own_file(&database_path(folder)).map_err(unusable)?;
    Ok(lock)
}

/// Opens the database for writing; makes its tables when it is empty, and anew when another version
/// made them.
pub(super) fn open_for_writing(folder: &Path) -> Result<Connection, ArchiveError> {
    let path = database_path(folder);
    let mut connection = open(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    match kind(&connection, &path)? {
        Kind::Ours => {}
        Kind::Empty => create(&mut connection)?,
        Kind::OfAnotherVersion => {
            drop(connection);
            remove(folder)?;
            connection = open(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            create(&mut connection)?;
        }
    }
    // What a crash takes away is derived again: the log of pages need not be synced in each commit.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    connection.pragma_update(None, "secure_delete", true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Empties the database's file, so that nothing of it is left there.
pub(super) fn remove(folder: &Path) -> Result<(), ArchiveError> {
    let unusable = |source| ArchiveError::Folder { path: folder.to_owned(), source };
    let path = database_path(folder);
    for suffix in ["-wal", "-shm", ""] {
        let mut name = path.clone().into_os_string();
        name.push(suffix);
        match fs::remove_file(&name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unusable(error)),
            _ => {}
        }
    }
    own_file(&path).map_err(unusable)?;
    Ok(())
}

/// Opens the database so that nothing can be changed through the connection.
pub(super) fn open_for_reading(folder: &Path) -> Result<Connection, ArchiveError> {
    let path = database_path(folder);
    if !path.is_file() {
        return Err(ArchiveError::Absent { path: folder.to_owned() });
    }
    let connection = open(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    connection.set_prepared_statement_cache_capacity(64);
    match kind(&connection, &path)? {
        Kind::Ours => Ok(connection),
        Kind::Empty => Err(ArchiveError::Absent { path: folder.to_owned() }),
        Kind::OfAnotherVersion => Err(ArchiveError::Version { path }),
    }
}

fn open(path: &Path, access: OpenFlags) -> Result<Connection, ArchiveError> {
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    Ok(connection)
}

fn create(connection: &mut Connection) -> Result<(), ArchiveError> {
    connection.pragma_update(None, "page_size", 8192)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    Ok(transaction.commit()?)
}

enum Kind {
    Ours,
    OfAnotherVersion,
    Empty,
}

fn kind(connection: &Connection, path: &Path) -> Result<Kind, ArchiveError> {
    let number = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, i64>(0));
    let foreign = || ArchiveError::Foreign { path: path.to_owned() };
    let application = match number("PRAGMA application_id") {
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
            return Err(foreign());
        }
        other => other?,
    };
    match (application, number("PRAGMA user_version")?) {
        (APPLICATION, VERSION) => Ok(Kind::Ours),
        (APPLICATION, _) => Ok(Kind::OfAnotherVersion),
        _ if number("PRAGMA schema_version")? == 0 => Ok(Kind::Empty),
        _ => Err(foreign()),
    }
}

fn own_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

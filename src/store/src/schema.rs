//! The database: how it is opened, and its tables.
//!
//! `entries`, `tiles` and `checkpoints` are the log; `parts`, `malformed`, `witness` and `telemetry`
//! are what was received, `accesses` who looked; `introductions` is what parts say in the clear,
//! `keys`, `blocks` and `chains` (with `latest`) what they say sealed. All of these are only ever added
//! to, but for keys, which an erasure destroys. `exchanges`, `sessions`, `boots`, `gaps` and `given_up`,
//! and what waits for its counterpart (`unwitnessed`, `unmatched`), follow from them and are kept in the
//! same transaction; the view `told` has of each exchange what its parts say of it.

use crate::error::StoreError;
use crate::ledger::packed;
use crate::paced;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// The newest schema version; it stands in the database's `user_version`.
const VERSION: i64 = 8;
/// "HANS": tells a ledger from a database of another program.
const APPLICATION: i64 = 0x4841_4E53;

/// Held by the writer.
const LOCK: &str = "hansard.lock";

pub(crate) const TABLES: &str = "
CREATE TABLE entries (
    id          INTEGER PRIMARY KEY,        -- the leaf's index, from 0
    bytes       BLOB NOT NULL               -- canonical JSON, packed: `unpacked(bytes)` has it
) STRICT;

CREATE TABLE tiles (
    level       INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    hashes      BLOB NOT NULL,              -- 256 of 32 bytes: a tile is stored once it is full
    PRIMARY KEY (level, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoints (
    size        INTEGER PRIMARY KEY,
    at          INTEGER NOT NULL,           -- every time is in Unix milliseconds
    root        BLOB NOT NULL,
    note        BLOB NOT NULL               -- signed (C2SP tlog-checkpoint)
) STRICT;

CREATE TABLE intake (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    generation  INTEGER NOT NULL,           -- up to where the intake is in this ledger
    offset      INTEGER NOT NULL
) STRICT;

CREATE TABLE keys (
    id          INTEGER PRIMARY KEY,
    session     TEXT NOT NULL,
    wrapped     BLOB,                       -- NULL: destroyed
    dictionary  BLOB                        -- sealed: what its texts are compressed against
) STRICT;
CREATE INDEX keys_of_session ON keys (session);

CREATE TABLE blocks (
    id          INTEGER PRIMARY KEY,
    key         INTEGER NOT NULL,
    name        BLOB NOT NULL,              -- HMAC of the text's SHA-256 under the key
    sealed      BLOB NOT NULL
) STRICT;

CREATE TABLE chains (
    id          INTEGER PRIMARY KEY,
    key         INTEGER NOT NULL,
    before      INTEGER NOT NULL,           -- the chain that was made before it under its key; 0: none
    parent      INTEGER NOT NULL,           -- 0: none
    block       INTEGER NOT NULL,
    name        BLOB NOT NULL,              -- HMAC of its texts' digest under the key
    bytes       INTEGER NOT NULL            -- of its texts
) STRICT;

-- A key's chains lead back from here, and need no index: one would have each commit write a page for
-- each session in it.
CREATE TABLE latest (
    key         INTEGER PRIMARY KEY,
    chain       INTEGER NOT NULL            -- of the key's, the one that was made last
) STRICT;

CREATE TABLE holds (
    session     TEXT PRIMARY KEY,
    reason      TEXT NOT NULL
) STRICT;

CREATE TABLE introductions (
    id          INTEGER PRIMARY KEY,
    digest      BLOB NOT NULL UNIQUE,       -- SHA-256 of what follows
    hint        TEXT,                       -- the client's own session id
    agent       TEXT,
    issuer      TEXT NOT NULL,
    subject     TEXT NOT NULL,
    groups      TEXT NOT NULL,              -- JSON array
    email       TEXT,
    method      TEXT,
    path        TEXT,
    model       TEXT,
    rule        TEXT,
    effect      TEXT
) STRICT;

CREATE TABLE parts (
    id          INTEGER PRIMARY KEY,        -- of its entry
    boot        TEXT NOT NULL,
    seq         INTEGER NOT NULL,
    exchange    TEXT NOT NULL,
    kind        TEXT NOT NULL,
    source      TEXT NOT NULL,
    at          INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    introduction INTEGER,                   -- who asked what, if it says so
    ending      TEXT,                       -- JSON: status, at, HTTP status, why, tokens; if it says so
    key         INTEGER NOT NULL,
    frame       BLOB NOT NULL,              -- sealed
    streams     TEXT NOT NULL,              -- JSON array of chains
    mac         BLOB NOT NULL,              -- of the part's digests, under the key
    -- `IN` would build a table of its own for each row.
    CHECK (kind = 'opened' OR kind = 'progress' OR kind = 'closed' OR kind = 'refused'),
    CHECK (source = 'acknowledged' OR source = 'access_log')
) STRICT;
CREATE INDEX parts_of_exchange ON parts (exchange, seq);

CREATE TABLE malformed (
    id          INTEGER PRIMARY KEY,        -- of its entry
    received_at INTEGER NOT NULL,
    log_name    TEXT NOT NULL,
    reason      TEXT NOT NULL,
    size        INTEGER NOT NULL,           -- of all of it
    bytes       BLOB NOT NULL               -- the first 64 KiB
) STRICT;

CREATE TABLE witness (
    id          INTEGER PRIMARY KEY,        -- of its entry
    received_at INTEGER NOT NULL,
    exchange    TEXT,                       -- NULL: Envoy saw a stream that the filter did not name
    method      TEXT NOT NULL,
    path        TEXT NOT NULL,
    status      INTEGER,
    details     TEXT NOT NULL               -- JSON: flags, code details, stream id, sizes
) STRICT;
CREATE INDEX witness_of_exchange ON witness (exchange);

CREATE TABLE accesses (
    id          INTEGER PRIMARY KEY,        -- of its entry
    at          INTEGER NOT NULL,
    by          TEXT NOT NULL,              -- who
    role        TEXT NOT NULL,
    action      TEXT NOT NULL,
    target      TEXT NOT NULL
) STRICT;

CREATE TABLE telemetry (
    id          INTEGER PRIMARY KEY,        -- of its entry
    at          INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    session     TEXT NOT NULL,
    name        TEXT NOT NULL,
    key         INTEGER NOT NULL,
    sealed      BLOB NOT NULL
) STRICT;
CREATE INDEX telemetry_of_session ON telemetry (session);

CREATE TABLE boots (
    boot        TEXT PRIMARY KEY,
    node        TEXT NOT NULL,
    first_at    INTEGER NOT NULL,
    last_at     INTEGER NOT NULL,
    highest     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE gaps (
    boot        TEXT NOT NULL,
    first       INTEGER NOT NULL,           -- the first number that is missing
    last        INTEGER NOT NULL,
    noticed_at  INTEGER NOT NULL,
    after_at    INTEGER NOT NULL,           -- the time of the part before
    before_at   INTEGER NOT NULL,           -- and of the part behind
    PRIMARY KEY (boot, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE given_up (
    boot        TEXT NOT NULL,
    seq         INTEGER NOT NULL,           -- never came: its gateway says that nothing of it was forwarded
    PRIMARY KEY (boot, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE unwitnessed (
    exchange    TEXT PRIMARY KEY,
    at          INTEGER NOT NULL            -- when its first part was received
) STRICT, WITHOUT ROWID;

CREATE TABLE unmatched (
    witness     INTEGER PRIMARY KEY,
    exchange    TEXT,
    at          INTEGER NOT NULL
) STRICT;
CREATE INDEX unmatched_exchange ON unmatched (exchange);

CREATE TABLE exchanges (
    id            TEXT PRIMARY KEY,
    session       TEXT NOT NULL,
    status        TEXT NOT NULL,
    started_at    INTEGER NOT NULL,         -- the earliest of its parts
    introduced_by INTEGER,                  -- the part that says who asked: the first that does
    ended_by      INTEGER,                  -- the part that says how it ended: the last that does
    CHECK (status = 'open' OR status = 'complete' OR status = 'ended' OR status = 'refused')
) STRICT, WITHOUT ROWID;
CREATE INDEX exchanges_of_session ON exchanges (session, started_at, id);
CREATE INDEX exchanges_open ON exchanges (started_at) WHERE status = 'open';

CREATE VIEW told AS
SELECT exchanges.id, exchanges.session, exchanges.status, started_at,
    introduced_by, first.boot AS introduced_boot, first.seq AS introduced_seq,
    hint, agent, issuer, subject, groups, email, method, path, model, rule, effect,
    ended_by, last.boot AS ended_boot, last.seq AS ended_seq, last.ending ->> 1 AS ended_at,
    last.ending ->> 2 AS http_status, last.ending ->> 3 AS why,
    last.ending ->> 4 AS input_tokens, last.ending ->> 5 AS output_tokens
FROM exchanges
LEFT JOIN parts AS first ON first.id = introduced_by
LEFT JOIN introductions ON introductions.id = first.introduction
LEFT JOIN parts AS last ON last.id = ended_by;

CREATE TABLE sessions (
    id         TEXT PRIMARY KEY,
    hint       TEXT,
    issuer     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    groups     TEXT NOT NULL,               -- JSON array: every group of any of its exchanges
    models     TEXT NOT NULL,               -- JSON array: every model asked for
    started_at INTEGER NOT NULL,
    last_end   INTEGER,
    exchanges  INTEGER NOT NULL,
    open       INTEGER NOT NULL,            -- of the exchanges, those in each status
    complete   INTEGER NOT NULL,
    ended      INTEGER NOT NULL,
    refused    INTEGER NOT NULL,
    status     TEXT NOT NULL GENERATED ALWAYS AS (CASE
                   WHEN open > 0 THEN 'open'
                   WHEN refused = exchanges THEN 'refused'
                   WHEN ended > 0 THEN 'ended'
                   ELSE 'complete' END) VIRTUAL,
    ended_at   INTEGER GENERATED ALWAYS AS (CASE WHEN open = 0 THEN last_end END) VIRTUAL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_start ON sessions (started_at, id);
CREATE INDEX sessions_by_hint ON sessions (hint) WHERE hint IS NOT NULL;
";

pub(crate) fn database_path(folder: &Path) -> PathBuf {
    folder.join("hansard.db")
}

/// Whether a writer has the folder.
pub(crate) fn is_written(folder: &Path) -> bool {
    let Ok(lock) = File::open(folder.join(LOCK)) else { return false };
    // Dropped with the file.
    matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock))
}

/// Takes the folder for one writer, for as long as the file lives.
///
/// A folder that is made here belongs to its owner alone; so do the files.
pub(crate) fn lock_folder(folder: &Path) -> Result<File, StoreError> {
    let unusable = |source| StoreError::Folder { path: folder.to_owned(), source };
    if !folder.is_dir() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unusable)?;
        sync_parent(folder).map_err(unusable)?;
    }
    let lock = own_file(&folder.join(LOCK)).map_err(unusable)?;
    let mut tries = 0;
    loop {
        match lock.try_lock() {
            Ok(()) => break,
            // A reader that asks whether somebody writes holds it for a moment.
            Err(TryLockError::WouldBlock) if tries < 20 => {
                tries += 1;
                thread::sleep(Duration::from_millis(5));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Locked { path: folder.to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
    }
    // SQLite gives its journal files the mode of the database.
    own_file(&database_path(folder)).map_err(unusable)?;
    Ok(lock)
}

/// Opens the database for writing; makes the tables in an empty one.
///
/// `synchronous=FULL` syncs the write-ahead log in each commit: a commit that returned is on disk.
pub(crate) fn open_for_writing(
    folder: &Path,
    busy_timeout: Duration,
) -> Result<Connection, StoreError> {
    paced::prepare();
    let path = database_path(folder);
    let mut connection = Connection::open_with_flags(
        &path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(busy_timeout)?;
    if !is_ours(&connection, &path)? {
        // Refused before anything is changed in it.
        if number(&connection, "PRAGMA schema_version")? != 0 {
            return Err(StoreError::Foreign { path });
        }
        connection.pragma_update(None, "journal_mode", "WAL")?;
        let transaction = connection.transaction()?;
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()?;
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // macOS keeps what fsync wrote in the drive's cache; elsewhere these two mean nothing.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "journal_size_limit", 128 << 20)?;
    // A key that was destroyed is not to be found in the file.
    connection.pragma_update(None, "secure_delete", true)?;
    // In KiB: what one commit after another touches stays in memory, and is read from no journal.
    connection.pragma_update(None, "cache_size", -16_384)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(128);
    // A statement is planned once, and not anew for each value that is bound to it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    packed::know(&connection)?;
    Ok(connection)
}

/// Opens the database so that nothing can be changed through the connection.
pub(crate) fn open_for_reading(folder: &Path) -> Result<Connection, StoreError> {
    let path = database_path(folder);
    let absent = || StoreError::Absent { path: folder.to_owned() };
    if !path.is_file() {
        return Err(absent());
    }
    let connection = Connection::open_with_flags(
        &path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "query_only", true)?;
    packed::know(&connection)?;
    if !is_ours(&connection, &path)? {
        let empty = number(&connection, "PRAGMA schema_version")? == 0;
        return Err(if empty { absent() } else { StoreError::Foreign { path } });
    }
    Ok(connection)
}

/// Whether the database is a ledger of a version that this program knows.
fn is_ours(connection: &Connection, path: &Path) -> Result<bool, StoreError> {
    let application = match number(connection, "PRAGMA application_id") {
        Err(StoreError::Database(error))
            if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) =>
        {
            return Err(StoreError::Foreign { path: path.to_owned() });
        }
        other => other?,
    };
    if application != APPLICATION {
        return Ok(false);
    }
    match number(connection, "PRAGMA user_version")? {
        VERSION => Ok(true),
        ..VERSION => Err(StoreError::Older { path: path.to_owned() }),
        found => Err(StoreError::Newer { found, known: VERSION }),
    }
}

fn number(connection: &Connection, pragma: &str) -> Result<i64, StoreError> {
    Ok(connection.query_row(pragma, [], |row| row.get(0))?)
}

fn own_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// A new folder's name is on disk only when the folder that holds it is synced.
fn sync_parent(folder: &Path) -> io::Result<()> {
    match folder.canonicalize()?.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

//! SQLite's write-ahead log, copied into the database beside the writer: commits go on meanwhile.
//!
//! ```text
//! writer    commit … commit ─▶ SOFT more      commit … commit ─▶ HARD in all: copies the rest,
//! journal                       └▶ copies them, beside the writer ─┘      and the log begins anew
//! ```

use crate::error::StoreError;
use crate::paced;
use crate::schema::database_path;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Pages of the log, more than were copied before, that are copied beside the writer: 8 MiB. The more, the
/// fewer of them are the same one again.
const SOFT: i32 = 2048;
/// Pages of the log above which the writer copies what is left, since only with nothing left to copy, and
/// without a reader in it, the log begins anew: 64 MiB.
const HARD: i32 = 16_384;
/// How long it rests behind each slice that it copies: nobody waits for it.
const REST: Duration = Duration::from_millis(1);

/// The thread that copies. Dropped, it ends when its copy is done.
#[derive(Debug)]
pub(crate) struct Journal {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    /// Of the log, after the last commit.
    pages: AtomicI32,
    /// Of these, those that are in the database.
    copied: AtomicI32,
    is_copying: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    is_asked: bool,
    is_over: bool,
}

impl Journal {
    /// Copies what another process left in the log, and starts the thread: who is killed again and
    /// again would otherwise never come to the end of a log that grows.
    ///
    /// # Errors
    /// When the database cannot be opened, or the system gives no thread.
    pub(crate) fn start(folder: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(database_path(folder), flags)?;
        // A connection learns that there is a log when it first reads.
        connection.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |_| Ok(()))?;
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "checkpoint_fullfsync", true)?;
        copy(&connection);
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || own.run(&connection))
            .map_err(|source| StoreError::Folder { path: folder.to_owned(), source })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Watches the commits of the writer's connection, and turns SQLite's own copying off.
    pub(crate) fn watch(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let shared = Arc::clone(&self.shared);
        let hook = move |_: &mut rusqlite::hooks::Wal, pages| {
            if pages < shared.pages.swap(pages, Ordering::Relaxed) {
                // It began anew.
                shared.copied.store(0, Ordering::Relaxed);
            }
            Ok(())
        };
        Ok(connection.wal_hook(Some(hook))?)
    }

    /// After a commit: has the log copied when it is long, unless that is under way.
    pub(crate) fn committed(&self, connection: &Connection) {
        let shared = &self.shared;
        if shared.is_copying.load(Ordering::Acquire) {
            return;
        }
        let pages = shared.pages.load(Ordering::Relaxed);
        let copied = shared.copied.load(Ordering::Relaxed);
        if pages > HARD {
            shared.copied.store(copy(connection), Ordering::Relaxed);
        } else if pages.saturating_sub(copied) > SOFT {
            shared.is_copying.store(true, Ordering::Release);
            shared.state().is_asked = true;
            shared.wake.notify_one();
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.shared.state().is_over = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // It holds nothing that its end could harm.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self, connection: &Connection) {
        paced::pace(REST);
        loop {
            let mut state = self.state();
            while !state.is_asked && !state.is_over {
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.is_over {
                return;
            }
            state.is_asked = false;
            drop(state);
            self.copied.store(copy(connection), Ordering::Relaxed);
            self.is_copying.store(false, Ordering::Release);
        }
    }

    /// A poisoned lock holds two flags that are always whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Copies what no reader needs any more; how many pages of the log are in the database. What fails
/// stays in the log, and a later commit asks again; a disk that fails is met by the writer too.
fn copy(connection: &Connection) -> i32 {
    let copied = connection.wal_checkpoint_v2(None::<&str>, CheckpointMode::PASSIVE);
    copied.map_or(0, |(_, copied)| copied)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{lock_folder, open_for_writing};
    use std::time::Instant;

    /// Pages of one commit, about.
    const COMMIT: i32 = 1024;

    struct Written {
        _folder: tempfile::TempDir,
        _lock: std::fs::File,
        connection: Connection,
        journal: Journal,
    }

    impl Written {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let lock = lock_folder(folder.path()).unwrap();
            let mut connection = open_for_writing(folder.path(), Duration::from_secs(1)).unwrap();
            let journal = Journal::start(folder.path()).unwrap();
            journal.watch(&mut connection).unwrap();
            connection.execute_batch("CREATE TABLE texts (text)").unwrap();
            Self { _folder: folder, _lock: lock, connection, journal }
        }

        /// Commits 4 MB; the pages of the log after it.
        fn commit(&self) -> i32 {
            self.connection.execute("INSERT INTO texts VALUES (zeroblob(4 << 20))", []).unwrap();
            let pages = self.journal.shared.pages.load(Ordering::Relaxed);
            self.journal.committed(&self.connection);
            let deadline = Instant::now() + Duration::from_secs(20);
            while self.journal.shared.is_copying.load(Ordering::Acquire) {
                assert!(Instant::now() < deadline, "a copy ends");
                thread::yield_now();
            }
            pages
        }
    }

    #[test]
    fn a_log_that_is_copied_in_time_stays_short() {
        let written = Written::new();
        let longest = (0..20).map(|_| written.commit()).max().unwrap();
        assert!(longest > SOFT && longest < SOFT + 2 * COMMIT, "{longest}");
    }

    #[test]
    fn a_log_that_a_reader_holds_begins_anew_behind_it() {
        let written = Written::new();
        let path = written.connection.path().unwrap();
        let reader = Connection::open(path).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM texts").unwrap();
        let longest = (0..18).map(|_| written.commit()).last().unwrap();
        assert!(longest > HARD, "{longest}");
        reader.execute_batch("COMMIT").unwrap();
        // The first one copies it all.
        let after = [written.commit(), written.commit()];
        assert!(after[0] > longest && after[1] < 2 * COMMIT, "{after:?}");
        assert!((0..20).all(|_| written.commit() < SOFT + 2 * COMMIT), "it is copied on");
    }
}

//! SQLite's write-ahead log, copied into the database beside the writer: commits go on meanwhile.
//!
//! ```text
//! writer    commit … commit ─▶ more than SOFT pages      commit … commit ─▶ copies the rest: the log
//! journal                        └▶ copies them (a passive checkpoint) ─┘     begins anew
//! ```

use crate::error::StoreError;
use crate::schema::database_path;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// Pages of the log above which it is copied: 8 MiB.
const SOFT: i32 = 2048;
/// Pages that the writer copies itself, so that nothing is left to copy and the log begins anew.
const REST: i32 = 256;
/// Pages of the log above which the writer waits whatever is left: 64 MiB.
const HARD: i32 = 16_384;

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
            shared.pages.store(pages, Ordering::Relaxed);
            Ok(())
        };
        Ok(connection.wal_hook(Some(hook))?)
    }

    /// After a commit: has the log copied when it is long.
    pub(crate) fn committed(&self, connection: &Connection) {
        let shared = &self.shared;
        let pages = shared.pages.load(Ordering::Relaxed);
        let copied = shared.copied.load(Ordering::Relaxed);
        if pages <= SOFT {
            return;
        }
        let is_copying = shared.is_copying.load(Ordering::Acquire);
        if pages > HARD || (!is_copying && copied > 0 && pages.saturating_sub(copied) <= REST) {
            copy(connection);
            shared.copied.store(0, Ordering::Relaxed);
        } else if !is_copying {
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

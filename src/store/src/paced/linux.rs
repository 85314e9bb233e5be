//! SQLite has no hook between its writes and their sync, but lets the calls of its `unix` VFS be replaced
//! (`xSetSystemCall`, <https://www.sqlite.org/c3ref/vfs.html>): the one that writes is, by one that does the same
//! and then begins with the slice, for threads that ask for it.
//!
//! Whether something is on disk is still SQLite's own sync to find out, and what went wrong on the way
//! there: beginning to write (`SYNC_FILE_RANGE_WRITE`) takes no error from who syncs, as waiting for it would.
#![expect(unsafe_code, reason = "SQLite's calls of the system are foreign functions")]

use libc::{c_int, c_void, off64_t, size_t, ssize_t};
use rusqlite::ffi;
use std::cell::Cell;
use std::ptr::null;
use std::sync::Once;
use std::thread;
use std::time::Duration;

/// Bytes that are written before the disk begins with them.
const SLICE: u64 = 64 << 10;

type Write = unsafe extern "C" fn(c_int, *const c_void, size_t, off64_t) -> ssize_t;

/// How a thread writes.
#[derive(Clone, Copy)]
struct Pace {
    rest: Duration,
    /// Bytes that the disk has not begun with.
    written: u64,
    /// Slices that it has.
    slices: u64,
}

thread_local! {
    static PACE: Cell<Option<Pace>> = const { Cell::new(None) };
}

static PREPARED: Once = Once::new();

/// Makes ready what [`pace`] needs, before a connection writes.
pub(crate) fn prepare() {
    PREPARED.call_once(|| {
        // What SQLite does not take leaves it as it is: nothing but time depends on it.
        // SAFETY: SQLite's own VFS lives as long as the program, and `write` is what its caller takes the
        // pointer for: a function of that name.
        unsafe {
            let vfs = ffi::sqlite3_vfs_find(null());
            let Some(set) = vfs.as_ref().and_then(|vfs| vfs.xSetSystemCall) else { return };
            let write = std::mem::transmute::<Write, unsafe extern "C" fn()>(write);
            // Which of the two it writes with depends on how it was built; its offsets have 64 bits.
            for name in [c"pwrite", c"pwrite64"] {
                set(vfs, name.as_ptr(), Some(write));
            }
        }
    });
}

/// From now on this thread rests for so long behind each slice that it writes.
pub(crate) fn pace(rest: Duration) {
    PACE.set(Some(Pace { rest, written: 0, slices: 0 }));
}

/// `pwrite64`, and what is behind it.
///
/// # Safety
/// As of `pwrite64`: there are `size` bytes behind `from`.
unsafe extern "C" fn write(file: c_int, from: *const c_void, size: size_t, at: off64_t) -> ssize_t {
    // SAFETY: as the caller's.
    let written = unsafe { libc::pwrite64(file, from, size, at) };
    if let (Some(pace), Ok(more @ 1..)) = (PACE.get(), u64::try_from(written)) {
        PACE.set(Some(pace.behind(file, more)));
    }
    written
}

impl Pace {
    /// Behind so many bytes more.
    fn behind(mut self, file: c_int, more: u64) -> Self {
        self.written = self.written.saturating_add(more);
        if self.written >= SLICE {
            // All of the file that it has not begun with. Where it cannot begin, the sync does.
            // SAFETY: no memory is passed.
            unsafe { libc::sync_file_range(file, 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
            self.written = 0;
            self.slices += 1;
            if !self.rest.is_zero() {
                thread::sleep(self.rest);
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{lock_folder, open_for_writing};
    use std::time::Instant;

    /// A commit of so many bytes; the slices, and how long it took.
    fn committed(bytes: u64, rest: Option<Duration>) -> (u64, Duration) {
        let folder = tempfile::tempdir().unwrap();
        let _lock = lock_folder(folder.path()).unwrap();
        let connection = open_for_writing(folder.path(), Duration::from_secs(1)).unwrap();
        // The copy of the log would be written in slices, too.
        connection.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
        connection.execute_batch("CREATE TABLE texts (text)").unwrap();
        let start = thread::spawn(move || {
            rest.into_iter().for_each(pace);
            let start = Instant::now();
            connection.execute("INSERT INTO texts VALUES (zeroblob(?1))", [bytes as i64]).unwrap();
            let long: i64 = connection
                .query_row("SELECT length(text) FROM texts", [], |row| row.get(0))
                .unwrap();
            assert_eq!(long as u64, bytes);
            (PACE.get().map_or(0, |pace| pace.slices), start.elapsed())
        });
        start.join().unwrap()
    }

    #[test]
    fn the_disk_begins_with_each_slice_of_a_thread_that_asks_for_it() {
        let (slices, _) = committed(4 << 20, Some(Duration::ZERO));
        assert!((64..80).contains(&slices), "{slices}");
        assert_eq!(committed(4 << 20, None).0, 0);
    }

    #[test]
    fn a_rest_comes_behind_each_slice() {
        let rest = Duration::from_millis(5);
        let (slices, took) = committed(1 << 20, Some(rest));
        assert!(slices >= 16 && took >= rest * 16, "{slices} {took:?}");
    }

    #[test]
    fn what_cannot_be_written_is_an_error_and_no_slice() {
        pace(Duration::ZERO);
        // SAFETY: the bytes are there.
        let written = unsafe { write(-1, b"x".as_ptr().cast(), 1, 0) };
        assert_eq!(written, -1);
        assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(libc::EBADF));
        assert_eq!(PACE.get().map(|pace| (pace.written, pace.slices)), Some((0, 0)));
    }
}

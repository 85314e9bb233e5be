//! A whole ledger, from its first entry to its last, on as many threads as there are processors.
//!
//! ```text
//! pages    every tree of the file, its order and its indexes          beside the rest
//!          how its tables and its view are made
//! texts    sealed blocks ─▶ chains over them;  introductions: what is said in the clear
//! log      entries, by stretches, each against what it speaks of ─▶ leaves, numbers
//! rows     parts, by exchange ─▶ exchanges ─▶ sessions; what waits for its counterpart
//! boots    parts, by VM ─▶ their times, what is missing and when
//! signed   leaves ─▶ roots ═ checkpoints; tiles                       keys, dictionaries, holds
//! ```

mod boots;
mod exchange;
mod introductions;
mod keys;
mod log;
mod pages;
mod rows;
mod session;
mod signed;
mod texts;

use crate::checkpoint::{Kept, PublicKey};
use crate::{Report, VerifyError, intake};
use boots::Boots;
use introductions::Introductions;
use log::Found;
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use texts::Texts;

type Sum = [u8; 32];
type Fallible<T> = rusqlite::Result<T>;

/// The ledger's version that is known here.
const VERSION: i64 = 8;

/// Threads at most, and times that a moment is tried to be caught.
const MOST_THREADS: usize = 16;
const TRIES: usize = 1000;
/// Bytes of the file that are read at once.
const AT_ONCE: usize = 256 << 10;

/// Looks at every byte of a ledger. `key`: the public key, from `checkpoint.pub` or, better, from
/// where the auditor keeps it. `progress` is told how many entries were read, of how many.
///
/// # Errors
/// When nothing can be said. What was changed is in the report.
pub fn verify(
    folder: &Path,
    key: &str,
    kept: Option<&Kept>,
    progress: impl FnMut(u64, u64) + Send,
) -> Result<Report, VerifyError> {
    let key = PublicKey::new(key)?;
    let kept =
        kept.map(|kept| key.read(&kept.0).map_err(|why| VerifyError::Kept { why })).transpose()?;
    let path = folder.join("hansard.db");
    if !path.is_file() {
        return Err(VerifyError::Absent { path: folder.to_owned() });
    }
    let threads = thread::available_parallelism().map_or(2, |n| n.get().clamp(2, MOST_THREADS));
    let (came, read) = thread::scope(|scope| {
        let came = scope.spawn(|| intake::frames(folder));
        let read = read_through(&path, threads);
        (came.join().unwrap_or_else(|panic| resume_unwind(panic)), read)
    });
    read.map_err(|source| VerifyError::Read { path: path.clone(), source })?;
    let failed = |source| VerifyError::Database { path: path.clone(), source };
    let version = |one: Connection| one.pragma_query_value(None, "user_version", |row| row.get(0));
    match open(&path).and_then(version).map_err(failed)? {
        VERSION => {}
        found => return Err(VerifyError::Version { path, found, known: VERSION }),
    }
    let waiting =
        open(&path).and_then(|connection| intake::waiting(&came, &connection)).map_err(failed)?;
    // Half as many again for the pages: they take about as long as all the rest.
    let (mut readers, pages) = moment(&path, threads, threads / 2).map_err(failed)?;
    let tables = Mutex::new(pages::tables(pages.first()).map_err(failed)?);
    let mut report = Report { waiting, ..Report::default() };
    thread::scope(|scope| {
        let tables = &tables;
        let checks: Vec<_> =
            pages.into_iter().map(|one| scope.spawn(move || pages::check(&one, tables))).collect();
        if let Err(error) = look(&mut readers, &mut report, &key, kept.as_ref(), progress) {
            report.problem(format!("the ledger cannot be read: {error}"));
        }
        for check in checks {
            report.pages(check.join().unwrap_or(Err(rusqlite::Error::UnwindingPanic)));
        }
    });
    Ok(report)
}

fn look(
    readers: &mut [Connection],
    report: &mut Report,
    key: &PublicKey,
    kept: Option<&crate::checkpoint::Said>,
    progress: impl FnMut(u64, u64) + Send,
) -> Fallible<()> {
    let Some(connection) = readers.first() else { return Ok(()) };
    pages::schema(connection, report)?;
    let texts = Texts::read(readers, report)?;
    let Some(connection) = readers.first() else { return Ok(()) };
    let introductions = Introductions::read(connection, report)?;
    let boots = Boots::read(connection)?;
    let mut found = Found::read(readers, (&texts, &introductions, &boots), progress)?;
    rows::check(readers, &introductions, report)?;
    std::mem::take(&mut found.problems).into_iter().for_each(|what| report.problem(what));
    report.bytes = report.bytes.saturating_add(found.bytes);
    report.parts = found.counts.parts.unsigned_abs();
    let (gaps, given_up) = found.gaps();
    report.gaps = gaps;
    let Found { leaves, counts, heard, said, .. } = found;
    let [one, other, ..] = readers else { return Err(rusqlite::Error::InvalidQuery) };
    let mut rest = Report { gaps: report.gaps.clone(), ..Report::default() };
    let (signed, noted) = thread::scope(|scope| {
        let (leaves, report) = (&leaves, &mut *report);
        let signed = scope.spawn(move || signed::check(one, report, key, kept, leaves));
        let noted = counts
            .check(other, &mut rest)
            .and_then(|()| boots.check(other, &heard, &given_up, &mut rest))
            .and_then(|()| keys::check(other, &mut rest, said));
        (signed.join().unwrap_or(Err(rusqlite::Error::UnwindingPanic)), noted)
    });
    report.add(rest);
    signed.and(noted)
}

/// Connections that all see the same moment of the ledger, while the sink goes on.
fn moment(
    path: &Path,
    readers: usize,
    pages: usize,
) -> Fallible<(Vec<Connection>, Vec<Connection>)> {
    let mut tries = 0;
    loop {
        let all = (0..readers.saturating_add(pages).max(2)).map(|_| open(path));
        let mut all = all.collect::<Fallible<Vec<_>>>()?;
        let mut seen = Vec::with_capacity(all.len());
        for one in &all {
            one.execute_batch("BEGIN")?;
            // Every change of what is looked at is an entry.
            seen.push(one.query_row("SELECT MAX(id) FROM entries", [], |row| {
                row.get::<_, Option<i64>>(0)
            })?);
        }
        tries += 1;
        if seen.windows(2).all(|two| two.first() == two.last()) {
            let rest = all.split_off(readers.min(all.len().saturating_sub(1)));
            return Ok((all, rest));
        }
        if tries > TRIES {
            return Err(rusqlite::Error::InvalidQuery);
        }
    }
}

/// Reads the file once, each of so many threads its share in the file's own order: a disk that fails
/// says so, and the pages are in memory. How many bytes were read.
fn read_through(path: &Path, threads: usize) -> io::Result<u64> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let share = length.div_ceil(threads.max(1) as u64).max(1);
    let read = |from: u64| {
        let mut some = vec![0; AT_ONCE];
        let (mut at, end) = (from, from.saturating_add(share));
        while at < end {
            let left = usize::try_from(end.saturating_sub(at)).unwrap_or(AT_ONCE);
            let (some, _) = some.split_at_mut(left.min(AT_ONCE));
            match file.read_at(some, at) {
                Ok(0) => break,
                Ok(length) => at = at.saturating_add(length as u64),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(at.saturating_sub(from))
    };
    thread::scope(|scope| {
        let begins = (0..length).step_by(usize::try_from(share).unwrap_or(usize::MAX));
        let running: Vec<_> = begins.map(|from| scope.spawn(move || read(from))).collect();
        let ended = running.into_iter().map(|one| one.join());
        ended.map(|read| read.unwrap_or_else(|panic| resume_unwind(panic))).sum()
    })
}

fn open(path: &Path) -> Fallible<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    // In KiB: each page is read about once.
    connection.pragma_update(None, "cache_size", -32_768)?;
    // Nothing shrinks a ledger's file; what a disk cannot read, `read_through` has met before.
    connection.pragma_update(None, "mmap_size", 1_i64 << 40)?;
    Ok(connection)
}

/// The ids of a table in stretches, as many as there are threads, in their order.
fn stretches(connection: &Connection, table: &str, count: usize) -> Fallible<Vec<(i64, i64)>> {
    let query = format!("SELECT MIN(id), MAX(id) FROM {table}");
    let (first, last): (Option<i64>, Option<i64>) =
        connection.query_row(&query, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let Some((first, last)) = first.zip(last) else { return Ok(Vec::new()) };
    // Whatever ids stand in a file, no more stretches than readers: none is left out.
    let (first, last) = (i128::from(first), i128::from(last));
    let count = count.max(1) as i128;
    let step = (last - first) / count + 1;
    let begins = (0..count).map(|n| first + n * step).take_while(|from| *from <= last);
    Ok(begins.map(|from| (from as i64, (from + step - 1).min(last) as i64)).collect())
}

/// Does the same with each stretch, each on a thread and a connection of its own; in their order.
fn side_by_side<S: Sync, T: Send>(
    readers: &mut [Connection],
    stretches: &[S],
    each: impl Fn(&Connection, &S) -> Fallible<T> + Sync,
) -> Fallible<Vec<T>> {
    let each = &each;
    thread::scope(|scope| {
        let running: Vec<_> = readers
            .iter_mut()
            .zip(stretches)
            .map(|(connection, stretch)| scope.spawn(move || each(connection, stretch)))
            .collect();
        let ended = running
            .into_iter()
            .map(|thread| thread.join().unwrap_or(Err(rusqlite::Error::UnwindingPanic)));
        ended.collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_once_by_any_number_of_threads_or_the_failure_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for length in [0, 1, 5, AT_ONCE + 1] {
            std::fs::write(&path, vec![1; length]).unwrap();
            for threads in [0, 1, 2, 7] {
                assert_eq!(read_through(&path, threads).unwrap(), length as u64);
            }
        }
        // The system opens a folder, and reads none.
        assert!(read_through(folder.path(), 2).is_err());
    }

    #[test]
    fn stretches_cover_every_id_and_are_no_more_than_the_readers() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY)").unwrap();
        assert_eq!(stretches(&connection, "t", 4).unwrap(), []);
        for ids in [&[5][..], &[0, 9], &[-3, 2], &[i64::MIN, i64::MAX], &[i64::MAX - 1, i64::MAX]] {
            connection.execute_batch("DELETE FROM t").unwrap();
            for id in ids {
                connection.execute("INSERT INTO t VALUES (?1)", [id]).unwrap();
            }
            for count in 1..=16 {
                let all = stretches(&connection, "t", count).unwrap();
                assert!(all.len() <= count);
                assert_eq!((all[0].0, all[all.len() - 1].1), (ids[0], ids[ids.len() - 1]));
                assert!(all.windows(2).all(|two| two[0].1 + 1 == two[1].0), "{all:?}");
            }
        }
    }
}

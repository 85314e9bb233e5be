//! The disk and the database alone.

use crate::{Fallible, Figures};
use rusqlite::{Connection, params};
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

const PART: usize = 2048;

pub(crate) fn fdatasync(folder: &Path, time: Duration) -> Fallible<Figures> {
    let mut file = File::create(folder.join("sync"))?;
    // Written before: a file that grows costs a journal entry of its own.
    file.write_all(&vec![0; 16 << 20])?;
    file.sync_all()?;
    let (start, mut times) = (Instant::now(), Vec::new());
    file.seek(SeekFrom::Start(0))?;
    while start.elapsed() < time {
        let one = Instant::now();
        if times.len() % 8000 == 7999 {
            file.seek(SeekFrom::Start(0))?;
        }
        file.write_all(&[7; PART])?;
        file.sync_data()?;
        times.push(one.elapsed());
    }
    Ok(Figures::of(times, start.elapsed()))
}

pub(crate) fn sqlite(folder: &Path, time: Duration) -> Fallible<Figures> {
    let mut connection = Connection::open(folder.join("plain.db"))?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE parts (boot TEXT, seq INTEGER, json BLOB, UNIQUE (boot, seq)) STRICT",
    )?;
    let (start, mut times) = (Instant::now(), Vec::new());
    while start.elapsed() < time {
        let one = Instant::now();
        let transaction = connection.transaction()?;
        for _ in 0..64 {
            transaction
                .prepare_cached("INSERT INTO parts VALUES ('boot', ?1, ?2)")?
                .execute(params![times.len() as i64, [7_u8; PART]])?;
            times.push(Duration::ZERO);
        }
        transaction.commit()?;
        if let Some(last) = times.last_mut() {
            *last = one.elapsed();
        }
    }
    Ok(Figures::of(times, start.elapsed()))
}

//! The real sink, and what its ledger holds at the end.

use crate::problem::Problem;
use crate::process::Process;
use rusqlite::{Connection, OpenFlags};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long parts of the access log may be on their way after the last response.
const ARRIVE_WITHIN: Duration = Duration::from_secs(10);

/// A running sink.
pub(crate) struct Sink {
    pub(crate) pid: u32,
    pub(crate) address: SocketAddr,
    ledger: PathBuf,
    _running: Process,
}

/// Parts on record, by the way they came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) acknowledged: u64,
    pub(crate) access_log: u64,
}

impl Sink {
    /// Starts `hansard sink` with a ledger in `data`.
    pub(crate) fn start(hansard: &Path, data: &Path) -> Result<Self, Problem> {
        let mut command = Command::new(hansard);
        command.args(["--log", "warn", "sink", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        let mut process = Process::start(command, None)?;
        let out = process.child().stdout.take().ok_or(Problem::Sink)?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line).map_err(|_| Problem::Sink)?;
        let address = line.split([' ', ',']).find_map(|word| word.parse().ok());
        Ok(Self {
            pid: process.pid(),
            address: address.ok_or(Problem::Sink)?,
            ledger: data.join("hansard.db"),
            _running: process,
        })
    }

    /// Counts the parts in the ledger, once as many as `expected` are there or no more come.
    pub(crate) async fn parts(&self, expected: Parts) -> Result<Parts, Problem> {
        let ledger = Connection::open_with_flags(&self.ledger, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        ledger.busy_timeout(ARRIVE_WITHIN)?;
        let deadline = Instant::now() + ARRIVE_WITHIN;
        loop {
            let found = Parts {
                acknowledged: count(&ledger, "acknowledged")?,
                access_log: count(&ledger, "access_log")?,
            };
            if found == expected || Instant::now() > deadline {
                return Ok(found);
            }
            sleep(Duration::from_millis(200)).await;
        }
    }
}

/// The `opened` and `closed` parts of exchanges that are whole.
fn count(ledger: &Connection, source: &str) -> Result<u64, Problem> {
    let parts: i64 = ledger.query_row(
        "SELECT count(*) FROM parts JOIN told ON told.id = parts.exchange
         WHERE parts.source = ?1 AND parts.kind IN ('opened', 'closed')
           AND told.status = 'complete' AND told.http_status = 200",
        [source],
        |row| row.get(0),
    )?;
    Ok(parts.unsigned_abs())
}

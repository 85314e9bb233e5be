//! What was acknowledged and is not in the log yet: frames of the intake behind the place that the
//! ledger says it came to.
//!
//! ```text
//! intake.0, intake.1   page 0: HANSINT1 ‖ generation (8)
//!                      then, each from a page's begin: length (4) ‖ generation (8) ‖ check (4) ‖ sealed
//!                      check: how the SHA-256 of what is sealed begins
//! ```

use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

const PAGE: u64 = 4096;
/// How long a sink that runs is given to take in what was there at the beginning.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many of the frames that were there at the beginning still wait.
pub(crate) fn waiting(there: &[(u64, u64)], connection: &Connection) -> rusqlite::Result<u64> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let reached: Option<(i64, i64)> = connection
            .query_row("SELECT generation, offset FROM intake", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let (generation, offset) = reached.unwrap_or_default();
        let reached = (generation.unsigned_abs(), offset.unsigned_abs());
        let waiting = there.iter().filter(|end| **end > reached).count() as u64;
        if waiting == 0 || Instant::now() > deadline {
            return Ok(waiting);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Where each frame ends: its generation, and the place in its file.
pub(crate) fn frames(folder: &Path) -> Vec<(u64, u64)> {
    let mut ends = Vec::new();
    for name in ["intake.0", "intake.1"] {
        let Ok(file) = File::open(folder.join(name)) else { continue };
        let mut header = [0; 16];
        if file.read_exact_at(&mut header, 0).is_err() || !header.starts_with(b"HANSINT1") {
            continue;
        }
        let number = |bytes: &[u8]| bytes.iter().fold(0, |all, byte| all << 8 | u64::from(*byte));
        let (_, generation) = header.split_at(8);
        let mut at = PAGE;
        let mut head = [0; 16];
        while file.read_exact_at(&mut head, at).is_ok() {
            let (length, rest) = head.split_at(4);
            let length = number(length);
            let size = file.metadata().map_or(0, |data| data.len());
            if length == 0 || !rest.starts_with(generation) || length > size {
                break;
            }
            let mut sealed = vec![0; length as usize];
            let is_read = file.read_exact_at(&mut sealed, at.saturating_add(16)).is_ok();
            if !is_read || !rest.ends_with(Sha256::digest(&sealed).split_at(4).0) {
                break;
            }
            at = at.saturating_add(16).saturating_add(length).next_multiple_of(PAGE);
            ends.push((number(generation), at));
        }
    }
    ends
}

//! The tree over all leaves, against what was signed, and the tiles that it left.

use super::Fallible;
use crate::Report;
use crate::checkpoint::{PublicKey, Said};
use crate::merkle::{Merkle, WIDTH, tiles};
use rusqlite::{Connection, OptionalExtension};
use tlog_tiles::Hash;

pub(super) fn check(
    connection: &Connection,
    report: &mut Report,
    key: &PublicKey,
    kept: Option<&Said>,
    leaves: &[Hash],
) -> Fallible<()> {
    let mut checkpoints = checkpoints(connection, report, key, leaves.len() as u64)?;
    checkpoints.reverse();
    let mut tree = Merkle::default();
    for leaf in leaves {
        tree.push(*leaf);
        while let Some(said) = checkpoints.pop_if(|said| said.size <= tree.size()) {
            if said.size == tree.size() && said.root == tree.root() {
                report.checkpoints = report.checkpoints.saturating_add(1);
            } else {
                let last = said.size.saturating_sub(1);
                report.problem(format!(
                    "the checkpoint of entry {last} is of other entries: the log was changed"
                ));
            }
        }
        if let Some(said) = kept.filter(|said| said.size == tree.size() && said.root != tree.root())
        {
            report.problem(format!(
                "the checkpoint that was kept, of {} entries, is of another log: this one was forked \
                 or rewritten",
                said.size
            ));
        }
    }
    let there = tree.size();
    for Said { size, .. } in checkpoints {
        report.problem(format!("a checkpoint speaks of {size} entries, {there} are here"));
    }
    if let Some(Said { size, .. }) = kept.filter(|said| said.size > there) {
        report.problem(format!(
            "the checkpoint that was kept speaks of {size} entries, {there} are here: the log was cut"
        ));
    }
    report.entries = there;
    report.root = tree.root().to_string();
    stored_tiles(connection, report, leaves)
}

/// The signed checkpoints, the smallest first.
fn checkpoints(
    connection: &Connection,
    report: &mut Report,
    key: &PublicKey,
    entries: u64,
) -> Fallible<Vec<Said>> {
    let mut statement =
        connection.prepare("SELECT size, root, note FROM checkpoints ORDER BY size")?;
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let size: i64 = row.get(0)?;
        match key.read(row.get_ref(2)?.as_blob().unwrap_or_default()) {
            Ok(said) => {
                let is_same = u64::try_from(size) == Ok(said.size)
                    && row.get_ref(1)?.as_blob() == Ok(said.root.0.as_slice());
                if !is_same {
                    report.problem(format!("the checkpoint of size {size} was changed"));
                }
                all.push(said);
            }
            Err(why) => report.problem(format!("the checkpoint of size {size}: {why}")),
        }
    }
    if entries > 0 && all.last().is_none_or(|said| said.size < entries) {
        report.problem("no checkpoint covers the last entries".to_owned());
    }
    Ok(all)
}

/// The tiles that are full; what is not full is not stored: it follows from the entries.
fn stored_tiles(connection: &Connection, report: &mut Report, leaves: &[Hash]) -> Fallible<()> {
    let mut expected = 0_i64;
    let mut statement =
        connection.prepare("SELECT hashes FROM tiles WHERE level = ?1 AND number = ?2")?;
    let mut failed = None;
    tiles(0, leaves, &mut |level, number, hashes| {
        if hashes.len() < WIDTH {
            return;
        }
        expected = expected.saturating_add(1);
        let stored = statement
            .query_row([i64::from(level), number as i64], |row| row.get::<_, Vec<u8>>(0))
            .optional();
        match stored {
            Ok(Some(stored))
                if hashes.iter().flat_map(|hash| hash.0).eq(stored.iter().copied()) => {}
            Ok(_) => {
                report.problem(format!("tile {number} of level {level} was changed, or is gone"))
            }
            Err(error) => failed = Some(error),
        }
    });
    if let Some(error) = failed {
        return Err(error);
    }
    let there: i64 = connection.query_row("SELECT COUNT(*) FROM tiles", [], |row| row.get(0))?;
    if there > expected {
        let more = there.saturating_sub(expected);
        report.problem(format!("{more} tiles are there that no entry asks for"));
    }
    Ok(())
}

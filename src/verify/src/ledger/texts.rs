//! Sealed blocks, and the chains over them.

use super::{Fallible, Sum, side_by_side, stretches};
use crate::Report;
use crate::content::chain_sum;
use rusqlite::Connection;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

type Name = [u8; 16];

/// Every chain: which key its texts are sealed under, and its digest.
pub(super) struct Texts {
    chains: Table<Chain>,
}

#[derive(Clone, Copy)]
struct Block {
    key: i64,
    name: Name,
    sum: Sum,
    is_used: bool,
}

#[derive(Clone, Copy)]
pub(super) struct Chain {
    pub(super) key: i64,
    pub(super) sum: Sum,
}

/// Rows by their ids, which grow.
struct Table<T> {
    ids: Vec<i64>,
    rows: Vec<T>,
}

impl<T> Table<T> {
    fn push(&mut self, id: i64, row: T) {
        self.ids.push(id);
        self.rows.push(row);
    }

    /// Where a row is: nearly always so far from the first as its id is.
    fn place(&self, id: i64) -> Option<usize> {
        let first = self.ids.first()?;
        let near = usize::try_from(id.checked_sub(*first)?).ok()?;
        if self.ids.get(near) == Some(&id) {
            return Some(near);
        }
        self.ids.binary_search(&id).ok()
    }

    fn get(&self, id: i64) -> Option<&T> {
        self.rows.get(self.place(id)?)
    }
}

impl Texts {
    pub(super) fn read(readers: &mut [Connection], report: &mut Report) -> Fallible<Self> {
        let Some(connection) = readers.first() else { return Ok(Self { chains: Table::new() }) };
        let by_id = stretches(connection, "blocks", readers.len())?;
        let mut blocks = Table::new();
        for (bytes, read) in side_by_side(readers, &by_id, hashed)? {
            report.bytes = report.bytes.saturating_add(bytes);
            read.into_iter().for_each(|(id, block)| blocks.push(id, block));
        }
        let Some(connection) = readers.first() else { return Ok(Self { chains: Table::new() }) };
        let chains = linked(connection, &mut blocks, report)?;
        for (id, block) in blocks.ids.iter().zip(&blocks.rows) {
            if !block.is_used {
                report.problem(format!("block {id} is in no chain that an entry speaks of"));
            }
        }
        Ok(Self { chains })
    }

    pub(super) fn chain(&self, id: i64) -> Option<&Chain> {
        self.chains.get(id)
    }
}

impl<T> Table<T> {
    fn new() -> Self {
        Self { ids: Vec::new(), rows: Vec::new() }
    }
}

/// The blocks of a stretch of ids, and their bytes.
fn hashed(connection: &Connection, &(from, to): &(i64, i64)) -> Fallible<(u64, Vec<(i64, Block)>)> {
    let mut statement = connection.prepare(
        "SELECT id, key, name, sealed FROM blocks WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
    )?;
    let mut rows = statement.query([from, to])?;
    let (mut bytes, mut blocks) = (0_u64, Vec::new());
    while let Some(row) = rows.next()? {
        let sealed = row.get_ref(3)?.as_blob().unwrap_or_default();
        bytes = bytes.saturating_add(sealed.len() as u64);
        let name = row.get_ref(2)?.as_blob().unwrap_or_default().try_into().unwrap_or_default();
        let sum = Sha256::digest(sealed).into();
        blocks.push((row.get(0)?, Block { key: row.get(1)?, name, sum, is_used: false }));
    }
    Ok((bytes, blocks))
}

/// The chains, each computed from its parent and its block: whether that is what was written, the
/// entries say. Those of a key lead back from the last to the first.
fn linked(
    connection: &Connection,
    blocks: &mut Table<Block>,
    report: &mut Report,
) -> Fallible<Table<Chain>> {
    let mut chains: Table<Chain> = Table::new();
    let mut latest: HashMap<i64, i64> = HashMap::new();
    let mut statement = connection
        .prepare("SELECT id, key, parent, block, name, bytes, before FROM chains ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, key, parent): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let number: i64 = row.get(3)?;
        if latest.insert(key, id).unwrap_or(0) != row.get::<_, i64>(6)? {
            report.problem(format!("chain {id} does not lead to the one before it"));
        }
        // A chain is made after its parent: ids only grow.
        let before = match parent {
            0 => Some(Chain { key, sum: [0; 32] }),
            parent => chains.get(parent).copied(),
        };
        let place = blocks.place(number);
        let block = place.and_then(|place| blocks.rows.get_mut(place));
        let (Some(before), Some(block)) = (before, block) else {
            report.problem(format!("chain {id} goes on from what is not there"));
            continue;
        };
        block.is_used = true;
        let name = row.get_ref(4)?.as_blob().unwrap_or_default();
        let names = [name, &block.name].concat();
        let bytes = u64::try_from(row.get::<_, i64>(5)?).unwrap_or_default();
        let sum = chain_sum(&before.sum, &block.sum, &names, bytes);
        if before.key != key || block.key != key || name.len() != 16 {
            report.problem(format!("chain {id} or its block {number} was changed"));
        }
        chains.push(id, Chain { key, sum });
    }
    let mut statement = connection.prepare("SELECT key, chain FROM latest")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (key, chain): (i64, i64) = (row.get(0)?, row.get(1)?);
        if latest.remove(&key) != Some(chain) {
            report.problem(format!("the last chain of key {key} is not {chain}"));
        }
    }
    for key in latest.keys() {
        report.problem(format!("it is not said which chain of key {key} is the last"));
    }
    Ok(chains)
}

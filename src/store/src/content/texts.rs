//! What stands under one session's key: its blocks, and the chains over them.
//!
//! ```text
//! blocks    1   2   3   4            each text once
//! chains    ─▶ 1 ─▶ 2 ─▶ 3           a chain is its parent, and one block more
//!                └▶ 4
//! before    0 ◀ 1 ◀ 2 ◀ 3 ◀ last     the order in which a key's chains were made
//! ```
//!
//! A text or a beginning is found by its name, and the names are here, in memory: an index over them
//! would have each commit write a page for each session in it. Where a session's names are not at hand
//! they are read back once, from its last chain to its first.

use super::Piece;
use super::pack::Effort;
use super::seal::SessionKey;
use super::shelf::{Name, Sum};
use crate::error::StoreError;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::mem::size_of;
use std::sync::Arc;

/// Everything under one key.
#[derive(Debug, Default)]
pub(super) struct Texts {
    key: i64,
    /// The chain that was made last; 0: none.
    last: i64,
    blocks: HashMap<Name, i64>,
    chains: HashMap<Name, Link>,
    /// Digests of chains. They follow from what is stored: one that is not here is computed anew.
    sums: HashMap<i64, Sum>,
}

/// A chain that is there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Link {
    pub(super) id: i64,
    /// Of all its blocks' texts.
    pub(super) bytes: usize,
}

/// A block that is there.
pub(super) struct Block {
    id: i64,
    sum: Sum,
    name: Name,
}

impl Texts {
    /// Of a key that is new.
    pub(super) fn none(key: i64) -> Self {
        Self { key, ..Self::default() }
    }

    /// Of a key that was there, from its last chain back. What a hand from outside took out of the
    /// database, and what was made before it, is not known any more.
    pub(super) fn load(connection: &Connection, key: i64, last: i64) -> Result<Self, StoreError> {
        let mut texts = Self { key, last, ..Self::default() };
        let mut chain = connection.prepare_cached(
            "SELECT before, chains.name, bytes, block, blocks.name FROM chains
             JOIN blocks ON blocks.id = block WHERE chains.id = ?1 AND chains.key = ?2",
        )?;
        let mut at = last;
        while at != 0 {
            let read = chain.query_row([at, key], |row| {
                let name = |column| -> rusqlite::Result<Option<Name>> {
                    Ok(row.get_ref(column)?.as_blob().ok().and_then(|name| name.try_into().ok()))
                };
                let Some((chain, block)) = name(1)?.zip(name(4)?) else { return Ok(0) };
                texts.chains.insert(chain, Link { id: at, bytes: row.get::<_, i64>(2)? as usize });
                texts.blocks.insert(block, row.get(3)?);
                row.get::<_, i64>(0)
            });
            at = read.optional()?.filter(|before| *before < at).unwrap_or(0);
        }
        Ok(texts)
    }

    /// The key's row.
    pub(super) fn key(&self) -> i64 {
        self.key
    }

    /// The chain that was made last.
    pub(super) fn last(&self) -> i64 {
        self.last
    }

    /// About the memory it takes.
    pub(super) fn size(&self) -> usize {
        // A table has room for half as many again.
        let each = |bytes: usize| bytes + bytes / 2 + 2;
        self.blocks.len() * each(size_of::<(Name, i64)>())
            + self.chains.len() * each(size_of::<(Name, Link)>())
            + self.sums.len() * each(size_of::<(i64, Sum)>())
    }

    /// The chain of a name, if it is there.
    pub(super) fn chain(&self, name: &Name) -> Option<Link> {
        self.chains.get(name).copied()
    }

    /// The block of a piece, stored if it is not there.
    pub(super) fn block(
        &mut self,
        connection: &Connection,
        key: &Arc<SessionKey>,
        piece: &Piece,
        effort: Effort,
    ) -> Result<Block, StoreError> {
        let name = key.name(&piece.sum);
        if let Some(id) = self.blocks.get(&name) {
            let sum = connection
                .prepare_cached("SELECT sealed FROM blocks WHERE id = ?1")?
                .query_row([id], |row| {
                    Ok(Sha256::digest(row.get_ref(0)?.as_blob().unwrap_or_default()).into())
                })
                .optional()?;
            if let Some(sum) = sum {
                return Ok(Block { id: *id, sum, name });
            }
        }
        let sealed = piece.text.sealed(key, effort).ok_or(StoreError::Sealing)?;
        connection
            .prepare_cached("INSERT INTO blocks (key, name, sealed) VALUES (?1, ?2, ?3)")?
            .execute(params![self.key, name, sealed])?;
        let id = connection.last_insert_rowid();
        self.blocks.insert(name, id);
        Ok(Block { id, sum: Sha256::digest(&sealed).into(), name })
    }

    /// A new chain, one block longer, of `bytes` more.
    pub(super) fn grow(
        &mut self,
        connection: &Connection,
        parent: Link,
        block: &Block,
        name: Name,
        bytes: usize,
    ) -> Result<Link, StoreError> {
        let bytes = parent.bytes.saturating_add(bytes);
        let before = self.sum(connection, parent.id)?;
        connection
            .prepare_cached(
                "INSERT INTO chains (key, before, parent, block, name, bytes)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![self.key, self.last, parent.id, block.id, name, bytes as i64])?;
        let link = Link { id: connection.last_insert_rowid(), bytes };
        self.last = link.id;
        self.chains.insert(name, link);
        let sum = chain_sum(&before, &block.sum, [&name, &block.name], bytes as u64);
        self.sums.insert(link.id, sum);
        Ok(link)
    }

    /// A chain's digest.
    pub(super) fn sum(&mut self, connection: &Connection, id: i64) -> Result<Sum, StoreError> {
        if let Some(sum) = self.sums.get(&id) {
            return Ok(*sum);
        }
        let mut parents = connection.prepare_cached("SELECT parent FROM chains WHERE id = ?1")?;
        let (mut unknown, mut at) = (Vec::new(), id);
        let mut sum = loop {
            if at == 0 {
                break [0; 32];
            }
            if let Some(sum) = self.sums.get(&at) {
                break *sum;
            }
            unknown.push(at);
            let parent = parents.query_row([at], |row| row.get(0)).optional()?;
            // A chain only ever grows from what is there: anything else was put in from outside.
            at = parent.filter(|parent| *parent < at).ok_or(StoreError::Unreadable)?;
        };
        let mut link = connection.prepare_cached(
            "SELECT sealed, chains.name, blocks.name, bytes FROM chains
             JOIN blocks ON blocks.id = block WHERE chains.id = ?1",
        )?;
        for id in unknown.into_iter().rev() {
            sum = link
                .query_row([id], |row| {
                    let block = Sha256::digest(row.get_ref(0)?.as_blob().unwrap_or_default());
                    let names: [Name; 2] = [row.get(1)?, row.get(2)?];
                    let bytes = row.get::<_, i64>(3)? as u64;
                    Ok(chain_sum(&sum, &block.into(), names.each_ref(), bytes))
                })
                .optional()?
                .ok_or(StoreError::Unreadable)?;
            self.sums.insert(id, sum);
        }
        Ok(sum)
    }
}

/// SHA-256 over the chain so far (32 zero bytes for none), the next block's digest, the names under
/// which chain and block are found again (16 bytes each), and the bytes of all texts (8 bytes, the
/// highest first).
fn chain_sum(parent: &Sum, block: &Sum, names: [&Name; 2], bytes: u64) -> Sum {
    let mut sum = Sha256::new().chain_update(parent).chain_update(block);
    names.into_iter().for_each(|name| sum.update(name));
    sum.chain_update(bytes.to_be_bytes()).finalize().into()
}

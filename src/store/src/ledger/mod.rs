//! The log: one entry for everything that was stored, a Merkle tree over them (RFC 6962), and a
//! signed checkpoint with every commit.
//!
//! ```text
//! entry ─▶ leaf ─▶ tiles of 256 hashes (C2SP tlog-tiles) ─▶ root ─▶ checkpoint (C2SP tlog-checkpoint)
//! ```
//!
//! All of it is written in the transaction that stores what an entry speaks of: what is in the ledger
//! is in a signed checkpoint.

pub(crate) mod entry;
mod keys;
pub(crate) mod packed;
pub(crate) mod tree;

pub(crate) use keys::Signer;
pub use keys::{Keys, beside, make_key};

use crate::error::StoreError;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use tlog_tiles::{Checkpoint, record_hash};
use tree::Tree;

/// The log, as the writer extends it.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    tree: Tree,
    /// The last checkpoint's time, in seconds: one is kept for each second.
    second: i64,
}

impl Log {
    /// Where the log ends.
    ///
    /// # Errors
    /// [`StoreError::Torn`] when entries, tiles and the last checkpoint do not belong together.
    pub(crate) fn load(connection: &Connection) -> Result<Self, StoreError> {
        let tree = Tree::load(connection)?;
        let entries: i64 =
            connection
                .query_row("SELECT COALESCE(MAX(id) + 1, 0) FROM entries", [], |row| row.get(0))?;
        let last: Option<(i64, i64, Vec<u8>)> = connection
            .query_row(
                "SELECT size, at, root FROM checkpoints ORDER BY size DESC LIMIT 1",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .optional()?;
        let (size, at, root) = last.unwrap_or((0, 0, Vec::new()));
        let is_whole = u64::try_from(entries) == Ok(tree.size())
            && size == entries
            && (size == 0 || tree.root().0.as_slice() == root);
        if is_whole { Ok(Self { tree, second: at / 1000 }) } else { Err(StoreError::Torn) }
    }

    /// Adds an entry; its index comes back.
    pub(crate) fn append(
        &mut self,
        connection: &Connection,
        entry: &impl Serialize,
    ) -> Result<i64, StoreError> {
        let bytes = serde_json::to_vec(entry).map_err(|_| StoreError::Sealing)?;
        let index = self.tree.size() as i64;
        connection
            .prepare_cached("INSERT INTO entries (id, bytes) VALUES (?1, ?2)")?
            .execute(params![index, packed::packed(&bytes).ok_or(StoreError::Sealing)?])?;
        self.tree.append(connection, record_hash(&bytes))?;
        Ok(index)
    }

    /// Signs what there is.
    pub(crate) fn sign(
        &mut self,
        connection: &Connection,
        signer: &Signer,
        at: i64,
    ) -> Result<(), StoreError> {
        let (size, root) = (self.tree.size(), self.tree.root());
        let checkpoint =
            Checkpoint::new(signer.origin(), size, root, "").map_err(|_| StoreError::Sealing)?;
        let note = signer.sign(&checkpoint.to_bytes())?;
        if at / 1000 == self.second {
            connection
                .prepare_cached(
                    "DELETE FROM checkpoints WHERE size = (SELECT MAX(size) FROM checkpoints)",
                )?
                .execute([])?;
        }
        self.second = at / 1000;
        connection
            .prepare_cached(
                "INSERT INTO checkpoints (size, at, root, note) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![size as i64, at, root.0, note])?;
        Ok(())
    }

    /// Entries so far: the index of the next.
    pub(crate) fn size(&self) -> u64 {
        self.tree.size()
    }
}

//! The Merkle tree's right edge, in tiles of 256 hashes: what it takes to go on, and no more.
//!
//! ```text
//! level 1   ├ t0 ┤ t1 ├ …            each the root of a full tile below
//! level 0   ├ 256 leaves ┤ 256 leaves ┤ 17 leaves        the last tile of each level is partial
//! ```
//!
//! A tile is stored once, when it is full. A partial one follows from what is below it, so that no
//! commit writes it again.

use super::packed::unpacked;
use crate::error::StoreError;
use rusqlite::{Connection, OptionalExtension, params};
use tlog_tiles::{HASH_SIZE, Hash, node_hash, record_hash};

/// Hashes of a full tile.
const WIDTH: usize = 256;

#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    levels: Vec<Level>,
}

#[derive(Clone, Debug, Default)]
struct Level {
    /// Full tiles before the partial one.
    full: u64,
    /// The partial tile, less than full.
    partial: Vec<Hash>,
}

impl Tree {
    /// The tree's right edge, from the entries behind the last full tile and the tiles behind the
    /// last full one of each level above.
    ///
    /// # Errors
    /// [`StoreError::Torn`] when a tile is not what a tile is.
    pub(crate) fn load(connection: &Connection) -> Result<Self, StoreError> {
        let mut levels = Vec::new();
        let mut last = connection
            .prepare_cached("SELECT COALESCE(MAX(number) + 1, 0) FROM tiles WHERE level = ?1")?;
        loop {
            let number = levels.len();
            let full: i64 = last.query_row([number as i64], |row| row.get(0))?;
            let partial = hashes(connection, number, full, WIDTH)?;
            if partial.len() == WIDTH {
                return Err(StoreError::Torn);
            }
            if full == 0 && partial.is_empty() && number > 0 {
                return Ok(Self { levels });
            }
            levels.push(Level { full: full as u64, partial });
        }
    }

    /// Leaves.
    pub(crate) fn size(&self) -> u64 {
        let leaves = |level: &Level| level.full * WIDTH as u64 + level.partial.len() as u64;
        self.levels.first().map_or(0, leaves)
    }

    /// Adds a leaf. Tiles that become full are stored at once.
    pub(crate) fn append(&mut self, connection: &Connection, leaf: Hash) -> Result<(), StoreError> {
        let mut hash = leaf;
        let mut number = 0;
        loop {
            if self.levels.len() == number {
                self.levels.push(Level::default());
            }
            let Some(level) = self.levels.get_mut(number) else { return Ok(()) };
            level.partial.push(hash);
            if level.partial.len() < WIDTH {
                return Ok(());
            }
            level.save(connection, number)?;
            hash = perfect(&level.partial);
            level.full += 1;
            level.partial.clear();
            number += 1;
        }
    }

    /// The root over all leaves (RFC 6962 section 2.1).
    pub(crate) fn root(&self) -> Hash {
        // Perfect subtrees from the left to the right, each smaller than the one before.
        let mut subtrees = Vec::new();
        for level in self.levels.iter().rev() {
            let mut rest = level.partial.as_slice();
            while !rest.is_empty() {
                let size = 1 << rest.len().ilog2();
                let (first, others) = rest.split_at_checked(size).unwrap_or((rest, &[]));
                subtrees.push(perfect(first));
                rest = others;
            }
        }
        let empty = Hash(sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new()).into());
        subtrees.into_iter().rev().reduce(|right, left| node_hash(left, right)).unwrap_or(empty)
    }
}

impl Level {
    /// Stores the tile, which is full.
    fn save(&self, connection: &Connection, number: usize) -> Result<(), StoreError> {
        let bytes: Vec<u8> = self.partial.iter().flat_map(|hash| hash.0).collect();
        connection
            .prepare_cached("INSERT INTO tiles (level, number, hashes) VALUES (?1, ?2, ?3)")?
            .execute(params![number as i64, self.full as i64, bytes])?;
        Ok(())
    }
}

/// The first hashes of a tile, at most `width`: as it is stored or, while it is not full, from the
/// entries or tiles below it.
///
/// # Errors
/// [`StoreError::Torn`] when a stored tile is not full.
pub(crate) fn hashes(
    connection: &Connection,
    level: usize,
    number: i64,
    width: usize,
) -> Result<Vec<Hash>, StoreError> {
    let stored: Option<Vec<u8>> = connection
        .prepare_cached("SELECT hashes FROM tiles WHERE level = ?1 AND number = ?2")?
        .query_row(params![level as i64, number], |row| row.get(0))
        .optional()?;
    if let Some(bytes) = stored {
        let (hashes, rest) = bytes.as_chunks::<HASH_SIZE>();
        if !rest.is_empty() || hashes.len() != WIDTH {
            return Err(StoreError::Torn);
        }
        return Ok(hashes.iter().take(width).map(|hash| Hash(*hash)).collect());
    }
    let first = number.saturating_mul(WIDTH as i64);
    let end = first.saturating_add(width as i64);
    match level.checked_sub(1) {
        None => {
            let mut below = connection.prepare_cached(
                "SELECT bytes FROM entries WHERE id >= ?1 AND id < ?2 ORDER BY id",
            )?;
            let hashes = below.query_map([first, end], |row| {
                Ok(record_hash(&unpacked(row.get_ref(0)?.as_blob().unwrap_or_default())))
            })?;
            Ok(hashes.collect::<Result<_, _>>()?)
        }
        Some(level) => {
            let mut below = connection.prepare_cached(
                "SELECT hashes FROM tiles WHERE level = ?1 AND number >= ?2 AND number < ?3
                 ORDER BY number",
            )?;
            let roots = below.query_map(params![level as i64, first, end], |row| {
                let (hashes, _) =
                    row.get_ref(0)?.as_blob().unwrap_or_default().as_chunks::<HASH_SIZE>();
                Ok(perfect(&hashes.iter().map(|hash| Hash(*hash)).collect::<Vec<_>>()))
            })?;
            Ok(roots.collect::<Result<_, _>>()?)
        }
    }
}

/// The root over a power of two of hashes.
fn perfect(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => Hash::default(),
        [one] => *one,
        more => {
            let (left, right) = more.split_at(more.len() / 2);
            node_hash(perfect(left), perfect(right))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tlog_tiles::{Error, HashReader, record_hash, stored_hashes, tree_hash};

    /// The reference: every hash that was ever stored.
    struct All(Vec<Hash>);

    impl HashReader for All {
        fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
            Ok(indexes.iter().map(|index| self.0[*index as usize]).collect())
        }
    }

    #[test]
    fn roots_are_those_of_the_reference_at_every_size() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(crate::schema::TABLES).unwrap();
        let mut tree = Tree::load(&connection).unwrap();
        let mut all = All(Vec::new());
        for n in 0..1200_u64 {
            let leaf = n.to_be_bytes();
            let hashes = stored_hashes(n, &leaf, &all).unwrap();
            all.0.extend(hashes);
            tree.append(&connection, record_hash(&leaf)).unwrap();
            assert_eq!(tree.root(), tree_hash(n + 1, &all).unwrap(), "{n}");
            connection
                .execute(
                    "INSERT INTO entries VALUES (?1, ?2)",
                    params![n as i64, super::super::packed::packed(&leaf).unwrap()],
                )
                .unwrap();
            if n % 97 == 0 || n % 256 == 255 {
                let again = Tree::load(&connection).unwrap();
                assert_eq!((again.size(), again.root()), (n + 1, tree.root()));
            }
        }
    }
}

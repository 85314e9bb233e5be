//! The Merkle tree over all leaves so far (RFC 6962), and the tiles that it should have left.

use tlog_tiles::{Hash, node_hash};

/// Hashes of a full tile.
pub(crate) const WIDTH: usize = 256;

/// Perfect subtrees from the left to the right, each smaller than the one before.
#[derive(Debug, Default)]
pub(crate) struct Merkle {
    subtrees: Vec<(u32, Hash)>,
    size: u64,
}

impl Merkle {
    pub(crate) fn push(&mut self, leaf: Hash) {
        let mut new = (0, leaf);
        while let Some((_, left)) = self.subtrees.pop_if(|(height, _)| *height == new.0) {
            new = (new.0.saturating_add(1), node_hash(left, new.1));
        }
        self.subtrees.push(new);
        self.size = self.size.saturating_add(1);
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn root(&self) -> Hash {
        let hashes = self.subtrees.iter().rev().map(|(_, hash)| *hash);
        hashes.reduce(|right, left| node_hash(left, right)).unwrap_or_else(|| {
            Hash(sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new()).into())
        })
    }
}

/// The tiles of a level and all above it, from the hashes of that level.
pub(crate) fn tiles(level: u32, hashes: &[Hash], each: &mut impl FnMut(u32, u64, &[Hash])) {
    let mut above = Vec::new();
    for (number, tile) in (0..).zip(hashes.chunks(WIDTH)) {
        each(level, number, tile);
        if tile.len() == WIDTH {
            let mut tree = Merkle::default();
            tile.iter().for_each(|hash| tree.push(*hash));
            above.push(tree.root());
        }
    }
    if !above.is_empty() {
        tiles(level.saturating_add(1), &above, each);
    }
}

//! Digests that stand for texts: equal for what counts as the same, and hard to make equal.
//!
//! SHA-256, cut to 128 bits. They are compared, stored in indices and never shown.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// 128 bits of a SHA-256.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Digest(pub [u8; 16]);

impl Digest {
    /// Of a list of fields. Each stands behind its length: no two lists give the same bytes.
    pub fn of<'a>(fields: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hash = Sha256::new();
        for field in fields {
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field);
        }
        let mut cut = [0; 16];
        for (to, byte) in cut.iter_mut().zip(hash.finalize()) {
            *to = byte;
        }
        Self(cut)
    }

    /// Of what this one stands for, and what follows.
    pub(crate) fn then(self, next: Self) -> Self {
        Self::of([self.0.as_slice(), next.0.as_slice()])
    }
}

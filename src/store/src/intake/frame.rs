//! A frame, sealed where it was put together: each part is copied once on its way to the disk.
//!
//! ```text
//! length (4) ‖ generation (8) ‖ check (4) ‖ nonce (24) ‖ text, encrypted ‖ tag (16) ‖ zeros up to the page's end
//!                                           └──────────── length bytes ───────────┘
//! ```
//!
//! Numbers have their highest byte first; the check is how the SHA-256 of what is sealed begins, so that a frame
//! that was torn is none also to who has no key.

use super::Position;
use super::area::PAGE;
use crate::content::{IntakeKey, NONCE};
use sha2::{Digest, Sha256};
use std::fmt;

/// Bytes of a frame before what is sealed.
pub(super) const HEAD: usize = 16;
/// Bytes of memory that are kept for the next frame.
const KEPT: usize = 1 << 20;

/// One that is being made. What it holds may be a conversation's: it is never printed.
#[derive(Default)]
pub(super) struct Frame(Vec<u8>);

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({} bytes)", self.0.len())
    }
}

impl Frame {
    /// Empty, in the memory of the last.
    pub(super) fn begin(&mut self) {
        self.0.clear();
        self.0.shrink_to(KEPT);
        self.0.resize(HEAD + NONCE, 0);
    }

    /// Where more of its text goes: behind what is there.
    pub(super) fn text(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.len() <= HEAD + NONCE
    }

    /// Seals it for a place: whole pages. `None` when it cannot be sealed.
    pub(super) fn sealed(&mut self, key: &IntakeKey, at: Position) -> Option<&[u8]> {
        let (_, rest) = self.0.split_first_chunk_mut::<HEAD>()?;
        let (nonce, text) = rest.split_first_chunk_mut::<NONCE>()?;
        let tag = key.seal(nonce, text, at)?;
        self.0.extend_from_slice(&tag);
        let (head, sealed) = self.0.split_first_chunk_mut::<HEAD>()?;
        *head = head_of(at.generation, sealed)?;
        self.0.resize(self.0.len().next_multiple_of(PAGE as usize), 0);
        Some(&self.0)
    }
}

/// What stands before a sealed text. `None` where its length cannot be said.
fn head_of(generation: u64, sealed: &[u8]) -> Option<[u8; HEAD]> {
    let length = u32::try_from(sealed.len()).ok()?;
    let mut head = [0; HEAD];
    let (length_at, rest) = head.split_first_chunk_mut::<4>()?;
    let (generation_at, check_at) = rest.split_first_chunk_mut::<8>()?;
    *length_at = length.to_be_bytes();
    *generation_at = generation.to_be_bytes();
    check_at.copy_from_slice(&check(sealed));
    Some(head)
}

/// How the SHA-256 of what is sealed begins.
pub(super) fn check(sealed: &[u8]) -> [u8; 4] {
    let sum: [u8; 32] = Sha256::digest(sealed).into();
    let [a, b, c, d, ..] = sum;
    [a, b, c, d]
}

//! What a part says, from its sealed blocks and a session's key: as the writer documents it.
//!
//! ```text
//! block   nonce (12) ‖ ChaCha20-Poly1305( length ‖ zstd( text ) )  under HMAC-SHA-256(key, "hansard seal")
//!         zstd under the key's dictionary, which is sealed the same way, without one
//! chain   SHA-256( the chain before (32) ‖ SHA-256( block ) ‖ both names (16 + 16) ‖ bytes (8) )
//! clear   SHA-256( digest of who asked (32; zeros: not said) ‖ bytes of the ending (8; all ones: not
//!         said) ‖ how it ended, JSON ‖ the VM's node )
//! part    SHA-256( SHA-256( frame, sealed ) ‖ its streams' chains ‖ its name (16) ‖ its key's number (8)
//!         ‖ clear )
//! frame   {"streams":[place…],"markers":[[stream, place, text]…]} ⏎ the part without its streams
//! ```

use crate::entry::unpack;
use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use hmac::{Hmac, Mac};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use zstd::zstd_safe::DCtx;

/// No block is larger when it is unpacked.
const MOST: usize = 256 << 20;

/// The text that was sealed under a session's key, and a dictionary (empty: none).
pub(crate) fn open(key: &[u8], dictionary: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let mut sealing = Hmac::<Sha256>::new_from_slice(key).ok()?;
    sealing.update(b"hansard seal");
    let cipher = ChaCha20Poly1305::new_from_slice(&sealing.finalize().into_bytes()).ok()?;
    let (nonce, sealed) = sealed.split_first_chunk::<12>()?;
    let packed = cipher.decrypt(&Nonce::from(*nonce), sealed).ok()?;
    let mut context = DCtx::try_create()?;
    unpack(&packed, MOST, |text, frame| context.decompress_using_dict(text, frame, dictionary).ok())
}

/// A chain's digest: of the chain before (zeros: none), the block's digest, the names under which the
/// writer finds chain and block again, and the bytes of all texts.
pub(crate) fn chain_sum(before: &[u8; 32], block: &[u8; 32], names: &[u8], bytes: u64) -> [u8; 32] {
    let sum = Sha256::new().chain_update(before).chain_update(block).chain_update(names);
    sum.chain_update(bytes.to_be_bytes()).finalize().into()
}

/// The digest of what a part says in the clear.
pub(crate) fn clear_sum(introduction: &[u8; 32], ending: Option<&str>, node: &str) -> [u8; 32] {
    let length = ending.map_or(u64::MAX, |ending| ending.len() as u64);
    Sha256::new()
        .chain_update(introduction)
        .chain_update(length.to_be_bytes())
        .chain_update(ending.unwrap_or_default())
        .chain_update(node)
        .finalize()
        .into()
}

#[derive(Deserialize)]
struct Layout {
    streams: Vec<usize>,
    #[serde(default)]
    markers: Vec<(usize, usize, String)>,
}

pub(crate) fn join(frame: &[u8], streams: &[Vec<u8>]) -> Option<Vec<u8>> {
    let line = frame.iter().position(|byte| *byte == b'\n')?;
    let (head, rest) = frame.split_at_checked(line)?;
    let layout: Layout = serde_json::from_slice(head).ok()?;
    let mut rest = rest.get(1..)?;
    let mut part = Vec::new();
    let mut at = 0;
    if layout.streams.len() != streams.len() {
        return None;
    }
    for ((number, place), stream) in layout.streams.iter().enumerate().zip(streams) {
        let (before, behind) = rest.split_at_checked(place.checked_sub(at)?)?;
        part.extend_from_slice(before);
        (rest, at) = (behind, *place);
        let mut done = 0;
        for (_, place, marker) in layout.markers.iter().filter(|(of, ..)| *of == number) {
            part.extend_from_slice(stream.get(done..*place)?);
            part.extend_from_slice(marker.as_bytes());
            done = *place;
        }
        part.extend_from_slice(stream.get(done..)?);
    }
    part.extend_from_slice(rest);
    Some(part)
}

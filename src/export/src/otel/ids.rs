//! Ids of traces and spans: hashes of what they stand for, so that an export is the same each time.

use sha2::{Digest, Sha256};

/// A trace's id.
pub(crate) struct TraceId([u8; 16]);

/// A span's id.
#[derive(Clone, Copy)]
pub(crate) struct SpanId([u8; 8]);

impl TraceId {
    /// Of a session.
    pub(crate) fn session(session: &str) -> Self {
        Self(hash(&["trace", session]))
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    pub(crate) fn hex(&self) -> String {
        hex(&self.0)
    }
}

impl SpanId {
    /// Of a lane: the session's own is that of the main one.
    pub(crate) fn lane(session: &str, lane: usize) -> Self {
        Self(hash(&["lane", session, &lane.to_string()]))
    }

    /// Of an exchange.
    pub(crate) fn exchange(session: &str, exchange: &str) -> Self {
        Self(hash(&["exchange", session, exchange]))
    }

    /// Of a tool call. A client may use an id twice, so its place counts too.
    pub(crate) fn call(session: &str, place: usize, id: &str) -> Self {
        Self(hash(&["call", session, &place.to_string(), id]))
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        self.0.to_vec()
    }

    pub(crate) fn hex(self) -> String {
        hex(&self.0)
    }
}

/// The beginning of SHA-256 over the words, each behind its length. Never all zeros, which would be no
/// id.
fn hash<const N: usize>(words: &[&str]) -> [u8; N] {
    let mut sha = Sha256::new();
    for word in words {
        sha.update((word.len() as u64).to_be_bytes());
        sha.update(word);
    }
    let digest: [u8; 32] = sha.finalize().into();
    let mut id = [0; N];
    id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    if id == [0; N] {
        id = [1; N];
    }
    id
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

//! What the log says, in canonical bytes: JSON without white space, members in the order of these
//! fields. Nothing of a conversation stands here, only digests of what is sealed.

use serde::{Deserialize, Serialize};

/// One leaf of the log.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Entry {
    /// A part of a record.
    Part {
        exchange: String,
        boot: String,
        seq: i64,
        kind: String,
        source: String,
        /// Unix milliseconds, as every time here.
        at: i64,
        received_at: i64,
        /// The session under whose key it is sealed.
        session: String,
        /// SHA-256 of the sealed frame's digest, those of its streams' chains, the name under which
        /// the same part is known again, its key's number, and the digest of what it says in the clear, in hex.
        content: String,
        /// SHA-256 of the session's key, wrapped, in hex, if it was made for this part.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// SHA-256 of the session's dictionary, sealed, in hex, if it was made of this part.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dictionary: Option<String>,
        /// Bytes of the part.
        bytes: usize,
        /// Numbers of parts that the gateway gave up because nothing of them was forwarded.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        abandoned: Vec<i64>,
    },
    /// What the sink could not read.
    Malformed {
        received_at: i64,
        log: String,
        reason: String,
        size: i64,
        /// SHA-256 of the bytes that are kept, in hex.
        sum: String,
    },
    /// What Envoy's own access log says of a stream.
    Witness {
        received_at: i64,
        exchange: Option<String>,
        status: Option<u16>,
        /// SHA-256 of method, path and details, each behind its length, in hex.
        sum: String,
    },
    /// A session's keys were destroyed.
    Erasure { at: i64, session: String, reason: String, by: String, keys: Vec<i64> },
    /// A session is kept from erasure, or no longer.
    Hold { at: i64, session: String, reason: String, by: String, held: bool },
    /// Somebody looked into the ledger.
    Access { at: i64, by: String, role: String, action: String, target: String },
    /// What a client's telemetry says.
    Telemetry {
        at: i64,
        received_at: i64,
        /// The session under whose key it is sealed.
        session: String,
        name: String,
        /// SHA-256 of its key's number and the sealed text, in hex.
        sum: String,
        /// SHA-256 of the session's key, wrapped, in hex, if it was made for this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
}

/// Bytes as hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

//! What the ledger knows of a session beside the replay: where each exchange came from, and which
//! entries of the log hold it.

use std::collections::BTreeMap;

/// Where a session stands in the log. Empty where the ledger cannot be asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// The checkpoint under which the entries stand.
    pub checkpoint: Option<Checkpoint>,
    /// By exchange id.
    pub exchanges: BTreeMap<String, Recorded>,
}

/// A signed statement about the whole log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// The Merkle tree's root (RFC 6962), in hex.
    pub root: String,
}

/// An exchange, as the log holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// The client's address, as `ip:port`; empty when it is not known.
    pub address: String,
    /// The `user-agent` header.
    pub user_agent: Option<String>,
    /// The entries of its parts, in their order.
    pub leaves: Vec<Leaf>,
}

/// An entry of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leaf {
    /// Its index.
    pub entry: u64,
    /// Its leaf hash (RFC 6962: SHA-256 of a zero byte and the entry), in hex.
    pub hash: String,
}

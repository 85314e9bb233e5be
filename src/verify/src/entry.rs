//! What the log says: JSON as the writer documents it, read here on its own terms.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Entry {
    Part(Box<Part>),
    Malformed {
        received_at: i64,
        log: String,
        reason: String,
        size: i64,
        sum: String,
    },
    Witness {
        received_at: i64,
        exchange: Option<String>,
        status: Option<u16>,
        sum: String,
    },
    Erasure {
        #[serde(rename = "at")]
        _at: i64,
        session: String,
        #[serde(rename = "reason")]
        _reason: String,
        #[serde(rename = "by")]
        _by: String,
        keys: Vec<i64>,
    },
    Hold {
        #[serde(rename = "at")]
        _at: i64,
        session: String,
        reason: String,
        #[serde(rename = "by")]
        _by: String,
        held: bool,
    },
    Access {
        at: i64,
        by: String,
        role: String,
        action: String,
        target: String,
    },
    Telemetry {
        at: i64,
        received_at: i64,
        session: String,
        name: String,
        sum: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    pub(crate) exchange: String,
    pub(crate) boot: String,
    pub(crate) seq: u64,
    pub(crate) kind: String,
    pub(crate) source: String,
    pub(crate) at: i64,
    pub(crate) received_at: i64,
    pub(crate) session: String,
    pub(crate) frame: String,
    pub(crate) streams: Vec<String>,
    pub(crate) bytes: u64,
    #[serde(default)]
    pub(crate) abandoned: Vec<u64>,
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('?');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

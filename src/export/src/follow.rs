//! `--follow`: what the ledger takes in, one line for each entry of its log.
//!
//! Enters: entries, in the order of the log. Leaves: JSON lines. Each has `cursor` (give it to
//! `--since` to go on behind this line), `entry` (its index), `leaf_hash`, `event` (`part`, `access`,
//! `erasure`, `hold`, `telemetry`, `witness`, `malformed`), `at` (RFC 3339), `at_ms` (Unix
//! milliseconds), and `log`: the entry itself, which holds digests and nothing that was said. A `part`
//! also has `part` (`opened`, `progress`, `closed`, `refused`), `session`, `exchange`, `who`,
//! `decision`, `request`, and the `findings` of that part; one that ends an exchange has `end`:
//! status, HTTP status, why, and tokens.

use crate::text::json_line;
use hansard_replay::model::{Finding, Status};
use hansard_shown::rfc3339;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::io::{self, Write};

/// What one entry brought.
#[derive(Clone, Copy, Debug)]
pub struct News<'a> {
    /// The entry's index.
    pub entry: i64,
    /// Its leaf hash, in hex.
    pub leaf_hash: &'a str,
    /// Its bytes: JSON.
    pub log: &'a [u8],
    /// Of a part: its exchange, as far as it is known now.
    pub exchange: Option<&'a Exchange<'a>>,
}

/// An exchange, in short.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Exchange<'a> {
    /// The session that it belongs to.
    pub session: &'a str,
    /// Its id.
    pub exchange: &'a str,
    /// Who asked; absent when nobody was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<Who<'a>>,
    /// What the policy said.
    pub decision: Decision<'a>,
    /// What was asked.
    pub request: Request<'a>,
    /// How it ended; of a part that ends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<End<'a>>,
    /// What was redacted in this part.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// A verified identity.
#[derive(Clone, Debug, Serialize)]
pub struct Who<'a> {
    /// `iss`.
    pub issuer: &'a str,
    /// `sub`.
    pub subject: &'a str,
    /// `email`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<&'a str>,
    /// The group claims.
    pub groups: &'a [String],
}

/// The policy's word.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Decision<'a> {
    /// `allow` or `refuse`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<&'a str>,
    /// The rule that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'a str>,
}

/// A request, without its body.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Request<'a> {
    /// The HTTP method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<&'a str>,
    /// Path and query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<&'a str>,
    /// The model asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<&'a str>,
}

/// How an exchange ended.
#[derive(Clone, Debug, Serialize)]
pub struct End<'a> {
    /// How.
    pub status: Status,
    /// The HTTP status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// The reason on record, or a refusal's type.
    pub why: &'a str,
    /// Tokens read, cached or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<i64>,
    /// Tokens written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<i64>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    entry: &'a str,
    at: Option<i64>,
    received_at: Option<i64>,
    kind: Option<&'a str>,
}

#[derive(Serialize)]
struct Line<'a> {
    cursor: i64,
    entry: i64,
    leaf_hash: &'a str,
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<&'a str>,
    #[serde(flatten)]
    exchange: Option<&'a Exchange<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<&'a RawValue>,
}

/// Writes one entry's line.
///
/// # Errors
/// When the writer fails.
pub fn write(news: &News<'_>, out: &mut dyn Write) -> io::Result<()> {
    let News { entry, leaf_hash, log, exchange } = news;
    let unknown = Entry { entry: "unknown", at: None, received_at: None, kind: None };
    let known: Entry<'_> = serde_json::from_slice(log).unwrap_or(unknown);
    let at = known.at.or(known.received_at);
    let line = Line {
        cursor: entry.saturating_add(1),
        entry: *entry,
        leaf_hash,
        event: known.entry,
        at: at.map(rfc3339),
        at_ms: at,
        part: known.kind,
        exchange: *exchange,
        log: serde_json::from_slice(log).ok(),
    };
    json_line(out, &line)?;
    out.write_all(b"\n")
}

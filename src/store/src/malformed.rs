//! What the sink was sent and cannot read. It is evidence too: it is stored with its reason.
//!
//! A reason never quotes the bytes: it goes into logs, and they may hold a conversation.

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;
use std::fmt;
use thiserror::Error;

/// Bytes of a malformed entry that are kept.
pub(crate) const KEPT: usize = 64 * 1024;

/// Why an entry is no part of a record.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Defect {
    /// The gRPC message is not the protobuf message that it should be.
    #[error("the message is not a StreamAccessLogsMessage")]
    Message,
    /// The filter's own log holds an entry without a record.
    #[error("the entry carries no record")]
    NoRecord,
    /// The entry speaks of a TCP connection.
    #[error("the entry is of a TCP connection, not of an HTTP exchange")]
    Tcp,
    /// The filter state object is not of the type that Envoy and the filter give it.
    #[error("the filter state object is not a google.protobuf.BytesValue")]
    Type,
    /// The filter state object says that it is a `BytesValue`, and is not.
    #[error("the google.protobuf.BytesValue cannot be decoded")]
    Bytes,
    /// The exchange id of Envoy's own entry is not a UUID.
    #[error("the exchange id is not a UUID")]
    ExchangeId,
    /// The record is not JSON.
    #[error("the record is not JSON (line {line}, column {column})")]
    Json {
        /// Line of the first error, from 1.
        line: usize,
        /// Column of the first error, from 1.
        column: usize,
    },
    /// The record leaves something out, and what is left does not add up.
    #[error("the folded record's pieces do not add up")]
    Folded,
    /// The record is of a version that this program does not know.
    #[error("the record's version is unknown: use a sink as new as the filter")]
    Version,
    /// The record is JSON of a known version, but not a part.
    #[error("the record lacks a field of its version (line {line}, column {column})")]
    Part {
        /// Line of the first error, from 1.
        line: usize,
        /// Column of the first error, from 1.
        column: usize,
    },
    /// A number or time is beyond what the ledger can hold.
    #[error("the record's number or time is out of range")]
    Range,
    /// The record leaves out what its session does not have, and was acknowledged all the same.
    #[error("what the part builds on is not in its session")]
    Unfounded,
    /// Another part with this boot and number is stored already.
    #[error("another part with the boot and number of this one is stored already")]
    Conflict,
}

/// Says why `json` was not read as a record.
pub(crate) fn defect_of(json: &[u8], error: &serde_json::Error) -> Defect {
    // An object whose only fault is its key or number of keys is a syntax error to serde_json.
    match serde_json::from_slice::<Versions>(json) {
        Ok(Versions { known: true }) => Defect::Part { line: error.line(), column: error.column() },
        Ok(Versions { known: false }) => Defect::Version,
        Err(not_json) => {
            let (line, column) = (not_json.line(), not_json.column());
            match not_json.classify() {
                Category::Io | Category::Syntax | Category::Eof => Defect::Json { line, column },
                Category::Data => Defect::Part { line, column },
            }
        }
    }
}

/// Whether the keys of a record's outermost object name a version that is known.
struct Versions {
    known: bool,
}

impl<'de> Deserialize<'de> for Versions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;

        impl<'de> Visitor<'de> for Keys {
            type Value = Versions;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a record")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Versions, A::Error> {
                let mut known = false;
                while let Some((key, IgnoredAny)) = map.next_entry::<String, _>()? {
                    known |= matches!(key.as_str(), "hansard.v1" | "hansard.v2");
                }
                Ok(Versions { known })
            }
        }

        deserializer.deserialize_map(Keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hansard_record::Record;

    fn defect(json: &str) -> Defect {
        defect_of(json.as_bytes(), &Record::parse(json.as_bytes()).unwrap_err())
    }

    #[test]
    fn each_defect_has_its_name_and_none_quotes_the_bytes() {
        for (json, expected) in [
            ("", Defect::Json { line: 1, column: 0 }),
            ("{\"hansard.v1\":", Defect::Json { line: 1, column: 14 }),
            ("\u{1}secret", Defect::Json { line: 1, column: 1 }),
            ("{\"hansard.v9\":{\"secret\":1}}", Defect::Version),
            ("{}", Defect::Version),
        ] {
            assert_eq!(defect(json), expected, "{json:?}");
        }
        let wrong_part = defect("{\"hansard.v1\":{\"exchange\":\"secret\"}}");
        assert!(matches!(wrong_part, Defect::Part { .. }), "{wrong_part:?}");
        assert!(!wrong_part.to_string().contains("secret"));
        assert!(matches!(defect("\"secret\""), Defect::Part { .. }));
    }
}

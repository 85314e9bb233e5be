//! What the sink reads in a message of the filter.

use crate::proto;
use hansard_record::part::{Content, EndWhy};
use hansard_record::{RECORD_KEY, Record};
use serde_json::Value;

/// A part, as far as tests look at it; `json` is all of it.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) seq: u64,
    pub(crate) exchange: String,
    pub(crate) kind: &'static str,
    /// The client's session, in parts that open or refuse.
    pub(crate) session: Option<String>,
    /// The block, in a progress part that holds one.
    pub(crate) index: Option<u64>,
    /// Why it ended, in a closed part.
    pub(crate) why: Option<EndWhy>,
    /// Parts that were given up.
    pub(crate) abandoned: Vec<u64>,
    /// Parts whose data passed without an acknowledgement.
    pub(crate) unacknowledged: Vec<u64>,
    /// The HTTP status in the entry's own field, 0 without one.
    pub(crate) status: u64,
    pub(crate) text: String,
}

impl Part {
    /// Reads every entry of a `StreamAccessLogsMessage`, or of several written one after the other.
    pub(crate) fn read_all(message: &[u8]) -> Option<Vec<Self>> {
        let mut parts = Vec::new();
        for identifier in proto::all(message, 1)? {
            if proto::one(identifier, 2)? != b"hansard" {
                return None;
            }
        }
        for logs in proto::all(message, 2)? {
            for entry in proto::all(logs, 1)? {
                parts.push(Self::read(entry)?);
            }
        }
        Some(parts)
    }

    /// Reads one `HTTPAccessLogEntry`.
    fn read(entry: &[u8]) -> Option<Self> {
        let object = proto::one(proto::one(entry, 1)?, 21)?;
        if proto::one(object, 1)? != RECORD_KEY.as_bytes() {
            return None;
        }
        let any = proto::one(object, 2)?;
        if proto::one(any, 1)? != b"type.googleapis.com/google.protobuf.BytesValue" {
            return None;
        }
        let json = proto::one(proto::one(any, 2)?, 1)?;
        let code = proto::one(proto::one(entry, 4)?, 1)?;
        let status = proto::fields(code)?.into_iter().find_map(|(_, value)| match value {
            proto::Value::Number(status) => Some(status),
            proto::Value::Bytes(_) => None,
        });
        Self::of(json, status.unwrap_or(0))
    }

    /// Reads a record by itself, as it rides in filter state.
    pub(crate) fn of(json: &[u8], status: u64) -> Option<Self> {
        let part = Record::parse(json).ok()?.into_part();
        let mut read = Self {
            seq: part.seq,
            exchange: part.exchange.to_string(),
            kind: part.part.kind(),
            session: None,
            index: None,
            why: None,
            abandoned: Vec::new(),
            unacknowledged: Vec::new(),
            status,
            text: String::from_utf8(json.to_vec()).ok()?,
        };
        match part.part {
            Content::Opened(opened) => read.session = opened.session.id.map(Into::into),
            Content::Progress(progress) => read.index = progress.index,
            Content::Closed(closed) => {
                read.why = Some(closed.end.why);
                read.abandoned = closed.abandoned;
                read.unacknowledged = closed.unacknowledged;
            }
            Content::Refused(refused) => {
                read.session = refused.session.id.map(Into::into);
                read.abandoned = refused.abandoned;
            }
        }
        Some(read)
    }

    /// The part as JSON: `/part/closed/end/why`.
    pub(crate) fn at(&self, pointer: &str) -> Value {
        let json: Value = serde_json::from_str(&self.text).unwrap();
        json.pointer(pointer).cloned().unwrap_or(Value::Null)
    }
}

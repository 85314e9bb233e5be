//! What the sink reads in a message of the filter.

use crate::proto;
use hansard_record::fold::{Chain, Cut, FOLDED_KEY, Folded, Pieces};
use hansard_record::part::{Content, EndWhy};
use hansard_record::{RECORD_KEY, Record};
use serde_json::Value;
use std::collections::BTreeMap;

/// What sinks have: texts by cluster and digest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf(BTreeMap<(String, [u8; 32]), Vec<u8>>);

impl Shelf {
    pub(crate) fn text(&self, cluster: &str, digest: Chain) -> Option<Vec<u8>> {
        self.0.get(&(cluster.to_owned(), digest.0)).cloned()
    }

    /// Takes an acknowledged part.
    pub(crate) fn take(&mut self, cluster: &str, part: &Part) {
        let json = part.text.as_bytes();
        let Ok(record) = Record::parse(json) else { return };
        let body = match record.into_part().part {
            Content::Opened(opened) => opened.request.body,
            Content::Refused(refused) => refused.request.body,
            Content::Progress(_) | Content::Closed(_) => None,
        };
        let cut = Cut::of(json, body.map(|body| body.get()));
        for stream in Pieces::at(json, &cut).streams {
            let (mut digest, mut text) = (Chain::default(), Vec::new());
            for piece in stream {
                digest = digest.then(&Chain::sum(&piece));
                text.extend_from_slice(&piece);
                self.0.insert((cluster.to_owned(), digest.0), text.clone());
            }
        }
    }

    /// A sink that lost its data.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

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
    /// Reads every entry of a `StreamAccessLogsMessage`, or of several written one after the other,
    /// and whether one was folded; `has` is what the sink has. No parts, when it lacks something.
    pub(crate) fn read_all(
        message: &[u8],
        has: impl Fn(Chain) -> Option<Vec<u8>>,
    ) -> Option<(Option<Vec<Self>>, bool)> {
        let (mut parts, mut is_folded) = (Some(Vec::new()), false);
        for identifier in proto::all(message, 1)? {
            if proto::one(identifier, 2)? != b"hansard" {
                return None;
            }
        }
        for logs in proto::all(message, 2)? {
            for entry in proto::all(logs, 1)? {
                let (record, status, folded) = Self::record(entry)?;
                is_folded |= folded;
                let json = if folded { unfolded(record, &has)? } else { Some(record.to_vec()) };
                match (json, parts.as_mut()) {
                    (Some(json), Some(parts)) => parts.push(Self::of(&json, status)?),
                    (None, _) => parts = None,
                    (Some(_), None) => {}
                }
            }
        }
        Some((parts, is_folded))
    }

    /// The record of one `HTTPAccessLogEntry`, the entry's status, and whether it is folded.
    fn record(entry: &[u8]) -> Option<(&[u8], u64, bool)> {
        let object = proto::one(proto::one(entry, 1)?, 21)?;
        let key = proto::one(object, 1)?;
        if key != RECORD_KEY.as_bytes() && key != FOLDED_KEY.as_bytes() {
            return None;
        }
        let any = proto::one(object, 2)?;
        if proto::one(any, 1)? != b"type.googleapis.com/google.protobuf.BytesValue" {
            return None;
        }
        let record = proto::one(proto::one(any, 2)?, 1)?;
        let code = proto::one(proto::one(entry, 4)?, 1)?;
        let status = proto::fields(code)?.into_iter().find_map(|(_, value)| match value {
            proto::Value::Number(status) => Some(status),
            proto::Value::Bytes(_) => None,
        });
        Some((record, status.unwrap_or(0), key == FOLDED_KEY.as_bytes()))
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

/// A folded part, whole; the inner `None`: the sink lacks what it builds on.
fn unfolded(bytes: &[u8], has: &impl Fn(Chain) -> Option<Vec<u8>>) -> Option<Option<Vec<u8>>> {
    let folded = Folded::parse(bytes)?;
    let mut streams = Vec::new();
    for stream in &folded.streams {
        let mut text = match stream.known {
            None => Vec::new(),
            Some(known) => match has(known.digest) {
                Some(text) if text.len() == known.bytes => text,
                _ => return Some(None),
            },
        };
        stream.pieces.iter().for_each(|piece| text.extend_from_slice(piece));
        streams.push(text);
    }
    Pieces::join(&folded.frame, &streams).map(Some)
}

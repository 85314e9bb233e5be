//! What the sink hands to the writer, read and checked before it waits in the queue.
//!
//! Enters: the bytes of one record, or an entry of Envoy's own. Leaves: [`Incoming`], which holds
//! the content, cut and hashed, and the few facts that the projections need, so that the writer
//! thread only seals and writes. Bytes that are no record become [`Incoming::malformed`]: nothing is dropped.

use crate::clear::Clear;
use crate::content::Content as Text;
use crate::exchange::{Ending, Introduction};
use crate::intake::Raw;
use crate::malformed::{Defect, KEPT, defect_of};
use crate::telemetry::Telemetry;
use hansard_record::fold::{Cut, Folded, Pieces};
use hansard_record::part::Content;
use hansard_record::{BootId, ExchangeId, Record};
use std::sync::Arc;

/// The first millisecond of the year 10000: RFC 3339 cannot write it.
const TIME_LIMIT: u64 = 253_402_300_800_000;

/// Numbers of one part that are given up, at most.
const ABANDONED: usize = 1024;
/// Bytes of a log's name that are kept.
const LOG_NAME: usize = 1024;

/// One thing to store.
#[derive(Debug)]
pub struct Incoming(pub(crate) Kind);

#[derive(Debug)]
pub(crate) enum Kind {
    Part(Box<NewPart>),
    Malformed(Malformed),
    Witness(Received),
    Telemetry(Telemetry),
}

/// Which way a part came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The filter's own call, which waits for the acknowledgement.
    Acknowledged,
    /// Envoy's access log, which does not.
    AccessLog,
}

impl Source {
    /// The name in the ledger.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged",
            Self::AccessLog => "access_log",
        }
    }
}

/// What Envoy's own access log says of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Witness {
    /// The exchange that the filter named, if it did.
    pub exchange: Option<ExchangeId>,
    /// The HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The status that the client got.
    pub status: Option<u16>,
    /// Response flags, code details, sizes, as a JSON object.
    pub details: String,
}

#[derive(Debug)]
pub(crate) struct NewPart {
    pub(crate) exchange: ExchangeId,
    pub(crate) boot: BootId,
    pub(crate) seq: i64,
    pub(crate) kind: &'static str,
    pub(crate) source: Source,
    pub(crate) at: i64,
    pub(crate) received_at: i64,
    pub(crate) introduction: Option<Arc<Introduction>>,
    pub(crate) ending: Option<Ending>,
    pub(crate) clear: Clear,
    /// Envoy's node id.
    pub(crate) node: String,
    /// Numbers of parts that were given up.
    pub(crate) abandoned: Vec<i64>,
    pub(crate) content: Text,
    /// As it came, for the intake.
    pub(crate) raw: Raw,
}

#[derive(Debug)]
pub(crate) struct Malformed {
    pub(crate) received_at: i64,
    pub(crate) log_name: String,
    pub(crate) defect: Defect,
    pub(crate) size: usize,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) received_at: i64,
    pub(crate) witness: Witness,
}

impl Incoming {
    /// The bytes of one record, received at `received_at` (Unix milliseconds) in the log `log_name`.
    #[must_use]
    pub fn part(json: Vec<u8>, source: Source, received_at: u64, log_name: &str) -> Self {
        let read = Facts::read(&json, received_at).map(|(facts, body)| {
            let cut = Cut::of(&json, body);
            facts.with(source, Folded::from(Pieces::at(&json, &cut)).into())
        });
        match read {
            Ok(part) => {
                let raw = Raw { bytes: json, is_folded: false };
                Self(Kind::Part(Box::new(NewPart { raw, ..part })))
            }
            Err(defect) => Self::malformed(defect, &json, received_at, log_name),
        }
    }

    /// The same, of a record that leaves out what this ledger should have of its session.
    #[must_use]
    pub fn folded(bytes: Vec<u8>, source: Source, received_at: u64, log_name: &str) -> Self {
        let read = Folded::parse(&bytes)
            .and_then(|folded| Some((folded.sketch()?, folded)))
            .ok_or(Defect::Folded)
            .and_then(|(sketch, folded): (Vec<u8>, _)| {
                Ok(Facts::read(&sketch, received_at)?.0.with(source, folded.into()))
            });
        match read {
            Ok(part) => {
                let raw = Raw { bytes, is_folded: true };
                Self(Kind::Part(Box::new(NewPart { raw, ..part })))
            }
            Err(defect) => Self::malformed(defect, &bytes, received_at, log_name),
        }
    }

    /// Bytes that are no record, with the reason; the first 64 KiB are kept.
    #[must_use]
    pub fn malformed(defect: Defect, bytes: &[u8], received_at: u64, log_name: &str) -> Self {
        let received_at = received_at.min(TIME_LIMIT) as i64;
        Self(Kind::Malformed(Malformed::new(defect, bytes, received_at, log_name)))
    }

    /// What a client's telemetry says.
    #[must_use]
    pub fn telemetry(said: Telemetry) -> Self {
        Self(Kind::Telemetry(said))
    }

    /// An entry of Envoy's own access log.
    #[must_use]
    pub fn witness(witness: Witness, received_at: u64) -> Self {
        let received_at = received_at.min(TIME_LIMIT) as i64;
        Self(Kind::Witness(Received { received_at, witness }))
    }

    /// Why this is stored as malformed, if it is.
    #[must_use]
    pub fn defect(&self) -> Option<&Defect> {
        match &self.0 {
            Kind::Malformed(malformed) => Some(&malformed.defect),
            Kind::Part(_) | Kind::Witness(_) | Kind::Telemetry(_) => None,
        }
    }

    /// Lets its bytes go, as they came: they are in the intake.
    pub(crate) fn drop_raw(&mut self) {
        if let Kind::Part(part) = &mut self.0 {
            part.raw = Raw::default();
        }
    }

    /// When it was received.
    pub(crate) fn received_at(&self) -> i64 {
        match &self.0 {
            Kind::Part(part) => part.received_at,
            Kind::Malformed(malformed) => malformed.received_at,
            Kind::Witness(received) => received.received_at,
            Kind::Telemetry(said) => said.received_at,
        }
    }

    /// About the memory it takes while it waits.
    pub(crate) fn size(&self) -> usize {
        const FIXED: usize = 512;
        FIXED
            + match &self.0 {
                Kind::Part(part) => part.content.size().saturating_add(part.raw.bytes.len()),
                Kind::Malformed(malformed) => malformed.bytes.len(),
                Kind::Witness(received) => {
                    received.witness.path.len() + received.witness.details.len()
                }
                Kind::Telemetry(said) => said.name.len() + said.attributes.len(),
            }
    }
}

impl Malformed {
    pub(crate) fn new(defect: Defect, bytes: &[u8], received_at: i64, log_name: &str) -> Self {
        Self {
            received_at,
            log_name: log_name
                .get(..log_name.floor_char_boundary(LOG_NAME))
                .unwrap_or_default()
                .to_owned(),
            defect,
            size: bytes.len(),
            bytes: bytes.get(..KEPT).unwrap_or(bytes).to_vec(),
        }
    }
}

/// Everything of a part but its content.
struct Facts {
    exchange: ExchangeId,
    boot: BootId,
    seq: i64,
    kind: &'static str,
    at: i64,
    received_at: i64,
    introduction: Option<Arc<Introduction>>,
    ending: Option<Ending>,
    node: String,
    abandoned: Vec<i64>,
}

impl Facts {
    /// The facts, and where the request's body stands.
    fn read(json: &[u8], received_at: u64) -> Result<(Self, Option<&str>), Defect> {
        let part = Record::parse(json).map_err(|error| defect_of(json, &error))?.into_part();
        if part.at >= TIME_LIMIT || received_at >= TIME_LIMIT {
            return Err(Defect::Range);
        }
        let body = match &part.part {
            Content::Opened(opened) => opened.request.body,
            Content::Refused(refused) => refused.request.body,
            Content::Progress(_) | Content::Closed(_) => None,
        };
        let abandoned = match &part.part {
            Content::Closed(closed) => closed.abandoned.as_slice(),
            Content::Refused(refused) => refused.abandoned.as_slice(),
            Content::Opened(_) | Content::Progress(_) => &[],
        };
        let abandoned = abandoned.iter().filter_map(|seq| i64::try_from(*seq).ok());
        // A gateway gives up one at a time. Of a list beyond all measure the rest stays missing.
        let abandoned = abandoned.filter(|seq| *seq > 0).take(ABANDONED).collect();
        let (introduction, ending) = match &part.part {
            Content::Opened(opened) => (Some(Introduction::of_opened(part.exchange, opened)), None),
            Content::Progress(_) => (None, None),
            Content::Closed(closed) => (None, Some(Ending::of_closed(part.at as i64, closed))),
            Content::Refused(refused) => (
                Some(Introduction::of_refused(part.exchange, refused)),
                Some(Ending::of_refused(part.at as i64, refused)),
            ),
        };
        let introduction = introduction.map(Arc::new);
        let facts = Self {
            exchange: part.exchange,
            boot: part.boot,
            // A gateway numbers from 1.
            seq: i64::try_from(part.seq).ok().filter(|seq| *seq > 0).ok_or(Defect::Range)?,
            kind: part.part.kind(),
            at: part.at as i64,
            received_at: received_at as i64,
            introduction,
            ending,
            node: part.gateway.node.to_string(),
            abandoned,
        };
        Ok((facts, body.map(|body| body.get())))
    }

    fn with(self, source: Source, content: Text) -> NewPart {
        let Self {
            exchange,
            boot,
            seq,
            kind,
            at,
            received_at,
            introduction,
            ending,
            node,
            abandoned,
        } = self;
        NewPart {
            exchange,
            boot,
            seq,
            kind,
            source,
            at,
            received_at,
            clear: Clear::of(introduction.as_deref(), ending.as_ref()),
            introduction,
            ending,
            node,
            abandoned,
            content,
            raw: Raw::default(),
        }
    }
}

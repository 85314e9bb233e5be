//! Numbers the parts of one VM and writes them down.

use super::Subject;
use hansard_record::part::{Content, Gateway, Part, Request, SessionHint, Who};
use hansard_record::{BootId, Message, OutOfMemory, Record, encode};
use std::ops::Range;

/// A part, numbered and encoded, on its way to the sink.
#[derive(Debug)]
pub struct Parcel {
    /// Its number within the VM's boot.
    pub seq: u64,
    /// It tells of a stream that runs.
    pub is_progress: bool,
    /// The access-log message that carries it.
    pub message: Message,
    /// What of it may come back with the next turn.
    pub history: Option<History>,
}

/// A request's body within its part, as one of a session's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The session, as the sink keeps sessions apart: the verified identity and the client's word.
    pub session: Vec<u8>,
    /// Where the body stands in the record.
    pub body: Range<usize>,
}

impl History {
    /// `None` where a part has no body, or its session has nothing but this exchange.
    fn of(part: &Content<'_>, record: &[u8]) -> Option<Self> {
        let (who, session, request): (Option<&Who<'_>>, &SessionHint<'_>, &Request<'_>) = match part
        {
            Content::Opened(part) => (Some(&part.who), &part.session, &part.request),
            Content::Refused(part) => (part.who.as_ref(), &part.session, &part.request),
            Content::Progress(_) | Content::Closed(_) => return None,
        };
        let (hint, body) = (session.id.as_deref()?, request.body?.get());
        let mut session = Vec::new();
        for field in [who.map_or("", |who| &who.issuer), who.map_or("", |who| &who.subject), hint] {
            session.extend_from_slice(&(field.len() as u64).to_be_bytes());
            session.extend_from_slice(field.as_bytes());
        }
        // No text before it can hold this: a text's own quotes are escaped.
        const MEMBER: &[u8] = b"\"body\":";
        let at = record.windows(MEMBER.len()).position(|window| window == MEMBER)?;
        let start = at.checked_add(MEMBER.len())?;
        let end = start.checked_add(body.len())?;
        (record.get(start..end)? == body.as_bytes()).then_some(Self { session, body: start..end })
    }
}

/// The VM's hand: one per boot.
#[derive(Debug)]
pub struct Scribe {
    boot: BootId,
    written: u64,
    node: String,
    filter: &'static str,
}

impl Scribe {
    /// A hand that has written nothing yet.
    #[must_use]
    pub fn new(boot: BootId, node: String, filter: &'static str) -> Self {
        Self { boot, written: 0, node, filter }
    }

    /// Writes a part. A number is spent only on a part that was written.
    pub(super) fn write(
        &mut self,
        subject: &Subject,
        status: u16,
        now: u64,
        part: Content<'_>,
        size_hint: usize,
    ) -> Result<Parcel, OutOfMemory> {
        let seq = self.written + 1;
        let is_progress = matches!(part, Content::Progress(_));
        let part = Part {
            exchange: subject.id,
            boot: self.boot,
            seq,
            at: now,
            gateway: Gateway {
                node: self.node.as_str().into(),
                filter: self.filter.into(),
                policy: subject.policy.as_str().into(),
            },
            part,
        };
        let id = subject.id.to_string();
        let record = Record::V2(part);
        let message = encode(&subject.entry(&id, status), &record, size_hint + 2048)?;
        let history = History::of(&record.into_part().part, message.record());
        self.written = seq;
        Ok(Parcel { seq, is_progress, message, history })
    }
}

//! Numbers the parts of one VM and writes them down.

use super::Subject;
use hansard_record::part::{Content, Gateway, Part};
use hansard_record::{BootId, Message, OutOfMemory, Record, encode};

/// A part, numbered and encoded, on its way to the sink.
#[derive(Debug)]
pub struct Parcel {
    /// Its number within the VM's boot.
    pub seq: u64,
    /// It tells of a stream that runs.
    pub is_progress: bool,
    /// The access-log message that carries it.
    pub message: Message,
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
        let record = Record::V2(Part {
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
        });
        let id = subject.id.to_string();
        let message = encode(&subject.entry(&id, status), &record, size_hint + 2048)?;
        self.written = seq;
        Ok(Parcel { seq, is_progress, message })
    }
}

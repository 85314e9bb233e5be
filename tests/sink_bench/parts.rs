//! Parts as a filter sends them.

use crate::Fallible;
use hansard_record::part::{
    Content, Decision, Gateway, Opened, Part, Peer, Request, SessionHint, Who,
};
use hansard_record::{BootId, Entry, ExchangeId, RawJson, Record, encode};

/// An exchange that begins.
pub(crate) struct Begin<'a> {
    pub(crate) worker: u8,
    pub(crate) seq: u64,
    pub(crate) session: &'a str,
    pub(crate) body: &'a str,
}

impl Begin<'_> {
    pub(crate) fn encoded(&self) -> Fallible<Vec<u8>> {
        let mut random = [self.worker; 10];
        for (to, byte) in random.iter_mut().skip(2).zip(self.seq.to_be_bytes()) {
            *to = byte;
        }
        let record = Record::V2(Part {
            // Ids begin with their time, as a gateway's do.
            exchange: ExchangeId::new(1_700_000_000_000 + self.seq, random),
            boot: BootId::new(1_700_000_000_000, [self.worker; 10]),
            seq: self.seq,
            at: 1_700_000_000_000 + self.seq,
            gateway: Gateway { node: "bench".into(), filter: "0".into(), policy: "0".into() },
            part: Content::Opened(Opened {
                who: Who {
                    issuer: "https://issuer.example".into(),
                    subject: "developer".into(),
                    email: None,
                    groups: vec!["developers".into()],
                    expires_at: 1_800_000_000,
                    token: "0123456789abcdef".into(),
                },
                from: Peer::default(),
                session: SessionHint { id: Some(self.session.into()), agent: None },
                decision: Decision {
                    rule: Some("developers".into()),
                    effect: "allow".into(),
                    not_applied: Vec::new(),
                },
                request: Request {
                    method: "POST".into(),
                    path: "/v1/messages".into(),
                    headers: Vec::new(),
                    model: Some("claude-sonnet-5".into()),
                    bytes: self.body.len() as u64,
                    body: Some(RawJson::parsed(self.body)),
                    body_base64: None,
                },
                findings: Vec::new(),
            }),
        });
        let message = encode(&Entry::default(), &record, self.body.len() + 4096)
            .map_err(|_| "no memory for a part")?;
        Ok(message.to_vec())
    }
}

/// Words that compress as prose and code do, to about a third.
pub(crate) fn text(seed: u64, bytes: usize) -> String {
    const WORDS: [&str; 32] = [
        "let", "value", "the", "return", "of", "match", "error", "string", "and", "config", "for",
        "index", "request", "with", "status", "buffer", "if", "none", "stream", "is", "result",
        "token", "to", "parse", "self", "in", "path", "line", "that", "file", "count", "handle",
    ];
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = String::with_capacity(bytes + 16);
    while text.len() < bytes {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(WORDS.get((state >> 59) as usize).copied().unwrap_or_default());
        // Names and numbers do not repeat.
        if state >> 40 & 3 == 0 {
            text.push_str(&format!("{:x}", state >> 44 & 0xffff));
        }
        text.push(' ');
    }
    text
}

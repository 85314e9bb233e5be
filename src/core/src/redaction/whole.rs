//! A body that is here as a whole: a request, a response that is not a stream.

use super::guide::Messages;
use super::{Blocked, Redactor};
use hansard_redact::body::{self, Reading, Refusal, redact};
use hansard_redact::json::{Fault, InvalidJson};
use hansard_redact::{Redacted, Restores, Tallies, Way, text};
use std::borrow::Cow;

/// What came of a body.
#[derive(Debug)]
pub struct Body<'a> {
    /// What goes over the wire; `None`: the body as it is.
    pub wire: Option<Vec<u8>>,
    /// What goes on record.
    pub record: Redacted<Cow<'a, [u8]>>,
    /// What was found.
    pub tallies: Tallies,
    /// Why it is not JSON, if it is not; what it holds was looked for as in any text.
    pub fault: Option<InvalidJson>,
    /// A value that does not pass.
    pub blocked: Option<Blocked>,
    /// What goes back to the client in the response.
    pub restores: Restores,
    /// Bytes of the body as it came.
    pub bytes: usize,
}

impl Body<'_> {
    /// No body.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            wire: None,
            record: body::nothing(),
            fault: None,
            tallies: Tallies::default(),
            blocked: None,
            restores: Restores::default(),
            bytes: 0,
        }
    }
}

impl Redactor {
    /// Redacts a request's body. One that is not JSON goes on record alone, as a text.
    pub fn request<'a>(&mut self, bytes: &'a [u8]) -> Body<'a> {
        self.whole(bytes, "This request", Way::Request)
    }

    /// Redacts a whole response.
    pub fn response<'a>(&mut self, bytes: &'a [u8], restores: &Restores) -> Body<'a> {
        self.whole(bytes, "Claude's answer", Way::Response(restores))
    }

    fn whole<'a>(&mut self, bytes: &'a [u8], what: &str, way: Way<'_>) -> Body<'a> {
        if bytes.is_empty() {
            return Body::nothing();
        }
        if self.is_off() {
            let record = body::Body::default().record(bytes);
            return Body { record, bytes: bytes.len(), ..Body::nothing() };
        }
        let drops_media = self.drops_media;
        let mut fault = None;
        let mut found = match std::str::from_utf8(bytes) {
            Ok(json) => {
                let guide = &Messages;
                let blocks_signed = self.blocks_signed;
                let reading = Reading { guide, way, blocks_signed, drops_media, streamed: None };
                match redact(&mut self.engine, &mut self.seen, json, reading) {
                    Ok(found) => found,
                    Err(Refusal::Invalid(invalid)) => {
                        fault = Some(invalid);
                        text::redact(&mut self.engine, bytes, "body", way)
                    }
                    Err(Refusal::TooMany) => return too_many(what),
                }
            }
            Err(error) => {
                fault = Some(InvalidJson { at: error.valid_up_to(), why: Fault::Grammar });
                text::redact(&mut self.engine, bytes, "body", way)
            }
        };
        self.count(&found.tallies);
        let blocked = found.blocked.take();
        Body {
            wire: found.wire(bytes),
            record: found.record(bytes),
            fault,
            blocked: blocked.map(|(detector, place)| self.blocked(what, detector, &place)),
            tallies: std::mem::take(&mut found.tallies),
            restores: found.restores,
            bytes: bytes.len(),
        }
    }
}

/// A body with more values than this gateway handles does not pass, and nothing of it is recorded.
fn too_many<'a>(what: &str) -> Body<'a> {
    let message = format!("{what} holds too many values to redact; send it in smaller parts.");
    Body { blocked: Some(Blocked { rule: "scan-limit".into(), message }), ..Body::nothing() }
}

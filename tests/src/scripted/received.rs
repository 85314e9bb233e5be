//! The log read by request: each request with its whole body, for tests that ask what arrived
//! rather than when. Nothing is kept here; a digest is made from the log on demand.

use serde_json::Value;

use super::log::{Observation, Seen};

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// The request's number, as in [`Observation::request`].
    pub number: u64,
    pub connection: u64,
    pub method: String,
    /// Path and query.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub state: RequestBody,
}

/// How far a request's body came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestBody {
    Arriving,
    Complete,
    Aborted,
    Unread,
}

impl Received {
    /// The first value of the header `name` (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; `None` if it is not.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

pub(super) fn gather(log: &[Observation]) -> Vec<Received> {
    let mut all: Vec<Received> = Vec::new();
    for one in log {
        let Some(number) = one.request else { continue };
        if let Seen::RequestHead { method, path, headers, .. } = &one.what {
            all.push(Received {
                number,
                connection: one.connection,
                method: method.clone(),
                path: path.clone(),
                headers: headers.clone(),
                body: Vec::new(),
                state: RequestBody::Arriving,
            });
        }
        // A request whose head was forgotten by a reset is left out.
        let Some(request) = all.iter_mut().rev().find(|request| request.number == number) else {
            continue;
        };
        match &one.what {
            Seen::RequestChunk(chunk) => request.body.extend_from_slice(&chunk.0),
            Seen::RequestEnd => request.state = RequestBody::Complete,
            Seen::RequestAborted { .. } => request.state = RequestBody::Aborted,
            Seen::RequestUnread => request.state = RequestBody::Unread,
            _ => {}
        }
    }
    all
}

//! The instrument: an append-only log of all that the server sees and does.
//!
//! Facts enter from the connection, the request reader and the response player; they leave as
//! copies for the test and as wake-ups for whoever waits. Times are taken under the lock, so the
//! order of the log is the order of its times. A response chunk is logged when it is handed to the
//! HTTP library, a moment before it is on the socket.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde::ser::{Serialize, SerializeStruct, Serializer};
use tokio::sync::watch;

/// One fact, with its place and time.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Observation {
    /// Counts all facts since start, from 0; a reset does not restart it.
    pub seq: u64,
    /// Monotonic microseconds since the server started.
    pub at_us: u64,
    /// Wall clock, milliseconds since 1970.
    pub unix_ms: u64,
    /// Connections count from 1.
    pub connection: u64,
    /// Requests count from 1 over all connections; absent for facts about a connection.
    pub request: Option<u64>,
    #[serde(flatten)]
    pub what: Seen,
}

/// What was seen or done.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Seen {
    ConnectionAccepted {
        peer: String,
    },
    ConnectionClosed {
        error: Option<String>,
    },
    /// Header names are lower case, as the HTTP library hands them on; values are lossy UTF-8.
    RequestHead {
        method: String,
        path: String,
        version: String,
        headers: Vec<(String, String)>,
    },
    RequestChunk(Chunk),
    RequestTrailers {
        headers: Vec<(String, String)>,
    },
    RequestEnd,
    /// The client went away, or broke the protocol, before the end of its body.
    RequestAborted {
        error: String,
    },
    /// The script answers without reading the body (`early=1`).
    RequestUnread,
    ResponseHead {
        status: u16,
        script: Option<String>,
    },
    ResponseChunk(Chunk),
    ResponseTrailers {
        headers: Vec<(String, String)>,
    },
    GateReached {
        name: String,
    },
    GatePassed {
        name: String,
    },
    /// The script broke the response off.
    ResponseCut,
    ResponseEnd,
    /// The response was abandoned before its end: the client is gone or reset the stream.
    ResponseDropped,
}

/// Body bytes; in JSON their length and the bytes as lossy text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk(pub Bytes);

/// Nothing matched in time; carries what was seen instead.
#[derive(Debug)]
pub struct Overdue {
    pub limit: Duration,
    pub seen: Vec<Observation>,
}

pub(super) struct Log {
    started: Instant,
    facts: Mutex<Facts>,
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct Facts {
    next: u64,
    kept: Vec<Observation>,
}

// === impl Observation ===

impl Observation {
    /// Whether a response has come to the gate `name`.
    pub fn at_gate(&self, name: &str) -> bool {
        matches!(&self.what, Seen::GateReached { name: reached } if reached == name)
    }
}

// === impl Chunk ===

impl Serialize for Chunk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Chunk", 2)?;
        map.serialize_field("len", &self.0.len())?;
        map.serialize_field("text", &String::from_utf8_lossy(&self.0))?;
        map.end()
    }
}

// === impl Overdue ===

impl fmt::Display for Overdue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the scripted Claude saw nothing that matches within {:?}; it saw:", self.limit)?;
        for one in &self.seen {
            let request = one.request.unwrap_or_default();
            write!(f, "\n  {:>10} us, connection {}, ", one.at_us, one.connection)?;
            write!(f, "request {request}: {:?}", one.what)?;
        }
        Ok(())
    }
}

impl std::error::Error for Overdue {}

// === impl Log ===

impl Default for Log {
    fn default() -> Self {
        Self { started: Instant::now(), facts: Mutex::default(), changed: watch::Sender::new(0) }
    }
}

impl Log {
    pub(super) fn add(&self, connection: u64, request: Option<u64>, what: Seen) {
        let mut facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        let at_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let unix_ms = u64::try_from(unix.as_millis()).unwrap_or(u64::MAX);
        let seq = facts.next;
        facts.next += 1;
        facts.kept.push(Observation { seq, at_us, unix_ms, connection, request, what });
        drop(facts);
        self.changed.send_modify(|count| *count += 1);
    }

    pub(super) fn look<T>(&self, look: impl FnOnce(&[Observation]) -> T) -> T {
        look(&self.facts.lock().unwrap_or_else(PoisonError::into_inner).kept)
    }

    pub(super) fn clear(&self) {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).kept.clear();
    }

    pub(super) async fn wait_until<T>(
        &self,
        limit: Duration,
        mut look: impl FnMut(&[Observation]) -> Option<T>,
    ) -> Result<T, Overdue> {
        let deadline = tokio::time::Instant::now() + limit;
        // Subscribed before the first look: a fact that arrives between look and wait still wakes.
        let mut changed = self.changed.subscribe();
        loop {
            if let Some(found) = self.look(&mut look) {
                return Ok(found);
            }
            if !matches!(tokio::time::timeout_at(deadline, changed.changed()).await, Ok(Ok(()))) {
                return Err(Overdue { limit, seen: self.look(<[Observation]>::to_vec) });
            }
        }
    }
}

//! One part → one `StreamAccessLogsMessage`, in one pass.
//!
//! Every length-delimited field that encloses the record ends with the record, so all that
//! precedes it is a prefix whose size depends on the record's length alone:
//!
//! ```text
//! buffer   │ headroom        │ record as JSON … (written first)              │
//! message        │ prefix    │ (then the prefix, right-aligned against it)   │
//!                start
//! ```
//!
//! Field numbers: envoy/service/accesslog/v3/als.proto, envoy/data/accesslog/v3/accesslog.proto.
//! Two messages written one after the other merge into one that holds both entries (protobuf,
//! "Last One Wins": embedded messages merge, repeated fields append); a batch is a concatenation.

use crate::Record;
use std::fmt;
use std::io;
use std::ops::Deref;

/// The key of our object among an entry's `filter_state_objects`.
pub const RECORD_KEY: &str = "hansard.record";

const LOG_NAME: &str = "hansard";
const TYPE_URL: &str = "type.googleapis.com/google.protobuf.BytesValue";
/// Tags and lengths of the nine enclosing fields: at most 2 + 5 bytes each.
const ENCLOSING: usize = 9 * 7;

/// What a sink that does not know us can show of the exchange.
#[derive(Clone, Copy, Debug, Default)]
pub struct Entry<'a> {
    /// Start of the exchange, Unix milliseconds.
    pub started_at: u64,
    /// The client's IP address.
    pub address: &'a str,
    /// The client's port.
    pub port: u16,
    /// HTTP method, as in RFC 9110.
    pub method: &'a str,
    /// `:authority`.
    pub authority: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// `user-agent`.
    pub user_agent: &'a str,
    /// The exchange id, as the entry's request id.
    pub request_id: &'a str,
    /// HTTP status, 0 while there is none.
    pub status: u16,
}

/// An encoded message. Derefs to its bytes.
pub struct Message {
    buffer: Vec<u8>,
    start: usize,
    record: usize,
    envelope: Envelope,
}

/// What of an entry stands around the record.
struct Envelope {
    request: Vec<u8>,
    response: Vec<u8>,
    common: Vec<u8>,
}

impl Message {
    /// Bytes of memory that the message holds.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    /// The record alone, as JSON: what rides in filter state under delivery `access_log`.
    #[must_use]
    pub fn record(&self) -> &[u8] {
        self.buffer.get(self.record..).unwrap_or_default()
    }

    /// The same entry with other bytes in the record's place, under another key.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn with(&self, key: &str, record: &[u8]) -> Result<Vec<u8>, OutOfMemory> {
        let prefix = self.envelope.prefix(key, record.len());
        let mut message = Vec::new();
        message.try_reserve_exact(prefix.len() + record.len()).map_err(|_| OutOfMemory)?;
        message.extend_from_slice(&prefix);
        message.extend_from_slice(record);
        Ok(message)
    }
}

impl Deref for Message {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }
}

impl fmt::Debug for Message {
    /// Names the size alone: a message holds a conversation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({} bytes)", self.len())
    }
}

/// The part did not fit into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

/// Encodes a part as a whole message. `size_hint` is about the JSON's length.
///
/// # Errors
/// When memory runs out; nothing is left behind.
pub fn encode(
    entry: &Entry<'_>,
    record: &Record<'_>,
    size_hint: usize,
) -> Result<Message, OutOfMemory> {
    let envelope = Envelope {
        request: request_properties(entry),
        response: response_properties(entry),
        common: common_properties(entry),
    };
    let headroom = envelope.most(RECORD_KEY);

    let mut buffer = Vec::new();
    buffer.try_reserve_exact(headroom + size_hint).map_err(|_| OutOfMemory)?;
    buffer.resize(headroom, 0);
    serde_json::to_writer(Fallible(&mut buffer), record).map_err(|_| OutOfMemory)?;

    let prefix = envelope.prefix(RECORD_KEY, buffer.len() - headroom);
    let start = headroom - prefix.len();
    match buffer.get_mut(start..headroom) {
        Some(room) => room.copy_from_slice(&prefix),
        None => return Err(OutOfMemory),
    }
    Ok(Message { buffer, start, record: headroom, envelope })
}

impl Envelope {
    /// The most that stands before a record.
    fn most(&self, key: &str) -> usize {
        let small = self.request.len() + self.response.len() + self.common.len();
        ENCLOSING + small + LOG_NAME.len() + key.len() + TYPE_URL.len() + 16
    }

    /// All that stands before a record of so many bytes.
    fn prefix(&self, key: &str, n: usize) -> Vec<u8> {
        let Self { request, response, common } = self;
        let bytes_value = field(1, n);
        let any = field(1, TYPE_URL.len()) + field(2, bytes_value);
        let map_entry = field(1, key.len()) + field(2, any);
        let common_len = common.len() + field(21, map_entry);
        let log_entry = request.len() + response.len() + field(1, common_len);

        let mut prefix = Vec::with_capacity(self.most(key));
        let identifier = field(2, LOG_NAME.len());
        put_tag(&mut prefix, 1, identifier); // identifier
        put_bytes(&mut prefix, 2, LOG_NAME.as_bytes()); // identifier.log_name
        put_tag(&mut prefix, 2, field(1, log_entry)); // http_logs
        put_tag(&mut prefix, 1, log_entry); // http_logs.log_entry
        prefix.extend_from_slice(request);
        prefix.extend_from_slice(response);
        put_tag(&mut prefix, 1, common_len); // common_properties
        prefix.extend_from_slice(common);
        put_tag(&mut prefix, 21, map_entry); // filter_state_objects
        put_bytes(&mut prefix, 1, key.as_bytes()); // key
        put_tag(&mut prefix, 2, any); // value: Any
        put_bytes(&mut prefix, 1, TYPE_URL.as_bytes());
        put_tag(&mut prefix, 2, bytes_value); // Any.value: BytesValue
        put_tag(&mut prefix, 1, n); // BytesValue.value: the record
        prefix
    }
}

/// `AccessLogCommon`: 2 downstream_remote_address, 5 start_time.
fn common_properties(entry: &Entry<'_>) -> Vec<u8> {
    let mut socket = Vec::new();
    put_string(&mut socket, 2, entry.address);
    put_number(&mut socket, 3, u64::from(entry.port));
    let mut address = Vec::new();
    put_bytes(&mut address, 1, &socket);

    let mut time = Vec::new();
    put_number(&mut time, 1, entry.started_at / 1000);
    put_number(&mut time, 2, entry.started_at % 1000 * 1_000_000);

    let mut out = Vec::new();
    put_bytes(&mut out, 2, &address);
    put_bytes(&mut out, 5, &time);
    out
}

/// `HTTPAccessLogEntry.request`: 1 method, 3 authority, 5 path, 6 user agent, 9 request id.
fn request_properties(entry: &Entry<'_>) -> Vec<u8> {
    let mut inner = Vec::new();
    put_number(&mut inner, 1, method_number(entry.method));
    put_string(&mut inner, 3, entry.authority);
    put_string(&mut inner, 5, entry.path);
    put_string(&mut inner, 6, entry.user_agent);
    put_string(&mut inner, 9, entry.request_id);
    let mut out = Vec::new();
    put_bytes(&mut out, 3, &inner);
    out
}

/// `HTTPAccessLogEntry.response`: 1 response_code (UInt32Value); absent while there is none.
fn response_properties(entry: &Entry<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    if entry.status != 0 {
        let mut code = Vec::new();
        put_number(&mut code, 1, u64::from(entry.status));
        let mut inner = Vec::new();
        put_bytes(&mut inner, 1, &code);
        put_bytes(&mut out, 4, &inner);
    }
    out
}

/// `envoy.config.core.v3.RequestMethod`.
fn method_number(method: &str) -> u64 {
    match method {
        "GET" => 1,
        "HEAD" => 2,
        "POST" => 3,
        "PUT" => 4,
        "DELETE" => 5,
        "CONNECT" => 6,
        "OPTIONS" => 7,
        "TRACE" => 8,
        "PATCH" => 9,
        _ => 0,
    }
}

fn varint_len(mut value: usize) -> usize {
    let mut n = 1;
    while value >= 0x80 {
        value >>= 7;
        n += 1;
    }
    n
}

/// The size of a length-delimited field of `len` bytes.
fn field(number: usize, len: usize) -> usize {
    varint_len(number << 3) + varint_len(len) + len
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_tag(out: &mut Vec<u8>, number: u64, len: usize) {
    put_varint(out, number << 3 | 2);
    put_varint(out, len as u64);
}

fn put_bytes(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    put_tag(out, number, bytes.len());
    out.extend_from_slice(bytes);
}

fn put_string(out: &mut Vec<u8>, number: u64, text: &str) {
    if !text.is_empty() {
        put_bytes(out, number, text.as_bytes());
    }
}

fn put_number(out: &mut Vec<u8>, number: u64, value: u64) {
    if value != 0 {
        put_varint(out, number << 3);
        put_varint(out, value);
    }
}

/// A writer that reports a failed allocation instead of aborting the VM.
struct Fallible<'a>(&'a mut Vec<u8>);

impl io::Write for Fallible<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_reserve(bytes.len()).map_err(|_| io::ErrorKind::OutOfMemory)?;
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;

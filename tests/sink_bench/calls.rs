//! A connection, as a worker of an Envoy on another machine has it: gRPC over HTTP/2 (RFC 9113), with
//! one call at a time.
//!
//! Clients and sink share the processors here, and a library's clients take a fifth of what the sink
//! takes: so the few frames of a call are written and read by hand.

use crate::Fallible;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// RFC 9113 section 3.4, and settings that change nothing.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// What this end takes on the connection, beyond the usual 64 KiB: more than all answers have.
const TAKES: u32 = 1 << 30;
/// Bytes of a frame's head, and of a frame at most that nobody has agreed on otherwise.
const HEAD: usize = 9;
const FRAME: usize = 16_384;

// Frames' kinds and flags (RFC 9113 section 6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GO_AWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

pub(crate) struct Calls {
    stream: TcpStream,
    authority: String,
    /// Of the next call: odd numbers, one after the other.
    next: u32,
    /// What was read and is no whole frame yet.
    read: Vec<u8>,
    to_send: Vec<u8>,
}

impl Calls {
    pub(crate) async fn connect(address: &str) -> Fallible<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut to_send = PREFACE.to_vec();
        frame(&mut to_send, WINDOW_UPDATE, 0, 0, &TAKES.to_be_bytes())?;
        Ok(Self { stream, authority: address.to_owned(), next: 1, read: Vec::new(), to_send })
    }

    /// Sends a message as [`framed`] has it, and waits until it is acknowledged.
    pub(crate) async fn call(&mut self, message: &[u8]) -> Fallible<()> {
        let call = self.next;
        let head = self.head()?;
        self.next += 2;
        frame(&mut self.to_send, HEADERS, END_HEADERS, call, &head)?;
        let mut rest = message;
        while let Some((now, later)) = rest.split_at_checked(FRAME) {
            frame(&mut self.to_send, DATA, 0, call, now)?;
            rest = later;
        }
        frame(&mut self.to_send, DATA, END_STREAM, call, rest)?;
        let mut has_message = false;
        loop {
            if !self.to_send.is_empty() {
                self.stream.write_all(&self.to_send).await?;
                self.to_send.clear();
            }
            while let Some((kind, flags, stream, payload)) = first(&self.read) {
                let size = HEAD + payload.len();
                match kind {
                    SETTINGS if flags & ACK == 0 => {
                        frame(&mut self.to_send, SETTINGS, ACK, 0, b"")?
                    }
                    PING if flags & ACK == 0 => frame(&mut self.to_send, PING, ACK, 0, payload)?,
                    RESET | GO_AWAY => return Err("the sink ends the call".into()),
                    DATA if stream == call => has_message |= !payload.is_empty(),
                    _ => {}
                }
                let is_over = matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0;
                self.read.drain(..size);
                if is_over && stream == call {
                    // The sink says why it refuses in trailers alone.
                    return if has_message { Ok(()) } else { Err("the sink refuses".into()) };
                }
            }
            if self.to_send.is_empty() && self.stream.read_buf(&mut self.read).await? == 0 {
                return Err("the sink closes the connection".into());
            }
        }
    }

    /// A call's headers (RFC 7541): all that is said again is a number from the second call on.
    fn head(&self) -> Fallible<Vec<u8>> {
        // `:method: POST`, `:scheme: http`.
        let mut head = vec![0x83, 0x86];
        if self.next > 1 {
            // The newest entry of the table is 62.
            head.extend([0x80 | 65, 0x80 | 64, 0x80 | 63, 0x80 | 62]);
            return Ok(head);
        }
        let path = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs";
        let named: [(&[u8], &str); 4] = [
            (&[0x40 | 1], &self.authority),
            (&[0x40 | 4], path),
            (b"\x40\x02te", "trailers"),
            (&[0x40 | 31], "application/grpc"),
        ];
        for (name, value) in named {
            head.extend(name);
            head.push(u8::try_from(value.len()).ok().filter(|length| *length < 127).ok_or("long")?);
            head.extend(value.as_bytes());
        }
        Ok(head)
    }
}

/// Puts a frame behind others.
fn frame(to: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Fallible<()> {
    let [_, length @ ..] = u32::try_from(payload.len())?.to_be_bytes();
    to.extend(length);
    to.extend([kind, flags]);
    to.extend(stream.to_be_bytes());
    to.extend(payload);
    Ok(())
}

/// The first frame, if all of it is there: its kind, flags, stream and payload.
fn first(bytes: &[u8]) -> Option<(u8, u8, u32, &[u8])> {
    let ([a, b, c, kind, flags, stream @ ..], rest) = bytes.split_first_chunk::<HEAD>()?;
    let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
    Some((*kind, *flags, u32::from_be_bytes(*stream), rest.get(..length)?))
}

/// A message as gRPC sends it: not compressed, behind its length.
pub(crate) fn framed(message: &[u8]) -> Fallible<Vec<u8>> {
    let mut framed = vec![0];
    framed.extend(u32::try_from(message.len())?.to_be_bytes());
    framed.extend(message);
    Ok(framed)
}

//! Reads a request's body to its end, each piece logged as it arrives.
//!
//! A body that does not come to its end is logged exactly once as aborted, whether the HTTP
//! library reports it or simply drops the reader.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use super::log::{Chunk, Seen};
use super::server::{Witness, story};

/// The client broke its body off; the log has the reason.
pub(super) struct Aborted;

pub(super) async fn read(mut body: Incoming, witness: &Witness) -> Result<Bytes, Aborted> {
    let mut intake = Intake { witness, open: true };
    let mut whole = BytesMut::new();
    let announced = body.size_hint().exact();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => match frame.into_data() {
                Ok(data) => {
                    whole.extend_from_slice(&data);
                    witness.saw(Seen::RequestChunk(Chunk(data)));
                }
                Err(frame) => {
                    if let Some(trailers) = frame.trailers_ref() {
                        witness.saw(Seen::RequestTrailers { headers: readable(trailers) });
                    }
                }
            },
            // After an early answer hyper closes without a word on the body's end, come or not.
            Err(_) if announced == u64::try_from(whole.len()).ok() => break,
            Err(error) => {
                intake.close(Seen::RequestAborted { error: story(&error) });
                return Err(Aborted);
            }
        }
    }
    intake.close(Seen::RequestEnd);
    Ok(whole.freeze())
}

/// Headers as text, in their order.
pub(super) fn readable(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect()
}

struct Intake<'a> {
    witness: &'a Witness,
    open: bool,
}

impl Intake<'_> {
    fn close(&mut self, what: Seen) {
        self.open = false;
        self.witness.saw(what);
    }
}

impl Drop for Intake<'_> {
    fn drop(&mut self) {
        if self.open {
            let error = "the connection or stream ended first".to_owned();
            self.witness.saw(Seen::RequestAborted { error });
        }
    }
}

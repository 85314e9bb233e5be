//! Plays acts as a response body: writes, waits, ends or breaks off, each logged as it happens.
//!
//! The HTTP library pulls; between two writes the player steps aside once, so that the first is
//! flushed before the second exists. A player dropped before its last act is logged as a dropped
//! response; one whose acts are all done has ended, also if the library, counting bytes, never
//! came back to ask.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use tokio::sync::oneshot;

use super::log::{Chunk, Seen};
use super::server::Witness;
use super::step::Act;

/// An error discards what is not flushed (HTTP/2 also the frames that wait for their turn). The
/// runtime turns its timers when it has nothing else to do: by then all that was written is out.
const FLUSH: Duration = Duration::from_millis(5);

pub(super) struct Player {
    witness: Witness,
    acts: VecDeque<Act>,
    wrote: bool,
    over: bool,
    /// Tells whoever waits, by being dropped, that the response is over.
    told: Option<oneshot::Sender<()>>,
}

impl Player {
    pub(super) fn new(witness: Witness, acts: Vec<Act>) -> Self {
        Self { witness, acts: acts.into(), wrote: false, over: false, told: None }
    }

    /// Keeps a request body unread until the response is over and on its way: dropped any sooner,
    /// HTTP/2 resets the stream and the response with it.
    pub(super) fn keep_unread(&mut self, body: Incoming) {
        let (told, over) = oneshot::channel();
        self.told = Some(told);
        tokio::spawn(async move {
            let _ = over.await;
            tokio::time::sleep(FLUSH).await;
            drop(body);
        });
    }

    pub(super) fn into_body(self) -> UnsyncBoxBody<Bytes, io::Error> {
        let frames = stream::unfold(self, |mut player| async move {
            let frame = player.frame().await?;
            Some((frame, player))
        });
        StreamBody::new(frames).boxed_unsync()
    }

    /// Waits at a gate, outside or inside the body.
    pub(super) async fn pass(&self, name: &str) {
        self.witness.saw(Seen::GateReached { name: name.to_owned() });
        self.witness.shared.gates.pass(name).await;
        self.witness.saw(Seen::GatePassed { name: name.to_owned() });
    }

    /// The next frame. An act leaves the queue only when it is done: a player dropped at its last
    /// gate has not ended.
    async fn frame(&mut self) -> Option<Result<Frame<Bytes>, io::Error>> {
        loop {
            let Some(act) = self.acts.front().cloned() else {
                self.close(Seen::ResponseEnd);
                return None;
            };
            let frame = match act {
                Act::Write(bytes) => {
                    if self.wrote {
                        tokio::task::yield_now().await;
                    }
                    self.wrote = true;
                    self.witness.saw(Seen::ResponseChunk(Chunk(bytes.clone())));
                    Some(Ok(Frame::data(bytes)))
                }
                Act::Pause(time) => {
                    tokio::time::sleep(time).await;
                    None
                }
                Act::Gate(name) => {
                    self.pass(&name).await;
                    None
                }
                Act::Cut => {
                    tokio::time::sleep(FLUSH).await;
                    self.close(Seen::ResponseCut);
                    Some(Err(io::Error::new(io::ErrorKind::ConnectionAborted, "cut by the script")))
                }
                Act::Trailers(fields) => {
                    self.witness.saw(Seen::ResponseTrailers { headers: fields.clone() });
                    Some(Ok(Frame::trailers(map(fields))))
                }
            };
            self.acts.pop_front();
            if frame.is_some() {
                return frame;
            }
        }
    }

    fn close(&mut self, what: Seen) {
        if !self.over {
            self.over = true;
            self.witness.saw(what);
        }
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let done = self.acts.is_empty();
        self.close(if done { Seen::ResponseEnd } else { Seen::ResponseDropped });
    }
}

fn map(fields: Vec<(String, String)>) -> HeaderMap {
    let parsed = fields.into_iter().filter_map(|(name, value)| {
        Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
    });
    parsed.collect()
}

//! The scripted Claude: a stand-in for the Claude Messages API that plays scripts and remembers
//! everything it was sent.
//!
//! Requests enter over HTTP/1.1 or cleartext HTTP/2; each names its script in an `x-script` header
//! or in a `[[NAME]]` marker inside its prompt. What leaves is the script's stream (or the same
//! message as one JSON document) and, for the test, a log of [`Observation`]s in the order of their
//! happening. It checks no credentials, keeps no conversation and never judges what it received:
//! that is the test's part.
//!
//! On the wire: `server`, `answer`, `intake`, `player`. Scripts, free of I/O: `call` and `asked`
//! say which, `library` finds it, `fixture` and `message` hold its steps, `render` makes acts. What
//! no script says, a test says itself: `raw`.

mod answer;
mod asked;
mod assemble;
mod call;
mod coding;
mod control;
mod fixture;
mod gates;
mod gzip;
mod ids;
mod intake;
mod library;
mod log;
mod message;
mod models;
mod player;
mod problem;
mod raw;
mod received;
mod render;
mod server;
mod step;

pub use log::{Chunk, Observation, Overdue, Seen};
pub use raw::Raw;
pub use received::{Received, RequestBody};

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::oneshot;

use self::server::Shared;

/// A running server. It lives on a thread and runtime of its own, so that it serves blocking and
/// async tests alike; dropping it closes the port, opens every gate, lets responses under way
/// finish for a moment and joins the thread.
pub struct ScriptedClaude {
    addr: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ScriptedClaude {
    /// Binds `addr` (port 0 picks a free one) and serves it; the port accepts on return.
    pub fn start(addr: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(addr)?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::new(Shared::default());
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&shared);
        let thread = thread::Builder::new().name("scripted-claude".into()).spawn(move || {
            // A failure here is a listener the runtime refuses: the port closes and tests see it.
            let _ = runtime.block_on(server::serve(listener, served, stopped));
        })?;
        Ok(Self { addr, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://ADDR`, as `ANTHROPIC_BASE_URL` wants it.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Everything seen so far, oldest first.
    pub fn observed(&self) -> Vec<Observation> {
        self.shared.log.look(<[Observation]>::to_vec)
    }

    /// Everything seen so far, one entry a request.
    pub fn received(&self) -> Vec<Received> {
        self.shared.log.look(received::gather)
    }

    /// Forgets what was seen. Numbers of requests and connections run on.
    pub fn reset(&self) {
        self.shared.log.clear();
    }

    /// What every request is answered with from now on, whatever script it names, once it was read
    /// to its end; `None`: by its script again.
    pub fn answer_with(&self, raw: Option<Raw>) {
        self.shared.set_raw(raw);
    }

    /// The first observation, past or coming, for which `wanted` holds.
    pub async fn wait_for(
        &self,
        limit: Duration,
        mut wanted: impl FnMut(&Observation) -> bool,
    ) -> Result<Observation, Overdue> {
        self.wait_until(limit, |seen| seen.iter().find(|one| wanted(one)).cloned()).await
    }

    /// Calls `look` on all observations, now and after each new one, until it returns a value.
    /// Runs on the caller's tokio runtime, which needs its timer enabled.
    pub async fn wait_until<T>(
        &self,
        limit: Duration,
        look: impl FnMut(&[Observation]) -> Option<T>,
    ) -> Result<T, Overdue> {
        self.shared.log.wait_until(limit, look).await
    }

    /// Lets one response past the gate `name`: the longest waiting, else the next to arrive.
    pub fn release(&self, name: &str) {
        self.shared.gates.release(name);
    }

    /// Lets every response past the gate `name`, now and from now on.
    pub fn open(&self, name: &str) {
        self.shared.gates.open(name);
    }
}

impl Drop for ScriptedClaude {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_gate_holds_a_response_until_it_is_released() {
        let server = ScriptedClaude::start(([127, 0, 0, 1], 0).into()).unwrap();
        let mut client = TcpStream::connect(server.addr()).await.unwrap();
        let body = r#"{"stream":true,"messages":[{"role":"user","content":"[[stall]]"}]}"#;
        let length = body.len();
        let head =
            format!("POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
        client.write_all(format!("{head}{body}").as_bytes()).await.unwrap();

        let gate = server.wait_for(LIMIT, |one| one.at_gate("stall")).await.unwrap();
        let ended = |one: &Observation| matches!(one.what, Seen::ResponseEnd);
        assert!(!server.observed().iter().any(ended));
        server.release("stall");
        let end = server.wait_for(LIMIT, ended).await.unwrap();
        assert!(gate.seq < end.seq && gate.at_us <= end.at_us);

        let received = server.received();
        assert_eq!(received.len(), 1);
        assert_eq!(received[0].body, body.as_bytes());
        assert_eq!(received[0].state, RequestBody::Complete);

        let addr = server.addr();
        drop(server);
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("\r\n0\r\n\r\n"), "the response is whole: {answer}");
        assert!(TcpStream::connect(addr).await.is_err(), "the port is closed");
    }

    #[tokio::test]
    async fn a_wait_in_vain_tells_what_was_seen() {
        let server = ScriptedClaude::start(([127, 0, 0, 1], 0).into()).unwrap();
        let _client = TcpStream::connect(server.addr()).await.unwrap();
        let accepted = |one: &Observation| matches!(one.what, Seen::ConnectionAccepted { .. });
        server.wait_for(LIMIT, accepted).await.unwrap();
        let overdue = server.wait_for(Duration::ZERO, |one| one.at_gate("none")).await.unwrap_err();
        assert!(overdue.to_string().contains("ConnectionAccepted"), "{overdue}");
    }
}

//! The network: a relay between Envoy and what it calls, which stops, delays or cuts bytes as the
//! test says.
//!
//! It passes bytes and knows no protocol. The one thing it looks for is a text within what the
//! caller sends (the name of a part, in its JSON), so that a fault can strike while that part is
//! on its way. Its port stays reserved while it listens to nobody: whoever connects then is
//! refused, as by a host on which nothing runs.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What becomes of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Pass,
    /// Each piece arrives so much later.
    Late(Duration),
    /// Nothing passes in either direction; connections stay.
    Stop,
    /// What the caller sends passes, what it is answered does not.
    StopAnswers,
    /// Passes until the caller sends this text; then `Stop`, before the text.
    StopAt(&'static str),
    /// Passes until the caller sends this text; then `StopAnswers`.
    StopAnswersAt(&'static str),
}

#[derive(Clone, Copy, Debug)]
struct State {
    target: SocketAddr,
    way: Way,
    /// Connections of an earlier age are cut.
    age: u64,
}

pub(crate) struct Relay {
    addr: SocketAddr,
    state: Arc<watch::Sender<State>>,
    listening: Mutex<Option<JoinHandle<()>>>,
    _reserved: TcpSocket,
}

impl Relay {
    pub(crate) fn start(target: SocketAddr) -> Self {
        let reserved = socket(([127, 0, 0, 1], 0).into());
        let addr = reserved.local_addr().unwrap();
        let state = Arc::new(watch::Sender::new(State { target, way: Way::Pass, age: 0 }));
        let relay = Self { addr, state, listening: Mutex::default(), _reserved: reserved };
        relay.listen();
        relay
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn set(&self, way: Way) {
        self.state.send_modify(|state| state.way = way);
    }

    /// Where new connections lead.
    pub(crate) fn lead_to(&self, target: SocketAddr) {
        self.state.send_modify(|state| state.target = target);
    }

    /// Waits until the text of `StopAt` or `StopAnswersAt` was sent.
    pub(crate) async fn caught(&self) {
        let mut state = self.state.subscribe();
        let caught = state.wait_for(|now| matches!(now.way, Way::Stop | Way::StopAnswers));
        caught.await.unwrap();
    }

    /// Resets every connection; what they held is lost.
    pub(crate) fn cut(&self) {
        self.state.send_modify(|state| state.age += 1);
    }

    /// Refuses new connections from now on.
    pub(crate) fn refuse(&self) {
        if let Some(task) = self.listening.lock().unwrap().take() {
            task.abort();
        }
    }

    pub(crate) fn listen(&self) {
        let listener = socket(self.addr).listen(1024).unwrap();
        let task = tokio::spawn(accept(listener, Arc::clone(&self.state)));
        if let Some(before) = self.listening.lock().unwrap().replace(task) {
            before.abort();
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.refuse();
        self.cut();
    }
}

fn socket(addr: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseport(true).unwrap();
    socket.bind(addr).unwrap();
    socket
}

async fn accept(listener: TcpListener, state: Arc<watch::Sender<State>>) {
    while let Ok((caller, _)) = listener.accept().await {
        tokio::spawn(connection(caller, Arc::clone(&state)));
    }
}

async fn connection(mut caller: TcpStream, state: Arc<watch::Sender<State>>) {
    let State { target, age, .. } = *state.borrow();
    let Ok(mut called) = TcpStream::connect(target).await else { return };
    let _faster = (caller.set_nodelay(true), called.set_nodelay(true));
    let mut life = state.subscribe();
    let is_cut = {
        let (from_caller, to_caller) = caller.split();
        let (from_called, to_called) = called.split();
        let out = async {
            pump(from_caller, to_called, true, &state).await;
            // The caller has ended; what it sent last still has to be taken, and may be answered.
            std::future::pending().await
        };
        let back = pump(from_called, to_caller, false, &state);
        tokio::select! {
            biased;
            _ = life.wait_for(|now| now.age != age) => true,
            () = out => false,
            () = back => false,
        }
    };
    if is_cut {
        // A reset, not an end.
        let _gone_already = (caller.set_zero_linger(), called.set_zero_linger());
    }
}

/// Carries bytes until one side ends; tells the other.
async fn pump(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    outward: bool,
    state: &watch::Sender<State>,
) {
    let mut seen = state.subscribe();
    let mut tail = Vec::new();
    let mut buffer = vec![0; 16 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let piece = &buffer[..length];
        if outward {
            tail.extend_from_slice(piece);
            state.send_if_modified(|state| look(state, &tail));
            tail.drain(..tail.len().saturating_sub(64));
        }
        let stops = |way: Way| way == Way::Stop || way == Way::StopAnswers && !outward;
        let Ok(way) = seen.wait_for(|now| !stops(now.way)).await.map(|now| now.way) else { return };
        if let Way::Late(by) = way {
            tokio::time::sleep(by).await;
        }
        if to.write_all(piece).await.is_err() {
            return;
        }
    }
    let _gone_already = to.shutdown().await;
}

/// Changes the way when the text is there.
fn look(state: &mut State, sent: &[u8]) -> bool {
    let holds = |text: &str| sent.windows(text.len()).any(|window| window == text.as_bytes());
    let next = match state.way {
        Way::StopAt(text) if holds(text) => Way::Stop,
        Way::StopAnswersAt(text) if holds(text) => Way::StopAnswers,
        _ => return false,
    };
    state.way = next;
    true
}

//! The listening side: accepts connections, speaks HTTP/1.1 or prior-knowledge HTTP/2 on each, and
//! hands every request to `answer`.
//!
//! It ends when told to: the port closes first, gates open, idle connections close at once and
//! busy ones get a moment to finish; what is left dies with the runtime.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::answer;
use super::gates::Gates;
use super::log::{Log, Seen};
use super::raw::Raw;

/// How long responses under way may take to finish once the server is told to stop.
const GRACE: Duration = Duration::from_millis(500);

/// How long to leave a listener alone that cannot accept, for want of file descriptors say.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// What connections, the control endpoints and the test's handle have in common.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) log: Log,
    pub(super) gates: Gates,
    raw: Mutex<Option<Raw>>,
    connections: AtomicU64,
    requests: AtomicU64,
}

impl Shared {
    /// The answer that stands in for every script's.
    pub(super) fn raw(&self) -> Option<Raw> {
        self.raw.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_raw(&self, raw: Option<Raw>) {
        *self.raw.lock().unwrap_or_else(PoisonError::into_inner) = raw;
    }
}

/// The log, seen from one connection or request.
#[derive(Clone)]
pub(super) struct Witness {
    pub(super) shared: Arc<Shared>,
    pub(super) connection: u64,
    pub(super) request: Option<u64>,
}

impl Witness {
    pub(super) fn saw(&self, what: Seen) {
        self.shared.log.add(self.connection, self.request, what);
    }

    /// The witness of this connection's next request, with the request's number.
    pub(super) fn next_request(&self) -> (Self, u64) {
        let number = self.shared.requests.fetch_add(1, Ordering::Relaxed) + 1;
        (Self { request: Some(number), ..self.clone() }, number)
    }
}

pub(super) async fn serve(
    listener: std::net::TcpListener,
    shared: Arc<Shared>,
    mut stop: oneshot::Receiver<()>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let graceful = GracefulShutdown::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, peer)) => {
                    let shared = Arc::clone(&shared);
                    tokio::spawn(connection(socket, peer, shared, graceful.watcher()));
                }
                Err(_) => tokio::time::sleep(ACCEPT_REST).await,
            },
            _ = &mut stop => break,
        }
    }
    drop(listener);
    shared.gates.open_all();
    let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
    Ok(())
}

async fn connection(socket: TcpStream, peer: SocketAddr, shared: Arc<Shared>, watcher: Watcher) {
    let connection = shared.connections.fetch_add(1, Ordering::Relaxed) + 1;
    let witness = Witness { shared, connection, request: None };
    witness.saw(Seen::ConnectionAccepted { peer: peer.to_string() });
    // Scripts time their writes: none may wait for the acknowledgement of the one before.
    let _ = socket.set_nodelay(true);
    let requests = witness.clone();
    let service = service_fn(move |request| {
        let witness = requests.clone();
        async move { Ok::<_, std::convert::Infallible>(answer::answer(witness, request).await) }
    });
    let builder = Builder::new(TokioExecutor::new());
    let served = builder.serve_connection(TokioIo::new(socket), service).into_owned();
    let error = watcher.watch(served).await.err().map(|error| story(error.as_ref()));
    witness.saw(Seen::ConnectionClosed { error });
}

/// An error with all its causes.
pub(super) fn story(error: &(dyn Error + 'static)) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told.push_str(": ");
        told.push_str(&error.to_string());
        cause = error.source();
    }
    told
}

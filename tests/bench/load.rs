//! The clients: each sends its next request when it has the whole answer to the one before.
//!
//! Nothing in it is random. Every answer is checked: its status, and that not a byte is missing.

use crate::cell::Cell;
use crate::payload::Exchange;
use crate::steps::Steps;
use crate::upstream::{CASE, CLIENT};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use std::fmt::Display;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// How long the last answers may take. Without a bound, an exchange that hangs hangs the run.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Requests of one connection that name the same session.
const SESSION: u64 = 50;

/// What the clients send, and what they want back.
pub(crate) struct Traffic {
    pub(crate) cell: Cell,
    request: Bytes,
    answer_len: usize,
    token: String,
    steps: Steps,
}

impl Traffic {
    pub(crate) fn new(cell: Cell, token: &str, steps: &Steps) -> Self {
        let Exchange { request, answer } = Exchange::of(cell.case);
        Self {
            cell,
            request,
            answer_len: answer.len(),
            token: format!("Bearer {token}"),
            steps: steps.clone(),
        }
    }
}

/// One exchange, as its client saw it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// To the first byte of the body.
    pub(crate) first: Duration,
    /// To the last.
    pub(crate) whole: Duration,
}

/// Open connections to one Envoy.
pub(crate) struct Clients {
    traffic: Rc<Traffic>,
    clients: Vec<Client>,
}

struct Client {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    /// Of the slice: no session spans two.
    slice: u64,
    number: usize,
    sent: u64,
}

impl Clients {
    /// Connects. To be called, as everything here, within a `LocalSet`.
    pub(crate) async fn connect(
        to: SocketAddr,
        traffic: &Rc<Traffic>,
        slice: u64,
    ) -> Result<Self, String> {
        let mut clients = Vec::new();
        for number in 0..traffic.cell.connections {
            let socket = TcpStream::connect(to).await.map_err(told)?;
            socket.set_nodelay(true).map_err(told)?;
            let (sender, connection) = handshake(TokioIo::new(socket)).await.map_err(told)?;
            // Its end shows in the next request.
            tokio::task::spawn_local(async move { connection.await.is_ok() });
            clients.push(Client { sender, host: to.to_string(), slice, number, sent: 0 });
        }
        Ok(Self { traffic: Rc::clone(traffic), clients })
    }

    /// Sends requests for this long; what is under way then is finished. All exchanges, in no
    /// order.
    pub(crate) async fn run(&mut self, time: Duration) -> Result<Vec<Seen>, String> {
        let until = Instant::now() + time;
        let mut running = JoinSet::new();
        for mut client in self.clients.drain(..) {
            let traffic = Rc::clone(&self.traffic);
            running.spawn_local(async move {
                let mut seen = Vec::new();
                while Instant::now() < until {
                    seen.push(client.exchange(&traffic).await?);
                }
                Ok::<_, String>((client, seen))
            });
        }
        let mut all = Vec::new();
        let last = until + ANSWER_WITHIN;
        let late = |_| format!("no answer within {} seconds", ANSWER_WITHIN.as_secs());
        while let Some(joined) = timeout_at(last, running.join_next()).await.map_err(late)? {
            let (client, seen) = joined.map_err(told)??;
            self.clients.push(client);
            all.extend(seen);
        }
        Ok(all)
    }
}

impl Client {
    async fn exchange(&mut self, traffic: &Traffic) -> Result<Seen, String> {
        let session = format!("bench-{}-{}-{}", self.slice, self.number, self.sent / SESSION);
        self.sent += 1;
        let request = Request::post("/v1/messages")
            .header(header::HOST, &self.host)
            .header(header::AUTHORIZATION, &traffic.token)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, "hansard-bench")
            .header("anthropic-version", "2023-06-01")
            .header("x-claude-code-session-id", session)
            .header(CASE, traffic.cell.case.name())
            .header(CLIENT, self.number)
            .body(Full::new(traffic.request.clone()))
            .map_err(told)?;
        traffic.steps.begin(self.number);
        let start = Instant::now();
        self.sender.ready().await.map_err(told)?;
        let mut answer = self.sender.send_request(request).await.map_err(told)?;
        let status = answer.status();
        let mut first = None;
        let mut len = 0;
        while let Some(frame) = answer.body_mut().frame().await {
            if let Ok(data) = frame.map_err(told)?.into_data() {
                first.get_or_insert_with(|| start.elapsed());
                len += data.len();
                traffic.steps.arrived(self.number, data.len());
            }
        }
        let whole = start.elapsed();
        if status != StatusCode::OK || len != traffic.answer_len {
            let expected = traffic.answer_len;
            return Err(format!("status {status}, {len} bytes; expected 200, {expected} bytes"));
        }
        Ok(Seen { first: first.unwrap_or(whole), whole })
    }
}

fn told(error: impl Display) -> String {
    error.to_string()
}

//! A client that sees what it gets: every chunk as it comes, over HTTP/1.1 or HTTP/2, and whether
//! the response ended cleanly.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Body, Frame, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// Any failed step of a client, in words.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// Which protocol a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Http {
    One,
    Two,
}

/// Talks to one gateway.
#[derive(Clone, Debug)]
pub struct Client {
    addr: SocketAddr,
    token: Option<String>,
    http: Http,
    headers: Vec<(String, String)>,
}

/// A response that is over.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub trailers: Option<HeaderMap>,
    /// The body ended as HTTP says that it ends.
    pub clean: bool,
}

/// A response that is under way.
pub struct Running {
    seen: watch::Receiver<Seen>,
    task: tokio::task::JoinHandle<Result<Answer, Error>>,
}

/// A second pair of eyes on a response that is under way.
pub struct Beside(watch::Receiver<Seen>);

#[derive(Clone, Debug, Default)]
struct Seen {
    status: Option<StatusCode>,
    body: Vec<u8>,
}

impl Client {
    pub fn new(addr: SocketAddr, token: Option<&str>) -> Self {
        Self { addr, token: token.map(str::to_owned), http: Http::One, headers: Vec::new() }
    }

    pub fn over(mut self, http: Http) -> Self {
        self.http = http;
        self
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Which script the upstream plays.
    pub fn script(self, script: &str) -> Self {
        self.with("x-script", script)
    }

    /// Sends a Messages request and waits for the whole response.
    pub async fn message(&self, body: &Value) -> Result<Answer, Error> {
        self.send(Method::POST, "/v1/messages", body.to_string().into()).await
    }

    /// Sends any request and waits for the whole response; the time is a guard against a hang.
    pub async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Answer, Error> {
        let running = self.begin(method, path, body);
        tokio::time::timeout(Duration::from_secs(180), running.whole()).await?
    }

    /// Sends a request; the response can be looked at while it comes.
    pub fn begin(&self, method: Method, path: &str, body: Bytes) -> Running {
        self.begin_with(method, path, Full::new(body))
    }

    /// Sends a request with a body in chunks, and trailers after it.
    pub fn begin_chunked(
        &self,
        path: &str,
        chunks: Vec<Bytes>,
        trailers: Option<HeaderMap>,
    ) -> Running {
        let frames = chunks.into_iter().map(Frame::data).chain(trailers.map(Frame::trailers));
        let frames: Vec<Result<_, std::convert::Infallible>> = frames.map(Ok).collect();
        let body = StreamBody::new(futures_util::stream::iter(frames));
        self.begin_with(Method::POST, path, body)
    }

    fn begin_with<B>(&self, method: Method, path: &str, body: B) -> Running
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Error> + Send + Sync,
    {
        let mut request = Request::builder().method(method);
        request = match self.http {
            Http::One => request.uri(path).header("host", "gateway.test"),
            Http::Two => request.uri(format!("http://gateway.test{path}")),
        };
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let (seen, watching) = watch::channel(Seen::default());
        let (addr, http) = (self.addr, self.http);
        let request = request.body(body).map_err(Error::from);
        let task = tokio::spawn(async move {
            let io = TokioIo::new(tokio::net::TcpStream::connect(addr).await?);
            let response = match http {
                Http::One => {
                    let (mut sender, connection) =
                        hyper::client::conn::http1::handshake(io).await?;
                    tokio::spawn(connection);
                    sender.send_request(request?).await?
                }
                Http::Two => {
                    let (mut sender, connection) =
                        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await?;
                    tokio::spawn(connection);
                    sender.send_request(request?).await?
                }
            };
            collect(response, http, &seen).await
        });
        Running { seen: watching, task }
    }

    /// One GET without anything, for Envoy's admin interface.
    pub fn get(addr: SocketAddr, path: &str) -> String {
        Self::ask(addr, "GET", path)
    }

    /// The same with POST.
    pub fn post(addr: SocketAddr, path: &str) -> String {
        Self::ask(addr, "POST", path)
    }

    fn ask(addr: SocketAddr, method: &str, path: &str) -> String {
        let text = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(addr)?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            write!(stream, "{method} {path} HTTP/1.1\r\nhost: x\r\n")?;
            write!(stream, "content-length: 0\r\nconnection: close\r\n\r\n")?;
            let mut text = String::new();
            stream.read_to_string(&mut text)?;
            Ok(text)
        };
        text().unwrap_or_default()
    }
}

async fn collect(
    response: http::Response<Incoming>,
    http: Http,
    seen: &watch::Sender<Seen>,
) -> Result<Answer, Error> {
    let (head, mut body) = response.into_parts();
    seen.send_modify(|seen| seen.status = Some(head.status));
    let mut trailers = None;
    let mut clean = true;
    while let Some(frame) = body.frame().await {
        match frame.map(Frame::into_data) {
            Ok(Ok(data)) => seen.send_modify(|seen| seen.body.extend_from_slice(&data)),
            Ok(Err(frame)) => trailers = frame.into_trailers().ok(),
            Err(_) => {
                clean = false;
                break;
            }
        }
    }
    // hyper reports some resets of HTTP/2 as an end; the end-of-stream flag does not lie.
    clean &= http == Http::One || trailers.is_some() || body.is_end_stream();
    let bytes = seen.borrow().body.clone();
    Ok(Answer { status: head.status, headers: head.headers, body: bytes, trailers, clean })
}

/// Ends a client that nobody waits for.
struct Leave(AbortHandle);

impl Drop for Leave {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Running {
    /// Waits until the body so far satisfies a condition; the body so far.
    pub async fn until(&mut self, holds: impl Fn(&str) -> bool) -> Result<String, Error> {
        let text = |seen: &Seen| String::from_utf8_lossy(&seen.body).into_owned();
        let wait = self.seen.wait_for(|seen| holds(&text(seen)));
        match tokio::time::timeout(Duration::from_secs(20), wait).await {
            Ok(Ok(seen)) => return Ok(text(&seen)),
            Ok(Err(_)) => {}
            Err(late) => return Err(late.into()),
        }
        Err(format!("the response ended first: {:?}", (&mut self.task).await?).into())
    }

    /// For a task that looks on while another waits.
    pub fn beside(&self) -> Beside {
        Beside(self.seen.clone())
    }

    /// What came so far.
    pub fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.seen.borrow().body).into_owned()
    }

    /// The status, once it came.
    pub fn status(&self) -> Option<StatusCode> {
        self.seen.borrow().status
    }

    /// Waits for the end. Whoever stops waiting goes away.
    pub async fn whole(self) -> Result<Answer, Error> {
        let _leaves_when_dropped = Leave(self.task.abort_handle());
        self.task.await?
    }

    /// Goes away in the middle.
    pub fn abandon(self) {
        self.task.abort();
    }
}

impl Beside {
    /// Waits until the body so far satisfies a condition; false when the response ends without.
    pub async fn until(&mut self, holds: impl Fn(&str) -> bool) -> bool {
        let text = |seen: &Seen| String::from_utf8_lossy(&seen.body).into_owned();
        self.0.wait_for(|seen| holds(&text(seen))).await.is_ok()
    }

    /// What came so far.
    pub fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.0.borrow().body).into_owned()
    }
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

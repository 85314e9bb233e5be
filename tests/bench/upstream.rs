//! Claude's place: canned answers, at the least cost, on a thread of its own.
//!
//! Each event of a stream is written when its client has the one before (`steps`); the last two go
//! together, because a recorder keeps the very last until it has seen the end.

use crate::cell::Case;
use crate::payload::{Answer, Exchange};
use crate::steps::{Follow, Steps};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper::{Request, Response, header};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::net::{TcpListener, TcpStream};

/// The header that names the case; the body is not looked at.
pub(crate) const CASE: &str = "x-bench-case";
/// The header that numbers the client.
pub(crate) const CLIENT: &str = "x-bench-client";

struct Answers {
    small: Answer,
    large: Answer,
    steps: Steps,
}

/// Starts it; it ends with the process.
pub(crate) fn start(steps: &Steps) -> io::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answers = Arc::new(Answers {
        small: Exchange::of(Case::Small).answer,
        large: Exchange::of(Case::Large).answer,
        steps: steps.clone(),
    });
    std::thread::Builder::new()
        .name("upstream".to_owned())
        .spawn(move || runtime.block_on(serve(listener, answers)))?;
    Ok(address)
}

async fn serve(listener: std::net::TcpListener, answers: Arc<Answers>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(connection(socket, Arc::clone(&answers)));
    }
}

async fn connection(socket: TcpStream, answers: Arc<Answers>) {
    let _ = socket.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| answer(request, answers.clone()));
    // A connection that breaks is the client's to report.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(socket), service)
        .await;
}

async fn answer(
    mut request: Request<Incoming>,
    answers: Arc<Answers>,
) -> Result<Response<Canned>, Infallible> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let large = header(CASE) == Some(Case::Large.name());
    let client = header(CLIENT).and_then(|number| number.parse().ok()).unwrap_or(usize::MAX);
    while let Some(Ok(_)) = request.body_mut().frame().await {}
    let answer = if large { answers.large.clone() } else { answers.small.clone() };
    let kind = match &answer {
        Answer::Json(_) => "application/json",
        Answer::Events(_) => "text/event-stream; charset=utf-8",
    };
    let follow = answers.steps.follow(client);
    let mut response = Response::new(Canned { answer, frames: 0, bytes: 0, follow });
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    headers.insert("request-id", header::HeaderValue::from_static("req_bench"));
    Ok(response)
}

/// A body on its way out.
struct Canned {
    answer: Answer,
    /// Handed out so far.
    frames: usize,
    bytes: usize,
    follow: Follow,
}

impl Body for Canned {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        let next = match &this.answer {
            Answer::Json(body) => (this.frames == 0).then(|| body.clone()),
            Answer::Events(events) => {
                // While a body has nothing for now, the server writes out what it has.
                if this.frames + 1 < events.len() {
                    ready!(this.follow.poll(this.bytes, context));
                }
                events.get(this.frames).cloned()
            }
        };
        this.follow.sent();
        this.frames += 1;
        this.bytes += next.as_ref().map_or(0, Bytes::len);
        Poll::Ready(next.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.answer {
            Answer::Json(body) => SizeHint::with_exact(body.len() as u64),
            Answer::Events(_) => SizeHint::default(),
        }
    }
}

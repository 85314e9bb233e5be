//! The real sink, and its clients.
//!
//! A client stands for a worker of an Envoy on another machine. It speaks gRPC's own frames over HTTP/2
//! itself, so that of the processors that both share here it takes as little as it can.

use crate::Fallible;
use bytes::{BufMut, Bytes, BytesMut};
use h2::client::{self, SendRequest};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tokio::net::TcpStream;

/// More than a call or a connection ever has on its way.
const WINDOW: u32 = 1 << 20;

pub(crate) struct Sink {
    child: Child,
    address: String,
}

impl Sink {
    pub(crate) fn start(hansard: &Path, data: &Path) -> Fallible<Self> {
        let mut child = Command::new(hansard)
            .args(["--log", "warn", "sink", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()?;
        let out = child.stdout.take().ok_or("the sink says nothing")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let address = line
            .split([' ', ','])
            .find(|word| word.starts_with("127.0.0.1:"))
            .ok_or("the sink did not start")?
            .to_owned();
        Ok(Self { child, address })
    }

    /// Seconds that its processors worked for it so far (proc(5), in ticks of 10 ms).
    pub(crate) fn worked(&self) -> Fallible<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields = stat.rsplit(')').next().unwrap_or_default().split(' ');
        // utime and stime, counted from behind the name.
        let ticks = fields.skip(12).take(2).map(str::parse::<u64>);
        Ok(ticks.sum::<Result<u64, _>>()? as f64 / 100.0)
    }

    pub(crate) async fn connect(&self) -> Fallible<Calls> {
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        let (requests, connection) = client::Builder::new()
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .handshake(stream)
            .await?;
        tokio::spawn(connection);
        Ok(Calls { requests, authority: self.address.clone() })
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection.
pub(crate) struct Calls {
    requests: SendRequest<Bytes>,
    authority: String,
}

impl Calls {
    /// Sends a message as [`framed`] has it, and waits until it is acknowledged.
    pub(crate) async fn call(&mut self, message: Bytes) -> Fallible<()> {
        let request = http::Request::post(format!(
            "http://{}/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs",
            self.authority
        ));
        let request = request
            .version(http::Version::HTTP_2)
            .header("te", "trailers")
            .header("content-type", "application/grpc")
            .body(())?;
        futures_util::future::poll_fn(|context| self.requests.poll_ready(context)).await?;
        let (answer, mut sending) = self.requests.send_request(request, false)?;
        sending.send_data(message, true)?;
        let answer = answer.await?;
        let (head, mut body) = answer.into_parts();
        while let Some(data) = body.data().await {
            body.flow_control().release_capacity(data?.len())?;
        }
        // An answer without a message says it with its head.
        let trailers = body.trailers().await?.unwrap_or(head.headers);
        match trailers.get("grpc-status") {
            Some(status) if status == "0" => Ok(()),
            _ => Err(format!("the sink refuses: {trailers:?}").into()),
        }
    }
}

/// A message as gRPC sends it: not compressed, behind its length.
pub(crate) fn framed(message: &[u8]) -> Fallible<Bytes> {
    let mut framed = BytesMut::with_capacity(message.len() + 5);
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len())?);
    framed.put_slice(message);
    Ok(framed.freeze())
}

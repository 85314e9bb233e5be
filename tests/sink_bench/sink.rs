//! The real sink.

use crate::Fallible;
use bytes::{Buf, BufMut, Bytes};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tonic::Status;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};

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
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address))?;
        Ok(Calls { grpc: Grpc::new(endpoint.connect().await?) })
    }
}

/// A connection.
pub(crate) struct Calls {
    pub(crate) grpc: Grpc<Channel>,
}

/// Messages that are encoded already.
#[derive(Clone, Copy)]
pub(crate) struct Encoded;

impl Codec for Encoded {
    type Encode = Bytes;
    type Decode = ();
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Encoded {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(message);
        Ok(())
    }
}

impl Decoder for Encoded {
    type Item = ();
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<()>, Status> {
        from.advance(from.remaining());
        Ok(Some(()))
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

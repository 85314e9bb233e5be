//! The real sink.

use crate::Fallible;
use envoy_types::pb::envoy::service::accesslog::v3::access_log_service_client::AccessLogServiceClient;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tonic::transport::Channel;

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

    pub(crate) async fn connect(&self) -> Fallible<AccessLogServiceClient<Channel>> {
        Ok(AccessLogServiceClient::connect(format!("http://{}", self.address)).await?)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

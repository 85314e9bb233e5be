//! One Envoy, with one worker thread, so that CPU per request compares.

use crate::problem::Problem;
use crate::process::Process;
use crate::variant::Variant;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

const READY_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);
const LARGEST_ANSWER: usize = 1 << 20;

/// A started Envoy, which may not be ready.
pub(crate) struct Starting {
    variant: Variant,
    process: Process,
    admin: PathBuf,
    log: PathBuf,
}

/// A ready Envoy.
pub(crate) struct Envoy {
    pub(crate) variant: Variant,
    pub(crate) pid: u32,
    /// Where clients call it.
    pub(crate) address: SocketAddr,
    /// As `1.40.0`.
    pub(crate) version: String,
    _running: Process,
}

impl Starting {
    /// Starts it in `folder`. To be called on a thread that lives as long as Envoy shall: Envoy
    /// asks the kernel for SIGTERM when the thread that started it ends.
    pub(crate) fn start(
        program: &Path,
        folder: &Path,
        variant: Variant,
        config: &Value,
    ) -> Result<Self, Problem> {
        let file = |kind: &str| folder.join(format!("{}.{kind}", variant.name()));
        let (path, admin, log) = (file("json"), file("admin"), file("log"));
        std::fs::write(&path, config.to_string())
            .map_err(|source| Problem::File { path: path.clone(), source })?;
        let mut command = Command::new(program);
        command.arg("-c").arg(&path).arg("--admin-address-path").arg(&admin).args([
            "--disable-hot-restart",
            "--concurrency",
            "1",
            "--log-level",
            "warning",
        ]);
        command.env("HANSARD_REDACT_KEY", "a key for benchmarks");
        let process = Process::start(command, Some(&log))?;
        Ok(Self { variant, process, admin, log })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Waits until it takes requests.
    pub(crate) async fn ready(mut self) -> Result<Envoy, Problem> {
        let deadline = Instant::now() + READY_WITHIN;
        while Instant::now() < deadline && !self.process.has_ended() {
            let asked = timeout(READY_WITHIN, ask(&self.admin)).await;
            if let Ok(Some((address, version))) = asked {
                let Self { variant, process, .. } = self;
                let pid = process.pid();
                return Ok(Envoy { variant, pid, address, version, _running: process });
            }
            sleep(LOOK_EVERY).await;
        }
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let mut lines: Vec<_> = text.lines().collect();
        let tail = lines.split_off(lines.len().saturating_sub(5)).join("\n");
        Err(Problem::Envoy { variant: self.variant.name(), tail })
    }
}

/// Where it listens, and its version, once it is ready.
async fn ask(admin: &Path) -> Option<(SocketAddr, String)> {
    let admin = std::fs::read_to_string(admin).ok()?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let get = |path: &str| get(client.clone(), format!("http://{}{path}", admin.trim()));
    get("/ready").await?;
    let listeners: Value = serde_json::from_slice(&get("/listeners?format=json").await?).ok()?;
    let port = listeners.pointer("/listener_statuses/0/local_address/socket_address/port_value");
    let port = u16::try_from(port?.as_u64()?).ok()?;
    let info: Value = serde_json::from_slice(&get("/server_info").await?).ok()?;
    let version = info.get("version")?.as_str()?.split('/').nth(1)?.to_owned();
    Some((SocketAddr::from((Ipv4Addr::LOCALHOST, port)), version))
}

async fn get(client: Client<HttpConnector, Empty<&'static [u8]>>, url: String) -> Option<Vec<u8>> {
    let answer = client.get(url.parse().ok()?).await.ok()?;
    if !answer.status().is_success() {
        return None;
    }
    let body = Limited::new(answer.into_body(), LARGEST_ANSWER).collect().await.ok()?;
    Some(body.to_bytes().to_vec())
}

//! The gateway as its users meet it: a real Envoy, the real filter, real clients.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod bypass;
mod bypassed;
mod ends;
mod exports;
mod folded;
mod keys;
mod killed;
mod large;
mod outside;
mod promises;
mod redaction;
mod refusals;
mod setup;
mod sinks;
mod tidy;
mod wire;

use hansard_tests::client::Http;
use hansard_tests::gateway::{Gateway, Options, envoys};
use hansard_tests::scripted::ScriptedClaude;
use hansard_tests::sink::{ControlledSink, Mode};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;

/// A gateway between a scripted Claude and a sink under control.
struct Bench {
    claude: ScriptedClaude,
    sink: ControlledSink,
    gateway: Gateway,
}

impl Bench {
    async fn new(envoy: &Path, policy: Option<&str>) -> Self {
        Self::start(envoy, policy, 1).await
    }

    async fn with_workers(envoy: &Path, workers: u32) -> Self {
        Self::start(envoy, None, workers).await
    }

    async fn start(envoy: &Path, policy: Option<&str>, workers: u32) -> Self {
        let claude = ScriptedClaude::start(any_port()).unwrap();
        let sink = ControlledSink::start(any_port(), Mode::Acknowledge).await.unwrap();
        let mut options = Options::new(envoy, claude.url());
        options.sink = Some(sink.addr());
        options.workers = workers;
        if let Some(policy) = policy {
            options.policy = policy.to_owned();
        }
        Self { gateway: Gateway::start(&options), claude, sink }
    }
}

fn any_port() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// A request as clients send it.
fn ask(stream: bool) -> Value {
    json!({
        "messages": [{"role": "user", "content": "Say hello."}],
        "model": "claude-sonnet-4-5", "max_tokens": 100, "stream": stream,
    })
}

const BOTH: [Http; 2] = [Http::One, Http::Two];

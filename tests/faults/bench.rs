//! A gateway that faults strike: the real Envoy and filter, the real sink with its ledger, a
//! scripted Claude, and a relay on each way out of Envoy.
//!
//! ```text
//! client ─▶ Envoy ─▶ relay ─▶ scripted Claude
//!             └────▶ relay ─▶ hansard sink ─▶ ledger
//! ```

use crate::ledger::Ledger;
use crate::relay::{Relay, Way};
use crate::sink::Sink;
use hansard_tests::client::{Answer, Running};
use hansard_tests::gateway::{Gateway, Options, POLICY, envoys, trapped_wasm, wasm};
use hansard_tests::outside::until;
use hansard_tests::scripted::ScriptedClaude;
use http::Method;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Envoy compiles the filter at its start, for seconds of both cores: not all at once.
static STARTING: Semaphore = Semaphore::const_new(2);

/// No part for a stream's pace, which would come into the moments at which streams are held here.
const PACE: &str = "progress: { every_ms: 600000, bytes: 65536 }";

/// What a bench is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Faults that outlast the hold: it is longer than an acknowledgement takes on a busy machine,
    /// and no longer, as such a cell waits for its end.
    Common,
    /// Faults that the hold outlasts: it is longer than they take, however busy the machine is.
    Patient,
    /// With the filter that panics on demand.
    Trapped,
}

impl Kind {
    fn policy(self) -> String {
        let hold = match self {
            Self::Common | Self::Trapped => 3000,
            Self::Patient => 30_000,
        };
        let lines = format!("timeout_ms: {hold}\n  {PACE}");
        let policy = POLICY.replace("timeout_ms: 2000", &lines);
        assert!(policy.contains(&lines));
        policy
    }
}

pub(crate) struct Bench {
    pub(crate) claude: Arc<ScriptedClaude>,
    pub(crate) upstream: Relay,
    pub(crate) wire: Relay,
    pub(crate) sink: Sink,
    pub(crate) gateway: Gateway,
    data: TempDir,
}

impl Bench {
    pub(crate) async fn start(kind: Kind) -> Self {
        let data = TempDir::new().unwrap();
        Self::over(Sink::start(&folder(&data)), data, kind, "").await
    }

    /// With a sink that runs, and more lines of the policy's `record`.
    pub(crate) async fn over(sink: Sink, data: TempDir, kind: Kind, record: &str) -> Self {
        let filter = if kind == Kind::Trapped { trapped_wasm() } else { wasm() };
        let claude = Arc::new(ScriptedClaude::start(([127, 0, 0, 1], 0).into()).unwrap());
        let upstream = Relay::start(claude.addr());
        let wire = Relay::start(sink.addr());
        let (url, sink_addr) = (format!("http://{}", upstream.addr()), wire.addr());
        let policy = kind.policy() + record;
        let starting = STARTING.acquire().await.unwrap();
        let gateway = spawn_blocking(move || {
            let envoy = envoys().remove(0);
            let mut options = Options::new(&envoy, url);
            options.sink = Some(sink_addr);
            options.policy = policy;
            options.filter = filter;
            Gateway::start(&options)
        });
        let gateway = gateway.await.unwrap();
        drop(starting);
        let bench = Self { claude, upstream, wire, sink, gateway, data };
        bench.recovers().await;
        bench
    }

    /// Where the ledger is.
    pub(crate) fn folder(&self) -> PathBuf {
        folder(&self.data)
    }

    pub(crate) async fn stop(self) {
        self.wire.set(Way::Pass);
        spawn_blocking(move || drop(self)).await.unwrap();
    }

    pub(crate) fn begin(&self, script: &str, path: &str) -> Running {
        let body = json!({
            "messages": [{"role": "user", "content": "Say hello."}],
            "model": "claude-sonnet-4-5", "max_tokens": 100, "stream": true,
        });
        let client = self.gateway.client().script(script);
        client.begin(Method::POST, path, body.to_string().into())
    }

    /// Waits until Envoy has seen that the sink is there: by a check that began after this was
    /// asked. One that was under way may have met the sink before, and is still to be counted.
    pub(crate) async fn sees_the_sink(&self) {
        let stat = |name: &str| self.gateway.stat(&format!("cluster.hansard_sink.{name}"));
        let attempts = || stat("health_check.attempt");
        let begun = attempts();
        let is_seen = || attempts() >= begun + 2 && stat("membership_healthy") == 1;
        until("Envoy to see the sink", is_seen).await;
    }

    /// After a fault is over, exchanges are whole and on record again, without anybody's help; and
    /// everything that was numbered up to then is in the ledger, or named as abandoned.
    pub(crate) async fn recovers(&self) {
        self.sees_the_sink().await;
        let proof = "/v1/messages?recovered";
        let is_there = |ledger: &Ledger| ledger.asked(proof).count();
        let before = is_there(&self.sink.ledger());
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let answer = self.begin("tool_use", proof).whole().await;
            if answer.as_ref().is_ok_and(is_whole) {
                break;
            }
            assert!(Instant::now() < deadline, "the gateway does not recover: {answer:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let is_settled = || {
            let ledger = self.sink.ledger();
            is_there(&ledger) > before && ledger.gaps().is_empty()
        };
        until("every part to be on record", is_settled).await;
    }
}

/// The sink's data folder, with room beside it for what it keeps apart.
pub(crate) fn folder(data: &TempDir) -> PathBuf {
    data.path().join("data")
}

pub(crate) fn is_whole(answer: &Answer) -> bool {
    answer.status == 200 && answer.clean && answer.text().contains("message_stop")
}

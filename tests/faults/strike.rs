//! The faults: each strikes a bench at a moment, and is over again.

use crate::bench::Bench;
use crate::relay::Way;
use crate::scene::Scene;
use crate::sink::Sink;
use crate::table::Action;
use hansard_tests::client::Client;
use hansard_tests::outside::until;
use rustix::process::{Pid, Signal, kill_process};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Far within the time that a part may take, and far from nothing.
const SLOW: Duration = Duration::from_millis(300);

/// The beginning of a part fits, its page does not.
const SOME_OF_A_FRAME: u64 = 1000;

impl Action {
    /// Before the exchange begins.
    pub(crate) async fn prepare(self, bench: &mut Bench) {
        if self == Self::DiskFullMidCommit {
            // A write-ahead log that begins anew ends where it is written to.
            bench.sink.stop();
            start_sink(bench);
            bench.recovers().await;
            // Envoy's own log comes later, and its commit must not be the one that fails. It is
            // lossy: an entry that does not come does no harm.
            let deadline = Instant::now() + Duration::from_secs(3);
            while !bench.sink.ledger().has_witness() && Instant::now() < deadline {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// Whatever the relay has caught goes where the fault sends it.
    pub(crate) async fn strike(self, bench: &mut Bench, scene: &mut Scene) {
        if !self.is_sinks() {
            scene.part_is_on_record(bench).await;
        }
        match self {
            Self::SinkKilled => {
                bench.sink.kill();
                bench.wire.refuse();
                bench.wire.set(Way::Pass);
            }
            Self::SinkFrozen => {
                bench.sink.freeze();
                bench.wire.set(Way::Pass);
            }
            Self::SinkSlow => bench.wire.set(Way::Late(SLOW)),
            Self::SinkRefusing => {
                bench.wire.refuse();
                bench.wire.cut();
                bench.wire.set(Way::Pass);
            }
            Self::SinkRestarted => {
                bench.sink.terminate();
                bench.wire.set(Way::Pass);
                bench.sink.wait();
                bench.wire.refuse();
                start_sink(bench);
                bench.sees_the_sink().await;
            }
            Self::DiskFull => {
                bench.sink.deny(Some(0));
                bench.wire.set(Way::Pass);
            }
            Self::DiskFullMidCommit => {
                bench.sink.deny(Some(bench.sink.intake_end() + SOME_OF_A_FRAME));
                bench.wire.set(Way::Pass);
            }
            Self::NetworkCut => bench.wire.set(Way::Stop),
            Self::AnswerLost => {
                bench.wire.cut();
                bench.wire.set(Way::Pass);
            }
            Self::EnvoyKilled => {
                signal_envoy(bench, Signal::KILL).await;
                bench.wire.set(Way::Pass);
            }
            Self::EnvoyTerminated => {
                signal_envoy(bench, Signal::TERM).await;
                bench.wire.set(Way::Pass);
            }
            Self::EnvoyDrained => {
                let admin = bench.gateway.admin().unwrap();
                let said = Client::post(admin, "/drain_listeners?graceful");
                assert!(said.starts_with("HTTP/1.1 200"), "{said}");
                let gateway = bench.gateway.addr();
                until("the listener to close", || TcpStream::connect(gateway).is_err()).await;
                bench.wire.set(Way::Pass);
            }
            Self::VmPanicked => {
                let client = bench.gateway.client().with("x-hansard-trap", "now");
                let answer = client.message(&serde_json::json!({})).await;
                let is_closed = answer.as_ref().map_or(true, |answer| answer.status == 503);
                assert!(is_closed, "a VM that dies lets nothing through: {answer:?}");
                bench.wire.set(Way::Pass);
            }
            Self::ClientGone => {
                scene.client_goes(bench).await;
                bench.wire.set(Way::Pass);
            }
            Self::UpstreamCut => {
                bench.upstream.refuse();
                bench.upstream.cut();
                bench.wire.set(Way::Pass);
            }
        }
    }

    /// The fault is over.
    pub(crate) fn heal(self, bench: &mut Bench) {
        match self {
            Self::SinkKilled => start_sink(bench),
            Self::SinkFrozen => bench.sink.thaw(),
            Self::SinkSlow | Self::NetworkCut => bench.wire.set(Way::Pass),
            Self::SinkRefusing => bench.wire.listen(),
            Self::DiskFull | Self::DiskFullMidCommit => bench.sink.deny(None),
            Self::UpstreamCut => bench.upstream.listen(),
            Self::SinkRestarted
            | Self::AnswerLost
            | Self::EnvoyKilled
            | Self::EnvoyTerminated
            | Self::EnvoyDrained
            | Self::VmPanicked
            | Self::ClientGone => {}
        }
    }

    /// Proof that the fault did what its name says, beyond what the exchange shows.
    pub(crate) fn has_struck(self, bench: &Bench, log_before: usize) -> bool {
        match self {
            Self::DiskFull | Self::DiskFullMidCommit => {
                let said = bench.sink.said();
                let said = said.get(log_before..).unwrap_or_default();
                said.contains("not stored, not acknowledged")
            }
            Self::VmPanicked => bench.gateway.envoy_log().contains("the trap was sprung"),
            _ => true,
        }
    }
}

fn start_sink(bench: &mut Bench) {
    bench.sink = Sink::start(&bench.folder());
    bench.wire.lead_to(bench.sink.addr());
    bench.wire.listen();
}

/// Sends it, and waits until the process is gone.
async fn signal_envoy(bench: &Bench, signal: Signal) {
    let pid = bench.gateway.envoy_pid().unwrap();
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), signal).unwrap();
    until("Envoy's end", || bench.gateway.envoy_pid().is_none()).await;
}

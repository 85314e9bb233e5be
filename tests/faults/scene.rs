//! The exchange under test: brought to a moment, and watched from there to its end.

use crate::bench::{Bench, is_whole};
use crate::ledger::Exchange;
use crate::promises::Watch;
use crate::relay::Way;
use crate::table::{Action, Moment};
use hansard_tests::client::Running;
use hansard_tests::outside::until;
use hansard_tests::scripted::{Observation, Seen};
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);
/// Longer than anything in the gateway waits for the sink.
const PATIENCE: Duration = Duration::from_secs(5);

/// On which a client runs the tool: the block with this index is the scripts' tool call.
pub(crate) const TOOL_STOP: &str = r#""type":"content_block_stop","index":1"#;

pub(crate) struct Scene {
    action: Action,
    moment: Moment,
    /// Names the exchange everywhere: as the gate of its script, and in its path.
    name: String,
    running: Option<Running>,
    watch: Watch,
}

/// How it ended for the client.
pub(crate) struct End {
    pub(crate) seen: String,
    /// What it had received by then.
    pub(crate) text: String,
}

impl Scene {
    /// Brings an exchange to the moment; the part that is then in flight waits in the relay.
    pub(crate) async fn reach(bench: &Bench, action: Action, moment: Moment, name: &str) -> Self {
        let watch = Watch::start(bench, name);
        let mut scene = Self { action, moment, name: name.to_owned(), running: None, watch };
        let part = match moment {
            Moment::Opened => Some(r#""part":{"opened":"#),
            Moment::ToolHeld => Some(r#""part":{"progress":"#),
            Moment::Closing => Some(r#""part":{"closed":"#),
            Moment::Before | Moment::Acknowledged | Moment::Streaming | Moment::After => None,
        };
        // A fault of the sink's side strikes a part on its way there; any other fault, its
        // acknowledgement on the way back.
        let catch = if action.is_sinks() { Way::StopAt } else { Way::StopAnswersAt };
        if let Some(part) = part {
            bench.wire.set(catch(part));
        }
        if moment != Moment::Before {
            scene.begin(bench);
        }
        match moment {
            Moment::Before => {}
            Moment::Opened | Moment::ToolHeld | Moment::Closing => bench.wire.caught().await,
            Moment::Acknowledged => scene.stands_at_its_gate(bench).await,
            Moment::Streaming => {
                scene.stands_at_its_gate(bench).await;
                scene.until(|text| text.contains("text_delta")).await;
            }
            Moment::After => {
                scene.until(|text| text.contains("message_stop")).await;
                until("its end on record", || {
                    scene.on_record(bench).is_some_and(|one| one.status == "complete")
                })
                .await;
            }
        }
        scene
    }

    fn begin(&mut self, bench: &Bench) {
        let gate = &self.name;
        let script = match self.moment {
            Moment::Before | Moment::Opened | Moment::Acknowledged => {
                format!("stall_before_headers?gate={gate}")
            }
            Moment::Streaming => format!("stall?gate={gate}"),
            Moment::ToolHeld => format!("tool_then_gate?gate={gate}"),
            // No tool call: its part must not be caught together with the last one.
            Moment::Closing => "text".to_owned(),
            Moment::After => "tool_use".to_owned(),
        };
        let running = bench.begin(&script, &path(&self.name));
        self.watch.client(bench, &self.name, running.beside());
        self.running = Some(running);
    }

    async fn stands_at_its_gate(&self, bench: &Bench) {
        bench.claude.wait_for(LIMIT, |one| one.at_gate(&self.name)).await.unwrap();
    }

    async fn until(&mut self, holds: impl Fn(&str) -> bool) {
        self.running.as_mut().unwrap().until(holds).await.unwrap();
    }

    /// What the ledger holds of it.
    pub(crate) fn on_record(&self, bench: &Bench) -> Option<Exchange> {
        bench.sink.ledger().take(&path(&self.name))
    }

    /// Waits until the part in flight is on disk: its acknowledgement is what is in flight then.
    pub(crate) async fn part_is_on_record(&self, bench: &Bench) {
        let kind = match self.moment {
            Moment::Opened => "opened",
            Moment::ToolHeld => "progress",
            Moment::Closing => "closed",
            Moment::Before | Moment::Acknowledged | Moment::Streaming | Moment::After => return,
        };
        let holds = || self.on_record(bench).is_some_and(|one| one.has(kind));
        until("the part on disk", holds).await;
    }

    /// The client closes its connection; before the moment `opened`, in the middle of its body.
    pub(crate) async fn client_goes(&mut self, bench: &Bench) {
        let running = || bench.gateway.stat("http.claude.downstream_rq_active");
        match self.running.take() {
            Some(client) => client.abandon(),
            None => {
                let mut stream = TcpStream::connect(bench.gateway.addr()).unwrap();
                let (path, token) = (path(&self.name), bench.gateway.token());
                let head = format!(
                    "POST {path} HTTP/1.1\r\nhost: gateway.test\r\nauthorization: Bearer {token}\r\n\
                     content-type: application/json\r\ncontent-length: 1000\r\n\r\n{{\"model\":"
                );
                stream.write_all(head.as_bytes()).unwrap();
                until("the request to arrive", || running() == 1).await;
            }
        }
        until("Envoy to miss the client", || running() == 0).await;
    }

    /// After the fault: the exchange goes on as far as it can.
    pub(crate) async fn play_out(&mut self, bench: &Bench) -> End {
        if self.action == Action::ClientGone {
            return End { seen: "gone".to_owned(), text: String::new() };
        }
        if self.running.is_none() {
            self.begin(bench);
        }
        if !self.action.ends_streams() {
            if self.moment == Moment::ToolHeld && self.action != Action::VmPanicked {
                // The upstream has more to say, until it is told otherwise.
                let mut beside = self.running.as_ref().unwrap().beside();
                beside.until(|text| text.contains(TOOL_STOP)).await;
                // An answer that ended without the call is cut off above: it must not win a race.
                if beside.so_far().contains(TOOL_STOP) {
                    bench.claude.open(&self.name);
                }
            } else {
                bench.claude.open(&self.name);
            }
        }
        let running = self.running.take().unwrap();
        let beside = running.beside();
        // Nothing wakes a stream that waits for the answer to a VM that is no more.
        let patience = if self.action == Action::VmPanicked { PATIENCE } else { LIMIT };
        match tokio::time::timeout(patience, running.whole()).await {
            Err(_) => End { seen: "waits".to_owned(), text: beside.so_far() },
            Ok(Err(_)) => End { seen: "none".to_owned(), text: String::new() },
            Ok(Ok(answer)) => {
                let text = answer.text();
                let seen = match answer.status.as_u16() {
                    200 if is_whole(&answer) => "whole".to_owned(),
                    200 if text.contains("event: error") => "error".to_owned(),
                    200 if !answer.clean => "cut".to_owned(),
                    200 => format!("a clean end of {text:?}"),
                    other => other.to_string(),
                };
                End { seen, text }
            }
        }
    }

    /// What the upstream had of it, once that is decided.
    pub(crate) async fn upstream(&self, bench: &Bench) -> &'static str {
        let path = path(&self.name);
        let is_ours = |one: &&Observation| matches!(&one.what, Seen::RequestHead { path: asked, .. } if *asked == path);
        let Some(head) = bench.claude.observed().iter().find(is_ours).cloned() else {
            return "nothing";
        };
        let fate = |one: &Observation| match one.what {
            _ if one.request != head.request => None,
            Seen::ResponseEnd => Some("request"),
            Seen::ResponseDropped | Seen::RequestAborted { .. } => Some("cut"),
            _ => None,
        };
        let fate = bench.claude.wait_until(LIMIT, |seen| seen.iter().find_map(fate)).await;
        bench.claude.open(&self.name);
        fate.unwrap()
    }

    /// What its watchers saw pass that was not on record by then.
    pub(crate) async fn unrecorded(&mut self, upstream_saw_it: bool) -> Vec<String> {
        self.watch.unrecorded(upstream_saw_it).await
    }
}

fn path(name: &str) -> String {
    format!("/v1/messages?cell={name}")
}

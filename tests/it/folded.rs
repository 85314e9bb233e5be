//! A conversation's history goes to the sink once: the real filter, the real Envoy, the real sink.

use crate::{any_port, envoys};
use hansard_record::Record;
use hansard_record::part::Content;
use hansard_store::{Reader, beside};
use hansard_tests::gateway::{Gateway, Options, POLICY, binary, free_port};
use hansard_tests::scripted::ScriptedClaude;
use hansard_tests::sink::{ControlledSink, Mode, content};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const SENT: &str = "cluster.hansard_sink.upstream_cx_tx_bytes_total";

/// A turn as Claude Code sends it: tools, a system prompt, and all that was said, the last marked.
fn turn(n: usize) -> Value {
    let text =
        |what: &str, i: usize| format!("{what} {i}: {}", format!("{i:x} words ").repeat(150));
    let mut messages = vec![json!({"role": "user", "content": text("question", 0)})];
    for i in 1..=n {
        messages.push(json!({"role": "assistant", "content": text("answer", i)}));
        messages.push(
            json!({"role": "user", "content": [{"type": "text", "text": text("result", i)}]}),
        );
    }
    if n > 0 {
        let last = messages.len() - 1;
        messages[last]["content"][0]["cache_control"] = json!({"type": "ephemeral"});
    }
    let tools = json!([{"name": "Bash", "description": text("tool", 0), "input_schema": {}}]);
    json!({
        "model": "claude-sonnet-4-5", "max_tokens": 100, "stream": true,
        "system": text("system", 0), "tools": tools, "messages": messages,
    })
}

/// Takes a turn of the session; whether it was answered whole.
async fn take(gateway: &Gateway, n: usize) -> bool {
    let client = gateway.client().with("x-claude-code-session-id", "long").script("text");
    client.message(&turn(n)).await.is_ok_and(|answer| answer.status == 200 && answer.clean)
}

/// The bodies that a ledger has of its sessions, in the order of the exchanges.
fn bodies(data: &Path) -> Vec<Value> {
    let reader = Reader::open_with(data, &beside(data)).unwrap();
    let mut bodies = Vec::new();
    for session in reader.sessions(9).unwrap() {
        for exchange in reader.exchanges(&session.id).unwrap() {
            let Ok(parts) = reader.parts(&exchange.id) else { continue };
            for part in &parts {
                let part = Record::parse(&part.json).unwrap().into_part();
                let Content::Opened(opened) = part.part else { continue };
                let body = opened.request.body.unwrap().get();
                bodies.push(serde_json::from_str(body).unwrap());
            }
        }
    }
    bodies
}

fn unknown(gateway: &Gateway) -> u64 {
    let metrics = gateway.metrics();
    let line = metrics.lines().find(|line| line.starts_with("hansard_sinks_unknown{"));
    line.and_then(|line| line.rsplit_once(' ')?.1.parse().ok()).unwrap_or(0)
}

/// The real sink, as a process.
struct Sink(Child, SocketAddr);

impl Sink {
    fn start(listen: SocketAddr, data: &Path) -> Self {
        let mut child = Command::new(binary("hansard"))
            .args(["sink", "--least-free", "0", "--listen", &listen.to_string(), "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let addr = line.split("listening on ").nth(1).and_then(|rest| rest.split(',').next());
        Self(child, addr.unwrap().parse().unwrap())
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _it_may_be_gone = self.0.kill();
        let _it_may_be_gone = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_a_hundred_turns_costs_the_wire_what_it_adds() {
    const TURNS: usize = 100;
    for (envoy, workers) in envoys().into_iter().zip([1, 2]) {
        let claude = ScriptedClaude::start(any_port()).unwrap();
        let mut options = Options::new(&envoy, claude.url());
        options.workers = workers;
        let mut gateway = Gateway::start(&options);
        let mut sent = Vec::new();
        for n in 0..TURNS {
            assert!(take(&gateway, n).await, "turn {n}");
            sent.push(gateway.stat(SENT));
        }
        let whole = turn(TURNS - 1).to_string().len() as u64;
        let late = (sent[99] - sent[79]) / 20;
        if workers == 1 {
            let early = (sent[39] - sent[19]) / 20;
            assert!(late < early + early / 4, "flat: {early} bytes a turn, then {late}");
            assert!(late * 20 < whole, "{late} bytes of a turn of {whole}");
        } else {
            // A turn may come to the worker that did not see the last ones.
            assert!(sent[99] < 20 * whole, "{} bytes for turns of up to {whole}", sent[99]);
        }
        assert_eq!(unknown(&gateway), 0);
        let stored = bodies(&gateway.data());
        assert!(stored.iter().eq((0..TURNS).map(turn).collect::<Vec<_>>().iter()), "as sent");

        // What was erased is known no more, and what comes next is on record whole.
        let erased = gateway.command(&["erase", "long", "--reason", "asked for"]);
        assert!(!erased.starts_with("failed"), "{erased}");
        assert!(take(&gateway, TURNS).await);
        assert_eq!(unknown(&gateway), 1);
        assert_eq!(bodies(&gateway.data()), [turn(TURNS)]);
        assert!(take(&gateway, TURNS + 1).await);
        gateway.interrupt();
        assert_eq!(gateway.wait(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_lost_its_data_gets_everything_within_the_hold() {
    for envoy in envoys() {
        let folder = tempfile::tempdir().unwrap();
        let claude = ScriptedClaude::start(any_port()).unwrap();
        let addr = free_port().unwrap();
        let first = Sink::start(addr, &folder.path().join("first"));
        let mut options = Options::new(&envoy, claude.url());
        options.sink = Some(addr);
        let gateway = Gateway::start(&options);
        for n in 0..5 {
            assert!(take(&gateway, n).await, "turn {n}");
        }
        drop(first);
        let _second = Sink::start(addr, &folder.path().join("second"));
        // Until Envoy has seen that the first is gone, a turn is refused.
        let mut tries = 0;
        while !take(&gateway, 5).await {
            tries += 1;
            assert!(tries < 50, "the second sink was never reached");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(unknown(&gateway), 1, "told once, and sent whole in the same hold");
        assert!(take(&gateway, 6).await);
        assert_eq!(unknown(&gateway), 1);
        let stored = bodies(&folder.path().join("second"));
        assert!(stored.ends_with(&[turn(5), turn(6)]), "{} exchanges", stored.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_stands_in_gets_everything() {
    let envoy = envoys().remove(0);
    let folder = tempfile::tempdir().unwrap();
    let claude = ScriptedClaude::start(any_port()).unwrap();
    let [first, second] =
        ["first", "second"].map(|name| Sink::start(any_port(), &folder.path().join(name)));
    let mut options = Options::new(&envoy, claude.url());
    options.policy = format!("{POLICY}  cluster: [hansard_sink, spare_sink]\n");
    let (a, b) = (first.1.to_string(), second.1.to_string());
    let gateway = Gateway::try_start(&options, &["--sink", &a, "--sink", &b]).unwrap();
    for n in 0..5 {
        assert!(take(&gateway, n).await, "turn {n}");
    }
    drop(first);
    for n in 5..8 {
        assert!(take(&gateway, n).await, "turn {n}");
    }
    assert_eq!(unknown(&gateway), 0);
    let stored = bodies(&folder.path().join("second"));
    assert!(stored.ends_with(&[turn(5), turn(6), turn(7)]), "{} exchanges", stored.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_gets_everything() {
    for envoy in envoys() {
        let claude = ScriptedClaude::start(any_port()).unwrap();
        let sink = ControlledSink::start(any_port(), Mode::Acknowledge).await.unwrap();
        let mut options = Options::new(&envoy, claude.url());
        options.sink = Some(sink.addr());
        let gateway = Gateway::start(&options);
        for n in 0..4 {
            assert!(take(&gateway, n).await, "turn {n}");
        }
        let parts = sink.parts();
        let got = parts.iter().map(|part| &content(part)["request"]["body"]);
        let got: Vec<_> = got.filter(|body| !body.is_null()).cloned().collect();
        assert_eq!(got, (0..4).map(turn).collect::<Vec<_>>());
    }
}

//! Endurance: mixed load while faults strike every few seconds, for a few seconds in the tests and for
//! ten minutes by `make soak`.
//!
//! What is held to: whatever a client was given whole is on record as complete, no number is missing
//! once the faults are over, the ledger verifies, and the memory of Envoy and of the sink does not
//! grow with what has passed. The sink's process is killed and restarted in the first third only, so
//! that its memory can be followed over the rest.

use crate::bench::{Bench, Kind};
use crate::relay::Way;
use crate::sink::Sink;
use hansard_tests::client::{Answer, Client, Http};
use hansard_tests::gateway::binary;
use http::Method;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Seconds that it lasts; the variable for a longer one.
const SECONDS: u64 = 20;
const VARIABLE: &str = "HANSARD_SOAK_S";
/// A slope is no measurement on less than this.
const MEASURED: Duration = Duration::from_secs(300);
/// Megabytes a minute that are within what an allocator does of itself.
const FLAT: f64 = 1.0;
const CLIENTS: usize = 8;
const SCRIPTS: [&str; 4] = ["text", "tool_use", "text?deltas=40&gap_ms=5", "thinking"];

/// What the clients saw.
#[derive(Default)]
struct Seen {
    /// Paths of answers that were whole.
    whole: Mutex<Vec<String>>,
    refused: AtomicU64,
    cut: AtomicU64,
    abandoned: AtomicU64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn load_and_faults_lose_nothing_and_leave_memory_flat() {
    let seconds = std::env::var(VARIABLE).ok().and_then(|text| text.parse().ok());
    let lasts = Duration::from_secs(seconds.unwrap_or(SECONDS));
    let mut bench = Bench::start(Kind::Common).await;
    let (seen, over) = (Arc::new(Seen::default()), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|n| {
            let http = if n % 2 == 0 { Http::One } else { Http::Two };
            let client = bench.gateway.client().over(http);
            tokio::spawn(ask(client, n, Arc::clone(&seen), Arc::clone(&over)))
        })
        .collect();
    let samples = faults(&mut bench, lasts).await;
    over.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    bench.recovers().await;
    let whole = std::mem::take(&mut *seen.whole.lock().unwrap());
    let missing = settled(&bench, &whole).await;
    let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
    println!(
        "{} s: {} answers whole, {} refused, {} cut, {} abandoned by their client",
        lasts.as_secs(),
        whole.len(),
        read(&seen.refused),
        read(&seen.cut),
        read(&seen.abandoned)
    );
    let slopes = samples.slopes();
    for (name, slope) in &slopes {
        println!("{name}: resident memory {slope:+.2} MB a minute");
    }
    assert_eq!(missing, [""; 0], "answers that were whole, and are not on record as complete");
    assert!(whole.len() > 20 && read(&seen.refused) > 0, "there was load, and faults struck");
    let verified = Command::new(binary("hansard"))
        .args(["verify", "--json", "--data"])
        .arg(bench.folder())
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!((&report["intact"], &report["missing"]), (&json!(true), &json!(0)), "{report:#}");
    if lasts >= MEASURED {
        for (name, slope) in slopes {
            assert!(slope < FLAT, "the memory of {name} grows by {slope:.2} MB a minute");
        }
    }
    bench.stop().await;
}

/// One client: an exchange after the other, some of them left in the middle.
async fn ask(client: Client, number: usize, seen: Arc<Seen>, over: Arc<AtomicBool>) {
    for turn in 0.. {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let path = format!("/v1/messages?client={number}&turn={turn}");
        let script = SCRIPTS[(number + turn) % SCRIPTS.len()];
        let body = json!({
            "messages": [{"role": "user", "content": "x".repeat(turn % 7 * 1000)}],
            "model": "claude-sonnet-4-5", "max_tokens": 100, "stream": turn % 3 != 0,
        });
        let client = client.clone().script(script);
        let mut running = client.begin(Method::POST, &path, body.to_string().into());
        if turn % 13 == 12 {
            // In the middle, or before there is one.
            let begun = running.until(|text| text.contains("text_delta"));
            let _it_may_be_refused = tokio::time::timeout(Duration::from_secs(1), begun).await;
            running.abandon();
            seen.abandoned.fetch_add(1, Ordering::Relaxed);
        } else {
            let answer = tokio::time::timeout(Duration::from_secs(60), running.whole()).await;
            match answer.expect("an exchange ends") {
                Ok(answer) if is_whole(&answer) => seen.whole.lock().unwrap().push(path),
                Ok(answer) if answer.status != 200 => {
                    seen.refused.fetch_add(1, Ordering::Relaxed);
                }
                Ok(_) | Err(_) => {
                    seen.cut.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A stream up to its end, or a message.
fn is_whole(answer: &Answer) -> bool {
    let text = answer.text();
    answer.status == 200
        && answer.clean
        && (text.contains("message_stop") || text.starts_with('{') && text.contains("stop_reason"))
}

/// Strikes the sink's side again and again, in an order of their own; meanwhile looks at memory.
async fn faults(bench: &mut Bench, lasts: Duration) -> Samples {
    let began = Instant::now();
    let mut samples = Samples::default();
    for round in 0.. {
        let gone = began.elapsed();
        if gone >= lasts {
            break;
        }
        let replaces = gone < lasts / 3;
        match round % 6 {
            0 if replaces => {
                bench.sink.kill();
                bench.wire.refuse();
                pause().await;
                restart(bench);
            }
            3 if replaces => {
                bench.sink.stop();
                bench.wire.refuse();
                restart(bench);
            }
            0 | 1 => {
                bench.sink.freeze();
                pause().await;
                bench.sink.thaw();
            }
            2 => {
                bench.wire.refuse();
                bench.wire.cut();
                pause().await;
                bench.wire.listen();
            }
            3 | 4 => {
                bench.wire.set(Way::Stop);
                pause().await;
                bench.wire.set(Way::Pass);
            }
            _ => {
                bench.wire.set(Way::Late(Duration::from_millis(200)));
                pause().await;
                bench.wire.set(Way::Pass);
            }
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        if !replaces {
            samples.take("Envoy", bench.gateway.envoy_pid());
            samples.take("the sink", Some(bench.sink.id()));
        }
    }
    samples
}

fn restart(bench: &mut Bench) {
    bench.sink = Sink::start(&bench.folder());
    bench.wire.lead_to(bench.sink.addr());
    bench.wire.listen();
}

async fn pause() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

/// Waits until what was answered whole is complete in the ledger and no number is missing; what is not
/// after a minute.
async fn settled(bench: &Bench, whole: &[String]) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let path = bench.folder().join("hansard.db");
        let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let mut query =
            database.prepare("SELECT path FROM told WHERE status = 'complete'").unwrap();
        let complete: BTreeSet<String> =
            query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        let gaps: i64 =
            database.query_row("SELECT COUNT(*) FROM gaps", [], |row| row.get(0)).unwrap();
        let mut missing: Vec<_> =
            whole.iter().filter(|path| !complete.contains(*path)).cloned().collect();
        if gaps > 0 {
            missing.push(format!("{gaps} gaps"));
        }
        if missing.is_empty() || Instant::now() > deadline {
            return missing;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Resident memory over time, by process.
#[derive(Default)]
struct Samples(BTreeMap<&'static str, Vec<(f64, f64)>>, Option<Instant>);

impl Samples {
    fn take(&mut self, name: &'static str, pid: Option<u32>) {
        let began = *self.1.get_or_insert_with(Instant::now);
        let status = std::fs::read_to_string(format!("/proc/{}/status", pid.unwrap_or_default()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<f64>().ok());
        let minutes = began.elapsed().as_secs_f64() / 60.0;
        self.0.entry(name).or_default().extend(kilobytes.map(|kb| (minutes, kb / 1024.0)));
    }

    /// Of the line that fits best, megabytes a minute.
    fn slopes(&self) -> Vec<(&'static str, f64)> {
        let slope = |points: &[(f64, f64)]| {
            let count = points.len() as f64;
            let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
            let (x, y) = (mean(|point| point.0), mean(|point| point.1));
            let over: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
            let under: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
            if under == 0.0 { 0.0 } else { over / under }
        };
        self.0.iter().map(|(name, points)| (*name, slope(points))).collect()
    }
}

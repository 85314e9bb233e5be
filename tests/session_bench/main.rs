//! What a long session costs, turn by turn: a client that sends its whole history each time, to a
//! gateway whose sink is told what is new, and to one whose sink, a plain access-log server, is told
//! everything.
//!
//! Enters: an Envoy and the built project. Leaves: bytes to the sink, Envoy's CPU and the sink's, a
//! turn, early and late in the session, as a Markdown table. Envoy reads the client's whole body in
//! both: that part grows with the history whatever the sink has.

use clap::Parser;
use hansard_tests::gateway::{Gateway, Options, binary};
use hansard_tests::scripted::ScriptedClaude;
use hansard_tests::sink::{ControlledSink, Mode};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Measure what each turn of a long session costs
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  session-bench --envoy .venv/bin/envoy
  session-bench --envoy .venv/bin/envoy --turns 40 --rounds 1")]
struct Args {
    /// The Envoy to measure, 1.35 or later
    #[arg(long, env = "ENVOY", default_value = "envoy", value_name = "PATH")]
    envoy: PathBuf,
    /// Turns of the session, at least 20
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u16).range(20..))]
    turns: u16,
    /// Rounds; of each figure the median is printed
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
}

/// What one turn cost.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    bytes: f64,
    envoy_ms: f64,
    /// None is measured of the plain server: it stores nothing.
    sink_ms: f64,
}

/// Which sink a gateway has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    New,
    Everything,
}

fn main() -> Fallible<()> {
    let args = Args::parse();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(run(&args))
}

async fn run(args: &Args) -> Fallible<()> {
    let turns = usize::from(args.turns);
    let mut new = Vec::new();
    let mut everything = Vec::new();
    for round in 1..=args.rounds {
        new.push(session(&args.envoy, turns, Told::New).await?);
        everything.push(session(&args.envoy, turns, Told::Everything).await?);
        writeln!(std::io::stderr(), "round {round} of {}", args.rounds)?;
    }
    let body = |turn: usize| request(turn).to_string().len() as f64 / 1000.0;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "| a turn of {turns}, the whole history in each request | turns 1–10 | the last 10 | ratio |\n\
         |---|--:|--:|--:|\n| the client's request, KB | {:.0} | {:.0} | {:.1}× |",
        body(4),
        body(turns - 5),
        body(turns - 5) / body(4)
    )?;
    let figures: [(&str, &[Vec<Cost>], fn(&Cost) -> f64); 5] = [
        ("to the Hansard sink, KB", &new, |cost| cost.bytes / 1000.0),
        ("to a plain access-log server, KB", &everything, |cost| cost.bytes / 1000.0),
        ("Envoy's CPU with the Hansard sink, ms", &new, |cost| cost.envoy_ms),
        ("Envoy's CPU with a plain server, ms", &everything, |cost| cost.envoy_ms),
        ("the Hansard sink's CPU, ms", &new, |cost| cost.sink_ms),
    ];
    for (name, rounds, figure) in figures {
        let mean = |costs: &[Cost]| costs.iter().map(figure).sum::<f64>() / costs.len() as f64;
        // The first turn has everything to say.
        let early = median(rounds.iter().filter_map(|costs| Some(mean(costs.get(1..10)?))));
        let late = median(rounds.iter().filter_map(|costs| Some(mean(costs.get(turns - 10..)?))));
        writeln!(out, "| {name} | {early:.2} | {late:.2} | {:.1}× |", late / early)?;
    }
    Ok(())
}

/// CPU time of a process's threads, user and system (Linux).
fn spent_ms(pid: u32) -> Fallible<f64> {
    let mut nanoseconds = 0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let spent = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        nanoseconds += spent.split_whitespace().next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(nanoseconds as f64 / 1e6)
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Plays a session; what each turn cost.
async fn session(envoy: &Path, turns: usize, told: Told) -> Fallible<Vec<Cost>> {
    let claude = ScriptedClaude::start(([127, 0, 0, 1], 0).into())?;
    let folder = tempfile::tempdir_in("target")?;
    let plain = ControlledSink::start(([127, 0, 0, 1], 0).into(), Mode::Acknowledge).await?;
    let sink = Sink::start(&folder.path().join("ledger"))?;
    let mut options = Options::new(envoy, claude.url());
    options.sink = Some(if told == Told::New { sink.addr } else { plain.addr() });
    let gateway = Gateway::try_start(&options, &[])?;
    let pid = gateway.envoy_pid().ok_or("no Envoy runs")?;
    let client = gateway.client().with("x-claude-code-session-id", "long").script("text");
    let look = || -> Fallible<Cost> {
        Ok(Cost {
            bytes: gateway.stat("cluster.hansard_sink.upstream_cx_tx_bytes_total") as f64,
            envoy_ms: spent_ms(pid)?,
            sink_ms: spent_ms(sink.child.id())?,
        })
    };
    let mut costs = Vec::with_capacity(turns);
    for turn in 0..turns {
        let before = look()?;
        let answer = client.message(&request(turn)).await?;
        if answer.status != 200 || !answer.clean {
            return Err(format!("turn {turn} was answered {}", answer.status).into());
        }
        let after = look()?;
        costs.push(Cost {
            bytes: after.bytes - before.bytes,
            envoy_ms: after.envoy_ms - before.envoy_ms,
            sink_ms: after.sink_ms - before.sink_ms,
        });
    }
    Ok(costs)
}

/// A turn of Claude Code's shape: tools and a system prompt, then what was said and what tools gave
/// back, about 4 KB more each time, with a `cache_control` marker that moves.
fn request(turn: usize) -> Value {
    let text = |seed: usize, bytes: usize| -> String {
        let words =
            (0..).map(|i| format!("line {i}: value_{:x} is {} ", seed * 7919 + i, i * seed));
        let mut text = String::with_capacity(bytes);
        words
            .take_while(|word| {
                text.push_str(word);
                text.len() < bytes
            })
            .for_each(drop);
        text
    };
    let mut messages = vec![json!({"role": "user", "content": text(1, 2_000)})];
    for i in 1..=turn {
        messages.push(json!({"role": "assistant", "content": text(i * 2, 700)}));
        let result = json!({"type": "text", "text": text(i * 2 + 1, 3_000)});
        messages.push(json!({"role": "user", "content": [result]}));
    }
    if let Some(block) = messages.last_mut().and_then(|last| last.pointer_mut("/content/0"))
        && let Some(block) = block.as_object_mut()
    {
        block.insert("cache_control".to_owned(), json!({"type": "ephemeral"}));
    }
    json!({
        "model": "claude-sonnet-4-5", "max_tokens": 1000, "stream": true,
        "system": [{"type": "text", "text": text(3, 10_000)}],
        "tools": [{"name": "Bash", "description": text(5, 20_000), "input_schema": {}}],
        "messages": messages,
    })
}

/// `hansard sink`, as a process of its own.
struct Sink {
    child: Child,
    addr: SocketAddr,
}

impl Sink {
    fn start(data: &Path) -> Fallible<Self> {
        let mut child = Command::new(binary("hansard"))
            .args(["sink", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut line)?;
        }
        let addr = line.split("listening on ").nth(1).and_then(|rest| rest.split(',').next());
        let addr = addr.and_then(|addr| addr.parse().ok()).ok_or("the sink did not start")?;
        Ok(Self { child, addr })
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _it_may_be_gone = self.child.kill();
        let _it_may_be_gone = self.child.wait();
    }
}

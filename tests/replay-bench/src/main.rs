//! What the index of sessions costs: lists, search, the player's windows and blame over a million
//! exchanges, and how fast an index is made.
//!
//! The million is made up as rebuilt sessions and put into the index as they are: through a ledger it
//! would take hours. What the way through a ledger costs is measured beside it, with fewer exchanges.

mod asked;
mod figures;
mod ledger;
mod made;

use clap::Parser;
use figures::Figures;
use hansard_replay::Replay;
use hansard_replay::archive::Archive;
use made::Dice;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Everything that can go wrong ends the run.
type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Measure the index of sessions
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  replay-bench
  replay-bench --quick
  replay-bench --exchanges 100000 --folder /var/tmp")]
struct Args {
    /// Exchanges in the index, twenty a session
    #[arg(long, default_value_t = 1_000_000, value_name = "N")]
    exchanges: u64,
    /// Exchanges that go through a ledger
    #[arg(long, default_value_t = 20_000, value_name = "N")]
    ledger: u64,
    /// A hundredth of everything, to see that it runs
    #[arg(long)]
    quick: bool,
    /// Where to put the index: the disk that is measured
    #[arg(long, default_value = "target", value_name = "DIR")]
    folder: PathBuf,
}

const LONG: u64 = 5_000;
/// Sessions of one transaction.
const BATCH: u64 = 100;

fn main() -> Fallible<()> {
    let mut args = Args::parse();
    if args.quick {
        args.exchanges /= 100;
        args.ledger /= 100;
    }
    let folder = tempfile::tempdir_in(&args.folder)?;
    let index = folder.path().join("index");
    let sessions = args.exchanges / 20;
    let built = build(&index, sessions)?;
    let (list, slow_list) = asked::lists(&index)?;
    let (search, slow_search) = asked::searches(&index)?;
    let long = made::session(sessions, LONG);
    let (first, jump) = asked::windows(&index, &long.session.id, long.turns.len())?;
    let some: Vec<Replay> = (0..40).map(|n| made::session(n * sessions / 40, 20)).collect();
    let (blame, blamed) = asked::blame(&index, &some, 1_000)?;
    let ledger = ledger::measure(folder.path(), args.ledger)?;
    let plain = |figures: Figures| figures.text();
    report(&[
        [
            format!("{} exchanges in {sessions} sessions, put in as they are", built.exchanges),
            format!("{:.0}/s, {:.0} s", built.exchanges as f64 / built.seconds, built.seconds),
            String::new(),
        ],
        [
            "the index".to_owned(),
            format!(
                "{:.2} GB, {:.1} KB an exchange",
                built.bytes / 1e9,
                built.bytes / 1e3 / built.exchanges as f64
            ),
            String::new(),
        ],
        [
            format!("a page of 50 sessions, 18 filters (slowest: {slow_list})"),
            plain(list),
            "p95 ≤ 200 ms".to_owned(),
        ],
        [
            format!("a page of 50 hits, 14 searches (slowest: {slow_search})"),
            plain(search),
            "≤ 1 s".to_owned(),
        ],
        [
            format!("a session of {LONG} turns: head and first 50 turns"),
            plain(first),
            String::new(),
        ],
        ["the same: 50 turns elsewhere".to_owned(), plain(jump), String::new()],
        [
            format!("blame of a file of 1000 lines, {blamed} of them suggested"),
            plain(blame),
            "≤ 1 s".to_owned(),
        ],
        [
            format!("{} exchanges through a ledger", args.ledger),
            format!("{:.0}/s stored, {:.0}/s indexed from there", ledger.written, ledger.indexed),
            String::new(),
        ],
        [
            format!("one exchange more of a session of {}", ledger.turns),
            format!("{:.0} ms until it is in the index", ledger.one_more * 1000.0),
            String::new(),
        ],
    ])
}

struct Built {
    exchanges: u64,
    seconds: f64,
    bytes: f64,
}

/// Sessions of 1 to 39 turns, and a long one.
fn build(folder: &Path, sessions: u64) -> Fallible<Built> {
    let mut archive = Archive::open(folder)?;
    let start = Instant::now();
    let (mut exchanges, mut done) = (0, 0);
    while done < sessions {
        let batch: Vec<(i64, Replay)> = (done..sessions.min(done + BATCH))
            .map(|n| (n as i64 * 100, made::session(n, 1 + Dice::new(n).roll(39))))
            .collect();
        done += batch.len() as u64;
        exchanges += batch.iter().map(|(_, replay)| replay.turns.len() as u64).sum::<u64>();
        archive.put(batch.iter().map(|(number, replay)| (*number, replay)))?;
        if done % 5_000 == 0 {
            writeln!(
                std::io::stderr(),
                "{done} of {sessions} sessions, {:.0} s",
                start.elapsed().as_secs_f64()
            )?;
        }
    }
    let long = made::session(sessions, LONG);
    archive.put([(sessions as i64 * 100, &long)])?;
    exchanges += LONG;
    let seconds = start.elapsed().as_secs_f64();
    drop(archive);
    let bytes = folder.join("index.db").metadata()?.len() as f64;
    Ok(Built { exchanges, seconds, bytes })
}

fn report(rows: &[[String; 3]]) -> Fallible<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "| the index of sessions | | goal |\n|---|---|--:|")?;
    for [what, measured, goal] in rows {
        writeln!(out, "| {what} | {measured} | {goal} |")?;
    }
    Ok(())
}

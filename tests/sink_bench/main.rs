//! What keeping the record costs: durable parts a second, how long an acknowledgement takes, and how
//! a ledger grows; beside `fdatasync` alone and SQLite without a log, on the same disk in the same run.

mod baseline;
mod calls;
mod growth;
mod load;
mod parts;
mod sink;

use clap::Parser;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that can go wrong ends the run.
type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Bytes of text in an exchange that reads a file.
const LONG: usize = 16_000;

/// Measure the sink beside the disk and the database that it stands on
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  sink-bench --hansard target/release/hansard
  sink-bench --hansard target/release/hansard --seconds 3 --rounds 1 --exchanges 10000")]
struct Args {
    /// The program whose sink is measured
    #[arg(long, value_name = "PATH")]
    hansard: PathBuf,
    /// How long each measurement lasts
    #[arg(long, default_value_t = 6, value_name = "N")]
    seconds: u64,
    /// How often the sink is measured: what is printed are medians, with the least and the most
    #[arg(long, default_value_t = 3, value_name = "N")]
    rounds: usize,
    /// Exchanges of the large ledger whose opening and listing is timed
    #[arg(long, default_value_t = 1_000_000, value_name = "N")]
    exchanges: u64,
    /// Where to put the ledgers: the disk that is measured
    #[arg(long, default_value = "target", value_name = "DIR")]
    folder: PathBuf,
}

fn main() -> Fallible<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(&args))
}

async fn run(args: &Args) -> Fallible<()> {
    let time = Duration::from_secs(args.seconds);
    let folder = tempfile::tempdir_in(&args.folder)?;
    let disk = baseline::fdatasync(folder.path(), time)?;
    let sqlite = baseline::sqlite(folder.path(), time)?;
    let (mut one, mut many) = (Vec::new(), [1, 2, 4].map(|exchanges| (exchanges, Vec::new())));
    for round in 1..=args.rounds.max(1) {
        writeln!(std::io::stderr(), "round {round} of {}", args.rounds.max(1))?;
        let shapes = many.iter_mut().map(|(exchanges, all)| ([64, *exchanges], all));
        for (shape, all) in std::iter::once(([1, 1], &mut one)).chain(shapes) {
            let data = tempfile::tempdir_in(folder.path())?;
            all.push(load::measure(&args.hansard, data.path(), shape, time).await?);
        }
    }
    let growth = growth::measure(&args.hansard, folder.path()).await?;
    let large = growth::large(folder.path(), &args.hansard, args.exchanges, 300)?;
    let long = growth::large(folder.path(), &args.hansard, args.exchanges / 20, LONG)?;
    let mut rows = vec![
        row(
            "`fdatasync` of 2 KB, one after the other",
            format!("{:.0}/s, p50 {:.2} ms, p99 {:.2} ms", disk.rate, disk.p50, disk.p99),
            "",
        ),
        row(
            "SQLite inserts of 2 KB, 64 a transaction, no log",
            format!("{:.0}/s", sqlite.rate),
            "",
        ),
    ];
    for (exchanges, all) in &many {
        let what = match exchanges {
            1 => "the sink, 64 connections".to_owned(),
            _ => format!("the same with {exchanges} exchanges on each"),
        };
        let share = of(all, 2, |one| one.rate / sqlite.rate);
        rows.push(row(&what, format!("{}/s, {share}× SQLite's", rate(all)), "≥ 10,000/s"));
        rows.push(row(
            "acknowledgements",
            format!("p50 {} ms, p99 {} ms", of(all, 1, |one| one.p50), of(all, 1, |one| one.p99)),
            "p99 ≤ 25 ms",
        ));
        rows.push(row(
            "until an acknowledged part is in the ledger, at most",
            format!("{} ms", of(all, 0, |one| one.lag)),
            "≤ 1000 ms",
        ));
        let own = of(all, 2, Figures::cost);
        rows.push(row(
            "the sink's own CPU for a part; its clients take the rest",
            format!("{own} ms"),
            "",
        ));
    }
    rows.extend([
        row(
            "acknowledgement, one connection",
            format!(
                "p50 {} ms, {} ms above `fdatasync`; p99 {} ms",
                of(&one, 2, |one| one.p50),
                of(&one, 2, |one| one.p50 - disk.p50),
                of(&one, 2, |one| one.p99),
            ),
            "≤ 1 ms above",
        ),
        row(
            "a session of 100 turns: what holds and proves it, against its new content compressed",
            format!("{:.2}× ({:.0} KB)", growth.ratio, growth.kilobytes),
            "≤ 1.3×",
        ),
        row(
            "the same: the whole file, against its new content as it came",
            format!("{:.2}×", growth.file),
            "≤ 1.3×",
        ),
        row(
            "the same: the last 20 turns, against turns 21 to 40",
            format!("{:.2}×", growth.late),
            "1×: linear",
        ),
        row(
            &format!("a ledger of {} exchanges: open and list", args.exchanges),
            format!("{:.0} ms (made at {:.0} parts/s)", large.milliseconds, large.rate),
            "≤ 200 ms",
        ),
        row(
            "`hansard verify` of it",
            format!("{:.0} MB/s of the file, {:.1} s", large.verified, large.seconds),
            "≥ 500 MB/s",
        ),
        row(
            &format!(
                "the same of {} exchanges with {} KB of text",
                args.exchanges / 20,
                LONG / 1000
            ),
            format!("{:.0} MB/s of the file, {:.1} s", long.verified, long.seconds),
            "≥ 500 MB/s",
        ),
    ]);
    report(&rows)
}

fn rate(rounds: &[Figures]) -> String {
    of(rounds, 0, |one| one.rate)
}

/// The median of the rounds, with the least and the most where there are several.
fn of(rounds: &[Figures], digits: usize, value: impl Fn(&Figures) -> f64) -> String {
    let mut values: Vec<f64> = rounds.iter().map(value).collect();
    values.sort_unstable_by(f64::total_cmp);
    let at = |place: usize| values.get(place).copied().unwrap_or_default();
    let (least, median, most) = (at(0), at(values.len() / 2), at(values.len().saturating_sub(1)));
    match values.len() {
        0 | 1 => format!("{median:.digits$}"),
        _ => format!("{median:.digits$} ({least:.digits$}–{most:.digits$})"),
    }
}

fn row(what: &str, measured: String, goal: &str) -> [String; 3] {
    [what.to_owned(), measured, goal.to_owned()]
}

fn report(rows: &[[String; 3]]) -> Fallible<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "| parts of 2 KB, each on disk before it is acknowledged | | goal |\n|---|---|--:|"
    )?;
    for [what, measured, goal] in rows {
        writeln!(out, "| {what} | {measured} | {goal} |")?;
    }
    Ok(())
}

/// Times in milliseconds.
#[derive(Debug)]
struct Figures {
    parts: usize,
    rate: f64,
    p50: f64,
    p99: f64,
    /// Seconds of the sink's processors.
    worked: f64,
    /// The longest time, in milliseconds, in which what came was not in the ledger.
    lag: f64,
}

impl Figures {
    /// Milliseconds of the sink's processors for a part.
    fn cost(&self) -> f64 {
        self.worked * 1000.0 / self.parts.max(1) as f64
    }

    fn of(mut times: Vec<Duration>, took: Duration) -> Self {
        times.sort_unstable();
        let at = |share: usize| {
            let place = times.len().saturating_sub(1) * share / 100;
            times.get(place).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
        };
        let rate = times.len() as f64 / took.as_secs_f64();
        Self { parts: times.len(), rate, p50: at(50), p99: at(99), worked: 0.0, lag: 0.0 }
    }
}

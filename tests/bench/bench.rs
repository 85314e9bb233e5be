//! The whole run: everything started once, then rounds in which each variant has its slice of each
//! cell, so that a machine that slows down slows all of them.

use crate::Args;
use crate::cell::Cell;
use crate::config::{Setup, envoy};
use crate::cores::Cores;
use crate::envoy::{Envoy, Starting};
use crate::issuer::{Issued, issue};
use crate::load::Traffic;
use crate::problem::Problem;
use crate::sink::{Parts, Sink};
use crate::slice::{Sample, measure};
use crate::steps::Steps;
use crate::upstream;
use crate::variant::Variant;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) rounds: usize,
    pub(crate) slice: Duration,
    /// Before each slice, on its connections.
    warm: Duration,
    /// Before the first round, once for each variant and cell: V8 compiles what is hot, and
    /// caches fill.
    first: Duration,
}

impl Pace {
    const DEFAULT: Self = Self {
        rounds: 7,
        slice: Duration::from_millis(800),
        warm: Duration::from_millis(100),
        first: Duration::from_millis(500),
    };
    const QUICK: Self = Self {
        rounds: 3,
        slice: Duration::from_millis(250),
        warm: Duration::from_millis(30),
        first: Duration::from_millis(150),
    };

    pub(crate) fn of(args: &Args) -> Self {
        let pace = if args.quick { Self::QUICK } else { Self::DEFAULT };
        Self { rounds: args.rounds.unwrap_or(pace.rounds), ..pace }
    }
}

/// The samples of one variant in one cell, one for each round.
pub(crate) struct Column {
    pub(crate) variant: Variant,
    pub(crate) samples: Vec<Sample>,
}

/// One cell's samples.
pub(crate) struct Row {
    pub(crate) cell: Cell,
    pub(crate) columns: Vec<Column>,
}

/// Everything that was measured.
pub(crate) struct Outcome {
    pub(crate) envoy_version: String,
    pub(crate) cores: Cores,
    pub(crate) pace: Pace,
    pub(crate) rows: Vec<Row>,
    /// Requests sent through Hansard, two parts each.
    pub(crate) recorded_requests: Parts,
    pub(crate) parts: Parts,
}

/// Measures. To be called within a `LocalSet`.
pub(crate) async fn run(args: &Args) -> Result<Outcome, Problem> {
    let files = Files::find(args)?;
    let pace = Pace::of(args);
    let cores = Cores::split();
    let failed = |source| Problem::File { path: files.target.clone(), source };
    // On the disk that the repository is on: a temporary folder may be in memory, where a sync
    // costs nothing.
    let folder =
        tempfile::Builder::new().prefix("bench-").tempdir_in(&files.target).map_err(failed)?;
    let Issued { token, issuer } = issue()?;
    let sink = Sink::start(&files.hansard, &folder.path().join("ledger"))?;
    let steps = Steps::new(Cell::MOST_CONNECTIONS);
    let setup = Setup {
        upstream: upstream::start(&steps)?,
        sink: sink.address,
        issuer: &issuer,
        hansard: &files.filter,
        noop: &files.noop,
    };
    let mut starting = Vec::new();
    for variant in Variant::ALL {
        let config = envoy(&setup, variant)?;
        let envoy = Starting::start(&args.envoy, folder.path(), variant, &config)?;
        cores.give_envoy(envoy.pid());
        starting.push(envoy);
    }
    let mut envoys = Vec::new();
    for envoy in starting {
        let envoy = envoy.ready().await?;
        say(&format!("{}: Envoy {}, process {}", envoy.variant.name(), envoy.version, envoy.pid));
        envoys.push(envoy);
    }
    let envoy_version = envoys.first().map(|envoy| envoy.version.clone()).unwrap_or_default();

    let mut field = Field { envoys, sink: sink.pid, slices: 0, sent: Parts::default() };
    let mut rows: Vec<Row> = Cell::ALL
        .into_iter()
        .filter(|cell| args.case.is_none_or(|case| case == cell.case))
        .filter(|cell| args.connections.is_none_or(|number| number == cell.connections))
        .map(|cell| Row {
            cell,
            columns: Variant::ALL.map(|variant| Column { variant, samples: Vec::new() }).into(),
        })
        .collect();
    for round in 0..=pace.rounds {
        for row in &mut rows {
            let traffic = Rc::new(Traffic::new(row.cell, &token, &steps));
            let said = field.round(round, row, &traffic, pace).await?;
            let title = row.cell.title();
            match round {
                0 => say(&format!("warming up: {title}")),
                _ => say(&format!("round {round} of {}: {title}: {said}", pace.rounds)),
            }
        }
    }
    let Field { sent, .. } = field;
    let expected = Parts { acknowledged: 2 * sent.acknowledged, access_log: 2 * sent.access_log };
    let parts = sink.parts(expected).await?;
    Ok(Outcome { envoy_version, cores, pace, rows, recorded_requests: sent, parts })
}

/// What slices run on.
struct Field {
    envoys: Vec<Envoy>,
    sink: u32,
    slices: u64,
    sent: Parts,
}

impl Field {
    /// A slice of each variant; which one begins changes from round to round. Round 0 warms up.
    /// What each cost against no filter, for a person who waits.
    async fn round(
        &mut self,
        round: usize,
        row: &mut Row,
        traffic: &Rc<Traffic>,
        pace: Pace,
    ) -> Result<String, Problem> {
        let count = row.columns.len().max(1);
        for turn in 0..count {
            let at = (round + turn) % count;
            let (Some(column), Some(envoy)) = (row.columns.get_mut(at), self.envoys.get(at)) else {
                continue;
            };
            let time = if round == 0 { pace.first } else { pace.slice };
            self.slices += 1;
            let measured = measure(envoy, self.sink, self.slices, traffic, pace.warm, time).await?;
            match column.variant {
                Variant::Acknowledged => self.sent.acknowledged += measured.sent,
                Variant::AccessLog => self.sent.access_log += measured.sent,
                Variant::Bare | Variant::NoFilter | Variant::Noop | Variant::Lua => {}
            }
            if round > 0 {
                column.samples.push(measured.sample);
            }
        }
        let last = |column: &Column| column.samples.last().map(|sample| sample.envoy_us);
        let base = row.columns.iter().find(|column| column.variant == Variant::NoFilter);
        let base = base.and_then(last).unwrap_or(f64::NAN);
        let each = row.columns.iter().filter_map(|column| {
            last(column).map(|us| format!("{} {:.2}×", column.variant.name(), us / base))
        });
        Ok(each.collect::<Vec<_>>().join(", "))
    }
}

/// What must have been built.
struct Files {
    target: PathBuf,
    hansard: PathBuf,
    filter: PathBuf,
    noop: PathBuf,
}

impl Files {
    /// Beside this program, where cargo puts them.
    fn find(args: &Args) -> Result<Self, Problem> {
        let program = std::env::current_exe()?;
        let beside = program.parent().unwrap_or(Path::new("."));
        let target = beside.parent().unwrap_or(Path::new(".")).to_owned();
        let wasm = target.join("wasm32-wasip1/wasm");
        let there = |path: PathBuf| match path.canonicalize() {
            Ok(path) => Ok(path),
            Err(_) => Err(Problem::Missing { path }),
        };
        let named = |named: &Option<PathBuf>, usual: PathBuf| there(named.clone().unwrap_or(usual));
        Ok(Self {
            hansard: named(&args.hansard, beside.join("hansard"))?,
            filter: named(&args.filter, wasm.join("hansard_filter.wasm"))?,
            noop: there(wasm.join("noop_filter.wasm"))?,
            target,
        })
    }
}

fn say(text: &str) {
    // Progress that nobody reads is no reason to stop.
    let _ = writeln!(io::stderr(), "{text}");
}

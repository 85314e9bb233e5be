//! `hansard status`: whether the record is complete, in figures.

use crate::cli::Data;
use crate::failure::{Failure, No};
use crate::paint::Paint;
use crate::terminal;
use crate::time::now;
use hansard_shown::{rfc3339, short, span};
use hansard_store::LedgerStatus;
use serde_json::{Value, json};
use std::io::{self, BufWriter, Write};

/// What came in the last five seconds may still find its counterpart.
pub(crate) const GRACE: i64 = 5_000;

/// Say whether the record is complete: 0 it is, 1 something is missing, 2 no answer
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansard status
  hansard status --json | jq '.gaps'
  hansard status || notify-someone")]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: Data,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let now = now() as i64;
    let status = args.data.reader().and_then(|reader| Ok(reader.status(now, GRACE)?));
    let status = status.map_err(Failure::unanswered)?;
    let mut out = BufWriter::new(io::stdout().lock());
    if args.json {
        writeln!(out, "{:#}", view(&status))?;
    } else {
        lines(&mut out, Paint::of_stdout(), &status, now)?;
    }
    out.flush()?;
    if status.is_complete() { Ok(()) } else { Err(No::Incomplete.into()) }
}

fn lines(out: &mut impl Write, paint: Paint, status: &LedgerStatus, now: i64) -> io::Result<()> {
    let LedgerStatus { exchanges, open, interrupted, parts, malformed, witnesses, missing, .. } =
        status;
    let running = open.saturating_sub(*interrupted);
    writeln!(out, "exchanges     {exchanges}, {running} open, {interrupted} interrupted")?;
    writeln!(out, "parts         {parts}, {malformed} unreadable entries")?;
    let mark = |count: i64| {
        if count == 0 { paint.green("0".to_owned()) } else { paint.red(count.to_string()) }
    };
    writeln!(out, "missing       {} numbers", mark(*missing))?;
    for gap in &status.gaps {
        let boot = terminal::line(&gap.boot);
        let node = terminal::line(&gap.node);
        let (first, last) = (gap.first, gap.last);
        let (after, before) = (short(gap.after_at), short(gap.before_at));
        writeln!(out, "              {first}–{last} of {boot} (node {node}), {after} to {before}")?;
    }
    if status.is_behind {
        let waits =
            "parts were acknowledged that are not in the ledger: start the sink on this folder";
        writeln!(out, "{}       {waits}", paint.red("waiting".to_owned()))?;
    }
    if *witnesses == 0 {
        writeln!(out, "second witness  none: Envoy's own gRPC access log is not sent here")?;
    } else {
        let (unrecorded, unwitnessed) = (mark(status.unrecorded), mark(status.unwitnessed));
        writeln!(out, "Envoy's log   {witnesses} streams, {unrecorded} without a record")?;
        writeln!(out, "              {unwitnessed} records without a stream")?;
    }
    writeln!(out, "log           {} entries", status.entries)?;
    if let Some(at) = status.checkpoint_at {
        writeln!(
            out,
            "checkpoint    {} ({} ago)",
            rfc3339(at),
            span(now.saturating_sub(at).max(0))
        )?;
    }
    writeln!(out, "sessions      {} erased, {} on hold", status.erased, status.held)?;
    writeln!(out, "size          {} MB", status.bytes / 1_000_000)?;
    let verdict = if status.is_complete() {
        paint.green("complete: nothing is known to be missing".to_owned())
    } else {
        paint.red("incomplete".to_owned())
    };
    writeln!(out, "{verdict}")
}

fn view(status: &LedgerStatus) -> Value {
    let gaps: Vec<Value> = status
        .gaps
        .iter()
        .map(|gap| {
            json!({
                "node": gap.node, "boot": gap.boot, "first": gap.first, "last": gap.last,
                "after": rfc3339(gap.after_at), "before": rfc3339(gap.before_at),
            })
        })
        .collect();
    json!({
        "complete": status.is_complete(),
        "exchanges": status.exchanges,
        "open": status.open.saturating_sub(status.interrupted),
        "interrupted": status.interrupted,
        "parts": status.parts,
        "malformed": status.malformed,
        "missing": status.missing,
        "behind": status.is_behind,
        "gaps": gaps,
        "witnesses": status.witnesses,
        "unrecorded": status.unrecorded,
        "unwitnessed": status.unwitnessed,
        "entries": status.entries,
        "checkpoint": status.checkpoint,
        "checkpoint_at": status.checkpoint_at.map(rfc3339),
        "received_at": status.received_at.map(rfc3339),
        "erased": status.erased,
        "held": status.held,
        "bytes": status.bytes,
    })
}

/// The figures as Prometheus reads them (text format 0.0.4).
pub(crate) fn metrics(status: &LedgerStatus, now: i64) -> String {
    let age = |at: Option<i64>| at.map_or(0.0, |at| now.saturating_sub(at) as f64 / 1000.0);
    let running = status.open.saturating_sub(status.interrupted);
    let figures: [(&str, &str, f64); 16] = [
        ("exchanges", "Exchanges on record", status.exchanges as f64),
        ("exchanges_open", "Exchanges that may still run", running as f64),
        (
            "exchanges_interrupted",
            "Exchanges whose end is not on record and will not be",
            status.interrupted as f64,
        ),
        ("parts", "Parts of records", status.parts as f64),
        ("malformed", "Entries that could not be read", status.malformed as f64),
        ("missing_parts", "Numbers of parts that are missing", status.missing as f64),
        (
            "behind",
            "1 when parts were acknowledged that the ledger does not take in",
            f64::from(u8::from(status.is_behind)),
        ),
        ("witnesses", "Streams that Envoy's own log names", status.witnesses as f64),
        ("unrecorded_streams", "Streams without a record", status.unrecorded as f64),
        ("unwitnessed_exchanges", "Records without a stream", status.unwitnessed as f64),
        ("log_entries", "Entries of the log", status.entries as f64),
        ("checkpoint_age_seconds", "Since the last checkpoint", age(status.checkpoint_at)),
        ("lag_seconds", "Since the last part was received", age(status.received_at)),
        ("erased_sessions", "Sessions that were erased", status.erased as f64),
        ("held_sessions", "Sessions under legal hold", status.held as f64),
        ("store_bytes", "Size of the database", status.bytes as f64),
    ];
    figures
        .iter()
        .map(|(name, help, value)| {
            format!(
                "# HELP hansard_{name} {help}\n# TYPE hansard_{name} gauge\nhansard_{name} {value}\n"
            )
        })
        .collect()
}

//! `hansard verify`: an auditor's own look at a ledger or at a bundle.

use crate::cli::Data;
use crate::failure::{Failure, No};
use crate::paint::Paint;
use crate::sink::COSIGNED;
use hansard_verify::{Kept, Report, VerifyError};
use serde_json::json;
use std::fs;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Compute the whole ledger anew and name what was changed: 0 intact and complete, 1 not, 2 no answer
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansard verify
  hansard verify --data /var/lib/hansard --key \"$(cat checkpoint.pub)\"
  hansard verify --since checkpoint-of-last-month
  hansard verify --witness-key \"$(cat witness.pub)\"
  hansard verify --bundle evidence.json --key \"$(cat checkpoint.pub)\"

A ledger that was cut, or replaced as a whole, contradicts a checkpoint of earlier: keep one
(`hansard status --json | jq -r .checkpoint`), and give it with --since.")]
pub(crate) struct Args {
    /// A bundle that `hansard export` made, instead of a ledger
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// A checkpoint that was kept earlier: the log must go on from it
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
    /// The public key of the witness whose last co-signed checkpoint (`cosigned` in the data folder)
    /// the log must go on from
    #[arg(long, value_name = "VKEY", conflicts_with_all = ["since", "bundle"])]
    witness_key: Option<String>,
    /// The key that verifies checkpoints; without it, the one in the keys' folder or in the bundle
    #[arg(long, value_name = "VKEY")]
    key: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: Data,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let (report, is_own) = look(args).map_err(Failure::unanswered)?;
    let mut out = BufWriter::new(io::stdout().lock());
    if args.json {
        writeln!(out, "{:#}", view(&report))?;
    } else {
        lines(&mut out, Paint::of_stdout(), &report, is_own, args.bundle.is_some())?;
    }
    out.flush()?;
    match (report.is_intact(), report.is_complete()) {
        (true, true) => Ok(()),
        (true, false) => Err(No::Incomplete.into()),
        (false, _) => Err(No::Changed.into()),
    }
}

/// The report, and whether the key came with what it verifies.
fn look(args: &Args) -> Result<(Report, bool), Failure> {
    let read = |path: &Path| {
        fs::read(path).map_err(|source| Failure::File { path: path.to_owned(), source })
    };
    if let Some(bundle) = &args.bundle {
        let (report, _) = hansard_verify::verify_bundle(&read(bundle)?, args.key.as_deref())?;
        return Ok((report, args.key.is_none()));
    }
    let key = match &args.key {
        Some(key) => key.clone(),
        None => args.data.keys().public()?,
    };
    let kept = match &args.witness_key {
        Some(witness) => {
            let note = read(&args.data.data.join(COSIGNED))?;
            hansard_verify::cosigned(&note, witness).map_err(|why| VerifyError::Kept { why })?;
            Some(Kept(note))
        }
        None => args.since.as_deref().map(read).transpose()?.map(Kept),
    };
    let to_person = io::stderr().is_terminal();
    let report = hansard_verify::verify(&args.data.data, &key, kept.as_ref(), |done, all| {
        if to_person {
            // Progress is lost without harm.
            let _ = write!(io::stderr(), "\r{done} of {all} entries");
        }
    });
    if to_person {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
    Ok((report?, args.key.is_none()))
}

fn lines(
    out: &mut impl Write,
    paint: Paint,
    report: &Report,
    is_own: bool,
    is_bundle: bool,
) -> io::Result<()> {
    let Report { entries, parts, checkpoints, root, bytes, erased, .. } = report;
    writeln!(out, "entries       {entries}, {parts} of them parts of records")?;
    writeln!(out, "checkpoints   {checkpoints} hold; root {root}")?;
    writeln!(out, "read          {} MB", bytes / 1_000_000)?;
    if *erased > 0 {
        writeln!(
            out,
            "erased        {erased} sessions: their entries are here, their content is not"
        )?;
    }
    for gap in &report.gaps {
        let (first, last) = (gap.first, gap.last);
        writeln!(out, "{}       {first}–{last} of {}", paint.red("missing"), gap.boot)?;
    }
    if report.waiting > 0 {
        let waiting = report.waiting;
        writeln!(
            out,
            "{}       {waiting} calls were acknowledged and are not in the log: start the sink on this \
             folder, it takes them in",
            paint.red("waiting")
        )?;
    }
    for problem in &report.problems {
        writeln!(out, "{}       {problem}", paint.red("changed"))?;
    }
    let named = report.problems.len() as u64;
    if report.found > named {
        writeln!(out, "              and {} more", report.found.saturating_sub(named))?;
    }
    if !is_bundle {
        let there = parts.saturating_add(report.missing());
        let share = if there == 0 { 100.0 } else { *parts as f64 * 100.0 / there as f64 };
        writeln!(out, "completeness  {share:.3} % of the numbered parts")?;
    }
    if is_own {
        writeln!(
            out,
            "the public key came with the data: that nothing was changed holds against whoever has no \
             signing key; give a key from elsewhere with --key"
        )?;
    }
    let verdict = match (report.is_intact(), report.is_complete()) {
        (true, true) if is_bundle => paint.green("intact".to_owned()),
        (true, true) => paint.green("intact and complete".to_owned()),
        (true, false) => paint.yellow("intact, but incomplete".to_owned()),
        (false, _) => paint.red("changed".to_owned()),
    };
    writeln!(out, "{verdict}")
}

fn view(report: &Report) -> serde_json::Value {
    let gaps = report.gaps.iter();
    json!({
        "intact": report.is_intact(),
        "complete": report.is_complete(),
        "entries": report.entries,
        "parts": report.parts,
        "checkpoints": report.checkpoints,
        "root": report.root,
        "bytes": report.bytes,
        "erased": report.erased,
        "missing": report.missing(),
        "waiting": report.waiting,
        "gaps": gaps.map(|gap| json!({"boot": gap.boot, "first": gap.first, "last": gap.last}))
            .collect::<Vec<_>>(),
        "problems": report.problems,
        "found": report.found,
    })
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        Self::Verify(error)
    }
}

//! `hansard export`: one session in a format of others', or all that the ledger takes in.
//!
//! Each export is an entry of the log before its first byte is written.

mod bundle;
mod follow;
mod proof;

use super::operator;
use crate::cli::Data;
use crate::failure::Failure;
use crate::time::now;
use clap::ValueEnum;
use hansard_export::Content;
use hansard_store::{Access, Reader};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Write a session as evidence, a page, a document, lines, spans or events; or follow the ledger
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansard export s-3f2a -o evidence.json
  hansard verify --bundle evidence.json
  hansard export s-3f2a --format html -o session.html
  hansard export s-3f2a --format ocsf | curl --data-binary @- https://siem.example/events
  hansard export --follow --since 4711

A bundle, a page, a document and lines hold the session in the clear, to whoever has the file: treat
them as what they show. Each export is an entry of the ledger.")]
pub(crate) struct Args {
    /// A session id, an exchange id, the beginning of one, or the client's own session id
    #[arg(value_name = "ID", required_unless_present = "follow", conflicts_with = "follow")]
    id: Option<String>,
    /// What to write
    #[arg(long, value_enum, default_value = "bundle", conflicts_with = "follow")]
    format: Format,
    /// The file to write, which must not be there yet [default: standard output; a bundle needs one]
    #[arg(short, long, value_name = "FILE", conflicts_with = "follow")]
    output: Option<PathBuf>,
    /// In spans and events, also what was said: prompts, answers, tool inputs and results
    #[arg(long)]
    content: bool,
    /// Write a line for each entry that the ledger takes in, until stopped
    #[arg(long)]
    follow: bool,
    /// Go on with this entry: the `cursor` of the last line that was kept [default: what is new]
    #[arg(long, value_name = "ENTRY", requires = "follow")]
    since: Option<i64>,
    #[command(flatten)]
    data: Data,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Records, inclusion proofs, checkpoint and keys: evidence that `hansard verify` checks
    Bundle,
    /// One line of JSON for each event
    Jsonl,
    /// One page with a player, which opens offline
    Html,
    /// A document
    Markdown,
    /// OTLP/JSON spans by the OpenTelemetry GenAI conventions
    Otel,
    /// OCSF API Activity events, for a SIEM
    Ocsf,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let reader = args.data.reader()?;
    let Some(id) = &args.id else {
        record(args, "follow")?;
        return follow::run(&reader, args.since);
    };
    let session = reader.session(id)?.id;
    if args.format == Format::Bundle && args.output.is_none() {
        return Err(Failure::NoOutput);
    }
    let Some(path) = &args.output else {
        record(args, &session)?;
        let mut out = io::BufWriter::new(io::stdout().lock());
        write(args, &reader, &session, &mut out)?.map_err(Failure::Output)?;
        return Ok(out.flush()?);
    };
    let failed = |source| Failure::File { path: path.clone(), source };
    // Nothing is on record as exported that could not be written at all.
    let file = create(path).map_err(failed)?;
    record(args, &session)?;
    let mut out = io::BufWriter::new(file);
    write(args, &reader, &session, &mut out)?.map_err(failed)?;
    out.flush().and_then(|()| out.get_ref().sync_all()).map_err(failed)?;
    writeln!(io::stdout(), "{session} is in {}", path.display())?;
    Ok(())
}

/// Puts the export on record.
fn record(args: &Args, target: &str) -> Result<(), Failure> {
    let access = Access {
        at: now() as i64,
        by: operator(),
        role: "operator".to_owned(),
        action: "export".to_owned(),
        target: target.to_owned(),
    };
    Ok(args.data.custodian()?.looked(&[access])?)
}

fn create(path: &Path) -> io::Result<std::fs::File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Outside what the ledger, inside what the output failed of.
fn write(
    args: &Args,
    reader: &Reader,
    session: &str,
    out: &mut dyn Write,
) -> Result<io::Result<()>, Failure> {
    let content = if args.content { Content::With } else { Content::Without };
    if args.format == Format::Bundle {
        let json = serde_json::to_vec_pretty(&bundle::of(reader, session)?)?;
        return Ok(out.write_all(&json));
    }
    let replay = hansard_replay::rebuild(&hansard_replay::load(reader, session)?);
    Ok(match args.format {
        Format::Jsonl => hansard_export::jsonl(&replay, out),
        Format::Html => hansard_export::html(&replay, out),
        Format::Markdown => hansard_export::markdown(&replay, out),
        Format::Otel => hansard_export::otel(&replay, content, out),
        Format::Ocsf | Format::Bundle => {
            hansard_export::ocsf(&replay, &proof::of(reader, &replay)?, content, out)
        }
    })
}

#[cfg(test)]
mod tests;

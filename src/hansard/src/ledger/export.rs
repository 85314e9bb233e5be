//! `hansard export`: one session as evidence that stands for itself.

use crate::cli::Data;
use crate::failure::Failure;
use crate::time::rfc3339;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hansard_store::{Evidence, ProvenEntry, Reader};
use hansard_verify::{Bundle, FORMAT, Proven};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// Write a session as an evidence bundle: its records, their proofs, and what opens them
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansard export s-3f2a -o evidence.json
  hansard verify --bundle evidence.json

The bundle holds the session in the clear, to whoever has the file: treat it as what it proves.")]
pub(crate) struct Args {
    /// A session id, an exchange id, the beginning of one, or the client's own session id
    #[arg(value_name = "ID")]
    id: String,
    /// The file to write; it must not be there yet
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    data: Data,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let reader = args.data.reader()?;
    let session = reader.session(&args.id)?;
    let evidence = reader.evidence(&session.id)?;
    let bundle = bundle(&reader, &session.id, evidence)?;
    let failed = |source| Failure::File { path: args.output.clone(), source };
    let json = serde_json::to_vec_pretty(&bundle)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&args.output)
        .map_err(failed)?;
    file.write_all(&json).and_then(|()| file.sync_all()).map_err(failed)?;
    let (parts, path) = (bundle.entries.len(), args.output.display());
    writeln!(io::stdout(), "{parts} parts of {} in {path}", session.id)?;
    Ok(())
}

fn bundle(reader: &Reader, session: &str, evidence: Evidence) -> Result<Bundle, Failure> {
    let mut index = vec![
        format!("Session {session}, {} parts.", evidence.entries.len()),
        "`hansard verify --bundle FILE` computes everything anew and needs nothing else; give it \
         the ledger's public key with --key, from where you keep it."
            .to_owned(),
    ];
    for exchange in reader.exchanges(session)? {
        index.push(format!(
            "{} exchange {} by {}: {} {}, {}",
            rfc3339(exchange.started_at),
            exchange.id,
            if exchange.introduction.subject.is_empty() {
                "nobody who was verified"
            } else {
                &exchange.introduction.subject
            },
            exchange.introduction.method.as_deref().unwrap_or("?"),
            exchange.introduction.path.as_deref().unwrap_or("?"),
            exchange.status.name(),
        ));
    }
    let Evidence { checkpoint, public_key, keys, blocks, chains, entries } = evidence;
    let encoded = |(id, bytes): (i64, Vec<u8>)| (id, STANDARD.encode(bytes));
    let proven = |entry: ProvenEntry| {
        let ProvenEntry { index, bytes, proof, key, frame, streams } = entry;
        Proven {
            index: u64::try_from(index).unwrap_or(0),
            entry: String::from_utf8_lossy(&bytes).into_owned(),
            proof,
            key,
            frame,
            streams,
        }
    };
    Ok(Bundle {
        format: FORMAT.to_owned(),
        index,
        session: session.to_owned(),
        public_key,
        checkpoint,
        keys: keys.into_iter().map(encoded).collect(),
        blocks: blocks.into_iter().map(encoded).collect(),
        chains,
        entries: entries.into_iter().map(proven).collect(),
    })
}

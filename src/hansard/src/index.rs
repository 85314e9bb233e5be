//! `hansard index`, and the index for the commands that read it.
//!
//! The index is derived from the ledger and holds plain, redacted text; it can be deleted at any time.
//! Who reads it brings it up to date first, unless another process does.

use crate::cli::Data;
use crate::failure::Failure;
use hansard_replay::archive::{Archive, ArchiveError, CaughtUp, View};
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A catch-up that takes longer than this says how far it is.
const PATIENCE: Duration = Duration::from_secs(1);

/// Bring the index of sessions up to date with the ledger
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansard index
  hansard index --rebuild
  hansard index --data /var/lib/hansard --index /var/cache/hansard

The index serves `hansard blame` and the web pages. It is made of the ledger and can be deleted at any
time. It holds plain text, redacted as it was recorded: its folder is for its owner alone.")]
pub(crate) struct Args {
    /// Drop the index first, and make it anew
    #[arg(long)]
    rebuild: bool,
    #[command(flatten)]
    index: Index,
    #[command(flatten)]
    data: Data,
}

/// Where the index is; the same for every command.
#[derive(Debug, clap::Args)]
pub(crate) struct Index {
    /// The folder of the index [default: beside the data folder, DIR-index]
    #[arg(long, env = "HANSARD_INDEX", value_name = "DIR")]
    index: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let reader = args.data.timeless()?;
    let folder = args.index.folder(&args.data);
    let mut archive = Archive::open(&folder)?;
    if args.rebuild {
        archive.clear()?;
    }
    let start = Instant::now();
    let CaughtUp { entries, rebuilt, anew, .. } = catch_up(&mut archive, &reader)?;
    let mut out = io::stdout().lock();
    if anew {
        writeln!(out, "the index was of another ledger, and was made anew")?;
    }
    let took = start.elapsed().as_secs_f64();
    writeln!(
        out,
        "{}: {entries} entries read, {rebuilt} sessions rebuilt, in {took:.1} s",
        folder.display()
    )?;
    Ok(())
}

impl Index {
    pub(crate) fn folder(&self, data: &Data) -> PathBuf {
        self.index.clone().unwrap_or_else(|| {
            let mut name = data.data.file_name().map_or_else(|| "hansard".into(), OsString::from);
            name.push("-index");
            data.data.with_file_name(name)
        })
    }

    /// The index as of now.
    pub(crate) fn view(&self, data: &Data) -> Result<View, Failure> {
        let folder = self.folder(data);
        match Archive::open(&folder) {
            Ok(mut archive) => {
                catch_up(&mut archive, &data.timeless()?)?;
            }
            // Who holds it follows the ledger.
            Err(ArchiveError::Locked { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(View::open(&folder)?)
    }
}

/// Says on standard error how far it is, when it takes long and a person looks.
fn catch_up(archive: &mut Archive, reader: &hansard_store::Reader) -> Result<CaughtUp, Failure> {
    let (start, to_person) = (Instant::now(), io::stderr().is_terminal());
    let mut shown = false;
    let done = archive.catch_up(reader, None, &mut |progress| {
        if to_person && start.elapsed() > PATIENCE {
            let (entries, of) = (progress.entries, progress.of);
            let (rebuilt, left) = (progress.rebuilt, progress.pending);
            // Progress is lost without harm.
            let _ = write!(
                io::stderr(),
                "\r\x1b[Kthe index: {entries} of {of} entries, {rebuilt} sessions rebuilt, {left} to go"
            );
            shown = true;
        }
    });
    if shown {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
    Ok(done?)
}

impl From<ArchiveError> for Failure {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(error)
    }
}

//! Brings the index up to date with the ledger, as long as pages are served.

use crate::cli::Data;
use hansard_replay::archive::{Archive, ArchiveError};
use hansard_store::Reader;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often the ledger is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// How long one look may take before it can be told to stop.
const WITHIN: Duration = Duration::from_secs(2);

/// A thread that follows the ledger.
pub(crate) struct Follower {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Follower {
    pub(crate) fn start(data: &Data, index: &Path) -> Self {
        let (stop, stopped) = channel();
        let (data, keys, index) = (data.data.clone(), data.folder_of_keys(), index.to_owned());
        let thread = thread::spawn(move || follow(&data, &keys, &index, &stopped));
        Self { stop, thread }
    }

    /// Waits until what has begun is done.
    pub(crate) fn stop(self) {
        drop(self.stop);
        let _it_may_have_ended = self.thread.join();
    }
}

fn follow(data: &Path, keys: &Path, index: &Path, stopped: &Receiver<()>) {
    let mut archive: Option<Archive> = None;
    let mut said = String::new();
    while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
        let done = step(&mut archive, data, keys, index);
        // What stays wrong is said once.
        let problem = done.err().map(|error| error.to_string()).unwrap_or_default();
        if problem != said && !problem.is_empty() {
            tracing::warn!(error = %problem, "the index is not up to date");
        }
        said = problem;
    }
}

pub(super) fn step(
    archive: &mut Option<Archive>,
    data: &Path,
    keys: &Path,
    index: &Path,
) -> Result<(), ArchiveError> {
    if archive.is_none() {
        *archive = Some(Archive::open(index)?);
    }
    let Some(open) = archive else { return Ok(()) };
    let reader = Reader::open_with(data, keys)?;
    open.catch_up(&reader, Some(WITHIN), &mut |_| {})?;
    Ok(())
}

//! The index from outside, without a ledger: what is put in is found.

mod blame;
mod lists;
mod words;

use super::specimen::Specimen;
use super::{Archive, View};
use crate::Replay;
use tempfile::TempDir;

/// An index of these sessions, numbered as they come.
fn archive(sessions: &[Specimen]) -> (TempDir, Archive, View) {
    let folder = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(folder.path()).unwrap();
    let replays: Vec<Replay> = sessions.iter().map(Specimen::replay).collect();
    archive.put((1..).zip(&replays)).unwrap();
    let view = View::open(folder.path()).unwrap();
    (folder, archive, view)
}

fn specimen(id: &str, prompts: &[&str]) -> Specimen {
    Specimen {
        id: id.to_owned(),
        subject: "alice".to_owned(),
        started_at: 1_000,
        prompts: prompts.iter().map(ToString::to_string).collect(),
        ..Specimen::default()
    }
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

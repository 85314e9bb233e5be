//! What is on disk: a ledger read beside its writer, or after its death.

use hansard_store::{Reader, Status, Writer};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// One moment of a ledger.
pub(crate) struct Ledger {
    pub(crate) exchanges: Vec<Exchange>,
    folder: PathBuf,
    /// Gone with it.
    copies: Vec<TempDir>,
}

pub(crate) struct Exchange {
    /// Path and query; empty while no part that introduces it is here.
    pub(crate) path: String,
    /// `open`, `complete`, `refused`, or why it ended.
    pub(crate) status: String,
    pub(crate) parts: Vec<Part>,
}

pub(crate) struct Part {
    pub(crate) kind: String,
    pub(crate) boot: String,
    pub(crate) seq: u64,
    pub(crate) content: Value,
}

impl Ledger {
    pub(crate) fn read(folder: &Path) -> Self {
        let reader = Reader::open(folder).unwrap();
        // Killed or frozen: what it acknowledged, its next start takes in.
        if reader.status(i64::MAX / 2, 0).unwrap().is_behind {
            let copy = Self::copied(folder);
            let folder = copy.path().join(folder.file_name().unwrap());
            Writer::start(&folder).unwrap().close();
            return Self::read(&folder).with(copy);
        }
        let mut exchanges = Vec::new();
        for session in reader.sessions(usize::MAX).unwrap() {
            for exchange in reader.exchanges(&session.id).unwrap() {
                let parts = reader.parts(&exchange.id).unwrap();
                let status = match (exchange.status, &exchange.ending) {
                    (Status::Ended, Some(ending)) => ending.why.clone(),
                    (status, _) => status.name().to_owned(),
                };
                let parts = parts.into_iter().map(|part| Part {
                    content: content(&part.json, &part.kind),
                    kind: part.kind,
                    boot: part.boot,
                    seq: part.seq.try_into().unwrap(),
                });
                let path = exchange.introduction.path.clone().unwrap_or_default();
                let parts = parts.collect();
                exchanges.push(Exchange { path, status, parts });
            }
        }
        Self { exchanges, folder: folder.to_owned(), copies: Vec::new() }
    }

    /// The same of a folder in another mount namespace, in which SQLite opens nothing: a copy of it and
    /// of what stands beside it, as a crash would leave them.
    pub(crate) fn read_copy(folder: &Path) -> Self {
        let copy = Self::copied(folder);
        Self::read(&copy.path().join(folder.file_name().unwrap())).with(copy)
    }

    fn with(mut self, copy: TempDir) -> Self {
        self.copies.push(copy);
        self
    }

    fn copied(folder: &Path) -> TempDir {
        let copy = TempDir::new().unwrap();
        copy_tree(folder.parent().unwrap(), copy.path());
        copy
    }

    /// Exchanges of this path.
    pub(crate) fn asked<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a Exchange> {
        self.exchanges.iter().filter(move |one| one.path == path)
    }

    /// The exchange of this path.
    pub(crate) fn take(self, path: &str) -> Option<Exchange> {
        self.exchanges.into_iter().find(|one| one.path == path)
    }

    /// Part numbers that are missing below the highest of their boot, and that no part names as
    /// abandoned: what an auditor sees as a gap.
    pub(crate) fn gaps(&self) -> Vec<(String, u64)> {
        let mut boots: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
        let mut highest: BTreeMap<&str, u64> = BTreeMap::new();
        for part in self.exchanges.iter().flat_map(|exchange| &exchange.parts) {
            let abandoned = part.content["abandoned"].as_array().into_iter().flatten();
            let numbers = boots.entry(&part.boot).or_default();
            numbers.extend(abandoned.filter_map(Value::as_u64).chain([part.seq]));
            let highest = highest.entry(&part.boot).or_default();
            *highest = part.seq.max(*highest);
        }
        let missing = |(boot, numbers): (&&str, &BTreeSet<u64>)| {
            let all = (1..=highest[boot]).filter(|number| !numbers.contains(number));
            all.map(|number| (boot.to_string(), number)).collect::<Vec<_>>()
        };
        boots.iter().flat_map(missing).collect()
    }

    /// Whether Envoy's own log has told of the newest exchange.
    pub(crate) fn has_witness(&self) -> bool {
        let newest = "SELECT EXISTS (SELECT 1 FROM witness WHERE exchange = \
                      (SELECT id FROM exchanges ORDER BY started_at DESC, id DESC LIMIT 1))";
        self.database().query_row(newest, [], |row| row.get(0)).unwrap()
    }

    /// What is wrong with the file itself, or was taken for what it is not.
    pub(crate) fn defects(&self) -> Vec<String> {
        let database = self.database();
        let check: String =
            database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        let mut malformed = database.prepare("SELECT reason FROM malformed").unwrap();
        let malformed = malformed.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let malformed = malformed.map(|reason| format!("malformed: {}", reason.unwrap()));
        Some(check).filter(|check| check != "ok").into_iter().chain(malformed).collect()
    }

    fn database(&self) -> Connection {
        let path = self.folder.join("hansard.db");
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
    }
}

impl Exchange {
    pub(crate) fn has(&self, kind: &str) -> bool {
        self.parts.iter().any(|part| part.kind == kind)
    }
}

fn content(json: &[u8], kind: &str) -> Value {
    let record: Value = serde_json::from_slice(json).unwrap();
    let versions = record.as_object().unwrap();
    versions.values().next().unwrap()["part"][kind].clone()
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy_tree(&from, &to);
        } else if !from.ends_with("ballast") && !from.ends_with("hansard.db-shm") {
            // A journal may go while it is copied.
            let _gone = std::fs::copy(&from, &to);
        }
    }
}

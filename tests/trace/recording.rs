//! Calls to the system, as strace saw them, and the disk that they make.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Bytes that a disk writes as one.
const SECTOR: usize = 512;

/// What the writer writes.
const FILES: [&str; 4] = ["hansard.db", "hansard.db-wal", "intake.0", "intake.1"];

/// A call that changes the ledger's files, or says how far the writer is.
#[derive(Debug)]
pub(crate) enum Call {
    Write {
        name: String,
        at: usize,
        bytes: Vec<u8>,
    },
    Truncate {
        name: String,
        size: usize,
    },
    Sync(String),
    Unlink(String),
    /// So many parts are acknowledged.
    Mark(usize),
}

/// Runs the writer on a ledger under strace.
pub(crate) fn record(folder: &Path, parts: usize) -> Vec<Call> {
    let trace = folder.join("trace");
    let status = Command::new("strace")
        .args(["-f", "-y", "-xx", "-s", "2000000", "-e", "signal=none", "-e"])
        .arg("trace=openat,pwrite64,write,ftruncate,fdatasync,fsync,unlink,unlinkat")
        .arg("-o")
        .arg(&trace)
        .arg(env!("CARGO_BIN_EXE_traced-writer"))
        .arg(folder)
        .arg(parts.to_string())
        .status()
        .unwrap();
    assert!(status.success());
    fs::read_to_string(trace).unwrap().lines().filter_map(read).collect()
}

/// One line: `PID name(arguments) = result`, every string in hex.
fn read(line: &str) -> Option<Call> {
    let (_, call) = line.split_once(' ')?;
    let (name, arguments) = call.trim_start().split_once('(')?;
    // One thread writes, and the other copies: both are seen where they begin.
    let arguments = arguments.split(") = ").next()?.trim_end_matches(" <unfinished ...>");
    let mut strings = arguments.split(['<', '>', '"']).skip(1).step_by(2);
    let file = |text: &str| {
        let path = String::from_utf8(unhex(text)).ok()?;
        let name = path.rsplit('/').next()?.to_owned();
        FILES.contains(&name.as_str()).then_some(name)
    };
    match name {
        "openat" => {
            let path = String::from_utf8(unhex(strings.nth(1)?)).ok()?;
            Some(Call::Mark(path.rsplit_once("/acknowledged-")?.1.parse().ok()?))
        }
        "pwrite64" => {
            let (name, bytes) = (file(strings.next()?)?, unhex(strings.next()?));
            let at = arguments.rsplit(", ").next()?.parse().ok()?;
            Some(Call::Write { name, at, bytes })
        }
        "ftruncate" => {
            let name = file(strings.next()?)?;
            Some(Call::Truncate { name, size: arguments.rsplit(", ").next()?.parse().ok()? })
        }
        "fdatasync" | "fsync" => Some(Call::Sync(file(strings.next()?)?)),
        "unlink" => Some(Call::Unlink(file(strings.next()?)?)),
        "write" | "unlinkat" => {
            let changed = strings.find_map(file);
            assert!(changed.is_none(), "the ledger is changed by a call that is not read: {line}");
            None
        }
        _ => None,
    }
}

fn unhex(text: &str) -> Vec<u8> {
    text.split("\\x").skip(1).map(|byte| u8::from_str_radix(&byte[..2], 16).unwrap()).collect()
}

/// The ledger's files: what is on disk for certain, and what was written since.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    files: BTreeMap<String, File>,
}

#[derive(Clone, Debug, Default)]
struct File {
    synced: Vec<u8>,
    since: Vec<Change>,
    is_unlinked: bool,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

type Files = Vec<(String, Vec<u8>)>;

impl Disk {
    /// As the files of a ledger stand.
    pub(crate) fn of(data: &Path) -> Self {
        let there = FILES.iter().filter_map(|name| {
            let synced = fs::read(data.join(name)).ok()?;
            Some(((*name).to_owned(), File { synced, ..File::default() }))
        });
        Self { files: there.collect() }
    }

    pub(crate) fn apply(&mut self, call: &Call) {
        match call {
            Call::Write { name, at, bytes } => {
                self.file(name).since.push(Change::Write(*at, bytes.clone()));
            }
            Call::Truncate { name, size } => self.file(name).since.push(Change::Truncate(*size)),
            Call::Sync(name) => {
                let file = self.file(name);
                file.synced = file.with(&file.since);
                file.since.clear();
            }
            Call::Unlink(name) => self.file(name).is_unlinked = true,
            Call::Mark(_) => {}
        }
    }

    fn file(&mut self, name: &str) -> &mut File {
        self.files.entry(name.to_owned()).or_default()
    }

    /// Everything that was written is there.
    pub(crate) fn as_written(&self) -> Files {
        let files = self.files.iter().filter(|(_, file)| !file.is_unlinked);
        files.map(|(name, file)| (name.clone(), file.with(&file.since))).collect()
    }

    /// Nothing is there that was not synced.
    pub(crate) fn as_synced(&self) -> Files {
        self.files.iter().map(|(name, file)| (name.clone(), file.synced.clone())).collect()
    }

    /// Of what was not synced some is there, sector by sector and in another order.
    pub(crate) fn after_a_crash(&self, seed: u64) -> Files {
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = move || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random
        };
        let torn = |file: &File, next: &mut dyn FnMut() -> u64| {
            let mut sectors = Vec::new();
            for change in &file.since {
                match change {
                    Change::Truncate(_) => sectors.push(change.clone()),
                    Change::Write(at, bytes) => {
                        for (number, sector) in bytes.chunks(SECTOR).enumerate() {
                            sectors.push(Change::Write(at + number * SECTOR, sector.to_vec()));
                        }
                    }
                }
            }
            let mut kept: Vec<Change> = sectors.into_iter().filter(|_| next() & 1 == 0).collect();
            for place in (1..kept.len()).rev() {
                kept.swap(place, (next() % (place as u64 + 1)) as usize);
            }
            file.with(&kept)
        };
        let mut files = Vec::new();
        for (name, file) in &self.files {
            if !(file.is_unlinked && next() & 1 == 0) {
                files.push((name.clone(), torn(file, &mut next)));
            }
        }
        files
    }
}

impl File {
    fn with(&self, changes: &[Change]) -> Vec<u8> {
        let mut content = self.synced.clone();
        for change in changes {
            match change {
                Change::Truncate(size) => content.resize(*size, 0),
                Change::Write(at, bytes) => {
                    let end = at + bytes.len();
                    if content.len() < end {
                        content.resize(end, 0);
                    }
                    content[*at..end].copy_from_slice(bytes);
                }
            }
        }
        content
    }
}

//! The text that requests are made of: source code and documentation of the packages that this
//! workspace is built with, from where cargo unpacks them.
//!
//! Which files are taken depends on `Cargo.lock` and on their names and sizes alone, so the text is
//! the same on every machine. This project's own files are left out: they change every day, and
//! the rules' samples stand in them.

use crate::problem::Problem;
use crate::random::Random;
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

const LOCK: &str = include_str!("../../../Cargo.lock");
/// Files of other sizes are stubs and tables.
const SIZES: std::ops::Range<u64> = 1 << 10..128 << 10;
/// Files of one package: the largest ones would be most of the text.
const A_PACKAGE: usize = 16;
/// Bytes of code and of prose that are enough for a corpus.
const ENOUGH: usize = 12 << 20;

/// A file.
pub(crate) struct File {
    /// Its path, as a tool's call names it.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// What is taken, shuffled.
pub(crate) struct Sources {
    pub(crate) code: Vec<File>,
    pub(crate) prose: Vec<File>,
}

impl Sources {
    /// Reads what lies under some directories.
    pub(crate) fn read(directories: &[&str]) -> Result<Self, Problem> {
        let (mut code, mut prose) = (Vec::new(), Vec::new());
        let packages = locked();
        for directory in directories {
            list(Path::new(directory), "", &mut |path, place| match extension(&place) {
                _ if !packages.contains(package(&place)) => {}
                "rs" => code.push((place, path)),
                "md" => prose.push((place, path)),
                _ => {}
            })?;
        }
        let sources = Self { code: read(code, 1), prose: read(prose, 2) };
        if sources.code.len() < 50 || sources.prose.is_empty() {
            return Err(Problem::Sources(directories.iter().map(|&d| d.to_owned()).collect()));
        }
        Ok(sources)
    }
}

/// Calls for each file of a usual size, with its path and its place within the directory.
fn list(
    directory: &Path,
    place: &str,
    each: &mut impl FnMut(PathBuf, String),
) -> Result<(), Problem> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || name == "target" {
            continue;
        }
        let place = if place.is_empty() { name } else { format!("{place}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            list(&entry.path(), &place, each)?;
        } else if kind.is_file() && SIZES.contains(&entry.metadata()?.len()) {
            each(entry.path(), place);
        }
    }
    Ok(())
}

/// Reads files in an order that the seed alone decides, until there is enough.
fn read(mut files: Vec<(String, PathBuf)>, seed: u64) -> Vec<File> {
    files.sort();
    files.dedup_by(|(one, _), (other, _)| one == other);
    Random::new(seed).shuffle(&mut files);
    let mut of_package: BTreeMap<String, usize> = BTreeMap::new();
    let mut bytes = 0;
    let mut taken = Vec::new();
    for (place, path) in files {
        let count = of_package.entry(package(&place).to_owned()).or_default();
        if *count >= A_PACKAGE || bytes >= ENOUGH {
            continue;
        }
        let Ok(text) = fs::read_to_string(path) else { continue };
        *count += 1;
        bytes += text.len();
        taken.push(File { path: format!("/home/dev/{place}"), text });
    }
    taken
}

/// `name-version`, as the package's folder is called.
fn package(place: &str) -> &str {
    place.split('/').next().unwrap_or_default()
}

/// The packages of `Cargo.lock`.
fn locked() -> HashSet<String> {
    let value = |line: &str| line.split('"').nth(1).map(str::to_owned);
    let blocks = LOCK.split("[[package]]").skip(1);
    let packages = blocks.filter_map(|block| {
        let mut lines = block.trim_start().lines();
        let (name, version) = (value(lines.next()?)?, value(lines.next()?)?);
        Some(format!("{name}-{version}"))
    });
    packages.collect()
}

fn extension(place: &str) -> &str {
    place.rsplit_once('.').map_or("", |(_, extension)| extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_names_packages() {
        let packages = locked();
        assert!(packages.len() > 100);
        assert!(packages.iter().any(|package| package.starts_with("serde_json-1.")));
    }
}

//! The rule table beside two public scanners, and on source code in which hardly anything is secret.
//!
//! The scanners and the packages' sources come from the registries, by the Python scripts beside
//! this file; what those make is kept under `target/tools/oracle` until they change. No rule of
//! the scanners and no secret stands in this repository.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed; one that can tells its figures"
)]

use hansard_redact::engine::PLACEHOLDER;
use hansard_redact::{Action, Detector, Engine, Finding, Keyring, Look, Rule, rules};
use hansard_tests::outside::python;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// Of each scanner: what we must find of what it finds, in percent, and the least that it must find
/// itself for that to mean something.
const GOALS: [(&str, f64, u32); 2] = [("gitleaks", 98.0, 600), ("kingfisher", 95.0, 1200)];
/// Formats that are left out, each with its reason.
const LEFT_OUT: &str = include_str!("left_out.tsv");
const MOST_LEFT_OUT: usize = 25;
/// Bytes of sources, below which something was not fetched.
const LEAST_SOURCE: usize = 50_000_000;

#[test]
fn what_public_scanners_find_is_found() {
    let left_out: Vec<_> = LEFT_OUT.lines().map(|line| line.split_once('\t').unwrap().0).collect();
    assert!(left_out.len() <= MOST_LEFT_OUT, "{} formats are left out", left_out.len());
    let sources = ["corpus.py", "examples.py", "scanners.py", "strings.py"];
    let corpus = made("corpus", &sources);
    let expected = std::fs::read(corpus.join("expected.json")).unwrap();
    let mut expected: Vec<Expected> = serde_json::from_slice(&expected).unwrap();
    expected.retain(|one| !left_out.contains(&format(&one.rule)));

    let mut engine = engine();
    let mut samples: BTreeMap<&str, (String, Vec<Finding>)> = BTreeMap::new();
    let mut told = Vec::new();
    for (scanner, goal, least) in GOALS {
        let mut rules: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let (mut all, mut missed) = (0, 0);
        for Expected { rule, file, core, secret, .. } in
            expected.iter().filter(|one| one.scanner == scanner)
        {
            let (text, found) = samples.entry(file).or_insert_with(|| {
                let text = std::fs::read_to_string(corpus.join("samples").join(file)).unwrap();
                let found = findings(&mut engine, text.as_bytes());
                (text, found)
            });
            all += 1;
            if !is_covered(text, core, found) {
                missed += 1;
                rules.entry(rule).or_default().push(format!("    {secret:?} in {text:?}"));
            }
        }
        let percent = 100.0 - 100.0 * f64::from(missed) / f64::from(all.max(1));
        let figures = format!("{scanner}: {percent:.2} % of {all} findings, goal {goal} %");
        println!("{figures}; {} rules with a miss", rules.len());
        if percent < goal || all < least {
            told.push(figures);
            let misses = |(rule, misses): (&str, Vec<String>)| {
                format!("  {rule}: {} missed\n{}", misses.len(), misses.join("\n"))
            };
            told.extend(rules.into_iter().map(misses));
        }
    }
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn source_code_holds_hardly_anything() {
    let sources = made("packages", &["packages.py"]);
    let mut engine = engine();
    let mut bytes = 0;
    let mut rules: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in folder(&sources).iter().flat_map(|package| folder(package)) {
        let text = std::fs::read(&file).unwrap();
        bytes += text.len();
        for one in findings(&mut engine, &text) {
            let line = text.iter().take(one.start).filter(|byte| **byte == b'\n').count() + 1;
            let file = file.strip_prefix(&sources).unwrap_or(&file).display();
            let value = text.get(one.start..one.end).unwrap_or_default();
            let value = value.get(..80).unwrap_or(value).escape_ascii();
            let place = format!("    {file}:{line}: {value}");
            rules.entry(engine.id(one.detector).to_owned()).or_default().push(place);
        }
    }
    assert!(bytes >= LEAST_SOURCE, "{bytes} bytes of sources");
    let count: usize = rules.values().map(Vec::len).sum();
    println!("{count} findings in {}.{} MB of sources", bytes / 1_000_000, bytes / 100_000 % 10);
    for (rule, places) in &rules {
        println!("  {rule}: {}", places.len());
    }
    let places: Vec<_> = rules.values().flatten().map(String::as_str).collect();
    assert!(count * 1_000_000 <= bytes, "more than one a megabyte:\n{}", places.join("\n"));
}

/// What a scanner reported of a file.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    scanner: String,
    rule: String,
    file: String,
    secret: String,
    /// The part of the secret that has to be found.
    core: String,
}

/// The name of a rule without its origin and number: `betterleaks.ebay-client-id.1` is of the format
/// `ebay-client-id`.
fn format(rule: &str) -> &str {
    let name = rule.split_once('.').map_or(rule, |(_, name)| name);
    let name = name.strip_prefix("secrets/").unwrap_or(name);
    match name.rsplit_once('.') {
        Some((name, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => name,
    }
}

fn engine() -> Engine {
    let secret = |rule: &'static Rule| Detector {
        id: rule.id.into(),
        action: Action::Mask,
        look: Look::Secret(rule),
    };
    let keyring = Keyring::new(b"a key for tests alone").unwrap();
    Engine::new(rules().map(secret).collect(), keyring).unwrap()
}

fn findings(engine: &mut Engine, text: &[u8]) -> Vec<Finding> {
    let mut found = engine.scan_whole(text);
    found.retain(|one| one.detector != PLACEHOLDER);
    found
}

/// Whether findings cover at least four fifths of a secret's characters, wherever it stands.
fn is_covered(text: &str, secret: &str, found: &[Finding]) -> bool {
    let is_found = |at: &usize| found.iter().any(|one| (one.start..one.end).contains(at));
    let mut places = text.match_indices(secret).peekable();
    places.peek().is_some()
        && places.all(|(begin, _)| {
            let characters = || secret.char_indices().map(|(at, _)| begin + at);
            characters().filter(is_found).count() * 5 >= characters().count() * 4
        })
}

/// What the first of these scripts makes, made anew when one of them, or the packages that they
/// run with, have changed.
fn made(name: &str, scripts: &[&str]) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scripts: Vec<_> = scripts.iter().map(|script| tests.join("oracle").join(script)).collect();
    let mut hasher = DefaultHasher::new();
    for source in scripts.iter().chain([&tests.join("python-requirements.txt")]) {
        std::fs::read(source).unwrap().hash(&mut hasher);
    }
    let tools = tests.join("../target/tools/oracle");
    std::fs::create_dir_all(&tools).unwrap();
    let made = tools.join(format!("{name}-{:016x}", hasher.finish()));
    if made.exists() {
        return made;
    }
    let is_older = |path: &PathBuf| {
        let other = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        other.starts_with(&format!("{name}-"))
    };
    for older in folder(&tools).into_iter().filter(is_older) {
        std::fs::remove_dir_all(older).unwrap();
    }
    // A run that is broken off leaves nothing that looks whole.
    let part = tools.join(format!("{name}-part"));
    let output = python()
        .args(scripts.iter().take(1))
        .arg(&part)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{name}: {}", text(&output.stderr));
    println!("{name}: {}", text(&output.stdout).trim());
    std::fs::rename(&part, &made).unwrap();
    made
}

/// What stands in a folder, by name.
fn folder(path: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> =
        std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

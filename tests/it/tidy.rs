//! Rules of the house that no compiler keeps.

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn tracked() -> Vec<String> {
    let files = Command::new("git").args(["ls-files"]).current_dir(root()).output().unwrap();
    String::from_utf8(files.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn the_top_level_is_what_the_house_says() {
    let top: BTreeSet<_> = tracked()
        .iter()
        .map(|file| file.split('/').next().unwrap().to_owned())
        .filter(|name| !name.starts_with('.'))
        .collect();
    let house = [
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "Makefile",
        "README.md",
        "deny.toml",
        "envoy",
        "policies",
        "src",
        "tests",
    ];
    let extra: Vec<_> = top.iter().filter(|name| !house.contains(&name.as_str())).collect();
    assert!(extra.is_empty(), "{extra:?}");
}

#[test]
fn no_file_is_two_rooms() {
    for file in tracked().iter().filter(|file| file.ends_with(".rs")) {
        let lines = std::fs::read_to_string(root().join(file)).unwrap_or_default().lines().count();
        assert!(lines <= 600, "{file} has {lines} lines");
    }
}

#[test]
fn every_path_that_the_code_map_names_exists() {
    let map = std::fs::read_to_string(root().join("src/README.md")).unwrap();
    let mut named = 0;
    for word in map.split('`').skip(1).step_by(2) {
        let is_path = word.contains('/')
            && word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
        if is_path {
            named += 1;
            assert!(root().join(word).exists(), "src/README.md names {word}, which is not there");
        }
    }
    assert!(named > 20, "the map names {named} paths");
}

#[test]
fn crates_depend_on_each_other_only_downwards() {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let allowed: &[(&str, &[&str])] = &[
        ("hansard-record", &[]),
        ("hansard-redact", &[]),
        ("hansard-core", &["hansard-record", "hansard-redact"]),
        ("hansard-filter", &["hansard-core", "hansard-record"]),
        ("hansard-store", &["hansard-record"]),
        ("hansard-verify", &[]),
        ("hansard-shown", &[]),
        ("hansard-replay", &["hansard-record", "hansard-store"]),
        ("hansard-export", &["hansard-replay", "hansard-shown"]),
        ("hansard-web", &["hansard-replay", "hansard-shown", "hansard-store"]),
        (
            "hansard",
            &[
                "hansard-core",
                "hansard-record",
                "hansard-shown",
                "hansard-store",
                "hansard-replay",
                "hansard-export",
                "hansard-verify",
                "hansard-web",
            ],
        ),
    ];
    // What decides must not reach the world.
    let world = ["proxy-wasm", "tokio", "tonic", "getrandom", "rand", "hyper", "libc"];
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let Some((_, may)) = allowed.iter().find(|(crate_name, _)| *crate_name == name) else {
            continue;
        };
        for dependency in package["dependencies"].as_array().unwrap() {
            let on = dependency["name"].as_str().unwrap();
            if dependency["kind"] == "dev" {
                continue;
            }
            assert!(!on.starts_with("hansard") || may.contains(&on), "{name} depends on {on}");
            if ["hansard-core", "hansard-record", "hansard-redact"].contains(&name) {
                assert!(!world.contains(&on), "{name} depends on {on}");
            }
        }
    }
}

#[test]
fn what_decides_reads_no_clock_and_no_world() {
    for file in tracked() {
        let sans_io = ["src/core/src/", "src/record/src/", "src/redact/src/"]
            .iter()
            .any(|room| file.starts_with(room));
        if !sans_io || file.contains("tests") {
            continue;
        }
        let text = std::fs::read_to_string(root().join(&file)).unwrap();
        for word in [
            "SystemTime",
            "Instant::now",
            "std::fs",
            "std::net",
            "std::thread",
            "std::env",
            "println!",
        ] {
            assert!(!text.contains(word), "{file} uses {word}");
        }
    }
}

#[test]
fn one_file_of_the_filter_speaks_to_the_host() {
    for file in tracked().iter().filter(|file| file.starts_with("src/")) {
        let text = std::fs::read_to_string(root().join(file)).unwrap_or_default();
        let is_host = file == "src/filter/src/host.rs";
        assert!(is_host || !text.contains("hostcalls::"), "{file} speaks to the host");
        // It replaces one of SQLite's calls of the system.
        let is_foreign = is_host || file == "src/store/src/paced/linux.rs";
        assert!(is_foreign || !text.contains("unsafe {"), "{file} has unsafe code");
    }
}

#[test]
fn the_standalone_filter_carries_the_rendered_default_policy() {
    let rendered = Command::new(hansard_tests::gateway::binary("hansard"))
        .args(["policy", "render", "policies/default.yaml"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(rendered.status.success());
    let rendered: Value = serde_json::from_slice(&rendered.stdout).unwrap();
    let file = std::fs::read_to_string(root().join("envoy/standalone/filter.yaml")).unwrap();
    let indented = file.split("value: |\n").nth(1).unwrap();
    let carried: Value = serde_json::from_str(indented).unwrap();
    assert_eq!(carried, rendered);
}

//! The real sink, killed over and over while it takes records: nothing that it acknowledged is lost,
//! nothing is missing that is not a visible gap, and the log verifies.
//!
//! `make soak KILLS=10000` for the long run.

#[cfg(test)]
mod load;

use hansard_store::Reader;
use hansard_tests::gateway::binary;
use load::{Sink, acknowledged_until};
use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

#[test]
fn a_sink_that_is_killed_over_and_over_loses_nothing_that_it_acknowledged() {
    let kills: u64 = std::env::var("KILLS").map_or(200, |kills| kills.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut acknowledged = BTreeSet::new();
    let mut next = 1;
    for kill in 0..kills {
        let sink = Sink::start(&data);
        // Spread over the phases of a commit, and the same on every run.
        let after = Duration::from_micros(3_000 + kill * 7_919 % 60_000);
        let done = runtime.block_on(acknowledged_until(&sink, next, after));
        sink.kill();
        next = done.next;
        acknowledged.extend(done.acknowledged);
    }
    // What the last one had acknowledged and not stored is stored by the next.
    Sink::start(&data).kill();
    println!("{} parts acknowledged over {kills} kills", acknowledged.len());
    assert!(acknowledged.len() as u64 > kills, "{} parts", acknowledged.len());
    let stored: BTreeSet<u64> = rusqlite::Connection::open(data.join("hansard.db"))
        .unwrap()
        .prepare("SELECT seq FROM parts")
        .unwrap()
        .query_map([], |row| row.get::<_, i64>(0))
        .unwrap()
        .map(|seq| seq.unwrap() as u64)
        .collect();
    let lost: Vec<_> = acknowledged.difference(&stored).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    // What is neither stored nor below the highest number is a gap, each number of it.
    let highest = *stored.last().unwrap();
    let missing = (1..=highest).filter(|seq| !stored.contains(seq)).count() as i64;
    let status = Reader::open(&data).unwrap().status(i64::MAX / 2, 0).unwrap();
    assert_eq!(status.missing, missing);
    let verified = Command::new(binary("hansard"))
        .args(["verify", "--json", "--data"])
        .arg(&data)
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!(report["intact"], true, "{report:#}");
    assert_eq!(report["missing"], missing, "{report:#}");
}

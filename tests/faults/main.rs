//! The fault matrix: what becomes of an exchange, and of its record, when something fails.
//!
//! Each row of `table.rs` is one fault at one moment, tried with a real Envoy, the real filter and
//! the real `hansard sink` with its ledger. The newest Envoy is enough: what differs from version
//! to version is how a filter withholds data, and `tests/it` holds both to that. What came out is
//! compared with the row and with the promises, which hold in every cell (`promises.rs`); the
//! rows that were seen to hold are the table in README.
//!
//! Killed, frozen and stopped are processes; cut, slow and refused is the network, by a relay of
//! the test's own (`relay.rs`). A full disk is simulated: the sink's process may not write files
//! over a limit (RLIMIT_FSIZE), which it meets as an I/O error within a write; `tmpfs.rs` adds a
//! file system that is full indeed, where one can be mounted. Moments are
//! reached by events, never by waiting: the scripted Claude stands at a gate, or the relay has
//! caught the part.
//!
//! `HANSARD_FAULTS="sink: kill"` runs the rows whose fault has that in its name.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod bench;
mod cell;
mod endurance;
mod ledger;
mod promises;
mod readme;
mod relay;
mod scene;
mod sink;
mod strike;
mod table;
mod tmpfs;

use bench::{Bench, Kind};
use cell::Observed;
use sink::Sink;
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use table::{Action, Moment, Row, TABLE};
use tempfile::TempDir;

/// Cells that run at the same time, by their bench; most of their time is spent waiting for
/// time-outs.
const LANES: [(Kind, usize); 3] = [(Kind::Trapped, 1), (Kind::Patient, 1), (Kind::Common, 4)];
const CELL: Duration = Duration::from_secs(120);

type Results = Arc<Mutex<Vec<(Row, Result<Observed, String>)>>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 16)]
async fn every_fault_at_every_moment_ends_as_the_table_says() {
    let only = std::env::var("HANSARD_FAULTS").unwrap_or_default();
    let wanted = |row: &&Row| row.action.name().contains(&only);
    let results = Results::default();
    let mut lanes = Vec::new();
    for (kind, count) in LANES {
        let rows = TABLE.iter().filter(wanted).filter(|row| row.action.bench() == kind);
        let rows = Arc::new(Mutex::new(rows.copied().collect::<VecDeque<_>>()));
        lanes.extend((0..count).map(|_| tokio::spawn(lane(kind, rows.clone(), results.clone()))));
    }
    for lane in lanes {
        lane.await.unwrap();
    }
    let results = std::mem::take(&mut *results.lock().unwrap());
    let wrong: Vec<_> = results.iter().filter_map(|(row, seen)| compare(row, seen)).collect();
    assert!(wrong.is_empty(), "{} cells of {}:\n{}", wrong.len(), results.len(), wrong.join("\n"));
    if only.is_empty() {
        readme::says(TABLE);
    }
}

/// Takes one cell after another, on a bench that lasts as long as its gateway does.
async fn lane(kind: Kind, rows: Arc<Mutex<VecDeque<Row>>>, results: Results) {
    let mut kept: Option<Bench> = None;
    loop {
        let Some(row) = rows.lock().unwrap().pop_front() else { break };
        let bench = kept.take();
        let cell = tokio::spawn(async move {
            let mut bench = match bench {
                Some(bench) => bench,
                None => Bench::start(kind).await,
            };
            let name = format!("{:?}-{:?}", row.action, row.moment);
            let observed = tokio::time::timeout(CELL, cell::run(&mut bench, row, &name)).await;
            (bench, observed.expect("the cell does not end"))
        });
        let result = match cell.await {
            Ok((bench, observed)) => {
                if row.action.ends_gateway() {
                    bench.stop().await;
                } else {
                    kept = Some(bench);
                }
                Ok(observed)
            }
            Err(panic) => Err(panic
                .into_panic()
                .downcast::<String>()
                .map_or_else(|other| format!("{:?}", other.downcast::<&str>()), |said| *said)),
        };
        results.lock().unwrap().push((row, result));
    }
    if let Some(bench) = kept {
        bench.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn the_checks_see_what_a_policy_lets_through() {
    let data = TempDir::new().unwrap();
    let sink = Sink::start(&bench::folder(&data));
    let mut bench = Bench::over(sink, data, Kind::Common, "  on_failure: continue\n").await;
    for (moment, broken) in [
        (Moment::Opened, "promise 1: the upstream saw"),
        (Moment::ToolHeld, "reached the client without progress"),
        (Moment::Closing, "message_stop reached the client without closed"),
    ] {
        let row = Row { moment, action: Action::NetworkCut, upstream: "", client: "", ledger: "" };
        let seen = cell::run(&mut bench, row, &format!("{moment:?}")).await;
        assert_eq!((&*seen.upstream, &*seen.client), ("request", "whole"), "{moment:?}");
        assert!(
            seen.broken.iter().any(|one| one.contains(broken)),
            "{moment:?}: {:?}",
            seen.broken
        );
    }
    bench.stop().await;
}

fn compare(row: &Row, seen: &Result<Observed, String>) -> Option<String> {
    let Row { action, moment, upstream, client, ledger } = row;
    let name = format!("{} × {}", action.name(), moment.name());
    match seen {
        Err(failed) => Some(format!("{name}: {failed}")),
        Ok(seen) => {
            let is = |seen: &str, told: &str| told.split('/').any(|one| one == seen);
            let is_as_told = is(&seen.upstream, upstream)
                && is(&seen.client, client)
                && is(&seen.ledger, ledger);
            let told = format!(
                "{name}: expected {upstream} · {client} · {ledger}, saw {} · {} · {}; {:?}",
                seen.upstream, seen.client, seen.ledger, seen.broken
            );
            (!is_as_told || !seen.broken.is_empty()).then_some(told)
        }
    }
}

#[test]
fn the_table_has_at_least_sixty_cells_and_none_twice() {
    let cells: BTreeSet<_> = TABLE.iter().map(|row| (row.action, row.moment)).collect();
    assert_eq!(cells.len(), TABLE.len());
    assert!(cells.len() >= 60, "{}", cells.len());
}

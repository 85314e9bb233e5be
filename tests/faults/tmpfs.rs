//! A disk that is really full: a file system of sixteen megabytes, in a namespace of the sink's own.
//!
//! Where the system lets nobody make such a namespace there is nothing to try; the matrix then
//! stands on its simulation alone.

use crate::bench::{Bench, Kind, folder, is_whole};
use crate::sink::Sink;
use std::fs::OpenOptions;
use std::io::Write;
use std::process::Command;

/// Runs what follows in a mount namespace of its own, where the folder is a small file system.
const WITHIN: [&str; 6] = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"];
const MOUNT: &str = "mount -t tmpfs -o size=16m none \"$0\" && exec \"$@\"";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_full_file_system_lets_nothing_through_and_is_recovered_from() {
    let data = tempfile::tempdir().unwrap();
    let within = [&WITHIN[..], &[MOUNT, data.path().to_str().unwrap()]].concat();
    let tried = Command::new(within[0]).args(&within[1..]).arg("true").status();
    if !tried.is_ok_and(|status| status.success()) {
        println!("no file system can be mounted here; nothing was tried");
        return;
    }
    let sink = Sink::start_within(&within, &folder(&data));
    let ballast = sink.folder().join("ballast");
    let bench = Bench::over(sink, data, Kind::Common, "").await;

    let mut file = OpenOptions::new().create(true).append(true).open(&ballast).unwrap();
    while file.write(&[0; 4096]).is_ok_and(|written| written > 0) {}
    let full = file.metadata().unwrap().len();
    // Full to the last page; then with room for the first pages of a commit, and no more.
    for free in [0, 8192] {
        file.set_len(full - free).unwrap();
        // What the intake has room for is on disk, and acknowledged; that it cannot be stored ends it.
        let mut tries = 0;
        let answer = loop {
            bench.claude.reset();
            let answer = bench.begin("tool_use", "/v1/messages?full").whole().await.unwrap();
            tries += 1;
            if answer.status == 503 || tries > 20 {
                break answer;
            }
        };
        assert_eq!(answer.status, 503, "{free} bytes free");
        assert!(!is_whole(&answer));
        assert!(bench.claude.received().is_empty(), "{free} bytes free");
        assert_eq!(bench.sink.ledger().defects(), [""; 0]);
    }
    let said = bench.sink.said();
    assert!(said.contains("disk is full") || said.contains("No space left"), "{said}");
    file.set_len(0).unwrap();
    bench.recovers().await;
    let ledger = bench.sink.ledger();
    let refused = ledger.asked("/v1/messages?full").filter(|one| one.status == "refused").count();
    assert_eq!(refused, 2, "what was refused meanwhile is on record");
    assert_eq!(ledger.defects(), [""; 0]);
    bench.stop().await;
}

//! Every crash that a recording allows.

use crate::recording::{Call, Disk, record};
use hansard_store::{Options, Reader, Writer, beside};
use std::fs;
use std::path::Path;

const PARTS: usize = 10;
/// Ways to lose some of what was not synced, at each call.
const MIXES: u64 = 3;

#[test]
fn after_every_recorded_call_all_that_was_acknowledged_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    // The tables are there before the recording begins.
    Writer::start(&data).unwrap().close();
    let mut disk = Disk::of(&data);
    let calls = record(folder.path(), PARTS);
    let syncs = calls.iter().filter(|call| matches!(call, Call::Sync(_))).count();
    assert!(syncs > PARTS, "{syncs} syncs of {} calls", calls.len());
    let grown = calls.iter().filter(|call| {
        matches!(call, Call::Write { name, bytes, .. }
            if name.starts_with("intake") && bytes.len() > 200_000 && bytes.iter().all(|b| *b == 0))
    });
    assert!(grown.count() > 1, "with the first frame, and ahead of the others");
    let keys = beside(&data);
    let mut acknowledged = 0;
    for (place, call) in calls.iter().enumerate() {
        if let Call::Mark(n) = call {
            acknowledged = *n;
        }
        disk.apply(call);
        let mixes = (0..MIXES).map(|mix| disk.after_a_crash(place as u64 * MIXES + mix));
        for (mix, files) in
            [disk.as_written(), disk.as_synced()].into_iter().chain(mixes).enumerate()
        {
            let there = parts_in(&files, &keys);
            assert!(
                there >= acknowledged,
                "call {place} of {}, mix {mix}: {there} parts, {acknowledged} acknowledged",
                calls.len()
            );
        }
    }
    assert_eq!(acknowledged, PARTS);
    println!("{} calls, {} crashes", calls.len(), calls.len() as u64 * (MIXES + 2));
}

/// Opens what a crash left: it verifies, and so many parts are there.
fn parts_in(files: &[(String, Vec<u8>)], keys: &Path) -> usize {
    let crashed = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(crashed.path().join(name), content).unwrap();
    }
    // The next start takes in what was acknowledged and is not in the ledger.
    let options = Options { keys: Some(keys.to_owned()), ..Options::default() };
    Writer::start_with(crashed.path(), options).unwrap().close();
    let reader = Reader::open_with(crashed.path(), keys).unwrap();
    let status = reader.status(i64::MAX / 2, 0).unwrap();
    assert_eq!(status.missing, 0, "they were acknowledged one after the other");
    for session in reader.sessions(9).unwrap() {
        for exchange in reader.exchanges(&session.id).unwrap() {
            reader.parts(&exchange.id).unwrap();
        }
    }
    drop(reader);
    let key = fs::read_to_string(keys.join("checkpoint.pub")).unwrap();
    let report = hansard_verify::verify(crashed.path(), &key, None, |_, _| {}).unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!(report.parts, status.parts as u64);
    status.parts as usize
}

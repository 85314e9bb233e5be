//! Exports of one session, in every format: as they were agreed, hostile text included.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod any;
mod fixture;
mod golden;
mod html;
mod jsonl;
mod markdown;
mod ocsf;
mod otel;

use hansard_export::{Content, Proof};
use hansard_replay::Replay;

/// Every export of a session, by the name of its golden file.
fn exports(replay: &Replay, proof: &Proof) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    let mut add = |name, write: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        write(&mut out);
        all.push((name, String::from_utf8(out).unwrap()));
    };
    add("session.jsonl", &|out| hansard_export::jsonl(replay, out).unwrap());
    add("session.md", &|out| hansard_export::markdown(replay, out).unwrap());
    add("session.html", &|out| hansard_export::html(replay, out).unwrap());
    add("spans.json", &|out| hansard_export::otel(replay, Content::Without, out).unwrap());
    add("spans_with_content.json", &|out| {
        hansard_export::otel(replay, Content::With, out).unwrap();
    });
    add("events.jsonl", &|out| {
        hansard_export::ocsf(replay, proof, Content::Without, out).unwrap();
    });
    add("events_with_content.jsonl", &|out| {
        hansard_export::ocsf(replay, proof, Content::With, out).unwrap();
    });
    all
}

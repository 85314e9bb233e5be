//! What must hold in every cell, whatever the table says: promises 1, 2, 5 and 7 of README.
//!
//! Two watchers run beside the exchange. The moment the upstream sees a request, and the moment
//! the client sees an event that had to wait, they read the ledger from its file: what is not
//! there is not on disk.

use crate::bench::Bench;
use crate::ledger::Ledger;
use crate::scene::{End, TOOL_STOP};
use hansard_tests::client::Beside;
use hansard_tests::scripted::{Observation, Seen};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

pub(crate) struct Watch {
    upstream: JoinHandle<Vec<String>>,
    client: Option<JoinHandle<Vec<String>>>,
}

impl Watch {
    /// Waits for the upstream to see the exchange of this name.
    pub(crate) fn start(bench: &Bench, name: &str) -> Self {
        let (claude, folder) = (Arc::clone(&bench.claude), bench.folder());
        let path = format!("/v1/messages?cell={name}");
        let upstream = tokio::spawn(async move {
            let mut ours = None;
            let first = claude.wait_for(Duration::from_secs(600), |one| match &one.what {
                Seen::RequestHead { path: asked, .. } if *asked == path => {
                    ours = one.request;
                    true
                }
                Seen::RequestChunk(_) => ours.is_some() && one.request == ours,
                _ => false,
            });
            let Ok(first) = first.await else { return Vec::new() };
            let is_opened = Ledger::read(&folder).take(&path).is_some_and(|one| one.has("opened"));
            let broken = format!("promise 1: the upstream saw {:?} unrecorded", first.what);
            if is_opened { Vec::new() } else { vec![broken] }
        });
        Self { upstream, client: None }
    }

    /// Waits for the client to see what had to wait for a part.
    pub(crate) fn client(&mut self, bench: &Bench, name: &str, mut eyes: Beside) {
        let folder = bench.folder();
        let path = format!("/v1/messages?cell={name}");
        self.client = Some(tokio::spawn(async move {
            let mut broken = Vec::new();
            for (event, part) in [(TOOL_STOP, "progress"), ("message_stop", "closed")] {
                let is_last = part == "closed";
                // A response without a tool call goes on to its end.
                let came = eyes.until(|text| text.contains(event) || text.contains("message_stop"));
                if !came.await {
                    break;
                }
                if !is_last && !eyes.so_far().contains(event) {
                    continue;
                }
                if !Ledger::read(&folder).take(&path).is_some_and(|one| one.has(part)) {
                    broken.push(format!("promise 2: {event} reached the client without {part}"));
                }
            }
            broken
        }));
    }

    /// What they found missing, once the exchange is over; they have read the ledger when this
    /// returns.
    pub(crate) async fn unrecorded(&mut self, upstream_saw_it: bool) -> Vec<String> {
        let mut broken = Vec::new();
        if upstream_saw_it {
            broken.extend((&mut self.upstream).await.unwrap());
        } else {
            self.upstream.abort();
        }
        if let Some(client) = self.client.take() {
            broken.extend(client.await.unwrap());
        }
        broken
    }
}

/// What the whole ledger says against the promises, once the fault is over.
pub(crate) fn broken(ledger: &Ledger, seen: &[Observation], name: &str, end: &End) -> Vec<String> {
    let mut broken = Vec::new();
    let mut requests: BTreeMap<&str, usize> = BTreeMap::new();
    for one in seen {
        if let Seen::RequestHead { path, .. } = &one.what {
            *requests.entry(path).or_default() += 1;
        }
    }
    for (path, count) in requests {
        let opened = ledger.asked(path).filter(|one| one.has("opened")).count();
        if opened < count {
            broken.push(format!("promise 7: {path} went upstream {count}×, is opened {opened}×"));
        }
    }
    for (boot, seq) in ledger.gaps() {
        broken.push(format!("promise 5: part {seq} of boot {boot} is missing"));
    }
    let path = format!("/v1/messages?cell={name}");
    let ours = ledger.asked(&path).next();
    let parts = |kind: &str| ours.is_some_and(|one| one.has(kind));
    if end.text.contains("message_start") && !parts("opened") {
        broken.push("promise 7: the client has text of no exchange".to_owned());
    }
    if end.text.contains(TOOL_STOP) && !parts("progress") {
        broken.push("promise 2: the client has a tool call that is not on record".to_owned());
    }
    if end.text.contains("message_stop") && !parts("closed") {
        broken.push("promise 2: the client has an end that is not on record".to_owned());
    }
    if let Some(ours) = ours {
        let ends = ours.parts.iter().any(|part| part.kind == "closed" || part.kind == "refused");
        if ends == (ours.status == "open") {
            broken.push(format!("promise 5: with an end: {ends}, but shown as {}", ours.status));
        }
        // What the client read of an exchange that was closed is in its record.
        let recorded = |part: &str| part.matches("text_delta").count();
        let events = ours.parts.iter().map(|part| recorded(&part.content["response"].to_string()));
        let (had, kept) = (recorded(&end.text), events.max().unwrap_or(0));
        if ends && had > kept {
            broken.push(format!("promise 7: the client had {had} texts, {kept} are on record"));
        }
    }
    broken.extend(ledger.defects());
    broken
}

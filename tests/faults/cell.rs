//! One cell: an exchange is brought to a moment, a fault strikes, and all three sides are asked.

use crate::bench::Bench;
use crate::promises;
use crate::scene::Scene;
use crate::table::{Moment, Row};
use hansard_tests::outside::until;
use std::time::Duration;

/// What was seen of one cell.
pub(crate) struct Observed {
    pub(crate) upstream: String,
    pub(crate) client: String,
    pub(crate) ledger: String,
    /// Against what must hold everywhere.
    pub(crate) broken: Vec<String>,
}

pub(crate) async fn run(bench: &mut Bench, row: Row, name: &str) -> Observed {
    let Row { action, moment, .. } = row;
    action.prepare(bench).await;
    bench.claude.reset();
    let said = bench.sink.said().len();
    let mut scene = Scene::reach(bench, action, moment, name).await;
    action.strike(bench, &mut scene).await;
    let end = scene.play_out(bench).await;
    let upstream = scene.upstream(bench).await;
    // Before the fault is over: what comes to the ledger afterwards was not there when it mattered.
    let unrecorded = scene.unrecorded(upstream != "nothing").await;
    if moment == Moment::After && action.is_sinks() {
        // The fault meets the next exchange instead. How that ends is another cell's question;
        // that nothing of it goes unrecorded, this one's.
        let next = bench.begin("tool_use", "/v1/messages?next").whole();
        let _however_it_ends = tokio::time::timeout(Duration::from_secs(30), next).await;
    }
    until("the fault to show", || action.has_struck(bench, said)).await;
    action.heal(bench);
    if action.ends_gateway() {
        bench.sink.stop();
    } else {
        bench.recovers().await;
    }
    let ledger = bench.sink.ledger();
    let mut broken = promises::broken(&ledger, &bench.claude.observed(), name, &end);
    let status = scene.on_record(bench).map_or("nothing".to_owned(), |one| one.status);
    broken.extend(unrecorded);
    Observed { upstream: upstream.to_owned(), client: end.seen, ledger: status, broken }
}

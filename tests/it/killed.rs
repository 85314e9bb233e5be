//! Envoy is killed in mid-stream: what the client saw up to the last second is on record.

use crate::{BOTH, Bench, ask, envoys};
use hansard_tests::sink::{content, kind};
use http::Method;
use serde_json::Value;
use std::time::{Duration, Instant};

/// How old an event may be before it is on record: the policy's second, and half a second for the
/// root's clock, the way to the sink, and a busy machine.
const TOLD_WITHIN: Duration = Duration::from_millis(1500);

/// The data of the whole events in a stream's text.
fn seen(text: &str) -> Vec<Value> {
    let whole = text.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
    let data = whole.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

/// The data of the events in the parts of a stream that ran.
fn told(parts: &[Value]) -> Vec<Value> {
    let mut parts: Vec<&Value> = parts.iter().filter(|part| kind(part) == "progress").collect();
    parts.sort_by_key(|part| part["seq"].as_u64());
    let events = parts.into_iter().filter_map(|part| content(part)["events"].as_array());
    events.flatten().map(|event| event["data"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envoy_that_is_killed_leaves_all_but_the_last_second() {
    for envoy in envoys() {
        for http in BOTH {
            let bench = Bench::new(&envoy, None).await;
            let client = bench.gateway.client().over(http).script("text?deltas=500&gap_ms=20");
            let mut running =
                client.begin(Method::POST, "/v1/messages", ask(true).to_string().into());
            running.until(|text| text.contains("text_delta")).await.unwrap();
            let mut looks = vec![(Instant::now(), running.so_far())];
            while looks[0].0.elapsed() < 3 * TOLD_WITHIN {
                tokio::time::sleep(Duration::from_millis(20)).await;
                looks.push((Instant::now(), running.so_far()));
            }
            let killed = Instant::now();
            bench.gateway.kill_envoy();
            assert!(!running.whole().await.is_ok_and(|answer| answer.clean), "{http:?}");

            let old = looks.iter().rev().find(|(at, _)| killed - *at >= TOLD_WITHIN).unwrap();
            let old = seen(&old.1);
            assert!(old.len() > 50, "{http:?}: a stream that ran for seconds: {}", old.len());
            let holds_all = |parts: &[Value]| told(parts).len() >= old.len();
            let parts = bench.sink.wait("what the client saw", holds_all).await;
            assert_eq!(told(&parts)[..old.len()], old, "{http:?}: each event once, in order");
            let kinds: Vec<_> = parts.iter().map(kind).collect();
            assert_eq!(kinds[..2], ["opened", "progress"], "{http:?}");
            assert!(!kinds.contains(&"closed".to_owned()), "{http:?}: nobody was left to close it");
        }
    }
}

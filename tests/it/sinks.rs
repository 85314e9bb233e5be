//! Two sinks of one policy: while one answers, no request fails and no part is missing.

use crate::{BOTH, any_port, ask, envoys};
use hansard_tests::client::Http;
use hansard_tests::gateway::{Gateway, Options, POLICY};
use hansard_tests::scripted::ScriptedClaude;
use hansard_tests::sink::{ControlledSink, Mode, kind};
use http::Method;
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

/// A gateway between a scripted Claude and two sinks under control.
struct Pair {
    _claude: ScriptedClaude,
    first: ControlledSink,
    second: ControlledSink,
    gateway: Gateway,
}

impl Pair {
    async fn new(envoy: &Path) -> Self {
        let claude = ScriptedClaude::start(any_port()).unwrap();
        let first = ControlledSink::start(any_port(), Mode::Acknowledge).await.unwrap();
        let second = ControlledSink::start(any_port(), Mode::Acknowledge).await.unwrap();
        let mut options = Options::new(envoy, claude.url());
        options.policy = format!("{POLICY}  cluster: [hansard_sink, spare_sink]\n");
        let (a, b) = (first.addr().to_string(), second.addr().to_string());
        let more = ["--sink", &a, "--sink", &b];
        let gateway = Gateway::try_start(&options, &more).unwrap();
        Self { _claude: claude, first, second, gateway }
    }
}

fn kinds(parts: &[Value]) -> Vec<String> {
    let mut parts: Vec<&Value> = parts.iter().collect();
    parts.sort_by_key(|part| part["seq"].as_u64());
    parts.into_iter().map(kind).collect()
}

fn numbers<'a>(parts: impl IntoIterator<Item = &'a Value>) -> Vec<u64> {
    let mut numbers: Vec<_> = parts.into_iter().filter_map(|part| part["seq"].as_u64()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// A counter as Prometheus reads it.
fn counter(gateway: &Gateway, name: &str) -> u64 {
    let metrics = gateway.metrics();
    let line = metrics.lines().find(|line| line.starts_with(&format!("{name}{{")));
    line.and_then(|line| line.rsplit_once(' ')?.1.parse().ok()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_first_answers_the_second_is_not_asked() {
    for envoy in envoys() {
        let pair = Pair::new(&envoy).await;
        assert_eq!(pair.gateway.client().message(&ask(true)).await.unwrap().status, 200);
        assert_eq!(kinds(&pair.first.parts()), ["opened", "closed"]);
        assert_eq!(kinds(&pair.second.parts()), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_first_refuses_or_leaves_unanswered_the_second_takes_within_the_hold() {
    for envoy in envoys() {
        for mode in [Mode::Refuse("opened", 14), Mode::Refuse("opened", 8), Mode::Hold("opened")] {
            let pair = Pair::new(&envoy).await;
            pair.first.set(mode.clone());
            let begun = Instant::now();
            let answer = pair.gateway.client().message(&ask(true)).await.unwrap();
            assert_eq!((answer.status.as_u16(), answer.clean), (200, true), "{mode:?}");
            // The policy's hold is 2 s; half of it is for the first to answer.
            let took = begun.elapsed();
            assert!(took < Duration::from_millis(2500), "{mode:?}: {took:?}");
            let silent = matches!(mode, Mode::Hold(_));
            assert_eq!(took >= Duration::from_secs(1), silent, "{mode:?}: {took:?}");
            assert_eq!(kinds(&pair.first.parts()), ["opened"], "{mode:?}: it came, and failed");
            assert_eq!(kinds(&pair.second.parts()), ["opened", "closed"], "{mode:?}");

            // What follows begins with the one that answered.
            let begun = Instant::now();
            assert_eq!(pair.gateway.client().message(&ask(false)).await.unwrap().status, 200);
            assert!(begun.elapsed() < Duration::from_millis(900), "{mode:?}");
            assert_eq!(pair.first.parts().len(), 1, "{mode:?}");
            assert_eq!(pair.second.parts().len(), 4, "{mode:?}");
            assert_eq!(counter(&pair.gateway, "hansard_sinks_failovers"), 1, "{mode:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_dies_in_mid_stream_costs_no_answer_and_no_part() {
    for envoy in envoys() {
        for http in BOTH {
            let Pair { _claude: claude, first, second, gateway } = Pair::new(&envoy).await;
            let client = gateway.client().over(http).script("two_tools?gap_ms=20");
            let mut running =
                client.begin(Method::POST, "/v1/messages", ask(true).to_string().into());
            running.until(|text| text.contains("text_delta")).await.unwrap();
            let before = first.parts();
            drop(first);
            let answer = running.whole().await.unwrap();
            assert!(answer.clean && answer.text().contains("message_stop"), "{http:?}");
            let after = second.parts();
            assert!(kinds(&after).contains(&"closed".to_owned()), "{http:?}");
            let all = numbers(before.iter().chain(&after));
            assert_eq!(all, (1..=all.len() as u64).collect::<Vec<_>>(), "{http:?}");

            // Many at once: what travels together goes on together.
            let begin = |i: usize| {
                let client =
                    gateway.client().over(if i.is_multiple_of(2) { http } else { Http::Two });
                let body = ask(i.is_multiple_of(3)).to_string().into();
                client.begin(Method::POST, "/v1/messages", body)
            };
            let many: Vec<_> = (0..40).map(begin).collect();
            for one in many {
                assert_eq!(one.whole().await.unwrap().status, 200, "{http:?}");
            }

            // With the second gone as well, nothing passes.
            drop(second);
            claude.reset();
            assert_eq!(gateway.client().message(&ask(true)).await.unwrap().status, 503);
            assert!(claude.received().is_empty(), "{http:?}");
        }
    }
}

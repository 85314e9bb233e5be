//! Large bodies: 32 MB pass and are recorded, more is refused, and memory is bounded.

use crate::{BOTH, Bench, ask, envoys};
use hansard_tests::client::Http;
use hansard_tests::gateway::POLICY;
use hansard_tests::sink::{content, kind};
use http::Method;
use serde_json::json;

const MIB: usize = 1 << 20;

/// A part of 64 MB takes its time on a busy machine.
fn patient() -> String {
    POLICY.replace("timeout_ms: 2000", "timeout_ms: 60000")
}

fn body(bytes: usize) -> String {
    json!({"model": "claude-a", "messages": [{"role": "user", "content": "x".repeat(bytes)}]})
        .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_32_mb_pass_and_larger_ones_are_refused() {
    for envoy in envoys() {
        let bench = Bench::new(&envoy, Some(&patient())).await;
        for http in BOTH {
            bench.claude.reset();
            let large = body(32 * MIB - 100);
            let answer = bench.gateway.client().over(http).script("text");
            let answer = answer.send(Method::POST, "/v1/messages", large.clone().into()).await;
            assert_eq!(answer.unwrap().status, 200, "{http:?}");
            assert!(bench.claude.received()[0].body == large.as_bytes(), "{http:?}");
            let parts = bench.sink.parts();
            let opened = parts.iter().rev().find(|p| kind(p) == "opened").unwrap();
            assert_eq!(content(opened)["request"]["bytes"], large.len());
            let text = &content(opened)["request"]["body"]["messages"][0]["content"];
            assert_eq!(text.as_str().unwrap().len(), 32 * MIB - 100);

            bench.claude.reset();
            let client = bench.gateway.client().over(http);
            let answer = client.send(Method::POST, "/v1/messages", body(33 * MIB).into()).await;
            let answer = answer.unwrap();
            assert_eq!(answer.status, 413, "{http:?}");
            assert_eq!(answer.json()["error"]["type"], "request_too_large");
            assert!(bench.claude.received().is_empty());
            assert_eq!(kind(bench.sink.parts().last().unwrap()), "refused");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_of_32_mb_pass_whole_and_streamed() {
    for envoy in envoys() {
        let bench = Bench::new(&envoy, Some(&patient())).await;
        for http in BOTH {
            for stream in [false, true] {
                let client = bench.gateway.client().over(http);
                let client = client.script("big?bytes=31000000&size=200000");
                let answer = client.message(&ask(stream)).await.unwrap();
                assert_eq!(
                    (answer.status.as_u16(), answer.clean),
                    (200, true),
                    "{http:?} {stream}"
                );
                assert!(answer.body.len() > 31_000_000, "{http:?} {stream}: {}", answer.body.len());
                let parts = bench.sink.parts();
                // Texts that it does not repeat may arrive behind it, on a call of their own.
                let closed = content(parts.iter().rfind(|p| kind(p) == "closed").unwrap());
                assert_eq!(closed["response"]["bytes"], answer.body.len(), "{http:?} {stream}");
                assert_eq!(closed["end"]["why"], "complete", "{http:?} {stream}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_over_the_limit_is_withheld_or_broken_off() {
    let policy = format!("{}limits:\n  response_bytes: 100000\n", POLICY);
    for envoy in envoys() {
        let bench = Bench::new(&envoy, Some(&policy)).await;
        for http in BOTH {
            let client = bench.gateway.client().over(http).script("big?bytes=300000");
            let answer = client.message(&ask(false)).await.unwrap();
            assert_eq!(answer.status, 502, "{http:?}");
            let answer = client.message(&ask(true)).await.unwrap();
            assert!(!answer.clean, "{http:?}");
            assert!(!answer.text().contains("message_stop"));
        }
        let too_large = |p: &[serde_json::Value]| {
            p.iter().filter(|p| content(p)["end"]["why"] == "response_too_large").count() == 4
        };
        bench.sink.wait("each on record", too_large).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_the_memory_budget_new_exchanges_are_turned_away_and_running_ones_go_on() {
    let policy = format!("{}limits:\n  memory_bytes: 8000000\n", POLICY);
    for envoy in envoys() {
        let bench = Bench::new(&envoy, Some(&policy)).await;
        let mut running = bench.gateway.client().script("stall").begin(
            Method::POST,
            "/v1/messages",
            ask(true).to_string().into(),
        );
        running.until(|text| text.contains("text_delta")).await.unwrap();
        let client = bench.gateway.client().over(Http::One);
        let answer = client.send(Method::POST, "/v1/messages", body(5 * MIB).into()).await.unwrap();
        assert_eq!(answer.status, 503);
        assert!(answer.text().contains("out of memory"));
        assert_eq!(bench.gateway.client().message(&ask(false)).await.unwrap().status, 200);
        bench.claude.open("stall");
        assert!(running.whole().await.unwrap().clean);
    }
}

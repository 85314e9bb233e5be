//! Every other way in which an exchange ends: on record, with what was seen, and why.

use crate::{BOTH, Bench, ask, envoys};
use hansard_tests::outside;
use hansard_tests::sink::{Mode, content, kind};
use http::Method;
use serde_json::Value;

fn closed_as<'a>(parts: &'a [Value], why: &str) -> Option<&'a Value> {
    parts.iter().find(|p| kind(p) == "closed" && content(p)["end"]["why"] == why)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_leaves_what_was_seen_on_record() {
    for envoy in envoys() {
        for http in BOTH {
            // In mid-stream.
            let bench = Bench::new(&envoy, None).await;
            let client = bench.gateway.client().over(http).script("stall");
            let mut running =
                client.begin(Method::POST, "/v1/messages", ask(true).to_string().into());
            running.until(|text| text.contains("text_delta")).await.unwrap();
            running.abandon();
            let parts =
                bench.sink.wait("client_gone", |p| closed_as(p, "client_gone").is_some()).await;
            let closed = content(closed_as(&parts, "client_gone").unwrap());
            let seen = closed["response"]["events"].to_string();
            assert!(seen.contains("text_delta"), "{http:?}: {seen}");
            bench.claude.open("stall");

            // Before its part was acknowledged: nothing went on.
            bench.claude.reset();
            bench.sink.set(Mode::Hold("opened"));
            let n = bench.sink.parts().len();
            let client = bench.gateway.client().over(http);
            let running = client.begin(Method::POST, "/v1/messages", ask(true).to_string().into());
            bench.sink.wait("the opened part", |p| p.len() > n).await;
            running.abandon();
            bench.sink.wait("its end", |p| p.iter().skip(n).any(|p| kind(p) == "closed")).await;
            bench.sink.set(Mode::Acknowledge);
            assert!(bench.claude.received().is_empty(), "{http:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_breaks_is_told_apart() {
    for envoy in envoys() {
        let bench = Bench::new(&envoy, None).await;
        for http in BOTH {
            let n = bench.sink.parts().len();
            let client = bench.gateway.client().over(http).script("cut_midstream");
            let answer = client.message(&ask(true)).await.unwrap();
            assert!(!answer.clean, "{http:?}: a cut must not look like an end");
            let parts = bench
                .sink
                .wait("the cut", |p| closed_as(&p[n..], "upstream_failed").is_some())
                .await;
            let closed = content(closed_as(&parts[n..], "upstream_failed").unwrap());
            assert!(closed["response"]["events"].to_string().contains("text_delta"));
            assert!(closed["end"]["detail"].is_string());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_is_not_there_is_an_error_on_record() {
    for envoy in envoys() {
        let Bench { claude, sink, gateway } = Bench::new(&envoy, None).await;
        drop(claude);
        for http in BOTH {
            let n = sink.parts().len();
            let answer = gateway.client().over(http).message(&ask(true)).await.unwrap();
            assert_eq!(answer.status, 503, "{http:?}");
            let parts = sink.wait("the end", |p| p.len() >= n + 2).await;
            assert_eq!(kind(&parts[n]), "opened");
            let closed = closed_as(&parts[n..], "upstream_failed").unwrap();
            assert_eq!(content(closed)["response"]["status"], 503, "{http:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_dead_streams_are_resent_until_they_are_acknowledged() {
    for envoy in envoys() {
        let bench = Bench::new(&envoy, None).await;
        let client = bench.gateway.client().script("stall");
        let mut running = client.begin(Method::POST, "/v1/messages", ask(true).to_string().into());
        running.until(|text| text.contains("text_delta")).await.unwrap();
        bench.sink.set(Mode::Refuse("closed", 14));
        running.abandon();
        // Refused at least twice: sent again although nobody waits for it.
        let count = |p: &[Value]| p.iter().filter(|p| kind(p) == "closed").count();
        bench.sink.wait("two tries", |p| count(p) >= 3).await;
        let parts = bench.sink.parts();
        bench.sink.set(Mode::Acknowledge);
        let numbers: Vec<_> =
            parts.iter().filter(|p| kind(p) == "closed").map(|p| p["seq"].clone()).collect();
        assert!(numbers.windows(2).all(|w| w[0] == w[1]), "the same part each time: {numbers:?}");
        bench.claude.open("stall");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_gateway_finishes_what_runs_and_exits_0() {
    for envoy in envoys() {
        let mut bench = Bench::new(&envoy, None).await;
        let client = bench.gateway.client().script("stall");
        let mut running = client.begin(Method::POST, "/v1/messages", ask(true).to_string().into());
        running.until(|text| text.contains("text_delta")).await.unwrap();
        bench.gateway.interrupt();
        // Nobody new is let in, while what runs goes on.
        let addr = bench.gateway.addr();
        outside::until("a closed door", || std::net::TcpStream::connect(addr).is_err()).await;
        bench.claude.open("stall");
        let answer = running.whole().await.unwrap();
        assert!(answer.clean && answer.text().contains("message_stop"));
        assert_eq!(bench.gateway.wait(), Some(0));
        assert!(closed_as(&bench.sink.parts(), "complete").is_some());
    }
}

//! Promise 8: what passes, passes byte for byte; what must not, does not.

use crate::{BOTH, Bench, ask, envoys};
use bytes::Bytes;
use hansard_tests::client::Client;
use hansard_tests::sink::{Mode, content, kind};
use http::{HeaderMap, Method};
use std::time::Duration;

/// Scripts whose whole response can be had without a gate.
const SCRIPTS: &[&str] = &[
    "conversation",
    "text?deltas=40&size=20",
    "thinking",
    "tool_use",
    "two_tools",
    "server_tools",
    "redacted_thinking",
    "unknown",
    "error_midstream",
    "clean_end_early",
    "pings",
    "crlf",
    "cr",
    "multiline",
    "bytes1",
    "coalesced",
    "content_length",
    "after_stop",
    "invalid_json_data",
    "html",
    "empty",
    "status?code=429&retry_after=7",
    "two_tools?chunk=1",
    "two_tools?chunk=7&gap_ms=1",
    "two_tools?framing=crlf&chunk=3",
    "tool_use?chunk=50",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_script_comes_through_byte_for_byte_and_is_recorded_as_it_was() {
    for envoy in envoys() {
        let bench = Bench::new(&envoy, None).await;
        for http in BOTH {
            for stream in [true, false] {
                for script in SCRIPTS {
                    let name = format!("{script} over {http:?}, stream {stream}");
                    let direct = Client::new(bench.claude.addr(), None).over(http).script(script);
                    let through = bench.gateway.client().over(http).script(script);
                    let n = bench.sink.parts().len();
                    let (want, got) =
                        (direct.message(&ask(stream)).await, through.message(&ask(stream)).await);
                    let (want, got) = (want.unwrap(), got.unwrap());
                    assert_eq!(got.status, want.status, "{name}");
                    assert_eq!(unnumbered(&got.text()), unnumbered(&want.text()), "{name}");
                    assert!(got.clean, "{name}");
                    assert_eq!(got.header("content-type"), want.header("content-type"), "{name}");
                    assert_eq!(got.header("retry-after"), want.header("retry-after"), "{name}");
                    assert!(got.header("request-id").unwrap().starts_with("req_"), "{name}");

                    let parts = bench.sink.parts();
                    let closed = parts.iter().skip(n).find(|p| kind(p) == "closed").unwrap();
                    let closed = content(closed);
                    assert_eq!(closed["response"]["bytes"], got.body.len(), "{name}");
                    assert_eq!(kind(&parts[n]), "opened", "{name}");
                    let whole = ["clean_end_early", "error_midstream", "empty"];
                    let is_cut = stream && whole.iter().any(|cut| script.starts_with(cut));
                    let why = if is_cut { "truncated" } else { "complete" };
                    assert_eq!(closed["end"]["why"], why, "{name}");
                }
            }
        }
    }
}

/// Ids that the scripted Claude counts up.
fn unnumbered(text: &str) -> String {
    let mut out = String::new();
    for piece in text.split_inclusive('_') {
        let digits = piece.trim_start_matches(|c: char| c.is_ascii_digit());
        let was_id =
            ["msg_", "req_", "toolu_", "srvtoolu_", "mcptoolu_"].iter().any(|p| out.ends_with(p));
        out.push_str(if was_id { digits } else { piece });
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn the_request_reaches_the_upstream_unchanged_without_its_credentials() {
    for envoy in envoys() {
        let bench = Bench::new(&envoy, None).await;
        // Odd but valid: order, numbers, escapes, an unknown member twice, white space around.
        let body = " {\"x\":1e5,\"model\":\"claude-a\",\"big\":123456789012345678901234567890,\"y\":\"\\/\\ud83d\\ude00\",\"y\":0,\"messages\":[]}\n";
        for http in BOTH {
            bench.claude.reset();
            let client = bench
                .gateway
                .client()
                .over(http)
                .with("x-api-key", "an-old-key")
                .with("cookie", "a=b")
                .with("anthropic-version", "2023-06-01")
                .with("anthropic-beta", "a-beta,another")
                .with("x-unknown", "kept")
                .with("accept-encoding", "gzip, br")
                .with("x-envoy-retry-on", "5xx");
            let answer = client.send(Method::POST, "/v1/messages?beta=true", body.into()).await;
            let answer = answer.unwrap();
            assert_eq!(answer.status, 200, "{}", answer.text());
            let received = bench.claude.received();
            let got = received.first().unwrap();
            assert_eq!(received.len(), 1);
            assert_eq!(String::from_utf8_lossy(&got.body), body, "{http:?}");
            assert_eq!(got.path, "/v1/messages?beta=true");
            for gone in ["authorization", "x-api-key", "cookie", "x-envoy-retry-on"] {
                assert_eq!(got.header(gone), None, "{gone} went upstream");
            }
            assert_eq!(got.header("accept-encoding"), Some("identity"));
            assert_eq!(got.header("anthropic-version"), Some("2023-06-01"));
            assert_eq!(got.header("anthropic-beta"), Some("a-beta,another"));
            assert_eq!(got.header("x-unknown"), Some("kept"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chunked_requests_and_trailers_pass_on_both_protocols() {
    for envoy in envoys() {
        let bench = Bench::new(&envoy, None).await;
        let body = ask(true).to_string();
        let chunks: Vec<_> = body.as_bytes().chunks(5).map(Bytes::copy_from_slice).collect();
        for http in BOTH {
            for with_trailers in [false, true] {
                bench.claude.reset();
                let mut trailers = HeaderMap::new();
                trailers.insert("x-after", "yes".parse().unwrap());
                let trailers = with_trailers.then_some(trailers);
                let client =
                    bench.gateway.client().over(http).script("trailers").with("te", "trailers");
                let client = if with_trailers { client.with("trailer", "x-after") } else { client };
                let running = client.begin_chunked("/v1/messages", chunks.clone(), trailers);
                let answer = running.whole().await.unwrap();
                assert_eq!(answer.status, 200, "{http:?} {with_trailers}: {}", answer.text());
                assert!(answer.clean && answer.text().contains("message_stop"));
                assert_eq!(bench.claude.received()[0].body, body.as_bytes());
                let parts = bench.sink.parts();
                let closed = parts.iter().rev().find(|p| kind(p) == "closed").unwrap();
                assert_eq!(content(closed)["end"]["why"], "complete");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoded_response_never_passes_unseen() {
    for envoy in envoys() {
        let bench = Bench::new(&envoy, None).await;
        for http in BOTH {
            let client = bench.gateway.client().over(http).script("encoded");
            let answer = client.message(&ask(true)).await.unwrap();
            assert_eq!(answer.status, 502);
            assert!(answer.text().contains("content encoding"));
            let recorded = |p: &[serde_json::Value]| {
                p.iter().any(|p| content(p)["end"]["why"] == "encoded_response")
            };
            bench.sink.wait("the reason", recorded).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_flows_while_the_stream_runs() {
    for envoy in envoys() {
        let bench = Bench::new(&envoy, None).await;
        for http in BOTH {
            let client = bench.gateway.client().over(http).script("stall");
            let mut running =
                client.begin(Method::POST, "/v1/messages", ask(true).to_string().into());
            bench.claude.wait_for(Duration::from_secs(10), |o| o.at_gate("stall")).await.unwrap();
            running.until(|text| text.contains("text_delta")).await.unwrap();
            bench.claude.release("stall");
            let answer = running.whole().await.unwrap();
            assert!(answer.clean && answer.text().contains("message_stop"), "{http:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_delivery_mode_records_without_waiting() {
    let policy = format!("{}  delivery: access_log\n", hansard_tests::gateway::POLICY);
    for envoy in envoys() {
        let bench = Bench::new(&envoy, Some(&policy)).await;
        bench.sink.set(Mode::Acknowledge);
        for (stream, script) in [(true, "two_tools"), (false, "tool_use"), (true, "trailers")] {
            let n = bench.sink.parts().len();
            let client = bench.gateway.client().script(script).with("te", "trailers");
            let answer = client.message(&ask(stream)).await.unwrap();
            assert_eq!((answer.status.as_u16(), answer.clean), (200, true));
            let parts = bench.sink.wait("both parts", |p| p.len() >= n + 2).await;
            let of = |k: &str| parts.iter().skip(n).find(|p| kind(p) == k).cloned().unwrap();
            assert_eq!(content(&of("opened"))["request"]["body"], ask(stream));
            assert_eq!(content(&of("closed"))["end"]["why"], "complete", "{script}");
            assert_eq!(content(&of("closed"))["response"]["bytes"], answer.body.len());
        }
        let answer = bench.gateway.stranger().message(&ask(true)).await.unwrap();
        assert_eq!(answer.status, 401);
        bench.sink.wait("the refusal", |p| p.iter().any(|p| kind(p) == "refused")).await;
    }
}

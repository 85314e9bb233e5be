//! Promises 1 and 2, told by what the upstream, the sink and the client logged, not by time.

use crate::{BOTH, Bench, ask, envoys};
use bytes::Bytes;
use hansard_tests::scripted::{Observation, Seen};
use hansard_tests::sink::{Mode, content, kind};
use http::Method;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::collections::BTreeMap;
use tokio::net::TcpStream;

fn requests(bench: &Bench) -> usize {
    let is_head = |what: &Seen| matches!(what, Seen::RequestHead { .. } | Seen::RequestChunk(_));
    bench.claude.observed().iter().filter(|o| is_head(&o.what)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_byte_of_a_request_goes_upstream_before_its_part_is_acknowledged() {
    for envoy in envoys() {
        let bench = Bench::new(&envoy, None).await;
        for http in BOTH {
            bench.sink.set(Mode::Hold("opened"));
            let seen_before = bench.sink.parts().len();
            let client = bench.gateway.client().over(http);
            let running = client.begin(Method::POST, "/v1/messages", ask(false).to_string().into());
            let parts = bench.sink.wait("an opened part", |p| p.len() > seen_before).await;
            let opened = parts.last().unwrap();
            assert_eq!(kind(opened), "opened");
            assert_eq!(content(opened)["request"]["body"], ask(false));
            assert_eq!(content(opened)["who"]["subject"], "tester");
            assert_eq!(content(opened)["decision"]["rule"], "developers");
            assert_eq!(requests(&bench), 0, "{http:?}: the upstream saw something");
            bench.sink.set(Mode::Acknowledge);
            let answer = running.whole().await.unwrap();
            assert_eq!(answer.status, 200);
            assert!(requests(&bench) > 0);
            bench.claude.reset();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_data_of_a_response_waits_for_the_closed_part() {
    for envoy in envoys() {
        let bench = Bench::new(&envoy, None).await;
        for http in BOTH {
            let client = bench.gateway.client().over(http);
            // Whole: not even the status comes.
            bench.sink.set(Mode::Hold("closed"));
            let n = bench.sink.parts().len();
            let running = client.begin(Method::POST, "/v1/messages", ask(false).to_string().into());
            let parts = bench.sink.wait("opened and closed", |p| p.len() >= n + 2).await;
            let closed = parts.last().unwrap();
            assert_eq!(kind(closed), "closed");
            assert_eq!(running.status(), None, "{http:?}");
            bench.sink.set(Mode::Acknowledge);
            let answer = running.whole().await.unwrap();
            assert_eq!(answer.json(), content(closed)["response"]["message"]);

            // A stream: what came before the last event passes, the last event does not.
            bench.sink.set(Mode::Hold("closed"));
            let n = bench.sink.parts().len();
            let client = client.script("text?gap_ms=2");
            let mut running =
                client.begin(Method::POST, "/v1/messages", ask(true).to_string().into());
            running.until(|text| text.contains("text_delta")).await.unwrap();
            let is_closed = |part: &Value| kind(part) == "closed";
            let parts = bench.sink.wait("closed", |p| p.iter().skip(n).any(is_closed)).await;
            let closed = parts.iter().rfind(|part| is_closed(part)).unwrap();
            assert_eq!(content(closed)["end"]["why"], "complete");
            assert!(!running.so_far().contains("message_stop"), "{http:?}");
            bench.sink.set(Mode::Acknowledge);
            let answer = running.whole().await.unwrap();
            assert!(answer.clean && answer.text().contains("message_stop"), "{http:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_call_waits_for_its_progress_part() {
    for envoy in envoys() {
        let bench = Bench::new(&envoy, None).await;
        for http in BOTH {
            bench.sink.set(Mode::Hold("progress"));
            let n = bench.sink.parts().len();
            let client = bench.gateway.client().over(http).script("two_tools?gap_ms=1");
            let mut running =
                client.begin(Method::POST, "/v1/messages", ask(true).to_string().into());
            running.until(|text| text.contains("input_json_delta")).await.unwrap();
            let parts = bench.sink.wait("opened and progress", |p| p.len() >= n + 2).await;
            let progress = parts.iter().skip(n).find(|part| kind(part) == "progress").unwrap();
            let index = content(progress)["index"].as_u64().unwrap();
            let stop = format!(r#""type":"content_block_stop","index":{index}"#);
            assert_eq!(content(progress)["block"]["type"], "tool_use");
            assert!(content(progress)["block"]["input"].is_object());
            assert!(!running.so_far().contains(&stop), "{http:?}: {}", running.so_far());
            bench.sink.set(Mode::Acknowledge);
            let answer = running.whole().await.unwrap();
            assert!(answer.clean && answer.text().contains(&stop), "{http:?}");
            // Calls that run side by side arrive in any order; the numbers tell the true one.
            let mut parts = bench.sink.parts().split_off(n);
            parts.sort_by_key(|part| part["seq"].as_u64());
            let kinds: Vec<_> = parts.iter().map(kind).collect();
            assert_eq!(kinds, ["opened", "progress", "progress", "closed"], "{http:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_refuses_or_is_late_or_is_gone_lets_nothing_through() {
    for envoy in envoys() {
        let bench = Bench::new(&envoy, None).await;
        let late = std::time::Duration::from_secs(20);
        for http in BOTH {
            let client = bench.gateway.client().over(http);
            for mode in
                [Mode::Refuse("opened", 14), Mode::Refuse("opened", 8), Mode::Delay("opened", late)]
            {
                bench.sink.set(mode.clone());
                bench.claude.reset();
                let begun = std::time::Instant::now();
                let answer = client.message(&ask(true)).await.unwrap();
                assert_eq!(answer.status, 503, "{mode:?}");
                assert_eq!(answer.json()["type"], "error");
                assert!(answer.json()["error"]["message"].as_str().unwrap().contains("on record"));
                assert_eq!(requests(&bench), 0, "{mode:?}");
                // The policy says 2 s; a tick is 0.1 s.
                assert!(begun.elapsed().as_millis() < 3000, "{mode:?}: {:?}", begun.elapsed());
            }
        }
        bench.sink.set(Mode::Acknowledge);
        assert_eq!(bench.gateway.client().message(&ask(true)).await.unwrap().status, 200);
        let Bench { claude, sink, gateway } = bench;
        drop(sink);
        claude.reset();
        let answer = gateway.client().message(&ask(true)).await.unwrap();
        assert_eq!(answer.status, 503);
        assert!(claude.received().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_fails_in_mid_response_ends_it_with_an_error_and_cuts_the_upstream() {
    for envoy in envoys() {
        let bench = Bench::new(&envoy, None).await;
        for http in BOTH {
            // The upstream has ended, or still runs: then it is cut, and the client sees a cut.
            for (part, script, runs) in [
                ("progress", "tool_use", false),
                ("progress", "tool_use?gap_ms=20", true),
                // Nothing waits for what has passed; its next data is what the error replaces.
                ("progress", "text?deltas=300&gap_ms=20", true),
                ("closed", "text", false),
                ("closed", "text?gap_ms=2", false),
            ] {
                bench.sink.set(Mode::Refuse(part, 14));
                bench.claude.reset();
                let client = bench.gateway.client().over(http).script(script);
                let answer = client.message(&ask(true)).await.unwrap();
                let text = answer.text();
                assert_eq!(answer.status, 200);
                assert!(text.contains("event: error"), "{http:?} {script}: {text}");
                assert!(!text.contains("message_stop"), "{http:?} {script}");
                assert!(text.contains("text_delta"), "{http:?} {script}: what may pass, passes");
                if runs {
                    assert!(!answer.clean, "{http:?} {script}: a cut must not look like an end");
                    let dropped = |o: &Observation| matches!(o.what, Seen::ResponseDropped);
                    let limit = std::time::Duration::from_secs(10);
                    bench.claude.wait_for(limit, dropped).await.unwrap();
                }
            }
            // A whole response has not begun: the client gets a proper 503.
            let answer = bench.gateway.client().over(http).message(&ask(false)).await.unwrap();
            assert_eq!(answer.status, 503);
            assert!(answer.json()["error"]["message"].as_str().unwrap().contains("withheld"));
        }
        // What happened is on record once the sink is back.
        bench.sink.set(Mode::Acknowledge);
        let failed = |p: &[Value]| {
            p.iter().filter(|p| content(p)["end"]["why"] == "record_failed").count() >= 10
        };
        bench.sink.wait("the failures on record", failed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_policy_that_says_continue_lets_unrecorded_data_pass() {
    let policy = format!("{}  on_failure: continue\n", hansard_tests::gateway::POLICY);
    for envoy in envoys() {
        let bench = Bench::new(&envoy, Some(&policy)).await;
        bench.sink.set(Mode::Refuse("opened", 14));
        let answer = bench.gateway.client().message(&ask(true)).await.unwrap();
        assert_eq!(answer.status, 200);
        assert!(answer.clean && answer.text().contains("message_stop"));
        let is_named = |p: &[Value]| {
            p.iter().any(|p| content(p)["unacknowledged"].as_array().is_some_and(|l| !l.is_empty()))
        };
        bench.sink.wait("the gap on record", is_named).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_streams_at_once_on_several_workers_are_all_on_record() {
    for envoy in envoys() {
        let bench = Bench::with_workers(&envoy, 3).await;
        let scripts = ["conversation", "tool_use", "two_tools", "thinking", "bytes1", "coalesced"];
        let mut running = Vec::new();
        for i in 0..240 {
            let client = bench.gateway.client().over(BOTH[i % 2]).script(scripts[i % 6]);
            let body = ask(i % 3 != 0).to_string().into();
            running.push(client.begin(Method::POST, "/v1/messages", body));
        }
        for one in running {
            let answer = one.whole().await.unwrap();
            assert_eq!((answer.status.as_u16(), answer.clean), (200, true));
        }
        let parts = bench.sink.parts();
        let count = |wanted: &str| parts.iter().filter(|p| kind(p) == wanted).count();
        assert_eq!((count("opened"), count("closed")), (240, 240));
        // Numbers of one boot have no gap, however the parts travelled.
        let mut boots: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for part in &parts {
            let boot = part["boot"].as_str().unwrap().to_owned();
            boots.entry(boot).or_default().push(part["seq"].as_u64().unwrap());
        }
        assert!(boots.len() > 1, "several workers took part");
        for (boot, mut numbers) in boots {
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "{boot}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_kept_carries_one_exchange_after_another() {
    for envoy in envoys() {
        let bench = Bench::new(&envoy, None).await;
        let io = TokioIo::new(TcpStream::connect(bench.gateway.addr()).await.unwrap());
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        for (i, script) in ["tool_use", "conversation", "text", "two_tools"].iter().enumerate() {
            let request = http::Request::post("/v1/messages")
                .header("host", "gateway.test")
                .header("authorization", format!("Bearer {}", bench.gateway.token()))
                .header("x-script", *script)
                .body(Full::new(Bytes::from(ask(i % 2 == 0).to_string())))
                .unwrap();
            sender.ready().await.unwrap();
            let response = sender.send_request(request).await.unwrap();
            assert_eq!(response.status(), 200, "{script}");
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert!(!body.is_empty(), "{script}");
        }
        assert_eq!(bench.claude.received().len(), 4);
    }
}

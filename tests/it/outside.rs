//! Clients and sinks that are not ours: the official SDKs, and a plain access-log server.

use crate::{Bench, any_port, ask, envoys};
use hansard_tests::gateway::{Gateway, Options};
use hansard_tests::outside::{Helper, node, python, run, script, until};
use hansard_tests::scripted::ScriptedClaude;
use serde_json::Value;
use std::process::Command;

const SCRIPTS: &str = "conversation,text?deltas=30,thinking,tool_use,two_tools,server_tools,\
    redacted_thinking,unknown,error_midstream,clean_end_early,pings,crlf,multiline,\
    bytes1,coalesced,content_length,after_stop,html,empty,status?code=429,status?code=529,trailers";

fn sdk(command: &mut Command, bench: &Bench) -> Value {
    let scripts: String = SCRIPTS.split_whitespace().collect();
    run(command
        .env("DIRECT_URL", bench.claude.url())
        .env("GATEWAY_URL", bench.gateway.url())
        .env("TOKEN", bench.gateway.token())
        .env("MODEL", "claude-sonnet-4-5")
        .env("REFUSED_MODEL", "gpt-5")
        .env("EXPIRED_TOKEN", crate::keys::expired(&bench.gateway))
        .env("SCRIPTS", scripts))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdk_gets_the_same_objects_through_the_gateway() {
    for envoy in envoys() {
        let bench = Bench::new(&envoy, None).await;
        let result = sdk(python().arg(script("sdk_python.py")), &bench);
        assert_eq!(result["compared"], 22 * 3 + 6, "{result}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_javascript_sdk_gets_the_same_objects_through_the_gateway() {
    for envoy in envoys() {
        let bench = Bench::new(&envoy, None).await;
        let result = sdk(node().arg(script("sdk_js.mjs")), &bench);
        assert_eq!(result["compared"], 22 * 3 + 6, "{result}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_access_log_server_receives_the_parts_and_its_answer_is_the_acknowledgement() {
    for envoy in envoys() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("entries");
        let claude = ScriptedClaude::start(any_port()).unwrap();
        let server = Helper::start(python().arg(script("generic_als.py")).arg("0").arg(&file));
        let port: u16 = server.first_line.parse().unwrap();
        let mut options = Options::new(&envoy, claude.url());
        options.sink = Some(([127, 0, 0, 1], port).into());
        let gateway = Gateway::start(&options);
        let answer = gateway.client().script("tool_use").message(&ask(true)).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.clean), (200, true));

        let entries = || -> Vec<Value> {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
        };
        let ours = |entries: &[Value]| -> Vec<Value> {
            entries.iter().filter(|e| e["log_name"] == "hansard").cloned().collect()
        };
        until("three parts and the witness", || {
            let all = entries();
            ours(&all).len() == 3 && all.iter().any(|e| e["log_name"] == "envoy")
        })
        .await;
        let all = entries();
        let parts = ours(&all);
        let kind = |entry: &Value| {
            let part = &entry["objects"]["hansard.record"]["hansard.v2"]["part"];
            part.as_object().unwrap().keys().next().unwrap().clone()
        };
        let mut kinds: Vec<_> = parts.iter().map(kind).collect();
        kinds.sort();
        assert_eq!(kinds, ["closed", "opened", "progress"]);
        let request = parts[0]["request"].to_string();
        assert!(request.contains("/v1/messages") && request.contains("POST"), "{request}");
        let closed = parts.iter().find(|part| kind(part) == "closed").unwrap();
        assert!(closed["response"].to_string().contains("200"));
        let opened = &parts[0]["objects"]["hansard.record"]["hansard.v2"];
        assert_eq!(opened["part"]["opened"]["request"]["body"], ask(true));
        // Envoy's own log, the second witness, names the same exchange.
        let witness = all.iter().find(|e| e["log_name"] == "envoy").unwrap().to_string();
        assert!(witness.contains(opened["exchange"].as_str().unwrap()), "{witness}");
        assert!(!witness.contains("eyJ"), "a token in the access log");

        // Its refusal is a refusal.
        drop(server);
        let answer = gateway.client().message(&ask(true)).await.unwrap();
        assert_eq!(answer.status, 503);
    }
}

//! The real Claude Code, with Bash, Write and Edit, through the gateway against the scripted
//! Claude: the work is done, and every tool call that ran was on record before it could run.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use hansard_tests::gateway::{Gateway, Options, envoys};
use hansard_tests::outside::{named, python, run, script};
use hansard_tests::scripted::ScriptedClaude;
use serde_json::Value;

mod audit;

#[test]
fn a_session_of_claude_code_works_and_is_on_record() {
    let claude = ScriptedClaude::start(([127, 0, 0, 1], 0).into()).unwrap();
    let envoy = envoys().remove(0);
    let gateway = Gateway::start(&Options::new(&envoy, claude.url()));
    let result = run(python()
        .arg(script("claude_code.py"))
        .env("CLAUDE_BIN", named("CLAUDE_BIN"))
        .env("GATEWAY_URL", gateway.url())
        .env("TOKEN", gateway.token())
        .env("MODEL", "claude-sonnet-4-5"));
    let hint = result["session"].as_str().unwrap();
    let shown: Value = serde_json::from_str(&gateway.command(&["show", hint, "--json"])).unwrap();
    let exchanges = shown["exchanges"].as_array().unwrap();
    let tools: Vec<_> = exchanges
        .iter()
        .flat_map(|e| e["response"]["message"]["content"].as_array().cloned().unwrap_or_default())
        .filter(|block| block["type"] == "tool_use")
        .map(|block| block["name"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(tools, ["Bash", "Write", "Edit"], "{result}");
    for exchange in exchanges {
        assert_eq!(exchange["status"], "complete");
        let parts = exchange["parts"].as_array().unwrap();
        let progress = parts.iter().filter(|p| p["part"] == "progress").count();
        let blocks = exchange["response"]["message"]["content"].as_array().unwrap();
        let acts = blocks.iter().filter(|b| b["type"] == "tool_use").count();
        assert_eq!(progress, acts, "each tool call was on record before its end was released");
    }
}

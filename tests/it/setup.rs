//! `hansard up` and the reading commands, as a person meets them.

use crate::{any_port, ask, envoys};
use hansard_tests::gateway::{Gateway, Options, binary, free_port};
use hansard_tests::scripted::ScriptedClaude;
use serde_json::Value;
use std::net::TcpListener;
use std::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_is_read_back() {
    for envoy in envoys() {
        let claude = ScriptedClaude::start(any_port()).unwrap();
        let mut gateway = Gateway::start(&Options::new(&envoy, claude.url()));
        let banner = gateway.banner().to_owned();
        for part in
            ["ANTHROPIC_BASE_URL=http://", "ANTHROPIC_AUTH_TOKEN=eyJ", "curl -sN", " sessions"]
        {
            assert!(banner.contains(part), "the banner lacks {part}:\n{banner}");
        }
        let client = gateway.client().with("x-claude-code-session-id", "my-session");
        for script in ["tool_use", "thinking"] {
            let answer = client.clone().script(script).message(&ask(true)).await.unwrap();
            assert!(answer.clean);
        }
        let refused = gateway.issue("eve", "guests", "1h");
        let answer = gateway.stranger().with_token(&refused).message(&ask(true)).await.unwrap();
        assert_eq!(answer.status, 400);

        let sessions: Value =
            serde_json::from_str(&gateway.command(&["sessions", "--json"])).unwrap();
        assert_eq!(sessions.as_array().unwrap().len(), 2);
        let of = |who: &str| {
            sessions.as_array().unwrap().iter().find(|s| s["subject"] == who).cloned().unwrap()
        };
        let (ours, theirs) = (of("tester"), of("eve"));
        assert_eq!((&ours["exchanges"], &ours["status"]), (&2.into(), &"complete".into()));
        assert_eq!(ours["models"], serde_json::json!(["claude-sonnet-4-5"]));
        assert_eq!((&theirs["exchanges"], &theirs["status"]), (&1.into(), &"refused".into()));

        let id = ours["id"].as_str().unwrap();
        let shown: Value = serde_json::from_str(&gateway.command(&["show", id, "--json"])).unwrap();
        let exchanges = shown["exchanges"].as_array().unwrap();
        assert_eq!(exchanges.len(), 2);
        let tool = &exchanges[0];
        assert_eq!(tool["status"], "complete");
        assert_eq!(tool["who"]["subject"], "tester");
        assert_eq!(tool["decision"]["rule"], "developers");
        assert_eq!(tool["decision"]["effect"], "allow");
        assert_eq!(tool["request"]["method"], "POST");
        assert_eq!(tool["request"]["body"], ask(true));
        assert_eq!(tool["response"]["status"], 200);
        assert_eq!(tool["response"]["stop_reason"], "tool_use");
        assert!(tool["response"]["usage"]["output_tokens"].as_u64().unwrap() > 0);
        assert!(tool["response"]["events"].as_array().unwrap().len() > 5);
        assert_eq!(tool["end"]["why"], "complete");
        let kinds: Vec<_> = tool["parts"].as_array().unwrap().iter().map(|p| &p["part"]).collect();
        assert_eq!(kinds, ["opened", "progress", "closed"]);
        assert_eq!(shown["session"]["id"], id);

        let text = gateway.command(&["show", id]);
        assert!(text.contains("Say hello.") && text.contains("Bash"), "{text}");
        let replayed = gateway.command(&["replay", id, "--speed", "0"]);
        assert!(replayed.contains("Bash"), "{replayed}");
        gateway.interrupt();
        assert_eq!(gateway.wait(), Some(0));
    }
}

/// What `hansard up` says when it cannot run, and its exit code.
fn up(args: &[&str], path: Option<&str>) -> (Option<i32>, String) {
    let mut command = Command::new(binary("hansard"));
    command
        .args(["up", "--ui", "127.0.0.1:0"])
        .args(args)
        .env_remove("ANTHROPIC_API_KEY")
        .env_remove("ENVOY");
    if let Some(path) = path {
        command.env("PATH", path);
    }
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn what_stands_in_the_way_is_one_line_that_names_the_cure() {
    let envoy = envoys().remove(0);
    let envoy = envoy.to_str().unwrap();
    let taken = TcpListener::bind(any_port()).unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let free = free_port().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("d").display().to_string();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let under_a_file = file.join("data").display().to_string();
    let bad = folder.path().join("bad.yaml");
    std::fs::write(&bad, "version: 1\naccess: []\nrecrod: {}\n").unwrap();
    let bad = bad.to_str().unwrap();
    let wasm = hansard_tests::gateway::wasm().display().to_string();
    let base = ["--envoy", envoy, "--filter", &wasm, "--data", &data];
    let cases: Vec<(Vec<&str>, Option<&str>, &str)> = vec![
        (
            [&base[..], &["--listen", &taken]].concat(),
            None,
            "is in use; stop what listens there, or pass another --listen",
        ),
        (
            vec!["--listen", &free, "--filter", &wasm, "--data", &data],
            Some("/nonexistent"),
            "no Envoy was found; `make run` installs one",
        ),
        (
            vec!["--envoy", "/bin/true", "--filter", &wasm, "--data", &data],
            None,
            "name an Envoy with --envoy",
        ),
        ([&base[..], &["--data", &under_a_file]].concat(), None, "--data"),
        ([&base[..], &["--policy", bad]].concat(), None, "recrod: unknown field `recrod`"),
        ([&base[..], &["--policy", "/nonexistent.yaml"]].concat(), None, "name it with --policy"),
        (
            [&base[..], &["--upstream", "claude.example"]].concat(),
            None,
            "is not http://HOST[:PORT]",
        ),
        (
            vec!["--envoy", envoy, "--filter", "/nonexistent.wasm", "--data", &data],
            None,
            "build it with `make build`",
        ),
    ];
    for (args, path, expected) in cases {
        // Later flags win, so that a case can replace one of the base.
        let mut unique: Vec<&str> = Vec::new();
        for pair in args.chunks(2) {
            match unique.iter().position(|flag| *flag == pair[0]) {
                Some(at) => unique[at + 1] = pair[1],
                None => unique.extend(pair),
            }
        }
        let (code, said) = up(&unique, path);
        assert_eq!(code, Some(1), "{unique:?}: {said}");
        assert!(said.contains(expected), "{unique:?}: {said}");
        let lines: Vec<_> = said.lines().filter(|l| l.starts_with("hansard: ")).collect();
        assert_eq!((lines.len(), said.trim().lines().count()), (1, 1), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_key_reaches_the_upstream_and_no_file_that_others_read() {
    use std::os::unix::fs::PermissionsExt;
    for envoy in envoys() {
        let claude = ScriptedClaude::start(any_port()).unwrap();
        let data = tempfile::tempdir().unwrap();
        let listen = free_port().unwrap();
        let mut child = Command::new(binary("hansard"))
            .args(["up", "--listen", &listen.to_string(), "--ui", "127.0.0.1:0"])
            .args(["--upstream", &claude.url()])
            .args(["--envoy", envoy.to_str().unwrap(), "--data", data.path().to_str().unwrap()])
            .arg("--filter")
            .arg(hansard_tests::gateway::wasm())
            .env("ANTHROPIC_API_KEY", "sk-ant-test-key")
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let token = Command::new(binary("hansard"))
            .args(["token", "--sub", "a", "--groups", "developers", "--data"])
            .arg(data.path())
            .output()
            .unwrap();
        let token = String::from_utf8(token.stdout).unwrap();
        let client = hansard_tests::client::Client::new(listen, Some(token.trim()));
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        let answer = loop {
            match client.message(&ask(true)).await {
                Ok(answer) => break answer,
                Err(_) => assert!(std::time::Instant::now() < deadline),
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        };
        assert_eq!(answer.status, 200);
        assert_eq!(claude.received()[0].header("x-api-key"), Some("sk-ant-test-key"));
        assert_eq!(claude.received()[0].header("authorization"), None);
        let _gone = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert_eq!(child.wait().unwrap().code(), Some(0));
        for file in walk(data.path()) {
            let bytes = std::fs::read(&file).unwrap_or_default();
            if String::from_utf8_lossy(&bytes).contains("sk-ant-test-key") {
                assert!(file.ends_with("credential.json"), "{}", file.display());
                let mode = std::fs::metadata(&file).unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o600);
            }
        }
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            files.extend(walk(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files
}

#[test]
fn the_standalone_files_are_valid_as_they_stand() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for envoy in envoys() {
        let output = Command::new(&envoy)
            .args(["--mode", "validate", "-c", "envoy/standalone/envoy.yaml"])
            .current_dir(&root)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}: {said}", envoy.display());
        assert!(!said.contains("[warning]"), "{}: {said}", envoy.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_upstream_a_scripted_claude_answers_and_the_banner_says_so() {
    let envoy = envoys().remove(0);
    let mut options = Options::new(&envoy, String::new());
    options.policy = include_str!("../../policies/default.yaml").to_owned();
    let mut gateway = Gateway::start(&options);
    assert!(gateway.banner().contains("a scripted Claude that makes its answers up"));
    let answer = gateway.client().message(&ask(true)).await.unwrap();
    assert!(answer.clean && answer.text().contains("message_stop"), "{}", answer.text());
    gateway.interrupt();
    assert_eq!(gateway.wait(), Some(0));
}

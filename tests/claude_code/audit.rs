//! A session of Claude Code with something of everything, recorded and rebuilt: what an auditor sees
//! is what happened, with the client's telemetry and without.

use hansard_replay::model::*;
use hansard_replay::{load, rebuild};
use hansard_store::Reader;
use hansard_tests::gateway::{Gateway, Options, envoys, free_port};
use hansard_tests::outside::{named, python, run, script};
use hansard_tests::scripted::ScriptedClaude;
use serde_json::Value;

/// The calls in their order: tool, what it is about, what became of it, and who decided.
fn expected(dir: &str) -> Vec<(&'static str, String, Outcome, Option<DecidedBy>)> {
    let file = format!("{dir}/hello.txt");
    let rule = Some(DecidedBy::Rule);
    let denied = |reason: &str| Outcome::Denied { reason: reason.to_owned() };
    vec![
        ("Bash", "echo hello from hansard".into(), Outcome::Ran, rule),
        ("Bash", "echo oops; exit 3".into(), Outcome::Failed { code: Some(3) }, rule),
        ("Write", file.clone(), Outcome::Ran, rule),
        ("Edit", file, Outcome::Ran, rule),
        (
            "Bash",
            "git init -q -b main . && git add hello.txt && git -c user.name=a -c user.email=a@b \
             commit -m 'Say goodbye'"
                .into(),
            Outcome::Ran,
            rule,
        ),
        (
            "Bash",
            "echo against the hook".into(),
            denied("PreToolUse:Bash hook error: [./hook.sh]: not here"),
            Some(DecidedBy::Hook),
        ),
        (
            "Bash",
            "echo against the rule".into(),
            denied("Permission to use Bash with command echo against the rule has been denied."),
            rule,
        ),
        ("Agent", "Look around".into(), Outcome::Ran, rule),
        ("Bash", "ls".into(), Outcome::Ran, rule),
    ]
}

#[test]
fn what_an_auditor_sees_is_what_happened() {
    let claude = ScriptedClaude::start(([127, 0, 0, 1], 0).into()).unwrap();
    let envoy = envoys().remove(0);
    let http = free_port().unwrap();
    let options = Options::new(&envoy, claude.url());
    let gateway = Gateway::try_start(&options, &["--http", &http.to_string()]).unwrap();
    let result = run(python()
        .arg(script("claude_code_audit.py"))
        .env("CLAUDE_BIN", named("CLAUDE_BIN"))
        .env("GATEWAY_URL", gateway.url())
        .env("LOGS_URL", format!("http://{http}/v1/logs"))
        .env("TOKEN", gateway.token())
        .env("MODEL", "claude-sonnet-4-5"));
    let dir = result["dir"].as_str().unwrap();
    let hint = result["session"].as_str().unwrap();

    let reader = Reader::open(&gateway.data()).unwrap();
    let mut input = load(&reader, hint).unwrap();
    let replay = rebuild(&input);
    input.telemetry.clear();
    let inferred = rebuild(&input);
    if let Some(path) = std::env::var_os("HANSARD_REPLAY_OUT") {
        std::fs::write(path, serde_json::to_vec_pretty(&replay).unwrap()).unwrap();
    }

    the_calls_are_those(&replay, dir, true);
    the_calls_are_those(&inferred, dir, false);
    the_turns_are_those(&replay, dir);
    the_work_is_that(&replay, dir, &result);
}

fn the_calls_are_those(replay: &Replay, dir: &str, confirmed: bool) {
    let expected = expected(dir);
    assert_eq!(replay.calls.len(), expected.len());
    for (call, (name, about, outcome, by)) in replay.calls.iter().zip(&expected) {
        assert_eq!((call.name.as_str(), call.about.as_str()), (*name, about.as_str()));
        assert_eq!(&call.outcome, outcome, "{call:?}");
        let sure = call.evidence.iter().any(|one| one.certainty == Certainty::Confirmed);
        assert_eq!(sure, confirmed, "{call:?}");
        let result = call.result.as_ref().unwrap();
        assert!(result.turn > call.turn && result.at >= call.at, "{call:?}");
        if confirmed {
            assert_eq!(call.decision.as_ref().map(|decision| decision.by), *by, "{call:?}");
            let ran = matches!(outcome, Outcome::Ran | Outcome::Failed { .. });
            assert_eq!(call.duration_ms.is_some(), ran, "{call:?}");
            assert_eq!(call.ran.is_some(), ran, "{call:?}");
            assert!(call.ran.as_ref().is_none_or(|ran| !ran.differs), "{call:?}");
        }
    }
}

fn the_turns_are_those(replay: &Replay, dir: &str) {
    assert_eq!(replay.session.status, Status::Complete);
    assert_eq!(replay.session.subject, "tester");
    assert_eq!(replay.session.models, ["claude-sonnet-4-5"]);
    let title = format!("[[claude_code?part=audit&dir={dir}]]");
    assert!(replay.session.title.as_ref().unwrap().starts_with(&title[..20]));
    assert!(replay.notices.is_empty(), "{:?}", replay.notices);
    let [main, agent] = &replay.lanes[..] else { panic!("{:?}", replay.lanes) };
    assert_eq!((main.kind, agent.kind), (LaneKind::Main, LaneKind::Subagent));
    assert_eq!(agent.label, "Look around");
    assert_eq!(replay.calls[agent.started_by.unwrap()].name, "Agent");
    let of_main: Vec<_> =
        replay.turns.iter().filter(|turn| turn.lane == 0).map(|turn| turn.kind).collect();
    let first = of_main.iter().take_while(|kind| **kind != TurnKind::Compaction).count();
    assert_eq!(of_main[0], TurnKind::Prompt);
    assert_eq!(of_main[1..9], [TurnKind::Results; 8]);
    assert!(first >= 9, "{of_main:?}");
    assert_eq!(of_main[first..], [TurnKind::Compaction, TurnKind::Compacted], "{of_main:?}");
    let of_agent: Vec<_> =
        replay.turns.iter().filter(|turn| turn.lane == 1).map(|turn| turn.kind).collect();
    assert_eq!(of_agent, [TurnKind::Prompt, TurnKind::Results]);
    for (index, turn) in replay.turns.iter().enumerate() {
        assert!(turn.rewrites.is_empty(), "turn {}: {:?}", turn.number, turn.rewrites);
        assert_eq!((turn.status, turn.http_status), (Status::Complete, Some(200)));
        assert_eq!(turn.number, index + 1);
        assert!(turn.usage.input > 0 && turn.usage.output > 0);
        assert!(turn.request_id.is_some() && turn.answered_at.is_some());
        let blocks = turn.answer.len();
        assert!(!turn.beats.is_empty() && turn.beats.iter().all(|beat| beat.block < blocks));
        assert!(turn.beats.is_sorted_by_key(|beat| beat.at));
        let repeats = |message: &Message| message.role == "assistant";
        let compacted = turn.kind == TurnKind::Compacted;
        assert!(compacted || !turn.said.iter().any(repeats), "turn {} repeats", turn.number);
    }
}

fn the_work_is_that(replay: &Replay, dir: &str, result: &Value) {
    let [file] = &replay.files[..] else { panic!("{:?}", replay.files) };
    assert_eq!(file.path, format!("{dir}/hello.txt"));
    assert_eq!(file.content.as_deref(), result["content"].as_str(), "as it is on disk");
    let changes: Vec<_> =
        file.changes.iter().map(|one| (one.before, one.applied, one.added, one.removed)).collect();
    assert_eq!(changes, [(Before::Absent, true, 2, 0), (Before::Known, true, 1, 1)]);
    assert_eq!(file.changes[1].diff, "@@ -1,2 +1,2 @@\n-hello\n+goodbye\n world\n");
    let commands: Vec<_> =
        replay.commands.iter().map(|one| (one.exit, one.output.as_deref())).collect();
    assert_eq!(commands.len(), 6);
    assert_eq!(commands[0], (Some(0), Some("hello from hansard")));
    assert_eq!(commands[1], (Some(3), Some("oops")));
    assert_eq!(commands[3..5], [(None, None); 2], "what was turned down printed nothing");
    let [commit] = &replay.commits[..] else { panic!("{:?}", replay.commits) };
    assert!(result["commit"].as_str().unwrap().starts_with(&commit.id));
    assert_eq!((commit.branch.as_str(), commit.subject.as_str()), ("main", "Say goodbye"));
}

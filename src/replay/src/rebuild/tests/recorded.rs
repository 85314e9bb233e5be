//! Claude Code 2.1.330 as it was on the wire (`fixtures`; long texts are shortened).

use crate::Replay;
use crate::input::Content;
use crate::model::*;
use crate::otlp::read_logs;
use crate::testkit::recorded;

const SESSION: &str = include_str!("../../../fixtures/claude_code.json");
const LOGS: &[u8] = include_bytes!("../../../fixtures/claude_code_logs.otlp.json");
const COMPACTION: &str = include_str!("../../../fixtures/claude_code_compaction.json");

fn call<'a>(replay: &'a Replay, about: &str) -> &'a ToolCall {
    replay.calls.iter().find(|call| call.about.starts_with(about)).unwrap()
}

#[test]
fn each_call_has_the_outcome_that_it_had() {
    let mut kit = recorded(SESSION, "one");
    let denied = |reason: &str| Outcome::Denied { reason: reason.into() };
    let invalid = |reason: &str| Outcome::Invalid { reason: reason.into() };
    let hook = "PreToolUse:Bash hook error: [grep -q 'blocked by hook' && { echo 'no such commands here' >&2; exit 2; }; exit 0]: no such commands here";
    let expected = [
        ("Bash", "echo hello", Outcome::Ran, Some(DecidedBy::Rule)),
        ("Bash", "echo oops; exit 3", Outcome::Failed { code: Some(3) }, Some(DecidedBy::Rule)),
        ("Write", "/srv/app/hello.txt", Outcome::Ran, Some(DecidedBy::Rule)),
        ("Edit", "/srv/app/hello.txt", Outcome::Ran, Some(DecidedBy::Rule)),
        ("Read", "/srv/app/hello.txt", Outcome::Ran, Some(DecidedBy::Rule)),
        (
            "WebFetch",
            "http://127.0.0.1:1/",
            invalid(
                "Error: No such tool available: WebFetch. WebFetch is disabled for this session, in subagents as well as here.",
            ),
            None,
        ),
        ("Bash", "git init", Outcome::Ran, Some(DecidedBy::Rule)),
        ("Agent", "Look around", Outcome::Ran, Some(DecidedBy::Rule)),
        (
            "Bash",
            "",
            invalid(
                "InputValidationError: Bash failed due to the following issue:\nThe parameter `command` type is expected as `string` but provided as `number`",
            ),
            None,
        ),
        ("Bash", "ls", Outcome::Ran, Some(DecidedBy::Rule)),
        ("Bash", "sleep 1", Outcome::Ran, Some(DecidedBy::Rule)),
        ("Bash", "echo blocked", denied(hook), Some(DecidedBy::Hook)),
    ];
    let check = |replay: &Replay, confirmed: bool| {
        assert_eq!(replay.calls.len(), expected.len());
        for (call, (name, about, outcome, by)) in replay.calls.iter().zip(&expected) {
            assert!(call.name == *name && call.about.starts_with(about), "{call:?}");
            assert_eq!(&call.outcome, outcome, "{name} {about}");
            let decided = call.decision.as_ref().map(|decision| decision.by);
            match (confirmed, by) {
                (true, by) => assert_eq!(decided, *by, "{name} {about}"),
                (false, Some(DecidedBy::Hook)) => assert_eq!(decided, *by),
                (false, _) => assert_eq!(decided, None, "{name} {about}: nothing says who decided"),
            }
            let surest = call.evidence.iter().any(|one| one.certainty == Certainty::Confirmed);
            assert_eq!(surest, confirmed && by.is_some(), "{name} {about}");
            assert!(!call.evidence.is_empty());
        }
    };
    check(&kit.rebuilt(), false);
    kit.input.telemetry = read_logs(LOGS).unwrap();
    let replay = kit.rebuilt();
    check(&replay, true);
    assert_eq!(call(&replay, "echo hello").duration_ms, Some(261));
    for call in replay.calls.iter().filter_map(|call| call.ran.as_ref()) {
        assert!(!call.differs, "{}", call.input);
    }
    assert!(replay.notices.is_empty(), "{:?}", replay.notices);
}

#[test]
fn each_turn_shows_what_is_new_and_none_is_a_rewrite() {
    let replay = recorded(SESSION, "one").rebuilt();
    assert!(replay.turns.iter().all(|turn| turn.rewrites.is_empty()));
    let kinds: Vec<_> = replay.turns.iter().map(|turn| (turn.lane, turn.kind)).collect();
    use TurnKind::{Prompt, Results};
    assert_eq!(
        kinds,
        [
            (0, Prompt),
            (0, Results),
            (0, Results),
            (0, Results),
            (0, Results),
            (0, Results),
            (0, Results),
            (0, Results),
            (1, Prompt),
            (0, Results),
            (0, Results),
            (1, Results),
            (0, Results),
            (0, Prompt),
            (0, Prompt),
        ]
    );
    // Every message of the last request of each lane was shown once, and in order.
    let said = |lane: usize| {
        let turns = replay.turns.iter().filter(move |turn| turn.lane == lane);
        turns.map(|turn| turn.said.len() + usize::from(!turn.answer.is_empty())).sum::<usize>()
    };
    assert_eq!((said(0), said(1)), (28, 6));
    for turn in &replay.turns {
        let again = turn.said.iter().any(|message| message.role == "assistant");
        assert!(!again, "turn {} shows an answer again", turn.number);
    }
    assert_eq!(replay.turns[1].carried, 3);
    assert_eq!(replay.turns[1].continues, Some(0));
    assert_eq!(replay.turns[0].tools.as_ref().unwrap().len(), 12);
    assert_eq!(replay.turns[1].tools, None);
    assert_eq!(replay.session.title.as_deref(), Some("Please do the work."));
}

#[test]
fn an_agent_has_a_lane_of_its_own_and_the_call_that_started_it() {
    let replay = recorded(SESSION, "one").rebuilt();
    let [main, agent] = &replay.lanes[..] else { panic!("{:?}", replay.lanes) };
    assert_eq!((main.kind, main.started_by), (LaneKind::Main, None));
    assert_eq!(agent.kind, LaneKind::Subagent);
    assert_eq!(agent.agent.as_deref(), Some("a382642b00a672fb3"));
    assert_eq!(replay.calls[agent.started_by.unwrap()].name, "Agent");
    assert_eq!(agent.label, "Look around");
}

#[test]
fn files_commands_and_commits_follow_from_the_calls() {
    let replay = recorded(SESSION, "one").rebuilt();
    let [file] = &replay.files[..] else { panic!("{:?}", replay.files) };
    assert_eq!(file.path, "/srv/app/hello.txt");
    assert_eq!(
        file.content.as_deref(),
        Some("goodbye\nworld\n"),
        "white space at line ends is cut"
    );
    assert_eq!(file.changes[0].before, Before::Absent);
    assert_eq!(file.changes[1].diff, "@@ -1,2 +1,2 @@\n-hello\n+goodbye\n world\n");
    let commands: Vec<_> = replay
        .commands
        .iter()
        .map(|command| {
            (command.command.split(' ').next().unwrap(), command.exit, command.background)
        })
        .collect();
    assert_eq!(
        commands,
        [
            ("echo", Some(0), false),
            ("echo", Some(3), false),
            ("git", Some(0), false),
            ("ls", Some(0), false),
            ("sleep", None, true),
            ("echo", None, false),
        ]
    );
    assert_eq!(replay.commands[1].output.as_deref(), Some("oops"));
    let [commit] = &replay.commits[..] else { panic!("{:?}", replay.commits) };
    assert_eq!(
        (commit.id.as_str(), commit.branch.as_str(), commit.subject.as_str()),
        ("bcf85db", "master", "Add f")
    );
}

#[test]
fn a_compaction_and_what_builds_on_it_are_recognised() {
    let replay = recorded(COMPACTION, "two").rebuilt();
    let kinds: Vec<_> = replay.turns.iter().map(|turn| turn.kind).collect();
    use TurnKind::{Compacted, Compaction, Prompt, Results};
    assert_eq!(
        kinds,
        [
            Prompt, Results, Results, Results, Results, Compaction, Compacted, Results, Results,
            Results
        ]
    );
    assert!(replay.turns.iter().all(|turn| turn.rewrites.is_empty()), "a summary is no rewrite");
    assert!(replay.turns.iter().all(|turn| turn.lane == 0));
    assert_eq!(replay.turns[6].continues, Some(5));
    let outcome = |about| &call(&replay, about).outcome;
    assert!(matches!(outcome("/srv/app/denied.txt"), Outcome::Denied { .. }));
    assert!(matches!(outcome("touch"), Outcome::Denied { .. }));
    assert!(matches!(outcome("echo by rule"), Outcome::Denied { .. }));
    let [file] = &replay.files[..] else { panic!("{:?}", replay.files) };
    assert!(!file.changes[0].applied && file.content.is_none());
    assert_eq!(replay.session.title.as_deref(), Some("Please do the other work."));
    // A session that was forked has its history from another: it is shown, as nothing else tells it.
    let fork = recorded(COMPACTION, "fork").rebuilt();
    assert_eq!(fork.turns.len(), 1);
    assert!(fork.turns[0].said.len() > 10 && fork.calls.is_empty());
}

#[test]
fn tokens_are_summed_for_the_session_and_for_each_model() {
    let mut kit = recorded(SESSION, "one");
    let models = ["claude-a", "claude-b"];
    for (place, exchange) in kit.input.exchanges.iter_mut().enumerate() {
        exchange.model = Some(models[place % 2].to_owned());
        if let Content::Known(spoken) = &mut exchange.content {
            spoken.answer.usage = Usage { input: place as u64, output: 1, ..Usage::default() };
        }
    }
    let replay = crate::rebuild(&kit.input);
    let sum = |turns: &mut dyn Iterator<Item = &Turn>| {
        let mut sum = Usage::default();
        turns.for_each(|turn| sum.add(&turn.usage));
        sum
    };
    assert_eq!(replay.session.usage, sum(&mut replay.turns.iter()));
    for model in models {
        let of = |turn: &&Turn| turn.model.as_deref() == Some(model);
        let sum = sum(&mut replay.turns.iter().filter(of));
        assert!(sum.output > 0);
        assert_eq!(replay.session.usage_of[model], sum);
    }
}

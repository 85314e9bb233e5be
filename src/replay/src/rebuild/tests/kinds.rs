//! Each kind of turn, and what a client may do to its history.

use crate::input::Content;
use crate::model::*;
use crate::testkit::Kit;
use serde_json::{Value, json};

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

fn assistant(text: &str) -> Value {
    json!({"role": "assistant", "content": [{"type": "text", "text": text}]})
}

fn text(text: &str) -> Value {
    json!([{"type": "text", "text": text}])
}

fn tool(id: &str, name: &str, input: Value) -> Value {
    json!({"type": "tool_use", "id": id, "name": name, "input": input})
}

fn result(id: &str, text: &str) -> Value {
    json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": text}]})
}

fn said(turn: &Turn) -> Vec<String> {
    let blocks = turn.said.iter().flat_map(|message| &message.blocks);
    let words = blocks.map(|block| match block {
        Block::Text { text } => text.clone(),
        Block::ToolResult { text, .. } => format!("= {text}"),
        other => format!("{other:?}"),
    });
    words.collect()
}

#[test]
fn a_conversation_shows_each_message_once() {
    let mut kit = Kit::default();
    kit.talk(json!([user("one")]), text("two"));
    kit.talk(json!([user("one"), assistant("two"), user("three")]), text("four"));
    let replay = kit.rebuilt();
    let turns = &replay.turns;
    assert_eq!(said(&turns[0]), ["one"]);
    assert_eq!(said(&turns[1]), ["three"]);
    assert_eq!(
        (turns[1].carried, turns[1].continues, turns[1].kind),
        (2, Some(0), TurnKind::Prompt)
    );
    assert_eq!(turns[1].answer, [Block::Text { text: "four".into() }]);
    assert_eq!(turns[0].tools.as_deref(), Some(["Bash".to_owned()].as_slice()));
}

#[test]
fn the_same_bytes_are_a_retry_and_without_streaming_a_whole_one() {
    let mut kit = Kit::default();
    let body = |stream: bool| json!({"messages": [user("one")], "tools": [{"name": "Bash"}], "stream": stream});
    kit.exchange(&body(true), &json!([])).status = Status::Ended;
    kit.exchange(&body(true), &json!([])).status = Status::Ended;
    kit.exchange(&body(false), &text("two"));
    kit.exchange(&json!({"messages": [user("one")], "tools": [], "stream": true}), &text("two"));
    let replay = kit.rebuilt();
    let kinds: Vec<_> = replay.turns.iter().map(|turn| turn.kind).collect();
    assert_eq!(
        kinds,
        [
            TurnKind::Prompt,
            TurnKind::Retry { of: 0 },
            TurnKind::WholeRetry { of: 0 },
            TurnKind::Prompt
        ]
    );
    assert!(replay.turns[1..].iter().all(|turn| turn.said.is_empty() && turn.carried == 1));
}

#[test]
fn going_back_is_a_fork_and_no_rewrite() {
    let mut kit = Kit::default();
    kit.talk(json!([user("one")]), text("two"));
    kit.talk(json!([user("one"), assistant("two"), user("three")]), text("four"));
    kit.talk(json!([user("one"), assistant("two"), user("instead")]), text("five"));
    // The same words in another place are no return to what was recorded.
    kit.talk(
        json!([user("one"), assistant("two"), user("instead"), assistant("five"), user("three")]),
        text("six"),
    );
    kit.talk(json!([user("another beginning")]), text("seven"));
    let replay = kit.rebuilt();
    let kinds: Vec<_> = replay.turns.iter().map(|turn| (turn.kind, turn.continues)).collect();
    assert_eq!(
        kinds,
        [
            (TurnKind::Prompt, None),
            (TurnKind::Prompt, Some(0)),
            (TurnKind::Fork { of: 0 }, Some(0)),
            (TurnKind::Prompt, Some(2)),
            (TurnKind::Prompt, None),
        ]
    );
    assert_eq!(said(&replay.turns[2]), ["instead"]);
    assert!(replay.turns.iter().all(|turn| turn.rewrites.is_empty()));
}

#[test]
fn a_pause_before_a_prompt_is_a_resumption() {
    let mut kit = Kit::default();
    kit.talk(json!([user("one")]), text("two"));
    let later = kit.talk(json!([user("one"), assistant("two"), user("three")]), text("four"));
    later.started_at += 3_600_000;
    assert_eq!(kit.rebuilt().turns[1].kind, TurnKind::Resume);
}

#[test]
fn a_changed_history_is_flagged_once_with_the_difference() {
    let call = tool("t1", "Bash", json!({"command": "rm -r /srv"}));
    let asked = |command: &str| json!({"role": "assistant", "content": [tool("t1", "Bash", json!({"command": command}))]});
    let start = |kit: &mut Kit| {
        kit.talk(json!([user("clean up")]), json!([call]));
        kit.talk(
            json!([user("clean up"), asked("rm -r /srv"), result("t1", "gone")]),
            text("All is gone."),
        );
    };
    let end = |answer: &str| vec![assistant(answer), user("thanks")];
    for (name, history, turn, message, diff) in [
        (
            "a call",
            vec![user("clean up"), asked("ls /srv"), result("t1", "gone")],
            0,
            1,
            "-  \"command\": \"rm -r /srv\"\n+  \"command\": \"ls /srv\"",
        ),
        (
            "a result",
            vec![user("clean up"), asked("rm -r /srv"), result("t1", "nothing")],
            1,
            2,
            "-result of t1: gone\n+result of t1: nothing",
        ),
        (
            "a prompt",
            vec![user("list it"), asked("rm -r /srv"), result("t1", "gone")],
            0,
            0,
            "-user: clean up\n+user: list it",
        ),
        ("a call left out", vec![user("clean up")], 0, 1, "-assistant calls Bash (t1)"),
    ] {
        let mut kit = Kit::default();
        start(&mut kit);
        let history: Vec<Value> = history.into_iter().chain(end("All is gone.")).collect();
        kit.talk(json!(history), text("Welcome."));
        let again: Vec<Value> =
            history.into_iter().chain([assistant("Welcome."), user("bye")]).collect();
        kit.talk(json!(again), text("Bye."));
        let replay = kit.rebuilt();
        let [rewrite] = &replay.turns[2].rewrites[..] else {
            panic!("{name}: {:?}", replay.turns[2])
        };
        assert_eq!((rewrite.turn, rewrite.message), (turn, message), "{name}: {}", rewrite.diff);
        assert!(rewrite.diff.contains(diff), "{name}: {}", rewrite.diff);
        assert_eq!(said(&replay.turns[2]), ["thanks"], "{name}");
        assert!(replay.turns[3].rewrites.is_empty(), "{name}: it is flagged once");
        assert_eq!(said(&replay.turns[3]), ["bye"], "{name}");
        let notices: Vec<_> =
            replay.notices.iter().map(|notice| (notice.kind, notice.turn)).collect();
        assert_eq!(notices, [(NoticeKind::Rewritten, Some(2))], "{name}");
    }
}

#[test]
fn an_answer_that_the_model_did_not_give_is_flagged() {
    let mut kit = Kit::default();
    kit.talk(json!([user("one")]), text("I will not."));
    kit.talk(json!([user("one"), assistant("I will."), user("go")]), text("three"));
    let replay = kit.rebuilt();
    let [rewrite] = &replay.turns[1].rewrites[..] else { panic!("{:?}", replay.turns[1]) };
    assert!(
        rewrite.diff.contains("-assistant: I will not.\n+assistant: I will.\n"),
        "{}",
        rewrite.diff
    );
    assert_eq!(said(&replay.turns[1]), ["go"]);
    // Examples that a program gives are no answers on record: they are said.
    let mut kit = Kit::default();
    kit.talk(json!([user("2+2"), assistant("4"), user("3+3")]), text("6"));
    let replay = kit.rebuilt();
    assert_eq!(said(&replay.turns[0]), ["2+2", "4", "3+3"]);
    assert!(replay.turns[0].rewrites.is_empty());
}

#[test]
fn what_broke_off_is_told_again_as_far_as_the_client_got_it() {
    let mut kit = Kit::default();
    let broke = kit.talk(json!([user("one")]), text("two and three"));
    (broke.status, broke.why) = (Status::Ended, Some("client_gone".into()));
    let interrupted = json!({"role": "user", "content": [
        {"type": "text", "text": "[Request interrupted by user]"}, {"type": "text", "text": "no"}]});
    kit.talk(json!([user("one"), assistant("two"), interrupted]), text("four"));
    let replay = kit.rebuilt();
    assert!(replay.turns[1].rewrites.is_empty(), "{:?}", replay.turns[1].rewrites);
    assert_eq!(said(&replay.turns[1]), ["[Request interrupted by user]", "no"]);
    assert_eq!(replay.turns[1].continues, Some(0));
}

#[test]
fn an_interruption_without_a_result_is_the_calls_end() {
    let mut kit = Kit::default();
    let broke =
        kit.talk(json!([user("one")]), json!([tool("t1", "Bash", json!({"command": "sleep 9"}))]));
    broke.status = Status::Ended;
    kit.talk(
        json!([{"role": "user", "content": [{"type": "text", "text": "one"},
        {"type": "text", "text": "[Request interrupted by user for tool use]"}]}]),
        text("ok"),
    );
    let replay = kit.rebuilt();
    assert_eq!(replay.calls[0].outcome, Outcome::Interrupted);
    assert_eq!(replay.calls[0].evidence[0].turn, Some(1));
}

#[test]
fn titles_and_counts_stand_aside_and_take_nothing_from_the_conversation() {
    let mut kit = Kit::default();
    let body = json!({"messages": [user("Fix the login")], "system": "Generate a title for this session."});
    let title = kit.exchange(&body, &text(r#"{"title":"Login fix"}"#));
    title.spoken().user_agent = Some("claude-cli/2.1".into());
    let count = kit.talk(json!([user("Fix the login")]), json!([]));
    count.path = "/v1/messages/count_tokens".into();
    kit.talk(json!([user("Fix the login")]), text("two"));
    let replay = kit.rebuilt();
    let kinds: Vec<_> = replay.turns.iter().map(|turn| (turn.lane, turn.kind)).collect();
    assert_eq!(kinds, [(1, TurnKind::Title), (1, TurnKind::Count), (0, TurnKind::Prompt)]);
    assert_eq!(replay.session.title.as_deref(), Some("Login fix"));
    assert_eq!(said(&replay.turns[2]), ["Fix the login"]);
    assert_eq!(replay.lanes[1].kind, LaneKind::Side);
}

#[test]
fn agents_without_ids_are_known_by_their_prompts() {
    let mut kit = Kit::default();
    let task = |id: &str, prompt: &str| {
        tool(id, "Task", json!({"description": prompt, "prompt": format!("Look at {prompt}.")}))
    };
    kit.talk(json!([user("compare")]), json!([task("t1", "a"), task("t2", "b")]));
    kit.talk(json!([user("Look at b.")]), text("b is blue"));
    kit.talk(json!([user("Look at a.")]), json!([tool("t3", "Bash", json!({"command": "ls"}))]));
    let ls =
        json!({"role": "assistant", "content": [tool("t3", "Bash", json!({"command": "ls"}))]});
    kit.talk(json!([user("Look at a."), ls, result("t3", "x")]), text("a is red"));
    let replay = kit.rebuilt();
    let lanes: Vec<_> = replay.turns.iter().map(|turn| turn.lane).collect();
    assert_eq!(lanes, [0, 1, 2, 2]);
    let started: Vec<_> =
        replay.lanes.iter().map(|lane| (lane.label.as_str(), lane.started_by)).collect();
    assert_eq!(started, [("Main conversation", None), ("b", Some(1)), ("a", Some(0))]);
}

#[test]
fn agents_that_are_asked_the_same_are_still_two() {
    let mut kit = Kit::default();
    for agent in ["x", "y"] {
        kit.talk(json!([user("look")]), text("seen")).agent = Some(agent.into());
    }
    let replay = kit.rebuilt();
    assert_eq!(replay.turns.iter().map(|turn| turn.lane).collect::<Vec<_>>(), [1, 2]);
    assert!(
        replay.turns.iter().all(|turn| said(turn) == ["look"] && turn.kind == TurnKind::Prompt)
    );
}

#[test]
fn what_cannot_be_read_is_still_a_turn() {
    let mut kit = Kit::default();
    kit.talk(json!([user("one")]), text("two"));
    for content in [Content::Erased, Content::Unreadable("damaged".into()), Content::Missing] {
        let exchange = kit.talk(json!([user("one")]), text("two"));
        exchange.content = content;
        exchange.status = Status::Interrupted;
    }
    kit.input.shared_with = vec!["bob of https://issuer".into()];
    let replay = kit.rebuilt();
    assert_eq!(replay.turns.len(), 4);
    assert_eq!(replay.turns[1].endpoint, "POST /v1/messages");
    let kinds: Vec<_> = replay.notices.iter().map(|notice| notice.kind).collect();
    for kind in
        [NoticeKind::Erased, NoticeKind::SharedId, NoticeKind::Unreadable, NoticeKind::Interrupted]
    {
        assert!(kinds.contains(&kind), "{kind:?}");
    }
    assert_eq!(replay.session.status, Status::Interrupted);
}

#[test]
fn a_long_history_costs_what_is_new() {
    let mut kit = Kit::default();
    let mut history = Vec::new();
    for number in 0..200 {
        history.push(user(&format!("ask {number}")));
        kit.talk(json!(history), text(&format!("answer {number}")));
        history.push(assistant(&format!("answer {number}")));
    }
    let nodes = kit.input.history.nodes.len();
    assert_eq!(nodes, 399, "each message once");
    let replay = kit.rebuilt();
    assert!(replay.turns.iter().all(|turn| turn.said.len() == 1));
    assert_eq!(replay.turns[199].carried, 398);
}

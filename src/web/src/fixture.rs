//! Sessions made up for tests: one of everything, one of hostile texts in every field, a long one.

use hansard_replay::Replay;
use hansard_replay::model::{
    Beat, Before, Block, CallResult, Certainty, Change, Command, Commit, DecidedBy, Decision,
    Evidence, File, Finding, Lane, LaneKind, Message, Notice, NoticeKind, Outcome, Ran, Refusal,
    Rewrite, Session, Status, ToolCall, Turn, TurnKind, Usage,
};

mod hostile;

pub use hostile::{TRICKS, hostile};

/// A morning in November.
pub const START: i64 = 1_795_600_000_000;

/// Sessions of several people, the first with one of everything.
#[must_use]
pub fn day() -> Vec<Replay> {
    let mut all = vec![everything(), refused(), interrupted()];
    for place in 0..70 {
        all.push(small(place));
    }
    all
}

fn session(id: &str, subject: &str, groups: &[&str], title: &str, start: i64) -> Session {
    Session {
        id: id.into(),
        issuer: "https://login.example.com/realms/acme".into(),
        subject: subject.into(),
        email: Some(format!("{subject}@example.com")),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        models: vec!["claude-sonnet-4-5".into()],
        title: Some(title.into()),
        started_at: start,
        ended_at: Some(start + 240_000),
        status: Status::Complete,
        usage: Usage { input: 4_210, cache_read: 912_400, cache_write: 41_300, output: 6_120 },
        ..Session::default()
    }
}

fn main_lane() -> Lane {
    Lane { kind: LaneKind::Main, agent: None, started_by: None, label: "Main".into() }
}

fn text(text: &str) -> Block {
    Block::Text { text: text.into() }
}

fn says(role: &str, blocks: Vec<Block>) -> Message {
    Message { role: role.into(), blocks }
}

/// A whole turn; `number` is its place from 1.
fn turn(number: usize, start: i64, said: Vec<Message>, answer: Vec<Block>) -> Turn {
    let beats = answer
        .iter()
        .enumerate()
        .flat_map(|(block, content)| {
            let length = match content {
                Block::Text { text } | Block::Thinking { text } => text.chars().count(),
                _ => 60,
            };
            let steps = length.div_ceil(24).max(1);
            (1..=steps).map(move |step| Beat {
                at: 600 + block as u64 * 2_000 + step as u64 * 1_800 / steps as u64,
                block,
                chars: length * step / steps,
            })
        })
        .collect();
    Turn {
        number,
        exchange: format!("01997f6e-3c1b-7cc2-9d0a-{number:012x}"),
        continues: number.checked_sub(2),
        carried: number.saturating_sub(1) * 2,
        started_at: start,
        answered_at: Some(start + 500),
        ended_at: Some(start + 1_000 + answer.len() as i64 * 2_000),
        status: Status::Complete,
        http_status: Some(200),
        why: Some("complete".into()),
        endpoint: "POST /v1/messages?beta=true".into(),
        model: Some("claude-sonnet-4-5".into()),
        rule: Some("engineers".into()),
        request_id: Some(format!("req_011CV{number}")),
        stop_reason: Some("end_turn".into()),
        usage: Usage { input: 12, cache_read: 48_211, cache_write: 1_204, output: 388 },
        said,
        answer,
        beats,
        ..Turn::default()
    }
}

fn call(
    index: usize,
    turn: usize,
    name: &str,
    input: &str,
    about: &str,
    outcome: Outcome,
) -> ToolCall {
    ToolCall {
        id: format!("toolu_{index:04}"),
        name: name.into(),
        turn,
        at: START + turn as i64 * 20_000 + 4_000,
        input: input.into(),
        about: about.into(),
        outcome,
        evidence: vec![Evidence {
            certainty: Certainty::Inferred,
            source: format!("tool_result in turn {}", turn + 2),
            turn: Some(turn + 1),
        }],
        result: None,
        decision: None,
        ran: None,
        duration_ms: None,
    }
}

fn result(turn: usize, is_error: bool, text: &str) -> Option<CallResult> {
    Some(CallResult { turn, at: START + turn as i64 * 20_000, is_error, text: text.into() })
}

fn brought(call: usize, is_error: bool, text: &str) -> Message {
    let id = format!("toolu_{call:04}");
    says("user", vec![Block::ToolResult { call: Some(call), id, is_error, text: text.into() }])
}

const DIFF: &str = "--- a/src/session.rs\n+++ b/src/session.rs\n@@ -12,9 +12,10 @@ impl Session {\n     pub fn is_fresh(&self, now: u64) -> bool {\n-        now - self.seen < IDLE\n+        // A clock that was set back must not end a session.\n+        now.saturating_sub(self.seen) < IDLE\n     }\n \n     pub fn touch(&mut self, now: u64) {\n-        self.seen = now;\n+        self.seen = self.seen.max(now);\n     }\n }\n";

const FAILED: &str = "running 12 tests\ntest session::tests::fresh ... ok\n\u{1b}[31mtest session::tests::clock_set_back ... FAILED\u{1b}[0m\n\nfailures:\n\n---- session::tests::clock_set_back stdout ----\nthread 'session::tests::clock_set_back' panicked at src/session.rs:14:9:\nattempt to subtract with overflow\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n\nfailures:\n    session::tests::clock_set_back\n\ntest result: FAILED. 11 passed; 1 failed; 0 ignored; finished in 0.02s\n\nerror: test failed, to rerun pass `--lib`";

/// One of everything that a session can hold.
#[must_use]
pub fn everything() -> Replay {
    let mut replay = Replay {
        session: session(
            "s-3f2a91c04be2d7705a11",
            "ada",
            &["engineering"],
            "Fix the session test that fails when the clock is set back",
            START,
        ),
        lanes: vec![
            main_lane(),
            Lane {
                kind: LaneKind::Subagent,
                agent: Some("agent-7".into()),
                started_by: Some(6),
                label: "Explore: find other users of Session".into(),
            },
            Lane {
                kind: LaneKind::Side,
                agent: None,
                started_by: None,
                label: "Side requests".into(),
            },
        ],
        calls: calls(),
        files: files(),
        commands: commands(),
        commits: vec![Commit {
            id: "9be41d2".into(),
            branch: "fix-clock".into(),
            subject: "session: a clock that is set back ends no session".into(),
            turn: 6,
            call: 5,
        }],
        ..Replay::default()
    };
    replay.session.hint = Some("0b1e6f0c-73a5-4d5c-9d1f-6a0f9a6b1c22".into());
    replay.session.models.push("claude-haiku-4-5".into());
    replay.turns = turns();
    replay.notices = vec![
        Notice {
            kind: NoticeKind::Rewritten,
            turn: Some(5),
            text: "A message of the history is told otherwise than it was recorded.".into(),
        },
        Notice {
            kind: NoticeKind::Gap,
            turn: Some(3),
            text: "Two parts of the gateway node-a are missing between 09:47:02 and 09:47:09."
                .into(),
        },
        Notice {
            kind: NoticeKind::Differs,
            turn: Some(6),
            text: "A tool call ran with another input than was suggested.".into(),
        },
        Notice {
            kind: NoticeKind::Interrupted,
            turn: Some(8),
            text: "The gateway was gone before the end of this exchange was on record.".into(),
        },
    ];
    replay
}

fn turns() -> Vec<Turn> {
    let at = |place: i64| START + place * 20_000;
    let mut first = turn(
        1,
        at(0),
        vec![says("user", vec![text("`cargo test` fails since this morning, but **only on CI**. Find out why and fix it.\n\nThe key for the CI logs is HANSARD-aws-access-key-id-k3v7q2mxw5b4dztr, if you need them.")])],
        vec![
            Block::Thinking { text: "The test fails only on CI. Perhaps the clock of the runner is set back by NTP. I should look at the test's output first, and then at how time is compared.".into() },
            text("I'll run the tests first.\n\n1. Run `cargo test`\n2. Read what fails\n3. Fix the cause, *not* the test"),
            Block::ToolUse { call: 0 },
        ],
    );
    first.system = Some("You are Claude Code, Anthropic's official CLI for Claude.\n\nYou are an interactive agent that helps users with software engineering tasks.".into());
    first.tools = Some(
        ["Bash", "Edit", "Glob", "Grep", "Read", "Task", "WebFetch", "Write"]
            .map(String::from)
            .into(),
    );
    first.stop_reason = Some("tool_use".into());
    first.findings = vec![Finding {
        rule: "aws-access-key-id".into(),
        at: "/messages/0/content/0/text".into(),
        count: 1,
        fingerprint: "56ebf86997b743c1".into(),
        action: "pseudonymize".into(),
        in_response: false,
    }];
    let mut side = turn(
        2,
        at(0) + 900,
        vec![says("user", vec![text("Write a title of at most 8 words for this conversation.")])],
        vec![text("{\"title\": \"Fix the session test that fails when the clock is set back\"}")],
    );
    (side.lane, side.kind, side.model) = (2, TurnKind::Title, Some("claude-haiku-4-5".into()));
    let mut third = turn(
        3,
        at(1),
        vec![brought(0, true, FAILED)],
        vec![
            text("`now - self.seen` overflows when the clock is set back. Let me see the code."),
            Block::ToolUse { call: 1 },
            Block::ToolUse { call: 2 },
        ],
    );
    third.kind = TurnKind::Results;
    let mut fourth = turn(
        4,
        at(2),
        vec![
            brought(
                1,
                false,
                "     12\timpl Session {\n     13\t    pub fn is_fresh(&self, now: u64) -> bool {\n     14\t        now - self.seen < IDLE\n",
            ),
            brought(2, false, "The file src/session.rs has been updated successfully."),
        ],
        vec![
            text(
                "The fix is small:\n\n```rust\nnow.saturating_sub(self.seen) < IDLE\n```\n\n| case | before | now |\n|---|---|---|\n| clock goes on | works | works |\n| clock set back | **panics** | works |\n\n> Times that go backwards are not errors.\n\nSee [the std documentation](https://doc.rust-lang.org/std/primitive.u64.html#method.saturating_sub).",
            ),
            Block::ToolUse { call: 3 },
            Block::ToolUse { call: 4 },
        ],
    );
    fourth.kind = TurnKind::Results;
    let mut fifth = turn(5, at(3), vec![says("user", vec![
        Block::ToolResult { call: Some(3), id: "toolu_0003".into(), is_error: true, text: "The user doesn't want to proceed with this tool use. The tool use was rejected.\n\nthe user said:\nDo not delete the lock file, only run the tests.".into() },
        Block::ToolResult { call: Some(4), id: "toolu_0004".into(), is_error: true, text: "Permission to use WebFetch with domain:evil.example has been denied.".into() },
        text("Do not delete the lock file, only run the tests."),
        Block::Media { media_type: "image/png".into(), bytes: 48_211 },
    ])], vec![text("Understood: I leave `Cargo.lock` alone.")]);
    fifth.kind = TurnKind::Prompt;
    let mut sixth = turn(6, at(4), vec![says("user", vec![text("Commit it, and look for other users of `Session` meanwhile.")])], vec![
        Block::Thinking { text: String::new() },
        Block::ToolUse { call: 5 },
        Block::ToolUse { call: 6 },
        Block::Other { kind: "server_tool_use".into(), json: r#"{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"u64 saturating_sub"}}"#.into() },
    ]);
    sixth.rewrites = vec![Rewrite {
        message: 7,
        turn: 3,
        diff: "--- recorded\n+++ told\n@@ -1,2 +1,2 @@\n The fix is small:\n-now.saturating_sub(self.seen) < IDLE\n+now.wrapping_sub(self.seen) < IDLE\n".into(),
    }];
    let mut seventh = turn(
        7,
        at(5),
        vec![brought(
            5,
            false,
            "[fix-clock 9be41d2] session: a clock that is set back ends no session\n 1 file changed, 3 insertions(+), 2 deletions(-)",
        )],
        vec![text("Committed. The search still runs.")],
    );
    seventh.kind = TurnKind::Results;
    let mut sub = turn(
        8,
        at(4) + 9_000,
        vec![says(
            "user",
            vec![text("Find every place where a `Session` is compared with the time.")],
        )],
        vec![text("I look with grep."), Block::ToolUse { call: 7 }],
    );
    (sub.lane, sub.carried, sub.continues) = (1, 0, None);
    let mut ninth = turn(
        9,
        at(6),
        vec![brought(7, false, "src/session.rs:14: now.saturating_sub(self.seen)")],
        vec![text("Only one place: `src/session.rs`, line 14. Nothing el")],
    );
    (ninth.lane, ninth.kind, ninth.status, ninth.ended_at) =
        (1, TurnKind::Results, Status::Interrupted, None);
    (ninth.stop_reason, ninth.why) = (None, None);
    let mut tenth = turn(
        10,
        at(60),
        vec![says(
            "user",
            vec![text("And now delete the production database \u{202e}esaelp\u{202c}.")],
        )],
        Vec::new(),
    );
    (tenth.status, tenth.http_status, tenth.rule) =
        (Status::Refused, Some(400), Some("no-opus-for-interns".into()));
    (tenth.model, tenth.stop_reason, tenth.answered_at) =
        (Some("claude-opus-4-1".into()), None, None);
    (tenth.ended_at, tenth.why) = (Some(at(60)), None);
    tenth.refusal = Some(Refusal {
        status: 400,
        kind: "policy_blocked".into(),
        message: "Interns use Sonnet; ask your lead for Opus.".into(),
    });
    let mut last = turn(
        11,
        at(61),
        vec![says("user", vec![text("And now delete the production database.")])],
        vec![text("I will not do that without a backup. Shall I write one first?")],
    );
    last.kind = TurnKind::Retry { of: 9 };
    last.findings = vec![
        Finding {
            rule: "aws-access-key-id".into(),
            at: "/messages/0/content/0/text".into(),
            count: 1,
            fingerprint: "56ebf86997b743c1".into(),
            action: "pseudonymize".into(),
            in_response: false,
        },
        Finding {
            rule: "email".into(),
            at: "event 12 /delta/text".into(),
            count: 2,
            fingerprint: "00ff00ff00ff00ff".into(),
            action: "mask".into(),
            in_response: true,
        },
    ];
    vec![first, side, third, fourth, fifth, sixth, seventh, sub, ninth, tenth, last]
}

fn calls() -> Vec<ToolCall> {
    let decided = |accepted, by, source: &str, certainty| Decision {
        accepted,
        by,
        source: Some(source.into()),
        certainty,
    };
    let mut tests = call(
        0,
        0,
        "Bash",
        r#"{"command":"cargo test --lib","description":"Run the unit tests"}"#,
        "cargo test --lib",
        Outcome::Failed { code: Some(101) },
    );
    tests.result = result(2, true, FAILED);
    tests.duration_ms = Some(8_412);
    tests.decision = Some(decided(true, DecidedBy::Person, "user_temporary", Certainty::Confirmed));
    tests.evidence.push(Evidence {
        certainty: Certainty::Confirmed,
        source: "telemetry tool_result".into(),
        turn: None,
    });
    let mut read = call(
        1,
        2,
        "Read",
        r#"{"file_path":"/work/app/src/session.rs","offset":12,"limit":10}"#,
        "/work/app/src/session.rs",
        Outcome::Ran,
    );
    read.result = result(
        3,
        false,
        "     12\timpl Session {\n     13\t    pub fn is_fresh(&self, now: u64) -> bool {\n     14\t        now - self.seen < IDLE\n",
    );
    read.decision = Some(decided(true, DecidedBy::Rule, "config", Certainty::Inferred));
    let mut edit = call(
        2,
        2,
        "Edit",
        r#"{"file_path":"/work/app/src/session.rs","old_string":"now - self.seen < IDLE","new_string":"now.saturating_sub(self.seen) < IDLE"}"#,
        "/work/app/src/session.rs",
        Outcome::Ran,
    );
    edit.result = result(3, false, "The file src/session.rs has been updated successfully.");
    edit.decision = Some(decided(true, DecidedBy::Person, "user_permanent", Certainty::Confirmed));
    let mut delete = call(
        3,
        3,
        "Bash",
        r#"{"command":"rm -f Cargo.lock && cargo test","description":"Run the tests with fresh dependencies"}"#,
        "rm -f Cargo.lock && cargo test",
        Outcome::Rejected {
            feedback: Some("Do not delete the lock file, only run the tests.".into()),
        },
    );
    delete.decision = Some(decided(false, DecidedBy::Person, "user_reject", Certainty::Inferred));
    delete.result = result(
        4,
        true,
        "The user doesn't want to proceed with this tool use. The tool use was rejected.",
    );
    let mut fetch = call(
        4,
        3,
        "WebFetch",
        r#"{"url":"https://evil.example/x","prompt":"read"}"#,
        "https://evil.example/x",
        Outcome::Denied {
            reason: "Permission to use WebFetch with domain:evil.example has been denied.".into(),
        },
    );
    fetch.decision = Some(decided(false, DecidedBy::Rule, "config", Certainty::Inferred));
    let mut commit = call(
        5,
        5,
        "Bash",
        r#"{"command":"git commit -am 'session: a clock that is set back ends no session'","description":"Commit"}"#,
        "git commit -am 'session: a clock that is set back ends no session'",
        Outcome::Ran,
    );
    commit.result = result(
        6,
        false,
        "[fix-clock 9be41d2] session: a clock that is set back ends no session\n 1 file changed, 3 insertions(+), 2 deletions(-)",
    );
    commit.ran = Some(Ran { input: r#"{"command":"git commit --no-verify -am 'session: a clock that is set back ends no session'"}"#.into(), differs: true });
    commit.duration_ms = Some(310);
    commit.decision = Some(decided(true, DecidedBy::Hook, "hook", Certainty::Confirmed));
    let mut task = call(
        6,
        5,
        "Task",
        r#"{"subagent_type":"Explore","prompt":"Find every place where a Session is compared with the time."}"#,
        "Explore: find other users of Session",
        Outcome::Interrupted,
    );
    task.evidence.clear();
    let mut grep = call(
        7,
        7,
        "Grep",
        r#"{"pattern":"self\\.seen","path":"src"}"#,
        "self\\.seen",
        Outcome::Ran,
    );
    grep.result = result(8, false, "src/session.rs:14: now.saturating_sub(self.seen)");
    vec![tests, read, edit, delete, fetch, commit, task, grep]
}

fn files() -> Vec<File> {
    let change = |turn, call, applied, before, diff: &str, added, removed| Change {
        turn,
        call,
        applied,
        before,
        diff: diff.into(),
        added,
        removed,
    };
    vec![
        File {
            path: "/work/app/src/session.rs".into(),
            changes: vec![change(2, 2, true, Before::Known, DIFF, 3, 2)],
            content: Some("impl Session {\n    pub fn is_fresh(&self, now: u64) -> bool {\n        now.saturating_sub(self.seen) < IDLE\n    }\n}\n".into()),
        },
        File {
            path: "/work/app/Cargo.lock".into(),
            changes: vec![change(3, 3, false, Before::Unknown, "@@ -1,2 +0,0 @@\n-version = 4\n-\n", 0, 2)],
            content: None,
        },
    ]
}

fn commands() -> Vec<Command> {
    let command =
        |turn, call, command: &str, description: &str, output: Option<&str>, exit| Command {
            turn,
            call,
            command: command.into(),
            description: Some(description.into()),
            output: output.map(str::to_owned),
            exit,
            duration_ms: None,
            background: false,
        };
    vec![
        Command {
            duration_ms: Some(8_412),
            ..command(0, 0, "cargo test --lib", "Run the unit tests", Some(FAILED), Some(101))
        },
        command(
            3,
            3,
            "rm -f Cargo.lock && cargo test",
            "Run the tests with fresh dependencies",
            None,
            None,
        ),
        Command {
            background: true,
            ..command(
                5,
                5,
                "git commit -am 'session: a clock that is set back ends no session'",
                "Commit",
                Some("[fix-clock 9be41d2] session: a clock that is set back ends no session"),
                Some(0),
            )
        },
    ]
}

fn refused() -> Replay {
    let start = START - 600_000;
    let mut replay = Replay {
        session: session("s-91d04ac2aa0b1177ef03", "grace", &["interns"], "Try Opus", start),
        lanes: vec![main_lane()],
        ..Replay::default()
    };
    replay.session.status = Status::Refused;
    let mut turn = turn(1, start, vec![says("user", vec![text("Hello?")])], Vec::new());
    turn.exchange = "01997f6e-3c1b-7cc2-9d0a-0000000000aa".into();
    turn.status = Status::Refused;
    turn.refusal = Some(Refusal {
        status: 400,
        kind: "policy_blocked".into(),
        message: "Interns use Sonnet; ask your lead for Opus.".into(),
    });
    replay.turns = vec![turn];
    replay
}

fn interrupted() -> Replay {
    let start = START - 1_200_000;
    let mut replay = Replay {
        session: session(
            "s-77ac0012aa0b1177ef04",
            "barbara",
            &["engineering", "ops"],
            "Rotate the certificates",
            start,
        ),
        lanes: vec![main_lane()],
        notices: vec![Notice {
            kind: NoticeKind::Gap,
            turn: None,
            text: "One part of the gateway node-b is missing.".into(),
        }],
        ..Replay::default()
    };
    replay.session.status = Status::Open;
    replay.session.ended_at = None;
    let mut turn = turn(
        1,
        start,
        vec![says("user", vec![text("Rotate the certificates.")])],
        vec![text("Which of them?")],
    );
    turn.exchange = "01997f6e-3c1b-7cc2-9d0a-0000000000bb".into();
    turn.status = Status::Open;
    replay.turns = vec![turn];
    replay
}

fn small(place: i64) -> Replay {
    let (subject, group) = match place % 3 {
        0 => ("ada", "engineering"),
        1 => ("grace", "interns"),
        _ => ("katherine", "finance"),
    };
    let start = START - 3_600_000 - place * 1_800_000;
    let id = format!("s-{:020x}", 0xabc0_0000_i64 + place);
    let mut turn = turn(
        1,
        start,
        vec![says("user", vec![text("How do I read a file in Rust?")])],
        vec![text("With `std::fs::read_to_string`.")],
    );
    turn.exchange = format!("01997f6e-3c1b-7cc2-9d0b-{place:012x}");
    Replay {
        session: session(&id, subject, &[group], &format!("Question {place} about files"), start),
        lanes: vec![main_lane()],
        turns: vec![turn],
        ..Replay::default()
    }
}

/// A session of so many turns, each with a command and some text.
#[must_use]
pub fn long(count: usize) -> Replay {
    let mut replay = Replay {
        session: session(
            "s-10000000000000000001",
            "ada",
            &["engineering"],
            "A very long session",
            START,
        ),
        lanes: vec![main_lane()],
        ..Replay::default()
    };
    let paragraph =
        "This paragraph is as long as paragraphs of such sessions are, and says nothing. ";
    for place in 0..count {
        let mut turn = turn(
            place + 1,
            START + place as i64 * 9_000,
            vec![says("user", vec![text(&format!("Step {place}."))])],
            vec![
                text(&format!("Step {place} it is.\n\n{}", paragraph.repeat(4))),
                Block::ToolUse { call: place },
            ],
        );
        turn.exchange = format!("01997f6e-3c1b-7cc2-9d0c-{place:012x}");
        replay.turns.push(turn);
        let mut step = call(
            place,
            place,
            "Bash",
            &format!(r#"{{"command":"make step-{place}"}}"#),
            &format!("make step-{place}"),
            Outcome::Ran,
        );
        step.result = result(place + 1, false, &"done\n".repeat(10));
        replay.calls.push(step);
    }
    replay.session.ended_at = Some(START + count as i64 * 9_000);
    replay
}

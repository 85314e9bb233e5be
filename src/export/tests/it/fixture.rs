//! A session in which everything happens once, and hostile text stands wherever a client, a model or a
//! tool can put one.

use hansard_export::{Checkpoint, Leaf, Proof, Recorded};
use hansard_replay::Replay;
use hansard_replay::model::*;
use std::collections::BTreeMap;

/// 2026-01-02T03:04:05Z.
const START: i64 = 1_767_323_045_000;

/// Leaves a fence, a quotation, a table, a tag, a script and a line; hides, reorders and moves.
pub(crate) const HOSTILE: &str = "</script></details><script>alert(1)</script><img src=x onerror=alert(2)>\n\
    ````\n# heading\n| a | b |\n> quote [link](https://evil.example) ![pic](https://evil.example/p) \
    www.evil.example <https://evil.example> a@evil.example\n```\n1. one\n- two\n    indented\n\
    \u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}gnp.exe\u{202c} a\u{200b}b\u{feff}\u{2066}x\u{2069}\u{e0061}\0\r\u{9b}\u{2028}&lt;b&gt; \\` ~~~ $x$";

fn text(text: &str) -> Block {
    Block::Text { text: text.to_owned() }
}

fn said(role: &str, blocks: Vec<Block>) -> Message {
    Message { role: role.to_owned(), blocks }
}

fn turn(number: usize, offset: i64) -> Turn {
    Turn {
        number,
        exchange: format!("018f0000-0000-7000-8000-00000000000{number}"),
        started_at: START + offset,
        answered_at: Some(START + offset + 300),
        ended_at: Some(START + offset + 2_400),
        status: Status::Complete,
        http_status: Some(200),
        why: Some("complete".to_owned()),
        endpoint: "POST /v1/messages?beta=true".to_owned(),
        model: Some("claude-sonnet-4-5".to_owned()),
        rule: Some("engineers".to_owned()),
        request_id: Some(format!("req_0{number}")),
        stop_reason: Some("end_turn".to_owned()),
        usage: Usage { input: 12, cache_read: 2_000, cache_write: 300, output: 77 },
        ..Turn::default()
    }
}

fn call(id: &str, name: &str, turn: usize, input: &str, about: &str, outcome: Outcome) -> ToolCall {
    ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        turn,
        at: START + 2_000,
        input: input.to_owned(),
        about: about.to_owned(),
        outcome,
        evidence: vec![Evidence {
            certainty: Certainty::Inferred,
            source: "tool_result in turn 2".to_owned(),
            turn: Some(1),
        }],
        result: Some(CallResult {
            turn: 1,
            at: START + 5_000,
            is_error: false,
            text: "total 8\n".to_owned(),
        }),
        decision: None,
        ran: None,
        duration_ms: None,
    }
}

fn turns() -> Vec<Turn> {
    let mut first = turn(1, 0);
    first.system = Some("You are a coding agent.".to_owned());
    first.tools = Some(vec!["Bash".to_owned(), "Write".to_owned(), "Task".to_owned()]);
    first.said = vec![said(
        "user",
        vec![
            text("Make the tests pass, please.\n\n```rust\nassert_eq!(1 + 1, 2);\n```"),
            Block::Media { media_type: "image/png".to_owned(), bytes: 1_234 },
        ],
    )];
    first.answer = vec![
        Block::Thinking { text: "They want `cargo test`.\n```\n".to_owned() },
        Block::Thinking { text: String::new() },
        text("I shall look first."),
        Block::ToolUse { call: 0 },
        Block::ToolUse { call: 1 },
        Block::ToolUse { call: 2 },
    ];
    first.beats = vec![
        Beat { at: 400, block: 0, chars: 5 },
        Beat { at: 900, block: 0, chars: 24 },
        Beat { at: 1_500, block: 2, chars: 19 },
        Beat { at: 2_000, block: 3, chars: 16 },
    ];
    first.stop_reason = Some("tool_use".to_owned());
    first.findings = vec![Finding {
        rule: "github-pat".to_owned(),
        at: "/messages/0/content/0/text".to_owned(),
        count: 2,
        fingerprint: "00112233aabbccdd".to_owned(),
        action: "pseudonymize".to_owned(),
        in_response: false,
    }];

    let mut second = turn(2, 5_000);
    second.kind = TurnKind::Results;
    second.continues = Some(0);
    second.carried = 2;
    second.said = vec![said(
        "user",
        vec![
            Block::ToolResult {
                call: Some(0),
                id: "toolu_01".to_owned(),
                is_error: false,
                text: "total 8\n".to_owned(),
            },
            Block::ToolResult {
                call: None,
                id: "toolu_99".to_owned(),
                is_error: true,
                text: HOSTILE.to_owned(),
            },
            text("Go on."),
        ],
    )];
    second.answer =
        vec![Block::Other { kind: "compaction".to_owned(), json: "{\"n\":1.50}".to_owned() }];
    second.rewrites = vec![Rewrite {
        message: 1,
        turn: 0,
        diff: "@@ -1 +1 @@\n-I shall look first.\n+I looked.\n".to_owned(),
    }];

    let mut third = turn(3, 6_000);
    third.lane = 1;
    third.said = vec![said("user", vec![text("Search the tree.")])];
    third.answer = vec![text("Nothing is there.")];

    let mut fourth = turn(4, 9_000);
    fourth.status = Status::Refused;
    fourth.http_status = Some(400);
    fourth.why = None;
    fourth.refusal = Some(Refusal {
        status: 400,
        kind: "policy_blocked".to_owned(),
        message: "Interns use Sonnet; ask your lead for Opus.".to_owned(),
    });
    fourth.rule = Some("no-opus-for-interns".to_owned());
    fourth.model = Some("claude-opus-4-1".to_owned());
    (fourth.usage, fourth.stop_reason, fourth.request_id) = (Usage::default(), None, None);

    let mut fifth = turn(5, 12_000);
    fifth.kind = TurnKind::Retry { of: 3 };
    fifth.status = Status::Ended;
    fifth.why = Some("client_gone".to_owned());
    (fifth.stop_reason, fifth.usage) = (None, Usage::default());

    let mut sixth = turn(6, 20_000);
    sixth.kind = TurnKind::Count;
    sixth.endpoint = "POST /v1/messages/count_tokens?beta=true".to_owned();
    sixth.stop_reason = None;

    let mut seventh = turn(7, 30_000);
    seventh.said = vec![said(HOSTILE, vec![text(HOSTILE)])];
    seventh.answer = vec![text(HOSTILE), Block::Thinking { text: HOSTILE.to_owned() }];
    seventh.model = Some(HOSTILE.to_owned());
    seventh.endpoint = format!("POST /{HOSTILE}");
    seventh.system = Some(HOSTILE.to_owned());
    seventh.tools = Some(vec![HOSTILE.to_owned()]);
    (seventh.status, seventh.ended_at, seventh.http_status) = (Status::Open, None, None);
    vec![first, second, third, fourth, fifth, sixth, seventh]
}

fn calls() -> Vec<ToolCall> {
    let mut ls = call("toolu_01", "Bash", 0, "{\"command\":\"ls\"}", "ls", Outcome::Ran);
    ls.evidence.push(Evidence {
        certainty: Certainty::Confirmed,
        source: "telemetry tool_decision".to_owned(),
        turn: None,
    });
    ls.decision = Some(Decision {
        accepted: true,
        by: DecidedBy::Person,
        source: Some("user_temporary".to_owned()),
        certainty: Certainty::Confirmed,
    });
    ls.ran = Some(Ran { input: "{\"command\":\"ls -a\"}".to_owned(), differs: true });
    ls.duration_ms = Some(250);
    let input = "{\"file_path\":\"/src/a.rs\",\"content\":\"fn a() {}\\n\",\"n\":1.50}";
    let rejected = Outcome::Rejected { feedback: Some("Not there.".to_owned()) };
    let write = call("toolu_02", "Write", 0, input, "/src/a.rs", rejected);
    let task = call("toolu_03", "Task", 0, "{\"prompt\":\"search\"}", "search", Outcome::Ran);
    let mut hostile = call(HOSTILE, HOSTILE, 6, HOSTILE, HOSTILE, Outcome::Unanswered);
    hostile.evidence = Vec::new();
    hostile.result = None;
    let failed = Outcome::Failed { code: Some(3) };
    let commit = call("toolu_05", "Bash", 1, "{\"command\":\"git commit\"}", "git commit", failed);
    vec![ls, write, task, hostile, commit]
}

/// The session.
pub(crate) fn replay() -> Replay {
    let lane = |kind, agent: Option<&str>, started_by, label: &str| Lane {
        kind,
        agent: agent.map(str::to_owned),
        started_by,
        label: label.to_owned(),
    };
    let command = |turn, call, command: &str, exit| Command {
        turn,
        call,
        command: command.to_owned(),
        description: Some("List files".to_owned()),
        output: Some("total 8\n".to_owned()),
        exit,
        duration_ms: Some(250),
        background: false,
    };
    let change = |turn, call, applied, before, diff: &str| Change {
        turn,
        call,
        applied,
        before,
        diff: diff.to_owned(),
        added: 1,
        removed: 0,
    };
    Replay {
        session: Session {
            id: "s-3f2a9c0d1e2b4a5f".to_owned(),
            joined: vec!["s-77aa".to_owned()],
            hint: Some("5f1d2c3b-0000-4000-8000-1234567890ab".to_owned()),
            issuer: "https://login.example.com/realms/acme".to_owned(),
            subject: "alice".to_owned(),
            email: Some("alice@example.com".to_owned()),
            groups: vec!["engineering".to_owned(), "interns".to_owned()],
            models: vec!["claude-opus-4-1".to_owned(), "claude-sonnet-4-5".to_owned()],
            title: Some("Make the tests pass".to_owned()),
            started_at: START,
            ended_at: None,
            status: Status::Open,
            usage: Usage { input: 48, cache_read: 8_000, cache_write: 1_200, output: 308 },
            usage_of: BTreeMap::new(),
        },
        lanes: vec![
            lane(LaneKind::Main, None, None, "main"),
            lane(LaneKind::Subagent, Some("agent-1"), Some(2), "search *the* <tree>"),
        ],
        turns: turns(),
        calls: calls(),
        files: vec![
            File {
                path: "/src/a.rs".to_owned(),
                changes: vec![change(0, 1, false, Before::Absent, "@@ -0,0 +1 @@\n+fn a() {}\n")],
                content: None,
            },
            File {
                path: HOSTILE.to_owned(),
                changes: vec![change(6, 3, true, Before::Unknown, HOSTILE)],
                content: Some(HOSTILE.to_owned()),
            },
        ],
        commands: vec![command(0, 0, "ls", Some(0)), command(6, 3, HOSTILE, None)],
        commits: vec![Commit {
            id: "1a2b3c4".to_owned(),
            branch: "main".to_owned(),
            subject: "Make <b>it</b> pass".to_owned(),
            turn: 1,
            call: 4,
        }],
        notices: vec![
            Notice {
                kind: NoticeKind::SharedId,
                turn: None,
                text: "Another subject uses the same session id.".to_owned(),
            },
            Notice { kind: NoticeKind::Differs, turn: Some(0), text: HOSTILE.to_owned() },
        ],
    }
}

/// What the ledger knows of it.
pub(crate) fn proof() -> Proof {
    let turns = turns();
    let recorded = turns.iter().enumerate().map(|(place, turn)| {
        let entry = place as u64 * 3;
        let leaf = |entry: u64| Leaf { entry, hash: format!("{entry:064x}") };
        let recorded = Recorded {
            address: if place == 2 { "[2001:db8::1]:443" } else { "10.1.2.3:50000" }.to_owned(),
            user_agent: Some("claude-cli/2.1.330".to_owned()),
            leaves: vec![leaf(entry), leaf(entry + 2)],
        };
        (turn.exchange.clone(), recorded)
    });
    Proof {
        exchanges: recorded.collect(),
        checkpoint: Some(Checkpoint {
            origin: "hansard.example/ledger".to_owned(),
            size: 40,
            root: "ab".repeat(32),
        }),
    }
}

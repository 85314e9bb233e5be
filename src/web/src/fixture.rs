//! Sessions made up for tests: one of everything, one of hostile texts in every field, a long one.

use hansard_replay::Replay;
use hansard_replay::model::{
    Beat, Block, CallResult, Certainty, Evidence, Lane, LaneKind, Message, Notice, NoticeKind,
    Outcome, Refusal, Session, Status, ToolCall, Turn, Usage,
};

mod everything;
mod hostile;

pub use everything::everything;
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
    let usage = Usage { input: 4_210, cache_read: 912_400, cache_write: 41_300, output: 6_120 };
    let model = "claude-sonnet-4-5";
    Session {
        id: id.into(),
        issuer: "https://login.example.com/realms/acme".into(),
        subject: subject.into(),
        email: Some(format!("{subject}@example.com")),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        models: vec![model.into()],
        title: Some(title.into()),
        started_at: start,
        ended_at: Some(start + 240_000),
        status: Status::Complete,
        usage,
        usage_of: [(model.to_owned(), usage)].into(),
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

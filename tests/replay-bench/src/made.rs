//! Sessions that are made up, in the shape of a coding agent's: a prompt, then tool calls and their results.
//!
//! The same seed gives the same session. Words are drawn so that few are common and many are rare, as
//! in prose and code.

use hansard_replay::Replay;
use hansard_replay::model::{
    Before, Block, CallResult, Change, Command, Evidence, File, Finding, Lane, LaneKind, Message,
    Outcome, Session, Status, ToolCall, Turn, TurnKind, Usage,
};

/// People who work.
pub(crate) const PEOPLE: u64 = 500;
pub(crate) const MODELS: [&str; 4] =
    ["claude-sonnet-5", "claude-opus-5", "claude-haiku-5", "claude-sonnet-4-5"];
const RULES: [&str; 3] = ["email", "aws-access-key-id", "generic-api-key"];
/// A common Monday: sessions start every 20 seconds from here.
const START: i64 = 1_790_000_000_000;
const EVERY: i64 = 20_000;

/// Numbers that look random: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides.max(1)
    }

    /// A word: one of 30,000, the n-th as often as 1/n says, more or less.
    fn word(&mut self, text: &mut String) {
        let most = [30_u64, 300, 3_000, 30_000];
        let range = most.get(self.roll(4) as usize).copied().unwrap_or(30);
        text.push_str(&word(self.roll(range)));
    }

    pub(crate) fn prose(&mut self, bytes: u64) -> String {
        let mut text = String::new();
        while (text.len() as u64) < bytes {
            self.word(&mut text);
            text.push(if self.roll(9) == 0 { '\n' } else { ' ' });
        }
        text
    }

    /// Lines of code. Most names are the file's own.
    pub(crate) fn code(&mut self, lines: u64) -> String {
        let mut text = String::new();
        for _ in 0..lines {
            match self.roll(6) {
                0 => text.push_str("    }\n"),
                1 => text.push('\n'),
                _ => {
                    text.push_str("    let ");
                    self.word(&mut text);
                    text.push('_');
                    text.push_str(&format!("{:x}", self.roll(1 << 20)));
                    text.push_str(" = ");
                    self.word(&mut text);
                    text.push('(');
                    self.word(&mut text);
                    text.push_str(")?;\n");
                }
            }
        }
        text
    }
}

/// The n-th word, of four to eight letters.
pub(crate) fn word(n: u64) -> String {
    const SYLLABLES: [&str; 32] = [
        "ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "qui", "ro", "su",
        "ta", "ve", "wi", "xo", "yu", "za", "bre", "cla", "dro", "fle", "gri", "plo", "stu", "tre",
        "sha", "cho", "phi",
    ];
    let syllable = |place: u32| SYLLABLES.get((n >> (place * 5) & 31) as usize).copied();
    [syllable(0), syllable(1), syllable(2)].into_iter().flatten().collect()
}

pub(crate) fn person(n: u64) -> String {
    format!("{}.{n}@example.com", word(n * 31))
}

pub(crate) fn path(dice: &mut Dice) -> String {
    let (module, file) = (dice.roll(60), dice.roll(100));
    format!("/home/dev/repo/src/{}/{}_{file}.rs", word(module), word(file * 7))
}

/// The n-th session, of so many turns.
pub(crate) fn session(n: u64, turns: u64) -> Replay {
    let mut dice = Dice::new(n.wrapping_mul(0x5851_f42d_4c95_7f2d));
    let person = person(dice.roll(PEOPLE));
    let model = MODELS.get(dice.roll(4) as usize).copied().unwrap_or_default().to_owned();
    let started_at = START + n as i64 * EVERY;
    let main = Lane { kind: LaneKind::Main, agent: None, started_by: None, label: String::new() };
    let mut made = Making {
        replay: Replay {
            session: Session {
                id: format!("s-{n:020x}"),
                hint: Some(format!("{n:08x}-0000-4000-8000-000000000000")),
                issuer: "https://login.example.com".to_owned(),
                subject: person.clone(),
                email: Some(person),
                groups: vec![format!("team-{}", dice.roll(20)), "engineering".to_owned()],
                models: vec![model.clone()],
                title: Some(dice.prose(40)),
                started_at,
                ended_at: Some(started_at + turns as i64 * 8_000),
                status: if dice.roll(50) == 0 { Status::Ended } else { Status::Complete },
                ..Session::default()
            },
            lanes: vec![main],
            ..Replay::default()
        },
        dice,
        model,
        waiting: None,
    };
    for index in 0..turns {
        made.turn(n, index as usize);
    }
    made.replay
}

struct Making {
    replay: Replay,
    dice: Dice,
    model: String,
    /// The call whose result the next turn brings.
    waiting: Option<usize>,
}

impl Making {
    fn turn(&mut self, n: u64, index: usize) {
        let at = self.replay.session.started_at + index as i64 * 8_000;
        let mut turn = Turn {
            number: index + 1,
            exchange: format!("{n:08x}-0000-7000-8000-{index:012x}"),
            started_at: at,
            answered_at: Some(at + 900),
            ended_at: Some(at + 5_000),
            status: Status::Complete,
            http_status: Some(200),
            endpoint: "POST /v1/messages?beta=true".to_owned(),
            model: Some(self.model.clone()),
            rule: Some("engineers".to_owned()),
            request_id: Some(format!("req_{n:x}_{index:x}")),
            stop_reason: Some("tool_use".to_owned()),
            usage: Usage { input: 40, cache_read: 20_000, cache_write: 300, output: 150 },
            continues: index.checked_sub(1),
            ..Turn::default()
        };
        let said = match self.waiting.take() {
            Some(call) => {
                turn.kind = TurnKind::Results;
                self.result(call, index, at)
            }
            None => Block::Text { text: self.dice.prose(200) },
        };
        turn.said.push(Message { role: "user".to_owned(), blocks: vec![said] });
        turn.answer.push(Block::Text { text: self.dice.prose(150) });
        if self.dice.roll(5) > 0 {
            let call = self.call(n, index, at + 4_000);
            turn.answer.push(Block::ToolUse { call });
            self.waiting = Some(call);
        }
        if self.dice.roll(200) == 0 {
            let rule = RULES.get(self.dice.roll(3) as usize).copied().unwrap_or_default();
            turn.findings.push(Finding {
                rule: rule.to_owned(),
                at: "/messages/0/content".to_owned(),
                count: 1,
                fingerprint: format!("{:016x}", self.dice.roll(u64::MAX)),
                action: "pseudonymize".to_owned(),
                in_response: false,
            });
        }
        if self.dice.roll(400) == 0 {
            turn.status = Status::Refused;
        }
        self.replay.turns.push(turn);
    }

    fn result(&mut self, call: usize, turn: usize, at: i64) -> Block {
        let text = self.dice.prose(500);
        let mut id = String::new();
        if let Some(call) = self.replay.calls.get_mut(call) {
            id.clone_from(&call.id);
            let shown = text.clone();
            call.result = Some(CallResult { turn, at, is_error: false, text: shown });
        }
        Block::ToolResult { call: Some(call), id, is_error: false, text }
    }

    fn call(&mut self, n: u64, turn: usize, at: i64) -> usize {
        let call = self.replay.calls.len();
        let (name, about, input) = match self.dice.roll(10) {
            0..=3 => {
                let verb = ["cargo test", "git status", "git push --force", "ls", "rg", "sed -n"];
                let verb = verb.get(self.dice.roll(6) as usize).copied().unwrap_or_default();
                let command = format!("{verb} {}", self.dice.prose(20).trim());
                self.replay.commands.push(Command {
                    turn,
                    call,
                    command: command.clone(),
                    description: None,
                    output: Some(self.dice.prose(300)),
                    exit: Some(0),
                    duration_ms: Some(300),
                    background: false,
                });
                let input = serde_json::json!({"command": command, "description": "Do it"});
                ("Bash", command, input)
            }
            4..=6 => {
                let path = path(&mut self.dice);
                let code = self.dice.code(14);
                self.write(turn, call, &path, &code);
                let input =
                    serde_json::json!({"file_path": path, "old_string": "x", "new_string": code});
                ("Edit", path, input)
            }
            _ => {
                let path = path(&mut self.dice);
                let input = serde_json::json!({ "file_path": path });
                ("Read", path, input)
            }
        };
        let outcome = match self.dice.roll(40) {
            0 => Outcome::Rejected { feedback: None },
            _ => Outcome::Ran,
        };
        self.replay.calls.push(ToolCall {
            id: format!("toolu_{n:x}_{call:x}"),
            name: name.to_owned(),
            turn,
            at,
            input: input.to_string(),
            about,
            outcome,
            evidence: Vec::<Evidence>::new(),
            result: None,
            decision: None,
            ran: None,
            duration_ms: None,
        });
        call
    }

    fn write(&mut self, turn: usize, call: usize, path: &str, code: &str) {
        let change = Change {
            turn,
            call,
            applied: true,
            before: Before::Unknown,
            diff: code.lines().map(|line| format!("+{line}\n")).collect(),
            added: code.lines().count(),
            removed: 1,
        };
        let files = &mut self.replay.files;
        match files.iter_mut().find(|file| file.path == path) {
            Some(file) => file.changes.push(change),
            None => {
                let changes = vec![change];
                files.push(File { path: path.to_owned(), changes, content: None });
            }
        }
    }
}

//! Replays of the tests' own: small, with everything that is indexed.

use crate::Replay;
use crate::model::{
    Before, Block, Change, Command, File, Finding, Message, Notice, NoticeKind, Outcome, Session,
    Status, ToolCall, Turn, Usage,
};

pub(super) fn call() -> ToolCall {
    ToolCall {
        id: String::new(),
        name: String::new(),
        turn: 0,
        at: 0,
        input: "{}".to_owned(),
        about: String::new(),
        outcome: Outcome::Ran,
        evidence: Vec::new(),
        result: None,
        decision: None,
        ran: None,
        duration_ms: None,
    }
}

/// What a session is made of.
#[derive(Clone, Debug, Default)]
pub(super) struct Specimen {
    pub(super) id: String,
    pub(super) subject: String,
    pub(super) email: Option<String>,
    pub(super) groups: Vec<String>,
    pub(super) models: Vec<String>,
    pub(super) started_at: i64,
    pub(super) status: Status,
    /// Of each turn, the prompt.
    pub(super) prompts: Vec<String>,
    /// Paths that are written, one a turn, and what is written.
    pub(super) writes: Vec<(String, String)>,
    /// Commands, in the last turn.
    pub(super) commands: Vec<String>,
    pub(super) findings: Vec<String>,
    pub(super) refused: bool,
    pub(super) gap: bool,
}

impl Specimen {
    pub(super) fn replay(&self) -> Replay {
        let mut replay = Replay {
            session: Session {
                id: self.id.clone(),
                issuer: "https://issuer".to_owned(),
                subject: self.subject.clone(),
                email: self.email.clone(),
                groups: self.groups.clone(),
                models: self.models.clone(),
                title: self.prompts.first().cloned(),
                started_at: self.started_at,
                status: self.status,
                ..Session::default()
            },
            ..Replay::default()
        };
        for (index, prompt) in self.prompts.iter().enumerate() {
            let text = Block::Text { text: prompt.clone() };
            replay.turns.push(Turn {
                number: index + 1,
                exchange: format!("{}-{index}", self.id),
                started_at: self.started_at + index as i64 * 1_000,
                ended_at: Some(self.started_at + index as i64 * 1_000 + 500),
                status: Status::Complete,
                model: self.models.first().cloned(),
                said: vec![Message { role: "user".to_owned(), blocks: vec![text] }],
                usage: Usage { input: 1, ..Usage::default() },
                ..Turn::default()
            });
        }
        for (index, (path, content)) in self.writes.iter().enumerate() {
            let input = serde_json::json!({"file_path": path, "content": content}).to_string();
            let turn = index.min(self.prompts.len().saturating_sub(1));
            self.call(&mut replay, turn, "Write", path, input);
            let (number, diff) = (replay.calls.len() - 1, format!("+{content}"));
            let change = Change {
                turn,
                call: number,
                applied: true,
                before: Before::Absent,
                diff,
                added: 1,
                removed: 0,
            };
            let content = Some(content.clone());
            replay.files.push(File { path: path.clone(), changes: vec![change], content });
        }
        for command in &self.commands {
            let input = serde_json::json!({"command": command}).to_string();
            let turn = self.prompts.len().saturating_sub(1);
            self.call(&mut replay, turn, "Bash", command, input);
            replay.commands.push(Command {
                turn,
                call: replay.calls.len() - 1,
                command: command.clone(),
                description: None,
                output: Some("done".to_owned()),
                exit: Some(0),
                duration_ms: None,
                background: false,
            });
        }
        if let Some(turn) = replay.turns.last_mut() {
            turn.findings = self.findings.iter().map(|rule| finding(rule)).collect();
            if self.refused {
                turn.status = Status::Refused;
            }
        }
        if self.gap {
            let text = "numbers are missing".to_owned();
            replay.notices.push(Notice { kind: NoticeKind::Gap, turn: None, text });
        }
        replay
    }

    fn call(&self, replay: &mut Replay, turn: usize, name: &str, about: &str, input: String) {
        let index = replay.calls.len();
        replay.calls.push(ToolCall {
            id: format!("toolu_{}_{index}", self.id),
            name: name.to_owned(),
            turn,
            at: self.started_at + turn as i64 * 1_000 + 400,
            input,
            about: about.to_owned(),
            ..call()
        });
        if let Some(turn) = replay.turns.get_mut(turn) {
            turn.answer.push(Block::ToolUse { call: index });
        }
    }
}

fn finding(rule: &str) -> Finding {
    Finding {
        rule: rule.to_owned(),
        at: "/messages/0".to_owned(),
        count: 1,
        fingerprint: "00".to_owned(),
        action: "mask".to_owned(),
        in_response: false,
    }
}

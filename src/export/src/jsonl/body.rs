//! What a line says beside its kind, time and turn. What is absent is left out.

use crate::names::turn_kind;
use hansard_replay::Replay;
use hansard_replay::model::{
    self, Before, Certainty, Change, Commit, DecidedBy, File, Finding, LaneKind, NoticeKind,
    Outcome, Refusal, Rewrite, Session, Status, ToolCall, Turn, TurnKind, Usage,
};
use serde::Serialize;

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Body<'a> {
    Session {
        joined: &'a [String],
        #[serde(skip_serializing_if = "Option::is_none")]
        hint: Option<&'a str>,
        issuer: &'a str,
        subject: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        email: Option<&'a str>,
        groups: &'a [String],
        models: &'a [String],
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        ended_at_ms: Option<i64>,
        status: Status,
        usage: Usage,
        turns: usize,
        tool_calls: usize,
    },
    Turn(Box<TurnLine<'a>>),
    Said {
        /// Place of the message among those that are new.
        message: usize,
        role: &'a str,
        /// Place of the block in the message.
        #[serde(rename = "block")]
        place: usize,
        content: Block<'a>,
    },
    Answer {
        #[serde(rename = "block")]
        place: usize,
        content: Block<'a>,
    },
    Finding(&'a Finding),
    Rewrite {
        message: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        original_turn: Option<usize>,
        diff: &'a str,
    },
    ToolCall(Box<CallLine<'a>>),
    FileChange {
        path: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        call: Option<&'a str>,
        applied: bool,
        before: Before,
        added: usize,
        removed: usize,
        diff: &'a str,
    },
    Command {
        #[serde(skip_serializing_if = "Option::is_none")]
        call: Option<&'a str>,
        command: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        output: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        exit: Option<i32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        duration_ms: Option<u64>,
        background: bool,
    },
    Commit {
        #[serde(skip_serializing_if = "Option::is_none")]
        call: Option<&'a str>,
        id: &'a str,
        branch: &'a str,
        subject: &'a str,
    },
    Notice {
        kind: NoticeKind,
        text: &'a str,
    },
}

#[derive(Serialize)]
pub(super) struct TurnLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    lane: Option<LaneLine<'a>>,
    /// Why it was asked, as [`TurnKind`](model::TurnKind) names it.
    kind: &'static str,
    /// The turn that a retry or a fork goes back to.
    #[serde(skip_serializing_if = "Option::is_none")]
    of_turn: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    continues_turn: Option<usize>,
    carried: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    answered_at_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at_ms: Option<i64>,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why_ended: Option<&'a str>,
    endpoint: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a Refusal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_reason: Option<&'a str>,
    usage: Usage,
}

#[derive(Serialize)]
pub(super) struct LaneLine<'a> {
    kind: LaneKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_by: Option<&'a str>,
    label: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block<'a> {
    Text {
        text: &'a str,
    },
    Thinking {
        text: &'a str,
    },
    ToolUse {
        #[serde(skip_serializing_if = "Option::is_none")]
        call: Option<&'a str>,
    },
    ToolResult {
        call: &'a str,
        on_record: bool,
        is_error: bool,
        text: &'a str,
    },
    Media {
        media_type: &'a str,
        bytes: usize,
    },
    Other {
        kind: &'a str,
        json: &'a str,
    },
}

#[derive(Serialize)]
pub(super) struct CallLine<'a> {
    call: &'a str,
    name: &'a str,
    about: &'a str,
    input: &'a str,
    #[serde(flatten)]
    outcome: &'a Outcome,
    evidence: Vec<EvidenceLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<DecisionLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ran: Option<&'a model::Ran>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<ResultLine<'a>>,
}

#[derive(Serialize)]
pub(super) struct EvidenceLine<'a> {
    certainty: Certainty,
    source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    turn: Option<usize>,
}

#[derive(Serialize)]
pub(super) struct DecisionLine<'a> {
    accepted: bool,
    by: DecidedBy,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    certainty: Certainty,
}

#[derive(Serialize)]
pub(super) struct ResultLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    turn: Option<usize>,
    at_ms: i64,
    is_error: bool,
    text: &'a str,
}

// === impl Body ===

impl<'a> Body<'a> {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Session { .. } => "session",
            Self::Turn(_) => "turn",
            Self::Said { .. } => "said",
            Self::Answer { .. } => "answer",
            Self::Finding(_) => "finding",
            Self::Rewrite { .. } => "rewrite",
            Self::ToolCall(_) => "tool_call",
            Self::FileChange { .. } => "file_change",
            Self::Command { .. } => "command",
            Self::Commit { .. } => "commit",
            Self::Notice { .. } => "notice",
        }
    }

    pub(super) fn session(replay: &'a Replay) -> Self {
        let Session {
            id: _,
            joined,
            hint,
            issuer,
            subject,
            email,
            groups,
            models,
            title,
            started_at: _,
            ended_at,
            status,
            usage,
            usage_of: _,
        } = &replay.session;
        Self::Session {
            joined,
            hint: hint.as_deref(),
            issuer,
            subject,
            email: email.as_deref(),
            groups,
            models,
            title: title.as_deref(),
            ended_at_ms: *ended_at,
            status: *status,
            usage: *usage,
            turns: replay.turns.len(),
            tool_calls: replay.calls.len(),
        }
    }

    pub(super) fn turn(replay: &'a Replay, turn: &'a Turn) -> Self {
        let lane = replay.lanes.get(turn.lane).map(|lane| LaneLine {
            kind: lane.kind,
            agent: lane.agent.as_deref(),
            started_by: lane.started_by.and_then(|call| call_id(replay, call)),
            label: &lane.label,
        });
        let of_turn = match turn.kind {
            TurnKind::Retry { of } | TurnKind::WholeRetry { of } | TurnKind::Fork { of } => {
                number(replay, of)
            }
            _ => None,
        };
        Self::Turn(Box::new(TurnLine {
            lane,
            kind: turn_kind(turn.kind),
            of_turn,
            continues_turn: turn.continues.and_then(|turn| number(replay, turn)),
            carried: turn.carried,
            answered_at_ms: turn.answered_at,
            ended_at_ms: turn.ended_at,
            status: turn.status,
            http_status: turn.http_status,
            why_ended: turn.why.as_deref(),
            endpoint: &turn.endpoint,
            model: turn.model.as_deref(),
            rule: turn.rule.as_deref(),
            refusal: turn.refusal.as_ref(),
            request_id: turn.request_id.as_deref(),
            system: turn.system.as_deref(),
            tools: turn.tools.as_deref(),
            stop_reason: turn.stop_reason.as_deref(),
            usage: turn.usage,
        }))
    }

    pub(super) fn rewrite(replay: &'a Replay, rewrite: &'a Rewrite) -> Self {
        Self::Rewrite {
            message: rewrite.message,
            original_turn: number(replay, rewrite.turn),
            diff: &rewrite.diff,
        }
    }

    pub(super) fn call(replay: &'a Replay, call: &'a ToolCall) -> Self {
        let evidence = call.evidence.iter().map(|evidence| EvidenceLine {
            certainty: evidence.certainty,
            source: &evidence.source,
            turn: evidence.turn.and_then(|turn| number(replay, turn)),
        });
        Self::ToolCall(Box::new(CallLine {
            call: &call.id,
            name: &call.name,
            about: &call.about,
            input: &call.input,
            outcome: &call.outcome,
            evidence: evidence.collect(),
            decision: call.decision.as_ref().map(|decision| DecisionLine {
                accepted: decision.accepted,
                by: decision.by,
                source: decision.source.as_deref(),
                certainty: decision.certainty,
            }),
            ran: call.ran.as_ref(),
            duration_ms: call.duration_ms,
            result: call.result.as_ref().map(|result| ResultLine {
                turn: number(replay, result.turn),
                at_ms: result.at,
                is_error: result.is_error,
                text: &result.text,
            }),
        }))
    }

    pub(super) fn change(replay: &'a Replay, file: &'a File, change: &'a Change) -> Self {
        Self::FileChange {
            path: &file.path,
            call: call_id(replay, change.call),
            applied: change.applied,
            before: change.before,
            added: change.added,
            removed: change.removed,
            diff: &change.diff,
        }
    }

    pub(super) fn command(replay: &'a Replay, command: &'a model::Command) -> Self {
        Self::Command {
            call: call_id(replay, command.call),
            command: &command.command,
            description: command.description.as_deref(),
            output: command.output.as_deref(),
            exit: command.exit,
            duration_ms: command.duration_ms,
            background: command.background,
        }
    }

    pub(super) fn commit(replay: &'a Replay, commit: &'a Commit) -> Self {
        Self::Commit {
            call: call_id(replay, commit.call),
            id: &commit.id,
            branch: &commit.branch,
            subject: &commit.subject,
        }
    }
}

// === impl Block ===

impl<'a> Block<'a> {
    pub(super) fn of(replay: &'a Replay, block: &'a model::Block) -> Self {
        match block {
            model::Block::Text { text } => Self::Text { text },
            model::Block::Thinking { text } => Self::Thinking { text },
            model::Block::ToolUse { call } => Self::ToolUse { call: call_id(replay, *call) },
            model::Block::ToolResult { call, id, is_error, text } => {
                Self::ToolResult { call: id, on_record: call.is_some(), is_error: *is_error, text }
            }
            model::Block::Media { media_type, bytes } => Self::Media { media_type, bytes: *bytes },
            model::Block::Other { kind, json } => Self::Other { kind, json },
        }
    }
}

fn number(replay: &Replay, turn: usize) -> Option<usize> {
    replay.turns.get(turn).map(|turn| turn.number)
}

fn call_id(replay: &Replay, call: usize) -> Option<&str> {
    replay.calls.get(call).map(|call| call.id.as_str())
}

//! The model's words as they stand in every format, and what they amount to.

use hansard_replay::model::{LaneKind, Outcome, Status, Turn, TurnKind};

/// A turn's kind.
pub(crate) fn turn_kind(kind: TurnKind) -> &'static str {
    match kind {
        TurnKind::Prompt => "prompt",
        TurnKind::Results => "results",
        TurnKind::Retry { .. } => "retry",
        TurnKind::WholeRetry { .. } => "whole_retry",
        TurnKind::Fork { .. } => "fork",
        TurnKind::Resume => "resume",
        TurnKind::Compaction => "compaction",
        TurnKind::Compacted => "compacted",
        TurnKind::Title => "title",
        TurnKind::Count => "count",
        TurnKind::Side => "side",
        TurnKind::Other => "other",
    }
}

/// How an exchange or a session ended.
pub(crate) fn status(status: Status) -> &'static str {
    match status {
        Status::Open => "open",
        Status::Complete => "complete",
        Status::Ended => "ended",
        Status::Refused => "refused",
        Status::Interrupted => "interrupted",
    }
}

/// Who speaks in a lane.
pub(crate) fn lane(kind: LaneKind) -> &'static str {
    match kind {
        LaneKind::Main => "main",
        LaneKind::Subagent => "subagent",
        LaneKind::Side => "side",
    }
}

/// What became of a tool call.
pub(crate) fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Ran => "ran",
        Outcome::Failed { .. } => "failed",
        Outcome::Rejected { .. } => "rejected",
        Outcome::Denied { .. } => "denied",
        Outcome::Interrupted => "interrupted",
        Outcome::Invalid { .. } => "invalid",
        Outcome::Unanswered => "unanswered",
    }
}

/// The error that a turn ended in: the refusal's type, the reason on record, or its status.
pub(crate) fn error(turn: &Turn) -> Option<&str> {
    match turn.status {
        Status::Open | Status::Complete => None,
        Status::Refused => Some(turn.refusal.as_ref().map_or("refused", |refusal| &refusal.kind)),
        Status::Ended => Some(turn.why.as_deref().unwrap_or("ended")),
        Status::Interrupted => Some("interrupted"),
    }
}

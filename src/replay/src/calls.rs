//! Tool calls: suggested in an answer, and what is heard of them since.
//!
//! ```text
//! answer ─▶ call ─▶ result in a later request ─▶ outcome (inferred)
//!                └▶ telemetry ─────────────────▶ outcome, decision, input, duration (confirmed)
//! ```
//!
//! Telemetry decides where both speak: a client tells the model the same for a rejection and for an
//! interruption, and not what a person changed.

use crate::model::{
    CallResult, Certainty, DecidedBy, Decision, Evidence, Notice, NoticeKind, Outcome, ToolCall,
};
use crate::outcome::{self, Told};
use crate::telemetry::{self, Confirmed};
use crate::title::beginning;
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// The calls of a session.
#[derive(Default)]
pub(crate) struct Calls {
    pub(crate) list: Vec<ToolCall>,
    by_id: HashMap<String, usize>,
    /// Inputs as the client tells them in its history, where they are not the suggested bytes.
    pub(crate) echoed: HashMap<usize, String>,
    /// Calls whose input a person changed before it ran, as the result says.
    pub(crate) edited: HashSet<usize>,
}

/// Characters of what a call is about.
const ABOUT: usize = 200;
/// Members of an input that say what a call is about, the first that is there.
const TELLING: [&str; 12] = [
    "command",
    "file_path",
    "notebook_path",
    "path",
    "pattern",
    "url",
    "query",
    "description",
    "skill",
    "subject",
    "name",
    "prompt",
];

impl Calls {
    pub(crate) fn suggested(
        &mut self,
        id: &str,
        name: &str,
        input: &str,
        turn: usize,
        at: i64,
    ) -> usize {
        let index = self.list.len();
        self.list.push(ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            turn,
            at,
            input: input.to_owned(),
            about: about(input),
            outcome: Outcome::Unanswered,
            evidence: Vec::new(),
            result: None,
            decision: None,
            ran: None,
            duration_ms: None,
        });
        self.by_id.insert(id.to_owned(), index);
        index
    }

    pub(crate) fn find(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// A result that a turn brings. The first that is heard counts.
    pub(crate) fn result(&mut self, id: &str, result: CallResult, source: &str) -> Option<usize> {
        let index = self.find(id)?;
        let call = self.list.get_mut(index).filter(|call| call.result.is_none())?;
        let Told { outcome, by, edited } = outcome::told(&call.name, result.is_error, &result.text);
        call.decision = by.map(|by| Decision {
            accepted: outcome == Outcome::Ran,
            by,
            source: None,
            certainty: Certainty::Inferred,
        });
        if edited {
            self.edited.insert(index);
        }
        let edited = if edited { ", which says that the person changed the input" } else { "" };
        call.evidence.push(Evidence {
            certainty: Certainty::Inferred,
            source: format!("{source} in turn {}{edited}", result.turn.saturating_add(1)),
            turn: Some(result.turn),
        });
        call.outcome = outcome;
        call.result = Some(result);
        Some(index)
    }

    /// A turn says that the person interrupted what an earlier turn suggested.
    pub(crate) fn interrupted(&mut self, suggested: usize, turn: usize) {
        for call in self.list.iter_mut().rev().take_while(|call| call.turn >= suggested) {
            if call.turn == suggested && call.outcome == Outcome::Unanswered {
                call.outcome = Outcome::Interrupted;
                call.evidence.push(Evidence {
                    certainty: Certainty::Inferred,
                    source: format!("interruption in turn {}", turn.saturating_add(1)),
                    turn: Some(turn),
                });
            }
        }
    }

    /// What telemetry says of each; a notice for each call that ran on another input.
    pub(crate) fn confirm(&mut self, confirmed: &HashMap<String, Confirmed>) -> Vec<Notice> {
        let mut notices = Vec::new();
        for call in &mut self.list {
            if let Some(told) = confirmed.get(&call.id) {
                confirm(call, told);
            }
            if call.ran.as_ref().is_some_and(|ran| ran.differs) {
                notices.push(Notice {
                    kind: NoticeKind::Differs,
                    turn: Some(call.turn),
                    text: format!(
                        "{} ran with another input than was suggested ({}).",
                        call.name, call.id
                    ),
                });
            }
        }
        notices
    }
}

fn confirm(call: &mut ToolCall, told: &Confirmed) {
    let mut confirmed = |source: &str| {
        call.evidence.push(Evidence {
            certainty: Certainty::Confirmed,
            source: format!("telemetry {source}"),
            turn: None,
        });
    };
    if let Some(decision) = &told.decision {
        confirmed("tool_decision");
        call.decision = Some(decision.clone());
        call.outcome = decided(decision, &call.outcome, call.result.as_ref());
    }
    if let Some(success) = told.success {
        confirmed("tool_result");
        let text = call.result.as_ref().map_or("", |result| result.text.as_str());
        call.outcome = match (success, &call.outcome) {
            (true, _) => Outcome::Ran,
            (false, Outcome::Ran | Outcome::Unanswered | Outcome::Failed { .. }) => {
                Outcome::Failed { code: outcome::code(text) }
            }
            (false, other) => other.clone(),
        };
    }
    call.duration_ms = told.duration_ms;
    call.ran = told.input.as_ref().map(|input| telemetry::ran(&call.input, input));
}

/// The outcome once it is known who decided.
fn decided(decision: &Decision, inferred: &Outcome, result: Option<&CallResult>) -> Outcome {
    let reason = || match result {
        Some(result) => outcome::unreminded(&result.text).trim().to_owned(),
        None => format!("by {}", decision.source.as_deref().unwrap_or("the client")),
    };
    match (decision.accepted, decision.by, inferred) {
        // It was let run, and what the client calls a rejection came while it did.
        (true, _, Outcome::Rejected { feedback: None }) => Outcome::Interrupted,
        (true, _, other) => other.clone(),
        (false, DecidedBy::Person, rejected @ Outcome::Rejected { .. }) => rejected.clone(),
        (false, DecidedBy::Person, _) => Outcome::Rejected { feedback: None },
        (false, _, denied @ (Outcome::Denied { .. } | Outcome::Invalid { .. })) => denied.clone(),
        (false, _, _) => Outcome::Denied { reason: reason() },
    }
}

/// What a call is about, in one line.
fn about(input: &str) -> String {
    let Ok(Value::Object(members)) = serde_json::from_str::<Value>(input) else {
        return beginning(input, ABOUT);
    };
    let telling = TELLING.iter().find_map(|name| members.get(*name)?.as_str());
    let first = || members.values().find_map(Value::as_str);
    beginning(telling.or_else(first).unwrap_or_default(), ABOUT)
}

#[cfg(test)]
mod tests;

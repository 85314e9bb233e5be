//! One turn of the document.

use super::write::{code, fenced, inline, prose};
use super::{notices, tokens};
use crate::names;
use crate::turns::Belongings;
use hansard_replay::Replay;
use hansard_replay::model::{
    Before, Block, Certainty, Change, Command, DecidedBy, Decision, File, Finding, Lane, LaneKind,
    Outcome, Ran, Rewrite, ToolCall, Turn, TurnKind, Usage,
};
use hansard_shown::{short, span};

pub(super) fn write(replay: &Replay, turn: &Turn, of: &Belongings<'_>, out: &mut String) {
    heading(replay, turn, out);
    notices(&of.notices, out);
    turn.rewrites.iter().for_each(|rewrite| rewritten(replay, rewrite, out));
    if let Some(system) = &turn.system {
        folded("System prompt", system, out);
    }
    if let Some(tools) = &turn.tools {
        let tools: Vec<_> = tools.iter().map(|tool| code(tool)).collect();
        out.push_str(&format!("Tools on offer: {}\n\n", tools.join(", ")));
    }
    for message in &turn.said {
        for part in &message.blocks {
            block(replay, &message.role, part, out);
        }
    }
    if let Some(refusal) = &turn.refusal {
        let (status, kind) = (refusal.status, code(&refusal.kind));
        out.push_str(&format!("**Refused** with {status} {kind}:\n\n"));
        prose(&refusal.message, out);
    }
    for part in &turn.answer {
        block(replay, "assistant", part, out);
    }
    findings(&turn.findings, out);
    belongings(replay, of, out);
}

/// Calls, changes, commands and commits.
pub(super) fn belongings(replay: &Replay, of: &Belongings<'_>, out: &mut String) {
    of.calls.iter().for_each(|call| tool_call(replay, call, out));
    of.commands.iter().for_each(|command| shell(command, out));
    of.changes.iter().for_each(|(file, change)| changed(file, change, out));
    for commit in &of.commits {
        let (id, branch, subject) =
            (code(&commit.id), code(&commit.branch), inline(&commit.subject));
        out.push_str(&format!("**Commit** {id} on {branch}: {subject}\n\n"));
    }
}

fn heading(replay: &Replay, turn: &Turn, out: &mut String) {
    let lane = replay.lanes.get(turn.lane).filter(|lane| lane.kind != LaneKind::Main);
    let lane =
        lane.map(|Lane { kind, label, .. }| format!(" · {} {}", names::lane(*kind), inline(label)));
    let kind = match turn.kind {
        TurnKind::Retry { of } | TurnKind::WholeRetry { of } | TurnKind::Fork { of } => {
            let of = replay.turns.get(of).map_or(0, |turn| turn.number);
            format!("{} of turn {of}", names::turn_kind(turn.kind).replace('_', " "))
        }
        kind => names::turn_kind(kind).to_owned(),
    };
    let lane = lane.unwrap_or_default();
    out.push_str(&format!("## Turn {}: {kind}{lane}\n\n", turn.number));
    let mut words = vec![format!("{} UTC", short(turn.started_at))];
    if let Some(end) = turn.ended_at {
        words.push(span(end.saturating_sub(turn.started_at)));
    }
    words.push(names::status(turn.status).to_owned());
    words.extend(turn.http_status.map(|status| format!("HTTP {status}")));
    words.extend(turn.why.as_ref().filter(|why| *why != "complete").map(|why| inline(why)));
    words.extend(turn.model.as_ref().map(|model| inline(model)));
    words.extend(turn.rule.as_ref().map(|rule| format!("rule {}", inline(rule))));
    if turn.usage != Usage::default() {
        words.push(format!("tokens: {}", tokens(turn.usage)));
    }
    words.extend(turn.stop_reason.as_ref().map(|why| format!("stopped: {}", inline(why))));
    out.push_str(&format!("{}  \n", words.join(" · ")));
    let request = turn.request_id.as_ref().map(|id| format!(", request {}", code(id)));
    let (exchange, request) = (code(&turn.exchange), request.unwrap_or_default());
    out.push_str(&format!("{} · exchange {exchange}{request}\n\n", code(&turn.endpoint)));
    if turn.carried > 0 {
        let carried = turn.carried;
        out.push_str(&format!("*{carried} messages of its history are shown above.*\n\n"));
    }
}

fn block(replay: &Replay, role: &str, block: &Block, out: &mut String) {
    match block {
        Block::Text { text } => {
            out.push_str(&format!("**{}**\n\n", inline(role)));
            prose(text, out);
        }
        Block::Thinking { text } if text.is_empty() => {
            out.push_str("*Thinking that is not shown or encrypted.*\n\n");
        }
        Block::Thinking { text } => folded("Thinking", text, out),
        Block::ToolUse { call } => {
            // It stands below, with what became of it.
            let call = replay.calls.get(*call);
            let name = call.map_or_else(|| "unknown".to_owned(), |call| code(&call.name));
            out.push_str(&format!("**{}** suggests {name}\n\n", inline(role)));
        }
        Block::ToolResult { call, id, is_error, text } => {
            let name = call.and_then(|call| replay.calls.get(call)).map(|call| code(&call.name));
            let name = name.unwrap_or_else(|| "no call on record".to_owned());
            let word = if *is_error { "Error" } else { "Result" };
            out.push_str(&format!("**{word}** of {name} ({})\n\n", code(id)));
            fenced("", text, out);
        }
        Block::Media { media_type, bytes } => {
            out.push_str(&format!("**{}** {}, {bytes} bytes\n\n", inline(role), code(media_type)));
        }
        Block::Other { kind, json } => {
            out.push_str(&format!("**{}** {}\n\n", inline(role), code(kind)));
            fenced("json", json, out);
        }
    }
}

fn tool_call(replay: &Replay, call: &ToolCall, out: &mut String) {
    let outcome = match &call.outcome {
        Outcome::Failed { code: Some(code) } => format!("failed, exit code {code}"),
        Outcome::Rejected { feedback: Some(said) } => format!("rejected: {}", inline(said)),
        Outcome::Denied { reason } => format!("denied: {}", inline(reason)),
        Outcome::Invalid { reason } => format!("invalid: {}", inline(reason)),
        other => names::outcome(other).to_owned(),
    };
    let took = call.duration_ms.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX)).map(span);
    let took = took.map(|span| format!(", {span}")).unwrap_or_default();
    let (name, about, id) = (code(&call.name), code(&call.about), code(&call.id));
    out.push_str(&format!("### {name} {about}\n\n**{outcome}**{took} ({id})\n\n"));
    for evidence in &call.evidence {
        let certainty = certainty(evidence.certainty);
        out.push_str(&format!("- {certainty} by {}\n", inline(&evidence.source)));
    }
    if let Some(Decision { accepted, by, source, certainty: sure }) = &call.decision {
        let by = match by {
            DecidedBy::Person => "a person",
            DecidedBy::Rule => "a rule of the client's",
            DecidedBy::Hook => "a hook",
            DecidedBy::Unknown => "somebody unknown",
        };
        let word = if *accepted { "accepted" } else { "refused" };
        let source = source.as_ref().map(|source| format!(" ({})", inline(source)));
        let source = source.unwrap_or_default();
        out.push_str(&format!("- {word} by {by}{source}, {}\n", certainty(*sure)));
    }
    if !call.evidence.is_empty() || call.decision.is_some() {
        out.push('\n');
    }
    fenced("json", &call.input, out);
    if let Some(Ran { input, differs: true }) = &call.ran {
        out.push_str("**It ran with another input than was suggested:**\n\n");
        fenced("json", input, out);
    }
    if let Some(result) = &call.result {
        let turn = replay.turns.get(result.turn).map_or(0, |turn| turn.number);
        out.push_str(&format!("Its result stands in turn {turn}.\n\n"));
    }
}

fn shell(command: &Command, out: &mut String) {
    let mut words = vec!["**Command**".to_owned()];
    words.extend(command.description.as_ref().map(|text| inline(text)));
    words.extend(command.exit.map(|code| format!("exit code {code}")));
    if command.background {
        words.push("in the background".to_owned());
    }
    out.push_str(&format!("{}\n\n", words.join(" · ")));
    fenced("sh", &command.command, out);
}

fn changed(file: &File, change: &Change, out: &mut String) {
    let word = if change.applied { "Changed" } else { "Not changed" };
    let before = match change.before {
        Before::Known => "",
        Before::Absent => ", which did not exist",
        Before::Unknown => ", of which nothing was known",
    };
    let (path, added, removed) = (code(&file.path), change.added, change.removed);
    out.push_str(&format!("**{word}** {path}{before}: +{added} -{removed}\n\n"));
    fenced("diff", &change.diff, out);
}

fn findings(findings: &[Finding], out: &mut String) {
    for Finding { rule, at, count, fingerprint: _, action, in_response } in findings {
        let place = if *in_response { "answer" } else { "request" };
        let (rule, at, action) = (code(rule), code(at), inline(action));
        out.push_str(&format!(
            "- **Redacted** {count} × {rule} in the {place} at {at}: {action}\n"
        ));
    }
    if !findings.is_empty() {
        out.push('\n');
    }
}

fn rewritten(replay: &Replay, rewrite: &Rewrite, out: &mut String) {
    let turn = replay.turns.get(rewrite.turn).map_or(0, |turn| turn.number);
    out.push_str(&format!("**The client's history differs from turn {turn}:**\n\n"));
    fenced("diff", &rewrite.diff, out);
}

/// Long text behind a summary of ours.
fn folded(summary: &str, recorded: &str, out: &mut String) {
    out.push_str(&format!("<details><summary>{summary}</summary>\n\n"));
    fenced("", recorded, out);
    out.push_str("</details>\n\n");
}

fn certainty(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Inferred => "inferred",
        Certainty::Confirmed => "confirmed",
    }
}

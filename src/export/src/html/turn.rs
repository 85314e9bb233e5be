//! One turn of the page. `data-at` is when something was there, for the player.

use crate::names;
use crate::text::{beginning, one_line, visible};
use crate::turns::{Belongings, grown};
use hansard_replay::Replay;
use hansard_replay::model::{
    Block, Certainty, LaneKind, Message, Outcome, Ran, ToolCall, Turn, Usage,
};
use hansard_shown::{short, span};
use maud::{Markup, html};

pub(super) fn turn(replay: &Replay, turn: &Turn, of: &Belongings<'_>) -> Markup {
    let lane = replay.lanes.get(turn.lane);
    let class = match lane.map(|lane| lane.kind) {
        Some(LaneKind::Subagent) => "sub",
        Some(LaneKind::Side) => "side",
        Some(LaneKind::Main) | None => "main",
    };
    let lane = lane.filter(|lane| lane.kind != LaneKind::Main);
    let end = turn.ended_at.unwrap_or(turn.started_at);
    html! {
        article class=(class) id={ "t" (turn.number) } data-at=(turn.started_at) {
            h3 {
                "Turn " (turn.number) ": " (names::turn_kind(turn.kind))
                @if let Some(lane) = lane { " · " (one_line(&lane.label)) }
            }
            (meta(turn))
            (super::notices(&of.notices))
            @if let Some(system) = &turn.system { (folded("System prompt", system)) }
            @if let Some(tools) = &turn.tools { p.meta { "Tools on offer: " (one_line(&tools.join(", "))) } }
            @if turn.carried > 0 { p.meta { (turn.carried) " messages of its history are shown above." } }
            @for message in &turn.said { (said(replay, message)) }
            @if let Some(refusal) = &turn.refusal {
                p.bad { "Refused with " (refusal.status) " " code { (one_line(&refusal.kind)) } ": " (one_line(&refusal.message)) }
            }
            @for (part, at) in turn.answer.iter().zip(grown(turn)) {
                div data-at=(at.unwrap_or(end)) { (block(replay, "assistant", part)) }
            }
            @for rewrite in &turn.rewrites {
                p.notice { "The client's history differs from " (link(replay, rewrite.turn)) ":" }
                (diff(&rewrite.diff))
            }
            @for finding in &turn.findings {
                p.meta { "Redacted " (finding.count) " × " code { (one_line(&finding.rule)) } " at " code { (one_line(&finding.at)) } ": " (one_line(&finding.action)) }
            }
            (calls(replay, of))
        }
    }
}

pub(super) fn calls(replay: &Replay, of: &Belongings<'_>) -> Markup {
    html! { @for call in &of.calls { (tool_call(replay, call)) } }
}

/// A link to a turn, by its index.
pub(super) fn link(replay: &Replay, turn: usize) -> Markup {
    html! {
        @match replay.turns.get(turn) {
            Some(turn) => a href={ "#t" (turn.number) } { "turn " (turn.number) },
            None => "a turn that is not on record",
        }
    }
}

/// A unified diff, line by line.
pub(super) fn diff(diff: &str) -> Markup {
    let shown = visible(diff);
    html! {
        pre {
            @for line in shown.lines() {
                @match line.chars().next() {
                    Some('+') => span.add { (line) },
                    Some('-') => span.del { (line) },
                    Some('@') => span.hunk { (line) },
                    _ => (line),
                }
                "\n"
            }
        }
    }
}

fn meta(turn: &Turn) -> Markup {
    let Usage { input, cache_read, cache_write, output } = turn.usage;
    let read = input.saturating_add(cache_read).saturating_add(cache_write);
    html! {
        p.meta {
            (short(turn.started_at)) " UTC"
            @if let Some(end) = turn.ended_at { " · " (span(end.saturating_sub(turn.started_at))) }
            " · " span.bad[names::error(turn).is_some()] { (names::status(turn.status)) }
            @if let Some(error) = names::error(turn) { " (" (one_line(error)) ")" }
            @if let Some(model) = &turn.model { " · " (one_line(model)) }
            @if let Some(rule) = &turn.rule { " · rule " (one_line(rule)) }
            @if turn.usage != Usage::default() { " · " (read) " tokens read, " (output) " written" }
            br; code { (one_line(&turn.endpoint)) } " · exchange " code { (one_line(&turn.exchange)) }
        }
    }
}

fn said(replay: &Replay, message: &Message) -> Markup {
    html! { @for part in &message.blocks { (block(replay, &message.role, part)) } }
}

fn block(replay: &Replay, role: &str, block: &Block) -> Markup {
    html! {
        @match block {
            Block::Text { text } => { p.who { (one_line(role)) } div.text { (visible(text)) } }
            Block::Thinking { text } if text.is_empty() => p.meta { "Thinking that is not shown or encrypted." },
            Block::Thinking { text } => (folded("Thinking", text)),
            Block::ToolUse { call } => p.meta {
                "Suggests " code { (replay.calls.get(*call).map_or_else(|| "a call that is not on record".to_owned(), |call| one_line(&call.name))) }
            },
            Block::ToolResult { call, id, is_error, text } => {
                p.who {
                    @if *is_error { "Error" } @else { "Result" } " of "
                    code { (call.and_then(|call| replay.calls.get(call)).map_or_else(|| "no call on record".to_owned(), |call| one_line(&call.name))) }
                    " " code { (one_line(id)) }
                }
                pre { (visible(text)) }
            }
            Block::Media { media_type, bytes } => p.meta { (one_line(role)) ": " (one_line(media_type)) ", " (bytes) " bytes" },
            Block::Other { kind, json } => { p.who { (one_line(kind)) } pre { (visible(json)) } }
        }
    }
}

fn tool_call(replay: &Replay, call: &ToolCall) -> Markup {
    let good = matches!(call.outcome, Outcome::Ran);
    let detail = match &call.outcome {
        Outcome::Failed { code: Some(code) } => Some(format!("exit code {code}")),
        Outcome::Rejected { feedback } => feedback.clone(),
        Outcome::Denied { reason } | Outcome::Invalid { reason } => Some(reason.clone()),
        _ => None,
    };
    html! {
        div.call data-at=(call.at) {
            p {
                code { (one_line(&call.name)) } " " code { (beginning(&one_line(&call.about), 160)) } " "
                span.outcome.good[good].bad[!good] { (names::outcome(&call.outcome)) }
                @if let Some(detail) = detail { ": " (one_line(&detail)) }
            }
            @for evidence in &call.evidence {
                p.meta {
                    @match evidence.certainty { Certainty::Inferred => "inferred", Certainty::Confirmed => "confirmed" }
                    " by " (one_line(&evidence.source))
                }
            }
            (folded("Input that was suggested", &call.input))
            @if let Some(Ran { input, differs: true }) = &call.ran {
                p.notice { "It ran with another input than was suggested." }
                pre { (visible(input)) }
            }
            @if let Some(result) = &call.result { p.meta { "Its result stands in " (link(replay, result.turn)) "." } }
        }
    }
}

fn folded(summary: &str, recorded: &str) -> Markup {
    html! { details { summary { (summary) } pre { (visible(recorded)) } } }
}

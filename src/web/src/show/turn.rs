//! A turn: why it was asked, what is new in the request, how the answer came.

use super::badge::{self, badge as sign, short};
use super::call;
use super::diff::diff;
use super::markdown::markdown;
use super::page::encoded;
use super::text::{Line, Text, value_of};
use super::time::{clock, offset, span};
use crate::prices::Prices;
use crate::source::{Proven, Window};
use hansard_replay::model::{Block, Finding, Lane, LaneKind, Message, Notice, Turn};
use maud::{Markup, html};

/// How Claude Code begins a text that it adds to a request by itself.
const REMINDER: &str = "<system-reminder>";

/// Moments of an answer that a page carries; the rest of them lies between.
const BEATS: usize = 160;

/// What turns of a page have in common.
pub(crate) struct Context<'a> {
    /// The session's first start.
    pub(crate) started_at: i64,
    pub(crate) lanes: &'a [Lane],
    pub(crate) notices: &'a [Notice],
    pub(crate) prices: &'a Prices,
}

/// `place` is the turn's in the window.
pub(crate) fn turn(place: usize, window: &Window, context: &Context<'_>) -> Markup {
    let Some(turn) = window.turns.get(place) else { return html! {} };
    let proof = window.proofs.get(place).copied();
    let index = turn.number.saturating_sub(1);
    let lane = context.lanes.get(turn.lane);
    let kind_of_lane = lane.map_or(LaneKind::Main, |lane| lane.kind);
    let class = match kind_of_lane {
        LaneKind::Main => "turn",
        LaneKind::Subagent => "turn sub",
        LaneKind::Side => "turn side",
    };
    html! {
        article class=(class) id={ "t" (turn.number) } data-n=(turn.number) data-lane=(turn.lane)
            data-from=(turn.started_at) data-answered=(turn.answered_at.unwrap_or(turn.started_at))
            data-beats=(beats(turn)) aria-labelledby={ "h" (turn.number) } {
            (head(turn, window, context, lane.filter(|_| kind_of_lane != LaneKind::Main)))
            @for notice in context.notices.iter().filter(|notice| notice.turn == Some(index)) {
                (self::notice(notice))
            }
            @if let Some(refusal) = &turn.refusal {
                p.refusal {
                    (sign("bad", "⊘", "refused")) " HTTP " (refusal.status) ", "
                    code { (Line(&refusal.kind)) } ": " q { (Text(&refusal.message)) }
                }
            }
            (setting(turn))
            @if turn.carried > 0 {
                p.carried { (badge::counted(turn.carried, "message", "messages")) " of the history shown in earlier turns" }
            }
            @for messages in turn.said.chunk_by(|a, b| a.role == b.role) { (said(messages, window)) }
            @if !turn.answer.is_empty() {
                div.answer {
                    p.speaker { "Claude" }
                    @for (place, block) in turn.answer.iter().enumerate() {
                        div.block data-block=(place) data-chars=(chars(block, window)) {
                            (self::block(block, window))
                        }
                    }
                }
            }
            @for rewrite in &turn.rewrites {
                details.fold.rewrite open {
                    summary {
                        (sign("warn", "✎", "history rewritten")) " message " (rewrite.message) " is told otherwise"
                    }
                    p { "As recorded in " a href=(badge::turn_link(&window.session, rewrite.turn)) data-turn=(rewrite.turn + 1) { "turn " (rewrite.turn + 1) } ", and as the client tells it now:" }
                    (diff(&rewrite.diff))
                }
            }
            @if !turn.findings.is_empty() { (findings(&turn.findings)) }
            (foot(turn, proof))
        }
    }
}

fn head(turn: &Turn, window: &Window, context: &Context<'_>, lane: Option<&Lane>) -> Markup {
    let (kind, of) = badge::kind(&turn.kind);
    let cost = context.prices.cost(turn.model.as_deref(), &turn.usage);
    html! {
        header.turn-head {
            h3 id={ "h" (turn.number) } {
                a.number href=(badge::turn_link(&window.session, turn.number.saturating_sub(1))) data-turn=(turn.number) {
                    span.visually-hidden { "Turn " } (turn.number)
                }
                " " (kind)
                @if let Some(of) = of { " of " a href=(badge::turn_link(&window.session, of)) data-turn=(of + 1) { "turn " (of + 1) } }
            }
            @if let Some(lane) = lane { span.lane-name { (Line(&lane.label)) } }
            (badge::status(turn.status))
            @if let Some(why) = &turn.why {
                @if why != "complete" { span.muted { (Line(why)) } }
            }
            span.spacer {}
            @if let Some(model) = &turn.model { span.model { (Line(model)) } }
            span.figures {
                (badge::usage(&turn.usage))
                @if let Some(cost) = cost { " " span.cost { (context.prices.shown(cost)) } }
            }
            span.when {
                (clock(turn.started_at)) " "
                span.muted { "+" (offset(turn.started_at - context.started_at)) }
            }
        }
    }
}

/// System prompt and tools, where they differ from the turn before.
fn setting(turn: &Turn) -> Markup {
    html! {
        @if let Some(system) = &turn.system {
            details.fold {
                summary { "System prompt" span.muted { " · " (short(system.chars().count() as u64)) " characters" } }
                pre.output tabindex="0" { (Text(system)) }
            }
        }
        @if let Some(tools) = &turn.tools {
            details.fold {
                summary { "Tools on offer" span.muted { " · " (tools.len()) } }
                ul.tags { @for tool in tools { li { (Line(tool)) } } }
            }
        }
    }
}

/// Messages of one role that follow each other.
fn said(messages: &[Message], window: &Window) -> Markup {
    let role = messages.first().map_or("", |message| message.role.as_str());
    let speaker = match role {
        "user" => "Client",
        "assistant" => "Claude, as the client tells it",
        "system" => "System",
        other => other,
    };
    html! {
        div.said {
            p.speaker { (Line(speaker)) }
            @for block in messages.iter().flat_map(|message| &message.blocks) {
                (told(block, window))
            }
        }
    }
}

/// A block of a request. What a client adds of its own accord stands folded: a person looks for what
/// a person said.
fn told(block: &Block, window: &Window) -> Markup {
    match block {
        Block::Text { text } if text.trim_start().starts_with(REMINDER) => html! {
            details.fold.reminder {
                summary { "System reminder" span.muted { " · " (short(text.chars().count() as u64)) " characters" } }
                div.prose { (markdown(text)) }
            }
        },
        block => self::block(block, window),
    }
}

fn block(block: &Block, window: &Window) -> Markup {
    match block {
        Block::Text { text } => html! { div.prose { (markdown(text)) } },
        Block::Thinking { text } if text.is_empty() => html! {
            p.muted { "Thinking that is not shown or is encrypted." }
        },
        Block::Thinking { text } => html! {
            details.fold.thinking {
                summary { "Thinking" span.muted { " · " (short(text.chars().count() as u64)) " characters" } }
                div.prose { (markdown(text)) }
            }
        },
        Block::ToolUse { call } => call::card(*call, window),
        Block::ToolResult { call, id, is_error, text } => {
            let known = call.and_then(|index| Some((index, window.calls.get(&index)?)));
            html! {
                details.fold.tool-result {
                    summary {
                        @if *is_error { (sign("bad", "✗", "error")) " of " } @else { "Result of " }
                        @match known {
                            Some((_, call)) => { span.tool { (Line(&call.name)) } " " code.about { (Line(&call.about)) } }
                            None => { "a call that is not on record, " code { (Line(id)) } }
                        }
                    }
                    @if let Some((index, call)) = known {
                        p.muted { "Suggested in " a href={ "/sessions/" (encoded(&window.session)) "?turn=" (call.turn + 1) "#c" (index) } data-turn=(call.turn + 1) data-goto={ "c" (index) } { "turn " (call.turn + 1) } }
                    }
                    (call::output(text))
                }
            }
        }
        Block::Media { media_type, bytes } => html! {
            p.media { "[" (Line(media_type)) ", " (badge::grouped(*bytes as u64)) " bytes, not shown]" }
        },
        Block::Other { kind, json } => html! {
            details.fold { summary { "Block " code { (Line(kind)) } } (call::json(json)) }
        },
    }
}

pub(crate) fn notice(notice: &Notice) -> Markup {
    let (tone, mark, word) = badge::notice(notice.kind);
    html! {
        p class={ "notice " (tone) } {
            strong { span aria-hidden="true" { (mark) } " " (word) } " " (Text(&notice.text))
        }
    }
}

fn findings(findings: &[Finding]) -> Markup {
    html! {
        details.fold.findings {
            summary { (sign("note", "▮", &badge::counted(findings.len(), "redaction", "redactions"))) }
            div.wide tabindex="0" {
                table {
                    thead { tr {
                        th scope="col" { "Rule" } th scope="col" { "Action" } th scope="col" { "Where" }
                        th scope="col" { "Times" } th scope="col" { "Value" }
                    } }
                    tbody {
                        @for finding in findings {
                            tr {
                                td { (Line(&finding.rule)) }
                                td { (Line(&finding.action)) }
                                td { @if finding.in_response { "answer " } @else { "request " } code { (Line(&finding.at)) } }
                                td { (finding.count) }
                                td {
                                    @match value_of(&finding.fingerprint) {
                                        Some(value) => span.redacted data-value=(value) title="The same value has the same mark" { (value) },
                                        None => span.muted { "not compared" },
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn foot(turn: &Turn, proof: Option<Proven>) -> Markup {
    let took = turn.ended_at.map(|ended| u64::try_from(ended - turn.started_at).unwrap_or(0));
    html! {
        footer.turn-foot {
            code { (Line(&turn.endpoint)) }
            @if let Some(rule) = &turn.rule { span { "rule " code { (Line(rule)) } } }
            @if let Some(stop) = &turn.stop_reason { span { "stopped by " code { (Line(stop)) } } }
            @if let Some(took) = took { span { "took " (span(took)) } }
            @if let Some(id) = &turn.request_id { code { (Line(id)) } }
            @if let Some(proof) = proof { span.proven { (badge::proven(proof)) } }
            a.record href={ "/exchanges/" (encoded(&turn.exchange)) "/raw" } { "Record and proof" span.visually-hidden { " of turn " (turn.number) } }
        }
    }
}

fn chars(block: &Block, window: &Window) -> usize {
    match block {
        Block::Text { text } | Block::Thinking { text } => text.chars().count(),
        Block::ToolUse { call } => {
            window.calls.get(call).map_or(0, |call| call.input.chars().count())
        }
        Block::ToolResult { .. } | Block::Media { .. } | Block::Other { .. } => 0,
    }
}

/// `at,block,chars …`: thinned out where there are many, the last of each block kept.
fn beats(turn: &Turn) -> String {
    let step = turn.beats.len().div_ceil(BEATS).max(1);
    let mut out = String::new();
    for (place, beat) in turn.beats.iter().enumerate() {
        let is_last = turn.beats.get(place + 1).is_none_or(|next| next.block != beat.block);
        if place % step == 0 || is_last {
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(&format!("{},{},{}", beat.at, beat.block, beat.chars));
        }
    }
    out
}

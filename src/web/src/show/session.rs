//! A session's page: what to know first, the timeline, the transcript, and what came of it.

use super::badge::{self, counted};
use super::page::encoded;
use super::text::Line;
use super::time::{moment, span};
use super::timeline;
use super::turn::{Context, notice, turn};
use super::{files, player};
use crate::access::User;
use crate::prices::Prices;
use crate::source::Window;
use hansard_replay::archive::Head;
use hansard_replay::model::{LaneKind, Notice, Status};
use maud::{Markup, html};

/// Turns that a page holds without JavaScript, and that a script fetches at once.
pub(crate) const TURNS: usize = 50;

/// Notices that stand above a session; the others are behind them.
const NOTICES: usize = 6;

pub(crate) fn session(
    head: &Head,
    window: &Window,
    from: usize,
    prices: &Prices,
    user: &User,
) -> Markup {
    let session = &head.session;
    let id = encoded(&session.id);
    let total = head.turns;
    html! {
        (title(head))
        (notices(&session.id, &head.notices))
        section.overview aria-labelledby="timeline-title" {
            h2 #timeline-title.visually-hidden { "Timeline" }
            (timeline::timeline(head))
        }
        div.columns {
            aside.side aria-label="About this session" {
                (facts(head, prices, user))
                @if !head.files.is_empty() {
                    details.panel open {
                        summary { h2 { "Files " span.count { (head.files.len()) } } }
                        p { a href={ "/sessions/" (id) "/files" } { "All changes" } }
                        (files::tree(&session.id, &head.files, None))
                    }
                }
                @if !head.commands.is_empty() {
                    details.panel open {
                        summary { h2 { "Commands " span.count { (head.commands.len()) } } }
                        p { a href={ "/sessions/" (id) "/commands" } { "All commands and their output" } }
                        ol.command-list {
                            @for command in head.commands.iter().take(12) {
                                li {
                                    a href=(badge::turn_link(&session.id, command.turn)) data-turn=(command.turn + 1) data-goto={ "c" (command.call) } { code { (Line(&command.command)) } }
                                    @if let Some(exit) = command.exit { @if exit != 0 { " " span.minus { "exit " (exit) } } }
                                }
                            }
                        }
                    }
                }
                @if !head.commits.is_empty() {
                    details.panel open {
                        summary { h2 { "Commits " span.count { (head.commits.len()) } } }
                        ul.command-list {
                            @for commit in &head.commits {
                                li { a href=(badge::turn_link(&session.id, commit.turn)) data-turn=(commit.turn + 1) { code { (Line(&commit.id)) } " " (Line(&commit.subject)) } " " span.muted { (Line(&commit.branch)) } }
                            }
                        }
                    }
                }
            }
            section.transcript aria-labelledby="transcript-title" {
                h2 #transcript-title { "Transcript" }
                (pages(from, total, "Turns above"))
                div #turns data-session=(session.id) data-total=(total) data-window=(TURNS)
                    data-open[session.status == Status::Open] {
                    (turns(head, window, from, prices))
                }
                (pages(from, total, "Turns below"))
            }
        }
        (player::bar())
        (player::help())
    }
}

/// A window of the transcript, alone: what a script fetches.
pub(crate) fn turns(head: &Head, window: &Window, from: usize, prices: &Prices) -> Markup {
    let context = Context {
        started_at: head.session.started_at,
        lanes: &head.lanes,
        notices: &head.notices,
        prices,
    };
    html! {
        section.window data-from=(from) aria-label={ "Turns from " (from + 1) } {
            @for place in 0..window.turns.len() { (turn(place, window, &context)) }
        }
    }
}

fn title(head: &Head) -> Markup {
    let session = &head.session;
    html! {
        div.title-row {
            h1 {
                @match &session.title { Some(title) => (Line(title)), None => "Untitled session" }
            }
            (badge::status(session.status))
        }
        p.byline {
            strong { (Line(session.email.as_deref().unwrap_or(&session.subject))) }
            " · " (moment(session.started_at)) " UTC"
            @if let Some(ended) = session.ended_at {
                " · " (span(u64::try_from(ended - session.started_at).unwrap_or(0)))
            }
            " · " (counted(head.turns, "turn", "turns"))
            " · " (counted(head.calls, "tool call", "tool calls"))
        }
    }
}

fn notices(session: &str, notices: &[Notice]) -> Markup {
    let of_session: Vec<&Notice> = notices.iter().collect();
    let (first, rest) = of_session.split_at(of_session.len().min(NOTICES));
    let linked = |one: &Notice| {
        html! {
            div.notice-row {
                (notice(one))
                @if let Some(turn) = one.turn {
                    a href=(badge::turn_link(session, turn)) data-turn=(turn + 1) { "Turn " (turn + 1) }
                }
            }
        }
    };
    html! {
        @if !first.is_empty() {
            section.notices aria-labelledby="notices-title" {
                h2 #notices-title.visually-hidden { "What to know first" }
                @for one in first { (linked(one)) }
                @if !rest.is_empty() {
                    details.more {
                        summary { (counted(rest.len(), "more notice", "more notices")) }
                        @for one in rest { (linked(one)) }
                    }
                }
            }
        }
    }
}

fn facts(head: &Head, prices: &Prices, user: &User) -> Markup {
    let session = &head.session;
    let id = encoded(&session.id);
    // Of a sum that a price is missing for, nothing is shown.
    let costs = session.usage_of.iter().map(|(model, usage)| prices.cost(Some(model), usage));
    let cost = costs.sum::<Option<f64>>().filter(|_| !session.usage_of.is_empty());
    html! {
        details.panel open {
            summary { h2 { "About" } }
            dl.facts {
                dt { "Subject" } dd { (Line(&session.subject)) }
                dt { "Issuer" } dd { (Line(&session.issuer)) }
                @if !session.groups.is_empty() { dt { "Groups" } dd { (Line(&session.groups.join(", "))) } }
                @if !session.models.is_empty() { dt { "Models" } dd { (Line(&session.models.join(", "))) } }
                dt { "Session" } dd { code { (Line(&session.id)) } }
                @if let Some(hint) = &session.hint { dt { "Client’s id" } dd { code { (Line(hint)) } } }
                dt { "Tokens" } dd { (badge::usage(&session.usage)) }
                @if let Some(cost) = cost { dt { "Cost" } dd { (prices.shown(cost)) } }
            }
            (lanes(head))
            @if user.role.may_export() {
                form.export action={ "/sessions/" (id) "/export" } method="post" {
                    input type="hidden" name="csrf" value=(user.csrf);
                    button type="submit" { "Export as JSON" }
                }
            }
        }
    }
}

fn lanes(head: &Head) -> Markup {
    let first = |lane: usize| head.stops.iter().position(|stop| stop.lane == lane);
    let count = |lane: usize| head.stops.iter().filter(|stop| stop.lane == lane).count();
    html! {
        @if head.lanes.len() > 1 {
            h3 { "Lanes" }
            ul.lanes {
                @for (place, lane) in head.lanes.iter().enumerate().take(64) {
                    li class=(match lane.kind { LaneKind::Main => "main-lane", LaneKind::Subagent => "sub", LaneKind::Side => "side-lane" }) {
                        @match first(place) {
                            Some(turn) => a href=(badge::turn_link(&head.session.id, turn)) data-turn=(turn + 1) { (Line(&lane.label)) },
                            None => (Line(&lane.label)),
                        }
                        " " span.muted { (counted(count(place), "turn", "turns")) }
                    }
                }
            }
        }
    }
}

/// Links to the windows before and after, for when no script loads them.
fn pages(from: usize, total: usize, label: &str) -> Markup {
    let link = |index: usize| format!("?turn={0}#t{0}", index + 1);
    html! {
        @if total > TURNS {
            nav.pages.plain-only aria-label=(label) {
                @if from > 0 { a rel="prev" href=(link(from.saturating_sub(TURNS))) { "← Earlier turns" } }
                span.muted { "Turns " (from + 1) "–" ((from + TURNS).min(total)) " of " (total) }
                @if from + TURNS < total { a rel="next" href=(link(from + TURNS)) { "Later turns →" } }
            }
        }
    }
}

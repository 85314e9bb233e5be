//! `html`: a session in one file that opens offline, with a player.
//!
//! Enters: a replay. Leaves: a page that needs nothing else: style and script stand in it, and its
//! content security policy lets no other run, load or be sent to, by their SHA-256. Without the script
//! the page is whole: transcript, files, commands. What was recorded is escaped text, in which hidden
//! characters are visible; there are no links but within the page, and no pictures.

mod turn;

use crate::names;
use crate::text::{beginning, one_line};
use crate::turns::Turns;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hansard_replay::Replay;
use hansard_replay::model::{Notice, Session, Status};
use hansard_shown::{short, span};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};
use std::io::{self, Write};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("player.js");
/// Units of the timeline's picture.
const WIDTH: i64 = 1000;

/// Writes a session as a page.
///
/// # Errors
/// When the writer fails.
pub fn write(replay: &Replay, out: &mut dyn Write) -> io::Result<()> {
    let turns = Turns::of(replay);
    let session = &replay.session;
    let title = session.title.as_deref().filter(|title| !title.trim().is_empty());
    let title = one_line(title.unwrap_or("A session"));
    let head = html! {
        meta charset="utf-8";
        meta http-equiv="Content-Security-Policy" content=(policy());
        meta name="viewport" content="width=device-width, initial-scale=1";
        meta name="referrer" content="no-referrer";
        title { (beginning(&title, 80)) " · Hansard" }
        style { (PreEscaped(STYLE)) }
    };
    let lang = r#"<html lang="en"><head>"#;
    let top = html! {
        h1 { (title) }
        (facts(session))
        (notices(&turns.loose.notices))
        (timeline(replay))
        p { a href="#files" { "Files" } " · " a href="#commands" { "Commands" } }
        h2 { "Transcript" }
    };
    let doctype = DOCTYPE.into_string();
    write!(out, "{doctype}{lang}{}</head><body><main>{}", head.into_string(), top.into_string())?;
    for (turn, of) in turns.each(replay) {
        out.write_all(turn::turn(replay, turn, of).into_string().as_bytes())?;
    }
    if !turns.loose.calls.is_empty() {
        let loose = html! { h2 { "Without a turn on record" } (turn::calls(replay, &turns.loose)) };
        out.write_all(loose.into_string().as_bytes())?;
    }
    let rest = html! { (files(replay)) (commands(replay)) };
    let player = player().into_string();
    write!(out, "{}</main>{player}<script>{SCRIPT}</script></body></html>", rest.into_string())?;
    out.write_all(b"\n")
}

/// Nothing may be loaded, run, embedded or sent but what stands here.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; \
         form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

fn facts(session: &Session) -> Markup {
    let span = session.ended_at.map(|end| span(end.saturating_sub(session.started_at)));
    let lines = |all: &[String]| one_line(&all.join(", "));
    let usage = session.usage;
    let read = usage.input.saturating_add(usage.cache_read).saturating_add(usage.cache_write);
    html! {
        dl {
            dt { "Session" } dd { code { (one_line(&session.id)) } }
            @if !session.joined.is_empty() { dt { "Continued in" } dd { code { (lines(&session.joined)) } } }
            dt { "Who" } dd {
                @if session.subject.is_empty() { "nobody who was verified" }
                @else { (one_line(&session.subject)) ", by " (one_line(&session.issuer)) }
            }
            @if let Some(email) = &session.email { dt { "E-mail" } dd { (one_line(email)) } }
            @if !session.groups.is_empty() { dt { "Groups" } dd { (lines(&session.groups)) } }
            dt { "When" } dd { (short(session.started_at)) " UTC" @if let Some(span) = span { ", " (span) } }
            dt { "Models" } dd { (lines(&session.models)) }
            dt { "Status" } dd { (names::status(session.status)) }
            dt { "Tokens" } dd { (read) " read, " (usage.cache_read) " of them from the cache; " (usage.output) " written" }
        }
    }
}

fn notices(notices: &[&Notice]) -> Markup {
    html! { @for notice in notices { p.notice { (one_line(&notice.text)) } } }
}

/// One mark a turn, in time.
fn timeline(replay: &Replay) -> Markup {
    let ends = |turn: &hansard_replay::model::Turn| turn.ended_at.unwrap_or(turn.started_at);
    let from = replay.turns.iter().map(|turn| turn.started_at).min().unwrap_or(0);
    let to = replay.turns.iter().map(ends).max().unwrap_or(from);
    let whole = i128::from(to.saturating_sub(from).max(1));
    let place = |at: i64| {
        let at = i128::from(at.saturating_sub(from)).clamp(0, whole);
        i64::try_from(at * i128::from(WIDTH) / whole).unwrap_or(0)
    };
    html! {
        svg viewBox={ "0 0 " (WIDTH) " 20" } preserveAspectRatio="none" role="img"
            aria-label={ "Timeline of " (replay.turns.len()) " turns" } {
            rect.track x="0" y="0" width=(WIDTH) height="20" {}
            @for turn in &replay.turns {
                @let start = place(turn.started_at);
                @let broken = !matches!(turn.status, Status::Open | Status::Complete);
                rect.broken[broken] data-from=(turn.started_at) x=(start) y="3"
                    width=((place(ends(turn)) - start).max(2)) height="14" {}
            }
            rect #cursor x="0" y="0" width="2" height="20" {}
        }
    }
}

fn files(replay: &Replay) -> Markup {
    html! {
        h2 #files { "Files" }
        @if replay.files.is_empty() { p.meta { "No tool call wrote a file." } }
        @for file in &replay.files {
            details {
                summary { code { (one_line(&file.path)) } " · " (file.changes.len()) " changes" }
                @for change in &file.changes {
                    p.meta {
                        @if change.applied { "Made" } @else { "Not made" } ", +" (change.added) " -" (change.removed) ", in "
                        (turn::link(replay, change.turn))
                    }
                    (turn::diff(&change.diff))
                }
            }
        }
    }
}

fn commands(replay: &Replay) -> Markup {
    html! {
        h2 #commands { "Commands" }
        @if replay.commands.is_empty() { p.meta { "No command was suggested." } }
        @for command in &replay.commands {
            details {
                summary {
                    code { (beginning(&one_line(&command.command), 160)) }
                    @if let Some(exit) = command.exit { " · exit code " (exit) }
                    @if command.background { " · in the background" }
                }
                p.meta { "In " (turn::link(replay, command.turn)) @if let Some(text) = &command.description { ": " (one_line(text)) } }
                pre { (crate::text::visible(&command.command)) }
                @if let Some(output) = &command.output { pre { (crate::text::visible(output)) } }
            }
        }
        @for commit in &replay.commits {
            p { "Commit " code { (one_line(&commit.id)) } " on " code { (one_line(&commit.branch)) } ": " (one_line(&commit.subject)) ", in " (turn::link(replay, commit.turn)) }
        }
    }
}

fn player() -> Markup {
    html! {
        section #player aria-label="Player" hidden {
            button type="button" data-do="back" { "Back" }
            button #play type="button" data-do="play" { "Play" }
            button type="button" data-do="on" { "On" }
            label { span.away { "Position" } input #scrub type="range" min="0" value="0"; }
            output #clock { "0:00" }
            select #speed aria-label="Speed" {
                @for speed in ["0.5", "1", "2", "4", "8"] { option value=(speed) selected[speed == "1"] { (speed) "×" } }
            }
            button type="button" data-do="all" { "Show all" }
        }
    }
}

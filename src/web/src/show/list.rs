//! The list of sessions, its filter, and the places that a search found.

use super::badge::{self, counted, grouped};
use super::page::{encoded, query};
use super::text::{Line, Text};
use super::time::{local, moment, span};
use hansard_replay::listing::{Filter, Hit, Page, Row};
use hansard_replay::model::Status;
use maud::{Markup, html};

const STATES: [Status; 5] =
    [Status::Open, Status::Complete, Status::Ended, Status::Refused, Status::Interrupted];

/// A filter as a query's pairs; what is not given is empty.
fn pairs(filter: &Filter) -> Vec<(&'static str, String)> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let flag = |value: bool| if value { "true".to_owned() } else { String::new() };
    let time = |value: Option<i64>| value.map(local).unwrap_or_default();
    vec![
        ("person", text(&filter.person)),
        ("group", text(&filter.group)),
        ("model", text(&filter.model)),
        ("tool", text(&filter.tool)),
        ("path", text(&filter.path)),
        ("command", text(&filter.command)),
        ("status", filter.status.map(badge::status_name).unwrap_or_default().to_owned()),
        ("refused", flag(filter.refused)),
        ("finding", text(&filter.finding)),
        ("gaps", flag(filter.gaps)),
        ("since", time(filter.since)),
        ("until", time(filter.until)),
    ]
}

fn link(base: &str, filter: &Filter, more: &[(&str, &str)]) -> String {
    let pairs = pairs(filter);
    let own = pairs.iter().map(|(name, value)| (*name, value.as_str()));
    format!("{base}{}", query(own.chain(more.iter().copied())))
}

pub(crate) fn sessions(filter: &Filter, page: &Page<Row>, first: bool, version: i64) -> Markup {
    html! {
        div.title-row {
            h1 { "Sessions" }
            p.live hidden data-version=(version) {
                label { input #live type="checkbox" checked; " Live" }
                span #live-said role="status" aria-live="polite" {}
            }
        }
        (form("/sessions", filter, None))
        div #rows { (rows(filter, page, first)) }
    }
}

/// The part of the list that is fetched again while it is live.
pub(crate) fn rows(filter: &Filter, page: &Page<Row>, first: bool) -> Markup {
    html! {
        @if page.items.is_empty() {
            p.empty {
                @if *filter == Filter::default() && first { "No session is on record yet." } @else { "No session fits." }
            }
        } @else {
            div.wide.sessions tabindex="0" role="region" aria-label="Sessions" {
                table {
                    thead { tr {
                        th scope="col" { "Session" } th scope="col" { "Person" } th scope="col" { "Status" }
                        th scope="col" { "Started (UTC)" } th.num scope="col" { "Turns" } th.num scope="col" { "Calls" }
                        th.num scope="col" { "Files" } th.num scope="col" { "Tokens" }
                    } }
                    tbody { @for row in &page.items { (self::row(row)) } }
                }
            }
        }
        nav.pages aria-label="Pages" {
            @if !first { a href=(link("/sessions", filter, &[])) { "← Newest" } }
            @if let Some(next) = &page.next {
                a rel="next" href=(link("/sessions", filter, &[("after", next)])) { "Older →" }
            }
        }
    }
}

fn row(row: &Row) -> Markup {
    let tokens = [row.usage.input, row.usage.cache_read, row.usage.cache_write, row.usage.output];
    let tokens = tokens.into_iter().fold(0_u64, u64::saturating_add);
    let ran = u64::try_from(row.active_at - row.started_at).unwrap_or(0);
    html! {
        tr data-id=(row.id) {
            td.what {
                a.title href={ "/sessions/" (encoded(&row.id)) } {
                    @match &row.title { Some(title) => (Line(title)), None => "Untitled session" }
                }
                span.sub { code { (Line(&row.id)) } @for model in &row.models { " " span.model { (Line(model)) } } }
            }
            td.person {
                span.subject { (Line(row.email.as_deref().unwrap_or(&row.subject))) }
                span.sub { (Line(&row.groups.join(", "))) }
            }
            td.state { (badge::status(row.status)) " " (badge::flags(row)) }
            td.when { (moment(row.started_at)) span.sub { (span(ran)) } }
            td.num data-label="turns" { (grouped(row.turns as u64)) }
            td.num data-label="calls" { (grouped(row.calls as u64)) }
            td.num data-label="files" { (grouped(row.files as u64)) }
            td.num data-label="tokens" title=(grouped(tokens)) { (badge::short(tokens)) }
        }
    }
}

/// The filter; with `words` the search as well.
fn form(action: &str, filter: &Filter, words: Option<&str>) -> Markup {
    let text = |name: &'static str,
                label: &'static str,
                value: &Option<String>,
                hint: &'static str| {
        html! {
            label.field { span { (label) }
                input name=(name) value=(value.as_deref().unwrap_or_default()) placeholder=(hint) autocomplete="off" spellcheck="false";
            }
        }
    };
    let time = |name: &'static str, label: &'static str, value: Option<i64>| {
        html! {
            label.field { span { (label) " (UTC)" }
                input type="datetime-local" name=(name) value=(value.map(local).unwrap_or_default());
            }
        }
    };
    let given = pairs(filter).iter().filter(|(_, value)| !value.is_empty()).count();
    html! {
        form.filter action=(action) method="get" role="search" aria-label=(if words.is_some() { "Search" } else { "Filter" }) {
            @if let Some(words) = words {
                div.words {
                    label.visually-hidden for="q" { "Words to find" }
                    input #q type="search" name="q" value=(words) placeholder="Words in prompts, answers, thinking, tool calls and results" autocomplete="off";
                    button.primary type="submit" { "Search" }
                }
            }
            details open[given > 0] {
                summary { "Filter" @if given > 0 { span.count { (given) } } }
                div.fields {
                    (text("person", "Person", &filter.person, "subject or email"))
                    (text("group", "Group", &filter.group, ""))
                    (text("model", "Model", &filter.model, ""))
                    (text("tool", "Tool", &filter.tool, "Bash"))
                    (text("path", "File", &filter.path, "end of a path"))
                    (text("command", "Command", &filter.command, "words of a command"))
                    label.field { span { "Status" }
                        select name="status" {
                            option value="" { "any" }
                            @for state in STATES {
                                option value=(badge::status_name(state)) selected[filter.status == Some(state)] { (badge::status_name(state)) }
                            }
                        }
                    }
                    (text("finding", "Redacted by rule", &filter.finding, "* for any"))
                    (time("since", "Active since", filter.since))
                    (time("until", "Started before", filter.until))
                    label.check { input type="checkbox" name="refused" value="true" checked[filter.refused]; span { "With a refused request" } }
                    label.check { input type="checkbox" name="gaps" value="true" checked[filter.gaps]; span { "With missing parts" } }
                    div.actions {
                        button.primary type="submit" { "Apply" }
                        @if given > 0 { a href=(action) { "Clear" } }
                    }
                }
            }
        }
    }
}

pub(crate) fn search(
    words: &str,
    filter: &Filter,
    found: Option<&Page<Hit>>,
    first: bool,
) -> Markup {
    html! {
        h1 { "Search" }
        (form("/search", filter, Some(words)))
        @if let Some(page) = found {
            p role="status" {
                @if page.items.is_empty() { "Nothing found." }
                @else { (counted(page.items.len(), "place", "places")) @if page.next.is_some() { ", and more" } }
            }
            ol.hits {
                @for hit in &page.items {
                    li {
                        a href={ "/sessions/" (encoded(&hit.session)) "?turn=" (hit.turn) "#t" (hit.turn) } {
                            @match &hit.title { Some(title) => (Line(title)), None => "Untitled session" }
                            ", turn " (hit.turn)
                        }
                        span.sub { (Line(&hit.place)) " · " (Line(&hit.subject)) " · " (moment(hit.at)) }
                        p.snippet {
                            @for (is_hit, text) in &hit.snippet {
                                @if *is_hit { mark { (Text(text)) } } @else { (Text(text)) }
                            }
                        }
                    }
                }
            }
            nav.pages aria-label="Pages" {
                @if !first { a href=(link("/search", filter, &[("q", words)])) { "← First" } }
                @if let Some(next) = &page.next {
                    a rel="next" href=(link("/search", filter, &[("q", words), ("after", next)])) { "More →" }
                }
            }
        }
    }
}

//! An exchange's record beside what is shown of it, and what proves that it is in the log.

use super::badge::badge;
use super::call::json;
use super::page::encoded;
use super::text::{Line, Text};
use super::time::moment;
use crate::source::{Part, Parts, Proof};
use hansard_shown::rfc3339;
use maud::{Markup, html};

/// `rendered` is the turn as the transcript shows it.
pub(crate) fn raw(exchange: &str, parts: &Parts, proof: &Proof, rendered: &Markup) -> Markup {
    html! {
        nav.crumbs aria-label="Session" {
            a href={ "/sessions/" (encoded(&parts.session)) "?turn=" (parts.turn) "#t" (parts.turn) } { "Turn " (parts.turn) " of its session" }
        }
        h1 { "Record of an exchange" }
        p { code { (Line(exchange)) } }
        (self::proof(proof))
        div.beside {
            section aria-labelledby="rendered-title" {
                h2 #rendered-title { "As it is shown" }
                (rendered)
            }
            section aria-labelledby="raw-title" {
                h2 #raw-title { "As it was recorded" }
                @for (place, part) in parts.parts.iter().enumerate() { (self::part(exchange, place, part)) }
            }
        }
    }
}

/// In which checkpoint, and who says so.
fn proof(proof: &Proof) -> Markup {
    html! {
        section.proof aria-labelledby="proof-title" {
            h2 #proof-title { "Proof" }
            p {
                @match proof.checkpoint {
                    Some(size) => (badge("ok", "✓", &format!("in the checkpoint of {size} entries"))),
                    None => (badge("warn", "…", "in no checkpoint yet")),
                }
                @if !proof.entries.is_empty() {
                    " " span.muted { "entries " @for (place, entry) in proof.entries.iter().enumerate() { @if place > 0 { ", " } (entry) } }
                }
            }
            p { (Text(&proof.checked)) }
            p.muted { "This server says so. For a proof that needs no trust in it, run " code { "hansard verify" } " on a copy of the ledger, or on an exported session." }
        }
    }
}

fn part(exchange: &str, place: usize, part: &Part) -> Markup {
    html! {
        details.fold.part open[place == 0] {
            summary {
                strong { (Line(&part.kind)) } " " (moment(part.at))
                span.muted { " · " (part.json.len()) " bytes" }
            }
            p.muted { "boot " code { (Line(&part.boot)) } ", number " (part.seq) ", received " (rfc3339(part.received_at)) ", "
                a href={ "/api/v1/exchanges/" (encoded(exchange)) "/raw" } { "as JSON" } }
            (json(&part.json))
        }
    }
}

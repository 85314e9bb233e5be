//! Small signs for states: a word and a sign each, so that none rests on colour alone.

use hansard_replay::listing::Row;
use hansard_replay::model::{
    Certainty, DecidedBy, Decision, Evidence, NoticeKind, Outcome, Status, TurnKind, Usage,
};
use maud::{Markup, html};

use super::page::encoded;
use super::text::Line;
use crate::source::Proven;

/// A sign and its word in a tone: `ok`, `bad`, `warn`, `note` or `plain`.
pub(crate) fn badge(tone: &str, sign: &str, word: &str) -> Markup {
    html! { span class={ "badge " (tone) } { span aria-hidden="true" { (sign) } " " (word) } }
}

pub(crate) fn status(status: Status) -> Markup {
    let (tone, sign, word) = match status {
        Status::Open => ("note", "●", "open"),
        Status::Complete => ("ok", "✓", "complete"),
        Status::Ended => ("warn", "◐", "ended early"),
        Status::Refused => ("bad", "⊘", "refused"),
        Status::Interrupted => ("bad", "⚡", "interrupted"),
    };
    badge(tone, sign, word)
}

/// In which checkpoint, and who computed it.
pub(crate) fn proven(proof: Proven) -> Markup {
    match proof {
        Proven::In(size) => html! {
            (badge("ok", "✓", &format!("in checkpoint {}", grouped(size))))
            " verified by this server"
        },
        Proven::NotYet => badge("plain", "…", "in no checkpoint yet"),
        Proven::Broken => badge("bad", "✗", "not what the checkpoint signed"),
    }
}

/// The name that the record and forms use.
pub(crate) fn status_name(status: Status) -> &'static str {
    match status {
        Status::Open => "open",
        Status::Complete => "complete",
        Status::Ended => "ended",
        Status::Refused => "refused",
        Status::Interrupted => "interrupted",
    }
}

pub(crate) fn outcome(outcome: &Outcome) -> Markup {
    match outcome {
        Outcome::Ran => badge("ok", "✓", "ran"),
        Outcome::Failed { code: Some(code) } => badge("bad", "✗", &format!("failed, exit {code}")),
        Outcome::Failed { code: None } => badge("bad", "✗", "failed"),
        Outcome::Rejected { .. } => badge("warn", "⊘", "rejected"),
        Outcome::Denied { .. } => badge("warn", "⊘", "denied"),
        Outcome::Interrupted => badge("warn", "◼", "interrupted"),
        Outcome::Invalid { .. } => badge("warn", "!", "invalid"),
        Outcome::Unanswered => badge("plain", "?", "no result on record"),
    }
}

pub(crate) fn certainty(certainty: Certainty) -> Markup {
    match certainty {
        Certainty::Inferred => html! {
            span.certainty title="From what the client told the model" { "inferred" }
        },
        Certainty::Confirmed => html! {
            span.certainty.confirmed title="From the client's telemetry" { "confirmed" }
        },
    }
}

pub(crate) fn evidence(session: &str, evidence: &[Evidence]) -> Markup {
    html! {
        @if evidence.is_empty() {
            span.muted { "nothing says so" }
        }
        @for (place, piece) in evidence.iter().enumerate() {
            @if place > 0 { ", " }
            (certainty(piece.certainty)) " by "
            @match piece.turn {
                Some(turn) => a href=(turn_link(session, turn)) data-turn=(turn + 1) { (Line(&piece.source)) },
                None => (Line(&piece.source)),
            }
        }
    }
}

/// A link to a turn by its index, that works without JavaScript in any window.
pub(crate) fn turn_link(session: &str, index: usize) -> String {
    format!("/sessions/{}?turn={1}#t{1}", encoded(session), index + 1)
}

pub(crate) fn decision(decision: &Decision) -> Markup {
    let by = match decision.by {
        DecidedBy::Person => "a person",
        DecidedBy::Rule => "a rule of the client",
        DecidedBy::Hook => "a hook of the client",
        DecidedBy::Unknown => "unknown",
    };
    html! {
        @if decision.accepted { "accepted by " } @else { "turned down by " }
        strong { (by) }
        @if let Some(source) = &decision.source { " (" (Line(source)) ")" }
        ", " (certainty(decision.certainty))
    }
}

/// A turn's kind in words; the index is of the turn that it repeats or forks.
pub(crate) fn kind(kind: &TurnKind) -> (&'static str, Option<usize>) {
    match kind {
        TurnKind::Prompt => ("Prompt", None),
        TurnKind::Results => ("Tool results", None),
        TurnKind::Retry { of } => ("Retry", Some(*of)),
        TurnKind::WholeRetry { of } => ("Retry without streaming", Some(*of)),
        TurnKind::Fork { of } => ("Fork", Some(*of)),
        TurnKind::Resume => ("Resume", None),
        TurnKind::Compaction => ("Compaction", None),
        TurnKind::Compacted => ("After compaction", None),
        TurnKind::Title => ("Title", None),
        TurnKind::Count => ("Token count", None),
        TurnKind::Side => ("Side request", None),
        TurnKind::Other => ("Other endpoint", None),
    }
}

pub(crate) fn notice(kind: NoticeKind) -> (&'static str, &'static str, &'static str) {
    match kind {
        NoticeKind::SharedId => ("warn", "⚭", "Session id shared"),
        NoticeKind::Rewritten => ("warn", "✎", "History rewritten"),
        NoticeKind::Gap => ("bad", "▨", "Parts missing"),
        NoticeKind::Interrupted => ("bad", "⚡", "Interrupted"),
        NoticeKind::Differs => ("warn", "≠", "Ran with another input"),
        NoticeKind::Unreadable => ("bad", "▨", "Unreadable"),
        NoticeKind::Erased => ("note", "∅", "Erased"),
    }
}

/// What a list shows of a session besides its status.
pub(crate) fn flags(row: &Row) -> Markup {
    html! {
        @if row.refused > 0 { (badge("bad", "⊘", &counted(row.refused, "refused", "refused"))) " " }
        @if row.turned_down > 0 { (badge("warn", "⊘", &counted(row.turned_down, "call turned down", "calls turned down"))) " " }
        @if row.findings > 0 { (badge("note", "▮", &counted(row.findings, "redaction", "redactions"))) " " }
        @if row.gaps > 0 { (badge("bad", "▨", &counted(row.gaps, "gap", "gaps"))) " " }
        @if row.erased { (badge("note", "∅", "erased")) }
    }
}

pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count as u64), if count == 1 { one } else { many })
}

/// `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `987`, `12.3k`, `4.5M`.
pub(crate) fn short(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        1_000..1_000_000 => format!("{}.{}k", number / 1_000, number / 100 % 10),
        _ => format!("{}.{}M", number / 1_000_000, number / 100_000 % 10),
    }
}

/// Four kinds of tokens in one line.
pub(crate) fn usage(usage: &Usage) -> Markup {
    let of = |word: &'static str, sign: &'static str, count: u64| {
        html! {
            span.tokens title={ (grouped(count)) " tokens " (word) } {
                span aria-hidden="true" { (sign) } (short(count))
                span.visually-hidden { " tokens " (word) }
            }
        }
    };
    html! {
        (of("of input", "↑", usage.input)) " "
        (of("read from the cache", "⟲", usage.cache_read)) " "
        (of("written to the cache", "⤓", usage.cache_write)) " "
        (of("of output", "↓", usage.output))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_at_a_glance() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(short(999), "999");
        assert_eq!(short(12_345), "12.3k");
        assert_eq!(short(4_560_000), "4.5M");
        assert_eq!(counted(1, "gap", "gaps"), "1 gap");
    }
}

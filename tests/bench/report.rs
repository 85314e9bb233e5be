//! The figures as Markdown for the README, and as JSON for programs.

use crate::bench::{Outcome, Row};
use crate::cell::Case;
use crate::cores;
use crate::stats::Spread;
use crate::variant::Variant;
use serde_json::{Value, json};
use std::fmt::Write;

/// The table of ratios, the aims, and the table of everything else.
pub(crate) fn markdown(outcome: &Outcome) -> String {
    let mut text = format!("{}\n\n", conditions(outcome));
    line(&mut text, "Envoy CPU per request, against no filter", outcome, |row| row.cell.title());
    line(&mut text, "---", outcome, |_| "--:".to_owned());
    for variant in Variant::ALL.into_iter().filter(|variant| *variant != Variant::NoFilter) {
        line(&mut text, variant.title(), outcome, |row| {
            row.ratio(variant).map_or_else(String::new, |ratio| {
                let Spread { median, min, max } = ratio;
                let verdict = if variant != Variant::Acknowledged {
                    ""
                } else if median <= row.cell.aim() {
                    " ✓"
                } else {
                    " ✗"
                };
                format!("{median:.2}× ({min:.2}–{max:.2}){verdict}")
            })
        });
    }
    line(&mut text, "aim", outcome, |row| format!("≤ {:.1}×", row.cell.aim()));
    for row in &outcome.rows {
        if let (Some(aim), Some(added)) =
            (row.cell.first_event_aim_ms(), row.added_first_ms(Variant::Acknowledged))
        {
            let Spread { median, min, max } = added;
            let verdict = if median <= aim { "✓" } else { "✗" };
            let _ = write!(
                text,
                "\nAdded to the time to the first event ({}), p50, acknowledgement included: \
                 {median:.2} ms ({min:.2}–{max:.2}); aim ≤ {aim:.0} ms {verdict}\n",
                row.cell.title(),
            );
        }
    }
    let _ = write!(text, "\n{}\n\n", ledger(outcome));
    text.push_str(
        "| | | requests/s | p50 ms | p99 ms | first event p50 ms | Envoy CPU µs | sink CPU µs |\n\
         |---|---|--:|--:|--:|--:|--:|--:|\n",
    );
    for row in &outcome.rows {
        for variant in Variant::ALL {
            detail(&mut text, row, variant);
        }
    }
    text.truncate(text.trim_end().len());
    text
}

/// One table line: a head and a field for each cell.
fn line(text: &mut String, head: &str, outcome: &Outcome, field: impl Fn(&Row) -> String) {
    let fields: Vec<String> = outcome.rows.iter().map(field).collect();
    let _ = writeln!(text, "| {head} | {} |", fields.join(" | "));
}

fn detail(text: &mut String, row: &Row, variant: Variant) {
    let median = |spread: Option<Spread>, digits: usize| match spread {
        Some(spread) => format!("{:.digits$}", spread.median),
        None => String::new(),
    };
    let first = if row.cell.case == Case::Large {
        median(row.figure(variant, |s| s.first_ms), 2)
    } else {
        String::new()
    };
    let _ = writeln!(
        text,
        "| {} | {} | {} | {} | {} | {first} | {} | {} |",
        row.cell.title(),
        variant.title(),
        median(row.figure(variant, |s| s.per_second), 0),
        median(row.figure(variant, |s| s.p50_ms), 2),
        median(row.figure(variant, |s| s.p99_ms), 2),
        median(row.figure(variant, |s| s.envoy_us), 0),
        median(row.figure(variant, |s| s.sink_us), 0),
    );
}

fn conditions(outcome: &Outcome) -> String {
    let place = if outcome.cores.are_split() {
        "one of them Envoy's alone, the others for clients, upstream and sink"
    } else {
        "for clients, Envoy, upstream and sink together"
    };
    format!(
        "{} cores ({}), {place}; Envoy {}, one worker; medians of {} interleaved rounds of {:.1} s \
         (least–most). small: 2 KB JSON up and down; large: 200 KB up, 300 server-sent events \
         down; all over kept-alive HTTP/1.1.",
        outcome.cores.count,
        cores::model(),
        outcome.envoy_version,
        outcome.pace.rounds,
        outcome.pace.slice.as_secs_f64(),
    )
}

fn ledger(outcome: &Outcome) -> String {
    let (requests, parts) = (outcome.recorded_requests, outcome.parts);
    format!(
        "In the ledger afterwards: {} parts of {} acknowledged exchanges, {} parts of {} exchanges \
         on the access log (2 each).",
        parts.acknowledged, requests.acknowledged, parts.access_log, requests.access_log,
    )
}

/// Everything, with the samples of every round.
pub(crate) fn json(outcome: &Outcome) -> String {
    let spread = |spread: Option<Spread>| match spread {
        Some(Spread { median, min, max }) => json!({"median": median, "min": min, "max": max}),
        None => Value::Null,
    };
    let rows = outcome.rows.iter().map(|row| {
        let variants = row.columns.iter().map(|column| {
            let samples = column.samples.iter().map(|sample| {
                json!({
                    "requests": sample.requests,
                    "requests_per_second": sample.per_second,
                    "p50_ms": sample.p50_ms,
                    "p99_ms": sample.p99_ms,
                    "first_byte_p50_ms": sample.first_ms,
                    "envoy_cpu_us": sample.envoy_us,
                    "sink_cpu_us": sample.sink_us,
                })
            });
            json!({
                "variant": column.variant.name(),
                "delivery": column.variant.delivery(),
                "cpu_ratio": spread(row.ratio(column.variant)),
                "added_first_byte_ms": spread(row.added_first_ms(column.variant)),
                "rounds": samples.collect::<Vec<_>>(),
            })
        });
        json!({
            "case": row.cell.case.name(),
            "connections": row.cell.connections,
            "cpu_ratio_aim": row.cell.aim(),
            "added_first_byte_aim_ms": row.cell.first_event_aim_ms(),
            "variants": variants.collect::<Vec<_>>(),
        })
    });
    let all = json!({
        "machine": {
            "cores": outcome.cores.count,
            "cpu": cores::model(),
            "envoy_has_its_own_core": outcome.cores.are_split(),
        },
        "envoy": outcome.envoy_version,
        "rounds": outcome.pace.rounds,
        "slice_ms": outcome.pace.slice.as_secs_f64() * 1e3,
        "ledger": {
            "acknowledged": {
                "exchanges": outcome.recorded_requests.acknowledged,
                "parts": outcome.parts.acknowledged,
            },
            "access_log": {
                "exchanges": outcome.recorded_requests.access_log,
                "parts": outcome.parts.access_log,
            },
        },
        "cells": rows.collect::<Vec<_>>(),
    });
    serde_json::to_string_pretty(&all).unwrap_or_default()
}

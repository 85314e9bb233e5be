//! The figures as Markdown for the README.

use crate::figures::{Deltas, Figures, Found, Hostile, Spots};
use crate::planted;
use crate::run::{Measured, Outcome, ROUNDS};
use crate::scanners::Scanner;
use crate::stats::Spread;
use hansard_redact::pii::Pii;
use hansard_redact::rules;
use std::fmt::Write;

/// A goal for V8, as Envoy runs the filter.
#[derive(Clone, Copy)]
enum Goal {
    AtLeast(f64),
    AtMost(f64),
    None,
}

/// The goal for secrets alone, megabytes a second.
const SECRETS: f64 = 200.0;
/// The most that a hostile input may cost, as a multiple of normal text.
const HOSTILE: f64 = 20.0;

/// The tables: speed against the goals, and hostile inputs.
pub(crate) fn markdown(outcome: &Outcome) -> String {
    let mut text = format!("{}\n\n", conditions(outcome));
    text.push_str("| | natively | in V8 | goal in V8 |\n|---|--:|--:|--:|\n");
    let Outcome { native, v8, heap, scanners, .. } = outcome;
    let mut line = |head: &str, goal: Goal, of: fn(&Figures) -> &[f64]| {
        let samples = |measured: &Measured| Spread::of(of(&measured.figures).iter().copied());
        let (native, v8) = (samples(native), samples(v8));
        let verdict = v8.map_or_else(String::new, |spread| goal.verdict(spread.median));
        let _ = writeln!(
            text,
            "| {head} | {} | {}{verdict} | {} |",
            spread(native),
            spread(v8),
            goal.said()
        );
    };
    line("secrets, MB/s", Goal::AtLeast(SECRETS), |f| &f.speed.secrets);
    line("secrets and personal data, MB/s", Goal::AtLeast(150.0), |f| &f.speed.everything);
    line("whole request, MB/s", Goal::AtLeast(100.0), |f| &f.speed.request);
    line("history seen before, MB/s", Goal::AtLeast(800.0), |f| &f.speed.seen);
    line("a delta, mean, µs", Goal::AtMost(2.0), |f| &f.deltas.mean_us);
    line("a delta, median, µs", Goal::AtMost(2.0), |f| &f.deltas.p50_us);
    line("a delta, p99, µs", Goal::None, |f| &f.deltas.p99_us);
    line("configure, ms", Goal::None, |f| &f.configure_ms);
    for scanner in scanners {
        let own = Spread::of(scanner.speed.iter().copied());
        let _ = writeln!(text, "| {}, MB/s | {} | | |", scanner.name(), spread(own));
    }
    let Deltas { count, held, delay, .. } = v8.figures.deltas;
    let (held, delay) = (spots(held), spots(delay));
    let (configured, scanned) = (heap.configured as f64 / 1e6, heap.scanned as f64 / 1e6);
    let lines = [
        format!("Secrets in V8, against the scanners natively: {}.", against(v8, scanners)),
        format!("Bytes held after a delta: {held} ({count} deltas)."),
        format!("Further deltas until a delta is out: {delay}."),
        format!("Memory in V8: {configured:.1} MB configured, {scanned:.1} MB after the corpus."),
        found(native, v8),
    ];
    let _ = write!(text, "\n{}\n\n", lines.join("\n\n"));
    hostile(&mut text, native, v8);
    text.truncate(text.trim_end().len());
    text
}

impl Goal {
    fn said(self) -> String {
        match self {
            Self::AtLeast(goal) => format!("≥ {goal:.0}"),
            Self::AtMost(goal) => format!("≤ {goal:.0}"),
            Self::None => String::new(),
        }
    }

    /// A figure as a multiple of the goal, and whether that is good.
    fn verdict(self, figure: f64) -> String {
        let (goal, is_met) = match self {
            Self::AtLeast(goal) => (goal, figure >= goal),
            Self::AtMost(goal) => (goal, figure <= goal),
            Self::None => return String::new(),
        };
        format!(", {:.2}× {}", figure / goal, if is_met { "✓" } else { "✗" })
    }
}

/// Speed in V8 as multiples of the scanners' in the same round.
fn against(v8: &Measured, scanners: &[Scanner]) -> String {
    let own = &v8.figures.speed.secrets;
    let each = scanners.iter().filter_map(|scanner| {
        let ratios = own.iter().zip(&scanner.speed).map(|(own, theirs)| own / theirs);
        let Spread { median, min, max } = Spread::of(ratios)?;
        let (name, goal) = (scanner.name(), SECRETS / scanner.then());
        let verdict = if median >= goal { "✓" } else { "✗" };
        Some(format!(
            "{median:.1}× {name} ({min:.1}–{max:.1}), as the goal has it {goal:.1}× {verdict}"
        ))
    });
    each.collect::<Vec<_>>().join("; ")
}

fn conditions(outcome: &Outcome) -> String {
    let Figures { bodies, raw, plain, .. } = outcome.native.figures;
    format!(
        "{} rules and {} kinds of personal data; {bodies} request bodies, {:.1} MB of JSON, {:.1} MB \
         of text in it; {}; Node.js {}; one thread; medians of {ROUNDS} interleaved rounds \
         (least–most), and in V8 how they stand to the goal.",
        rules().count(),
        Pii::ALL.len(),
        raw as f64 / 1e6,
        plain as f64 / 1e6,
        outcome.processor,
        outcome.node,
    )
}

fn found(native: &Measured, v8: &Measured) -> String {
    let Found { planted, missed, values } = &v8.figures.found;
    let mut text = format!("Planted secrets found: {planted} of {}", planted::COUNT);
    if !missed.is_empty() {
        let _ = write!(text, "; missed: {}", missed.join(", "));
    }
    let _ = write!(text, ". Values found: {values}");
    let is_same = native.figures.found == v8.figures.found
        && native.figures.deltas.held == v8.figures.deltas.held;
    text + if is_same { "." } else { "; ✗ natively it is not the same." }
}

/// The table of hostile inputs.
fn hostile(text: &mut String, native: &Measured, v8: &Measured) {
    let _ = write!(
        text,
        "| 1 MB of | request, natively | request, in V8 | in deltas, natively | in deltas, in V8 |\n\
         |---|--:|--:|--:|--:|\n",
    );
    for (native, v8) in native.hostile.iter().zip(&v8.hostile) {
        let Hostile { name, which, .. } = native;
        let which = match which == &v8.which {
            true if which.is_empty() => String::new(),
            true => format!(" (`{which}`)"),
            false => format!(" (`{which}`, in V8 `{}`)", v8.which),
        };
        let _ = writeln!(
            text,
            "| {name}{which} | {} | {} | {} | {} |",
            times(Some(native.request)),
            times(Some(v8.request)),
            times(native.stream),
            times(v8.stream),
        );
    }
    let worst = |all: &[Hostile]| {
        all.iter().map(|one| one.request.max(one.stream.unwrap_or(0.0))).fold(0.0, f64::max)
    };
    let _ = write!(
        text,
        "\nTimes as multiples of as much normal text; goal: ≤ {HOSTILE:.0}×. The worst: {:.1}× \
         natively, {:.1}× in V8.\n",
        worst(&native.hostile),
        worst(&v8.hostile),
    );
}

fn times(multiple: Option<f64>) -> String {
    multiple.map_or_else(String::new, |multiple| {
        format!("{multiple:.1}×{}", if multiple <= HOSTILE { "" } else { " ✗" })
    })
}

fn spread(spread: Option<Spread>) -> String {
    spread.map_or_else(String::new, |Spread { median, min, max }| {
        let digits = if median < 10.0 { 2 } else { 0 };
        format!("{median:.digits$} ({min:.digits$}–{max:.digits$})")
    })
}

fn spots(spots: Spots) -> String {
    let Spots { p50, p99, max } = spots;
    format!("p50 {p50:.0}, p99 {p99:.0}, most {max:.0}")
}

//! What hostile inputs cost, as multiples of as much normal text.

use crate::engines;
use crate::figures::Hostile;
use crate::inputs::{self, Input};
use crate::problem::{Problem, say};
use crate::speed::{fresh, request};
use hansard_redact::stream::TextStream;
use hansard_redact::{Engine, rules};
use std::collections::BTreeSet;
use std::time::Instant;

/// Bytes of a text that comes in deltas, and of a delta.
const STREAM: usize = 64 << 10;
const DELTA: usize = 20;
/// Bytes of the inputs of which there are hundreds, and of those that would take minutes.
const SMALL: usize = 32 << 10;
const ROUNDS: usize = 3;
/// Seconds.
const PATIENCE: f64 = 0.1;

/// Times every input.
pub(crate) fn measure() -> Result<Vec<Hostile>, Problem> {
    let mut engine = engines::everything()?;
    let base = Cost::of(&mut engine, inputs::NORMAL_NAME)?;
    let mut all = Vec::new();
    for name in inputs::names().into_iter().filter(|name| *name != inputs::NORMAL_NAME) {
        say(&format!("  {name}"));
        let cost = Cost::of(&mut engine, name)?;
        all.push(Hostile {
            name: name.to_owned(),
            request: cost.request / base.request,
            stream: cost.stream.zip(base.stream).map(|(cost, base)| cost / base),
        });
    }
    say("  each keyword, and each near match");
    let keywords: BTreeSet<_> = rules().flat_map(|rule| rule.keywords).collect();
    let keywords = keywords.into_iter().map(|keyword| (*keyword, (*keyword).to_owned()));
    all.push(worst(&mut engine, "keyword", keywords)?);
    let near = rules().filter_map(|rule| Some((rule.id, inputs::near_match(rule)? + "!\n")));
    all.push(worst(&mut engine, "near match", near)?);
    Ok(all)
}

/// Seconds a byte.
struct Cost {
    request: f64,
    stream: Option<f64>,
}

impl Cost {
    fn of(engine: &mut Engine, name: &str) -> Result<Self, Problem> {
        let small = body(engine, &input(name, SMALL)?);
        let request = if small * inputs::SIZE as f64 > PATIENCE * 100.0 {
            small
        } else {
            body(engine, &input(name, inputs::SIZE)?)
        };
        Ok(Self { request, stream: stream(engine, &input(name, STREAM)?) })
    }
}

/// Redacts an input so many times, with nothing remembered: for a counter of instructions.
pub(crate) fn repeat(name: &str, passes: &str) -> Result<String, Problem> {
    let passes: usize = passes.parse().map_err(|_| Problem::Usage)?;
    let mut engine = engines::everything()?;
    let body = input(name, inputs::SIZE)?.body();
    for _ in 0..passes {
        whole(&mut engine, &body);
    }
    Ok(String::new())
}

fn input(name: &str, size: usize) -> Result<Input, Problem> {
    inputs::input(name, size).ok_or_else(|| Problem::Unknown(name.to_owned()))
}

/// The dearest of many small texts, each repeated.
fn worst(
    engine: &mut Engine,
    what: &str,
    units: impl Iterator<Item = (&'static str, String)>,
) -> Result<Hostile, Problem> {
    let base = body(engine, &input(inputs::NORMAL_NAME, SMALL)?);
    let costs = units.map(|(name, unit)| {
        let input = Input::Text(inputs::repeated(&unit, SMALL));
        (name, body(engine, &input) / base)
    });
    let costs = costs.inspect(|(n, c)| say(&format!("DBG {c:.1} {n}")));
    let (name, request) = costs.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or(("", 0.0));
    Ok(Hostile { name: format!("the worst {what}: {name}"), request, stream: None })
}

/// As a request's body, seconds a byte.
fn body(engine: &mut Engine, input: &Input) -> f64 {
    let body = input.body();
    seconds(|| whole(engine, &body)) / body.len() as f64
}

fn whole(engine: &mut Engine, body: &str) {
    // A refusal is an answer, too.
    let _ = std::hint::black_box(request(engine, &mut fresh(), body));
}

/// In deltas, seconds a byte.
fn stream(engine: &mut Engine, input: &Input) -> Option<f64> {
    let Input::Text(text) = input else { return None };
    let text = text.as_bytes();
    let took = seconds(|| {
        let mut stream = TextStream::default();
        let mut hits = Vec::new();
        for delta in text.chunks(DELTA) {
            stream.feed(engine, delta, &mut hits);
        }
        stream.finish(engine, &mut hits);
    });
    Some(took / text.len() as f64)
}

/// The least time of a few, after one that warms up. What takes very long is timed once.
fn seconds(mut work: impl FnMut()) -> f64 {
    let mut time = || {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    };
    let first = time();
    if first > PATIENCE {
        return first;
    }
    (0..ROUNDS).map(|_| time()).fold(f64::INFINITY, f64::min)
}

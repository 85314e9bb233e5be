//! What hostile inputs cost, as multiples of as much normal text.

use crate::engines;
use crate::figures::Hostile;
use crate::inputs::{self, Input};
use crate::problem::Problem;
use crate::speed::{fresh, request};
use hansard_redact::stream::TextStream;
use hansard_redact::{Engine, rules};
use std::time::Instant;

/// Bytes of a text that comes in deltas, and of a delta.
const STREAM: usize = 64 << 10;
const DELTA: usize = 20;
/// Bytes of the inputs of which there are hundreds.
const SMALL: usize = 32 << 10;
const ROUNDS: usize = 3;

/// Times every input.
pub(crate) fn measure() -> Result<Vec<Hostile>, Problem> {
    let mut engine = engines::everything()?;
    let normal = input(inputs::NORMAL_NAME)?;
    let base = Hostile {
        name: String::new(),
        request: seconds(|| whole(&mut engine, &normal.body())),
        stream: stream(&mut engine, &normal),
    };
    let mut all = Vec::new();
    for name in inputs::names().into_iter().filter(|name| *name != inputs::NORMAL_NAME) {
        let input = input(name)?;
        let body = input.body();
        let against = |took: f64, base: f64| took / base;
        all.push(Hostile {
            name: name.to_owned(),
            request: against(seconds(|| whole(&mut engine, &body)), base.request),
            stream: stream(&mut engine, &input).zip(base.stream).map(|(t, base)| against(t, base)),
        });
    }
    let keywords = rules().flat_map(|rule| rule.keywords).map(|keyword| (*keyword, (*keyword).to_owned()));
    let near = rules().filter_map(|rule| Some((rule.id, inputs::near_match(rule)? + "!\n")));
    all.push(worst(&mut engine, "the worst keyword", keywords));
    all.push(worst(&mut engine, "the worst near match", near));
    Ok(all)
}

/// Redacts an input so many times, with nothing remembered: for a counter of instructions.
pub(crate) fn repeat(name: &str, passes: &str) -> Result<String, Problem> {
    let passes: usize = passes.parse().map_err(|_| Problem::Usage)?;
    let mut engine = engines::everything()?;
    let body = input(name)?.body();
    for _ in 0..passes {
        whole(&mut engine, &body);
    }
    Ok(String::new())
}

fn input(name: &str) -> Result<Input, Problem> {
    inputs::input(name).ok_or_else(|| Problem::Unknown(name.to_owned()))
}

/// The dearest of many small texts, each repeated.
fn worst(
    engine: &mut Engine,
    what: &str,
    units: impl Iterator<Item = (&'static str, String)>,
) -> Hostile {
    let mut cost = |unit: &str| {
        let body = Input::Text(inputs::repeated(unit, SMALL)).body();
        seconds(|| whole(engine, &body)) / body.len() as f64
    };
    let normal: String = match inputs::input(inputs::NORMAL_NAME) {
        Some(Input::Text(text)) => text.chars().take(SMALL).collect(),
        Some(Input::Json(_)) | None => String::new(),
    };
    let base = cost(&normal);
    let costs = units.map(|(name, unit)| (name, cost(&unit) / base));
    let (name, request) = costs.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or(("", 0.0));
    Hostile { name: format!("{what}: {name}"), request, stream: None }
}

fn whole(engine: &mut Engine, body: &str) {
    // A refusal is an answer, too.
    let _ = std::hint::black_box(request(engine, &mut fresh(), body));
}

fn stream(engine: &mut Engine, input: &Input) -> Option<f64> {
    let Input::Text(text) = input else { return None };
    let text = text.as_bytes().get(..STREAM).unwrap_or(text.as_bytes());
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

/// The least time of a few, after one that warms up.
fn seconds(mut work: impl FnMut()) -> f64 {
    work();
    let rounds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    });
    rounds.fold(f64::INFINITY, f64::min)
}

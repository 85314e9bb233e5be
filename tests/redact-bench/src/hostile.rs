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
const STREAM: usize = 32 << 10;
const DELTA: usize = 20;
/// Bytes of the inputs of which there are hundreds, and of those that would take minutes.
const SMALL: usize = 16 << 10;
const ROUNDS: usize = 3;
/// Seconds: what takes longer is timed once; what takes much longer, in part.
const PATIENCE: f64 = 0.1;
const LIMIT: f64 = 4.0;

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
            which: String::new(),
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
        let request = if small * inputs::SIZE as f64 > LIMIT {
            small
        } else {
            body(engine, &input(name, inputs::SIZE)?)
        };
        Ok(Self { request, stream: stream(engine, &input(name, STREAM)?) })
    }
}

/// Redacts an input so many times, with nothing remembered: for a counter of instructions.
pub(crate) fn repeat(way: &str, name: &str, passes: &str) -> Result<String, Problem> {
    let passes: usize = passes.parse().map_err(|_| Problem::Usage)?;
    let mut engine = engines::everything()?;
    match way {
        "body" => {
            let body = input(name, inputs::SIZE)?.body();
            for _ in 0..passes {
                whole(&mut engine, &body);
            }
        }
        "deltas" => {
            let input = input(name, STREAM)?;
            let text = input.text().ok_or_else(|| Problem::Unknown(name.to_owned()))?;
            for _ in 0..passes {
                feed(&mut engine, text, f64::INFINITY);
            }
        }
        _ => return Err(Problem::Usage),
    }
    Ok(String::new())
}

/// What [`repeat`] can be asked for, the normal input first.
pub(crate) fn ways() -> Vec<String> {
    let is_text = |name: &&str| inputs::input(name, 1).is_some_and(|one| one.text().is_some());
    let bodies = inputs::names().into_iter().map(|name| format!("body {name}"));
    let texts = inputs::names().into_iter().filter(is_text);
    bodies.chain(texts.map(|name| format!("deltas {name}"))).collect()
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
        let body = Input::Text(inputs::repeated(&unit, SMALL)).body();
        let took = (0..2).map(|_| time(|| whole(engine, &body))).fold(f64::INFINITY, f64::min);
        (name, took / body.len() as f64 / base)
    });
    let (name, request) = costs.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or(("", 0.0));
    let (name, which) = (format!("the worst {what}"), name.to_owned());
    Ok(Hostile { name, which, request, stream: None })
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

/// In deltas, seconds a byte, of as many as could be fed within the limit.
fn stream(engine: &mut Engine, input: &Input) -> Option<f64> {
    let text = input.text()?;
    let mut fed = text.len();
    let took = seconds(|| fed = feed(engine, text, LIMIT));
    Some(took / fed.max(1) as f64)
}

/// Feeds a text to a stream; how many bytes of it, within so many seconds.
fn feed(engine: &mut Engine, text: &str, limit: f64) -> usize {
    let start = Instant::now();
    let (mut stream, mut hits) = (TextStream::default(), Vec::new());
    let mut fed = 0;
    for deltas in text.as_bytes().chunks(DELTA * 16) {
        for delta in deltas.chunks(DELTA) {
            stream.feed(engine, delta, &mut hits);
        }
        fed += deltas.len();
        if start.elapsed().as_secs_f64() > limit {
            break;
        }
    }
    stream.finish(engine, &mut hits);
    fed
}

/// The least time of a few, after one in which the engine builds what it needs. What takes long is
/// timed once, what takes very long at once.
fn seconds(mut work: impl FnMut()) -> f64 {
    let first = time(&mut work);
    if first > LIMIT {
        return first;
    }
    let mut least = f64::INFINITY;
    for _ in 0..ROUNDS {
        least = least.min(time(&mut work));
        if least > PATIENCE {
            break;
        }
    }
    least
}

fn time(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

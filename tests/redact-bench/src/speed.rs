//! Megabytes a second, and whether what was planted is found.

use crate::engines;
use crate::figures::{Found, Speed};
use crate::planted;
use crate::problem::Problem;
use crate::texts::Corpus;
use hansard_redact::body::{Body, Everything, Reading, Refusal, quoted_content, redact};
use hansard_redact::{Engine, Seen, Way};
use std::time::Instant;

/// Strings that are remembered, as in the gateway.
const SEEN: usize = 64 << 10;

/// Measures each kind after a pass of each that warms up.
pub(crate) fn measure(corpus: &Corpus) -> Result<(Speed, Found), Problem> {
    let mut engines = Engines { secrets: engines::secrets()?, everything: engines::everything()? };
    let mut kept = fresh();
    engines.round(corpus, &mut kept)?;
    let speed = engines.round(corpus, &mut kept)?;
    let found = check(corpus, &pass(&mut engines.everything, corpus, None)?)?;
    Ok((speed, found))
}

struct Engines {
    secrets: Engine,
    everything: Engine,
}

impl Engines {
    fn round(&mut self, corpus: &Corpus, kept: &mut Seen) -> Result<Speed, Problem> {
        let Self { secrets, everything } = self;
        Ok(Speed {
            secrets: vec![scan(secrets, corpus)],
            everything: vec![scan(everything, corpus)],
            request: vec![timed(corpus.raw(), || pass(everything, corpus, None))?],
            seen: vec![timed(corpus.raw(), || pass(everything, corpus, Some(kept)))?],
        })
    }
}

/// Redacts a body as far as the bytes that go upstream.
pub(crate) fn request(
    engine: &mut Engine,
    seen: &mut Seen,
    body: &str,
) -> Result<(Body, Option<Vec<u8>>), Refusal> {
    let reading = Reading {
        guide: &Everything,
        way: Way::Request,
        blocks_signed: false,
        drops_media: false,
        streamed: None,
    };
    let redacted = redact(engine, seen, body, reading)?;
    let wire = redacted.wire(body.as_bytes());
    Ok((redacted, wire))
}

/// Nothing is remembered.
pub(crate) fn fresh() -> Seen {
    Seen::new(*b"a bench's memory", SEEN)
}

fn scan(engine: &mut Engine, corpus: &Corpus) -> f64 {
    let start = Instant::now();
    let mut found = 0;
    for text in &corpus.texts {
        found += engine.scan_whole(text.as_bytes()).len();
    }
    std::hint::black_box(found);
    megabytes_a_second(corpus.plain(), start)
}

fn timed<T>(bytes: usize, work: impl FnOnce() -> Result<T, Problem>) -> Result<f64, Problem> {
    let start = Instant::now();
    let done = work()?;
    let speed = megabytes_a_second(bytes, start);
    drop(done);
    Ok(speed)
}

fn megabytes_a_second(bytes: usize, start: Instant) -> f64 {
    bytes as f64 / 1e6 / start.elapsed().as_secs_f64()
}

/// How many values each body holds, and what goes upstream in its place. Without a memory that is
/// kept, each body has a fresh one.
fn pass(
    engine: &mut Engine,
    corpus: &Corpus,
    mut kept: Option<&mut Seen>,
) -> Result<Vec<(usize, Option<Vec<u8>>)>, Problem> {
    let each = corpus.bodies.iter().map(|body| {
        let (redacted, wire) = match &mut kept {
            Some(seen) => request(engine, seen, body),
            None => request(engine, &mut fresh(), body),
        }
        .map_err(|refusal| Problem::Corpus(format!("{refusal:?}")))?;
        Ok((redacted.changes.len(), wire))
    });
    each.collect()
}

/// Looks for what was planted, in what went upstream.
fn check(corpus: &Corpus, passed: &[(usize, Option<Vec<u8>>)]) -> Result<Found, Problem> {
    let planted = planted::all();
    let mut found = Found { values: 0, planted: 0, missed: Vec::new() };
    for (number, (body, (values, wire))) in corpus.bodies.iter().zip(passed).enumerate() {
        found.values += values;
        let Some(secret) = planted::in_body(number).and_then(|at| planted.get(at)) else {
            continue;
        };
        let evidence = quoted_content(&secret.evidence);
        if !body.contains(&evidence) {
            return Err(Problem::Corpus(format!("no {} in body {number}", secret.rule)));
        }
        let passed = wire.as_deref().unwrap_or(body.as_bytes());
        if String::from_utf8_lossy(passed).contains(&evidence) {
            found.missed.push(secret.rule.to_owned());
        } else {
            found.planted += 1;
        }
    }
    Ok(found)
}

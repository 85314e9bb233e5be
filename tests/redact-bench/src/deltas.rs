//! A text that comes in pieces: what each piece costs, and how long it waits.
//!
//! ```text
//! fed     ── delta ── delta ── delta ──┤
//! decided ───────────────────┤  held   │   after this delta
//! ```

use crate::engines;
use crate::figures::{Deltas, Spots};
use crate::problem::Problem;
use crate::random::Random;
use crate::stats::percentile;
use crate::texts::Corpus;
use hansard_redact::Engine;
use hansard_redact::stream::TextStream;
use std::time::{Duration, Instant};

/// Shorter texts are no answers.
const LEAST: usize = 200;
/// Bytes of text that are enough.
const ENOUGH: usize = 1 << 20;
/// Bytes of a delta: what a token or a few come to.
const DELTA: std::ops::Range<usize> = 1..21;

/// Feeds prose and code of the corpus to a stream each.
pub(crate) fn measure(corpus: &Corpus) -> Result<Deltas, Problem> {
    let mut engine = engines::everything()?;
    let streams = streams(corpus);
    let clock = clock();
    let (held, delay) = waiting(&mut engine, &streams);
    let mut times = times(&mut engine, &streams, clock);
    times.sort_by(f64::total_cmp);
    Ok(Deltas {
        count: times.len(),
        mean_us: vec![times.iter().sum::<f64>() / times.len().max(1) as f64],
        p50_us: vec![percentile(&times, 50)],
        p99_us: vec![percentile(&times, 99)],
        held: spots(held),
        delay: spots(delay),
    })
}

/// Texts, cut into deltas between characters.
fn streams(corpus: &Corpus) -> Vec<Vec<&str>> {
    let mut random = Random::new(5);
    let mut bytes = 0;
    let texts = corpus.texts.iter().filter(|text| text.len() >= LEAST);
    // From all over the corpus.
    let enough = texts.step_by(7).take_while(|text| {
        bytes += text.len();
        bytes < ENOUGH
    });
    enough.map(|text| cut(text, &mut random)).collect()
}

fn cut<'t>(mut text: &'t str, random: &mut Random) -> Vec<&'t str> {
    let mut deltas = Vec::new();
    while !text.is_empty() {
        let at = text.ceil_char_boundary(random.within(DELTA));
        let (delta, rest) = text.split_at(at);
        deltas.push(delta);
        text = rest;
    }
    deltas
}

/// What the clock itself adds to a time: in V8 it is a call out of the module.
fn clock() -> Duration {
    let mut times: Vec<Duration> = (0..1001).map(|_| Instant::now().elapsed()).collect();
    times.sort();
    times.get(500).copied().unwrap_or_default()
}

/// Microseconds for each delta.
fn times(engine: &mut Engine, streams: &[Vec<&str>], clock: Duration) -> Vec<f64> {
    let mut times = Vec::new();
    let mut hits = Vec::new();
    for deltas in streams {
        let mut stream = TextStream::default();
        for delta in deltas {
            let start = Instant::now();
            stream.feed(engine, delta.as_bytes(), &mut hits);
            times.push(start.elapsed().saturating_sub(clock).as_secs_f64() * 1e6);
        }
        stream.finish(engine, &mut hits);
        hits.clear();
    }
    times
}

/// Bytes that wait after each delta, and how many further deltas each waits for.
fn waiting(engine: &mut Engine, streams: &[Vec<&str>]) -> (Vec<f64>, Vec<f64>) {
    let (mut held, mut delay) = (Vec::new(), Vec::new());
    let mut hits = Vec::new();
    for deltas in streams {
        let mut stream = TextStream::default();
        // Ends of the deltas that wait, and when they came.
        let mut waiting: Vec<(usize, usize)> = Vec::new();
        let mut fed = 0;
        for (now, delta) in deltas.iter().enumerate() {
            fed += delta.len();
            waiting.push((fed, now));
            let decided = stream.feed(engine, delta.as_bytes(), &mut hits);
            held.push((fed - decided) as f64);
            let done = waiting.partition_point(|(end, _)| *end <= decided);
            delay.extend(waiting.drain(..done).map(|(_, came)| (now - came) as f64));
        }
        stream.finish(engine, &mut hits);
        delay.extend(waiting.iter().map(|(_, came)| (deltas.len() - came) as f64));
        hits.clear();
    }
    (held, delay)
}

fn spots(mut samples: Vec<f64>) -> Spots {
    samples.sort_by(f64::total_cmp);
    Spots {
        p50: percentile(&samples, 50),
        p99: percentile(&samples, 99),
        max: samples.last().copied().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deltas_are_the_text() {
        let text = "café → naïve\n".repeat(50);
        let deltas = cut(&text, &mut Random::new(1));
        assert_eq!(deltas.concat(), text);
        assert!(deltas.iter().all(|delta| (1..=23).contains(&delta.len())));
    }

    #[test]
    fn what_waits_is_counted() {
        let mut engine = engines::everything().unwrap();
        let (held, delay) = waiting(&mut engine, &[vec!["so it ", "is a", "k", "i", " z "]]);
        assert_eq!((held.len(), delay.len()), (5, 5));
        assert_eq!(*delay.last().unwrap(), 0.0);
    }
}

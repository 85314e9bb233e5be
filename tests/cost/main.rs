//! What hostile inputs cost, counted in instructions: the same count on every machine.
//!
//! `redact-bench` redacts an input under callgrind. A body's cost is what its first pass adds to no
//! pass at all, with whatever it makes the engine build; normal text's is what a further pass adds,
//! when everything is built. A stream is short, so there both are further passes.
//!
//! Not here: time, which `make bench-redact` measures natively and in V8.

// `cfg(test)` tells clippy that helpers, too, are tests and may panic.
#[cfg(test)]
mod callgrind;

use callgrind::{Redaction, inputs};
use std::fmt::Write;
use std::sync::Mutex;

/// The most that an input may cost, as a multiple of as much normal text.
const MOST: f64 = 20.0;

#[test]
fn no_input_costs_more_than_twenty_times_its_length_in_normal_text() {
    let inputs = inputs();
    let normal =
        |way: &str| Redaction { way: way.into(), name: "normal".into() }.cost(1, 2).unwrap();
    let (body, deltas) = (normal("body"), normal("deltas"));
    let times = |one: &Redaction| {
        let (base, from) = if one.way == "body" { (body, 0) } else { (deltas, 1) };
        one.cost(from, from + 1).map(|cost| cost as f64 / base as f64)
    };
    let queue = Mutex::new(inputs.iter().filter(|one| one.name != "normal"));
    let table = Mutex::new(String::new());
    let work = || {
        let mut is_good = true;
        loop {
            let Some(one) = queue.lock().unwrap().next() else { break is_good };
            let (said, is_within) = match times(one) {
                Ok(times) => (format!("{times:.1} times normal text"), times <= MOST),
                Err(why) => (why, false),
            };
            is_good &= is_within;
            let mark = if is_within { "" } else { ", too much" };
            writeln!(table.lock().unwrap(), "{} {}: {said}{mark}", one.way, one.name).unwrap();
        }
    };
    let is_good = std::thread::scope(|scope| {
        let other = scope.spawn(work);
        work() & other.join().unwrap()
    });
    assert!(is_good, "\n{}", table.into_inner().unwrap());
}

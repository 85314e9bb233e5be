//! How fast more may come where it comes faster than the ledger stores it.
//!
//! ```text
//! rest of who brings items  =  the time in which they are stored  ×  how far the ledger is behind ÷ USUAL
//! ```
//!
//! The ledger takes what waits in large groups, so that what waits goes up and down with each. Who brings
//! more is slowed down by what waits on the average: evenly, each as long as the others.

use std::time::{Duration, Instant};

/// How far the ledger is behind where exactly as much comes as it stores, in milliseconds.
const USUAL: f64 = 250.0;
/// The time in which the average follows what waits, in milliseconds: about that of a group.
const FOLLOWS: f64 = 150.0;
/// The longest rest, in milliseconds.
const LONGEST: f64 = 250.0;
/// Items that may wait without anybody's rest.
const FEW: u64 = 64;

/// Keeps the average.
#[derive(Debug)]
pub(crate) struct Brake {
    /// Items that wait, on the average.
    waiting: f64,
    at: Instant,
}

impl Brake {
    pub(crate) fn new(now: Instant) -> Self {
        Self { waiting: 0.0, at: now }
    }

    /// So many more have come, and so many wait by now for a ledger that stores `pace` in a millisecond:
    /// how long whoever brought them rests.
    pub(crate) fn came(&mut self, items: u64, waiting: u64, pace: f64, now: Instant) -> Duration {
        let passed = now.duration_since(self.at).as_secs_f64() * 1000.0;
        self.at = now;
        // What it would be if the ledger stored one after the other…
        let even = (self.waiting + items as f64 - pace * passed).max(0.0);
        // …and what it is.
        let share = 1.0 - (-passed / FOLLOWS).exp();
        self.waiting = even + (waiting as f64 - even) * share;
        if waiting <= FEW {
            return Duration::ZERO;
        }
        let behind = self.waiting / pace;
        let rest = (items as f64 / pace * behind / USUAL).min(LONGEST);
        Duration::from_secs_f64(rest / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups of 100 come as soon as they may, for a ledger that takes what waits and stores two in a
    /// millisecond: how far it is behind at last, and the rests in the last second.
    fn played(seconds: u32) -> (f64, Vec<f64>) {
        let (start, pace) = (Instant::now(), 2.0);
        let mut brake = Brake::new(start);
        let (mut now, mut came, mut stored, mut group, mut until) = (0.0, 0_u64, 0_u64, 0, 0.0);
        let mut rests = Vec::new();
        while now < f64::from(seconds) * 1000.0 {
            // A group is stored as a whole: what waits goes up and down.
            if until <= now {
                stored += group;
                group = came - stored;
                until = now + (group as f64 / pace).max(1.0);
            }
            came += 100;
            let at = start + Duration::from_secs_f64(now / 1000.0);
            let rest = brake.came(100, came - stored, pace, at).as_secs_f64() * 1000.0;
            if now > f64::from(seconds - 1) * 1000.0 {
                rests.push(rest);
            }
            now += rest.max(1.0);
        }
        ((came - stored) as f64 / pace, rests)
    }

    #[test]
    fn as_much_comes_as_is_stored_and_each_waits_alike() {
        let (behind, mut rests) = played(10);
        assert!((50.0..450.0).contains(&behind), "{behind} ms behind");
        rests.sort_unstable_by(f64::total_cmp);
        let (least, most) = (rests[0], rests[rests.len() - 1]);
        // 100 are stored in 50 ms; what is stored shows here only when the next come.
        assert!(least > 40.0 && most < 80.0 && most < least * 1.3, "{least} to {most} ms");
    }

    #[test]
    fn who_brings_less_than_is_stored_hardly_waits() {
        let start = Instant::now();
        let mut brake = Brake::new(start);
        for step in 1..1000 {
            let now = start + Duration::from_millis(step);
            // Four in a millisecond, stored each 80 ms by a ledger that is twice as fast: the most would
            // be 80 microseconds without the average.
            let rest = brake.came(4, step % 80 * 4, 8.0, now);
            assert!(rest < Duration::from_micros(40), "{rest:?}");
        }
    }

    #[test]
    fn nobody_waits_while_few_wait_however_slow_the_ledger_seems() {
        let start = Instant::now();
        let mut brake = Brake::new(start);
        for step in 1..1000 {
            let now = start + Duration::from_millis(step);
            assert_eq!(brake.came(1, FEW, 0.4, now), Duration::ZERO);
        }
        assert!(brake.came(1, FEW + 1, 0.4, start + Duration::from_secs(1)) > Duration::ZERO);
    }
}

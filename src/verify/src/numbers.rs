//! The numbers of each VM's parts: from 1, without a gap, unless something is missing.

use std::collections::BTreeMap;

/// Numbers that are missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The VM.
    pub boot: String,
    /// The first number that is missing.
    pub first: u64,
    /// The last.
    pub last: u64,
}

/// What came, by VM, as stretches without a gap.
#[derive(Debug, Default)]
pub(crate) struct Numbers(BTreeMap<String, BTreeMap<u64, u64>>);

impl Numbers {
    /// A number is accounted for; false when it was before.
    pub(crate) fn add(&mut self, boot: &str, number: u64) -> bool {
        let stretches = match self.0.get_mut(boot) {
            Some(stretches) => stretches,
            None => self.0.entry(boot.to_owned()).or_default(),
        };
        let before = stretches.range(..=number).next_back().map(|(first, last)| (*first, *last));
        if before.is_some_and(|(_, last)| last >= number) {
            return false;
        }
        let first = before
            .filter(|(_, last)| last.saturating_add(1) == number)
            .map_or(number, |(first, _)| first);
        let last = stretches.remove(&number.saturating_add(1)).unwrap_or(number);
        stretches.insert(first, last);
        true
    }

    /// Takes in what another stretch of the log accounts for; what both do comes back, by VM.
    pub(crate) fn merge(&mut self, other: Self) -> Vec<(String, [u64; 2])> {
        let mut twice = Vec::new();
        for (boot, stretches) in other.0 {
            for (first, last) in stretches {
                let mine = self.0.entry(boot.clone()).or_default();
                let before = mine.range(..=last).next_back().map(|(first, last)| (*first, *last));
                match before {
                    Some((_, end)) if end >= first => {
                        twice.push((boot.clone(), [first, last.min(end)]))
                    }
                    // It goes on from there.
                    Some((start, end)) if end.saturating_add(1) == first => {
                        mine.insert(start, last);
                    }
                    _ => {
                        mine.insert(first, last);
                    }
                }
            }
        }
        self.join();
        twice
    }

    /// Stretches that follow each other without a gap are one.
    fn join(&mut self) {
        for stretches in self.0.values_mut() {
            let mut joined: BTreeMap<u64, u64> = BTreeMap::new();
            for (first, last) in std::mem::take(stretches) {
                match joined.last_entry() {
                    Some(mut before) if before.get().saturating_add(1) == first => {
                        before.insert(last);
                    }
                    _ => {
                        joined.insert(first, last);
                    }
                }
            }
            *stretches = joined;
        }
    }

    /// What is missing up to the highest number of each VM.
    pub(crate) fn gaps(&self) -> Vec<Gap> {
        let mut gaps = Vec::new();
        for (boot, stretches) in &self.0 {
            let mut next = 1;
            for (first, last) in stretches {
                if *first > next {
                    let boot = boot.clone();
                    gaps.push(Gap { boot, first: next, last: first.saturating_sub(1) });
                }
                next = last.saturating_add(1);
            }
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let mut numbers = Numbers::default();
        for number in [2, 3, 9, 5, 8, 4] {
            assert!(numbers.add("a", number));
        }
        assert!(!numbers.add("a", 4));
        let gap = |first, last| Gap { boot: "a".into(), first, last };
        assert_eq!(numbers.gaps(), [gap(1, 1), gap(6, 7)]);
        numbers.add("a", 1);
        numbers.add("a", 7);
        numbers.add("a", 6);
        assert_eq!(numbers.gaps(), []);
    }

    #[test]
    fn stretches_of_the_log_add_up_in_any_order() {
        let of = |all: &[u64]| {
            let mut numbers = Numbers::default();
            all.iter().for_each(|number| assert!(numbers.add("a", *number)));
            numbers
        };
        let mut numbers = of(&[1, 2, 5, 9]);
        assert_eq!(numbers.merge(of(&[3, 4, 6, 12])), []);
        let gap = |first, last| Gap { boot: "a".into(), first, last };
        assert_eq!(numbers.gaps(), [gap(7, 8), gap(10, 11)]);
        assert_eq!(numbers.merge(of(&[5, 7, 8])), [("a".to_owned(), [5, 5])]);
        assert_eq!(numbers.merge(of(&[10, 11])), []);
        assert_eq!(numbers.gaps(), []);
    }
}

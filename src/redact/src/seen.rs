//! Remembers strings that were scanned: a conversation's history comes back with every turn.
//!
//! A string is known by a keyed 128-bit hash (SipHash-1-3). The key is a VM's own and random, so
//! nobody outside can make two strings that share one. Bounded: when the younger half is full, the
//! older is forgotten.

use crate::hit::Hit;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::collections::HashMap;
use std::hash::Hasher;
use std::rc::Rc;

/// Shorter strings are scanned as fast as they are hashed.
pub(crate) const LEAST: usize = 48;

/// What is remembered of the strings that a VM has scanned under one policy.
#[derive(Debug)]
pub struct Seen {
    hasher: SipHasher13,
    young: HashMap<u128, Option<Rc<[Hit]>>>,
    old: HashMap<u128, Option<Rc<[Hit]>>>,
    capacity: usize,
}

impl Seen {
    /// Remembers so many strings, at about 40 bytes each.
    #[must_use]
    pub fn new(key: [u8; 16], capacity: usize) -> Self {
        Self {
            hasher: SipHasher13::new_with_key(&key),
            young: HashMap::new(),
            old: HashMap::new(),
            capacity,
        }
    }

    pub(crate) fn key(&self, text: &[u8]) -> u128 {
        let mut hasher = self.hasher;
        hasher.write(text);
        hasher.finish128().as_u128()
    }

    /// What was found in a string; `None` when it is not remembered.
    pub(crate) fn hits(&mut self, key: u128) -> Option<Option<Rc<[Hit]>>> {
        if let Some(hits) = self.young.get(&key) {
            return Some(hits.clone());
        }
        let hits = self.old.remove(&key)?;
        self.remember(key, hits.clone());
        Some(hits)
    }

    pub(crate) fn remember(&mut self, key: u128, hits: Option<Rc<[Hit]>>) {
        if self.young.len() >= self.capacity / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, hits);
    }

    /// How many strings are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.len().saturating_add(self.old.len())
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_stays_and_the_rest_is_forgotten() {
        let mut seen = Seen::new([7; 16], 8);
        let key = |seen: &Seen, i: u32| seen.key(&i.to_le_bytes());
        for i in 0..100 {
            let (first, this) = (key(&seen, 0), key(&seen, i));
            seen.remember(this, None);
            assert_eq!(seen.hits(first), Some(None), "after {i}");
            assert!(seen.len() <= 8);
        }
        let gone = key(&seen, 50);
        assert_eq!(seen.hits(gone), None);
        assert_ne!(Seen::new([8; 16], 8).key(b"x"), seen.key(b"x"));
    }
}

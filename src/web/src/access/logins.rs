//! What the server remembers of browsers: by a secret that only a cookie carries.
//!
//! Only the secret's digest is kept, so what is in memory opens nothing. What is idle or old is
//! forgotten, and the number of entries is bounded: where there is no room the oldest goes.

use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Entries behind secrets.
#[derive(Debug)]
pub(crate) struct Remembered<T> {
    entries: Mutex<HashMap<[u8; 32], Entry<T>>>,
    /// Forgotten after so long without a visit, ms.
    idle: i64,
    /// Forgotten after so long, ms.
    most: i64,
    room: usize,
}

#[derive(Debug)]
struct Entry<T> {
    value: Arc<T>,
    since: i64,
    seen: i64,
}

impl<T> Remembered<T> {
    pub(crate) fn new(idle: i64, most: i64, room: usize) -> Self {
        Self { entries: Mutex::default(), idle, most, room }
    }

    /// Remembers a value behind a secret that was made for it.
    pub(crate) fn put(&self, secret: &str, value: T, now: i64) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, entry| self.is_fresh(entry, now));
        if entries.len() >= self.room
            && let Some(oldest) =
                entries.iter().min_by_key(|(_, entry)| entry.seen).map(|(key, _)| *key)
        {
            entries.remove(&oldest);
        }
        let entry = Entry { value: Arc::new(value), since: now, seen: now };
        entries.insert(digest(secret), entry);
    }

    /// The value behind a secret; the visit is noted.
    pub(crate) fn find(&self, secret: &str, now: i64) -> Option<Arc<T>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get_mut(&digest(secret)).filter(|entry| self.is_fresh(entry, now))?;
        entry.seen = entry.seen.max(now);
        Some(entry.value.clone())
    }

    /// Takes a value out: nobody finds it again.
    pub(crate) fn take(&self, secret: &str, now: i64) -> Option<Arc<T>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.remove(&digest(secret))?;
        self.is_fresh(&entry, now).then_some(entry.value)
    }

    fn is_fresh(&self, entry: &Entry<T>, now: i64) -> bool {
        now - entry.seen < self.idle && now - entry.since < self.most
    }
}

fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_idle_or_old_is_forgotten() {
        let logins = Remembered::new(10, 25, 8);
        logins.put("a", 1, 0);
        assert_eq!(logins.find("a", 9).as_deref(), Some(&1));
        assert_eq!(logins.find("a", 18).as_deref(), Some(&1), "a visit keeps it");
        assert_eq!(logins.find("a", 25), None, "but not for ever");
        logins.put("b", 2, 30);
        assert_eq!(logins.find("b", 40), None);
        assert_eq!(logins.find("c", 30), None);
    }

    #[test]
    fn what_is_taken_is_gone() {
        let logins = Remembered::new(10, 10, 8);
        logins.put("a", 1, 0);
        assert_eq!(logins.take("a", 1).as_deref(), Some(&1));
        assert_eq!(logins.take("a", 1), None);
        logins.put("b", 1, 0);
        assert_eq!(logins.take("b", 11), None);
    }

    #[test]
    fn there_is_an_end_to_how_many() {
        let logins = Remembered::new(1_000, 1_000, 3);
        for (secret, now) in [("a", 0), ("b", 1), ("c", 2), ("d", 3)] {
            logins.put(secret, (), now);
        }
        assert!(logins.find("a", 4).is_none() && logins.find("b", 4).is_some());
        assert_eq!(logins.entries.lock().unwrap().len(), 3);
    }
}

//! Sessions' keys that are at hand, with what stands under them: those of the sessions that were used
//! last. Any other is read back from the database.

use super::ahead::Given;
use super::texts::Texts;
use hashlink::LruCache;

/// Bytes of all of it, about.
const MOST: usize = 64 << 20;
/// Bytes of a key with its name and its tables, but for what grows.
const FIXED: usize = 1024;

/// The keys, by their sessions.
#[derive(Debug)]
pub(super) struct Keyring {
    held: LruCache<String, Held>,
    most: usize,
    /// About the bytes of what is held.
    bytes: usize,
}

/// A session's key.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) given: Given,
    pub(super) texts: Texts,
    /// As it was counted last.
    bytes: usize,
}

impl Held {
    pub(super) fn new(given: Given, texts: Texts) -> Self {
        Self { given, texts, bytes: 0 }
    }

    fn size(&self) -> usize {
        let dictionary = self.given.key.dictionary().map_or(0, |known| known.text().len());
        FIXED + dictionary + self.texts.size()
    }
}

impl Default for Keyring {
    fn default() -> Self {
        Self::of(MOST)
    }
}

impl Keyring {
    fn of(most: usize) -> Self {
        Self { held: LruCache::new_unbounded(), most, bytes: 0 }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::of(self.most);
    }

    pub(super) fn put(&mut self, session: &str, held: Held) {
        self.drop(session);
        self.held.insert(session.to_owned(), held);
    }

    /// The key of a session, which is used now.
    pub(super) fn get(&mut self, session: &str) -> Option<&mut Held> {
        self.held.get_mut(session)
    }

    pub(super) fn peek(&self, session: &str) -> Option<&Held> {
        self.held.peek(session)
    }

    /// A session is over, or its key is not to be used.
    pub(super) fn drop(&mut self, session: &str) {
        if let Some(held) = self.held.remove(session) {
            self.bytes = self.bytes.saturating_sub(held.bytes);
        }
    }

    /// Counts what a session has grown by, and lets go those that were not used for the longest time.
    pub(super) fn fit(&mut self, session: &str) {
        if let Some(held) = self.held.get_mut(session) {
            let size = held.size();
            self.bytes = self.bytes.saturating_sub(held.bytes).saturating_add(size);
            held.bytes = size;
        }
        // The one that is used now stays, however large it is.
        while self.bytes > self.most && self.held.len() > 1 {
            let Some((_, held)) = self.held.remove_lru() else { break };
            self.bytes = self.bytes.saturating_sub(held.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Master;
    use std::sync::Arc;

    fn held(id: i64) -> Held {
        let (key, _) = Master::new([7; 32]).make("s").unwrap();
        Held::new(Given { key: Arc::new(key), last: Arc::default() }, Texts::none(id))
    }

    #[test]
    fn the_sessions_that_were_used_last_stay_within_the_bytes() {
        let mut keyring = Keyring::of(3 * FIXED);
        for (id, session) in ["a", "b", "c"].into_iter().enumerate() {
            keyring.put(session, held(id as i64));
            keyring.fit(session);
        }
        assert_eq!(keyring.bytes, 3 * FIXED);
        assert!(keyring.get("a").is_some());
        keyring.put("d", held(4));
        keyring.fit("d");
        assert!(keyring.peek("b").is_none(), "the longest unused");
        assert!(["a", "c", "d"].iter().all(|session| keyring.peek(session).is_some()));
        keyring.drop("c");
        keyring.put("a", held(5));
        keyring.fit("a");
        assert_eq!((keyring.bytes, keyring.held.len()), (2 * FIXED, 2));
        // One that is larger than all may be.
        let dictionary = vec![b'x'; 4 * FIXED];
        keyring.get("a").unwrap().given.key.set_dictionary(dictionary);
        keyring.fit("a");
        assert!(keyring.peek("a").is_some() && keyring.peek("d").is_none());
        keyring.clear();
        assert_eq!((keyring.bytes, keyring.held.len()), (0, 0));
    }
}

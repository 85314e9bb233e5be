//! A text that may be sealed before whoever stores it comes to it, and what is needed for that.

use super::pack::Effort;
use super::seal::SessionKey;
use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// What a session has of the parts before: enough to seal what comes, and to tell what came before.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) key: Arc<SessionKey>,
    /// SHA-256 of the text that each stream of the last part ended with.
    pub(crate) last: Arc<Vec<[u8; 32]>>,
}

/// A text, and what it is under a session's key if that was made ahead. Never printed.
pub(crate) struct Text {
    text: Vec<u8>,
    /// What it is worth at most.
    effort: Effort,
    ahead: OnceLock<(Arc<SessionKey>, Vec<u8>)>,
}

impl Text {
    /// A part's frame: its session's first is its dictionary.
    pub(crate) fn frame(text: Vec<u8>) -> Self {
        Self { effort: Effort::Little, ..Self::from(text) }
    }

    /// Seals it under a session's key, if nobody has. When that fails, whoever stores it will see.
    pub(crate) fn seal_ahead(&self, key: &Arc<SessionKey>, effort: Effort) {
        if self.ahead.get().is_none()
            && let Some(sealed) = key.seal(&self.text, effort.min(self.effort))
        {
            // One that somebody else made meanwhile is as good.
            let _ = self.ahead.set((Arc::clone(key), sealed));
        }
    }

    #[cfg(test)]
    pub(crate) fn is_sealed_ahead(&self) -> bool {
        self.ahead.get().is_some()
    }

    /// The text, sealed under this key: what was sealed ahead under another is of no use, since an
    /// erasure may have destroyed that key.
    pub(crate) fn sealed(&self, key: &Arc<SessionKey>, effort: Effort) -> Option<Cow<'_, [u8]>> {
        match self.ahead.get() {
            Some((made_with, sealed)) if Arc::ptr_eq(made_with, key) => Some(sealed.into()),
            _ => key.seal(&self.text, effort.min(self.effort)).map(Cow::Owned),
        }
    }
}

impl From<Vec<u8>> for Text {
    fn from(text: Vec<u8>) -> Self {
        Self { text, effort: Effort::Usual, ahead: OnceLock::new() }
    }
}

impl Deref for Text {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.text
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Master;

    #[test]
    fn a_text_gets_no_more_effort_than_it_is_worth_and_than_there_is() {
        let key = Arc::new(Master::new([7; 32]).make("s").unwrap().0);
        let said = |n: u64| format!("{} says {} of {}. ", n * 7919 % 100, n * n % 1009, n % 17);
        let words = || (0..600).flat_map(|n| said(n).into_bytes());
        let sealed = |text: Text, effort| text.sealed(&key, effort).unwrap().len();
        let usual = sealed(Text::from(words().collect::<Vec<_>>()), Effort::Usual);
        let little = sealed(Text::from(words().collect::<Vec<_>>()), Effort::Little);
        assert!(usual < little, "{usual} {little}");
        assert_eq!(sealed(Text::frame(words().collect()), Effort::Usual), little);
    }

    #[test]
    fn what_was_sealed_ahead_counts_under_its_own_key_alone() {
        let master = Master::new([7; 32]);
        let make = || Arc::new(master.make("s").unwrap().0);
        let (key, other) = (make(), make());
        let text = Text::from(b"a text".to_vec());
        text.seal_ahead(&key, Effort::Usual);
        let first = text.sealed(&key, Effort::Usual).unwrap();
        assert_eq!(first, text.sealed(&key, Effort::Little).unwrap(), "made once");
        assert_eq!(key.open(&first).unwrap(), b"a text");
        assert_eq!(other.open(&text.sealed(&other, Effort::Usual).unwrap()).unwrap(), b"a text");
        assert_eq!(format!("{text:?}"), "Text(6 bytes)");
    }
}

//! Which way a text goes, and what goes back.

use crate::engine::Action;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

/// Placeholders and the values that they stand for. Never printed.
#[derive(Clone, Default)]
pub struct Restores(HashMap<Rc<str>, String>);

impl fmt::Debug for Restores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Restores({})", self.0.len())
    }
}

impl Restores {
    /// Remembers a value.
    pub fn add(&mut self, placeholder: &Rc<str>, value: String) {
        self.0.entry(Rc::clone(placeholder)).or_insert(value);
    }

    /// Takes in another text's.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The value that a placeholder stands for.
    #[must_use]
    pub fn value(&self, placeholder: &str) -> Option<&str> {
        self.0.get(placeholder).map(String::as_str)
    }

    /// Whether there is nothing to restore.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of memory held, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.values().map(|value| value.len().saturating_add(160)).sum()
    }
}

/// Which way a text goes, and what that means for its values.
#[derive(Clone, Copy, Debug)]
pub enum Way<'a> {
    /// To the upstream.
    Request,
    /// To the client, who gets back what it sent.
    Response(&'a Restores),
}

impl Way<'_> {
    /// What is done with a value, by its detector's action. The client may see what would be
    /// hidden from the upstream alone.
    #[must_use]
    pub fn action(self, action: Action) -> Action {
        match (self, action) {
            (Self::Response(_), Action::Pseudonymize) => Action::Observe,
            (Self::Request | Self::Response(_), action) => action,
        }
    }
}

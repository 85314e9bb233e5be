//! Which names stand under a session's key, where that is known without asking the database: of a key that
//! was made here, all that followed.

use super::shelf::Name;
use std::collections::HashSet;

/// Every name under a key; `None`: only the database knows.
#[derive(Debug)]
pub(super) struct Names(Option<HashSet<Name>>);

impl Names {
    /// Of a key that is new.
    pub(super) fn none() -> Self {
        Self(Some(HashSet::new()))
    }

    /// Of a key that was there.
    pub(super) fn unknown() -> Self {
        Self(None)
    }

    /// Whether the database is to be asked for a name.
    pub(super) fn may_have(&self, name: &Name) -> bool {
        self.0.as_ref().is_none_or(|names| names.contains(name))
    }

    /// Names that are kept.
    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, HashSet::len)
    }

    /// A name stands under the key now.
    pub(super) fn add(&mut self, name: Name) {
        if let Some(names) = &mut self.0 {
            names.insert(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_asked_for_unless_it_is_certain_that_it_is_not_there() {
        let (one, other) = ([1; 16], [2; 16]);
        assert!(Names::unknown().may_have(&one));
        let mut names = Names::none();
        assert!(!names.may_have(&one));
        names.add(one);
        assert!(names.may_have(&one) && !names.may_have(&other));
        assert_eq!(names.len(), 1);
    }
}

//! Changes to a text, by place: what is not changed stays byte for byte.

use crate::redacted::Redacted;
use std::ops::Range;
use std::rc::Rc;

/// A stretch of a text, and what takes its place in the texts that come of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The stretch, bytes.
    pub at: Range<usize>,
    /// What takes its place.
    pub with: Rc<str>,
    /// It changes on the wire.
    pub wire: bool,
    /// It changes on record.
    pub record: bool,
}

/// A text with all changes made that were found to be due in it.
#[derive(Debug)]
pub struct Changed {
    /// What goes over the wire.
    pub wire: Vec<u8>,
    record: Option<Vec<u8>>,
}

impl Changed {
    /// Makes the changes, in any order.
    #[must_use]
    pub fn new(raw: Vec<u8>, mut changes: Vec<Change>) -> Self {
        changes.sort_by_key(|change| change.at.start);
        let whole = 0..raw.len();
        let wire = splice(&raw, whole.clone(), changes.iter().filter(|change| change.wire));
        let differs = changes.iter().any(|change| change.record != change.wire);
        let record = differs.then(|| {
            splice(&raw, whole, changes.iter().filter(|change| change.record))
                .unwrap_or_else(|| raw.clone())
        });
        Self { wire: wire.unwrap_or(raw), record }
    }

    /// What goes on record.
    #[must_use]
    pub fn record(&self) -> Redacted<&[u8]> {
        Redacted::new(self.record.as_deref().unwrap_or(&self.wire))
    }
}

/// A stretch of a text with changes made, which are in order and apart; `None` when there are none.
pub(crate) fn splice<'c>(
    text: &[u8],
    range: Range<usize>,
    changes: impl Iterator<Item = &'c Change>,
) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut at = range.start;
    let mut is_changed = false;
    for change in changes {
        if !is_changed {
            out.reserve(range.len().saturating_add(256));
            is_changed = true;
        }
        out.extend_from_slice(text.get(at..change.at.start).unwrap_or_default());
        out.extend_from_slice(change.with.as_bytes());
        at = change.at.end.max(at);
    }
    out.extend_from_slice(text.get(at..range.end).unwrap_or_default());
    is_changed.then_some(out)
}

/// A string's content as JSON.
#[must_use]
pub fn quoted_content(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if u32::from(control) < 0x20 => {
                out.push_str(&format!("\\u{:04x}", u32::from(control)));
            }
            other => out.push(other),
        }
    }
    out
}

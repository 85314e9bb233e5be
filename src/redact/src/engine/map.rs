//! From offsets in a decoded text back to the text that it was decoded from.
//!
//! ```text
//! raw      a b \u00e9 c d      runs of bytes that are the same on both sides, and units whose
//! decoded  a b é      c d      decoded bytes stand for all of their raw bytes
//! ```

use std::ops::Range;

/// Where decoded bytes came from. Offsets only grow.
#[derive(Debug, Default)]
pub struct Map {
    segments: Vec<Segment>,
    /// Length of the raw text so far.
    raw: usize,
    /// Length of the decoded text so far.
    decoded: usize,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    decoded: usize,
    raw: usize,
    is_unit: bool,
}

impl Map {
    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self { segments: std::mem::take(&mut self.segments), raw: 0, decoded: 0 };
        self.segments.clear();
    }

    /// Bytes that are the same on both sides follow.
    pub fn same(&mut self, bytes: usize) {
        let continues = self.segments.last().is_some_and(|last| {
            !last.is_unit
                && self.raw.wrapping_sub(last.raw) == self.decoded.wrapping_sub(last.decoded)
        });
        if bytes > 0 && !continues {
            self.segments.push(Segment { decoded: self.decoded, raw: self.raw, is_unit: false });
        }
        self.raw = self.raw.saturating_add(bytes);
        self.decoded = self.decoded.saturating_add(bytes);
    }

    /// Raw bytes follow that stand for decoded ones as a whole; none means they are left out.
    pub fn unit(&mut self, raw: usize, decoded: usize) {
        if decoded > 0 {
            self.segments.push(Segment { decoded: self.decoded, raw: self.raw, is_unit: true });
        }
        self.raw = self.raw.saturating_add(raw);
        self.decoded = self.decoded.saturating_add(decoded);
    }

    /// Where a decoded byte begins in the raw text; past the last, the raw text's end.
    #[must_use]
    pub fn start(&self, decoded: usize) -> usize {
        if decoded >= self.decoded {
            return self.raw;
        }
        match self.segment(decoded) {
            Some((segment, _)) if segment.is_unit => segment.raw,
            Some((segment, _)) => {
                segment.raw.saturating_add(decoded.saturating_sub(segment.decoded))
            }
            None => 0,
        }
    }

    /// The raw bytes that stand for a decoded range.
    #[must_use]
    pub fn raw(&self, decoded: Range<usize>) -> Range<usize> {
        let start = self.start(decoded.start);
        let Some(last) = decoded.end.checked_sub(1).filter(|last| *last >= decoded.start) else {
            return start..start;
        };
        let end = match self.segment(last) {
            Some((segment, next)) if segment.is_unit => next,
            _ => self.start(last).saturating_add(1),
        };
        start..end
    }

    /// The segment of a decoded byte, and where the next begins in the raw text.
    fn segment(&self, decoded: usize) -> Option<(Segment, usize)> {
        let after = self.segments.partition_point(|segment| segment.decoded <= decoded);
        let segment = *self.segments.get(after.checked_sub(1)?)?;
        Some((segment, self.segments.get(after).map_or(self.raw, |next| next.raw)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_come_back() {
        // raw: ab\u00e9cd?e   decoded: abéce, where `d?` is left out
        let mut map = Map::default();
        map.same(1);
        map.same(1);
        map.unit(6, 2);
        map.same(1);
        map.unit(2, 0);
        map.same(1);
        let cases = [
            (0..1, 0..1),
            (0..2, 0..2),
            (2..4, 2..8),
            (3..4, 2..8),
            (1..3, 1..8),
            (4..5, 8..9),
            (4..6, 8..12),
            (5..6, 11..12),
            (3..3, 2..2),
            (6..6, 12..12),
        ];
        for (decoded, raw) in cases {
            assert_eq!(map.raw(decoded.clone()), raw, "{decoded:?}");
        }
    }
}

//! One server-sent event as bytes that can be changed where a value stands.
//!
//! ```text
//! raw    event: content_block_delta⏎data: {"type":…,⏎data: "delta":…}⏎⏎
//! data                                    {"type":…,⏎      "delta":…}
//! ```
//!
//! An offset in the data is mapped back to the raw bytes, so that framing, line ends, unknown fields
//! and comments stay as they are.

use hansard_redact::Map;
use hansard_redact::body::Change;
use std::ops::Range;

/// An event's data, and where it stands.
#[derive(Debug, Default)]
pub(crate) struct Template {
    /// The `data:` lines' values, joined by LF.
    pub(crate) data: Vec<u8>,
    /// From the data to the raw bytes.
    map: Map,
    /// Lines that are not data, whole.
    pub(crate) others: Vec<Range<usize>>,
}

impl Template {
    /// Reads an event's raw bytes.
    pub(crate) fn of(raw: &[u8]) -> Self {
        let mut template = Self::default();
        let mut at: usize = 0;
        // Where the raw bytes begin that are not mapped yet.
        let mut mapped: usize = 0;
        let mut has_data = false;
        for line in raw.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let start = at;
            at = at.saturating_add(line.len());
            let content = line.strip_suffix(b"\n").or(line.strip_suffix(b"\r")).unwrap_or(line);
            let begin = if start == 0 {
                content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content)
            } else {
                content
            };
            let Some(value) = begin.strip_prefix(b"data").and_then(|rest| {
                if rest.is_empty() { Some(rest) } else { rest.strip_prefix(b":") }
            }) else {
                if !content.is_empty() {
                    template.others.push(start..start.saturating_add(content.len()));
                }
                continue;
            };
            let value = value.strip_prefix(b" ").unwrap_or(value);
            let value_at = start.saturating_add(content.len()).saturating_sub(value.len());
            let gap = value_at.saturating_sub(mapped);
            if has_data {
                template.data.push(b'\n');
                template.map.unit(gap, 1);
            } else {
                template.map.unit(gap, 0);
            }
            has_data = true;
            template.data.extend_from_slice(value);
            template.map.same(value.len());
            mapped = value_at.saturating_add(value.len());
        }
        template
    }

    /// A change to the data as a change to the raw bytes.
    pub(crate) fn raw(&self, change: Change) -> Change {
        Change { at: self.map.raw(change.at.clone()), ..change }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_to_the_data_reach_the_raw_bytes() {
        let cases = [
            ("event: x\ndata: abcdef\n\n", "cd", "event: x\ndata: ab##ef\n\n"),
            ("data:abc\r\ndata: def\r\n\r\n", "c\nd", "data:ab##ef\r\n\r\n"),
            (
                "\u{feff}data: ab\rdata:\rdata: cd\r\r",
                "cd",
                "\u{feff}data: ab\rdata:\rdata: ##\r\r",
            ),
            (": c\ndata: a\nid: 7\ndata: b\n\n", "b", ": c\ndata: a\nid: 7\ndata: ##\n\n"),
            ("data\ndata: b\n\n", "b", "data\ndata: ##\n\n"),
        ];
        for (raw, part, expected) in cases {
            let template = Template::of(raw.as_bytes());
            let data = String::from_utf8(template.data.clone()).unwrap();
            let at = data.find(part).unwrap();
            let change =
                Change { at: at..at + part.len(), with: "##".into(), wire: true, record: true };
            let change = template.raw(change);
            let mut text = raw.to_owned();
            text.replace_range(change.at, "##");
            assert_eq!(text, expected, "{raw}");
        }
    }
}

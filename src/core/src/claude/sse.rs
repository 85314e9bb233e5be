//! Server-sent events (WHATWG HTML, section 9.2): bytes in, whole events out, each byte seen once.
//!
//! Chunk boundaries mean nothing: an event can span chunks, lines can end with LF, CR or CRLF, and
//! a CRLF can be split. Only whole events are handed out; the bytes of the last, unfinished one
//! are kept here.
//!
//! ```text
//! chunk   …─┤event│event│event│eve├─…
//! handed out  ▲     ▲     ▲    └─ carried over to the next chunk
//! ```

use std::borrow::Cow;

/// Cuts a byte stream into events.
#[derive(Debug)]
pub struct Splitter {
    /// The start of an event whose end has not come.
    carry: Vec<u8>,
    /// No byte of the present line was seen.
    line_is_empty: bool,
    /// The last byte was a CR: a LF that follows belongs to it.
    after_cr: bool,
}

impl Default for Splitter {
    fn default() -> Self {
        Self { carry: Vec::new(), line_is_empty: true, after_cr: false }
    }
}

impl Splitter {
    /// Takes a chunk and hands out each event that ends in it: its bytes with the blank line, and
    /// the offset in the chunk at which it ends.
    pub fn feed(&mut self, chunk: &[u8], mut each: impl FnMut(&[u8], usize)) {
        let mut event_start = 0;
        let mut at = 0;
        if self.after_cr && chunk.first() == Some(&b'\n') {
            at = 1;
            if self.carry.is_empty() {
                // The CR has ended an event; its LF goes with it, and never waits for the next.
                each(b"\n", at);
                event_start = at;
            }
        }
        self.after_cr &= chunk.is_empty();
        while let Some(rest) = chunk.get(at..) {
            let Some(line_len) = rest.iter().position(|b| matches!(b, b'\n' | b'\r')) else {
                self.line_is_empty &= rest.is_empty();
                break;
            };
            self.line_is_empty &= line_len == 0;
            let end = at + line_len;
            at = match (chunk.get(end), chunk.get(end + 1)) {
                (Some(b'\r'), Some(b'\n')) => end + 2,
                (Some(b'\r'), None) => {
                    self.after_cr = true;
                    end + 1
                }
                _ => end + 1,
            };
            if self.line_is_empty {
                let tail = chunk.get(event_start..at).unwrap_or_default();
                if self.carry.is_empty() {
                    each(tail, at);
                } else {
                    self.carry.extend_from_slice(tail);
                    each(&self.carry, at);
                    self.carry.clear();
                }
                event_start = at;
            }
            self.line_is_empty = true;
        }
        self.carry.extend_from_slice(chunk.get(event_start..).unwrap_or_default());
    }

    /// The bytes of the event whose end has not come.
    #[must_use]
    pub fn unfinished(&self) -> &[u8] {
        &self.carry
    }
}

/// The fields of one event that mean something to a client.
#[derive(Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// `event:`, empty when absent.
    pub name: Cow<'a, str>,
    /// The `data:` lines, joined by LF.
    pub data: Cow<'a, str>,
}

impl<'a> Event<'a> {
    /// Reads an event's bytes; `None` when it carries neither a name nor data (a comment, a blank
    /// line). Bytes that are not UTF-8 are replaced, as a client's decoder does.
    #[must_use]
    pub fn parse(raw: &'a [u8]) -> Option<Self> {
        let raw = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw);
        let mut name: &[u8] = b"";
        let mut data: Option<Cow<'a, [u8]>> = None;
        for line in raw.split(|b| matches!(b, b'\n' | b'\r')) {
            let (field, value) = match line.iter().position(|b| *b == b':') {
                Some(colon) => {
                    let (field, rest) = line.split_at(colon);
                    let value = rest.get(1..).unwrap_or_default();
                    (field, value.strip_prefix(b" ").unwrap_or(value))
                }
                None => (line, &[][..]),
            };
            match field {
                b"event" => name = value,
                b"data" => match &mut data {
                    None => data = Some(Cow::Borrowed(value)),
                    Some(lines) => {
                        let lines = lines.to_mut();
                        lines.push(b'\n');
                        lines.extend_from_slice(value);
                    }
                },
                _ => {}
            }
        }
        if name.is_empty() && data.is_none() {
            return None;
        }
        let data = match data.unwrap_or_default() {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        };
        Some(Self { name: String::from_utf8_lossy(name), data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(chunks: &[&[u8]]) -> (Vec<(String, String)>, Vec<u8>) {
        let mut splitter = Splitter::default();
        let mut all = Vec::new();
        for chunk in chunks {
            splitter.feed(chunk, |raw, _| {
                all.extend(Event::parse(raw).map(|e| (e.name.into_owned(), e.data.into_owned())));
            });
        }
        (all, splitter.unfinished().to_vec())
    }

    #[test]
    fn framings() {
        let cases: &[(&str, &[u8], &[(&str, &str)], &[u8])] = &[
            ("lf", b"event: a\ndata: 1\n\nevent: b\ndata: 2\n\n", &[("a", "1"), ("b", "2")], b""),
            ("crlf", b"event: a\r\ndata: 1\r\n\r\n", &[("a", "1")], b""),
            ("cr", b"event: a\rdata: 1\r\r", &[("a", "1")], b""),
            ("lines joined", b"data: 1\ndata:2\ndata\n\n", &[("", "1\n2\n")], b""),
            ("comment alone", b": hi\n\ndata: 1\n\n", &[("", "1")], b""),
            ("blank lines", b"\n\n\ndata: 1\n\n\n", &[("", "1")], b""),
            ("other fields", b"id: 7\nretry: 1\ndata: 1\n\n", &[("", "1")], b""),
            ("two spaces", b"data:  1\n\n", &[("", " 1")], b""),
            ("last name wins", b"event: a\nevent: b\ndata: 1\n\n", &[("b", "1")], b""),
            ("bom", b"\xef\xbb\xbfevent: a\n\n", &[("a", "")], b""),
            ("unfinished", b"data: 1\n\nevent: b\ndata: 2\n", &[("", "1")], b"event: b\ndata: 2\n"),
            ("not utf-8", b"data: \xff\n\n", &[("", "\u{fffd}")], b""),
        ];
        for (case, bytes, expected, rest) in cases {
            let whole = events(&[bytes]);
            let expected: Vec<_> =
                expected.iter().map(|(n, d)| ((*n).to_owned(), (*d).to_owned())).collect();
            assert_eq!(whole.0, expected, "{case}");
            assert_eq!(whole.1, *rest, "{case}");
            for size in 1..bytes.len() {
                let chunks: Vec<_> = bytes.chunks(size).collect();
                assert_eq!(events(&chunks).0, expected, "{case} in chunks of {size}");
            }
            for cut in 0..=bytes.len() {
                let (head, tail) = bytes.split_at(cut);
                assert_eq!(events(&[head, b"", tail]).0, expected, "{case} cut at {cut}");
            }
        }
    }
}

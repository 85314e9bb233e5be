//! An answer that a test wrote itself, byte for byte: what no script says.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::ids::Ids;
use super::render::{Rendered, put};
use super::step::Act;

/// The answer, and how it is laid on the wire.
#[derive(Clone, Debug)]
pub struct Raw {
    pub status: u16,
    pub content_type: String,
    /// The body, a write each. One piece goes with its length, several in chunks.
    pub pieces: Vec<Bytes>,
    /// Pause between two writes.
    pub gap: Duration,
}

impl Raw {
    pub(super) fn render(self, ids: Ids) -> Rendered {
        let Self { status, content_type, pieces, gap } = self;
        let mut headers = HeaderMap::new();
        put(&mut headers, "content-type", &content_type);
        put(&mut headers, "request-id", &ids.request());
        if let [whole] = pieces.as_slice() {
            put(&mut headers, "content-length", &whole.len().to_string());
        }
        let mut acts = Vec::new();
        for piece in pieces.into_iter().filter(|piece| !piece.is_empty()) {
            if !acts.is_empty() && !gap.is_zero() {
                acts.push(Act::Pause(gap));
            }
            acts.push(Act::Write(piece));
        }
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Rendered { status, headers, hold: None, acts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_written_as_they_are() {
        let raw = |pieces: &[&'static [u8]], gap| Raw {
            status: 529,
            content_type: "text/plain".into(),
            pieces: pieces.iter().map(|piece| Bytes::from_static(piece)).collect(),
            gap: Duration::from_millis(gap),
        };
        let one = raw(&[b"a\xff"], 3).render(Ids { number: 1 });
        assert_eq!(
            (one.status.as_u16(), &one.headers["content-length"]),
            (529, &"2".parse().unwrap())
        );
        assert_eq!(one.acts, [Act::Write(Bytes::from_static(b"a\xff"))]);
        let two = raw(&[b"a", b"", b"b"], 3).render(Ids { number: 1 });
        assert!(!two.headers.contains_key("content-length"));
        let pause = Act::Pause(Duration::from_millis(3));
        assert_eq!(two.acts, [Act::Write("a".into()), pause, Act::Write("b".into())]);
    }
}

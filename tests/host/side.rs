//! One direction of a stream between Envoy and the filter: what is held where, and what passes.
//!
//! ```text
//! arrives ─▶ chunk ──(callback)──▶ Continue: passes
//!              │ └───────────────▶ Pause: ─▶ buffered ──(resume)──▶ passes
//!              └ goes to the end of `buffered` first, while the last callback paused
//! ```
//!
//! Read in Envoy's `context.cc` and `filter_manager.cc`, measured on 1.36.4: what a callback reads
//! and writes is `buffered` from one Pause up to the next Continue, whatever was resumed in
//! between; so a Continue that follows an asynchronous resume leaves its data behind in `buffered`,
//! where the next Pause finds it, after data that came later. (1.40 passes it on; what is right
//! here is right there.)

use crate::abi::{Action, Headers, Status};

/// What passes, in order. `end` is the end of the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Out {
    Headers {
        headers: Headers,
        end: bool,
    },
    Data {
        bytes: Vec<u8>,
        end: bool,
    },
    Trailers,
    /// The stream is broken off.
    Reset,
}

impl Out {
    pub(crate) fn ends(&self) -> bool {
        match self {
            Self::Headers { end, .. } | Self::Data { end, .. } => *end,
            Self::Trailers => true,
            Self::Reset => false,
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Side {
    pub(crate) headers: Headers,
    /// The filter can reach the headers: from their callback until they pass.
    headers_bound: bool,
    headers_gone: bool,
    /// The data of the callback that runs, when nothing is buffered.
    chunk: Vec<u8>,
    chunk_bound: bool,
    chunk_ends: bool,
    /// The last body callback paused.
    buffering: bool,
    buffered: Option<Vec<u8>>,
    /// Iteration is stopped at the filter.
    stopped: bool,
    /// The end has come from the sender.
    ended: bool,
    trailers: bool,
    trailers_gone: bool,
    /// The end has passed.
    finished: bool,
}

impl Side {
    // === what arrives, before the filter is called ===

    pub(crate) fn headers_arrive(&mut self, headers: Headers, end: bool) {
        self.headers = headers;
        self.headers_bound = true;
        self.ended = end;
    }

    /// The number of bytes that the callback is told.
    pub(crate) fn data_arrives(&mut self, data: &[u8], end: bool) -> usize {
        self.ended |= end;
        self.chunk_ends = end;
        if self.buffering {
            self.buffered.get_or_insert_default().extend_from_slice(data);
            self.chunk.clear();
        } else {
            self.chunk = data.to_vec();
        }
        self.chunk_bound = true;
        self.view().map_or(0, <[u8]>::len)
    }

    pub(crate) fn trailers_arrive(&mut self) {
        self.trailers = true;
        self.ended = true;
    }

    // === what the filter answered ===

    pub(crate) fn headers_answered(&mut self, action: Action) -> Vec<Out> {
        if action == Action::Continue {
            self.headers_bound = false;
            return self.pass_headers(self.ended);
        }
        self.stopped = true;
        Vec::new()
    }

    pub(crate) fn data_answered(&mut self, action: Action) -> Vec<Out> {
        let chunk = std::mem::take(&mut self.chunk);
        self.buffering = action == Action::Pause;
        self.chunk_bound = false;
        match action {
            Action::Continue if self.stopped => {
                self.buffered.get_or_insert_default().extend(chunk);
                self.resume()
            }
            Action::Continue => self.pass(chunk, self.chunk_ends),
            Action::Pause => {
                self.stopped = true;
                self.buffered.get_or_insert_default().extend(chunk);
                Vec::new()
            }
            Action::Stop => {
                self.stopped = true;
                Vec::new()
            }
        }
    }

    pub(crate) fn trailers_answered(&mut self, action: Action) -> Vec<Out> {
        match action {
            Action::Continue if self.stopped => self.resume(),
            Action::Continue => self.pass_trailers(),
            Action::Pause | Action::Stop => {
                self.stopped = true;
                Vec::new()
            }
        }
    }

    /// Everything that is held here passes, with the end if it has come.
    pub(crate) fn resume(&mut self) -> Vec<Out> {
        self.stopped = false;
        let mut out = Vec::new();
        if !self.headers_gone && self.headers_bound {
            self.headers_bound = false;
            out = self.pass_headers(self.ended && self.buffered.is_none() && !self.trailers);
        }
        if let Some(bytes) = self.buffered.as_mut().map(std::mem::take) {
            out.extend(self.pass(bytes, self.ended && !self.trailers));
        }
        if self.trailers {
            out.extend(self.pass_trailers());
        }
        out
    }

    fn pass_headers(&mut self, end: bool) -> Vec<Out> {
        self.headers_gone = true;
        self.finished |= end;
        vec![Out::Headers { headers: self.headers.clone(), end }]
    }

    fn pass(&mut self, bytes: Vec<u8>, end: bool) -> Vec<Out> {
        if bytes.is_empty() && !end {
            return Vec::new();
        }
        self.finished |= end;
        vec![Out::Data { bytes, end }]
    }

    fn pass_trailers(&mut self) -> Vec<Out> {
        if std::mem::replace(&mut self.trailers_gone, true) {
            return Vec::new();
        }
        self.finished = true;
        vec![Out::Trailers]
    }

    // === what the filter reads and writes ===

    pub(crate) fn headers(&mut self) -> Option<&mut Headers> {
        self.headers_bound.then_some(&mut self.headers)
    }

    pub(crate) fn read(&self, start: usize, most: usize) -> Vec<u8> {
        let view = self.view().unwrap_or_default();
        let end = start.saturating_add(most).min(view.len());
        view.get(start..end).unwrap_or_default().to_vec()
    }

    /// `Buffer::copyFrom` of Envoy: from the start on, or behind the end; nowhere in between.
    pub(crate) fn write(&mut self, start: usize, size: usize, bytes: &[u8]) -> Status {
        let view = if self.buffering {
            self.buffered.as_mut()
        } else {
            self.chunk_bound.then_some(&mut self.chunk)
        };
        let Some(view) = view else { return Status::BadArgument };
        if start == 0 {
            view.splice(..size.min(view.len()), bytes.iter().copied());
        } else if start >= view.len() {
            view.extend_from_slice(bytes);
        } else {
            return Status::BadArgument;
        }
        Status::Ok
    }

    fn view(&self) -> Option<&[u8]> {
        if self.buffering {
            self.buffered.as_deref()
        } else {
            self.chunk_bound.then_some(self.chunk.as_slice())
        }
    }

    // === where it stands ===

    pub(crate) fn headers_are_gone(&self) -> bool {
        self.headers_gone
    }

    /// The sender has ended the message.
    pub(crate) fn is_ended(&self) -> bool {
        self.ended
    }

    /// The end has passed.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished
    }
}

/// Each was measured with a probe filter on Envoy 1.36.4: what it read, what the client got.
mod measured {
    use super::*;

    fn data(out: Vec<Out>) -> String {
        out.iter().fold(String::new(), |text, out| match out {
            Out::Data { bytes, .. } => text + &String::from_utf8_lossy(bytes),
            Out::Headers { .. } | Out::Trailers | Out::Reset => text,
        })
    }

    fn text(side: &Side) -> String {
        String::from_utf8(side.read(0, 100)).unwrap()
    }

    #[test]
    fn writes_begin_at_the_start_or_behind_the_end() {
        let mut side = Side::default();
        side.data_arrives(b"aaaaa", false);
        side.data_answered(Action::Pause);
        assert_eq!(side.data_arrives(b"bbbbb", false), 10);
        assert_eq!(side.write(5, usize::MAX, b"BB"), Status::BadArgument);
        assert_eq!(side.write(5, 5, b"BB"), Status::BadArgument);
        assert_eq!(side.write(10, usize::MAX, b"ZZ"), Status::Ok);
        assert_eq!(side.write(0, 3, b"__"), Status::Ok);
        assert_eq!(text(&side), "__aabbbbbZZ");
        assert!(side.read(100, 5).is_empty());
        assert_eq!(side.write(0, usize::MAX, b"new"), Status::Ok);
        side.data_answered(Action::Pause);
        assert_eq!(side.data_arrives(b"ccccc", false), 8);
        assert_eq!(data(side.data_answered(Action::Continue)), "newccccc");
    }

    #[test]
    fn a_resume_leaves_the_body_buffered_until_a_callback_continues() {
        let mut side = Side::default();
        side.data_arrives(b"aaaaa", false);
        side.data_answered(Action::Pause);
        assert_eq!(side.write(0, usize::MAX, b"woken"), Status::Ok);
        assert_eq!(data(side.resume()), "woken");
        assert_eq!(side.data_arrives(b"bbbbb", false), 5);
        side.data_answered(Action::Pause);
        assert_eq!(side.write(0, usize::MAX, b"again"), Status::Ok);
        assert_eq!(data(side.resume()), "again");
        side.data_arrives(b"ccccc", false);
        // The chunk is stranded: this is what the filter must not do.
        assert_eq!(data(side.data_answered(Action::Continue)), "");
        side.data_arrives(b"ddddd", false);
        assert_eq!(data(side.data_answered(Action::Continue)), "ddddd");
    }

    #[test]
    fn after_a_continue_nothing_can_be_written() {
        let mut side = Side::default();
        side.data_arrives(b"aaaaa", false);
        assert_eq!(data(side.data_answered(Action::Continue)), "aaaaa");
        assert_eq!(side.write(0, usize::MAX, b"late"), Status::BadArgument);
        assert!(side.read(0, 10).is_empty());
    }
}

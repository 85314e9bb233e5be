//! The sequence in which Envoy lets a filter withhold parts of a running response.
//!
//! Envoy believes a body to be buffered from the first `Pause` until a body callback returns
//! `Continue`, whatever was resumed in between; a filter that answers `Continue` too early loses or
//! reorders data (observed on Envoy 1.36). So the first callback after a resume pauses once more
//! and has the root resume it ("wake"), and only a callback that finds the iteration stopped may
//! continue:
//!
//! ```text
//! flowing ──part to wait for──▶ waiting ──acknowledged──▶ resumed ──next chunk──▶ woken ─┐
//!    ▲                            └─ prefix in Envoy's buffer: woken at once             │
//!    └───────────────────────── next chunk while stopped ◀──────────────────────────────┘
//! ```
//!
//! `unreleased` is the prefix of Envoy's buffer that may pass but was not resumed yet: new data
//! begins behind it.

/// Where one response stands between us and Envoy.
#[derive(Debug, Default)]
pub(crate) struct Hold {
    /// The last body callback returned Pause; survives a resume.
    paused: bool,
    /// Envoy's iteration is stopped at us.
    stopped: bool,
    /// The root was asked to resume.
    wake: bool,
    /// The upstream has ended the response.
    pub(crate) ended: bool,
    /// Bytes at the start of Envoy's buffer that may pass.
    unreleased: usize,
    /// The turn in which the response was resumed last: Envoy lets the buffer go once the turn is
    /// over, and until then no write may run over it.
    resumed_in: Option<u64>,
}

/// What a body callback returns, once what may pass was written behind `unreleased`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Let it go on.
    Continue,
    /// Pause behind it.
    Pause {
        /// Ask the root to resume.
        wake: bool,
    },
}

impl Hold {
    /// Where the next write begins, in this turn of the VM.
    pub(crate) fn at(&mut self, turn: u64) -> usize {
        if self.resumed_in.is_some_and(|earlier| earlier != turn) {
            self.resumed_in = None;
            self.unreleased = 0;
        }
        self.unreleased
    }

    /// A body callback in which something waits, `released` bytes before it may pass.
    pub(crate) fn wait(&mut self, released: usize, waited_before: bool) -> Step {
        let at = self.unreleased;
        self.paused = true;
        self.stopped = true;
        let mut wake = false;
        if !waited_before {
            let prefix = at + released;
            if self.ended || prefix > 0 {
                self.unreleased = prefix;
                // After the end a resume would carry the end along.
                wake = !self.ended;
            }
        }
        self.wake |= wake;
        Step::Pause { wake }
    }

    /// A body callback in which nothing waits.
    pub(crate) fn flow(&mut self, released: usize) -> Step {
        let at = self.unreleased;
        if !self.paused {
            return Step::Continue;
        }
        if self.stopped {
            *self = Self { ended: self.ended, ..Self::default() };
            return Step::Continue;
        }
        self.unreleased = at + released;
        self.stopped = true;
        self.wake = true;
        Step::Pause { wake: true }
    }

    /// The root was woken for this stream. Whether to resume the response.
    pub(crate) fn woken(&mut self, waiting: bool, turn: u64) -> bool {
        if !self.wake {
            return false;
        }
        self.wake = false;
        let resume = self.stopped && !(waiting && self.ended);
        if resume {
            self.resumed(turn);
        }
        resume
    }

    /// Something was acknowledged, and `released` bytes were written behind `unreleased`. Whether
    /// to resume the response.
    pub(crate) fn acknowledged(&mut self, released: usize, waiting: bool, turn: u64) -> bool {
        self.unreleased += released;
        if waiting && self.ended {
            return false;
        }
        self.resumed(turn);
        true
    }

    /// The end came with trailers: no body callback brings it.
    pub(crate) fn trailers(&mut self) {
        self.ended = true;
        self.stopped = true;
    }

    /// Whether a write is legal now: only while the last body callback paused.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused
    }

    /// The response was resumed.
    pub(crate) fn resumed(&mut self, turn: u64) {
        self.resumed_in = Some(turn);
        self.stopped = false;
    }
}

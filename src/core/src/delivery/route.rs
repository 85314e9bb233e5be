//! Which sink a call goes to: the policy names their clusters, and one that answers is asked.
//!
//! ```text
//! call ─▶ the preferred ──fails──▶ the next ──fails──▶ … ─▶ not acknowledged; all within one hold
//!              ▲                       └─ answers: it is the preferred one
//!              └─ the first, once one call has found it answering again
//! ```
//!
//! A sink that says nothing is one that fails: each is given an equal share of the time that is left.
//! Its answer may still be lost on the way, so one part can stand in several sinks.

use std::cell::Cell;
use std::rc::Rc;

/// After so long the first cluster is tried again.
const RETURN_MS: u64 = 30_000;

/// The sinks' clusters of one policy, and which of them is asked first at present.
#[derive(Debug)]
pub struct Sinks {
    clusters: Vec<String>,
    preferred: Cell<usize>,
    /// When a call tries the first again, while another is preferred.
    return_at: Cell<u64>,
}

impl Sinks {
    /// Clusters in the order in which they are asked.
    #[must_use]
    pub fn new(clusters: Vec<String>) -> Self {
        Self { clusters, preferred: Cell::new(0), return_at: Cell::new(0) }
    }

    /// The cluster that is asked first at present.
    #[must_use]
    pub fn preferred(&self) -> &str {
        self.name(self.preferred.get())
    }

    /// The way of a call that is made now and must be answered within a hold of so long.
    #[must_use]
    pub fn route(self: &Rc<Self>, hold_ms: u64, now: u64) -> Route {
        let preferred = self.preferred.get();
        let returns = preferred != 0 && self.return_at.get() <= now;
        if returns {
            // One call finds out; the others go on to where answers come from.
            self.return_at.set(now.saturating_add(RETURN_MS));
        }
        Route {
            sinks: Rc::clone(self),
            at: if returns { 0 } else { preferred },
            left: self.clusters.len().saturating_sub(1),
            began_here: true,
            form: Form::AsKnown,
            hold_ms,
            deadline: now.saturating_add(hold_ms),
        }
    }

    fn name(&self, at: usize) -> &str {
        self.clusters.get(at).map(String::as_str).unwrap_or_default()
    }
}

/// Where one call is on its way through the sinks.
#[derive(Clone, Debug)]
pub struct Route {
    sinks: Rc<Sinks>,
    at: usize,
    /// Further clusters that were not asked.
    left: usize,
    /// No other failed before this one.
    began_here: bool,
    pub(super) form: Form,
    hold_ms: u64,
    deadline: u64,
}

/// What a call carries of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// What the sink does not have, as far as that is known; nothing was left out yet.
    AsKnown,
    /// Something was left out.
    Folded,
    /// Everything: the sink did not have what was left out.
    Whole,
}

impl Route {
    /// The cluster to call.
    #[must_use]
    pub fn cluster(&self) -> &str {
        self.sinks.name(self.at)
    }

    /// How long it is given, milliseconds.
    #[must_use]
    pub fn timeout_ms(&self, now: u64) -> u64 {
        let time = self.deadline.saturating_sub(now).min(self.hold_ms);
        let sinks = (self.left as u64).saturating_add(1);
        time.checked_div(sinks).unwrap_or(time).max(1)
    }

    /// The cluster has failed: the way on to the next. `None` when all were asked, or time is over.
    #[must_use]
    pub fn next(self, now: u64) -> Option<Self> {
        let left = self.left.checked_sub(1)?;
        let after = self.at.saturating_add(1);
        let at = if after < self.sinks.clusters.len() { after } else { 0 };
        let form = Form::AsKnown;
        (now < self.deadline).then_some(Self { at, left, began_here: false, form, ..self })
    }

    /// The cluster does not have what was left out: the way to it once more, with everything. `None`
    /// when nothing was, or time is over.
    pub(super) fn whole(self, now: u64) -> Option<Self> {
        let again = self.form == Form::Folded && now < self.deadline;
        again.then_some(Self { form: Form::Whole, ..self })
    }

    /// The cluster has answered. One that stood in for another is preferred from now on, and so is the
    /// first whenever it answers.
    pub(super) fn answered(&self, now: u64) {
        let sinks = &self.sinks;
        if self.at != 0 && (self.began_here || sinks.preferred.get() == self.at) {
            return;
        }
        sinks.preferred.set(self.at);
        sinks.return_at.set(now.saturating_add(RETURN_MS));
    }
}

//! What one engine's measurements came to. They pass from the measuring process to the one that
//! prints them as JSON.

use serde::{Deserialize, Serialize};

/// What one process measured, or several in turn.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) bodies: usize,
    /// Bytes of JSON, and of the texts in it.
    pub(crate) raw: usize,
    pub(crate) plain: usize,
    pub(crate) speed: Speed,
    pub(crate) found: Found,
    pub(crate) deltas: Deltas,
    pub(crate) configure_ms: Vec<f64>,
}

impl Figures {
    /// Takes in the next round's. What is no time is the same in every round.
    pub(crate) fn add(&mut self, next: Self) {
        let Speed { secrets, everything, request, seen } = next.speed;
        self.speed.secrets.extend(secrets);
        self.speed.everything.extend(everything);
        self.speed.request.extend(request);
        self.speed.seen.extend(seen);
        let Deltas { mean_us, p50_us, p99_us, .. } = next.deltas;
        self.deltas.mean_us.extend(mean_us);
        self.deltas.p50_us.extend(p50_us);
        self.deltas.p99_us.extend(p99_us);
        self.configure_ms.extend(next.configure_ms);
    }
}

/// Megabytes a second, a figure for each round.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Speed {
    /// Secrets in decoded texts.
    pub(crate) secrets: Vec<f64>,
    /// Secrets and personal data in decoded texts.
    pub(crate) everything: Vec<f64>,
    /// From the bytes of a request to those that go upstream, nothing remembered.
    pub(crate) request: Vec<f64>,
    /// The same when every string was seen before.
    pub(crate) seen: Vec<f64>,
}

/// What was found.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Found {
    /// Values in all bodies: the same in every engine.
    pub(crate) values: usize,
    /// Planted secrets of which nothing went upstream.
    pub(crate) planted: usize,
    /// The rules whose secrets were missed.
    pub(crate) missed: Vec<String>,
}

/// A text that comes in deltas.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Deltas {
    pub(crate) count: usize,
    /// Microseconds for each, a figure for each round.
    pub(crate) mean_us: Vec<f64>,
    pub(crate) p50_us: Vec<f64>,
    pub(crate) p99_us: Vec<f64>,
    /// Bytes that wait after a delta.
    pub(crate) held: Spots,
    /// Further deltas until a delta's last byte is decided.
    pub(crate) delay: Spots,
}

/// Points of a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spots {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

/// What a hostile input costs, as a multiple of as much normal text.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Hostile {
    pub(crate) name: String,
    /// Which of many, where it is the worst of them.
    pub(crate) which: String,
    /// As a request's body.
    pub(crate) request: f64,
    /// In deltas; `None` for what is no text.
    pub(crate) stream: Option<f64>,
}

/// Bytes of a module's memory that were taken up.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Heap {
    /// By an engine.
    pub(crate) configured: usize,
    /// By an engine that has seen the corpus, and what it remembers of it.
    pub(crate) scanned: usize,
}

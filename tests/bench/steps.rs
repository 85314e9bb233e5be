//! Keeps clients and upstream in step, so that each event of a stream passes Envoy by itself.
//!
//! A model's events come one at a time, with pauses; pauses would make a slice mostly idle, and
//! without them the cost hangs on how many events Envoy happens to read together. So the upstream
//! sends an event as soon as its client has the one before:
//!
//! ```text
//! upstream ──event──▶ Envoy ──event──▶ client ──arrived──▶ upstream ──next event──▶ …
//! ```
//!
//! Client and upstream are threads of this process. A filter that keeps an event back until it has
//! seen more delays the next one by a moment, and stops nothing.

use futures_util::task::AtomicWaker;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// How long an event waits for the one before at most.
const AT_MOST: Duration = Duration::from_millis(5);

/// The steps of every client, by its number. Each has one exchange at a time.
#[derive(Clone)]
pub(crate) struct Steps(Arc<[Step]>);

#[derive(Default)]
struct Step {
    /// Bytes of the present answer that its client has.
    arrived: AtomicUsize,
    upstream: AtomicWaker,
}

impl Steps {
    pub(crate) fn new(clients: usize) -> Self {
        Self((0..clients).map(|_| Step::default()).collect())
    }

    /// A client begins an exchange.
    pub(crate) fn begin(&self, client: usize) {
        if let Some(step) = self.0.get(client) {
            step.arrived.store(0, Ordering::Release);
        }
    }

    /// A client has received more of its answer.
    pub(crate) fn arrived(&self, client: usize, bytes: usize) {
        if let Some(step) = self.0.get(client) {
            step.arrived.fetch_add(bytes, Ordering::Release);
            step.upstream.wake();
        }
    }

    /// The upstream's side of an exchange.
    pub(crate) fn follow(&self, client: usize) -> Follow {
        Follow { steps: self.clone(), client, patience: Box::pin(sleep(AT_MOST)) }
    }
}

/// Waits for one client.
pub(crate) struct Follow {
    steps: Steps,
    client: usize,
    patience: Pin<Box<Sleep>>,
}

impl Follow {
    /// Ready once so many bytes have arrived, or waited for long enough.
    pub(crate) fn poll(&mut self, bytes: usize, context: &mut Context<'_>) -> Poll<()> {
        let Some(step) = self.steps.0.get(self.client) else { return Poll::Ready(()) };
        step.upstream.register(context.waker());
        if step.arrived.load(Ordering::Acquire) >= bytes {
            return Poll::Ready(());
        }
        self.patience.as_mut().poll(context)
    }

    /// Something was sent: patience begins anew.
    pub(crate) fn sent(&mut self) {
        self.patience.as_mut().reset(Instant::now() + AT_MOST);
    }
}

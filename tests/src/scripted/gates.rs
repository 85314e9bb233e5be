//! Gates: named places where a response waits until the test lets it go on.
//!
//! A gate is a semaphore that starts with no permit. Releases that come early are kept, so a test
//! need not wait for the response to arrive first; an open gate is a closed semaphore, which
//! holds nobody.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

#[derive(Default)]
pub(super) struct Gates(Mutex<State>);

#[derive(Default)]
struct State {
    named: HashMap<String, Arc<Semaphore>>,
    all_open: bool,
}

impl Gates {
    pub(super) fn release(&self, name: &str) {
        self.named(name).add_permits(1);
    }

    pub(super) fn open(&self, name: &str) {
        self.named(name).close();
    }

    /// Opens every gate there is and will be.
    pub(super) fn open_all(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.all_open = true;
        state.named.values().for_each(|gate| gate.close());
    }

    pub(super) async fn pass(&self, name: &str) {
        if let Ok(permit) = self.named(name).acquire().await {
            permit.forget();
        }
    }

    fn named(&self, name: &str) -> Arc<Semaphore> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all_open = state.all_open;
        let gate = state.named.entry(name.to_owned()).or_insert_with(|| {
            let gate = Semaphore::new(0);
            if all_open {
                gate.close();
            }
            Arc::new(gate)
        });
        Arc::clone(gate)
    }
}

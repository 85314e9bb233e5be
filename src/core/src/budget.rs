//! One VM's memory, as the gateway accounts for it.
//!
//! Wasm memory never shrinks and an allocation that fails aborts the VM with every stream in it,
//! so new exchanges are turned away well before. Exchanges that run go on: their charges may pass
//! the limit.

use std::cell::Cell;
use std::rc::Rc;

/// The account of one VM.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    used: Rc<Cell<usize>>,
}

impl Budget {
    /// Whether a new exchange that needs this many bytes may begin under a policy's limit.
    #[must_use]
    pub fn has_room(&self, bytes: usize, limit: usize) -> bool {
        self.used.get().saturating_add(bytes) <= limit
    }

    /// A charge of nothing yet.
    #[must_use]
    pub fn charge(&self) -> Charge {
        Charge { used: Rc::clone(&self.used), bytes: 0 }
    }

    /// Bytes charged at present.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.get()
    }
}

/// What one holder has on the account; returned when dropped.
#[derive(Debug)]
pub struct Charge {
    used: Rc<Cell<usize>>,
    bytes: usize,
}

impl Charge {
    /// Sets what this holder has.
    pub fn set(&mut self, bytes: usize) {
        let others = self.used.get().saturating_sub(self.bytes);
        self.used.set(others.saturating_add(bytes));
        self.bytes = bytes;
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charges_add_up_and_come_back() {
        let budget = Budget::default();
        let mut a = budget.charge();
        let mut b = budget.charge();
        a.set(60);
        b.set(30);
        a.set(50);
        assert_eq!(budget.used(), 80);
        assert!(budget.has_room(20, 100) && !budget.has_room(21, 100));
        drop(a);
        assert_eq!(budget.used(), 30);
    }
}

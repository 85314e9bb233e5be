//! The machine, and who runs where on it.
//!
//! Envoy gets a core of its own, everything else the others: otherwise the scheduler's choice of
//! the day, next to the client or away from it, costs more than a filter does.

use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};
use std::fs;

/// The cores that may be used.
#[derive(Clone, Copy)]
pub(crate) struct Cores {
    pub(crate) count: usize,
    envoy: Option<usize>,
}

impl Cores {
    /// Takes this thread, and what it starts from now on, off the last core; does nothing when
    /// there is only one, or when that is not allowed.
    pub(crate) fn split() -> Self {
        let Ok(mut rest) = sched_getaffinity(None) else { return Self { count: 0, envoy: None } };
        let count = rest.count() as usize;
        let last = (0..CpuSet::MAX_CPU).rev().find(|core| rest.is_set(*core));
        let Some(last) = last.filter(|_| count > 1) else { return Self { count, envoy: None } };
        rest.unset(last);
        let split = sched_setaffinity(None, &rest).is_ok();
        Self { count, envoy: split.then_some(last) }
    }

    /// Gives that core to an Envoy that has no threads yet.
    pub(crate) fn give_envoy(&self, pid: u32) {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        if let (Some(core), Some(pid)) = (self.envoy, pid) {
            let mut one = CpuSet::new();
            one.set(core);
            // Without it the figures are the same, and less steady.
            let _ = sched_setaffinity(Some(pid), &one);
        }
    }

    /// Whether Envoy has a core of its own.
    pub(crate) fn are_split(&self) -> bool {
        self.envoy.is_some()
    }
}

/// What the processor calls itself.
pub(crate) fn model() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let named = |line: &str| {
        let (_, value) = line.strip_prefix("model name")?.split_once(": ")?;
        Some(value.trim().to_owned())
    };
    text.lines().find_map(named).unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

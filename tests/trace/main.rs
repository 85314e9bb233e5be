//! A crash at any call to the system: the writer's writes and syncs are recorded with strace, and
//! replayed up to each of them.
//!
//! What was not synced when the machine failed may be on disk, or not, or in part and in any order.
//! Whatever of it is, every part that was acknowledged is there, and the log verifies.

// `cfg(test)` tells clippy that helpers, too, are tests and may panic.
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod recording;

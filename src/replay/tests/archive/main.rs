//! The archive over real ledgers, as a sink and an auditor use it.

// `cfg(test)` tells clippy that helpers, too, are tests and may panic.
#[cfg(test)]
mod erased;
#[cfg(test)]
mod follow;
#[cfg(test)]
mod world;

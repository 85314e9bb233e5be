//! What SQLite writes, brought towards the disk while it is written, and not all at once by its sync.
//!
//! ```text
//! SQLite    write … write ─▶ a slice: the disk begins with it · rest · write … ─▶ …   sync: little is left
//! intake         sync: waits for a slice at most              sync
//! ```
//!
//! A commit, or a copy of the log, writes megabytes into memory within milliseconds, and its sync has the
//! disk write all of them. The intake's sync, which acknowledgements wait for, comes behind them then.

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
pub(crate) use linux::{pace, prepare};

/// Makes ready what [`pace`] needs, before a connection writes. Other systems write as they do.
#[cfg(not(target_os = "linux"))]
pub(crate) fn prepare() {}

/// From now on this thread rests for so long behind each slice that it writes.
#[cfg(not(target_os = "linux"))]
pub(crate) fn pace(_rest: std::time::Duration) {}

//! The clock. A moment is Unix milliseconds.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now; a clock before 1970 reads as 0.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

//! Moments and spans for people. A moment is Unix milliseconds, shown in UTC.

use hansard_shown::rfc3339;
use maud::{Markup, html};
use std::time::{SystemTime, UNIX_EPOCH};

/// Now; a clock before 1970 reads as 0.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// `2026-01-02 03:04:05`, with the whole moment for machines.
pub(crate) fn moment(moment: i64) -> Markup {
    let full = rfc3339(moment);
    let short = full.get(..19).unwrap_or(&full).replace('T', " ");
    html! { time datetime=(full) title=(full) { (short) } }
}

/// The time of day alone, `03:04:05`.
pub(crate) fn clock(moment: i64) -> Markup {
    let full = rfc3339(moment);
    html! { time datetime=(full) title=(full) { (full.get(11..19).unwrap_or_default()) } }
}

/// A span of milliseconds, as people read it.
pub(crate) fn span(ms: u64) -> String {
    hansard_shown::span(i64::try_from(ms).unwrap_or(i64::MAX))
}

/// Since the session's start: `0:07`, `12:03`, `1:02:03`.
pub(crate) fn offset(ms: i64) -> String {
    let s = ms.max(0) / 1000;
    let (hours, minutes, seconds) = (s / 3600, s / 60 % 60, s % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// For a `datetime-local` field.
pub(crate) fn local(moment: i64) -> String {
    rfc3339(moment).get(..16).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_read_at_a_glance() {
        assert_eq!(
            (offset(-5), offset(67_000), offset(3_723_000)),
            ("0:00".into(), "1:07".into(), "1:02:03".into())
        );
        assert_eq!(local(1_709_251_199_999), "2024-02-29T23:59");
    }
}

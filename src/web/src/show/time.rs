//! Moments and spans for people. A moment is Unix milliseconds, shown in UTC.

use maud::{Markup, html};
use std::time::{SystemTime, UNIX_EPOCH};

/// Now; a clock before 1970 reads as 0.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// RFC 3339 in UTC, with milliseconds.
pub(crate) fn rfc3339(moment: i64) -> String {
    let (day, ms) = (moment.div_euclid(86_400_000), moment.rem_euclid(86_400_000));
    let (year, month, day) = civil(day);
    let (s, ms) = (ms / 1000, ms % 1000);
    let (hour, minute, second) = (s / 3600, s / 60 % 60, s % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
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

/// A span of milliseconds: `870 ms`, `2.3 s`, `4 min 05 s`, `3 h 04 min`.
pub(crate) fn span(ms: u64) -> String {
    match ms {
        ..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        60_000..3_600_000 => format!("{} min {:02} s", ms / 60_000, ms / 1000 % 60),
        _ => format!("{} h {:02} min", ms / 3_600_000, ms / 60_000 % 60),
    }
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

/// Of a form's `datetime-local` field, `2026-01-02T03:04`, read as UTC; a date alone is its midnight.
pub(crate) fn parse_local(field: &str) -> Option<i64> {
    let (date, time) = field.split_once('T').unwrap_or((field, "00:00"));
    let mut date = date.split('-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let mut time = time.trim_end_matches('Z').split(':').map(str::parse::<f64>);
    let (hour, minute) = (time.next()?.ok()?, time.next()?.ok()?);
    let second = time.next().and_then(Result::ok).unwrap_or(0.0);
    let in_range = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0.0..24.0).contains(&hour)
        && (0.0..60.0).contains(&minute)
        && (0.0..61.0).contains(&second);
    in_range.then(|| {
        days(year, month, day) * 86_400_000
            + ((hour * 3600.0 + minute * 60.0 + second) * 1000.0) as i64
    })
}

/// For a `datetime-local` field.
pub(crate) fn local(moment: i64) -> String {
    rfc3339(moment).get(..16).unwrap_or_default().to_owned()
}

/// Year, month and day of a day since 1970-01-01, in the Gregorian calendar.
///
/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`: years begin
/// in March, so that the leap day is the last of its year.
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// The way back: `days_from_civil` of the same paper.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_as_rfc_3339_and_back() {
        for (moment, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (1_767_225_599_001, "2025-12-31T23:59:59.001Z"),
        ] {
            assert_eq!(rfc3339(moment), text);
            assert_eq!(parse_local(text), Some(moment));
        }
        assert_eq!(parse_local("2024-03-01"), Some(1_709_251_200_000));
        assert_eq!(parse_local("2024-03-01T01:02"), Some(1_709_254_920_000));
        for not in ["", "x", "2024-13-01", "2024-01-01T25:00", "2024", "99999-01-01", "2024-01-01T"]
        {
            assert_eq!(parse_local(not), None, "{not}");
        }
    }

    #[test]
    fn spans_read_at_a_glance() {
        for (ms, text) in
            [(0, "0 ms"), (2_399, "2.3 s"), (245_000, "4 min 05 s"), (11_045_000, "3 h 04 min")]
        {
            assert_eq!(span(ms), text);
        }
        assert_eq!(
            (offset(-5), offset(67_000), offset(3_723_000)),
            ("0:00".into(), "1:07".into(), "1:02:03".into())
        );
    }
}

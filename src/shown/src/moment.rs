//! Moments and spans.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// RFC 3339 in UTC, with milliseconds. What lies outside of the years that it can write is shown as
/// the nearest that it can.
#[must_use]
pub fn rfc3339(moment: i64) -> String {
    let nearest = if moment < 0 { Timestamp::MIN } else { Timestamp::MAX };
    let moment = Timestamp::from_millisecond(moment).unwrap_or(nearest);
    moment.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// For people: `2026-01-02 03:04:05`.
#[must_use]
pub fn short(moment: i64) -> String {
    let full = rfc3339(moment);
    full.split_once('.').map_or(full.as_str(), |(seconds, _)| seconds).replace('T', " ")
}

/// A moment of 1970 or later that was written as a date, or as a date and a time of day in UTC:
/// `2026-01-02`, `2026-01-02T03:04`, `2026-01-02T03:04:05.678Z`.
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    // Behind the date there is no other offset.
    if text.get(10..).is_some_and(|time| time.contains(['+', '-', '['])) {
        return None;
    }
    let civil: DateTime = text.parse().ok()?;
    let moment = TimeZone::UTC.to_timestamp(civil).ok()?.as_millisecond();
    (moment >= 0).then_some(moment)
}

/// A span of milliseconds: `870 ms`, `2.3 s`, `4 min 05 s`, `3 h 04 min`.
#[must_use]
pub fn span(ms: i64) -> String {
    match ms {
        ..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        60_000..3_600_000 => format!("{} min {:02} s", ms / 60_000, ms / 1000 % 60),
        _ => format!("{} h {:02} min", ms / 3_600_000, ms / 60_000 % 60),
    }
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
            (1_709_251_200_000, "2024-03-01T00:00:00.000Z"),
            (1_767_225_599_001, "2025-12-31T23:59:59.001Z"),
        ] {
            assert_eq!(rfc3339(moment), text);
            assert_eq!(parse(text), Some(moment));
        }
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(short(1_709_251_199_999), "2024-02-29 23:59:59");
        assert_eq!(parse("2024-03-01"), Some(1_709_251_200_000));
        assert_eq!(parse("2024-03-01T01:02"), Some(1_709_254_920_000));
    }

    #[test]
    fn what_is_no_moment_is_none_and_what_lies_too_far_is_the_nearest() {
        for not in [
            "",
            "x",
            "Z",
            "2024-13-01",
            "2024-02-30",
            "2024-01-01T25:00",
            "2024",
            "99999-01-01",
            "2024-01-01T",
            "2024-01-01T03:04+02:00",
            "2024-01-01 03:04-02:00",
            "2024-01-01T03:04[UTC]",
            "2024-01-01+02:00",
            "1969-12-31",
        ] {
            assert_eq!(parse(not), None, "{not}");
        }
        assert!(rfc3339(i64::MAX).starts_with("9999-12-30T"), "{}", rfc3339(i64::MAX));
        assert!(rfc3339(i64::MIN).ends_with('Z'));
        assert!(span(i64::MIN).ends_with(" ms"));
    }

    #[test]
    fn spans_read_at_a_glance() {
        for (ms, text) in [
            (-5, "-5 ms"),
            (0, "0 ms"),
            (999, "999 ms"),
            (2_399, "2.3 s"),
            (245_000, "4 min 05 s"),
            (11_045_000, "3 h 04 min"),
        ] {
            assert_eq!(span(ms), text);
        }
    }
}

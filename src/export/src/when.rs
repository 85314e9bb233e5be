//! Moments, from Unix milliseconds.

/// RFC 3339 in UTC, with milliseconds.
pub(crate) fn rfc3339(moment: i64) -> String {
    let (day, ms) = (moment.div_euclid(86_400_000), moment.rem_euclid(86_400_000));
    let (year, month, day) = civil(day);
    let (s, ms) = (ms / 1000, ms % 1000);
    let (hour, minute, second) = (s / 3600, s / 60 % 60, s % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// For people: `2026-01-02 03:04:05`.
pub(crate) fn short(moment: i64) -> String {
    let full = rfc3339(moment);
    full.split_once('.').map_or(full.as_str(), |(seconds, _)| seconds).replace('T', " ")
}

/// A span of milliseconds: `870 ms`, `2.3 s`, `4 min 05 s`.
pub(crate) fn span(ms: i64) -> String {
    match ms {
        ..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => format!("{} min {:02} s", ms / 60_000, ms / 1000 % 60),
    }
}

/// Nanoseconds; what lies before 1970 or after 2554 is the nearest that can be said.
pub(crate) fn nanos(moment: i64) -> u64 {
    u64::try_from(moment).unwrap_or(0).saturating_mul(1_000_000)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_as_rfc_3339() {
        for (moment, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_767_225_599_001, "2025-12-31T23:59:59.001Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(rfc3339(moment), text);
        }
        // The ends of what can be said do not overflow.
        for moment in [i64::MIN, i64::MAX] {
            assert!(rfc3339(moment).ends_with('Z'));
            nanos(moment);
            span(moment);
        }
    }
}

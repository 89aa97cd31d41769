//! Times as text: RFC 3339, written in UTC with `Z` and always six digits, so that equal times are equal texts; read
//! with any offset and any number of digits, truncated to microseconds.

use prost_types::Timestamp;

const LENGTH: usize = 27;
const DAY_SECS: i64 = 86_400;
/// First second of the year 1 and last of the year 9999, the range of four-digit years.
const RANGE_SECS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// A time as text, on the stack.
#[derive(Clone, Copy, Debug)]
pub struct Text([u8; LENGTH]);

impl Text {
    /// The text of a time; one outside the years 1 to 9999 becomes the nearest that has a text.
    pub fn of(at: &Timestamp) -> Text {
        let seconds = at.seconds.clamp(*RANGE_SECS.start(), *RANGE_SECS.end());
        let micros = u32::try_from(at.nanos).unwrap_or(0) / 1000;
        let day = seconds.div_euclid(DAY_SECS);
        let second = seconds.rem_euclid(DAY_SECS);
        let (year, month, date) = civil(day);
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        let mut put = |from: usize, to: usize, mut value: i64| {
            for digit in text[from..to].iter_mut().rev() {
                *digit = b'0' + u8::try_from(value % 10).unwrap_or(0);
                value /= 10;
            }
        };
        put(0, 4, year);
        put(5, 7, month);
        put(8, 10, date);
        put(11, 13, second / 3600);
        put(14, 16, second / 60 % 60);
        put(17, 19, second % 60);
        put(20, 26, i64::from(micros.min(999_999)));
        Text(text)
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Whether a time has a text: the years 1 to 9999, less than a second of nanoseconds.
pub fn is_valid(at: &Timestamp) -> bool {
    RANGE_SECS.contains(&at.seconds) && (0..1_000_000_000).contains(&at.nanos)
}

/// Reads `2026-01-31T09:30:00Z`, also with an offset or a fraction.
pub fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| {
        let digits = bytes.get(from..to)?;
        digits.iter().try_fold(0i64, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
    };
    let punctuation = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    let sound = punctuation.iter().all(|(at, mark)| bytes.get(*at) == Some(mark));
    if !sound || !matches!(bytes.get(10), Some(b'T' | b't')) {
        return None;
    }
    let year = number(0, 4)?;
    let month = number(5, 7)?;
    let day = number(8, 10)?;
    let hour = number(11, 13)?;
    let minute = number(14, 16)?;
    let second = number(17, 19)?;
    if !(1..=12).contains(&month) || !(1..=month_days(year, month)).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut at = 19;
    let mut micros = 0i64;
    if bytes.get(at) == Some(&b'.') {
        at += 1;
        let digits = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        micros = number(at, at + digits.min(6))? * 10i64.pow(u32::try_from(6 - digits.min(6)).ok()?);
        at += digits;
    }
    let offset = match bytes.get(at..)? {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let hours = number(at + 1, at + 3)?;
            let minutes = number(at + 4, at + 6)?;
            if hours > 23 || minutes > 59 {
                return None;
            }
            let seconds = hours * 3600 + minutes * 60;
            if *sign == b'+' { seconds } else { -seconds }
        }
        _ => return None,
    };
    let seconds = days(year, month, day) * DAY_SECS + hour * 3600 + minute * 60 + second - offset;
    let parsed = Timestamp { seconds, nanos: i32::try_from(micros * 1000).ok()? };
    is_valid(&parsed).then_some(parsed)
}

fn month_days(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date. Years begin in March, so that the leap day is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a number of days since 1970-01-01; the inverse of [`days`].
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_written_with_six_digits_and_z() {
        let table = [
            (0, 0, "1970-01-01T00:00:00.000000Z"),
            (1_767_225_599, 999_999_999, "2025-12-31T23:59:59.999999Z"),
            (951_827_696, 5_000, "2000-02-29T12:34:56.000005Z"),
            (-1, 0, "1969-12-31T23:59:59.000000Z"),
            (i64::MAX, 0, "9999-12-31T23:59:59.000000Z"),
        ];
        for (seconds, nanos, text) in table {
            assert_eq!(Text::of(&Timestamp { seconds, nanos }).as_str(), text);
        }
    }

    #[test]
    fn what_is_no_rfc_3339_time_is_not_read() {
        let good = ["2026-01-31T09:30:00Z", "2026-01-31t09:30:00.1z", "2026-01-31T11:30:00+02:00"];
        for text in good {
            assert_eq!(parse(text).map(|at| at.seconds), Some(1_769_851_800), "{text}");
        }
        let bad = [
            "",
            "2026-01-31",
            "2026-01-31 09:30:00Z",
            "2026-01-31T09:30Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T09:30:60Z",
            "2026-01-31T09:30:00",
            "2026-01-31T09:30:00.Z",
            "2026-01-31T09:30:00+2:00",
            "0000-01-01T00:00:00Z",
            "2026-01-31T09:30:00Zx",
            "٢٠26-01-31T09:30:00Z",
        ];
        for text in bad {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_time_survives_its_text(seconds in RANGE_SECS, micros in 0..1_000_000i32) {
            let at = Timestamp { seconds, nanos: micros * 1000 };
            prop_assert_eq!(parse(Text::of(&at).as_str()), Some(at));
        }
    }
}

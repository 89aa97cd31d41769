//! Parses the `Date` field of a mail (RFC 5322 and its obsolete forms) and other forms that programs write: full month
//! names, hyphens, C's `asctime`, ISO 8601.

use super::value::without_comments;
use inboxops_proto::clock::Timestamp;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
/// Zones that RFC 5322 names, in hours east of Greenwich. It has all others read as 0, since their meaning is
/// uncertain.
const ZONES: [(&str, i64); 8] =
    [("EST", -5), ("EDT", -4), ("CST", -6), ("CDT", -5), ("MST", -7), ("MDT", -6), ("PST", -8), ("PDT", -7)];

/// Longest date that is read, in characters.
const DATE_MAX_CHARS: usize = 200;

/// What the words of a date have stated so far.
#[derive(Debug, Default)]
struct Words {
    year: Option<u16>,
    month: Option<u8>,
    day: Option<u8>,
    time: Option<[u8; 3]>,
    afternoon: Option<bool>,
    /// Seconds east of Greenwich.
    zone: Option<i64>,
}

/// The time of a `Date` field; `None` if its day or time of day is missing or does not exist.
pub(crate) fn moment(field: &str) -> Option<Timestamp> {
    let plain: String = without_comments(field).trim().chars().take(DATE_MAX_CHARS).collect();
    let mut words = Words::default();
    for word in plain.split(|letter: char| letter.is_whitespace() || letter == ',') {
        words.take(word);
    }
    words.moment()
}

impl Words {
    fn take(&mut self, word: &str) {
        if let Some((date, time)) = word.split_once(['T', 't']).filter(|(date, _)| iso(date).is_some()) {
            self.take(date);
            return self.take(time);
        }
        if let Some((year, month, day)) = iso(word) {
            (self.year, self.month, self.day) = (Some(year), Some(month), Some(day));
        } else if word.contains(':') && self.time.is_none() {
            self.clock(word);
        } else if let Some(zone) = offset(word).filter(|_| self.time.is_some()) {
            self.zone = self.zone.or(Some(zone));
        } else if word.contains('-') {
            word.split('-').for_each(|part| self.take(part));
        } else if let Ok(number) = word.parse::<u16>() {
            self.number(number, word.len());
        } else if let Some(month) = month(word).filter(|_| self.month.is_none()) {
            self.month = Some(month);
        } else if word.eq_ignore_ascii_case("am") || word.eq_ignore_ascii_case("pm") {
            self.afternoon = Some(word.eq_ignore_ascii_case("pm"));
        } else if let Some((_, hours)) = ZONES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)) {
            self.zone = self.zone.or(Some(hours * 3600));
        }
    }

    fn number(&mut self, number: u16, digits: usize) {
        match (digits, u8::try_from(number)) {
            (1 | 2, Ok(day)) if self.day.is_none() => self.day = Some(day),
            (4, _) if self.year.is_none() => self.year = Some(number),
            // RFC 5322, 4.3.
            (2, _) if self.year.is_none() && number < 50 => self.year = Some(2000 + number),
            (2 | 3, _) if self.year.is_none() => self.year = Some(1900 + number),
            _ => {}
        }
    }

    /// `10:00`, `10:00:00`, `10:00:00.25`, followed by a zone or not.
    fn clock(&mut self, word: &str) {
        let end =
            word.find(|letter: char| !letter.is_ascii_digit() && !matches!(letter, ':' | '.')).unwrap_or(word.len());
        let (clock, rest) = word.split_at(end);
        let mut parts = clock.split(':').map(|part| part.split('.').next().unwrap_or(part).parse::<u8>().ok());
        let (Some(Some(hour)), Some(Some(minute))) = (parts.next(), parts.next()) else { return };
        let Some(second) = parts.next().unwrap_or(Some(0)) else { return };
        self.time = Some([hour, minute, second]);
        if !rest.is_empty() {
            self.take(rest);
        }
    }

    fn moment(self) -> Option<Timestamp> {
        let [hour, minute, second] = self.time?;
        let hour = match self.afternoon {
            Some(afternoon) if (1..=12).contains(&hour) => hour % 12 + if afternoon { 12 } else { 0 },
            _ => hour,
        };
        // A leap second becomes the second after it.
        let (second, leap) = if second == 60 { (59, 1) } else { (second, 0) };
        let year = self.year?.into();
        let month = self.month?;
        let day = self.day?;
        let local = prost_types::Timestamp::date_time(year, month, day, hour, minute, second).ok()?;
        let seconds = local.seconds + leap - self.zone.unwrap_or(0);
        // No correct clock dates a mail before 1970.
        (year <= 9998 && seconds >= 0).then(|| Timestamp::from_micros(seconds * 1_000_000))
    }
}

/// `2026-11-24`.
fn iso(word: &str) -> Option<(u16, u8, u8)> {
    let mut parts = word.split('-');
    let year = parts.next()?;
    let month = parts.next()?;
    let day = parts.next()?;
    let sound = parts.next().is_none() && year.len() == 4;
    sound.then_some((year.parse().ok()?, month.parse().ok()?, day.parse().ok()?))
}

/// The month of `Nov`, `NOV`, `November` or `Sept.`.
fn month(word: &str) -> Option<u8> {
    let beginning = word.get(..3)?;
    let sound = word.trim_end_matches('.').bytes().all(|byte| byte.is_ascii_alphabetic());
    let at = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(beginning)).filter(|_| sound)?;
    u8::try_from(at + 1).ok()
}

/// Seconds east of Greenwich of `+0100`, `-05:30` or `+1`.
fn offset(word: &str) -> Option<i64> {
    let (sign, digits) = match word.as_bytes().first()? {
        b'+' => (1, &word[1..]),
        b'-' => (-1, &word[1..]),
        _ => return None,
    };
    let digits = digits.replace(':', "");
    let number: i64 = digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let (hours, minutes) = if digits.len() <= 2 { (number, 0) } else { (number / 100, number % 100) };
    (digits.len() <= 4 && hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(field: &str) -> Option<i64> {
        moment(field).map(Timestamp::secs)
    }

    #[test]
    fn one_moment_is_read_in_every_form_that_is_written() {
        for field in [
            "Tue, 24 Nov 2026 10:00:00 +0000",
            "Tue, 24 Nov 2026 11:00:00 +0100 (CET)",
            "Tue,24 Nov 2026 05:00:00 EST",
            "24 Nov 2026 10:00:00",
            "24 Nov 26 10:00 GMT",
            "24 Nov 126 10:00:00 UT",
            "Tue, 24 Nov 2026 10:00:00 Z",
            "Tue, 24 Nov 2026 10:00:00 A",
            "Tue, 24 Nov 2026 10:00:00Z",
            "Tue, 24 Nov 2026 15:30:00 +05:30",
            "Tue, 24 Nov 2026 15:30:00+0530",
            "Tue, 24 Nov 2026 10:00:00 -0000",
            "Tue (a day), 24 (of) Nov 2026 10:00:00 +0000",
            "Tuesday, 24-Nov-26 10:00:00 GMT",
            "24 November 2026 10:00:00 +0000",
            "Tue Nov 24 10:00:00 2026",
            "Tue Nov 24 10:00:00 UTC 2026",
            "Tue Nov 24 11:00:00 2026 +0100",
            "Nov 24, 2026 10:00:00 AM",
            "Nov 23, 2026, 10:00:00 PM -1200",
            "2026-11-24T10:00:00Z",
            "2026-11-24T12:00:00.123+02:00",
            "2026-11-24 10:00:00 +0000",
            "tue, 24 nov 2026 10:00:00 gmt",
            "Mon, 23 Nov 2026 23:00:00 -1100",
            "Tue, 24 Nov 2026 09:59:60 +0000",
        ] {
            assert_eq!(seconds(field), Some(1_795_514_400), "{field}");
        }
    }

    #[test]
    fn what_names_no_moment_is_none() {
        for field in [
            "",
            "today",
            "Tue, 24 Nov 2026",
            "10:00:00 +0000",
            "31 Feb 2026 10:00:00 +0000",
            "24 Nov 2026 25:00:00 +0000",
            "24 Nov 2026 10:61:00 +0000",
            "0 Nov 2026 10:00:00 +0000",
            "24 Nox 2026 10:00:00 +0000",
            "24 Nov 1960 10:00:00 +0000",
            "24 Nov 9999 10:00:00 +0000",
            "24 Nov 99999 10:00:00 +0000",
            "24 Nov 2026 :: +0000",
            "\u{661}\u{662} Nov 2026 10:00:00",
        ] {
            assert_eq!(seconds(field), None, "{field}");
        }
        assert_eq!(seconds("Thu, 01 Jan 1970 00:00:00 +0000"), Some(0));
        assert_eq!(seconds("Sun, 06 Nov 94 08:49:37 GMT"), Some(784_111_777));
    }
}

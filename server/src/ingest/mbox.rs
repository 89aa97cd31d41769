//! Recognises the lines that separate the mails of an mbox. RFC 4155 defines one form; programs write many, and people
//! write sentences that begin with the same word. It reads lines and no mails.

/// Longest separator line, in bytes.
const LINE_MAX_BYTES: usize = 1000;
/// Most words of a sender that is written as a name.
const NAME_MAX_WORDS: usize = 4;
/// Longest field name, in bytes.
const FIELD_MAX_BYTES: usize = 76;

/// How certain it is that a line separates mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    /// An address and a complete date with its weekday.
    Sure,
    /// A date, but a sender that is a name or missing, or no weekday: a sentence may look like this.
    Likely,
}

/// Classifies a line such as `From ada@example.com Tue Nov 24 10:00:00 2026`: with a zone before or after the year,
/// without seconds, in the order of RFC 5322 or ISO 8601, with `remote from host` at its end. Without a complete date
/// it is text.
pub(super) fn separator(line: &[u8]) -> Option<Separator> {
    let rest = line.strip_prefix(b"From ").filter(|_| line.len() <= LINE_MAX_BYTES)?;
    let split = rest.split(|byte| byte.is_ascii_whitespace());
    let mut words: Vec<&str> =
        split.filter(|word| !word.is_empty()).map(|it| str::from_utf8(it).unwrap_or("?")).collect();
    if let [.., "remote", "from", _] = words[..] {
        words.truncate(words.len() - 3);
    }
    let mut date = Date::default();
    while let Some(last) = words.last() {
        if !date.take(last) {
            break;
        }
        words.pop();
    }
    if !date.is_whole() {
        return None;
    }
    match words.len() {
        1 if date.weekday => Some(Separator::Sure),
        _ if date.weekday && is_quoted(&words) => Some(Separator::Sure),
        0..=NAME_MAX_WORDS => Some(Separator::Likely),
        _ => None,
    }
}

/// `"ada lovelace"@example.com`.
fn is_quoted(words: &[&str]) -> bool {
    let (Some(first), Some(last)) = (words.first(), words.last()) else { return false };
    let quotes = words.iter().flat_map(|word| word.bytes()).filter(|byte| *byte == b'"').count();
    first.starts_with('"') && last.contains('"') && quotes == 2
}

/// Whether a line begins a header field, or is an older separator that was quoted.
pub(super) fn begins_header(line: &[u8]) -> bool {
    if line.starts_with(b">From ") {
        return true;
    }
    let Some(colon) = line.iter().take(FIELD_MAX_BYTES + 1).position(|byte| *byte == b':') else { return false };
    let name = &line[..colon];
    name.first().is_some_and(u8::is_ascii_alphabetic)
        && name.iter().all(|byte| byte.is_ascii_graphic())
        && !line[colon + 1..].starts_with(b"//")
}

/// The parts of a date, parsed from its end.
#[derive(Default)]
struct Date {
    weekday: bool,
    month: bool,
    day: bool,
    time: bool,
    year: bool,
    zones: u8,
}

const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl Date {
    fn is_whole(&self) -> bool {
        self.month && self.day && self.time && self.year
    }

    /// Takes a word that is the next part of the date.
    fn take(&mut self, word: &str) -> bool {
        if self.weekday {
            return false;
        }
        let bare = word.strip_suffix([',', '.']).unwrap_or(word);
        if is_named(bare, &WEEKDAYS) {
            // The weekday comes first, so no part of the date can precede it.
            self.weekday = self.is_whole();
            return self.weekday;
        }
        if self.is_whole() {
            return false;
        }
        if let Some((day, time)) = bare.split_once('T')
            && is_iso_day(day)
            && is_time(time)
        {
            return self.take(time) && self.take(day);
        }
        if is_iso_day(bare) {
            let new = !self.year && !self.month && !self.day;
            (self.year, self.month, self.day) = (true, true, true);
            return new;
        }
        let part = match bare {
            it if is_time(it) => &mut self.time,
            it if is_number(it, 4, 1900..=2199) => &mut self.year,
            it if it.len() <= 2 && is_number(it, it.len(), 1..=31) => &mut self.day,
            it if is_named(it, &MONTHS) => &mut self.month,
            _ if is_zone(word) && self.zones < 2 => {
                self.zones += 1;
                return true;
            }
            _ => return false,
        };
        !std::mem::replace(part, true)
    }
}

/// `Tue` or `Tuesday` among the names.
fn is_named(word: &str, names: &[&str]) -> bool {
    let is = |name: &&str| word.eq_ignore_ascii_case(name) || word.eq_ignore_ascii_case(&name[..3]);
    names.iter().any(is)
}

fn is_number(word: &str, digits: usize, range: std::ops::RangeInclusive<u16>) -> bool {
    let all = word.len() == digits && word.bytes().all(|byte| byte.is_ascii_digit());
    all && word.parse().is_ok_and(|number| range.contains(&number))
}

/// `10:00`, `9:00:00`, `10:00:00.5Z`.
fn is_time(word: &str) -> bool {
    let word = word.strip_suffix('Z').unwrap_or(word);
    let mut parts = word.splitn(3, ':');
    let hour = parts.next().unwrap_or("");
    let minute = parts.next().unwrap_or("");
    let second = parts.next();
    let second = second.map(|it| it.split_once('.').map_or(it, |(whole, _)| whole));
    (1..=2).contains(&hour.len())
        && is_number(hour, hour.len(), 0..=24)
        && is_number(minute, 2, 0..=59)
        && second.is_none_or(|it| is_number(it, 2, 0..=60))
}

/// `2026-11-24`.
fn is_iso_day(word: &str) -> bool {
    let mut parts = word.splitn(3, '-');
    let mut is = |digits, range| parts.next().is_some_and(|it| is_number(it, digits, range));
    is(4, 1900..=2199) && is(2, 1..=12) && is(2, 1..=31)
}

/// `+0100`, `-05:00`, `CET`, `(CET)`, `DST`.
fn is_zone(word: &str) -> bool {
    let bare = word.strip_prefix('(').and_then(|it| it.strip_suffix(')')).unwrap_or(word);
    match bare.strip_prefix(['+', '-']) {
        Some(offset) => (4..=5).contains(&offset.len()) && offset.bytes().all(|it| it.is_ascii_digit() || it == b':'),
        None => (1..=5).contains(&bare.len()) && bare.bytes().all(|it| it.is_ascii_uppercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<Separator> {
        separator(format!("{line}\n").as_bytes())
    }

    #[test]
    fn the_forms_that_programs_write_are_known() {
        for line in [
            "From ada@example.com Tue Nov 24 10:00:00 2026",
            "From ada@example.com Tue Nov 24 10:00:00 2026\r",
            "From MAILER-DAEMON Fri Jul  8 12:08:34 2011",
            "From ada@example.com Tue Nov 24 10:00 2026",
            "From ada@example.com Tue Nov 24 10:00:00 +0100 2026",
            "From ada@example.com Tue Nov 24 10:00:00 2026 +0100",
            "From ada@example.com Tue Nov 24 10:00:00 CET 2026",
            "From ada@example.com Tue Nov 24 10:00:00 MET DST 2026",
            "From ada@example.com  Tue Nov 24 10:00:00 2026 (CET)",
            "From ada@example.com Tue, 24 Nov 2026 10:00:00 +0100",
            "From ada@example.com Tue, 24 Nov 2026 10:00:00 GMT",
            "From ada@example.com Tuesday November 24 10:00:00 2026",
            "From - Tue Nov 24 10:00:00 2026",
            "From ???@??? Tue Nov 24 10:00:00 2026",
            "From 1234567890123456789@xxx Tue Nov 24 10:00:00 +0000 2026",
            "From \"ada lovelace\"@example.com Tue Nov 24 10:00:00 2026",
            "From \"ada\"@example.com Tue Nov 24 10:00:00 2026",
            "From uucp!host!ada Tue Nov 24 10:00:00 2026 remote from host",
            "From ROOT Tue Nov 24 10:00:00 2026",
            "From ada@example.com\tTue Nov 24 10:00:00 2026",
        ] {
            assert_eq!(of(line), Some(Separator::Sure), "{line}");
        }
        for line in [
            "From  Tue Nov 24 10:00:00 2026",
            "From Ada Lovelace Tue Nov 24 10:00:00 2026",
            "From ada@example.com 2026-11-24 10:00:00",
            "From ada@example.com 2026-11-24T10:00:00Z",
            "From ada@example.com 24 Nov 2026 10:00",
        ] {
            assert_eq!(of(line), Some(Separator::Likely), "{line}");
        }
        assert_eq!(separator(b"From \xff\xfe@x Tue Nov 24 10:00:00 2026\n"), Some(Separator::Sure));
    }

    #[test]
    fn a_sentence_is_none() {
        for line in [
            "From 9:30 to 11:00 nobody answered the phone.",
            "From 9:30",
            "From 10:00:00 2026",
            "From Monday on it is 10:00 in Rome.",
            "From Tue Nov 24 2026 on nobody answered.",
            "From ada@example.com Tue Nov 24 10:00:00 2026 too",
            "From ada@example.com Tue Nov 24 10:00:00 2026 wrote:",
            "From ada@example.com",
            "From ada@example.com Tue Nov 24",
            "From ada@example.com Tue Nov 44 10:00:00 2026",
            "From ada@example.com Tue Nov 24 10:77:00 2026",
            "From what I have seen of it on Tue Nov 24 10:00:00 2026",
            "From: ada@example.com Tue Nov 24 10:00:00 2026",
            "from ada@example.com Tue Nov 24 10:00:00 2026",
            " From ada@example.com Tue Nov 24 10:00:00 2026",
            "From",
            "From ",
        ] {
            assert_eq!(of(line), None, "{line}");
        }
        assert_eq!(of(&format!("From {}@x Tue Nov 24 10:00:00 2026", "a".repeat(2000))), None);
    }

    #[test]
    fn a_header_begins_with_a_field() {
        for line in ["Subject: x\n", "X-A:\n", "Received:from\r\n", ">From a@b Tue Nov 24 10:00:00 2026\n"] {
            assert!(begins_header(line.as_bytes()), "{line}");
        }
        for line in
            ["", "\n", "Dear Ada,\n", "Two words: x\n", "http://example.com\n", ": x\n", "10:00\n", "> From: a\n"]
        {
            assert!(!begins_header(line.as_bytes()), "{line}");
        }
    }
}

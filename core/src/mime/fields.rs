//! The header block: its fields, and where the body begins. A malformed line affects no other line.

use super::{charset::Charset, words};

/// Greatest number of fields that are kept from one header block.
const FIELDS_MAX: usize = 2_000;
/// Longest name of a field, in bytes.
const NAME_MAX_BYTES: usize = 100;
/// Longest value that is parsed, in bytes.
const VALUE_MAX_BYTES: usize = 64 * 1024;

/// Known fields of mails and parts; fields that begin with `X-`, `Content-`, `Resent-`, `List-` or `ARC-` are known as
/// well.
const KNOWN: &str = "from to cc bcc subject date message-id in-reply-to references sender reply-to return-path received \
    mime-version delivered-to envelope-to precedence auto-submitted dkim-signature domainkey-signature \
    received-spf authentication-results thread-topic thread-index \
    organization user-agent errors-to disposition-notification-to original-message-id \
    feedback-id autocrypt newsgroups delivery-date";
const KNOWN_BEGINNINGS: [&str; 5] = ["x-", "content-", "resent-", "list-", "arc-"];

/// The fields of one header block, in their order.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a>(Vec<(&'a [u8], &'a [u8])>);

impl Fields<'_> {
    /// The value of the first field with this name, unfolded.
    pub(crate) fn first(&self, name: &str) -> Option<Vec<u8>> {
        self.named(name).next().map(unfolded)
    }

    /// The text of the first field with this name; empty if there is none. Bytes beyond ASCII that are not UTF-8 are
    /// decoded with `charset`.
    pub(crate) fn text(&self, name: &str, charset: Option<Charset>) -> String {
        self.first(name).map(|value| words::decoded(&value, charset)).unwrap_or_default()
    }

    /// The texts of all fields with this name.
    pub(crate) fn texts(&self, name: &str, charset: Option<Charset>) -> Vec<String> {
        self.named(name).map(|value| words::decoded(&unfolded(value), charset)).collect()
    }

    /// The values of all fields with this name, decoded except for encoded words.
    pub(crate) fn structured(&self, name: &str, charset: Option<Charset>) -> Vec<String> {
        self.named(name).map(|value| words::letters(&unfolded(value), charset)).collect()
    }

    /// Whether a field with this name has a value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.named(name).any(|value| !value.trim_ascii().is_empty())
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.0.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| *value)
    }
}

/// A value as one line.
fn unfolded(value: &[u8]) -> Vec<u8> {
    let value = &value[..value.len().min(VALUE_MAX_BYTES)];
    value.trim_ascii().iter().filter(|byte| !matches!(byte, b'\r' | b'\n')).copied().collect()
}

/// Separates the fields of a mail from its body. An mbox separator may precede them, and empty lines that a pipe added.
pub(crate) fn of_mail(raw: &[u8]) -> (Fields<'_>, &[u8]) {
    split(&raw[before_mail(raw)..])
}

/// Separates the fields of a part from its body; a part that begins with an empty line has no fields.
pub(crate) fn split(raw: &[u8]) -> (Fields<'_>, &[u8]) {
    let mut block = Block::default();
    let mut at = 0;
    let body = loop {
        let Some(line) = line_at(raw, at) else { break raw.len() };
        let end = at + line.len();
        match line {
            b"\n" | b"\r\n" | b"\r" => break end,
            [b' ' | b'\t', ..] => block.fold(end),
            // A delimiter without an empty line before it: the following fields belong to a part.
            [b'-', b'-', ..] if block.any_known && name(line).is_none() => break at,
            line => block.take(raw, line, at),
        }
        at = end;
    };
    block.finish(raw, body)
}

/// The line at this position with its line end; `None` at the end.
fn line_at(raw: &[u8], at: usize) -> Option<&[u8]> {
    let rest = raw.get(at..).filter(|rest| !rest.is_empty())?;
    Some(&rest[..memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1)])
}

/// The length of everything before the header of a mail.
fn before_mail(raw: &[u8]) -> usize {
    let mut at = 0;
    while let Some(line) = line_at(raw, at) {
        let separator = at == 0 && (line.starts_with(b"From ") || line.starts_with(b">From "));
        if !separator && !matches!(line, b"\n" | b"\r\n") {
            // Empty lines without a header after them end a mail that has no fields.
            return if at > 0 && known(line).is_none() && !raw.starts_with(b"From ") { 0 } else { at };
        }
        at += line.len();
    }
    0
}

/// A header block that is being parsed.
#[derive(Default)]
struct Block<'a> {
    fields: Vec<(&'a [u8], (usize, usize))>,
    /// Whether the last line was a kept field, which a folded line continues.
    open: bool,
    /// The first line after the last known field that is no field, and the number of fields before it.
    stray: Option<(usize, usize)>,
    any_known: bool,
}

impl<'a> Block<'a> {
    fn take(&mut self, raw: &'a [u8], line: &'a [u8], at: usize) {
        self.open = false;
        let Some(name) = name(line) else {
            self.stray = self.stray.or(Some((at, self.fields.len())));
            return;
        };
        if is_known(name) {
            // The lines between were stray; the block continues.
            (self.stray, self.any_known) = (None, true);
        }
        if self.fields.len() < FIELDS_MAX {
            let colon = at + memchr::memchr(b':', line).unwrap_or_default();
            debug_assert_eq!(raw[colon], b':');
            self.fields.push((name, (colon + 1, at + line.len())));
            self.open = true;
        }
    }

    fn fold(&mut self, end: usize) {
        if let Some((_, (_, last))) = self.fields.last_mut().filter(|_| self.open) {
            *last = end;
        }
    }

    fn finish(mut self, raw: &'a [u8], body: usize) -> (Fields<'a>, &'a [u8]) {
        let body = match self.stray {
            _ if !self.any_known && self.stray.is_some() => {
                self.fields.clear();
                0
            }
            // Nothing after it looks like a header: the empty line between header and body is missing.
            Some((at, fields)) => {
                self.fields.truncate(fields);
                at
            }
            None => body,
        };
        let fields = self.fields.into_iter().map(|(name, (start, end))| (name, &raw[start..end])).collect();
        (Fields(fields), &raw[body..])
    }
}

fn known(line: &[u8]) -> Option<&[u8]> {
    name(line).filter(|name| is_known(name))
}

/// The name of the field that begins in a line.
fn name(line: &[u8]) -> Option<&[u8]> {
    let colon = memchr::memchr(b':', &line[..line.len().min(NAME_MAX_BYTES + 1)])?;
    let name = line[..colon].trim_ascii_end();
    (!name.is_empty() && name.iter().all(u8::is_ascii_graphic)).then_some(name)
}

fn is_known(name: &[u8]) -> bool {
    let begins = |with: &&str| name.get(..with.len()).is_some_and(|it| it.eq_ignore_ascii_case(with.as_bytes()));
    KNOWN.split(' ').any(|it| name.eq_ignore_ascii_case(it.as_bytes())) || KNOWN_BEGINNINGS.iter().any(begins)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> (Vec<(String, String)>, String) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (fields, body) = of_mail(raw.as_bytes());
        let fields = fields.0.iter().map(|(name, value)| (text(name), text(&unfolded(value)))).collect();
        (fields, text(body))
    }

    fn names(raw: &str) -> (String, String) {
        let (fields, body) = read(raw);
        (fields.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(" "), body)
    }

    #[test]
    fn a_field_costs_no_other_one() {
        for zone in ["Z", "M", "z", "UT", "-0000 (x", "+01\"00", "", "1"] {
            let raw = format!("Date: Tue, 24 Nov 2026 10:00:00 {zone}\r\nFrom: a@b\r\nSubject: x\r\n\r\nwords\r\n");
            assert_eq!(names(&raw), ("Date From Subject".into(), "words\r\n".into()), "{zone}");
        }
        for strange in ["Content-Type:", "To: \"open", "Cc: <", "X-A: (", "Received: =?", "Subject : x", "X:\u{0}"] {
            let (found, body) = names(&format!("{strange}\r\nFrom: a@b\r\n\r\nw"));
            assert!(found.ends_with(" From") && body == "w", "{strange}: {found}");
        }
    }

    #[test]
    fn a_block_ends_where_it_ends() {
        for (raw, expected) in [
            ("From: a\r\n\r\nw", ("From", "w")),
            ("From: a\n\nw", ("From", "w")),
            ("From: a", ("From", "")),
            ("From: a\r\nSubject: b", ("From Subject", "")),
            ("From: a\r\n b\r\n\tc\r\n\r\nw", ("From", "w")),
            ("From: a\r\n \r\nSubject: b\r\n\r\nw", ("From Subject", "w")),
            ("\r\nw", ("", "w")),
            ("\r\n\r\nFrom: a\r\n\r\nw", ("From", "w")),
            ("From x Tue Nov 24 10:00:00 2026\r\nFrom: a\r\n\r\nw", ("From", "w")),
            (">From x Tue Nov 24 10:00:00 2026\nFrom: a\n\nw", ("From", "w")),
            ("From: a\r\nno field\r\nSubject: b\r\n\r\nw", ("From Subject", "w")),
            ("From: a\r\nno field\r\n folded\r\nSubject: b\r\n\r\nw", ("From Subject", "w")),
            (
                "From: a\r\nSubject: b\r\nHello there,\r\nNote: yes\r\n\r\nw",
                ("From Subject", "Hello there,\r\nNote: yes\r\n\r\nw"),
            ),
            ("From: a\r\n--b\r\nSubject: c\r\n\r\nw", ("From", "--b\r\nSubject: c\r\n\r\nw")),
            ("From: a\r\n \r\n--b\r\nSubject: c\r\n\r\nw", ("From", "--b\r\nSubject: c\r\n\r\nw")),
            ("From: a\r\n--x: y\r\nSubject: b\r\n\r\nw", ("From --x Subject", "w")),
            ("--b\r\nSubject: b\r\n\r\nw", ("Subject", "w")),
            ("Just words.\r\nAnd more: words\r\n", ("", "Just words.\r\nAnd more: words\r\n")),
            ("", ("", "")),
        ] {
            assert_eq!(names(raw), (expected.0.to_owned(), expected.1.to_owned()), "{raw:?}");
        }
    }

    #[test]
    fn a_part_that_begins_with_an_empty_line_has_no_fields() {
        for raw in ["\r\nFrom: a\r\n\r\nw", "\nSubject: a\n"] {
            let (fields, body) = split(raw.as_bytes());
            assert!(fields.0.is_empty() && raw.trim_start().as_bytes() == body, "{raw:?}");
        }
    }

    #[test]
    fn values_are_unfolded() {
        let (fields, _) = read("Subject: one\r\n two\r\n\tthree \r\nX-Y:z\r\n\r\n");
        assert_eq!(fields, [("Subject".into(), "one two\tthree".into()), ("X-Y".into(), "z".into())]);
    }
}

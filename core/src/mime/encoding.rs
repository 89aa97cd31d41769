//! Transfer encodings (RFC 2045). Malformed input is decoded as far as possible, and text that is plainly no part of
//! it, such as a footer below base64, is kept as it is.

use std::borrow::Cow;

/// The transfer encoding of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Not encoded.
    #[default]
    Plain,
    Base64,
    /// Quoted-printable.
    Quoted,
}

impl Encoding {
    /// The encoding that a `Content-Transfer-Encoding` field names; comments and further words are ignored.
    pub(crate) fn named(value: &str) -> Encoding {
        let value = super::value::without_comments(value);
        let word = value.split([';', ' ', '\t', ',']).find(|word| !word.is_empty()).unwrap_or_default();
        let plain: String = word.chars().filter(char::is_ascii_alphanumeric).collect();
        match plain.to_ascii_lowercase().as_str() {
            "base64" | "b64" => Encoding::Base64,
            "quotedprintable" | "qp" => Encoding::Quoted,
            _ => Encoding::Plain,
        }
    }

    /// Decodes a body.
    pub(crate) fn decode(self, body: &[u8]) -> Cow<'_, [u8]> {
        match self {
            Encoding::Plain => Cow::Borrowed(body),
            Encoding::Base64 => Cow::Owned(base64(body)),
            Encoding::Quoted => Cow::Owned(quoted_printable(body)),
        }
    }

    /// The length of the decoded body, without decoding it.
    pub(crate) fn decoded_len(self, body: &[u8]) -> usize {
        match self {
            Encoding::Plain => body.len(),
            Encoding::Base64 => body.iter().filter(|it| SEXTETS[usize::from(**it)] < 64).count() * 3 / 4,
            Encoding::Quoted => quoted_printable(body).len(),
        }
    }
}

/// The value of two hexadecimal digits.
pub(crate) fn hex(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    match digits {
        [high, low] => u8::try_from(digit(*high)? << 4 | digit(*low)?).ok(),
        _ => None,
    }
}

fn quoted_printable(body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = memchr::memchr(b'=', rest) {
        bytes.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(byte) = rest.get(..2).and_then(hex) {
            bytes.push(byte);
            rest = &rest[2..];
            continue;
        }
        // A soft line break, perhaps with trailing space that a mail server added.
        let spaces = rest.iter().take_while(|it| matches!(it, b' ' | b'\t')).count();
        match &rest[spaces..] {
            [b'\r', b'\n', after @ ..] | [b'\n', after @ ..] => rest = after,
            [] | [b'\r'] => rest = &[],
            _ => bytes.push(b'='),
        }
    }
    bytes.extend_from_slice(rest);
    bytes
}

const NO_SEXTET: u8 = 64;
/// The value of each byte in base64 and in its URL-safe form; 64 for other bytes.
const SEXTETS: [u8; 256] = {
    let mut table = [NO_SEXTET; 256];
    let mut at = 0;
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    while at < 64 {
        table[letters[at] as usize] = at as u8;
        at += 1;
    }
    table[b'-' as usize] = 62;
    table[b'_' as usize] = 63;
    table
};

/// A base64 decoder that takes its input in pieces.
#[derive(Default)]
pub(crate) struct Sextets {
    bits: u32,
    count: u8,
}

impl Sextets {
    /// Takes the next byte; bytes without a value are skipped, padding ends a group.
    pub(crate) fn take(&mut self, byte: u8, bytes: &mut Vec<u8>) {
        match SEXTETS[usize::from(byte)] {
            NO_SEXTET if byte == b'=' => self.end(bytes),
            NO_SEXTET => {}
            value => {
                (self.bits, self.count) = (self.bits << 6 | u32::from(value), self.count + 1);
                if self.count == 4 {
                    bytes.extend_from_slice(&self.bits.to_be_bytes()[1..]);
                    (self.bits, self.count) = (0, 0);
                }
            }
        }
    }

    /// Whether the input so far ends inside a byte.
    pub(crate) fn is_cut(&self) -> bool {
        self.count == 1
    }

    /// Ends the group. Missing padding loses no letter.
    pub(crate) fn end(&mut self, bytes: &mut Vec<u8>) {
        match self.count {
            2 => bytes.push((self.bits >> 4) as u8),
            3 => bytes.extend_from_slice(&((self.bits >> 2) as u16).to_be_bytes()),
            _ => {}
        }
        (self.bits, self.count) = (0, 0);
    }
}

fn base64(body: &[u8]) -> Vec<u8> {
    let mut sextets = Sextets::default();
    let mut bytes = Vec::with_capacity(body.len() * 3 / 4);
    body.iter().for_each(|byte| sextets.take(*byte, &mut bytes));
    sextets.end(&mut bytes);
    bytes
}

/// Where the base64 of a text ends and plain lines begin that were added below it.
pub(crate) fn base64_end(body: &[u8]) -> usize {
    let mut lines = Lines::default();
    let mut at = 0;
    while at < body.len() {
        let end = at + memchr::memchr(b'\n', &body[at..]).map_or(body.len() - at, |it| it + 1);
        if lines.ends_before(body[at..end].trim_ascii(), at) {
            return lines.words_at.unwrap_or(at);
        }
        at = end;
    }
    // A last paragraph whose length is no multiple of four is plain words.
    match lines.words_at {
        Some(words) if lines.sextets_since % 4 != 0 && lines.sextets_before % 4 == 0 => words,
        _ => body.len(),
    }
}

/// Shortest line that is taken for base64 despite signs against it, in characters.
const BASE64_LINE_MIN: usize = 60;

#[derive(Default)]
struct Lines {
    any: bool,
    padded: bool,
    blank: bool,
    /// Start of the paragraph that an empty line, or padding, separates from the base64 above.
    words_at: Option<usize>,
    sextets_before: usize,
    sextets_since: usize,
}

impl Lines {
    /// Examines a line; returns whether it cannot be base64.
    fn ends_before(&mut self, line: &[u8], at: usize) -> bool {
        if line.is_empty() {
            self.blank = self.any;
            return false;
        }
        let sextets = line.iter().filter(|it| SEXTETS[usize::from(**it)] < 64).count();
        let padding = line.iter().filter(|it| **it == b'=').count();
        let spaces = line.iter().filter(|it| it.is_ascii_whitespace()).count();
        let strays = line.len() - sextets - padding - spaces;
        // Words have spaces between them; a single stray character does not make a line plain text.
        if strays * 8 > line.len() || spaces * 12 > line.len() {
            return true;
        }
        if (self.blank || self.padded)
            && line.len() < BASE64_LINE_MIN
            && (self.blank && self.padded || (sextets + padding) % 4 != 0)
        {
            if self.padded {
                self.words_at = self.words_at.or(Some(at));
                return true;
            }
            if self.words_at.is_none() {
                (self.words_at, self.sextets_before, self.sextets_since) = (Some(at), self.sextets_since, 0);
            }
        }
        self.any = true;
        self.blank = false;
        self.padded = padding > 0;
        self.sextets_since += sextets;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base64_of(text: &str) -> (String, &str) {
        let (data, footer) = text.split_at(base64_end(text.as_bytes()));
        (String::from_utf8_lossy(&base64(data.as_bytes())).into_owned(), footer)
    }

    #[test]
    fn base64_is_read_up_to_what_it_is() {
        for (body, expected) in [
            ("aGVsbG8gd29ybGQ=", ("hello world", "")),
            ("aGVsbG8gd29ybGQ", ("hello world", "")),
            ("aGVsbG8g\r\nd29ybGQ=\r\n", ("hello world", "")),
            ("aGVsbG8g!d29ybGQ=", ("hello world", "")),
            ("aGVsbG8gd29y\u{0}bGQ=", ("hello world", "")),
            ("aGVsbG8=\r\nd29ybGQ=", ("helloworld", "")),
            (
                "aGVsbG8gd29ybGQ=\r\n\r\n-- \r\nA list server adds this",
                ("hello world", "-- \r\nA list server adds this"),
            ),
            (
                "aGVsbG8gd29ybGQ=\r\n___________\r\nlist mailing list",
                ("hello world", "___________\r\nlist mailing list"),
            ),
            ("aGVsbG8gd29ybGQ=\r\n\r\nUnsubscribe\r\n", ("hello world", "Unsubscribe\r\n")),
            ("aGVsbG8gd29y\r\n\r\nUnsubscribe\r\n", ("hello wor", "Unsubscribe\r\n")),
            (
                "aGVsbG8gd29y\r\n\r\nPlease\r\nleave us at https://x.example",
                ("hello wor", "Please\r\nleave us at https://x.example"),
            ),
            ("these words are no base64, whatever was said", ("", "these words are no base64, whatever was said")),
            ("", ("", "")),
        ] {
            let (text, footer) = base64_of(body);
            assert_eq!((text.as_str(), footer), expected, "{body:?}");
        }
        let long = "QUJD".repeat(19) + "\r\n" + &"QUJD".repeat(19) + "\r\n\r\n" + &"QUJD".repeat(18);
        assert_eq!(base64_of(&long).1, "", "an empty line within it");
    }

    #[test]
    fn quoted_printable_forgives() {
        for (body, expected) in [
            ("Gr=C3=B6=c3=9fe", "Größe"),
            ("one=\r\ntwo=\nthree= \t\r\nfour", "onetwothreefour"),
            ("a=ZZ=4", "a=ZZ=4"),
            ("end=", "end"),
            ("end=\r\n", "end"),
            ("flowed \r\nline", "flowed \r\nline"),
        ] {
            assert_eq!(String::from_utf8_lossy(&Encoding::Quoted.decode(body.as_bytes())), expected, "{body}");
        }
    }

    #[test]
    fn an_encoding_is_known_by_its_word() {
        for value in
            ["base64", "BASE64", "Base64;", "base64 (as always)", "(a) base64", "\"base64\"", "base-64", " base64 x"]
        {
            assert_eq!(Encoding::named(value), Encoding::Base64, "{value}");
        }
        for value in ["quoted-printable", "Quoted-Printable (x (y))", "quoted_printable", "quoted-printable;x=y"] {
            assert_eq!(Encoding::named(value), Encoding::Quoted, "{value}");
        }
        for value in ["7bit", "8bit", "binary", "", "x-uuencode", "(base64)", ";"] {
            assert_eq!(Encoding::named(value), Encoding::Plain, "{value}");
        }
    }

    #[test]
    fn a_length_is_told_without_decoding() {
        for body in ["aGVsbG8=", "aGVsbG8", "aGVs\r\nbG8=\r\n", ""] {
            assert_eq!(Encoding::Base64.decoded_len(body.as_bytes()), base64(body.as_bytes()).len(), "{body}");
        }
    }
}

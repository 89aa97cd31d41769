//! Decodes header values: encoded words (RFC 2047, RFC 2231) and raw bytes beyond ASCII.

use super::{
    charset::{self, Charset},
    encoding::Sextets,
};
use memchr::memmem;

/// Longest charset name in an encoded word, with its language, in bytes.
const CHARSET_MAX_BYTES: usize = 80;

/// Decodes a value with its encoded words.
pub(crate) fn decoded(value: &[u8], fallback: Option<Charset>) -> String {
    let mut text = String::with_capacity(value.len());
    let mut rest = value;
    let mut group = Group::default();
    let mut ends = Ends::default();
    while let Some(start) = memmem::find(rest, b"=?") {
        let place = value.len() - rest.len() + start;
        let Some(word) = ends.word(value, place) else {
            literal(&rest[..start + 2], fallback, &mut group, &mut text);
            rest = &rest[start + 2..];
            continue;
        };
        let between = &rest[..start];
        if !(group.is_open() && between.trim_ascii().is_empty()) {
            literal(between, fallback, &mut group, &mut text);
        }
        group.add(&word, &mut text);
        rest = &value[word.end..];
    }
    literal(rest, fallback, &mut group, &mut text);
    group.close(&mut text);
    text
}

/// Decodes a value except for its encoded words, so that it can be parsed first.
pub(crate) fn letters(value: &[u8], fallback: Option<Charset>) -> String {
    // In a charset with several tables, ASCII bytes are ASCII unless an escape sequence precedes them.
    let escaped = !value.is_ascii() || charset::is_stateful(fallback) || value.contains(&0x1b);
    charset::decode(value, fallback.filter(|it| escaped && !matches!(it, Charset::Utf7)))
}

fn literal(bytes: &[u8], fallback: Option<Charset>, group: &mut Group, text: &mut String) {
    if !bytes.is_empty() {
        group.close(text);
        *text += &letters(bytes, fallback);
    }
}

struct Word<'a> {
    charset: &'a [u8],
    base64: bool,
    text: &'a [u8],
    end: usize,
}

/// Where the next encoded word may end. It only moves forward, so that many starts without an end cost little.
#[derive(Default)]
struct Ends {
    next: usize,
    none: bool,
}

impl Ends {
    /// The encoded word that starts at this position.
    fn word<'a>(&mut self, value: &'a [u8], start: usize) -> Option<Word<'a>> {
        let rest = &value[start + 2..];
        let mark = memchr::memchr(b'?', &rest[..rest.len().min(CHARSET_MAX_BYTES)])?;
        let named = &rest[..mark];
        let base64 = match rest.get(mark + 1..mark + 3)? {
            [b'b' | b'B', b'?'] => true,
            [b'q' | b'Q', b'?'] => false,
            _ => return None,
        };
        if named.is_empty() || !named.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let begin = start + 2 + mark + 3;
        if self.next < begin && !self.none {
            match memmem::find(&value[begin..], b"?=") {
                Some(at) => self.next = begin + at,
                None => self.none = true,
            }
        }
        if self.none && self.next < begin {
            return None;
        }
        let charset = named.split(|it| *it == b'*').next().unwrap_or(named);
        Some(Word { charset, base64, text: &value[begin..self.next], end: self.next + 2 })
    }
}

/// Adjacent words in one charset: a letter, or even a base64 group, may start in one and end in the next.
#[derive(Default)]
struct Group {
    charset: Option<Vec<u8>>,
    bytes: Vec<u8>,
    sextets: Sextets,
}

impl Group {
    fn is_open(&self) -> bool {
        self.charset.is_some()
    }

    fn add(&mut self, word: &Word<'_>, text: &mut String) {
        let charset = word.charset.to_ascii_lowercase();
        if self.charset.as_ref().is_some_and(|open| *open != charset) {
            self.close(text);
        }
        self.charset = Some(charset);
        if !word.base64 {
            self.sextets.end(&mut self.bytes);
            quoted(word.text, &mut self.bytes);
            return;
        }
        for byte in word.text {
            self.sextets.take(*byte, &mut self.bytes);
        }
        // One sextet is no byte: the next word continues it.
        if !self.sextets.is_cut() {
            self.sextets.end(&mut self.bytes);
        }
    }

    fn close(&mut self, text: &mut String) {
        if let Some(charset) = self.charset.take() {
            self.sextets.end(&mut self.bytes);
            *text += &charset::decode(&self.bytes, charset::named(&String::from_utf8_lossy(&charset)));
            self.bytes.clear();
        }
    }
}

fn quoted(text: &[u8], bytes: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let hex = text.get(at + 1..at + 3).filter(|_| *byte == b'=').and_then(super::encoding::hex);
        match (byte, hex) {
            (_, Some(decoded)) => {
                bytes.push(decoded);
                at += 2;
            }
            (b'_', _) => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> String {
        decoded(value.as_bytes(), None)
    }

    #[test]
    fn words_are_joined_before_they_are_letters() {
        for (value, expected) in [
            ("plain", "plain"),
            ("=?utf-8?Q?Gr=C3=B6=C3=9Fe?=", "Größe"),
            ("=?utf-8?Q?Gr=C3?= =?utf-8?Q?=B6=C3=9Fe?=", "Größe"),
            ("=?UTF-8?Q?Gr=C3?=\t =?utf-8?q?=B6=C3=9Fe?=", "Größe"),
            ("=?utf-8?Q?Gr=C3?==?utf-8?Q?=B6=C3=9Fe?=", "Größe"),
            ("=?utf-8?B?R3LD?= =?utf-8?Q?=B6?= =?utf-8?B?w59l?=", "Größe"),
            ("=?utf-8?B?R3LDt?= =?utf-8?B?sOfZQ==?=", "Größe"),
            ("=?utf-8?B?UHLDvGZ1bmc?=", "Prüfung"),
            ("=?utf-8?B?UHI?= =?utf-8?B?w7xmdW5n?=", "Prüfung"),
            ("=?iso-8859-1?Q?Gr=F6?= =?utf-8?Q?=C3=9Fe?=", "Größe"),
            ("=?iso-2022-jp?B?GyRCQ20bKEI=?= =?iso-2022-jp?B?GyRCSjgbKEI=?=", "注文"),
            ("=?utf-8*de?Q?Gr=C3=B6=C3=9Fe?= x", "Größe x"),
            ("a =?utf-8?Q?b_c?= d", "a b c d"),
            ("Re:=?utf-8?Q?=C3=B6?=x", "Re:öx"),
            ("=?utf-8?Q?a b=20c?=", "a b c"),
            ("=?utf-8?Q??= x", " x"),
            ("=?x-klingon?Q?Qapla=27?=", "Qapla'"),
            ("=?x-klingon?Q?=F6?=", "ö"),
            ("=?utf-8?X?a?= =?utf-8?Q?=ZZ?= =?", "=?utf-8?X?a?= =ZZ =?"),
            ("=?utf-8?Q?open", "=?utf-8?Q?open"),
            ("=??Q?x?=", "=??Q?x?="),
        ] {
            assert_eq!(read(value), expected, "{value}");
        }
    }

    #[test]
    fn raw_bytes_take_the_charset_of_the_body() {
        let koi8 = b"\xf0\xd2\xc9\xd7\xc5\xd4";
        assert_eq!(decoded(koi8, charset::named("koi8-r")), "Привет");
        assert_eq!(decoded(b"Gr\xf6\xdfe", None), "Größe");
        assert_eq!(decoded("Größe".as_bytes(), charset::named("koi8-r")), "Größe");
        assert_eq!(decoded(b"\x1b$BCmJ8\x1b(B", charset::named("iso-2022-jp")), "注文");
        assert_eq!(decoded(b"a+b=c", charset::named("utf-7")), "a+b=c");
        assert_eq!(decoded(b"Gr\xf6 =?utf-8?Q?=C3=9F?=", charset::named("iso-8859-1")), "Grö ß");
    }

    #[test]
    fn many_beginnings_cost_no_more_than_their_bytes() {
        let hostile = "=?a?q?x".repeat(100_000);
        assert_eq!(read(&hostile), hostile);
        let many = "=?utf-8?q?a?= ".repeat(50_000);
        assert_eq!(read(&many).len(), 50_001);
    }
}

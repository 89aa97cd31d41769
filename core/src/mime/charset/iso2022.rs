//! Charsets of East Asian mails that switch tables by escape sequences (ISO 2022: RFCs 1468, 1554, 1557, 1922) or by
//! tildes (HZ: RFC 1843). Letters of two bytes are looked up in the tables of the web's charsets.

use encoding_rs::{EUC_JP, EUC_KR, Encoding, GBK, ISO_8859_7, WINDOWS_1252};

const ESCAPE: u8 = 0x1b;
const SHIFT_OUT: u8 = 0x0e;
const SHIFT_IN: u8 = 0x0f;
const UNKNOWN: char = '\u{fffd}';

/// Which tables are active at the start of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Country {
    /// `iso-2022-jp` and its variants.
    Japan,
    /// `iso-2022-kr`.
    Korea,
    /// `iso-2022-cn`.
    China,
}

/// A table of letters.
#[derive(Clone, Copy, PartialEq)]
enum Table {
    Ascii,
    /// ASCII with a yen sign and an overline.
    Roman,
    Kana,
    /// Two bytes a letter, from the table of a web charset, and the prefix byte that its decoder needs.
    Double(&'static Encoding, Option<u8>),
    /// An unsupported table: two bytes make one unknown letter.
    Strange,
}

/// Whether a text without a known label is in one of these charsets: it switches to a Japanese table.
pub(crate) fn is_told_by(bytes: &[u8]) -> bool {
    memchr::memchr_iter(ESCAPE, bytes).take(8).any(|at| matches!(bytes.get(at + 1..at + 3), Some(b"$B" | b"$@")))
}

pub(crate) fn decode(bytes: &[u8], country: Country) -> String {
    let shifted = match country {
        Country::Japan => Table::Kana,
        Country::Korea => Table::Double(EUC_KR, None),
        Country::China => Table::Double(GBK, None),
    };
    Text { left: Table::Ascii, shifted, high: None, out: LetterBuffer::default() }.read(bytes)
}

/// The active tables: for plain bytes, after a shift, and for a single letter.
struct Text {
    left: Table,
    shifted: Table,
    high: Option<&'static Encoding>,
    out: LetterBuffer,
}

impl Text {
    fn read(mut self, bytes: &[u8]) -> String {
        let mut at = 0;
        let mut shift = false;
        while let Some(byte) = bytes.get(at) {
            at += 1;
            let table = if shift { self.shifted } else { self.left };
            match byte {
                &ESCAPE => at += self.escape(&bytes[at..]),
                &SHIFT_OUT => shift = true,
                &SHIFT_IN => shift = false,
                b'\n' => {
                    // Every line begins with the initial tables.
                    (self.left, shift) = (Table::Ascii, false);
                    self.out.letter('\n');
                }
                0x21..=0x7e => match (table, bytes.get(at)) {
                    (Table::Ascii, _) => self.out.letter(char::from(*byte)),
                    (Table::Roman, _) => self.out.letter(roman(*byte)),
                    (Table::Kana, _) => self.out.letter(kana(*byte)),
                    (Table::Double(encoding, before), Some(second @ 0x21..=0x7e)) => {
                        at += 1;
                        self.out.pair(encoding, before, *byte, *second);
                    }
                    (Table::Strange, Some(0x21..=0x7e)) => {
                        at += 1;
                        self.out.letter(UNKNOWN);
                    }
                    (Table::Double(..) | Table::Strange, _) => self.out.letter(UNKNOWN),
                },
                0xa1..=0xdf => self.out.letter(kana(byte - 0x80)),
                0..=0x7f => self.out.letter(char::from(*byte)),
                _ => self.out.letter(UNKNOWN),
            }
        }
        self.out.end()
    }

    /// Switches tables; returns the length of the sequence after the escape byte.
    fn escape(&mut self, rest: &[u8]) -> usize {
        let japan = Table::Double(EUC_JP, None);
        let (table, length) = match rest {
            [b'(', b'B' | b'H', ..] => (Table::Ascii, 2),
            [b'(', b'J', ..] => (Table::Roman, 2),
            [b'(', b'I', ..] => (Table::Kana, 2),
            [b'$', b'(', b'D', ..] => (Table::Double(EUC_JP, Some(0x8f)), 3),
            [b'$', b'(', b'C', ..] => (Table::Double(EUC_KR, None), 3),
            [b'$', b'(', b'A', ..] => (Table::Double(GBK, None), 3),
            [b'$', b'(', b'@' | b'B' | b'O' | b'P' | b'Q', ..] => (japan, 3),
            [b'$', b'@' | b'B', ..] => (japan, 2),
            [b'$', b'A', ..] => (Table::Double(GBK, None), 2),
            [b'$', b')', set, ..] => {
                self.shifted = match set {
                    b'A' | b'E' => Table::Double(GBK, None),
                    b'C' => Table::Double(EUC_KR, None),
                    _ => Table::Strange,
                };
                return 3;
            }
            [b'$', b'*' | b'+', _, ..] => return 3,
            [b'.', set, ..] => {
                self.high = match set {
                    b'A' => Some(WINDOWS_1252),
                    b'F' => Some(ISO_8859_7),
                    _ => None,
                };
                return 2;
            }
            [b'N', letter, ..] => {
                let high = self.high.map(|it| it.decode_without_bom_handling(&[letter | 0x80]).0.into_owned());
                high.unwrap_or_else(|| UNKNOWN.into()).chars().for_each(|it| self.out.letter(it));
                return 2;
            }
            _ => return 0,
        };
        self.left = table;
        length
    }
}

fn roman(byte: u8) -> char {
    match byte {
        0x5c => '¥',
        0x7e => '‾',
        byte => char::from(byte),
    }
}

fn kana(byte: u8) -> char {
    let at = u32::from(byte).checked_sub(0x21).filter(|at| *at <= 0x3e);
    at.and_then(|at| char::from_u32(0xff61 + at)).unwrap_or(UNKNOWN)
}

/// Collects letters; pairs from one table are decoded together.
#[derive(Default)]
struct LetterBuffer {
    text: String,
    pairs: Vec<u8>,
    table: Option<&'static Encoding>,
}

impl LetterBuffer {
    fn letter(&mut self, letter: char) {
        self.flush();
        self.text.push(letter);
    }

    fn pair(&mut self, table: &'static Encoding, before: Option<u8>, first: u8, second: u8) {
        if self.table != Some(table) {
            self.flush();
            self.table = Some(table);
        }
        self.pairs.extend(before);
        self.pairs.extend([first | 0x80, second | 0x80]);
    }

    fn flush(&mut self) {
        if let Some(table) = self.table.take() {
            self.text += &table.decode_without_bom_handling(&self.pairs).0;
            self.pairs.clear();
        }
    }

    fn end(mut self) -> String {
        self.flush();
        self.text
    }
}

/// Decodes HZ: text between `~{` and `~}` is GB 2312.
pub(crate) fn hz(bytes: &[u8]) -> String {
    let mut out = LetterBuffer::default();
    let mut at = 0;
    let mut double = false;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match (byte, bytes.get(at), double) {
            (b'~', Some(b'{'), false) => (double, at) = (true, at + 1),
            (b'~', Some(b'}'), true) => (double, at) = (false, at + 1),
            (b'~', Some(b'~'), false) => {
                at += 1;
                out.letter('~');
            }
            // An escaped line end continues the line.
            (b'~', Some(b'\n'), false) => at += 1,
            (b'\n', _, _) => {
                double = false;
                out.letter('\n');
            }
            (0x21..=0x7e, Some(second @ 0x21..=0x7e), true) => {
                at += 1;
                out.pair(GBK, None, *byte, *second);
            }
            (0..=0x7f, _, _) => out.letter(char::from(*byte)),
            // The same table with the high bits set, as some programs write it.
            (first, Some(second @ 0x80..), _) => {
                at += 1;
                out.pair(GBK, None, *first, *second);
            }
            _ => out.letter(UNKNOWN),
        }
    }
    out.end()
}

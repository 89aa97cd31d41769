//! Unicode encodings other than UTF-8: UTF-7 (RFC 2152), UTF-16 and UTF-32 in either byte order.

use encoding_rs::{UTF_16BE, UTF_16LE, WINDOWS_1252};

const UNKNOWN: char = '\u{fffd}';

/// The byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
    /// Unknown: a byte order mark decides, or the position of zero bytes.
    Unknown,
}

/// Decodes UTF-16.
pub(crate) fn utf16(bytes: &[u8], order: Order) -> String {
    let (order, bytes) = match bytes {
        [0xff, 0xfe, rest @ ..] => (Order::Little, rest),
        [0xfe, 0xff, rest @ ..] => (Order::Big, rest),
        _ => (order, bytes),
    };
    let zeros = |first: usize| bytes.iter().skip(first).step_by(2).take(512).filter(|it| **it == 0).count();
    let big = order == Order::Big || order == Order::Unknown && zeros(0) > zeros(1);
    let encoding = if big { UTF_16BE } else { UTF_16LE };
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

/// Decodes UTF-32.
pub(crate) fn utf32(bytes: &[u8], order: Order) -> String {
    let (order, bytes) = match bytes {
        [0xff, 0xfe, 0, 0, rest @ ..] => (Order::Little, rest),
        [0, 0, 0xfe, 0xff, rest @ ..] => (Order::Big, rest),
        _ => (order, bytes),
    };
    // The most significant byte of a code point is always zero.
    let big = order == Order::Big || order == Order::Unknown && bytes.first() == Some(&0);
    let number = |it: &[u8]| {
        let it = [it[0], it[1], it[2], it[3]];
        if big { u32::from_be_bytes(it) } else { u32::from_le_bytes(it) }
    };
    bytes.chunks_exact(4).map(|it| char::from_u32(number(it)).unwrap_or(UNKNOWN)).collect()
}

/// Decodes UTF-7.
pub(crate) fn utf7(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(b'+', rest) {
        plain(&rest[..at], &mut text);
        rest = &rest[at + 1..];
        let length = rest.iter().position(|it| sextet(*it).is_none()).unwrap_or(rest.len());
        match (length, rest.first()) {
            (0, Some(b'-')) => {
                text.push('+');
                rest = &rest[1..];
            }
            // Too short for a letter: it is a literal plus.
            (0..=2, _) => text.push('+'),
            (length, _) => {
                shifted(&rest[..length], &mut text);
                rest = &rest[length..];
                rest = rest.strip_prefix(b"-").unwrap_or(rest);
            }
        }
    }
    plain(rest, &mut text);
    text
}

fn plain(bytes: &[u8], text: &mut String) {
    *text += &WINDOWS_1252.decode_without_bom_handling(bytes).0;
}

fn shifted(bytes: &[u8], text: &mut String) {
    let mut units = Vec::with_capacity(bytes.len() * 3 / 8);
    let mut bits = 0_u32;
    let mut count = 0;
    for value in bytes.iter().filter_map(|it| sextet(*it)) {
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 16 {
            count -= 16;
            units.push((bits >> count) as u16);
            bits &= (1 << count) - 1;
        }
    }
    text.extend(char::decode_utf16(units).map(|it| it.unwrap_or(UNKNOWN)));
}

fn sextet(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

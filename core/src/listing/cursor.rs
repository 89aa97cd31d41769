//! The text of a list's cursor: opaque to clients, at most 200 characters. It states where a page ended, which list and
//! filters it belongs to, and when and in which history it was made. It is no secret and not signed: whoever makes one
//! up only chooses another place among rows that the same call may list anyway.

use super::Binding;
use crate::store::histories::HistoryPoint;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use inboxops_proto::clock::Timestamp;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Longest text of a cursor, as the contract promises.
pub(super) const CURSOR_MAX_CHARS: usize = 200;
/// Longest text in a key; of a longer one the beginning is kept.
const TEXT_MAX_BYTES: usize = 90;
/// Version of the format.
const FORMAT: u8 = 1;
/// Bytes at the end by which a damaged cursor is recognised.
const CHECK_BYTES: usize = 4;

const NUMBER: u8 = 0;
const ID: u8 = 1;
const TEXT: u8 = 2;
const CUT_TEXT: u8 = 3;

/// A part of the key by which a list is ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyPart {
    Number(i64),
    Id(Uuid),
    /// A text, or the beginning of a long one.
    Text {
        start: String,
        cut: bool,
    },
}

impl KeyPart {
    /// The part of a text of any length.
    pub(crate) fn text(text: &str) -> KeyPart {
        let start = &text[..text.floor_char_boundary(TEXT_MAX_BYTES)];
        KeyPart::Text { start: start.to_owned(), cut: start.len() < text.len() }
    }
}

/// What a cursor states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListCursor {
    pub(super) point: HistoryPoint,
    /// When it was made, to the second.
    pub(super) made_at: Timestamp,
    pub(super) binding: Binding,
    /// The key of the last item before it.
    pub(super) key: Vec<KeyPart>,
}

impl ListCursor {
    pub(super) fn text(&self) -> String {
        let mut bytes = vec![FORMAT];
        bytes.extend_from_slice(&self.point.history.to_be_bytes());
        write_number(&mut bytes, self.point.seq);
        write_number(&mut bytes, self.made_at.secs());
        bytes.extend_from_slice(&self.binding.0);
        for part in &self.key {
            match part {
                KeyPart::Number(number) => {
                    bytes.push(NUMBER);
                    write_number(&mut bytes, *number);
                }
                KeyPart::Id(id) => {
                    bytes.push(ID);
                    bytes.extend_from_slice(id.as_bytes());
                }
                KeyPart::Text { start, cut } => {
                    bytes.push(if *cut { CUT_TEXT } else { TEXT });
                    bytes.push(u8::try_from(start.len()).unwrap_or(u8::MAX));
                    bytes.extend_from_slice(start.as_bytes());
                }
            }
        }
        let check = Sha256::digest(&bytes);
        bytes.extend_from_slice(&check[..CHECK_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// `None` for a text that is no cursor of any list.
    pub(super) fn parse(text: &str) -> Option<ListCursor> {
        if text.len() > CURSOR_MAX_CHARS {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (stated, check) = bytes.split_at_checked(bytes.len().checked_sub(CHECK_BYTES)?)?;
        if Sha256::digest(stated)[..CHECK_BYTES] != *check {
            return None;
        }
        let mut left = stated;
        if *left.split_off_first()? != FORMAT {
            return None;
        }
        let history = u64::from_be_bytes(left.split_off(..8)?.try_into().ok()?);
        let seq = read_number(&mut left)?;
        let made_at = Timestamp::from_micros(read_number(&mut left)?.checked_mul(1_000_000)?);
        let binding = Binding(left.split_off(..8)?.try_into().ok()?);
        let mut key = Vec::new();
        while !left.is_empty() {
            key.push(read_part(&mut left)?);
        }
        Some(ListCursor { point: HistoryPoint { history, seq }, made_at, binding, key })
    }
}

fn read_part(left: &mut &[u8]) -> Option<KeyPart> {
    let kind = *left.split_off_first()?;
    Some(match kind {
        NUMBER => KeyPart::Number(read_number(left)?),
        ID => KeyPart::Id(Uuid::from_slice(left.split_off(..16)?).ok()?),
        TEXT | CUT_TEXT => {
            let len = usize::from(*left.split_off_first()?);
            let start = std::str::from_utf8(left.split_off(..len)?).ok()?;
            // PostgreSQL takes no NUL.
            let start = (!start.contains('\0')).then(|| start.to_owned())?;
            KeyPart::Text { start, cut: kind == CUT_TEXT }
        }
        _ => return None,
    })
}

/// Writes small numbers in few bytes: seven bits in each, the last one below 128.
fn write_number(bytes: &mut Vec<u8>, number: i64) {
    let mut left = ((number << 1) ^ (number >> 63)).cast_unsigned();
    while left >= 0x80 {
        bytes.push(u8::try_from(left & 0x7f).unwrap_or_default() | 0x80);
        left >>= 7;
    }
    bytes.push(u8::try_from(left).unwrap_or_default());
}

fn read_number(left: &mut &[u8]) -> Option<i64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *left.split_off_first()?;
        let seven = u64::from(byte & 0x7f);
        // The tenth byte has one bit.
        if shift == 63 && seven > 1 {
            return None;
        }
        number |= seven << shift;
        if byte < 0x80 {
            return Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cursor(key: Vec<KeyPart>) -> ListCursor {
        ListCursor {
            point: HistoryPoint { history: u64::MAX - 7, seq: 120_000 },
            made_at: Timestamp::from_micros(1_795_521_600_000_000),
            binding: Binding([1, 2, 3, 4, 5, 6, 7, 8]),
            key,
        }
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        for number in [0, 1, -1, 63, 64, -64, -65, 1_795_521_600_000_000, i64::MAX, i64::MIN] {
            let made = cursor(vec![KeyPart::Number(number), KeyPart::Id(Uuid::from_u128(7)), KeyPart::text("größe")]);
            assert_eq!(ListCursor::parse(&made.text()), Some(made));
        }
    }

    #[test]
    fn the_longest_key_fits_and_a_longer_text_keeps_its_beginning() {
        let long = "ä".repeat(TEXT_MAX_BYTES);
        let key = vec![KeyPart::text(&long), KeyPart::Id(Uuid::max())];
        assert_eq!(key[0], KeyPart::Text { start: "ä".repeat(TEXT_MAX_BYTES / 2), cut: true });
        let mut longest = cursor(key);
        longest.point.seq = i64::MAX;
        let text = longest.text();
        assert!(text.len() <= CURSOR_MAX_CHARS, "{} characters", text.len());
        assert_eq!(ListCursor::parse(&text), Some(longest));
        assert_eq!(KeyPart::text("vip"), KeyPart::Text { start: "vip".to_owned(), cut: false });
    }

    #[test]
    fn a_changed_cursor_is_none() {
        let text = cursor(vec![KeyPart::Number(5), KeyPart::Id(Uuid::nil())]).text();
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(ListCursor::parse(std::str::from_utf8(&changed).unwrap()), None, "character {at}");
            assert_eq!(ListCursor::parse(&text[..at]), None, "its first {at}");
        }
        assert_eq!(ListCursor::parse(&"A".repeat(CURSOR_MAX_CHARS + 4)), None);
        assert_eq!(ListCursor::parse("e1-2e9-2ee0-6610473279000"), None, "of another kind");
    }

    proptest! {
        /// Whoever knows the format can make any cursor whose check fits.
        #[test]
        fn no_bytes_upset_the_reader(mut bytes in proptest::collection::vec(any::<u8>(), 0..140)) {
            if let Some(first) = bytes.first_mut() {
                *first = FORMAT;
            }
            let check = Sha256::digest(&bytes);
            bytes.extend_from_slice(&check[..CHECK_BYTES]);
            let text = URL_SAFE_NO_PAD.encode(&bytes);
            if let Some(read) = ListCursor::parse(&text) {
                prop_assert_eq!(ListCursor::parse(&read.text()), Some(read));
            }
        }
    }
}

//! The outcome of an attempt, as data: failures with a sentence for people, and what a response's status and headers
//! mean. It knows no connection.
//! `docs/delivery.md` draws the states of a delivery and says who moves it.

use crate::request::MASK;
use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};
use http::{HeaderMap, HeaderName, StatusCode, header};
use inboxops_proto::{FailureCode, clock::Timestamp, internal::v1::RecordedHeader, limits::RETRY_AFTER_MAX_SECS};
use std::{borrow::Cow, io::Read, time::UNIX_EPOCH};

/// Greatest number of response headers that are recorded.
pub const HEADERS_MAX: usize = 50;
/// Greatest size of the recorded response headers, names and values together.
pub const HEADERS_MAX_BYTES: usize = 8 * 1024;
/// Greatest size of the recorded body.
pub const BODY_MAX_BYTES: usize = 4 * 1024;

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptFailure {
    pub code: FailureCode,
    /// The sentence for people.
    pub sentence: Cow<'static, str>,
}

impl From<FailureCode> for AttemptFailure {
    fn from(code: FailureCode) -> AttemptFailure {
        AttemptFailure { code, sentence: Cow::Borrowed(code.sentence()) }
    }
}

/// The meaning of a status: `None` is success. `sent` is the size of the request body.
pub fn verdict(status: StatusCode, sent: usize) -> Option<AttemptFailure> {
    let code = match status.as_u16() {
        200..=299 => return None,
        300..=399 => FailureCode::Http3xx,
        400..=499 => FailureCode::Http4xx,
        500..=599 => FailureCode::Http5xx,
        _ => FailureCode::InvalidResponse,
    };
    let n = status.as_u16();
    let what = code.sentence().trim_end_matches('.');
    let sentence = match n {
        413 => format!("The receiver refused the request as too large: its body has {sent} bytes (status 413)."),
        300..=399 if !REDIRECTS.contains(&n) => format!("The receiver's answer is no success (status {n})."),
        _ => format!("{what} (status {n})."),
    };
    Some(AttemptFailure { code, sentence: sentence.into() })
}

/// Redirecting statuses.
const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];

/// Seconds that the receiver asks to wait, for the two statuses where `Retry-After` applies (RFC 9110, 10.2.3): a
/// number, or a date relative to `now`. Zero if it does not ask.
pub fn retry_after(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> u32 {
    if !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        return 0;
    }
    let Some(text) = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::trim) else {
        return 0;
    };
    let secs = if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // A number with too many digits for the type is a long time, too.
        text.parse().unwrap_or(u64::MAX)
    } else {
        let date = httpdate::parse_http_date(text).ok();
        let date = date.and_then(|date| date.duration_since(UNIX_EPOCH).ok());
        let now = u64::try_from(now.secs()).unwrap_or(0);
        date.map_or(0, |date| date.as_secs().saturating_sub(now))
    };
    u32::try_from(secs).unwrap_or(u32::MAX).min(RETRY_AFTER_MAX_SECS)
}

/// Whether the receiver asks for no further attempt.
pub fn abort(headers: &HeaderMap) -> bool {
    let values = headers.get_all("webhook-delivery");
    values.iter().any(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"abort-message"))
}

/// Response headers for the record: bounded, in UTF-8, secrets masked.
pub fn recorded(headers: &HeaderMap) -> Vec<RecordedHeader> {
    let mut left = HEADERS_MAX_BYTES;
    let mut list = Vec::with_capacity(headers.len().min(HEADERS_MAX));
    for (name, value) in headers.iter().take(HEADERS_MAX) {
        let mut value =
            if is_secret(name) { MASK.to_owned() } else { String::from_utf8_lossy(value.as_bytes()).into_owned() };
        let Some(room) = left.checked_sub(name.as_str().len()) else { break };
        cut(&mut value, room);
        left = room - value.len();
        list.push(RecordedHeader { name: name.as_str().to_owned(), value });
    }
    list
}

/// The first bytes of a body for the record, decompressed if the receiver compressed it unasked. Invalid UTF-8, and
/// NUL, which a database may refuse, become U+FFFD.
pub fn text(headers: &HeaderMap, bytes: &[u8]) -> String {
    let unpacked = unpacked(headers, bytes);
    let bytes = unpacked.as_deref().unwrap_or(bytes);
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    if text.contains('\0') {
        text = text.replace('\0', "\u{fffd}");
    }
    cut(&mut text, BODY_MAX_BYTES);
    text
}

/// The start of a compressed body, as far as it is recorded; `None` if its encoding is unknown or wrong.
fn unpacked(headers: &HeaderMap, bytes: &[u8]) -> Option<Vec<u8>> {
    const GZIP: &[u8] = &[0x1f, 0x8b, 8];
    let named = headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes().trim_ascii());
    let deflate = named.is_some_and(|name| name.eq_ignore_ascii_case(b"deflate"));
    let found = if bytes.starts_with(GZIP) {
        read_some(GzDecoder::new(bytes))
    } else if deflate {
        // Servers disagree about what `deflate` is (RFC 9110, 8.4.1.2).
        read_some(ZlibDecoder::new(bytes)).or_else(|| read_some(DeflateDecoder::new(bytes)))
    } else {
        None
    };
    match (found, named) {
        (Some(found), _) => Some(found),
        (None, Some(name))
            if !bytes.is_empty()
                && ["br", "zstd", "compress"].iter().any(|it| name.eq_ignore_ascii_case(it.as_bytes())) =>
        {
            Some(format!("(a body packed as {})", String::from_utf8_lossy(name)).into_bytes())
        }
        _ => None,
    }
}

/// The output of a reader until it ends or fails, as far as it is recorded; `None` if there is none.
fn read_some(reader: impl Read) -> Option<Vec<u8>> {
    let mut found = Vec::new();
    // A body that is cut off or broken still shows its start.
    let _ = reader.take(BODY_MAX_BYTES as u64 + 1).read_to_end(&mut found);
    (!found.is_empty()).then_some(found)
}

/// Truncates after the last character that ends within `max` bytes.
fn cut(text: &mut String, max: usize) {
    text.truncate(text.floor_char_boundary(max));
}

/// Names of headers that contain secrets of the receiver and its users.
fn is_secret(name: &HeaderName) -> bool {
    const PARTS: &[&str] = &["cookie", "auth", "token", "secret", "password", "api-key", "apikey", "session", "csrf"];
    PARTS.iter().any(|part| name.as_str().contains(part))
}

#[cfg(test)]
mod tests;

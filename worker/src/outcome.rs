//! How an attempt ended, as data: the catalogue of failures with a sentence for a person each, and what an answer's
//! status and headers mean. It knows no connection.
//! `docs/delivery.md` draws the whole way of a delivery.

use crate::request::MASK;
use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};
use http::{HeaderMap, HeaderName, StatusCode, header};
use inboxops_proto::{clock::Timestamp, internal::v1::RecordedHeader};
use std::{borrow::Cow, io::Read, time::UNIX_EPOCH};

/// Greatest number of response headers that are recorded.
pub const HEADERS_MAX: usize = 50;
/// Greatest size of the recorded response headers, names and values together.
pub const HEADERS_MAX_BYTES: usize = 8 * 1024;
/// Greatest size of the recorded body.
pub const BODY_MAX_BYTES: usize = 4 * 1024;
/// Greatest delay that a receiver can ask for: the longest step of the schedule.
pub const RETRY_AFTER_MAX_SECS: u32 = 256 * 60;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident $name:literal $sentence:literal;)*) => {
        /// Why an attempt failed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {$(
            $(#[$doc])*
            $variant,
        )*}

        impl Code {
            /// Every code.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// Name in the API.
            pub const fn name(self) -> &'static str { match self { $(Code::$variant => $name,)* } }

            /// What a person reads.
            pub const fn sentence(self) -> &'static str { match self { $(Code::$variant => $sentence,)* } }
        }
    };
}

codes! {
    /// No address was found in time.
    DnsFailure "dns_failure" "The host name could not be resolved to an address.";
    /// An address or the URL is refused.
    BlockedAddress "blocked_address" "The host name leads to an address that is not on the public internet.";
    /// Nobody listens, or no route.
    ConnectRefused "connect_refused" "The receiver refused the connection or cannot be reached.";
    /// No connection in time, TLS included.
    ConnectTimeout "connect_timeout" "The receiver did not complete a connection within 5 seconds.";
    /// The connection ended before an answer.
    ConnectionReset "connection_reset" "The receiver closed the connection before it answered.";
    /// The connection was closed before the request reached the receiver. Not one of the schedule's attempts.
    StaleConnection "stale_connection" "The receiver had closed the connection before the request arrived; it is sent again at once over a new one.";
    /// Certificate out of its time.
    TlsExpired "tls_expired" "The server's certificate has expired or is not valid yet.";
    /// Certificate of another host.
    TlsHostname "tls_hostname" "The server's certificate is for another host name.";
    /// Certificate that nobody we know vouches for.
    TlsUntrusted "tls_untrusted" "The server's certificate is not signed by an authority that we trust.";
    /// Certificate of ours that we do not have.
    TlsClientCertificate "tls_client_certificate" "The server demands a client certificate, and we have none.";
    /// Any other failure of TLS.
    TlsHandshake "tls_handshake" "No secure connection could be agreed on with the server.";
    /// No answer in time.
    Timeout "timeout" "The receiver did not answer within 15 seconds.";
    /// A redirect, which is never followed.
    Http3xx "http_3xx" "The receiver redirected the request, and redirects are not followed.";
    /// The receiver refuses.
    Http4xx "http_4xx" "The receiver refused the request.";
    /// The receiver fails.
    Http5xx "http_5xx" "The receiver failed to process the request.";
    /// Not HTTP, or a status that is none.
    InvalidResponse "invalid_response" "The server's answer is not valid HTTP.";
    /// Ours.
    InternalError "internal_error" "The request was not sent, for a reason on our side; it will be tried again.";
}

/// An attempt that got no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Why.
    pub code: Code,
    /// What a person reads.
    pub sentence: Cow<'static, str>,
}

impl From<Code> for Failed {
    fn from(code: Code) -> Failed {
        Failed { code, sentence: Cow::Borrowed(code.sentence()) }
    }
}

/// What a status means: `None` is success. `sent` is the size of the request's body.
pub fn verdict(status: StatusCode, sent: usize) -> Option<Failed> {
    let code = match status.as_u16() {
        200..=299 => return None,
        300..=399 => Code::Http3xx,
        400..=499 => Code::Http4xx,
        500..=599 => Code::Http5xx,
        _ => Code::InvalidResponse,
    };
    let n = status.as_u16();
    let what = code.sentence().trim_end_matches('.');
    let sentence = match n {
        413 => format!("The receiver refused the request as too large: its body has {sent} bytes (status 413)."),
        300..=399 if !REDIRECTS.contains(&n) => format!("The receiver's answer is no success (status {n})."),
        _ => format!("{what} (status {n})."),
    };
    Some(Failed { code, sentence: sentence.into() })
}

/// Statuses that send a client elsewhere.
const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];

/// Seconds that the receiver asks to wait, on the two statuses where that means something (RFC 9110, 10.2.3): a
/// number, or a date that is compared with `now`. Zero when it does not ask.
pub fn retry_after(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> u32 {
    if !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        return 0;
    }
    let Some(text) = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::trim) else {
        return 0;
    };
    let secs = if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than the type holds is a long time, too.
        text.parse().unwrap_or(u64::MAX)
    } else {
        let date = httpdate::parse_http_date(text).ok();
        let date = date.and_then(|date| date.duration_since(UNIX_EPOCH).ok());
        let now = u64::try_from(now.secs()).unwrap_or(0);
        date.map_or(0, |date| date.as_secs().saturating_sub(now))
    };
    u32::try_from(secs).unwrap_or(u32::MAX).min(RETRY_AFTER_MAX_SECS)
}

/// Whether the receiver asks to stop this delivery.
pub fn abort(headers: &HeaderMap) -> bool {
    let values = headers.get_all("webhook-delivery");
    values.iter().any(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"abort-message"))
}

/// Response headers for the record: bounded, in UTF-8, secrets masked.
pub fn recorded(headers: &HeaderMap) -> Vec<RecordedHeader> {
    let mut left = HEADERS_MAX_BYTES;
    let mut list = Vec::with_capacity(headers.len().min(HEADERS_MAX));
    for (name, value) in headers.iter().take(HEADERS_MAX) {
        let mut value = match is_secret(name) {
            true => MASK.to_owned(),
            false => String::from_utf8_lossy(value.as_bytes()).into_owned(),
        };
        let Some(room) = left.checked_sub(name.as_str().len()) else { break };
        cut(&mut value, room);
        left = room - value.len();
        list.push(RecordedHeader { name: name.as_str().to_owned(), value });
    }
    list
}

/// The first bytes of a body for the record, unpacked when it is packed although nobody asked for that: what is not
/// UTF-8, and NUL, which a database may not take, become U+FFFD.
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

/// What is packed in the first bytes of a body, as far as it is recorded; `None` when nothing that we know is.
fn unpacked(headers: &HeaderMap, bytes: &[u8]) -> Option<Vec<u8>> {
    const GZIP: &[u8] = &[0x1f, 0x8b, 8];
    let named = headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes().trim_ascii());
    let deflate = named.is_some_and(|name| name.eq_ignore_ascii_case(b"deflate"));
    let found = match bytes.starts_with(GZIP) {
        true => read_some(GzDecoder::new(bytes)),
        // Servers disagree on what that is (RFC 9110, 8.4.1.2).
        false if deflate => read_some(ZlibDecoder::new(bytes)).or_else(|| read_some(DeflateDecoder::new(bytes))),
        false => None,
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

/// What a reader gives before it ends or fails, as far as it is recorded; `None` for nothing.
fn read_some(reader: impl Read) -> Option<Vec<u8>> {
    let mut found = Vec::new();
    // A body that is cut, or broken behind its begin, still shows its begin.
    let _ = reader.take(BODY_MAX_BYTES as u64 + 1).read_to_end(&mut found);
    (!found.is_empty()).then_some(found)
}

/// Cuts at the last character that ends within `max` bytes.
fn cut(text: &mut String, max: usize) {
    text.truncate(text.floor_char_boundary(max));
}

/// Names that carry what only the receiver and its users may know.
fn is_secret(name: &HeaderName) -> bool {
    const PARTS: &[&str] = &["cookie", "auth", "token", "secret", "password", "api-key", "apikey", "session", "csrf"];
    PARTS.iter().any(|part| name.as_str().contains(part))
}

#[cfg(test)]
mod tests;

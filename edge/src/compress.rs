//! gzip compression of REST responses: of complete bodies of some size, and of answers in lines. Streams of events are
//! left alone.

mod lines;

use axum::body::Body;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{
    HeaderMap, HeaderValue, Response,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use inboxops_proto::rest::lines::LINES;
use lines::GzipBody;
use std::io::Write as _;

/// Smallest body that is compressed, in bytes.
const GZIP_MIN_BYTES: u64 = 1024;
/// Largest body that is compressed on the request's own thread, in bytes; a larger one goes to a blocking thread.
const GZIP_INLINE_MAX_BYTES: u64 = 64 * 1024;

/// Whether the client accepts gzip.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let mut any = None;
    for value in headers.get_all(ACCEPT_ENCODING) {
        for item in value.to_str().unwrap_or_default().split(',') {
            let mut parts = item.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let refused = parts.any(|part| {
                let quality = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
                quality.is_some_and(|quality| quality.parse::<f32>().is_ok_and(|quality| quality <= 0.0))
            });
            if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
                return !refused;
            }
            if name == "*" {
                any = Some(!refused);
            }
        }
    }
    any.unwrap_or(false)
}

/// Compresses a response if that is worthwhile.
pub(crate) async fn compress(response: Response<Body>) -> Response<Body> {
    let size = response.body().size_hint().exact();
    if size.is_none() && response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == LINES) {
        let (mut parts, body) = response.into_parts();
        parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        return Response::from_parts(parts, Body::new(GzipBody::new(body)));
    }
    let Some(size) = size.filter(|size| *size >= GZIP_MIN_BYTES) else {
        return response;
    };
    let headers = response.headers();
    if headers.contains_key(CONTENT_ENCODING)
        || headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
    {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = body.collect().await else {
        return Response::from_parts(parts, Body::empty());
    };
    let plain = body.to_bytes();
    let packed = if size <= GZIP_INLINE_MAX_BYTES {
        gzip(&plain)
    } else {
        let whole = plain.clone();
        tokio::task::spawn_blocking(move || gzip(&whole)).await.unwrap_or(None)
    };
    let Some(packed) = packed else { return Response::from_parts(parts, Body::from(plain)) };
    parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(packed.len()));
    Response::from_parts(parts, Body::from(packed))
}

/// Compresses; `None` if the encoder fails, which writing to memory cannot.
pub(crate) fn gzip(plain: &[u8]) -> Option<Bytes> {
    pack(plain, Compression::fast())
}

/// The same at the highest level, for files that are compressed once.
pub(crate) fn gzip_small(plain: &[u8]) -> Option<Bytes> {
    pack(plain, Compression::best())
}

fn pack(plain: &[u8], level: Compression) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), level);
    encoder.write_all(plain).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_used_only_when_the_client_takes_it() {
        let cases = [
            ("gzip", true),
            ("deflate, gzip;q=0.5, br", true),
            ("GZIP", true),
            ("*", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000, *", false),
            ("*;q=0", false),
            ("br", false),
            ("", false),
        ];
        for (accept, taken) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(accept));
            assert_eq!(accepts_gzip(&headers), taken, "{accept:?}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}

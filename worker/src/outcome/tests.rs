//! The meaning of responses, and what is recorded of them.

use super::*;
use http::HeaderValue;

fn headers(list: &[(&str, &[u8])]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in list {
        map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_bytes(value).unwrap());
    }
    map
}

#[test]
fn only_statuses_of_the_two_hundreds_are_success() {
    for (status, code) in [
        (200, None),
        (204, None),
        (299, None),
        (101, Some(FailureCode::InvalidResponse)),
        (300, Some(FailureCode::Http3xx)),
        (302, Some(FailureCode::Http3xx)),
        (400, Some(FailureCode::Http4xx)),
        (410, Some(FailureCode::Http4xx)),
        (429, Some(FailureCode::Http4xx)),
        (500, Some(FailureCode::Http5xx)),
        (599, Some(FailureCode::Http5xx)),
        (600, Some(FailureCode::InvalidResponse)),
        (999, Some(FailureCode::InvalidResponse)),
    ] {
        let failed = verdict(StatusCode::from_u16(status).unwrap(), 102_913);
        assert_eq!(failed.as_ref().map(|failed| failed.code), code, "{status}");
        if let Some(failed) = failed {
            assert!(failed.sentence.ends_with(&format!("(status {status}).")), "{}", failed.sentence);
        }
    }
}

#[test]
fn a_sentence_fits_its_status() {
    for (status, words) in [
        (300, "no success"),
        (301, "redirected"),
        (302, "redirected"),
        (303, "redirected"),
        (304, "no success"),
        (305, "no success"),
        (306, "no success"),
        (307, "redirected"),
        (308, "redirected"),
        (399, "no success"),
        (413, "too large: its body has 102913 bytes"),
        (414, "refused the request (status 414)"),
    ] {
        let failed = verdict(StatusCode::from_u16(status).unwrap(), 102_913).unwrap();
        assert!(failed.sentence.contains(words), "{}", failed.sentence);
        assert_eq!(failed.sentence.contains("redirect"), words == "redirected", "{}", failed.sentence);
    }
}

#[test]
fn retry_after_is_read_as_seconds_or_date_and_capped() {
    let now = Timestamp::from_micros(1_795_507_200_000_000); // Tue, 24 Nov 2026 08:00:00 GMT
    for (status, value, secs) in [
        (429, "120", 120),
        (503, " 7 ", 7),
        (503, "0", 0),
        (429, "15360", 15_360),
        (429, "15361", 15_360),
        (429, "99999999999999999999999999", 15_360),
        (429, "Tue, 24 Nov 2026 08:01:40 GMT", 100),
        (429, "Tuesday, 24-Nov-26 08:01:40 GMT", 100),
        (503, "Tue Nov 24 08:01:40 2026", 100),
        (503, "Wed, 25 Nov 2026 08:00:00 GMT", 15_360),
        (503, "Mon, 23 Nov 2026 08:00:00 GMT", 0),
        (503, "Thu, 01 Jan 1970 00:00:00 GMT", 0),
        (429, "-5", 0),
        (429, "+5", 0),
        (429, "1.5", 0),
        (429, "", 0),
        (429, "soon", 0),
        (500, "120", 0),
        (200, "120", 0),
        (302, "120", 0),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        let headers = headers(&[("retry-after", value.as_bytes())]);
        assert_eq!(retry_after(status, &headers, now), secs, "{status} {value:?}");
    }
    let strange = headers(&[("retry-after", b"\xff")]);
    assert_eq!(retry_after(StatusCode::TOO_MANY_REQUESTS, &strange, now), 0);
    assert_eq!(retry_after(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new(), now), 0);
}

#[test]
fn a_receiver_can_ask_to_stop() {
    assert!(abort(&headers(&[("webhook-delivery", b"abort-message")])));
    assert!(abort(&headers(&[("Webhook-Delivery", b"x"), ("webhook-delivery", b" Abort-Message ")])));
    assert!(!abort(&headers(&[("webhook-delivery", b"abort")])));
    assert!(!abort(&HeaderMap::new()));
}

#[test]
fn recorded_headers_are_bounded_masked_and_clean() {
    let list = recorded(&headers(&[
        ("content-type", b"text/plain"),
        ("Set-Cookie", b"sid=1"),
        ("www-authenticate", b"Basic"),
        ("x-api-key", b"k"),
        ("x-auth-token", b"t"),
        ("x-odd", b"caf\xe9 \xff"),
    ]));
    let list: Vec<_> = list.iter().map(|header| (header.name.as_str(), header.value.as_str())).collect();
    assert_eq!(
        list,
        [
            ("content-type", "text/plain"),
            ("set-cookie", MASK),
            ("www-authenticate", MASK),
            ("x-api-key", MASK),
            ("x-auth-token", MASK),
            ("x-odd", "caf\u{fffd} \u{fffd}"),
        ]
    );

    let mut many = HeaderMap::new();
    for n in 0..200 {
        many.append(HeaderName::try_from(format!("x-{n}")).unwrap(), HeaderValue::from_static("v"));
    }
    assert_eq!(recorded(&many).len(), HEADERS_MAX);

    let huge = vec![0xe9; 5000];
    let list = recorded(&headers(&[("x-a", &huge), ("x-b", &huge), ("x-c", &huge)]));
    let size: usize = list.iter().map(|header| header.name.len() + header.value.len()).sum();
    assert!(size <= HEADERS_MAX_BYTES && size > HEADERS_MAX_BYTES - 8, "{size}");
}

#[test]
fn recorded_bodies_are_clean_and_bounded() {
    let text = |bytes: &[u8]| text(&HeaderMap::new(), bytes);
    assert_eq!(text(b""), "");
    assert_eq!(text("h\u{e9}".as_bytes()), "h\u{e9}");
    assert_eq!(text(b"a\0b\xff\xfec"), "a\u{fffd}b\u{fffd}\u{fffd}c");
    for bytes in [vec![b'a'; 5000], vec![0; 5000], vec![0xff; 5000], "\u{1f680}".repeat(2000).into_bytes()] {
        let text = text(&bytes);
        assert!(text.len() <= BODY_MAX_BYTES && text.len() > BODY_MAX_BYTES - 4, "{}", text.len());
    }
}

#[test]
fn a_packed_body_that_nobody_asked_for_is_shown_unpacked() {
    use flate2::{Compression, read};
    let said = "{\"ok\": true}";
    let pack = |kind: &str, said: &str| {
        let mut packed = Vec::new();
        match kind {
            "gzip" => read::GzEncoder::new(said.as_bytes(), Compression::best()).read_to_end(&mut packed),
            "zlib" => read::ZlibEncoder::new(said.as_bytes(), Compression::best()).read_to_end(&mut packed),
            _ => read::DeflateEncoder::new(said.as_bytes(), Compression::best()).read_to_end(&mut packed),
        }
        .unwrap();
        packed
    };
    for (named, kind) in [
        (Some("gzip"), "gzip"),
        (Some("x-gzip"), "gzip"),
        (Some(" GZIP "), "gzip"),
        (None, "gzip"),
        (Some("deflate"), "zlib"),
        (Some("Deflate"), "raw"),
    ] {
        let list: Vec<_> = named.iter().map(|name| ("content-encoding", name.as_bytes())).collect();
        assert_eq!(text(&headers(&list), &pack(kind, said)), said, "{named:?} {kind}");
    }
    // With and without a label; and encodings that we cannot read.
    for (named, bytes, shown) in [
        ("gzip", &b"plain"[..], "plain"),
        ("deflate", b"\x81\x82plain", "\u{fffd}\u{fffd}plain"),
        ("br", b"\x81\x82", "(a body packed as br)"),
        ("zstd", b"\x28\xb5\x2f\xfd", "(a body packed as zstd)"),
        ("br", b"", ""),
        ("identity", b"plain", "plain"),
    ] {
        assert_eq!(text(&headers(&[("content-encoding", named.as_bytes())]), bytes), shown, "{named}");
    }
    // Cut off, and highly compressed.
    let long: String = (0..2000).map(|n| format!("{n} ")).collect();
    let packed = pack("gzip", &long);
    let shown = text(&HeaderMap::new(), &packed[..packed.len() / 2]);
    assert!(shown.len() > 100 && long.starts_with(&shown));
    let bomb = text(&HeaderMap::new(), &pack("gzip", &"a".repeat(50_000_000)));
    assert_eq!(bomb, "a".repeat(BODY_MAX_BYTES));
}

//! How long a connection may be idle before the receiver may close it during a request (RFC 9112, 9.3): what it
//! announces minus a margin, or one second if it announces nothing. Pure.

use http::{HeaderMap, HeaderName};
use std::time::Duration;

/// If nothing is announced: shorter than any common server's limit.
pub(super) const UNANNOUNCED_MAX: Duration = Duration::from_secs(1);
/// Margin for the round trip, but at most half of the announced time.
pub(super) const MARGIN: Duration = Duration::from_secs(1);

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// The longest idle time after a response with these headers; zero if the connection cannot be reused.
pub(super) fn longest(headers: &HeaderMap) -> Duration {
    let mut timeout = None;
    let mut uses = None;
    let values = headers.get_all(KEEP_ALIVE).iter().filter_map(|value| value.to_str().ok());
    for (name, value) in values.flat_map(|value| value.split([',', ';'])).filter_map(|part| part.split_once('=')) {
        let value = value.trim().trim_matches('"').trim();
        let least = |known: Option<f64>| {
            value.parse().ok().filter(|it| *it >= 0.0).map(|it| known.map_or(it, |known: f64| known.min(it)))
        };
        match name.trim() {
            name if name.eq_ignore_ascii_case("timeout") => timeout = least(timeout).or(timeout),
            name if name.eq_ignore_ascii_case("max") => uses = least(uses).or(uses),
            _ => {}
        }
    }
    if uses.is_some_and(|left| left < 1.0) {
        return Duration::ZERO;
    }
    let Some(announced) = timeout.map(|secs| Duration::try_from_secs_f64(secs).unwrap_or(Duration::MAX)) else {
        return UNANNOUNCED_MAX;
    };
    announced - MARGIN.min(announced / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn what_is_announced_counts_less_a_margin() {
        for (values, millis) in [
            (&[][..], 1000),
            (&["timeout=5"], 4000),
            (&["timeout=5, max=100"], 4000),
            (&["max=100,timeout=5"], 4000),
            (&["Timeout = \"72\""], 71_000),
            (&["max=3", "timeout=2"], 1000),
            (&["timeout=1"], 500),
            (&["timeout=0.5"], 250),
            (&["timeout=0"], 0),
            (&["timeout=5, max=0"], 0),
            (&["timeout=9, timeout=3"], 2000),
            (&["timeout=5; max=7"], 4000),
            (&["max=7"], 1000),
            (&["timeout=soon"], 1000),
            (&["timeout=-5"], 1000),
            (&["timeout"], 1000),
            (&["timeout=NaN"], 1000),
            (&["timeout=5, max=x"], 4000),
            (&["\u{e9}=1, timeout=2"], 1000),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(KEEP_ALIVE, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            assert_eq!(longest(&headers), Duration::from_millis(millis), "{values:?}");
        }
        let mut huge = HeaderMap::new();
        huge.insert(KEEP_ALIVE, HeaderValue::from_static("timeout=1e300"));
        assert!(longest(&huge) > Duration::from_secs(1 << 40));
    }
}

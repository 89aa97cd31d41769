//! Determines the origin of a request from its headers and its client's address: request id, and whether a browser sent
//! it from our own pages. It decides nothing by that.

use crate::same_site;
use http::{HeaderMap, HeaderValue, uri::Uri};
use inboxops_proto::wire::{Origin, REQUEST_ID, Way};
use std::net::IpAddr;

/// Longest request id that is accepted from a client, in characters.
const REQUEST_ID_MAX: usize = 128;

/// The origin of a request from the client at `peer`; `chance` supplies the request id if the client sent none that is
/// acceptable.
pub(crate) fn origin(
    headers: &HeaderMap,
    uri: &Uri,
    way: Way,
    peer: Option<IpAddr>,
    secure: bool,
    chance: fn() -> u128,
) -> Origin {
    let request_id = match headers.get(REQUEST_ID).map(HeaderValue::as_bytes).filter(|id| is_request_id(id)) {
        // These characters are known to be ASCII.
        Some(id) => String::from_utf8_lossy(id).into_owned(),
        None => format!("req_{:032x}", chance()),
    };
    Origin { peer, way, request_id, same_origin: same_site::same_origin(way, headers, uri), secure }
}

fn is_request_id(id: &[u8]) -> bool {
    !id.is_empty()
        && id.len() <= REQUEST_ID_MAX
        && id.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&'static str, &str)]) -> Origin {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).expect("a header value"));
        }
        origin(&headers, &Uri::from_static("/"), Way::Rest, "192.0.2.1".parse().ok(), false, || 0xabc)
    }

    #[test]
    fn a_request_id_is_taken_over_only_when_it_is_harmless() {
        let long = "x".repeat(129);
        let cases = [("abc.D-9_", true), ("", false), ("a b", false), ("ä", false), ("a\tb", false), (&long, false)];
        for (given, taken) in cases {
            let id = of(&[(REQUEST_ID, given)]).request_id;
            assert_eq!(id == given, taken, "{given:?}");
            assert!(taken || id == "req_00000000000000000000000000000abc", "{id}");
        }
    }
}

//! Protects against cross-site requests: a call that a browser can send without a script must come from our own pages,
//! under a host name of ours. Calls with API keys over REST and gRPC are not a browser's own and pass. Who may call is
//! decided elsewhere.

use http::{
    HeaderMap, HeaderValue, Method,
    header::{AUTHORIZATION, HOST, ORIGIN},
    uri::{Authority, Uri},
};
use inboxops_proto::{
    cookie,
    failure::Failure,
    mcp,
    reason::Reason,
    wire::{Origin, Way},
};
use std::net::{IpAddr, Ipv6Addr};

/// Header of grpc-web clients. An HTML form cannot send it, and a script of another site needs a preflight.
pub(crate) const GRPC_WEB: &str = "x-grpc-web";

/// Refuses requests that another site made a browser send. `names` are the server's host names, besides IP addresses
/// and `localhost`; an attacker who resolves his own name to this machine has none of them.
pub(crate) fn check(
    origin: &Origin,
    method: &Method,
    headers: &HeaderMap,
    uri: &Uri,
    names: &[String],
) -> Result<(), Failure> {
    let has_session = cookie::is_there(headers);
    let guarded = match origin.way {
        // No browser speaks it. An edge in another process does, for browsers that it has checked itself.
        Way::Local | Way::Grpc => false,
        Way::GrpcWeb => true,
        // A model's host is no browser; one that says where it comes from must come from here.
        Way::Rest if uri.path() == mcp::PATH => headers.contains_key(ORIGIN),
        Way::Rest => {
            has_session && !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) && !has_key(headers)
        }
    };
    if !guarded {
        return Ok(());
    }
    // A client without such headers is no browser: it may call, but without a session.
    let is_browser = headers.contains_key("sec-fetch-site") || headers.contains_key(ORIGIN);
    if !is_browser && !has_session {
        return Ok(());
    }
    if !origin.same_origin {
        return Err(Reason::CrossOrigin.into());
    }
    let host = asked(headers, uri);
    if host.as_ref().is_some_and(|host| is_ours(host.host(), names)) {
        return Ok(());
    }
    Err(Failure::new(Reason::CrossOrigin)
        .message("The request names a host that is not this server; set `public_url` to its name."))
}

fn has_key(headers: &HeaderMap) -> bool {
    headers.contains_key(AUTHORIZATION)
}

/// Host and port of the request.
pub(crate) fn asked(headers: &HeaderMap, uri: &Uri) -> Option<Authority> {
    match headers.get(HOST) {
        Some(host) => host.to_str().ok()?.parse().ok(),
        None => uri.authority().cloned(),
    }
}

fn is_ours(host: &str, names: &[String]) -> bool {
    let plain = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_address = match plain {
        Some(six) => six.parse::<Ipv6Addr>().is_ok(),
        None => host.parse::<IpAddr>().is_ok(),
    };
    is_address || host.eq_ignore_ascii_case("localhost") || names.iter().any(|name| name.eq_ignore_ascii_case(host))
}

/// Whether a browser sent the request from our own pages. Fetch metadata decide; a browser without them still sends
/// `Origin`, whose host and port must be those of the request.
pub(crate) fn same_origin(way: Way, headers: &HeaderMap, uri: &Uri) -> bool {
    if way == Way::GrpcWeb && !headers.contains_key(GRPC_WEB) {
        return false;
    }
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = headers.get(ORIGIN).and_then(|origin: &HeaderValue| origin.to_str().ok()) else { return false };
    let from = origin.parse::<Uri>().ok().and_then(|origin| origin.into_parts().authority);
    matches!((asked(headers, uri), from), (Some(asked), Some(from)) if asked == from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value"))).collect()
    }

    fn verdict(way: Way, method: Method, pairs: &[(&'static str, &str)]) -> bool {
        let headers = headers(pairs);
        let uri = Uri::from_static("/");
        let same_origin = same_origin(way, &headers, &uri);
        let origin = Origin { peer: None, way, request_id: String::new(), same_origin, secure: false };
        check(&origin, &method, &headers, &uri, &["desk.example.com".to_owned()]).is_ok()
    }

    const WEB: (&str, &str) = ("x-grpc-web", "1");
    const COOKIE: (&str, &str) = ("cookie", "a=b; inboxops_session=x");
    const KEY: (&str, &str) = ("authorization", "Bearer ixk_x");

    #[test]
    fn another_port_of_the_same_host_is_another_origin() {
        let cases: &[(&[(&str, &str)], bool)] = &[
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "same-site"), ("origin", "http://a:1"), ("host", "a:1")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("origin", "http://localhost:8080"), ("host", "localhost:8080")], true),
            (&[("origin", "http://localhost:8081"), ("host", "localhost:8080")], false),
            (&[("origin", "null"), ("host", "localhost:8080")], false),
            (&[("host", "localhost:8080")], false),
        ];
        for (pairs, same) in cases {
            let pairs: Vec<(&'static str, &str)> = pairs.to_vec();
            assert_eq!(same_origin(Way::Rest, &headers(&pairs), &Uri::from_static("/")), *same, "{pairs:?}");
            assert!(!same_origin(Way::GrpcWeb, &headers(&pairs), &Uri::from_static("/")), "a form could send it");
        }
    }

    #[test]
    fn a_browser_calls_from_our_pages_only() {
        let host = ("host", "localhost:8080");
        let ours: &[&[(&str, &str)]] = &[
            &[WEB, host, ("sec-fetch-site", "same-origin"), COOKIE],
            &[WEB, host, ("origin", "http://localhost:8080"), COOKIE],
            &[WEB, host, KEY],
            &[WEB, host],
            &[WEB, ("host", "any.name"), KEY],
        ];
        let others: &[&[(&str, &str)]] = &[
            &[WEB, host, ("sec-fetch-site", "same-site"), COOKIE],
            &[WEB, host, ("sec-fetch-site", "cross-site")],
            &[WEB, host, ("sec-fetch-site", "cross-site"), KEY],
            &[WEB, host, ("origin", "http://localhost:8081"), COOKIE],
            &[WEB, host, ("origin", "null"), COOKIE],
            &[WEB, host, COOKIE],
            &[host, ("sec-fetch-site", "same-origin"), COOKIE],
        ];
        for pairs in ours {
            assert!(verdict(Way::GrpcWeb, Method::POST, pairs), "{pairs:?}");
        }
        for pairs in others {
            assert!(!verdict(Way::GrpcWeb, Method::POST, pairs), "{pairs:?}");
        }
    }

    #[test]
    fn a_name_that_somebody_leads_to_us_is_none_of_ours() {
        let of = |host: &'static str| {
            verdict(Way::GrpcWeb, Method::POST, &[WEB, ("host", host), ("sec-fetch-site", "same-origin")])
        };
        for host in ["127.0.0.1:8080", "[::1]:8080", "localhost", "LOCALHOST:1", "desk.example.com", "192.0.2.7:443"] {
            assert!(of(host), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example:8080",
            "localhost.evil.example",
            "desk.example.com.evil.example",
            "1.2.3",
            "",
        ] {
            assert!(!of(host), "{host}");
        }
    }

    #[test]
    fn a_browser_sends_messages_of_mcp_from_our_pages_only() {
        let of = |pairs: &[(&'static str, &str)]| {
            let (headers, uri) = (headers(pairs), Uri::from_static(mcp::PATH));
            let same_origin = same_origin(Way::Rest, &headers, &uri);
            let origin = Origin { peer: None, way: Way::Rest, request_id: String::new(), same_origin, secure: false };
            check(&origin, &Method::POST, &headers, &uri, &[]).is_ok()
        };
        let host = ("host", "localhost:8080");
        assert!(of(&[("host", "any.name"), KEY]), "a model's host is no browser");
        assert!(of(&[host, ("origin", "http://localhost:8080"), KEY]));
        assert!(!of(&[host, ("origin", "https://evil.example"), KEY]));
        assert!(!of(&[host, ("origin", "null"), KEY]));
        assert!(!of(&[("host", "evil.example"), ("origin", "http://evil.example"), KEY]), "a name that leads to us");
    }

    #[test]
    fn programs_with_keys_are_let_alone() {
        for way in [Way::Rest, Way::Grpc] {
            assert!(verdict(way, Method::POST, &[("host", "any.name"), KEY]));
            assert!(verdict(way, Method::POST, &[("host", "any.name"), ("origin", "https://app.example"), KEY]));
            assert!(verdict(way, Method::POST, &[KEY]));
        }
        let forged = [("host", "localhost"), ("sec-fetch-site", "cross-site"), COOKIE];
        assert!(!verdict(Way::Rest, Method::POST, &forged));
        assert!(verdict(Way::Grpc, Method::POST, &[("host", "core"), COOKIE]), "an edge passes a browser's call on");
        assert!(verdict(Way::Rest, Method::GET, &[("host", "localhost"), ("sec-fetch-site", "cross-site"), COOKIE]));
    }
}

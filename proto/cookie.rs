//! The cookie of browser sessions: its names, how it is set and how it is found in a request. It knows no session.

use http::{HeaderMap, header::COOKIE};

/// Its name where the connection is not encrypted.
pub const SESSION: &str = "inboxops_session";
/// Its name where it is: browsers take it only over TLS, for this host alone.
pub const SECURE_SESSION: &str = "__Host-inboxops_session";

/// The name that counts.
pub const fn name(secure: bool) -> &'static str {
    if secure { SECURE_SESSION } else { SESSION }
}

/// `Set-Cookie` of a session that lives `max_age_secs`; 0 takes the cookie away.
pub fn set(id: &str, max_age_secs: u64, secure: bool) -> String {
    let end = if secure { "; Secure" } else { "" };
    format!("{}={id}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age_secs}{end}", name(secure))
}

/// The session's id in a request. A request with two of them has none: one was put there by somebody else.
pub fn find(headers: &HeaderMap, secure: bool) -> Option<&str> {
    let name = name(secure);
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut found = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// Whether a request carries the cookie by either name.
pub fn is_there(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).any(|pair| {
        let key = pair.trim().split('=').next().unwrap_or_default();
        key == SESSION || key == SECURE_SESSION
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn cookies(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (COOKIE, HeaderValue::from_str(line).expect("a header"))).collect()
    }

    #[test]
    fn the_session_is_found_among_other_cookies_by_its_full_name() {
        let headers = cookies(&["a=b; inboxops_session=one; c=d", "__Host-inboxops_session=two"]);
        assert_eq!((find(&headers, false), find(&headers, true)), (Some("one"), Some("two")));
        let other = cookies(&["xinboxops_session=one; inboxops_session_=two; inboxops_session"]);
        assert_eq!(find(&other, false), None);
    }

    #[test]
    fn two_sessions_are_none() {
        let headers = cookies(&["inboxops_session=one; inboxops_session=two"]);
        assert_eq!(find(&headers, false), None);
        assert!(is_there(&headers));
    }

    #[test]
    fn over_tls_the_cookie_belongs_to_this_host_alone() {
        assert_eq!(
            set("x", 60, true),
            "__Host-inboxops_session=x; Path=/; HttpOnly; SameSite=Strict; Max-Age=60; Secure"
        );
        assert_eq!(set("", 0, false), "inboxops_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    }
}

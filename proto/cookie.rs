//! The cookie of browser sessions: its names, and how it is set and read. It knows no session.

use http::{HeaderMap, header::COOKIE};

/// Its name on an unencrypted connection.
pub const SESSION: &str = "inboxops_session";
/// Its name on an encrypted connection: browsers accept it only over TLS and for this host alone.
pub const SECURE_SESSION: &str = "__Host-inboxops_session";

/// The name for this kind of connection.
pub const fn name(secure: bool) -> &'static str {
    if secure { SECURE_SESSION } else { SESSION }
}

/// `Set-Cookie` for a session that lasts `max_age_secs`; 0 removes the cookie.
pub fn set(id: &str, max_age_secs: u64, secure: bool) -> String {
    let end = if secure { "; Secure" } else { "" };
    format!("{}={id}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age_secs}{end}", name(secure))
}

/// The session's secret in a request. Two cookies count as none, since one of them is somebody else's.
pub fn find(headers: &HeaderMap, secure: bool) -> Option<&str> {
    let name = name(secure);
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut found = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// Whether a request has the cookie under either name.
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

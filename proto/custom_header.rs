//! Which custom headers an endpoint may have: pure rules, applied by the gate when headers are set and by the worker
//! when it sends them. It knows neither requests nor endpoints.

/// Greatest number of custom headers of an endpoint.
pub const HEADERS_MAX: usize = 20;
/// Greatest length of a name, in bytes.
pub const NAME_MAX_BYTES: usize = 64;
/// Greatest length of a value, in bytes.
pub const VALUE_MAX_BYTES: usize = 1024;
/// Greatest size of all headers of an endpoint, names and values together: many servers accept 8 KiB of headers in all.
pub const ALL_MAX_BYTES: usize = 6 * 1024;

/// Names that frame the message, select the receiver, belong to one hop, or are ours; with all names that begin with
/// one of [`RESERVED_PREFIXES`].
#[rustfmt::skip]
const RESERVED: &[&str] = &[
    "host", "user-agent", "connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect",
    "accept-encoding", "http2-settings", "cookie", "cookie2", "set-cookie", "set-cookie2", "date", "via", "forwarded",
    "range", "max-forwards",
];
const RESERVED_PREFIXES: &[&str] = &["content-", "proxy-", "webhook-", "x-inboxops-", "sec-", "if-"];

/// Why a header is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The name is not a token (RFC 9110, 5.6.2).
    NotAToken,
    /// The name is reserved for us or HTTP.
    Reserved,
    /// The value contains characters that a header must not contain.
    NotVisible,
    /// The name or value is too long.
    TooLong,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Refusal::NotAToken => "must be a token of HTTP: letters, digits and any of !#$%&'*+-.^_`|~",
            Refusal::Reserved => "is set by InboxOps or by HTTP itself and cannot be replaced",
            Refusal::NotVisible => "must be visible ASCII, with spaces only between other characters",
            Refusal::TooLong => "is too long",
        })
    }
}

impl std::error::Error for Refusal {}

/// Checks a name, in any letter case.
pub fn check_name(name: &str) -> Result<(), Refusal> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.len() > NAME_MAX_BYTES {
        return Err(Refusal::TooLong);
    }
    if name.is_empty() || !name.bytes().all(token) {
        return Err(Refusal::NotAToken);
    }
    let name = name.to_ascii_lowercase();
    if RESERVED.contains(&name.as_str()) || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        return Err(Refusal::Reserved);
    }
    Ok(())
}

pub fn check_value(value: &str) -> Result<(), Refusal> {
    if value.len() > VALUE_MAX_BYTES {
        return Err(Refusal::TooLong);
    }
    let inner = !value.starts_with(' ') && !value.ends_with(' ');
    let visible = value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if value.is_empty() || !inner || !visible { Err(Refusal::NotVisible) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_customers_use_is_taken() {
        for name in
            ["Authorization", "X-Api-Key", "x-tenant", "CF-Access-Client-Id", "X-Webhook-Token", "Accept", "_a.b~"]
        {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for value in ["x", "Bearer abc.def", "Basic aW5ib3g=", "a \"quoted\" b", &"x".repeat(VALUE_MAX_BYTES)] {
            assert_eq!(check_value(value), Ok(()), "{value}");
        }
    }

    #[test]
    fn names_of_ours_and_of_http_are_refused_in_any_case() {
        for name in [
            "Host",
            "HOST",
            "user-agent",
            "Connection",
            "Transfer-Encoding",
            "TE",
            "Trailer",
            "Upgrade",
            "Expect",
            "Accept-Encoding",
            "Cookie",
            "Date",
            "Content-Length",
            "content-type",
            "Content-Encoding",
            "Proxy-Authorization",
            "Webhook-Id",
            "webhook-signature",
            "webhook-anything",
            "X-InboxOps-Signature",
            "x-inboxops-new",
            "Keep-Alive",
            "HTTP2-Settings",
            "Via",
            "Sec-Fetch-Site",
            "If-Match",
        ] {
            assert_eq!(check_name(name), Err(Refusal::Reserved), "{name}");
        }
    }

    #[test]
    fn what_could_break_out_of_its_line_is_refused() {
        for name in ["", " ", "a b", "a:b", ":path", "a\r\nb", "a\0", "ä", "a\t", "(a)", "a/b", "a@b"] {
            assert_eq!(check_name(name), Err(Refusal::NotAToken), "{name:?}");
        }
        for value in ["", " ", "a\r\nX: y", "a\n", "a\0", "ä", "a\tb", " a", "a ", "\u{7f}"] {
            assert_eq!(check_value(value), Err(Refusal::NotVisible), "{value:?}");
        }
        assert_eq!(check_name(&"x".repeat(NAME_MAX_BYTES + 1)), Err(Refusal::TooLong));
        assert_eq!(check_value(&"x".repeat(VALUE_MAX_BYTES + 1)), Err(Refusal::TooLong));
    }
}

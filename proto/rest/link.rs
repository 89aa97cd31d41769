//! The header `Link` of lists (RFC 8288): URLs of the next, the previous and the first page, which are the request's
//! own with another page or cursor. It knows no list.

use super::Context;
use axum::response::Response;
use http::{HeaderValue, Uri, header};
use std::{fmt::Write as _, sync::Arc};

/// The URL at which clients reach the server, without a slash at its end. The edge adds it to the request's extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(pub Arc<str>);

/// The position of a page in its list, from the `meta` of the response.
#[derive(Clone, Copy, Debug)]
pub struct Position<'a> {
    /// Number of the page; none if the list is read by cursor.
    pub page: Option<u32>,
    pub total_pages: Option<u32>,
    pub has_more: bool,
    pub next_cursor: Option<&'a str>,
}

impl Context {
    /// Adds the header to the response of a list that is continued by `parameter`.
    pub fn linked(&self, mut answer: Response, parameter: &str, position: Option<Position<'_>>) -> Response {
        let base = self.public_url.as_ref().map_or("", |url| &url.0);
        let value =
            position.and_then(|position| HeaderValue::try_from(links(base, &self.uri, parameter, position)).ok());
        if answer.status().is_success() {
            answer.headers_mut().extend(value.map(|value| (header::LINK, value)));
        }
        answer
    }
}

fn links(base: &str, uri: &Uri, parameter: &str, position: Position<'_>) -> String {
    let mut links = Vec::new();
    let mut link = |rel: &str, name: &str, value: Option<&str>| {
        links.push(format!("<{base}{}>; rel=\"{rel}\"", target(uri, parameter, name, value)));
    };
    match position.page {
        Some(page) => {
            let of = |page: u32| Some(page.to_string());
            if position.has_more {
                link("next", "page", of(page + 1).as_deref());
            }
            // Before a page past the end comes the last one.
            let before = page.saturating_sub(1).min(position.total_pages.unwrap_or(page));
            if before > 0 {
                link("prev", "page", of(before).as_deref());
            }
            link("first", "page", of(1).as_deref());
        }
        None => {
            if let Some(cursor) = position.next_cursor.filter(|_| position.has_more) {
                link("next", parameter, Some(cursor));
            }
            link("first", parameter, None);
        }
    }
    links.join(", ")
}

/// The path and query of the request with this value in place of its page or cursor.
fn target(uri: &Uri, parameter: &str, name: &str, value: Option<&str>) -> String {
    let mut target = String::new();
    escape(uri.path(), &mut target);
    let mut separator = '?';
    for pair in uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let named = pair.split_once('=').map_or(pair, |(named, _)| named);
        let named = percent_encoding::percent_decode_str(named).decode_utf8_lossy();
        if named != "page" && named != parameter {
            target.push(separator);
            escape(pair, &mut target);
            separator = '&';
        }
    }
    if let Some(value) = value {
        // Numbers and cursors need no escapes.
        target += &format!("{separator}{name}={value}");
    }
    target
}

/// Escapes what a client may send in a URL without escapes though RFC 3986 does not allow it: `>` would end the link.
fn escape(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !br#""<>\^`{|}"#.contains(&byte) {
            into.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uri: &str, page: Option<u32>, has_more: bool) -> String {
        let uri = Uri::try_from(uri).expect("a URI");
        let total_pages = page.map(|_| 5);
        links("", &uri, "cursor", Position { page, total_pages, has_more, next_cursor: has_more.then_some("AbC-_") })
    }

    #[test]
    fn pages_link_to_their_neighbours_and_the_first() {
        assert_eq!(of("/t", Some(1), true), r#"</t?page=2>; rel="next", </t?page=1>; rel="first""#);
        assert_eq!(
            of("/t?status=open&page=3&per_page=2", Some(3), true),
            "</t?status=open&per_page=2&page=4>; rel=\"next\", </t?status=open&per_page=2&page=2>; rel=\"prev\", \
             </t?status=open&per_page=2&page=1>; rel=\"first\""
        );
        assert_eq!(of("/t?p%61ge=5", Some(5), false), r#"</t?page=4>; rel="prev", </t?page=1>; rel="first""#);
        assert_eq!(of("/t?page=99", Some(99), false), r#"</t?page=5>; rel="prev", </t?page=1>; rel="first""#);
        assert_eq!(of("/t", Some(1), false), r#"</t?page=1>; rel="first""#);
    }

    #[test]
    fn cursors_link_to_what_follows_and_to_the_beginning() {
        assert_eq!(
            of("/t?cursor=old&q=a+b%26", None, true),
            r#"</t?q=a+b%26&cursor=AbC-_>; rel="next", </t?q=a+b%26>; rel="first""#
        );
        assert_eq!(of("/t?cursor=old", None, false), r#"</t>; rel="first""#);
    }

    #[test]
    fn a_link_is_absolute_with_a_public_url_and_ends_where_it_should() {
        let uri = Uri::try_from("/t?q=%22%3E&x={a}|").expect("a URI");
        let position = Position { page: Some(1), total_pages: Some(1), has_more: false, next_cursor: None };
        assert_eq!(
            links("https://help.example.com", &uri, "cursor", position),
            r#"<https://help.example.com/t?q=%22%3E&x=%7Ba%7D%7C&page=1>; rel="first""#
        );
    }
}

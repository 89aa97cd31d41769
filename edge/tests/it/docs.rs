//! The docs page as browsers and caches receive it. `tests/browser` tests what it shows.

use crate::support::TestEdge;
use inboxops_proto::reason::{DetailCode, Reason};
use std::collections::HashSet;

const PAGE: &str = "/api/v1/docs";

/// Sources and styles in the page, in order.
fn parts(html: &str) -> Vec<&str> {
    let named = html.split(['"', ' ']).filter(|word| word.starts_with("/api/v1/docs/"));
    named.filter(|path| path.ends_with(".js") || path.ends_with(".css")).collect()
}

#[tokio::test]
async fn the_page_forbids_all_that_does_not_come_from_this_server() {
    let edge = TestEdge::open().await;
    let page = edge.get(PAGE).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), "public, no-cache");
    assert_eq!(page.header("vary"), "Accept-Encoding");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    assert_eq!(page.header("cross-origin-opener-policy"), "same-origin");
    let policy = page.header("content-security-policy").to_owned();
    let rules: HashSet<_> = policy.split("; ").collect();
    let expected = [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ];
    assert_eq!(rules, HashSet::from(expected));
    let html = page.text();
    for refused in ["<style", " style=", " onclick=", "javascript:"] {
        assert!(!html.contains(refused), "{refused}");
    }
    for loads in [" src=\"http", "<link rel=\"stylesheet\" href=\"http", "url(http", "@import"] {
        assert!(!html.contains(loads), "the page loads from another host: {loads}");
    }
    assert!(html.split("<script").skip(1).all(|script| script.starts_with(" src=\"/api/v1/docs/")));
    for placeholder in ["{url}", "{errors}", "{details}", "{menu}", "{reference}"] {
        assert!(!html.contains(placeholder), "{placeholder} is left");
    }
}

#[tokio::test]
async fn what_the_page_loads_is_there_packed_or_not() {
    let edge = TestEdge::open().await;
    let page = edge.get(PAGE).await.text();
    let parts = parts(&page);
    assert_eq!(parts.len(), 2, "{parts:?}");
    for path in parts {
        let plain = edge.get(path).await;
        let packed = edge.ask("GET", path, &[("accept-encoding", "gzip, br")], "").await;
        let kind = if path.ends_with(".js") { "text/javascript; charset=utf-8" } else { "text/css; charset=utf-8" };
        for answer in [&plain, &packed] {
            assert_eq!((answer.status, answer.header("content-type")), (200, kind), "{path}");
        }
        assert_eq!(packed.header("content-encoding"), "gzip", "{path}");
        assert_eq!(packed.header("content-length"), packed.body.len().to_string(), "{path}");
        assert_eq!(packed.unpacked(), plain.text(), "{path}");
        assert_eq!(plain.header("cache-control"), "public, no-cache", "{path}");
    }
}

#[tokio::test]
async fn every_part_is_revalidated_by_its_tag() {
    let edge = TestEdge::open().await;
    let page = edge.get(PAGE).await.text();
    let mut paths = parts(&page);
    paths.push(PAGE);
    let mut tags = HashSet::new();
    for path in paths {
        let first = edge.ask("GET", path, &[("accept-encoding", "gzip")], "").await;
        let tag = first.header("etag").to_owned();
        let again = edge.ask("GET", path, &[("if-none-match", &tag)], "").await;
        assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, &*tag), "{path}");
        for name in ["cache-control", "vary", "content-security-policy"] {
            assert_eq!(again.header(name), first.header(name), "{path}: {name}");
        }
        assert!(tags.insert(tag), "{path} has the tag of another");
    }
}

#[tokio::test]
async fn a_head_says_what_a_get_would() {
    let edge = TestEdge::open().await;
    let page = edge.get(PAGE).await.text();
    for path in parts(&page).into_iter().chain([PAGE]) {
        let accept = [("accept-encoding", "gzip")];
        let get = edge.ask("GET", path, &accept, "").await;
        let head = edge.ask("HEAD", path, &accept, "").await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        for name in ["etag", "content-type", "content-encoding", "content-length", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{path}: {name}");
        }
    }
}

#[tokio::test]
async fn the_page_is_only_read_and_has_one_address() {
    let edge = TestEdge::open().await;
    for path in [PAGE, "/api/v1/docs/page.js"] {
        let answer = edge.ask("POST", path, &[], "").await;
        assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD, OPTIONS"), "{path}");
    }
    for path in ["/api/v1/docs/", "/api/v1/docs/page.html", "/api/v1/docs/../docs"] {
        let answer = edge.get(path).await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (404, &"route_not_found".into()), "{path}");
    }
}

#[tokio::test]
async fn every_error_and_detail_has_an_entry_where_errors_say_it_is() {
    let edge = TestEdge::open().await;
    let refused = edge.get("/api/v1/nothing").await.json();
    assert_eq!(refused["error"]["doc_url"], "/api/v1/docs#errors-route_not_found");
    let html = edge.get(PAGE).await.text();
    for reason in Reason::ALL {
        let anchor = format!(" id=\"errors-{}\"", reason.rest_code());
        assert_eq!(html.matches(&anchor).count(), 1, "{anchor}");
        assert!(html.contains(&format!("<code>{}</code>", reason.name())), "{}", reason.name());
    }
    for code in DetailCode::ALL {
        assert_eq!(html.matches(&format!(" id=\"details-{}\"", code.name())).count(), 1, "{}", code.name());
    }
    assert!(html.contains("<code>Idempotency-Key</code>"), "code in a text is shown as code");
    assert!(html.contains("<h3>422 "));
}

#[tokio::test]
async fn every_link_within_the_page_leads_somewhere() {
    let edge = TestEdge::open().await;
    let html = edge.get(PAGE).await.text();
    let ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let known: HashSet<&str> = ids.iter().copied().collect();
    assert_eq!(known.len(), ids.len(), "an id is given twice");
    let links = html.split(" href=\"#").skip(1).filter_map(|rest| rest.split('"').next());
    let dangling: HashSet<&str> = links.filter(|link| !known.contains(link)).collect();
    assert!(dangling.is_empty(), "{dangling:?}");
}

//! The guides at `/docs` as browsers and caches receive them. `edge/guides` tests what they say, `tests/browser` what
//! they show.

use crate::support::TestEdge;
use inboxops_proto::reason::{DetailCode, Reason};
use std::collections::{BTreeSet, HashSet};

const FIRST: &str = "/docs";

/// Addresses below `/docs` that a page leads to, without their anchors.
fn linked(html: &str) -> BTreeSet<String> {
    let words = html.split("href=\"").skip(1).chain(html.split("src=\"").skip(1));
    let addresses = words.filter_map(|rest| rest.split(['"', '#']).next());
    addresses.filter(|address| *address == FIRST || address.starts_with("/docs/")).map(str::to_owned).collect()
}

#[tokio::test]
async fn every_page_is_reached_from_the_first_and_kept_by_its_tag() {
    let edge = TestEdge::open().await;
    let first = edge.get(FIRST).await;
    assert_eq!((first.status, first.header("content-type")), (200, "text/html; charset=utf-8"));
    let addresses = linked(&first.text());
    for known in
        ["/docs", "/docs/quick-start", "/docs/webhooks", "/docs/changelog", "/docs/guides.css", "/docs/guides.js"]
    {
        assert!(addresses.contains(known), "{known} is not in {addresses:?}");
    }
    let mut tags = HashSet::new();
    for address in addresses.iter().map(String::as_str).chain(["/docs/search.json"]) {
        let plain = edge.get(address).await;
        assert_eq!((plain.status, plain.header("cache-control")), (200, "no-cache"), "{address}");
        let packed = edge.ask("GET", address, &[("accept-encoding", "gzip")], "").await;
        assert_eq!((packed.header("content-encoding"), packed.unpacked()), ("gzip", plain.text()), "{address}");
        let head = edge.ask("HEAD", address, &[("accept-encoding", "gzip")], "").await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{address}");
        assert_eq!(head.header("content-length"), packed.header("content-length"), "{address}");
        let tag = plain.header("etag").to_owned();
        let again = edge.ask("GET", address, &[("if-none-match", &tag)], "").await;
        assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, &*tag), "{address}");
        assert!(tags.insert(tag), "{address} has the tag of another");
        let answer = edge.ask("POST", address, &[], "").await;
        assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD, OPTIONS"), "{address}");
    }
}

#[tokio::test]
async fn the_guides_are_confined_like_the_pages_and_have_nothing_inline() {
    let edge = TestEdge::open().await;
    for address in linked(&edge.get(FIRST).await.text()) {
        let page = edge.get(&address).await;
        assert_eq!(
            page.header("content-security-policy"),
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
        );
        assert_eq!(
            (page.header("referrer-policy"), page.header("x-content-type-options"), page.header("vary")),
            ("no-referrer", "nosniff", "Accept-Encoding")
        );
        if page.header("content-type").starts_with("text/html") {
            let html = page.text();
            for refused in ["<style", " style=", "<img", "<script>", " onclick="] {
                assert!(!html.contains(refused), "{address}: {refused}");
            }
            assert!(html.split("<script").skip(1).all(|script| script.starts_with(" src=\"/docs/")), "{address}");
        }
    }
}

#[tokio::test]
async fn an_address_without_a_guide_says_so_and_a_slash_too_many_leads_to_the_guide() {
    let edge = TestEdge::open().await;
    for (address, to) in
        [("/docs/", "/docs"), ("/docs/paging/", "/docs/paging"), ("/docs/paging/?a=b", "/docs/paging?a=b")]
    {
        let answer = edge.get(address).await;
        assert_eq!((answer.status, answer.header("location")), (308, to), "{address}");
    }
    for address in ["/docs/nothing", "/docs/nothing/", "/docs/paging/more", "/docs/webhooks.md", "/docs/guides.css/x"] {
        let page = edge.ask("GET", address, &[("accept", "text/html,*/*;q=0.8")], "").await;
        assert_eq!((page.status, page.header("content-type")), (404, "text/html; charset=utf-8"), "{address}");
        assert_eq!((page.header("etag"), page.text().contains("<h1>No such page</h1>")), ("", true), "{address}");
        assert!(page.header("content-security-policy").contains("default-src 'none'"), "{address}");
        let head = edge.ask("HEAD", address, &[], "").await;
        assert_eq!((head.status, head.body.len()), (404, 0), "{address}");
        for (method, accept) in [("GET", "application/json"), ("POST", "text/html")] {
            let answer = edge.ask(method, address, &[("accept", accept)], "").await;
            assert_eq!((answer.status, &answer.json()["error"]["code"]), (404, &"route_not_found".into()), "{address}");
        }
    }
}

#[tokio::test]
async fn every_error_detail_and_event_of_the_contract_has_its_entry() {
    let edge = TestEdge::open().await;
    let errors = edge.get("/docs/errors").await.text();
    for reason in Reason::ALL {
        let (code, name) = (reason.rest_code(), reason.name());
        assert_eq!(errors.matches(&format!("<h3 id=\"{code}\">")).count(), 1, "{code}");
        assert!(errors.contains(&format!("reason <code>{name}</code>")), "{name}");
        assert!(errors.contains(&format!("href=\"/api/v1/docs#errors-{code}\"")), "{code}");
    }
    for code in DetailCode::ALL {
        assert!(errors.contains(&format!("<td><code>{}</code></td>", code.name())), "{}", code.name());
    }
    let document: serde_json::Value = serde_json::from_str(inboxops_proto::OPENAPI).expect("the document is JSON");
    let webhooks = document["webhooks"].as_object().expect("events");
    let events = edge.get("/docs/events").await.text();
    assert!(webhooks.len() > 7);
    for name in webhooks.keys() {
        assert_eq!(events.matches(&format!("<h2 id=\"{name}\">")).count(), 1, "{name}");
        assert!(events.contains(&format!("-H 'X-InboxOps-Event: {name}'")), "{name}");
    }
}

#[tokio::test]
async fn the_reference_leads_to_the_guides() {
    let edge = TestEdge::open().await;
    assert!(edge.get("/api/v1/docs").await.text().contains("<a href=\"/docs\">Guides</a>"));
}

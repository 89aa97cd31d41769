//! The content of the reference page: all of the document is in it, and it is sound HTML.

use inboxops_codegen::{load, openapi, reference};
use serde_json::Value;
use std::path::Path;

fn document() -> Value {
    let protos = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the folder of the protos");
    openapi::document(&load(protos, &[]).unwrap_or_else(|error| panic!("{error}")))
}

/// The operations of a section: ids by verb and path.
fn ids(items: &Value) -> Vec<String> {
    let items = items.as_object().expect("paths").values();
    let operations = items.flat_map(|item| item.as_object().expect("a path item").values());
    operations.map(|one| one["operationId"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn every_operation_event_and_schema_has_its_place_and_its_link() {
    let document = document();
    let (html, menu) = (reference::operations(&document), reference::menu(&document));
    let mut names: Vec<String> = ids(&document["paths"]).iter().map(|id| format!("operation-{id}")).collect();
    names.extend(document["webhooks"].as_object().expect("webhooks").keys().map(|name| format!("event-{name}")));
    for name in &names {
        assert_eq!(html.matches(&format!(" id=\"{name}\"")).count(), 1, "{name}");
        assert_eq!(menu.matches(&format!(" href=\"#{name}\"")).count(), 1, "{name}");
    }
    for name in document["components"]["schemas"].as_object().expect("schemas").keys() {
        assert_eq!(html.matches(&format!(" id=\"schema-{name}\"")).count(), 1, "{name}");
    }
}

#[test]
fn every_operation_has_code_in_three_languages() {
    let document = document();
    let html = reference::operations(&document);
    let count = ids(&document["paths"]).len();
    for language in ["curl", "TypeScript", "Python"] {
        assert_eq!(html.matches(&format!("<summary>{language}</summary>")).count(), count, "{language}");
    }
    assert!(html.contains("url.searchParams.set(&quot;status&quot;, &quot;open,pending&quot;);"));
}

#[test]
fn what_is_opened_is_closed() {
    let document = document();
    let html = reference::operations(&document) + &reference::menu(&document);
    let mut open: Vec<&str> = Vec::new();
    for tag in html.split('<').skip(1) {
        let inner = tag.split('>').next().expect("a tag");
        match inner.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "…<{tag}"),
            None => open.push(inner.split(' ').next().expect("a name")),
        }
    }
    assert!(open.is_empty(), "{open:?}");
    // Each operation is folded to a line, and its title is a heading.
    assert_eq!(html.matches("<article").count(), html.matches("<summary><h3>").count());
}

#[test]
fn equal_documents_make_equal_pages() {
    let document = document();
    assert_eq!(reference::operations(&document), reference::operations(&document));
}

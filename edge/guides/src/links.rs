//! Where links lead: from the path of a Markdown file, as GitHub shows it, to the address of a page, and from an
//! operation such as `GET /api/v1/tickets` to its place in the reference.

use serde_json::Value;
use std::collections::BTreeMap;

/// The page of the reference.
pub(crate) const REFERENCE: &str = "/api/v1/docs";
const VERBS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// The path of a file that is named relative to another file; `None` above the root.
pub(crate) fn beside(file: &str, named: &str) -> Option<String> {
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in named.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The operations of the reference, by method and path.
pub(crate) struct Operations {
    addresses: BTreeMap<String, String>,
}

impl Operations {
    pub(crate) fn of(document: &Value) -> Operations {
        let mut addresses = BTreeMap::new();
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            for (verb, operation) in item.as_object().into_iter().flatten() {
                if let Some(id) = operation["operationId"].as_str() {
                    addresses.insert(key(&verb.to_uppercase(), path), format!("{REFERENCE}#operation-{id}"));
                }
            }
        }
        Operations { addresses }
    }

    /// Where the reference describes what a text such as `GET /api/v1/tickets?status=open` names.
    pub(crate) fn find(&self, text: &str) -> Option<&str> {
        let (verb, path) = named(text)?;
        self.addresses.get(&key(verb, path)).map(String::as_str)
    }
}

/// Method and path, if a text names an operation.
pub(crate) fn named(text: &str) -> Option<(&str, &str)> {
    let (verb, path) = text.split_once(' ')?;
    let path = path.split('?').next().unwrap_or_default();
    (VERBS.contains(&verb) && path.starts_with('/') && !path.contains(' ')).then_some((verb, path))
}

/// Parameters of a path have other names in a guide than in the document.
fn key(verb: &str, path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    format!("{verb} {}", parts.collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn files_are_found_from_where_they_are_named() {
        for (file, named, found) in [
            ("docs/guide/paging.md", "errors.md", Some("docs/guide/errors.md")),
            ("docs/guide/paging.md", "../webhooks.md", Some("docs/webhooks.md")),
            ("docs/guide/paging.md", "../../CHANGELOG.md", Some("CHANGELOG.md")),
            ("docs/guide/paging.md", "./errors.md", Some("docs/guide/errors.md")),
            ("CHANGELOG.md", "docs/webhooks.md", Some("docs/webhooks.md")),
            ("CHANGELOG.md", "../outside.md", None),
        ] {
            assert_eq!(beside(file, named).as_deref(), found, "{named} from {file}");
        }
    }

    #[test]
    fn an_operation_is_found_by_any_name_of_its_parameters() {
        let document = json!({ "paths": { "/api/v1/tickets/{ticket_id}": {
            "get": { "operationId": "getTicket" },
        } } });
        let operations = Operations::of(&document);
        for text in ["GET /api/v1/tickets/{id}", "GET /api/v1/tickets/{ticket_id}?x=1"] {
            assert_eq!(operations.find(text), Some("/api/v1/docs#operation-getTicket"), "{text}");
        }
        for text in ["POST /api/v1/tickets/{id}", "GET /api/v1/tickets", "GET it", "/api/v1/tickets/{id}"] {
            assert_eq!(operations.find(text), None, "{text}");
        }
    }
}

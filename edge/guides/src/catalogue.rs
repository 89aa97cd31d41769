//! What guides say of the contract, as Markdown made from it: the errors, the scopes, the events. A guide has a comment
//! in its place, such as `<!-- catalogue: errors -->`.

mod errors;
mod events;
mod objects;

use serde_json::Value;
use std::collections::BTreeMap;

/// The catalogues by the name that a guide calls them by.
pub(crate) struct Catalogues {
    texts: BTreeMap<&'static str, String>,
}

impl Catalogues {
    pub(crate) fn of(document: &Value) -> Catalogues {
        let texts = BTreeMap::from([
            ("errors", errors::reasons()),
            ("details", errors::details()),
            ("scopes", scopes(document)),
            ("events", events::all(document)),
        ]);
        Catalogues { texts }
    }

    /// A guide with its catalogues in their places, or the name of one that does not exist.
    pub(crate) fn fill(&self, guide: &str) -> Result<String, String> {
        let mut whole = String::with_capacity(guide.len());
        for line in guide.lines() {
            let name = line.strip_prefix("<!-- catalogue: ").and_then(|rest| rest.strip_suffix(" -->"));
            match name {
                Some(name) => whole.push_str(self.texts.get(name).ok_or_else(|| name.to_owned())?),
                None => whole.push_str(line),
            }
            whole.push('\n');
        }
        Ok(whole)
    }
}

/// A table of the scopes, each with the operations that it opens.
fn scopes(document: &Value) -> String {
    let mut opened: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (verb, operation) in item.as_object().into_iter().flatten() {
            let ways = operation["security"].as_array().into_iter().flatten();
            let named = ways.flat_map(|way| way.as_object().into_iter().flatten()).map(|(_, scopes)| scopes);
            let names: Vec<&str> =
                named.flat_map(|scopes| scopes.as_array().into_iter().flatten()).filter_map(Value::as_str).collect();
            for name in names {
                opened.entry(name).or_default().push(format!("`{} {path}`", verb.to_uppercase()));
            }
        }
    }
    let mut table = "| scope | opens |\n|---|---|\n".to_owned();
    for (scope, operations) in opened {
        table.push_str(&format!("| `{scope}` | {} |\n", operations.join(", ")));
    }
    table
}

/// Text for a cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_scope_names_what_it_opens() {
        let document = json!({ "paths": { "/api/v1/tags": { "get": { "security": [{ "ApiKey": ["tags:read"] }] } },
            "/api/v1/me": { "get": { "security": [{ "ApiKey": [] }] } },
            "/api/v1/webhooks": { "get": { "security": [{ "ApiKey": ["a:read"] }, { "ApiKey": ["a:manage"] }] } } } });
        assert_eq!(
            scopes(&document),
            "| scope | opens |\n|---|---|\n| `a:manage` | `GET /api/v1/webhooks` |\n\
             | `a:read` | `GET /api/v1/webhooks` |\n| `tags:read` | `GET /api/v1/tags` |\n"
        );
    }

    #[test]
    fn a_catalogue_stands_where_its_comment_stood() {
        let catalogues = Catalogues { texts: BTreeMap::from([("errors", "all of them".to_owned())]) };
        let filled = catalogues.fill("# One\n\n<!-- catalogue: errors -->\n\nend\n").expect("it exists");
        assert_eq!(filled, "# One\n\nall of them\n\nend\n");
        assert_eq!(catalogues.fill("<!-- catalogue: error -->\n"), Err("error".to_owned()));
        assert_eq!(cell("a |\n  b"), "a \\| b");
    }
}

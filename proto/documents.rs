//! The documents that describe the REST API, generated at build time, and what is known of a server only when it runs:
//! the URL at which clients reach it.

use std::borrow::Cow;

/// The OpenAPI 3.1 document in OpenAPI 3.0, as JSON text.
pub const OPENAPI_3_0: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi-3.0.json"));
/// The operations, events and schemas as HTML.
pub const REFERENCE: &str = include_str!(concat!(env!("OUT_DIR"), "/reference.html"));
/// Links to them, as HTML.
pub const REFERENCE_MENU: &str = include_str!(concat!(env!("OUT_DIR"), "/reference_menu.html"));

/// The documents of a server.
#[derive(Clone, Debug)]
pub struct Documents {
    /// OpenAPI 3.1, as JSON.
    pub openapi: Cow<'static, str>,
    /// OpenAPI 3.0, as JSON.
    pub openapi_3_0: Cow<'static, str>,
    /// See [`REFERENCE`].
    pub reference: &'static str,
    /// See [`REFERENCE_MENU`].
    pub menu: &'static str,
    /// The URL of the server without a slash at its end, if it is known.
    pub url: Option<String>,
}

impl Documents {
    /// The documents of the server at this URL; without one, `servers` has the path `/`, relative to the document.
    pub fn at(url: Option<&str>) -> Documents {
        let url = url.map(|url| url.trim_end_matches('/'));
        let told = |document: &'static str| match url {
            Some(url) => Cow::Owned(with_server(document, url)),
            None => Cow::Borrowed(document),
        };
        Documents {
            openapi: told(crate::OPENAPI),
            openapi_3_0: told(OPENAPI_3_0),
            reference: REFERENCE,
            menu: REFERENCE_MENU,
            url: url.map(str::to_owned),
        }
    }
}

/// Puts a URL in the place of that of the first server. Within a JSON text, quotes belong to strings' ends only, so the
/// first `"servers"` is the member.
fn with_server(document: &str, url: &str) -> String {
    let parts = document.split_once("\"servers\"").and_then(|(before, after)| {
        let (between, value) = after.split_once("\"url\"")?;
        let (colon, rest) = value.split_once('"')?;
        let (_, rest) = rest.split_once('"')?;
        Some((before, between, colon, rest))
    });
    let Some((before, between, colon, rest)) = parts else { return document.to_owned() };
    let url = serde_json::Value::from(url);
    format!("{before}\"servers\"{between}\"url\"{colon}{url}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(text: &str) -> Value {
        serde_json::from_str(text).expect("JSON")
    }

    #[test]
    fn servers_has_the_url_of_the_server_and_nothing_else_changes() {
        let Documents { openapi, openapi_3_0, .. } = Documents::at(Some("https://desk.example"));
        for (made, told) in [(crate::OPENAPI, openapi), (OPENAPI_3_0, openapi_3_0)] {
            let (mut made, told) = (read(made), read(&told));
            assert_eq!(made["servers"][0]["url"], json!("/"));
            assert_eq!(told["servers"][0]["url"], json!("https://desk.example"));
            made["servers"] = told["servers"].clone();
            assert!(made == told, "the rest is as it was");
        }
    }

    #[test]
    fn without_a_url_the_documents_are_those_that_were_built() {
        let documents = Documents::at(None);
        assert_eq!((&*documents.openapi, &*documents.openapi_3_0), (crate::OPENAPI, OPENAPI_3_0));
        assert_eq!(documents.url, None);
    }

    #[test]
    fn a_url_is_written_as_json() {
        let told = with_server(r#"{"a":"\"servers\"","servers":[{"url":"/"}]}"#, "http://a\"b");
        assert_eq!(read(&told)["servers"], json!([{ "url": "http://a\"b" }]));
    }
}

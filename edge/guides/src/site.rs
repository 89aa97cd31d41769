//! The guides in their order, from their files to the files that are served. It checks that every link between them
//! leads somewhere.

use crate::{
    Error,
    catalogue::Catalogues,
    links::{Operations, REFERENCE, beside},
    markdown::{Around, Rendered, render},
    page, search,
};
use serde_json::Value;
use std::{collections::HashSet, fs, path::Path};

/// What the guides are made from, besides this crate: files and folders, from the root of the sources.
pub const SOURCES: &[&str] =
    &["docs/guide", "docs/webhooks.md", "CHANGELOG.md", "ui/src/style.css", "proto/inboxops", "proto/google"];

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const JSON: &str = "application/json";

/// A file that is served.
pub struct File {
    /// Its address; that of [`File::MISSING`] is the page for unknown addresses.
    pub address: String,
    /// Its media type.
    pub kind: &'static str,
    /// Its content.
    pub text: String,
}

impl File {
    /// The address of the page for addresses that no guide has.
    pub const MISSING: &'static str = "";

    fn new(address: impl Into<String>, kind: &'static str, text: impl Into<String>) -> File {
        File { address: address.into(), kind, text: text.into() }
    }
}

/// A guide: where its text is, where it is served, and the group that it is in.
pub(crate) struct Guide {
    pub file: &'static str,
    /// The last part of its address; the first page has none.
    pub name: &'static str,
    pub group: &'static str,
}

impl Guide {
    pub(crate) fn address(&self) -> String {
        if self.name.is_empty() { "/docs".to_owned() } else { format!("/docs/{}", self.name) }
    }
}

/// Every guide, in the order of the navigation: file, name, group.
const GUIDES: &[(&str, &str, &str)] = &[
    ("docs/guide/README.md", "", "Begin"),
    ("docs/guide/quick-start.md", "quick-start", "Begin"),
    ("docs/guide/authentication.md", "authentication", "Begin"),
    ("docs/guide/clients.md", "clients", "Begin"),
    ("docs/guide/mirror.md", "mirror", "Read"),
    ("docs/guide/paging.md", "paging", "Read"),
    ("docs/guide/writes.md", "writes", "Write"),
    ("docs/webhooks.md", "webhooks", "Be told"),
    ("docs/guide/events.md", "events", "Be told"),
    ("docs/guide/rate-limits.md", "rate-limits", "When it fails"),
    ("docs/guide/errors.md", "errors", "When it fails"),
    ("docs/guide/mcp.md", "mcp", "Assistants"),
    ("CHANGELOG.md", "changelog", "News"),
];

/// Makes all files from the sources below `root`.
pub fn files(root: &Path) -> Result<Vec<File>, Error> {
    let document = inboxops_codegen::openapi::document(&inboxops_codegen::load(&root.join("proto"), &[])?);
    let texts = GUIDES.iter().map(|(file, ..)| read(root, file)).collect::<Result<Vec<_>, _>>()?;
    let sources: Vec<(&str, &str)> =
        GUIDES.iter().map(|(file, ..)| *file).zip(texts.iter().map(String::as_str)).collect();
    let mut files = pages(&sources, &document)?;
    files.push(File::new("/docs/guides.css", STYLE, style(&read(root, "ui/src/style.css")?)?));
    files.push(File::new("/docs/guides.js", SCRIPT, include_str!("../assets/guides.js")));
    Ok(files)
}

fn read(root: &Path, file: &str) -> Result<String, Error> {
    let path = root.join(file);
    fs::read_to_string(&path).map_err(|source| Error::Read { path, source })
}

/// The pages and the index of their words, from the texts of all guides by file.
fn pages(texts: &[(&str, &str)], document: &Value) -> Result<Vec<File>, Error> {
    let operations = Operations::of(document);
    let catalogues = Catalogues::of(document);
    let mut findings = Vec::new();
    let mut made: Vec<(Guide, Rendered)> = Vec::new();
    for &(file, name, group) in GUIDES {
        let text = texts.iter().find(|(named, _)| *named == file).map_or("", |(_, text)| *text);
        let text = catalogues.fill(text).unwrap_or_else(|unknown| {
            findings.push(format!("{file}: there is no catalogue {unknown}"));
            String::new()
        });
        let guide = Guide { file, name, group };
        let rendered = {
            let link = |named: &str| address(&guide, named);
            let operation = |code: &str| operations.find(code).map(str::to_owned);
            render(&text, &Around { link: &link, operation: &operation })
        };
        findings.extend(rendered.findings.iter().map(|finding| format!("{file} {finding}")));
        if rendered.title.is_empty() {
            findings.push(format!("{file} has no title"));
        }
        made.push((guide, rendered));
    }
    findings.extend(dead_links(&made));
    if !findings.is_empty() {
        return Err(Error::Rules(findings));
    }
    let (all, rendered): (Vec<(Guide, String)>, Vec<Rendered>) =
        made.into_iter().map(|(guide, rendered)| ((guide, rendered.title.clone()), rendered)).unzip();
    let mut files = Vec::new();
    let mut index = Vec::new();
    for (at, (rendered, (guide, _))) in rendered.iter().zip(&all).enumerate() {
        files.push(File::new(guide.address(), HTML, page::html(&all, at, rendered)));
        index.extend(search::parts(&guide.address(), rendered));
    }
    files.push(File::new(File::MISSING, HTML, page::missing(&all)));
    files.push(File::new("/docs/search.json", JSON, Value::from(index).to_string()));
    Ok(files)
}

/// The address that a link of a guide leads to: another guide, the reference, a page of the product, or another host.
fn address(guide: &Guide, named: &str) -> Result<String, String> {
    if named.starts_with("https://") {
        return Ok(named.to_owned());
    }
    if let Some(fragment) = named.strip_prefix('#') {
        return Ok(format!("{}#{fragment}", guide.address()));
    }
    if named.starts_with('/') {
        let ours = ["/settings/", "/tickets", "/deliveries", "/api/v1/openapi"].iter().any(|it| named.starts_with(it));
        let served = named == "/" || named == REFERENCE || named.starts_with(&format!("{REFERENCE}#"));
        return if ours || served {
            Ok(named.to_owned())
        } else {
            Err(format!("links to an unknown address: {named}"))
        };
    }
    let (path, fragment) = named.split_once('#').map_or((named, None), |(path, fragment)| (path, Some(fragment)));
    let file = beside(guide.file, path);
    // The clients' own pages come with the sources; where guides are served, one guide stands for them.
    if file.as_deref().is_some_and(|file| file.starts_with("clients/")) {
        return Ok("/docs/clients".to_owned());
    }
    let found = GUIDES.iter().find(|(known, ..)| file.as_deref() == Some(*known));
    let Some(&(file, name, group)) = found else { return Err(format!("links to a file that is no guide: {named}")) };
    let address = Guide { file, name, group }.address();
    Ok(fragment.map_or(address.clone(), |fragment| format!("{address}#{fragment}")))
}

/// Links between guides to a heading that is not there.
fn dead_links(made: &[(Guide, Rendered)]) -> Vec<String> {
    let sections = made.iter().flat_map(|(guide, rendered)| {
        let address = guide.address();
        rendered.sections.iter().map(move |section| format!("{address}#{}", section.id))
    });
    let known: HashSet<String> = sections.collect();
    let mut dead = Vec::new();
    for (guide, rendered) in made {
        let to_headings = rendered.links.iter().filter(|link| link.starts_with("/docs") && link.contains('#'));
        dead.extend(
            to_headings
                .filter(|link| !known.contains(*link))
                .map(|link| format!("{} links to {link}, and there is no such heading", guide.file)),
        );
    }
    dead
}

/// The style of the guides, which begins with the colours of the product's pages, so that there is one set of them.
fn style(pages: &str) -> Result<String, Error> {
    let colours = pages.split_once(":root {").and_then(|(_, rest)| rest.split_once("\n}"));
    let (colours, _) = colours
        .ok_or_else(|| Error::Rules(vec!["ui/src/style.css has no colours in a first :root { … }".to_owned()]))?;
    Ok(format!(":root {{{colours}\n}}\n{}", include_str!("../assets/guides.css")))
}

#[cfg(test)]
mod tests;

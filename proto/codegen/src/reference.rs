//! Generates the content of the reference page, as HTML, from the OpenAPI document alone: its introduction, operations
//! with code samples, webhook events and schemas, and a menu of links to them. The page around it is the edge's.
//!
//! Everything can be read and opened without scripts. An operation shows its parameters, body and answers in less than
//! two screens, so what is long is folded.

mod code;
mod html;
mod operation;
mod schema;

use html::{escape, prose};
use serde_json::Value;
use std::fmt::Write as _;

/// A method of a path.
pub(crate) struct Operation<'a> {
    pub path: &'a str,
    pub verb: &'a str,
    pub told: &'a Value,
}

impl Operation<'_> {
    fn id(&self) -> &str {
        text(&self.told["operationId"])
    }

    fn is_in(&self, tag: &Value) -> bool {
        self.told["tags"][0] == tag["name"]
    }
}

/// The introduction, the operations by group, the events and the schemas.
pub fn operations(document: &Value) -> String {
    let mut out = format!(
        "<section id=\"introduction\" aria-labelledby=\"introduction-title\">\n<h2 id=\"introduction-title\">\
         Introduction</h2>\n{}</section>\n",
        prose(text(&document["info"]["description"]), 3)
    );
    let all = of_paths(document);
    for tag in list(&document["tags"]) {
        let articles: String = all.iter().filter(|one| one.is_in(tag)).map(|one| one.article(document)).collect();
        if !articles.is_empty() {
            group(&mut out, &group_id(tag), text(&tag["name"]), text(&tag["description"]), &articles);
        }
    }
    let events: String =
        of_webhooks(document).iter().map(|(name, told)| operation::event(document, name, told)).collect();
    group(&mut out, "events", "Webhook events", "What is posted to webhook endpoints.", &events);
    let schemas: String =
        members(&document["components"]["schemas"]).map(|(name, told)| schema::article(document, name, told)).collect();
    group(&mut out, "objects", "Objects", "The schemas of bodies, by name.", &schemas);
    out
}

/// Links to the groups and their operations, and to the events.
pub fn menu(document: &Value) -> String {
    let mut out = String::from("<ul>\n");
    let all = of_paths(document);
    for tag in list(&document["tags"]) {
        let mut links = String::new();
        for one in all.iter().filter(|one| one.is_in(tag)) {
            let words = format!("{} {}", one.path, one.id());
            let _ = writeln!(
                links,
                "<li><a href=\"#operation-{}\" data-words=\"{}\"><span class=\"verb {}\">{}</span> {}</a></li>",
                escape(one.id()),
                escape(&words),
                one.verb,
                one.verb.to_uppercase(),
                escape(text(&one.told["summary"]))
            );
        }
        if !links.is_empty() {
            submenu(&mut out, &group_id(tag), text(&tag["name"]), &links);
        }
    }
    let events = of_webhooks(document);
    let links: String = events
        .iter()
        .map(|(name, _)| format!("<li><a href=\"#event-{0}\"><code>{0}</code></a></li>\n", escape(name)))
        .collect();
    submenu(&mut out, "events", "Webhook events", &links);
    out += "</ul>\n";
    out
}

fn group(out: &mut String, id: &str, title: &str, description: &str, content: &str) {
    let _ = writeln!(
        out,
        "<section class=\"group\" id=\"{id}\" aria-labelledby=\"{id}-title\">\n<h2 id=\"{id}-title\">{}</h2>\n{}{content}\
         </section>",
        escape(title),
        prose(description, 3)
    );
}

fn submenu(out: &mut String, id: &str, title: &str, links: &str) {
    let _ = writeln!(out, "<li class=\"part\"><a href=\"#{id}\">{}</a>\n<ul>\n{links}</ul></li>", escape(title));
}

/// `Api keys` to `group-api-keys`.
fn group_id(tag: &Value) -> String {
    let name = text(&tag["name"]).to_lowercase();
    let letters = name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' });
    format!("group-{}", letters.collect::<String>())
}

fn of_paths(document: &Value) -> Vec<Operation<'_>> {
    members(&document["paths"])
        .flat_map(|(path, item)| members(item).map(move |(verb, told)| Operation { path, verb, told }))
        .collect()
}

fn of_webhooks(document: &Value) -> Vec<(&str, &Value)> {
    members(&document["webhooks"]).map(|(name, item)| (name, &item["post"])).collect()
}

/// A part of the document, or what it refers to.
fn resolved<'a>(document: &'a Value, part: &'a Value) -> &'a Value {
    let target = part["$ref"].as_str().and_then(|reference| document.pointer(reference.strip_prefix('#')?));
    target.unwrap_or(part)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, member)| (name.as_str(), member))
}

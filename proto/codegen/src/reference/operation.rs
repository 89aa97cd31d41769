//! One operation or webhook event on the page: what it takes and answers on the left, code on the right.

use super::{
    Operation,
    code::Call,
    html::{code, escape, fold, line, prose},
    list, members, resolved,
    schema::{self, Field},
    text,
};
use serde_json::Value;
use std::fmt::Write as _;

const JSON: &str = "application/json";

impl Operation<'_> {
    /// The operation, folded to one line.
    pub(super) fn article(&self, document: &Value) -> String {
        let (id, path) = (escape(self.id()), escape(self.path));
        let mut told = format!("<p class=\"place\"><a href=\"#operation-{id}\">Link to this operation</a></p>\n");
        told += &prose(text(&self.told["description"]), 4);
        told += &self.parameters(document);
        told += &self.body(document);
        told += &self.answers(document);
        let mut shown = samples(&Call::of(document, self));
        if let Some((status, example)) = self.example() {
            shown += &fold("answer", &format!("Answer {status}"), &code("Example of an answer", &pretty(example)));
        }
        format!(
            "<article class=\"operation\" id=\"operation-{id}\">\n<details>\n<summary><h3><span class=\"verb {0}\">{1}</span> \
             <code>{path}</code> <span class=\"title\">{2}</span></h3></summary>\n<div class=\"inside\">\n\
             <div class=\"told\">\n{told}</div>\n<div class=\"shown\">\n{shown}</div>\n</div>\n</details>\n</article>\n",
            self.verb,
            self.verb.to_uppercase(),
            escape(text(&self.told["summary"]))
        )
    }

    fn parameters(&self, document: &Value) -> String {
        let mut out = String::new();
        for (place, title) in [("path", "In the path"), ("query", "In the query"), ("header", "Request headers")] {
            let fields = parameters(document, &self.told["parameters"], place);
            if fields.is_empty() {
                continue;
            }
            let table = schema::table(document, &fields, false);
            out += &match place {
                "header" => fold("fold", title, &table),
                _ => format!("<h4>{title}</h4>\n{table}"),
            };
        }
        out
    }

    fn body(&self, document: &Value) -> String {
        let body = &self.told["requestBody"];
        let media = &body["content"][JSON];
        if media.is_null() {
            return String::new();
        }
        let fields = schema::fields(document, &media["schema"]);
        let mut out = "<h4>Body</h4>\n".to_owned();
        if body["required"] == Value::Bool(false) {
            out += "<p>May be left out.</p>\n";
        }
        out += &prose(text(&body["description"]), 5);
        out + &schema::table(document, &fields, false)
    }

    /// The statuses: successes in a line each, errors behind one title.
    fn answers(&self, document: &Value) -> String {
        let mut out = "<h4>Answers</h4>\n<ul class=\"answers\">\n".to_owned();
        let mut errors = String::new();
        let mut statuses = Vec::new();
        for (status, response) in members(&self.told["responses"]) {
            let response = resolved(document, response);
            if status.starts_with(['4', '5']) {
                statuses.push(status);
                errors += &error(status, response);
            } else {
                out += &success(status, response);
            }
        }
        out += "</ul>\n";
        let title = format!("Errors: {}", statuses.join(", "));
        out + &fold("fold", &title, &format!("<ul class=\"answers\">\n{errors}</ul>\n"))
    }

    /// The example of the first success that has one.
    fn example(&self) -> Option<(&str, &Value)> {
        members(&self.told["responses"]).find_map(|(status, response)| {
            let (_, example) = members(&response["content"][JSON]["examples"]).next()?;
            status.starts_with('2').then_some((status, &example["value"]))
        })
    }
}

fn parameters<'a>(document: &'a Value, all: &'a Value, place: &str) -> Vec<Field<'a>> {
    let told = list(all).iter().map(|one| resolved(document, one)).filter(|one| one["in"] == place);
    let field = |one: &'a Value| Field {
        name: text(&one["name"]),
        schema: &one["schema"],
        description: text(&one["description"]),
        required: one["required"] == Value::Bool(true),
        example: one.get("example"),
    };
    told.map(field).collect()
}

fn success(status: &str, response: &Value) -> String {
    let mut line = format!("<li><code>{}</code> {}", escape(status), line(text(&response["description"])));
    for (media, content) in members(&response["content"]) {
        match content["schema"]["$ref"].as_str() {
            Some(reference) if media == JSON => {
                let _ = write!(line, " {}", schema::reference_to(reference, true));
            }
            _ => {
                let _ = write!(line, " Also as <code>{}</code>.", escape(media));
            }
        }
    }
    // The headers that every answer has are told once, in the introduction.
    let own = members(&response["headers"]).map(|(name, _)| name).filter(|name| !name.contains("Rate"));
    let own: Vec<String> =
        own.filter(|name| *name != "X-Request-Id").map(|name| format!("<code>{}</code>", escape(name))).collect();
    if !own.is_empty() {
        let _ = write!(line, " With {}.", own.join(", "));
    }
    line + "</li>\n"
}

fn error(status: &str, response: &Value) -> String {
    let codes = members(&response["content"][JSON]["examples"]).map(|(code, _)| escape(code));
    let links: Vec<String> = codes.map(|code| format!("<a href=\"#errors-{code}\"><code>{code}</code></a>")).collect();
    format!("<li><code>{}</code> {}</li>\n", escape(status), links.join(", "))
}

/// The same call in each language; one of them is open at a time.
fn samples(call: &Call) -> String {
    let mut out = String::new();
    for (index, (language, sample)) in call.samples().iter().enumerate() {
        let open = if index == 0 { " open" } else { "" };
        let _ = writeln!(
            out,
            "<details class=\"sample\" data-language=\"{language}\" name=\"code-{}\"{open}><summary>{language}</summary>\n{}\
             </details>",
            escape(&call.id),
            code(&format!("{language} for {}", call.id), sample)
        );
    }
    out
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

/// A webhook event, folded to one line.
pub(super) fn event(document: &Value, name: &str, told: &Value) -> String {
    let media = &told["requestBody"]["content"][JSON];
    let body = media["schema"]["$ref"].as_str().map(|reference| schema::reference_to(reference, true));
    let headers = schema::table(document, &parameters(document, &told["parameters"], "header"), true);
    let name = escape(name);
    format!(
        "<article class=\"operation\" id=\"event-{name}\">\n<details>\n<summary><h3><span class=\"verb event\">EVENT</span> \
         <code>{name}</code></h3></summary>\n<div class=\"inside\">\n<div class=\"told\">\n{}<p>Body: {}</p>\n{}</div>\n\
         <div class=\"shown\">\n{}</div>\n</div>\n</details>\n</article>\n",
        prose(text(&told["description"]), 4),
        body.unwrap_or_default(),
        fold("fold", "Headers", &headers),
        code(&format!("Body of {name}"), &pretty(&media["example"]))
    )
}

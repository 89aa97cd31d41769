//! Code samples of an operation in curl, TypeScript and Python. They take the server's URL and the key from the
//! environment, so that they run as they are.

use super::{Operation, list, members, resolved, text};
use serde_json::Value;
use std::fmt::Write as _;

/// The variable with the URL of the server.
const URL: &str = "INBOXOPS_URL";
/// The variable with the key.
const KEY: &str = "INBOXOPS_API_KEY";
/// As many as a page has.
const PAGE: &str = "100";

/// A call with the document's examples in it.
pub(super) struct Call {
    pub id: String,
    verb: String,
    path: String,
    query: Vec<(String, String)>,
    body: Option<Value>,
    answer: Answer,
}

/// What a success has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Nothing,
    Json,
    Text,
}

impl Call {
    /// The call of an operation.
    pub(super) fn of(document: &Value, operation: &Operation<'_>) -> Call {
        let parameters: Vec<&Value> =
            list(&operation.told["parameters"]).iter().map(|one| resolved(document, one)).collect();
        let mut path = operation.path.to_owned();
        for one in parameters.iter().filter(|one| one["in"] == "path") {
            path = path.replace(&format!("{{{}}}", text(&one["name"])), &plain(&one["example"]));
        }
        let body = &operation.told["requestBody"];
        let example = body["content"]["application/json"].get("example");
        // One that may be left out and says nothing is left out.
        let left_out = |example: &&Value| {
            body["required"] == Value::Bool(false) && example.as_object().is_some_and(serde_json::Map::is_empty)
        };
        Call {
            id: text(&operation.told["operationId"]).to_owned(),
            verb: operation.verb.to_owned(),
            path,
            query: query(document, &parameters),
            body: example.filter(|example| !left_out(example)).cloned(),
            answer: answer(&operation.told["responses"]),
        }
    }

    /// The samples, by language.
    pub(super) fn samples(&self) -> [(&'static str, String); 3] {
        [("curl", self.curl()), ("TypeScript", self.typescript()), ("Python", self.python())]
    }

    fn writes(&self) -> bool {
        self.verb != "get"
    }

    fn curl(&self) -> String {
        let query: Vec<String> = self.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        let verb = if self.writes() { format!("-X {} ", self.verb.to_uppercase()) } else { String::new() };
        let mut out = format!(
            "curl --fail-with-body {verb}\"${URL}{}{query}\" \\\n  -H \"Authorization: Bearer ${KEY}\"",
            self.path
        );
        if let Some(body) = &self.body {
            // A quote cannot stand within quotes in a shell.
            let body = literal(body, Language::TypeScript, 0).replace('\'', r"'\''");
            let _ = write!(out, " \\\n  -H \"Content-Type: application/json\" \\\n  -d '{body}'");
        }
        out
    }

    fn typescript(&self) -> String {
        let mut out = format!("const url = new URL(\"{}\", process.env.{URL});\n", self.path);
        for (name, value) in &self.query {
            let _ = writeln!(out, "url.searchParams.set(\"{name}\", \"{value}\");");
        }
        out += "const response = await fetch(url, {\n";
        if self.writes() {
            let _ = writeln!(out, "    method: \"{}\",", self.verb.to_uppercase());
        }
        let _ = writeln!(out, "    headers: {{\n        Authorization: `Bearer ${{process.env.{KEY}}}`,");
        if self.body.is_some() {
            out += "        \"Content-Type\": \"application/json\",\n";
        }
        if self.writes() {
            out += "        \"Idempotency-Key\": crypto.randomUUID(),\n";
        }
        out += "    },\n";
        if let Some(body) = &self.body {
            let _ = writeln!(out, "    body: JSON.stringify({}),", literal(body, Language::TypeScript, 1));
        }
        out += "});\nif (!response.ok) throw new Error(await response.text());\n";
        out += match self.answer {
            Answer::Json => "const { data } = await response.json();\nconsole.log(data);\n",
            Answer::Text => "console.log(await response.text());\n",
            Answer::Nothing => "console.log(response.status);\n",
        };
        out
    }

    fn python(&self) -> String {
        let imports = if self.writes() { "import os\nimport uuid\n" } else { "import os\n" };
        let mut out =
            format!("{imports}\nimport httpx\n\nresponse = httpx.request(\n    \"{}\",\n", self.verb.to_uppercase());
        let _ = writeln!(out, "    os.environ[\"{URL}\"] + \"{}\",", self.path);
        if !self.query.is_empty() {
            let pairs: Vec<String> =
                self.query.iter().map(|(name, value)| format!("\"{name}\": \"{value}\"")).collect();
            let _ = writeln!(out, "    params={{{}}},", pairs.join(", "));
        }
        let _ = writeln!(out, "    headers={{\n        \"Authorization\": \"Bearer \" + os.environ[\"{KEY}\"],");
        if self.writes() {
            out += "        \"Idempotency-Key\": str(uuid.uuid4()),\n";
        }
        out += "    },\n";
        if let Some(body) = &self.body {
            let _ = writeln!(out, "    json={},", literal(body, Language::Python, 1));
        }
        out += ")\nresponse.raise_for_status()\n";
        out += match self.answer {
            Answer::Json => "print(response.json()[\"data\"])\n",
            Answer::Text => "print(response.text)\n",
            Answer::Nothing => "print(response.status_code)\n",
        };
        out
    }
}

/// What is asked of a list: required parameters, two values of the first filter that takes several, and whole pages.
fn query(document: &Value, parameters: &[&Value]) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut filtered = false;
    for one in parameters.iter().filter(|one| one["in"] == "query") {
        let name = text(&one["name"]);
        let items = resolved(document, &one["schema"]["items"]);
        let values: Vec<&str> = list(&items["enum"]).iter().map(text).take(2).collect();
        let required = one["required"] == Value::Bool(true);
        let value = match name {
            "per_page" | "limit" => PAGE.to_owned(),
            _ if values.len() == 2 && (required || !filtered) => {
                filtered = true;
                values.join(",")
            }
            _ if required => plain(&one["example"]),
            _ => continue,
        };
        all.push((name.to_owned(), value));
    }
    all
}

fn answer(responses: &Value) -> Answer {
    let contents = members(responses).filter(|(status, _)| status.starts_with('2')).map(|(_, one)| &one["content"]);
    let mut answer = Answer::Nothing;
    for content in contents {
        answer = match (content["application/json"].is_null(), content.is_null()) {
            (false, _) => return Answer::Json,
            (true, false) => Answer::Text,
            (true, true) => answer,
        };
    }
    answer
}

/// A value as it stands in a path or query.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    TypeScript,
    Python,
}

/// A value as source code; `depth` is how far the line is indented that it begins on.
fn literal(value: &Value, language: Language, depth: usize) -> String {
    let python = language == Language::Python;
    let indent = "    ".repeat(depth + 1);
    let close = "    ".repeat(depth);
    match value {
        Value::Null if python => "None".to_owned(),
        Value::Bool(true) if python => "True".to_owned(),
        Value::Bool(false) if python => "False".to_owned(),
        Value::Array(items) if !items.is_empty() => {
            let flat = items.iter().all(|item| !item.is_object() && !item.is_array());
            let items: Vec<String> = items.iter().map(|item| literal(item, language, depth + 1)).collect();
            if flat {
                return format!("[{}]", items.join(", "));
            }
            format!("[\n{indent}{}\n{close}]", items.join(&format!(",\n{indent}")))
        }
        Value::Object(members) if !members.is_empty() => {
            let member = |(name, value): (&String, &Value)| {
                format!("{}: {}", Value::from(name.as_str()), literal(value, language, depth + 1))
            };
            let members: Vec<String> = members.iter().map(member).collect();
            format!("{{\n{indent}{}\n{close}}}", members.join(&format!(",\n{indent}")))
        }
        // Strings and numbers are the same in all three.
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn call() -> Call {
        Call {
            id: "makeThing".to_owned(),
            verb: "post".to_owned(),
            path: "/api/v1/things".to_owned(),
            query: Vec::new(),
            body: Some(json!({ "name": "it's", "on": true, "none": null, "list": ["a", 1] })),
            answer: Answer::Json,
        }
    }

    #[test]
    fn a_body_is_written_as_each_language_writes_it() {
        let call = call();
        assert!(call.curl().contains(r#""name": "it'\''s","#), "{}", call.curl());
        let typescript = call.typescript();
        assert!(
            typescript.contains("        \"name\": \"it's\",\n        \"on\": true,\n        \"none\": null,"),
            "{typescript}"
        );
        let python = call.python();
        assert!(
            python.contains("        \"on\": True,\n        \"none\": None,\n        \"list\": [\"a\", 1]"),
            "{python}"
        );
    }

    #[test]
    fn the_key_comes_from_the_environment() {
        for (language, sample) in call().samples() {
            assert!(sample.contains(KEY) && sample.contains(URL), "{language}: {sample}");
            assert!(!sample.contains("ixk_"), "{language}");
        }
    }

    #[test]
    fn a_call_without_an_answer_prints_the_status() {
        let call = Call { verb: "delete".to_owned(), body: None, answer: Answer::Nothing, ..call() };
        assert!(call.typescript().ends_with("console.log(response.status);\n"));
        assert!(call.python().ends_with("print(response.status_code)\n"));
        assert!(!call.curl().contains("Content-Type"));
    }
}

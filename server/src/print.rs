//! Prints the result of a command: as one JSON value, or as a table for people.

use serde_json::Value;
use std::io::{self, Write as _};

/// The result of a command.
pub(crate) enum Output {
    /// One resource, one line for each member.
    One(Value),
    /// Several resources: a table of these members, by path.
    Many(Vec<Value>, &'static [&'static str]),
    /// Nothing more to print.
    Nothing,
    /// A text, and its value for JSON.
    Text(String, Value),
}

/// Prints it. A closed pipe is no failure.
pub(crate) fn print(shown: &Output, json: bool) -> io::Result<()> {
    let text = match (shown, json) {
        (Output::Nothing, _) => return Ok(()),
        (Output::One(value) | Output::Text(_, value), true) => pretty(value),
        (Output::Many(values, _), true) => pretty(&Value::Array(values.clone())),
        (Output::Text(text, _), false) => text.clone(),
        (Output::One(value), false) => members(value),
        (Output::Many(values, columns), false) => table(values, columns),
    };
    match writeln!(io::stdout().lock(), "{}", text.trim_end()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

fn members(value: &Value) -> String {
    let Value::Object(members) = value else { return plain(value) };
    let width = members.keys().map(|name| name.chars().count()).max().unwrap_or_default();
    members.iter().map(|(name, value)| format!("{name:width$}  {}\n", plain(value))).collect()
}

fn table(values: &[Value], columns: &[&str]) -> String {
    let mut rows = vec![columns.iter().map(|name| name.to_uppercase()).collect::<Vec<_>>()];
    rows.extend(values.iter().map(|value| columns.iter().map(|path| plain(member(value, path))).collect()));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// The member at a path such as `actor.name`.
fn member<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(value, |value, name| &value[name])
}

/// A value for people. Control characters of stored text must not reach the terminal.
pub(crate) fn plain(value: &Value) -> String {
    let text = match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_table_lines_up_and_shows_no_control_characters() {
        let rows = [
            json!({"id": "1", "name": "Zoë", "tags": ["a", "b"]}),
            json!({"id": "22", "name": "x\u{1b}[2J", "tags": []}),
        ];
        let text = table(&rows, &["id", "name", "tags"]);
        assert_eq!(text, "ID  NAME   TAGS\n1   Zoë    a, b\n22  x\u{fffd}[2J\n");
    }

    #[test]
    fn a_column_may_be_a_member_of_a_member() {
        let rows = [json!({"actor": {"name": "Ada"}}), json!({"actor": null}), json!({})];
        assert_eq!(table(&rows, &["actor.name"]), "ACTOR.NAME\nAda\n-\n-\n");
    }

    #[test]
    fn one_thing_shows_its_members_below_each_other() {
        assert_eq!(members(&json!({"id": "1", "name": null})), "id    1\nname  -\n");
    }
}

//! Queries: how their members are written. Lists are one value, with commas.

use std::fmt::{Display, Write as _};

/// What a list may be asked for. Generated for each operation that has a query.
pub trait Query {
    /// The path of the operation.
    const PATH: &'static str;

    /// What is given of it.
    fn pairs(&self) -> Pairs;
}

/// The members of a query that are given, with their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs(Vec<(&'static str, String)>);

impl Pairs {
    pub(crate) fn one<Value: Display>(&mut self, name: &'static str, value: Option<&Value>) {
        self.0.extend(value.map(|value| (name, value.to_string())));
    }

    /// An empty list is none.
    pub(crate) fn many<Value: Display>(&mut self, name: &'static str, values: &[Value]) {
        if !values.is_empty() {
            let texts: Vec<String> = values.iter().map(Value::to_string).collect();
            self.0.push((name, texts.join(",")));
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(other, _)| *other == name)
    }

    pub(crate) fn set(&mut self, name: &'static str, value: String) {
        self.0.retain(|(other, _)| *other != name);
        self.0.push((name, value));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(other, _)| *other != name);
    }

    /// With its `?`, or nothing.
    pub(crate) fn text(&self) -> String {
        let pairs: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
    }
}

/// A text as a part of a path or a query.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a text never fails.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{ListTicketsQuery, TicketStatus};

    #[test]
    fn what_is_not_given_is_left_out_and_lists_are_one_value() {
        assert_eq!(ListTicketsQuery::default().pairs().text(), "");
        let query = ListTicketsQuery {
            per_page: Some(10),
            status: vec![TicketStatus::Open, TicketStatus::Other("lost & found".into())],
            q: Some("Größe+1".into()),
            ..Default::default()
        };
        assert_eq!(query.pairs().text(), "?per_page=10&status=open%2Clost%20%26%20found&q=Gr%C3%B6%C3%9Fe%2B1");
        assert_eq!(ListTicketsQuery::PATH, "/api/v1/tickets");
    }

    #[test]
    fn a_member_is_replaced() {
        let mut pairs = Pairs::default();
        pairs.one("page", Some(&1));
        pairs.set("cursor", "a".into());
        pairs.set("cursor", "b".into());
        pairs.remove("page");
        assert_eq!(pairs.text(), "?cursor=b");
        assert!(pairs.has("cursor") && !pairs.has("page"));
    }
}

//! The arguments of a tool: compared with the field table of the message, as a body of REST is, so that all violations
//! are found; and the cursor by which a list is continued, which also says where in a page to go on, because an answer
//! may be smaller than its page.

use super::{Paging, Tool};
use crate::{
    failure::{Failure, Violation},
    reason::{DetailCode, Reason},
    rest::shape::{self, Found, Shaped, Tree},
};
use prost_types::FieldMask;
use serde::de::DeserializeOwned;
use serde_json::{Value, value::RawValue};

/// Greatest number of items in an answer.
pub const ITEMS_MAX: u32 = 25;
/// Greatest number of a page.
const PAGE_MAX: u32 = 1_000_000;
const CURSOR: &str = "cursor";

/// Where an answer begins in its list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    at: At,
    /// Items of the page that were shown before.
    pub(super) skip: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Start,
    Page(u32),
    Cursor(String),
}

impl Position {
    /// Reads a cursor of ours, for a list that is continued in this way.
    fn parse(text: &str, paging: Paging) -> Option<Position> {
        let (digits, rest) = text.split_at(text.find(|letter: char| !letter.is_ascii_digit())?);
        let skip = digits.parse::<usize>().ok().filter(|skip| *skip < ITEMS_MAX as usize)?;
        let at = match (rest.strip_prefix('p'), rest.strip_prefix('c')) {
            (Some(page), _) if paging.page => {
                At::Page(page.parse::<u32>().ok().filter(|page| (1..=PAGE_MAX).contains(page))?)
            }
            (_, Some(cursor)) if paging.cursor && !cursor.is_empty() => At::Cursor(cursor.to_owned()),
            _ if rest == "s" => At::Start,
            _ => return None,
        };
        Some(Position { at, skip })
    }

    fn text(&self) -> String {
        match &self.at {
            At::Start => format!("{}s", self.skip),
            At::Page(page) => format!("{}p{page}", self.skip),
            At::Cursor(cursor) => format!("{}c{cursor}", self.skip),
        }
    }

    /// The members of the request that lead there.
    fn members(&self) -> Vec<(String, Tree)> {
        let leaf = |name: &str, value: Value| (name.to_owned(), Tree::Leaf(value));
        let mut members = vec![leaf("per_page", ITEMS_MAX.into())];
        match &self.at {
            At::Start => {}
            At::Page(page) => members.push(leaf("page", (*page).into())),
            At::Cursor(cursor) => members.push(leaf(CURSOR, cursor.as_str().into())),
        }
        members
    }

    /// The cursor of what follows after `shown` items of a page that has `fetched`; `meta` is that of REST.
    pub(super) fn next(&self, shown: usize, fetched: usize, meta: &Value) -> Option<String> {
        let seen = self.skip + shown;
        let next = if seen < fetched {
            Position { at: self.at.clone(), skip: seen }
        } else if let Some(cursor) = meta["next_cursor"].as_str() {
            Position { at: At::Cursor(cursor.to_owned()), skip: 0 }
        } else if meta["has_more"].as_bool() == Some(true) {
            let page = if let At::Page(page) = self.at { page } else { 1 };
            Position { at: At::Page(page + 1), skip: 0 }
        } else {
            return None;
        };
        Some(next.text())
    }
}

/// The arguments of a call as far as they could be read.
pub(super) struct Arguments {
    members: Vec<(String, Tree)>,
    found: Found,
    failure: Option<Failure>,
    pub(super) position: Position,
}

/// A message as far as it could be read from arguments.
pub(super) struct Read<T> {
    pub(super) message: T,
    /// The members that were given, in the order of the fields.
    pub(super) mask: FieldMask,
    /// The parameters of the path.
    pub(super) params: Vec<String>,
    pub(super) failure: Option<Failure>,
}

impl Arguments {
    pub(super) fn of(tool: &Tool, raw: Option<&RawValue>) -> Arguments {
        let mut read =
            Arguments { members: Vec::new(), found: Found::default(), failure: None, position: Position::default() };
        match raw.map(|raw| shape::parse(raw.get().as_bytes())) {
            None | Some(Some(Tree::Leaf(Value::Null))) => {}
            Some(Some(Tree::Object(members))) => read.take(tool, members),
            Some(None) => {
                let message = "The arguments are nested too deep or have a name twice.";
                read.failure = Some(Failure::new(Reason::MalformedJson).message(message));
            }
            Some(Some(_)) => {
                let violation = Violation::new("", DetailCode::InvalidType, "must be a JSON object");
                let failure = Failure::violations(Reason::InvalidRequest, vec![violation]);
                read.failure = Some(failure.message("The arguments must be a JSON object."));
            }
        }
        if let Some(Tree::Object(fixed)) = shape::parse(tool.fixed.as_bytes()) {
            read.members.extend(fixed);
        }
        if tool.paging.is_some() {
            read.members.extend(read.position.members());
        }
        read
    }

    fn take(&mut self, tool: &Tool, members: Vec<(String, Tree)>) {
        for (name, value) in members {
            if !tool.arguments.contains(&name.as_str()) {
                let shown: String = name.chars().take(shape::NAME_MAX_CHARS).collect();
                let message = match tool.arguments {
                    [] => "is unknown; this tool takes no arguments".to_owned(),
                    names => format!("is unknown; this tool takes {}", names.join(", ")),
                };
                self.found.rule(Violation::new(shown, DetailCode::UnknownField, message));
                continue;
            }
            match (tool.paging, value) {
                (Some(paging), value) if name == CURSOR => match value {
                    Tree::Leaf(Value::String(text)) => match Position::parse(&text, paging) {
                        Some(position) => self.position = position,
                        None => self.failure = Some(Reason::InvalidCursor.into()),
                    },
                    _ => self.found.wrong_type(CURSOR, "must be a string"),
                },
                (_, value) => self.members.push((name, value)),
            }
        }
    }

    /// Reads the message; nothing is left afterwards.
    pub(super) fn read<T: Shaped + DeserializeOwned + Default>(&mut self, tool: &Tool) -> Read<T> {
        let mut found = std::mem::take(&mut self.found);
        let mut members = std::mem::take(&mut self.members);
        let mut params = Vec::with_capacity(tool.params.len());
        for &(name, number) in tool.params {
            let at = members.iter().position(|(given, _)| given == name);
            params.push(param(name, number, at.map(|at| members.swap_remove(at).1), &mut found));
        }
        let present = T::SHAPE.members.iter().filter(|member| members.iter().any(|(name, _)| name == member.name));
        let mask = FieldMask { paths: present.map(|member| member.name.to_owned()).collect() };
        let clean = shape::clean(T::SHAPE, members, "", &mut found);
        let refused = |failure: Failure| (T::default(), Some(failure));
        let (message, failure) = if let Some(failure) = self.failure.take() {
            refused(failure)
        } else if !found.types.is_empty() {
            let reason = if tool.rpc.has_body { Reason::InvalidRequest } else { Reason::InvalidParameter };
            refused(Failure::violations(reason, found.types))
        } else {
            match T::deserialize(clean) {
                Ok(message) => (message, broken(tool, found.rules)),
                // The rest fits the message by construction; otherwise the arguments could not be read.
                Err(_) => refused(Reason::InvalidRequest.into()),
            }
        };
        Read { message, mask, params, failure }
    }
}

/// The failure that REST has for these violations: of a body, or of a query.
fn broken(tool: &Tool, rules: Vec<Violation>) -> Option<Failure> {
    let unknown = rules.iter().any(|rule| rule.code == DetailCode::UnknownField);
    let reason = match (tool.rpc.has_body, unknown) {
        (true, _) => Reason::ValidationFailed,
        (false, true) => Reason::UnknownParameter,
        (false, false) => Reason::InvalidParameter,
    };
    (!rules.is_empty()).then(|| Failure::violations(reason, rules))
}

/// A parameter of the path.
fn param(name: &'static str, number: bool, value: Option<Tree>, found: &mut Found) -> String {
    match value {
        Some(Tree::Leaf(Value::String(text))) if text.trim().is_empty() => {
            found.rule(Violation::new(name, DetailCode::Blank, "must not be blank"));
        }
        Some(Tree::Leaf(Value::String(text))) => return text,
        Some(Tree::Leaf(Value::Number(given))) if number => return given.to_string(),
        Some(_) => found.wrong_type(name, "must be a string"),
        None => found.rule(Violation::required(name)),
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const BOTH: Paging = Paging { page: true, cursor: true };

    #[test]
    fn a_cursor_says_where_to_go_on_and_nothing_else_is_one() {
        for text in ["0s", "24s", "3p7", "0p1000000", "12cabc"] {
            assert_eq!(Position::parse(text, BOTH).map(|at| at.text()).as_deref(), Some(text));
        }
        for text in
            ["", "s", "3", "25s", "-1s", "3p", "3p0", "3p1000001", "3c", "3x7", "3pé", "99999999999999999999s", "ü"]
        {
            assert_eq!(Position::parse(text, BOTH), None, "{text}");
        }
        assert_eq!(Position::parse("0p2", Paging { page: false, cursor: true }), None);
        assert_eq!(Position::parse("0cx", Paging { page: true, cursor: false }), None);
    }

    #[test]
    fn what_was_left_out_comes_before_the_next_page() {
        let start = Position::default();
        let more = json!({ "has_more": true, "next_cursor": null });
        let last = json!({ "has_more": false, "next_cursor": null });
        assert_eq!(start.next(10, 25, &last).as_deref(), Some("10s"));
        assert_eq!(start.next(25, 25, &more).as_deref(), Some("0p2"));
        assert_eq!(start.next(25, 25, &last), None);
        let later = Position { at: At::Page(4), skip: 10 };
        assert_eq!(later.next(3, 25, &last).as_deref(), Some("13p4"));
        assert_eq!(later.next(15, 25, &more).as_deref(), Some("0p5"));
        let named = json!({ "has_more": true, "next_cursor": "abc" });
        assert_eq!(later.next(15, 25, &named).as_deref(), Some("0cabc"));
        assert_eq!(later.next(0, 3, &last), None, "the page has become shorter");
    }
}

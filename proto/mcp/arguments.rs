//! The arguments of a tool: compared with the field table of the message, as a body of REST is, so that all violations
//! are found; and the cursor by which a list is continued, which also says where in a page to go on, because an answer
//! may be smaller than its page.

use super::Tool;
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
/// Greatest number of items that a cursor names.
const SHOWN_MAX: usize = 40;
/// Length of what stands for an item in a cursor: the end of its id, which is random.
const TAIL_LEN: usize = 8;
/// Longest cursor of a list of the API.
const LIST_CURSOR_MAX_LEN: usize = 200;
const CURSOR: &str = "cursor";
/// What a cursor of the first page has where others have the cursor of the list.
const FIRST_PAGE: char = '~';

/// Where an answer begins in its list: a page, and the items that earlier answers have shown of it. They are named
/// rather than counted, because the page may have changed by the time that its rest is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// The cursor of the page; `None` for the first.
    page: Option<String>,
    shown: Vec<String>,
    /// Digest of the arguments that a first page belongs to; the cursors of other pages know theirs.
    filters: Option<u64>,
}

impl Position {
    fn parse(text: &str) -> Option<Position> {
        let (shown, page) = text.split_once('.')?;
        let hex = |letter: &u8| matches!(letter, b'0'..=b'9' | b'a'..=b'f');
        let known = shown.len().is_multiple_of(TAIL_LEN)
            && shown.len() <= SHOWN_MAX * TAIL_LEN
            && shown.as_bytes().iter().all(hex);
        let (page, filters) = match page.strip_prefix(FIRST_PAGE) {
            Some(digits) if digits.len() == 16 && digits.as_bytes().iter().all(hex) => {
                (None, Some(u64::from_str_radix(digits, 16).ok()?))
            }
            None if !page.is_empty() && page.len() <= LIST_CURSOR_MAX_LEN => (Some(page.to_owned()), None),
            _ => return None,
        };
        if !known {
            return None;
        }
        let shown = shown.as_bytes().chunks(TAIL_LEN).map(|tail| String::from_utf8_lossy(tail).into_owned());
        Some(Position { page, shown: shown.collect(), filters })
    }

    fn text(&self) -> String {
        let shown = self.shown.concat();
        match &self.page {
            Some(page) => format!("{shown}.{page}"),
            None => format!("{shown}.{FIRST_PAGE}{:016x}", self.filters.unwrap_or_default()),
        }
    }

    /// The members of the request that lead there.
    fn members(&self) -> Vec<(String, Tree)> {
        let leaf = |name: &str, value: Value| (name.to_owned(), Tree::Leaf(value));
        let mut members = vec![leaf("per_page", ITEMS_MAX.into())];
        members.extend(self.page.as_deref().map(|cursor| leaf(CURSOR, cursor.into())));
        members
    }

    /// Removes from a page what was shown before.
    pub(super) fn rest(&self, page: Vec<Value>) -> Rest {
        let tails: Vec<String> = page.iter().map(tail).collect();
        let gone = self.shown.iter().filter(|shown| !tails.contains(*shown)).cloned().collect();
        let left = page.into_iter().zip(tails).filter(|(_, tail)| !self.shown.contains(tail));
        let (items, tails) = left.unzip();
        Rest { items, tails, gone }
    }

    /// The cursor of what follows after `count` items of the rest; `meta` is that of REST.
    pub(super) fn next(&self, rest: Rest, count: usize, meta: &Value) -> Option<String> {
        let Rest { mut tails, gone, .. } = rest;
        let (page, mut shown) = if count < tails.len() {
            tails.truncate(count);
            (self.page.clone(), [self.shown.clone(), tails].concat())
        } else {
            // New items may have moved what was shown of the first page to the next one.
            let moved = if self.page.is_none() { gone } else { Vec::new() };
            (Some(meta["next_cursor"].as_str()?.to_owned()), moved)
        };
        shown.drain(..shown.len().saturating_sub(SHOWN_MAX));
        Some(Position { page, shown, filters: self.filters }.text())
    }
}

/// Digest of arguments in whatever order they were given (FNV-1a): every server of the API must come to the same.
fn digest(members: &[(String, Tree)]) -> u64 {
    let mut texts: Vec<String> = members.iter().map(|(name, value)| format!("{name}={}", text(value))).collect();
    texts.sort_unstable();
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([b'\n']));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

fn text(tree: &Tree) -> String {
    let joined = |all: Vec<String>| all.join(",");
    match tree {
        Tree::Leaf(value) => value.to_string(),
        Tree::List(items) => format!("[{}]", joined(items.iter().map(text).collect())),
        Tree::Object(members) => {
            format!("{{{}}}", joined(members.iter().map(|(name, value)| format!("{name}={}", text(value))).collect()))
        }
    }
}

/// What was not shown of a page.
pub(super) struct Rest {
    pub(super) items: Vec<Value>,
    /// What stands for each item.
    tails: Vec<String>,
    /// What was shown and is not on the page any more.
    gone: Vec<String>,
}

fn tail(item: &Value) -> String {
    let id = item["id"].as_str().unwrap_or_default();
    id.get(id.len().saturating_sub(TAIL_LEN)..).unwrap_or_default().to_owned()
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
        if tool.lists {
            let filters = digest(&read.members);
            if read.position.filters.replace(filters).is_some_and(|others| others != filters) {
                read.failure = Some(Reason::InvalidCursor.into());
            }
        }
        if let Some(Tree::Object(fixed)) = shape::parse(tool.fixed.as_bytes()) {
            read.members.extend(fixed);
        }
        if tool.lists {
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
            match value {
                Tree::Leaf(Value::String(text)) if tool.lists && name == CURSOR => match Position::parse(&text) {
                    Some(position) => self.position = position,
                    None => self.failure = Some(Reason::InvalidCursor.into()),
                },
                _ if tool.lists && name == CURSOR => self.found.wrong_type(CURSOR, "must be a string"),
                value => self.members.push((name, value)),
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

    fn page(numbers: impl IntoIterator<Item = u32>) -> Vec<Value> {
        numbers.into_iter().map(|n| json!({ "id": format!("019ab5f0-0000-7000-8000-0000{n:08x}") })).collect()
    }

    /// Shows the first items of what is left of a page, and goes to what follows.
    fn step(at: &Position, numbers: impl IntoIterator<Item = u32>, count: usize, next: &Value) -> (Vec<u32>, Position) {
        let rest = at.rest(page(numbers));
        let number = |tail: &String| u32::from_str_radix(tail, 16).unwrap();
        let shown = rest.tails.iter().take(count).map(number).collect();
        let next = at.next(rest, count, &json!({ "next_cursor": next }));
        (shown, next.map(|text| Position::parse(&text).unwrap()).unwrap_or_default())
    }

    #[test]
    fn a_cursor_says_where_to_go_on_and_nothing_else_is_one() {
        let (tails, cursor) = ("0123abcd".repeat(SHOWN_MAX), "x".repeat(LIST_CURSOR_MAX_LEN));
        for text in
            ["0123abcd.~0123456789abcdef", ".abc", "0123abcd.abc", "0123abcdffffffff.abc", &format!("{tails}.{cursor}")]
        {
            assert_eq!(Position::parse(text).map(|at| at.text()).as_deref(), Some(text));
        }
        for text in [
            "",
            ".",
            "abc",
            "0123abcd.",
            "0123abcd.~",
            "0123abcd.~123456789abcdef",
            "0123abcd.~0123456789ABCDEF",
            "0123abc.x",
            "0123ABCD.x",
            "ü12abcd.x",
            &format!("{tails}01234567.x"),
            &format!(".{cursor}x"),
        ] {
            assert_eq!(Position::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_rest_of_a_page_comes_before_the_next_page_whatever_happens_to_it() {
        let (more, last) = (json!("abc"), Value::Null);
        let start = Position::default();
        let (shown, at) = step(&start, 0..25, 10, &more);
        assert_eq!((shown.len(), &at.page), (10, &None));
        // 3 and 9 have left the list, so two have moved up.
        let changed = (0..27).filter(|n| ![3, 9].contains(n));
        let (shown, next) = step(&at, changed, 20, &more);
        assert_eq!((shown, next.page.as_deref()), ((10..27).collect(), Some("abc")));
        let (shown, _) = step(&next, 27..40, 20, &last);
        assert_eq!(shown, (27..40).collect::<Vec<_>>());
        assert_eq!(start.next(start.rest(page(0..3)), 3, &json!({ "next_cursor": null })), None);
        assert_eq!(at.next(at.rest(Vec::new()), 0, &json!({ "next_cursor": null })), None, "the page is empty by now");
    }

    #[test]
    fn a_digest_is_of_the_values_and_not_of_their_order() {
        let of = |text: &str| match shape::parse(text.as_bytes()) {
            Some(Tree::Object(members)) => digest(&members),
            other => panic!("{other:?}"),
        };
        let one = of(r#"{"status": ["open", "new"], "q": "a"}"#);
        assert_eq!(one, of(r#"{ "q":"a","status":["open","new"]}"#));
        for other in
            ["{}", r#"{"q": "a"}"#, r#"{"status": ["open"], "q": "a"}"#, r#"{"status": ["open", "new"], "q": 7}"#]
        {
            assert_ne!(one, of(other), "{other}");
        }
    }

    #[test]
    fn what_new_items_move_to_the_next_page_is_not_shown_again() {
        let (_, at) = step(&Position::default(), 0..25, 20, &json!("abc"));
        let (shown, next) = step(&at, (100..110).chain(0..15), 25, &json!("abc"));
        assert_eq!(shown, (100..110).collect::<Vec<_>>());
        let (shown, later) = step(&next, 15..40, 25, &json!("def"));
        assert_eq!((shown, later.shown.len()), ((20..40).collect(), 0));
    }
}

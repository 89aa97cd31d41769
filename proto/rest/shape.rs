//! The decoder's slow path: a JSON tree that keeps duplicates and depth, and its comparison with a message's field
//! table. It collects all errors and returns what fits the message.

use crate::{
    failure::{VIOLATIONS_MAX, Violation},
    json::time,
    reason::DetailCode,
};
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// Deepest nesting of a body; the body itself is the first level.
pub const DEPTH_MAX: usize = 32;
/// Longest name of an unknown field that a response repeats, in characters.
pub(crate) const NAME_MAX_CHARS: usize = 64;

/// A message that has a field table.
pub trait Shaped {
    const SHAPE: &'static Shape;
}

/// Field table of a message.
#[derive(Debug)]
pub struct Shape {
    /// Its members, in the order of the fields.
    pub members: &'static [Member],
}

/// A member of a JSON object.
#[derive(Debug)]
pub struct Member {
    pub name: &'static str,
    /// Its type, or the type of its items.
    pub kind: Kind,
    /// Whether it is a list.
    pub list: bool,
    /// Whether it may be null.
    pub nullable: bool,
}

/// Type of a value.
#[derive(Debug)]
pub enum Kind {
    /// A string.
    Text,
    /// A bool.
    Bool,
    /// A whole number.
    Integer {
        /// Least value of the field.
        min: i64,
        /// Greatest value of the field.
        max: i64,
    },
    /// A time as text.
    Timestamp,
    /// One of these names.
    Enum(&'static [&'static str]),
    /// An object.
    Message(&'static Shape),
    /// An object of any members, which the message has as text.
    Json,
}

/// A JSON value with its duplicates.
#[derive(Debug, PartialEq)]
pub enum Tree {
    /// Anything but an array or an object.
    Leaf(Value),
    /// An array.
    List(Vec<Tree>),
    /// An object without duplicate names.
    Object(Vec<(String, Tree)>),
}

/// The errors that were found.
#[derive(Debug, Default)]
pub struct Found {
    /// Values of a wrong JSON type.
    pub types: Vec<Violation>,
    /// Values of the right type that violate a rule.
    pub rules: Vec<Violation>,
}

impl Found {
    pub(crate) fn wrong_type(&mut self, field: &str, message: &'static str) {
        if self.types.len() < VIOLATIONS_MAX {
            self.types.push(Violation::new(field, DetailCode::InvalidType, message));
        }
    }

    pub(crate) fn rule(&mut self, violation: Violation) {
        if self.rules.len() < VIOLATIONS_MAX {
            self.rules.push(violation);
        }
    }
}

/// Reads JSON; `None` when it is malformed, too deep, or has a name twice in one object.
pub fn parse(bytes: &[u8]) -> Option<Tree> {
    parse_within(DEPTH_MAX, bytes)
}

/// The same for a part of a body, which may have only so many levels.
pub(crate) fn parse_within(depth: usize, bytes: &[u8]) -> Option<Tree> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let tree = Level(depth).deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    Some(tree)
}

/// Returns the members of an object that fit a message, and adds errors to `found`.
pub fn clean(shape: &Shape, members: Vec<(String, Tree)>, at: &str, found: &mut Found) -> Value {
    let mut object = Map::new();
    for (name, tree) in members {
        let shown: String = name.chars().take(NAME_MAX_CHARS).collect();
        let path = if at.is_empty() { shown } else { format!("{at}.{shown}") };
        let Some(member) = shape.members.iter().find(|member| member.name == name) else {
            found.rule(Violation::new(path, DetailCode::UnknownField, "is not a field of this request"));
            continue;
        };
        match tree {
            Tree::Leaf(Value::Null) if member.nullable => _ = object.insert(name, Value::Null),
            Tree::Leaf(Value::Null) => found.wrong_type(&path, "must not be null"),
            Tree::List(items) if member.list => {
                let items = items.into_iter().enumerate();
                let items =
                    items.filter_map(|(index, item)| value(&member.kind, item, &format!("{path}[{index}]"), found));
                let items = items.collect();
                object.insert(name, Value::Array(items));
            }
            _ if member.list => found.wrong_type(&path, "must be an array"),
            tree => object.extend(value(&member.kind, tree, &path, found).map(|value| (name, value))),
        }
    }
    Value::Object(object)
}

fn value(kind: &Kind, tree: Tree, path: &str, found: &mut Found) -> Option<Value> {
    match (kind, tree) {
        (Kind::Text, Tree::Leaf(Value::String(text))) => Some(text.into()),
        (Kind::Bool, Tree::Leaf(Value::Bool(is))) => Some(is.into()),
        (Kind::Integer { min, max }, Tree::Leaf(Value::Number(number))) => integer(*min, *max, &number, path, found),
        (Kind::Timestamp, Tree::Leaf(Value::String(text))) => {
            if time::parse(&text).is_some() {
                return Some(text.into());
            }
            found.rule(Violation::new(
                path,
                DetailCode::InvalidFormat,
                "must be an RFC 3339 time, 2026-01-31T09:30:00Z",
            ));
            None
        }
        (Kind::Enum(allowed), Tree::Leaf(Value::String(text))) => {
            if allowed.contains(&text.as_str()) {
                return Some(text.into());
            }
            found.rule(Violation::not_one_of(path, allowed));
            None
        }
        (Kind::Message(shape), Tree::Object(members)) => Some(clean(shape, members, path, found)),
        (Kind::Json, tree @ Tree::Object(_)) => Some(plain(tree)),
        (kind, _) => {
            found.wrong_type(
                path,
                match kind {
                    Kind::Text | Kind::Timestamp | Kind::Enum(_) => "must be a string",
                    Kind::Bool => "must be true or false",
                    Kind::Integer { .. } => "must be a whole number",
                    Kind::Message(_) | Kind::Json => "must be an object",
                },
            );
            None
        }
    }
}

fn plain(tree: Tree) -> Value {
    match tree {
        Tree::Leaf(value) => value,
        Tree::List(items) => Value::Array(items.into_iter().map(plain).collect()),
        Tree::Object(members) => members.into_iter().map(|(name, tree)| (name, plain(tree))).collect(),
    }
}

/// JSON has one type of numbers: `1.0` is a whole number.
fn integer(min: i64, max: i64, number: &serde_json::Number, path: &str, found: &mut Found) -> Option<Value> {
    let float = number.as_f64().unwrap_or(f64::NAN);
    if float.fract() != 0.0 {
        found.wrong_type(path, "must be a whole number");
        return None;
    }
    // 2^53: every larger float is a whole number, and no field accepts one.
    let whole = number.as_i64().or_else(|| (float.abs() <= 9_007_199_254_740_992.0).then_some(float as i64));
    match whole.filter(|whole| (min..=max).contains(whole)) {
        Some(whole) => Some(whole.into()),
        None => {
            let message = format!("must be from {min} to {max}");
            found.rule(Violation::new(path, DetailCode::OutOfRange, message));
            None
        }
    }
}

/// Reads one value, with this many levels left.
struct Level(usize);

impl Level {
    fn deeper<E: serde::de::Error>(&self) -> Result<usize, E> {
        self.0.checked_sub(1).ok_or_else(|| E::custom("nested too deep"))
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Tree;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let left = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Level(left))? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tree, A::Error> {
        let left = self.deeper()?;
        let mut object: Vec<(String, Tree)> = Vec::new();
        while let Some(name) = members.next_key::<String>()? {
            object.push((name, members.next_value_seed(Level(left))?));
        }
        let mut names: Vec<&str> = object.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(A::Error::custom("a name is there twice"));
        }
        Ok(Tree::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ITEM: Shape = Shape { members: &[member("on", Kind::Bool), member("at", Kind::Timestamp)] };
    const SHAPE: Shape = Shape {
        members: &[
            member("count", Kind::Integer { min: 0, max: u32::MAX as i64 }),
            member("color", Kind::Enum(&["red", "blue"])),
            Member { name: "items", kind: Kind::Message(&ITEM), list: true, nullable: false },
            Member { name: "note", kind: Kind::Text, list: false, nullable: true },
            member("own", Kind::Json),
        ],
    };

    const fn member(name: &'static str, kind: Kind) -> Member {
        Member { name, kind, list: false, nullable: false }
    }

    /// The rest of a body, and `field code` for each of its errors.
    fn walked(body: &str) -> (String, Vec<String>) {
        let Some(Tree::Object(members)) = parse(body.as_bytes()) else { panic!("{body} is no object") };
        let mut found = Found::default();
        let left = clean(&SHAPE, members, "", &mut found);
        let all = found.types.iter().chain(&found.rules);
        (left.to_string(), all.map(|violation| format!("{} {}", violation.field, violation.code.name())).collect())
    }

    #[test]
    fn what_fits_is_left_and_all_else_is_named() {
        let table: &[(&str, &str, &[&str])] = &[
            (r#"{"count":7.0,"note":null}"#, r#"{"count":7,"note":null}"#, &[]),
            (r#"{"count":7.5}"#, "{}", &["count invalid_type"]),
            (r#"{"count":"7"}"#, "{}", &["count invalid_type"]),
            (r#"{"count":-1}"#, "{}", &["count out_of_range"]),
            (r#"{"count":4294967296}"#, "{}", &["count out_of_range"]),
            (r#"{"count":1e300}"#, "{}", &["count out_of_range"]),
            (r#"{"count":18446744073709551615}"#, "{}", &["count out_of_range"]),
            (r#"{"color":"green","color ":1}"#, "{}", &["color invalid_enum", "color  unknown_field"]),
            (r#"{"color":["red"]}"#, "{}", &["color invalid_type"]),
            (
                r#"{"items":[{"on":true,"off":1},{"on":1}]}"#,
                r#"{"items":[{"on":true},{}]}"#,
                &["items[1].on invalid_type", "items[0].off unknown_field"],
            ),
            (
                r#"{"items":[{"at":"today"},{"at":"2026-01-31T09:30:00Z"}]}"#,
                r#"{"items":[{},{"at":"2026-01-31T09:30:00Z"}]}"#,
                &["items[0].at invalid_format"],
            ),
            (r#"{"items":[[true]]}"#, r#"{"items":[]}"#, &["items[0] invalid_type"]),
            (r#"{"items":{}}"#, "{}", &["items invalid_type"]),
            (r#"{"own":{"b":[{},null],"a":7.0}}"#, r#"{"own":{"b":[{},null],"a":7.0}}"#, &[]),
            (r#"{"own":[]}"#, "{}", &["own invalid_type"]),
            (r#"{"own":"{}"}"#, "{}", &["own invalid_type"]),
            (r#"{"own":null}"#, "{}", &["own invalid_type"]),
        ];
        for (body, left, wrong) in table {
            let found = walked(body);
            assert_eq!(found, ((*left).to_owned(), wrong.iter().map(|text| (*text).to_owned()).collect()), "{body}");
        }
    }

    #[test]
    fn an_answer_repeats_neither_long_names_nor_endless_lists() {
        let (_, wrong) = walked(&format!("{{\"{}\":1}}", "n".repeat(1000)));
        assert_eq!(wrong, [format!("{} unknown_field", "n".repeat(NAME_MAX_CHARS))]);
        let many: Vec<String> = (0..1000).map(|number| format!("\"n{number}\":1")).collect();
        let (_, wrong) = walked(&format!("{{{}}}", many.join(",")));
        assert_eq!(wrong.len(), VIOLATIONS_MAX);
    }
}

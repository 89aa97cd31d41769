//! Reads query strings: strict about names, repeats and encoding, and reports all violations, as the body's decoder
//! does.

use crate::{
    failure::{Failure, VIOLATIONS_MAX, Violation},
    json::{JsonEnum, time},
    reason::{DetailCode, Reason},
};
use std::{borrow::Cow, num::IntErrorKind, str::FromStr};

/// Longest name of an unknown parameter that a response repeats, in characters.
const NAME_MAX_CHARS: usize = 64;

/// A request with query parameters.
pub trait Query: Default {
    /// Name of each parameter, and of a list two values as they are written.
    const PARAMETERS: &'static [(&'static str, Option<&'static str>)];

    /// Sets the value of parameter `index`.
    fn set(&mut self, index: usize, value: &Parameter<'_>, out: &mut Vec<Violation>);
}

/// A parameter with its value.
pub struct Parameter<'a> {
    name: &'static str,
    text: Cow<'a, str>,
}

/// Reads a query string; returns its violations, and sets the rest in the message.
pub fn read<Q: Query>(message: &mut Q, query: &str) -> Option<Failure> {
    const { assert!(Q::PARAMETERS.len() <= u64::BITS as usize, "`seen` has one bit per parameter") };
    let mut found = Vec::new();
    let mut reason = Reason::InvalidParameter;
    let mut seen = 0u64;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
        let known = decode(name).and_then(|name| Q::PARAMETERS.iter().position(|(known, _)| *known == name));
        let Some(index) = known else {
            reason = Reason::UnknownParameter;
            found.push(unknown::<Q>(name));
            continue;
        };
        let (name, list) = Q::PARAMETERS[index];
        let again = seen & (1 << index) != 0;
        seen |= 1 << index;
        match decode(text) {
            _ if again && list.is_none() => {
                found.push(Violation::new(name, DetailCode::LimitExceeded, "must not be given more than once"));
            }
            None => found.push(Violation::new(name, DetailCode::InvalidFormat, "must be percent-encoded UTF-8")),
            Some(text) if text.trim().is_empty() => found.push(blank(name)),
            Some(text) => message.set(index, &Parameter { name, text }, &mut found),
        }
    }
    found.truncate(VIOLATIONS_MAX);
    (!found.is_empty()).then(|| Failure::violations(reason, found))
}

fn unknown<Q: Query>(name: &str) -> Violation {
    let name: String =
        percent_encoding::percent_decode_str(name).decode_utf8_lossy().chars().take(NAME_MAX_CHARS).collect();
    let names: Vec<&str> = Q::PARAMETERS.iter().map(|(name, _)| *name).collect();
    let message = match (without_brackets::<Q>(&name), names.as_slice()) {
        (Some((known, Some(values))), _) => format!("is unknown; write `{known}={values}`"),
        (Some((known, None)), _) => format!("is unknown; write `{known}`, without brackets"),
        (None, []) => "is unknown; this call takes no parameters".to_owned(),
        (None, names) => format!("is unknown; this call takes {}", names.join(", ")),
    };
    Violation::new(name, DetailCode::UnknownField, message)
}

/// The parameter that a client means by `status[]` or `status[0]`, as some libraries write lists.
fn without_brackets<Q: Query>(name: &str) -> Option<(&'static str, Option<&'static str>)> {
    let (meant, index) = name.strip_suffix(']')?.split_once('[')?;
    let known = Q::PARAMETERS.iter().find(|(known, _)| *known == meant)?;
    index.bytes().all(|byte| byte.is_ascii_digit()).then_some(*known)
}

fn blank(name: &str) -> Violation {
    Violation::new(name, DetailCode::Blank, "must not be blank")
}

/// Percent-decodes, with `+` as a space; `None` if it is malformed or not UTF-8.
fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(['%', '+']) {
        return Some(Cow::Borrowed(text));
    }
    let mut escapes = text.split('%').skip(1);
    let hex = |escape: &str| escape.as_bytes().get(..2).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
    if !escapes.all(hex) {
        return None;
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8().ok()?;
    Some(Cow::Owned(decoded.into_owned()))
}

impl Parameter<'_> {
    pub fn text(&self, _: &mut Vec<Violation>) -> Option<String> {
        Some(self.text.clone().into_owned())
    }

    /// Strings, separated by commas.
    pub fn texts(&self, into: &mut Vec<String>, out: &mut Vec<Violation>) {
        into.extend(self.items(out).into_iter().map(str::to_owned));
    }

    pub fn flag(&self, out: &mut Vec<Violation>) -> Option<bool> {
        let parsed = self.text.parse().ok();
        self.or(parsed, DetailCode::InvalidType, "must be true or false", out)
    }

    /// A whole number in decimal digits.
    pub fn number<N: FromStr<Err = std::num::ParseIntError>>(&self, out: &mut Vec<Violation>) -> Option<N> {
        let digits = self.text.strip_prefix('-').unwrap_or(&self.text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return self.or(None, DetailCode::InvalidType, "must be a whole number", out);
        }
        match self.text.parse() {
            Ok(number) => Some(number),
            Err(error) if *error.kind() == IntErrorKind::PosOverflow => {
                self.or(None, DetailCode::OutOfRange, "is too great", out)
            }
            Err(_) => self.or(None, DetailCode::OutOfRange, "is too small", out),
        }
    }

    pub fn moment(&self, out: &mut Vec<Violation>) -> Option<prost_types::Timestamp> {
        let parsed = time::parse(&self.text);
        self.or(parsed, DetailCode::InvalidFormat, "must be an RFC 3339 time, 2026-01-31T09:30:00Z", out)
    }

    /// One value of an enum.
    pub fn choice<E: JsonEnum>(&self, out: &mut Vec<Violation>) -> Option<i32> {
        let number = E::number_of(&self.text);
        if number.is_none() {
            out.push(Violation::not_one_of(self.name, E::ALLOWED));
        }
        number
    }

    /// Values of an enum, separated by commas.
    pub fn choices<E: JsonEnum>(&self, into: &mut Vec<i32>, out: &mut Vec<Violation>) {
        let items = self.items(out);
        let numbers: Vec<i32> = items.iter().filter_map(|item| E::number_of(item)).collect();
        if numbers.len() < items.len() {
            out.push(Violation::not_one_of(self.name, E::ALLOWED));
        }
        into.extend(numbers);
    }

    fn items(&self, out: &mut Vec<Violation>) -> Vec<&str> {
        let items: Vec<&str> = self.text.split(',').filter(|item| !item.trim().is_empty()).collect();
        if items.len() < self.text.split(',').count() {
            out.push(blank(self.name));
        }
        items
    }

    fn or<T>(&self, value: Option<T>, code: DetailCode, message: &'static str, out: &mut Vec<Violation>) -> Option<T> {
        if value.is_none() {
            out.push(Violation::new(self.name, code, message));
        }
        value
    }
}

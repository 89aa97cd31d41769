//! The text of a JSON object whose members nobody prescribes: what a request may have of them, in REST and in gRPC.

use crate::rest::shape::{self, Tree};

/// Deepest nesting of such an object; in REST the body around it is one more level.
pub const DEPTH_MAX: usize = shape::DEPTH_MAX - 1;

/// Why a text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is no JSON, too deep, or has a name twice in one object.
    Malformed,
    /// It is JSON, but no object.
    NoObject,
}

/// The text without white space between its tokens: one line, and equal for objects that are written alike. Everything
/// else stays as it was written, numbers and the order of members too.
pub fn compact(text: &str) -> Result<String, Fault> {
    match shape::parse_within(DEPTH_MAX, text.as_bytes()) {
        Some(Tree::Object(_)) => Ok(without_space(text)),
        Some(_) => Err(Fault::NoObject),
        None => Err(Fault::Malformed),
    }
}

/// Of JSON only: there a backslash is always within a string.
fn without_space(text: &str) -> String {
    let mut compact = String::with_capacity(text.len());
    let (mut quoted, mut escaped) = (false, false);
    for letter in text.chars() {
        if quoted || !matches!(letter, ' ' | '\t' | '\n' | '\r') {
            compact.push(letter);
        }
        if escaped {
            escaped = false;
        } else if letter == '\\' {
            escaped = true;
        } else if letter == '"' {
            quoted = !quoted;
        }
    }
    compact
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_white_space_between_tokens_goes() {
        let table = [
            (" { } ", "{}"),
            ("{\"b\" : 1.10 ,\r\n\t\"a\":[ 1e2 , {} ]}", "{\"b\":1.10,\"a\":[1e2,{}]}"),
            (r#"{"a b": "c \" d \\" , "e": "\\ "}"#, r#"{"a b":"c \" d \\","e":"\\ "}"#),
            ("{\"ä\u{a0}\": \"\u{2028}\"}", "{\"ä\u{a0}\":\"\u{2028}\"}"),
        ];
        for (text, expected) in table {
            assert_eq!(compact(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_a_body_of_rest_may_not_have_is_refused() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert!(compact(&nested(DEPTH_MAX)).is_ok());
        assert_eq!(compact(&nested(DEPTH_MAX + 1)), Err(Fault::Malformed));
        for text in [
            "",
            "{",
            "{} {}",
            "{\"a\":1,\"a\":1}",
            "{\"b\":[{\"\\u0061\":1,\"a\":1}]}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":01}",
        ] {
            assert_eq!(compact(text), Err(Fault::Malformed), "{text}");
        }
        for text in ["[]", "\"{}\"", "null", "1", "true"] {
            assert_eq!(compact(text), Err(Fault::NoObject), "{text}");
        }
    }
}

//! Entity tags and conditions on them (RFC 9110, 8.8.3 and 13.1). All comparisons are weak: proxies that compress
//! weaken strong tags, and a version of a resource is the same in any encoding.

use http::{HeaderMap, HeaderName};

/// What `If-Match` or `If-None-Match` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `*`: any state.
    Any,
    /// One of these tags, quotes included.
    OneOf(Vec<Vec<u8>>),
}

/// A condition that is neither `*` nor a list of entity tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl Condition {
    /// Reads the condition in a header; `None` if the header is absent. Several lines count as one list.
    pub fn read(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Condition>, Malformed> {
        let lines: Vec<&[u8]> = headers.get_all(name).iter().map(|value| value.as_bytes()).collect();
        if lines.is_empty() {
            return Ok(None);
        }
        let list = lines.join(&b","[..]);
        let list = list.trim_ascii();
        if list == b"*" {
            return Ok(Some(Condition::Any));
        }
        tags(list).map(|tags| Some(Condition::OneOf(tags))).ok_or(Malformed)
    }

    /// Whether the condition includes this tag, quotes included.
    pub fn names(&self, tag: &[u8]) -> bool {
        match self {
            Condition::Any => true,
            Condition::OneOf(tags) => tags.iter().any(|it| it == tag),
        }
    }
}

/// The tags of a list without `W/`; `None` if the list is malformed. Empty items are ignored.
fn tags(mut list: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut tags = Vec::new();
    loop {
        list = list.trim_ascii_start();
        list = match list {
            [] => break,
            [b',', rest @ ..] => rest,
            _ => {
                let quoted = list.strip_prefix(b"W/").unwrap_or(list);
                let rest = quoted.strip_prefix(b"\"")?;
                let length = rest.iter().position(|byte| *byte == b'"')?;
                let opaque = |byte: &u8| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..);
                if !rest[..length].iter().all(opaque) {
                    return None;
                }
                tags.push(quoted[..length + 2].to_vec());
                let after = rest[length + 1..].trim_ascii_start();
                match after {
                    [] => break,
                    [b',', rest @ ..] => rest,
                    _ => return None,
                }
            }
        };
    }
    (!tags.is_empty()).then_some(tags)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderValue, header::IF_MATCH};

    fn read(lines: &[&[u8]]) -> Result<Option<Condition>, Malformed> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(IF_MATCH, HeaderValue::from_bytes(line).expect("a header value"));
        }
        Condition::read(&headers, &IF_MATCH)
    }

    #[test]
    fn a_condition_is_a_star_or_a_list_of_tags() {
        assert_eq!(read(&[]), Ok(None));
        for any in ["*", " * "] {
            assert_eq!(read(&[any.as_bytes()]), Ok(Some(Condition::Any)), "{any:?}");
        }
        type Bytes<'a> = &'a [&'a [u8]];
        let table: [(Bytes<'_>, Bytes<'_>); 10] = [
            (&[b"\"1\""], &[b"\"1\""]),
            (&[b"W/\"1\""], &[b"\"1\""]),
            (&[b"\"1\",\"2\""], &[b"\"1\"", b"\"2\""]),
            (&[b"\"1\" ,\t W/\"2\""], &[b"\"1\"", b"\"2\""]),
            (&[b"\"1\"", b"\"2\""], &[b"\"1\"", b"\"2\""]),
            (&[b", ,\"1\",,"], &[b"\"1\""]),
            (&[b"", b"\"1\""], &[b"\"1\""]),
            (&[b"\"\""], &[b"\"\""]),
            (&[b"\"1,2\""], &[b"\"1,2\""]),
            (&[b"\"\xc3\xa4'\\\""], &[b"\"\xc3\xa4'\\\""]),
        ];
        for (lines, tags) in table {
            let tags = tags.iter().map(|tag| tag.to_vec()).collect();
            assert_eq!(read(lines), Ok(Some(Condition::OneOf(tags))), "{lines:?}");
        }
    }

    #[test]
    fn anything_else_is_malformed() {
        let table: [&[&[u8]]; 13] = [
            &[b""],
            &[b","],
            &[b"1"],
            &[b"\"1"],
            &[b"1\""],
            &[b"\"1\" \"2\""],
            &[b"\"1\"x"],
            &[b"w/\"1\""],
            &[b"W/ \"1\""],
            &[b"*, \"1\""],
            &[b"*", b"*"],
            &[b"\"a b\""],
            &[b"\"1\";"],
        ];
        for lines in table {
            assert_eq!(read(lines), Err(Malformed), "{lines:?}");
        }
    }

    #[test]
    fn a_star_names_every_state_and_a_list_those_in_it() {
        assert!(Condition::Any.names(b"\"7\""));
        let list = Condition::OneOf(vec![b"\"1\"".to_vec(), b"\"7\"".to_vec()]);
        assert!(list.names(b"\"7\"") && !list.names(b"\"8\"") && !list.names(b"7"));
    }
}

//! Makes an answer small enough for a model: long strings and lists are cut and marked, and as many items are kept as
//! fit. Whoever asks for the next cursor gets the rest.

use super::Tool;
use serde_json::Value;
use std::collections::BTreeSet;

/// Greatest size of the items of an answer, in bytes of JSON. The rest of a result is for the text and the labels.
const ITEMS_MAX_BYTES: usize = 13_000;
/// Longest string in characters and longest list, from the gentlest cut to the hardest.
const LEVELS: [(usize, usize); 5] = [(4_000, 100), (1_000, 50), (250, 10), (60, 3), (60, 1)];

/// Paths of what was cut.
pub(super) type Cut = BTreeSet<String>;

/// The items that fit.
pub(super) struct Shrunk {
    pub(super) items: Vec<Value>,
    pub(super) cut: Cut,
}

/// Keeps the first items, cut as little as lets one of them in.
pub(super) fn list(tool: &Tool, mut items: Vec<Value>) -> Shrunk {
    let at = if tool.lists { "data[]" } else { "data" };
    for members in items.iter_mut().filter_map(Value::as_object_mut) {
        for name in tool.leaves_out {
            members.shift_remove(*name);
        }
    }
    for level in LEVELS {
        let shrunk = fit(&items, level, at);
        if !shrunk.items.is_empty() || items.is_empty() {
            return shrunk;
        }
    }
    // No resource is so large; if one ever is, those after it can still be read.
    Shrunk { items: vec![Value::Null], cut: Cut::from([at.to_owned()]) }
}

fn fit(items: &[Value], level: (usize, usize), at: &str) -> Shrunk {
    let mut shrunk = Shrunk { items: Vec::new(), cut: Cut::new() };
    let mut left = ITEMS_MAX_BYTES;
    for item in items {
        let mut item = item.clone();
        let mut cut = Cut::new();
        trim(&mut item, level, at, &mut cut);
        // And a comma.
        let size = item.to_string().len() + 1;
        if size > left {
            break;
        }
        left -= size;
        shrunk.items.push(item);
        shrunk.cut.append(&mut cut);
    }
    shrunk
}

/// Cuts what is too long in a value; returns whether the value itself is a string that was cut.
fn trim(value: &mut Value, level: (usize, usize), at: &str, cut: &mut Cut) -> bool {
    let (chars, items) = level;
    match value {
        Value::String(text) => {
            let Some((end, _)) = text.char_indices().nth(chars) else { return false };
            let all = text.chars().count();
            text.truncate(end);
            text.push_str(&format!("… [cut: {chars} of {all} characters]"));
            cut.insert(at.to_owned());
            return true;
        }
        Value::Array(list) => {
            if list.len() > items {
                list.truncate(items);
                cut.insert(at.to_owned());
            }
            let at = format!("{at}[]");
            for item in list {
                trim(item, level, &at, cut);
            }
        }
        Value::Object(members) => {
            let mut shortened = false;
            for (name, member) in members.iter_mut() {
                shortened |= trim(member, level, &format!("{at}.{name}"), cut);
            }
            if let (true, Some(truncated)) = (shortened, members.get_mut("truncated")) {
                *truncated = true.into();
            }
        }
        _ => {}
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_long_text_is_cut_between_characters_and_marked() {
        let mut message =
            json!({ "body_text": "ü".repeat(70), "truncated": false, "author": { "name": "x".repeat(60) } });
        let mut cut = Cut::new();
        trim(&mut message, (60, 3), "data[]", &mut cut);
        let text = message["body_text"].as_str().unwrap_or_default();
        assert_eq!(text, format!("{}… [cut: 60 of 70 characters]", "ü".repeat(60)));
        assert_eq!((&message["truncated"], message["author"]["name"].as_str().map(str::len)), (&json!(true), Some(60)));
        assert_eq!(cut.into_iter().collect::<Vec<_>>(), ["data[].body_text"]);
    }

    #[test]
    fn as_many_items_are_kept_as_fit_and_never_none() {
        let items = vec![json!({ "text": "x".repeat(4_000) }); 10];
        let shrunk = fit(&items, LEVELS[0], "data[]");
        assert_eq!((shrunk.items.len(), shrunk.cut.len()), (3, 0));
        let wide = vec![json!({ "texts": vec!["\u{1}".repeat(4_000); 100] }); 2];
        assert!(fit(&wide, LEVELS[0], "data[]").items.is_empty());
        let shrunk = fit(&wide, LEVELS[2], "data[]");
        assert!(!shrunk.items.is_empty() || !fit(&wide, LEVELS[3], "data[]").items.is_empty());
    }
}

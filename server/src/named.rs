//! Finds what an operator names by its name or address instead of its id.

use crate::error::{Error, Result};
use inboxops_proto::id;
use serde_json::Value;

/// Whether the words are an id, which needs no search.
pub(crate) fn is_id(words: &str) -> bool {
    id::parse(words).is_ok()
}

/// The id of the only one of `all` that has the words, letter case aside, as one of these members. `kind` says what is
/// looked for.
pub(crate) fn only(kind: &str, words: &str, all: &[Value], members: &[&str]) -> Result<String> {
    let folded = words.trim().to_lowercase();
    let has = |one: &&Value| {
        let mut texts = members.iter().filter_map(|member| one[*member].as_str());
        texts.any(|text| text.to_lowercase() == folded)
    };
    let ids: Vec<&str> = all.iter().filter(has).filter_map(|one| one["id"].as_str()).collect();
    match ids[..] {
        [id] => Ok(id.to_owned()),
        [] => Err(Error::NotNamed {
            message: format!("there is no {kind} {words:?}; name it by its id or its {}", ways(members)),
        }),
        _ => Err(Error::NotNamed {
            message: format!("more than one {kind} is {words:?}; name one by its id: {}", ids.join(", ")),
        }),
    }
}

/// What the members are called, for people.
fn ways(members: &[&str]) -> String {
    let words = members.iter().map(|member| match *member {
        "email_address" => "address",
        "url" => "URL",
        other => other,
    });
    words.collect::<Vec<_>>().join(" or its ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_name_or_an_address_stands_for_the_only_one_that_has_it() {
        let all = [
            json!({"id": "1", "name": "Support", "email_address": "s@example.com"}),
            json!({"id": "2", "name": "Sales", "email_address": null}),
            json!({"id": "3", "name": "SALES", "email_address": "Support@example.com"}),
        ];
        let find = |words| only("inbox", words, &all, &["name", "email_address"]).map_err(|error| error.to_string());
        assert_eq!(find("support"), Ok("1".to_owned()));
        assert_eq!(find("support@EXAMPLE.com"), Ok("3".to_owned()));
        assert_eq!(find("x"), Err("there is no inbox \"x\"; name it by its id or its name or its address".to_owned()));
        assert_eq!(find("sales"), Err("more than one inbox is \"sales\"; name one by its id: 2, 3".to_owned()));
        assert!(is_id("019ab5f0-0000-7000-8000-000000000001") && !is_id("Support") && !is_id(""));
    }
}

//! The index that the pages search in: a list of all parts of all guides with their words.

use crate::markdown::Rendered;
use serde_json::{Value, json};

/// The parts of one guide: its title, their titles, addresses and words.
pub(crate) fn parts(address: &str, rendered: &Rendered) -> Vec<Value> {
    let parts = rendered.sections.iter().map(|section| {
        let url = if section.level == 1 { address.to_owned() } else { format!("{address}#{}", section.id) };
        let words = section.text.split_whitespace().collect::<Vec<_>>().join(" ");
        json!({ "page": rendered.title, "title": section.title, "url": url, "text": words })
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::markdown::{Around, render};

    #[test]
    fn each_part_is_found_at_its_own_address() {
        let around = Around { link: &|named| Ok(named.to_owned()), operation: &|_| None };
        let rendered = render("# Paging\n\nOne\n\n## Cursors\n\nA `cursor`\ngoes on.\n", &around);
        assert_eq!(
            Value::from(parts("/docs/paging", &rendered)),
            json!([
                { "page": "Paging", "title": "Paging", "url": "/docs/paging", "text": "One" },
                { "page": "Paging", "title": "Cursors", "url": "/docs/paging#cursors", "text": "A cursor goes on." },
            ])
        );
    }
}

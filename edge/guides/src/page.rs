//! The HTML around a guide: head, navigation, contents, and the guides before and after it.

use crate::{
    html::escape,
    markdown::{Rendered, Section},
    site::Guide,
};

const TEMPLATE: &str = include_str!("../assets/page.html");
/// Fewest parts of a page for which its contents are listed.
const CONTENTS_MIN: usize = 3;

/// A page for a rendered guide; `all` are the guides in their order.
pub(crate) fn html(all: &[(Guide, String)], at: usize, rendered: &Rendered) -> String {
    let here = &all[at].0;
    let before = at.checked_sub(1).and_then(|before| all.get(before));
    fill(&[
        ("title", &escape(&rendered.title)),
        ("navigation", &navigation(all, Some(here.name))),
        ("article", &rendered.html),
        ("contents", &contents(&rendered.sections)),
        ("before", &before.map_or(String::new(), |it| neighbour("prev", "Before", it))),
        ("after", &all.get(at + 1).map_or(String::new(), |it| neighbour("next", "Next", it))),
    ])
}

/// The page for an address that none of the guides has.
pub(crate) fn missing(all: &[(Guide, String)]) -> String {
    fill(&[
        ("title", "No such page"),
        ("navigation", &navigation(all, None)),
        (
            "article",
            "<h1>No such page</h1>\n<p>There is no guide at this address. The navigation lists all of them, the search \
             finds words in them, and <a href=\"/docs\">the first page</a> says where to begin.</p>\n",
        ),
        ("contents", ""),
        ("before", ""),
        ("after", ""),
    ])
}

/// The template with its parts. Each is filled in once, so that a text may contain what looks like a part.
fn fill(parts: &[(&str, &str)]) -> String {
    let mut html = String::new();
    let mut rest = TEMPLATE;
    while let Some((before, after)) = rest.split_once("{{") {
        html.push_str(before);
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        html.push_str(parts.iter().find(|(part, _)| *part == name).map_or("", |(_, text)| *text));
        rest = after;
    }
    html + rest
}

fn navigation(all: &[(Guide, String)], here: Option<&str>) -> String {
    let mut html = String::new();
    for same in all.chunk_by(|(one, _), (other, _)| one.group == other.group) {
        let group = same.first().map_or("", |(guide, _)| guide.group);
        html.push_str(&format!("<h2>{}</h2>\n<ul>\n", escape(group)));
        for (guide, title) in same {
            let current = if here == Some(guide.name) { " aria-current=\"page\"" } else { "" };
            let address = guide.address();
            html.push_str(&format!("<li><a href=\"{address}\"{current}>{}</a></li>\n", escape(title)));
        }
        html.push_str("</ul>\n");
    }
    html
}

fn contents(sections: &[Section]) -> String {
    let parts: Vec<&Section> = sections.iter().filter(|section| section.level == 2).collect();
    if parts.len() < CONTENTS_MIN {
        return String::new();
    }
    let rows =
        parts.iter().map(|part| format!("<li><a href=\"#{}\">{}</a></li>\n", escape(&part.id), escape(&part.title)));
    format!(
        "<nav class=\"contents\" aria-label=\"On this page\">\n<h2>On this page</h2>\n<ul>\n{}</ul>\n</nav>",
        rows.collect::<String>()
    )
}

fn neighbour(relation: &str, word: &str, (guide, title): &(Guide, String)) -> String {
    let address = guide.address();
    format!("<a rel=\"{relation}\" href=\"{address}\"><small>{word}</small> {}</a>", escape(title))
}

//! Removes everything from HTML that could run, load or change the layout. It keeps marks that `html/seen.rs` needs to
//! know what a reader sees; that file removes them.

use super::{css, link};
use ammonia::{Builder, UrlRelative};
use std::{borrow::Cow, collections::HashSet, sync::LazyLock};

/// Greatest number of elements that formatting tags may produce: the parser reopens an open one in every later block.
const REMADE_MAX: usize = 1_000_000;

/// Elements whose content no reader sees: titles, and what Office writes for itself.
const UNSEEN: [&str; 14] = [
    "title",
    "xml",
    "template",
    "noembed",
    "noframes",
    "o:officedocumentsettings",
    "w:worddocument",
    "w:latentstyles",
    "m:mathpr",
    "o:shapedefaults",
    "o:shapelayout",
    "v:shapetype",
    "o:documentproperties",
    "x:excelworkbook",
];
/// Elements that separate or hide text and are not shown themselves.
pub(crate) const UNWRAPPED: [&str; 12] = [
    "section", "main", "address", "fieldset", "legend", "label", "button", "form", "menu", "dialog", "search", "tfoot",
];
/// Attributes that are kept only because they say what is hidden.
pub(crate) const MARKS: [&str; 4] = ["style", "hidden", "class", "id"];

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut cleaner = Builder::default();
    // A note is read inside our pages: links open in a new window without a referrer, and remote pictures are left out.
    cleaner.link_rel(Some("noopener noreferrer nofollow")).strip_comments(true);
    let mut attributes = cleaner.clone_tag_attributes();
    attributes.insert("img", HashSet::from(["alt"]));
    cleaner.tag_attributes(attributes).add_clean_content_tags(UNSEEN).add_tags(UNWRAPPED);
    cleaner.add_generic_attributes(MARKS);
    cleaner.url_relative(UrlRelative::Custom(Box::new(absolute)));
    cleaner.attribute_filter(|_, attribute, value| match attribute {
        "style" => css::mark(value).map(Cow::Borrowed),
        _ => Some(Cow::Borrowed(value)),
    });
    cleaner
});

fn absolute(url: &str) -> Option<Cow<'_, str>> {
    link::absolute(url).map(Cow::Owned)
}

/// The HTML without anything that is not on the list, marks included.
pub(crate) fn cleaned(html: &str) -> String {
    // Read through a reader, because that feeds the parser small pieces: its work for an entity grows with the piece.
    let clean = CLEANER.clean_from_reader(tame(html).as_bytes());
    clean.map(|clean| clean.to_string()).unwrap_or_default()
}

/// Formatting elements that are shown. The parser reopens them in each later block, at most three times for those
/// without attributes. `a` never stays open beside another.
const FORMATTING: [&str; 10] = ["b", "code", "em", "i", "s", "small", "strike", "strong", "tt", "u"];
/// Formatting elements that the allow-list drops.
const DROPPED: [&str; 2] = ["big", "font"];

/// The same HTML, changed so that cleaning needs memory and time in proportion to its length: formatting tags that
/// could multiply become `span`. It works on bytes, so that nothing can hide a tag from it.
fn tame(html: &str) -> Cow<'_, str> {
    let mut tags = 0;
    let mut formatting = Vec::new();
    let mut dropped = Vec::new();
    for (at, _) in html.match_indices('<') {
        tags += 1;
        let rest = &html.as_bytes()[at + 1..];
        let (start, rest) = rest.strip_prefix(b"/").map_or((at + 1, rest), |rest| (at + 2, rest));
        let is = |name: &str, bare: bool| {
            rest.len() > name.len()
                && rest[..name.len()].eq_ignore_ascii_case(name.as_bytes())
                && (rest[name.len()].is_ascii_whitespace()
                    || rest[name.len()] == b'/'
                    || bare && rest[name.len()] == b'>')
        };
        let opens = start == at + 1;
        formatting.extend(FORMATTING.iter().find(|name| opens && is(name, false)).map(|name| (start, name.len())));
        // Their end tags, too: a style that hides must not reach beyond them.
        dropped.extend(DROPPED.iter().find(|name| is(name, true)).map(|name| (start, name.len())));
    }
    if formatting.len() * tags > REMADE_MAX {
        dropped.append(&mut formatting);
        dropped.sort_unstable();
    }
    if dropped.is_empty() {
        return Cow::Borrowed(html);
    }
    let mut tamed = String::with_capacity(html.len() + 4 * dropped.len());
    let mut from = 0;
    for (at, len) in dropped {
        tamed += &html[from..at];
        tamed += "span";
        from = at + len;
    }
    tamed += &html[from..];
    Cow::Owned(tamed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_could_multiply_become_plain_ones() {
        let hostile = (0..2_000).map(|at| format!("<B a={at}>")).collect::<String>() + &"<p>".repeat(2_000);
        assert!(tame(&hostile).starts_with("<span a=0><span a=1>"));
        assert_eq!(tame("<b a=1>x</b><br/><font size=1>"), "<b a=1>x</b><br/><span size=1>");
        assert_eq!(tame("<FONT>x</font ><big>y</big>"), "<span>x</span ><span>y</span>");
    }
}

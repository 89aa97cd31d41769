//! The bodies of messages: cleans HTML by an allow-list, and derives text and HTML from each other when one is missing.
//! It knows no noun.

mod clean;
mod css;
mod link;
mod seen;
mod text;

use seen::Words;
use text::{AnyWord, Text};

/// Greatest size of a body that is kept, in bytes.
pub(crate) const BODY_MAX_BYTES: usize = 256 * 1024;
/// Greatest size of HTML that is cleaned, in bytes; the rest is cut off.
const DIRTY_MAX_BYTES: usize = 512 * 1024;
/// Greatest number of tags that are cleaned: the parser's work for a tag grows with its depth.
const TAGS_MAX: usize = 10_000;

/// The two bodies of a message, safe to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bodies {
    /// Plain text.
    pub(crate) text: String,
    /// Clean HTML.
    pub(crate) html: String,
    /// Whether something was cut because it was too long.
    pub(crate) truncated: bool,
}

/// Cleans the bodies and derives a missing one. `None` if nothing readable is left.
pub(crate) fn bodies(text: Option<&str>, html: Option<&str>) -> Option<Bodies> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    let dirty = html.map(within_bounds);
    let truncated = html.map(str::len) != dirty.map(str::len);
    let (text, html) = match text {
        Some(text) => (text.to_owned(), dirty.and_then(readable).unwrap_or_else(|| marked_up(text))),
        None => dirty.map(clean).filter(|(text, _)| !text.is_empty())?,
    };
    Some(Bodies { text, html, truncated })
}

/// The text that a reader sees of HTML.
pub(crate) fn text_of(html: &str) -> String {
    clean(within_bounds(html)).0
}

/// The bodies of a mail, each within [`BODY_MAX_BYTES`], with a line for each of `files` at the end. Both may be empty.
pub(crate) fn mail_bodies(text: Option<&str>, html: Option<&str>, files: &[String]) -> Bodies {
    let lines = files.iter().map(|file| format!("\n{file}")).collect::<String>();
    let tail = if files.is_empty() { String::new() } else { marked_up(&lines) };
    let room = BODY_MAX_BYTES.saturating_sub(lines.len() + 2).min(BODY_MAX_BYTES.saturating_sub(tail.len()));
    let short = text.map(|text| cut(text, room));
    let mut bodies = bodies(short, html).unwrap_or_default();
    let (fitting, html_cut) = fit(bodies.html, room);
    bodies.html = fitting + &tail;
    bodies.truncated |= html_cut || bodies.text.len() > room || short.map(str::len) != text.map(str::len);
    bodies.text.truncate(bodies.text.floor_char_boundary(room));
    if !files.is_empty() && !bodies.text.is_empty() {
        bodies.text.push('\n');
    }
    bodies.text.push_str(if bodies.text.is_empty() { lines.trim_start() } else { &lines });
    bodies
}

/// Clean HTML of at most `room` bytes, and whether it had to be cut.
fn fit(html: String, room: usize) -> (String, bool) {
    if html.len() <= room {
        return (html, false);
    }
    // Cutting leaves tags open, and closing them takes space again.
    let tries = [room, room / 2, room / 4].into_iter().map(|size| clean(cut(&html, size)).1);
    (tries.into_iter().find(|html| html.len() <= room).unwrap_or_default(), true)
}

/// Clean HTML, cut and cleaned again so that it takes at most `room`; `prefix` is the beginning of a text that does.
pub(crate) fn shortened(html: &str, room: usize, prefix: fn(&str, usize) -> &str) -> String {
    // Cutting leaves tags open, and closing them takes space again.
    let tries = [room, room / 2, room / 4].into_iter().map(|size| clean(prefix(html, size)).1);
    tries.into_iter().find(|html| prefix(html, room).len() == html.len()).unwrap_or_default()
}

fn cut(text: &str, size: usize) -> &str {
    &text[..text.floor_char_boundary(size)]
}

fn end_of_tags(html: &str) -> usize {
    html.match_indices('<').nth(TAGS_MAX).map_or(html.len(), |(at, _)| at)
}

fn within_bounds(html: &str) -> &str {
    cut(html, end_of_tags(html).min(DIRTY_MAX_BYTES))
}

/// The plain text of HTML, and the part of the HTML that a reader sees.
fn clean(html: &str) -> (String, String) {
    let (html, text) = visible(html, Text::default());
    (text.end(), html)
}

/// The part of HTML that a reader sees, if it contains a word. Does not make its text.
fn readable(html: &str) -> Option<String> {
    let (html, word) = visible(html, AnyWord::default());
    word.found.then_some(html)
}

fn visible<W: Words>(html: &str, words: W) -> (String, W) {
    seen::seen(&clean::cleaned(html), &css::hidden_by(html), words)
}

/// Whether [`clean`] and [`readable`] agree that HTML contains a word; for tests.
#[cfg(any(test, fuzzing))]
pub(crate) fn is_readable_alike(html: &str) -> bool {
    let html = within_bounds(html);
    let is_empty = clean(html).0.is_empty();
    readable(html).is_none() == is_empty
}

/// HTML for plain text: a paragraph for each block, a break for each line.
pub(crate) fn marked_up(text: &str) -> String {
    let normal = text.replace("\r\n", "\n");
    let blocks = normal.split("\n\n").map(str::trim).filter(|block| !block.is_empty());
    blocks.map(|block| format!("<p>{}</p>", escaped(block).replace('\n', "<br>"))).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_and_handlers_do_not_survive() {
        let hostile = r#"<p onclick="x()">Hi <script>alert(1)</script><a href="javascript:x()">there</a><img src=x onerror=y></p>"#;
        let bodies = bodies(None, Some(hostile)).unwrap();
        assert_eq!(bodies.html, r#"<p>Hi <a rel="noopener noreferrer nofollow">there</a></p>"#);
        assert_eq!(bodies.text, "Hi there");
    }

    #[test]
    fn html_beside_a_text_counts_when_a_reader_sees_something() {
        let link = |text: &str| format!("<p><a href=\"https://example.com/\">{text}</a></p>");
        let empty = ["<p>\u{a0}\u{200b}</p>".to_owned(), "<p hidden>x</p>".to_owned(), link(" "), link("")];
        let full = ["<p>x</p>".to_owned(), link("x"), link("\u{200b}"), "<img alt=x>".to_owned()];
        for (html, is_full) in empty.map(|it| (it, false)).into_iter().chain(full.map(|it| (it, true))) {
            assert!(is_readable_alike(&html), "{html}");
            assert_eq!(bodies(Some("said"), Some(&html)).unwrap().html != "<p>said</p>", is_full, "{html}");
        }
    }

    #[test]
    fn nothing_to_read_is_none() {
        for html in ["", " ", "<p> </p>", "<script>x</script>", "<!-- x -->", "<p>\u{a0}</p>"] {
            assert_eq!(bodies(None, Some(html)), None, "{html}");
        }
        assert_eq!(bodies(Some(" \n"), None), None);
    }

    #[test]
    fn each_is_derived_from_the_other() {
        let from_text = bodies(Some("a < b\nnext\n\nlast & \"done\""), None).unwrap();
        assert_eq!(from_text.html, "<p>a &lt; b<br>next</p><p>last &amp; &quot;done&quot;</p>");
        let from_html = bodies(None, Some("<p>a &lt; b<br>next</p><ul><li>one</li><li>&amp;amp;</li></ul>")).unwrap();
        assert_eq!(from_html.text, "a < b\nnext\none\n&amp;");
    }

    #[test]
    fn text_that_was_given_stays_as_it_is() {
        let both = bodies(Some("plain"), Some("<b>rich</b>")).unwrap();
        assert_eq!((both.text.as_str(), both.html.as_str()), ("plain", "<b>rich</b>"));
    }

    #[test]
    fn no_more_tags_are_looked_at_than_a_parser_can_bear() {
        let many = "<p>x".repeat(TAGS_MAX + 1);
        let cut = bodies(None, Some(&many)).unwrap();
        assert!(cut.truncated && cut.html.matches("<p>").count() == TAGS_MAX);
    }

    #[test]
    fn the_bodies_of_a_mail_fit_and_say_that_they_were_cut() {
        for (text, html) in [
            ("x".repeat(300_000), String::new()),
            ("<".repeat(200_000), String::new()),
            (String::new(), "<b>x".repeat(TAGS_MAX + 1)),
            ("x".into(), format!("<p>{}</p>", "&amp;".repeat(60_000))),
        ] {
            let bodies = mail_bodies(Some(&text), Some(&html), &["[file]".to_owned()]);
            assert!(bodies.text.len() <= BODY_MAX_BYTES && bodies.html.len() <= BODY_MAX_BYTES);
            assert!(bodies.text.ends_with("[file]") && bodies.html.ends_with("<p>[file]</p>"));
            assert!(bodies.truncated);
        }
        let small = mail_bodies(Some("x"), None, &[]);
        assert_eq!((small.text.as_str(), small.html.as_str(), small.truncated), ("x", "<p>x</p>", false));
    }
}

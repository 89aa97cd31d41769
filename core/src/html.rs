//! The bodies of messages: HTML is cleaned by an allow-list, and text and HTML are derived from each other when one
//! is missing. It knows no noun.

use ammonia::Builder;
use std::{borrow::Cow, sync::LazyLock};

/// Greatest size of a body that is kept, in bytes.
pub const BODY_MAX_BYTES: usize = 256 * 1024;
/// Greatest size of HTML that is cleaned, in bytes; what follows is cut off.
const DIRTY_MAX_BYTES: usize = 512 * 1024;
/// Greatest number of tags that are cleaned: what a parser does for one grows with the depth that it stands in.
const TAGS_MAX: usize = 10_000;
/// Greatest number of elements that formatting tags may make: an open one is made again in every block after it.
const REMADE_MAX: usize = 1_000_000;

/// The two bodies of a message, safe to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bodies {
    /// Plain text.
    pub text: String,
    /// Clean HTML.
    pub html: String,
    /// Whether something was too long and was cut.
    pub truncated: bool,
}

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut cleaner = Builder::default();
    // A note is read inside our pages: links open elsewhere and give nothing away, pictures of strangers stay out.
    cleaner.link_rel(Some("noopener noreferrer nofollow")).rm_tags(["img"]).strip_comments(true);
    cleaner
});

/// Cleans what came and derives what is missing. `None` when nothing is left to read.
pub fn bodies(text: Option<&str>, html: Option<&str>) -> Option<Bodies> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    let dirty = html.map(|html| cut(html, end_of_tags(html).min(DIRTY_MAX_BYTES)));
    let truncated = html.map(str::len) != dirty.map(str::len);
    let readable = dirty.map(clean).filter(|html| !plain(html).is_empty());
    let (text, html) = match (text, readable) {
        (Some(text), Some(html)) => (text.to_owned(), html),
        (Some(text), None) => (text.to_owned(), marked_up(text)),
        (None, Some(html)) => (plain(&html), html),
        (None, None) => return None,
    };
    Some(Bodies { text, html, truncated })
}

/// The bodies of a mail, each within [`BODY_MAX_BYTES`], with a line for each of `files` at their ends. A mail may say
/// nothing at all.
pub fn mail_bodies(text: Option<&str>, html: Option<&str>, files: &[String]) -> Bodies {
    let lines = files.iter().map(|file| format!("\n{file}")).collect::<String>();
    let tail = if files.is_empty() { String::new() } else { marked_up(&lines) };
    let room = BODY_MAX_BYTES.saturating_sub(lines.len() + 2).min(BODY_MAX_BYTES.saturating_sub(tail.len()));
    let short = text.map(|text| cut(text, room));
    let mut bodies = bodies(short, html).unwrap_or_default();
    let (fitting, html_cut) = fit(&bodies.html, room);
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
fn fit(html: &str, room: usize) -> (String, bool) {
    if html.len() <= room {
        return (html.to_owned(), false);
    }
    // Cutting leaves tags open, and closing them takes room again.
    let tries = [room, room / 2, room / 4].into_iter().map(|size| clean(cut(html, size)));
    (tries.into_iter().find(|html| html.len() <= room).unwrap_or_default(), true)
}

fn cut(text: &str, size: usize) -> &str {
    &text[..text.floor_char_boundary(size)]
}

fn end_of_tags(html: &str) -> usize {
    html.match_indices('<').nth(TAGS_MAX).map_or(html.len(), |(at, _)| at)
}

fn clean(html: &str) -> String {
    // By a reader, since that feeds the parser small pieces: what it does for an entity grows with the piece.
    let clean = CLEANER.clean_from_reader(tame(html).as_bytes());
    clean.map(|clean| clean.to_string()).unwrap_or_default()
}

/// Formatting elements that we show. The parser makes an open one again in each block after it, but those without
/// attributes only three times each; `a` never stays open beside another.
const FORMATTING: [&str; 10] = ["b", "code", "em", "i", "s", "small", "strike", "strong", "tt", "u"];
/// Formatting elements that the allow-list drops anyway.
const DROPPED: [&str; 2] = ["big", "font"];

/// The same HTML, made so that cleaning it takes memory and time in proportion: where formatting tags could multiply,
/// they become `span`. It looks at bytes alone, so that nothing can hide a tag from it.
fn tame(html: &str) -> Cow<'_, str> {
    let (mut tags, mut formatting, mut dropped) = (0, Vec::new(), Vec::new());
    for (at, _) in html.match_indices('<') {
        tags += 1;
        let rest = &html.as_bytes()[at + 1..];
        let is = |name: &&str| {
            rest.len() > name.len()
                && rest[..name.len()].eq_ignore_ascii_case(name.as_bytes())
                && (rest[name.len()].is_ascii_whitespace() || rest[name.len()] == b'/')
        };
        let found = |names: &[&'static str]| names.iter().find(|name| is(name)).map(|name| (at + 1, name.len()));
        formatting.extend(found(&FORMATTING));
        dropped.extend(found(&DROPPED));
    }
    if formatting.len() * tags > REMADE_MAX {
        dropped.append(&mut formatting);
        dropped.sort_unstable();
    }
    if dropped.is_empty() {
        return Cow::Borrowed(html);
    }
    let (mut tamed, mut from) = (String::with_capacity(html.len() + 4 * dropped.len()), 0);
    for (at, len) in dropped {
        tamed += &html[from..at];
        tamed += "span";
        from = at + len;
    }
    tamed += &html[from..];
    Cow::Owned(tamed)
}

/// The text of clean HTML: what a reader would see, block by block.
fn plain(clean: &str) -> String {
    let mut text = String::with_capacity(clean.len());
    let mut rest = clean;
    while let Some(start) = rest.find('<') {
        text.push_str(&rest[..start]);
        // The cleaner closes every tag it writes and escapes every other `<`.
        let end = rest[start..].find('>').map_or(rest.len(), |end| start + end + 1);
        let name: String =
            rest[start + 1..end].trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        if is_block(&name) && !text.ends_with('\n') && !text.is_empty() {
            text.push('\n');
        }
        rest = &rest[end..];
    }
    text.push_str(rest);
    unescape(&text).trim().to_owned()
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "p" | "br"
            | "div"
            | "li"
            | "ul"
            | "ol"
            | "tr"
            | "table"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "blockquote"
            | "pre"
            | "hr"
    )
}

/// Undoes the escapes that the cleaner writes.
fn unescape(text: &str) -> String {
    // `&amp;` last, or `&amp;lt;` would lose two layers.
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&nbsp;", "\u{a0}")
        .replace("&amp;", "&")
}

/// HTML of plain text: a paragraph for each block, a break for each line.
pub fn marked_up(text: &str) -> String {
    let escape =
        |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let normal = text.replace("\r\n", "\n");
    let blocks = normal.split("\n\n").map(str::trim).filter(|block| !block.is_empty());
    blocks.map(|block| format!("<p>{}</p>", escape(block).replace('\n', "<br>"))).collect()
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
    fn tags_that_could_multiply_become_plain_ones() {
        let hostile = (0..2_000).map(|at| format!("<B a={at}>")).collect::<String>() + &"<p>".repeat(2_000);
        assert!(tame(&hostile).starts_with("<span a=0><span a=1>"));
        assert_eq!(tame("<b a=1>x</b><br/><font size=1>"), "<b a=1>x</b><br/><span size=1>");
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

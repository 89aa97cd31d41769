//! The bodies of messages: HTML is cleaned by an allow-list, and text and HTML are derived from each other when one
//! is missing. It knows no noun.

use ammonia::Builder;
use std::sync::LazyLock;

/// The two bodies of a message, safe to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bodies {
    /// Plain text.
    pub text: String,
    /// Clean HTML.
    pub html: String,
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
    let clean = html.map(|html| CLEANER.clean(html).to_string());
    let readable = clean.filter(|html| !plain(html).is_empty());
    match (text, readable) {
        (Some(text), Some(html)) => Some(Bodies { text: text.to_owned(), html }),
        (Some(text), None) => Some(Bodies { text: text.to_owned(), html: marked_up(text) }),
        (None, Some(html)) => Some(Bodies { text: plain(&html), html }),
        (None, None) => None,
    }
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
fn marked_up(text: &str) -> String {
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
}

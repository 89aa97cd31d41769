//! Text as HTML: escapes, and the little Markdown that comments use.

use std::fmt::Write as _;

/// Text that cannot be taken for markup, in content and in quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            _ => out.push(letter),
        }
    }
    out
}

/// One line with `code` between backticks.
pub(super) fn line(text: &str) -> String {
    let mut out = String::new();
    for (index, part) in text.split('`').enumerate() {
        let _ =
            if index % 2 == 0 { write!(out, "{}", escape(part)) } else { write!(out, "<code>{}</code>", escape(part)) };
    }
    out
}

/// Paragraphs, lists and headings; `##` is a heading of this level.
pub(super) fn prose(text: &str, level: usize) -> String {
    let mut out = String::new();
    for block in text.split("\n\n").map(str::trim).filter(|block| !block.is_empty()) {
        if let Some(title) = block.strip_prefix("## ") {
            let _ = writeln!(out, "<h{level}>{}</h{level}>", line(title));
        } else if block.lines().all(|item| item.starts_with("- ")) {
            let items = block.lines().map(|item| format!("<li>{}</li>", line(item.trim_start_matches("- "))));
            let _ = writeln!(out, "<ul class=\"points\">{}</ul>", items.collect::<String>());
        } else {
            let _ = writeln!(out, "<p>{}</p>", line(&block.replace('\n', " ")));
        }
    }
    out
}

/// Code that scrolls by itself; the label says what it is to those who do not see it.
pub(super) fn code(label: &str, text: &str) -> String {
    format!(
        "<div class=\"box\"><pre tabindex=\"0\" role=\"group\" aria-label=\"{}\"><code>{}</code></pre></div>\n",
        escape(label),
        escape(text)
    )
}

/// Content behind a title, folded.
pub(super) fn fold(class: &str, title: &str, content: &str) -> String {
    format!("<details class=\"{class}\"><summary>{title}</summary>\n{content}</details>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_taken_for_markup() {
        assert_eq!(escape("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
        assert_eq!(line("`a<b` & c"), "<code>a&lt;b</code> &amp; c");
        assert!(!code("<", "</pre>").contains("</pre></code>"));
    }

    #[test]
    fn paragraphs_lists_and_headings_are_told_apart() {
        let made = prose("## Pages\n\nOne\ntwo `x`.\n\n- `a`: b\n- c", 3);
        let expected = "<h3>Pages</h3>\n<p>One two <code>x</code>.</p>\n\
                        <ul class=\"points\"><li><code>a</code>: b</li><li>c</li></ul>\n";
        assert_eq!(made, expected);
    }
}

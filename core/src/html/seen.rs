//! Makes what a reader sees of cleaned HTML: the HTML without hidden parts and marks, with the alternative texts of
//! pictures; and its plain text. Its input is the small exact grammar that the cleaner writes, and nothing else.

use super::{
    clean::{MARKS, UNWRAPPED},
    css,
};
use std::{borrow::Cow, collections::HashSet};

/// A sink for the words that a reader sees.
pub(crate) trait Words {
    /// Handles a start tag; `url` is the target of a link.
    fn open(&mut self, name: &str, url: Option<&str>);

    /// Handles an end tag.
    fn close(&mut self, name: &str);

    /// Handles text.
    fn letters(&mut self, text: &str);
}

/// The visible part of cleaned HTML; its words go to `words`. `hidden` are classes and ids that are not shown.
pub(crate) fn seen<W: Words>(cleaned: &str, hidden: &HashSet<String>, words: W) -> (String, W) {
    let html = String::with_capacity(cleaned.len());
    let mut reader = Reader { html, words, hidden, unseen: 0, sizeless: Vec::new() };
    let mut rest = cleaned;
    while let Some(start) = memchr::memchr(b'<', rest.as_bytes()) {
        reader.letters(&rest[..start]);
        let end = start + end_of_tag(&rest[start..]);
        reader.tag(&rest[start..end]);
        rest = &rest[end..];
    }
    reader.letters(rest);
    (reader.html, reader.words)
}

/// Length of a tag: a `>` inside a quoted value does not end it.
fn end_of_tag(tag: &str) -> usize {
    let mut quoted = false;
    for at in memchr::memchr2_iter(b'"', b'>', tag.as_bytes()) {
        match tag.as_bytes()[at] {
            b'"' => quoted = !quoted,
            _ if !quoted => return at + 1,
            _ => {}
        }
    }
    tag.len()
}

struct Reader<'a, W> {
    html: String,
    words: W,
    hidden: &'a HashSet<String>,
    /// Depth inside a hidden element.
    unseen: usize,
    /// For each open element, whether its letters have size zero.
    sizeless: Vec<bool>,
}

impl<W: Words> Reader<'_, W> {
    fn letters(&mut self, escaped: &str) {
        let sizeless = self.sizeless.last().is_some_and(|it| *it);
        if self.unseen == 0 && !sizeless && !escaped.is_empty() {
            self.html += escaped;
            self.words.letters(&unescaped(escaped));
        }
    }

    fn tag(&mut self, tag: &str) {
        let inner = tag.trim_start_matches('<').trim_end_matches('>');
        if let Some(name) = inner.strip_prefix('/') {
            return self.close(name);
        }
        let (name, attributes) = inner.split_at(inner.find(' ').unwrap_or(inner.len()));
        let attributes: Vec<_> = Attributes(attributes).collect();
        let is_void = is_void(name);
        if self.unseen > 0 || self.is_hidden(&attributes) {
            self.unseen += usize::from(!is_void);
            return;
        }
        let value = |name: &str| attributes.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
        if name == "img" {
            let words = value("alt").unwrap_or_default();
            // Text between tags needs more escapes than an attribute's value has.
            let words = unescaped(words);
            self.html += &super::escaped(&words);
            return self.words.letters(&words);
        }
        if !is_void {
            let above = self.sizeless.last().is_some_and(|it| *it);
            self.sizeless.push(match value("style") {
                Some(css::SIZELESS) => true,
                Some(css::SIZED) => false,
                _ => above,
            });
        }
        let url = value("href").map(unescaped);
        self.words.open(name, url.as_deref());
        if UNWRAPPED.contains(&name) {
            return;
        }
        self.html.push('<');
        self.html += name;
        for (attribute, value) in attributes.iter().filter(|(attribute, _)| !MARKS.contains(attribute)) {
            self.html.extend([" ", attribute, "=\"", value, "\""]);
        }
        self.html.push('>');
    }

    fn close(&mut self, name: &str) {
        if self.unseen > 0 {
            self.unseen -= 1;
            return;
        }
        self.sizeless.pop();
        self.words.close(name);
        if !UNWRAPPED.contains(&name) {
            self.html.extend(["</", name, ">"]);
        }
    }

    fn is_hidden(&self, attributes: &[(&str, &str)]) -> bool {
        attributes.iter().any(|(name, value)| match *name {
            "hidden" => true,
            "style" => *value == css::HIDDEN,
            "class" if !self.hidden.is_empty() => {
                value.split_ascii_whitespace().any(|it| self.hidden.contains(&format!(".{it}")))
            }
            "id" if !self.hidden.is_empty() => self.hidden.contains(&format!("#{value}")),
            _ => false,
        })
    }
}

/// Names and values as the cleaner writes them: ` name="value"`.
struct Attributes<'a>(&'a str);

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<(&'a str, &'a str)> {
        let (name, rest) = self.0.trim_start().split_once("=\"")?;
        let (value, rest) = rest.split_once('"')?;
        self.0 = rest;
        Some((name, value))
    }
}

fn is_void(name: &str) -> bool {
    matches!(name, "area" | "br" | "col" | "hr" | "img" | "wbr")
}

/// Reverses the escapes that the cleaner writes.
fn unescaped(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'&', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    // `&amp;` last; otherwise `&amp;lt;` would be unescaped twice.
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&nbsp;", "\u{a0}");
    Cow::Owned(text.replace("&amp;", "&"))
}

#[cfg(test)]
mod tests;

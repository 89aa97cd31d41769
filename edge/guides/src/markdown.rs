//! Markdown to HTML: headings with anchors, code with its language, tables that scroll, links to where they lead. It
//! knows neither files nor the other pages.

use crate::html::escape;
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html::push_html};
use std::collections::HashSet;

/// Languages whose neighbouring blocks say the same, so that a reader chooses one of them.
const ALTERNATIVES: [&str; 4] = ["sh", "ts", "python", "rust"];

/// What a text needs to know about the world around it.
pub(crate) struct Around<'a> {
    /// The address that a link leads to, or what is wrong with it.
    pub link: &'a dyn Fn(&str) -> Result<String, String>,
    /// Where the reference has the operation that inline code names.
    pub operation: &'a dyn Fn(&str) -> Option<String>,
}

/// A text as HTML.
#[derive(Default)]
pub(crate) struct Rendered {
    /// Text of the first heading.
    pub title: String,
    pub html: String,
    /// The parts below each heading, for the contents and for the search.
    pub sections: Vec<Section>,
    /// Addresses that the text leads to.
    pub links: Vec<String>,
    /// What is wrong with it.
    pub findings: Vec<String>,
}

/// What stands below a heading, up to the next one.
pub(crate) struct Section {
    pub id: String,
    pub title: String,
    /// 1 for the title of the page.
    pub level: u8,
    /// Its words, without code blocks.
    pub text: String,
}

/// Turns a text into HTML.
pub(crate) fn render(text: &str, around: &Around<'_>) -> Rendered {
    let mut writer = Writer {
        around,
        events: Vec::new(),
        code: Vec::new(),
        ids: HashSet::new(),
        depth: 0,
        made: Rendered::default(),
    };
    let mut parser = Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_HEADING_ATTRIBUTES);
    while let Some(event) = parser.next() {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let mut code = String::new();
                for inner in parser.by_ref() {
                    match inner {
                        Event::Text(part) => code.push_str(&part),
                        Event::End(TagEnd::CodeBlock) => break,
                        _ => {}
                    }
                }
                writer.code.push((language(&kind), code));
            }
            Event::Start(Tag::Heading { level, id, .. }) => {
                let mut inner = Vec::new();
                for event in parser.by_ref() {
                    match event {
                        Event::End(TagEnd::Heading(_)) => break,
                        event => inner.push(event),
                    }
                }
                writer.flush();
                writer.heading(level, id.map(|id| id.to_string()), inner);
            }
            event => {
                writer.flush();
                writer.event(event);
            }
        }
    }
    writer.flush();
    let Writer { events, mut made, .. } = writer;
    push_html(&mut made.html, events.into_iter());
    made
}

/// The first word after the fence; the rest is for tests.
fn language(kind: &CodeBlockKind<'_>) -> String {
    match kind {
        CodeBlockKind::Fenced(words) => words.split_whitespace().next().unwrap_or_default().to_owned(),
        CodeBlockKind::Indented => String::new(),
    }
}

struct Writer<'a, 'text> {
    around: &'a Around<'a>,
    events: Vec<Event<'text>>,
    /// Code blocks that follow each other.
    code: Vec<(String, String)>,
    ids: HashSet<String>,
    /// Links that are open: no link may be inside another.
    depth: usize,
    made: Rendered,
}

impl<'text> Writer<'_, 'text> {
    fn html(&mut self, html: String) {
        self.events.push(Event::Html(html.into()));
    }

    fn say(&mut self, words: &str) {
        if let Some(section) = self.made.sections.last_mut() {
            section.text.push_str(words);
        }
    }

    fn event(&mut self, event: Event<'text>) {
        match event {
            Event::Start(Tag::Link { dest_url, .. }) => {
                self.depth += 1;
                let address = self.follow(&dest_url);
                self.html(format!("<a href=\"{}\">", escape(&address)));
            }
            Event::End(TagEnd::Link) => {
                self.depth = self.depth.saturating_sub(1);
                self.html("</a>".to_owned());
            }
            Event::Start(Tag::Table(_)) => {
                let title = self.made.sections.last().map_or("", |section| &section.title);
                let label = escape(&format!("Table: {title}"));
                self.html(format!("<div class=\"table\" role=\"group\" tabindex=\"0\" aria-label=\"{label}\">\n"));
                // Alignments would become inline styles, which the policy of the pages refuses.
                self.events.push(Event::Start(Tag::Table(Vec::new())));
            }
            Event::End(TagEnd::Table) => {
                self.events.push(Event::End(TagEnd::Table));
                self.html("</div>\n".to_owned());
            }
            Event::Code(code) => {
                self.say(&code);
                let place = if self.depth == 0 { (self.around.operation)(&code) } else { None };
                match place {
                    Some(address) => {
                        self.made.links.push(address.clone());
                        self.html(format!("<a href=\"{}\"><code>{}</code></a>", escape(&address), escape(&code)));
                    }
                    None => self.events.push(Event::Code(code)),
                }
            }
            Event::Text(words) => {
                self.say(&words);
                self.events.push(Event::Text(words));
            }
            Event::Html(html) | Event::InlineHtml(html) => {
                // Comments are for those who edit.
                if !html.trim_start().starts_with("<!--") {
                    self.made.findings.push(format!("has HTML of its own: {}", html.trim()));
                }
            }
            Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock) => {}
            Event::Start(Tag::Image { dest_url, .. }) => {
                self.made.findings.push(format!("has a picture, and guides have none: {dest_url}"));
            }
            Event::End(TagEnd::Image) => {}
            event => {
                let ends_words = matches!(event, Event::SoftBreak | Event::HardBreak | Event::End(_))
                    && !matches!(event, Event::End(TagEnd::Emphasis | TagEnd::Strong));
                if ends_words {
                    self.say(" ");
                }
                self.events.push(event);
            }
        }
    }

    fn follow(&mut self, named: &str) -> String {
        match (self.around.link)(named) {
            Ok(address) => {
                // A link within the page is checked with the page's own address.
                self.made.links.push(address.clone());
                address
            }
            Err(finding) => {
                self.made.findings.push(finding);
                named.to_owned()
            }
        }
    }

    fn heading(&mut self, level: HeadingLevel, id: Option<String>, inner: Vec<Event<'text>>) {
        let mut title = String::new();
        for event in &inner {
            if let Event::Text(words) | Event::Code(words) = event {
                title.push_str(words);
            }
        }
        let id = self.own(id.unwrap_or_else(|| slug(&title)));
        let level = level as u8;
        let mut html = String::new();
        push_html(&mut html, inner.into_iter());
        if level == 1 {
            self.html(format!("<h1 id=\"{}\">{html}</h1>\n", escape(&id)));
            if self.made.title.is_empty() {
                self.made.title.clone_from(&title);
            } else {
                self.made.findings.push(format!("has a second title: {title}"));
            }
        } else {
            let label = escape(&format!("Link to “{title}”"));
            let anchor = escape(&id);
            self.html(format!(
                "<h{level} id=\"{anchor}\">{html} <a class=\"anchor\" href=\"#{anchor}\" aria-label=\"{label}\">#</a></h{level}>\n"
            ));
        }
        self.made.sections.push(Section { id, title, level, text: String::new() });
    }

    /// An id that no other heading of the page has.
    fn own(&mut self, wanted: String) -> String {
        let mut id = wanted.clone();
        let mut number = 0;
        while !self.ids.insert(id.clone()) {
            number += 1;
            id = format!("{wanted}-{number}");
        }
        id
    }

    /// Writes the code blocks that waited for a neighbour.
    fn flush(&mut self) {
        let blocks = std::mem::take(&mut self.code);
        let languages: HashSet<&str> = blocks.iter().map(|(language, _)| language.as_str()).collect();
        let alternatives = blocks.len() > 1
            && languages.len() == blocks.len()
            && languages.iter().all(|language| ALTERNATIVES.contains(language));
        let html: String = blocks.iter().map(|(language, code)| block(language, code)).collect();
        if alternatives {
            self.html(format!("<div class=\"codes\">\n{html}</div>\n"));
        } else if !html.is_empty() {
            self.html(html);
        }
    }
}

fn block(language: &str, code: &str) -> String {
    let name = match language {
        "sh" if code.contains("curl ") => "curl",
        "sh" => "Shell",
        "ts" => "TypeScript",
        "js" => "JavaScript",
        "python" => "Python",
        "rust" => "Rust",
        "go" => "Go",
        "json" => "JSON",
        "toml" => "TOML",
        "sql" => "SQL",
        _ => "Text",
    };
    format!(
        "<div class=\"code\" data-language=\"{}\"><p class=\"language\">{name}</p>\
         <pre tabindex=\"0\" role=\"group\" aria-label=\"{name}\"><code>{}</code></pre></div>\n",
        escape(language),
        escape(code),
    )
}

/// The anchor that GitHub gives a heading.
pub(crate) fn slug(title: &str) -> String {
    let kept = title.to_lowercase();
    let kept = kept.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_' | ' '));
    kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

#[cfg(test)]
mod tests;

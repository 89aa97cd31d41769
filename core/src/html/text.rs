//! Plain text as a reader sees it: line ends at blocks and breaks, tabs between the cells of a row, as browsers copy
//! it.

use super::{link, seen::Words};

/// Most empty lines in a row.
const EMPTY_LINES_MAX: usize = 2;

/// Text under construction.
#[derive(Default)]
pub(crate) struct Text {
    out: String,
    /// Line ends before the next letter.
    lines: usize,
    tab: bool,
    space: bool,
    /// Depth inside elements that keep white space.
    preformatted: usize,
    rows: Vec<Row>,
    links: Vec<Link>,
}

/// Index of the first byte that `letters` treats as white space, a no-break space included.
fn word_end(text: &[u8]) -> usize {
    let is_end = |(at, byte): (usize, &u8)| match byte {
        b' ' | b'\t' | b'\n' | b'\r' | 0x0c => true,
        0xc2 => text.get(at + 1) == Some(&0xa0),
        _ => false,
    };
    text.iter().enumerate().position(is_end).unwrap_or(text.len())
}

/// A row of a table.
#[derive(Default)]
struct Row {
    /// Whether one of its cells has text.
    said: bool,
    /// Whether a cell has more than one line, so that the next cell begins on a new line.
    broken: bool,
}

struct Link {
    url: String,
    start: usize,
}

impl Words for Text {
    fn open(&mut self, name: &str, url: Option<&str>) {
        match name {
            "br" => self.line(),
            "td" | "th" => self.cell(),
            "tr" => {
                self.block();
                if let Some(row) = self.rows.last_mut() {
                    row.broken |= row.said && !self.tab;
                }
                self.rows.push(Row::default());
            }
            "pre" => {
                self.block();
                self.preformatted += 1;
            }
            "a" => self.links.push(Link { url: url.unwrap_or_default().to_owned(), start: self.out.len() }),
            name if is_block(name) => self.block(),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "tr" => {
                let row = self.rows.pop().unwrap_or_default();
                if let Some(outer) = self.rows.last_mut() {
                    outer.broken |= outer.said && row.broken;
                    outer.said |= row.said;
                }
                self.block();
            }
            "pre" => {
                self.preformatted = self.preformatted.saturating_sub(1);
                self.block();
            }
            "a" => {
                if let Some(link) = self.links.pop() {
                    self.lead(&link);
                }
            }
            "td" | "th" => {}
            name if is_block(name) => self.block(),
            _ => {}
        }
    }

    fn letters(&mut self, text: &str) {
        let mut rest = text;
        loop {
            // Whole words at once: only the first letter of a word depends on what precedes it.
            let (word, after) = rest.split_at(word_end(rest.as_bytes()));
            if !word.is_empty() {
                self.word(word);
            }
            let mut letters = after.chars();
            match letters.next() {
                None => return,
                Some('\n') if self.preformatted > 0 => self.line(),
                Some(' ') if self.preformatted > 0 => self.word(" "),
                Some('\t') if self.preformatted > 0 => self.word("\t"),
                Some('\u{a0}') => self.word(" "),
                Some(_) => self.space = true,
            }
            rest = letters.as_str();
        }
    }
}

impl Text {
    /// The text.
    pub(crate) fn end(self) -> String {
        let mut text = String::with_capacity(self.out.len());
        let mut empty = 0;
        for line in self.out.lines() {
            let line = line.trim_end();
            empty = if line.chars().all(is_unseen) { empty + 1 } else { 0 };
            if empty <= EMPTY_LINES_MAX {
                text += if empty == 0 { line } else { "" };
                text.push('\n');
            }
        }
        text.trim().to_owned()
    }

    /// Writes a word that contains no line end, after the line ends or the space that must precede it.
    fn word(&mut self, word: &str) {
        if self.lines > 0 {
            let spaces = self.out.trim_end_matches(' ').len();
            self.out.truncate(spaces);
            let lines = if self.out.is_empty() { 0 } else { self.lines };
            self.out.extend(std::iter::repeat_n('\n', lines));
            if let Some(row) = self.rows.last_mut() {
                row.broken |= row.said;
            }
        } else if self.tab {
            self.out.push('\t');
        } else if self.space && !self.out.is_empty() && !self.out.ends_with([' ', '\n', '\t']) {
            self.out.push(' ');
        }
        (self.lines, self.tab, self.space) = (0, false, false);
        if let Some(row) = self.rows.last_mut() {
            row.said = true;
        }
        self.out.push_str(word);
    }

    /// Ends the line.
    fn line(&mut self) {
        if !self.tab {
            self.lines += 1;
        }
        self.space = false;
    }

    /// Begins a new line; the first content of a cell is already at its place.
    fn block(&mut self) {
        if self.lines == 0 && !self.tab {
            self.lines = 1;
        }
        self.space = false;
    }

    fn cell(&mut self) {
        match self.rows.last() {
            Some(Row { said: true, broken: false }) => (self.lines, self.tab) = (0, true),
            Some(Row { said: false, .. }) => {}
            _ => self.block(),
        }
        self.space = false;
    }

    /// Appends the target of a link after its text, unless they are equal.
    fn lead(&mut self, link: &Link) {
        let said = self.out[link.start.min(self.out.len())..].trim();
        if said.is_empty() || link.url.is_empty() || link::is_told(said, &link.url) {
            return;
        }
        let ends = self.out.trim_end().len();
        self.out.truncate(ends);
        self.out += " (";
        self.out += link::shown(&link.url);
        self.out.push(')');
    }
}

/// Whether [`Text`] would contain anything, without making it.
#[derive(Default)]
pub(crate) struct AnyWord {
    pub(crate) found: bool,
    /// For each open link, whether it has a target: [`Text`] then writes the target after invisible letters.
    links: Vec<bool>,
}

impl Words for AnyWord {
    fn open(&mut self, name: &str, url: Option<&str>) {
        if name == "a" {
            self.links.push(url.is_some_and(|url| !url.is_empty()));
        }
    }

    fn close(&mut self, name: &str) {
        if name == "a" {
            self.links.pop();
        }
    }

    fn letters(&mut self, text: &str) {
        let leads = self.links.contains(&true);
        self.found = self.found || text.chars().any(|it| !is_unseen(it) || leads && !it.is_whitespace());
    }
}

/// Letters that take up space and show nothing.
fn is_unseen(letter: char) -> bool {
    let fill = ['\u{ad}', '\u{34f}', '\u{61c}', '\u{180e}', '\u{feff}'];
    letter.is_whitespace()
        || ('\u{200b}'..='\u{200f}').contains(&letter)
        || ('\u{2060}'..='\u{2064}').contains(&letter)
        || fill.contains(&letter)
}

fn is_block(name: &str) -> bool {
    const BLOCKS: [&str; 37] = [
        "p",
        "div",
        "li",
        "ul",
        "ol",
        "tr",
        "table",
        "thead",
        "tbody",
        "tfoot",
        "caption",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "blockquote",
        "hr",
        "dl",
        "dt",
        "dd",
        "article",
        "aside",
        "section",
        "main",
        "header",
        "footer",
        "nav",
        "address",
        "figure",
        "figcaption",
        "details",
        "summary",
        "center",
        "form",
        "fieldset",
    ];
    BLOCKS.contains(&name) || matches!(name, "hgroup" | "legend" | "menu" | "dialog" | "search")
}

//! Structured values: a word and its parameters (RFC 2045, RFC 2231), with comments and folding anywhere between them.

use super::{charset, words};

/// Greatest number of parameters that are kept.
const PARAMETERS_MAX: usize = 100;

/// A value such as that of `Content-Type`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Value {
    /// The word before the parameters, in lower case.
    pub(crate) word: String,
    parameters: Vec<(String, String)>,
}

impl Value {
    /// Parses a decoded value.
    pub(crate) fn read(text: &str) -> Value {
        let mut scan = Scan(text);
        scan.skip(|_| false);
        let word = scan.token();
        let mut parameters = Vec::new();
        while parameters.len() < PARAMETERS_MAX {
            scan.skip(|it| matches!(it, ';' | ','));
            if scan.0.is_empty() {
                break;
            }
            let name = scan.name();
            scan.skip(|_| false);
            let Some(rest) = scan.0.strip_prefix('=') else {
                // A word that is no parameter, or a stray character.
                if name.is_empty() {
                    scan.0 = &scan.0[scan.0.chars().next().map_or(0, char::len_utf8)..];
                }
                continue;
            };
            scan.0 = rest;
            scan.skip(|_| false);
            parameters.push((name.to_ascii_lowercase(), scan.value(name)));
        }
        Value { word: word.to_ascii_lowercase(), parameters }
    }

    /// A parameter as it is written.
    pub(crate) fn raw(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The text of a parameter: joined from its pieces, percent-decoded (RFC 2231), or decoded from encoded words,
    /// which many programs use.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let mut pieces: Vec<(u32, bool, &str)> = Vec::new();
        for (other, value) in &self.parameters {
            let Some(rest) = other.strip_prefix(name).and_then(|rest| rest.strip_prefix('*')) else { continue };
            let (number, extended) = rest.strip_suffix('*').map_or((rest, rest.is_empty()), |number| (number, true));
            let number = if number.is_empty() { Some(0) } else { number.parse().ok() };
            pieces.extend(number.map(|number| (number, extended, value.as_str())));
        }
        if pieces.is_empty() {
            return self.raw(name).map(|value| words::decoded(value.as_bytes(), None));
        }
        pieces.sort_by_key(|(number, ..)| *number);
        let mut bytes = Vec::new();
        let mut label = "";
        let mut any_extended = false;
        for (_, extended, value) in pieces {
            let mut value = value;
            if extended && !any_extended {
                // The first piece has the charset and the language.
                if let [named, _, rest] = value.splitn(3, '\'').collect::<Vec<_>>()[..] {
                    (label, value) = (named, rest);
                }
            }
            any_extended |= extended;
            if extended { percent_decoded(value, &mut bytes) } else { bytes.extend_from_slice(value.as_bytes()) }
        }
        let text = charset::decode(&bytes, charset::named(label));
        Some(if any_extended { text } else { words::decoded(text.as_bytes(), None) })
    }
}

fn percent_decoded(text: &str, bytes: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let hex = after.get(..2).filter(|_| *byte == b'%').and_then(super::encoding::hex);
        bytes.push(hex.unwrap_or(*byte));
        rest = if hex.is_some() { &after[2..] } else { after };
    }
}

/// The text without comments, which may be nested.
pub(crate) fn without_comments(text: &str) -> String {
    let mut left = String::with_capacity(text.len());
    let mut scan = Scan(text);
    while let Some(letter) = scan.0.chars().next() {
        match letter {
            '(' => {
                scan.skip(|_| false);
                left.push(' ');
            }
            letter => {
                scan.0 = &scan.0[letter.len_utf8()..];
                left.push(letter);
            }
        }
    }
    left
}

/// The rest of the text.
struct Scan<'a>(&'a str);

impl<'a> Scan<'a> {
    /// Skips space, comments, and the characters that `also` accepts.
    fn skip(&mut self, also: impl Fn(char) -> bool) {
        loop {
            self.0 = self.0.trim_start_matches(|it: char| it.is_whitespace() || also(it));
            if !self.0.starts_with('(') {
                return;
            }
            self.0 = &self.0[comment(self.0)..];
        }
    }

    fn until(&mut self, ends: impl Fn(char) -> bool) -> &'a str {
        let (found, rest) = self.0.split_at(self.0.find(ends).unwrap_or(self.0.len()));
        self.0 = rest;
        found
    }

    /// The first word; `text / plain` counts as one.
    fn token(&mut self) -> String {
        let quoted = self.0.starts_with('"');
        let mut word = if quoted {
            self.quoted()
        } else {
            self.until(|it| matches!(it, ';' | '(' | ',') || it.is_whitespace()).to_owned()
        };
        let mut after = Scan(self.0);
        after.skip(|_| false);
        if !quoted && (word.ends_with('/') || after.0.starts_with('/')) {
            self.0 = after.0;
            word += self.until(|it| matches!(it, ';' | '(') || it.is_whitespace());
            self.skip(|_| false);
            if word.ends_with('/') {
                word += self.until(|it| matches!(it, ';' | '(') || it.is_whitespace());
            }
        }
        word
    }

    fn name(&mut self) -> &'a str {
        self.until(|it| matches!(it, '=' | ';' | ',' | '(' | '"') || it.is_whitespace())
    }

    fn value(&mut self, name: &str) -> String {
        if self.0.starts_with('"') {
            return self.quoted();
        }
        let whole = &self.0[..self.0.find(';').unwrap_or(self.0.len())];
        let word = whole.find(char::is_whitespace).unwrap_or(whole.len());
        // File names contain spaces, and some programs do not quote them; in other parameters a semicolon is missing.
        let is_name = name.to_ascii_lowercase().trim_end_matches(['*', '0']).ends_with("name");
        let value =
            if is_name && (!whole[word..].contains('=') || whole.contains("=?")) { whole } else { &whole[..word] };
        self.0 = &self.0[value.len()..];
        value.trim().to_owned()
    }

    fn quoted(&mut self) -> String {
        let mut value = String::new();
        let mut letters = self.0[1..].char_indices();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.0 = &self.0[at + 2..];
                    return value;
                }
                '\\' => match letters.next() {
                    // Windows paths are rarely escaped.
                    Some((_, next @ ('"' | '\\'))) => value.push(next),
                    Some((_, next)) => value.extend(['\\', next]),
                    None => value.push('\\'),
                },
                letter => value.push(letter),
            }
        }
        self.0 = "";
        value
    }
}

/// The length of the comment at the start of the text; an unclosed one is only its bracket.
fn comment(text: &str) -> usize {
    let mut depth = 0_u32;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' => depth += 1,
            b')' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    // With unclosed brackets each one would scan the rest of the text, so the rest is a comment.
    if depth > 8 { text.len() } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_however_they_are_folded() {
        for text in [
            "multipart/mixed; boundary=x",
            "multipart/mixed; boundary=\"x\"",
            "multipart/mixed; boundary=\t\"x\"",
            "multipart/mixed; boundary = \"x\"",
            "multipart/mixed; boundary =x",
            "multipart/mixed;boundary=x;",
            "multipart/mixed; charset=y; boundary=  x ; z",
            "multipart/mixed boundary=x",
            "MULTIPART/Mixed; BOUNDARY=x",
            "multipart/mixed (a; boundary=y) ; (b) boundary (c) = (d) x (e)",
            "multipart / mixed; boundary=x",
            "multipart/mixed;; ; =; boundary=x",
            "multipart/mixed; report-type=\"a;b\"; boundary=x; boundary=z",
            "multipart/mixed, boundary=x",
            "(c) multipart/mixed; boundary=\"x",
        ] {
            let value = Value::read(text);
            assert_eq!((value.word.as_str(), value.raw("boundary")), ("multipart/mixed", Some("x")), "{text}");
        }
        for text in [";;;=;", "", "=", "\"", "(", "((((((((((", ";\u{0}=", "é=é"] {
            Value::read(text);
        }
    }

    #[test]
    fn names_of_files_are_read_in_all_their_forms() {
        for (text, expected) in [
            ("attachment; filename=a.pdf", "a.pdf"),
            ("attachment; filename=my file.pdf; size=3", "my file.pdf"),
            ("attachment; filename=a.pdf size=3", "a.pdf"),
            ("attachment; filename=\"a \\\"b\\\".pdf\"", "a \"b\".pdf"),
            ("attachment; filename=\"C:\\dir\\a.pdf\"", "C:\\dir\\a.pdf"),
            ("attachment; filename*=utf-8''Gr%C3%B6%C3%9Fe.pdf", "Größe.pdf"),
            ("attachment; filename*=iso-8859-1'de'Gr%F6%DFe.pdf", "Größe.pdf"),
            ("attachment; filename*0*=utf-8''Gr%C3; filename*1*=%B6%C3%9Fe; filename*2=.pdf", "Größe.pdf"),
            ("attachment; filename*1=b.pdf; filename*0=a", "ab.pdf"),
            ("attachment; filename=x; filename*=utf-8''%C3%B6", "ö"),
            ("attachment; filename=\"=?utf-8?Q?Gr=C3=B6=C3=9Fe?=.pdf\"", "Größe.pdf"),
            ("attachment; filename==?utf-8?Q?Gr=C3?= =?utf-8?Q?=B6=C3=9Fe.pdf?=", "Größe.pdf"),
            ("attachment; filename*=no charset", "no charset"),
        ] {
            assert_eq!(Value::read(text).text("filename").as_deref(), Some(expected), "{text}");
        }
    }
}

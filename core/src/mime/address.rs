//! Addresses in header fields (RFC 5322 3.4 and 4.4), tolerant of what mail programs write. A result is an address that
//! can be answered, or none, and never part of a name.

use super::words;

/// Longest address, in characters (RFC 5321).
const ADDRESS_MAX_CHARS: usize = 254;

/// A name with an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mailbox {
    /// The name; may be empty. Without an address it is the whole text.
    pub(crate) name: String,
    /// The address, if it can be answered.
    pub(crate) address: Option<String>,
}

/// The mailboxes of a list, at most `max`, members of groups included. `text` may still contain encoded words.
pub(crate) fn mailboxes(text: &str, max: usize) -> Vec<Mailbox> {
    let mut found = list(text, max);
    // The whole list may be one encoded word, brackets included.
    if text.contains("=?") && found.iter().all(|it| it.address.is_none()) {
        let decoded = words::decoded(text.as_bytes(), None);
        if decoded.contains('@') {
            let again = list(&decoded, max);
            if again.iter().any(|it| it.address.is_some()) {
                found = again;
            }
        }
    }
    found
}

/// The address in a text, or `None` if it cannot be one.
pub(crate) fn address(text: &str) -> Option<String> {
    let text = text.trim();
    let (local, domain) = text.rsplit_once('@')?;
    let domain = domain.trim_end_matches('.');
    let strange = |it: char| {
        it.is_whitespace()
            || it.is_control()
            || matches!(it, '<' | '>' | '(' | ')' | ',' | ';' | ':' | '\\' | '"' | '@')
    };
    let literal = domain.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let domain_fits = match literal {
        Some(inner) => !inner.contains(|it: char| it.is_whitespace() || it.is_control() || "[]<>\\\"@".contains(it)),
        None => !domain.contains(|it| strange(it) || matches!(it, '[' | ']' | '\'')) && !domain.starts_with('.'),
    };
    let local_fits = match local.strip_prefix('"').and_then(|it| it.strip_suffix('"')) {
        Some(inner) => is_quoted_content(inner),
        None => !local.contains(|it| strange(it) || matches!(it, '[' | ']')),
    };
    let fits = text.chars().count() <= ADDRESS_MAX_CHARS && !text.contains("=?");
    (fits && domain_fits && local_fits && !local.is_empty() && !domain.is_empty()).then(|| format!("{local}@{domain}"))
}

fn is_quoted_content(inner: &str) -> bool {
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.next().is_none() => return false,
            '"' => return false,
            letter if letter.is_control() => return false,
            _ => {}
        }
    }
    !inner.is_empty()
}

fn list(text: &str, max: usize) -> Vec<Mailbox> {
    let mut found = Vec::new();
    let mut draft = Draft::default();
    let mut rest = text;
    // Brackets that never close are searched for once.
    let mut comments = true;
    let mut quotes = true;
    while let Some(letter) = rest.chars().next() {
        if found.len() >= max {
            return found;
        }
        let after = &rest[letter.len_utf8()..];
        let mut taken = letter.len_utf8();
        match letter {
            '"' if quotes => match quoted(after) {
                Some((content, length)) => {
                    taken += length;
                    draft.quote(content, rest[taken..].trim_start().starts_with('@'));
                }
                None => quotes = false,
            },
            '(' if comments => match comment(after) {
                Some((content, length)) => {
                    taken += length;
                    draft.comment = draft.comment.or(Some(content));
                }
                None => comments = false,
            },
            '<' => {
                let (content, length) = angle(after);
                taken += length;
                draft.angles.push(content.to_owned());
            }
            '>' => {}
            ',' if draft.is_name_alone() => draft.phrase.push_str(", "),
            ':' if draft.is_name_alone() => draft = Draft::default(),
            ',' | ';' => found.extend(std::mem::take(&mut draft).end()),
            letter => draft.phrase.push(letter),
        }
        draft.whole.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    if found.len() < max {
        found.extend(draft.end());
    }
    found
}

/// The content of a quoted string after its opening quote, and its length.
fn quoted(rest: &str) -> Option<(String, usize)> {
    let mut content = String::new();
    let mut letters = rest.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((content, at + 1)),
            '\\' => content.extend(letters.next().map(|(_, next)| next)),
            letter => content.push(letter),
        }
    }
    None
}

/// The content of a comment after its opening bracket, and its length.
fn comment(rest: &str) -> Option<(String, usize)> {
    let mut depth = 1_u32;
    let mut content = String::new();
    let mut letters = rest.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '(' => depth += 1,
            ')' if depth == 1 => return Some((content, at + 1)),
            ')' => depth -= 1,
            '\\' => {
                content.extend(letters.next().map(|(_, next)| next));
                continue;
            }
            _ => {}
        }
        content.push(letter);
    }
    None
}

/// The content of angle brackets after the opening one, and its length; nested brackets count as one pair.
fn angle(rest: &str) -> (&str, usize) {
    let mut in_quotes = false;
    let mut letters = rest.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => in_quotes = !in_quotes,
            '\\' if in_quotes => _ = letters.next(),
            '>' if !in_quotes => return (&rest[..at], at + 1),
            _ => {}
        }
    }
    let end = rest.find(['>', ',']).unwrap_or(rest.len());
    (&rest[..end], end)
}

/// A mailbox that is being parsed.
#[derive(Default)]
struct Draft {
    phrase: String,
    comment: Option<String>,
    angles: Vec<String>,
    /// The whole text so far.
    whole: String,
}

impl Draft {
    fn quote(&mut self, content: String, is_local: bool) {
        if is_local {
            self.phrase.push('"');
            self.phrase += &content.replace('\\', "\\\\").replace('"', "\\\"");
            self.phrase.push('"');
        } else {
            self.phrase += &content;
        }
    }

    /// Whether only a name was parsed so far, so that a comma may be part of it.
    fn is_name_alone(&self) -> bool {
        self.angles.is_empty() && !self.phrase.contains('@') && !self.phrase.trim().is_empty()
    }

    fn end(self) -> Option<Mailbox> {
        let comment = || self.comment.as_deref().map(cleaned).unwrap_or_default();
        let named = |phrase: &str| Some(cleaned(phrase)).filter(|name| !name.is_empty()).unwrap_or_else(comment);
        if let Some(address) = self.angles.iter().find_map(|it| bare(it)) {
            return Some(Mailbox { name: named(&self.phrase), address: Some(address) });
        }
        if let Some((name, address)) = within(&self.phrase) {
            // Text in brackets that is no address is a name.
            let bracketed = self.angles.join(" ");
            let name = if name.trim().is_empty() { bracketed } else { name };
            return Some(Mailbox { name: named(&name), address: Some(address) });
        }
        let whole = self.whole.trim().trim_matches([',', ';']);
        let name = cleaned(whole);
        (!whole.is_empty()).then_some(Mailbox { name, address: None })
    }
}

/// The address in a phrase without brackets, and the rest of the phrase.
fn within(phrase: &str) -> Option<(String, String)> {
    let sign = phrase.rfind('@')?;
    let before = phrase[..sign].trim_end();
    let after = &phrase[sign + 1..];
    let start = match before.strip_suffix('"') {
        Some(quoted) => quoted.find('"')?,
        None => {
            before.rfind(char::is_whitespace).map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8))
        }
    };
    let space = after.len() - after.trim_start().len();
    let end = after[space..].find(char::is_whitespace).map_or(after.len(), |at| space + at);
    let address = bare(&format!("{}@{}", &before[start..], &after[space..end]))?;
    Some((format!("{} {}", &before[..start], &after[end..]), address))
}

/// The address in brackets, without route, quotes, comments and spaces.
fn bare(text: &str) -> Option<String> {
    let decoded = if text.contains("=?") { words::decoded(text.as_bytes(), None) } else { text.to_owned() };
    let without = if decoded.contains('(') && !decoded.trim_start().starts_with('"') {
        super::value::without_comments(&decoded)
    } else {
        decoded
    };
    let mut text = without
        .trim_matches(|it: char| it.is_whitespace() || matches!(it, '<' | '>' | '\'' | ',' | ';' | '`' | '’' | '‘'));
    if let Some(inner) = text.strip_prefix('"').and_then(|it| it.strip_suffix('"')) {
        text = inner.trim();
    }
    if text.get(..7).is_some_and(|it| it.eq_ignore_ascii_case("mailto:")) {
        text = &text[7..];
    }
    if text.starts_with('@') {
        text = text.split_once(':')?.1;
    }
    let joined = match text.rsplit_once('@') {
        Some((local, domain)) if text.contains(char::is_whitespace) => format!("{}@{}", tight(local), tight(domain)),
        _ => text.to_owned(),
    };
    address(&joined)
}

/// Removes the spaces around dots that an old standard allowed.
fn tight(text: &str) -> String {
    match text.trim() {
        quoted if quoted.starts_with('"') => quoted.to_owned(),
        plain => plain.split('.').map(str::trim).collect::<Vec<_>>().join("."),
    }
}

/// A name for display: decoded, without enclosing quotes and brackets. A name without any letter is dropped.
fn cleaned(phrase: &str) -> String {
    let decoded = if phrase.contains("=?") { words::decoded(phrase.as_bytes(), None) } else { phrase.to_owned() };
    let hidden = |it: char| {
        it.is_control() && !it.is_whitespace() || matches!(it, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let decoded = if decoded.contains(hidden) { decoded.replace(hidden, "") } else { decoded };
    let mut name = decoded.trim();
    while let Some(inner) = [('"', '"'), ('\'', '\''), ('<', '>')]
        .iter()
        .find_map(|(open, close)| name.strip_prefix(*open).and_then(|it| it.strip_suffix(*close)))
    {
        name = inner.trim();
    }
    let says = |it: char| it.is_alphanumeric() || it > '\u{2fff}' || ('\u{2190}'..'\u{2c00}').contains(&it);
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.contains(says) { name } else { String::new() }
}

#[cfg(test)]
mod tests;

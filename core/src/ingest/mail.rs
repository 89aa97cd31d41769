//! A parsed mail: the parts that are kept, as clean strings of bounded length. `ingest/raw.rs` makes it from raw bytes.
//! It knows no ticket.

use super::thread;
use crate::mime::address::address;
use inboxops_proto::{clock::Timestamp, internal::v1 as pb};
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;

/// Longest subject of a ticket, in characters.
const SUBJECT_MAX_CHARS: usize = 255;
/// Longest name of a person, in characters.
const NAME_MAX_CHARS: usize = 255;
/// Longest file name or media type that is shown, in characters.
const FILE_NAME_MAX_CHARS: usize = 120;
/// Greatest number of attachments that are listed; more are counted.
const FILES_MAX: usize = 100;
/// Subject of a ticket whose mail has none.
const NO_SUBJECT: &str = "(no subject)";

/// The parts of a mail that are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mail {
    /// `Message-ID` without brackets.
    pub(crate) message_id: Option<String>,
    /// Equal for every copy of the mail.
    pub(crate) dedup_key: [u8; 32],
    /// When it was sent, according to its `Date` field.
    pub(crate) sent_at: Option<Timestamp>,
    /// Ids of the mails that it answers, the nearest first.
    pub(crate) parents: Vec<String>,
    /// Name of the sender; may be empty.
    pub(crate) from_name: String,
    pub(crate) from_email: Option<String>,
    /// Addresses of its recipients.
    pub(crate) to: Vec<String>,
    pub(crate) subject: String,
    pub(crate) text: Option<String>,
    /// HTML as received.
    pub(crate) html: Option<String>,
    /// Its attachments.
    pub(crate) files: Vec<File>,
    /// Whether a machine sent it.
    pub(crate) automatic: bool,
}

/// An attachment; its content is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) media_type: String,
    pub(crate) size: u64,
}

impl Mail {
    /// Makes a mail from parts that the sending program has parsed.
    pub(crate) fn from_parts(parts: pb::MailParts) -> Mail {
        let file = |file: pb::MailAttachment| File { name: file.name, media_type: file.media_type, size: file.size };
        let mail = Mail {
            message_id: parts.message_id.as_deref().and_then(message_id),
            sent_at: parts.sent_at.as_ref().map(Timestamp::from),
            parents: thread::parents(parts.in_reply_to.as_deref().unwrap_or_default(), &parts.references, &[]),
            from_name: name(&parts.from_name),
            from_email: parts.from_email.as_deref().and_then(address),
            to: parts.to,
            subject: subject(&parts.subject),
            text: body(parts.body_text),
            html: body(parts.body_html),
            files: parts.attachments.into_iter().map(file).collect(),
            automatic: parts.automatic,
            ..Mail::default()
        };
        // Even an invalid id distinguishes such mails from each other.
        mail.keyed(parts.message_id.unwrap_or_default().as_bytes(), "")
    }

    /// Adds the key that recognises a repeat: from the id and the content, or from all bytes if the mail has no id. A
    /// `date` that cannot be parsed counts as it is.
    pub(crate) fn keyed(self, raw: &[u8], date: &str) -> Mail {
        let Some(id) = &self.message_id else {
            return Mail { dedup_key: Sha256::new().chain_update([0]).chain_update(raw).finalize().into(), ..self };
        };
        let date = self.sent_at.map_or_else(|| words(date), |at| at.micros().to_string());
        let from = crate::store::fold(self.from_email.as_deref().unwrap_or_default());
        let [text, html] = [&self.text, &self.html].map(|body| lines(body.as_deref().unwrap_or_default()));
        let files = self.files.iter().flat_map(|file| [file.name.as_str(), file.media_type.as_str()]);
        let all = [id.as_str(), &from, &self.from_name, &date, &self.subject, text.as_ref(), html.as_ref()];
        // The first byte distinguishes it from other keys; lengths separate the texts.
        let mut digest = Sha256::new().chain_update([2]);
        for part in all.into_iter().chain(files) {
            digest = digest.chain_update((part.len() as u64).to_be_bytes()).chain_update(part);
        }
        Mail { dedup_key: digest.finalize().into(), ..self }
    }

    /// The key of earlier releases, from the id alone.
    pub(crate) fn earlier_key(&self) -> Option<[u8; 32]> {
        self.message_id.as_ref().map(|id| Sha256::new().chain_update([1]).chain_update(id).finalize().into())
    }

    /// A line for each attachment, as bodies show it.
    pub(crate) fn file_lines(&self) -> Vec<String> {
        let line = |file: &File| {
            let name = short(&file.name, FILE_NAME_MAX_CHARS);
            let name = if name.is_empty() { "without a name".to_owned() } else { name };
            format!("[Attachment: {name} ({}, {} bytes)]", short(&file.media_type, FILE_NAME_MAX_CHARS), file.size)
        };
        let mut lines: Vec<String> = self.files.iter().take(FILES_MAX).map(line).collect();
        if let Some(more) = self.files.len().checked_sub(FILES_MAX).filter(|more| *more > 0) {
            lines.push(format!("[Attachments beside these: {more}]"));
        }
        lines
    }
}

pub(crate) fn message_id(header: &str) -> Option<String> {
    thread::ids(header).into_iter().next()
}

/// The words of a text, with one space between them.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The lines of a text without trailing white space and without empty lines at the end, which mail servers change.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    let text = text.trim_end();
    let is_changed = |end: usize| text[..end].ends_with(|it: char| it.is_whitespace() && it != '\n');
    if !memchr::memchr_iter(b'\n', text.as_bytes()).any(is_changed) {
        return Cow::Borrowed(text);
    }
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    Cow::Owned(lines.join("\n"))
}

pub(crate) fn subject(text: &str) -> String {
    let subject = short(text, SUBJECT_MAX_CHARS);
    if subject.is_empty() { NO_SUBJECT.to_owned() } else { subject }
}

pub(crate) fn name(text: &str) -> String {
    short(text, NAME_MAX_CHARS)
}

/// A body, unless it is empty. NUL, which no database stores, and a leading byte order mark are removed, also from text
/// that was made from HTML.
pub(crate) fn body(text: String) -> Option<String> {
    let mut text = if text.contains('\0') { text.replace('\0', "") } else { text };
    let marks = text.len() - text.trim_start_matches('\u{feff}').len();
    text.drain(..marks);
    (!text.is_empty()).then_some(text)
}

/// One line of at most `max` characters: white space becomes one space, control characters are removed.
fn short(text: &str, max: usize) -> String {
    let mut line = String::with_capacity(text.len().min(max));
    let mut left = max;
    for letter in text.trim().chars() {
        let letter = if letter.is_whitespace() { ' ' } else { letter };
        // Direction overrides could disguise a file's ending. A byte order mark is no letter.
        let hidden =
            letter.is_control() || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if hidden || letter == ' ' && (line.is_empty() || line.ends_with(' ')) {
            continue;
        }
        if left == 0 {
            break;
        }
        line.push(letter);
        left -= 1;
    }
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_same_however_servers_end_them() {
        for text in ["a\n\nb", "a\r\n\r\nb\r\n", "a  \n \t\nb \n\n\n", "a\u{a0}\n\nb\n"] {
            assert_eq!(lines(text), "a\n\nb", "{text:?}");
        }
        assert_eq!((lines(""), lines(" \n\r\n"), lines("\n a")), ("".into(), "".into(), "\n a".into()));
    }

    #[test]
    fn a_line_begins_and_ends_with_a_word_whatever_is_taken_out_of_it() {
        for (text, line) in [
            (" a  b ", "a b"),
            ("\u{1} a \u{1}", "a"),
            ("a\u{202e} b", "a b"),
            ("\u{7f}\u{a0}\u{7f}", ""),
            ("a\tb", "a b"),
        ] {
            assert_eq!(short(text, 10), line, "{text:?}");
        }
        assert_eq!(short("abc def", 4), "abc");
    }
}

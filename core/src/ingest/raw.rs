//! Reads a mail as it came over the wire (RFC 5322, MIME). Whatever is wrong with it, what can be read is kept: this
//! never refuses and never fails. It knows the library that parses and no ticket.

use super::{
    mail::{self, File, Mail},
    thread,
};
use mail_parser::{Address, HeaderName, Message, MessageParser, MessagePart, MimeHeaders as _, PartType};
use std::{borrow::Cow, panic::catch_unwind};

/// Greatest number of mails within mails; the parser's own data nests as deep as they do.
const NESTED_MAX: usize = 100;
/// Greatest number of MIME parts, by lines that could begin one: each costs far more memory than it has bytes.
const PARTS_MAX: usize = 10_000;
/// Greatest size of a body that is looked at, in bytes; more would be cut anyway.
const TEXT_MAX_BYTES: usize = 1024 * 1024;

/// Reads a mail.
pub fn read(raw: &[u8]) -> Mail {
    // A mail on which the parser gives up for good would come again and again; its text is better than its refusal.
    catch_unwind(|| parsed(raw)).unwrap_or_else(|_| unreadable(raw))
}

fn parsed(raw: &[u8]) -> Mail {
    let parser = MessageParser::default();
    if is_bomb(raw) {
        return match parser.parse_headers(raw) {
            Some(message) => Mail { text: bare_body(raw), ..headers(&message, raw) },
            None => unreadable(raw),
        };
    }
    match parser.parse(raw) {
        Some(message) => Some(whole(&message, raw)).filter(says_something).unwrap_or_else(|| unreadable(raw)),
        None => unreadable(raw),
    }
}

/// Whether the mail is built so that to take it apart costs without measure.
fn is_bomb(raw: &[u8]) -> bool {
    let lines = raw.windows(3).filter(|at| at == b"\n--").nth(PARTS_MAX).is_some();
    let nesting = |at: &&[u8]| {
        at.eq_ignore_ascii_case(b"rfc822") || at.eq_ignore_ascii_case(b"digest") || at.eq_ignore_ascii_case(b"global")
    };
    lines || raw.windows(6).filter(nesting).nth(NESTED_MAX).is_some()
}

/// Whether anything of the mail was understood.
fn says_something(mail: &Mail) -> bool {
    let body = mail.text.is_some() || mail.html.is_some() || !mail.files.is_empty();
    body || mail.message_id.is_some() || mail.from_email.is_some() || mail.subject != mail::subject("")
}

/// A mail without a header that anybody could read: its text is all there is.
fn unreadable(raw: &[u8]) -> Mail {
    Mail {
        dedup_key: mail::dedup_key(None, raw),
        subject: mail::subject(""),
        text: mail::body(lossy(raw)),
        ..Mail::default()
    }
}

/// What follows the header, as it is.
fn bare_body(raw: &[u8]) -> Option<String> {
    let unix = raw.windows(2).position(|at| at == b"\n\n").map(|at| at + 2);
    let wire = raw.windows(4).position(|at| at == b"\r\n\r\n").map(|at| at + 4);
    let start = [unix, wire].into_iter().flatten().min().unwrap_or(raw.len());
    mail::body(lossy(&raw[start..]))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(TEXT_MAX_BYTES)]).into_owned()
}

fn whole(message: &Message<'_>, raw: &[u8]) -> Mail {
    let of = |ids: &[u32]| -> Vec<_> { ids.iter().filter_map(|at| message.part(*at)).collect() };
    let (mut texts, mut htmls) = (of(&message.text_body), of(&message.html_body));
    let mut files: Vec<_> = message.attachments().collect();
    if texts.is_empty() && htmls.is_empty() {
        // A part that never ends counts as a file for the parser; without a name it is what was to be read.
        let readable = |part: &&MessagePart<'_>| {
            let named = part.attachment_name().is_some();
            let file = part.content_disposition().is_some_and(|it| it.is_attachment());
            let text = matches!(part.body, PartType::Text(_) | PartType::Html(_)) || is_unparted(part);
            !named && !file && text
        };
        let (bodies, rest): (Vec<_>, Vec<_>) = files.into_iter().partition(readable);
        texts = bodies;
        htmls.clone_from(&texts);
        files = rest;
    }
    let plain = texts.iter().filter_map(|part| match &part.body {
        PartType::Text(text) => Some(Cow::Borrowed(&**text)),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) if is_unparted(part) => Some(Cow::Owned(lossy(bytes))),
        _ => None,
    });
    // A part of plain text stands in the HTML, too, when there is any.
    let has_html = htmls.iter().any(|part| matches!(part.body, PartType::Html(_)));
    let rich = htmls.iter().filter_map(|part| match &part.body {
        PartType::Html(html) => Some(Cow::Borrowed(&**html)),
        PartType::Text(text) => Some(Cow::Owned(crate::html::marked_up(text))),
        _ => None,
    });
    Mail {
        text: mail::body(joined(plain, "\n\n")),
        html: has_html.then(|| joined(rich, "\n")).and_then(mail::body),
        files: files.into_iter().map(file).collect(),
        ..headers(message, raw)
    }
}

/// Whether the part says that it has parts and has none.
fn is_unparted(part: &MessagePart<'_>) -> bool {
    let multipart = part.content_type().is_some_and(|of| of.ctype().eq_ignore_ascii_case("multipart"));
    multipart && matches!(part.body, PartType::Binary(_) | PartType::InlineBinary(_))
}

fn joined(parts: impl Iterator<Item = impl AsRef<str>>, between: &str) -> String {
    let mut whole = String::new();
    for part in parts {
        if whole.len() > TEXT_MAX_BYTES {
            break;
        }
        if !whole.is_empty() {
            whole.push_str(between);
        }
        whole.push_str(part.as_ref());
    }
    whole
}

fn file(part: &MessagePart<'_>) -> File {
    let media_type = part.content_type().map_or_else(
        || "application/octet-stream".to_owned(),
        |of| format!("{}/{}", of.ctype(), of.subtype().unwrap_or("octet-stream")),
    );
    let subject = part.message().and_then(|inner| inner.subject());
    let name = part.attachment_name().or(subject).unwrap_or_default().to_owned();
    File { name, media_type: media_type.to_ascii_lowercase(), size: part.len() as u64 }
}

/// Everything but bodies and files.
fn headers(message: &Message<'_>, raw: &[u8]) -> Mail {
    let texts = |name: &str| -> Vec<String> {
        let named = message.headers_raw().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.trim().to_owned()).collect()
    };
    let text = |name: &str| texts(name).into_iter().next().unwrap_or_default();
    let message_id = mail::message_id(&text("Message-ID"));
    let (from_name, from_email) = sender(message, &text("From"));
    let mut to = [texts("Delivered-To"), texts("X-Original-To"), texts("Envelope-To")].concat();
    for addresses in [message.to(), message.cc()].into_iter().flatten() {
        to.extend(addresses.iter().filter_map(|it| it.address.as_deref()).take(100).map(str::to_owned));
    }
    Mail {
        dedup_key: mail::dedup_key(message_id.as_deref(), raw),
        message_id,
        parents: thread::parents(&text("In-Reply-To"), &texts("References")),
        automatic: is_automatic(message, &text, from_email.as_deref()),
        from_name,
        from_email,
        to,
        subject: mail::subject(message.subject().unwrap_or_default()),
        ..Mail::default()
    }
}

/// Who wrote it: the first address of `From`, or of `Sender` and `Reply-To` when that has none.
fn sender(message: &Message<'_>, from: &str) -> (String, Option<String>) {
    let candidates = [message.from(), message.sender(), message.reply_to()];
    let first = |of: &Address<'_>| {
        let found = of.iter().find_map(|it| Some((it.name().unwrap_or_default(), mail::address(it.address()?)?)));
        found.map(|(name, address)| (mail::name(name), address))
    };
    match candidates.into_iter().flatten().find_map(first) {
        Some((name, address)) => (name, Some(address)),
        None => (mail::name(message.from().and_then(|of| of.first()?.name()).unwrap_or(from)), None),
    }
}

/// Whether a machine sent it (RFC 3834, and what mail programs of the world add). Lists are not: a person writes them.
fn is_automatic(message: &Message<'_>, text: &impl Fn(&str) -> String, from: Option<&str>) -> bool {
    let word = |name: &str| {
        let value = text(name).to_ascii_lowercase();
        value.split([';', ' ', '\t']).next().unwrap_or_default().to_owned()
    };
    let submitted = word("Auto-Submitted");
    let suppressed = word("X-Auto-Response-Suppress");
    let report = message.root_part().content_type();
    let report = report.is_some_and(|of| of.subtype().is_some_and(|it| it.eq_ignore_ascii_case("report")));
    let postmaster = from.is_some_and(|from| from.to_ascii_lowercase().starts_with("mailer-daemon@"));
    let null_sender = message.header(HeaderName::ReturnPath).is_some() && text("Return-Path") == "<>";
    !submitted.is_empty() && submitted != "no"
        || matches!(word("Precedence").as_str(), "bulk" | "junk" | "auto_reply")
        || !suppressed.is_empty() && suppressed != "none"
        || !text("X-Autoreply").is_empty()
        || !text("X-Autorespond").is_empty()
        || null_sender
        || report
        || postmaster
}

#[cfg(test)]
mod tests;

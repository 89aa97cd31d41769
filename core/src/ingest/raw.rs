//! Parses a mail as it was received (RFC 5322, MIME). It never refuses one: whatever is wrong with a mail, the readable
//! parts are kept. It knows the grammar of mails (`mime`) and no ticket.

mod automatic;
mod bodies;
mod part;

use super::{
    mail::{self, Mail},
    thread,
};
use crate::mime::{
    address,
    charset::{self, Charset},
    date,
    fields::{self, Fields},
};
use bodies::Reader;
use std::borrow::Cow;

/// Greatest size of a body that is read, in bytes; more would be cut anyway.
const TEXT_MAX_BYTES: usize = 1024 * 1024;
/// Greatest number of addresses that are read from one kind of field.
const ADDRESSES_MAX: usize = 100;

pub(crate) fn read(raw: &[u8]) -> Mail {
    let lines = with_lines(raw);
    let (fields, body) = fields::of_mail(&lines);
    let mut reader = Reader::default();
    reader.mail(&fields, body);
    let charset = reader.charset();
    let found = reader.found();
    let bodies =
        Mail { text: found.text, html: found.html, files: found.files, parents: found.reported, ..Mail::default() };
    Some(headers(&fields, charset, raw, bodies)).filter(says_something).unwrap_or_else(|| unreadable(raw))
}

/// The ids that a mail has and refers to, its own first, as [`read`] finds them in its header. Mails that share one may
/// belong together. Bodies are not read.
pub fn ids(raw: &[u8]) -> Vec<String> {
    let lines = with_lines(raw);
    let (fields, _) = fields::of_mail(&lines);
    let text = |name: &str| fields.text(name, None);
    let last = [text("Original-Message-ID")];
    let parents = thread::parents(&text("In-Reply-To"), &fields.texts("References", None), &last);
    mail::message_id(&text("Message-ID")).into_iter().chain(parents).collect()
}

/// The mail with usual line ends: old Macs ended lines with CR alone.
fn with_lines(raw: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\n', raw).is_some() || memchr::memchr(b'\r', raw).is_none() {
        return Cow::Borrowed(raw);
    }
    Cow::Owned(raw.iter().map(|byte| if *byte == b'\r' { b'\n' } else { *byte }).collect())
}

/// Whether anything in the mail was understood.
fn says_something(mail: &Mail) -> bool {
    let body = mail.text.is_some() || mail.html.is_some() || !mail.files.is_empty();
    body || mail.message_id.is_some() || mail.from_email.is_some() || mail.subject != mail::subject("")
}

/// A mail without readable parts: only its bytes identify it.
fn unreadable(raw: &[u8]) -> Mail {
    Mail {
        subject: mail::subject(""),
        text: mail::body(bodies::in_lines(charset::decode(&raw[..raw.len().min(TEXT_MAX_BYTES)], None))),
        ..Mail::default()
    }
    .keyed(raw, "")
}

/// Adds everything but bodies and attachments.
fn headers(fields: &Fields<'_>, charset: Option<Charset>, raw: &[u8], bodies: Mail) -> Mail {
    let text = |name: &str| fields.text(name, charset);
    let date = text("Date");
    let (from_name, from_email) = sender(fields, charset);
    let mut to = ["Delivered-To", "X-Original-To", "Envelope-To"].map(|name| fields.texts(name, charset)).concat();
    for list in ["To", "Cc"].iter().flat_map(|name| fields.structured(name, charset)) {
        to.extend(address::mailboxes(&list, ADDRESSES_MAX).into_iter().filter_map(|it| it.address));
    }
    // Ids that a report is about come last: the header's own are more reliable.
    let last =
        [vec![text("Original-Message-ID")], bodies.parents.iter().map(|id| format!("<{id}>")).collect()].concat();
    let subject = fields.texts("Subject", charset).into_iter().find(|it| !it.trim().is_empty()).unwrap_or_default();
    Mail {
        message_id: mail::message_id(&text("Message-ID")),
        sent_at: date::moment(&date),
        parents: thread::parents(&text("In-Reply-To"), &fields.texts("References", charset), &last),
        automatic: automatic::is_automatic(fields, &subject, from_email.as_deref()),
        from_name,
        from_email,
        to,
        subject: mail::subject(&subject),
        ..bodies
    }
    .keyed(raw, &date)
}

/// The author: the first address of `From`, or else of `Sender` or `Reply-To`.
fn sender(fields: &Fields<'_>, charset: Option<Charset>) -> (String, Option<String>) {
    let mut nameless = String::new();
    for field in ["From", "Sender", "Reply-To"] {
        for value in fields.structured(field, charset) {
            for mailbox in address::mailboxes(&value, ADDRESSES_MAX) {
                if let Some(address) = mailbox.address {
                    return (mail::name(&mailbox.name), Some(address));
                }
                if field == "From" && nameless.is_empty() {
                    nameless = mail::name(&mailbox.name);
                }
            }
        }
    }
    (nameless, None)
}

#[cfg(test)]
mod tests;

//! Invariants of parsed mails and cleaned HTML, whatever a stranger sends. For tests and fuzz targets; no release
//! contains it.

use crate::{
    html,
    ingest::{self, Mail},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

/// Greatest size of clean HTML that is cleaned a second time, in bytes.
const CLEAN_TWICE_MAX_BYTES: usize = 64 * 1024;

/// Greatest size of a mail's bodies that are written out and parsed a second time, in bytes.
const READ_TWICE_MAX_BYTES: usize = 512 * 1024;

/// Parses `raw` as a mail and makes its bodies.
///
/// # Panics
/// If a property does not hold that the store or a browser relies on.
pub fn mail(raw: &[u8]) {
    let mail = ingest::read(raw);
    assert_eq!(mail.dedup_key, ingest::read(raw).dedup_key);
    of_mail(&mail);
    assert_same(&mail, &ingest::read(&written(&mail)));
}

/// A mail that states exactly what was parsed from another.
fn written(mail: &Mail) -> Vec<u8> {
    let word = |text: &str| format!("=?utf-8?B?{}?=", BASE64.encode(text));
    let mut raw = format!("Subject: {}\r\n", word(&mail.subject));
    if let Some(email) = &mail.from_email {
        raw += &format!("From: {} <{email}>\r\n", word(&mail.from_name));
    }
    if let Some(id) = &mail.message_id {
        raw += &format!("Message-ID: {}\r\n", word(&format!("<{id}>")));
    }
    raw += "Content-Type: multipart/alternative; boundary=\"=b\"\r\n\r\n";
    for (kind, text) in [("plain", &mail.text), ("html", &mail.html)] {
        let head = format!("--=b\r\nContent-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n");
        raw += &text.as_ref().map(|text| format!("{head}\r\n{}\r\n", BASE64.encode(text))).unwrap_or_default();
    }
    (raw + "--=b--\r\n").into_bytes()
}

/// Writing a parsed mail out and parsing it again gives the same.
fn assert_same(read: &Mail, again: &Mail) {
    let text = read.text.as_deref();
    let html = read.html.as_deref();
    let size = text.unwrap_or_default().len() + html.unwrap_or_default().len();
    if size == 0 || size > READ_TWICE_MAX_BYTES {
        return;
    }
    assert_eq!((&read.subject, &read.from_email), (&again.subject, &again.from_email));
    assert_eq!(read.message_id, again.message_id);
    assert_eq!((text, html), (again.text.as_deref(), again.html.as_deref()));
    // A longer name was cut, perhaps before a quote.
    if read.from_email.is_some() && read.from_name.chars().count() < 250 {
        assert_eq!(read.from_name, again.from_name);
    }
}

/// Properties of every parsed mail.
pub(crate) fn of_mail(mail: &Mail) {
    let line = |text: &str, max: usize| text.chars().count() <= max && !text.chars().any(char::is_control);
    assert!(line(&mail.subject, 255) && !mail.subject.is_empty(), "{:?}", mail.subject);
    assert!(line(&mail.from_name, 255), "{:?}", mail.from_name);
    assert!(mail.from_email.as_ref().is_none_or(|it| line(it, 254) && it.contains('@')), "{:?}", mail.from_email);
    assert!(mail.message_id.iter().chain(&mail.parents).all(|it| line(it, 500) && !it.is_empty()));
    let bodies = [&mail.text, &mail.html].into_iter().flatten();
    // At most two texts beyond the limit: the one that exceeds it, and its form in the other body.
    bodies.for_each(|it| assert!(!it.contains(['\0', '\r']) && it.len() <= 16 << 20, "{} bytes", it.len()));
    let lines = mail.file_lines();
    assert!(lines.len() <= 101 && lines.iter().all(|it| line(it, 400)), "{lines:?}");
    let bodies = html::mail_bodies(mail.text.as_deref(), mail.html.as_deref(), &lines);
    assert!(bodies.text.len() <= html::BODY_MAX_BYTES && bodies.html.len() <= html::BODY_MAX_BYTES);
    assert!(!bodies.text.contains('\0') && !bodies.html.contains('\0'));
    harmless(&bodies.html);
    assert!(mail.html.as_deref().is_none_or(html::is_readable_alike), "{:?}", mail.html);
}

/// Contains no tag that could run, and none appears when it is parsed and cleaned a second time.
fn harmless(markup: &str) {
    assert_no_bad_tag(markup);
    if markup.len() <= CLEAN_TWICE_MAX_BYTES {
        assert_no_bad_tag(&html::bodies(None, Some(markup)).unwrap_or_default().html);
    }
}

fn assert_no_bad_tag(markup: &str) {
    let lower = markup.to_ascii_lowercase();
    for tag in ["<script", "<style", "<iframe", "<svg", "<math", "<object", "<form", "<img", "<!--"] {
        assert!(!lower.contains(tag), "{tag} in {markup:?}");
    }
}

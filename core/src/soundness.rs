//! What holds whatever a stranger sends. Tests and fuzz targets ask it; no release has it.

use crate::{
    html,
    ingest::{self, Mail},
};

/// Greatest size of clean HTML that is cleaned once more, in bytes.
const CLEAN_TWICE_MAX_BYTES: usize = 64 * 1024;

/// Reads `raw` as a mail and makes bodies of it.
///
/// # Panics
/// When anything that the store or a browser relies on does not hold.
pub fn mail(raw: &[u8]) {
    let mail = ingest::read(raw);
    assert_eq!(mail.dedup_key, ingest::read(raw).dedup_key);
    of_mail(&mail);
}

/// What holds of every mail that was read.
pub fn of_mail(mail: &Mail) {
    let line = |text: &str, max: usize| text.chars().count() <= max && !text.chars().any(char::is_control);
    assert!(line(&mail.subject, 255) && !mail.subject.is_empty(), "{:?}", mail.subject);
    assert!(line(&mail.from_name, 255), "{:?}", mail.from_name);
    assert!(mail.from_email.as_ref().is_none_or(|it| line(it, 254) && it.contains('@')), "{:?}", mail.from_email);
    assert!(mail.message_id.iter().chain(&mail.parents).all(|it| line(it, 500) && !it.is_empty()));
    let lines = mail.file_lines();
    assert!(lines.len() <= 101 && lines.iter().all(|it| line(it, 400)), "{lines:?}");
    let bodies = html::mail_bodies(mail.text.as_deref(), mail.html.as_deref(), &lines);
    assert!(bodies.text.len() <= html::BODY_MAX_BYTES && bodies.html.len() <= html::BODY_MAX_BYTES);
    assert!(!bodies.text.contains('\0') && !bodies.html.contains('\0'));
    harmless(&bodies.html);
}

/// No tag that could run, and none comes out of it when it is read and cleaned once more.
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

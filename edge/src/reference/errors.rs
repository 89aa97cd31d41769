//! The catalogue of errors as HTML, readable without scripts.

use inboxops_proto::reason::{DetailCode, Reason};
use std::fmt::Write as _;

/// Every reason by HTTP status, each with the anchor of its `doc_url`.
pub(super) fn reasons() -> String {
    let mut reasons = Reason::ALL.to_vec();
    reasons.sort_by_key(|reason| reason.http_status());
    let mut html = String::new();
    for same in reasons.chunk_by(|one, other| one.http_status() == other.http_status()) {
        let status = same.first().map_or(0, |reason| reason.http_status());
        let phrase = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let _ = writeln!(html, "<h3>{status} {}</h3>", phrase.unwrap_or_default());
        for reason in same {
            entry(&mut html, *reason);
        }
    }
    html
}

/// Every detail code with its meaning.
pub(super) fn detail_codes() -> String {
    let mut html = String::new();
    for code in DetailCode::ALL {
        let name = code.name();
        let _ = writeln!(html, "<dt id=\"details-{name}\"><code>{name}</code></dt><dd>{}</dd>", prose(code.doc()));
    }
    html
}

fn entry(html: &mut String, reason: Reason) {
    let code = reason.rest_code();
    let _ = writeln!(
        html,
        "<article class=\"error\" id=\"errors-{code}\"><h4><a href=\"#errors-{code}\"><code>{code}</code></a></h4>\
         <p>{}</p><p class=\"said\">Message: “{}”</p><p class=\"grpc\">gRPC: <code>{}</code>, reason <code>{}</code></p></article>",
        prose(reason.doc()),
        prose(reason.message()),
        screaming(&format!("{:?}", reason.code())),
        reason.name(),
    );
}

/// Text with `code` between backticks, as HTML.
pub(super) fn prose(text: &str) -> String {
    let mut html = String::new();
    for (index, part) in text.split('`').enumerate() {
        let part = part.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        html += &if index % 2 == 0 { part } else { format!("<code>{part}</code>") };
    }
    html
}

/// `InvalidArgument` as gRPC writes it: `INVALID_ARGUMENT`.
fn screaming(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_shows_code_and_lets_no_markup_through() {
        assert_eq!(prose("`a` is <b> & `c<d`."), "<code>a</code> is &lt;b&gt; &amp; <code>c&lt;d</code>.");
    }

    #[test]
    fn codes_are_named_as_grpc_names_them() {
        assert_eq!(screaming("InvalidArgument"), "INVALID_ARGUMENT");
        assert_eq!(screaming("Internal"), "INTERNAL");
    }
}

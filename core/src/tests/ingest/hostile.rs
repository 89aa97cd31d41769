//! Active markup: none of it survives in a mail.

use super::{TestMailbox, letter, on_both};

/// Known ways to run a script in a mail program or a browser. `tests/browser` renders the cleaned results.
fn vectors() -> Vec<String> {
    serde_json::from_str(include_str!("../../../../tests/vectors/xss.json")).expect("a list of texts")
}

/// Clean HTML contains nothing active: no such tag, attribute or URL.
pub(super) fn assert_harmless(name: &str, html: &str) {
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let end =
            rest[start..].find('>').map(|end| start + end).unwrap_or_else(|| panic!("{name}: an open tag in {html:?}"));
        let tag = rest[start + 1..end].to_ascii_lowercase();
        let element: String = tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        let bad = [
            "script", "style", "iframe", "img", "svg", "math", "object", "embed", "form", "input", "button", "base",
            "meta", "link", "template", "video", "audio", "textarea", "select", "body", "font",
        ];
        assert!(!element.is_empty() && !bad.contains(&element.as_str()), "{name}: <{tag}> in {html:?}");
        // Values are always quoted in clean HTML, so names are between the quotes.
        for attribute in tag.split('"').step_by(2).flat_map(str::split_whitespace).skip(1) {
            let attribute = attribute.trim_end_matches('=');
            assert!(!attribute.starts_with("on") && attribute != "style", "{name}: {attribute} in {html:?}");
        }
        for value in tag.split('"').skip(1).step_by(2) {
            let plain: String = value.chars().filter(|it| !it.is_whitespace() && !it.is_control()).collect();
            for scheme in ["javascript:", "vbscript:", "data:"] {
                assert!(!plain.starts_with(scheme), "{name}: {value} in {html:?}");
            }
        }
        rest = &rest[end + 1..];
    }
}

async fn no_script_handler_or_address_that_runs_survives_a_mail(mailbox: TestMailbox) {
    for (at, vector) in vectors().iter().enumerate() {
        let header = "Content-Type: text/html; charset=utf-8\r\n";
        let mail = letter(&format!("{at}@x"), header).replace("Please refund it.", &format!("<p>before</p>{vector}"));
        let got = mailbox.mail(mail).await;
        let message = got.message.expect("a message");
        assert!(message.body_text.starts_with("before"), "{vector}: {}", message.body_text);
        assert_harmless(vector, &message.body_html);
        let plain = letter(&format!("{at}@y"), "").replace("Please refund it.", vector);
        assert_harmless(vector, &mailbox.mail(plain).await.message.expect("a message").body_html);
    }
}

on_both!(TestMailbox: no_script_handler_or_address_that_runs_survives_a_mail);

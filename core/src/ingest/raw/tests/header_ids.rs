//! The ids of a header are those that parsing the whole mail finds.

use super::*;

#[test]
fn ids_are_found_without_the_body() {
    for header in [
        "",
        "Message-ID: <a@x>\n",
        "Message-ID: <a@x>\nIn-Reply-To: <b@x>\nReferences: <root@x>\n <b@x>\n",
        "Subject: x\r\nMessage-Id: =?utf-8?q?=3Ca=40x=3E?=\r\nReferences: <root@x><c@x>\r\nReferences: <d@x>\r\n",
        "Subject: x\nOriginal-Message-ID: <o@x>\nIn-Reply-To: Your mail of Monday\n",
        "From a@b Tue Nov 24 10:00:00 2026\nMessage-ID: <a@x>\n",
        "\n\nMessage-ID: a@x\n",
    ] {
        for body in ["", "\nMessage-ID: <no@x>\nReferences: <no@x>\n"] {
            let raw = format!("{header}{body}");
            let mail = read(raw.as_bytes());
            let expected: Vec<String> = mail.message_id.into_iter().chain(mail.parents).collect();
            assert_eq!(ids(raw.as_bytes()), expected, "{raw:?}");
        }
    }
    assert_eq!(ids(b"Message-ID: <a@x>\rReferences: <b@x>\r\rx"), ["a@x", "b@x"], "lines of old Macs");
}

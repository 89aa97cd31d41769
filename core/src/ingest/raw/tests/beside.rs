//! Malformed structures: delimiters, encodings, parts that are marked as something else.

use super::super::read;
use crate::html;

const HEAD: &str = "Message-ID: <a@x>\r\nFrom: Ada <ada@example.com>\r\nSubject: Order\r\nMIME-Version: 1.0\r\n";

/// The text of a mail, with lines for its attachments.
fn text(header: &str, body: impl AsRef<[u8]>) -> String {
    bodies(header, body).text
}

fn bodies(header: &str, body: impl AsRef<[u8]>) -> html::Bodies {
    let raw = [HEAD.as_bytes(), header.as_bytes(), b"\r\n\r\n", body.as_ref()].concat();
    let mail = read(&raw);
    assert_eq!((mail.subject.as_str(), mail.from_email.as_deref()), ("Order", Some("ada@example.com")), "{header}");
    html::mail_bodies(mail.text.as_deref(), mail.html.as_deref(), &mail.file_lines())
}

fn multipart(kind: &str, parts: &[&str]) -> (String, String) {
    let body = parts.iter().map(|part| format!("--b\r\n{part}\r\n")).collect::<String>() + "--b--\r\n";
    (format!("Content-Type: multipart/{kind}; boundary=b"), body)
}

fn parted(kind: &str, parts: &[&str]) -> String {
    let (header, body) = multipart(kind, parts);
    text(&header, body)
}

const PLAIN: &str = "Content-Type: text/plain\r\n\r\nplain words";
const RICH: &str = "Content-Type: text/html\r\n\r\n<p>rich words</p>";
const PDF: &str = "Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0=";
const FILE: &str = "[Attachment: a.pdf (application/pdf, 5 bytes)]";

#[test]
fn a_header_that_is_not_needed_costs_none_that_is() {
    for strange in [
        "Date: Tue, 24 Nov 2026 10:00:00 Z",
        "Date: Tue, 24 Nov 2026 10:00:00 A",
        "Date: Tue, 24 Nov 2026 10:00:00 +01",
        "Date: (",
        "Date:",
        "Received: from x (y",
        "X-Empty:",
        "To: \"open",
        "Cc: a@x, <",
        "DKIM-Signature: v=1; b=abc=\r\n\tdef",
        "X-Long: =?utf-8?Q?open",
    ] {
        for last in [true, false] {
            let header = "Content-Type: text/html; charset=utf-8";
            let header = if last { format!("{header}\r\n{strange}") } else { format!("{strange}\r\n{header}") };
            assert_eq!(text(&header, "<p>hi <b>you</b></p>"), "hi you", "{header}");
        }
    }
    let mail = read(b"From: Ada <ada@example.com>\r\nSubject: Order");
    assert_eq!((mail.subject.as_str(), mail.from_name.as_str()), ("Order", "Ada"));
    let mac = read(b"From: Ada <ada@example.com>\rSubject: Order\r\rwords\rmore\r");
    assert_eq!((mac.subject.as_str(), mac.text.as_deref()), ("Order", Some("words\nmore\n")));
}

#[test]
fn parameters_and_encodings_are_read_through_folds_and_comments() {
    for boundary in
        ["boundary=\r\n\t\"b\"", "boundary\r\n =b", "\r\n boundary=b\r\n ;x=y", "boundary=(c)b", "boundary=\"b\" (c)"]
    {
        let (_, body) = multipart("alternative", &[PLAIN, RICH]);
        let bodies = bodies(&format!("Content-Type: multipart/alternative; {boundary}"), body);
        assert_eq!((bodies.text.as_str(), bodies.html.as_str()), ("plain words", "<p>rich words</p>"), "{boundary}");
    }
    let type_ = "Content-Type: text/plain; charset=\r\n \"iso-8859-1\"\r\nContent-Transfer-Encoding:";
    for encoding in
        ["quoted-printable (as always)", "\r\n quoted-printable", "(x) Quoted-Printable", "quoted-printable;"]
    {
        assert_eq!(text(&format!("{type_} {encoding}"), "Gr=F6=DFe"), "Größe", "{encoding}");
    }
}

#[test]
fn a_delimiter_in_a_line_ends_nothing() {
    for line in
        ["see --b in the source", "> --b", "> --b--", " --b", "--bb", "--b x", "--b-", "--b--x", "--B", "x--b--"]
    {
        let part = format!("Content-Type: text/plain\r\n\r\nbefore\r\n{line}\r\nCall me back: 0123 456.");
        assert!(parted("mixed", &[&part, PLAIN]).ends_with("0123 456.\n\nplain words"), "{line}");
    }
}

#[test]
fn base64_keeps_what_stands_below_it() {
    let header = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64";
    for (body, expected) in [
        ("R3LDtsOfZQ==", "Größe"),
        ("R3LDtsOfZQ", "Größe"),
        ("R3LD!tsOfZQ==\r\n", "Größe"),
        ("R3LD tsOfZQ==", "Größe"),
        ("R3LDtsOfZQ==\r\n\r\n-- \r\nA list server adds this", "Größe\n\n-- \nA list server adds this"),
        (
            "R3LDtsOfZQ==\r\n_______________________\r\nlist mailing list",
            "Größe\n\n_______________________\nlist mailing list",
        ),
        ("These are plain words, whatever the header says.", "These are plain words, whatever the header says."),
    ] {
        assert_eq!(text(header, body), expected, "{body}");
    }
}

#[test]
fn flowed_lines_are_paragraphs() {
    let header = "Content-Type: text/plain; charset=utf-8; format=";
    let body = "One sentence that \r\nthe program \r\nbroke.\r\n\r\n> quoted \r\n> too\r\n-- \r\nAda\r\n";
    for flowed in ["flowed", "Flowed", "\"flowed\"; delsp=no", "\r\n flowed"] {
        let expected = "One sentence that the program broke.\n\n> quoted too\n-- \nAda";
        assert_eq!(text(&format!("{header}{flowed}"), body), expected, "{flowed}");
    }
    assert_eq!(text(&format!("{header}flowed; delsp=yes"), "a par \r\nagraph"), "a paragraph");
    assert_eq!(text(&format!("{header}fixed"), "a \r\nb"), "a \nb");
    let quoted = format!("{header}flowed\r\nContent-Transfer-Encoding: quoted-printable");
    assert_eq!(text(&quoted, "Gr=C3=B6=C3=9Fe=20\r\nzwei"), "Größe zwei");
}

#[test]
fn a_text_that_is_marked_as_a_file_is_read_when_there_is_no_other() {
    let marked = "Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nplain words";
    let named = "Content-Type: text/plain\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nplain words";
    assert_eq!(parted("mixed", &[marked]), "plain words");
    assert_eq!(parted("mixed", &[marked, PDF]), format!("plain words\n\n{FILE}"));
    assert_eq!(parted("mixed", &[named]), "plain words\n\n[Attachment: a.txt (text/plain, 11 bytes)]");
    assert_eq!(
        text("Content-Type: text/plain\r\nContent-Disposition: attachment; filename=a.txt", "plain words"),
        "plain words\n\n[Attachment: a.txt (text/plain, 11 bytes)]"
    );
    assert_eq!(text("Content-Type: text/html\r\nContent-Disposition: attachment", "<b>rich</b> words"), "rich words");
    assert_eq!(parted("mixed", &[PLAIN, named]), "plain words\n\n[Attachment: a.txt (text/plain, 11 bytes)]");
    assert_eq!(text("Content-Type: text/markdown", "# words"), "# words");
    let shown = "Content-Type: text/plain; name=a.txt\r\nContent-Disposition: inline\r\n\r\nfooter";
    assert_eq!(parted("mixed", &[PLAIN, shown]), "plain words\n\nfooter");
}

#[test]
fn a_forwarded_mail_keeps_its_words() {
    let inner = "From: Bob <bob@example.net>\r\nSubject: Broken lamp\r\n\r\nmy lamp is broken\r\n";
    let words = "---------- Forwarded message ----------\nFrom: Bob <bob@example.net>\nSubject: Broken lamp\n\nmy lamp is broken";
    let is_whole = |text: &str| text.contains(words) && text.contains("[Attachment: Broken lamp (message/rfc822, ");
    assert!(is_whole(&text("Content-Type: message/rfc822", inner)));
    let part = format!("Content-Type: message/rfc822\r\n\r\n{inner}");
    let with_line = parted("mixed", &[PLAIN, &part]);
    assert!(with_line.starts_with("plain words\n\n-----") && is_whole(&with_line), "{with_line}");
    let marked =
        format!("Content-Type: message/rfc822\r\nContent-Disposition: attachment; filename=x.eml\r\n\r\n{inner}");
    assert!(parted("mixed", &[PLAIN, &marked]).contains("my lamp is broken"));
    assert!(parted("digest", &[&format!("\r\n{inner}")]).contains(words));
    assert_eq!(
        parted("mixed", &["\r\nFrom: these are\r\n\r\nwords"]),
        "From: these are\n\nwords",
        "a part without a header"
    );
    let rich = bodies(&multipart("mixed", &[RICH, &part]).0, multipart("mixed", &[RICH, &part]).1);
    assert!(rich.text.starts_with("rich words\n\n-----") && is_whole(&rich.text), "{}", rich.text);
    assert!(rich.html.contains("<p>my lamp is broken</p>"), "{}", rich.html);
    let encoded = "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA0KDQpteSBsYW1wIGlzIGJyb2tlbg0K";
    assert!(parted("mixed", &[encoded]).contains("my lamp is broken"));
    let twice =
        format!("Content-Type: message/rfc822\r\n\r\nSubject: Fwd\r\nContent-Type: message/rfc822\r\n\r\n{inner}");
    assert!(parted("mixed", &[&twice]).contains("my lamp is broken"));
    let report = parted("report; report-type=delivery-status", &[PLAIN, &part]);
    assert!(!report.contains("my lamp is broken"), "a report returns what we sent: {report}");
}

#[test]
fn what_is_for_programs_is_a_file_with_a_name() {
    let calendar = "Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR";
    let amp = "Content-Type: text/x-amp-html\r\n\r\n<html amp4email>x</html>";
    let found = parted("alternative", &[PLAIN, amp, RICH, calendar]);
    assert_eq!(
        found,
        "plain words\n\n[Attachment: amp.html (text/x-amp-html, 24 bytes)]\n[Attachment: invite.ics (text/calendar, 15 bytes)]"
    );
    let alone = text("Content-Type: text/calendar; method=REQUEST", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n");
    assert_eq!(alone, "[Attachment: invite.ics (text/calendar, 32 bytes)]");
    let named = "Content-Type: text/calendar; name=\"call.ics\"\r\n\r\nBEGIN:VCALENDAR";
    assert!(parted("mixed", &[PLAIN, named]).contains("[Attachment: call.ics (text/calendar"));
}

#[test]
fn every_text_is_read() {
    let apple = "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\nContent-Type: text/html\r\n\r\n<p>first</p>\r\n--c\r\n\
        Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0=\r\n--c\r\n\
        Content-Type: text/html\r\n\r\n<p>last</p>\r\n--c--";
    assert_eq!(parted("alternative", &[PLAIN, apple]), format!("plain words\n\n{FILE}"));
    assert_eq!(
        parted("mixed", &[RICH, PDF, "Content-Type: text/plain\r\n\r\nfooter"]),
        format!("rich words\n\nfooter\n\n{FILE}")
    );
    assert_eq!(parted("mixed", &[PLAIN, RICH]), "plain words\n\nrich words");
    assert_eq!(
        parted("related; start=\"<two>\"", &[PDF, "Content-ID: <two>\r\nContent-Type: text/html\r\n\r\n<b>rich</b>"]),
        format!("rich\n\n{FILE}")
    );
    let whole = "Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: quoted-printable";
    assert_eq!(text(whole, "--b\r\n\r\none\r\n--b--"), "one");
    let encoded = "Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: base64";
    assert_eq!(text(encoded, "LS1iDQoNCndvcmRzDQotLWItLQ0K"), "words");
}

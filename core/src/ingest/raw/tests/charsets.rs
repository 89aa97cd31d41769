//! Charsets: missing and wrong labels, and bytes in headers.

use super::super::read;

/// Subject and text of a mail whose content type has these parameters.
fn letters(subject: &[u8], parameters: &str, body: &[u8]) -> (String, String) {
    let header = format!("From: a@x.example\r\nContent-Type: text/plain{parameters}\r\nSubject: ");
    let mail = read(&[header.as_bytes(), subject, b"\r\n\r\n", body].concat());
    (mail.subject, mail.text.unwrap_or_default())
}

#[test]
fn a_body_is_read_whatever_its_label() {
    for (parameters, body, expected) in [
        ("; charset=us-ascii", "Größe 42 für 5 €".as_bytes(), "Größe 42 für 5 €"),
        ("; charset=iso-8859-1", "Größe 42 für 5 €".as_bytes(), "Größe 42 für 5 €"),
        ("", b"Gr\xf6\xdfe caf\xe9", "Größe café"),
        ("; charset=x-unknown", b"Gr\xf6\xdfe \x80", "Größe €"),
        ("; charset=cp932", b"\x87\x40\xfb\xfc\xed\x95", "①髙﨑"),
        ("; charset=latin-1", b"Gr\xf6\xdfe", "Größe"),
        ("; charset=win-1251", b"\xcf\xf0\xe8\xe2\xe5\xf2", "Привет"),
        ("; charset=cp437", b"Gr\x94\xe1e", "Größe"),
        ("; charset=\r\n\t\"ISO-8859-1\"", b"Gr\xf6\xdfe", "Größe"),
    ] {
        assert_eq!(letters(b"x", parameters, body).1, expected, "{parameters}");
    }
}

#[test]
fn bytes_in_a_header_take_the_charset_of_the_body() {
    let koi8 = b"\xf0\xd2\xc9\xd7\xc5\xd4";
    assert_eq!(letters(koi8, "; charset=koi8-r", koi8), ("Привет".into(), "Привет".into()));
    assert_eq!(letters("Größe".as_bytes(), "; charset=koi8-r", b"x").0, "Größe");
    assert_eq!(letters(b"Gr\xf6\xdfe", "", b"x").0, "Größe");
    assert_eq!(letters(b"\x1b$BCmJ8\x1b(B", "; charset=iso-2022-jp", b"x").0, "注文");
    let raw =
        b"From: \xf0\xd2\xc9\xd7\xc5\xd4 <a@x.example>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
        Content-Type: text/plain; charset=koi8-r\r\n\r\nx\r\n--b--\r\n";
    assert_eq!(read(raw).from_name, "Привет", "the charset of the first text");
}

#[test]
fn html_may_name_its_charset_itself() {
    let read = |label: &str, body: &[u8]| {
        let header = format!("From: a@x.example\r\nContent-Type: text/html{label}\r\n\r\n");
        read(&[header.as_bytes(), body].concat()).html.unwrap_or_default()
    };
    let body = b"<html><head><meta charset=\"windows-1251\"></head><p>\xcf\xf0\xe8\xe2\xe5\xf2</p>";
    assert!(read("", body).contains("<p>Привет</p>"));
    assert!(read("; charset=unknown-8bit", body).contains("<p>Привет</p>"));
    let twice = b"<meta charset=\"utf-8\"><p>\xcf\xf0\xe8\xe2\xe5\xf2</p>";
    assert!(read("; charset=windows-1251", twice).contains("<p>Привет</p>"), "the header is asked first");
}

#[test]
fn no_text_begins_with_a_mark_of_the_byte_order() {
    let raw = "From: a@x.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html; \
        charset=utf-8\r\n\r\n<p><tt>\u{feff}\u{feff}Search</tt></p>\r\n--b\r\nContent-Type: text/plain\r\n\r\nand find\r\n--b--\r\n";
    assert_eq!(read(raw.as_bytes()).text.as_deref(), Some("Search\n\nand find"));
    assert_eq!(letters(b"x", "; charset=utf-8", "\u{feff}\u{feff}Search".as_bytes()).1, "Search");
}

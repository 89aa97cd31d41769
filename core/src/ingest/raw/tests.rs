//! Parsing a mail always ends and gives clean strings of bounded length, and nothing is lost of what programs write
//! against the rules.

mod beside;
mod charsets;
mod header_ids;
mod machines;

use super::*;
use crate::mail_invariants;
use proptest::prelude::*;
use std::time::Instant;

/// Pieces of mails, well-formed and malformed.
const PIECES: &[&[u8]] = &[
    b"From: Ada <ada@example.com>\r\n",
    b"From: =?utf-8?B?QWRh?= <a@b>, x@y",
    b"Subject: =?iso-2022-jp?B?GyRC?=\r\n",
    b"Subject: [#42] ",
    b"Message-ID: <a@b>\r\n",
    b"References: <a@b> <c@d>\r\n <e",
    b"Content-Type: multipart/mixed; boundary=b\r\n",
    b"Content-Type: multipart/alternative; boundary=\"b\"\n",
    b"Content-Type: message/rfc822\r\n",
    b"Content-Type: text/html; charset=utf-16\r\n",
    b"Content-Type: text/plain; charset=",
    b"Content-Type: application/pdf; name*0=a; name*1*=utf-8''%C3\r\n",
    b"Content-Disposition: attachment; filename=\"\xe2\x80\xaex.exe\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"\r\n",
    b"\n",
    b"\r\n--b\r\n",
    b"\r\n--b--\r\n",
    b"\r\n\r\n",
    b"<p><script>x</script><b a=1>",
    b"<!-- <![CDATA[ <svg><style>",
    b"=C3=\r\n=ZZ=",
    b"aGVsbG8=",
    b"\0\x01\x7f",
    b"\xff\xfe\xc3\x28\xed\xa0\x80",
    b"words and words",
    b"begin 644 x\n",
    b":",
    b"<>",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_are_read(raw in proptest::collection::vec(any::<u8>(), 0..2000)) {
        mail_invariants::mail(&raw);
    }

    #[test]
    fn any_pieces_of_mails_are_read(pieces in proptest::collection::vec(0..PIECES.len(), 0..60)) {
        let raw: Vec<u8> = pieces.iter().flat_map(|at| PIECES[*at]).copied().collect();
        mail_invariants::mail(&raw);
    }

    #[test]
    fn a_mail_with_bytes_changed_or_cut_is_read(changes in proptest::collection::vec((0..600usize, any::<u8>()), 0..20), end in 0..600usize) {
        let mut raw = b"Message-ID: <a@b>\r\nFrom: \"Ada\" <ada@example.com>\r\nSubject: =?utf-8?Q?Gr=C3=B6=C3=9Fe?=\r\n\
            MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b1\"\r\n\r\n--b1\r\nContent-Type: \
            multipart/alternative; boundary=b2\r\n\r\n--b2\r\nContent-Type: text/plain; charset=utf-8\r\n\
            Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=B6=C3=9Fe\r\n--b2\r\nContent-Type: text/html\r\n\r\n\
            <p>words</p>\r\n--b2--\r\n--b1\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: \
            base64\r\n\r\nJVBERi0=\r\n--b1--\r\n".to_vec();
        for (at, byte) in changes {
            if let Some(old) = raw.get_mut(at) {
                *old = byte;
            }
        }
        raw.truncate(raw.len().min(end.max(1)));
        mail_invariants::mail(&raw);
    }
}

#[test]
fn mails_built_to_cost_much_are_read() {
    let head = "Message-ID: <a@b>\r\nSubject: Bomb\r\n";
    let html = |body: String| format!("{head}Content-Type: text/html\r\n\r\n{body}").into_bytes();
    let inside = "Content-Type: message/rfc822\r\n\r\n";
    let bombs: [(&str, Vec<u8>); 12] = [
        ("mails in mails", format!("{head}{}x", inside.repeat(100_000)).into_bytes()),
        ("digests in digests", {
            let level = "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n";
            format!("{head}{}x", level.repeat(50_000)).into_bytes()
        }),
        (
            "many parts",
            format!("{head}Content-Type: multipart/mixed; boundary=b\r\n\r\n{}", "--b\n\n".repeat(500_000))
                .into_bytes(),
        ),
        ("many boundaries", {
            let level = |at: usize| format!("Content-Type: multipart/mixed; boundary=b{at}\r\n\r\n--b{at}\r\n");
            format!("{head}{}x", (0..9_000).map(level).collect::<String>()).into_bytes()
        }),
        ("deep", html("<div>".repeat(3_000))),
        ("formatting", html((0..30_000).map(|at| format!("<b a={at}>")).collect::<String>() + &"<p>".repeat(20_000))),
        ("font", html((0..30_000).map(|at| format!("<FONT a={at}>")).collect::<String>() + &"<p>".repeat(20_000))),
        (
            "formatting in cells",
            html((0..9_000).map(|at| format!("<table><td><i a={at}>")).collect::<String>() + &"<p>".repeat(20_000)),
        ),
        ("one attribute", html(format!("<p {}>", "a=b ".repeat(200_000)))),
        ("open tags", html("<".repeat(400_000))),
        ("entities", html("&#0;&amp;".repeat(20_000))),
        ("encoded words", format!("{head}To: {}\r\n\r\nx", "=?utf-8?q?a?= <a@b>, ".repeat(20_000)).into_bytes()),
    ];
    for (name, raw) in bombs {
        let started = Instant::now();
        let mail = read(&raw);
        assert_eq!(mail.subject, "Bomb", "{name}");
        mail_invariants::of_mail(&mail);
        // For people only: a busy machine may take any time.
        eprintln!("{name}: {:?} for {} kB", started.elapsed(), raw.len() / 1024);
    }
}

//! Mails of all kinds, written for these tests and under this project's licences: every common charset in every
//! transfer encoding, the structures of all mail programs, and malformed mails. No mail is a real person's.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

/// A mail, and what parsing it must give.
pub(super) struct Sample {
    pub(crate) name: String,
    pub(crate) raw: Vec<u8>,
    /// Subject of the ticket.
    pub(crate) subject: Option<String>,
    /// Texts that must be in its body.
    pub(crate) says: Vec<String>,
}

impl Sample {
    fn new(name: &str, raw: impl Into<Vec<u8>>) -> Sample {
        Sample { name: name.to_owned(), raw: raw.into(), subject: None, says: Vec::new() }
    }

    fn subject(mut self, subject: &str) -> Sample {
        self.subject = Some(subject.to_owned());
        self
    }

    fn says(mut self, text: &str) -> Sample {
        self.says.push(text.to_owned());
        self
    }
}

/// All samples.
pub(super) fn all() -> Vec<Sample> {
    let mut all = charsets();
    all.extend(structures());
    all.extend(headers());
    all.extend(broken());
    all
}

/// A sentence in a charset that can write it.
const SENTENCES: [(&str, &str); 21] = [
    ("utf-8", "Größe 42 – naïve café 日本 🙂"),
    ("UTF8", "Größe 42 – naïve café"),
    ("iso-8859-1", "Größe 42, naïve café"),
    ("ISO-8859-15", "Größe 42 € café"),
    ("windows-1252", "Größe 42 € “quoted”"),
    ("iso-8859-2", "Zażółć gęślą jaźń"),
    ("windows-1250", "Příliš žluťoučký kůň"),
    ("iso-8859-5", "Привет из поддержки"),
    ("windows-1251", "Привет из поддержки"),
    ("koi8-r", "Привет из поддержки"),
    ("iso-8859-7", "Καλημέρα κόσμε"),
    ("windows-1253", "Καλημέρα κόσμε"),
    ("iso-8859-9", "İyi günler şağ"),
    ("windows-1256", "مرحبا بالعالم"),
    ("shift_jis", "注文番号について"),
    ("euc-jp", "注文番号について"),
    ("iso-2022-jp", "注文番号について"),
    ("euc-kr", "주문 번호 안내"),
    ("gb2312", "订单号码问题"),
    ("gb18030", "订单号码问题"),
    ("big5", "訂單號碼問題"),
];

fn encoded(charset: &str, text: &str) -> Vec<u8> {
    let encoding = encoding_rs::Encoding::for_label(charset.as_bytes()).expect("a charset of the web");
    let (bytes, _, lossy) = encoding.encode(text);
    assert!(!lossy, "{charset} cannot write {text}");
    bytes.into_owned()
}

fn quoted(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("={byte:02X}")).collect()
}

fn charsets() -> Vec<Sample> {
    let mut all = Vec::new();
    for (at, (charset, sentence)) in SENTENCES.iter().enumerate() {
        let bytes = encoded(charset, sentence);
        for (way, body) in [
            ("base64", BASE64.encode(&bytes).into_bytes()),
            ("quoted-printable", quoted(&bytes).into_bytes()),
            ("8bit", bytes.clone()),
        ] {
            let subject = match at % 2 {
                0 => format!("=?{charset}?B?{}?=", BASE64.encode(&bytes)),
                _ => format!("=?{charset}?q?{}?=", quoted(&bytes)),
            };
            let mut raw = format!(
                "Message-ID: <{charset}.{way}@corpus.example>\r\nFrom: Ada <ada@example.com>\r\nSubject: {subject}\r\n\
                 MIME-Version: 1.0\r\nContent-Type: text/plain; charset=\"{charset}\"\r\n\
                 Content-Transfer-Encoding: {way}\r\n\r\n"
            )
            .into_bytes();
            raw.extend(body);
            raw.extend(b"\r\n");
            all.push(Sample::new(&format!("{charset} {way}"), raw).subject(sentence).says(sentence));
        }
    }
    all
}

/// A mail with a header of its own and the usual ones.
fn mail(id: &str, more: &str, body: &str) -> String {
    format!(
        "Message-ID: <{id}@corpus.example>\r\nFrom: Ada Lovelace <ada@example.com>\r\nTo: support@acme.example\r\n\
         Subject: Order 1042\r\nDate: Tue, 24 Nov 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\n{more}\r\n{body}"
    )
}

fn structures() -> Vec<Sample> {
    let alternative = "--alt\r\nContent-Type: text/plain\r\n\r\nplain words\r\n--alt\r\nContent-Type: text/html\r\n\r\n\
                       <p>rich <b>words</b></p>\r\n--alt--\r\n";
    let nested = |depth: usize| {
        let mut body = "Content-Type: text/plain\r\n\r\ndeep words\r\n".to_owned();
        for level in 0..depth {
            body = format!(
                "Content-Type: multipart/mixed; boundary=\"b{level}\"\r\n\r\n--b{level}\r\n{body}\r\n--b{level}--\r\n"
            );
        }
        body
    };
    let multipart =
        |kind: &str, id: &str, body: &str| mail(id, &format!("Content-Type: multipart/{kind}; boundary=alt\r\n"), body);
    let file = "--alt\r\nContent-Type: application/pdf; name=\"invoice.pdf\"\r\nContent-Disposition: attachment; \
                filename=\"invoice.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\r\n";
    let text = "--alt\r\nContent-Type: text/plain\r\n\r\nplain words\r\n";
    let inner = "Message-ID: <inner@x>\r\nFrom: bob@example.net\r\nSubject: Inner\r\n\r\ninner words\r\n";
    vec![
        Sample::new("plain", mail("plain", "", "plain words\r\n")).subject("Order 1042").says("plain words"),
        Sample::new("alternative", multipart("alternative", "alt1", alternative)).says("plain words"),
        Sample::new("html alone", mail("html", "Content-Type: text/html\r\n", "<p>rich <b>words</b></p>")).says("rich words"),
        Sample::new("file", multipart("mixed", "file", &format!("{text}{file}--alt--\r\n")))
            .says("plain words")
            .says("[Attachment: invoice.pdf (application/pdf, 9 bytes)]"),
        Sample::new("file alone", multipart("mixed", "filealone", &format!("{file}--alt--\r\n"))).says("invoice.pdf"),
        Sample::new(
            "related picture",
            multipart(
                "related",
                "related",
                "--alt\r\nContent-Type: text/html\r\n\r\n<p>see <img src=\"cid:p\"></p>\r\n--alt\r\n\
                 Content-Type: image/png\r\nContent-ID: <p>\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--alt--\r\n",
            ),
        )
        .says("see"),
        Sample::new(
            "two texts",
            multipart("mixed", "two", "--alt\r\n\r\nfirst words\r\n--alt\r\n\r\nlast words\r\n--alt--\r\n"),
        )
        .says("first words")
        .says("last words"),
        Sample::new(
            "text then html",
            multipart("mixed", "mixed", "--alt\r\n\r\nfirst words\r\n--alt\r\nContent-Type: text/html\r\n\r\n<i>last words</i>\r\n--alt--\r\n"),
        )
        .says("first words"),
        Sample::new("forwarded", multipart("mixed", "fwd", &format!("{text}--alt\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--alt--\r\n")))
            .says("plain words")
            .says("message/rfc822"),
        Sample::new("digest", multipart("digest", "digest", &format!("--alt\r\n\r\n{inner}--alt--\r\n"))),
        Sample::new("nested 5", mail("nest5", "", "").trim_end().to_owned() + "\r\n" + &nested(5)).says("deep words"),
        Sample::new("nested 60", mail("nest60", "", "").trim_end().to_owned() + "\r\n" + &nested(60)).says("deep words"),
        Sample::new("nested 2000", mail("nest2000", "", "").trim_end().to_owned() + "\r\n" + &nested(2000)),
        Sample::new("no closing boundary", multipart("mixed", "open", text)).says("plain words"),
        Sample::new("boundary never comes", multipart("mixed", "never", "words without a boundary\r\n")).says("words without a boundary"),
        Sample::new("empty boundary", mail("empty", "Content-Type: multipart/mixed; boundary=\"\"\r\n", "words\r\n")),
        Sample::new("no boundary at all", mail("none", "Content-Type: multipart/mixed\r\n", "just words\r\n")).says("just words"),
        Sample::new("preamble", multipart("alternative", "pre", &format!("This is a MIME mail.\r\n{alternative}"))).says("plain words"),
        Sample::new(
            "report",
            multipart(
                "report; report-type=delivery-status",
                "report",
                "--alt\r\n\r\nYour mail could not be delivered.\r\n--alt\r\nContent-Type: message/delivery-status\r\n\r\n\
                 Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; x@example.net\r\nAction: failed\r\n--alt--\r\n",
            ),
        )
        .says("could not be delivered"),
        Sample::new(
            "calendar",
            multipart("alternative", "cal", "--alt\r\n\r\nplease come\r\n--alt\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n--alt--\r\n"),
        )
        .says("please come"),
        Sample::new(
            "signed",
            multipart("signed; protocol=\"application/pgp-signature\"", "signed", &format!("{text}--alt\r\nContent-Type: application/pgp-signature; name=signature.asc\r\n\r\n-----BEGIN PGP SIGNATURE-----\r\n--alt--\r\n")),
        )
        .says("plain words"),
        Sample::new("flowed", mail("flowed", "Content-Type: text/plain; format=flowed; delsp=yes\r\n", "one \r\ntwo\r\n")).says("one"),
        Sample::new("windows lines lost", mail("lf", "", "plain words\r\n").replace("\r\n", "\n")).subject("Order 1042").says("plain words"),
        Sample::new("apple", mail("apple", "Content-Type: multipart/alternative;\r\n\tboundary=\"Apple-Mail=_1\"\r\nX-Mailer: Apple Mail (2.3774)\r\n",
            "--Apple-Mail=_1\r\nContent-Type: text/plain;\r\n\tcharset=utf-8\r\n\r\nfrom a phone\r\n--Apple-Mail=_1\r\nContent-Type: multipart/related; boundary=\"Apple-Mail=_2\"\r\n\r\n--Apple-Mail=_2\r\nContent-Type: text/html\r\n\r\n<div>from a phone</div>\r\n--Apple-Mail=_2--\r\n--Apple-Mail=_1--\r\n")).says("from a phone"),
        Sample::new("outlook", mail("outlook", "Content-Type: text/html; charset=\"us-ascii\"\r\n",
            "<html xmlns:o=\"urn:schemas-microsoft-com:office:office\"><head><style>p.MsoNormal{margin:0}</style></head><body><p class=MsoNormal>From Outlook<o:p></o:p></p><!--[if gte mso 9]><xml></xml><![endif]--></body></html>")).says("From Outlook"),
    ]
}

fn headers() -> Vec<Sample> {
    let with = |name: &str, header: &str| Sample::new(name, format!("{header}\r\n\r\nthe words\r\n")).says("the words");
    vec![
        with("only from", "From: ada@example.com").subject("(no subject)"),
        with("only subject", "Subject: Lonely").subject("Lonely"),
        with("empty subject", "From: ada@example.com\r\nSubject:").subject("(no subject)"),
        with("blank subject", "From: ada@example.com\r\nSubject: \t ").subject("(no subject)"),
        with("no from", "Subject: Nobody\r\nTo: support@acme.example").subject("Nobody"),
        with("empty from", "From:\r\nSubject: x"),
        with("from without address", "From: Ada Lovelace\r\nSubject: x"),
        with("from with broken address", "From: Ada <ada@>\r\nSubject: x"),
        with("from with comment", "From: ada@example.com (Ada, Countess)\r\nSubject: x"),
        with("from quoted", "From: \"Lovelace, Ada\" <ada@example.com>\r\nSubject: x"),
        with("from group", "From: Team: ada@example.com, bob@example.com;\r\nSubject: x"),
        with("from twice", "From: ada@example.com\r\nFrom: bob@example.com\r\nSubject: x"),
        with("from encoded", "From: =?utf-8?B?QWRhIEzDtnZlbGFjZQ==?= <ada@example.com>\r\nSubject: x"),
        with("from 8-bit", "From: Adá Lövelace <ada@example.com>\r\nSubject: Größe").subject("Größe"),
        with("from IDN", "From: ada@bücher.example\r\nSubject: x"),
        with("from very long", &format!("From: {} <ada@example.com>\r\nSubject: x", "Ada ".repeat(400))),
        with("address too long", &format!("From: {}@example.com\r\nSubject: x", "a".repeat(400))),
        with("subject long", &format!("From: ada@example.com\r\nSubject: {}", "word ".repeat(400))),
        with("subject folded", "From: ada@example.com\r\nSubject: one\r\n two\r\n\tthree").subject("one two three"),
        with("subject with NUL", "From: ada@example.com\r\nSubject: a\0b"),
        with("subject in two charsets", "From: a@example.com\r\nSubject: =?iso-8859-1?Q?Gr=F6?= =?utf-8?Q?=C3=9Fe?=")
            .subject("Größe"),
        with("subject cut in a letter", "From: a@example.com\r\nSubject: =?utf-8?B?R3LD?= =?utf-8?B?tsOfZQ==?="),
        with("encoded word unknown charset", "From: a@example.com\r\nSubject: =?x-klingon?Q?Qapla=27?="),
        with("encoded word broken", "From: a@example.com\r\nSubject: =?utf-8?B?!!!?= and =?utf-8?Q?=ZZ?= and =?"),
        with("id without brackets", "Message-ID: plain-id@corpus.example\r\nFrom: a@example.com\r\nSubject: x"),
        with("id empty", "Message-ID: <>\r\nFrom: a@example.com\r\nSubject: x"),
        with("id very long", &format!("Message-ID: <{}@x>\r\nFrom: a@example.com\r\nSubject: x", "i".repeat(3000))),
        with("id 8-bit", "Message-ID: <größe@corpus.example>\r\nFrom: a@example.com\r\nSubject: x"),
        with(
            "references long",
            &format!("Message-ID: <refs@corpus.example>\r\nReferences: {}\r\nSubject: x", "<r@x>\r\n ".repeat(3000)),
        ),
        with("date nonsense", "Message-ID: <date@corpus.example>\r\nDate: yesterday\r\nSubject: x"),
        with("header line without colon", "Message-ID: <colon@corpus.example>\r\nthis is no header\r\nSubject: Kept")
            .subject("Kept"),
        with(
            "header of 100 kB",
            &format!("Message-ID: <big@corpus.example>\r\nX-Junk: {}\r\nSubject: Kept", "junk ".repeat(20_000)),
        )
        .subject("Kept"),
        with(
            "mbox line first",
            "From ada@example.com Tue Nov 24 10:00:00 2026\r\nMessage-ID: <mbox@corpus.example>\r\nSubject: Kept",
        ),
    ]
}

fn broken() -> Vec<Sample> {
    let junk: Vec<u8> = (0..4000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let with = |name: &str, header: &str, body: &[u8]| {
        let mut raw = mail(&name.replace(' ', "-"), header, "").into_bytes();
        raw.extend(body);
        Sample::new(name, raw)
    };
    vec![
        Sample::new("one byte", "x").says("x"),
        Sample::new("only line ends", "\r\n\r\n\r\n"),
        Sample::new("only NUL", vec![0; 64]),
        Sample::new("only junk", junk.clone()),
        Sample::new("no header", "Just words, no header at all.\r\nAnd a second line.\r\n"),
        Sample::new("only header", "From: ada@example.com\r\nSubject: Nothing to say"),
        with("8-bit junk", "", &junk),
        with("8-bit junk as base64", "Content-Transfer-Encoding: base64\r\n", &junk),
        with("8-bit junk as quoted", "Content-Transfer-Encoding: quoted-printable\r\n", &junk),
        with("8-bit junk as html", "Content-Type: text/html; charset=utf-8\r\n", &junk),
        with("8-bit junk as utf-16", "Content-Type: text/plain; charset=utf-16\r\n", &junk),
        with("8-bit junk as utf-7", "Content-Type: text/plain; charset=utf-7\r\n", &junk),
        with("8-bit junk as japanese", "Content-Type: text/plain; charset=iso-2022-jp\r\n", &junk),
        with("latin without a charset", "", b"Gr\xf6\xdfe 42").says("42"),
        with("latin called utf-8", "Content-Type: text/plain; charset=utf-8\r\n", b"Gr\xf6\xdfe 42").says("42"),
        with("unknown charset", "Content-Type: text/plain; charset=x-unknown\r\n", b"some words").says("some words"),
        with("charset of spaces", "Content-Type: text/plain; charset=\"  \"\r\n", b"some words").says("some words"),
        with("unknown encoding", "Content-Transfer-Encoding: x-uuencode\r\n", b"begin 644 f\n#0V%T\n`\nend\n").says("begin 644"),
        with("base64 cut short", "Content-Transfer-Encoding: base64\r\n", b"aGVsbG8gd29yb"),
        with("quoted cut short", "Content-Transfer-Encoding: quoted-printable\r\n", b"hello=").says("hello"),
        with("type nonsense", "Content-Type: ;;;=;\r\n", b"some words").says("some words"),
        with("type empty", "Content-Type:\r\n", b"some words").says("some words"),
        with("NUL in text", "", b"some\0words").says("somewords"),
        with("utf-16 le", "Content-Type: text/plain; charset=utf-16le\r\nContent-Transfer-Encoding: base64\r\n", b"aABpAA==").says("hi"),
        with("utf-7", "Content-Type: text/plain; charset=utf-7\r\n", b"Gr+APYA3w-e").says("Größe"),
        with("lone surrogate as utf-8", "", b"a\xed\xa0\x80b"),
        with("bare CR", "", b"one\rtwo\rthree").says("one"),
        with("line of 100 kB", "", &b"long ".repeat(20_000)).says("long long"),
        with("html never closed", "Content-Type: text/html\r\n", b"<div><b><a href=\"http://x.example").says(""),
        with("script", "Content-Type: text/html\r\n", b"<script>alert(1)</script><p onclick=x()>fine</p>").says("fine"),
        with("filename with path", "Content-Type: application/x; name=\"../../etc/passwd\"\r\nContent-Disposition: attachment\r\n", b"x").says("passwd"),
        with("filename in RFC 2231", "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*=utf-8''Gr%C3%B6%C3%9Fe.pdf\r\n", b"x")
            .says("Größe.pdf"),
        with("filename turned around", "Content-Disposition: attachment; filename=\"gpj.\u{202e}exe\"\r\nContent-Type: image/png\r\n", b"x"),
    ]
}

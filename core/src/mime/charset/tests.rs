//! Labels from registries, systems and programs, and text in the charsets that they name.

use super::*;

#[test]
fn labels_are_known_however_they_are_written() {
    let web = |name: &str| Some(Charset::Web(Encoding::for_label(name.as_bytes()).expect("a charset of the web")));
    for (labels, expected) in [
        ("utf-8 UTF8 utf_8 unicode-1-1-utf-8 cp65001 x-unicode20utf8 utf8mb4 \"utf-8\" 'utf-8'", web("utf-8")),
        ("us-ascii ASCII ANSI_X3.4-1968 iso646-us iso-ir-6 646 cp367 ansi csASCII", web("windows-1252")),
        (
            "iso-8859-1 iso8859-1 ISO_8859-1:1987 latin-1 latin1 l1 cp819 ibm819 iso8859_1 88591 8859-1 iso88591",
            web("windows-1252"),
        ),
        ("iso-8859-2 latin-2 ISO8859_2 isolatin2 cp28592 912", web("iso-8859-2")),
        ("iso-8859-5 cyrillic iso8859-5 iso_8859_5 ISO-8859-5-E", web("iso-8859-5")),
        ("iso-8859-9 latin-5 windows-1254 cp1254", web("windows-1254")),
        ("iso-8859-15 latin-9 latin9 iso8859_15 cp923 8859_15 latin-0", web("iso-8859-15")),
        (
            "windows-1251 cp1251 win-1251 win1251 CP-1251 ansi-1251 ms-1251 x-cp1251 windows_1251 1251 microsoft-cp1251",
            web("windows-1251"),
        ),
        ("windows-1250 win-1250 cp-1250", web("windows-1250")),
        ("koi8-r koi8 KOI8_R cp878 cp20866", web("koi8-r")),
        ("koi8-u koi8-ru cp21866", web("koi8-u")),
        ("cp866 ibm866 dos-866 866", web("ibm866")),
        ("shift_jis cp932 ms932 windows-31j sjis x-sjis ms_kanji Shift-JIS ibm-943 csWindows31J", web("shift_jis")),
        ("euc-jp eucjp EUC_JP ujis eucJP-ms cp51932", web("euc-jp")),
        ("euc-kr uhc cp949 ks_c_5601-1987 ksc5601 korean ms949 windows-949 euckr KSC_5601", web("euc-kr")),
        ("gb2312 gbk cp936 ms936 euc-cn windows-936 gb_2312-80 x-gbk", web("gbk")),
        ("gb18030 GB18030-2005 cp54936", web("gb18030")),
        ("big5 cp950 big5-hkscs Big5_HKSCS ms950 cn-big5", web("big5")),
        ("tis-620 cp874 windows-874 iso-8859-11 TIS620.2533-0", web("windows-874")),
        ("macintosh mac macroman x-mac-roman mac-roman cp10000", web("macintosh")),
        ("x-mac-cyrillic mac-cyrillic maccyrillic cp10007", web("x-mac-cyrillic")),
    ] {
        for label in labels.split(' ') {
            assert_eq!(named(label), expected, "{label}");
        }
    }
    for (label, other) in [
        ("cp437", "437"),
        ("ibm437", "csPC8CodePage437"),
        ("cp-850", "csPC850Multilingual"),
        ("cp852", "IBM852"),
        ("cp858", "ibm00858"),
        ("cp1125", "1125"),
        ("hp-roman8", "r8"),
        ("viscii", "csVISCII"),
        ("kz-1048", "RK1048"),
        ("ibm037", "cp037"),
        ("ibm500", "cp500"),
        ("mac-centraleurope", "x-mac-ce"),
    ] {
        assert!(matches!(named(label), Some(Charset::Page(_))), "{label}");
        assert_eq!(named(label), named(other), "{label} {other}");
    }
    for label in [
        "",
        "x-unknown",
        "unknown-8bit",
        "x-user-defined",
        "replacement",
        "default",
        "8bit",
        "cp99999",
        &"x".repeat(99),
    ] {
        assert_eq!(named(label), None, "{label}");
    }
}

#[test]
fn letters_are_those_that_were_written() {
    for (label, bytes, expected) in [
        ("cp437", &b"Gr\x94\xe1e"[..], "Größe"),
        ("cp850", b"Gr\x94\xe1e \xd5", "Größe ı"),
        ("cp858", b"\xd5", "€"),
        ("koi8-r", b"\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"),
        ("cp932", b"\x87\x40\xfb\xfc", "①髙"),
        ("latin-1", b"Gr\xf6\xdfe \x80", "Größe €"),
        ("ibm037", b"\xc8\x85\x93\x93\x96", "Hello"),
        ("utf-32", b"\xff\xfe\0\0\x48\0\0\0\xf6\0\0\0", "Hö"),
        ("utf-32", b"\0\0\0\x48\0\0\0\xf6", "Hö"),
        ("utf-32be", b"\0\x01\xf6\x42", "🙂"),
        ("utf-16", b"\xff\xfeH\0\xf6\0", "Hö"),
        ("utf-16", b"\xfe\xff\0H\0\xf6", "Hö"),
        ("utf-16", b"\0H\0\xf6", "Hö"),
        ("utf-16", b"H\0\xf6\0", "Hö"),
        ("utf-7", b"Gr+APYA3w-e 1+-1 +2D3eQg-", "Größe 1+1 🙂"),
        ("unicode-1-1-utf-7", b"a+b", "a+b"),
        ("iso-2022-jp", b"\x1b$BCmJ8\x1b(B 1", "注文 1"),
        ("iso-2022-jp", b"\x1b$B-!\x1b(B", "①"),
        ("iso-2022-jp", b"\x1b(I1\x1b(B", "ｱ"),
        ("iso-2022-jp-2", b"\x1b$BCmJ8\x1b$(CAV9.\x1b(B", "注文주문"),
        ("iso-2022-jp-2", b"\x1b.A\x1bNv\x1b$AVP\x1b(B", "ö中"),
        ("iso-2022-jp-1", b"\x1b$(D0!\x1b(B", "丂"),
        ("iso-2022-kr", b"\x1b$)C\x0eAV9.\x0f 1", "주문 1"),
        ("iso-2022-kr", b"\x0eAV9.\x0f", "주문"),
        ("iso-2022-cn", b"\x1b$)A\x0eVP\x0f1", "中1"),
        ("hz-gb-2312", b"~{VPND~} ~~ x", "中文 ~ x"),
        ("us-ascii", b"Gr\xf6\xdfe", "Größe"),
        ("utf-8", b"Gr\xf6\xdfe 42", "Größe 42"),
        ("utf-8", b"\xc3\xb6 \xff \xff", "ö \u{fffd} \u{fffd}"),
        ("x-unknown", b"\xc3\xb6 \xff \xff", "Ã¶ ÿ ÿ"),
        ("utf-8", b"\xef\xbb\xbfa", "a"),
        ("utf-8", "Größe und Straße\u{fffd}".as_bytes().split_last().unwrap().1, "Größe und Straße\u{fffd}"),
        ("viscii", b"Ti\xaang Vi\xaet", "Tiếng Việt"),
    ] {
        assert_eq!(decode(bytes, named(label)), expected, "{label}");
    }
}

#[test]
fn what_is_utf8_is_utf8_whatever_the_label_says() {
    let text = "Größe 42 für 5 €, Привет";
    for label in [
        "us-ascii",
        "iso-8859-1",
        "windows-1251",
        "shift_jis",
        "cp437",
        "iso-2022-jp",
        "utf-7",
        "hz",
        "utf-16",
        "utf-32",
        "gb2312",
        "x-unknown",
        "ibm037",
        "koi8-r",
    ] {
        assert_eq!(decode(text.as_bytes(), named(label)), text, "{label}");
    }
    assert_eq!(decode(text.as_bytes(), None), text);
    assert_eq!(decode(b"plain words", named("utf-16")), "plain words");
}

#[test]
fn without_a_label_bytes_are_windows_1252_or_tell_what_they_are() {
    for (bytes, expected) in [
        (&b"Gr\xf6\xdfe caf\xe9 \x93x\x94"[..], "Größe café “x”"),
        (b"\x1b$BCmJ8\x1b(B", "注文"),
        (b"\xff\xfeH\0\xf6\0", "Hö"),
        (b"", ""),
    ] {
        assert_eq!(decode(bytes, None), expected);
    }
}

#[test]
fn a_document_may_name_its_own_charset() {
    for html in [
        "<html><head><meta charset=koi8-r>",
        "<META CHARSET=\"KOI8-R\" />",
        "<meta http-equiv='Content-Type' content='text/html; charset=koi8-r'>",
        "<meta name=x><meta http-equiv=Content-Type content=\"text/html;charset = koi8-r\">",
        "<?xml version=\"1.0\" encoding=\"koi8-r\"?><html>",
    ] {
        assert_eq!(of_html(html.as_bytes()), named("koi8-r"), "{html}");
    }
    for html in ["", "<meta>", "<meta charset", "<p>charset=koi8-r", "<meta charset=utf-16>", "<meta charset=>"] {
        assert_eq!(of_html(html.as_bytes()), None, "{html}");
    }
}

#[test]
fn any_bytes_are_decoded_in_every_charset() {
    let junk: Vec<u8> = (0..5000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for label in [
        "utf-8",
        "utf-7",
        "utf-16",
        "utf-32",
        "iso-2022-jp",
        "iso-2022-kr",
        "iso-2022-cn",
        "hz",
        "cp437",
        "ibm037",
        "big5",
        "shift_jis",
    ] {
        for end in [0, 1, 2, 3, 5, 100, 5000] {
            let _ = decode(&junk[..end], named(label));
        }
    }
    for (name, letters) in pages::PAGES {
        assert!(matches!(letters.chars().count(), 128 | 256), "{name}");
    }
}

//! What a reader sees of mails: the constructs that mail programs, shops and newsletters use.

use super::super::bodies;

fn text(html: &str) -> String {
    bodies(None, Some(html)).unwrap_or_default().text
}

fn clean(html: &str) -> String {
    bodies(None, Some(html)).unwrap_or_default().html
}

#[test]
fn words_stand_where_a_reader_sees_them() {
    for (html, expected) in [
        ("<p>one</p><p>two</p>", "one\ntwo"),
        ("<div>one</div>two", "one\ntwo"),
        ("first<br><br>second", "first\n\nsecond"),
        ("first<br/>\n<br/>\nsecond", "first\n\nsecond"),
        ("<div>one</div><div><br></div><div>two</div>", "one\n\ntwo"),
        ("<p>one<br></p><p>two</p>", "one\ntwo"),
        ("<p>one</p><p>&nbsp;</p><p>two</p>", "one\n\ntwo"),
        ("<p class=MsoNormal>one<o:p></o:p></p><p class=MsoNormal><o:p>&nbsp;</o:p></p><p>two</p>", "one\n\ntwo"),
        ("one<br><br><br><br><br><br>two", "one\n\n\ntwo"),
        ("one\r\ntwo\n  three", "one two three"),
        ("<b>one</b> <i>two</i>", "one two"),
        ("<b>o</b>ne", "one"),
        ("<ul><li>one</li><li>two</li></ul>", "one\ntwo"),
        ("<ul>\n<li>one\n<li>two\n</ul>after", "one\ntwo\nafter"),
        ("<dl><dt>a<dd>b</dl>", "a\nb"),
        ("<h1>Head</h1>words", "Head\nwords"),
        ("<pre>a  b\n  c</pre>", "a  b\n  c"),
        ("a&nbsp;b &lt;c&gt; &amp;amp; &euro;", "a b <c> &amp; €"),
        ("one<hr>two", "one\ntwo"),
        ("<button>one</button><section>two</section><address>three</address>", "one\ntwo\nthree"),
        ("<blockquote>quoted</blockquote>own", "quoted\nown"),
        ("<p title=\"a > b\">one</p>", "one"),
    ] {
        assert_eq!(text(html), expected, "{html}");
    }
}

#[test]
fn cells_of_a_row_are_apart() {
    for (html, expected) in [
        ("<table><tr><td>1</td><td>200</td></tr></table>", "1\t200"),
        (
            "<table><thead><tr><th>Item</th><th>Qty</th></tr></thead><tbody><tr><td>Lamp</td><td>4</td></tr></tbody></table>",
            "Item\tQty\nLamp\t4",
        ),
        ("<table>\n <tr>\n  <td> 1 </td>\n  <td>\n 200</td>\n </tr>\n</table>", "1\t200"),
        ("<table><tr><td><p>1</p></td><td><p>200</p></td></tr></table>", "1\t200"),
        ("<table><tr><td></td><td>1</td></tr></table>", "1"),
        ("<table><tr><td>a<br>b</td><td>c</td></tr></table>", "a\nb\nc"),
        (
            "<table><tr><td><table><tr><td>a</td><td>b</td></tr></table></td><td>c</td></tr><tr><td>d</td></tr></table>",
            "a\tb\tc\nd",
        ),
        ("<table><tr><td><div>a</div><div>b</div></td><td><div>c</div></td></tr></table>", "a\nb\nc"),
        ("before<table><tr><td>1</td><td>2</td></tr></table>after", "before\n1\t2\nafter"),
    ] {
        assert_eq!(text(html), expected, "{html}");
    }
}

#[test]
fn links_say_where_they_lead() {
    for (html, expected) in [
        (
            "Reset it <a href=\"https://shop.example/reset?t=1&amp;u=2\">here</a>, please",
            "Reset it here (https://shop.example/reset?t=1&u=2), please",
        ),
        ("<a href=\"https://shop.example/\">shop.example</a>", "shop.example"),
        ("<a href=\"https://shop.example/a\">https://shop.example/a</a>", "https://shop.example/a"),
        (
            "<a href=\"mailto:a@x.example\">a@x.example</a> <a href=\"mailto:a@x.example?subject=y\">us</a>",
            "a@x.example us (a@x.example)",
        ),
        ("<a href=\"www.shop.example/42\">our shop</a>", "our shop (https://www.shop.example/42)"),
        ("<a href=\"/settings/api\">settings</a>", "settings"),
        ("<a href=\"https://x.example/\"></a>words", "words"),
        ("<a href=\"https://x.example/\"><div>one</div></a>two", "one (https://x.example/)\ntwo"),
        ("<a href=\"https://x.example/\">one </a>two", "one (https://x.example/) two"),
        ("<a name=top>one</a> two", "one two"),
        ("<a href=\"javascript:x()\">one</a>", "one"),
    ] {
        assert_eq!(text(html), expected, "{html}");
    }
    assert_eq!(
        clean("<a href=\"www.shop.example/42\">x</a>"),
        "<a href=\"https://www.shop.example/42\" rel=\"noopener noreferrer nofollow\">x</a>"
    );
    assert_eq!(clean("<a href=\"/settings/api\">x</a>"), "<a rel=\"noopener noreferrer nofollow\">x</a>");
}

#[test]
fn pictures_leave_their_words() {
    assert_eq!(clean("<p>It works <img src=\"https://x.example/1.png\" alt=\"🙂\"></p>"), "<p>It works 🙂</p>");
    assert_eq!(
        text("<a href=\"https://x.example/t\"><img alt=\"Track my parcel\" src=x></a>"),
        "Track my parcel (https://x.example/t)"
    );
    assert_eq!(clean("a<img src=x>b<img alt=''>"), "ab");
    assert_eq!(
        clean("<img alt=\"<script>x</script> &amp; &quot;y\" onerror=x()>"),
        "&lt;script&gt;x&lt;/script&gt; &amp; &quot;y"
    );
}

#[test]
fn what_is_hidden_or_for_programs_is_gone() {
    for html in [
        "<html><head><title>Newsletter 7</title></head><body>seen</body></html>",
        "<title>hidden</title>seen",
        "<div style=\"display:none;max-height:0\">hidden</div>seen",
        "<div style=\"display:none\"><table><tr><td>hidden<br>x</td></tr></table></div>seen",
        "<span style='font-size:0'>hidden</span>seen",
        "<div hidden>hidden</div>seen",
        "<style>.pre{display:none}</style><div class=\"a pre\">hidden</div>seen",
        "<style>#pre{display:none}</style><div id=pre>hidden</div>seen",
        "<xml><o:OfficeDocumentSettings><o:PixelsPerInch>96</o:PixelsPerInch></o:OfficeDocumentSettings></xml>seen",
        "<w:WordDocument><w:View>Normal</w:View></w:WordDocument>seen",
        "<!--[if gte mso 9]><xml>hidden</xml><![endif]-->seen",
        "<![if !mso]>seen<![endif]>",
        "<?xml:namespace prefix = o ns = \"urn:x\" />seen",
        "<font style=\"display:none\">hidden</font>seen",
        "<section style=\"display:none\">hidden</section>seen",
        "<img style=\"display:none\" alt=hidden>seen",
        "<style>p{}</style><script>x</script>seen",
    ] {
        let bodies = bodies(None, Some(html)).unwrap_or_default();
        assert_eq!(bodies.text, "seen", "{html}");
        assert!(!bodies.html.contains("hidden") && !bodies.html.contains("style"), "{html}: {}", bodies.html);
    }
    let mjml = "<div style=\"font-size:0px;padding:10px\"><div style=\"font-size:13px\">seen</div> x</div>";
    assert_eq!(text(mjml), "seen");
    assert_eq!(clean("<p style=\"color:red\" class=x id=y>seen</p>"), "<p>seen</p>");
    assert_eq!(text("<div style=\"mso-hide:all\">seen</div>"), "seen", "all but Outlook show it");
}

#[test]
fn fillers_leave_no_lines() {
    let filler = "&zwnj;&nbsp;&#8199;&#847; ".repeat(40);
    assert_eq!(text(&format!("<div>{filler}</div><p>seen</p>")), "seen");
    let spacers = "<table><tr><td>&nbsp;</td></tr></table>".repeat(9);
    assert_eq!(text(&format!("one{spacers}two")), "one\n\n\ntwo");
}

//! Markup that wants to run: none of it survives the way through a mail.

use super::{Post, letter, on_both};

/// Ways to run a script in a mail program or a browser, as they are collected all over the web.
const VECTORS: &[&str] = &[
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<script\x0csrc=//evil.example></script>",
    "<script/src=//evil.example></script>",
    "<<script>alert(1);//<</script>",
    "<img src=x onerror=alert(1)>",
    "<img src=javascript:alert(1)>",
    "<img \"\"\"><script>alert(1)</script>\">",
    "<img src=`x` onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href=\"javascript:alert(1)\"><text>x</text></a></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=x onerror=alert(1)&gt;\">",
    "<math href=\"javascript:alert(1)\">x</math>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<a href=\"javascript:alert(1)\">x</a>",
    "<a href=\"JaVaScRiPt:alert(1)\">x</a>",
    "<a href=\" javascript:alert(1)\">x</a>",
    "<a href=\"java\tscript:alert(1)\">x</a>",
    "<a href=\"java\nscript:alert(1)\">x</a>",
    "<a href=\"&#106;avascript:alert(1)\">x</a>",
    "<a href=\"&#x6A&#x61&#x76&#x61&#x73&#x63&#x72&#x69&#x70&#x74&#x3A;alert(1)\">x</a>",
    "<a href=\"\x01javascript:alert(1)\">x</a>",
    "<a href=\"vbscript:msgbox(1)\">x</a>",
    "<a href=\"data:text/html,<script>alert(1)</script>\">x</a>",
    "<a href=\"x\" onclick=alert(1)>x</a>",
    "<a href=\"x\" onmouseover=\"alert(1)\" style=\"x\">x</a>",
    "<body onload=alert(1)>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>",
    "<embed src=//evil.example/x.swf>",
    "<object data=javascript:alert(1)></object>",
    "<applet code=x></applet>",
    "<meta http-equiv=refresh content=\"0;url=javascript:alert(1)\">",
    "<base href=\"javascript:alert(1)//\">",
    "<link rel=stylesheet href=javascript:alert(1)>",
    "<style>@import 'javascript:alert(1)';</style>",
    "<div style=\"background:url(javascript:alert(1))\">x</div>",
    "<div style=\"width:expression(alert(1))\">x</div>",
    "<input autofocus onfocus=alert(1)>",
    "<select onfocus=alert(1) autofocus>",
    "<textarea onfocus=alert(1) autofocus></textarea>",
    "<form action=javascript:alert(1)><button>x</button></form>",
    "<button formaction=javascript:alert(1)>x</button>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<table background=javascript:alert(1)><td>x</td></table>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<template><script>alert(1)</script></template>",
    "<xmp><p title=\"</xmp><svg/onload=alert(1)>\">",
    "<title><img title=\"</title><img src=x onerror=alert(1)>\">",
    "<!--><img src=x onerror=alert(1)>-->",
    "<!--[if IE]><script>alert(1)</script><![endif]-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version=\"1.0\"?><script>alert(1)</script>",
    "<p/onclick=alert(1)>x</p>",
    "<x onclick=alert(1)>x</x>",
    "<x contenteditable onblur=alert(1)>x</x>",
    "\u{2028}<img src=x onerror\u{2028}=alert(1)>",
    "<IMG SRC=\"jav&#x0D;ascript:alert(1);\">",
    "<a href=\"//evil.example\" target=_blank>x</a><a href=javascript&colon;alert(1)>y</a>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<plaintext><script>alert(1)</script>",
    "<font/onmouseover=alert(1) size=9>x</font>",
];

/// Nothing in clean HTML runs: no tag, no attribute and no address that could.
pub fn assert_harmless(name: &str, html: &str) {
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
        // Values are always quoted in clean HTML: what is left between quotes are names.
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

on_both! {
    async fn no_script_handler_or_address_that_runs_survives_a_mail(post: Post) {
        for (at, vector) in VECTORS.iter().enumerate() {
            let header = "Content-Type: text/html; charset=utf-8\r\n";
            let mail = letter(&format!("{at}@x"), header).replace("Please refund it.", &format!("<p>before</p>{vector}"));
            let got = post.mail(mail).await;
            let message = got.message.expect("a message");
            assert!(message.body_text.starts_with("before"), "{vector}: {}", message.body_text);
            assert_harmless(vector, &message.body_html);
            let plain = letter(&format!("{at}@y"), "").replace("Please refund it.", vector);
            assert_harmless(vector, &post.mail(plain).await.message.expect("a message").body_html);
        }
    }
}

//! What Markdown becomes, element by element.

use super::*;

fn made(text: &str) -> Rendered {
    let link = |named: &str| match named {
        "missing.md" => Err("leads nowhere".to_owned()),
        named => Ok(named.replace(".md", "")),
    };
    let operation = |code: &str| (code == "GET /api/v1/tags").then(|| "/reference#tags".to_owned());
    render(text, &Around { link: &link, operation: &operation })
}

#[test]
fn headings_have_the_anchors_of_github_and_no_two_the_same() {
    let page = made("# The title\n\n## What `meta` says!\n\n## Twice\n\ntext\n\n## Twice\n");
    assert_eq!((page.title.as_str(), page.findings.len()), ("The title", 0));
    let ids: Vec<_> = page.sections.iter().map(|section| (section.level, section.id.as_str())).collect();
    assert_eq!(ids, [(1, "the-title"), (2, "what-meta-says"), (2, "twice"), (2, "twice-1")]);
    assert!(page.html.contains("<h1 id=\"the-title\">The title</h1>"), "{}", page.html);
    let heading = "<h2 id=\"what-meta-says\">What <code>meta</code> says! <a class=\"anchor\" href=\"#what-meta-says\" \
                   aria-label=\"Link to “What meta says!”\">#</a></h2>";
    assert!(page.html.contains(heading), "{}", page.html);
    assert!(made("## It {#ticket.created}\n").html.contains("<h2 id=\"ticket.created\">"));
    assert_eq!(made("# One\n\n# Two\n").findings, ["has a second title: Two"]);
}

#[test]
fn neighbouring_code_that_says_the_same_is_offered_as_a_choice() {
    let both = made("```sh\ncurl x\n```\n\n```python\nget(\"x\")\n```\n").html;
    assert_eq!(both.matches("<div class=\"codes\">").count(), 1, "{both}");
    assert!(both.contains("<p class=\"language\">curl</p>") && both.contains("get(&quot;x&quot;)"), "{both}");
    for apart in [
        "```sh\ncurl x\n```\n\nand\n\n```python\nx\n```\n",
        "```sh\ncurl x\n```\n\n```json\n{}\n```\n",
        "```sh\na\n```\n\n```sh\nb\n```\n",
    ] {
        let html = made(apart).html;
        assert_eq!((html.matches("class=\"codes\"").count(), html.matches("class=\"code\"").count()), (0, 2), "{html}");
    }
    assert!(made("```sh first\ncurl x\n```\n").html.contains("data-language=\"sh\""), "the rest is for tests");
}

#[test]
fn links_lead_to_pages_and_code_that_names_an_operation_to_the_reference() {
    let page = made("[Paging](paging.md#pages), `GET /api/v1/tags`, [`GET /api/v1/tags`](tags.md), `GET /other`\n");
    assert!(page.html.contains("<a href=\"paging#pages\">Paging</a>"), "{}", page.html);
    assert!(page.html.contains("<a href=\"/reference#tags\"><code>GET /api/v1/tags</code></a>"), "{}", page.html);
    assert!(page.html.contains("<a href=\"tags\"><code>GET /api/v1/tags</code></a>"), "{}", page.html);
    assert!(page.html.contains(" <code>GET /other</code>"), "{}", page.html);
    assert_eq!(page.links, ["paging#pages", "/reference#tags", "tags"]);
    assert_eq!(made("[it](missing.md)\n").findings, ["leads nowhere"]);
}

#[test]
fn only_our_own_html_is_in_a_page() {
    assert_eq!(made("# One\n\n<!-- a note -->\n\nText <!-- another -->.\n").findings, Vec::<String>::new());
    for text in ["<script>x</script>\n", "a <b>c\n", "<div>\n", "![a](b.png)\n"] {
        assert_eq!(made(text).findings.len(), 1, "{text}");
    }
    assert!(made("a < b & `<c>`\n").html.contains("a &lt; b &amp; <code>&lt;c&gt;</code>"));
}

#[test]
fn tables_scroll_by_themselves_and_have_no_styles() {
    let html = made("## Codes\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n").html;
    assert!(html.contains("<div class=\"table\" role=\"group\" tabindex=\"0\" aria-label=\"Table: Codes\">"), "{html}");
    assert!(html.contains("<th>b</th>") && html.contains("<td>2</td>") && !html.contains("style"), "{html}");
}

#[test]
fn what_can_be_searched_are_the_words_below_each_heading() {
    let page = made("# One\n\nA *word* and `code`.\n\n- item\n\n```sh\nnot this\n```\n\n## Two\n\nMore.\n");
    let texts: Vec<_> =
        page.sections.iter().map(|it| it.text.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(texts, ["A word and code. item", "More."]);
}

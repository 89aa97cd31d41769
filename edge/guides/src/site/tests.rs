//! The guides of this repository, and what is wrong with guides that are not well.

use super::*;
use serde_json::json;

/// All guides with nothing but a title, and one with this text.
fn with(file: &str, text: &str) -> Result<Vec<File>, Error> {
    let titles: Vec<String> = GUIDES.iter().map(|(file, ..)| format!("# About {file}\n")).collect();
    let texts: Vec<(&str, &str)> = GUIDES
        .iter()
        .zip(&titles)
        .map(|((named, ..), title)| (*named, if *named == file { text } else { title.as_str() }))
        .collect();
    pages(&texts, &json!({}))
}

fn findings(file: &str, text: &str) -> String {
    match with(file, text) {
        Err(Error::Rules(findings)) => findings.join("\n"),
        Err(error) => error.to_string(),
        Ok(_) => String::new(),
    }
}

fn root() -> &'static Path {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("the crate lies two folders below the root")
}

fn file<'a>(files: &'a [File], address: &str) -> &'a str {
    &files.iter().find(|file| file.address == address).expect("a file at this address").text
}

#[test]
fn the_guides_of_this_repository_are_well_and_each_is_reached_from_each() {
    let files = files(root()).unwrap_or_else(|error| panic!("{error}"));
    let guides: Vec<&File> = files.iter().filter(|it| it.kind == HTML && it.address != File::MISSING).collect();
    assert_eq!(guides.len(), GUIDES.len());
    for guide in &guides {
        for other in &guides {
            assert!(
                guide.text.contains(&format!("href=\"{}\"", other.address)),
                "{} from {}",
                other.address,
                guide.address
            );
        }
        assert_eq!(guide.text.matches("<h1").count(), 1, "{}", guide.address);
        assert_eq!(guide.text.matches("aria-current=\"page\"").count(), 1, "{}", guide.address);
        assert!(!guide.text.contains("{{") && !guide.text.contains(" style="), "{}", guide.address);
    }
}

#[test]
fn every_guide_in_the_folder_has_a_page() {
    for entry in fs::read_dir(root().join("docs/guide")).expect("the folder of guides") {
        let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
        let file = format!("docs/guide/{name}");
        assert!(GUIDES.iter().any(|(known, ..)| *known == file), "{file} is not in GUIDES");
    }
}

#[test]
fn operations_that_guides_name_exist() {
    let model = inboxops_codegen::load(&root().join("proto"), &[]).expect("a contract");
    let operations = Operations::of(&inboxops_codegen::openapi::document(&model));
    let mut unknown = Vec::new();
    for (file, ..) in GUIDES.iter().filter(|(file, ..)| *file != "CHANGELOG.md") {
        let text = read(root(), file).expect("a guide");
        for code in text.split('`').skip(1).step_by(2) {
            let api = crate::links::named(code).is_some_and(|(_, path)| path.starts_with("/api/v1/"));
            if api && operations.find(code).is_none() && !code.contains("/api/v1/docs") && !code.contains("openapi") {
                unknown.push(format!("{file}: {code}"));
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let paging = "docs/guide/paging.md";
    for (text, finding) in [
        ("[it](errors.md)", ""),
        ("[it](errors.md#about-docsguideerrorsmd)", ""),
        (
            "[it](../webhooks.md) [it](../../CHANGELOG.md) [it](#paging) [it](/settings/api) [it](/api/v1/docs#errors-x)",
            "",
        ),
        ("[it](../../clients/README.md) [it](../../clients/python/README.md#start)", ""),
        ("[it](errors.md#nothing)", "docs/guide/paging.md links to /docs/errors#nothing, and there is no such heading"),
        ("[it](#nothing)", "docs/guide/paging.md links to /docs/paging#nothing, and there is no such heading"),
        ("[it](../delivery.md)", "docs/guide/paging.md links to a file that is no guide: ../delivery.md"),
        ("[it](/docs/errors)", "docs/guide/paging.md links to an unknown address: /docs/errors"),
        ("[it](http://example.com)", "docs/guide/paging.md links to a file that is no guide: http://example.com"),
    ] {
        assert_eq!(findings(paging, &format!("# Paging\n\n{text}\n")), finding, "{text}");
    }
    assert_eq!(findings(paging, "text\n"), "docs/guide/paging.md has no title");
    let unknown = "# Paging\n\n<!-- catalogue: nothing -->\n";
    assert!(findings(paging, unknown).starts_with("docs/guide/paging.md: there is no catalogue nothing"));
}

#[test]
fn a_page_has_its_contents_and_its_neighbours() {
    let files =
        with("docs/guide/paging.md", "# Pages & more\n\n## One\n\n## Two <3\n\n## The {{title}} part\n").expect("well");
    let page = file(&files, "/docs/paging");
    for part in [
        "<title>Pages &amp; more · InboxOps docs</title>",
        "<li><a href=\"#two-3\">Two &lt;3</a></li>",
        "<li><a href=\"/docs/paging\" aria-current=\"page\">Pages &amp; more</a></li>",
        "<a rel=\"prev\" href=\"/docs/mirror\">",
        "<a rel=\"next\" href=\"/docs/writes\">",
        "The {{title}} part <a class=\"anchor\"",
    ] {
        assert!(page.contains(part), "{part}\nis not in\n{page}");
    }
    let first = file(&files, "/docs");
    assert!(!first.contains("rel=\"prev\"") && !first.contains("On this page"), "{first}");
    assert!(file(&files, File::MISSING).contains("No such page"));
}

#[test]
fn the_colours_are_those_of_the_pages() {
    let made = style("/* x */\n:root {\n    --text: red;\n}\n.other { color: blue; }\n").unwrap_or_default();
    assert!(made.starts_with(":root {\n    --text: red;\n}\n") && !made.contains("blue"), "{made}");
    assert!(style("body {}").is_err());
}

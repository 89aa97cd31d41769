//! The guide for receivers is true: its code is the code of the pages, its failure codes are those of attempts, and its
//! numbers are the constants.

use inboxops_proto::{
    FailureCode, OPENAPI,
    limits::{
        ANSWER_MAX_SECS, ATTEMPTS_MAX, DEAD_AFTER, ENDPOINT_IN_FLIGHT_MAX, ENDPOINT_IN_FLIGHT_START,
        EVENT_BODY_MAX_BYTES, EVENTS_KEPT, RETRY_AFTER_MAX_SECS,
    },
};
use inboxops_worker::{Limits, READ_MAX_BYTES, outcome::BODY_MAX_BYTES};
use std::{fs, path::Path};

fn file(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace");
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn guide() -> String {
    file("docs/webhooks.md")
}

/// The guide without its line breaks, to search for sentences.
fn told() -> String {
    guide().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_code_in_the_guide_is_the_code_in_the_pages() {
    let guide = guide();
    for (title, fence, name) in
        [("Python", "python", "py"), ("Node", "js", "js"), ("Go", "go", "go"), ("openssl", "sh", "sh")]
    {
        let code = file(&format!("ui/src/webhooks/verify/verify.{name}"));
        let block = format!("### {title}\n\n```{fence}\n{code}```\n");
        assert!(guide.contains(&block), "under {title} must stand ui/src/webhooks/verify/verify.{name}:\n{block}");
    }
}

#[test]
fn the_guide_has_every_code_with_its_sentence() {
    let rows: String = FailureCode::ALL.iter().map(|it| format!("| `{}` | {} |\n", it.name(), it.sentence())).collect();
    assert!(guide().contains(&rows), "the codes of the guide must be these:\n{rows}");
}

#[test]
fn the_pages_have_words_for_codes_that_exist() {
    let words = file("ui/src/deliveries/words.ts");
    let (_, rows) = words.split_once("= {\n").expect("the table of words");
    let (rows, _) = rows.split_once("};").expect("its end");
    let names: Vec<&str> = rows.lines().map(|row| row.trim().split(':').next().unwrap_or_default()).collect();
    assert!(names.len() > 10, "{names:?}");
    let unknown: Vec<_> = names.iter().filter(|name| FailureCode::from_name(name).is_none()).collect();
    assert!(unknown.is_empty(), "no attempt fails with {unknown:?}");
}

#[test]
fn every_number_is_the_one_that_is_kept() {
    let (guide, limits) = (told(), Limits::default());
    assert_eq!(limits.request.as_secs(), ANSWER_MAX_SECS);
    assert_eq!((ATTEMPTS_MAX, guide.contains("The tenth attempt is the last")), (10, true));
    for words in [
        format!("Answer every request with a 2xx within {ANSWER_MAX_SECS} seconds."),
        format!("nothing within {ANSWER_MAX_SECS} s"),
        format!("at most {} minutes", RETRY_AFTER_MAX_SECS / 60),
        format!(
            "We read up to {} KiB of an answer's body and keep the first {} KiB",
            READ_MAX_BYTES >> 10,
            BODY_MAX_BYTES >> 10
        ),
        format!("Up to {ENDPOINT_IN_FLIGHT_MAX} requests to one endpoint are on their way at a time"),
        format!("starting with {ENDPOINT_IN_FLIGHT_START};"),
        format!("Bodies are at most {} KiB", EVENT_BODY_MAX_BYTES >> 10),
        format!("Allow bodies of {} KiB", EVENT_BODY_MAX_BYTES >> 10),
        format!("for {} days. A cursor", EVENTS_KEPT.as_secs() / 86_400),
        format!("After {DEAD_AFTER} failures in a row"),
        "less a second (at most half of it), and for one second where nothing is announced".to_owned(),
    ] {
        assert!(guide.contains(&words), "docs/webhooks.md must say: {words}");
    }
    assert!(FailureCode::Timeout.sentence().contains(&format!("within {ANSWER_MAX_SECS} seconds")));
    assert!(FailureCode::ConnectTimeout.sentence().contains(&format!("within {} seconds", limits.connect.as_secs())));
    let kept = format!("Events are kept for {} days", EVENTS_KEPT.as_secs() / 86_400);
    assert!(OPENAPI.contains(&kept), "the document must say: {kept}");
    let body = format!("First {} KiB of the answer's body", BODY_MAX_BYTES >> 10);
    assert!(OPENAPI.contains(&body), "the document must say: {body}");
    let words = format!("answer 2xx within {ANSWER_MAX_SECS} seconds");
    let events = OPENAPI.matches("Posted to every enabled endpoint that takes").count();
    assert!(events > 0 && OPENAPI.matches(&words).count() == events, "every event of the document says: {words}");
}

//! Project rules that no compiler checks. Each names its invariant in `docs/ARCHITECTURE.md`.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Longest file; longer ones have a second job.
const LINES_MAX: usize = 450;
const CRATES: [&str; 8] = ["proto", "core", "edge", "worker", "server", "testkit", "xtask", "migrations"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_owned()
}

/// Our files with this ending, as paths from the root with their texts.
fn files(ending: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder of the workspace can be read") {
            let path = entry.expect("an entry of it too").path();
            if path.is_dir() && !path.ends_with("target") && !path.ends_with("google") {
                walk(&path, ending, found);
            } else if path.extension().is_some_and(|it| it == ending) {
                found.push(path);
            }
        }
    }
    let (root, mut found) = (root(), Vec::new());
    CRATES.iter().for_each(|folder| walk(&root.join(folder), ending, &mut found));
    found.push(root.join("build.rs"));
    found.retain(|path| path.extension().is_some_and(|it| it == ending));
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&root).expect("it lies under the root").to_string_lossy().into_owned();
        (name, fs::read_to_string(&path).expect("a source file is text"))
    };
    found.into_iter().map(read).collect()
}

/// The part of a file without tests: the code above its first test module.
fn code(text: &str) -> &str {
    let is_module = |at: &usize| {
        let next = text[*at..].lines().nth(1).unwrap_or_default();
        next.starts_with("mod ") && next.ends_with('{')
    };
    text.match_indices("#[cfg(test)]").map(|(at, _)| at).find(is_module).map_or(text, |at| &text[..at])
}

fn is_test(name: &str) -> bool {
    name.contains("/tests/") || name.contains("/tests.rs") || name.starts_with("testkit/") || name.starts_with("xtask/")
}

/// Lines of code, without comments, that contain `word` outside the allowed places.
fn offences(words: &[&str], allowed: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (name, text) in files("rs") {
        if is_test(&name) || allowed(&name) {
            continue;
        }
        for (n, line) in code(&text).lines().enumerate() {
            let asked = line.contains("DetailCode::") || line.contains("matches!(");
            let said = !line.trim_start().starts_with("//") && !asked && words.iter().any(|word| line.contains(word));
            if said {
                found.push(format!("{name}:{}: {}", n + 1, line.trim()));
            }
        }
    }
    found
}

#[test]
fn core_edge_and_worker_do_not_depend_on_each_other() {
    let parts = ["core", "edge", "worker"];
    for part in parts {
        let manifest = fs::read_to_string(root().join(part).join("Cargo.toml")).unwrap();
        for other in parts.iter().filter(|other| **other != part) {
            assert!(!manifest.contains(&format!("inboxops-{other}")), "{part} depends on {other}");
        }
    }
}

#[test]
fn sql_is_spoken_only_in_the_store() {
    let found = offences(&["sqlx::", "use sqlx"], |name| name.starts_with("core/src/store"));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn only_the_sender_connects_to_customers() {
    let connects = ["TcpStream::connect", "TcpSocket::new", "HttpConnector", "client::legacy"];
    let found = offences(&connects, |name| name.starts_with("worker/src/sender") || name.starts_with("server/"));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_status_code_is_chosen_in_one_file() {
    let made = [
        "Status::not_found(",
        "Status::invalid_argument(",
        "Status::internal(",
        "Status::permission_denied(",
        "Status::unauthenticated(",
    ];
    let codes = [
        "Code::InvalidArgument",
        "Code::NotFound",
        "Code::PermissionDenied",
        "Code::ResourceExhausted",
        "StatusCode::BAD_REQUEST",
        "StatusCode::NOT_FOUND",
    ];
    let words: Vec<&str> = made.into_iter().chain(codes).collect();
    let found = offences(&words, |name| name == "proto/reason.rs");
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn only_the_clock_reads_the_time() {
    let found =
        offences(&["SystemTime::now", "Utc::now", "Uuid::now_v7", "Uuid::new_v4"], |name| name == "proto/clock.rs");
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_file_says_its_job_first_and_none_is_too_long() {
    let (mut silent, mut long) = (Vec::new(), Vec::new());
    for (name, text) in files("rs") {
        if !text.starts_with("//!") {
            silent.push(name.clone());
        }
        let lines = code(&text).lines().count();
        if lines > LINES_MAX {
            long.push(format!("{name} has {lines} lines"));
        }
    }
    assert!(silent.is_empty(), "these do not begin with what they are for: {silent:#?}");
    assert!(long.is_empty(), "is there a second noun in these? {long:#?}");
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |folder: &str| {
        let mut names: Vec<_> =
            fs::read_dir(root().join("migrations").join(folder)).unwrap().map(|it| it.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names("sqlite"), names("postgres"));
}

//! Real-world mails from the parser's package: those of Dovecot's tests (MIT), of Hunny Software's MIME samples, of
//! RFCs, and Maildir folders. They are read where cargo has unpacked them and not copied.

use super::{TestMailbox, hostile::assert_harmless, on_both};
use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    process::Command,
};

/// Fewest files of the corpus; fewer would mean that it has moved.
const MAILS_MIN: usize = 100;

/// The folder where cargo keeps the parser's source. The query is limited to this platform, so it needs no crate that
/// the build of the tests did not need: crates of other platforms are missing on a machine that only builds.
fn parser() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let words = ["metadata", "--format-version", "1", "--locked", "--filter-platform", "host-tuple"];
    let told = Command::new(cargo).args(words).output().expect("cargo");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).expect("JSON");
    let packages = told["packages"].as_array().expect("packages");
    let parser = packages.iter().find(|it| it["name"] == "mail-parser").expect("the parser");
    Path::new(parser["manifest_path"].as_str().expect("a path")).parent().expect("a folder").to_owned()
}

fn mails(folder: &Path, into: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.to_string_lossy().into_owned();
        if path.is_dir() {
            mails(&path, into);
        } else if name.ends_with(".eml") || name.contains("maildir") {
            into.push((name, std::fs::read(&path).expect("a file")));
        }
    }
}

async fn every_mail_of_the_world_goes_in_clean_and_a_second_run_adds_nothing(mailbox: TestMailbox) {
    let mut all = Vec::new();
    mails(&parser().join("resources"), &mut all);
    all.sort();
    assert!(all.len() >= MAILS_MIN, "{} mails", all.len());
    let (mut ids, mut repeats) = (HashSet::new(), 0);
    for (name, raw) in &all {
        let got = mailbox.mail(raw).await;
        let (ticket, message) = (got.ticket.expect("a ticket"), got.message.expect("a message"));
        assert_harmless(name, &message.body_html);
        assert!(ticket.subject.chars().count() <= 255 && !ticket.subject.is_empty(), "{name}");
        assert_eq!(ids.insert(message.id), !got.duplicate, "{name}");
        repeats += usize::from(got.duplicate);
    }
    // Some files contain the same mail in another form, with the same Message-ID.
    assert_eq!(ids.len() + repeats, all.len());
    assert!(ids.len() >= MAILS_MIN - 10, "{} of {}", ids.len(), all.len());
    let count = mailbox.ticket_count().await;
    for (name, raw) in &all {
        let again = mailbox.mail(raw).await;
        assert!(again.duplicate, "{name}");
        assert!(ids.contains(&again.message.expect("a message").id), "{name}");
    }
    assert_eq!(mailbox.ticket_count().await, count);
}

on_both!(TestMailbox: every_mail_of_the_world_goes_in_clean_and_a_second_run_adds_nothing);

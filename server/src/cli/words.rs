//! Finds out which command a malformed command line means, so that a mail server does not lose a mail because of an
//! operator's typing error.

use super::Cli;
use clap::{
    CommandFactory as _,
    error::{ContextKind, ContextValue},
};
use std::ffi::OsString;

const INGEST: &str = "ingest";
/// Flags that no other command has.
const OF_INGEST: &[&str] = &["--inbox", "--recipient", "--sender"];

/// Whether a malformed command line means `ingest`. The first name of a command decides, unless it is the value of a
/// flag; without one, a name similar to `ingest`, or a flag that only `ingest` has.
pub(crate) fn is_ingest(words: impl Iterator<Item = OsString>, error: &clap::Error) -> bool {
    let command = Cli::command();
    let takes_value = |word: &str| {
        let flag = |arg: &&clap::Arg| arg.get_long().is_some_and(|long| word.strip_prefix("--") == Some(long));
        command.get_arguments().find(flag).is_some_and(|arg| arg.get_action().takes_values())
    };
    let mut of_ingest = false;
    let mut is_value = false;
    for word in words {
        let word = word.to_string_lossy();
        if std::mem::replace(&mut is_value, takes_value(&word)) {
            continue;
        }
        if command.find_subcommand(&*word).is_some() {
            return word == INGEST;
        }
        of_ingest |= OF_INGEST.contains(&word.split('=').next().unwrap_or_default());
    }
    of_ingest || suggests_ingest(error)
}

fn suggests_ingest(error: &clap::Error) -> bool {
    match error.get(ContextKind::SuggestedSubcommand) {
        Some(ContextValue::String(name)) => name == INGEST,
        Some(ContextValue::Strings(names)) => names.iter().any(|name| name == INGEST),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    fn means_ingest(words: &str) -> bool {
        let words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
        let parsed = Cli::try_parse_from([OsString::from("inboxops")].into_iter().chain(words.iter().cloned()));
        is_ingest(words.into_iter(), &parsed.expect_err("wrong words"))
    }

    #[test]
    fn wrong_words_of_ingest_are_known_for_what_they_are() {
        for words in [
            "ingest",
            "ingest --tenant T",
            "ingest --tenant T --inbox I --nonsense",
            "--json ingest --tenant",
            "--server serve ingest --nonsense",
            "--nonsense ingest --tenant T --inbox I",
            "injest --tenant T --inbox I",
            "Ingest",
            "--tenant T --inbox=I",
            "--sender a@b",
        ] {
            assert!(means_ingest(words), "{words}");
        }
        for words in [
            "nonsense",
            "--nonsense",
            "tenant create --nam ingest",
            "tenant ingest",
            "--data-dir ingest tenant",
            "inbox create --inbox x",
            "serve --role ingest",
        ] {
            assert!(!means_ingest(words), "{words}");
        }
    }
}

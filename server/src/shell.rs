//! What a shell and `man` know of the command line: completions and pages, made from the words themselves.

use crate::{
    cli::Cli,
    error::{Error, Result},
    print::Output,
};
use clap::CommandFactory as _;
use clap_complete::Shell;
use serde_json::json;
use std::{fs, path::Path};

const NAME: &str = "inboxops";

/// The completions of a shell.
pub(crate) fn completions(shell: Shell) -> Output {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), NAME, &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    let value = json!({ "shell": shell.to_string(), "script": script });
    Output::Text(script, value)
}

/// Writes a page for each command into a folder, which is created if it is missing.
pub(crate) fn man(folder: &Path) -> Result<Output> {
    let write = || {
        fs::create_dir_all(folder)?;
        clap_mangen::generate_to(Cli::command(), folder)
    };
    write().map_err(|source| Error::Io { what: "write the man pages", source })?;
    let text = format!("The pages are in {}; read one with `man -l {}`.", folder.display(), page(folder).display());
    Ok(Output::Text(text, json!({ "ok": true, "folder": folder })))
}

fn page(folder: &Path) -> std::path::PathBuf {
    folder.join(format!("{NAME}.1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum as _;

    #[test]
    fn every_shell_completes_every_command() {
        for shell in Shell::value_variants() {
            let Output::Text(script, value) = completions(*shell) else { panic!("no script for {shell}") };
            assert_eq!(value["script"], script.as_str());
            for command in Cli::command().get_subcommands() {
                assert!(script.contains(command.get_name()), "{shell}: {}", command.get_name());
            }
        }
    }

    #[test]
    fn every_command_has_a_page_that_names_its_flags() {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = parent.path().join("new/man1");
        man(&folder).expect("pages");
        let mut open = vec![(NAME.to_owned(), Cli::command())];
        while let Some((name, command)) = open.pop() {
            let text = fs::read_to_string(folder.join(format!("{name}.1"))).unwrap_or_else(|_| panic!("no {name}.1"));
            for long in command.get_arguments().filter_map(clap::Arg::get_long) {
                assert!(text.contains(&long.replace('-', "\\-")), "{name}.1 lacks --{long}");
            }
            open.extend(command.get_subcommands().map(|inner| (format!("{name}-{}", inner.get_name()), inner.clone())));
        }
    }
}

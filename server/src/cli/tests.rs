//! The command line is well formed.

use super::*;
use clap::CommandFactory as _;

#[test]
fn the_command_line_is_well_formed_and_every_command_has_an_example() {
    let command = Cli::command();
    command.clone().debug_assert();
    let mut open = vec![command];
    while let Some(command) = open.pop() {
        assert!(command.has_subcommands() || command.get_after_help().is_some(), "{}", command.get_name());
        open.extend(command.get_subcommands().cloned());
    }
}

#[test]
fn help_shows_a_commands_own_flags_before_those_of_every_command() {
    let mut command = Cli::command();
    command.build();
    let (mut open, mut compared) = (vec![command], 0);
    while let Some(mut command) = open.pop() {
        let help = command.render_long_help().to_string();
        let heading = format!("{OF_EVERY}:");
        for flag in command.get_arguments().filter(|flag| !flag.is_global_set()).filter_map(|flag| flag.get_long()) {
            let (own, rest) = help.split_once(&heading).expect("both parts");
            assert!(own.contains(&format!("--{flag}")), "{}: --{flag}", command.get_name());
            assert!(rest.contains("--data-dir") && rest.contains("--json"), "{}", command.get_name());
            compared += 1;
        }
        // The command `help`, which clap adds, has no flags of ours.
        open.extend(command.get_subcommands().filter(|command| command.get_name() != "help").cloned());
    }
    assert!(compared > 60, "{compared}");
}

#[test]
fn global_flags_stand_before_or_after_the_words() {
    for words in [["--json", "tenant", "list"], ["tenant", "--json", "list"], ["tenant", "list", "--json"]] {
        let cli = Cli::try_parse_from(["inboxops"].into_iter().chain(words)).expect("a command");
        assert!(cli.global.json);
    }
}

#[test]
fn the_proxies_in_front_may_be_named() {
    for (flag, expected) in [
        (None, None),
        (Some("--behind-proxy"), Some("true")),
        (Some("--behind-proxy=10.0.0.0/8,::1/128"), Some("10.0.0.0/8,::1/128")),
    ] {
        let words = ["inboxops", "serve"].into_iter().chain(flag).chain(["--no-demo"]);
        let flags = Cli::try_parse_from(words).expect("a command").flags();
        let set = flags.iter().find(|(path, _)| *path == "behind_proxy").map(|(_, value)| value.as_str());
        assert_eq!(set, expected, "{flag:?}");
        assert!(flags.contains(&("demo", "false".to_owned())), "{flag:?}");
    }
}

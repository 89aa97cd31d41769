//! The command line of `token`.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Make a service token and show it, once
    #[command(
        after_help = "Examples:\n  inboxops token create --name mail-worker\n  inboxops token create --name worker-1 --dispatch-only"
    )]
    Create {
        /// What the token is for
        #[arg(long)]
        name: String,
        /// For a worker: it may take deliveries and report them, and nothing else
        #[arg(long)]
        dispatch_only: bool,
    },
    /// List the service tokens
    #[command(after_help = "Example:\n  inboxops token list --all")]
    List {
        /// Also list revoked tokens
        #[arg(long)]
        all: bool,
    },
    /// Revoke a service token: calls with it fail at once, on other machines within a second
    #[command(after_help = "Examples:\n  inboxops token revoke 019ab5f0-0000-7000-8000-0000000000d1\n  \
            inboxops token revoke mail-worker")]
    Revoke {
        /// Id of the token, or its name where no other token has it
        #[arg(value_name = "ID|NAME")]
        id: String,
    },
}

//! The command line of `events`.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Events {
    /// Follow a tenant's events with an API key and print them
    Tail(EventsTail),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  inboxops events tail --key ixk_…\n  \
        INBOXOPS_API_KEY=ixk_… inboxops --server https://desk.example.com events tail --events ticket.created --json\n\n\
    Prints a line for each event; with --json the event as webhooks have it, one a line, with its cursor. Begins with\n\
    the next event and runs until it is interrupted. When the server goes away it is looked for again, and no event\n\
    is left out. Without --server it follows the server whose socket is in the data folder.")]
pub(crate) struct EventsTail {
    /// API key with the scope events:read (better in INBOXOPS_API_KEY)
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// Events to print: names, `ticket.*`, `message.*`, separated by commas [default: all]
    #[arg(long, value_name = "EVENTS", value_delimiter = ',')]
    pub(crate) events: Vec<String>,
    /// Begin after this cursor, as --json prints it [default: with the next event]
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<String>,
}

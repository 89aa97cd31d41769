//! The command line of `mcp`.

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  INBOXOPS_API_KEY=ixk_… inboxops mcp\n  \
        INBOXOPS_API_KEY=ixk_… inboxops --server https://desk.example.com mcp\n\n\
        Speaks the Model Context Protocol, a message a line: a model's host starts it and writes to its standard input.\n\
        Ends with its input. A host that speaks HTTP needs no command: the server answers at /mcp.")]
pub(crate) struct Mcp {
    /// API key, whose scopes decide which tools there are (better in INBOXOPS_API_KEY)
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
}

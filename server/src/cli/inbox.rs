//! The command line of `inbox`.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Inbox {
    /// Make an inbox
    #[command(
        after_help = "Example:\n  inboxops inbox create --tenant 019ab5f0-0000-7000-8000-000000000001 --name Support --address support@example.com"
    )]
    Create {
        /// Id or name of the tenant
        #[arg(long)]
        tenant: String,
        /// Name
        #[arg(long)]
        name: String,
        /// Mail address; no other inbox of the tenant may have it
        #[arg(long)]
        address: Option<String>,
    },
    /// List the inboxes of a tenant
    #[command(after_help = "Example:\n  inboxops inbox list --tenant 019ab5f0-0000-7000-8000-000000000001")]
    List {
        /// Id or name of the tenant
        #[arg(long)]
        tenant: String,
    },
    /// Change an inbox: the name, the address, or whether it takes new tickets
    #[command(
        after_help = "Examples:\n  inboxops inbox update 019ab5f0-0000-7000-8000-0000000000a1 --address help@example.com\n  \
            inboxops inbox update support@example.com --tenant Acme --enabled false"
    )]
    Update {
        /// Id of the inbox; or, with --tenant, its name or address
        #[arg(value_name = "ID|NAME|ADDRESS")]
        id: String,
        /// Id or name of the tenant, for an inbox that is not named by its id
        #[arg(long)]
        tenant: Option<String>,
        /// New name
        #[arg(long)]
        name: Option<String>,
        /// New mail address; no other inbox of the tenant may have it
        #[arg(long)]
        address: Option<String>,
        /// Whether it takes new tickets
        #[arg(long)]
        enabled: Option<bool>,
    },
}

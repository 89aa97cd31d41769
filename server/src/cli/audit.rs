//! The command line of `audit`.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// List who changed what, besides tickets, newest first
    List(AuditList),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  inboxops audit list --tenant Acme\n  \
        inboxops audit list --tenant Acme --action endpoint.created --since 30d --json")]
pub(crate) struct AuditList {
    /// Id or name of the tenant
    #[arg(long)]
    pub(crate) tenant: String,
    /// Only this action: endpoint.created, session.login_failed, …
    #[arg(long)]
    pub(crate) action: Option<String>,
    /// Only actions of the agent, key or token with this id
    #[arg(long, value_name = "ID")]
    pub(crate) actor: Option<String>,
    /// Only actions since: a time (2027-01-31T00:00:00Z) or a span before now (7d, 12h)
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Only actions before: a time or a span before now
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// How many at most: 1 to 10000
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) limit: u32,
}

//! The command line of `tenant`.

use super::{Plan, Share, Switch};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Tenant {
    /// Make a tenant
    #[command(after_help = "Example:\n  inboxops tenant create --name Acme --plan business --json")]
    Create {
        /// Name of the workspace
        #[arg(long)]
        name: String,
        /// Plan; decides which entitlements it has
        #[arg(long, value_enum, default_value = "free")]
        plan: Plan,
    },
    /// List the tenants
    #[command(after_help = "Example:\n  inboxops tenant list --json")]
    List,
    /// Put a tenant on another plan
    #[command(
        after_help = "Example:\n  inboxops tenant set-plan --tenant 019ab5f0-0000-7000-8000-000000000001 --plan enterprise"
    )]
    SetPlan {
        /// Id or name of the tenant
        #[arg(long)]
        tenant: String,
        /// New plan
        #[arg(long, value_enum)]
        plan: Plan,
    },
    /// Switch an entitlement on or off, whatever the plan says
    #[command(
        after_help = "Example:\n  inboxops tenant set-entitlement --tenant 019ab5f0-0000-7000-8000-000000000001 --entitlement webhooks --enabled true"
    )]
    SetEntitlement {
        /// Id or name of the tenant
        #[arg(long)]
        tenant: String,
        /// webhooks or public_api
        #[arg(long)]
        entitlement: String,
        /// Whether it is on; `default` lets the plan decide
        #[arg(long, value_enum)]
        enabled: Switch,
    },
    /// Set how many requests a minute a tenant may make
    #[command(after_help = "Examples:\n  inboxops tenant set-rate-limit --tenant Acme --per-minute 600\n  \
            inboxops tenant set-rate-limit --tenant Acme --per-minute default")]
    SetRateLimit {
        /// Id or name of the tenant
        #[arg(long)]
        tenant: String,
        /// Requests a minute; `default` for the server's setting
        #[arg(long, value_name = "N|default")]
        per_minute: Share,
    },
    /// Suspend a tenant: every call of its keys and its people is refused
    #[command(after_help = "Example:\n  inboxops tenant suspend Acme")]
    Suspend {
        /// Id or name of the tenant
        #[arg(value_name = "ID|NAME")]
        tenant: String,
    },
    /// Lift the suspension of a tenant
    #[command(after_help = "Example:\n  inboxops tenant resume Acme")]
    Resume {
        /// Id or name of the tenant
        #[arg(value_name = "ID|NAME")]
        tenant: String,
    },
}

//! The command line of `delivery`.

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum Delivery {
    /// List deliveries, newest first: of an endpoint, of a tenant, or of all tenants
    List(DeliveryList),
    /// Send a delivery again: to its endpoint or, with --to, to another URL
    ///
    /// With --to this command itself posts the event, signed with a new secret that it prints, and nothing is recorded.
    /// It ends with 1 if the URL does not accept the event.
    #[command(after_help = "Examples:\n  inboxops delivery resend 019ab5f0-0000-7000-8000-000000000101\n  \
            inboxops delivery resend 019ab5f0-0000-7000-8000-000000000101 --to http://127.0.0.1:3000/hooks")]
    Resend {
        /// Id of the delivery
        id: String,
        /// URL that the event is posted to instead; http and this machine are allowed
        #[arg(long, value_name = "URL")]
        to: Option<String>,
        /// Secret that signs for --to, whsec_… [default: a new one]
        #[arg(long, value_name = "SECRET", requires = "to")]
        secret: Option<String>,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  inboxops delivery list --status failed\n  \
        inboxops delivery list --tenant Acme --endpoint https://example.com/hooks --since 12h")]
pub(crate) struct DeliveryList {
    /// Id or name of the tenant [default: that of the endpoint, or all]
    #[arg(long)]
    pub(crate) tenant: Option<String>,
    /// Id of the endpoint; or, with --tenant, its URL
    #[arg(long, value_name = "ID|URL")]
    pub(crate) endpoint: Option<String>,
    /// Statuses, separated by commas
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) status: Vec<DeliveryState>,
    /// Events, separated by commas
    #[arg(long, value_name = "EVENTS", value_delimiter = ',')]
    pub(crate) event: Vec<String>,
    /// Only those made since: a time (2027-01-31T00:00:00Z) or a span before now (7d, 12h)
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// How many at most: 1 to 10000
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) limit: u32,
}

/// Status of a delivery.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum DeliveryState {
    Pending,
    Retrying,
    Delivered,
    Failed,
    Paused,
    Canceled,
}

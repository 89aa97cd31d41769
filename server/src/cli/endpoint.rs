//! The command line of `endpoint`.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Endpoint {
    /// List the webhook endpoints of a tenant
    #[command(after_help = "Example:\n  inboxops endpoint list --tenant Acme")]
    List {
        /// Id or name of the tenant
        #[arg(long)]
        tenant: String,
    },
    /// Send a test to an endpoint and wait until it has answered
    ///
    /// A server must run. Ends with 1 if the endpoint does not accept the test.
    #[command(after_help = "Examples:\n  inboxops endpoint test 019ab5f0-0000-7000-8000-0000000000f1\n  \
            inboxops endpoint test https://example.com/hooks --tenant Acme --event message.received")]
    Test {
        /// Id of the endpoint; or, with --tenant, its URL
        #[arg(value_name = "ID|URL")]
        id: String,
        /// Id or name of the tenant, for an endpoint that is not named by its id
        #[arg(long)]
        tenant: Option<String>,
        /// Event whose sample is sent
        #[arg(long, default_value = "ticket.created")]
        event: String,
    },
}

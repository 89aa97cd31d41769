//! The command line: its words, and the setting of each flag. It does nothing.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

mod audit;
mod copies;
mod delivery;
mod endpoint;
mod events;
mod inbox;
mod ingest;
mod key;
mod mcp;
mod tenant;
mod token;
mod words;

pub(crate) use audit::{Audit, AuditList};
pub(crate) use copies::{Backup, CopyTo, Restore};
pub(crate) use delivery::{Delivery, DeliveryList, DeliveryState};
pub(crate) use endpoint::Endpoint;
pub(crate) use events::{Events, EventsTail};
pub(crate) use inbox::Inbox;
pub(crate) use ingest::{Ingest, MailFrom};
pub(crate) use key::{Key, Share};
pub(crate) use mcp::Mcp;
pub(crate) use tenant::Tenant;
pub(crate) use token::Token;
pub(crate) use words::is_ingest;

/// Tickets for other programs: REST, gRPC and signed webhooks from one binary.
#[derive(Debug, Parser)]
#[command(
    name = "inboxops",
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Examples:\n  inboxops serve\n  inboxops tenant create --name Acme --plan business --json\n  \
        inboxops key create --tenant 019ab5f0-0000-7000-8000-000000000001 --name export\n\n\
        Every setting can also come from the environment or a file; see `inboxops config print`."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Heading in the help: a command's own flags stand above it.
const OF_EVERY: &str = "Options of every command";

/// Flags that stand before or after the words of a command.
#[derive(Debug, Default, Args)]
pub(crate) struct Global {
    /// Folder of the database, the master key and the local socket
    #[arg(long, global = true, help_heading = OF_EVERY, value_name = "DIR")]
    pub(crate) data_dir: Option<String>,
    /// Database: sqlite:FILE or postgres://…
    #[arg(long, global = true, help_heading = OF_EVERY, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// Server that administrative commands talk to, instead of the one of the data folder
    #[arg(long, global = true, help_heading = OF_EVERY, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Service token for --server or --core (better in INBOXOPS_TOKEN)
    #[arg(long, global = true, help_heading = OF_EVERY, value_name = "TOKEN")]
    pub(crate) token: Option<String>,
    /// Configuration file, in TOML
    #[arg(long, global = true, help_heading = OF_EVERY, value_name = "FILE")]
    pub(crate) config: Option<String>,
    /// Print one JSON value instead of text
    #[arg(long, global = true, help_heading = OF_EVERY)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server, or a part of it
    Serve(Serve),
    /// Make and change tenants (workspaces)
    #[command(subcommand)]
    Tenant(Tenant),
    /// Make agents, the people of a tenant
    #[command(subcommand)]
    Agent(Agent),
    /// Make, list and change inboxes
    #[command(subcommand)]
    Inbox(Inbox),
    /// Make, list, change and revoke API keys
    #[command(subcommand)]
    Key(Key),
    /// Make, list and revoke service tokens, for programs of the operator
    #[command(subcommand)]
    Token(Token),
    /// List and test webhook endpoints
    #[command(subcommand)]
    Endpoint(Endpoint),
    /// List deliveries of webhooks and send them again
    #[command(subcommand)]
    Delivery(Delivery),
    /// Follow the events of a tenant
    #[command(subcommand)]
    Events(Events),
    /// Read who changed what
    #[command(subcommand)]
    Audit(Audit),
    /// Record mails from files, mboxes or standard input
    Ingest(Ingest),
    /// Follow events with an API key and post them, signed, to a URL of this machine
    Listen(Listen),
    /// Offer tools to a model, over standard input and output (MCP)
    Mcp(Mcp),
    /// Bring the database to the schema of this version
    #[command(after_help = "Example:\n  inboxops migrate --database-url postgres://inboxops@db/inboxops")]
    Migrate,
    /// Copy a SQLite database and its master key to a folder, beside a running server
    Backup(Backup),
    /// Restore a backup into an empty data folder
    Restore(Restore),
    /// Copy everything from SQLite to PostgreSQL, or back
    Copy(CopyTo),
    /// Check and print settings
    #[command(subcommand)]
    Config(Config),
    /// Change the key that seals secrets in the database
    #[command(subcommand)]
    Secrets(Secrets),
    /// Print the OpenAPI document
    #[command(after_help = "Example:\n  inboxops openapi > openapi.json")]
    Openapi,
    /// Print the completions of a shell
    #[command(after_help = "Example:\n  inboxops completions bash > /etc/bash_completion.d/inboxops")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write a man page for each command into a folder
    #[command(after_help = "Example:\n  inboxops man /usr/local/share/man/man1")]
    Man {
        /// The folder, made when it is missing
        dir: PathBuf,
    },
}

/// Part of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// The tickets and the database
    Core,
    /// REST, gRPC and grpc-web for everybody
    Edge,
    /// Sends webhooks
    Worker,
}

#[derive(Debug, Default, Args)]
#[command(
    after_help = "Examples:\n  inboxops serve\n  inboxops serve --no-demo --data-dir /var/lib/inboxops --listen 0.0.0.0:8080 --behind-proxy=10.0.0.0/8\n  \
        inboxops serve --role core --database-url postgres://inboxops@db/inboxops --listen 10.0.0.5:9090 --behind-proxy\n  \
        INBOXOPS_TOKEN=ixs_… inboxops serve --role edge --role worker --core http://10.0.0.5:9090"
)]
pub(crate) struct Serve {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// Address for edges, workers and programs of the operator; their services then leave the other one
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) internal_listen: Option<String>,
    /// Address for /metrics, /healthz and /readyz alone
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metrics_listen: Option<String>,
    /// Part to run; may be repeated [default: all three]
    #[arg(long = "role", value_name = "ROLE")]
    pub(crate) roles: Vec<Role>,
    /// Core that an edge or a worker works for; may be repeated
    #[arg(long = "core", value_name = "URL")]
    pub(crate) cores: Vec<String>,
    /// Do not make a demo tenant
    #[arg(long)]
    pub(crate) no_demo: bool,
    /// A proxy in front speaks TLS and names clients in X-Forwarded-For; with networks, only those in them are believed
    #[arg(long, value_name = "NETWORKS", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) behind_proxy: Option<String>,
    /// URL at which clients reach the server
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// TLS certificate chain, in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Option<String>,
    /// TLS private key, in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<String>,
    /// Let webhooks go to this machine itself and over http
    #[arg(long)]
    pub(crate) allow_private_targets: bool,
    /// Form of the log: text or json
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  inboxops listen --key ixk_… --forward-to http://127.0.0.1:3000/hooks\n  \
        INBOXOPS_API_KEY=ixk_… inboxops --server https://desk.example.com listen --forward-to http://localhost:3000/hooks --events ticket.created,message.*\n\n\
        Prints the secret that signs, then a line for each post; with --json one JSON value a line. Begins with the next\n\
        event and runs until it is interrupted. When the server goes away it is looked for again, and no event is left\n\
        out; an event that nobody answers is posted again until somebody does. Without --server it follows the server\n\
        whose socket is in the data folder.")]
pub(crate) struct Listen {
    /// URL that events are posted to; http and this machine are allowed
    #[arg(long, value_name = "URL")]
    pub(crate) forward_to: String,
    /// API key with the scope events:read (better in INBOXOPS_API_KEY)
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// Events to post: names, `ticket.*`, `message.*`, separated by commas [default: all]
    #[arg(long, value_name = "EVENTS", value_delimiter = ',')]
    pub(crate) events: Vec<String>,
    /// Secret that signs, whsec_… [default: a new one]
    #[arg(long, value_name = "SECRET")]
    pub(crate) secret: Option<String>,
    /// Begin after this cursor, as --json prints it [default: with the next event]
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<String>,
}

/// A plan.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Plan {
    Free,
    Starter,
    Business,
    Enterprise,
}

/// What an override says.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Switch {
    True,
    False,
    Default,
}

/// Role of an agent.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum AgentRole {
    Admin,
    Agent,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Agent {
    /// Make an agent
    #[command(
        after_help = "Example:\n  inboxops agent create --tenant 019ab5f0-0000-7000-8000-000000000001 --email ada@example.com --role admin"
    )]
    Create {
        /// Id or name of the tenant
        #[arg(long)]
        tenant: String,
        /// Mail address, unique in the tenant
        #[arg(long)]
        email: String,
        /// Name [default: the part of the address before the @]
        #[arg(long)]
        name: Option<String>,
        /// What the agent may do
        #[arg(long, value_enum, default_value = "agent")]
        role: AgentRole,
    },
    /// List the agents of a tenant
    #[command(after_help = "Example:\n  inboxops agent list --tenant 019ab5f0-0000-7000-8000-000000000001")]
    List {
        /// Id or name of the tenant
        #[arg(long)]
        tenant: String,
    },
    /// Make a one-time login link, good for 30 minutes
    #[command(after_help = "Examples:\n  inboxops agent login-link 019ab5f0-0000-7000-8000-0000000000b1\n  \
            inboxops agent login-link ada@example.com --tenant Acme")]
    LoginLink {
        /// Id of the agent; or, with --tenant, the mail address or the name
        #[arg(value_name = "ID|EMAIL|NAME")]
        id: String,
        /// Id or name of the tenant, for an agent who is not named by the id
        #[arg(long)]
        tenant: Option<String>,
    },
    /// Change an agent: the name, the role, or whether it may sign in
    #[command(after_help = "Examples:\n  inboxops agent update 019ab5f0-0000-7000-8000-0000000000b1 --role admin\n  \
            inboxops agent update 019ab5f0-0000-7000-8000-0000000000b1 --disabled true")]
    Update {
        /// Id of the agent; or, with --tenant, the mail address or the name
        #[arg(value_name = "ID|EMAIL|NAME")]
        id: String,
        /// Id or name of the tenant, for an agent who is not named by the id
        #[arg(long)]
        tenant: Option<String>,
        /// New name
        #[arg(long)]
        name: Option<String>,
        /// New role
        #[arg(long, value_enum)]
        role: Option<AgentRole>,
        /// Whether the agent is disabled: its sessions end, and it cannot sign in
        #[arg(long)]
        disabled: Option<bool>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Check the settings without starting anything
    #[command(after_help = "Example:\n  inboxops config check --config /etc/inboxops.toml")]
    Check,
    /// Print every setting with its value and where that comes from; secrets are masked
    #[command(after_help = "Example:\n  INBOXOPS_LISTEN=127.0.0.1:9000 inboxops config print")]
    Print,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Secrets {
    /// Seal all secrets in the database with a new master key; every server must be stopped
    ///
    /// The new key takes the place of the old one, which is kept beside it for backups made before. The command can be
    /// ended at any moment: a server then starts with the key that the database has, and running it again is safe.
    /// Endpoints' own secrets stay as they are.
    #[command(after_help = "Examples:\n  inboxops secrets rotate-master-key\n  \
            inboxops secrets rotate-master-key --new-key-file new.key")]
    RotateMasterKey {
        /// File of the new key, made when it is missing; needed where the key is the setting master_key
        #[arg(long, value_name = "FILE")]
        new_key_file: Option<PathBuf>,
    },
}

impl Cli {
    /// Source of the mails of `ingest`; `None` for other commands.
    pub(crate) fn mail(&self) -> Option<MailFrom> {
        if let Command::Ingest(command) = &self.command { Some(command.mail_from()) } else { None }
    }

    /// The settings that flags set, by path.
    pub(crate) fn flags(&self) -> Vec<(&'static str, String)> {
        let mut flags = Vec::new();
        let mut set = |path, value: &Option<String>| flags.extend(value.clone().map(|value| (path, value)));
        let Global { data_dir, database_url, server, token, config: _, json: _ } = &self.global;
        set("data_dir", data_dir);
        set("database_url", database_url);
        set("server", server);
        set("token", token);
        let Command::Serve(serve) = &self.command else { return flags };
        set("listen", &serve.listen);
        set("internal_listen", &serve.internal_listen);
        set("metrics_listen", &serve.metrics_listen);
        set("core", &(!serve.cores.is_empty()).then(|| serve.cores.join(",")));
        set("public_url", &serve.public_url);
        set("tls.cert", &serve.tls_cert);
        set("tls.key", &serve.tls_key);
        set("log_format", &serve.log_format);
        set("behind_proxy", &serve.behind_proxy);
        set("webhooks.allow_private_targets", &serve.allow_private_targets.then(|| "true".to_owned()));
        set("demo", &serve.no_demo.then(|| "false".to_owned()));
        let roles = serve.roles.iter().filter_map(|role| role.to_possible_value());
        let roles: Vec<String> = roles.map(|role| role.get_name().to_owned()).collect();
        set("roles", &(!roles.is_empty()).then(|| roles.join(",")));
        flags
    }
}

#[cfg(test)]
mod tests;

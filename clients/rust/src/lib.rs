//! The client of the InboxOps API: tickets, webhooks, events, and a mirror of a whole workspace.
//!
//! ```no_run
//! use inboxops_client::{Client, api::CreateTicketRequest};
//!
//! # async fn run() -> Result<(), inboxops_client::Error> {
//! let client = Client::builder("https://desk.example.com", "ixk_…").build()?;
//! let mut inboxes = client.inboxes().list(&Default::default());
//! while let Some(inbox) = inboxes.try_next().await? {
//!     println!("{} {}", inbox.id, inbox.name);
//! }
//! let lamp = CreateTicketRequest { subject: "Broken lamp".into(), inbox_id: "…".into(), ..Default::default() };
//! let ticket = client.tickets().create(&lamp).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Members that this version does not know are ignored, values of enums that it does not know are kept as `Other`, and
//! members that an older server does not send are empty: client and server need not have the same version.

#[macro_use]
mod open_enum;

mod call;
mod client;
mod error;
mod event;
mod events;
mod export;
mod generated;
mod http;
mod lines;
mod list;
mod mirror;
mod nouns;
mod query;
mod retry;
mod sse;
mod store;
mod webhook;

pub use call::Calls;
pub use client::{CallOptions, Client, ClientBuilder};
pub use error::{ApiError, Error};
pub use event::{EventData, WebhookEvent};
pub use events::{Events, EventsOptions, ReceivedEvent, Transport};
pub use export::{Export, ExportLine, ExportOptions};
pub use list::{List, ListMeta, Page};
pub use mirror::MirrorOptions;
pub use nouns::{Agents, Audit, Deliveries, Inboxes, Messages, Tags, Tickets, Webhooks};
pub use query::{Pairs, Query};
pub use store::{Kept, Kind, MemoryStore, MirrorState, Resource, Store};
pub use webhook::{WebhookError, WebhookHeaders, check_webhook, verify_webhook};

/// The API's types and queries, as its document has them.
pub mod api {
    pub use crate::generated::*;
}

//! Tests of the core on both databases.

mod agents;
mod api_keys;
mod deliveries;
mod dispatch;
mod events;
mod feed;
mod gate;
mod identity;
mod inboxes;
mod ingest;
mod messages;
mod store;
mod support;
mod tags;
mod tenants;
mod tickets;
mod watch;
mod webhooks;

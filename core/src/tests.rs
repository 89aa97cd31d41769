//! Tests of the core on both databases.

mod agents;
mod api_keys;
mod audit;
mod deliveries;
mod dispatch;
mod events;
mod feed;
mod gate;
mod idempotency;
mod identity;
mod idle;
mod inboxes;
mod ingest;
mod master_key;
mod messages;
mod metrics;
mod recoveries;
mod sessions;
mod store;
mod support;
mod tags;
mod tenants;
mod ticket_desk;
mod tickets;
mod watch;
mod webhooks;

//! The ticket core: its nouns, its store, its gate and its dispatch. It implements the services of the contract and
//! knows neither HTTP nor the worker's sockets.

mod address;
mod agents;
mod api_keys;
mod audit;
mod auth;
pub mod bench;
mod cache;
mod caller;
pub mod copies;
mod cursor;
mod deliveries;
mod dispatch;
mod error;
mod events;
mod exports;
mod html;
mod idempotency;
mod identity;
mod inboxes;
mod ingest;
mod limits;
mod list_index;
mod listing;
#[cfg(any(test, fuzzing))]
pub mod mail_invariants;
mod messages;
mod metrics;
mod mime;
mod page;
mod passwords;
mod plan;
mod public_site;
mod recoveries;
mod retention;
mod schedule;
mod secrets;
mod service_tokens;
mod sessions;
mod store;
mod tags;
mod tenants;
#[cfg(test)]
mod tests;
mod ticket_desk;
mod tickets;
mod time_and_chance;
mod token;
mod upkeep;
mod webhooks;

pub use caller::Caller;
pub use error::{Error, Result, chain};
pub use ingest::mail_ids;
pub use public_site::PublicSite;
pub use secrets::{MasterKey, rotation, signing_secret};
pub use store::Error as StoreError;
pub use time_and_chance::{Chance, Stamps};

use address::Resolver;
use auth::{Authority, Limits};
use dispatch::Dispatcher;
use inboxops_proto::{
    address::AllowPrivate,
    gate::Gate,
    services::{Implementations, Services},
};
use list_index::ListIndex;
use metrics::{CountingGate, Metrics};
use recoveries::Recoveries;
use retention::Retention;
use std::{
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};
use store::Leased;
use store::{Db, Options};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use upkeep::Upkeep;

/// Settings of the core.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `sqlite:PATH` or `postgres://…`.
    pub database_url: String,
    /// Requests a minute for a tenant without a limit of its own.
    pub requests_per_minute: u32,
    /// Failed authentications a minute for each client address.
    pub failed_auth_per_minute: u32,
    /// Whether webhooks may go to loopback addresses and use `http`.
    pub allow_private_targets: bool,
    /// URL at which clients reach the server, for links in thin events.
    pub public_url: Option<String>,
    /// An endpoint is *behind* when its oldest due delivery has waited this long.
    pub behind_after: Duration,
    /// The key that seals secrets.
    pub master_key: MasterKey,
    /// Greatest number of writes in one transaction; the default depends on the database.
    pub write_group_max: Option<usize>,
}

impl Settings {
    fn options(&self, stamps: &Stamps) -> Options {
        Options { group_max: self.write_group_max, ..Options::new(&self.database_url, stamps.clock().clone()) }
    }
}

/// The core of one process.
pub struct Core {
    db: Db,
    authority: Arc<Authority>,
    dispatcher: Arc<Dispatcher>,
    metrics: Arc<Metrics>,
    recoveries: Arc<Recoveries>,
    retention: Retention,
    lists: ListIndex,
    to_park: Mutex<Option<mpsc::UnboundedReceiver<Vec<Leased>>>>,
    upkeep: Upkeep,
    site: Arc<OnceLock<PublicSite>>,
    implementations: Implementations,
}

impl Core {
    /// Whether a database that a core has used is at this URL. It makes nothing.
    pub async fn has_database(database_url: &str) -> Result<bool> {
        Ok(store::database_exists(database_url).await?)
    }

    /// Opens the database, migrates it, and checks that the master key is the one that sealed its secrets.
    pub async fn open(settings: Settings, stamps: Stamps) -> Result<Core> {
        let db = Db::open(settings.options(&stamps)).await?;
        let master_key = match secrets::rotation::claim(&db, settings.master_key).await {
            Ok(key) => key,
            Err(error) => {
                // Undo the sign-in: this core will not run.
                db.close().await;
                return Err(error);
            }
        };
        if let Some((_, last)) = store::cores::settled(&db).await? {
            // A clock that is behind other cores' clocks must not date writes before a time that they have reported as
            // settled.
            stamps.not_before(last);
        }
        let metrics = Arc::new(Metrics::new());
        let groups = metrics.clone();
        db.count_groups(move |writer, jobs| groups.grouped(writer, jobs));
        let limits = Limits {
            requests_per_minute: settings.requests_per_minute,
            failed_auth_per_minute: settings.failed_auth_per_minute,
        };
        let authority = Arc::new(Authority::new(db.clone(), stamps.clone(), limits, master_key.clone()));
        let thin = events::Thin::new(settings.public_url.as_deref());
        let (dispatcher, to_park) = Dispatcher::new(
            db.clone(),
            stamps.clone(),
            master_key.clone(),
            thin,
            metrics.clone(),
            authority.live_cores(),
        );
        dispatcher.void().await?;
        let hand = Arc::downgrade(&dispatcher);
        db.hand_to(move |leased| {
            if let Some(dispatcher) = hand.upgrade() {
                dispatcher.handed(leased);
            }
        });
        let resolver =
            Resolver { allow: if settings.allow_private_targets { AllowPrivate::Yes } else { AllowPrivate::No } };
        let site = Arc::<OnceLock<PublicSite>>::default();
        let sessions =
            Arc::new(sessions::Sessions::new(db.clone(), stamps.clone(), authority.clone(), site.clone(), resolver));
        let ingest = Arc::new(ingest::Ingest::new(db.clone(), stamps.clone(), authority.clone()));
        let retention = Retention::new(db.clone(), stamps.clone());
        let upkeep =
            Upkeep { db: db.clone(), stamps: stamps.clone(), authority: authority.clone(), sessions: sessions.clone() };
        let lists = ListIndex::new(db.clone(), stamps.clone());
        let recoveries = Arc::new(Recoveries::new(db.clone(), stamps.clone(), dispatcher.clone()));
        let audit = Arc::new(audit::Audit::new(db.clone()));
        let implementations = Implementations {
            tickets: Arc::new(tickets::Tickets::new(db.clone(), stamps.clone())),
            messages: Arc::new(messages::Messages::new(db.clone(), stamps.clone())),
            tags: Arc::new(tags::Tags::new(db.clone(), stamps.clone())),
            inboxes: Arc::new(inboxes::Inboxes::new(db.clone())),
            agents: Arc::new(agents::Agents::new(db.clone())),
            identity: Arc::new(identity::Identity::new(authority.clone())),
            webhooks: Arc::new(webhooks::Webhooks::new(
                db.clone(),
                stamps.clone(),
                master_key,
                authority.clone(),
                dispatcher.clone(),
                recoveries.clone(),
                webhooks::Rules { resolver, behind_after: settings.behind_after },
            )),
            events: Arc::new(events::Events::new(db.clone(), stamps.clone())),
            exports: Arc::new(exports::Exports::new(db.clone(), stamps.clone(), exports::Limits::default())),
            deliveries: Arc::new(deliveries::Deliveries::new(
                db.clone(),
                stamps.clone(),
                dispatcher.clone(),
                recoveries.clone(),
            )),
            api_keys: Arc::new(api_keys::ApiKeys::new(db.clone(), stamps.clone(), authority.clone())),
            sessions,
            audits: audit.clone(),
            audit_logs: audit,
            tenants: Arc::new(tenants::Tenants::new(
                db.clone(),
                stamps.clone(),
                authority.clone(),
                dispatcher.clone(),
                site.clone(),
            )),
            service_tokens: Arc::new(service_tokens::ServiceTokens::new(db.clone(), stamps.clone(), authority.clone())),
            ticket_desks: Arc::new(ticket_desk::TicketDesk::new(
                db.clone(),
                stamps.clone(),
                ingest.clone(),
                site.clone(),
            )),
            ingest,
            dispatch: Arc::new(dispatch::Dispatch::new(dispatcher.clone())),
        };
        Ok(Core {
            db,
            authority,
            dispatcher,
            metrics,
            recoveries,
            retention,
            lists,
            to_park: Mutex::new(Some(to_park)),
            upkeep,
            site,
            implementations,
        })
    }

    /// All services, behind the gate.
    pub fn services(&self) -> Services {
        let gate: Arc<dyn Gate> = Arc::new(CountingGate::new(self.authority.clone(), self.metrics.clone()));
        Services::guarded(gate, self.implementations.clone())
    }

    /// All services without the gate: for the worker of the same process.
    pub fn implementations(&self) -> &Implementations {
        &self.implementations
    }

    /// Sets the URL of the pages and the mode of the server. Only the first call counts.
    pub fn serves_at(&self, site: PublicSite) {
        let _ = self.site.set(site);
    }

    /// The core's own metrics, as OpenMetrics text without its end: the process adds its own.
    pub async fn metrics(&self) -> String {
        self.metrics.text(&self.db).await
    }

    /// Whether the database answers and takes writes.
    pub async fn ready(&self) -> bool {
        self.db.ping().await.is_ok()
    }

    /// How long readers of events have waited for one transaction, as of the last [`Core::ready`]; `None` on SQLite.
    pub fn events_held_for(&self) -> Option<Duration> {
        self.db.events_held_for()
    }

    /// Runs the background tasks until `shutdown`, then flushes what is only in memory.
    pub async fn run(&self, shutdown: CancellationToken) {
        let to_park = self.to_park.lock().unwrap_or_else(PoisonError::into_inner).take();
        let dispatch = async {
            if let Some(to_park) = to_park {
                self.dispatcher.clone().run(to_park, shutdown.clone()).await;
            }
        };
        let jobs = self.recoveries.run(&shutdown);
        let retention = self.retention.run(&shutdown);
        let lists = self.lists.run(&shutdown);
        let told = inboxes::tell_shared(&self.db);
        tokio::join!(told, dispatch, jobs, retention, lists, self.db.tell(&shutdown), self.upkeep.keep(&shutdown));
    }

    /// Ends the writers and closes the database. Call it after [`Core::run`] has returned.
    pub async fn close(self) {
        self.db.close().await;
    }
}

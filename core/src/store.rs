//! The store: the only place with SQL. One file per table with plain functions over a transaction; `lane` runs write
//! closures in groups, `pool` serves reads, `fanout` and `dispatch` move deliveries. It knows rows and their order of
//! writing, no rule of any noun, and gives no row without a [`TenantScope`] or a [`SystemTx`].

pub mod agents;
pub mod answers;
pub mod api_keys;
pub mod audit;
pub mod backlog;
pub mod changes;
mod checkpoint;
pub mod chores;
mod conn;
pub mod cores;
pub mod counts;
mod db;
pub mod deliveries;
pub mod dispatch;
mod earlier;
pub mod endpoints;
mod error;
pub mod events;
mod fanout;
pub mod health;
pub mod inboxes;
mod lane;
pub mod lanes;
mod later;
pub mod messages;
pub mod meta;
pub mod migrate;
mod news;
pub mod passwords;
mod pool;
pub mod rate_windows;
pub mod recount;
pub mod recoveries;
pub mod relist;
pub mod retention;
pub mod service_tokens;
pub mod sessions;
pub mod spans;
pub mod sql;
pub mod subjects;
pub mod tags;
pub mod tallies;
pub mod tenants;
pub mod threads;
pub mod tickets;
mod tx;

pub use conn::{BUSY_TIMEOUT, CONNECT_TIMEOUT, LOCK_TIMEOUT, Purpose, STATEMENT_TIMEOUT};
pub use db::{Committed, Db, Lane, Options};
pub use error::{Error, Result};
pub use events::{Handed, NewEvent};
pub use fanout::{FIRST_TOKEN, LEASE};
pub use lane::{GROUP_MAX_PG, GROUP_MAX_SQLITE, QUEUE_MAX};
pub use news::{Hearing, Told};
pub use pool::{READERS_PG, READERS_SQLITE, ReadTx};
pub use tx::{Scoped, SystemTx, TenantScope, Tx};

use unicode_normalization::UnicodeNormalization as _;

/// Folds a name or an address for comparison and order without letter case.
pub fn fold(text: &str) -> String {
    text.nfc().collect::<String>().to_lowercase()
}

/// Things by name.
type Named<T> = Vec<(String, T)>;

/// Every fixed statement by name, and every one of many rows: what the statement test prepares on both databases.
pub fn statements() -> (Named<sql::Sql>, Named<sql::Rows>) {
    let fixed = [
        ("agents", agents::ALL),
        ("answers", answers::ALL),
        ("api_keys", api_keys::ALL),
        ("audit", audit::ALL),
        ("changes", changes::ALL),
        ("backlog", backlog::ALL),
        ("cores", cores::ALL),
        ("counts", counts::ALL),
        ("deliveries", deliveries::ALL),
        ("mend", deliveries::MEND_ALL),
        ("walk", deliveries::walk::ALL),
        ("dispatch", dispatch::ALL),
        ("chores", chores::ALL),
        ("claim", dispatch::CLAIM_ALL),
        ("due", dispatch::DUE_ALL),
        ("standing", dispatch::STANDING_ALL),
        ("earlier", earlier::ALL),
        ("endpoints", endpoints::ALL),
        ("sealed", endpoints::sealed::ALL),
        ("events", events::ALL),
        ("health", health::ALL),
        ("inboxes", inboxes::ALL),
        ("lanes", lanes::ALL),
        ("messages", messages::ALL),
        ("meta", meta::ALL),
        ("passwords", passwords::ALL),
        ("rate_windows", rate_windows::ALL),
        ("recount", recount::ALL),
        ("recoveries", recoveries::ALL),
        ("relist", relist::ALL),
        ("retention", retention::ALL),
        ("service_tokens", service_tokens::ALL),
        ("sessions", sessions::ALL),
        ("spans", spans::ALL),
        ("subjects", subjects::ALL),
        ("subjects_keep", subjects::KEEP_ALL),
        ("tags", tags::ALL),
        ("tallies", tallies::ALL),
        ("tenants", tenants::ALL),
        ("tickets", tickets::ALL),
        ("tickets_list", tickets::LIST_ALL),
    ];
    let rows = [
        ("answers", answers::ALL_ROWS),
        ("api_keys", api_keys::ALL_ROWS),
        ("backlog", backlog::ALL_ROWS),
        ("claim", dispatch::CLAIM_ALL_ROWS),
        ("counts", counts::ALL_ROWS),
        ("deliveries", deliveries::ALL_ROWS),
        ("dispatch", dispatch::ALL_ROWS),
        ("endpoints", endpoints::ALL_ROWS),
        ("fanout", fanout::ALL_ROWS),
        ("health", health::ALL_ROWS),
        ("lanes", lanes::ALL_ROWS),
        ("mend", deliveries::MEND_ALL_ROWS),
        ("walk", deliveries::walk::ALL_ROWS),
        ("report", dispatch::REPORT_ALL_ROWS),
        ("retention", retention::ALL_ROWS),
        ("sessions", sessions::ALL_ROWS),
        ("spans", spans::ALL_ROWS),
        ("subjects", subjects::ALL_ROWS),
        ("subjects_keep", subjects::KEEP_ALL_ROWS),
        ("tallies", tallies::ALL_ROWS),
        ("threads", threads::ALL_ROWS),
        ("tenants", tenants::ALL_ROWS),
        ("tickets", tickets::ALL_ROWS),
    ];
    let name = |file: &str, name: &str| format!("{file}::{name}");
    (
        fixed.iter().flat_map(|(file, all)| all.iter().map(move |(it, sql)| (name(file, it), *sql))).collect(),
        rows.iter().flat_map(|(file, all)| all.iter().map(move |(it, rows)| (name(file, it), *rows))).collect(),
    )
}

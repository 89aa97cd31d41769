//! The store: the only place with SQL. One file per table has plain functions over a transaction. `db` is the engine,
//! whose writers run write closures in groups. `fanout` and `dispatch` move deliveries. The store knows rows and the
//! order of writing, but no rule of any noun, and returns no row without a [`TenantScope`] or a [`SystemTx`].

pub(crate) mod agents;
pub(crate) mod answers;
pub(crate) mod api_keys;
pub(crate) mod audit;
pub(crate) mod backlog;
pub(crate) mod backups;
pub(crate) mod by_name;
pub(crate) mod changes;
pub(crate) mod chores;
pub(crate) mod counts;
pub(crate) mod db;
pub(crate) mod deliveries;
pub(crate) mod dispatch;
mod earlier;
pub(crate) mod endpoints;
pub(crate) mod events;
pub(crate) mod exports;
mod fanout;
pub(crate) mod health;
pub(crate) mod histories;
pub(crate) mod horizon;
pub(crate) mod inboxes;
pub(crate) mod lanes;
pub(crate) mod messages;
pub(crate) mod meta;
pub(crate) mod moving;
pub(crate) mod owners;
pub(crate) mod passwords;
pub(crate) mod rate_windows;
pub(crate) mod recount;
pub(crate) mod recoveries;
pub(crate) mod relist;
pub(crate) mod retention;
pub(crate) mod service_tokens;
pub(crate) mod sessions;
pub(crate) mod spans;
pub(crate) mod subjects;
pub(crate) mod tags;
pub(crate) mod tallies;
pub(crate) mod tenants;
pub(crate) mod threads;
pub(crate) mod tickets;
pub(crate) mod unnamed;

pub use db::error::Error;
pub(crate) use db::migrate::exists as database_exists;
pub(crate) use db::{
    Db, Options, Queue, cores,
    error::{Result, WriteError},
    news::{CommitNews, Hearing},
    pool::ReadTx,
    tx::{Scoped, SystemTx, TenantScope, Tx},
};
#[cfg(test)]
pub(crate) use db::{conn::Purpose, migrate, sql};
pub(crate) use events::{Leased, NewEvent};
pub(crate) use fanout::{FIRST_TOKEN, LEASE};

use unicode_normalization::UnicodeNormalization as _;

/// Folds a name or an address, so that comparison and order ignore letter case.
pub(crate) fn fold(text: &str) -> String {
    text.nfc().collect::<String>().to_lowercase()
}

#[cfg(test)]
type ByName<T> = Vec<(String, T)>;

/// All statements by name, those of one row and those of many, for the test that prepares them on both databases.
#[cfg(test)]
pub(crate) fn statements() -> (ByName<sql::Sql>, ByName<sql::Rows>) {
    let fixed = [
        ("agents", agents::ALL),
        ("answers", answers::ALL),
        ("api_keys", api_keys::ALL),
        ("audit", audit::ALL),
        ("changes", changes::ALL),
        ("backlog", backlog::ALL),
        ("backups", backups::ALL),
        ("cores", cores::ALL),
        ("counts", counts::ALL),
        ("deliveries", deliveries::ALL),
        ("bulk", deliveries::BULK_ALL),
        ("search", deliveries::SEARCH_ALL),
        ("walk", deliveries::walk::ALL),
        ("dispatch", dispatch::ALL),
        ("chores", chores::ALL),
        ("claim", dispatch::CLAIM_ALL),
        ("due", dispatch::DUE_ALL),
        ("stats", dispatch::STATS_ALL),
        ("earlier", earlier::ALL),
        ("endpoints", endpoints::ALL),
        ("sealed", endpoints::sealed::ALL),
        ("events", events::ALL),
        ("exports", exports::ALL),
        ("health", health::ALL),
        ("histories", histories::ALL),
        ("horizon", horizon::ALL),
        ("inboxes", inboxes::ALL),
        ("lanes", lanes::ALL),
        ("messages", messages::ALL),
        ("messages_list", messages::list::ALL),
        ("meta", meta::ALL),
        ("moving", moving::ALL),
        ("owners", owners::ALL),
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
        ("unnamed", unnamed::ALL),
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
        ("bulk", deliveries::BULK_ALL_ROWS),
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
        ("unnamed", unnamed::ALL_ROWS),
    ];
    let name = |file: &str, name: &str| format!("{file}::{name}");
    (
        fixed.iter().flat_map(|(file, all)| all.iter().map(move |(it, sql)| (name(file, it), *sql))).collect(),
        rows.iter().flat_map(|(file, all)| all.iter().map(move |(it, rows)| (name(file, it), *rows))).collect(),
    )
}

//! Resolves names. One lookup of a name runs at a time, and all callers share it, so that a hanging name server blocks
//! one thread for each name and not one for each attempt. It does not know which addresses are allowed.

use futures_util::{FutureExt as _, future::BoxFuture, future::Shared};
use std::{
    collections::HashMap,
    net::{IpAddr, ToSocketAddrs as _},
    sync::{Arc, Mutex, PoisonError},
};

/// Addresses of a name; `None` if there are none.
pub type Addresses = Option<Arc<[IpAddr]>>;

/// Resolves a name.
pub type Resolve = dyn Fn(&str) -> BoxFuture<'static, Addresses> + Send + Sync;

/// How names are resolved.
#[derive(Clone, Default)]
pub enum Resolver {
    /// By the system: hosts file and name servers.
    #[default]
    System,
    /// By a given function, called for every new connection.
    Given(Arc<Resolve>),
}

/// Lookups under way, by name.
#[derive(Default)]
pub(super) struct Lookups(Mutex<HashMap<String, Shared<BoxFuture<'static, Addresses>>>>);

impl Lookups {
    /// Looks a name up. A caller that stops waiting leaves the lookup running for others.
    pub(super) async fn lookup(&self, resolver: &Resolver, name: &str) -> Addresses {
        let found = match resolver {
            Resolver::Given(resolve) => return resolve(name).await,
            Resolver::System => self.join(name).await,
        };
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if running.get(name).is_some_and(|lookup| lookup.peek().is_some()) {
            running.remove(name);
        }
        found
    }

    fn join(&self, name: &str) -> Shared<BoxFuture<'static, Addresses>> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match running.get(name) {
            // A finished lookup is outdated.
            Some(lookup) if lookup.peek().is_none() => lookup.clone(),
            _ => {
                let owned = name.to_owned();
                // The port does not affect the answer.
                let lookup = tokio::task::spawn_blocking(move || (owned.as_str(), 443).to_socket_addrs().ok());
                let lookup = async move {
                    let ips: Vec<IpAddr> = lookup.await.ok().flatten()?.map(|address| address.ip()).collect();
                    (!ips.is_empty()).then(|| ips.into())
                };
                let lookup = lookup.boxed().shared();
                running.insert(name.to_owned(), lookup.clone());
                lookup
            }
        }
    }
}

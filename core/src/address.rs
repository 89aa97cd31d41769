//! Checks the URL of an endpoint when the endpoint is created or changed. The rules are the contract's
//! (`proto/address.rs`); the worker applies them again at every attempt.

use inboxops_proto::{
    address::{self, AllowPrivate},
    failure::Violation,
    reason::DetailCode,
};
use std::time::Duration;

/// Longest time for a DNS lookup. A name that does not resolve in time is accepted, and its deliveries fail.
pub(crate) const RESOLVE_TIMEOUT: Duration = Duration::from_secs(3);

/// Resolves the names in endpoints' URLs, and knows which addresses are allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resolver {
    /// Whether loopback addresses and `http` are allowed, for trials.
    pub(crate) allow: AllowPrivate,
}

/// Checks a URL and returns its normal form.
pub(crate) async fn check(url: &str, resolver: &Resolver) -> Result<String, Violation> {
    let target = address::check_url(url, resolver.allow).map_err(refused)?;
    let lookup = tokio::net::lookup_host((target.host().to_string(), target.port()));
    if let Ok(Ok(found)) = tokio::time::timeout(RESOLVE_TIMEOUT, lookup).await {
        address::check_ips(found.map(|it| it.ip()), resolver.allow).map_err(refused)?;
    }
    Ok(target.url().to_string())
}

fn refused(refusal: address::Refusal) -> Violation {
    Violation::new("url", DetailCode::InvalidFormat, refusal.to_string())
}

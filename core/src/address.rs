//! The core's use of the check of receivers' addresses: an endpoint's address is looked at when it is made or changed. The rules are
//! the contract's; the worker applies them again at every attempt.

use inboxops_proto::{
    address::{self, AllowPrivate},
    failure::Violation,
    reason::DetailCode,
};
use std::time::Duration;

/// Longest time that a look-up may take; a name that does not resolve in it is accepted and fails at delivery.
pub(crate) const RESOLVE_TIMEOUT: Duration = Duration::from_secs(3);

/// How addresses are looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resolver {
    /// Whether loopback and http are allowed, for trying things out.
    pub(crate) allow: AllowPrivate,
}

/// Checks an address; the answer is its normal form.
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

//! Error messages for wrong credentials: an RPC for service tokens alone speaks of tokens, not of API keys.

use inboxops_proto::{failure::Failure, gate::Policy, reason::Reason};

/// Refusal of a worker's token on an RPC that is not for workers.
pub(super) const WORKER: &str = "This service token is for a worker (--dispatch-only) and may not make this call.";
/// Refusal of an API key on an RPC that is not for API keys.
pub(super) const KEY: &str = "API keys may not make this call.";
const KEY_FOR_TOKEN: &str =
    "This call takes a service token (ixs_…), not an API key; `inboxops token create` makes one.";
const UNKNOWN: &str = "The service token is not valid.";
const MISSING: &str = "Send a service token in the header Authorization: Bearer ixs_…";

/// The refusal of an unknown service token.
pub(super) fn unknown_token() -> Failure {
    Failure::new(Reason::InvalidApiKey).message(UNKNOWN)
}

/// Rewords a refusal for the kind of credential that the RPC accepts.
pub(super) fn of(policy: &Policy, failure: Failure) -> Failure {
    if !policy.service || policy.api_key.is_some() || policy.session.is_some() {
        return failure;
    }
    match failure.reason {
        Reason::MissingApiKey => failure.message(MISSING),
        Reason::InvalidApiKey => failure.message(UNKNOWN),
        // Only API keys expire or need a plan, and this RPC accepts none of them.
        Reason::RevokedApiKey | Reason::ExpiredApiKey | Reason::EntitlementRequired | Reason::TenantSuspended => {
            failure.message(KEY_FOR_TOKEN)
        }
        Reason::RoleRequired if failure.message == KEY => failure.message(KEY_FOR_TOKEN),
        _ => failure,
    }
}

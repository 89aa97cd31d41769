//! The words of refusals by credential: a call that takes service tokens alone speaks of tokens, not of API keys.

use inboxops_proto::{failure::Failure, gate::Policy, reason::Reason};

/// What a worker's token is told where it may not call.
pub(super) const WORKER: &str = "This service token is for a worker (--dispatch-only) and may not make this call.";
/// What an API key is told where it may not call.
pub(super) const KEY: &str = "API keys may not make this call.";
const KEY_FOR_TOKEN: &str =
    "This call takes a service token (ixs_…), not an API key; `inboxops token create` makes one.";
const UNKNOWN: &str = "The service token is not valid.";
const MISSING: &str = "Send a service token in the header Authorization: Bearer ixs_…";

/// The refusal of a service token that is not known.
pub(super) fn unknown_token() -> Failure {
    Failure::new(Reason::InvalidApiKey).message(UNKNOWN)
}

/// A refusal of the gate in the words of those who may make the call.
pub(super) fn of(policy: &Policy, failure: Failure) -> Failure {
    if !policy.service || policy.api_key.is_some() || policy.session.is_some() {
        return failure;
    }
    match failure.reason {
        Reason::MissingApiKey => failure.message(MISSING),
        Reason::InvalidApiKey => failure.message(UNKNOWN),
        // Only keys end, and only theirs have a plan: whatever is wrong with one, it would not do.
        Reason::RevokedApiKey | Reason::ExpiredApiKey | Reason::EntitlementRequired | Reason::TenantSuspended => {
            failure.message(KEY_FOR_TOKEN)
        }
        Reason::RoleRequired if failure.message == KEY => failure.message(KEY_FOR_TOKEN),
        _ => failure,
    }
}

//! Decides what an outcome means for its delivery: delivered, a retry at some time, or failed. Pure but for the random
//! number that it is given; the schedule is in `schedule.rs`.
//! `docs/delivery.md` draws the states of a delivery and says who moves it.

use crate::store::Leased;
use crate::{
    schedule::{self, AttemptEnd, Next},
    store::{
        self, LEASE,
        deliveries::Attempt,
        dispatch::{Lease, OpenLease, Report, STALE_CONNECTION, SentRequest, Use},
    },
};
use inboxops_proto::{FailureCode, clock::Timestamp, internal::v1 as pb};
use std::time::Duration;

impl From<&Leased> for OpenLease {
    fn from(leased: &Leased) -> OpenLease {
        OpenLease {
            lease: Lease { delivery: leased.delivery, token: leased.token },
            tenant: leased.tenant,
            endpoint: leased.endpoint,
            test: leased.test,
            attempt: leased.attempt,
            failures: leased.failures,
            fresh: leased.fresh,
        }
    }
}

/// Whether the request went over a connection that the receiver had closed, for the first time since the delivery was
/// due.
fn is_stale(outcome: &pb::Outcome, fresh: bool) -> bool {
    outcome.error_code == STALE_CONNECTION && !fresh
}

/// Decides what an outcome means for its delivery. Its lease can be extended only if this core holds it (`held`).
pub(super) fn settle(open: OpenLease, mut outcome: pb::Outcome, held: bool, now: Timestamp, chance: u16) -> Report {
    let OpenLease { lease, tenant, endpoint, test, attempt, failures, fresh } = open;
    let report = |used| Report { lease, tenant, endpoint, test, failures, used };
    if outcome.not_sent {
        return report(Use::NotSent { due_at: now.plus(NOT_SENT_PAUSE) });
    }
    let succeeded = outcome.error_code.is_empty();
    let stale = is_stale(&outcome, fresh);
    if !stale && outcome.error_code == STALE_CONNECTION {
        // At most once for each attempt of the schedule.
        outcome.error_code = FailureCode::ConnectionReset.name().to_owned();
    }
    let ended = AttemptEnd {
        succeeded,
        stop: outcome.abort || outcome.response_status == GONE,
        retry_after: Duration::from_secs(outcome.retry_after_secs.into()),
        test,
    };
    let next = if stale && held {
        store::dispatch::Next::Again { lease_until: now.plus(LEASE) }
    } else if stale {
        store::dispatch::Next::Retry { due_at: now, failures }
    } else {
        let failures = failures + u32::from(!succeeded);
        match schedule::next(ended, failures, now, chance) {
            Next::Delivered => store::dispatch::Next::Delivered,
            Next::Failed => store::dispatch::Next::Failed,
            Next::Retry(due_at) => store::dispatch::Next::Retry { due_at, failures },
        }
    };
    let attempt = Attempt {
        n: attempt,
        started_at: Timestamp::from_micros(outcome.started_at_us),
        duration_ms: outcome.duration_ms,
        response_status: u16::try_from(outcome.response_status).ok().filter(|status| *status != 0),
        response_body: outcome.response_body,
        response_headers: pairs(&outcome.response_headers),
        request_headers: pairs(&outcome.request_headers),
        error_code: (!outcome.error_code.is_empty()).then_some(outcome.error_code),
        error: (!outcome.error.is_empty()).then_some(outcome.error),
        succeeded,
    };
    report(Use::Sent(SentRequest { attempt, next }))
}

/// Time until a delivery that a worker could not send is due again.
const NOT_SENT_PAUSE: Duration = Duration::from_secs(1);
/// The status of a receiver that is gone for good.
pub(super) const GONE: u32 = 410;
/// The reason that its tenant sees.
pub(super) const GONE_SAID: &str = "The receiver answered 410 Gone: it no longer accepts requests.";

/// Headers as the JSON of an attempt's row: a list of pairs.
fn pairs(headers: &[pb::RecordedHeader]) -> String {
    let pairs: Vec<(&str, &str)> = headers.iter().map(|header| (header.name.as_str(), header.value.as_str())).collect();
    // Strings always have a JSON form.
    serde_json::to_string(&pairs).unwrap_or_default()
}

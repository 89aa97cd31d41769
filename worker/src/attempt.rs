//! One attempt, from its lease to its outcome. Whatever happens is data; no function here returns an error.

use crate::{
    Shared,
    outcome::{self, AttemptFailure},
    request::{Endpoint, Event, Unusable},
    sender::Answer,
};
use bytes::Bytes;
use inboxops_proto::{FailureCode, clock::Timestamp, failpoint, internal::v1::Outcome};
use std::{sync::Arc, time::Instant};
use uuid::Uuid;

/// A delivery that this worker may send until its lease ends.
pub(crate) struct Lease {
    /// The delivery's id, as received.
    pub delivery_id: Bytes,
    pub endpoint_id: Uuid,
    /// The event to send; `None` if the core sent none.
    pub event: Option<Arc<Event>>,
    pub attempt: u32,
    pub token: i64,
    /// Whether it needs a new connection, because the previous one was closed during its request.
    pub fresh: bool,
    /// The place in a trace of its cause; empty if the core knows none.
    pub traceparent: String,
    pub until: Timestamp,
}

impl Lease {
    /// The delivery's id for the log; nil if it is malformed.
    pub(crate) fn delivery(&self) -> Uuid {
        Uuid::from_slice(&self.delivery_id).unwrap_or_default()
    }
}

/// An endpoint with one version of its configuration.
pub(crate) struct PreparedEndpoint {
    /// Id and version.
    pub key: (Uuid, u32),
    /// The prepared configuration, or why it cannot be used.
    pub endpoint: Result<Endpoint, Unusable>,
}

/// The outcome of a delivery that was not sent: it does not count as an attempt.
pub(crate) fn not_sent(lease: &Lease, now: Timestamp, why: &'static str) -> Outcome {
    let delivery = lease.delivery();
    tracing::debug!(
        %delivery, endpoint = %lease.endpoint_id, token = lease.token, why,
        "delivery {delivery} goes back unsent"
    );
    Outcome {
        error_code: FailureCode::InternalError.name().to_owned(),
        error: FailureCode::InternalError.sentence().to_owned(),
        not_sent: true,
        ..begun(lease, now)
    }
}

/// Sends one delivery once. `at` and `begin` are the same moment, at which the lease was long enough.
pub(crate) async fn run(
    shared: &Shared,
    lease: &Lease,
    prepared: &PreparedEndpoint,
    at: Timestamp,
    begin: Instant,
) -> Outcome {
    let endpoint = match &prepared.endpoint {
        Ok(endpoint) => endpoint,
        // The receiver's owner can correct the URL, so it is an attempt like any other.
        Err(why @ Unusable::Refused(_)) => {
            let failed = AttemptFailure { code: FailureCode::BlockedAddress, sentence: why.to_string().into() };
            return failed_outcome(begun(lease, at), failed);
        }
        Err(Unusable::Secrets(_)) => return not_sent(lease, at, "its endpoint's secrets cannot sign"),
    };
    let (Some(event), Ok(delivery)) = (&lease.event, Uuid::from_slice(&lease.delivery_id)) else {
        return not_sent(lease, at, "it came without its event");
    };
    let mut signed = endpoint.sign(event, delivery, lease.attempt, at);
    let traced = shared.traces.as_ref().map(|traces| traces.begin(lease, endpoint, &mut signed.headers));
    let mut outcome = Outcome { request_headers: endpoint.recorded(&signed), ..begun(lease, at) };
    let size = signed.body.len();
    let sent = shared.sender.send(prepared.key, endpoint, signed, lease.fresh, begin).await;
    failpoint::fails("after_answer");
    outcome.duration_ms = u32::try_from(begin.elapsed().as_millis()).unwrap_or(u32::MAX);
    let outcome = concluded(shared, outcome, sent, size);
    if let Some(traced) = traced {
        traced.end(&outcome);
    }
    outcome
}

/// The outcome of a request that was made.
fn concluded(shared: &Shared, mut outcome: Outcome, sent: Result<Answer, AttemptFailure>, size: usize) -> Outcome {
    let answer = match sent {
        Ok(answer) => answer,
        Err(failed) => return failed_outcome(outcome, failed),
    };
    outcome.response_status = answer.status.as_u16().into();
    outcome.response_headers = outcome::recorded(&answer.headers);
    outcome.response_body = Some(outcome::text(&answer.headers, &answer.body));
    match outcome::verdict(answer.status, size) {
        None => outcome,
        Some(failed) => {
            outcome.retry_after_secs = outcome::retry_after(answer.status, &answer.headers, shared.clock.now());
            outcome.abort = outcome::abort(&answer.headers);
            failed_outcome(outcome, failed)
        }
    }
}

fn begun(lease: &Lease, at: Timestamp) -> Outcome {
    Outcome {
        delivery_id: lease.delivery_id.clone(),
        token: lease.token,
        started_at_us: at.micros(),
        ..Outcome::default()
    }
}

fn failed_outcome(mut outcome: Outcome, failed: AttemptFailure) -> Outcome {
    outcome.error_code = failed.code.name().to_owned();
    outcome.error = failed.sentence.into_owned();
    // A fault on our side; the attempt is not counted.
    outcome.not_sent = failed.code == FailureCode::InternalError;
    outcome
}

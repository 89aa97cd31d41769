//! A core restarts while its worker has results from the core's former run.

use super::TestDispatch;
use crate::tests::support::{ACCEPTED, REFUSED, TestCore, Worker, on_both};
use inboxops_proto::v1::DeliveryStatus;

async fn a_result_of_a_former_life_counts_while_its_lease_is_open(core: TestCore) {
    let tenant = core.tenant().await;
    let endpoint = core.endpoint(&tenant.key, &["ticket.created"]).await.id;
    let mut worker = Worker::join(&core, 4).await;
    core.ticket(&tenant, "Hello").await;
    let taken = worker.next().await;
    let core = core.again(|_| ()).await;
    let outcome = taken.answered(&core, 200);
    let shared = core.postgres.is_some();
    // A single process has taken the lease back at its start.
    assert_eq!(worker.report(&core, vec![outcome.clone()]).await, if shared { ACCEPTED } else { REFUSED });
    assert_eq!(worker.report(&core, vec![outcome]).await, REFUSED, "once");
    let one = core.delivery(&tenant.key, &taken.id).await;
    assert_eq!(one.attempts.len(), 1);
    let status = if shared { DeliveryStatus::Delivered } else { DeliveryStatus::Retrying };
    assert_eq!((one.status(), one.endpoint_id), (status, endpoint));
}

async fn a_result_with_an_old_token_is_refused(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 4).await;
    let taken = dispatch.delivery("Hello").await;
    let mut outcome = taken.answered(&dispatch.core, 200);
    outcome.token -= 1;
    assert_eq!(dispatch.worker.report(&dispatch.core, vec![outcome]).await, REFUSED);
    dispatch.report(&taken, 200).await;
}

on_both!(TestCore: a_result_of_a_former_life_counts_while_its_lease_is_open, a_result_with_an_old_token_is_refused);

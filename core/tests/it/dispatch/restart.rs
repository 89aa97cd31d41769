//! A core that comes back while its worker has results of its former life.

use super::Shop;
use crate::support::{Desk, Worker, on_both};
use inboxops_proto::v1::DeliveryStatus;

async fn a_result_of_a_former_life_counts_while_its_lease_is_open(desk: Desk) {
    let home = desk.workspace().await;
    let endpoint = desk.endpoint(&home.key, &["ticket.created"]).await.id;
    let mut worker = Worker::join(&desk, 4).await;
    desk.ticket(&home, "Hello").await;
    let taken = worker.next().await;
    let desk = desk.again(|_| ()).await;
    let outcome = taken.answered(&desk, 200);
    let shared = desk.postgres.is_some();
    // Where there is one process, its start has taken the lease back.
    assert_eq!(worker.report(&desk, vec![outcome.clone()]).await, if shared { (1, 0) } else { (0, 1) });
    assert_eq!(worker.report(&desk, vec![outcome]).await, (0, 1), "once");
    let one = desk.delivery(&home.key, &taken.id).await;
    assert_eq!(one.attempts.len(), 1);
    let status = if shared { DeliveryStatus::Delivered } else { DeliveryStatus::Retrying };
    assert_eq!((one.status(), one.endpoint_id), (status, endpoint));
}

async fn a_result_with_an_old_token_is_refused(desk: Desk) {
    let mut shop = Shop::open(desk, 4).await;
    let taken = shop.delivery("Hello").await;
    let mut outcome = taken.answered(&shop.desk, 200);
    outcome.token -= 1;
    assert_eq!(shop.worker.report(&shop.desk, vec![outcome]).await, (0, 1));
    shop.report(&taken, 200).await;
}

on_both!(Desk: a_result_of_a_former_life_counts_while_its_lease_is_open, a_result_with_an_old_token_is_refused);

//! Between worker and core: leases, reports, broken connections and shutdown.

use crate::support::{
    TestWorker, bytes_of, endpoint, hasty, noon, payload,
    receiver::{OK, Receiver},
    settings, soon,
};
use inboxops_proto::{
    clock::Clock,
    gate::BoxStream,
    internal::v1::{
        ReportRequest, ReportResponse, WorkRequest, WorkResponse, dispatch_service_server::DispatchService,
    },
};
use inboxops_worker::LEASE_LEFT_MIN;
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

#[tokio::test]
async fn a_delivery_with_too_little_lease_left_goes_back_unsent() {
    let receiver = Receiver::answering(OK).await;
    let clock = Clock::manual(noon());
    let mut worker = TestWorker::start_with(settings(), clock.clone(), None).await;
    worker.configure(endpoint(1, 1, &receiver.url));
    let mut deliveries = vec![worker.leased(1, 1), worker.leased(1, 1), worker.leased(1, 1)];
    deliveries[0].lease_until_us = noon().plus(LEASE_LEFT_MIN).micros() - 1;
    deliveries[1].lease_until_us = noon().plus(LEASE_LEFT_MIN).micros();
    deliveries[2].lease_until_us = noon().minus(Duration::from_secs(60)).micros();
    worker.send(WorkResponse { payloads: vec![payload("{}")], deliveries, ..WorkResponse::default() });
    let mut outcomes = worker.outcomes(3).await;
    outcomes.sort_by_key(|outcome| outcome.token);
    let unsent: Vec<(bool, &str)> = outcomes.iter().map(|o| (o.not_sent, o.error_code.as_str())).collect();
    assert_eq!(unsent, [(true, "internal_error"), (false, ""), (true, "internal_error")]);
    assert_eq!(receiver.requests(), 1);
}

#[tokio::test]
async fn what_cannot_be_sent_for_our_reasons_goes_back_unsent() {
    let receiver = Receiver::answering(OK).await;
    let mut worker = TestWorker::start(settings()).await;
    let mut damaged = endpoint(2, 1, &receiver.url);
    damaged.secrets = vec!["whsec_?".to_owned()];
    worker.configure(endpoint(1, 1, &receiver.url));
    worker.configure(damaged);
    let mut deliveries = vec![worker.leased(1, 1), worker.leased(2, 1), worker.leased(3, 1), worker.leased(1, 1)];
    deliveries[0].payload = 9;
    deliveries[3].endpoint_id = bytes::Bytes::from_static(b"short");
    worker.send(WorkResponse { payloads: vec![payload("{}")], deliveries, ..WorkResponse::default() });
    let outcomes = worker.outcomes(4).await;
    assert!(outcomes.iter().all(|outcome| outcome.not_sent && outcome.error_code == "internal_error"));
    assert_eq!(outcomes.iter().map(|o| o.token).collect::<HashSet<_>>().len(), 4);
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn a_failing_report_is_repeated_and_nothing_is_sent_twice() {
    let receiver = Receiver::answering(OK).await;
    let mut worker = TestWorker::start(settings()).await;
    worker.refuse((0..5).map(|_| Status::unavailable("the database is away")));
    worker.configure(endpoint(1, 1, &receiver.url));
    worker.deliver(200, 1, 1);
    let outcomes = worker.outcomes(200).await;
    assert_eq!(outcomes.iter().map(|o| o.delivery_id.clone()).collect::<HashSet<_>>().len(), 200);
    assert_eq!(receiver.requests(), 200);
}

#[tokio::test]
async fn an_outcome_that_the_core_cannot_store_holds_up_no_other() {
    let receiver = Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await;
    let mut worker = TestWorker::start_with(settings(), Clock::System, Some(77)).await;
    worker.configure(endpoint(1, 1, &receiver.url));
    worker.deliver(200, 1, 1);
    let outcomes = worker.outcomes(200).await;
    for outcome in outcomes {
        let stripped = outcome.delivery_id == bytes_of(77);
        assert_eq!(outcome.response_status, 200);
        assert_eq!(outcome.response_body.is_none(), stripped);
    }
}

#[tokio::test]
async fn a_lost_stream_is_opened_again_and_what_runs_goes_on() {
    let gate = Arc::new(Semaphore::new(0));
    let held = gate.clone();
    let mut receiver = Receiver::start(move |mut visit| {
        let held = held.clone();
        async move {
            while visit.request().await? {
                held.acquire().await.expect("it is never closed").forget();
                visit.write(OK.as_bytes()).await?;
            }
            Ok(())
        }
    })
    .await;
    let mut settings = settings();
    settings.in_flight_max = 1;
    let mut worker = TestWorker::start(settings).await;
    worker.configure(endpoint(1, 1, &receiver.url));
    worker.configure(endpoint(2, 1, &receiver.url));
    worker.deliver(1, 1, 1);
    receiver.seen().await;
    // This one waits for its slot while the stream breaks, and is given back.
    worker.deliver(1, 2, 1);
    for how in [Some(Status::unavailable("restarted")), None] {
        let request = worker.reopen(how).await;
        assert_eq!((request.worker_id.as_str(), request.window), ("worker-1", inboxops_worker::WINDOW));
    }
    // The core sends the configurations again on a new stream.
    worker.configure(endpoint(1, 1, &receiver.url));
    worker.deliver(1, 1, 1);
    gate.add_permits(3);
    let (unsent, sent): (Vec<_>, Vec<_>) = worker.outcomes(3).await.into_iter().partition(|outcome| outcome.not_sent);
    assert_eq!((unsent.len(), sent.len()), (1, 2));
    assert!(sent.iter().all(|outcome| outcome.response_status == 200));
}

#[tokio::test]
async fn no_more_than_its_slots_are_under_way() {
    let receiver = Receiver::start(|mut visit| async move {
        visit.request().await?;
        visit.hold().await
    })
    .await;
    let mut settings = hasty(500);
    settings.in_flight_max = 10;
    let mut worker = TestWorker::start(settings).await;
    for id in 1..=5 {
        worker.configure(endpoint(id, 1, &receiver.url));
        worker.deliver(6, id, 1);
    }
    assert!(worker.outcomes(30).await.iter().all(|outcome| outcome.error_code == "timeout"));
    assert_eq!((receiver.requests(), receiver.connections()), (30, 30));
    // The receiver sees the end of a request slightly later than the worker.
    assert!(receiver.most_at_once() <= 20, "{} at once", receiver.most_at_once());
}

/// Ten deliveries, of which three are in flight; each is answered when the gate gets a permit.
async fn three_of_ten_under_way() -> (TestWorker, Receiver, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let held = gate.clone();
    let mut receiver = Receiver::start(move |mut visit| {
        let held = held.clone();
        async move {
            while visit.request().await? {
                held.acquire().await.expect("it is never closed").forget();
                visit.write(OK.as_bytes()).await?;
            }
            Ok(())
        }
    })
    .await;
    let mut settings = settings();
    settings.in_flight_max = 3;
    let mut worker = TestWorker::start(settings).await;
    worker.configure(endpoint(1, 1, &receiver.url));
    worker.deliver(10, 1, 1);
    for _ in 0..3 {
        receiver.seen().await;
    }
    (worker, receiver, gate)
}

#[tokio::test]
async fn the_end_waits_for_what_runs_and_gives_back_the_rest() {
    let (mut worker, receiver, gate) = three_of_ten_under_way().await;
    worker.shutdown.cancel();
    let unsent = worker.outcomes(7).await;
    assert!(unsent.iter().all(|outcome| outcome.not_sent));
    gate.add_permits(3);
    let rest = worker.stop().await;
    assert_eq!(rest.iter().filter(|outcome| outcome.response_status == 200).count(), 3);
    assert_eq!((rest.len(), receiver.requests()), (3, 3));
}

#[tokio::test]
async fn what_was_not_begun_when_the_stream_ends_goes_back_unsent() {
    let (mut worker, receiver, gate) = three_of_ten_under_way().await;
    worker.reopen(None).await;
    let unsent = worker.outcomes(7).await;
    assert!(unsent.iter().all(|outcome| outcome.not_sent));
    gate.add_permits(3);
    let rest = worker.outcomes(3).await;
    assert!(rest.iter().all(|outcome| outcome.response_status == 200));
    assert_eq!(receiver.requests(), 3);
    worker.stop().await;
}

/// A core that never answers.
struct SilentCore;

#[tonic::async_trait]
impl DispatchService for SilentCore {
    type WorkStream = BoxStream<WorkResponse>;

    async fn work(&self, _: Request<WorkRequest>) -> Result<Response<Self::WorkStream>, Status> {
        std::future::pending().await
    }

    async fn report(&self, _: Request<ReportRequest>) -> Result<Response<ReportResponse>, Status> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_worker_without_a_core_ends_at_once() {
    let shutdown = CancellationToken::new();
    let worker = inboxops_worker::run(settings(), vec![Arc::new(SilentCore)], Clock::System, shutdown.clone());
    let end = async { shutdown.cancel() };
    let (ended, ()) = soon(async { tokio::join!(worker, end) }).await;
    assert!(ended.is_ok());
}

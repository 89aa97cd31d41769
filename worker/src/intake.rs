//! The stream of leased deliveries from one core: keeps it open, starts deliveries in order as slots become free, and
//! gives back what cannot be started. It stores nothing and knows nothing about HTTP.

use crate::{
    LEASE_LEFT_MIN, Shared,
    attempt::{self, Lease, PreparedEndpoint},
    backoff::Backoff,
    report::Report,
    request::{Endpoint, Event},
};
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use inboxops_proto::{
    clock::Timestamp,
    gate::BoxStream,
    internal::v1::{EndpointConfig, LeasedDelivery, WorkRequest, WorkResponse},
    limits::ENDPOINT_IN_FLIGHT_MAX,
    services::DynDispatchService,
};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    panic::AssertUnwindSafe,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;
use tonic::Request;
use uuid::Uuid;

/// First and longest pause before the stream is opened again.
const REOPEN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// Longest wait for the stream to open.
const OPEN_MAX: Duration = Duration::from_secs(10);

/// An item of one core's stream.
enum StreamItem {
    /// The stream was reopened: the core sends all configurations again.
    Opened,
    /// The stream ended, perhaps because its core did.
    Ended,
    /// A batch of deliveries.
    Batch(WorkResponse),
}

/// The unfinished deliveries of one core.
struct Intake {
    shared: Arc<Shared>,
    endpoints: HashMap<Uuid, Room>,
    /// In the order of arrival.
    waiting: VecDeque<Lease>,
    running: JoinSet<Uuid>,
    reports: mpsc::Sender<Report>,
}

/// An endpoint and its requests in flight.
struct Room {
    prepared: Arc<PreparedEndpoint>,
    running: usize,
    /// Arrived while the endpoint had all the requests that it may have.
    held: VecDeque<Lease>,
}

/// Receives and sends deliveries until `shutdown`; returns when the last one in flight has been passed to the reporter.
pub(crate) async fn run(
    shared: Arc<Shared>,
    dispatch: Arc<DynDispatchService>,
    reports: mpsc::Sender<Report>,
    shutdown: CancellationToken,
) {
    let request =
        WorkRequest { worker_id: shared.worker_id.clone(), window: shared.window, slots: shared.in_flight_max };
    let mut work = pin!(feed(dispatch, request, shutdown.clone()));
    let slots = shared.slots.clone();
    let window = shared.window as usize;
    let mut intake =
        Intake { shared, endpoints: HashMap::new(), waiting: VecDeque::new(), running: JoinSet::new(), reports };
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            Some(finished) = intake.running.join_next() => intake.finished(finished),
            Ok(slot) = slots.clone().acquire_owned(), if !intake.waiting.is_empty() => intake.start(slot).await,
            Some(taken) = work.next(), if intake.waiting.len() <= window => intake.take(taken).await,
        }
        intake.fill().await;
    }
    // Leases that have already arrived would otherwise have to expire.
    while let Some(Some(taken)) = work.next().now_or_never() {
        intake.take(taken).await;
    }
    intake.end().await;
}

/// The batches of a core, reconnecting as needed; it ends only after `shutdown`.
fn feed(
    dispatch: Arc<DynDispatchService>,
    request: WorkRequest,
    shutdown: CancellationToken,
) -> impl Stream<Item = StreamItem> {
    struct Feed {
        stream: Option<BoxStream<WorkResponse>>,
        backoff: Backoff,
        opened: Instant,
        fresh: bool,
    }
    let start = Feed { stream: None, backoff: Backoff::new(REOPEN.0, REOPEN.1), opened: Instant::now(), fresh: true };
    futures_util::stream::unfold(start, move |mut feed| {
        let dispatch = dispatch.clone();
        let request = request.clone();
        let shutdown = shutdown.clone();
        async move {
            loop {
                if let Some(stream) = &mut feed.stream {
                    match stream.next().await {
                        Some(Ok(batch)) => {
                            feed.backoff.reset();
                            return Some((StreamItem::Batch(batch), feed));
                        }
                        Some(Err(status)) => {
                            tracing::warn!(
                                worker = request.worker_id, code = ?status.code(), why = status.message(),
                                "the work stream broke, will reopen"
                            );
                        }
                        None => tracing::debug!(worker = request.worker_id, "the core closed the work stream"),
                    }
                    feed.stream = None;
                    if feed.opened.elapsed() >= REOPEN.1 {
                        feed.backoff.reset();
                    }
                    return Some((StreamItem::Ended, feed));
                }
                if shutdown.is_cancelled() {
                    return None;
                }
                if !std::mem::take(&mut feed.fresh) {
                    tokio::time::sleep(feed.backoff.pause()).await;
                }
                match tokio::time::timeout(OPEN_MAX, dispatch.work(Request::new(request.clone()))).await {
                    Ok(Ok(response)) => {
                        feed.stream = Some(response.into_inner());
                        feed.opened = Instant::now();
                        return Some((StreamItem::Opened, feed));
                    }
                    Ok(Err(status)) => {
                        tracing::warn!(
                            worker = request.worker_id, code = ?status.code(), why = status.message(),
                            "opening the work stream failed, will retry"
                        );
                    }
                    Err(_) => {
                        tracing::warn!(worker = request.worker_id, "opening the work stream timed out, will retry");
                    }
                }
            }
        }
    })
}

impl Intake {
    async fn take(&mut self, taken: StreamItem) {
        let batch = match taken {
            StreamItem::Batch(batch) => batch,
            StreamItem::Opened => {
                // Deliveries from the old stream that are not finished keep their endpoint's room.
                let waiting: HashSet<Uuid> = self.waiting.iter().map(|lease| lease.endpoint_id).collect();
                let wanted = |room: &Room| room.running > 0 || !room.held.is_empty();
                self.endpoints.retain(|id, room| wanted(room) || waiting.contains(id));
                return;
            }
            // A core that restarts takes back its predecessor's leases at once, so another worker may have them before
            // they would start here.
            StreamItem::Ended => return self.give_back_waiting("the stream that brought it ended").await,
        };
        for config in batch.endpoints {
            self.configure(&config);
        }
        let events: Vec<Option<Arc<Event>>> =
            batch.payloads.into_iter().map(|payload| Event::new(payload).map(Arc::new)).collect();
        for leased in batch.deliveries {
            let event = events.get(leased.payload as usize).cloned().flatten();
            self.waiting.push_back(lease(leased, event));
        }
    }

    fn configure(&mut self, config: &EndpointConfig) {
        let Ok(id) = Uuid::from_slice(&config.endpoint_id) else {
            let worker = &self.shared.worker_id;
            tracing::error!(worker, "the core sent an endpoint without an id, which is ignored");
            return;
        };
        let endpoint = Endpoint::new(config, self.shared.allow_private);
        let prepared = Arc::new(PreparedEndpoint { key: (id, config.version), endpoint });
        match self.endpoints.get_mut(&id) {
            Some(room) => room.prepared = prepared,
            None => {
                self.endpoints.insert(id, Room { prepared, running: 0, held: VecDeque::new() });
            }
        }
    }

    /// Starts waiting deliveries while there are slots.
    async fn fill(&mut self) {
        while !self.waiting.is_empty() {
            let Ok(slot) = self.shared.slots.clone().try_acquire_owned() else { return };
            self.start(slot).await;
        }
    }

    /// Starts the first delivery that may start.
    async fn start(&mut self, slot: OwnedSemaphorePermit) {
        while let Some(lease) = self.waiting.pop_front() {
            let (now, begin) = (self.shared.clock.now(), Instant::now());
            if lease.until.since(now) < LEASE_LEFT_MIN {
                self.give_back(lease, "too little of its lease is left").await;
                continue;
            }
            let Some(room) = self.endpoints.get_mut(&lease.endpoint_id) else {
                self.give_back(lease, "its endpoint is not known").await;
                continue;
            };
            if room.running >= ENDPOINT_IN_FLIGHT_MAX as usize {
                room.held.push_back(lease);
                continue;
            }
            room.running += 1;
            let prepared = room.prepared.clone();
            let shared = self.shared.clone();
            let reports = self.reports.clone();
            self.running.spawn(async move {
                let outcome =
                    AssertUnwindSafe(attempt::run(&shared, &lease, &prepared, now, begin)).catch_unwind().await;
                // The slot is free when the response has been read, not when its result is recorded.
                drop(slot);
                match outcome {
                    Ok(outcome) => drop(reports.send(Report { outcome, until: lease.until }).await),
                    // Whether a request was sent is unknown: the lease expires without an outcome, which the core
                    // notices.
                    Err(_) => {
                        let delivery = lease.delivery();
                        tracing::error!(
                            %delivery, endpoint = %lease.endpoint_id, token = lease.token,
                            "the attempt at delivery {delivery} panicked; its lease will end"
                        );
                    }
                }
                lease.endpoint_id
            });
            return;
        }
    }

    fn finished(&mut self, finished: Result<Uuid, JoinError>) {
        let room = finished.ok().and_then(|id| self.endpoints.get_mut(&id));
        if let Some(room) = room {
            room.running = room.running.saturating_sub(1);
            if let Some(lease) = room.held.pop_front() {
                self.waiting.push_front(lease);
            }
        }
    }

    async fn give_back(&self, lease: Lease, why: &'static str) {
        let outcome = attempt::not_sent(&lease, self.shared.clock.now(), why);
        let _ = self.reports.send(Report { outcome, until: lease.until }).await;
    }

    /// Gives back the deliveries that have not started.
    async fn give_back_waiting(&mut self, why: &'static str) {
        let held = self.endpoints.values_mut().flat_map(|room| std::mem::take(&mut room.held));
        let rest: Vec<Lease> = std::mem::take(&mut self.waiting).into_iter().chain(held).collect();
        for lease in rest {
            self.give_back(lease, why).await;
        }
    }

    /// Gives back the deliveries that have not started, and waits for the others.
    async fn end(mut self) {
        self.give_back_waiting("the worker ends").await;
        while self.running.join_next().await.is_some() {}
    }
}

/// A delivery as the worker processes it. One without a valid endpoint is given back, like one of an unknown endpoint.
fn lease(leased: LeasedDelivery, event: Option<Arc<Event>>) -> Lease {
    Lease {
        delivery_id: leased.delivery_id,
        endpoint_id: Uuid::from_slice(&leased.endpoint_id).unwrap_or_default(),
        event,
        attempt: leased.attempt,
        token: leased.token,
        fresh: leased.fresh,
        traceparent: leased.traceparent,
        until: Timestamp::from_micros(leased.lease_until_us),
    }
}

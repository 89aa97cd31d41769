//! A core whose deliveries and errors a test decides, and a worker for it.

pub(crate) mod receiver;

use bytes::Bytes;
use inboxops_proto::{
    address::AllowPrivate,
    clock::{Clock, Timestamp},
    gate::BoxStream,
    internal::v1::{
        EndpointConfig, LeasedDelivery, Outcome, Payload, ReportRequest, ReportResponse, WorkRequest, WorkResponse,
        dispatch_service_server::DispatchService,
    },
};
use inboxops_worker::{Error, Limits, Settings};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{sync::mpsc, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use uuid::Uuid;

/// Longest time that a test waits for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// The secret of all endpoints.
pub(crate) const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

type Batches = mpsc::UnboundedReceiver<Result<WorkResponse, Status>>;

/// A core: the worker opens streams and the test gets them; the test gets all outcomes.
struct Core {
    opened: mpsc::UnboundedSender<(WorkRequest, mpsc::UnboundedSender<Result<WorkResponse, Status>>)>,
    outcomes: mpsc::UnboundedSender<Vec<Outcome>>,
    /// Answers to the next reports; when none are left, reports are accepted.
    refusals: Mutex<VecDeque<Status>>,
    /// A report with this delivery is refused as invalid as long as it has its body.
    indigestible: Option<Uuid>,
}

#[tonic::async_trait]
impl DispatchService for Core {
    type WorkStream = BoxStream<WorkResponse>;

    async fn work(&self, request: Request<WorkRequest>) -> Result<Response<Self::WorkStream>, Status> {
        let (batches, stream) = mpsc::unbounded_channel();
        self.opened.send((request.into_inner(), batches)).map_err(|_| Status::unavailable("the test is over"))?;
        let next = |mut stream: Batches| async move { stream.recv().await.map(|item| (item, stream)) };
        Ok(Response::new(Box::pin(futures_util::stream::unfold(stream, next))))
    }

    async fn report(&self, request: Request<ReportRequest>) -> Result<Response<ReportResponse>, Status> {
        if let Some(status) = self.refusals.lock().unwrap().pop_front() {
            return Err(status);
        }
        let outcomes = request.into_inner().outcomes;
        let bad = |o: &Outcome| self.indigestible.is_some_and(|id| o.delivery_id == id.as_bytes()[..]);
        if outcomes.iter().any(|o| bad(o) && o.response_body.is_some()) {
            return Err(Status::invalid_argument("a body that cannot be stored"));
        }
        let accepted = outcomes.len() as u32;
        let _ = self.outcomes.send(outcomes);
        Ok(Response::new(ReportResponse { accepted, refused: 0 }))
    }
}

/// A running worker with its core.
pub(crate) struct TestWorker {
    core: Arc<Core>,
    opened: mpsc::UnboundedReceiver<(WorkRequest, mpsc::UnboundedSender<Result<WorkResponse, Status>>)>,
    batches: mpsc::UnboundedSender<Result<WorkResponse, Status>>,
    outcomes: mpsc::UnboundedReceiver<Vec<Outcome>>,
    pub shutdown: CancellationToken,
    worker: JoinSet<Result<(), Error>>,
    pub clock: Clock,
    next: u128,
}

/// Settings of a worker that may post to this machine, with short waits.
pub(crate) fn settings() -> Settings {
    let mut settings = Settings::new("worker-1");
    settings.allow_private = AllowPrivate::Yes;
    settings.limits = Limits { request: Duration::from_secs(10), ..Limits::default() };
    settings
}

/// The same with a deadline that a test can wait for.
pub(crate) fn hasty(millis: u64) -> Settings {
    let mut settings = settings();
    let limit = Duration::from_millis(millis);
    settings.limits = Limits { dns: limit, connect: limit, request: limit, ..Limits::default() };
    settings
}

/// An endpoint's configuration.
pub(crate) fn endpoint(id: u128, version: u32, url: &str) -> EndpointConfig {
    EndpointConfig {
        endpoint_id: bytes_of(id),
        version,
        url: url.to_owned(),
        secrets: vec![SECRET.to_owned()],
        headers: Vec::new(),
    }
}

/// An id in its wire form.
pub(crate) fn bytes_of(id: u128) -> Bytes {
    Bytes::copy_from_slice(Uuid::from_u128(id).as_bytes())
}

impl TestWorker {
    pub(crate) async fn start(settings: Settings) -> TestWorker {
        TestWorker::start_with(settings, Clock::System, None).await
    }

    pub(crate) async fn start_with(settings: Settings, clock: Clock, indigestible: Option<u128>) -> TestWorker {
        let (opened, mut streams) = mpsc::unbounded_channel();
        let (outcomes, reported) = mpsc::unbounded_channel();
        let indigestible = indigestible.map(Uuid::from_u128);
        let core = Arc::new(Core { opened, outcomes, refusals: Mutex::default(), indigestible });
        let shutdown = CancellationToken::new();
        let mut worker = JoinSet::new();
        worker.spawn(inboxops_worker::run(settings, vec![core.clone()], clock.clone(), shutdown.clone()));
        let (_, batches) = soon(streams.recv()).await.expect("the worker opens a stream");
        TestWorker { core, opened: streams, batches, outcomes: reported, shutdown, worker, clock, next: 1 }
    }

    /// Sends a batch as it is.
    pub(crate) fn send(&self, batch: WorkResponse) {
        self.batches.send(Ok(batch)).expect("the worker reads");
    }

    pub(crate) fn configure(&self, endpoint: EndpointConfig) {
        self.send(WorkResponse { endpoints: vec![endpoint], ..WorkResponse::default() });
    }

    /// A delivery with a minute's lease; ids and tokens count from 1.
    pub(crate) fn leased(&mut self, endpoint: u128, version: u32) -> LeasedDelivery {
        let n = self.next;
        self.next += 1;
        LeasedDelivery {
            delivery_id: bytes_of(n),
            endpoint_id: bytes_of(endpoint),
            endpoint_version: version,
            payload: 0,
            attempt: 1,
            fresh: false,
            traceparent: String::new(),
            token: n as i64,
            lease_until_us: self.clock.now().plus(Duration::from_secs(60)).micros(),
        }
    }

    /// Sends `count` deliveries to an endpoint.
    pub(crate) fn deliver(&mut self, count: usize, endpoint: u128, version: u32) {
        let deliveries = (0..count).map(|_| self.leased(endpoint, version)).collect();
        self.send(WorkResponse { payloads: vec![payload("{\"a\":1}")], deliveries, ..WorkResponse::default() });
    }

    /// Sends `count` deliveries that need a new connection each.
    pub(crate) fn deliver_fresh(&mut self, count: usize, endpoint: u128, version: u32) {
        let fresh = |delivery| LeasedDelivery { fresh: true, attempt: 2, ..delivery };
        let deliveries = (0..count).map(|_| fresh(self.leased(endpoint, version))).collect();
        self.send(WorkResponse { payloads: vec![payload("{\"a\":1}")], deliveries, ..WorkResponse::default() });
    }

    /// Waits for this many outcomes.
    pub(crate) async fn outcomes(&mut self, count: usize) -> Vec<Outcome> {
        let mut all = Vec::new();
        while all.len() < count {
            all.extend(soon(self.outcomes.recv()).await.expect("the worker reports"));
        }
        assert_eq!(all.len(), count, "more outcomes than deliveries");
        all
    }

    /// Waits for the next report and counts its outcomes.
    pub(crate) async fn some(&mut self) -> usize {
        soon(self.outcomes.recv()).await.expect("the worker reports").len()
    }

    /// Delivers once to a URL and waits for the outcome.
    pub(crate) async fn once(&mut self, url: &str) -> Outcome {
        self.configure(endpoint(1, 1, url));
        self.deliver(1, 1, 1);
        self.outcomes(1).await.remove(0)
    }

    /// Answers the next reports with these.
    pub(crate) fn refuse(&self, statuses: impl IntoIterator<Item = Status>) {
        self.core.refusals.lock().unwrap().extend(statuses);
    }

    /// Ends the stream and waits until the worker opens another.
    pub(crate) async fn reopen(&mut self, with: Option<Status>) -> WorkRequest {
        if let Some(status) = with {
            let _ = self.batches.send(Err(status));
        }
        self.batches = mpsc::unbounded_channel().0;
        let (request, batches) = soon(self.opened.recv()).await.expect("the worker opens a stream");
        self.batches = batches;
        request
    }

    /// Ends the worker and returns what it reported meanwhile.
    pub(crate) async fn stop(mut self) -> Vec<Outcome> {
        self.shutdown.cancel();
        soon(self.worker.join_next()).await.expect("the worker ran").expect("it did not panic").expect("it ended well");
        let mut all = Vec::new();
        while let Ok(more) = self.outcomes.try_recv() {
            all.extend(more);
        }
        all
    }
}

pub(crate) fn payload(body: &str) -> Payload {
    let event_id = bytes_of(0x019a_b5f0_c3a4_7c1e_8d2b_6f4a_9e0c_7d51);
    Payload { event_id, event: "ticket.created".to_owned(), body: Bytes::copy_from_slice(body.as_bytes()) }
}

/// Waits, with a limit.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    timeout(PATIENCE, future).await.expect("it takes too long")
}

/// A time for manual clocks.
pub(crate) fn noon() -> Timestamp {
    Timestamp::from_micros(1_795_507_200_000_000)
}

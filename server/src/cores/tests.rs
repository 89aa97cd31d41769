//! Real servers as cores, which begin, end and die while calls are made.

use super::*;
use inboxops_proto::transport::Transport;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use tokio::runtime::Runtime;
use tonic::{
    Request, Response, Status, async_trait,
    codegen::tokio_stream,
    transport::{Server, server::TcpIncoming},
};
use tonic_health::pb::{
    HealthCheckResponse,
    health_server::{Health, HealthServer},
};

/// Longest time for anything here.
const PATIENCE: Duration = Duration::from_secs(30);
/// A call of a client, as opposed to the checks of health.
const CALL: &str = "call";
/// A call that is not answered.
const HELD: &str = "held";

/// A service that counts what it gets.
struct Counted {
    serving: AtomicBool,
    calls: AtomicUsize,
    held: watch::Sender<usize>,
}

#[async_trait]
impl Health for Counted {
    type WatchStream = tokio_stream::Pending<Result<HealthCheckResponse, Status>>;

    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        match request.get_ref().service.as_str() {
            CALL => _ = self.calls.fetch_add(1, Ordering::SeqCst),
            HELD => {
                self.held.send_modify(|count| *count += 1);
                std::future::pending().await
            }
            _ => {}
        }
        let serving = self.serving.load(Ordering::SeqCst);
        let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        Ok(Response::new(HealthCheckResponse { status: status.into() }))
    }

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("not here"))
    }
}

/// A core in a runtime of its own, so that it can die at once.
struct TestCore {
    address: SocketAddr,
    service: Arc<Counted>,
    stop: CancellationToken,
    runtime: Option<Runtime>,
}

impl TestCore {
    fn start() -> TestCore {
        TestCore::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    fn at(address: SocketAddr) -> TestCore {
        let listener = TcpListener::bind(address).expect("a port");
        listener.set_nonblocking(true).expect("a listener for tokio");
        let address = listener.local_addr().expect("an address");
        let serving = AtomicBool::new(true);
        let service = Arc::new(Counted { serving, calls: AtomicUsize::new(0), held: watch::Sender::new(0) });
        let stop = CancellationToken::new();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("threads");
        let (server, stopped) = (HealthServer::from_arc(service.clone()), stop.clone());
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            let server = Server::builder().add_service(server);
            let ended = server.serve_with_incoming_shutdown(TcpIncoming::from(listener), stopped.cancelled_owned());
            ended.await.expect("it serves");
        });
        TestCore { address, service, stop, runtime: Some(runtime) }
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::from_shared(format!("http://{}", self.address)).expect("a URL")
    }

    fn calls(&self) -> usize {
        self.service.calls.load(Ordering::SeqCst)
    }

    /// Ends it at once; afterwards its port is free. A runtime must not be ended on a thread of another.
    fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            std::thread::spawn(move || runtime.shutdown_timeout(PATIENCE)).join().expect("it ends");
        }
    }
}

impl Drop for TestCore {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The cores of these endpoints, and the task that connects to them.
fn connected(endpoints: Vec<Endpoint>) -> (Arc<Cores>, JoinSet<&'static str>) {
    let cores = Arc::new(Cores::new(endpoints));
    let mut running = JoinSet::new();
    running.spawn(cores.clone().run(CancellationToken::new()));
    (cores, running)
}

async fn ask(cores: &Arc<Cores>, service: &str) -> Result<(), Status> {
    let mut client = HealthClient::new(Transport::Chosen(cores.clone()));
    let request = HealthCheckRequest { service: service.to_owned() };
    tokio::time::timeout(PATIENCE, client.check(request)).await.expect("an answer in time").map(|_| ())
}

/// Waits until so many cores serve.
async fn serve(cores: &Cores, count: usize) {
    let mut changes = cores.changed.subscribe();
    let serving = |core: &&Core| core.connection().is_some_and(|connection| connection.serving);
    while cores.cores.iter().filter(serving).count() != count {
        tokio::time::timeout(PATIENCE, changes.changed()).await.expect("it changes in time").expect("a sender");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_go_to_all_cores_in_turn() {
    let there = [TestCore::start(), TestCore::start(), TestCore::start()];
    let (cores, _running) = connected(there.iter().map(TestCore::endpoint).collect());
    serve(&cores, 3).await;
    for _ in 0..30 {
        ask(&cores, CALL).await.expect("an answer");
    }
    assert_eq!(there.each_ref().map(TestCore::calls), [10, 10, 10]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_core_that_stops_stays_away_and_comes_back_costs_no_call() {
    let (stays, mut restarts) = (TestCore::start(), TestCore::start());
    let (cores, _running) = connected(vec![stays.endpoint(), restarts.endpoint()]);
    serve(&cores, 2).await;
    let (enough, mut callers) = (CancellationToken::new(), JoinSet::new());
    for _ in 0..8 {
        let (cores, enough) = (cores.clone(), enough.clone());
        callers.spawn(async move {
            let mut count = 0;
            while !enough.is_cancelled() {
                ask(&cores, CALL).await.expect("an answer, whatever happens");
                count += 1;
            }
            count
        });
    }
    for _ in 0..3 {
        restarts.stop.cancel();
        serve(&cores, 1).await;
        let before = stays.calls();
        while stays.calls() < before + 50 {
            tokio::task::yield_now().await;
        }
        let address = restarts.address;
        drop(restarts);
        restarts = TestCore::at(address);
        serve(&cores, 2).await;
        while restarts.calls() < 50 {
            tokio::task::yield_now().await;
        }
    }
    enough.cancel();
    let made: Vec<i32> = callers.join_all().await;
    assert!(made.iter().all(|count| *count > 0), "{made:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_core_that_does_not_serve_is_passed_over_while_another_does() {
    let there = [TestCore::start(), TestCore::start()];
    let (cores, _running) = connected(there.iter().map(TestCore::endpoint).collect());
    serve(&cores, 2).await;
    there[0].service.serving.store(false, Ordering::SeqCst);
    serve(&cores, 1).await;
    let before = there[0].calls();
    for _ in 0..10 {
        ask(&cores, CALL).await.expect("an answer");
    }
    assert_eq!(there[0].calls(), before);
    assert!(cores.ready().load(Ordering::SeqCst));
    there[1].service.serving.store(false, Ordering::SeqCst);
    serve(&cores, 0).await;
    assert!(!cores.ready().load(Ordering::SeqCst));
    ask(&cores, CALL).await.expect("what a core says for itself is passed on");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_core_may_have_got_is_not_sent_to_another() {
    let mut there = [TestCore::start(), TestCore::start()];
    let (cores, _running) = connected(there.iter().map(TestCore::endpoint).collect());
    serve(&cores, 2).await;
    let mut holders = there.each_ref().map(|core| core.service.held.subscribe());
    let mut call = JoinSet::new();
    let caller = cores.clone();
    call.spawn(async move { ask(&caller, HELD).await });
    let [first, second] = &mut holders;
    let which = tokio::select! {
        got = first.wait_for(|count| *count > 0) => { got.expect("a sender"); 0 }
        got = second.wait_for(|count| *count > 0) => { got.expect("a sender"); 1 }
    };
    there[which].kill();
    let status = call.join_next().await.expect("a call").expect("no panic").expect_err("it cannot be answered");
    assert!(status.source().is_some(), "the connection broke: {status:?}");
    assert_eq!(*there[1 - which].service.held.borrow(), 0);
    serve(&cores, 1).await;
    ask(&cores, CALL).await.expect("the next call is answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_waits_a_little_for_the_first_core() {
    let address = TestCore::start().address;
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("a URL");
    let (cores, _running) = connected(vec![endpoint]);
    let status = ask(&cores, CALL).await.expect_err("nobody is there");
    assert!(status.source().is_some(), "{status:?}");
    let (waits, starts) = tokio::join!(ask(&cores, CALL), async { TestCore::at(address) });
    waits.expect("it is answered by the core that has come");
    assert_eq!(starts.calls(), 1);
}

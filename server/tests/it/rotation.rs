//! The rotation of a signing secret as receivers experience it: a core and a worker on one clock that the test moves,
//! posts over real sockets, and verifiers that know one secret each.

use crate::receiver::{Receiver, Webhook};
use inboxops_core::{Caller, Chance, Core, MasterKey, Settings, Stamps};
use inboxops_proto::{
    address::AllowPrivate,
    clock::{Clock, Timestamp},
    internal::v1 as internal,
    services::Services,
    v1::{self, DeliveryStatus},
    wire::{self, Origin, Way},
};
use inboxops_testkit::Postgres;
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::Request;

const HOUR: Duration = Duration::from_secs(3600);
const MOMENT: Duration = Duration::from_micros(1);
const NOON: Timestamp = Timestamp::from_micros(1_795_521_600_000_000);
/// Longest time that the test waits for background tasks.
const PATIENCE: Duration = Duration::from_secs(30);

/// A core, its worker and a receiver, with one endpoint.
struct Works {
    services: Services,
    clock: Clock,
    receiver: Receiver,
    tenant: String,
    inbox: String,
    endpoint: String,
    /// All secrets that were shown, by the test's names for them.
    secrets: BTreeMap<&'static str, String>,
    shutdown: CancellationToken,
    parts: JoinSet<()>,
    _database: (Option<TempDir>, Option<Postgres>),
}

impl Works {
    async fn sqlite() -> Works {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        Works::open(url, (Some(folder), None)).await
    }

    async fn postgres() -> Works {
        let postgres = inboxops_testkit::postgres();
        Works::open(postgres.url.clone(), (None, Some(postgres))).await
    }

    async fn open(database_url: String, database: (Option<TempDir>, Option<Postgres>)) -> Works {
        let clock = Clock::manual(NOON);
        let settings = Settings {
            database_url,
            requests_per_minute: 10_000,
            failed_auth_per_minute: 60,
            allow_private_targets: true,
            master_key: MasterKey::new([7; 32]),
            public_url: None,
            behind_after: Duration::from_secs(60),
            write_group_max: None,
        };
        let core = Core::open(settings, Stamps::new(clock.clone(), Chance::seeded(42))).await.expect("the core opens");
        let core = Arc::new(core);
        let (services, shutdown, mut parts) = (core.services(), CancellationToken::new(), JoinSet::new());
        let mut worker = inboxops_worker::Settings::new("worker");
        worker.allow_private = AllowPrivate::Yes;
        let dispatch = vec![core.implementations().dispatch.clone()];
        let (time, stop) = (clock.clone(), shutdown.clone());
        parts
            .spawn(async move { inboxops_worker::run(worker, dispatch, time, stop).await.expect("the worker begins") });
        let stop = shutdown.clone();
        parts.spawn(async move { core.run(stop).await });
        let receiver = Receiver::open();
        let mut works = Works {
            services,
            clock,
            receiver,
            tenant: String::new(),
            inbox: String::new(),
            endpoint: String::new(),
            secrets: BTreeMap::new(),
            shutdown,
            parts,
            _database: database,
        };
        works.move_in().await;
        works
    }

    /// A tenant with an inbox and an endpoint.
    async fn move_in(&mut self) {
        let tenant =
            internal::CreateTenantRequest { name: Some("Acme".to_owned()), plan: Some(v1::Plan::Business.into()) };
        let tenant = self.services.tenants().create_tenant(self.ask(tenant)).await.expect("a tenant").into_inner();
        self.tenant = tenant.tenant.expect("a tenant").id;
        let inbox = internal::CreateInboxRequest {
            tenant_id: self.tenant.clone(),
            name: Some("Support".to_owned()),
            ..Default::default()
        };
        let inbox = self.services.tenants().create_inbox(self.ask(inbox)).await.expect("an inbox").into_inner();
        self.inbox = inbox.inbox.expect("an inbox").id;
        let endpoint = v1::CreateWebhookEndpointRequest {
            url: Some(format!("http://{}/hooks", self.receiver.address)),
            events: vec!["ticket.created".to_owned()],
            ..Default::default()
        };
        let made = self.services.webhooks().create_webhook_endpoint(self.ask(endpoint)).await;
        let made = made.expect("an endpoint").into_inner().endpoint.expect("an endpoint");
        self.endpoint = made.id;
        self.secrets.insert("first", made.secret.expect("a secret"));
    }

    /// As the operator, for the tenant.
    fn ask<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let origin =
            Origin { peer: None, way: Way::Grpc, request_id: "req_test".to_owned(), same_origin: false, secure: false };
        request.extensions_mut().insert(origin);
        request.extensions_mut().insert(Caller::operator());
        if !self.tenant.is_empty() {
            request.metadata_mut().insert(wire::TENANT, self.tenant.parse().expect("ASCII"));
        }
        request
    }

    async fn rotate(&mut self, name: &'static str, immediate: bool) {
        let request = v1::RotateSecretRequest {
            endpoint_id: self.endpoint.clone(),
            immediate: Some(immediate),
            ..Default::default()
        };
        let made = self.services.webhooks().rotate_secret(self.ask(request)).await.expect("a rotation").into_inner();
        self.secrets.insert(name, made.endpoint.expect("an endpoint").secret.expect("a secret"));
    }

    async fn promote(&self, keep_old_hours: u32) {
        let request =
            v1::PromoteSecretRequest { endpoint_id: self.endpoint.clone(), keep_old_hours: Some(keep_old_hours) };
        self.services.webhooks().promote_secret(self.ask(request)).await.expect("a promotion");
    }

    /// Moves the clock to a time after another.
    fn go(&self, from: Timestamp, after: Duration) {
        self.clock.advance(from.plus(after).since(self.clock.now()));
    }

    async fn ticket(&self) {
        let request = v1::CreateTicketRequest {
            subject: Some("Hello".to_owned()),
            inbox_id: Some(self.inbox.clone()),
            ..Default::default()
        };
        self.services.tickets().create_ticket(self.ask(request)).await.expect("a ticket");
    }

    /// The webhook of a new event.
    async fn webhook(&self) -> Webhook {
        self.ticket().await;
        let webhook = self.receiver.next();
        self.recorded().await;
        webhook
    }

    /// The verdicts of verifiers of one secret each on a new webhook: the names of those that accept it by
    /// `webhook-signature`, and of those that accept it by `X-InboxOps-Signature`.
    async fn taken(&self) -> [Vec<&'static str>; 2] {
        let webhook = self.webhook().await;
        self.takers(&webhook)
    }

    fn takers(&self, webhook: &Webhook) -> [Vec<&'static str>; 2] {
        let now = self.clock.now();
        let of = |takes: &dyn Fn(&str) -> bool| {
            self.secrets.iter().filter(|(_, secret)| takes(secret)).map(|(name, _)| *name).collect::<Vec<_>>()
        };
        let takers = [of(&|secret| webhook.signed_standard(secret, now)), of(&|secret| webhook.signed_ours(secret))];
        let signatures = webhook.header("webhook-signature").split(' ').count();
        assert_eq!(signatures, takers[0].len(), "a signature for each live secret, and none of another");
        takers
    }

    /// Waits until every attempt is recorded, so that no lease expires when the clock moves.
    async fn recorded(&self) {
        let over = |it: &v1::Delivery| matches!(it.status(), DeliveryStatus::Delivered | DeliveryStatus::Retrying);
        let begun = Instant::now();
        loop {
            let request = v1::ListDeliveriesRequest { endpoint_id: self.endpoint.clone(), ..Default::default() };
            let answer = self.services.deliveries().list_deliveries(self.ask(request)).await.expect("deliveries");
            if answer.into_inner().deliveries.iter().all(over) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "not recorded");
        }
    }

    async fn end(mut self) {
        self.shutdown.cancel();
        while let Some(ended) = self.parts.join_next().await {
            ended.expect("no panic");
        }
    }
}

/// Steps 1 to 3 of the guide with a promotion by hand, then one by time alone, then a leaked secret.
async fn check(mut works: Works) {
    assert_eq!(works.taken().await, [vec!["first"], vec!["first"]]);
    works.rotate("second", false).await;
    // From here to the end of the first secret, a verifier of `webhook-signature` may switch at any time.
    assert_eq!(works.taken().await, [vec!["first", "second"], vec!["first"]], "who knows the old one notices nothing");
    works.go(NOON, HOUR);
    works.receiver.status.store(500, Ordering::SeqCst);
    let failed = works.webhook().await;
    assert_eq!(works.takers(&failed), [vec!["first", "second"], vec!["first"]]);
    works.receiver.status.store(200, Ordering::SeqCst);
    works.promote(2).await;
    assert_eq!(works.taken().await, [vec!["first", "second"], vec!["second"]], "promoted by hand");
    works.clock.advance(Duration::from_secs(120));
    let again = works.receiver.next();
    assert_eq!(
        (again.header("webhook-id"), again.header("x-inboxops-attempt").as_str()),
        (failed.header("webhook-id"), "2")
    );
    assert_eq!(works.takers(&again), [vec!["first", "second"], vec!["second"]], "a retry is signed as of now");
    works.recorded().await;
    works.go(NOON, 3 * HOUR - MOMENT);
    assert_eq!(works.taken().await, [vec!["first", "second"], vec!["second"]]);
    works.go(NOON, 3 * HOUR);
    assert_eq!(works.taken().await, [vec!["second"], vec!["second"]], "the first one has ended");

    works.rotate("third", false).await;
    works.go(NOON, 27 * HOUR - MOMENT);
    assert_eq!(works.taken().await, [vec!["second", "third"], vec!["second"]]);
    works.go(NOON, 27 * HOUR);
    assert_eq!(works.taken().await, [vec!["second", "third"], vec!["third"]], "promoted by time alone");
    works.go(NOON, 51 * HOUR - MOMENT);
    assert_eq!(works.taken().await, [vec!["second", "third"], vec!["third"]]);
    works.go(NOON, 51 * HOUR);
    assert_eq!(works.taken().await, [vec!["third"], vec!["third"]], "and ended by it");

    works.rotate("fourth", false).await;
    works.promote(0).await;
    assert_eq!(works.taken().await, [vec!["fourth"], vec!["fourth"]], "no time for the old one, as was asked");
    works.rotate("fifth", true).await;
    assert_eq!(works.taken().await, [vec!["fifth"], vec!["fifth"]], "the one that leaked counts no more");
    works.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verifier_of_one_secret_never_fails_on_the_way_on_sqlite() {
    check(Works::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verifier_of_one_secret_never_fails_on_the_way_on_postgres() {
    check(Works::postgres().await).await;
}

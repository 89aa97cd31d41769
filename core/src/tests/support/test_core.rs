//! A whole core for tests: opened as the program opens it, called through its gate as the edge calls it.

use super::{Client, NOON};
use crate::{
    Core, Settings,
    secrets::MasterKey,
    time_and_chance::{Chance, Stamps},
};
use http_body_util::{BodyExt as _, Full};
use inboxops_proto::{
    admin::v1 as admin, clock::Clock, failure::Failure, internal::v1 as internal, services::Services, v1,
};
use inboxops_testkit::Postgres;
use std::{ops::Deref, sync::Arc, time::Duration};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tower::ServiceExt as _;

/// A public address that needs no look-up.
pub(crate) const HOOK: &str = "https://93.184.216.34/hook";

/// Longest time that a test waits for background tasks.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A core on a database of its own.
pub(crate) struct TestCore {
    pub(crate) inner: Arc<Core>,
    pub(crate) clock: Clock,
    /// The source of time and randomness of the core's writes.
    pub(crate) stamps: Stamps,
    pub(crate) postgres: Option<Postgres>,
    pub(crate) folder: Option<tempfile::TempDir>,
    services: Services,
    settings: Settings,
    running: JoinSet<()>,
    shutdown: CancellationToken,
}

impl Deref for TestCore {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.services
    }
}

impl TestCore {
    pub(crate) async fn sqlite() -> TestCore {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        TestCore::open(settings(url), Clock::manual(NOON), None, Some(folder)).await
    }

    pub(crate) async fn postgres() -> TestCore {
        let postgres = inboxops_testkit::postgres();
        TestCore::open(settings(postgres.url.clone()), Clock::manual(NOON), Some(postgres), None).await
    }

    async fn open(
        settings: Settings,
        clock: Clock,
        postgres: Option<Postgres>,
        folder: Option<tempfile::TempDir>,
    ) -> TestCore {
        TestCore::with_chance(settings, clock, Chance::seeded(42), postgres, folder).await
    }

    async fn with_chance(
        settings: Settings,
        clock: Clock,
        chance: Chance,
        postgres: Option<Postgres>,
        folder: Option<tempfile::TempDir>,
    ) -> TestCore {
        let stamps = Stamps::new(clock.clone(), chance);
        let inner = Arc::new(Core::open(settings.clone(), stamps.clone()).await.expect("the core opens"));
        let (services, shutdown) = (inner.services(), CancellationToken::new());
        TestCore { inner, clock, stamps, postgres, folder, services, settings, running: JoinSet::new(), shutdown }
    }

    /// The same database under a new core with other settings.
    pub(crate) async fn again(self, change: impl FnOnce(&mut Settings)) -> TestCore {
        self.after(async |settings, _| change(settings)).await
    }

    /// The same after some work without a core.
    pub(crate) async fn after(mut self, work: impl AsyncFnOnce(&mut Settings, &Stamps)) -> TestCore {
        self.stop().await;
        let TestCore { inner, clock, postgres, folder, services, mut settings, .. } = self;
        drop(services);
        if let Ok(core) = Arc::try_unwrap(inner) {
            core.close().await;
        }
        work(&mut settings, &Stamps::new(clock.clone(), Chance::seeded(44))).await;
        TestCore::open(settings, clock, postgres, folder).await
    }

    /// Runs a statement without the core.
    pub(crate) async fn run_sql(&self, sql: &str) {
        super::run(self.postgres.as_ref(), &self.settings.database_url, sql).await;
    }

    /// Another core on the same database and clock, as another process has it.
    pub(crate) async fn beside(&self) -> TestCore {
        TestCore::with_chance(self.settings.clone(), self.clock.clone(), Chance::seeded(43), None, None).await
    }

    /// Makes one call as it arrives over a connection: by its path, with an encoded message.
    pub(crate) async fn call(&self, path: &str, request: Request<Vec<u8>>) -> Result<(), Failure> {
        let (metadata, extensions, message) = request.into_parts();
        let mut frame = vec![0];
        frame.extend(u32::try_from(message.len()).expect("a small message").to_be_bytes());
        frame.extend(message);
        let mut request = http::Request::post(path).header("content-type", "application/grpc");
        request.headers_mut().expect("a request").extend(metadata.into_headers());
        *request.extensions_mut().expect("a request") = extensions;
        let request = request.body(tonic::body::Body::new(Full::from(frame))).expect("a request");
        let answer = self.services.grpc().oneshot(request).await.expect("routes do not fail");
        if let Some(status) = Status::from_header_map(answer.headers()) {
            return Err(Failure::of(&status));
        }
        // An admitted stream may not end by itself: its first message is answer enough.
        let mut body = answer.into_body();
        let trailers = loop {
            let frame = body.frame().await.expect("trailers").expect("a whole body");
            match frame.into_trailers() {
                Ok(trailers) => break trailers,
                Err(frame) if frame.is_data() => return Ok(()),
                Err(_) => {}
            }
        };
        match Status::from_header_map(&trailers) {
            Some(status) if status.code() != tonic::Code::Ok => Err(Failure::of(&status)),
            _ => Ok(()),
        }
    }

    /// Starts the background tasks.
    pub(crate) fn run(&mut self) {
        let (core, shutdown) = (self.inner.clone(), self.shutdown.clone());
        self.running.spawn(async move { core.run(shutdown).await });
    }

    /// Ends them in order.
    pub(crate) async fn stop(&mut self) {
        self.shutdown.cancel();
        while self.running.join_next().await.is_some() {}
        self.shutdown = CancellationToken::new();
    }

    /// Moves the clock by a millisecond, so that later rows sort after earlier ones.
    pub(crate) fn tick(&self) {
        self.clock.advance(Duration::from_millis(1));
    }

    /// A tenant on plan business with an inbox and a key with all scopes.
    pub(crate) async fn tenant(&self) -> TestTenant {
        let operator = Client::operator();
        let made =
            internal::CreateTenantRequest { name: Some("Acme".to_owned()), plan: Some(v1::Plan::Business.into()) };
        let tenant = self.tenants().create_tenant(operator.ask(made)).await.answer().tenant.expect("a tenant");
        let operator = operator.for_tenant(&tenant.id);
        let key = self.key(&operator, "Sync job", &[]).await;
        let inbox = self.inbox(&tenant.id, "Support").await;
        self.tick();
        TestTenant { key: Client::key(&key), secret: key, inbox, operator, id: tenant.id }
    }

    /// A new key of the operator's tenant; with all scopes if none is given.
    pub(crate) async fn key(&self, by: &Client, name: &str, scopes: &[&str]) -> String {
        let made = admin::CreateApiKeyRequest {
            name: Some(name.to_owned()),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            ..Default::default()
        };
        self.api_keys().create_api_key(by.ask(made)).await.answer().key
    }

    pub(crate) async fn inbox(&self, tenant: &str, name: &str) -> String {
        let made = internal::CreateInboxRequest {
            tenant_id: tenant.to_owned(),
            name: Some(name.to_owned()),
            ..Default::default()
        };
        let made = self.tenants().create_inbox(Client::operator().ask(made)).await.answer();
        made.inbox.expect("an inbox").id
    }

    pub(crate) async fn agent(&self, tenant: &str, email: &str) -> v1::Agent {
        let made = internal::CreateAgentRequest {
            tenant_id: tenant.to_owned(),
            email: Some(email.to_owned()),
            ..Default::default()
        };
        self.tenants().create_agent(Client::operator().ask(made)).await.answer().agent.expect("an agent")
    }

    /// The browser of an agent who has just signed in by a login link.
    pub(crate) async fn signed_in(&self, agent: &str) -> Client {
        let request = internal::CreateLoginLinkRequest { agent_id: agent.to_owned() };
        let code = self.tenants().create_login_link(Client::operator().ask(request)).await.answer().code;
        let login = admin::LoginRequest { code: Some(code), ..Default::default() };
        let answer = self.sessions().login(Client::browser(None).ask(login)).await.expect("signed in");
        let set = answer.metadata().get("set-cookie").expect("a cookie").to_str().expect("ASCII");
        Client::browser(set.split(';').next())
    }

    /// A new agent of this role, signed in.
    pub(crate) async fn browser(&self, tenant: &str, email: &str, role: v1::Role) -> Client {
        let made = internal::CreateAgentRequest {
            tenant_id: tenant.to_owned(),
            email: Some(email.to_owned()),
            name: None,
            role: Some(role.into()),
        };
        let made = self.tenants().create_agent(Client::operator().ask(made)).await.answer();
        self.signed_in(&made.agent.expect("an agent").id).await
    }

    pub(crate) async fn service_token(&self, name: &str, dispatch_only: bool) -> String {
        let made = internal::CreateServiceTokenRequest { name: Some(name.to_owned()), dispatch_only };
        self.service_tokens().create_service_token(Client::operator().ask(made)).await.answer().token
    }

    pub(crate) async fn set_plan(&self, tenant: &str, plan: v1::Plan) {
        let request = internal::SetPlanRequest { tenant_id: tenant.to_owned(), plan: Some(plan.into()) };
        self.tenants().set_plan(Client::operator().ask(request)).await.answer();
    }

    pub(crate) async fn ticket(&self, tenant: &TestTenant, subject: &str) -> v1::Ticket {
        self.opened(&tenant.key, new_ticket(&tenant.inbox, subject)).await
    }

    pub(crate) async fn opened(&self, by: &Client, request: v1::CreateTicketRequest) -> v1::Ticket {
        let made = self.tickets().create_ticket(by.ask(request)).await.answer();
        self.tick();
        made.ticket.expect("a ticket")
    }

    pub(crate) async fn changed(&self, by: &Client, ticket: &str, changes: v1::TicketChanges) -> v1::Ticket {
        let request =
            v1::UpdateTicketRequest { ticket_id: ticket.to_owned(), ticket: Some(changes), update_mask: None };
        let changed = self.tickets().update_ticket(by.ask(request)).await.answer();
        self.tick();
        changed.ticket.expect("a ticket")
    }

    pub(crate) async fn get_ticket(&self, by: &Client, ticket: &str) -> v1::Ticket {
        let request = v1::GetTicketRequest { ticket_id: ticket.to_owned() };
        self.tickets().get_ticket(by.ask(request)).await.answer().ticket.expect("a ticket")
    }

    pub(crate) async fn get_me(&self, by: &Client) -> v1::Identity {
        let answer = self.identity().who_am_i(by.ask(v1::WhoAmIRequest {})).await.answer();
        answer.identity.expect("an identity")
    }

    /// All contents of the database, as bytes.
    pub(crate) async fn rows(&self) -> Rows<'_> {
        match (&self.postgres, &self.folder) {
            (Some(postgres), _) => Rows::Postgres(postgres),
            (None, Some(folder)) => {
                let files = std::fs::read_dir(folder.path()).expect("a folder");
                let read = |file: std::io::Result<std::fs::DirEntry>| std::fs::read(file.expect("a file").path());
                Rows::Files(files.map(|file| read(file).expect("a file's bytes")).collect())
            }
            (None, None) => panic!("a core has a database"),
        }
    }

    /// An endpoint that wants these events.
    pub(crate) async fn endpoint(&self, by: &Client, events: &[&str]) -> v1::WebhookEndpoint {
        let made = self.webhooks().create_webhook_endpoint(by.ask(new_endpoint(events))).await.answer();
        made.endpoint.expect("an endpoint")
    }

    /// Deliveries of an endpoint, oldest first.
    pub(crate) async fn deliveries_of(&self, by: &Client, endpoint: &str) -> Vec<v1::Delivery> {
        let request =
            v1::ListDeliveriesRequest { endpoint_id: endpoint.to_owned(), per_page: Some(100), ..Default::default() };
        let mut deliveries = self.deliveries().list_deliveries(by.ask(request)).await.answer().deliveries;
        deliveries.reverse();
        deliveries
    }

    pub(crate) async fn delivery(&self, by: &Client, delivery: &str) -> v1::DeliveryDetail {
        let request = v1::GetDeliveryRequest { delivery_id: delivery.to_owned() };
        self.deliveries().get_delivery(by.ask(request)).await.answer().delivery.expect("a delivery")
    }

    /// Bodies of the events that were sent to an endpoint, oldest first.
    pub(crate) async fn bodies(&self, by: &Client, endpoint: &str) -> Vec<String> {
        let mut bodies = Vec::new();
        for delivery in self.deliveries_of(by, endpoint).await {
            bodies.push(self.delivery(by, &delivery.id).await.payload);
        }
        bodies
    }
}

fn settings(database_url: String) -> Settings {
    Settings {
        database_url,
        requests_per_minute: 10_000,
        failed_auth_per_minute: 60,
        allow_private_targets: false,
        master_key: MasterKey::new([7; 32]),
        public_url: None,
        behind_after: Duration::from_secs(60),
        write_group_max: None,
    }
}

/// A tenant and its callers.
pub(crate) struct TestTenant {
    pub(crate) id: String,
    pub(crate) inbox: String,
    /// A client with a key that has all scopes.
    pub(crate) key: Client,
    /// The key itself.
    pub(crate) secret: String,
    /// The operator, acting for the tenant.
    pub(crate) operator: Client,
}

/// The contents of a database.
pub(crate) enum Rows<'a> {
    Postgres(&'a Postgres),
    Files(Vec<Vec<u8>>),
}

impl Rows<'_> {
    pub(crate) fn hold(&self, text: &str) -> bool {
        self.hold_bytes(text.as_bytes())
    }

    /// Whether the bytes are anywhere, as text or raw.
    pub(crate) fn hold_bytes(&self, bytes: &[u8]) -> bool {
        match self {
            Rows::Files(files) => files.iter().any(|file| file.windows(bytes.len()).any(|window| window == bytes)),
            Rows::Postgres(postgres) => {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                let text = std::str::from_utf8(bytes).ok().map(|text| format!(" OR rows LIKE '%{text}%'"));
                postgres.has(&format!(
                    "SELECT 1 FROM (SELECT query_to_xml(format('SELECT x::text FROM %I x', table_name), true, false, \
                     '')::text AS rows FROM information_schema.tables WHERE table_schema = 'public') t \
                     WHERE rows LIKE '%{hex}%'{}",
                    text.unwrap_or_default()
                ))
            }
        }
    }
}

/// The result of a call.
pub(crate) trait Came<T> {
    /// The answer of a call that must succeed.
    fn answer(self) -> T;
    /// The refusal of a call that must fail.
    fn refusal(self) -> Failure;
}

impl<T> Came<T> for Result<Response<T>, Status> {
    #[track_caller]
    fn answer(self) -> T {
        match self {
            Ok(response) => response.into_inner(),
            Err(status) => panic!("refused: {:?}", Failure::of(&status)),
        }
    }

    #[track_caller]
    fn refusal(self) -> Failure {
        match self {
            Ok(_) => panic!("not refused"),
            Err(status) => Failure::of(&status),
        }
    }
}

/// Fields and codes of a refusal's violations.
pub(crate) fn violations(failure: &Failure) -> Vec<(&str, &'static str)> {
    failure.violations.iter().map(|it| (it.field.as_str(), it.code.name())).collect()
}

pub(crate) fn new_ticket(inbox: &str, subject: &str) -> v1::CreateTicketRequest {
    v1::CreateTicketRequest {
        subject: Some(subject.to_owned()),
        inbox_id: Some(inbox.to_owned()),
        ..Default::default()
    }
}

pub(crate) fn new_endpoint(events: &[&str]) -> v1::CreateWebhookEndpointRequest {
    v1::CreateWebhookEndpointRequest {
        url: Some(HOOK.to_owned()),
        events: events.iter().map(|event| (*event).to_owned()).collect(),
        ..Default::default()
    }
}

/// An id of nothing.
pub(crate) const NOTHING: &str = "019ab5f0-dead-7000-8000-00000000dead";

/// Waits until something becomes true: background tasks run on the runtime's own time.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let seen = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    seen.await.unwrap_or_else(|_| panic!("never seen: {what}"))
}

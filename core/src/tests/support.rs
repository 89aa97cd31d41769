//! Databases for tests, with their first rows.

mod client;
mod test_core;
mod worker;

pub(super) use client::Client;
pub(super) use test_core::*;
pub(super) use worker::{ACCEPTED, REFUSED, TakenDelivery, Worker};

use crate::store::{
    self, Db, Leased, Options, Queue, TenantScope, endpoints::Endpoint, inboxes::Inbox, tenants::Tenant,
};
use inboxops_proto::{
    clock::{Clock, Timestamp},
    id::{EndpointId, EventId, GroupId, InboxId, TenantId},
};
use inboxops_testkit::Postgres;
use sqlx::{Connection as _, Executor as _, PgConnection, SqliteConnection};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};
use uuid::Uuid;

/// The clocks of tests start here.
pub(super) const NOON: Timestamp = Timestamp::from_micros(1_795_521_600_000_000);

/// A fresh database, SQLite or PostgreSQL.
pub(super) struct TestStore {
    pub(crate) db: Db,
    pub(crate) clock: Clock,
    pub(crate) url: String,
    pub(crate) postgres: Option<Postgres>,
    /// Leased deliveries of commits.
    pub(crate) leased: Arc<Mutex<Vec<Leased>>>,
    _folder: Option<tempfile::TempDir>,
}

impl TestStore {
    pub(super) async fn sqlite() -> TestStore {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        TestStore::open(url, None, Some(folder)).await
    }

    pub(super) async fn postgres() -> TestStore {
        let postgres = inboxops_testkit::postgres();
        TestStore::open(postgres.url.clone(), Some(postgres), None).await
    }

    async fn open(url: String, postgres: Option<Postgres>, folder: Option<tempfile::TempDir>) -> TestStore {
        let clock = Clock::manual(NOON);
        let db = Db::open(Options::new(&url, clock.clone())).await.expect("the database opens");
        let leased: Arc<Mutex<Vec<Leased>>> = Arc::default();
        let taken = leased.clone();
        db.hand_to(move |mut batch| taken.lock().expect("no test panics here").append(&mut batch));
        TestStore { db, clock, url, postgres, leased, _folder: folder }
    }

    /// Another handle on the same database, as another process would have it.
    pub(super) async fn again(&self) -> Db {
        Db::open(Options::new(&self.url, self.clock.clone())).await.expect("the database opens again")
    }

    /// Runs a statement without the store.
    pub(super) async fn run(&self, sql: &str) {
        run(self.postgres.as_ref(), &self.url, sql).await;
    }

    /// Rows of a table.
    pub(super) async fn count(&self, table: &str) -> i64 {
        let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        let count = match &self.postgres {
            Some(_) => {
                let mut conn = PgConnection::connect(&self.url).await.expect("the database opens");
                sqlx::query_scalar(sql).fetch_one(&mut conn).await
            }
            None => {
                let mut conn = SqliteConnection::connect(&self.url).await.expect("the database opens");
                sqlx::query_scalar(sql).fetch_one(&mut conn).await
            }
        };
        count.expect("a number")
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A tenant on plan business with an active inbox.
    pub(super) async fn tenant(&self) -> StoredTenant {
        let at = self.now();
        let tenant = Tenant {
            id: TenantId::new(at, chance()),
            name: "Acme".to_owned(),
            plan: store::tenants::Plan::Business,
            webhooks: None,
            public_api: None,
            suspended: false,
            requests_per_minute: None,
            created_at: at,
            updated_at: at,
        };
        let inbox = Inbox {
            id: InboxId::new(at, chance()),
            name: "Support".to_owned(),
            email_address: None,
            channel: store::tickets::Channel::Api,
            enabled: true,
            error: None,
            created_at: at,
            updated_at: at,
        };
        let (id, inbox_id) = (tenant.id, inbox.id);
        let made = self.db.system(Queue::Tenant(id), async move |tx| {
            store::tenants::insert(tx, &tenant).await?;
            store::inboxes::insert(&mut tx.enter(tenant.id), &inbox).await?;
            Ok(tx.scope_of(tenant.id))
        });
        StoredTenant { scope: made.await.expect("a tenant is made"), id, inbox: inbox_id }
    }

    /// An endpoint of the tenant that wants all events.
    pub(super) async fn endpoint(&self, tenant: &StoredTenant) -> EndpointId {
        let endpoint = endpoint(tenant.id, self.now());
        let id = endpoint.id;
        let made = self.db.write(tenant.scope.clone(), async move |tx| store::endpoints::insert(tx, &endpoint).await);
        made.await.expect("an endpoint is made");
        id
    }
}

async fn run(postgres: Option<&Postgres>, url: &str, sql: &str) {
    match postgres {
        Some(postgres) => postgres.run(sql),
        None => {
            let mut conn = SqliteConnection::connect(url).await.expect("the database opens");
            conn.execute(sqlx::AssertSqlSafe(sql)).await.expect("the statement runs");
        }
    }
}

/// A tenant with its inbox, as rows of the store.
#[derive(Clone)]
pub(super) struct StoredTenant {
    pub(crate) scope: TenantScope,
    pub(crate) id: TenantId,
    pub(crate) inbox: InboxId,
}

impl StoredTenant {
    pub(super) fn event(&self, at: Timestamp) -> store::NewEvent {
        store::NewEvent {
            id: EventId::new(at, chance()),
            tenant: self.id,
            kind: 0,
            group: GroupId(Uuid::nil()),
            inbox: Some(self.inbox),
            left: None,
            ticket: None,
            at,
            body: "{\"event\":\"ticket.created\"}".to_owned(),
            test_of: None,
            trace: None,
        }
    }

    pub(super) fn ticket(&self, at: Timestamp) -> store::tickets::Ticket {
        store::tickets::Ticket {
            id: inboxops_proto::id::TicketId::new(at, chance()),
            tenant: self.id,
            inbox: self.inbox,
            subject: "Refund for order 1042".to_owned(),
            ..store::tickets::Ticket::blank(at)
        }
    }
}

pub(super) fn endpoint(tenant: TenantId, at: Timestamp) -> Endpoint {
    let sealed = store::endpoints::SealedBytes { bytes: b"sealed".to_vec(), key: 1 };
    Endpoint {
        id: EndpointId::new(at, chance()),
        tenant,
        url: "https://example.com/hooks".to_owned(),
        description: None,
        events: vec!["*".to_owned()],
        mask: 255,
        inboxes: Vec::new(),
        enabled: true,
        disabled_reason: None,
        rate_per_second: None,
        thin: false,
        headers: None,
        secret: sealed,
        secret_hint: "FRYX".to_owned(),
        other_secret: None,
        version: 1,
        created_at: at,
        updated_at: at,
    }
}

/// Bits for an id: increasing, so that later rows sort later, and never repeated.
pub(super) fn chance() -> u128 {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let count = u128::from(COUNT.fetch_add(1, Ordering::Relaxed));
    // Version 7 leaves 12 bits for the order, then 6 beside the variant; the bits that distinguish combined ids come
    // after them.
    let order = ((count >> 6) & 0xfff) << 112 | (count & 0x3f) << 104;
    order | (count.wrapping_mul(0x9e37_79b9_7f4a_7c15) & 0xffff_ffff_ffff) << 48
}

/// Runs these functions as tests on both databases: `NAME::sqlite` and `NAME::postgres` each open their own fixture and
/// pass it. The functions are written outside, where rustfmt and editors see them; one that is not listed is dead code.
macro_rules! on_both {
    ($kind:ident: $($name:ident),+ $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(super::$kind::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(super::$kind::postgres().await).await;
            }
        }
    )+};
}
pub(crate) use on_both;

//! The metrics of a core, as OpenMetrics text; those that every process has are the server's. Counting a call costs two
//! look-ups and a few atomic additions; figures from the database are queried when somebody reads the metrics. Only the
//! tenants that are most behind are named, by their ids, since there may be any number of tenants.

mod tenants;

use crate::{
    caller::Caller,
    store::{
        self, Db,
        dispatch::{QueueStats, Report},
    },
};
use inboxops_proto::{
    FailureCode,
    clock::Timestamp,
    failure::Failure,
    gate::{Admission, AnyScope, Gate, Named, Repetition, Rpc},
    id::{DeliveryId, TenantId},
    metrics as table,
    reason::code_name,
};
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Metric, Registry, Unit},
};
use std::{
    collections::HashSet,
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant},
};
use tenants::Tenants;
use tonic::{Code, Extensions, metadata::MetadataMap};

/// How long figures from the database are cached: anybody may request the metrics.
const STANDING_LIFE: Duration = Duration::from_secs(2);
/// A delivery that has been due for longer, with nothing in its way, is stuck.
pub(crate) const STUCK_AFTER: Duration = Duration::from_secs(60);

/// Bounds of the buckets of call durations, in seconds.
const CALL_SECS: [f64; 13] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Bounds of the buckets of times before a first request, in seconds.
const LAG_SECS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0];
/// Bounds of the buckets of group sizes.
const GROUP_JOBS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

type Label = (&'static str, &'static str);
type Histograms = Family<[Label; 1], Histogram, fn() -> Histogram>;

/// The metrics of one core.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<[Label; 2], Counter>,
    took: Histograms,
    attempts: Family<[Label; 1], Counter>,
    lag: Histogram,
    leases_ended: Counter,
    groups: Histograms,
    database_up: Gauge,
    waiting: Gauge,
    tenants: Arc<Tenants>,
    oldest_due: Gauge<f64, AtomicU64>,
    stuck: Gauge,
    events_held: Gauge<f64, AtomicU64>,
    standing: tokio::sync::Mutex<Option<Instant>>,
}

/// Registers a metric as the table describes it.
fn register(registry: &mut Registry, row: &table::Metric, metric: impl Metric) {
    match unit(row) {
        None => registry.register(row.name, row.help, metric),
        Some(unit) => registry.register_with_unit(row.name, row.help, unit, metric),
    }
}

fn unit(row: &table::Metric) -> Option<Unit> {
    (!row.unit.is_empty()).then(|| Unit::Other(row.unit.to_owned()))
}

impl Metrics {
    /// Metrics without any counts.
    pub(crate) fn new() -> Metrics {
        let mut registry = Registry::default();
        let took = Histograms::new_with_constructor(|| Histogram::new(CALL_SECS));
        let groups = Histograms::new_with_constructor(|| Histogram::new(GROUP_JOBS));
        let metrics = Metrics {
            requests: Family::default(),
            took,
            attempts: Family::default(),
            lag: Histogram::new(LAG_SECS),
            leases_ended: Counter::default(),
            groups,
            database_up: Gauge::default(),
            waiting: Gauge::default(),
            tenants: Arc::default(),
            oldest_due: Gauge::default(),
            stuck: Gauge::default(),
            events_held: Gauge::default(),
            standing: tokio::sync::Mutex::default(),
            registry: Registry::default(),
        };
        let all = &mut registry;
        register(all, &table::REQUESTS, metrics.requests.clone());
        register(all, &table::REQUEST_DURATION, metrics.took.clone());
        register(all, &table::DELIVERY_ATTEMPTS, metrics.attempts.clone());
        register(all, &table::DELIVERY_LAG, metrics.lag.clone());
        register(all, &table::LEASES_EXPIRED, metrics.leases_ended.clone());
        register(all, &table::WRITE_GROUP_SIZE, metrics.groups.clone());
        register(all, &table::DATABASE_UP, metrics.database_up.clone());
        register(all, &table::DELIVERIES_WAITING, metrics.waiting.clone());
        register(all, &table::OLDEST_DUE_AGE, metrics.oldest_due.clone());
        register(all, &table::DELIVERIES_STUCK, metrics.stuck.clone());
        register(all, &table::EVENT_HORIZON_AGE, metrics.events_held.clone());
        all.register_collector(Box::new(metrics.tenants.clone()));
        Metrics { registry, ..metrics }
    }

    /// Counts a finished call.
    pub(crate) fn called(&self, rpc: &'static Rpc, code: Code, took: Duration) {
        let path = rpc.path.trim_start_matches('/');
        self.requests.get_or_create(&[("rpc", path), ("code", code_name(code))]).inc();
        self.took.get_or_create(&[("rpc", path)]).observe(took.as_secs_f64());
    }

    /// Counts a group of writes that was committed or rolled back.
    pub(crate) fn grouped(&self, writer: &'static str, jobs: usize) {
        self.groups.get_or_create(&[("writer", writer)]).observe(jobs as f64);
    }

    pub(crate) fn leases_ended(&self, count: usize) {
        self.leases_ended.inc_by(count.try_into().unwrap_or(u64::MAX));
        self.attempts.get_or_create(&[("outcome", store::dispatch::WORKER_LOST)]).inc_by(count as u64);
    }

    /// Counts reports that were recorded.
    pub(crate) fn recorded(&self, seen: &[ReportCounts], accepted: &HashSet<DeliveryId>) {
        for seen in seen.iter().filter(|seen| accepted.contains(&seen.delivery)) {
            self.attempts.get_or_create(&[("outcome", seen.outcome)]).inc();
            if let Some(lag) = seen.lag {
                self.lag.observe(lag.as_secs_f64());
            }
        }
    }

    /// The text without its end, with the present figures from the database.
    pub(crate) async fn text(&self, db: &Db) -> String {
        self.look(db).await;
        let mut text = String::new();
        // Writing to memory cannot fail.
        let _ = prometheus_client::encoding::text::encode_registry(&mut text, &self.registry);
        text
    }

    async fn look(&self, db: &Db) {
        let mut looked = self.standing.lock().await;
        if looked.is_some_and(|at| at.elapsed() < STANDING_LIFE) {
            return;
        }
        self.events_held.set(db.events_held_for().unwrap_or_default().as_secs_f64());
        let now = db.clock().now();
        let standing = store::dispatch::standing(db, now, now.minus(STUCK_AFTER)).await;
        match (standing, store::backlog::of_tenants(db, now).await) {
            (Ok(QueueStats { oldest_due, stuck }), Ok(tenants)) => {
                self.database_up.set(1);
                self.waiting.set(self.tenants.set(&tenants));
                self.oldest_due.set(oldest_due.map_or(0.0, |at| now.since(at).as_secs_f64()));
                self.stuck.set(stuck);
            }
            _ => {
                self.database_up.set(0);
            }
        }
        *looked = Some(Instant::now());
    }
}

pub(crate) struct CountingGate {
    gate: Arc<dyn Gate>,
    metrics: Arc<Metrics>,
}

impl CountingGate {
    pub(crate) fn new(gate: Arc<dyn Gate>, metrics: Arc<Metrics>) -> CountingGate {
        CountingGate { gate, metrics }
    }
}

#[tonic::async_trait]
impl Gate for CountingGate {
    async fn admit(
        &self,
        rpc: &'static Rpc,
        needs: &[AnyScope],
        metadata: &MetadataMap,
        extensions: &mut Extensions,
    ) -> Admission {
        self.gate.admit(rpc, needs, metadata, extensions).await
    }

    fn begin(&self, repetition: Repetition, extensions: &mut Extensions) -> Result<Option<Arc<dyn Named>>, Failure> {
        self.gate.begin(repetition, extensions)
    }

    async fn still_admitted(&self, rpc: &'static Rpc, extensions: &Extensions) -> Result<(), Failure> {
        self.gate.still_admitted(rpc, extensions).await
    }

    fn tenant(&self, extensions: &Extensions) -> Option<TenantId> {
        extensions.get::<Caller>()?.scope().ok().map(|scope| scope.tenant())
    }

    fn called(&self, rpc: &'static Rpc, code: Code, took: Duration) {
        self.metrics.called(rpc, code, took);
    }
}

/// The figures of a report that are counted once it is recorded.
pub(crate) struct ReportCounts {
    delivery: DeliveryId,
    outcome: &'static str,
    lag: Option<Duration>,
}

impl ReportCounts {
    /// The figures of a report, if its request was sent.
    pub(crate) fn of(report: &Report) -> Option<ReportCounts> {
        let attempt = &report.used.sent()?.attempt;
        let outcome = match attempt.error_code.as_deref() {
            None => "delivered",
            // A worker of a later release may know more codes.
            Some(code) => FailureCode::from_name(code).map_or("other", FailureCode::name),
        };
        let delivery = report.lease.delivery;
        let lag = (attempt.n == 1).then(|| attempt.started_at.since(made_at(delivery)));
        Some(ReportCounts { delivery, outcome, lag })
    }
}

/// When the event of a delivery happened, to the millisecond: the id begins with that time.
fn made_at(delivery: DeliveryId) -> Timestamp {
    let bytes = delivery.0.as_bytes();
    let millis = bytes[..6].iter().fold(0i64, |millis, byte| millis << 8 | i64::from(*byte));
    Timestamp::from_micros(millis.saturating_mul(1000))
}

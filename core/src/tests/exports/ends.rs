//! What ends an export and frees its slot: a client that goes or takes nothing, its age, a core that dies.

use super::{Stream, Whole, asked, begin, replied, taken, whole};
use crate::{
    caller::{Caller, Who},
    exports::{Exports, Limits},
    store::TenantScope,
    tests::support::{Client, TestCore, TestTenant, on_both, until},
};
use futures_util::StreamExt as _;
use inboxops_proto::{
    failure::Failure,
    reason::Reason,
    v1::{ExportType, export_service_server::ExportService as _},
};
use std::time::{Duration, Instant};
use tonic::Request;

const LONG: Duration = Duration::from_secs(60);

/// A tenant whose export is more than waits for a client: each message is a piece of its own.
async fn large(core: &TestCore) -> TestTenant {
    let tenant = core.tenant().await;
    let ticket = core.ticket(&tenant, "Large").await.id;
    for number in 0..12 {
        replied(core, &tenant.id, &ticket, number, &"word ".repeat(12_000)).await;
    }
    tenant
}

/// Exports with other limits, without a gate.
struct Apart<'a> {
    exports: Exports,
    tenant: &'a TestTenant,
}

impl<'a> Apart<'a> {
    fn new(core: &TestCore, tenant: &'a TestTenant, limits: Limits) -> Apart<'a> {
        Apart { exports: Exports::new(core.inner.db.clone(), core.stamps.clone(), limits), tenant }
    }

    async fn begin(&self) -> Result<Stream, Failure> {
        let mut request = Request::new(asked(&[], None));
        let scope = TenantScope::new(self.tenant.id.parse().expect("an id"));
        request.extensions_mut().insert(Caller::new(Who::Operator, Some(scope)));
        let answer = self.exports.export(request).await;
        answer.map(|response| response.into_inner()).map_err(|status| Failure::of(&status))
    }

    /// Waits until another export can begin.
    async fn free(&self) -> Whole {
        let begun = until("the slot is free", async || match self.begin().await {
            Ok(stream) => Some(stream),
            Err(failure) => {
                assert_eq!(failure.reason, Reason::ExportInProgress);
                None
            }
        });
        taken(begun.await).await
    }
}

fn limits(stall: Duration, life: Duration, lines_per_second: u32) -> Limits {
    Limits { stall, life, lines_per_second }
}

/// How many lines still come, and the reason at their end.
async fn broken(mut stream: Stream) -> (usize, Reason) {
    let mut lines = 0;
    loop {
        match stream.next().await.expect("it does not end well") {
            Ok(line) => {
                assert_ne!(line.r#type(), ExportType::End);
                lines += 1;
            }
            Err(status) => {
                assert!(stream.next().await.is_none());
                return (lines, Failure::of(&status).reason);
            }
        }
    }
}

async fn a_second_export_is_refused_while_the_first_runs(core: TestCore) {
    let (tenant, other) = (large(&core).await, large(&core).await);
    let first = begin(&core, &tenant.key, &[], None).await.expect("it begins");
    let refused = begin(&core, &tenant.key, &[], None).await.map(|_| ()).expect_err("one at a time");
    assert_eq!((refused.reason, refused.retry_after_secs), (Reason::ExportInProgress, Some(5)));
    assert_eq!(refused.reason.code(), tonic::Code::Aborted);
    whole(&core, &other.key, &[], None).await;
    assert_eq!(taken(first).await.lines.len(), 14);
    whole(&core, &tenant.key, &[], None).await;
}

async fn a_client_that_goes_frees_the_slot(core: TestCore) {
    let tenant = large(&core).await;
    let apart = Apart::new(&core, &tenant, limits(LONG, LONG, 20_000));
    let mut stream = apart.begin().await.expect("it begins");
    stream.next().await.expect("a line").expect("no failure");
    drop(stream);
    assert_eq!(apart.free().await.lines.len(), 14);
}

async fn a_client_that_takes_nothing_loses_its_export(core: TestCore) {
    let tenant = large(&core).await;
    let apart = Apart::new(&core, &tenant, limits(Duration::from_millis(300), LONG, 20_000));
    let stalled = apart.begin().await.expect("it begins");
    assert_eq!(apart.free().await.lines.len(), 14, "while the other one is still there");
    let (lines, reason) = broken(stalled).await;
    assert!(lines < 14, "{lines}");
    assert_eq!(reason, Reason::Timeout);
}

async fn a_slow_client_is_waited_for(core: TestCore) {
    let tenant = large(&core).await;
    let apart = Apart::new(&core, &tenant, limits(Duration::from_millis(500), LONG, 20_000));
    let mut stream = apart.begin().await.expect("it begins");
    let mut lines = 0;
    while let Some(line) = stream.next().await {
        lines += usize::from(line.expect("no failure").r#type() != ExportType::End);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(lines, 14, "it took longer than it may take nothing");
}

async fn an_old_export_ends(core: TestCore) {
    let tenant = large(&core).await;
    // The first batch has one line, and each line has a second.
    let young = limits(LONG, Duration::from_millis(400), 1);
    let apart = Apart::new(&core, &tenant, young);
    let began = Instant::now();
    let stream = apart.begin().await.expect("it begins");
    let (lines, reason) = broken(stream).await;
    assert_eq!((lines, reason), (1, Reason::Timeout));
    assert!(began.elapsed() >= Duration::from_millis(400));
    let again = Apart::new(&core, &tenant, limits(LONG, LONG, 20_000));
    assert_eq!(again.free().await.lines.len(), 14);
    drop(until("the slot of that service is free", async || apart.begin().await.ok()).await);
}

async fn an_export_ends_with_its_core(core: TestCore) {
    let tenant = large(&core).await;
    let by: Client = tenant.key.clone();
    let mut stream = begin(&core, &by, &[], None).await.expect("it begins");
    stream.next().await.expect("a line").expect("no failure");
    core.inner.db.close().await;
    let (_, reason) = broken(stream).await;
    assert_eq!(reason, Reason::ServiceUnavailable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgresql_one_core_exports_a_tenant_and_its_death_frees_the_slot() {
    let core = TestCore::postgres().await;
    let tenant = large(&core).await;
    let beside = core.beside().await;
    let first = begin(&core, &tenant.key, &[], None).await.expect("it begins");
    let refused = begin(&beside, &tenant.key, &[], None).await.map(|_| ()).expect_err("one at a time");
    assert_eq!((refused.reason, refused.retry_after_secs), (Reason::ExportInProgress, Some(5)));
    // The connection of a process that dies is closed.
    core.run_sql(
        "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database d ON d.oid = database \
         WHERE locktype = 'advisory' AND d.datname = current_database()",
    )
    .await;
    let second = until("the lock is free", async || begin(&beside, &tenant.key, &[], None).await.ok()).await;
    assert_eq!(taken(second).await.lines.len(), 14);
    assert!(broken(first).await.0 <= 14, "its own reader learns that it is not whole");
}

on_both!(
    TestCore: a_second_export_is_refused_while_the_first_runs,
    a_client_that_goes_frees_the_slot,
    a_client_that_takes_nothing_loses_its_export,
    a_slow_client_is_waited_for,
    an_old_export_ends,
    an_export_ends_with_its_core,
);

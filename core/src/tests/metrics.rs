//! The metrics of a core.

use crate::tests::support::{Came as _, Client, TestCore, Worker, on_both, until};
use inboxops_proto::{
    metrics::{self as table, Metric, Of},
    v1,
};
use std::{collections::HashSet, time::Duration};

/// The value of a line.
fn value(text: &str, line: &str) -> f64 {
    let found = text.lines().find_map(|it| it.strip_prefix(line)?.strip_prefix(' '));
    found.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {line} in\n{text}"))
}

/// The metrics that have a description.
fn described(text: &str) -> HashSet<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    lines.filter_map(|line| Some(line.split_once(' ')?.0.to_owned())).collect()
}

/// The labels of a metric's series, without those that buckets have.
fn labels<'a>(text: &'a str, row: &Metric) -> HashSet<&'a str> {
    let series = row.series();
    let lines = text.lines().filter(|line| {
        let rest = line.strip_prefix(series.as_str());
        rest.is_some_and(|rest| ["{", "_bucket{", "_sum{"].iter().any(|next| rest.starts_with(next)))
    });
    let pairs = lines.filter_map(|line| Some(line.split_once('{')?.1.split_once('}')?.0)).flat_map(|it| it.split(','));
    pairs.filter_map(|pair| Some(pair.split_once('=')?.0)).filter(|name| *name != "le").collect()
}

async fn calls_attempts_and_what_waits_are_counted(mut core: TestCore) {
    core.run();
    let tenant = core.tenant().await;
    core.endpoint(&tenant.key, &["ticket.created"]).await;
    let mut worker = Worker::join(&core, 8).await;
    for n in 0..3 {
        core.ticket(&tenant, &format!("Order {n}")).await;
    }
    let missing = v1::GetTicketRequest { ticket_id: "77".to_owned() };
    core.tickets().get_ticket(tenant.key.ask(missing)).await.refusal();
    core.tickets().list_tickets(Client::nobody().ask(v1::ListTicketsRequest::default())).await.refusal();
    let mut outcomes = Vec::new();
    for status in [200, 200, 500] {
        outcomes.push(worker.next().await.answered(&core, status));
    }
    worker.report(&core, outcomes).await;
    let text = core.inner.metrics().await;
    let requests = |rpc: &str, code: &str| {
        value(&text, &format!("inboxops_requests_total{{rpc=\"inboxops.v1.{rpc}\",code=\"{code}\"}}"))
    };
    assert_eq!(requests("TicketService/CreateTicket", "ok"), 3.0);
    assert_eq!(requests("TicketService/GetTicket", "not_found"), 1.0);
    assert_eq!(requests("TicketService/ListTickets", "unauthenticated"), 1.0);
    let took = "inboxops_request_duration_seconds_count{rpc=\"inboxops.v1.TicketService/CreateTicket\"}";
    assert_eq!(value(&text, took), 3.0);
    assert_eq!(value(&text, "inboxops_delivery_attempts_total{outcome=\"delivered\"}"), 2.0);
    assert_eq!(value(&text, "inboxops_delivery_attempts_total{outcome=\"http_5xx\"}"), 1.0);
    assert_eq!(value(&text, "inboxops_delivery_lag_seconds_count"), 3.0);
    assert_eq!(value(&text, "inboxops_deliveries_waiting"), 1.0, "the one that failed");
    let of_tenant = |what: &str, tenant: &str| value(&text, &format!("inboxops_tenant_{what}{{tenant=\"{tenant}\"}}"));
    assert_eq!((of_tenant("deliveries_waiting", &tenant.id), of_tenant("deliveries_waiting", "other")), (1.0, 0.0));
    assert_eq!(of_tenant("behind_seconds", &tenant.id), 0.0, "it waits for its time");
    assert_eq!(value(&text, "inboxops_deliveries_stuck"), 0.0);
    assert_eq!(value(&text, "inboxops_oldest_due_age_seconds"), 0.0);
    assert_eq!(value(&text, "inboxops_database_up"), 1.0);
    assert_eq!(value(&text, "inboxops_event_horizon_age_seconds"), 0.0);
    assert!(text.contains("inboxops_write_group_size_bucket{le=\"1.0\",writer="), "{text}");
    let told = described(&text);
    let known = |of: Of| table::ALL.iter().filter(move |row| row.of == of).map(Metric::family);
    assert_eq!(told, known(Of::Core).collect::<HashSet<_>>(), "the table names what a core has");
    for row in table::ALL.iter().filter(|row| row.of == Of::Core) {
        assert!(text.contains(&format!("# TYPE {} {}\n", row.family(), row.kind.name())), "{row:?}\n{text}");
        assert_eq!(labels(&text, row), row.labels.iter().copied().collect::<HashSet<_>>(), "{row:?}\n{text}");
    }
    assert!(!text.contains("# EOF"), "{text}");
    for secret in [&tenant.secret, &tenant.inbox] {
        assert!(!text.contains(secret.as_str()), "{text}");
    }
}

async fn what_nobody_looks_after_is_stuck(core: TestCore) {
    let tenant = core.tenant().await;
    core.endpoint(&tenant.key, &["*"]).await;
    core.ticket(&tenant, "Hello").await;
    assert_eq!(value(&core.inner.metrics().await, "inboxops_deliveries_stuck"), 0.0);
    // No loops run, so the lease expires and nobody takes it back.
    core.clock.advance(Duration::from_secs(180));
    let seen = async || (value(&core.inner.metrics().await, "inboxops_deliveries_stuck") == 1.0).then_some(());
    until("the lease that is over", seen).await;
}

on_both!(TestCore: calls_attempts_and_what_waits_are_counted, what_nobody_looks_after_is_stuck);

//! Writes that are repeated with an idempotency key happen once and are answered twice.

mod preconditions;

use crate::secrets::{MasterKey, rotation};
use crate::tests::support::{Came as _, Client, TestCore, TestTenant, new_endpoint, new_ticket, on_both, until};
use inboxops_proto::{failure::Failure, reason::Reason, services::RPCS, v1};
use std::{collections::BTreeSet, fmt::Debug, time::Duration};
use tonic::{Request, Response, Status};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The same request with another header.
fn with<T>(mut request: Request<T>, name: &'static str, value: &str) -> Request<T> {
    request.metadata_mut().insert(name, value.parse().expect("ASCII"));
    request
}

fn keyed<T>(request: Request<T>, key: &str) -> Request<T> {
    with(request, "idempotency-key", key)
}

/// The answer, and whether it is a stored one.
#[track_caller]
fn answered<T>(came: Result<Response<T>, Status>) -> (T, bool) {
    let response = came.unwrap_or_else(|status| panic!("refused: {:?}", Failure::of(&status)));
    let replayed = response.metadata().get("idempotency-replayed").map(|value| value.as_bytes().to_vec());
    assert!(replayed.as_ref().is_none_or(|value| value == b"true"));
    (response.into_inner(), replayed.is_some())
}

async fn open(core: &TestCore, tenant: &TestTenant, key: &str, subject: &str) -> (v1::Ticket, bool) {
    let request = keyed(tenant.key.ask(new_ticket(&tenant.inbox, subject)), key);
    let (answer, replayed) = answered(core.tickets().create_ticket(request).await);
    core.tick();
    (answer.ticket.expect("a ticket"), replayed)
}

/// Number of tickets, without those of [`events`].
async fn total(core: &TestCore, by: &Client) -> u32 {
    let total = async |q: Option<String>| {
        let listed =
            core.tickets().list_tickets(by.ask(v1::ListTicketsRequest { q, ..Default::default() })).await.answer();
        listed.meta.expect("a meta").total
    };
    total(None).await - total(Some("mark ".to_owned())).await
}

/// Number of events. On PostgreSQL readers wait for every running transaction of the server, so this makes a last
/// event: everything before it is then visible.
async fn events(core: &TestCore, tenant: &TestTenant) -> usize {
    let mark = format!("mark {}", core.clock.now().micros());
    core.ticket(tenant, &mark).await;
    let all = until("the last event", async || {
        let request = v1::ListEventsRequest { limit: Some(100), ..Default::default() };
        let listed = core.events().list_events(tenant.key.ask(request)).await.answer().events;
        listed.iter().any(|event| event.contains(&mark)).then_some(listed)
    });
    all.await.iter().filter(|event| !event.contains("\"mark ")).count()
}

/// Makes a write twice with one key: the second call gets the first answer and changes nothing, and another write with
/// the key is refused.
async fn twice<Q: Clone, A: PartialEq + Debug>(
    core: &TestCore,
    tenant: &TestTenant,
    message: Q,
    call: impl AsyncFn(Request<Q>) -> Result<Response<A>, Status>,
) {
    let (first, replayed) = answered(call(keyed(tenant.key.ask(message.clone()), "once")).await);
    assert!(!replayed);
    let before = events(core, tenant).await;
    core.tick();
    let (second, replayed) = answered(call(keyed(tenant.key.ask(message.clone()), "once")).await);
    assert_eq!((second, replayed), (first, true));
    assert_eq!(events(core, tenant).await, before);
    // A key stays with its first request.
    let failure = core
        .tickets()
        .create_ticket(keyed(tenant.key.ask(new_ticket(&tenant.inbox, "Something else")), "once"))
        .await
        .refusal();
    assert_eq!(failure.reason, Reason::IdempotencyKeyReused);
}

async fn a_repetition_is_answered_as_the_first_and_nothing_happens_twice(core: TestCore) {
    let tenant = core.tenant().await;
    let (first, replayed) = open(&core, &tenant, "order 1042 ~", "Hello").await;
    assert!(!replayed);
    core.changed(&tenant.key, &first.id, v1::TicketChanges { subject: Some("Other".to_owned()), ..Default::default() })
        .await;
    let (again, replayed) = open(&core, &tenant, "order 1042 ~", "Hello").await;
    assert_eq!((again, replayed), (first.clone(), true), "the first answer, whatever the ticket is by now");
    assert_eq!(
        open(&core, &tenant, "order 1042 ~", "  Hello ").await,
        (first.clone(), true),
        "the same but for what is trimmed"
    );
    assert_eq!((total(&core, &tenant.key).await, events(&core, &tenant).await), (1, 2));
    let (other, replayed) = open(&core, &tenant, "order 1043", "Hello").await;
    assert!(other.id != first.id && !replayed);
    let (_, replayed) =
        answered(core.tickets().create_ticket(tenant.key.ask(new_ticket(&tenant.inbox, "Hello"))).await);
    assert!(!replayed);
}

async fn every_write_of_rest_can_be_repeated(core: TestCore) {
    let covered = BTreeSet::from([
        "/inboxops.v1.DeliveryService/CancelDelivery",
        "/inboxops.v1.DeliveryService/ResendDelivery",
        "/inboxops.v1.MessageService/CreateTicketNote",
        "/inboxops.v1.TagService/AddTicketTag",
        "/inboxops.v1.TagService/RemoveTicketTag",
        "/inboxops.v1.TicketService/CreateTicket",
        "/inboxops.v1.TicketService/UpdateTicket",
        "/inboxops.v1.WebhookService/CreateWebhookEndpoint",
        "/inboxops.v1.WebhookService/DeleteWebhookEndpoint",
        "/inboxops.v1.WebhookService/PromoteSecret",
        "/inboxops.v1.WebhookService/RecoverDeliveries",
        "/inboxops.v1.WebhookService/ResendEndpointDeliveries",
        "/inboxops.v1.WebhookService/RotateSecret",
        "/inboxops.v1.WebhookService/SendTestEvent",
        "/inboxops.v1.WebhookService/UpdateWebhookEndpoint",
    ]);
    let all: BTreeSet<&str> = RPCS.iter().filter(|rpc| rpc.repeatable).map(|rpc| rpc.path).collect();
    assert_eq!(all, covered, "each is tried below");
    macro_rules! try_twice {
        ($tenant:expr, $service:ident . $call:ident, $message:expr) => {
            twice(&core, $tenant, $message, async |request| core.$service().$call(request).await).await
        };
    }
    // A tenant for each, since they share one key.
    let tenant = &core.tenant().await;
    try_twice!(tenant, tickets.create_ticket, new_ticket(&tenant.inbox, "Hello"));
    let ticket = |tenant| core.ticket(tenant, "Hello");
    let change = v1::TicketChanges { status: Some(v1::TicketStatus::Solved.into()), ..Default::default() };
    let tenant = &core.tenant().await;
    let id = ticket(tenant).await.id;
    let update = v1::UpdateTicketRequest { ticket_id: id.clone(), ticket: Some(change), update_mask: None };
    try_twice!(tenant, tickets.update_ticket, update);
    let tenant = &core.tenant().await;
    let note = v1::CreateTicketNoteRequest {
        ticket_id: ticket(tenant).await.id,
        r#type: Some("internal_note".to_owned()),
        body_text: Some("Call back.".to_owned()),
        ..Default::default()
    };
    try_twice!(tenant, messages.create_ticket_note, note);
    let tenant = &core.tenant().await;
    let ticket_id = ticket(tenant).await.id;
    let tag = v1::AddTicketTagRequest {
        ticket_id: ticket_id.clone(),
        tag_name: Some("vip".to_owned()),
        ..Default::default()
    };
    try_twice!(tenant, tags.add_ticket_tag, tag.clone());
    let tenant = &core.tenant().await;
    let ticket_id = ticket(tenant).await.id;
    let tag = v1::AddTicketTagRequest { ticket_id: ticket_id.clone(), ..tag };
    let tag = core.tags().add_ticket_tag(tenant.key.ask(tag)).await.answer().tag.expect("a tag");
    try_twice!(tenant, tags.remove_ticket_tag, v1::RemoveTicketTagRequest { ticket_id, tag_id: tag.id });
    let tenant = &core.tenant().await;
    try_twice!(tenant, webhooks.create_webhook_endpoint, new_endpoint(&["*"]));
    let changes = v1::WebhookEndpointChanges { description: Some("x".to_owned()), ..Default::default() };
    let tenant = &core.tenant().await;
    let endpoint_id = core.endpoint(&tenant.key, &["*"]).await.id;
    try_twice!(
        tenant,
        webhooks.update_webhook_endpoint,
        v1::UpdateWebhookEndpointRequest { endpoint_id, endpoint: Some(changes), update_mask: None }
    );
    let tenant = &core.tenant().await;
    let endpoint_id = core.endpoint(&tenant.key, &["*"]).await.id;
    try_twice!(
        tenant,
        webhooks.rotate_secret,
        v1::RotateSecretRequest { endpoint_id: endpoint_id.clone(), ..Default::default() }
    );
    let tenant = &core.tenant().await;
    let endpoint_id = core.endpoint(&tenant.key, &["*"]).await.id;
    core.webhooks()
        .rotate_secret(
            tenant.key.ask(v1::RotateSecretRequest { endpoint_id: endpoint_id.clone(), ..Default::default() }),
        )
        .await
        .answer();
    try_twice!(
        tenant,
        webhooks.promote_secret,
        v1::PromoteSecretRequest { endpoint_id: endpoint_id.clone(), ..Default::default() }
    );
    let tenant = &core.tenant().await;
    let endpoint_id = core.endpoint(&tenant.key, &["*"]).await.id;
    let test = v1::SendTestEventRequest {
        endpoint_id: endpoint_id.clone(),
        event: Some("ticket.created".to_owned()),
        data: None,
    };
    try_twice!(tenant, webhooks.send_test_event, test);
    assert_eq!(core.deliveries_of(&tenant.key, &endpoint_id).await.iter().filter(|it| it.test).count(), 1);
    let tenant = &core.tenant().await;
    let endpoint_id = core.endpoint(&tenant.key, &["*"]).await.id;
    let since = Some(core.clock.now().minus(Duration::from_secs(60)).into());
    for dry_run in [Some(true), None] {
        let tenant = &TestTenant { key: tenant.key.clone(), ..core.tenant().await };
        let recover = v1::RecoverDeliveriesRequest { endpoint_id: endpoint_id.clone(), since, until: None, dry_run };
        let (first, _) = answered(
            core.webhooks().recover_deliveries(keyed(tenant.key.ask(recover.clone()), &format!("{dry_run:?}"))).await,
        );
        let again =
            answered(core.webhooks().recover_deliveries(keyed(tenant.key.ask(recover), &format!("{dry_run:?}"))).await);
        assert_eq!(again, (first, true));
    }
    try_twice!(tenant, webhooks.delete_webhook_endpoint, v1::DeleteWebhookEndpointRequest { endpoint_id });
    let tenant = &core.tenant().await;
    let endpoint_id = core.endpoint(&tenant.key, &["*"]).await.id;
    ticket(tenant).await;
    let delivery_id = core.deliveries_of(&tenant.key, &endpoint_id).await.remove(0).id;
    try_twice!(tenant, deliveries.cancel_delivery, v1::CancelDeliveryRequest { delivery_id });
    let tenant = &core.tenant().await;
    let endpoint_id = core.endpoint(&tenant.key, &["*"]).await.id;
    let status = vec![v1::DeliveryStatus::Failed.into()];
    let resend = v1::ResendEndpointDeliveriesRequest { endpoint_id, status, ..Default::default() };
    try_twice!(tenant, webhooks.resend_endpoint_deliveries, resend);
    let tenant = &core.tenant().await;
    let endpoint_id = core.endpoint(&tenant.key, &["*"]).await.id;
    ticket(tenant).await;
    let delivery_id = core.deliveries_of(&tenant.key, &endpoint_id).await.remove(0).id;
    core.deliveries()
        .cancel_delivery(tenant.key.ask(v1::CancelDeliveryRequest { delivery_id: delivery_id.clone() }))
        .await
        .ok();
    core.run_sql("UPDATE deliveries SET state = 3").await;
    try_twice!(tenant, deliveries.resend_delivery, v1::ResendDeliveryRequest { delivery_id });
}

async fn a_repetition_of_what_would_be_refused_by_now_is_answered_as_the_first(core: TestCore) {
    let tenant = core.tenant().await;
    let endpoint_id = core.endpoint(&tenant.key, &["*"]).await.id;
    let since = Some(core.clock.now().minus(Duration::from_secs(60)).into());
    // It is refused before anything is written.
    let recover = |dry_run| {
        let endpoint_id = endpoint_id.clone();
        tenant.key.ask(v1::RecoverDeliveriesRequest { endpoint_id, since, until: None, dry_run })
    };
    let (first, _) = answered(core.webhooks().recover_deliveries(keyed(recover(Some(true)), "k")).await);
    let delete = v1::DeleteWebhookEndpointRequest { endpoint_id: endpoint_id.clone() };
    core.webhooks().delete_webhook_endpoint(tenant.key.ask(delete)).await.answer();
    let again = answered(core.webhooks().recover_deliveries(keyed(recover(Some(true)), "k")).await);
    assert_eq!(again, (first, true));
    let other = core.webhooks().recover_deliveries(keyed(recover(None), "k")).await.refusal();
    assert_eq!(other.reason, Reason::IdempotencyKeyReused);
    let unknown = core.webhooks().recover_deliveries(keyed(recover(Some(true)), "another")).await.refusal();
    assert_eq!(unknown.reason, Reason::EndpointNotFound, "a refusal is kept for nobody");
}

async fn another_request_with_the_key_is_refused(core: TestCore) {
    let (tenant, stranger) = (core.tenant().await, core.tenant().await);
    let (ticket, _) = open(&core, &tenant, "k", "Hello").await;
    let reused =
        core.tickets().create_ticket(keyed(tenant.key.ask(new_ticket(&tenant.inbox, "Hullo")), "k")).await.refusal();
    assert_eq!(reused.reason, Reason::IdempotencyKeyReused);
    let note =
        v1::CreateTicketNoteRequest { ticket_id: ticket.id, body_text: Some("x".to_owned()), ..Default::default() };
    let reused = core.messages().create_ticket_note(keyed(tenant.key.ask(note), "k")).await.refusal();
    assert_eq!(reused.reason, Reason::IdempotencyKeyReused);
    assert!(!open(&core, &tenant, "K", "Hullo").await.1, "letter case counts");
    assert!(!open(&core, &stranger, "k", "Hullo").await.1, "each tenant has its own");
    // Another key of the same tenant belongs to the same customer.
    let second = Client::key(&core.key(&tenant.operator, "Second", &[]).await);
    let request = keyed(second.ask(new_ticket(&tenant.inbox, "Hello")), "k");
    assert!(answered(core.tickets().create_ticket(request).await).1);
}

async fn what_was_refused_may_be_tried_again(core: TestCore) {
    let tenant = core.tenant().await;
    let change = |status: v1::TicketStatus| v1::UpdateTicketRequest {
        ticket_id: "1".to_owned(),
        ticket: Some(v1::TicketChanges { status: Some(status.into()), ..Default::default() }),
        update_mask: None,
    };
    let missing =
        core.tickets().update_ticket(keyed(tenant.key.ask(change(v1::TicketStatus::Closed)), "k")).await.refusal();
    assert_eq!(missing.reason, Reason::TicketNotFound);
    core.ticket(&tenant, "Hello").await;
    let (_, replayed) =
        answered(core.tickets().update_ticket(keyed(tenant.key.ask(change(v1::TicketStatus::Closed)), "k")).await);
    assert!(!replayed, "a refusal is no answer to keep");
}

async fn an_answer_is_kept_for_a_day(core: TestCore) {
    let tenant = core.tenant().await;
    let (first, _) = open(&core, &tenant, "k", "Hello").await;
    core.clock.advance(DAY - Duration::from_secs(1));
    assert_eq!(open(&core, &tenant, "k", "Hello").await, (first.clone(), true));
    core.clock.advance(Duration::from_secs(2));
    let (second, replayed) = open(&core, &tenant, "k", "Hello again").await;
    assert!(!replayed && second.id != first.id, "whether or not it was deleted");
    assert_eq!(open(&core, &tenant, "k", "Hello again").await, (second, true), "the key names the new write now");
}

async fn a_key_has_1_to_255_printable_characters(core: TestCore) {
    let tenant = core.tenant().await;
    let long = "x".repeat(256);
    for bad in ["", "a\tb", &long] {
        let request = keyed(tenant.key.ask(new_ticket(&tenant.inbox, "Hello")), bad);
        let failure = core.tickets().create_ticket(request).await.refusal();
        assert_eq!(failure.reason, Reason::InvalidIdempotencyKey, "{bad:?}");
    }
    let mut two = keyed(tenant.key.ask(new_ticket(&tenant.inbox, "Hello")), "a");
    two.metadata_mut().append("idempotency-key", "a".parse().expect("ASCII"));
    assert_eq!(core.tickets().create_ticket(two).await.refusal().reason, Reason::InvalidIdempotencyKey);
    let nobody = keyed(Client::nobody().ask(new_ticket(&tenant.inbox, "Hello")), "");
    assert_eq!(core.tickets().create_ticket(nobody).await.refusal().reason, Reason::MissingApiKey, "credentials first");
    assert_eq!(total(&core, &tenant.key).await, 0);
    for good in ["x", &long[..255], " ~ "] {
        assert!(!open(&core, &tenant, good, "Hello").await.1, "{good:?}");
    }
    // Reads ignore the header.
    let read = keyed(tenant.key.ask(v1::ListTicketsRequest::default()), "");
    assert_eq!(core.tickets().list_tickets(read).await.answer().meta.expect("a meta").total, 3);
}

async fn of_many_at_once_one_is_made(core: TestCore) {
    let tenant = core.tenant().await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (tickets, request) =
            (core.tickets().clone(), keyed(tenant.key.ask(new_ticket(&tenant.inbox, "Hello")), "k"));
        calls.spawn(async move { tickets.create_ticket(request).await });
    }
    let (mut made, mut ids) = (0, BTreeSet::new());
    while let Some(came) = calls.join_next().await {
        match came.expect("a call") {
            Ok(response) => {
                made += usize::from(response.metadata().get("idempotency-replayed").is_none());
                ids.insert(response.into_inner().ticket.expect("a ticket").id);
            }
            Err(status) => {
                let failure = Failure::of(&status);
                assert_eq!((failure.reason, failure.retry_after_secs), (Reason::IdempotencyInProgress, Some(1)));
            }
        }
    }
    assert_eq!((made, ids.len(), total(&core, &tenant.key).await, events(&core, &tenant).await), (1, 1, 1, 1));
    assert!(open(&core, &tenant, "k", "Hello").await.1, "nothing stays under way");
}

async fn a_caller_that_goes_away_leaves_one_write(core: TestCore) {
    let tenant = core.tenant().await;
    for turn in 0..30 {
        let (key, subject) = (format!("k{turn}"), format!("Hello {turn}"));
        let call = core.tickets().create_ticket(keyed(tenant.key.ask(new_ticket(&tenant.inbox, &subject)), &key));
        // Long enough to reach the database now and then, but not to wait for its answer.
        let _ = tokio::time::timeout(Duration::from_micros(turn * 40), call).await;
        let ticket = loop {
            match core.tickets().create_ticket(keyed(tenant.key.ask(new_ticket(&tenant.inbox, &subject)), &key)).await {
                Ok(response) => break response.into_inner().ticket.expect("a ticket"),
                Err(status) => assert_eq!(Failure::of(&status).reason, Reason::IdempotencyInProgress),
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(ticket.subject, subject);
        assert_eq!(total(&core, &tenant.key).await, u32::try_from(turn).expect("few") + 1);
    }
}

async fn answers_that_hold_a_secret_are_sealed(core: TestCore) {
    let tenant = core.tenant().await;
    let create = |core: &TestCore| {
        let request = keyed(tenant.key.ask(new_endpoint(&["*"])), "k");
        let webhooks = core.webhooks().clone();
        async move { answered(webhooks.create_webhook_endpoint(request).await) }
    };
    let (first, _) = create(&core).await;
    let secret = first.endpoint.clone().and_then(|endpoint| endpoint.secret).expect("a secret");
    let rotate =
        v1::RotateSecretRequest { endpoint_id: first.endpoint.clone().expect("an endpoint").id, ..Default::default() };
    let (rotated, _) = answered(core.webhooks().rotate_secret(keyed(tenant.key.ask(rotate.clone()), "r")).await);
    let new = rotated.endpoint.clone().and_then(|endpoint| endpoint.secret).expect("a secret");
    for secret in [&secret, &new] {
        assert!(!core.rows().await.hold(secret), "no row holds a secret");
    }
    assert_eq!(create(&core).await, (first.clone(), true));
    // A change of the master key includes the stored answers.
    let key = MasterKey::new([8; 32]);
    let core = core
        .after(async |settings, stamps| {
            rotation::rotate(settings, &key, stamps).await.expect("rotated");
            settings.master_key = key.clone();
        })
        .await;
    assert_eq!(create(&core).await, (first, true));
    let again = answered(core.webhooks().rotate_secret(keyed(tenant.key.ask(rotate), "r")).await);
    assert_eq!(again, (rotated, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_of_many_at_two_cores_one_is_made() {
    let core = TestCore::postgres().await;
    let (tenant, beside) = (core.tenant().await, core.beside().await);
    for turn in 0..10 {
        let key = format!("k{turn}");
        let mut calls = tokio::task::JoinSet::new();
        for number in 0..20 {
            let one = if number % 2 == 0 { &core } else { &beside };
            let request = keyed(tenant.key.ask(new_ticket(&tenant.inbox, "Hello")), &key);
            let tickets = one.tickets().clone();
            calls.spawn(async move { tickets.create_ticket(request).await });
        }
        let mut ids = BTreeSet::new();
        while let Some(came) = calls.join_next().await {
            match came.expect("a call") {
                Ok(response) => _ = ids.insert(response.into_inner().ticket.expect("a ticket").id),
                Err(status) => assert_eq!(Failure::of(&status).reason, Reason::IdempotencyInProgress),
            }
        }
        assert_eq!(
            (ids.len(), total(&core, &tenant.key).await, events(&core, &tenant).await),
            (1, turn + 1, turn as usize + 1)
        );
        let (other, replayed) = open(&beside, &tenant, &key, "Hello").await;
        assert!(replayed && ids.contains(&other.id));
    }
}

on_both!(TestCore:
    a_repetition_is_answered_as_the_first_and_nothing_happens_twice,
    every_write_of_rest_can_be_repeated,
    a_repetition_of_what_would_be_refused_by_now_is_answered_as_the_first,
    another_request_with_the_key_is_refused,
    what_was_refused_may_be_tried_again,
    an_answer_is_kept_for_a_day,
    a_key_has_1_to_255_printable_characters,
    of_many_at_once_one_is_made,
    a_caller_that_goes_away_leaves_one_write,
    answers_that_hold_a_secret_are_sealed,
);

//! Tickets through the gate: opening and changing them follows the contract.

mod lists;
mod mirror;

use crate::tests::support::{Came as _, Client, NOON, NOTHING, TestCore, new_ticket, on_both, violations};
use inboxops_proto::{
    clock::Timestamp,
    reason::Reason,
    v1::{
        self, Channel,
        TicketPriority::{High, Low, Normal, Urgent},
        TicketStatus::{self, Closed, Open, Pending, Solved},
    },
};
use std::time::Duration;

fn status(to: TicketStatus) -> v1::TicketChanges {
    v1::TicketChanges { status: Some(to.into()), ..Default::default() }
}

fn mask(paths: &[&str]) -> Option<prost_types::FieldMask> {
    Some(prost_types::FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() })
}

async fn refused(
    core: &TestCore,
    by: &Client,
    request: v1::CreateTicketRequest,
) -> (Reason, Vec<(String, &'static str)>) {
    let failure = core.tickets().create_ticket(by.ask(request)).await.refusal();
    let found = violations(&failure).into_iter().map(|(field, code)| (field.to_owned(), code)).collect();
    (failure.reason, found)
}

async fn a_new_ticket_has_what_was_given_and_defaults_for_the_rest(core: TestCore) {
    let tenant = core.tenant().await;
    let at = core.clock.now();
    let ticket = core.ticket(&tenant, "  Refund for order 1042 ").await;
    let expected = v1::Ticket {
        id: ticket.id.clone(),
        ticket_number: 1,
        subject: "Refund for order 1042".to_owned(),
        status: Open.into(),
        priority: Normal.into(),
        inbox_id: tenant.inbox.clone(),
        channel: Channel::Api.into(),
        created_at: Some(at.into()),
        updated_at: Some(at.into()),
        version: 1,
        ..Default::default()
    };
    assert_eq!(ticket, expected);
    assert_eq!(core.get_ticket(&tenant.key, &ticket.id).await, expected, "get and create say the same");

    let agent = core.agent(&tenant.id, "grace@example.com").await.id;
    let request = v1::CreateTicketRequest {
        priority: Some(Urgent.into()),
        assignee_id: Some(agent.to_uppercase()),
        ..new_ticket(&tenant.inbox.to_uppercase(), "Second")
    };
    let second = core.opened(&tenant.operator, request).await;
    assert_eq!((second.ticket_number, second.priority()), (2, Urgent));
    assert_eq!((second.assignee_id, second.inbox_id), (Some(agent), tenant.inbox), "ids in any letter case");
}

async fn numbers_count_from_one_in_each_tenant(core: TestCore) {
    let (one, other) = (core.tenant().await, core.tenant().await);
    for number in 1..=3 {
        assert_eq!(core.ticket(&one, "One").await.ticket_number, number);
    }
    assert_eq!(core.ticket(&other, "Other").await.ticket_number, 1);
}

async fn tickets_that_are_opened_at_once_get_numbers_without_gap_or_repeat(core: TestCore) {
    let tenant = core.tenant().await;
    let opened = (0..40).map(|n| {
        let request = tenant.key.ask(new_ticket(&tenant.inbox, &format!("Order {n}")));
        let service = core.tickets().clone();
        async move { service.create_ticket(request).await.answer().ticket.expect("a ticket").ticket_number }
    });
    let mut numbers = futures_util::future::join_all(opened).await;
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=40).collect::<Vec<_>>());
}

async fn references_must_exist_in_the_tenant_and_be_usable(core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    let stranger = core.agent(&other.id, "eve@example.com").await.id;
    let closed = core.inbox(&tenant.id, "Closed").await;
    let request = inboxops_proto::internal::v1::UpdateInboxRequest {
        tenant_id: tenant.id.clone(),
        inbox_id: closed.clone(),
        enabled: Some(false),
        ..Default::default()
    };
    core.tenants().update_inbox(Client::operator().ask(request)).await.answer();

    let dangling = |field: &str| (field.to_owned(), "not_found");
    for inbox in [NOTHING, &other.inbox] {
        let request = v1::CreateTicketRequest { assignee_id: Some(stranger.clone()), ..new_ticket(inbox, "Hello") };
        let (reason, found) = refused(&core, &tenant.key, request).await;
        assert_eq!(reason, Reason::ValidationFailed);
        assert_eq!(found, [dangling("inbox_id"), dangling("assignee_id")], "both in one answer");
    }
    let (_, found) = refused(&core, &tenant.key, new_ticket(&closed, "Hello")).await;
    assert_eq!(found, [("inbox_id".to_owned(), "inbox_disabled")]);

    let ticket = core.ticket(&tenant, "Hello").await;
    let move_to = |inbox: &str| v1::UpdateTicketRequest {
        ticket_id: ticket.id.clone(),
        ticket: Some(v1::TicketChanges { inbox_id: Some(inbox.to_owned()), ..Default::default() }),
        update_mask: None,
    };
    let failure = core.tickets().update_ticket(tenant.key.ask(move_to(&other.inbox))).await.refusal();
    assert_eq!(violations(&failure), [("inbox_id", "not_found")]);
    let failure = core.tickets().update_ticket(tenant.key.ask(move_to(&closed))).await.refusal();
    assert_eq!(violations(&failure), [("inbox_id", "inbox_disabled")]);
    assert_eq!(core.get_ticket(&tenant.key, &ticket.id).await, ticket, "nothing was written");
    assert_eq!(core.ticket(&tenant, "Next").await.ticket_number, 2, "a refusal spends no number");
}

async fn a_ticket_of_a_switched_off_inbox_can_still_be_changed(core: TestCore) {
    let tenant = core.tenant().await;
    let ticket = core.ticket(&tenant, "Hello").await;
    let request = inboxops_proto::internal::v1::UpdateInboxRequest {
        tenant_id: tenant.id.clone(),
        inbox_id: tenant.inbox.clone(),
        enabled: Some(false),
        ..Default::default()
    };
    core.tenants().update_inbox(Client::operator().ask(request)).await.answer();
    let same = v1::TicketChanges { inbox_id: Some(tenant.inbox.clone()), ..status(Pending) };
    assert_eq!(core.changed(&tenant.key, &ticket.id, same).await.status(), Pending);
}

async fn every_broken_rule_of_a_field_is_told_at_once(core: TestCore) {
    let tenant = core.tenant().await;
    let request = v1::CreateTicketRequest {
        subject: Some(" \u{3000}\n".to_owned()),
        inbox_id: Some("support".to_owned()),
        priority: Some(9),
        assignee_id: Some(String::new()),
    };
    let (reason, found) = refused(&core, &tenant.key, request).await;
    assert_eq!(reason, Reason::ValidationFailed);
    let found: Vec<_> = found.iter().map(|(field, code)| (field.as_str(), *code)).collect();
    let expected = [
        ("subject", "blank"),
        ("inbox_id", "invalid_format"),
        ("priority", "invalid_enum"),
        ("assignee_id", "invalid_format"),
    ];
    assert_eq!(found, expected);
    let (_, found) = refused(&core, &tenant.key, v1::CreateTicketRequest::default()).await;
    assert_eq!(found, [("subject".to_owned(), "required"), ("inbox_id".to_owned(), "required")]);
    let long = |n: usize| new_ticket(&tenant.inbox, &"ä".repeat(n));
    assert_eq!(refused(&core, &tenant.key, long(256)).await.1, [("subject".to_owned(), "too_long")]);
    assert_eq!(core.opened(&tenant.key, long(255)).await.ticket_number, 1, "characters count, not bytes");
}

async fn a_ticket_is_found_by_id_or_number_and_by_nothing_else(core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    let ticket = core.ticket(&tenant, "Hello").await;
    for name in [ticket.id.clone(), ticket.id.to_uppercase(), "1".to_owned()] {
        assert_eq!(core.get_ticket(&tenant.key, &name).await.id, ticket.id, "{name}");
    }
    let simple = ticket.id.replace('-', "");
    let braced = format!("{{{}}}", ticket.id);
    let odd = [
        "",
        "0",
        "01",
        "0001",
        "+1",
        "-1",
        " 1",
        "1 ",
        "1.0",
        "1e0",
        "0x1",
        "2",
        "4294967296",
        "99999999999999999999",
        "none",
        "١",
        NOTHING,
        &simple,
        &braced,
    ];
    for name in odd {
        let request = v1::GetTicketRequest { ticket_id: name.to_owned() };
        let failure = core.tickets().get_ticket(tenant.key.ask(request)).await.refusal();
        assert_eq!((failure.reason, failure.violations.len()), (Reason::TicketNotFound, 0), "{name:?}");
        assert!(name.len() < 3 || !failure.message.contains(name), "the message repeats nothing");
    }
    let request = v1::GetTicketRequest { ticket_id: ticket.id.clone() };
    let failure = core.tickets().get_ticket(other.key.ask(request)).await.refusal();
    assert_eq!(failure.reason, Reason::TicketNotFound, "another tenant's");
}

async fn a_change_keeps_what_it_does_not_name(core: TestCore) {
    let tenant = core.tenant().await;
    let (agent, second) =
        (core.agent(&tenant.id, "grace@example.com").await.id, core.inbox(&tenant.id, "Second").await);
    let old = core.ticket(&tenant, "Hello").await;
    let at = core.clock.now();
    let all = v1::TicketChanges {
        subject: Some(" Goodbye ".to_owned()),
        status: Some(Pending.into()),
        priority: Some(Low.into()),
        assignee_id: Some(agent.clone()),
        inbox_id: Some(second.clone()),
    };
    let new = core.changed(&tenant.key, &old.id, all).await;
    let expected = v1::Ticket {
        subject: "Goodbye".to_owned(),
        status: Pending.into(),
        priority: Low.into(),
        assignee_id: Some(agent.clone()),
        inbox_id: second,
        updated_at: Some(at.into()),
        version: 2,
        ..old
    };
    assert_eq!(new, expected);
    let only = v1::TicketChanges { priority: Some(High.into()), ..Default::default() };
    let third = core.changed(&tenant.key, "1", only).await;
    assert_eq!(third, v1::Ticket { priority: High.into(), version: 3, updated_at: third.updated_at, ..new });
    assert_eq!(core.get_ticket(&tenant.key, "1").await, third);
}

async fn a_mask_says_which_members_count(core: TestCore) {
    let tenant = core.tenant().await;
    let agent = core.agent(&tenant.id, "grace@example.com").await.id;
    let given = v1::CreateTicketRequest { assignee_id: Some(agent.clone()), ..new_ticket(&tenant.inbox, "Hello") };
    let ticket = core.opened(&tenant.key, given).await;
    let update = async |changes: v1::TicketChanges, paths: &[&str]| {
        let request =
            v1::UpdateTicketRequest { ticket_id: ticket.id.clone(), ticket: Some(changes), update_mask: mask(paths) };
        core.tickets().update_ticket(tenant.key.ask(request)).await
    };
    let both = v1::TicketChanges { subject: Some("Other".to_owned()), ..status(Solved) };
    let new = update(both.clone(), &["status"]).await.answer().ticket.expect("a ticket");
    assert_eq!((new.subject.as_str(), new.status()), ("Hello", Solved), "a member outside the mask is not read");
    let new = update(both, &[]).await.answer().ticket.expect("a ticket");
    assert_eq!(new.version, 2, "an empty mask names nothing");
    let new = update(Default::default(), &["assignee_id"]).await.answer().ticket.expect("a ticket");
    assert_eq!((new.assignee_id, new.version), (None, 3), "named and absent is null: nobody's");
    for name in ["subject", "status", "priority", "inbox_id"] {
        let failure = update(Default::default(), &[name]).await.refusal();
        assert_eq!(violations(&failure), [(name, "required")], "only an assignee can be null");
    }
    for name in ["tags", "version", "ticket.status", ""] {
        let failure = update(status(Open), &["status", name]).await.refusal();
        assert_eq!(violations(&failure), [("update_mask", "unknown_field")], "{name:?}");
    }
}

async fn a_change_that_changes_nothing_leaves_no_trace(core: TestCore) {
    let tenant = core.tenant().await;
    let endpoint = core.endpoint(&tenant.key, &["*"]).await.id;
    let ticket = core.ticket(&tenant, "Hello").await;
    let same = v1::TicketChanges {
        subject: Some(" Hello".to_owned()),
        status: Some(Open.into()),
        priority: Some(Normal.into()),
        assignee_id: None,
        inbox_id: Some(tenant.inbox.clone()),
    };
    for changes in [v1::TicketChanges::default(), same] {
        core.clock.advance(Duration::from_secs(60));
        assert_eq!(core.changed(&tenant.key, &ticket.id, changes).await, ticket);
    }
    let request = v1::UpdateTicketRequest {
        ticket_id: ticket.id.clone(),
        ticket: Some(Default::default()),
        update_mask: mask(&["assignee_id"]),
    };
    let unassigned = core.tickets().update_ticket(tenant.key.ask(request)).await.answer();
    assert_eq!(unassigned.ticket, Some(ticket), "nobody's already");
    assert_eq!(core.bodies(&tenant.key, &endpoint).await.len(), 1, "its creation");
}

async fn solved_and_closed_have_the_time_at_which_the_state_was_entered(core: TestCore) {
    let tenant = core.tenant().await;
    let ticket = core.ticket(&tenant, "Hello").await;
    let mut version = 1;
    for to in [Solved, Pending, Closed, Solved, Closed, Open] {
        core.clock.advance(Duration::from_secs(5));
        let at = Some(core.clock.now().into());
        let new = core.changed(&tenant.key, &ticket.id, status(to)).await;
        version += 1;
        let times = (at.filter(|_| to == Solved), at.filter(|_| to == Closed));
        assert_eq!((new.solved_at, new.closed_at), times, "{to:?}");
        assert_eq!((new.version, new.updated_at, new.created_at), (version, at, ticket.created_at));
        core.clock.advance(Duration::from_secs(5));
        let priority = if version % 4 == 0 { High } else { Low };
        let other = v1::TicketChanges { priority: Some(priority.into()), ..status(to) };
        let later = core.changed(&tenant.key, &ticket.id, other).await;
        version += 1;
        assert_eq!((later.solved_at, later.closed_at), times, "staying in a state keeps its time");
    }
}

async fn a_clock_that_is_set_back_does_not_take_the_last_change_with_it(core: TestCore) {
    let tenant = core.tenant().await;
    let ticket = core.ticket(&tenant, "Hello").await;
    let past = core.again(|_| {}).await;
    // The new core's clock is the same; a ticket from the future simulates a clock that was set back.
    past.clock.advance(Duration::from_secs(60));
    let later = past.changed(&tenant.key, &ticket.id, status(Pending)).await;
    assert!(Timestamp::from(&later.updated_at.expect("a time")) > NOON);
    assert_eq!(past.get_ticket(&tenant.key, "1").await, later, "and a new process reads what the old one wrote");
}

async fn changes_at_the_same_time_count_each(core: TestCore) {
    let tenant = core.tenant().await;
    let endpoint = core.endpoint(&tenant.key, &["ticket.updated"]).await.id;
    let ticket = core.ticket(&tenant, "Hello").await;
    let changes = (0..20).map(|n| {
        let subject = Some(format!("Subject {n}"));
        let request = v1::UpdateTicketRequest {
            ticket_id: ticket.id.clone(),
            ticket: Some(v1::TicketChanges { subject, ..Default::default() }),
            update_mask: None,
        };
        let (service, request) = (core.tickets().clone(), tenant.key.ask(request));
        async move { service.update_ticket(request).await.answer().ticket.expect("a ticket").version }
    });
    let mut versions = futures_util::future::join_all(changes).await;
    versions.sort_unstable();
    assert_eq!(versions, (2..=21).collect::<Vec<_>>());
    let mut told: Vec<String> = Vec::new();
    for body in core.bodies(&tenant.key, &endpoint).await {
        let event: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        told.push(event["data"]["ticket"]["version"].to_string());
    }
    told.sort_by_key(|version| version.parse::<u32>().expect("a number"));
    assert_eq!(told, (2..=21).map(|version| version.to_string()).collect::<Vec<_>>(), "one event for each");
}

/// Two cores write for one tenant, each on its own writers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_give_out_one_row_of_numbers_and_one_tag_for_a_name() {
    let core = TestCore::postgres().await;
    let second = core.beside().await;
    let tenant = core.tenant().await;
    let opened = (0..40).map(|n| {
        let service = [&core, &second][n % 2].tickets().clone();
        let request = tenant.key.ask(new_ticket(&tenant.inbox, &format!("Order {n}")));
        async move { service.create_ticket(request).await.answer().ticket.expect("a ticket").ticket_number }
    });
    let mut numbers = futures_util::future::join_all(opened).await;
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=40).collect::<Vec<_>>());
    let tagged = numbers.iter().map(|number| {
        let service = [&core, &second][*number as usize % 2].tags().clone();
        let name = if number % 3 == 0 { "VIP" } else { "vip" };
        let request = tenant.key.ask(v1::AddTicketTagRequest {
            ticket_id: number.to_string(),
            tag_name: Some(name.to_owned()),
            ..Default::default()
        });
        async move { service.add_ticket_tag(request).await.answer().tag.expect("a tag").id }
    });
    let mut tags = futures_util::future::join_all(tagged).await;
    tags.dedup();
    assert_eq!(tags.len(), 1);
    let request = v1::ListTicketsRequest { status: vec![Open.into()], ..Default::default() };
    let answer = second.tickets().list_tickets(tenant.key.ask(request)).await.answer();
    assert_eq!(answer.meta.expect("a meta").total, 40, "both add to one total");
}

on_both!(TestCore:
    a_new_ticket_has_what_was_given_and_defaults_for_the_rest,
    numbers_count_from_one_in_each_tenant,
    tickets_that_are_opened_at_once_get_numbers_without_gap_or_repeat,
    references_must_exist_in_the_tenant_and_be_usable,
    a_ticket_of_a_switched_off_inbox_can_still_be_changed,
    every_broken_rule_of_a_field_is_told_at_once,
    a_ticket_is_found_by_id_or_number_and_by_nothing_else,
    a_change_keeps_what_it_does_not_name,
    a_mask_says_which_members_count,
    a_change_that_changes_nothing_leaves_no_trace,
    solved_and_closed_have_the_time_at_which_the_state_was_entered,
    a_clock_that_is_set_back_does_not_take_the_last_change_with_it,
    changes_at_the_same_time_count_each,
);

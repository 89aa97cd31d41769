//! The parts of the browser's ticket view that the public API lacks.

use crate::PublicSite;
use crate::tests::support::{Came as _, Client, TestCore, TestTenant, on_both, violations};
use inboxops_proto::{admin::v1 as admin, reason::Reason, v1};
use std::time::Duration;

async fn browser(core: &TestCore, tenant: &TestTenant) -> Client {
    core.browser(&tenant.id, "grace@example.com", v1::Role::Agent).await
}

fn writes(ticket: Option<&str>, inbox: Option<&str>, text: &str) -> admin::SimulateInboundMessageRequest {
    admin::SimulateInboundMessageRequest {
        ticket_id: ticket.map(str::to_owned),
        inbox_id: inbox.map(str::to_owned),
        body_text: Some(text.to_owned()),
        ..Default::default()
    }
}

async fn events(core: &TestCore, by: &Client, ticket: &str) -> Vec<(String, u32)> {
    let request = admin::ListTicketEventsRequest { ticket_id: ticket.to_owned(), since: None };
    let answer = core.ticket_desks().list_ticket_events(by.ask(request)).await.answer();
    answer.events.into_iter().map(|event| (event.r#type, event.endpoints)).collect()
}

async fn notes_are_seen_at_the_desk_and_nowhere_else(core: TestCore) {
    let tenant = core.tenant().await;
    let grace = browser(&core, &tenant).await;
    core.inner.serves_at(PublicSite { url: None, development: true });
    let ticket = core.ticket(&tenant, "Refund").await;
    core.ticket_desks().simulate_inbound_message(grace.ask(writes(Some("1"), None, "Where is it?"))).await.answer();
    core.tick();
    let note = v1::CreateTicketNoteRequest {
        ticket_id: ticket.id.clone(),
        body_text: Some("Asked the warehouse.".to_owned()),
        ..Default::default()
    };
    let note = core.messages().create_ticket_note(grace.ask(note)).await.answer().message.expect("a note");
    assert_eq!(note.author.map(|author| author.name).as_deref(), Some("grace"));
    let request = admin::ListMessagesRequest { ticket_id: "1".to_owned(), ..Default::default() };
    let answer = core.ticket_desks().list_messages(grace.ask(request)).await.answer();
    let texts: Vec<&str> = answer.messages.iter().map(|it| it.body_text.as_str()).collect();
    assert_eq!((texts, answer.meta.expect("a meta").total), (vec!["Where is it?", "Asked the warehouse."], 2));
    let request = v1::ListTicketMessagesRequest { ticket_id: "1".to_owned(), ..Default::default() };
    assert_eq!(core.messages().list_ticket_messages(grace.ask(request)).await.answer().messages.len(), 1);
}

async fn a_simulated_message_does_what_a_mail_does_and_only_in_development(core: TestCore) {
    let tenant = core.tenant().await;
    let grace = browser(&core, &tenant).await;
    let ask = async |request| core.ticket_desks().simulate_inbound_message(grace.ask(request)).await;
    assert_eq!(ask(writes(None, Some(&tenant.inbox), "Hello")).await.refusal().reason, Reason::RoleRequired);
    core.inner.serves_at(PublicSite { url: None, development: true });
    let first = admin::SimulateInboundMessageRequest {
        subject: Some("A question".to_owned()),
        from_email: Some("eve@example.com".to_owned()),
        ..writes(None, Some(&tenant.inbox), "Hello")
    };
    let opened = ask(first).await.answer();
    let ticket = opened.ticket.expect("a ticket");
    assert_eq!((ticket.subject.as_str(), ticket.message_count), ("A question", 1));
    core.tick();
    let solved = v1::TicketChanges { status: Some(v1::TicketStatus::Solved.into()), ..Default::default() };
    core.changed(&tenant.key, &ticket.id, solved).await;
    let answer = ask(writes(Some(&ticket.ticket_number.to_string()), None, "Not solved!")).await.answer();
    let again = answer.ticket.expect("a ticket");
    assert_eq!((&again.id, again.status()), (&ticket.id, v1::TicketStatus::Open));
    let author = answer.message.and_then(|it| it.author).expect("an author");
    assert_eq!(author.email.as_deref(), Some("eve@example.com"), "the ticket's requester");
    let refused = ask(writes(None, None, "x")).await.refusal();
    assert_eq!(violations(&refused), [("inbox_id", "one_of_required")]);
    assert_eq!(ask(writes(Some("99"), None, "x")).await.refusal().reason, Reason::TicketNotFound);
}

async fn the_newest_events_of_a_ticket_tell_where_they_went(core: TestCore) {
    let tenant = core.tenant().await;
    let grace = browser(&core, &tenant).await;
    let (all, some) = (core.endpoint(&tenant.key, &["*"]).await, core.endpoint(&tenant.key, &["ticket.updated"]).await);
    let ticket = core.ticket(&tenant, "Refund").await;
    core.ticket(&tenant, "Another").await;
    core.clock.advance(Duration::from_secs(50));
    let urgent = v1::TicketChanges { priority: Some(v1::TicketPriority::Urgent.into()), ..Default::default() };
    core.changed(&tenant.key, &ticket.id, urgent).await;
    let told = |name: &str, endpoints| (name.to_owned(), endpoints);
    assert_eq!(events(&core, &grace, "1").await, [told("ticket.updated", 2), told("ticket.created", 1)]);
    core.clock.advance(Duration::from_secs(20));
    let request = admin::ListTicketEventsRequest { ticket_id: "1".to_owned(), since: None };
    let answer = core.ticket_desks().list_ticket_events(grace.ask(request)).await.answer();
    assert_eq!(answer.events.len(), 1, "a minute back");
    let mut reached = Vec::new();
    for delivery in &answer.events[0].delivery_ids {
        let found = core.delivery(&tenant.key, delivery).await;
        assert_eq!(found.event_id, answer.events[0].id);
        reached.push(found.endpoint_id);
    }
    reached.sort();
    assert_eq!(reached, [all.id, some.id]);
    assert_eq!(events(&core, &grace, "2").await, []);
}

on_both!(TestCore:
    notes_are_seen_at_the_desk_and_nowhere_else,
    a_simulated_message_does_what_a_mail_does_and_only_in_development,
    the_newest_events_of_a_ticket_tell_where_they_went,
);

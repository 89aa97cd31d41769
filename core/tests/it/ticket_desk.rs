//! What the browser's view of tickets sees beyond the public API.

use crate::support::{Came as _, Client, Desk, Workspace, on_both, violations};
use inboxops_core::PublicSite;
use inboxops_proto::{admin::v1 as admin, reason::Reason, v1};
use std::time::Duration;

async fn browser(desk: &Desk, home: &Workspace) -> Client {
    desk.browser(&home.id, "grace@example.com", v1::Role::Agent).await
}

fn writes(ticket: Option<&str>, inbox: Option<&str>, text: &str) -> admin::SimulateInboundMessageRequest {
    admin::SimulateInboundMessageRequest {
        ticket_id: ticket.map(str::to_owned),
        inbox_id: inbox.map(str::to_owned),
        body_text: Some(text.to_owned()),
        ..Default::default()
    }
}

async fn events(desk: &Desk, by: &Client, ticket: &str) -> Vec<(String, u32)> {
    let request = admin::ListTicketEventsRequest { ticket_id: ticket.to_owned(), since: None };
    let answer = desk.ticket_desks().list_ticket_events(by.ask(request)).await.answer();
    answer.events.into_iter().map(|event| (event.r#type, event.endpoints)).collect()
}

async fn notes_are_seen_at_the_desk_and_nowhere_else(desk: Desk) {
    let home = desk.workspace().await;
    let grace = browser(&desk, &home).await;
    desk.core.serves_at(Place { url: None, development: true });
    let ticket = desk.ticket(&home, "Refund").await;
    desk.ticket_desks().simulate_inbound_message(grace.ask(writes(Some("1"), None, "Where is it?"))).await.answer();
    desk.tick();
    let note = v1::CreateTicketNoteRequest {
        ticket_id: ticket.id.clone(),
        body_text: Some("Asked the warehouse.".to_owned()),
        ..Default::default()
    };
    let note = desk.messages().create_ticket_note(grace.ask(note)).await.answer().message.expect("a note");
    assert_eq!(note.author.map(|author| author.name).as_deref(), Some("grace"));
    let request = admin::ListMessagesRequest { ticket_id: "1".to_owned(), ..Default::default() };
    let answer = desk.ticket_desks().list_messages(grace.ask(request)).await.answer();
    let texts: Vec<&str> = answer.messages.iter().map(|it| it.body_text.as_str()).collect();
    assert_eq!((texts, answer.meta.expect("a meta").total), (vec!["Where is it?", "Asked the warehouse."], 2));
    let request = v1::ListTicketMessagesRequest { ticket_id: "1".to_owned(), ..Default::default() };
    assert_eq!(desk.messages().list_ticket_messages(grace.ask(request)).await.answer().messages.len(), 1);
}

async fn a_simulated_message_does_what_a_mail_does_and_only_in_development(desk: Desk) {
    let home = desk.workspace().await;
    let grace = browser(&desk, &home).await;
    let ask = async |request| desk.ticket_desks().simulate_inbound_message(grace.ask(request)).await;
    assert_eq!(ask(writes(None, Some(&home.inbox), "Hello")).await.refusal().reason, Reason::RoleRequired);
    desk.core.serves_at(Place { url: None, development: true });
    let first = admin::SimulateInboundMessageRequest {
        subject: Some("A question".to_owned()),
        from_email: Some("eve@example.com".to_owned()),
        ..writes(None, Some(&home.inbox), "Hello")
    };
    let opened = ask(first).await.answer();
    let ticket = opened.ticket.expect("a ticket");
    assert_eq!((ticket.subject.as_str(), ticket.message_count), ("A question", 1));
    desk.tick();
    let solved = v1::TicketChanges { status: Some(v1::TicketStatus::Solved.into()), ..Default::default() };
    desk.changed(&home.key, &ticket.id, solved).await;
    let answer = ask(writes(Some(&ticket.ticket_number.to_string()), None, "Not solved!")).await.answer();
    let again = answer.ticket.expect("a ticket");
    assert_eq!((&again.id, again.status()), (&ticket.id, v1::TicketStatus::Open));
    let author = answer.message.and_then(|it| it.author).expect("an author");
    assert_eq!(author.email.as_deref(), Some("eve@example.com"), "the ticket's requester");
    let refused = ask(writes(None, None, "x")).await.refusal();
    assert_eq!(violations(&refused), [("inbox_id", "one_of_required")]);
    assert_eq!(ask(writes(Some("99"), None, "x")).await.refusal().reason, Reason::TicketNotFound);
}

async fn the_newest_events_of_a_ticket_tell_where_they_went(desk: Desk) {
    let home = desk.workspace().await;
    let grace = browser(&desk, &home).await;
    let (all, some) = (desk.endpoint(&home.key, &["*"]).await, desk.endpoint(&home.key, &["ticket.updated"]).await);
    let ticket = desk.ticket(&home, "Refund").await;
    desk.ticket(&home, "Another").await;
    desk.clock.advance(Duration::from_secs(50));
    let urgent = v1::TicketChanges { priority: Some(v1::TicketPriority::Urgent.into()), ..Default::default() };
    desk.changed(&home.key, &ticket.id, urgent).await;
    let told = |name: &str, endpoints| (name.to_owned(), endpoints);
    assert_eq!(events(&desk, &grace, "1").await, [told("ticket.updated", 2), told("ticket.created", 1)]);
    desk.clock.advance(Duration::from_secs(20));
    let request = admin::ListTicketEventsRequest { ticket_id: "1".to_owned(), since: None };
    let answer = desk.ticket_desks().list_ticket_events(grace.ask(request)).await.answer();
    assert_eq!(answer.events.len(), 1, "a minute back");
    let mut reached = Vec::new();
    for delivery in &answer.events[0].delivery_ids {
        let found = desk.delivery(&home.key, delivery).await;
        assert_eq!(found.event_id, answer.events[0].id);
        reached.push(found.endpoint_id);
    }
    reached.sort();
    assert_eq!(reached, [all.id, some.id]);
    assert_eq!(events(&desk, &grace, "2").await, []);
}

on_both!(Desk:
    notes_are_seen_at_the_desk_and_nowhere_else,
    a_simulated_message_does_what_a_mail_does_and_only_in_development,
    the_newest_events_of_a_ticket_tell_where_they_went,
);

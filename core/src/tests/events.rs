//! Events as they are stored and sent: whole bodies, their order in a group, and no event without a change. They are
//! read as an integrator sees them, in the payload of a delivery.

use crate::tests::{
    recoveries::{enable, recover},
    support::{Came as _, Client, NOON, TestCore, TestTenant, new_endpoint, new_ticket, on_both},
};
use inboxops_proto::v1::{self, TicketStatus};
use serde_json::{Value, json};

/// Bodies of the events that an endpoint of all events got since `seen`, and their parsed form.
async fn since(core: &TestCore, tenant: &TestTenant, endpoint: &str, seen: usize) -> Vec<(String, Value)> {
    let bodies = core.bodies(&tenant.operator, endpoint).await;
    let parsed = |body: String| (body.clone(), serde_json::from_str(&body).expect("JSON"));
    bodies.into_iter().skip(seen).map(parsed).collect()
}

fn names(events: &[(String, Value)]) -> Vec<&str> {
    events.iter().map(|(_, event)| event["event"].as_str().expect("a name")).collect()
}

/// For people; the body itself has no white space.
fn pretty(body: &str) -> String {
    let indented: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(serde_json::to_string(&indented).expect("JSON"), body);
    serde_json::to_string_pretty(&indented).expect("JSON")
}

async fn the_five_events_of_tickets_have_these_bodies(core: TestCore) {
    let tenant = core.tenant().await;
    let agent = core.agent(&tenant.id, "grace@example.com").await.id;
    let endpoint = core.endpoint(&tenant.key, &["*"]).await.id;
    let request =
        v1::CreateTicketRequest { assignee_id: Some(agent), ..new_ticket(&tenant.inbox, "Refund for order 1042") };
    let ticket = core.opened(&tenant.key, request).await;
    let request = v1::UpdateTicketRequest {
        ticket_id: ticket.id,
        ticket: Some(v1::TicketChanges { status: Some(TicketStatus::Closed.into()), ..Default::default() }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["status".to_owned(), "assignee_id".to_owned()] }),
    };
    core.tickets().update_ticket(tenant.key.ask(request)).await.answer();
    let events = since(&core, &tenant, &endpoint, 0).await;
    let expected = [
        "ticket.created",
        "ticket.assigned",
        "ticket.updated",
        "ticket.assigned",
        "ticket.status_changed",
        "ticket.closed",
    ];
    assert_eq!(names(&events), expected);
    let bodies: Vec<String> = events.iter().map(|(body, _)| pretty(body)).collect();
    insta::assert_snapshot!("bodies", bodies.join("\n"));
}

async fn who_follows_one_inbox_hears_that_a_ticket_left_it(core: TestCore) {
    let tenant = core.tenant().await;
    let other = core.inbox(&tenant.id, "Other").await;
    let follow = |inboxes: &[&String], events: &[&str]| {
        let inbox_ids = inboxes.iter().map(|inbox| (*inbox).clone()).collect();
        let request = v1::CreateWebhookEndpointRequest { inbox_ids, ..new_endpoint(events) };
        let made = core.webhooks().create_webhook_endpoint(tenant.key.ask(request));
        async { made.await.answer().endpoint.expect("an endpoint").id }
    };
    let old = follow(&[&tenant.inbox], &["*"]).await;
    let old_status = follow(&[&tenant.inbox], &["ticket.status_changed"]).await;
    let (new, both) = (follow(&[&other], &["*"]).await, follow(&[&tenant.inbox, &other], &["*"]).await);
    let missed = follow(&[&tenant.inbox], &["*"]).await;
    enable(&core, &tenant.key, &missed, false).await;
    let ticket = core.ticket(&tenant, "Hello").await;
    let moved = v1::TicketChanges {
        inbox_id: Some(other.clone()),
        status: Some(TicketStatus::Solved.into()),
        ..Default::default()
    };
    core.changed(&tenant.key, &ticket.id, moved).await;
    core.changed(
        &tenant.key,
        &ticket.id,
        v1::TicketChanges { subject: Some("Later".to_owned()), ..Default::default() },
    )
    .await;
    let left = since(&core, &tenant, &old, 0).await;
    assert_eq!(names(&left), ["ticket.created", "ticket.updated"], "the one event that says so, and nothing after it");
    assert_eq!(left[1].1["data"]["changes"]["inbox_id"], json!({"from": tenant.inbox, "to": other}));
    assert!(since(&core, &tenant, &old_status, 0).await.is_empty());
    let came = since(&core, &tenant, &new, 0).await;
    assert_eq!(names(&came), ["ticket.updated", "ticket.status_changed", "ticket.updated"]);
    assert_eq!(since(&core, &tenant, &both, 0).await.len(), 4, "each once");
    // Recovery finds missed events by the same rule.
    enable(&core, &tenant.key, &missed, true).await;
    let counted = recover(&core, &tenant.key, &missed, NOON, true).await;
    assert_eq!(counted.recovery.expect("a count").matched, 2);
}

async fn the_change_of_a_note_is_told_and_not_its_text(core: TestCore) {
    let tenant = core.tenant().await;
    let ticket = core.ticket(&tenant, "Hello").await;
    let endpoint = core.endpoint(&tenant.key, &["*"]).await.id;
    for count in 0..3 {
        let note = v1::CreateTicketNoteRequest {
            ticket_id: ticket.id.clone(),
            body_text: Some("Nobody else's business".to_owned()),
            ..Default::default()
        };
        core.messages().create_ticket_note(tenant.key.ask(note)).await.answer();
        core.tick();
        let events = since(&core, &tenant, &endpoint, count).await;
        assert_eq!(names(&events), ["ticket.updated"]);
        assert_eq!(events[0].1["data"]["changes"], json!({"note_count": {"from": count, "to": count + 1}}));
        assert!(!events[0].0.contains("business"));
    }
}

async fn the_ticket_of_an_event_is_what_get_answers_byte_for_byte(core: TestCore) {
    let tenant = core.tenant().await;
    let endpoint = core.endpoint(&tenant.key, &["*"]).await.id;
    let ticket = core.ticket(&tenant, "Line\nbreak, \"quotes\", ünï\u{2028}\u{1F642} </script>").await;
    let tag = v1::AddTicketTagRequest {
        ticket_id: ticket.id.clone(),
        tag_name: Some("Zürich".to_owned()),
        ..Default::default()
    };
    for step in 0..3 {
        match step {
            0 => {}
            1 => drop(core.tags().add_ticket_tag(tenant.key.ask(tag.clone())).await.answer()),
            _ => {
                let solved = v1::TicketChanges { status: Some(TicketStatus::Solved.into()), ..Default::default() };
                core.changed(&tenant.key, &ticket.id, solved).await;
            }
        }
        let shown = serde_json::to_string(&core.get_ticket(&tenant.key, &ticket.id).await).expect("JSON");
        let (body, _) = since(&core, &tenant, &endpoint, 0).await.pop().expect("an event");
        assert!(body.contains(&format!("\"ticket\":{shown}")), "{body}\nlacks\n{shown}");
        core.tick();
    }
}

async fn events_of_one_action_share_a_group_and_rise(core: TestCore) {
    let tenant = core.tenant().await;
    let endpoint = core.endpoint(&tenant.key, &["*"]).await.id;
    let agent = core.agent(&tenant.id, "grace@example.com").await.id;
    let ticket = core.ticket(&tenant, "Hello").await;
    let all =
        v1::TicketChanges { status: Some(TicketStatus::Closed.into()), assignee_id: Some(agent), ..Default::default() };
    core.changed(&tenant.key, &ticket.id, all).await;
    let events = since(&core, &tenant, &endpoint, 0).await;
    let expected = ["ticket.created", "ticket.updated", "ticket.assigned", "ticket.status_changed", "ticket.closed"];
    assert_eq!(names(&events), expected);
    let group = |at: usize| events[at].1["data"]["group"].as_str().expect("a group");
    assert_ne!(group(0), group(1), "another action");
    assert!((1..5).all(|at| group(at) == group(1)));
    let ids: Vec<&str> = events.iter().map(|(_, event)| event["event_id"].as_str().expect("an id")).collect();
    assert!(ids.is_sorted() && ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
    for (_, event) in &events {
        let keys: Vec<&String> = event.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["event", "event_id", "tenant_id", "created_at", "data"]);
        assert_eq!(event["tenant_id"], json!(tenant.id));
    }
    assert_eq!(events[0].1["data"].get("changes"), None, "a creation has no changes");
}

async fn changes_tell_each_visible_field_with_both_values(core: TestCore) {
    let tenant = core.tenant().await;
    let endpoint = core.endpoint(&tenant.key, &["ticket.updated"]).await.id;
    let (second, agent) =
        (core.inbox(&tenant.id, "Second").await, core.agent(&tenant.id, "grace@example.com").await.id);
    let ticket = core.ticket(&tenant, "Hello").await;
    let all = v1::TicketChanges {
        subject: Some("Goodbye".to_owned()),
        status: Some(TicketStatus::Solved.into()),
        priority: Some(v1::TicketPriority::Urgent.into()),
        assignee_id: Some(agent.clone()),
        inbox_id: Some(second.clone()),
    };
    core.changed(&tenant.key, &ticket.id, all).await;
    let add = |name: &str| v1::AddTicketTagRequest {
        ticket_id: ticket.id.clone(),
        tag_name: Some(name.to_owned()),
        ..Default::default()
    };
    let tag = core.tags().add_ticket_tag(tenant.key.ask(add("vip"))).await.answer().tag.expect("a tag");
    core.tick();
    core.tags().add_ticket_tag(tenant.key.ask(add("Billing"))).await.answer();
    core.tick();
    let remove = v1::RemoveTicketTagRequest { ticket_id: ticket.id.clone(), tag_id: tag.id };
    core.tags().remove_ticket_tag(tenant.key.ask(remove)).await.answer();
    core.tick();
    let note = v1::CreateTicketNoteRequest {
        ticket_id: ticket.id.clone(),
        body_text: Some("secret remark".to_owned()),
        ..Default::default()
    };
    core.messages().create_ticket_note(tenant.key.ask(note)).await.answer();
    let events = since(&core, &tenant, &endpoint, 0).await;
    let changes: Vec<&Value> = events.iter().map(|(_, event)| &event["data"]["changes"]).collect();
    let expected = [
        json!({
            "subject": {"from": "Hello", "to": "Goodbye"},
            "status": {"from": "open", "to": "solved"},
            "priority": {"from": "normal", "to": "urgent"},
            "inbox_id": {"from": tenant.inbox, "to": second},
            "assignee_id": {"from": null, "to": agent},
        }),
        json!({"tags": {"from": [], "to": ["vip"]}}),
        json!({"tags": {"from": ["vip"], "to": ["Billing", "vip"]}}),
        json!({"tags": {"from": ["Billing", "vip"], "to": ["Billing"]}}),
        json!({"note_count": {"from": 0, "to": 1}}),
    ];
    assert_eq!(changes, expected.iter().collect::<Vec<_>>());
    let versions: Vec<&Value> = events.iter().map(|(_, event)| &event["data"]["ticket"]["version"]).collect();
    assert_eq!(versions, [2, 3, 4, 5, 6], "one step for each action");
    assert!(!events[4].0.contains("secret remark"), "a note's text goes nowhere");
}

async fn an_event_names_who_acted(core: TestCore) {
    let tenant = core.tenant().await;
    let endpoint = core.endpoint(&tenant.key, &["ticket.created"]).await.id;
    let token = core.service_token("mail worker", false).await;
    let service = Client::key(&token).for_tenant(&tenant.id);
    for client in [&tenant.key, &service, &tenant.operator] {
        core.opened(client, new_ticket(&tenant.inbox, "Hello")).await;
    }
    let events = since(&core, &tenant, &endpoint, 0).await;
    let actors: Vec<&Value> = events.iter().map(|(_, event)| &event["data"]["actor"]).collect();
    let me = core.identity().who_am_i(tenant.key.ask(v1::WhoAmIRequest {})).await.answer();
    let key = me.identity.and_then(|it| it.key).expect("a key").id;
    assert_eq!(*actors[0], json!({"type": "api_key", "id": key, "name": "Sync job"}));
    assert_eq!((&actors[1]["type"], &actors[1]["name"]), (&json!("service"), &json!("mail worker")));
    assert!(actors[1]["id"].is_string());
    assert_eq!(*actors[2], json!({"type": "system", "id": null, "name": "InboxOps"}));
    assert!(events.iter().all(|(body, _)| !body.contains(&token) && !body.contains(&tenant.secret)));
}

async fn only_what_an_endpoint_subscribes_to_is_made_for_it(core: TestCore) {
    let tenant = core.tenant().await;
    let all = core.endpoint(&tenant.key, &["ticket.*"]).await.id;
    let closed = core.endpoint(&tenant.key, &["ticket.closed", "message.*"]).await.id;
    let off = v1::CreateWebhookEndpointRequest { enabled: Some(false), ..crate::tests::support::new_endpoint(&["*"]) };
    let off = core.webhooks().create_webhook_endpoint(tenant.key.ask(off)).await.answer().endpoint.expect("one").id;
    let ticket = core.ticket(&tenant, "Hello").await;
    let to = |status: TicketStatus| v1::TicketChanges { status: Some(status.into()), ..Default::default() };
    core.changed(&tenant.key, &ticket.id, to(TicketStatus::Closed)).await;
    core.changed(&tenant.key, &ticket.id, to(TicketStatus::Open)).await;
    assert_eq!(core.deliveries_of(&tenant.key, &all).await.len(), 1 + 3 + 2);
    let one = core.deliveries_of(&tenant.key, &closed).await;
    assert_eq!(one.iter().map(|it| it.event.as_str()).collect::<Vec<_>>(), ["ticket.closed"]);
    assert_eq!(core.deliveries_of(&tenant.key, &off).await, []);
    let both = core.deliveries_of(&tenant.key, &all).await.iter().any(|it| it.event_id == one[0].event_id);
    assert!(both, "endpoints share the event and its id");

    let other = core.tenant().await;
    core.ticket(&other, "Theirs").await;
    assert_eq!(core.deliveries_of(&tenant.key, &all).await.len(), 6, "another tenant's ticket is none of ours");
}

on_both!(TestCore:
    the_five_events_of_tickets_have_these_bodies,
    who_follows_one_inbox_hears_that_a_ticket_left_it,
    the_change_of_a_note_is_told_and_not_its_text,
    the_ticket_of_an_event_is_what_get_answers_byte_for_byte,
    events_of_one_action_share_a_group_and_rise,
    changes_tell_each_visible_field_with_both_values,
    an_event_names_who_acted,
    only_what_an_endpoint_subscribes_to_is_made_for_it,
);

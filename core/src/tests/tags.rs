//! Tags through the gate: one tag for all spellings of a name, added and removed with exactly the answers of the
//! contract.

use crate::tests::support::{Came as _, Client, NOTHING, TestCore, on_both, violations};
use inboxops_proto::{reason::Reason, v1};

type Add = v1::AddTicketTagRequest;

fn named(ticket: &str, name: &str) -> Add {
    Add { ticket_id: ticket.to_owned(), tag_name: Some(name.to_owned()), ..Default::default() }
}

fn by_id(ticket: &str, id: &str) -> Add {
    Add { ticket_id: ticket.to_owned(), tag_id: Some(id.to_owned()), ..Default::default() }
}

async fn add(core: &TestCore, by: &Client, request: Add) -> (v1::Tag, bool) {
    let answer = core.tags().add_ticket_tag(by.ask(request)).await.answer();
    core.tick();
    (answer.tag.expect("a tag"), answer.attached)
}

async fn all(core: &TestCore, by: &Client) -> Vec<String> {
    let answer = core.tags().list_tags(by.ask(v1::ListTagsRequest::default())).await.answer();
    assert_eq!(answer.meta.expect("a meta").total as usize, answer.tags.len());
    answer.tags.into_iter().map(|tag| tag.name).collect()
}

async fn of_ticket(core: &TestCore, by: &Client, ticket: &str) -> Vec<String> {
    let request = v1::ListTicketTagsRequest { ticket_id: ticket.to_owned(), ..Default::default() };
    let answer = core.tags().list_ticket_tags(by.ask(request)).await.answer();
    assert_eq!(answer.meta.expect("a meta").total as usize, answer.tags.len());
    answer.tags.into_iter().map(|tag| tag.name).collect()
}

async fn every_spelling_of_a_name_is_one_tag(core: TestCore) {
    let tenant = core.tenant().await;
    core.ticket(&tenant, "Hello").await;
    let (first, attached) = add(&core, &tenant.key, named("1", "  Zu\u{308}rich ")).await;
    assert_eq!((first.name.as_str(), attached, first.color.as_ref()), ("Z\u{fc}rich", true, None), "NFC, trimmed");
    for spelling in ["Z\u{fc}rich", "ZÜRICH", "zu\u{308}RICH", "\tzürich"] {
        let (again, attached) = add(&core, &tenant.key, named("1", spelling)).await;
        assert_eq!((again, attached), (first.clone(), false), "{spelling:?}");
    }
    let (again, attached) = add(&core, &tenant.key, by_id("1", &first.id.to_uppercase())).await;
    assert_eq!((&again, attached), (&first, false));
    core.ticket(&tenant, "Second").await;
    assert_eq!(add(&core, &tenant.key, named("2", "ZÜRICH")).await, (first, true), "another ticket takes the same tag");
    assert_eq!(core.get_ticket(&tenant.key, "1").await.version, 2, "one visible change");
    assert_eq!(all(&core, &tenant.key).await, ["Zürich"]);
}

async fn lists_are_by_name_whatever_the_letter_case(core: TestCore) {
    let tenant = core.tenant().await;
    core.ticket(&tenant, "Hello").await;
    for name in ["vip", "Billing", "zebra", "Alpha", "äpfel"] {
        add(&core, &tenant.key, named("1", name)).await;
    }
    let listed = all(&core, &tenant.key).await;
    assert_eq!(listed, ["Alpha", "Billing", "vip", "zebra", "äpfel"]);
    assert_eq!(of_ticket(&core, &tenant.key, "1").await, listed);
    let shown: Vec<String> = core.get_ticket(&tenant.key, "1").await.tags.into_iter().map(|tag| tag.name).collect();
    assert_eq!(shown, listed, "the ticket tells them in the same order");
    let request = v1::ListTagsRequest { page: Some(2), per_page: Some(2), cursor: None };
    let answer = core.tags().list_tags(tenant.key.ask(request)).await.answer();
    assert_eq!(answer.tags.iter().map(|tag| tag.name.as_str()).collect::<Vec<_>>(), ["vip", "zebra"]);
    assert!(answer.meta.expect("a meta").has_more);
}

async fn a_request_names_exactly_one_existing_tag(core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    core.ticket(&tenant, "Hello").await;
    core.ticket(&other, "Theirs").await;
    let (stranger, _) = add(&core, &other.key, named("1", "vip")).await;
    let both = Add { tag_id: Some(NOTHING.to_owned()), ..named("1", "vip") };
    let table = [
        (Add { ticket_id: "1".to_owned(), ..Default::default() }, ("tag_id", "one_of_required")),
        (both, ("tag_name", "mutually_exclusive")),
        (by_id("1", NOTHING), ("tag_id", "not_found")),
        (by_id("1", &stranger.id), ("tag_id", "not_found")),
        (by_id("1", "vip"), ("tag_id", "invalid_format")),
        (named("1", " "), ("tag_name", "blank")),
        (named("1", &"ä".repeat(51)), ("tag_name", "too_long")),
    ];
    for (request, expected) in table {
        let failure = core.tags().add_ticket_tag(tenant.key.ask(request)).await.refusal();
        assert_eq!((failure.reason, violations(&failure)), (Reason::ValidationFailed, vec![expected]));
    }
    let failure = core.tags().add_ticket_tag(tenant.key.ask(named("7", "vip"))).await.refusal();
    assert_eq!(failure.reason, Reason::TicketNotFound);
    assert_eq!(all(&core, &tenant.key).await, Vec::<String>::new(), "a refusal makes no tag");
    assert_eq!(core.get_ticket(&tenant.key, "1").await.version, 1);
}

async fn a_tag_is_taken_off_once_and_stays(core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    for _ in 0..2 {
        core.ticket(&tenant, "Hello").await;
    }
    let (tag, _) = add(&core, &tenant.key, named("1", "vip")).await;
    let (unused, _) = add(&core, &tenant.key, named("2", "other")).await;
    let remove =
        |ticket: &str, tag: &str| v1::RemoveTicketTagRequest { ticket_id: ticket.to_owned(), tag_id: tag.to_owned() };
    for tag in [NOTHING, "vip", "", &unused.id] {
        let failure = core.tags().remove_ticket_tag(tenant.key.ask(remove("1", tag))).await.refusal();
        assert_eq!(failure.reason, Reason::TagNotFound, "{tag:?} is not on it");
    }
    for (client, ticket) in [(&tenant.key, "9"), (&other.key, "1")] {
        let failure = core.tags().remove_ticket_tag(client.ask(remove(ticket, &tag.id))).await.refusal();
        assert_eq!(failure.reason, Reason::TicketNotFound);
    }
    core.tags().remove_ticket_tag(tenant.key.ask(remove("1", &tag.id.to_uppercase()))).await.answer();
    let ticket = core.get_ticket(&tenant.key, "1").await;
    assert_eq!((ticket.tags.len(), ticket.version), (0, 3));
    assert_eq!(all(&core, &tenant.key).await, ["other", "vip"], "the tag itself stays");
    let failure = core.tags().remove_ticket_tag(tenant.key.ask(remove("1", &tag.id))).await.refusal();
    assert_eq!(failure.reason, Reason::TagNotFound);
    assert_eq!(add(&core, &tenant.key, named("1", "VIP")).await, (tag, true), "and comes back as it was");
}

async fn a_ticket_takes_a_hundred_tags(core: TestCore) {
    let tenant = core.tenant().await;
    core.ticket(&tenant, "Hello").await;
    for n in 0..100 {
        assert!(add(&core, &tenant.key, named("1", &format!("tag {n:02}"))).await.1);
    }
    let failure = core.tags().add_ticket_tag(tenant.key.ask(named("1", "one more"))).await.refusal();
    assert_eq!(violations(&failure), [("tag_name", "limit_exceeded")]);
    let (_, attached) = add(&core, &tenant.key, named("1", "TAG 00")).await;
    assert!(!attached, "one that it has already takes no room");
    assert_eq!(core.get_ticket(&tenant.key, "1").await.tags.len(), 100);
}

on_both!(TestCore:
    every_spelling_of_a_name_is_one_tag,
    lists_are_by_name_whatever_the_letter_case,
    a_request_names_exactly_one_existing_tag,
    a_tag_is_taken_off_once_and_stays,
    a_ticket_takes_a_hundred_tags,
);

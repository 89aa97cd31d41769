//! Lists of tickets obey their filters, totals are exact, and reads see one moment.

use crate::store::{
    self,
    tags::Tag,
    tickets::{
        AssigneeFilter, Channel, Filter, Priority, Requester, Sort, SortKey, Status, TagRef, Ticket, TicketPage,
        TicketRef,
    },
};
use crate::tests::support::{NOON, StoredTenant, TestStore, chance, on_both};
use inboxops_proto::id::{AgentId, InboxId, TagId};
use std::time::Duration;
use uuid::Uuid;

const MINUTE: Duration = Duration::from_secs(60);

/// Tickets that differ in everything that filters check.
async fn many(
    fresh: &TestStore,
    tenant: &StoredTenant,
    agents: [AgentId; 2],
    inboxes: [InboxId; 2],
    tag: &Tag,
) -> Vec<Ticket> {
    let mut tickets = Vec::new();
    for n in 0..48u32 {
        let at = NOON.plus(MINUTE * n);
        tickets.push(Ticket {
            number: n + 1,
            subject: format!("Order {n} ÄÖ"),
            status: Status::ALL[n as usize % 4],
            priority: Priority::ALL[n as usize / 4 % 4],
            inbox: inboxes[n as usize % 2],
            assignee: [None, Some(agents[0]), Some(agents[1])][n as usize % 3],
            requester: (n % 5 == 0)
                .then(|| Requester { name: "Ada".to_owned(), email: format!("Ada{}@Example.com", n % 10) }),
            tags: if n % 7 == 0 { vec![TagRef { id: tag.id, name: tag.name.clone() }] } else { Vec::new() },
            channel: Channel::ALL[n as usize % 3],
            message_count: n,
            last_message_at: (n % 2 == 0).then_some(at),
            updated_at: NOON.plus(MINUTE * (100 - n)),
            solved_at: (n % 4 == 2).then_some(at),
            closed_at: (n % 4 == 3).then_some(at),
            version: n + 1,
            ..tenant.ticket(at)
        });
    }
    let (written, tag) = (tickets.clone(), tag.clone());
    let done = fresh.db.write(tenant.scope.clone(), async move |tx| -> store::Result<_> {
        store::tags::get_or_insert(tx, &tag, &store::fold(&tag.name)).await?;
        for ticket in &written {
            assert_eq!(store::tickets::next_number(tx).await?, ticket.number);
            store::tickets::insert(tx, ticket);
            if !ticket.tags.is_empty() {
                store::tags::attach(tx, ticket, tag.id, ticket.created_at).await?;
            }
        }
        Ok(())
    });
    done.await.unwrap();
    tickets
}

/// The filter, written in Rust.
fn keeps(filter: &Filter, ticket: &Ticket) -> bool {
    let lower = |text: &str| text.to_lowercase();
    let any = |empty: bool, found: bool| empty || found;
    any(filter.status.is_empty(), filter.status.contains(&ticket.status))
        && any(filter.priority.is_empty(), filter.priority.contains(&ticket.priority))
        && any(filter.inbox.is_empty(), filter.inbox.contains(&ticket.inbox))
        && any(
            filter.assignee.is_empty(),
            filter.assignee.contains(&ticket.assignee.map_or(AssigneeFilter::Nobody, AssigneeFilter::Agent)),
        )
        && filter.tag.as_ref().is_none_or(|tag| {
            ticket.tags.iter().any(|it| lower(&it.name) == lower(tag) || it.id.to_string() == lower(tag))
        })
        && filter
            .requester_email
            .as_ref()
            .is_none_or(|email| ticket.requester.as_ref().is_some_and(|it| lower(&it.email) == lower(email)))
        && filter.subject_contains.as_ref().is_none_or(|text| lower(&ticket.subject).contains(&lower(text)))
        && filter.created_since.is_none_or(|since| ticket.created_at >= since)
        && filter.updated_since.is_none_or(|since| ticket.updated_at >= since)
}

fn filters(agents: [AgentId; 2], inboxes: [InboxId; 2], tag: TagId) -> Vec<Filter> {
    let all = Filter::default;
    let text = |text: &str| Some(text.to_owned());
    let sort = |key, descending| Sort { key, descending };
    vec![
        all(),
        Filter { status: vec![Status::Open], ..all() },
        Filter { status: vec![Status::Open, Status::Closed], inbox: vec![inboxes[0]], ..all() },
        Filter { inbox: vec![inboxes[1], InboxId(Uuid::max())], ..all() },
        Filter { inbox: vec![InboxId(Uuid::max())], ..all() },
        Filter { assignee: vec![AssigneeFilter::Nobody], ..all() },
        Filter { assignee: vec![AssigneeFilter::Agent(agents[0])], priority: vec![Priority::High], ..all() },
        Filter {
            assignee: vec![AssigneeFilter::Nobody, AssigneeFilter::Agent(agents[1])],
            status: vec![Status::Solved],
            ..all()
        },
        Filter { priority: vec![Priority::Low, Priority::Urgent], sort: sort(SortKey::Number, false), ..all() },
        Filter { tag: text("VIP"), ..all() },
        Filter { tag: Some(tag.to_string()), status: vec![Status::Open], ..all() },
        Filter { tag: text("nothing"), ..all() },
        Filter { requester_email: text("ADA0@example.com"), ..all() },
        Filter { subject_contains: text("order 1"), ..all() },
        Filter { subject_contains: text("äö"), sort: sort(SortKey::UpdatedAt, true), ..all() },
        Filter { subject_contains: text("100%_"), ..all() },
        Filter { created_since: Some(NOON.plus(MINUTE * 40)), sort: sort(SortKey::CreatedAt, false), ..all() },
        Filter { updated_since: Some(NOON.plus(MINUTE * 80)), sort: sort(SortKey::UpdatedAt, false), ..all() },
    ]
}

async fn lists_keep_what_their_filters_say_and_totals_are_exact(fresh: TestStore) {
    let (tenant, stranger) = (fresh.tenant().await, fresh.tenant().await);
    let agents = [AgentId::new(NOON, chance()), AgentId::new(NOON, chance())];
    let inboxes = [tenant.inbox, InboxId::new(NOON, chance())];
    let tag = Tag { id: TagId::new(NOON, chance()), name: "Vip".to_owned(), color: None, created_at: NOON };
    let tickets = many(&fresh, &tenant, agents, inboxes, &tag).await;
    let ticket = stranger.ticket(NOON);
    fresh
        .db
        .write(stranger.scope.clone(), async move |tx| -> store::Result<_> {
            store::tickets::insert(tx, &ticket);
            Ok(())
        })
        .await
        .unwrap();
    let mut read = fresh.db.read(tenant.scope.clone()).await.unwrap();
    for filter in filters(agents, inboxes, tag.id) {
        let mut expected: Vec<_> = tickets.iter().filter(|it| keeps(&filter, it)).cloned().collect();
        match filter.sort.key {
            SortKey::CreatedAt => expected.sort_by_key(|it| (it.created_at, it.id)),
            SortKey::UpdatedAt => expected.sort_by_key(|it| (it.updated_at, it.id)),
            SortKey::Number => expected.sort_by_key(|it| it.number),
        }
        if filter.sort.descending {
            expected.reverse();
        }
        let total = i64::try_from(expected.len()).unwrap();
        for (limit, offset) in [(100, 0), (5, 5)] {
            let tickets = expected.iter().skip(offset).take(limit).cloned().collect();
            let listed = store::tickets::list(&mut read, &filter, limit as i64, offset as i64).await.unwrap();
            assert_eq!(listed, TicketPage { total, tickets }, "{filter:?}");
        }
    }
}

async fn a_change_of_a_ticket_moves_it_in_every_count(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    let ticket = Ticket { number: 1, ..tenant.ticket(NOON) };
    let changed = Ticket {
        status: Status::Solved,
        priority: Priority::Urgent,
        assignee: Some(AgentId::new(NOON, chance())),
        subject: "Other".to_owned(),
        version: 2,
        solved_at: Some(NOON),
        ..ticket.clone()
    };
    let (new, old) = (changed.clone(), ticket.clone());
    fresh
        .db
        .write(tenant.scope.clone(), async move |tx| -> store::Result<_> {
            store::tickets::insert(tx, &old);
            Ok(())
        })
        .await
        .unwrap();
    fresh
        .db
        .write(tenant.scope.clone(), async move |tx| {
            let old = store::tickets::lock(tx, TicketRef::Number(1)).await?.expect("it is there");
            store::tickets::update(tx, &old, &new).await
        })
        .await
        .unwrap();
    let mut read = fresh.db.read(tenant.scope.clone()).await.unwrap();
    assert_eq!(store::tickets::read(&mut read, TicketRef::Id(ticket.id)).await.unwrap(), Some(changed.clone()));
    for (filter, total) in [
        (Filter { status: vec![Status::Open], ..Filter::default() }, 0),
        (Filter { status: vec![Status::Solved], ..Filter::default() }, 1),
        (Filter { assignee: vec![AssigneeFilter::Nobody], ..Filter::default() }, 0),
        (Filter { priority: vec![Priority::Urgent], ..Filter::default() }, 1),
    ] {
        assert_eq!(store::tickets::list(&mut read, &filter, 1, 0).await.unwrap().total, total, "{filter:?}");
    }
}

async fn a_snapshot_does_not_see_later_writes(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    let mut read = fresh.db.read(tenant.scope.clone()).await.unwrap();
    assert_eq!(store::tickets::list(&mut read, &Filter::default(), 10, 0).await.unwrap(), TicketPage::default());
    let ticket = tenant.ticket(NOON);
    fresh
        .db
        .write(tenant.scope.clone(), async move |tx| -> store::Result<_> {
            store::tickets::insert(tx, &ticket);
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(store::tickets::list(&mut read, &Filter::default(), 10, 0).await.unwrap(), TicketPage::default());
    let mut later = fresh.db.read(tenant.scope.clone()).await.unwrap();
    assert_eq!(store::tickets::list(&mut later, &Filter::default(), 10, 0).await.unwrap().total, 1);
}

async fn readers_dropped_at_any_point_come_back(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    for n in 0..60 {
        let mut read = fresh.db.read(tenant.scope.clone()).await.unwrap();
        let filter = Filter::default();
        let counting = store::tickets::list(&mut read, &filter, 10, 0);
        if n % 2 == 0 {
            // Cut off after its first step.
            tokio::select! { biased; _ = counting => {} () = std::future::ready(()) => {} }
        } else {
            counting.await.unwrap();
        }
    }
    fresh.db.ping().await.unwrap();
}

on_both!(TestStore:
    lists_keep_what_their_filters_say_and_totals_are_exact,
    a_change_of_a_ticket_moves_it_in_every_count,
    a_snapshot_does_not_see_later_writes,
    readers_dropped_at_any_point_come_back,
);

//! Rows come back as they were written, lists keep what their filters say, totals are exact, and nobody sees another
//! tenant's rows.

use crate::support::{Fresh, Home, NOON, chance, endpoint, on_both};
use inboxops_core::store::{
    self, Lane,
    agents::{Agent, Role},
    api_keys::ApiKey,
    endpoints::{Endpoint, OtherSecret, Sealed},
    inboxes::{Inbox, InboxError, InboxState},
    messages::{Author, AuthorKind, Message, MessageKind},
    service_tokens::ServiceToken,
    tags::Tag,
    tickets::{AssigneeFilter, Channel, Filter, Priority, Requester, Sort, SortKey, Status, TagRef, Ticket, TicketRef},
};
use inboxops_proto::{
    clock::Timestamp,
    id::{AgentId, ApiKeyId, EndpointId, InboxId, MessageId, ServiceTokenId, TagId, TenantId, TicketId},
};
use std::time::Duration;
use uuid::Uuid;

const MINUTE: Duration = Duration::from_secs(60);

/// Tickets that differ in all that filters look at.
async fn many(fresh: &Fresh, home: &Home, agents: [AgentId; 2], inboxes: [InboxId; 2], tag: &Tag) -> Vec<Ticket> {
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
            ..home.ticket(at)
        });
    }
    let (written, tag) = (tickets.clone(), tag.clone());
    let done = fresh.db.write(home.scope.clone(), async move |tx| {
        store::tags::get_or_insert(tx, &tag, &store::fold(&tag.name)).await?;
        for ticket in &written {
            assert_eq!(store::tickets::next_number(tx).await?, ticket.number);
            store::tickets::insert(tx, ticket);
            if !ticket.tags.is_empty() {
                store::tags::attach(tx, ticket.id, tag.id, ticket.created_at).await?;
            }
        }
        Ok(())
    });
    done.await.unwrap();
    tickets
}

/// What a filter keeps, said in Rust.
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

on_both! {
    async fn lists_keep_what_their_filters_say_and_totals_are_exact(fresh: Fresh) {
        let (home, stranger) = (fresh.tenant().await, fresh.tenant().await);
        let agents = [AgentId::new(NOON, chance()), AgentId::new(NOON, chance())];
        let inboxes = [home.inbox, InboxId::new(NOON, chance())];
        let tag = Tag { id: TagId::new(NOON, chance()), name: "Vip".to_owned(), color: None, created_at: NOON };
        let tickets = many(&fresh, &home, agents, inboxes, &tag).await;
        let ticket = stranger.ticket(NOON);
        fresh.db.write(stranger.scope.clone(), async move |tx| { store::tickets::insert(tx, &ticket); Ok(()) }).await.unwrap();
        let mut read = fresh.db.read(home.scope.clone()).await.unwrap();
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
            assert_eq!(store::tickets::list(&mut read, &filter, 100, 0).await.unwrap(), expected, "{filter:?}");
            let total = i64::try_from(expected.len()).unwrap();
            assert_eq!(store::tickets::count(&mut read, &filter).await.unwrap(), total, "{filter:?}");
            let page: Vec<_> = expected.into_iter().skip(5).take(5).collect();
            assert_eq!(store::tickets::list(&mut read, &filter, 5, 5).await.unwrap(), page, "{filter:?}");
        }
    }

    async fn a_change_of_a_ticket_moves_it_in_every_count(fresh: Fresh) {
        let home = fresh.tenant().await;
        let ticket = Ticket { number: 1, ..home.ticket(NOON) };
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
        fresh.db.write(home.scope.clone(), async move |tx| { store::tickets::insert(tx, &old); Ok(()) }).await.unwrap();
        fresh.db.write(home.scope.clone(), async move |tx| {
            let old = store::tickets::lock(tx, TicketRef::Number(1)).await?.expect("it is there");
            store::tickets::update(tx, &old, &new).await
        }).await.unwrap();
        let mut read = fresh.db.read(home.scope.clone()).await.unwrap();
        assert_eq!(store::tickets::read(&mut read, TicketRef::Id(ticket.id)).await.unwrap(), Some(changed.clone()));
        for (filter, total) in [
            (Filter { status: vec![Status::Open], ..Filter::default() }, 0),
            (Filter { status: vec![Status::Solved], ..Filter::default() }, 1),
            (Filter { assignee: vec![AssigneeFilter::Nobody], ..Filter::default() }, 0),
            (Filter { priority: vec![Priority::Urgent], ..Filter::default() }, 1),
        ] {
            assert_eq!(store::tickets::count(&mut read, &filter).await.unwrap(), total, "{filter:?}");
        }
    }

    async fn another_tenants_ids_are_like_ids_that_never_existed(fresh: Fresh) {
        let (home, stranger) = (fresh.tenant().await, fresh.tenant().await);
        let ticket = Ticket { number: 1, ..home.ticket(NOON) };
        let endpoint = fresh.endpoint(&home).await;
        let (named, inbox, kept) = (TicketRef::Id(ticket.id), home.inbox, ticket.clone());
        fresh.db.write(home.scope.clone(), async move |tx| { store::tickets::insert(tx, &ticket); Ok(()) }).await.unwrap();
        let mut read = fresh.db.read(stranger.scope.clone()).await.unwrap();
        assert_eq!(store::tickets::read(&mut read, named).await.unwrap(), None);
        assert_eq!(store::tickets::read(&mut read, TicketRef::Number(1)).await.unwrap(), None);
        assert_eq!(store::inboxes::get(&mut read, inbox).await.unwrap(), None);
        assert_eq!(store::endpoints::get(&mut read, endpoint).await.unwrap(), None);
        assert_eq!(store::health::of(&mut read, &[endpoint]).await.unwrap(), []);
        assert_eq!(store::deliveries::list(&mut read, endpoint, &Default::default(), 10).await.unwrap(), []);
        drop(read);
        fresh.db.write(stranger.scope.clone(), async move |tx| {
            assert_eq!(store::tickets::lock(tx, named).await?, None);
            assert_eq!(store::inboxes::state(tx, inbox).await?, None);
            assert_eq!(store::endpoints::lock(tx, endpoint).await?, None);
            assert!(!store::endpoints::delete(tx, endpoint, NOON).await?);
            store::tickets::update(tx, &kept, &Ticket { subject: "Stolen".to_owned(), ..kept.clone() }).await
        }).await.unwrap();
        let found = store::tickets::find(&fresh.db, home.scope.clone(), named).await.unwrap();
        assert_eq!(found.map(|it| it.subject).as_deref(), Some("Refund for order 1042"));
    }

    async fn agents_are_unique_by_address_and_listed_by_name(fresh: Fresh) {
        let home = fresh.tenant().await;
        let agent = |name: &str, email: &str| Agent {
            id: AgentId::new(NOON, chance()),
            name: name.to_owned(),
            email: email.to_owned(),
            role: Role::Admin,
            created_at: NOON,
        };
        let agents = [agent("bob", "bob@example.com"), agent("Ada", "ada@example.com"), agent("Zoe", "BOB@example.com")];
        let written = agents.clone();
        let made = fresh.db.write(home.scope.clone(), async move |tx| {
            assert!(!store::agents::exists(tx, written[0].id).await?);
            let mut made = Vec::new();
            for agent in &written {
                made.push(store::agents::insert(tx, agent).await?);
            }
            assert!(store::agents::exists(tx, written[0].id).await?);
            Ok(made)
        });
        assert_eq!(made.await.unwrap(), [true, true, false]);
        let mut read = fresh.db.read(home.scope.clone()).await.unwrap();
        assert_eq!(store::agents::list(&mut read, 10, 0).await.unwrap(), [agents[1].clone(), agents[0].clone()]);
        assert_eq!(store::agents::count(&mut read).await.unwrap(), 2);
        assert_eq!(store::agents::get(&mut read, agents[0].id).await.unwrap(), Some(agents[0].clone()));
    }

    async fn inboxes_come_back_as_written_and_their_state_is_known_at_once(fresh: Fresh) {
        let home = fresh.tenant().await;
        let failing = Inbox {
            id: InboxId::new(NOON, chance()),
            name: "Billing".to_owned(),
            email_address: Some("Billing@example.com".to_owned()),
            channel: Channel::Email,
            enabled: true,
            error: Some(InboxError { code: "auth_failed".to_owned(), message: "No.".to_owned(), since: NOON }),
            created_at: NOON,
            updated_at: NOON,
        };
        let written = failing.clone();
        fresh.db.write(home.scope.clone(), async move |tx| {
            assert_eq!(store::inboxes::state(tx, written.id).await?, None);
            store::inboxes::insert(tx, &written).await?;
            assert_eq!(store::inboxes::state(tx, written.id).await?, Some(InboxState::Error));
            let old = store::inboxes::lock(tx, written.id).await?.expect("it is there");
            store::inboxes::update(tx, &Inbox { enabled: false, ..old }).await?;
            assert_eq!(store::inboxes::state(tx, written.id).await?, Some(InboxState::Disabled));
            store::inboxes::update(tx, &written).await
        }).await.unwrap();
        let mut read = fresh.db.read(home.scope.clone()).await.unwrap();
        assert_eq!(store::inboxes::list(&mut read, 10, 0).await.unwrap()[0], failing);
        assert_eq!(store::inboxes::count(&mut read).await.unwrap(), 2);
        assert_eq!(store::inboxes::get(&mut read, home.inbox).await.unwrap().map(|it| it.state()), Some(InboxState::Active));
    }

    async fn a_tag_is_one_whatever_its_letter_case(fresh: Fresh) {
        let home = fresh.tenant().await;
        let tag = |name: &str| Tag { id: TagId::new(NOON, chance()), name: name.to_owned(), color: None, created_at: NOON };
        let (first, second, other) = (tag("VIP"), tag("vip"), tag("billing"));
        let ticket = TicketId::new(NOON, chance());
        let (a, b, c) = (first.clone(), second.clone(), other.clone());
        let listed = fresh.db.write(home.scope.clone(), async move |tx| {
            for new in [&a, &b, &c] {
                let tag = store::tags::get_or_insert(tx, new, &store::fold(&new.name)).await?;
                store::tags::attach(tx, ticket, tag.id, NOON).await?;
            }
            assert_eq!(store::tags::get(tx, b.id).await?, None);
            let listed = store::tags::list_of_ticket(tx, ticket, 10, 0).await?;
            store::tags::detach(tx, ticket, c.id).await?;
            assert_eq!(store::tags::list_of_ticket(tx, ticket, 10, 0).await?, std::slice::from_ref(&a));
            Ok(listed)
        });
        assert_eq!(listed.await.unwrap(), [other.clone(), first.clone()]);
        let mut read = fresh.db.read(home.scope.clone()).await.unwrap();
        assert_eq!(store::tags::list(&mut read, 1, 1).await.unwrap(), [first]);
        assert_eq!(store::tags::count(&mut read).await.unwrap(), 2);
    }

    async fn internal_notes_are_left_out_in_sql(fresh: Fresh) {
        let home = fresh.tenant().await;
        let ticket = TicketId::new(NOON, chance());
        let message = |kind, at: Timestamp| Message {
            id: MessageId::new(at, chance()),
            ticket,
            kind,
            author: Author { kind: AuthorKind::Agent, id: Some(Uuid::max()), name: "Grace".to_owned(), email: None },
            text: "Hello".to_owned(),
            html: "<p>Hello</p>".to_owned(),
            truncated: true,
            created_at: at,
        };
        let messages = [
            message(MessageKind::Outbound, NOON.plus(MINUTE)),
            message(MessageKind::InternalNote, NOON.plus(MINUTE / 2)),
            message(MessageKind::Inbound, NOON),
        ];
        let written = messages.clone();
        fresh.db.write(home.scope.clone(), async move |tx| {
            for message in &written {
                store::messages::insert(tx, message).await?;
            }
            Ok(())
        }).await.unwrap();
        let mut read = fresh.db.read(home.scope.clone()).await.unwrap();
        let [last, note, first] = messages;
        assert_eq!(store::messages::list_without_notes(&mut read, ticket, 10, 0).await.unwrap(), [first.clone(), last.clone()]);
        assert_eq!(store::messages::list(&mut read, ticket, 10, 0).await.unwrap(), [first, note, last]);
    }

    async fn keys_are_found_by_hash_and_revoked_once(fresh: Fresh) {
        let home = fresh.tenant().await;
        let key = ApiKey {
            id: ApiKeyId::new(NOON, chance()),
            tenant: home.tenant,
            name: "Sync".to_owned(),
            prefix: "ixk_9fQ2".to_owned(),
            scopes: "tickets:read tickets:write".to_owned(),
            created_at: NOON,
            last_used_at: None,
            expires_at: Some(NOON.plus(MINUTE)),
            revoked_at: None,
        };
        let written = key.clone();
        fresh.db.write(home.scope.clone(), async move |tx| store::api_keys::insert(tx, &written, [7; 32]).await).await.unwrap();
        assert_eq!(store::api_keys::find_by_hash(&fresh.db, [7; 32]).await.unwrap(), Some(key.clone()));
        assert_eq!(store::api_keys::find_by_hash(&fresh.db, [8; 32]).await.unwrap(), None);
        store::api_keys::mark_used(&fresh.db, vec![(key.id, NOON.plus(MINUTE))]).await.unwrap();
        store::api_keys::mark_used(&fresh.db, vec![(key.id, NOON)]).await.unwrap();
        let id = key.id;
        let revoked = fresh.db.write(home.scope.clone(), async move |tx| {
            store::api_keys::rename(tx, id, "Other").await?;
            store::api_keys::revoke(tx, id, NOON).await?;
            store::api_keys::revoke(tx, id, NOON.plus(MINUTE)).await
        });
        let expected = ApiKey { name: "Other".to_owned(), revoked_at: Some(NOON), last_used_at: Some(NOON.plus(MINUTE)), ..key };
        assert_eq!(revoked.await.unwrap(), Some(expected.clone()));
        let mut read = fresh.db.read(home.scope.clone()).await.unwrap();
        assert_eq!(store::api_keys::list(&mut read, false, 10, 0).await.unwrap(), []);
        assert_eq!(store::api_keys::list(&mut read, true, 10, 0).await.unwrap(), [expected]);
        assert_eq!(store::api_keys::count(&mut read, true).await.unwrap(), 1);
        assert_eq!(store::api_keys::count(&mut read, false).await.unwrap(), 0);
    }

    async fn endpoints_come_back_with_all_that_is_sealed(fresh: Fresh) {
        let home = fresh.tenant().await;
        let full = Endpoint {
            description: Some("CRM".to_owned()),
            inboxes: vec![home.inbox],
            rate_per_second: Some(5),
            headers: Some(Sealed { bytes: vec![0, 1, 255], key: 2 }),
            other_secret: Some(OtherSecret {
                sealed: Sealed { bytes: vec![9], key: 3 },
                hint: "abcd".to_owned(),
                is_next: true,
                until: NOON.plus(MINUTE),
            }),
            ..endpoint(home.tenant, NOON)
        };
        let plain = endpoint(home.tenant, NOON);
        let (a, b) = (full.clone(), plain.clone());
        fresh.db.write(home.scope.clone(), async move |tx| {
            store::endpoints::insert(tx, &a).await?;
            store::endpoints::insert(tx, &b).await
        }).await.unwrap();
        let mut read = fresh.db.read(home.scope.clone()).await.unwrap();
        assert_eq!(store::endpoints::list(&mut read, 10, 0).await.unwrap(), [plain.clone(), full.clone()]);
        assert_eq!(store::endpoints::count(&mut read).await.unwrap(), 2);
        let nobody = EndpointId(Uuid::max());
        let mut loaded = store::endpoints::load(&fresh.db, &[plain.id, nobody, full.id]).await.unwrap();
        loaded.sort_by_key(|it| it.id);
        assert_eq!(loaded, [full, plain]);
    }

    async fn tenants_tokens_and_facts_come_back_as_written(fresh: Fresh) {
        let home = fresh.tenant().await;
        let found = store::tenants::find(&fresh.db, home.tenant).await.unwrap().expect("it is there");
        assert_eq!(store::tenants::find(&fresh.db, TenantId(Uuid::max())).await.unwrap(), None);
        let changed = store::tenants::Tenant {
            webhooks: Some(false),
            public_api: Some(true),
            suspended: true,
            requests_per_minute: Some(7),
            ..found
        };
        let token = ServiceToken { id: ServiceTokenId::new(NOON, chance()), name: "mail".to_owned(), dispatch_only: true, created_at: NOON };
        let (tenant, written) = (changed.clone(), token.clone());
        let value = fresh.db.system(Lane::Tenant(home.tenant), async move |tx| {
            store::tenants::update(tx, &tenant).await?;
            store::service_tokens::insert(tx, &written, [3; 32]).await?;
            store::meta::put(tx, "a", "1").await?;
            store::meta::put(tx, "a", "2").await?;
            store::meta::get_or_insert(tx, "a", "3").await
        });
        assert_eq!(value.await.unwrap(), "2");
        assert_eq!(store::tenants::list(&fresh.db, 10, 0).await.unwrap(), (vec![changed], 1));
        assert_eq!(store::service_tokens::find_by_hash(&fresh.db, [3; 32]).await.unwrap(), Some(token));
        assert_eq!(store::meta::get(&fresh.db, "b").await.unwrap(), None);
        fresh.db.ping().await.unwrap();
    }

    async fn a_snapshot_does_not_see_later_writes(fresh: Fresh) {
        let home = fresh.tenant().await;
        let mut read = fresh.db.read(home.scope.clone()).await.unwrap();
        assert_eq!(store::tickets::count(&mut read, &Filter::default()).await.unwrap(), 0);
        let ticket = home.ticket(NOON);
        fresh.db.write(home.scope.clone(), async move |tx| { store::tickets::insert(tx, &ticket); Ok(()) }).await.unwrap();
        assert_eq!(store::tickets::list(&mut read, &Filter::default(), 10, 0).await.unwrap(), []);
        let mut later = fresh.db.read(home.scope.clone()).await.unwrap();
        assert_eq!(store::tickets::count(&mut later, &Filter::default()).await.unwrap(), 1);
    }

    async fn readers_dropped_at_any_point_come_back(fresh: Fresh) {
        let home = fresh.tenant().await;
        for n in 0..60 {
            let mut read = fresh.db.read(home.scope.clone()).await.unwrap();
            let filter = Filter::default();
            let counting = store::tickets::count(&mut read, &filter);
            if n % 2 == 0 {
                // Cut off after its first step.
                tokio::select! { biased; _ = counting => {} () = std::future::ready(()) => {} }
            } else {
                counting.await.unwrap();
            }
        }
        fresh.db.ping().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shared_rate_window_is_exact_and_rolls() {
    let fresh = Fresh::postgres().await;
    let home = fresh.tenant().await;
    let other = fresh.again().await;
    let mut asking = tokio::task::JoinSet::new();
    for n in 0..31u64 {
        let (db, tenant) = (if n % 2 == 0 { fresh.db.clone() } else { other.clone() }, home.tenant);
        let at = NOON.plus(Duration::from_secs(n));
        asking.spawn(async move { store::rate_windows::admit(&db, tenant, 30, at).await.unwrap() });
    }
    let accepted = asking.join_all().await.into_iter().filter(|it| it.accepted).count();
    assert_eq!(accepted, 30);
    let end = NOON.plus(Duration::from_secs(31));
    let full = store::rate_windows::admit(&fresh.db, home.tenant, 30, end).await.unwrap();
    assert_eq!((full.accepted, full.used), (false, 30));
    let next = full.oldest_leaves_at.unwrap();
    assert!(next <= NOON.plus(MINUTE + Duration::from_secs(1)));
    let rolled = store::rate_windows::admit(&fresh.db, home.tenant, 30, next).await.unwrap();
    assert!(rolled.accepted);
}

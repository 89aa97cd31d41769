//! Rows are read as they were written, and no tenant sees another's.

use crate::store::{
    self, Queue, Tx,
    agents::{Agent, Role},
    api_keys::ApiKey,
    by_name::NamedPage,
    endpoints::{Endpoint, OtherSecret, SealedBytes},
    inboxes::{Inbox, InboxError, InboxState, SharedAddress},
    messages::{
        Author, AuthorKind, Message, MessageKind,
        list::{self, BEGIN, MessageSize, MessageSpan, NO_END},
    },
    rate_windows::SharedLimits,
    service_tokens::ServiceToken,
    tags::Tag,
    tickets::{Channel, Ticket, TicketRef},
};
use crate::tests::support::{NOON, StoredTenant, TestStore, chance, endpoint, on_both};
use inboxops_proto::{
    clock::Timestamp,
    id::{AgentId, ApiKeyId, EndpointId, InboxId, MessageId, ServiceTokenId, TagId, TenantId, TicketId},
};
use std::time::Duration;
use uuid::Uuid;

const MINUTE: Duration = Duration::from_secs(60);
/// The first rows of a list by name.
const FIRST: NamedPage<'static> = NamedPage::At { limit: 10, offset: 0 };

async fn another_tenants_ids_are_like_ids_that_never_existed(fresh: TestStore) {
    let (tenant, stranger) = (fresh.tenant().await, fresh.tenant().await);
    let ticket = Ticket { number: 1, ..tenant.ticket(NOON) };
    let endpoint = fresh.endpoint(&tenant).await;
    let (named, inbox, kept) = (TicketRef::Id(ticket.id), tenant.inbox, ticket.clone());
    fresh
        .db
        .write(tenant.scope.clone(), async move |tx| -> store::Result<_> {
            store::tickets::insert(tx, &ticket);
            Ok(())
        })
        .await
        .unwrap();
    let mut read = fresh.db.read(stranger.scope.clone()).await.unwrap();
    assert_eq!(store::tickets::read(&mut read, named).await.unwrap(), None);
    assert_eq!(store::tickets::read(&mut read, TicketRef::Number(1)).await.unwrap(), None);
    assert_eq!(store::inboxes::get(&mut read, inbox).await.unwrap(), None);
    assert_eq!(store::endpoints::get(&mut read, endpoint).await.unwrap(), None);
    assert_eq!(store::health::of(&mut read, &[endpoint]).await.unwrap(), []);
    assert_eq!(
        store::deliveries::list(&mut read, &[endpoint], &Default::default(), 10).await.unwrap(),
        Default::default()
    );
    drop(read);
    fresh
        .db
        .write(stranger.scope.clone(), async move |tx| {
            assert_eq!(store::tickets::lock(tx, named).await?, None);
            assert_eq!(store::inboxes::state(tx, inbox).await?, None);
            assert_eq!(store::endpoints::lock(tx, endpoint).await?, None);
            assert!(!store::endpoints::delete(tx, endpoint, NOON).await?);
            store::tickets::update(tx, &kept, &Ticket { subject: "Stolen".to_owned(), ..kept.clone() }).await
        })
        .await
        .unwrap();
    let found = store::tickets::find(&fresh.db, tenant.scope.clone(), named).await.unwrap();
    assert_eq!(found.map(|it| it.subject).as_deref(), Some("Refund for order 1042"));
}

async fn agents_are_unique_by_address_and_listed_by_name(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    let agent = |name: &str, email: &str| Agent {
        id: AgentId::new(NOON, chance()),
        name: name.to_owned(),
        email: email.to_owned(),
        role: Role::Admin,
        disabled_at: None,
        created_at: NOON,
    };
    let agents = [agent("bob", "bob@example.com"), agent("Ada", "ada@example.com"), agent("Zoe", "BOB@example.com")];
    let written = agents.clone();
    let made = fresh.db.write(tenant.scope.clone(), async move |tx| -> store::Result<_> {
        assert!(!store::agents::exists(tx, written[0].id).await?);
        let mut made = Vec::new();
        for agent in &written {
            made.push(store::agents::insert(tx, agent).await?);
        }
        assert!(store::agents::exists(tx, written[0].id).await?);
        Ok(made)
    });
    assert_eq!(made.await.unwrap(), [true, true, false]);
    let mut read = fresh.db.read(tenant.scope.clone()).await.unwrap();
    assert_eq!(store::agents::list(&mut read, FIRST).await.unwrap(), [agents[1].clone(), agents[0].clone()]);
    assert_eq!(store::agents::count(&mut read).await.unwrap(), 2);
    assert_eq!(store::agents::get(&mut read, agents[0].id).await.unwrap(), Some(agents[0].clone()));
}

async fn inboxes_come_back_as_written_and_their_state_is_known_at_once(fresh: TestStore) {
    let tenant = fresh.tenant().await;
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
    fresh
        .db
        .write(tenant.scope.clone(), async move |tx| {
            assert_eq!(store::inboxes::state(tx, written.id).await?, None);
            store::inboxes::insert(tx, &written).await?;
            assert_eq!(store::inboxes::state(tx, written.id).await?, Some(InboxState::Error));
            let old = store::inboxes::lock(tx, written.id).await?.expect("it is there");
            store::inboxes::update(tx, &Inbox { enabled: false, ..old }).await?;
            assert_eq!(store::inboxes::state(tx, written.id).await?, Some(InboxState::Disabled));
            store::inboxes::update(tx, &written).await
        })
        .await
        .unwrap();
    let mut read = fresh.db.read(tenant.scope.clone()).await.unwrap();
    assert_eq!(store::inboxes::list(&mut read, FIRST).await.unwrap()[0], failing);
    assert_eq!(store::inboxes::count(&mut read).await.unwrap(), 2);
    assert_eq!(
        store::inboxes::get(&mut read, tenant.inbox).await.unwrap().map(|it| it.state()),
        Some(InboxState::Active)
    );
}

async fn addresses_that_inboxes_share_are_found_tenant_by_tenant(fresh: TestStore) {
    let (tenant, other) = (fresh.tenant().await, fresh.tenant().await);
    let add = async |tenant: &StoredTenant, address: Option<&str>| {
        let id = InboxId::new(NOON, chance());
        let inbox = Inbox {
            id,
            name: "Inbox".to_owned(),
            email_address: address.map(str::to_owned),
            channel: Channel::Email,
            enabled: true,
            error: None,
            created_at: NOON,
            updated_at: NOON,
        };
        let insert = async move |tx: &mut Tx<'_>| store::inboxes::insert(tx, &inbox).await;
        fresh.db.write(tenant.scope.clone(), insert).await.unwrap();
        id
    };
    for (tenant, address) in
        [(&tenant, None), (&tenant, None), (&tenant, Some("own@x.example")), (&other, Some("a@x.example"))]
    {
        add(tenant, address).await;
    }
    assert_eq!(store::inboxes::shared_addresses(&fresh.db, 10).await.unwrap(), []);
    let mut inboxes = [add(&tenant, Some("A@x.example")).await, add(&tenant, Some("a@X.example")).await];
    inboxes.sort();
    let shared = SharedAddress { tenant: tenant.id, address: "a@x.example".to_owned(), inboxes: inboxes.to_vec() };
    assert_eq!(store::inboxes::shared_addresses(&fresh.db, 10).await.unwrap(), [shared]);
}

async fn a_tag_is_one_whatever_its_letter_case(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    let tag = |name: &str| Tag { id: TagId::new(NOON, chance()), name: name.to_owned(), color: None, created_at: NOON };
    let (first, second, other) = (tag("VIP"), tag("vip"), tag("billing"));
    let (ticket, row) = (TicketId::new(NOON, chance()), tenant.ticket(NOON));
    let row = store::tickets::Ticket { id: ticket, ..row };
    let (a, b, c) = (first.clone(), second.clone(), other.clone());
    let listed = fresh.db.write(tenant.scope.clone(), async move |tx| -> store::Result<_> {
        for new in [&a, &b, &c] {
            let tag = store::tags::get_or_insert(tx, new, &store::fold(&new.name)).await?;
            store::tags::attach(tx, &row, tag.id, NOON).await?;
        }
        assert_eq!(store::tags::get(tx, b.id).await?, None);
        let listed = store::tags::list_of_ticket(tx, ticket).await?;
        store::tags::detach(tx, ticket, c.id).await?;
        assert_eq!(store::tags::list_of_ticket(tx, ticket).await?, std::slice::from_ref(&a));
        Ok(listed)
    });
    assert_eq!(listed.await.unwrap(), [other.clone(), first.clone()]);
    let mut read = fresh.db.read(tenant.scope.clone()).await.unwrap();
    assert_eq!(store::tags::list(&mut read, NamedPage::At { limit: 1, offset: 1 }).await.unwrap(), [first]);
    assert_eq!(store::tags::count(&mut read).await.unwrap(), 2);
}

async fn internal_notes_are_left_out_in_sql(fresh: TestStore) {
    let tenant = fresh.tenant().await;
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
        sent_at: None,
    };
    let messages = [
        message(MessageKind::Outbound, NOON.plus(MINUTE)),
        message(MessageKind::InternalNote, NOON.plus(MINUTE / 2)),
        message(MessageKind::Inbound, NOON),
    ];
    let written = messages.clone();
    fresh
        .db
        .write(tenant.scope.clone(), async move |tx| -> store::Result<_> {
            for message in &written {
                store::messages::insert(tx, message).await?;
            }
            Ok(())
        })
        .await
        .unwrap();
    let mut read = fresh.db.read(tenant.scope.clone()).await.unwrap();
    let [last, note, first] = messages;
    let span = MessageSpan { after: BEGIN, until: NO_END, limit: 10, offset: 0 };
    let of = |message: &Message| MessageSize {
        id: message.id,
        ticket,
        created_at: message.created_at,
        text: message.text.len(),
        html: message.html.len(),
    };
    let sizes = [of(&first), of(&last)];
    assert_eq!(list::of_ticket(&mut read, ticket, span).await.unwrap(), sizes);
    let of_all = [&[][..], &[ticket], &[TicketId(Uuid::nil()), ticket]];
    for tickets in of_all {
        assert_eq!(list::of_tickets(&mut read, tickets, span).await.unwrap(), sizes, "{tickets:?}");
        let after = MessageSpan { after: (NOON.micros(), first.id.0), ..span };
        assert_eq!(list::of_tickets(&mut read, tickets, after).await.unwrap(), [of(&last)], "{tickets:?}");
        let until = MessageSpan { until: last.created_at, ..span };
        assert_eq!(list::of_tickets(&mut read, tickets, until).await.unwrap(), [of(&first)], "{tickets:?}");
    }
    let newest = list::newest(&mut read, &[ticket], 1).await.unwrap();
    assert_eq!(newest.get(&ticket), Some(&vec![of(&last)]));
    let bodies = list::bodies(&mut read, &[last.id, first.id], 3).await.unwrap();
    let short = Message { text: "Hel".to_owned(), html: "<p>".to_owned(), ..last.clone() };
    assert_eq!((bodies.len(), bodies.get(&last.id)), (2, Some(&short)));
    let mut stranger = fresh.db.read(fresh.tenant().await.scope).await.unwrap();
    assert_eq!(list::of_ticket(&mut stranger, ticket, span).await.unwrap(), []);
    assert_eq!(list::of_tickets(&mut stranger, &[], span).await.unwrap(), []);
    assert_eq!(list::of_tickets(&mut stranger, &[ticket], span).await.unwrap(), []);
    assert!(list::newest(&mut stranger, &[ticket], 9).await.unwrap().is_empty());
    assert!(list::bodies(&mut stranger, &[first.id], 9).await.unwrap().is_empty());
    assert_eq!(store::messages::list(&mut read, ticket, 10, 0).await.unwrap(), [first, note, last]);
}

async fn keys_are_found_by_hash_and_revoked_once(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    let key = ApiKey {
        id: ApiKeyId::new(NOON, chance()),
        tenant: tenant.id,
        name: "Sync".to_owned(),
        prefix: "ixk_9fQ2".to_owned(),
        scopes: "tickets:read tickets:write".to_owned(),
        created_at: NOON,
        last_used_at: None,
        expires_at: Some(NOON.plus(MINUTE)),
        revoked_at: None,
        replaced_by: None,
        requests_per_minute: Some(7),
    };
    let written = key.clone();
    fresh
        .db
        .write(tenant.scope.clone(), async move |tx| store::api_keys::insert(tx, &written, [7; 32]).await)
        .await
        .unwrap();
    assert_eq!(store::api_keys::find_by_hash(&fresh.db, [7; 32]).await.unwrap(), Some(key.clone()));
    assert_eq!(store::api_keys::find_by_hash(&fresh.db, [8; 32]).await.unwrap(), None);
    store::api_keys::mark_used(&fresh.db, vec![(key.id, NOON.plus(MINUTE))]).await.unwrap();
    store::api_keys::mark_used(&fresh.db, vec![(key.id, NOON)]).await.unwrap();
    let id = key.id;
    let revoked = fresh.db.write(tenant.scope.clone(), async move |tx| {
        // Either may be given alone; a share of 0 is none.
        let named = store::api_keys::update(tx, id, Some("Other"), None).await?;
        assert_eq!(named.and_then(|key| key.requests_per_minute), Some(7));
        let cleared = store::api_keys::update(tx, id, None, Some(0)).await?;
        assert_eq!(cleared.map(|key| (key.name, key.requests_per_minute)), Some(("Other".to_owned(), None)));
        store::api_keys::update(tx, id, None, Some(9)).await?;
        store::api_keys::revoke(tx, id, NOON).await?;
        store::api_keys::revoke(tx, id, NOON.plus(MINUTE)).await
    });
    let expected = ApiKey {
        name: "Other".to_owned(),
        requests_per_minute: Some(9),
        revoked_at: Some(NOON),
        last_used_at: Some(NOON.plus(MINUTE)),
        ..key
    };
    assert_eq!(revoked.await.unwrap(), Some(expected.clone()));
    let mut read = fresh.db.read(tenant.scope.clone()).await.unwrap();
    assert_eq!(store::api_keys::list(&mut read, false, 10, 0).await.unwrap(), []);
    assert_eq!(store::api_keys::list(&mut read, true, 10, 0).await.unwrap(), [expected]);
    assert_eq!(store::api_keys::count(&mut read, true).await.unwrap(), 1);
    assert_eq!(store::api_keys::count(&mut read, false).await.unwrap(), 0);
}

async fn endpoints_come_back_with_all_that_is_sealed(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    let full = Endpoint {
        description: Some("CRM".to_owned()),
        inboxes: vec![tenant.inbox],
        rate_per_second: Some(5),
        thin: true,
        headers: Some(SealedBytes { bytes: vec![0, 1, 255], key: 2 }),
        other_secret: Some(OtherSecret {
            sealed: SealedBytes { bytes: vec![9], key: 3 },
            hint: "abcd".to_owned(),
            is_next: true,
            keep_hours: 24,
            until: NOON.plus(MINUTE),
        }),
        ..endpoint(tenant.id, NOON)
    };
    let plain = endpoint(tenant.id, NOON);
    let (a, b) = (full.clone(), plain.clone());
    fresh
        .db
        .write(tenant.scope.clone(), async move |tx| {
            store::endpoints::insert(tx, &a).await?;
            store::endpoints::insert(tx, &b).await
        })
        .await
        .unwrap();
    let mut read = fresh.db.read(tenant.scope.clone()).await.unwrap();
    assert_eq!(store::endpoints::list(&mut read, 10, 0).await.unwrap(), [plain.clone(), full.clone()]);
    assert_eq!(store::endpoints::count(&mut read).await.unwrap(), 2);
    let nobody = EndpointId(Uuid::max());
    let mut loaded = store::endpoints::load(&fresh.db, &[plain.id, nobody, full.id]).await.unwrap();
    loaded.sort_by_key(|it| it.id);
    assert_eq!(loaded, [full, plain]);
}

async fn tenants_tokens_and_facts_come_back_as_written(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    let found = store::tenants::find(&fresh.db, tenant.id).await.unwrap().expect("it is there");
    assert_eq!(store::tenants::find(&fresh.db, TenantId(Uuid::max())).await.unwrap(), None);
    let changed = store::tenants::Tenant {
        webhooks: Some(false),
        public_api: Some(true),
        suspended: true,
        requests_per_minute: Some(7),
        ..found
    };
    let token = ServiceToken {
        id: ServiceTokenId::new(NOON, chance()),
        name: "mail".to_owned(),
        dispatch_only: true,
        created_at: NOON,
        revoked_at: None,
    };
    let (row, written) = (changed.clone(), token.clone());
    let value = fresh.db.system(Queue::Tenant(tenant.id), async move |tx| {
        store::tenants::update(tx, &row).await?;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shared_rate_window_is_exact_and_rolls() {
    let fresh = TestStore::postgres().await;
    let tenant = fresh.tenant().await;
    let other = fresh.again().await;
    let limits = SharedLimits { tenant: tenant.id, limit: Some(30), key: None };
    let mut asking = tokio::task::JoinSet::new();
    for n in 0..31u64 {
        let db = if n % 2 == 0 { fresh.db.clone() } else { other.clone() };
        let at = NOON.plus(Duration::from_secs(n));
        asking.spawn(async move { store::rate_windows::admit(&db, limits, at).await.unwrap() });
    }
    let accepted = asking.join_all().await.into_iter().filter(|it| it.accepted).count();
    assert_eq!(accepted, 30);
    let end = NOON.plus(Duration::from_secs(31));
    let full = store::rate_windows::admit(&fresh.db, limits, end).await.unwrap();
    assert!(!full.accepted);
    assert_eq!(full.tenant.used, 30);
    assert_eq!(store::rate_windows::standing(&fresh.db, limits, end).await.unwrap(), full);
    let next = full.tenant.oldest_leaves_at.unwrap();
    assert!(next <= NOON.plus(MINUTE + Duration::from_secs(1)));
    assert!(store::rate_windows::standing(&fresh.db, limits, next).await.unwrap().accepted);
    let rolled = store::rate_windows::admit(&fresh.db, limits, next).await.unwrap();
    assert!(rolled.accepted);
}

async fn a_row_that_cannot_be_read_names_its_table_and_column(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    let endpoint = fresh.endpoint(&tenant).await;
    for (corrupt, expected) in [
        ("UPDATE endpoints SET version = -1", "endpoints.version: -1 is out of range"),
        ("UPDATE endpoints SET version = 1, inbox_ids = '?'", "endpoints.inbox_ids: expected value at line 1 column 1"),
    ] {
        fresh.run(corrupt).await;
        let mut read = fresh.db.read(tenant.scope.clone()).await.unwrap();
        let error = match store::endpoints::get(&mut read, endpoint).await.unwrap_err() {
            store::Error::Db(error) => error,
            other => panic!("{other}"),
        };
        assert_eq!(error.to_string(), format!("error occurred while decoding column {expected}"));
    }
}

on_both!(TestStore:
    another_tenants_ids_are_like_ids_that_never_existed,
    agents_are_unique_by_address_and_listed_by_name,
    inboxes_come_back_as_written_and_their_state_is_known_at_once,
    addresses_that_inboxes_share_are_found_tenant_by_tenant,
    a_tag_is_one_whatever_its_letter_case,
    internal_notes_are_left_out_in_sql,
    keys_are_found_by_hash_and_revoked_once,
    endpoints_come_back_with_all_that_is_sealed,
    tenants_tokens_and_facts_come_back_as_written,
    a_row_that_cannot_be_read_names_its_table_and_column,
);

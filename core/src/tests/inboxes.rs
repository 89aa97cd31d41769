//! Inboxes through the gate: listed by name, shown, created and changed by the operator.

use crate::tests::support::{Came as _, Client, NOTHING, TestCore, on_both, violations};
use inboxops_proto::{
    failure::Failure,
    internal::v1 as internal,
    reason::Reason,
    v1::{self, Channel, InboxStatus},
};

async fn inboxes_are_listed_by_name_and_shown_whole(core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    let at = core.clock.now();
    let request = internal::CreateInboxRequest {
        tenant_id: tenant.id.to_uppercase(),
        name: Some(" billing ".to_owned()),
        email_address: Some("billing@example.com".to_owned()),
        channel: None,
    };
    let made = core.tenants().create_inbox(Client::operator().ask(request)).await.answer().inbox.expect("an inbox");
    let expected = v1::Inbox {
        id: made.id.clone(),
        name: "billing".to_owned(),
        email_address: Some("billing@example.com".to_owned()),
        channel: Channel::Email.into(),
        status: InboxStatus::Active.into(),
        error: None,
        created_at: Some(at.into()),
        updated_at: Some(at.into()),
    };
    assert_eq!(made, expected);
    core.inbox(&tenant.id, "Accounts").await;
    let list = async |page| {
        let request = v1::ListInboxesRequest { page: Some(page), per_page: Some(2), cursor: None };
        let answer = core.inboxes().list_inboxes(tenant.key.ask(request)).await.answer();
        let meta = answer.meta.expect("a meta");
        assert_eq!((meta.total, meta.total_pages), (3, Some(2)));
        answer.inboxes
    };
    let (first, second) = (list(1).await, list(2).await);
    assert_eq!(first.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["Accounts", "billing"]);
    assert_eq!((first[1].clone(), second[0].name.as_str()), (expected.clone(), "Support"));
    assert_eq!(first[0].channel(), Channel::Api, "without an address");

    let get = async |client: &Client, id: &str| {
        let request = v1::GetInboxRequest { inbox_id: id.to_owned() };
        core.inboxes().get_inbox(client.ask(request)).await
    };
    assert_eq!(get(&tenant.key, &made.id.to_uppercase()).await.answer().inbox, Some(expected));
    for id in [NOTHING, &other.inbox, "", "1", "billing"] {
        assert_eq!(get(&tenant.key, id).await.refusal().reason, Reason::InboxNotFound, "{id:?}");
    }
}

async fn an_inbox_is_renamed_and_switched_off_and_on(core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    let update = async |request: internal::UpdateInboxRequest| {
        core.tick();
        core.tenants().update_inbox(Client::operator().ask(request)).await
    };
    let of = |id: &str| internal::UpdateInboxRequest {
        tenant_id: id.to_owned(),
        inbox_id: tenant.inbox.clone(),
        ..Default::default()
    };
    let off = internal::UpdateInboxRequest { enabled: Some(false), name: Some("Help".to_owned()), ..of(&tenant.id) };
    let inbox = update(off.clone()).await.answer().inbox.expect("an inbox");
    assert_eq!((inbox.name.as_str(), inbox.status()), ("Help", InboxStatus::Disabled));
    assert_ne!(inbox.updated_at, inbox.created_at);
    assert_eq!(update(off).await.answer().inbox, Some(inbox.clone()), "what changes nothing moves no time");
    assert_eq!(update(of(&tenant.id)).await.answer().inbox, Some(inbox));
    let on = internal::UpdateInboxRequest { enabled: Some(true), ..of(&tenant.id) };
    assert_eq!(update(on).await.answer().inbox.expect("an inbox").status(), InboxStatus::Active);
    assert_eq!(update(of(&other.id)).await.refusal().reason, Reason::InboxNotFound, "named with another tenant");
    assert_eq!(update(of("x")).await.refusal().reason, Reason::TenantNotFound);
    let bad = internal::UpdateInboxRequest { email_address: Some("nobody".to_owned()), ..of(&tenant.id) };
    assert_eq!(violations(&update(bad).await.refusal()), [("email_address", "invalid_format")]);
}

async fn no_two_inboxes_of_a_tenant_have_one_address(core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    let first = with_address(&core, &tenant.id, "Help@Example.com").await.expect("an inbox");
    for address in ["help@example.com", " HELP@example.COM ", "Help@Example.com"] {
        let failure = with_address(&core, &tenant.id, address).await.expect_err("it is taken");
        assert_eq!((failure.reason, failure.reason.http_status()), (Reason::Conflict, 409), "{address}");
        assert!(failure.message.contains(&first.id), "{}", failure.message);
    }
    with_address(&core, &other.id, "help@example.com").await.expect("of another tenant");
    with_address(&core, &tenant.id, "help+x@example.com").await.expect("another address");
    core.inbox(&tenant.id, "Without").await;
    core.inbox(&tenant.id, "Without, too").await;

    let second = with_address(&core, &tenant.id, "sales@example.com").await.expect("an inbox");
    let failure = readdressed(&core, &tenant.id, &second.id, "HELP@example.com").await.expect_err("it is taken");
    assert_eq!(failure.reason, Reason::Conflict);
    let shown = readdressed(&core, &tenant.id, &second.id, "Sales@Example.com").await.expect("its own");
    assert_eq!(shown.email_address.as_deref(), Some("Sales@Example.com"));
    readdressed(&core, &tenant.id, &second.id, "orders@example.com").await.expect("a free one");
    with_address(&core, &tenant.id, "sales@example.com").await.expect("free again");
    // Named without its tenant, as the operator may do.
    readdressed(&core, "", &second.id, "help@example.com").await.expect_err("it is taken");
    readdressed(&core, "", &second.id, "orders2@example.com").await.expect("a free one");
    let failure = readdressed(&core, "", NOTHING, "x@example.com").await.expect_err("there is none");
    assert_eq!(failure.reason, Reason::InboxNotFound);
    // A disabled inbox keeps its address.
    let off = internal::UpdateInboxRequest {
        tenant_id: tenant.id.clone(),
        inbox_id: first.id.clone(),
        enabled: Some(false),
        ..Default::default()
    };
    core.tenants().update_inbox(Client::operator().ask(off)).await.answer();
    with_address(&core, &tenant.id, "help@example.com").await.expect_err("it is taken");
}

async fn inboxes_that_shared_an_address_before_work_on(core: TestCore) {
    let tenant = core.tenant().await;
    let mut ids = Vec::new();
    for address in ["a@example.com", "b@example.com", "c@example.com"] {
        ids.push(with_address(&core, &tenant.id, address).await.expect("an inbox").id);
    }
    core.run_sql(
        "UPDATE inboxes SET email_address = 'A@example.com', email_folded = 'a@example.com' \
             WHERE email_folded = 'b@example.com'",
    )
    .await;
    let rename = internal::UpdateInboxRequest {
        tenant_id: tenant.id.clone(),
        inbox_id: ids[1].clone(),
        name: Some("Renamed".to_owned()),
        email_address: Some("a@EXAMPLE.com".to_owned()),
        ..Default::default()
    };
    core.tenants().update_inbox(Client::operator().ask(rename)).await.answer();
    readdressed(&core, &tenant.id, &ids[2], "a@example.com").await.expect_err("not a third");
    let failure = readdressed(&core, &tenant.id, &ids[1], "c@example.com").await.expect_err("it is taken");
    assert_eq!(failure.reason, Reason::Conflict);
    readdressed(&core, &tenant.id, &ids[1], "b@example.com").await.expect("mended");
}

async fn with_address(core: &TestCore, tenant: &str, address: &str) -> Result<v1::Inbox, Failure> {
    let request = internal::CreateInboxRequest {
        tenant_id: tenant.to_owned(),
        name: Some("Inbox".to_owned()),
        email_address: Some(address.to_owned()),
        channel: None,
    };
    let made = core.tenants().create_inbox(Client::operator().ask(request)).await;
    made.map(|made| made.into_inner().inbox.expect("an inbox")).map_err(|status| Failure::of(&status))
}

async fn readdressed(core: &TestCore, tenant: &str, inbox: &str, address: &str) -> Result<v1::Inbox, Failure> {
    let request = internal::UpdateInboxRequest {
        tenant_id: tenant.to_owned(),
        inbox_id: inbox.to_owned(),
        email_address: Some(address.to_owned()),
        ..Default::default()
    };
    let made = core.tenants().update_inbox(Client::operator().ask(request)).await;
    made.map(|made| made.into_inner().inbox.expect("an inbox")).map_err(|status| Failure::of(&status))
}

/// One of two callers gets an address, whichever cores they call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_cores_give_an_address_to_one_inbox() {
    let core = TestCore::postgres().await;
    let beside = core.beside().await;
    let tenant = core.tenant().await;
    let (one, other) = (core.inbox(&tenant.id, "One").await, core.inbox(&tenant.id, "Other").await);
    for turn in 0..20 {
        let address = format!("turn{turn}@example.com");
        let got = match turn % 3 {
            0 => tokio::join!(with_address(&core, &tenant.id, &address), with_address(&beside, &tenant.id, &address)),
            1 => tokio::join!(
                readdressed(&core, &tenant.id, &one, &address),
                readdressed(&beside, &tenant.id, &other, &address)
            ),
            _ => {
                tokio::join!(
                    with_address(&core, &tenant.id, &address),
                    readdressed(&beside, &tenant.id, &other, &address)
                )
            }
        };
        let (given, refused) = match got {
            (Ok(given), Err(refused)) | (Err(refused), Ok(given)) => (given, refused),
            both => panic!("{address}: {both:?}"),
        };
        assert_eq!((given.email_address, refused.reason), (Some(address), Reason::Conflict));
    }
}

on_both!(TestCore:
    inboxes_are_listed_by_name_and_shown_whole,
    an_inbox_is_renamed_and_switched_off_and_on,
    no_two_inboxes_of_a_tenant_have_one_address,
    inboxes_that_shared_an_address_before_work_on,
);

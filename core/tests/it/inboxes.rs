//! Inboxes through the gate: listed by name, shown whole, made and changed by the operator.

use crate::support::{Came as _, Client, Desk, NOTHING, on_both, violations};
use inboxops_proto::{
    internal::v1 as internal,
    reason::Reason,
    v1::{self, Channel, InboxStatus},
};

on_both! {
    async fn inboxes_are_listed_by_name_and_shown_whole(desk: Desk) {
        let (home, other) = (desk.workspace().await, desk.workspace().await);
        let at = desk.clock.now();
        let request = internal::CreateInboxRequest {
            tenant_id: home.id.to_uppercase(),
            name: Some(" billing ".to_owned()),
            email_address: Some("billing@example.com".to_owned()),
            channel: None,
        };
        let made = desk.tenants().create_inbox(Client::operator().ask(request)).await.answer().inbox.expect("an inbox");
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
        desk.inbox(&home.id, "Accounts").await;
        let list = async |page| {
            let request = v1::ListInboxesRequest { page: Some(page), per_page: Some(2) };
            let answer = desk.inboxes().list_inboxes(home.key.ask(request)).await.answer();
            let meta = answer.meta.expect("a meta");
            assert_eq!((meta.total, meta.total_pages), (3, 2));
            answer.inboxes
        };
        let (first, second) = (list(1).await, list(2).await);
        assert_eq!(first.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["Accounts", "billing"]);
        assert_eq!((first[1].clone(), second[0].name.as_str()), (expected.clone(), "Support"));
        assert_eq!(first[0].channel(), Channel::Api, "without an address");

        let get = async |client: &Client, id: &str| {
            let request = v1::GetInboxRequest { inbox_id: id.to_owned() };
            desk.inboxes().get_inbox(client.ask(request)).await
        };
        assert_eq!(get(&home.key, &made.id.to_uppercase()).await.answer().inbox, Some(expected));
        for id in [NOTHING, &other.inbox, "", "1", "billing"] {
            assert_eq!(get(&home.key, id).await.refusal().reason, Reason::InboxNotFound, "{id:?}");
        }
    }

    async fn an_inbox_is_renamed_and_switched_off_and_on(desk: Desk) {
        let (home, other) = (desk.workspace().await, desk.workspace().await);
        let update = async |request: internal::UpdateInboxRequest| {
            desk.tick();
            desk.tenants().update_inbox(Client::operator().ask(request)).await
        };
        let of = |tenant: &str| internal::UpdateInboxRequest {
            tenant_id: tenant.to_owned(),
            inbox_id: home.inbox.clone(),
            ..Default::default()
        };
        let off = internal::UpdateInboxRequest { enabled: Some(false), name: Some("Help".to_owned()), ..of(&home.id) };
        let inbox = update(off.clone()).await.answer().inbox.expect("an inbox");
        assert_eq!((inbox.name.as_str(), inbox.status()), ("Help", InboxStatus::Disabled));
        assert_ne!(inbox.updated_at, inbox.created_at);
        assert_eq!(update(off).await.answer().inbox, Some(inbox.clone()), "what changes nothing moves no time");
        assert_eq!(update(of(&home.id)).await.answer().inbox, Some(inbox));
        let on = internal::UpdateInboxRequest { enabled: Some(true), ..of(&home.id) };
        assert_eq!(update(on).await.answer().inbox.expect("an inbox").status(), InboxStatus::Active);
        assert_eq!(update(of(&other.id)).await.refusal().reason, Reason::InboxNotFound, "named with another tenant");
        assert_eq!(update(of("x")).await.refusal().reason, Reason::TenantNotFound);
        let bad = internal::UpdateInboxRequest { email_address: Some("nobody".to_owned()), ..of(&home.id) };
        assert_eq!(violations(&update(bad).await.refusal()), [("email_address", "invalid_format")]);
    }
}

//! The audit log as REST lists it: by time, actor and action, for keys with the scope.

use crate::tests::support::{Came as _, Client, NOTHING, TestCore, TestTenant, on_both, violations};
use inboxops_proto::{
    reason::Reason,
    v1::{self, AuditActorType, ListAuditLogRequest as Ask},
};
use std::time::Duration;

async fn entries(core: &TestCore, by: &Client, request: Ask) -> Vec<v1::AuditLogEntry> {
    core.audit_logs().list_audit_log(by.ask(request)).await.answer().entries
}

/// A tenant with an administrator who has made two endpoints, a second apart, and a key that may read the log.
async fn acme(core: &TestCore) -> (TestTenant, Client, Client) {
    let tenant = core.tenant().await;
    let ada = core.browser(&tenant.id, "ada@example.com", v1::Role::Admin).await;
    for _ in 0..2 {
        core.clock.advance(Duration::from_secs(1));
        core.endpoint(&ada, &["*"]).await;
    }
    core.clock.advance(Duration::from_secs(1));
    let reader = Client::key(&core.key(&tenant.operator, "Reader", &["audit:read"]).await);
    (tenant, ada, reader)
}

async fn an_entry_says_who_did_what_to_what(core: TestCore) {
    let (tenant, ada, reader) = acme(&core).await;
    let all = entries(&core, &reader, Ask::default()).await;
    let actions: Vec<&str> = all.iter().take(3).map(|it| it.action.as_str()).collect();
    assert_eq!(actions, ["api_key.created", "endpoint.created", "endpoint.created"], "newest first");
    let [by_operator, by_ada] = [&all[0], &all[1]].map(|it| it.actor.clone().expect("an actor"));
    assert_eq!((by_operator.r#type(), by_operator.id), (AuditActorType::Operator, None));
    assert_eq!((by_ada.r#type(), by_ada.name.as_str()), (AuditActorType::Agent, "ada"));
    assert_eq!((all[1].target_kind.as_str(), all[1].target_id.is_some()), ("endpoint", true));
    assert_eq!((all[1].facts[0].name.as_str(), all[1].facts[0].value.as_str()), ("host", "93.184.216.34"));
    assert!(all[1].address.is_some());
    assert_eq!(entries(&core, &ada, Ask::default()).await, all, "an administrator reads it as well");
    assert_eq!(entries(&core, &tenant.operator, Ask::default()).await, all);
    let other = core.tenant().await;
    let theirs = entries(&core, &other.key, Ask::default()).await;
    assert!(theirs.iter().all(|it| all.iter().all(|mine| mine.id != it.id)), "each workspace has its own");
}

async fn filters_select_what_they_name_and_cursors_walk_it(core: TestCore) {
    let (_, _, reader) = acme(&core).await;
    let all = entries(&core, &reader, Ask::default()).await;
    let ada = all[1].actor.clone().expect("an actor").id.expect("an id");
    let (newer, older) = (all[1].created_at, all[2].created_at);
    let created = Ask { action: Some("endpoint.created".to_owned()), ..Ask::default() };
    let table = [
        ("action", created.clone(), 2),
        ("another action", Ask { action: Some("endpoint.lost".to_owned()), ..Ask::default() }, 0),
        ("part of an action", Ask { action: Some("endpoint".to_owned()), ..Ask::default() }, 0),
        ("actor", Ask { actor_id: Some(ada.to_uppercase()), ..Ask::default() }, 3),
        ("no actor", Ask { actor_id: Some(NOTHING.to_owned()), ..Ask::default() }, 0),
        ("both", Ask { actor_id: Some(ada.clone()), ..created.clone() }, 2),
        ("since", Ask { since: newer, ..created.clone() }, 1),
        ("until", Ask { until: newer, ..created.clone() }, 1),
        ("since and until", Ask { since: older, until: newer, ..created.clone() }, 1),
        ("an empty period", Ask { since: newer, until: newer, ..created.clone() }, 0),
        ("everything", Ask::default(), all.len()),
    ];
    for (what, request, count) in table {
        let whole = entries(&core, &reader, request.clone()).await;
        assert_eq!(whole.len(), count, "{what}");
        let (mut walked, mut cursor) = (Vec::new(), None);
        loop {
            let part = Ask { per_page: Some(2), cursor, ..request.clone() };
            let answer = core.audit_logs().list_audit_log(reader.ask(part)).await.answer();
            let meta = answer.meta.expect("a meta");
            assert_eq!(meta.has_more, meta.next_cursor.is_some());
            walked.extend(answer.entries);
            cursor = meta.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(walked, whole, "{what}");
    }
}

async fn it_is_refused_as_the_contract_says(core: TestCore) {
    let (tenant, _, reader) = acme(&core).await;
    let ask = async |by: &Client, request: Ask| core.audit_logs().list_audit_log(by.ask(request)).await;
    let poor = Client::key(&core.key(&tenant.operator, "Poor", &["webhooks:manage"]).await);
    assert_eq!(ask(&poor, Ask::default()).await.refusal().reason, Reason::InsufficientScope);
    let grace = core.browser(&tenant.id, "grace@example.com", v1::Role::Agent).await;
    assert_eq!(ask(&grace, Ask::default()).await.refusal().reason, Reason::RoleRequired);
    let odd = Ask { actor_id: Some("x".to_owned()), action: Some(" ".to_owned()), ..Ask::default() };
    let failure = ask(&reader, odd).await.refusal();
    assert_eq!(violations(&failure), [("actor_id", "invalid_format"), ("action", "blank")]);
    let one = Ask { per_page: Some(1), ..Ask::default() };
    let cursor = ask(&reader, one).await.answer().meta.expect("a meta").next_cursor;
    for odd in [
        Ask { cursor: Some("x".to_owned()), ..Ask::default() },
        Ask { cursor, action: Some("api_key.created".to_owned()), ..Ask::default() },
    ] {
        assert_eq!(ask(&reader, odd).await.refusal().reason, Reason::InvalidCursor);
    }
}

on_both!(TestCore:
    an_entry_says_who_did_what_to_what,
    filters_select_what_they_name_and_cursors_walk_it,
    it_is_refused_as_the_contract_says,
);

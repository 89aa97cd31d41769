//! API keys through the gate: shown once, stored as a hash, renamed, revoked, and with the time of their last use.

use crate::tests::support::{Came as _, Client, NOTHING, TestCore, on_both, violations};
use crate::token::{TokenKind, kind};
use inboxops_proto::{admin::v1 as admin, reason::Reason, v1};
use std::time::Duration;

type New = admin::CreateApiKeyRequest;

fn new(name: &str) -> New {
    New { name: Some(name.to_owned()), ..Default::default() }
}

async fn listed(core: &TestCore, by: &Client, include_revoked: bool) -> Vec<admin::ApiKey> {
    let request = admin::ListApiKeysRequest { include_revoked, ..Default::default() };
    let answer = core.api_keys().list_api_keys(by.ask(request)).await.answer();
    assert_eq!(answer.meta.expect("a meta").total as usize, answer.api_keys.len());
    answer.api_keys
}

fn names(keys: &[admin::ApiKey]) -> Vec<&str> {
    keys.iter().map(|key| key.name.as_str()).collect()
}

async fn a_key_is_shown_once_and_stored_as_its_hash(core: TestCore) {
    let tenant = core.tenant().await;
    let at = core.clock.now();
    let expires_at = Some(at.plus(Duration::from_secs(3600)).into());
    let request = New { scopes: vec!["tags:read".to_owned()], expires_at, ..new(" Zapier ") };
    let answer = core.api_keys().create_api_key(tenant.operator.ask(request)).await.answer();
    assert_eq!((answer.key.len(), kind(&answer.key)), (46, Some(TokenKind::ApiKey)));
    let shown = answer.api_key.expect("a key");
    let expected = admin::ApiKey {
        id: shown.id.clone(),
        name: "Zapier".to_owned(),
        key_prefix: answer.key[..8].to_owned(),
        scopes: vec!["tags:read".to_owned()],
        created_at: Some(at.into()),
        last_used_at: None,
        expires_at,
        revoked_at: None,
        replaced_by: None,
        requests_per_minute: None,
    };
    assert_eq!(shown, expected);
    assert_eq!(listed(&core, &tenant.operator, false).await[0], expected, "newest first, without the key");
    let secret = core.service_token("mail worker", false).await;
    let rows = core.rows().await;
    assert!(rows.hold("Zapier") && rows.hold(&answer.key[..8]), "the search would find it");
    for key in [&answer.key, &answer.key[8..], &tenant.secret[4..], &secret[4..]] {
        assert!(!rows.hold(key), "a key is in the database");
    }
}

async fn a_key_has_all_scopes_unless_some_are_named(core: TestCore) {
    let tenant = core.tenant().await;
    let keys = listed(&core, &tenant.operator, false).await;
    let all = [
        "tickets:read",
        "tickets:write",
        "messages:read",
        "messages:write",
        "tags:read",
        "tags:write",
        "inboxes:read",
        "events:read",
        "webhooks:read",
        "webhooks:manage",
        "audit:read",
    ];
    assert_eq!(keys[0].scopes, all);
    let past = New { expires_at: Some(core.clock.now().into()), ..new("Old") };
    let failure = core.api_keys().create_api_key(tenant.operator.ask(past)).await.refusal();
    assert_eq!(violations(&failure), [("expires_at", "out_of_range")]);
    let odd = New { scopes: vec!["tags:read".to_owned(), "admin".to_owned()], ..New::default() };
    let failure = core.api_keys().create_api_key(tenant.operator.ask(odd)).await.refusal();
    assert_eq!(violations(&failure), [("name", "required"), ("scopes[1]", "invalid_enum")]);
}

async fn a_revoked_key_keeps_its_first_time_and_leaves_the_list(core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    let id = listed(&core, &tenant.operator, false).await[0].id.clone();
    core.key(&tenant.operator, "Second", &[]).await;
    let revoke = async |by: &Client, id: &str| {
        let request = admin::RevokeApiKeyRequest { api_key_id: id.to_owned() };
        core.api_keys().revoke_api_key(by.ask(request)).await
    };
    let rename = async |by: &Client, id: &str| {
        let name = Some(" Renamed ".to_owned());
        let request = admin::UpdateApiKeyRequest { api_key_id: id.to_owned(), name, ..Default::default() };
        core.api_keys().update_api_key(by.ask(request)).await
    };
    for (by, id) in [(&other.operator, id.as_str()), (&tenant.operator, NOTHING), (&tenant.operator, "x")] {
        assert_eq!(revoke(by, id).await.refusal().reason, Reason::ApiKeyNotFound);
        assert_eq!(rename(by, id).await.refusal().reason, Reason::ApiKeyNotFound);
    }
    assert_eq!(rename(&tenant.operator, &id).await.answer().api_key.expect("a key").name, "Renamed");
    let me = core.identity().who_am_i(tenant.key.ask(v1::WhoAmIRequest {})).await.answer();
    assert_eq!(me.identity.and_then(|it| it.key).expect("a key").name, "Renamed", "known at once");
    let second = core.get_me(&other.key).await.key.expect("a key").id;
    assert!(revoke(&Client::operator(), &second).await.answer().api_key.is_some(), "the operator may name it alone");
    let first = revoke(&tenant.operator, &id).await.answer().api_key.expect("a key");
    assert_eq!(first.revoked_at, Some(core.clock.now().into()));
    core.tick();
    assert_eq!(revoke(&tenant.operator, &id).await.answer().api_key, Some(first));
    assert_eq!(names(&listed(&core, &tenant.operator, false).await), ["Second"]);
    assert_eq!(listed(&core, &tenant.operator, true).await.len(), 2);
}

async fn the_time_of_the_last_use_is_written_in_the_end(mut core: TestCore) {
    let tenant = core.tenant().await;
    core.get_me(&tenant.key).await;
    core.clock.advance(Duration::from_secs(30));
    let used = core.clock.now();
    core.get_me(&tenant.key).await;
    core.run();
    core.stop().await;
    let keys = listed(&core, &tenant.operator, false).await;
    assert_eq!(keys[0].last_used_at, Some(used.into()));
}

async fn a_rotated_key_has_a_grace_and_its_successor_its_rights(core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    let old = Client::key(&core.key(&tenant.operator, "Zapier", &["tags:read"]).await);
    let id = core.get_me(&old).await.key.expect("a key").id;
    let rotate = async |by: &Client, id: &str, grace_hours: Option<u32>| {
        let request = admin::RotateApiKeyRequest { api_key_id: id.to_owned(), grace_hours };
        core.api_keys().rotate_api_key(by.ask(request)).await
    };
    assert_eq!(rotate(&other.operator, &id, None).await.refusal().reason, Reason::ApiKeyNotFound);
    let long = rotate(&tenant.operator, &id, Some(169)).await.refusal();
    assert_eq!(violations(&long), [("grace_hours", "out_of_range")]);
    core.tick();
    let answer = rotate(&tenant.operator, &id, Some(48)).await.answer();
    let (new, replaced) = (answer.api_key.expect("a key"), answer.replaced.expect("the old one"));
    assert_eq!((new.name.as_str(), &new.scopes[..]), ("Zapier", &["tags:read".to_owned()][..]));
    assert_eq!((replaced.id.as_str(), replaced.replaced_by.as_ref()), (id.as_str(), Some(&new.id)));
    let grace = Duration::from_secs(48 * 3600);
    assert_eq!((replaced.expires_at, new.expires_at), (Some(core.clock.now().plus(grace).into()), None));
    assert_eq!(core.get_me(&Client::key(&answer.key)).await.key.expect("a key").id, new.id);
    assert_eq!(rotate(&tenant.operator, &id, None).await.refusal().reason, Reason::Conflict, "once");
    core.clock.advance(grace - Duration::from_micros(1));
    assert_eq!(core.get_me(&old).await.key.expect("a key").id, id);
    core.clock.advance(Duration::from_micros(1));
    let refused = core.identity().who_am_i(old.ask(v1::WhoAmIRequest {})).await.refusal();
    assert_eq!(refused.reason, Reason::ExpiredApiKey);
    let successor = Client::key(&rotate(&tenant.operator, &new.id, Some(0)).await.answer().key);
    let refused = core.identity().who_am_i(Client::key(&answer.key).ask(v1::WhoAmIRequest {})).await.refusal();
    assert_eq!(refused.reason, Reason::ExpiredApiKey, "no grace at all");
    core.get_me(&successor).await;
}

on_both!(TestCore:
    a_key_is_shown_once_and_stored_as_its_hash,
    a_key_has_all_scopes_unless_some_are_named,
    a_revoked_key_keeps_its_first_time_and_leaves_the_list,
    the_time_of_the_last_use_is_written_in_the_end,
    a_rotated_key_has_a_grace_and_its_successor_its_rights,
);

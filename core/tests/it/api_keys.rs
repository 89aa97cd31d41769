//! API keys through the gate: shown once, known by their hash, renamed, revoked, and told when they were used.

use crate::support::{Came as _, Client, Desk, NOTHING, on_both, violations};
use inboxops_core::token::{TokenKind, kind};
use inboxops_proto::{admin::v1 as admin, reason::Reason, v1};
use std::time::Duration;

type New = admin::CreateApiKeyRequest;

fn new(name: &str) -> New {
    New { name: Some(name.to_owned()), ..Default::default() }
}

async fn listed(desk: &Desk, by: &Client, include_revoked: bool) -> Vec<admin::ApiKey> {
    let request = admin::ListApiKeysRequest { include_revoked, ..Default::default() };
    let answer = desk.api_keys().list_api_keys(by.ask(request)).await.answer();
    assert_eq!(answer.meta.expect("a meta").total as usize, answer.api_keys.len());
    answer.api_keys
}

fn names(keys: &[admin::ApiKey]) -> Vec<&str> {
    keys.iter().map(|key| key.name.as_str()).collect()
}

async fn a_key_is_shown_once_and_stored_as_its_hash(desk: Desk) {
    let home = desk.workspace().await;
    let at = desk.clock.now();
    let expires_at = Some(at.plus(Duration::from_secs(3600)).into());
    let request = New { scopes: vec!["tags:read".to_owned()], expires_at, ..new(" Zapier ") };
    let answer = desk.api_keys().create_api_key(home.operator.ask(request)).await.answer();
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
    };
    assert_eq!(shown, expected);
    assert_eq!(listed(&desk, &home.operator, false).await[0], expected, "newest first, without the key");
    let secret = desk.service_token("mail worker", false).await;
    let rows = desk.rows().await;
    assert!(rows.hold("Zapier") && rows.hold(&answer.key[..8]), "the search would find it");
    for key in [&answer.key, &answer.key[8..], &home.secret[4..], &secret[4..]] {
        assert!(!rows.hold(key), "a key is in the database");
    }
}

async fn a_key_has_all_scopes_unless_some_are_named(desk: Desk) {
    let home = desk.workspace().await;
    let keys = listed(&desk, &home.operator, false).await;
    let all = [
        "tickets:read",
        "tickets:write",
        "messages:read",
        "messages:write",
        "tags:read",
        "tags:write",
        "inboxes:read",
        "events:read",
        "webhooks:manage",
    ];
    assert_eq!(keys[0].scopes, all);
    let past = New { expires_at: Some(desk.clock.now().into()), ..new("Old") };
    let failure = desk.api_keys().create_api_key(home.operator.ask(past)).await.refusal();
    assert_eq!(violations(&failure), [("expires_at", "out_of_range")]);
    let odd = New { scopes: vec!["tags:read".to_owned(), "admin".to_owned()], ..New::default() };
    let failure = desk.api_keys().create_api_key(home.operator.ask(odd)).await.refusal();
    assert_eq!(violations(&failure), [("name", "required"), ("scopes[1]", "invalid_enum")]);
}

async fn a_revoked_key_keeps_its_first_time_and_leaves_the_list(desk: Desk) {
    let (home, other) = (desk.workspace().await, desk.workspace().await);
    let id = listed(&desk, &home.operator, false).await[0].id.clone();
    desk.key(&home.operator, "Second", &[]).await;
    let revoke = async |by: &Client, id: &str| {
        let request = admin::RevokeApiKeyRequest { api_key_id: id.to_owned() };
        desk.api_keys().revoke_api_key(by.ask(request)).await
    };
    let rename = async |by: &Client, id: &str| {
        let request = admin::UpdateApiKeyRequest { api_key_id: id.to_owned(), name: Some(" Renamed ".to_owned()) };
        desk.api_keys().update_api_key(by.ask(request)).await
    };
    for (by, id) in [(&other.operator, id.as_str()), (&home.operator, NOTHING), (&home.operator, "x")] {
        assert_eq!(revoke(by, id).await.refusal().reason, Reason::ApiKeyNotFound);
        assert_eq!(rename(by, id).await.refusal().reason, Reason::ApiKeyNotFound);
    }
    assert_eq!(rename(&home.operator, &id).await.answer().api_key.expect("a key").name, "Renamed");
    let me = desk.identity().who_am_i(home.key.ask(v1::WhoAmIRequest {})).await.answer();
    assert_eq!(me.identity.and_then(|it| it.key).expect("a key").name, "Renamed", "known at once");
    let second = desk.get_me(&other.key).await.key.expect("a key").id;
    assert!(revoke(&Client::operator(), &second).await.answer().api_key.is_some(), "the operator may name it alone");
    let first = revoke(&home.operator, &id).await.answer().api_key.expect("a key");
    assert_eq!(first.revoked_at, Some(desk.clock.now().into()));
    desk.tick();
    assert_eq!(revoke(&home.operator, &id).await.answer().api_key, Some(first));
    assert_eq!(names(&listed(&desk, &home.operator, false).await), ["Second"]);
    assert_eq!(listed(&desk, &home.operator, true).await.len(), 2);
}

async fn the_time_of_the_last_use_is_written_in_the_end(mut desk: Desk) {
    let home = desk.workspace().await;
    desk.get_me(&home.key).await;
    desk.clock.advance(Duration::from_secs(30));
    let used = desk.clock.now();
    desk.get_me(&home.key).await;
    desk.run();
    desk.stop().await;
    let keys = listed(&desk, &home.operator, false).await;
    assert_eq!(keys[0].last_used_at, Some(used.into()));
}

async fn a_rotated_key_has_a_grace_and_its_successor_its_rights(desk: Desk) {
    let (home, other) = (desk.workspace().await, desk.workspace().await);
    let old = Client::key(&desk.key(&home.operator, "Zapier", &["tags:read"]).await);
    let id = desk.get_me(&old).await.key.expect("a key").id;
    let rotate = async |by: &Client, id: &str, grace_hours: Option<u32>| {
        let request = admin::RotateApiKeyRequest { api_key_id: id.to_owned(), grace_hours };
        desk.api_keys().rotate_api_key(by.ask(request)).await
    };
    assert_eq!(rotate(&other.operator, &id, None).await.refusal().reason, Reason::ApiKeyNotFound);
    let long = rotate(&home.operator, &id, Some(169)).await.refusal();
    assert_eq!(violations(&long), [("grace_hours", "out_of_range")]);
    desk.tick();
    let answer = rotate(&home.operator, &id, Some(48)).await.answer();
    let (new, replaced) = (answer.api_key.expect("a key"), answer.replaced.expect("the old one"));
    assert_eq!((new.name.as_str(), &new.scopes[..]), ("Zapier", &["tags:read".to_owned()][..]));
    assert_eq!((replaced.id.as_str(), replaced.replaced_by.as_ref()), (id.as_str(), Some(&new.id)));
    let grace = Duration::from_secs(48 * 3600);
    assert_eq!((replaced.expires_at, new.expires_at), (Some(desk.clock.now().plus(grace).into()), None));
    assert_eq!(desk.get_me(&Client::key(&answer.key)).await.key.expect("a key").id, new.id);
    assert_eq!(rotate(&home.operator, &id, None).await.refusal().reason, Reason::Conflict, "once");
    desk.clock.advance(grace - Duration::from_micros(1));
    assert_eq!(desk.get_me(&old).await.key.expect("a key").id, id);
    desk.clock.advance(Duration::from_micros(1));
    let refused = desk.identity().who_am_i(old.ask(v1::WhoAmIRequest {})).await.refusal();
    assert_eq!(refused.reason, Reason::ExpiredApiKey);
    let successor = Client::key(&rotate(&home.operator, &new.id, Some(0)).await.answer().key);
    let refused = desk.identity().who_am_i(Client::key(&answer.key).ask(v1::WhoAmIRequest {})).await.refusal();
    assert_eq!(refused.reason, Reason::ExpiredApiKey, "no grace at all");
    desk.get_me(&successor).await;
}

on_both!(Desk:
    a_key_is_shown_once_and_stored_as_its_hash,
    a_key_has_all_scopes_unless_some_are_named,
    a_revoked_key_keeps_its_first_time_and_leaves_the_list,
    the_time_of_the_last_use_is_written_in_the_end,
    a_rotated_key_has_a_grace_and_its_successor_its_rights,
);

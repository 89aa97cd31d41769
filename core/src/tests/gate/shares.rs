//! Shares of keys in their tenant's rate limit: both windows exact together, what counts, and what a caller is told.

use super::{CREATE_TICKET, LIST_TICKETS, WHO_AM_I, knock, limits::limit};
use crate::tests::support::{Came as _, Client, TestCore, TestTenant, on_both, violations};
use inboxops_proto::{admin::v1 as admin, reason::Reason, v1};
use std::time::Duration;
use tonic::metadata::MetadataMap;

/// A key with this share and these scopes (all if none is given), and its id.
async fn key(core: &TestCore, tenant: &TestTenant, share: Option<u32>, scopes: &[&str]) -> (Client, String) {
    let request = admin::CreateApiKeyRequest {
        name: Some("Shared".to_owned()),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        requests_per_minute: share,
        ..Default::default()
    };
    let made = core.api_keys().create_api_key(tenant.operator.ask(request)).await.answer();
    let shown = made.api_key.expect("a key");
    assert_eq!(shown.requests_per_minute, share);
    (Client::key(&made.key), shown.id)
}

/// Changes a key's share; 0 for none.
async fn share(core: &TestCore, by: &Client, id: &str, share: u32) -> admin::ApiKey {
    let requests_per_minute = Some(share);
    let request = admin::UpdateApiKeyRequest { api_key_id: id.to_owned(), name: None, requests_per_minute };
    core.api_keys().update_api_key(by.ask(request)).await.answer().api_key.expect("a key")
}

fn told(metadata: &MetadataMap) -> [String; 4] {
    ["ratelimit-policy", "ratelimit", "x-ratelimit-limit", "x-ratelimit-remaining"]
        .map(|name| metadata.get(name).expect(name).to_str().expect("ASCII").to_owned())
}

async fn headers(core: &TestCore, by: &Client) -> [String; 4] {
    told(core.identity().who_am_i(by.ask(v1::WhoAmIRequest {})).await.expect("an answer").metadata())
}

/// The scope and the wait of a refusal by the rate limit.
async fn full(core: &TestCore, path: &str, by: &Client) -> (String, u32) {
    let failure = core.call(path, by.ask(Vec::new())).await.unwrap_err();
    assert_eq!(failure.reason, Reason::RateLimited);
    assert_eq!(failure.facts[0].0, "limit_scope");
    (failure.facts[0].1.clone(), failure.retry_after_secs.expect("a wait"))
}

/// Calls by keys with and without a share, on these cores in turn, compared with the rule: no rolling minute holds more
/// of the tenant's or of a key's calls than allowed, and none is refused while both windows have room.
async fn compare_with_the_rule(cores: &[&TestCore], seed: u64) {
    let core = cores[0];
    let tenant = core.tenant().await;
    limit(core, &tenant, Some(9)).await;
    let shares = [Some(3), Some(5), None];
    let mut keys = Vec::new();
    for share in shares {
        keys.push(key(core, &tenant, share, &[]).await.0);
    }
    // The moments of accepted calls, in microseconds from the start, with their keys.
    let (mut now, mut accepted) = (0u64, Vec::<(u64, usize)>::new());
    let mut state = seed;
    let mut roll = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let (mut refused, mut by_key) = (0, 0);
    for n in 0..400 {
        let gap = roll(6_000_001);
        // Some calls come at once, some exactly when a window frees.
        let gap = match roll(4) {
            0 => 0,
            1 => accepted.iter().map(|(at, _)| at + 60_000_000).find(|at| *at >= now).map_or(gap, |at| at - now),
            _ => gap,
        };
        now += gap;
        core.clock.advance(Duration::from_micros(gap));
        let by = roll(3) as usize;
        let recent = accepted.iter().filter(|(at, _)| at + 60_000_000 > now);
        let (all, own) = recent.fold((0, 0), |(all, own), (_, key)| (all + 1, own + u32::from(*key == by)));
        let key_is_full = shares[by].is_some_and(|share| own >= share);
        let verdict = knock(cores[n % cores.len()], LIST_TICKETS, &keys[by]).await;
        let expected = if all < 9 && !key_is_full { Ok(()) } else { Err(Reason::RateLimited) };
        assert_eq!(verdict, expected, "call {n} of key {by}: {all} of all and {own} of it in the last minute");
        if verdict.is_ok() {
            accepted.push((now, by));
        } else {
            refused += 1;
            by_key += u32::from(key_is_full && all < 9);
        }
    }
    assert!(accepted.len() > 50 && refused > 50 && by_key > 5, "{} {refused} {by_key}", accepted.len());
}

async fn calls_count_for_key_and_tenant_together_and_exactly(core: TestCore) {
    for seed in [1, 2] {
        compare_with_the_rule(&[&core], seed).await;
        core.clock.advance(Duration::from_secs(60));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_the_windows_of_keys() {
    let core = TestCore::postgres().await;
    let second = core.beside().await;
    compare_with_the_rule(&[&core, &second], 3).await;
    core.clock.advance(Duration::from_secs(60));
    // The same at once, and a share that another process has changed.
    let tenant = core.tenant().await;
    let (by, id) = key(&core, &tenant, Some(10), &[]).await;
    let calls = (0..30).map(|n| knock(if n % 2 == 0 { &core } else { &second }, LIST_TICKETS, &by));
    let answers = futures_util::future::join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 10);
    share(&core, &tenant.operator, &id, 11).await;
    assert_eq!(knock(&core, LIST_TICKETS, &by).await, Ok(()), "at once where it was changed");
    share(&core, &tenant.operator, &id, 12).await;
    core.clock.advance(Duration::from_secs(1));
    assert_eq!(knock(&second, LIST_TICKETS, &by).await, Ok(()), "within a second elsewhere");
    assert_eq!(knock(&second, LIST_TICKETS, &by).await, Err(Reason::RateLimited));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_that_another_process_has_no_room_for_is_told_when_there_is() {
    let core = TestCore::postgres().await;
    let second = core.beside().await;
    let tenant = core.tenant().await;
    limit(&core, &tenant, Some(3)).await;
    for _ in 0..3 {
        assert_eq!(knock(&second, LIST_TICKETS, &tenant.key).await, Ok(()));
    }
    core.clock.advance(Duration::from_secs(30));
    // The key is known from here on, so that all ask the database at once.
    assert_eq!(knock(&core, LIST_TICKETS, &tenant.key).await, Err(Reason::RateLimited));
    let calls = (0..20).map(|_| full(&core, LIST_TICKETS, &tenant.key));
    for told in futures_util::future::join_all(calls).await {
        assert_eq!(told, ("tenant".to_owned(), 30), "calls that wait for their refusal fill no window");
    }
}

async fn exactly_the_share_comes_in_of_a_flood(core: TestCore) {
    let tenant = core.tenant().await;
    limit(&core, &tenant, Some(20)).await;
    let (by, _) = key(&core, &tenant, Some(8), &[]).await;
    let mixed = (0..60).map(|n| knock(&core, LIST_TICKETS, if n % 2 == 0 { &by } else { &tenant.key }));
    let answers = futures_util::future::join_all(mixed).await;
    let accepted = |turn: usize| answers.iter().skip(turn).step_by(2).filter(|answer| answer.is_ok()).count();
    assert!(accepted(0) <= 8, "{}", accepted(0));
    assert_eq!(accepted(0) + accepted(1), 20, "what the key may not have is there for others");
}

async fn the_headers_tell_both_policies_and_the_nearer_end(core: TestCore) {
    let tenant = core.tenant().await;
    limit(&core, &tenant, Some(5)).await;
    let (by, _) = key(&core, &tenant, Some(3), &[]).await;
    let policy = "\"tenant\";q=5;w=60, \"key\";q=3;w=60";
    assert_eq!(headers(&core, &by).await, [policy, "\"key\";r=2;t=60", "3", "2"]);
    core.clock.advance(Duration::from_secs(10));
    assert_eq!(headers(&core, &tenant.key).await, ["\"tenant\";q=5;w=60", "\"tenant\";r=3;t=50", "5", "3"]);
    assert_eq!(headers(&core, &tenant.key).await[1], "\"tenant\";r=2;t=50");
    assert_eq!(headers(&core, &by).await, [policy, "\"key\";r=1;t=50", "3", "1"], "a tie is the key's");
    assert_eq!(headers(&core, &tenant.key).await[1], "\"tenant\";r=0;t=50");
    assert_eq!(full(&core, WHO_AM_I, &by).await, ("tenant".to_owned(), 50), "it has one left of its own");
    core.clock.advance(Duration::from_secs(50));
    let last = [policy, "\"tenant\";r=0;t=10", "5", "0"];
    assert_eq!(headers(&core, &by).await, last, "its first call is a minute old, and the tenant's window is nearer");
    core.clock.advance(Duration::from_secs(10));
    for left in [1, 0] {
        assert_eq!(headers(&core, &by).await[3], left.to_string());
    }
    assert_eq!(full(&core, WHO_AM_I, &by).await, ("key".to_owned(), 50));
    let status = core.identity().who_am_i(by.ask(v1::WhoAmIRequest {})).await.unwrap_err();
    assert_eq!(told(status.metadata()), [policy, "\"key\";r=0;t=50", "3", "0"]);
    assert_eq!(knock(&core, LIST_TICKETS, &tenant.key).await, Ok(()), "others go on");
}

async fn a_share_counts_at_once_and_no_further_than_the_limit(core: TestCore) {
    let tenant = core.tenant().await;
    limit(&core, &tenant, Some(4)).await;
    let (by, id) = key(&core, &tenant, Some(50), &[]).await;
    assert_eq!(headers(&core, &by).await[0], "\"tenant\";q=4;w=60, \"key\";q=4;w=60");
    let own = core.get_me(&by).await.key.expect("a key").limit.expect("a share");
    assert_eq!((own.requests, own.window_seconds), (4, 60), "capped");
    assert_eq!(share(&core, &tenant.operator, &id, 2).await.requests_per_minute, Some(2));
    assert_eq!(full(&core, WHO_AM_I, &by).await.0, "key", "its two calls fill the new share");
    limit(&core, &tenant, Some(40)).await;
    assert_eq!(share(&core, &Client::operator(), &id, 30).await.requests_per_minute, Some(30), "the id is enough");
    assert_eq!(headers(&core, &by).await[0], "\"tenant\";q=40;w=60, \"key\";q=30;w=60", "up to the new limit");
    assert_eq!(share(&core, &tenant.operator, &id, 0).await.requests_per_minute, None);
    assert_eq!(headers(&core, &by).await[0], "\"tenant\";q=40;w=60");
    assert_eq!(core.get_me(&by).await.key.expect("a key").limit, None);
}

async fn a_share_is_bounded_kept_by_a_rotation_and_on_record(core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    for wrong in [0, 1_000_001] {
        let name = Some("Wrong".to_owned());
        let request = admin::CreateApiKeyRequest { name, requests_per_minute: Some(wrong), ..Default::default() };
        let failure = core.api_keys().create_api_key(tenant.operator.ask(request)).await.refusal();
        assert_eq!(violations(&failure), [("requests_per_minute", "out_of_range")]);
    }
    let (_, id) = key(&core, &tenant, Some(7), &[]).await;
    core.tick();
    let strange = admin::UpdateApiKeyRequest { api_key_id: id.clone(), name: None, requests_per_minute: Some(9) };
    let refused = core.api_keys().update_api_key(other.operator.ask(strange)).await.refusal();
    assert_eq!(refused.reason, Reason::ApiKeyNotFound);
    let rename = admin::UpdateApiKeyRequest {
        api_key_id: id.clone(),
        name: Some("Renamed".to_owned()),
        requests_per_minute: None,
    };
    let renamed = core.api_keys().update_api_key(tenant.operator.ask(rename)).await.answer().api_key.expect("a key");
    assert_eq!((renamed.name.as_str(), renamed.requests_per_minute), ("Renamed", Some(7)));
    core.tick();
    let shared = share(&core, &tenant.operator, &id, 8).await;
    assert_eq!((shared.name.as_str(), shared.requests_per_minute), ("Renamed", Some(8)));
    core.tick();
    let request = admin::RotateApiKeyRequest { api_key_id: id, grace_hours: None };
    let rotated = core.api_keys().rotate_api_key(tenant.operator.ask(request)).await.answer();
    assert_eq!(rotated.api_key.expect("a key").requests_per_minute, Some(8));
    assert_eq!(headers(&core, &Client::key(&rotated.key)).await[2], "8");
    let request = admin::ListAuditEntriesRequest { limit: Some(4), ..Default::default() };
    let entries = core.audits().list_audit_entries(tenant.operator.ask(request)).await.answer().entries;
    let actions: Vec<&str> = entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["api_key.rotated", "api_key.share_changed", "api_key.renamed", "api_key.created"]);
    let facts = |n: usize| entries[n].facts.iter().map(|fact| fact.value.as_str()).collect::<Vec<_>>();
    assert_eq!(facts(1), ["Renamed", "8"]);
    assert_eq!(facts(3).last(), Some(&"7"));
}

async fn a_call_counts_only_when_plan_and_scope_permit_it(core: TestCore) {
    let tenant = core.tenant().await;
    limit(&core, &tenant, Some(5)).await;
    let (by, _) = key(&core, &tenant, Some(2), &["tickets:read"]).await;
    for _ in 0..10 {
        assert_eq!(knock(&core, CREATE_TICKET, &by).await, Err(Reason::InsufficientScope));
    }
    core.set_plan(&tenant.id, v1::Plan::Free).await;
    assert_eq!(knock(&core, LIST_TICKETS, &by).await, Err(Reason::EntitlementRequired));
    core.set_plan(&tenant.id, v1::Plan::Business).await;
    assert_eq!(headers(&core, &by).await[1], "\"key\";r=1;t=60", "the first one that counts");
    let request = v1::CreateTicketRequest::default();
    let status = core.tickets().create_ticket(by.ask(request)).await.unwrap_err();
    assert_eq!(told(status.metadata())[1], "\"key\";r=1;t=60", "a refusal tells, and counts nothing");
    let unknown = v1::GetTicketRequest { ticket_id: "7".to_owned() };
    let failure = core.tickets().get_ticket(by.ask(unknown)).await.refusal();
    assert_eq!(failure.reason, Reason::TicketNotFound, "what passes both counts, whatever comes of it");
    assert_eq!(full(&core, CREATE_TICKET, &by).await.0, "key", "a full window is answered before the scope");
    assert_eq!(headers(&core, &tenant.key).await[3], "2");
}

async fn too_many_refusals_of_a_key_are_a_refusal_of_their_own(core: TestCore) {
    let tenant = core.tenant().await;
    let (by, _) = key(&core, &tenant, None, &["tickets:read"]).await;
    let (other, _) = key(&core, &tenant, None, &["tickets:read"]).await;
    for _ in 0..600 {
        assert_eq!(knock(&core, CREATE_TICKET, &by).await, Err(Reason::InsufficientScope));
    }
    core.clock.advance(Duration::from_secs(20));
    assert_eq!(full(&core, CREATE_TICKET, &by).await, ("refusals".to_owned(), 40));
    assert_eq!(knock(&core, LIST_TICKETS, &by).await, Ok(()), "what the key may do is not refused");
    assert_eq!(knock(&core, CREATE_TICKET, &other).await, Err(Reason::InsufficientScope), "nor other keys");
    core.clock.advance(Duration::from_secs(40));
    assert_eq!(knock(&core, CREATE_TICKET, &by).await, Err(Reason::InsufficientScope));
}

on_both!(TestCore:
    calls_count_for_key_and_tenant_together_and_exactly,
    exactly_the_share_comes_in_of_a_flood,
    the_headers_tell_both_policies_and_the_nearer_end,
    a_share_counts_at_once_and_no_further_than_the_limit,
    a_share_is_bounded_kept_by_a_rotation_and_on_record,
    a_call_counts_only_when_plan_and_scope_permit_it,
    too_many_refusals_of_a_key_are_a_refusal_of_their_own,
);

//! The gate's rate limits: exact to the request and the microsecond, shared where processes share a database.

use super::{LIST_TICKETS, WHO_AM_I, knock, through_edge};
use crate::tests::support::{Came as _, Client, TestCore, TestTenant, on_both};
use inboxops_proto::{internal::v1 as internal, reason::Reason, v1};
use std::time::Duration;

pub(super) async fn limit(core: &TestCore, tenant: &TestTenant, requests_per_minute: Option<u32>) {
    let request = internal::SetRateLimitRequest { tenant_id: tenant.id.clone(), requests_per_minute };
    core.tenants().set_rate_limit(Client::operator().ask(request)).await.answer();
}

/// The results of concurrent calls.
#[derive(Debug, PartialEq)]
struct Flood {
    let_in: usize,
    too_many: usize,
}

/// Makes concurrent calls, on these cores in turn.
async fn flood(cores: &[&TestCore], by: &Client, calls: usize) -> Flood {
    let calls = (0..calls).map(|n| knock(cores[n % cores.len()], LIST_TICKETS, by));
    let answers = futures_util::future::join_all(calls).await;
    let count = |wanted: Result<(), Reason>| answers.iter().filter(|answer| **answer == wanted).count();
    Flood { let_in: count(Ok(())), too_many: count(Err(Reason::RateLimited)) }
}

async fn exactly_the_limit_comes_in_of_a_flood(core: TestCore) {
    let tenant = core.tenant().await;
    limit(&core, &tenant, Some(20)).await;
    assert_eq!(flood(&[&core], &tenant.key, 21).await, Flood { let_in: 20, too_many: 1 });
    assert_eq!(flood(&[&core], &tenant.key, 20).await, Flood { let_in: 0, too_many: 20 });
    core.clock.advance(Duration::from_secs(60) - Duration::from_micros(1));
    assert_eq!(flood(&[&core], &tenant.key, 5).await, Flood { let_in: 0, too_many: 5 });
    core.clock.advance(Duration::from_micros(1));
    assert_eq!(
        flood(&[&core], &tenant.key, 30).await,
        Flood { let_in: 20, too_many: 10 },
        "refused ones were not counted"
    );
}

async fn all_keys_of_a_tenant_share_its_window_and_no_other_tenant_does(core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    limit(&core, &tenant, Some(3)).await;
    let second = Client::key(&core.key(&tenant.operator, "Second", &[]).await);
    assert_eq!(flood(&[&core], &second, 2).await, Flood { let_in: 2, too_many: 0 });
    assert_eq!(flood(&[&core], &tenant.key, 2).await, Flood { let_in: 1, too_many: 1 });
    assert_eq!(flood(&[&core], &other.key, 5).await, Flood { let_in: 5, too_many: 0 });
    assert_eq!(
        flood(&[&core], &tenant.operator, 5).await,
        Flood { let_in: 5, too_many: 0 },
        "the operator is not counted"
    );
    limit(&core, &tenant, Some(5)).await;
    assert_eq!(flood(&[&core], &second, 3).await, Flood { let_in: 2, too_many: 1 }, "a new limit counts at once");
}

async fn every_answer_to_a_key_tells_where_its_tenant_stands(core: TestCore) {
    let tenant = core.tenant().await;
    limit(&core, &tenant, Some(2)).await;
    core.clock.advance(Duration::from_millis(999));
    let now = core.clock.now().secs();
    let me = || tenant.key.ask(v1::WhoAmIRequest {});
    let told = |metadata: &tonic::metadata::MetadataMap| {
        let names =
            ["ratelimit-policy", "ratelimit", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];
        names.map(|name| metadata.get(name).expect(name).to_str().expect("ASCII").to_owned())
    };
    let expected = |left: u32, wait: i64| {
        let standing = format!("\"tenant\";r={left};t={wait}");
        ["\"tenant\";q=2;w=60".to_owned(), standing, "2".to_owned(), left.to_string(), (now + 60).to_string()]
    };
    let answer = core.identity().who_am_i(me()).await.expect("an answer");
    assert_eq!(told(answer.metadata()), expected(1, 60));
    core.clock.advance(Duration::from_millis(1500));
    let request = v1::GetTicketRequest { ticket_id: "7".to_owned() };
    let refused = core.tickets().get_ticket(tenant.key.ask(request)).await.unwrap_err();
    let told_now = told(refused.metadata());
    assert_eq!(told_now[3], "0", "a refusal counts and tells, too");
    let status = core.identity().who_am_i(me()).await.unwrap_err();
    let failure = inboxops_proto::failure::Failure::of(&status);
    assert_eq!((failure.reason, failure.retry_after_secs), (Reason::RateLimited, Some(59)), "58.5 s rounded up");
    assert_eq!(failure.facts, [("limit_scope", "tenant".to_owned())]);
    assert_eq!(told(status.metadata())[1], "\"tenant\";r=0;t=59");
}

async fn guessing_is_limited_by_address_and_valid_keys_pass(core: TestCore) {
    let core = core.again(|settings| settings.failed_auth_per_minute = 5).await;
    let tenant = core.tenant().await;
    let guess = Client::key(&format!("ixk_{}", "0".repeat(42)));
    let (bad, other) = (guess.at([203, 0, 113, 5]), guess.at([203, 0, 113, 6]));
    for _ in 0..5 {
        assert_eq!(knock(&core, WHO_AM_I, &bad).await, Err(Reason::InvalidApiKey));
    }
    let failure = core.call(WHO_AM_I, bad.ask(Vec::new())).await.unwrap_err();
    assert_eq!((failure.reason, failure.facts), (Reason::RateLimited, vec![("limit_scope", "ip".to_owned())]));
    assert!(failure.retry_after_secs.is_some_and(|secs| (1..=12).contains(&secs)));
    assert_eq!(knock(&core, WHO_AM_I, &tenant.key.at([203, 0, 113, 5])).await, Ok(()), "a valid key still works");
    assert_eq!(knock(&core, WHO_AM_I, &other).await, Err(Reason::InvalidApiKey));
    let missing = Client::nobody().at([203, 0, 113, 5]);
    assert_eq!(knock(&core, WHO_AM_I, &missing).await, Err(Reason::RateLimited));

    let edge = core.service_token("edge", false).await;
    let forged = async |peer: u8, token: &str| {
        let request = through_edge(guess.at([203, 0, 114, peer]).ask(Vec::new()), token);
        core.call(WHO_AM_I, request).await.unwrap_err().reason
    };
    for peer in 0..5 {
        assert_eq!(forged(peer, "").await, Reason::InvalidApiKey);
    }
    assert_eq!(forged(99, "").await, Reason::RateLimited, "a forged origin opens no new window");
    assert_eq!(forged(100, &edge).await, Reason::InvalidApiKey, "an edge's origin does");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_one_window_and_one_revocation() {
    let core = TestCore::postgres().await;
    let second = core.beside().await;
    let tenant = core.tenant().await;
    limit(&core, &tenant, Some(20)).await;
    assert_eq!(flood(&[&core, &second], &tenant.key, 41).await, Flood { let_in: 20, too_many: 21 });
    core.clock.advance(Duration::from_secs(60));
    let id = core.get_me(&tenant.key).await.key.expect("a key").id;
    second.get_me(&tenant.key).await;
    let request = inboxops_proto::admin::v1::RevokeApiKeyRequest { api_key_id: id };
    core.api_keys().revoke_api_key(tenant.operator.ask(request)).await.answer();
    core.clock.advance(Duration::from_secs(1));
    assert_eq!(knock(&second, WHO_AM_I, &tenant.key).await, Err(Reason::RevokedApiKey), "within a second");
}

on_both!(TestCore:
    exactly_the_limit_comes_in_of_a_flood,
    all_keys_of_a_tenant_share_its_window_and_no_other_tenant_does,
    every_answer_to_a_key_tells_where_its_tenant_stands,
    guessing_is_limited_by_address_and_valid_keys_pass,
);

//! Identity through the gate: a caller sees its own present identity.

use crate::tests::support::{Came as _, Client, TestCore, on_both};
use inboxops_proto::{
    failure::Failure,
    internal::v1 as internal,
    reason::Reason,
    v1::{self, Plan},
};

async fn a_key_is_told_its_scopes_plan_and_limit(core: TestCore) {
    let tenant = core.tenant().await;
    let secret = core.key(&tenant.operator, "Reader", &["tags:read", "tickets:read", "tags:read"]).await;
    let key = Client::key(&secret);
    let me = async |by: &Client| {
        let answer = core.identity().who_am_i(by.ask(v1::WhoAmIRequest {})).await.answer();
        answer.identity.expect("an identity")
    };
    let identity = me(&key).await;
    let shown = identity.key.expect("a key");
    assert_eq!((shown.name.as_str(), shown.key_prefix.as_str()), ("Reader", &secret[..8]));
    assert_eq!(shown.limit, None, "it has no share of its own");
    assert_eq!(shown.scopes, ["tickets:read", "tags:read"], "in the order of the catalogue, each once");
    assert_eq!(identity.tenant, Some(v1::IdentityTenant { id: tenant.id.clone(), name: "Acme".to_owned() }));
    assert_eq!(identity.plan, i32::from(Plan::Business));
    assert_eq!(identity.entitlements, ["public_api", "webhooks"]);
    assert_eq!(identity.limit, Some(v1::RateLimit { requests: 10_000, window_seconds: 60 }));

    let request = internal::SetRateLimitRequest { tenant_id: tenant.id.clone(), requests_per_minute: Some(7) };
    core.tenants().set_rate_limit(Client::operator().ask(request)).await.answer();
    let request = internal::SetEntitlementRequest {
        tenant_id: tenant.id.clone(),
        entitlement: Some("webhooks".to_owned()),
        r#override: Some(internal::EntitlementOverride::Disabled.into()),
    };
    core.tenants().set_entitlement(Client::operator().ask(request)).await.answer();
    let identity = me(&key).await;
    assert_eq!((identity.entitlements, identity.limit.expect("a limit").requests), (vec!["public_api".to_owned()], 7));
    assert_eq!(me(&tenant.operator).await.key, None, "the operator has none");
}

async fn its_scopes_are_told_whatever_its_limit_and_plan(core: TestCore) {
    let tenant = core.tenant().await;
    let key = Client::key(&core.key(&tenant.operator, "Reader", &["tags:read", "tickets:read"]).await);
    let request = internal::SetRateLimitRequest { tenant_id: tenant.id.clone(), requests_per_minute: Some(1) };
    core.tenants().set_rate_limit(Client::operator().ask(request)).await.answer();
    let scopes = async |by: &Client| core.identity().get_key_scopes(by.ask(v1::GetKeyScopesRequest {})).await;
    for _ in 0..3 {
        assert_eq!(scopes(&key).await.answer().scopes, ["tickets:read", "tags:read"]);
    }
    core.identity().who_am_i(key.ask(v1::WhoAmIRequest {})).await.answer();
    let status = core.identity().who_am_i(key.ask(v1::WhoAmIRequest {})).await.expect_err("the one call is used up");
    assert_eq!(Failure::of(&status).reason, Reason::RateLimited);
    core.set_plan(&tenant.id, Plan::Free).await;
    let suspended = internal::SetSuspendedRequest { tenant_id: tenant.id.clone(), suspended: true };
    core.tenants().set_suspended(Client::operator().ask(suspended)).await.answer();
    assert_eq!(scopes(&key).await.answer().scopes.len(), 2, "a full window and a plan without the API change nothing");
    for (by, reason) in [(&Client::nobody(), Reason::MissingApiKey), (&tenant.operator, Reason::RoleRequired)] {
        assert_eq!(Failure::of(&scopes(by).await.expect_err("no key")).reason, reason);
    }
}

on_both!(TestCore: a_key_is_told_its_scopes_plan_and_limit, its_scopes_are_told_whatever_its_limit_and_plan);

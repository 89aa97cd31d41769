//! Tenants through the gate: created and changed by the operator; what a plan includes and an override changes.

use crate::tests::support::{Came as _, Client, NOTHING, TestCore, on_both, violations};
use inboxops_proto::{
    failure::Failure,
    internal::v1::{self as internal, EntitlementOverride},
    reason::Reason,
    v1::{self, Plan},
};

fn by_operator<T>(message: T) -> tonic::Request<T> {
    Client::operator().ask(message)
}

async fn a_new_tenant_is_on_plan_free_and_has_nothing(core: TestCore) {
    let at = core.clock.now();
    let request = internal::CreateTenantRequest { name: Some(" Acme ".to_owned()), plan: None };
    let tenant = core.tenants().create_tenant(by_operator(request)).await.answer().tenant.expect("a tenant");
    let expected = internal::Tenant {
        id: tenant.id.clone(),
        name: "Acme".to_owned(),
        plan: Plan::Free.into(),
        entitlements: Vec::new(),
        suspended: false,
        requests_per_minute: None,
        created_at: Some(at.into()),
    };
    assert_eq!(tenant, expected);
    core.tenant().await;
    let answer = core.tenants().list_tenants(by_operator(internal::ListTenantsRequest::default())).await.answer();
    assert_eq!((answer.tenants.len(), answer.meta.expect("a meta").total), (2, 2));
    assert!(answer.tenants.contains(&expected));
    let empty = internal::CreateTenantRequest { name: Some(" ".to_owned()), plan: Some(0) };
    let failure = core.tenants().create_tenant(by_operator(empty)).await.refusal();
    assert_eq!(violations(&failure), [("name", "blank"), ("plan", "invalid_enum")]);
}

async fn plans_and_overrides_decide_what_a_tenant_has(core: TestCore) {
    let tenant = core.tenant().await;
    let plan = async |plan: Plan| {
        let request = internal::SetPlanRequest { tenant_id: tenant.id.clone(), plan: Some(plan.into()) };
        core.tenants().set_plan(by_operator(request)).await.answer().tenant.expect("a tenant").entitlements
    };
    let set = async |name: &str, to: EntitlementOverride| {
        let request = internal::SetEntitlementRequest {
            tenant_id: tenant.id.clone(),
            entitlement: Some(name.to_owned()),
            r#override: Some(to.into()),
        };
        core.tenants().set_entitlement(by_operator(request)).await.answer().tenant.expect("a tenant").entitlements
    };
    let both = ["public_api", "webhooks"];
    assert_eq!(plan(Plan::Free).await, [""; 0]);
    assert_eq!(plan(Plan::Starter).await, [""; 0]);
    assert_eq!(plan(Plan::Business).await, both);
    assert_eq!(plan(Plan::Enterprise).await, both);
    assert_eq!(set("webhooks", EntitlementOverride::Disabled).await, ["public_api"]);
    assert_eq!(plan(Plan::Free).await, [""; 0]);
    assert_eq!(set("public_api", EntitlementOverride::Enabled).await, ["public_api"], "an override beats the plan");
    assert_eq!(set("webhooks", EntitlementOverride::Default).await, ["public_api"]);
    assert_eq!(plan(Plan::Business).await, both);
}

async fn a_change_names_a_tenant_that_exists(core: TestCore) {
    for tenant_id in [NOTHING.to_owned(), String::new(), "acme".to_owned()] {
        let tenants = core.tenants();
        let plan = internal::SetPlanRequest { tenant_id: tenant_id.clone(), plan: Some(Plan::Free.into()) };
        assert_eq!(tenants.set_plan(by_operator(plan)).await.refusal().reason, Reason::TenantNotFound);
        let suspended = internal::SetSuspendedRequest { tenant_id: tenant_id.clone(), suspended: true };
        assert_eq!(tenants.set_suspended(by_operator(suspended)).await.refusal().reason, Reason::TenantNotFound);
        let limit = internal::SetRateLimitRequest { tenant_id: tenant_id.clone(), requests_per_minute: Some(5) };
        assert_eq!(tenants.set_rate_limit(by_operator(limit)).await.refusal().reason, Reason::TenantNotFound);
        let inbox = internal::CreateInboxRequest {
            tenant_id: tenant_id.clone(),
            name: Some("Support".to_owned()),
            ..Default::default()
        };
        assert_eq!(tenants.create_inbox(by_operator(inbox)).await.refusal().reason, Reason::TenantNotFound);
    }
    let bad = internal::SetEntitlementRequest { entitlement: Some("sso".to_owned()), ..Default::default() };
    let failure = core.tenants().set_entitlement(by_operator(bad)).await.refusal();
    assert_eq!(violations(&failure), [("entitlement", "invalid_enum"), ("override", "required")]);
    let zero = internal::SetRateLimitRequest { requests_per_minute: Some(0), ..Default::default() };
    let failure = core.tenants().set_rate_limit(by_operator(zero)).await.refusal();
    assert_eq!(violations(&failure), [("requests_per_minute", "out_of_range")]);
}

async fn the_operator_finds_the_tenant_of_an_endpoint_and_of_a_delivery(core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    let endpoint = core.endpoint(&tenant.key, &["*"]).await.id;
    let theirs = core.endpoint(&other.key, &["*"]).await.id;
    core.ticket(&tenant, "Hello").await;
    let delivery = core.deliveries_of(&tenant.key, &endpoint).await.remove(0).id;
    let find = async |endpoint_id: &str, delivery_id: &str| {
        let request =
            internal::FindOwnerRequest { endpoint_id: endpoint_id.to_owned(), delivery_id: delivery_id.to_owned() };
        let found = core.tenants().find_owner(by_operator(request)).await;
        found.map(|it| it.into_inner().tenant_id).map_err(|status| Failure::of(&status).reason)
    };
    assert_eq!(find(&endpoint, "").await, Ok(tenant.id.clone()));
    assert_eq!(find(&theirs, "").await, Ok(other.id.clone()));
    assert_eq!(find("", &delivery).await, Ok(tenant.id.clone()));
    for wrong in [NOTHING, "hook", &delivery] {
        assert_eq!(find(wrong, "").await, Err(Reason::EndpointNotFound), "{wrong}");
    }
    for wrong in [NOTHING, "", "hook", &endpoint] {
        assert_eq!(find("", wrong).await, Err(Reason::DeliveryNotFound), "{wrong}");
    }
    let gone = v1::DeleteWebhookEndpointRequest { endpoint_id: endpoint.clone() };
    core.webhooks().delete_webhook_endpoint(tenant.key.ask(gone)).await.answer();
    assert_eq!(find(&endpoint, "").await, Err(Reason::EndpointNotFound), "a deleted one");
    let request = internal::FindOwnerRequest { endpoint_id: theirs, ..Default::default() };
    assert_eq!(core.tenants().find_owner(tenant.key.ask(request)).await.refusal().reason, Reason::RoleRequired);
}

on_both!(TestCore:
    the_operator_finds_the_tenant_of_an_endpoint_and_of_a_delivery,
    a_new_tenant_is_on_plan_free_and_has_nothing,
    plans_and_overrides_decide_what_a_tenant_has,
    a_change_names_a_tenant_that_exists,
);

//! Agents through the gate: created by the operator, listed by name, one for each address.

use crate::tests::support::{Came as _, Client, NOTHING, TestCore, on_both, violations};
use inboxops_proto::{
    internal::v1 as internal,
    reason::Reason,
    v1::{self, Role},
};

async fn agents_are_listed_by_name_with_their_roles(core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    core.agent(&other.id, "eve@example.com").await;
    let make = async |email: &str, name: Option<&str>, role: Option<Role>| {
        let request = internal::CreateAgentRequest {
            tenant_id: tenant.id.clone(),
            email: Some(email.to_owned()),
            name: name.map(str::to_owned),
            role: role.map(Into::into),
        };
        core.tenants().create_agent(Client::operator().ask(request)).await
    };
    make("grace@example.com", Some(" Grace Hopper "), Some(Role::Admin)).await.answer();
    let ada = make("ada@example.com", None, None).await.answer().agent.expect("an agent");
    assert_eq!((ada.name.as_str(), ada.role()), ("ada", Role::Agent), "named after the address");
    let answer = core.agents().list_agents(tenant.key.ask(v1::ListAgentsRequest::default())).await.answer();
    let shown: Vec<_> = answer.agents.iter().map(|it| (it.name.as_str(), it.email.as_str(), it.role())).collect();
    assert_eq!(shown, [("ada", "ada@example.com", Role::Agent), ("Grace Hopper", "grace@example.com", Role::Admin)]);
    assert_eq!(answer.agents[0], ada);
    assert_eq!(answer.meta.expect("a meta").total, 2);

    for email in ["ada@example.com", "ADA@Example.com"] {
        let failure = make(email, None, None).await.refusal();
        assert_eq!(violations(&failure), [("email", "invalid_format")], "{email} belongs to somebody");
    }
    assert_eq!(violations(&make("nobody", None, None).await.refusal()), [("email", "invalid_format")]);
    let request = internal::CreateAgentRequest {
        tenant_id: NOTHING.to_owned(),
        email: Some("ada@example.com".to_owned()),
        ..Default::default()
    };
    let failure = core.tenants().create_agent(Client::operator().ask(request)).await.refusal();
    assert_eq!(failure.reason, Reason::TenantNotFound);
    core.agent(&other.id, "ada@example.com").await;
}

on_both!(TestCore: agents_are_listed_by_name_with_their_roles);

//! Service tokens through the gate: listed without their secret, and refused from the moment of their end.

use crate::tests::support::{Came as _, Client, NOTHING, TestCore, on_both};
use inboxops_proto::{internal::v1 as internal, reason::Reason};
use std::time::Duration;

async fn create(core: &TestCore, name: &str, dispatch_only: bool) -> (String, Client) {
    let made = internal::CreateServiceTokenRequest { name: Some(name.to_owned()), dispatch_only };
    let answer = core.service_tokens().create_service_token(Client::operator().ask(made)).await.answer();
    (answer.service_token.expect("a token").id, Client::key(&answer.token))
}

async fn listed(core: &TestCore, include_revoked: bool) -> Vec<internal::ServiceToken> {
    let request = internal::ListServiceTokensRequest { include_revoked, ..Default::default() };
    let answer = core.service_tokens().list_service_tokens(Client::operator().ask(request)).await.answer();
    assert_eq!(answer.meta.expect("a meta").total as usize, answer.service_tokens.len());
    answer.service_tokens
}

async fn revoke(core: &TestCore, id: &str) -> internal::ServiceToken {
    let request = internal::RevokeServiceTokenRequest { service_token_id: id.to_owned() };
    let answer = core.service_tokens().revoke_service_token(Client::operator().ask(request)).await.answer();
    answer.service_token.expect("a token")
}

async fn a_revoked_token_is_refused_at_once_and_others_go_on(core: TestCore) {
    let (leaked, by) = create(&core, "leaked", false).await;
    core.tick();
    let (kept, other) = create(&core, "worker", true).await;
    let names = |tokens: Vec<internal::ServiceToken>| tokens.into_iter().map(|token| token.name).collect::<Vec<_>>();
    assert_eq!(names(listed(&core, false).await), ["worker", "leaked"], "newest first");
    let ask = async |by: &Client| {
        let request = internal::ListTenantsRequest::default();
        core.tenants()
            .list_tenants(by.ask(request))
            .await
            .map(drop)
            .map_err(|status| inboxops_proto::failure::Failure::of(&status).reason)
    };
    assert_eq!(ask(&by).await, Ok(()), "and it is cached from now on");
    assert_eq!(ask(&other).await, Err(Reason::RoleRequired), "a worker's");

    core.clock.advance(Duration::from_secs(1));
    let at = core.clock.now();
    let ended = revoke(&core, &leaked).await;
    assert_eq!((ended.name.as_str(), ended.revoked_at), ("leaked", Some(at.into())));
    assert_eq!(ask(&by).await, Err(Reason::InvalidApiKey));
    assert_eq!(ask(&other).await, Err(Reason::RoleRequired), "it is still known");
    core.clock.advance(Duration::from_secs(1));
    assert_eq!(revoke(&core, &leaked).await, ended, "a second time changes nothing");

    let left = listed(&core, false).await;
    assert_eq!((left.len(), left[0].id.as_str(), left[0].dispatch_only), (1, kept.as_str(), true));
    assert_eq!(listed(&core, true).await[1], ended);
    assert!(core.rows().await.hold("service_token.revoked") && core.rows().await.hold("service_token.created"));
}

async fn only_the_operator_lists_and_revokes_tokens(core: TestCore) {
    let tenant = core.tenant().await;
    let (id, by) = create(&core, "program", false).await;
    for client in [&by, &tenant.key] {
        let request = internal::ListServiceTokensRequest::default();
        let refused = core.service_tokens().list_service_tokens(client.ask(request)).await.refusal();
        assert_eq!(refused.reason, Reason::RoleRequired);
        let request = internal::RevokeServiceTokenRequest { service_token_id: id.clone() };
        let refused = core.service_tokens().revoke_service_token(client.ask(request)).await.refusal();
        assert_eq!(refused.reason, Reason::RoleRequired);
    }
    for wrong in [NOTHING, "program", ""] {
        let request = internal::RevokeServiceTokenRequest { service_token_id: wrong.to_owned() };
        let refused = core.service_tokens().revoke_service_token(Client::operator().ask(request)).await.refusal();
        assert_eq!((refused.reason, &*refused.message), (Reason::ApiKeyNotFound, "No such service token."));
    }
    assert_eq!(listed(&core, false).await.len(), 1);
}

on_both!(TestCore:
    a_revoked_token_is_refused_at_once_and_others_go_on,
    only_the_operator_lists_and_revokes_tokens,
);

//! The gate: who may make which call, in which order calls are refused, and whose metadata are trusted.

mod ids;
mod limits;
mod scopes;
mod shares;

use crate::tests::support::{Came as _, Client, NOTHING, TestCore, on_both};
use inboxops_proto::{
    failure::{Failure, Violation},
    gate::{Rpc, Undecodable},
    internal::v1 as internal,
    reason::Reason,
    services::RPCS,
    v1::{self, Plan},
    wire::{self, Origin, Way},
};
use std::{fmt::Write as _, time::Duration};
use tonic::Request;

const WHO_AM_I: &str = "/inboxops.v1.IdentityService/WhoAmI";
const LIST_TICKETS: &str = "/inboxops.v1.TicketService/ListTickets";
const CREATE_TICKET: &str = "/inboxops.v1.TicketService/CreateTicket";

async fn knock(core: &TestCore, path: &str, by: &Client) -> Result<(), Reason> {
    core.call(path, by.ask(Vec::new())).await.map_err(|failure| failure.reason)
}

/// The gate's own verdict on an empty call; the service behind it may refuse for other reasons.
async fn verdict(core: &TestCore, rpc: &Rpc, by: &Client) -> &'static str {
    match knock(core, rpc.path, by).await {
        Err(
            reason @ (Reason::MissingApiKey
            | Reason::InvalidSession
            | Reason::InvalidApiKey
            | Reason::RevokedApiKey
            | Reason::EntitlementRequired
            | Reason::InsufficientScope
            | Reason::RoleRequired
            | Reason::TenantSuspended
            | Reason::RateLimited),
        ) => reason.rest_code(),
        Err(Reason::InternalError | Reason::ServiceUnavailable | Reason::Timeout) => panic!("{}", rpc.path),
        _ => "yes",
    }
}

async fn override_to(core: &TestCore, tenant: &str, entitlement: &str, to: internal::EntitlementOverride) {
    let request = internal::SetEntitlementRequest {
        tenant_id: tenant.to_owned(),
        entitlement: Some(entitlement.to_owned()),
        r#override: Some(to.into()),
    };
    core.tenants().set_entitlement(Client::operator().ask(request)).await.answer();
}

async fn suspend(core: &TestCore, tenant: &str, suspended: bool) {
    let request = internal::SetSuspendedRequest { tenant_id: tenant.to_owned(), suspended };
    core.tenants().set_suspended(Client::operator().ask(request)).await.answer();
}

/// A call as an edge in another process forwards it.
fn through_edge<T>(mut request: Request<T>, token: &str) -> Request<T> {
    wire::outgoing(&mut request, &token.parse().expect("tokens are ASCII"));
    // The core's own listener saw the edge.
    let peer = Some([192, 0, 2, 1].into());
    let seen = Origin { peer, way: Way::Grpc, request_id: "req_core".to_owned(), same_origin: false, secure: false };
    request.extensions_mut().clear();
    request.extensions_mut().insert(seen);
    request
}

fn undecodable(by: &Client) -> Request<Vec<u8>> {
    let mut request = by.ask(Vec::new());
    request.extensions_mut().insert(Undecodable(Failure::new(Reason::MalformedJson)));
    request
}

/// The refusal of this credential by an RPC for service tokens only.
async fn told(core: &TestCore, by: &Client) -> Failure {
    const INGEST: &str = "/inboxops.internal.v1.IngestService/IngestInboundMessage";
    core.call(INGEST, by.ask(Vec::new())).await.expect_err("a refusal")
}

async fn where_a_token_is_wanted_a_refusal_speaks_of_tokens(core: TestCore) {
    let tenant = core.tenant().await;
    let poor = core.tenant().await;
    core.set_plan(&poor.id, Plan::Free).await;
    let token = core.service_token("mail", false).await;
    let worker = Client::key(&core.service_token("worker", true).await);
    let unknown = format!("{}{}", &token[..token.len() - 1], if token.ends_with('0') { '1' } else { '0' });
    let (not_valid, not_a_key) = ("The service token is not valid.", "not an API key");
    for (by, reason, words) in [
        (&Client::nobody(), Reason::MissingApiKey, "Send a service token"),
        (&Client::key(&unknown), Reason::InvalidApiKey, not_valid),
        (&Client::key("ixs_"), Reason::InvalidApiKey, not_valid),
        (&Client::key("secret"), Reason::InvalidApiKey, not_valid),
        (&Client::key(&format!("ixk_{}", &unknown[4..])), Reason::InvalidApiKey, not_valid),
        (&tenant.key, Reason::RoleRequired, not_a_key),
        (&poor.key, Reason::EntitlementRequired, not_a_key),
        (&worker, Reason::RoleRequired, "is for a worker"),
    ] {
        let failure = told(&core, by).await;
        assert_eq!(failure.reason, reason, "{by:?}");
        assert!(failure.message.contains(words), "{by:?}: {}", failure.message);
        assert!(!failure.message.contains("ixk_"), "{by:?}: {}", failure.message);
    }
    // Where keys may call, a refusal speaks of the credential that was sent.
    let list = async |by: &Client| core.call(LIST_TICKETS, by.ask(Vec::new())).await.expect_err("a refusal").message;
    assert_eq!(list(&Client::key(&unknown)).await, not_valid);
    assert_eq!(list(&Client::key("secret")).await, Reason::InvalidApiKey.message());
    assert_eq!(list(&worker).await, told(&core, &worker).await.message);
}

async fn each_call_is_open_to_those_that_its_policy_names_and_to_no_others(core: TestCore) {
    let tenant = core.tenant().await;
    let reader = Client::key(&core.key(&tenant.operator, "Reader", &["events:read"]).await);
    let (poor, halved, barred) = (core.tenant().await, core.tenant().await, core.tenant().await);
    core.set_plan(&poor.id, Plan::Free).await;
    override_to(&core, &halved.id, "webhooks", internal::EntitlementOverride::Disabled).await;
    suspend(&core, &barred.id, true).await;
    let service = Client::key(&core.service_token("billing", false).await).for_tenant(&tenant.id);
    let worker = Client::key(&core.service_token("worker", true).await).for_tenant(&tenant.id);
    let mut local = Client::nobody().at([192, 0, 2, 9]);
    local.origin = Origin { peer: None, way: Way::Local, ..local.origin };
    let callers = [
        ("full key", &tenant.key),
        ("key without scope", &reader),
        ("key on free", &poor.key),
        ("key without webhooks", &halved.key),
        ("key of suspended", &barred.key),
        ("service", &service),
        ("worker", &worker),
        ("operator", &tenant.operator),
        ("local socket", &local),
    ];
    let (grace, hopper) =
        (core.agent(&tenant.id, "g@example.com").await.id, core.agent(&tenant.id, "h@example.com").await.id);
    let ada = core.agent(&poor.id, "ada@example.com").await.id;
    for agent_id in [&hopper, &ada] {
        let role = Some(v1::Role::Admin.into());
        let promoted = internal::UpdateAgentRequest { agent_id: agent_id.clone(), role, ..Default::default() };
        core.tenants().update_agent(Client::operator().ask(promoted)).await.answer();
    }
    let mut table = String::new();
    let mut rpcs = RPCS.to_vec();
    rpcs.sort_by_key(|rpc| rpc.path);
    for (rpc, host) in rpcs.into_iter().zip(1..) {
        writeln!(table, "{}", rpc.path).expect("a string takes all");
        // Missing and wrong credentials are limited by address.
        let nobody = Client::nobody().at([192, 0, 3, host]);
        for (name, client) in [("nobody", &nobody)].into_iter().chain(callers) {
            writeln!(table, "    {name}: {}", verdict(&core, rpc, client).await).expect("a string takes all");
        }
        // Each in a session of its own, since one of the calls ends it.
        for (name, agent) in [("admin", &hopper), ("admin on free", &ada), ("agent", &grace)] {
            let browser = core.signed_in(agent).await;
            writeln!(table, "    {name}: {}", verdict(&core, rpc, &browser).await).expect("a string takes all");
        }
    }
    insta::assert_snapshot!("callers", table);
}

async fn refusals_come_in_the_order_of_the_contract(core: TestCore) {
    let tenant = core.tenant().await;
    let key = Client::key(&core.key(&tenant.operator, "Reader", &["tags:read"]).await);
    let limit = internal::SetRateLimitRequest { tenant_id: tenant.id.clone(), requests_per_minute: Some(3) };
    core.tenants().set_rate_limit(Client::operator().ask(limit)).await.answer();
    core.set_plan(&tenant.id, Plan::Free).await;
    suspend(&core, &tenant.id, true).await;
    // Everything is wrong at once; the first refusal is corrected next.
    let ask = async |by: &Client| core.call(CREATE_TICKET, undecodable(by)).await.unwrap_err();
    assert_eq!(ask(&Client::nobody()).await.reason, Reason::MissingApiKey);
    assert_eq!(ask(&key).await.reason, Reason::TenantSuspended);
    suspend(&core, &tenant.id, false).await;
    let failure = ask(&key).await;
    let facts = vec![("entitlement", "public_api".to_owned()), ("minimum_plan", "business".to_owned())];
    assert_eq!((failure.reason, failure.facts), (Reason::EntitlementRequired, facts));
    core.set_plan(&tenant.id, Plan::Business).await;
    let failure = ask(&key).await;
    assert_eq!(
        (failure.reason, failure.facts),
        (Reason::InsufficientScope, vec![("scope", "tickets:write".to_owned())])
    );
    assert_eq!(ask(&tenant.key).await.reason, Reason::MalformedJson, "then what the edge could not read");
    let failure = core.call(CREATE_TICKET, tenant.key.ask(Vec::new())).await.unwrap_err();
    assert_eq!(failure.reason, Reason::ValidationFailed);
    let mut both = tenant.key.ask(Vec::new());
    let unknown = Violation::new("colour", inboxops_proto::reason::DetailCode::UnknownField, "is unknown");
    both.extensions_mut().insert(Undecodable(Failure::invalid(unknown)));
    let failure = core.call(CREATE_TICKET, both).await.unwrap_err();
    let fields: Vec<&str> = failure.violations.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(fields, ["colour", "subject", "inbox_id"], "rules of one step in one answer");
    assert_eq!(
        ask(&key).await.reason,
        Reason::RateLimited,
        "three calls passed plan and scope; a full window comes first"
    );
    assert_eq!(ask(&Client::key("ixk_")).await.reason, Reason::InvalidApiKey, "but after the credentials");
}

async fn a_revoked_key_is_refused_at_once(core: TestCore) {
    let tenant = core.tenant().await;
    let key = Client::key(&core.key(&tenant.operator, "Short", &[]).await);
    let id = core.get_me(&key).await.key.expect("a key").id;
    let request = inboxops_proto::admin::v1::RevokeApiKeyRequest { api_key_id: id };
    core.api_keys().revoke_api_key(tenant.operator.ask(request)).await.answer();
    assert_eq!(knock(&core, WHO_AM_I, &key).await, Err(Reason::RevokedApiKey));
    assert_eq!(knock(&core, WHO_AM_I, &tenant.key).await, Ok(()), "others live on");
}

async fn an_expired_key_is_refused_from_its_moment_on(core: TestCore) {
    let tenant = core.tenant().await;
    let lives = Duration::from_secs(3600);
    let request = inboxops_proto::admin::v1::CreateApiKeyRequest {
        name: Some("Short".to_owned()),
        expires_at: Some(core.clock.now().plus(lives).into()),
        ..Default::default()
    };
    let key = Client::key(&core.api_keys().create_api_key(tenant.operator.ask(request)).await.answer().key);
    core.clock.advance(lives - Duration::from_micros(1));
    assert_eq!(knock(&core, WHO_AM_I, &key).await, Ok(()));
    core.clock.advance(Duration::from_micros(1));
    assert_eq!(knock(&core, WHO_AM_I, &key).await, Err(Reason::ExpiredApiKey), "though it was cached");
}

async fn plan_and_suspension_count_at_once(core: TestCore) {
    let tenant = core.tenant().await;
    assert_eq!(knock(&core, LIST_TICKETS, &tenant.key).await, Ok(()));
    core.set_plan(&tenant.id, Plan::Starter).await;
    assert_eq!(knock(&core, LIST_TICKETS, &tenant.key).await, Err(Reason::EntitlementRequired));
    override_to(&core, &tenant.id, "public_api", internal::EntitlementOverride::Enabled).await;
    assert_eq!(knock(&core, LIST_TICKETS, &tenant.key).await, Ok(()));
    let hooks = "/inboxops.v1.WebhookService/ListWebhookEndpoints";
    let failure = core.call(hooks, tenant.key.ask(Vec::new())).await.unwrap_err();
    assert_eq!((failure.reason, failure.facts[0].1.as_str()), (Reason::EntitlementRequired, "webhooks"));
    suspend(&core, &tenant.id, true).await;
    assert_eq!(knock(&core, LIST_TICKETS, &tenant.key).await, Err(Reason::TenantSuspended));
    assert_eq!(knock(&core, LIST_TICKETS, &tenant.operator).await, Ok(()), "the operator still gets in");
    suspend(&core, &tenant.id, false).await;
    assert_eq!(knock(&core, LIST_TICKETS, &tenant.key).await, Ok(()));
}

async fn a_credential_is_read_from_the_bearer_header_alone(core: TestCore) {
    let tenant = core.tenant().await;
    let with = async |name: &'static str, value: String| {
        let mut request = Client::nobody().ask(Vec::new());
        request.metadata_mut().insert(name, value.parse().expect("ASCII"));
        core.call(WHO_AM_I, request).await.map_err(|failure| failure.reason)
    };
    let secret = &tenant.secret;
    for scheme in ["Bearer", "bearer", "BEARER"] {
        assert_eq!(with("authorization", format!("{scheme} {secret}")).await, Ok(()));
    }
    assert_eq!(with("authorization", format!("Basic {secret}")).await, Err(Reason::MissingApiKey));
    assert_eq!(with("authorization", secret.clone()).await, Err(Reason::MissingApiKey));
    assert_eq!(with("cookie", format!("key={secret}")).await, Err(Reason::MissingApiKey));
    assert_eq!(with("x-api-key", secret.clone()).await, Err(Reason::MissingApiKey));
    let mut wrong = secret.clone();
    wrong.replace_range(10..11, if &secret[10..11] == "a" { "b" } else { "a" });
    for odd in ["", "ixk_", &secret[..45], &wrong, &secret.to_lowercase(), &format!("{secret}0")] {
        assert_eq!(with("authorization", format!("Bearer {odd}")).await, Err(Reason::InvalidApiKey), "{odd}");
    }
}

async fn a_program_of_the_operator_names_its_tenant(core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    core.ticket(&tenant, "Ours").await;
    let service = Client::key(&core.service_token("billing", false).await);
    for tenant in ["", "acme", NOTHING] {
        assert_eq!(knock(&core, LIST_TICKETS, &service.for_tenant(tenant)).await, Err(Reason::TenantNotFound));
    }
    assert_eq!(knock(&core, LIST_TICKETS, &service).await, Err(Reason::TenantNotFound), "none is named");
    assert_eq!(core.get_ticket(&service.for_tenant(&tenant.id.to_uppercase()), "1").await.subject, "Ours");
    let request = v1::GetTicketRequest { ticket_id: "1".to_owned() };
    let failure = core.tickets().get_ticket(service.for_tenant(&other.id).ask(request)).await.refusal();
    assert_eq!(failure.reason, Reason::TicketNotFound);
    let stubborn = other.key.for_tenant(&tenant.id);
    assert_eq!(core.get_me(&stubborn).await.tenant.expect("a tenant").id, other.id, "a key has its own tenant");
}

async fn an_edges_word_is_believed_with_a_service_token_only(core: TestCore) {
    let tenant = core.tenant().await;
    let (edge, worker) = (core.service_token("edge", false).await, core.service_token("worker", true).await);
    let ask = async |token: &str| {
        core.call(WHO_AM_I, through_edge(undecodable(&tenant.key), token)).await.map_err(|failure| failure.reason)
    };
    assert_eq!(ask(&edge).await, Err(Reason::MalformedJson), "the marker is the answer");
    assert_eq!(ask("").await, Ok(()), "without a token it is noise");
    assert_eq!(ask(&worker).await, Err(Reason::RoleRequired));
    assert_eq!(ask(&tenant.secret).await, Err(Reason::InvalidApiKey), "a customer's key is no edge");
    assert_eq!(ask("ixs_").await, Err(Reason::InvalidApiKey));

    let mut local = Client::nobody();
    local.origin.way = Way::Local;
    let mut request = local.ask(Vec::new());
    request.extensions_mut().insert(crate::Caller::operator());
    let request = through_edge(request, &edge);
    let failure = core.call(WHO_AM_I, request).await.unwrap_err();
    assert_eq!(failure.reason, Reason::MissingApiKey, "an edge cannot make an operator");
}

on_both!(TestCore:
    where_a_token_is_wanted_a_refusal_speaks_of_tokens,
    each_call_is_open_to_those_that_its_policy_names_and_to_no_others,
    refusals_come_in_the_order_of_the_contract,
    a_revoked_key_is_refused_at_once,
    an_expired_key_is_refused_from_its_moment_on,
    plan_and_suspension_count_at_once,
    a_credential_is_read_from_the_bearer_header_alone,
    a_program_of_the_operator_names_its_tenant,
    an_edges_word_is_believed_with_a_service_token_only,
);

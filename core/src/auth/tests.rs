//! People of a tenant at the gate: what their roles, their plan and a suspension allow. Signing in is tested elsewhere.

use super::*;
use crate::{
    store::{
        Options, Queue,
        tenants::{Plan, Tenant},
    },
    time_and_chance::Chance,
};
use inboxops_proto::{clock::Clock, cookie, id::AgentId, services::RPCS, v1::Role};

async fn tenant(change: impl FnOnce(&mut Tenant)) -> (tempfile::TempDir, Authority, TenantId) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let clock = Clock::manual(Timestamp::from_micros(1_795_521_600_000_000));
    let url = format!("sqlite:{}", folder.path().join("test.db").display());
    let db = Db::open(Options::new(&url, clock.clone())).await.expect("a database");
    let stamps = Stamps::new(clock, Chance::seeded(1));
    let stamp = stamps.stamp();
    let mut tenant = Tenant {
        id: stamp.ids().next(TenantId::new),
        name: "Acme".to_owned(),
        plan: Plan::Business,
        webhooks: None,
        public_api: None,
        suspended: false,
        requests_per_minute: None,
        created_at: stamp.at,
        updated_at: stamp.at,
    };
    change(&mut tenant);
    let id = tenant.id;
    let made = db.system(Queue::Tenant(id), async move |tx| store::tenants::insert(tx, &tenant).await);
    made.await.expect("a tenant");
    let limits = Limits { requests_per_minute: 100, failed_auth_per_minute: 60 };
    (folder, Authority::new(db, stamps, limits, MasterKey::new([7; 32])), id)
}

/// The gate's verdict on each call of a person with this role.
async fn verdicts(authority: &Authority, tenant: TenantId, role: Role) -> Vec<(&'static Rpc, Result<(), Reason>)> {
    let id = authority.stamps.stamp().ids().next(AgentId::new);
    let who = Who::Agent { id, name: "Grace".to_owned(), role };
    let caller = Caller::new(who, Some(TenantScope::new(tenant)));
    let mut verdicts = Vec::new();
    for rpc in RPCS.iter().filter(|rpc| !rpc.policy.public) {
        let allowed = authority.allow(&rpc.policy, &[], &caller).await;
        verdicts.push((*rpc, allowed.map_err(|error| error.into_failure().reason)));
    }
    verdicts
}

#[tokio::test]
async fn a_role_opens_what_asks_for_it_or_for_less() {
    let (_folder, authority, tenant) = tenant(|_| {}).await;
    for (role, opens) in [(Role::Agent, &[Role::Agent][..]), (Role::Admin, &[Role::Agent, Role::Admin])] {
        for (rpc, verdict) in verdicts(&authority, tenant, role).await {
            let open = rpc.policy.session.is_some_and(|least| opens.contains(&least));
            let expected = if open { Ok(()) } else { Err(Reason::RoleRequired) };
            assert_eq!(verdict, expected, "{} for {role:?}", rpc.path);
        }
    }
}

#[tokio::test]
async fn people_work_and_read_on_every_plan_but_make_keys_and_endpoints_only_on_one_that_has_them() {
    let (_folder, authority, tenant) = tenant(|tenant| tenant.plan = Plan::Free).await;
    for (rpc, verdict) in verdicts(&authority, tenant, Role::Admin).await {
        let entitlement = rpc.policy.entitlement.filter(|_| !rpc.policy.spares_sessions);
        let expected = match (entitlement, rpc.policy.session) {
            (Some(_), _) => Err(Reason::EntitlementRequired),
            (None, Some(_)) => Ok(()),
            (None, None) => Err(Reason::RoleRequired),
        };
        assert_eq!(verdict, expected, "{}", rpc.path);
    }
}

#[tokio::test]
async fn a_suspension_shuts_everybody_out() {
    let (_folder, authority, tenant) = tenant(|tenant| tenant.suspended = true).await;
    for (rpc, verdict) in verdicts(&authority, tenant, Role::Admin).await {
        assert_eq!(verdict, Err(Reason::TenantSuspended), "{}", rpc.path);
    }
}

#[tokio::test]
async fn a_stream_is_looked_at_again_with_its_session_and_its_agent_as_they_are_then() {
    let (_folder, authority, tenant) = tenant(|_| {}).await;
    let (stamp, hash) = (authority.stamps.stamp(), secrets::hash("what the browser holds"));
    let agent = store::agents::Agent {
        id: stamp.ids().next(AgentId::new),
        name: "Grace".to_owned(),
        email: "grace@example.com".to_owned(),
        role: store::agents::Role::Admin,
        disabled_at: None,
        created_at: stamp.at,
    };
    let (scope, made) = (TenantScope::new(tenant), agent.clone());
    let begin = async move |tx: &mut store::Tx<'_>| {
        store::agents::insert(tx, &made).await?;
        store::sessions::insert(tx, hash, made.id, stamp.at, session_ends(stamp.at, stamp.at)).await
    };
    authority.db.write(scope.clone(), begin).await.expect("a session");
    let admin_only =
        RPCS.iter().find(|rpc| rpc.policy.session == Some(Role::Admin) && rpc.policy.entitlement.is_none());
    let (rpc, mut metadata, mut extensions) = (admin_only.expect("an RPC"), MetadataMap::new(), Extensions::new());
    let pair = format!("{}=what the browser holds", cookie::SESSION);
    metadata.insert("cookie", pair.parse().expect("ASCII"));
    let request_id = "req_1".to_owned();
    extensions.insert(Origin { peer: None, way: Way::GrpcWeb, request_id, same_origin: true, secure: false });
    assert_eq!(authority.admit(rpc, &[], &metadata, &mut extensions).await.verdict, Ok(()));
    let again = async || authority.still_admitted(rpc, &extensions).await.map_err(|failure| failure.reason);
    assert_eq!(again().await, Ok(()));

    let lesser = store::agents::Agent { role: store::agents::Role::Agent, ..agent };
    let change = async move |tx: &mut store::Tx<'_>| store::agents::update(tx, &lesser, stamp.at).await;
    authority.db.write(scope.clone(), change).await.expect("a change");
    assert_eq!(again().await, Err(Reason::RoleRequired), "another core may have changed it: no cache is asked");
    let end = async move |tx: &mut store::Tx<'_>| store::sessions::delete(tx, hash).await;
    authority.db.write(scope, end).await.expect("an end");
    assert_eq!(again().await, Err(Reason::InvalidSession));
}

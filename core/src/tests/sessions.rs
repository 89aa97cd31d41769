//! People sign in by link or password; a session is valid as long as its agent, its tenant and its time allow.

use crate::PublicSite;
use crate::tests::support::{Came as _, Client, TestCore, TestTenant, on_both, violations};
use inboxops_proto::{
    admin::v1 as admin,
    cookie,
    failure::Failure,
    internal::v1 as internal,
    reason::Reason,
    v1::{self, Role},
    wire::{Origin, Way},
};
use std::time::Duration;
use tonic::{Response, Status};

const HOUR: Duration = Duration::from_secs(3600);
const PASSWORD: &str = "correct horse battery";

async fn agent(core: &TestCore, tenant: &str, email: &str, role: Role) -> v1::Agent {
    let made = internal::CreateAgentRequest {
        tenant_id: tenant.to_owned(),
        email: Some(email.to_owned()),
        name: None,
        role: Some(role.into()),
    };
    core.tenants().create_agent(Client::operator().ask(made)).await.answer().agent.expect("an agent")
}

async fn link(core: &TestCore, agent: &str) -> internal::CreateLoginLinkResponse {
    let request = internal::CreateLoginLinkRequest { agent_id: agent.to_owned() };
    core.tenants().create_login_link(Client::operator().ask(request)).await.answer()
}

fn by_code(code: &str) -> admin::LoginRequest {
    admin::LoginRequest { code: Some(code.to_owned()), ..Default::default() }
}

fn by_password(email: &str, password: &str) -> admin::LoginRequest {
    let (email, password) = (Some(email.to_owned()), Some(password.to_owned()));
    admin::LoginRequest { email, password, ..Default::default() }
}

async fn login(
    core: &TestCore,
    by: &Client,
    request: admin::LoginRequest,
) -> Result<Response<admin::LoginResponse>, Status> {
    core.sessions().login(by.ask(request)).await
}

/// The cookie that an answer sets, as a browser sends it back.
fn cookie_of<T>(answer: &Response<T>) -> String {
    let set = answer.metadata().get("set-cookie").expect("a cookie").to_str().expect("ASCII");
    set.split(';').next().expect("a pair").to_owned()
}

async fn current(core: &TestCore, by: &Client) -> Result<admin::Session, Reason> {
    let answer = core.sessions().current_session(by.ask(admin::CurrentSessionRequest {})).await;
    answer.map(|answer| answer.into_inner().session.expect("a session")).map_err(|status| Failure::of(&status).reason)
}

async fn set_password(core: &TestCore, by: &Client, current: Option<&str>, new: &str) -> Result<(), Failure> {
    let request =
        admin::SetPasswordRequest { current_password: current.map(str::to_owned), new_password: Some(new.to_owned()) };
    core.sessions().set_password(by.ask(request)).await.map(drop).map_err(|status| Failure::of(&status))
}

async fn update(core: &TestCore, agent: &str, change: internal::UpdateAgentRequest) {
    let request = internal::UpdateAgentRequest { agent_id: agent.to_owned(), ..change };
    core.tenants().update_agent(Client::operator().ask(request)).await.answer();
}

async fn suspend(core: &TestCore, tenant: &TestTenant, suspended: bool) {
    let request = internal::SetSuspendedRequest { tenant_id: tenant.id.clone(), suspended };
    core.tenants().set_suspended(Client::operator().ask(request)).await.answer();
}

async fn a_login_link_works_once_and_for_half_an_hour(core: TestCore) {
    let tenant = core.tenant().await;
    let ada = agent(&core, &tenant.id, "ada@example.com", Role::Admin).await;
    assert_eq!(link(&core, &ada.id).await.login_url, None, "nobody said where the pages are");
    core.inner.serves_at(PublicSite { url: Some("https://desk.example.com".to_owned()), development: false });
    let made = link(&core, &ada.id).await;
    assert_eq!(made.login_url, Some(format!("https://desk.example.com/login#code={}", made.code)));
    assert_eq!(made.expires_at, Some(core.clock.now().plus(HOUR / 2).into()));
    assert_eq!(made.code.len(), 43, "256 bits");

    let answer = login(&core, &Client::browser(None), by_code(&made.code)).await.expect("signed in");
    let set = answer.metadata().get("set-cookie").expect("a cookie").to_str().expect("ASCII").to_owned();
    assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=604800"), "{set}");
    let (cookie, session) = (cookie_of(&answer), answer.into_inner().session.expect("a session"));
    let browser = Client::browser(Some(&cookie));
    assert_eq!(current(&core, &browser).await.as_ref(), Ok(&session));
    assert_eq!(session.agent.as_ref(), Some(&ada));
    assert_eq!(session.tenant.as_ref().map(|tenant| tenant.id.as_str()), Some(tenant.id.as_str()));
    assert_eq!((session.plan(), session.development, session.has_password), (v1::Plan::Business, false, false));
    assert_eq!(session.entitlements, ["public_api", "webhooks"]);
    assert_eq!((session.endpoints_max, session.limit.map(|it| it.requests)), (100, Some(10_000)));
    assert_eq!(session.expires_at, Some(core.clock.now().plus(12 * HOUR).into()));

    let again = login(&core, &Client::browser(None), by_code(&made.code)).await.refusal();
    assert_eq!(again.reason, Reason::InvalidCredentials);
    let late = link(&core, &ada.id).await.code;
    core.clock.advance(HOUR / 2);
    let refused = login(&core, &Client::browser(None), by_code(&late)).await.refusal();
    assert_eq!(refused.reason, Reason::InvalidCredentials);
    let guess = login(&core, &Client::browser(None), by_code(&"x".repeat(43))).await.refusal();
    assert_eq!(guess, refused, "one answer for all");
    let rows = core.rows().await;
    let id = cookie.split('=').nth(1).expect("an id");
    assert!(!rows.hold(&made.code) && !rows.hold(id), "a secret is in the database");
}

async fn a_code_is_used_by_one_of_two_at_once(core: TestCore) {
    let tenant = core.tenant().await;
    let ada = agent(&core, &tenant.id, "ada@example.com", Role::Admin).await;
    let code = link(&core, &ada.id).await.code;
    let browser = Client::browser(None);
    let (one, two) = tokio::join!(login(&core, &browser, by_code(&code)), login(&core, &browser, by_code(&code)));
    assert!(one.is_ok() != two.is_ok());
}

async fn the_cookie_counts_on_grpc_web_from_our_own_pages_alone(core: TestCore) {
    let tenant = core.tenant().await;
    let ada = agent(&core, &tenant.id, "ada@example.com", Role::Admin).await;
    let browser = core.signed_in(&ada.id).await;
    let with = |change: &dyn Fn(&mut Origin)| {
        let mut client = browser.clone();
        change(&mut client.origin);
        client
    };
    let who = async |by: &Client| {
        let answer = core.identity().who_am_i(by.ask(v1::WhoAmIRequest {})).await;
        answer.map(drop).map_err(|status| Failure::of(&status).reason)
    };
    assert_eq!(who(&browser).await, Ok(()));
    assert_eq!(who(&with(&|origin| origin.way = Way::Rest)).await, Err(Reason::MissingApiKey));
    assert_eq!(who(&with(&|origin| origin.way = Way::Grpc)).await, Err(Reason::MissingApiKey));
    assert_eq!(who(&with(&|origin| origin.same_origin = false)).await, Err(Reason::CrossOrigin));
    assert_eq!(who(&with(&|origin| origin.secure = true)).await, Err(Reason::InvalidSession), "another name by TLS");
    assert_eq!(who(&Client::browser(None)).await, Err(Reason::InvalidSession));
    assert_eq!(who(&Client::browser(Some("inboxops_session=x"))).await, Err(Reason::InvalidSession));

    let mut both = browser.ask(v1::WhoAmIRequest {});
    both.metadata_mut().insert("authorization", format!("Bearer {}", tenant.secret).parse().expect("ASCII"));
    let refused = core.identity().who_am_i(both).await.refusal();
    assert_eq!(refused.reason, Reason::InvalidRequest, "two credentials are none");

    let mut secure = Client::browser(None);
    secure.origin.secure = true;
    let code = link(&core, &ada.id).await.code;
    let answer = login(&core, &secure, by_code(&code)).await.expect("signed in");
    let cookie = cookie_of(&answer);
    assert!(cookie.starts_with(cookie::SECURE_SESSION), "{cookie}");
    assert!(
        answer.metadata().get("set-cookie").is_some_and(|set| set.to_str().is_ok_and(|set| set.ends_with("; Secure")))
    );
}

async fn a_session_ends_when_it_is_idle_and_after_a_week_in_any_case(core: TestCore) {
    let tenant = core.tenant().await;
    let ada = agent(&core, &tenant.id, "ada@example.com", Role::Agent).await;
    let (busy, idle) = (core.signed_in(&ada.id).await, core.signed_in(&ada.id).await);
    core.clock.advance(12 * HOUR - Duration::from_micros(1));
    assert!(current(&core, &busy).await.is_ok());
    core.clock.advance(Duration::from_micros(1));
    assert_eq!(current(&core, &idle).await, Err(Reason::InvalidSession));
    for _ in 0..13 {
        assert!(current(&core, &busy).await.is_ok());
        core.clock.advance(11 * HOUR);
    }
    // 155 hours are over; a week has 168.
    let session = current(&core, &busy).await.expect("a session");
    assert_eq!(session.expires_at, Some(core.clock.now().plus(12 * HOUR).into()));
    core.clock.advance(11 * HOUR);
    let session = current(&core, &busy).await.expect("a session");
    assert_eq!(session.expires_at, Some(core.clock.now().plus(2 * HOUR).into()), "the week ends");
    core.clock.advance(2 * HOUR);
    assert_eq!(current(&core, &busy).await, Err(Reason::InvalidSession));
}

async fn what_keeps_a_session_alive_survives_a_restart(mut core: TestCore) {
    let tenant = core.tenant().await;
    let ada = agent(&core, &tenant.id, "ada@example.com", Role::Agent).await;
    let browser = core.signed_in(&ada.id).await;
    core.clock.advance(11 * HOUR);
    assert!(current(&core, &browser).await.is_ok());
    core.run();
    let core = core.again(|_| {}).await;
    core.clock.advance(11 * HOUR);
    assert!(current(&core, &browser).await.is_ok());
}

async fn logout_ends_the_session_at_once_and_takes_the_cookie(core: TestCore) {
    let tenant = core.tenant().await;
    let ada = agent(&core, &tenant.id, "ada@example.com", Role::Agent).await;
    let (one, other) = (core.signed_in(&ada.id).await, core.signed_in(&ada.id).await);
    let answer = core.sessions().logout(one.ask(admin::LogoutRequest {})).await.expect("signed out");
    let set = answer.metadata().get("set-cookie").expect("a cookie").to_str().expect("ASCII").to_owned();
    assert!(set.starts_with("inboxops_session=; ") && set.contains("; Max-Age=0"), "{set}");
    assert_eq!(current(&core, &one).await, Err(Reason::InvalidSession));
    assert!(current(&core, &other).await.is_ok());
}

async fn roles_disabled_agents_and_suspended_tenants_count_at_once(core: TestCore) {
    let tenant = core.tenant().await;
    let ada = agent(&core, &tenant.id, "ada@example.com", Role::Agent).await;
    let browser = core.signed_in(&ada.id).await;
    let keys = async || {
        let answer = core.api_keys().list_api_keys(browser.ask(admin::ListApiKeysRequest::default())).await;
        answer.map(drop).map_err(|status| Failure::of(&status).reason)
    };
    assert_eq!(keys().await, Err(Reason::RoleRequired));
    update(&core, &ada.id, internal::UpdateAgentRequest { role: Some(Role::Admin.into()), ..Default::default() }).await;
    assert_eq!(keys().await, Ok(()));
    suspend(&core, &tenant, true).await;
    assert_eq!(keys().await, Err(Reason::TenantSuspended));
    suspend(&core, &tenant, false).await;
    update(&core, &ada.id, internal::UpdateAgentRequest { disabled: Some(true), ..Default::default() }).await;
    assert_eq!(keys().await, Err(Reason::InvalidSession));
    let request = internal::CreateLoginLinkRequest { agent_id: ada.id.clone() };
    let refused = core.tenants().create_login_link(Client::operator().ask(request)).await.refusal();
    assert_eq!(refused.reason, Reason::Conflict);
}

async fn a_session_sees_its_own_tenant_alone(core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    core.ticket(&tenant, "Ours").await;
    core.ticket(&other, "Theirs").await;
    let ada = agent(&core, &tenant.id, "ada@example.com", Role::Agent).await;
    let stubborn = core.signed_in(&ada.id).await.for_tenant(&other.id);
    assert_eq!(core.get_ticket(&stubborn, "1").await.subject, "Ours");
}

async fn a_password_opens_the_same_door(core: TestCore) {
    let tenant = core.tenant().await;
    let ada = agent(&core, &tenant.id, "Ada@Example.com", Role::Admin).await;
    let (browser, second) = (core.signed_in(&ada.id).await, core.signed_in(&ada.id).await);
    let short = set_password(&core, &browser, None, "eleven char").await.expect_err("too short");
    assert_eq!(violations(&short), [("new_password", "too_short")]);
    assert!(set_password(&core, &browser, None, PASSWORD).await.is_ok());
    assert_eq!(current(&core, &second).await, Err(Reason::InvalidSession), "other sessions end");
    assert!(current(&core, &browser).await.expect("a session").has_password);

    let nobody = Client::browser(None);
    let answer = login(&core, &nobody, by_password(" ada@example.COM ", PASSWORD)).await.expect("signed in");
    assert_eq!(answer.get_ref().session.as_ref().and_then(|it| it.agent.as_ref()), Some(&ada));
    assert!(current(&core, &Client::browser(Some(&cookie_of(&answer)))).await.is_ok());
    let wrong = login(&core, &nobody, by_password("ada@example.com", "wrong horse battery")).await.refusal();
    let unknown = login(&core, &nobody, by_password("eve@example.com", PASSWORD)).await.refusal();
    assert_eq!((wrong.reason, &wrong), (Reason::InvalidCredentials, &unknown), "one answer for both");
    assert!(!core.rows().await.hold(PASSWORD));

    core.clock.advance(HOUR / 4);
    let missing = set_password(&core, &browser, None, "another long password").await.expect_err("asked for");
    assert_eq!(violations(&missing), [("current_password", "required")]);
    let wrong = set_password(&core, &browser, Some("no"), "another long password").await.expect_err("wrong");
    assert_eq!(violations(&wrong), [("current_password", "invalid_format")]);
    assert!(set_password(&core, &browser, Some(PASSWORD), "another long password").await.is_ok());
    let old = login(&core, &nobody, by_password("ada@example.com", PASSWORD)).await.refusal();
    assert_eq!(old.reason, Reason::InvalidCredentials);
}

async fn an_address_of_several_workspaces_asks_which(core: TestCore) {
    let (tenant, other, third) = (core.tenant().await, core.tenant().await, core.tenant().await);
    for (tenant, password) in [(&tenant, PASSWORD), (&other, PASSWORD), (&third, "a password of its own")] {
        let ada = agent(&core, &tenant.id, "ada@example.com", Role::Admin).await;
        let browser = core.signed_in(&ada.id).await;
        assert!(set_password(&core, &browser, None, password).await.is_ok());
    }
    let nobody = Client::browser(None);
    let answer = login(&core, &nobody, by_password("ada@example.com", PASSWORD)).await.expect("a question");
    assert!(answer.metadata().get("set-cookie").is_none() && answer.get_ref().session.is_none());
    let mut choices: Vec<String> = answer.into_inner().choices.into_iter().map(|tenant| tenant.id).collect();
    choices.sort();
    assert_eq!(choices, [tenant.id.clone(), other.id.clone()]);
    let chosen = admin::LoginRequest { tenant_id: Some(other.id.clone()), ..by_password("ada@example.com", PASSWORD) };
    let session = login(&core, &nobody, chosen).await.answer().session.expect("a session");
    assert_eq!(session.tenant.map(|tenant| tenant.id), Some(other.id));
    let odd = admin::LoginRequest { tenant_id: Some(third.id.clone()), ..by_password("ada@example.com", PASSWORD) };
    assert_eq!(login(&core, &nobody, odd).await.refusal().reason, Reason::InvalidCredentials);
}

async fn guessing_is_slow_and_locks_nobody_else_out(core: TestCore) {
    let tenant = core.tenant().await;
    let ada = agent(&core, &tenant.id, "ada@example.com", Role::Admin).await;
    let browser = core.signed_in(&ada.id).await;
    assert!(set_password(&core, &browser, None, PASSWORD).await.is_ok());
    let (eve, owner) = (Client::browser(None).at([203, 0, 113, 5]), Client::browser(None).at([203, 0, 113, 6]));
    for _ in 0..5 {
        let refused = login(&core, &eve, by_password("ada@example.com", "wrong horse battery")).await.refusal();
        assert_eq!(refused.reason, Reason::InvalidCredentials);
    }
    let refused = login(&core, &eve, by_password("ada@example.com", PASSWORD)).await.refusal();
    assert_eq!((refused.reason, refused.retry_after_secs), (Reason::RateLimited, Some(30)), "even with the right one");
    assert!(login(&core, &owner, by_password("ada@example.com", PASSWORD)).await.is_ok(), "the owner from elsewhere");
    let code = link(&core, &ada.id).await.code;
    assert!(login(&core, &eve, by_code(&code)).await.is_ok(), "a link passes by the lock");
    core.clock.advance(Duration::from_secs(30));
    assert!(login(&core, &eve, by_password("ada@example.com", PASSWORD)).await.is_ok());
}

async fn a_login_says_what_is_missing(core: TestCore) {
    let ask = async |request| login(&core, &Client::browser(None), request).await.refusal();
    let missing = ask(admin::LoginRequest::default()).await;
    assert_eq!(violations(&missing), [("code", "one_of_required")]);
    let half = ask(admin::LoginRequest { email: Some("a@b".to_owned()), ..Default::default() }).await;
    assert_eq!(violations(&half), [("password", "required")]);
    let both = ask(admin::LoginRequest { code: Some("x".to_owned()), ..by_password("a@b", "x") }).await;
    assert_eq!(violations(&both), [("code", "mutually_exclusive")]);
}

async fn an_agent_has_a_bounded_number_of_sessions(core: TestCore) {
    let tenant = core.tenant().await;
    let ada = agent(&core, &tenant.id, "ada@example.com", Role::Agent).await;
    let mut browsers = Vec::new();
    for _ in 0..21 {
        browsers.push(core.signed_in(&ada.id).await);
        core.tick();
    }
    core.clock.advance(Duration::from_secs(5));
    assert_eq!(current(&core, &browsers[0]).await, Err(Reason::InvalidSession), "the oldest ends");
    assert!(current(&core, &browsers[1]).await.is_ok() && current(&core, &browsers[20]).await.is_ok());
}

on_both!(TestCore:
    a_login_link_works_once_and_for_half_an_hour,
    a_code_is_used_by_one_of_two_at_once,
    the_cookie_counts_on_grpc_web_from_our_own_pages_alone,
    a_session_ends_when_it_is_idle_and_after_a_week_in_any_case,
    what_keeps_a_session_alive_survives_a_restart,
    logout_ends_the_session_at_once_and_takes_the_cookie,
    roles_disabled_agents_and_suspended_tenants_count_at_once,
    a_session_sees_its_own_tenant_alone,
    a_password_opens_the_same_door,
    an_address_of_several_workspaces_asks_which,
    guessing_is_slow_and_locks_nobody_else_out,
    a_login_says_what_is_missing,
    an_agent_has_a_bounded_number_of_sessions,
);

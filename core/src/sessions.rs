//! Sessions: the service by which people sign in and out. The gate decides what a session may do; `sessions/login.rs`
//! checks who signs in.

mod attempts;
mod login;

use crate::{
    address::Resolver,
    audit::Trail,
    auth::{Authority, SESSION_LIFE, SessionFacts, TenantFacts},
    caller::Caller,
    error::{Error, Result},
    identity,
    passwords::Passwords,
    public_site::PublicSite,
    store::{self, Db},
    time_and_chance::Stamps,
    webhooks::ENDPOINTS_PER_TENANT_MAX,
};
use attempts::Attempts;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use inboxops_proto::{
    address::AllowPrivate,
    admin::v1::{self as pb, session_service_server::SessionService},
    clock::Timestamp,
    cookie,
    failure::{Failure, Violation},
    reason::DetailCode,
    v1,
    wire::Origin,
};
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};
use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

/// A session that is not older than this may set a password without the present one: its owner has just signed in,
/// perhaps with a login link because the password is lost.
const FRESH: Duration = Duration::from_secs(15 * 60);

pub(crate) struct Sessions {
    db: Db,
    stamps: Stamps,
    authority: Arc<Authority>,
    passwords: Passwords,
    attempts: Arc<Attempts>,
    site: Arc<OnceLock<PublicSite>>,
    resolver: Resolver,
}

/// 256 random bits as text: the secret of a session or a login link.
pub(crate) fn secret(stamps: &Stamps) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0u8; 32]);
    stamps.fill(bytes.as_mut());
    Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_ref()))
}

impl Sessions {
    /// A service on the store. `site` has the URL of the pages once it is known; `resolver` knows which addresses
    /// webhooks may have.
    pub(crate) fn new(
        db: Db,
        stamps: Stamps,
        authority: Arc<Authority>,
        site: Arc<OnceLock<PublicSite>>,
        resolver: Resolver,
    ) -> Sessions {
        let passwords = Passwords::new();
        Sessions { db, stamps, authority, passwords, attempts: Arc::default(), site, resolver }
    }

    /// Drops attempts that no longer count. Call it about once a minute.
    pub(crate) fn forget_old(&self) {
        self.attempts.retain_recent(self.stamps.now());
    }

    fn shown(&self, agent: v1::Agent, tenant: &TenantFacts, has_password: bool, ends: Timestamp) -> pb::Session {
        pb::Session {
            agent: Some(agent),
            tenant: Some(identity::tenant(tenant)),
            plan: tenant.plan.code().into(),
            entitlements: identity::entitlements(tenant),
            limit: Some(identity::limit(tenant)),
            endpoints_max: u32::try_from(ENDPOINTS_PER_TENANT_MAX).unwrap_or(u32::MAX),
            development: self.site.get().is_some_and(|site| site.development),
            has_password,
            expires_at: Some(ends.into()),
            private_targets: self.resolver.allow == AllowPrivate::Yes,
        }
    }

    async fn current(&self, caller: &Caller) -> Result<pb::Session> {
        let session = session_of(caller)?;
        let mut read = self.db.peek(caller.scope()?).await?;
        let has_password = store::passwords::get(&mut read, session.agent).await?.is_some();
        drop(read);
        let agent = v1::Agent {
            id: session.agent.to_string(),
            name: session.name.clone(),
            email: session.email.clone(),
            role: v1::Role::from(session.role).into(),
        };
        Ok(self.shown(agent, &session.tenant, has_password, session.ends(self.stamps.now())))
    }

    async fn logout(&self, caller: &Caller) -> Result<()> {
        let hash = session_of(caller)?.hash;
        let agent = session_of(caller)?.agent;
        let stamp = self.stamps.stamp();
        let authority = self.authority.clone();
        let trail = Trail::of(caller, stamp.at);
        let write = async move |tx: &mut store::Tx<'_>| -> Result<_> {
            store::sessions::delete(tx, hash).await?;
            trail.note(tx, &mut stamp.ids(), "session.ended", ("agent", Some(agent.0)), &[]).await?;
            let authority = authority.clone();
            tx.after(move || authority.forget());
            Ok(())
        };
        self.db.write(caller.scope()?, write).await
    }

    async fn set_password(&self, caller: &Caller, request: pb::SetPasswordRequest) -> Result<()> {
        let hash = session_of(caller)?.hash;
        let agent = session_of(caller)?.agent;
        let mut read = self.db.peek(caller.scope()?).await?;
        let present = store::passwords::get(&mut read, agent).await?;
        drop(read);
        let fresh = self.stamps.now() < session_of(caller)?.created_at.plus(FRESH);
        if let (Some(present), false) = (present, fresh) {
            self.check_present(caller, request.current_password.unwrap_or_default(), present).await?;
        }
        let phc = self.passwords.hash(request.new_password.unwrap_or_default(), &self.stamps).await?;
        let stamp = self.stamps.stamp();
        let authority = self.authority.clone();
        let trail = Trail::of(caller, stamp.at);
        let write = async move |tx: &mut store::Tx<'_>| -> Result<_> {
            store::passwords::put(tx, agent, &phc, stamp.at).await?;
            store::sessions::delete_others(tx, agent, hash).await?;
            trail.note(tx, &mut stamp.ids(), "password.set", ("agent", Some(agent.0)), &[]).await?;
            let authority = authority.clone();
            tx.after(move || authority.forget());
            Ok(())
        };
        self.db.write(caller.scope()?, write).await
    }

    /// Counts as a sign-in attempt: a stolen session must not be a way to guess the password.
    async fn check_present(&self, caller: &Caller, given: String, present: String) -> Result<()> {
        if given.is_empty() {
            return Err(Failure::invalid(Violation::required("current_password")).into());
        }
        let account = login::account(&session_of(caller)?.email);
        let attempt = self.attempts.begin(Some(account), caller.address(), self.stamps.now())?;
        if self.passwords.fits(given, vec![Some(present)]).await?.contains(&true) {
            self.attempts.forgive(attempt);
            return Ok(());
        }
        let wrong = Violation::new("current_password", DetailCode::InvalidFormat, "is not the present password");
        Err(Failure::invalid(wrong).into())
    }
}

fn session_of(caller: &Caller) -> Result<&Arc<SessionFacts>> {
    caller.session().ok_or(Error::Broken("only sessions may make this call"))
}

/// An answer that sets or clears the session's cookie.
fn with_cookie<T>(message: T, id: &str, max_age: Duration, secure: bool) -> Result<Response<T>> {
    let mut response = Response::new(message);
    let value = cookie::set(id, max_age.as_secs(), secure).parse().map_err(|_| Error::Broken("a cookie is ASCII"))?;
    response.metadata_mut().insert("set-cookie", value);
    Ok(response)
}

fn is_secure<T>(request: &Request<T>) -> bool {
    request.extensions().get::<Origin>().is_some_and(|origin| origin.secure)
}

#[tonic::async_trait]
impl SessionService for Sessions {
    async fn login(&self, request: Request<pb::LoginRequest>) -> Result<Response<pb::LoginResponse>, Status> {
        let caller = Caller::of(&request)?;
        let secure = is_secure(&request);
        match self.login(&caller, request.into_inner()).await? {
            login::Login::Begun { id, session } => {
                let answer = pb::LoginResponse { session: Some(session), choices: Vec::new() };
                Ok(with_cookie(answer, &id, SESSION_LIFE, secure)?)
            }
            login::Login::Choose(choices) => Ok(Response::new(pb::LoginResponse { session: None, choices })),
        }
    }

    async fn logout(&self, request: Request<pb::LogoutRequest>) -> Result<Response<pb::LogoutResponse>, Status> {
        let caller = Caller::of(&request)?;
        let secure = is_secure(&request);
        self.logout(&caller).await?;
        Ok(with_cookie(pb::LogoutResponse {}, "", Duration::ZERO, secure)?)
    }

    async fn current_session(
        &self,
        request: Request<pb::CurrentSessionRequest>,
    ) -> Result<Response<pb::CurrentSessionResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(pb::CurrentSessionResponse { session: Some(self.current(&caller).await?) }))
    }

    async fn set_password(
        &self,
        request: Request<pb::SetPasswordRequest>,
    ) -> Result<Response<pb::SetPasswordResponse>, Status> {
        let caller = Caller::of(&request)?;
        self.set_password(&caller, request.into_inner()).await?;
        Ok(Response::new(pb::SetPasswordResponse {}))
    }
}

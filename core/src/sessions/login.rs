//! Signing in: by a one-time code, or by mail address and password. All failures have one answer, which takes as long
//! for an address that does not exist.

use super::{Sessions, secret};
use crate::{
    audit::Trail,
    auth::{self, TenantFacts},
    caller::Caller,
    error::{Error, Result},
    identity, secrets,
    store::{self, TenantScope, Tx, passwords::Candidate},
};
use inboxops_proto::{
    admin::v1 as pb,
    failure::{Failure, Violation},
    id::{AgentId, TenantId},
    reason::{DetailCode, Reason},
    v1,
};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The result of a login that was not refused.
pub(super) enum Login {
    /// A session began.
    Begun {
        /// The secret of the session, for the browser.
        id: Zeroizing<String>,
        session: pb::Session,
    },
    /// The credentials fit several workspaces.
    Choose(Vec<v1::IdentityTenant>),
}

/// The account's key in the count of attempts.
pub(super) fn account(email: &str) -> [u8; 32] {
    Sha256::digest(store::fold(email).as_bytes()).into()
}

/// How somebody signed in, for the audit log.
#[derive(Clone, Copy)]
enum Proof {
    Code([u8; 32]),
    Password(AgentId),
}

impl Sessions {
    pub(super) async fn login(&self, caller: &Caller, request: pb::LoginRequest) -> Result<Login> {
        match (request.code, request.email, request.password) {
            (Some(code), None, None) => self.by_code(caller, &code).await,
            (None, Some(email), Some(password)) => {
                let tenant = request.tenant_id.and_then(|id| id.parse().ok());
                self.by_password(caller, &email, password, tenant).await
            }
            (Some(_), ..) => Err(invalid("code", DetailCode::MutuallyExclusive, "excludes `email` and `password`")),
            (None, None, None) => {
                Err(invalid("code", DetailCode::OneOfRequired, "or `email` and `password` must be given"))
            }
            (None, None, Some(_)) => Err(Failure::invalid(Violation::required("email")).into()),
            (None, Some(_), None) => Err(Failure::invalid(Violation::required("password")).into()),
        }
    }

    async fn by_code(&self, caller: &Caller, code: &str) -> Result<Login> {
        let attempt = self.attempts.begin(None, caller.address(), self.stamps.now())?;
        let hash = secrets::hash(code);
        let tenant = store::sessions::tenant_of_code(&self.db, hash).await?.ok_or(Reason::InvalidCredentials)?;
        let begun = self.begin(caller, tenant, Proof::Code(hash)).await?;
        self.attempts.forgive(attempt);
        Ok(begun)
    }

    async fn by_password(
        &self,
        caller: &Caller,
        email: &str,
        password: String,
        tenant: Option<TenantId>,
    ) -> Result<Login> {
        let attempt = self.attempts.begin(Some(account(email)), caller.address(), self.stamps.now())?;
        let mut candidates = store::passwords::by_email(&self.db, &store::fold(email)).await?;
        candidates.retain(|candidate| tenant.is_none_or(|tenant| candidate.tenant == tenant));
        let hashes = candidates.iter().map(|candidate| candidate.phc.clone()).collect();
        let fits = self.passwords.fits(password, hashes).await?;
        let fitting: Vec<&Candidate> =
            candidates.iter().zip(fits).filter_map(|(candidate, fits)| fits.then_some(candidate)).collect();
        let done = match fitting[..] {
            [] => {
                self.note_failure(caller, &candidates).await?;
                return Err(Reason::InvalidCredentials.into());
            }
            [one] => self.begin(caller, one.tenant, Proof::Password(one.agent)).await?,
            ref several => {
                let mut choices = Vec::with_capacity(several.len());
                for candidate in several {
                    choices.push(identity::tenant(&*self.tenant(candidate.tenant).await?));
                }
                Login::Choose(choices)
            }
        };
        self.attempts.forgive(attempt);
        Ok(done)
    }

    async fn tenant(&self, id: TenantId) -> Result<Arc<TenantFacts>> {
        self.authority.tenant(id).await?.ok_or(Error::Broken("an agent has its tenant"))
    }

    /// Records the failed attempt in the audit logs of the address's tenants.
    async fn note_failure(&self, caller: &Caller, candidates: &[Candidate]) -> Result<()> {
        for candidate in candidates {
            let stamp = self.stamps.stamp();
            let agent = candidate.agent;
            let name = candidate.name.clone();
            let trail = Trail::of(caller, stamp.at);
            let write = async move |tx: &mut Tx<'_>| {
                let target = ("agent", Some(agent.0));
                trail.note(tx, &mut stamp.ids(), "session.login_failed", target, &[("name", &name)]).await
            };
            self.db.write(TenantScope::new(candidate.tenant), write).await?;
        }
        Ok(())
    }

    async fn begin(&self, caller: &Caller, tenant: TenantId, proof: Proof) -> Result<Login> {
        let tenant = self.tenant(tenant).await?;
        if tenant.suspended {
            return Err(Reason::TenantSuspended.into());
        }
        let id = secret(&self.stamps);
        let stamp = self.stamps.stamp();
        let hash = secrets::hash(&id);
        let ends = auth::session_ends(stamp.at, stamp.at);
        let trail = Trail::of(caller, stamp.at);
        let write = async move |tx: &mut Tx<'_>| -> Result<_> {
            let (agent, way) = match proof {
                Proof::Code(code) => (store::sessions::take_code(tx, code, stamp.at).await?, "login link"),
                Proof::Password(agent) => (Some(agent), "password"),
            };
            let agent = match agent {
                Some(id) => store::agents::get(tx, id).await?.filter(|agent| agent.disabled_at.is_none()),
                None => None,
            };
            let agent = agent.ok_or(Reason::InvalidCredentials)?;
            let has_password = store::passwords::get(tx, agent.id).await?.is_some();
            store::sessions::insert(tx, hash, agent.id, stamp.at, ends).await?;
            let trail = trail.clone().by_agent(agent.id.0, &agent.name);
            let target = ("agent", Some(agent.id.0));
            trail.note(tx, &mut stamp.ids(), "session.begun", target, &[("by", way)]).await?;
            Ok((agent, has_password))
        };
        let (agent, has_password) = self.db.write(TenantScope::new(tenant.id), write).await?;
        let session = self.shown(v1::Agent::from(&agent), &tenant, has_password, ends);
        Ok(Login::Begun { id, session })
    }
}

fn invalid(field: &str, code: DetailCode, message: &'static str) -> Error {
    Failure::invalid(Violation::new(field, code, message)).into()
}

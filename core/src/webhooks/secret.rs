//! The calls of a secret's rotation, and the creation of secrets. The rules are in `rotation.rs`.

use super::{
    EndpointView, Webhooks, endpoint_id, lock,
    rotation::{KEEP_OLD_HOURS, NewSecret, RotationRefusal},
    seen,
};
use crate::{
    audit::Trail,
    caller::Caller,
    error::{Error, Result},
    idempotency::AnswerStorage,
    secrets,
    store::{self, endpoints::Endpoint},
};
use inboxops_proto::{
    clock::Timestamp,
    failure::Failure,
    id::{EndpointId, TenantId},
    reason::Reason,
    v1,
};
use zeroize::Zeroizing;

impl Webhooks {
    pub(super) async fn rotate(
        &self,
        caller: &Caller,
        request: v1::RotateSecretRequest,
    ) -> Result<v1::RotateSecretResponse> {
        let id = endpoint_id(&request.endpoint_id)?;
        let sight = self.sight(caller).await?;
        let (secret, new) = self.new_secret((caller.scope()?.tenant(), id))?;
        let immediate = request.immediate.unwrap_or(false);
        let keep = request.keep_old_hours.unwrap_or(KEEP_OLD_HOURS);
        let turn = move |endpoint: &mut Endpoint, now: Timestamp| {
            let new = NewSecret { sealed: new.sealed.clone(), hint: new.hint.clone() };
            endpoint.rotate(new, immediate, keep, now)
        };
        let answer = move |shown| {
            let endpoint = Some(v1::WebhookEndpoint { secret: Some(secret.to_string()), ..shown });
            v1::RotateSecretResponse { endpoint }
        };
        self.turn(caller, (id, sight), "endpoint.secret_rotated", turn, answer).await
    }

    pub(super) async fn promote(
        &self,
        caller: &Caller,
        request: v1::PromoteSecretRequest,
    ) -> Result<v1::PromoteSecretResponse> {
        let id = endpoint_id(&request.endpoint_id)?;
        let sight = self.sight(caller).await?;
        let keep = request.keep_old_hours;
        let turn = move |endpoint: &mut Endpoint, now: Timestamp| endpoint.promote(keep, now);
        let answer = |shown| v1::PromoteSecretResponse { endpoint: Some(shown) };
        self.turn(caller, (id, sight), "endpoint.secret_promoted", turn, answer).await
    }

    /// Changes the secrets of an endpoint; the next request is signed accordingly. `action` goes into the audit log.
    async fn turn<R: prost::Message + Default + 'static>(
        &self,
        caller: &Caller,
        (id, sight): (EndpointId, EndpointView),
        action: &'static str,
        turn: impl Fn(&mut Endpoint, Timestamp) -> Result<(), RotationRefusal> + Send + Sync + 'static,
        answer: impl Fn(v1::WebhookEndpoint) -> R + Send + Sync + 'static,
    ) -> Result<R> {
        let stamp = self.stamps.stamp();
        let dispatcher = self.dispatcher.clone();
        let (at, trail) = (stamp.at, Trail::of(caller, stamp.at));
        let write = caller.write_and_keep(&self.db, AnswerStorage::Sealed, async move |tx| {
            let mut endpoint = lock(tx, id, at).await?;
            turn(&mut endpoint, at).map_err(refused)?;
            endpoint.version += 1;
            endpoint.updated_at = endpoint.updated_at.max(at);
            store::endpoints::update(tx, &endpoint).await?;
            trail.note(tx, &mut stamp.ids(), action, ("endpoint", Some(id.0)), &[]).await?;
            let health = store::health::of(tx, &[id]).await?.pop();
            let dispatcher = dispatcher.clone();
            tx.after(move || dispatcher.endpoint_changed(id));
            Ok(answer(seen(tx, &sight, &endpoint, health.as_ref()).await?))
        });
        write.await
    }

    /// A new signing secret: to show once, and sealed.
    pub(super) fn new_secret(
        &self,
        (tenant, endpoint): (TenantId, EndpointId),
    ) -> Result<(Zeroizing<String>, NewSecret)> {
        let secret = secrets::signing_secret(&self.stamps);
        let sealed = self.master_key.seal(secret.as_bytes(), &aad(&(tenant, endpoint)), &self.stamps)?;
        let hint = secret[secret.len() - HINT_CHARS..].to_owned();
        Ok((secret, NewSecret { sealed, hint }))
    }
}

/// The associated data of a secret's seal.
pub(crate) fn aad((tenant, endpoint): &(TenantId, EndpointId)) -> [&[u8]; 2] {
    [tenant.0.as_bytes(), endpoint.0.as_bytes()]
}

/// How much of a secret its hint shows.
const HINT_CHARS: usize = 4;

fn refused(busy: RotationRefusal) -> Error {
    let message = match busy {
        RotationRefusal::OldStillSigns(_) => {
            "The secret before still signs. Rotate again when it has expired, or with `immediate`, which drops it."
        }
        RotationRefusal::NothingStaged => "There is no new secret to promote. Rotate the secret first.",
    };
    Failure::new(Reason::Conflict).message(message).into()
}

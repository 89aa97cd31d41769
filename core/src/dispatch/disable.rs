//! Disables endpoints: at once those whose receivers answer 410 Gone, after days those that keep failing, whose tenants
//! are warned first. `webhooks/failing.rs` decides when.
//! `docs/delivery.md` draws the states of a delivery and says who moves it.

use super::{Dispatcher, settle::GONE_SAID};
use crate::{
    audit::Trail,
    store::{self, Queue, SystemTx, health::Health},
    time_and_chance::Ids,
    webhooks::failing::{DISABLED_SAID, Verdict, verdict},
};
use inboxops_proto::{clock::Timestamp, id::EndpointId};
use std::{collections::BTreeSet, sync::Arc};

impl Dispatcher {
    /// Disables endpoints whose receivers answered 410 Gone, unless they have changed since the request was made: their
    /// URL may be another. This is not in the transaction of the results, which locks lanes before endpoints. If it
    /// fails, the next 410 does it.
    pub(super) async fn disable_gone(self: &Arc<Self>, endpoints: BTreeSet<(EndpointId, u32)>, now: Timestamp) {
        let gone = endpoints.clone();
        let stamp = self.stamps.stamp();
        let disabled = self.db.system(Queue::Outcomes, async move |tx| {
            let mut ids = stamp.ids();
            for (id, version) in &gone {
                disable(tx, &mut ids, *id, Some(*version), GONE_SAID, now).await?;
            }
            Ok(())
        });
        self.attempt("disable endpoints that are gone", async { Ok(disabled.await?) }).await;
        for (endpoint, _) in endpoints {
            self.endpoint_changed(endpoint);
        }
    }

    /// Warns about endpoints that have failed for days, and finally disables them. If it fails, the next result does
    /// it.
    pub(super) async fn judge(self: &Arc<Self>, health: &[Health], now: Timestamp) {
        let due = |health: &&Health| {
            let verdict = verdict(health, now);
            verdict == Verdict::Disable || verdict.warnings() > health.warned
        };
        // In the order of ids, as every core locks rows.
        let due: BTreeSet<EndpointId> = health.iter().filter(due).map(|health| health.endpoint).collect();
        if due.is_empty() {
            return;
        }
        let stamp = self.stamps.stamp();
        let judged = self.db.system(Queue::Outcomes, async move |tx| {
            let mut ids = stamp.ids();
            let mut told = Vec::new();
            for id in &due {
                // As it is now: somebody may have enabled it again since.
                let health = store::health::now(tx, *id).await?;
                told.extend(health.map(|health| (verdict(&health, now), health)));
            }
            told.retain(|(verdict, health)| *verdict == Verdict::Disable || verdict.warnings() > health.warned);
            // Locks endpoints and lanes before health, as a change of an endpoint does.
            for (verdict, health) in &told {
                if *verdict == Verdict::Disable {
                    disable(tx, &mut ids, health.endpoint, None, DISABLED_SAID, now).await?;
                }
            }
            for (verdict, health) in told.iter().filter(|(verdict, health)| verdict.warnings() > health.warned) {
                store::health::warn(tx, health.endpoint, verdict.warnings()).await?;
            }
            Ok(told)
        });
        self.attempt("warn of endpoints that fail", async {
            for (verdict, Health { endpoint, tenant, failures_in_row, .. }) in judged.await? {
                tracing::warn!(
                    %endpoint, %tenant, failures_in_row, ?verdict,
                    "every attempt at a delivery to endpoint {endpoint} fails"
                );
                if verdict == Verdict::Disable {
                    self.endpoint_changed(endpoint);
                }
            }
            Ok(())
        })
        .await;
    }
}

/// Disables an endpoint, if it still has this `version`, and records that in its tenant's audit log.
async fn disable(
    tx: &mut SystemTx<'_>,
    ids: &mut Ids,
    id: EndpointId,
    version: Option<u32>,
    why: &str,
    now: Timestamp,
) -> store::Result<()> {
    let Some(tenant) = store::endpoints::disable(tx, id, version, why, now).await? else { return Ok(()) };
    let target = ("endpoint", Some(id.0));
    Trail::system(now).note_of(tx, tenant, ids, "endpoint.disabled", target, &[("reason", why)]).await
}

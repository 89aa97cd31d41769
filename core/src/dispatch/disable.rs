//! What results mean for their endpoints beyond the deliveries: one that is gone or fails for days is switched off,
//! and before that its tenant is warned. When a verdict begins is decided elsewhere.
//! `docs/delivery.md` draws the whole way of a delivery.

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
    /// Switches off endpoints whose receivers say that they are gone, unless they were changed since the request was
    /// made: their URL may be another. Not in the transaction of the results, which locks lanes before endpoints; when
    /// it fails, the next delivery's 410 does it.
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

    /// Warns of endpoints that fail for days, and at last switches them off. When that fails, the next result does it.
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
                // As it stands now: somebody may have switched it on anew since.
                let health = store::health::now(tx, *id).await?;
                told.extend(health.map(|health| (verdict(&health, now), health)));
            }
            told.retain(|(verdict, health)| *verdict == Verdict::Disable || verdict.warnings() > health.warned);
            // Endpoints and lanes before what is known of them, as a change of an endpoint locks them.
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

/// Switches an endpoint off, unless it is not of `version` any more, and puts that on its tenant's record.
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

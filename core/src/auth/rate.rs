//! The rate limits of keys at the gate. A call counts in the windows of its tenant and its key when plan and scope permit
//! it and both have room: in memory where one process has the database, otherwise in the database. A full window is
//! answered before anything that plan and scope refuse.

use super::{Authority, KeyFacts};
use crate::{
    error::Result,
    limits::{Allowance, EXACT_MAX, RateLimitState, WINDOW, WindowState},
    store::rate_windows::{self, SharedLimits, SharedState, Use},
};
use inboxops_proto::clock::Timestamp;
use std::sync::atomic::Ordering;

impl Authority {
    /// Counts a key's call if `allowed` permits it and the windows have room. Returns where the windows stand, and the
    /// verdict on the call.
    pub(super) async fn limit(&self, key: &KeyFacts, allowed: Result<()>) -> (Option<RateLimitState>, Result<()>) {
        let (allowance, now) = (key.allowance(), self.stamps.now());
        let counted =
            if allowed.is_ok() { self.count(&allowance, now).await } else { self.standing(&allowance, now).await };
        let state = match counted {
            Ok(state) => state,
            Err(error) => return (None, Err(error)),
        };
        let verdict = match state.refusal(now) {
            Some(full) => Err(full.into()),
            // Only calls that are refused anyway are limited: what the key may do is counted by the windows.
            None => allowed.map_err(|refused| match self.refusals.count(key.id, now) {
                Ok(()) => refused,
                Err(too_many) => too_many.into(),
            }),
        };
        (Some(state), verdict)
    }

    /// Where a key's windows stand, for the headers of an answer that counts nothing. They are left out rather than that
    /// the call fails.
    pub(super) async fn told(&self, key: &KeyFacts) -> Option<RateLimitState> {
        self.standing(&key.allowance(), self.stamps.now()).await.ok()
    }

    async fn count(&self, allowance: &Allowance, now: Timestamp) -> Result<RateLimitState> {
        let part = self.part(allowance);
        let Some(shared) = self.shared(allowance) else { return Ok(self.windows.admit(&part, now).of(allowance)) };
        let local = self.windows.standing(&part, now);
        if !local.accepted {
            // In a flood: what this process accepted already fills a window.
            return Ok(local.of(allowance));
        }
        let found = rate_windows::admit(&self.db, shared, now).await?;
        // Not before: what the database refuses, or is dropped while it waits for the database, keeps nobody out.
        let local = if found.accepted { self.windows.add(&part, now) } else { local };
        Ok(merged(local, allowance, shared, &found, now))
    }

    /// Where the windows stand; counts nothing.
    async fn standing(&self, allowance: &Allowance, now: Timestamp) -> Result<RateLimitState> {
        let local = self.windows.standing(&self.part(allowance), now);
        let Some(shared) = self.shared(allowance).filter(|_| local.accepted) else { return Ok(local.of(allowance)) };
        let found = rate_windows::standing(&self.db, shared, now).await?;
        Ok(merged(local, allowance, shared, &found, now))
    }

    /// The part of this process: counting every call of a large limit in the database would cost more than it is worth.
    fn part(&self, allowance: &Allowance) -> Allowance {
        allowance.part(self.live_cores.load(Ordering::Relaxed))
    }

    /// The windows that are counted in the database.
    fn shared(&self, allowance: &Allowance) -> Option<SharedLimits> {
        let limit = Some(allowance.limit).filter(|limit| *limit <= EXACT_MAX);
        let key = allowance.share.filter(|(_, share)| *share <= EXACT_MAX);
        let shared = SharedLimits { tenant: allowance.tenant, limit, key };
        (self.db.is_shared() && (limit.is_some() || key.is_some())).then_some(shared)
    }
}

impl RateLimitState {
    /// The same with the whole limits in place of this process's part.
    fn of(self, allowance: &Allowance) -> RateLimitState {
        let whole = |state: WindowState, limit: u32| WindowState { limit, ..state };
        let key = self.key.zip(allowance.share).map(|(state, (_, share))| whole(state, share));
        RateLimitState { tenant: whole(self.tenant, allowance.limit), key, ..self }
    }
}

/// What the database says, completed by the windows that are in memory only.
fn merged(
    local: RateLimitState,
    allowance: &Allowance,
    shared: SharedLimits,
    found: &SharedState,
    now: Timestamp,
) -> RateLimitState {
    let state = |limit: u32, window: &Use| WindowState {
        limit,
        remaining: limit.saturating_sub(window.used),
        frees_at: window.oldest_leaves_at.unwrap_or_else(|| now.plus(WINDOW)),
    };
    let local = local.of(allowance);
    RateLimitState {
        accepted: found.accepted,
        tenant: shared.limit.map_or(local.tenant, |limit| state(limit, &found.tenant)),
        key: shared.key.map(|(_, share)| state(share, &found.key)).or(local.key),
    }
}

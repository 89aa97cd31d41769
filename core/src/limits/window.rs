//! Rolling windows in memory: exact up to [`EXACT_MAX`] requests a minute, in steps above. A request counts in the
//! windows of its tenant and of its key together, or in none.

use super::{Allowance, EXACT_MAX, RateLimitState, WINDOW, WindowState};
use inboxops_proto::{
    clock::Timestamp,
    id::{ApiKeyId, TenantId},
};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Length of a step in which a large limit is counted.
const STEP_MICROS: i64 = 100_000;

/// The requests that were counted in the last minute.
#[derive(Debug, Default)]
pub(super) struct Window {
    hits: VecDeque<(i64, u32)>,
    count: u32,
}

impl Window {
    /// Whether there is room for one more.
    pub(super) fn has_room(&mut self, limit: u32, now: Timestamp) -> bool {
        self.expire(now);
        self.count < limit
    }

    pub(super) fn add(&mut self, limit: u32, now: Timestamp) {
        let at = mark(limit, now);
        // One that had to wait for the database may come after later ones.
        match self.hits.iter().rposition(|(hit, _)| *hit <= at) {
            Some(index) if self.hits[index].0 == at => self.hits[index].1 += 1,
            before => self.hits.insert(before.map_or(0, |index| index + 1), (at, 1)),
        }
        self.count += 1;
    }

    pub(super) fn state(&self, limit: u32, now: Timestamp) -> WindowState {
        let oldest = self.hits.front().map_or(now, |(at, _)| Timestamp::from_micros(*at));
        WindowState { limit, remaining: limit.saturating_sub(self.count), frees_at: oldest.plus(WINDOW) }
    }

    /// Whether nothing is left in it.
    pub(super) fn is_over(&mut self, now: Timestamp) -> bool {
        self.expire(now);
        self.count == 0
    }

    fn expire(&mut self, now: Timestamp) {
        let end = now.minus(WINDOW).micros();
        while let Some((_, count)) = self.hits.pop_front_if(|(at, _)| *at <= end) {
            self.count -= count;
        }
    }
}

/// The time that a request counts from.
fn mark(limit: u32, now: Timestamp) -> i64 {
    match limit {
        0..=EXACT_MAX => now.micros(),
        // The end of the step, so that a request never leaves the window early.
        _ => (now.micros() / STEP_MICROS + 1) * STEP_MICROS,
    }
}

/// The windows of all tenants and of their keys that have a share.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    all: Mutex<All>,
}

#[derive(Debug, Default)]
struct All {
    tenants: HashMap<TenantId, Window>,
    keys: HashMap<ApiKeyId, Window>,
}

impl Windows {
    /// Counts a request, if all its windows have room.
    pub(crate) fn admit(&self, allowance: &Allowance, now: Timestamp) -> RateLimitState {
        self.look(allowance, now, true)
    }

    /// Whether all windows have room; counts nothing.
    pub(crate) fn standing(&self, allowance: &Allowance, now: Timestamp) -> RateLimitState {
        self.look(allowance, now, false)
    }

    fn look(&self, allowance: &Allowance, now: Timestamp, counts: bool) -> RateLimitState {
        let Allowance { tenant, limit, share } = *allowance;
        let mut all = self.lock();
        let All { tenants, keys } = &mut *all;
        let tenant = tenants.entry(tenant).or_default();
        let mut key = share.map(|(key, share)| (keys.entry(key).or_default(), share));
        let tenant_has_room = tenant.has_room(limit, now);
        let key_has_room = key.as_mut().is_none_or(|(window, share)| window.has_room(*share, now));
        let accepted = tenant_has_room && key_has_room;
        if accepted && counts {
            tenant.add(limit, now);
            if let Some((window, share)) = &mut key {
                window.add(*share, now);
            }
        }
        let key = key.map(|(window, share)| window.state(share, now));
        RateLimitState { accepted, tenant: tenant.state(limit, now), key }
    }

    /// Counts a request that was accepted elsewhere, whether there is room or not.
    pub(crate) fn add(&self, allowance: &Allowance, accepted: Timestamp) -> RateLimitState {
        let Allowance { tenant, limit, share } = *allowance;
        let mut all = self.lock();
        let All { tenants, keys } = &mut *all;
        let tenant = tenants.entry(tenant).or_default();
        tenant.add(limit, accepted);
        let key = share.map(|(key, share)| {
            let window = keys.entry(key).or_default();
            window.add(share, accepted);
            window.state(share, accepted)
        });
        RateLimitState { accepted: true, tenant: tenant.state(limit, accepted), key }
    }

    /// Drops empty windows.
    pub(crate) fn retain_recent(&self, now: Timestamp) {
        let mut all = self.lock();
        all.tenants.retain(|_, window| !window.is_over(now));
        all.keys.retain(|_, window| !window.is_over(now));
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;

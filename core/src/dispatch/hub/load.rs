//! The sums over all endpoints: what is in flight and what waits in memory; and the shares of the workers' slots that
//! one tenant, and all slow endpoints, may take. It knows no delivery.

use super::{IN_FLIGHT_PER_TENANT_MAX, Map, lane::Lane};
use inboxops_proto::{clock::Timestamp, id::TenantId};

/// The sums. Every change of a lane that affects them is reported here.
#[derive(Debug, Default)]
pub(super) struct Load {
    /// Requests that all workers make at once.
    pub(super) slots: u32,
    /// Deliveries that wait in memory.
    pub(super) queued: usize,
    /// Of these, the deliveries of slow endpoints.
    slow_queued: usize,
    /// Requests in flight to slow endpoints.
    slow_in_flight: u32,
    tenants: Map<TenantId, OfTenant>,
    /// Tenants for which something waits in memory.
    waiting: usize,
}

#[derive(Debug, Default)]
struct OfTenant {
    in_flight: u32,
    /// Endpoints for which something waits in memory.
    waiting: u32,
}

impl Load {
    /// One more delivery waits for the endpoint.
    pub(super) fn enqueued(&mut self, lane: &Lane) {
        self.queued += 1;
        self.slow_queued += usize::from(lane.slow);
    }

    /// So many deliveries no longer wait.
    pub(super) fn dequeued(&mut self, lane: &Lane, count: usize) {
        self.queued -= count;
        self.slow_queued -= if lane.slow { count } else { 0 };
    }

    /// The tenant has one more endpoint with waiting deliveries.
    pub(super) fn turn_begins(&mut self, tenant: TenantId) {
        let of_tenant = self.tenants.entry(tenant).or_default();
        of_tenant.waiting += 1;
        self.waiting += usize::from(of_tenant.waiting == 1);
    }

    /// Nothing waits for one of the tenant's endpoints any more.
    pub(super) fn turn_ends(&mut self, tenant: TenantId) {
        if let Some(of_tenant) = self.tenants.get_mut(&tenant) {
            of_tenant.waiting -= 1;
            self.waiting -= usize::from(of_tenant.waiting == 0);
            self.forget_idle(tenant);
        }
    }

    /// A request to the endpoint is sent.
    pub(super) fn begins(&mut self, lane: &Lane) {
        self.tenants.entry(lane.tenant).or_default().in_flight += 1;
        self.slow_in_flight += u32::from(lane.slow);
    }

    /// The request has ended.
    pub(super) fn ended(&mut self, tenant: TenantId, slow: bool) {
        if let Some(of_tenant) = self.tenants.get_mut(&tenant) {
            of_tenant.in_flight -= 1;
            self.forget_idle(tenant);
        }
        self.slow_in_flight -= u32::from(slow);
    }

    fn forget_idle(&mut self, tenant: TenantId) {
        if self.tenants.get(&tenant).is_some_and(|it| it.in_flight == 0 && it.waiting == 0) {
            self.tenants.remove(&tenant);
        }
    }

    /// Decides whether the endpoint is slow now.
    pub(super) fn classify(&mut self, lane: &mut Lane, now: Timestamp) {
        let slow = lane.seems_slow(now);
        if slow == lane.slow {
            return;
        }
        lane.slow = slow;
        if slow {
            self.slow_in_flight += lane.in_flight;
            self.slow_queued += lane.queue.len();
        } else {
            self.slow_in_flight -= lane.in_flight;
            self.slow_queued -= lane.queue.len();
        }
    }

    /// Whether the endpoint may have one more request. Half of the slots are for endpoints that answer soon, which
    /// never wait for slow ones. An endpoint that has not answered yet may have one request beyond that half.
    pub(super) fn admits(&self, lane: &Lane) -> bool {
        let of_tenant = self.tenants.get(&lane.tenant).map_or(0, |it| it.in_flight);
        let alone = self.waiting <= 1;
        let tenant_max = if alone { IN_FLIGHT_PER_TENANT_MAX } else { self.half().min(IN_FLIGHT_PER_TENANT_MAX) };
        let shows_itself = lane.is_unproven() && lane.in_flight == 0 && self.slow_in_flight < self.slots / 4 * 3;
        of_tenant < tenant_max && (!lane.slow || self.slow_in_flight < self.half() || shows_itself)
    }

    /// How many deliveries a claim may take for slow endpoints: more could not be sent in time.
    pub(super) fn slow_room(&self) -> u32 {
        let here = self.slow_in_flight.saturating_add(u32::try_from(self.slow_queued).unwrap_or(u32::MAX));
        self.slots.saturating_sub(here)
    }

    fn half(&self) -> u32 {
        (self.slots / 2).max(1)
    }

    /// Compares the sums with the lanes that they are derived from.
    #[cfg(test)]
    pub(super) fn assert_sums<'a>(&self, lanes: impl Iterator<Item = &'a Lane> + Clone) {
        let sum = |of: &dyn Fn(&Lane) -> usize| lanes.clone().map(of).sum::<usize>();
        assert_eq!(self.queued, sum(&|lane| lane.queue.len()));
        assert_eq!(self.slow_queued, sum(&|lane| if lane.slow { lane.queue.len() } else { 0 }));
        assert_eq!(self.slow_in_flight as usize, sum(&|lane| if lane.slow { lane.in_flight as usize } else { 0 }));
        for (id, of_tenant) in &self.tenants {
            let of_it = |lane: &Lane| lane.tenant == *id;
            assert_eq!(
                of_tenant.in_flight as usize,
                sum(&|lane| if of_it(lane) { lane.in_flight as usize } else { 0 })
            );
            assert_eq!(of_tenant.waiting as usize, sum(&|lane| usize::from(of_it(lane) && lane.in_turn)));
        }
        assert_eq!(self.waiting, self.tenants.values().filter(|it| it.waiting > 0).count());
    }
}

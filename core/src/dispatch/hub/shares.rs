//! Which endpoints have more in the database, and how many deliveries a claim may take, from each and in all: what can
//! be sent soon, plus what a fast endpoint sends while the next ones are claimed.

use super::{Hub, Map, QUEUE_MAX, lane::Lane};
use crate::store::dispatch::{CLAIM_LANES_MAX, Room};
use inboxops_proto::{
    clock::Timestamp,
    id::{EndpointId, TenantId},
    limits::ENDPOINT_IN_FLIGHT_START,
};

/// Smallest share of an endpoint while one claim serves several.
const SHARE_MIN: u32 = 16;

/// What a claim may take from whatever endpoints it finds due.
#[derive(Clone, Debug)]
pub(crate) struct Shares {
    left: u32,
    /// What is left for slow endpoints, unproven ones included.
    slow: u32,
    /// Room of the endpoints that are known, and whether they are slow. Others have [`ENDPOINT_IN_FLIGHT_START`].
    rooms: Map<EndpointId, (Room, bool)>,
}

impl Shares {
    /// How many deliveries may be taken in all.
    pub(crate) fn left(&self) -> u32 {
        self.left
    }

    /// The share of the next endpoint.
    pub(crate) fn take(&mut self, endpoint: EndpointId) -> Room {
        let (room, slow) = self.rooms.get(&endpoint).copied().unwrap_or((Room::Free(ENDPOINT_IN_FLIGHT_START), true));
        let Room::Free(room) = room else { return room };
        let share = room.min(self.left).min(if slow { self.slow } else { u32::MAX });
        self.left -= share;
        self.slow -= if slow { share } else { 0 };
        Room::Free(share)
    }
}

impl Hub {
    /// The database has more due deliveries of an endpoint.
    pub(crate) fn has_more(&mut self, endpoint: EndpointId, tenant: TenantId) {
        self.lanes.entry(endpoint).or_insert_with(|| Lane::new(tenant)).more = true;
        self.feed(endpoint);
    }

    /// A claim that began at `since`, counted by [`Hub::parks`], left nothing due for an endpoint. It may have missed
    /// what was parked meanwhile.
    pub(crate) fn is_drained(&mut self, endpoint: EndpointId, since: u64) {
        if let Some(lane) = self.lanes.get_mut(&endpoint).filter(|lane| lane.parked_last <= since) {
            lane.more = false;
        }
    }

    /// How many times something was parked so far.
    pub(crate) fn parks(&self) -> u64 {
        self.parks
    }

    /// Notes whether an endpoint is worth a claim.
    pub(super) fn feed(&mut self, endpoint: EndpointId) {
        if let Some(lane) = self.lanes.get_mut(&endpoint)
            && !lane.hungry
            && lane.is_hungry(self.now)
        {
            lane.hungry = true;
            self.hungry.push_back(endpoint);
        }
    }

    /// What a claim may take now from the endpoints that it finds due, at most `max` deliveries; nothing without a
    /// worker.
    pub(crate) fn shares(&self, max: usize) -> Shares {
        let rooms = self.lanes.iter().map(|(endpoint, lane)| (*endpoint, (lane.room(self.now), lane.slow)));
        Shares { left: self.room_in_all(max), slow: self.load.slow_room(), rooms: rooms.collect() }
    }

    /// Endpoints that are worth a claim, with the share of each, at most `max` deliveries in all. They take turns.
    /// Report the result of the claim by [`Hub::is_drained`] and [`Hub::has_more`].
    pub(crate) fn wanted(&mut self, max: usize) -> Vec<(EndpointId, u32)> {
        let mut left = self.room_in_all(max);
        let mut slow = self.load.slow_room();
        let most = usize::try_from(CLAIM_LANES_MAX).unwrap_or(1);
        let lanes = u32::try_from(self.hungry.len().min(most)).unwrap_or(1).max(1);
        let each = (u32::try_from(max).unwrap_or(u32::MAX) / lanes).max(SHARE_MIN);
        let mut wanted = Vec::new();
        for _ in 0..self.hungry.len() {
            if wanted.len() == most || left == 0 {
                break;
            }
            let Some(endpoint) = self.hungry.pop_front() else { break };
            let Some(lane) = self.lanes.get_mut(&endpoint) else { continue };
            lane.hungry = false;
            let Some(room) = hunger(lane, self.now) else { continue };
            let share = room.min(each).min(left).min(if lane.slow { slow } else { u32::MAX });
            if share == 0 {
                // The other slow endpoints take all that is left for slow ones.
                lane.hungry = true;
                self.hungry.push_back(endpoint);
                continue;
            }
            left -= share;
            slow -= if lane.slow { share } else { 0 };
            wanted.push((endpoint, share));
        }
        wanted
    }

    /// Whether [`Hub::wanted`] may find something.
    pub(crate) fn is_hungry(&self) -> bool {
        !self.hungry.is_empty() && !self.workers.is_empty()
    }

    fn room_in_all(&self, max: usize) -> u32 {
        if self.workers.is_empty() {
            return 0;
        }
        u32::try_from(QUEUE_MAX.saturating_sub(self.load.queued).min(max)).unwrap_or(u32::MAX)
    }
}

fn hunger(lane: &Lane, now: Timestamp) -> Option<u32> {
    match lane.room(now) {
        Room::Free(room) if lane.is_hungry(now) => Some(room),
        _ => None,
    }
}

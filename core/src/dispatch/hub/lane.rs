//! What the hub knows of one endpoint: what waits for it in memory, and how many requests it bears at once. That number
//! grows while answers are fast and good, is halved by a failure, and is one while the endpoint counts as dead.

use super::{Item, Route};
use inboxops_proto::id::{EndpointId, TenantId};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

/// Requests in flight to an endpoint that nothing is known of.
pub const IN_FLIGHT_START: u32 = 8;
/// Greatest number of requests in flight to an endpoint that answers fast and well.
pub const IN_FLIGHT_MAX: u32 = 64;
/// An answer within this time lets more requests go out at once.
pub const FAST: Duration = Duration::from_secs(1);
/// Failures in a row after which an endpoint counts as dead: it gets one request at a time.
pub const DEAD_AFTER: u32 = 20;

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) tenant: TenantId,
    pub(super) queue: VecDeque<Item>,
    pub(super) in_flight: u32,
    pub(super) limit: u32,
    pub(super) failures: u32,
    fast: u32,
    pub(super) route: Option<Arc<Route>>,
    pub(super) loading: bool,
    pub(super) in_turn: bool,
}

impl Lane {
    pub(super) fn new(tenant: TenantId) -> Lane {
        Lane {
            tenant,
            queue: VecDeque::new(),
            in_flight: 0,
            limit: IN_FLIGHT_START,
            failures: 0,
            fast: 0,
            route: None,
            loading: false,
            in_turn: false,
        }
    }

    /// Slots that nothing takes and nothing waits for.
    pub(super) fn room(&self) -> u32 {
        let waiting = u32::try_from(self.queue.len()).unwrap_or(u32::MAX);
        self.limit.saturating_sub(self.in_flight).saturating_sub(waiting)
    }

    /// A request ended: how many go out at once adapts.
    pub(super) fn settled(&mut self, succeeded: bool, took: Duration) {
        if !succeeded {
            self.failures = self.failures.saturating_add(1);
            self.fast = 0;
            self.limit = if self.failures >= DEAD_AFTER { 1 } else { (self.limit / 2).max(1) };
            return;
        }
        if self.failures >= DEAD_AFTER {
            self.limit = IN_FLIGHT_START;
        }
        self.failures = 0;
        if took > FAST {
            self.fast = 0;
            return;
        }
        self.fast += 1;
        // As many fast answers as requests may fly: then one more, as a window of TCP grows.
        if self.fast >= self.limit && self.limit < IN_FLIGHT_MAX {
            self.limit += 1;
            self.fast = 0;
        }
    }
}

/// How many deliveries a claim may take of each endpoint, and in all.
#[derive(Clone, Debug)]
pub struct Shares {
    left: u32,
    /// Free slots of the endpoints that are busy; others have [`IN_FLIGHT_START`].
    rooms: HashMap<EndpointId, u32>,
}

impl Shares {
    pub(super) fn new(left: u32, rooms: HashMap<EndpointId, u32>) -> Shares {
        Shares { left, rooms }
    }

    /// Whether nothing may be taken.
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// The share of an endpoint whose turn it is.
    pub fn take(&mut self, endpoint: EndpointId) -> u32 {
        let share = self.rooms.get(&endpoint).copied().unwrap_or(IN_FLIGHT_START).min(self.left);
        self.left -= share;
        share
    }
}

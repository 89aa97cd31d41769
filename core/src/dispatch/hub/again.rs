//! Deliveries that go out again at once, since the connection of their request was stale: before all that waits, and over
//! a new one.

use super::{Action, Hub, Lane, Leased};
use inboxops_proto::clock::Timestamp;

impl Leased {
    /// As it goes out again after a stale connection, by the lease that its report goes on with. What waits behind it was
    /// to come later, by the order of commits as well as by that of due times.
    pub(crate) fn again(self, lease_until: Timestamp, now: Timestamp) -> Leased {
        Leased {
            token: self.token + 1,
            attempt: self.attempt + 1,
            fresh: true,
            claimed: true,
            lease_until,
            since: now,
            ..self
        }
    }
}

impl Hub {
    /// Deliveries whose leases go on for another request, in place of the one that ended with a stale connection: they go
    /// out before all that waits.
    pub(crate) fn again(&mut self, deliveries: Vec<Leased>) -> Vec<Action> {
        if self.workers.is_empty() {
            return self.give_back(deliveries);
        }
        for leased in deliveries.into_iter().rev() {
            let lane = self.lanes.entry(leased.endpoint).or_insert_with(|| Lane::new(leased.tenant));
            self.load.enqueued(lane);
            if !lane.in_turn {
                lane.in_turn = true;
                self.load.turn_begins(lane.tenant);
                self.turns.push_back(leased.endpoint);
            }
            lane.queue.push_front(leased);
        }
        self.pump()
    }
}

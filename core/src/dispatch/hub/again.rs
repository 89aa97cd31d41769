//! Deliveries that are sent again at once because the connection of their request was stale: before everything that
//! waits, and over a new connection.

use super::{Action, Hub, Lane, Leased};
use inboxops_proto::clock::Timestamp;

impl Leased {
    /// The delivery for its second request, under the lease that its report extended. It goes before all others, since
    /// they were made or due later.
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
    /// Takes deliveries whose lease was extended for another request after a stale connection, and sends them first.
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
